//! The first line of a script, `#!lua flags=no-writes,allow-stale`, or of a library,
//! `#!lua name=mylib`; and the flags that scripts and functions have.

/// What a script or a function declares about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

/// In the order in which Redis lists them.
const NAMES: [(Flags, &str); 5] = [
    (Flags::NO_WRITES, "no-writes"),
    (Flags::ALLOW_OOM, "allow-oom"),
    (Flags::ALLOW_STALE, "allow-stale"),
    (Flags::NO_CLUSTER, "no-cluster"),
    (Flags::ALLOW_CROSS_SLOT_KEYS, "allow-cross-slot-keys"),
];

impl Flags {
    /// It writes nothing.
    pub const NO_WRITES: Flags = Flags(1);
    /// It may run when memory is exhausted.
    pub const ALLOW_OOM: Flags = Flags(2);
    /// It may run on a replica that lost its master.
    pub const ALLOW_STALE: Flags = Flags(4);
    /// It does not run in a cluster.
    pub const NO_CLUSTER: Flags = Flags(8);
    /// A script without a first line that declares: each of its commands is judged for itself.
    pub const COMPATIBLE: Flags = Flags(16);
    /// Its keys may be of several slots.
    pub const ALLOW_CROSS_SLOT_KEYS: Flags = Flags(32);

    /// The flag of a name that scripts use.
    pub fn named(name: &[u8]) -> Option<Flags> {
        NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(flag, _)| *flag)
    }

    /// Are all of `flags` there?
    pub fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These and those.
    #[must_use]
    pub fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }

    /// The names of those that are there, in Redis' order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
    }
}

/// The flags of a script, and its body: what follows the first line, with that line's break, so
/// that lines count as written.
pub(super) fn script(text: &[u8]) -> Result<(Flags, &[u8]), Vec<u8>> {
    if !text.starts_with(b"#!") {
        return Ok((Flags::COMPATIBLE, text));
    }
    let Some(end) = memchr::memchr(b'\n', text) else {
        return Err(b"ERR Invalid script shebang".to_vec());
    };
    let mut words = words(&text[..end]);
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err([b"ERR Unexpected engine in script shebang: ", engine].concat());
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err([b"ERR Unknown lua shebang option: ", word].concat());
        };
        if names.is_empty() {
            continue;
        }
        for name in names.split(|byte| *byte == b',') {
            flags =
                flags.with(Flags::named(name).ok_or_else(|| {
                    [&b"ERR Unexpected flag in script shebang: "[..], name].concat()
                })?);
        }
    }
    Ok((flags, &text[end..]))
}

/// The name of a library, and its body as of [`script`].
pub(super) fn library(text: &[u8]) -> Result<(&[u8], &[u8]), Vec<u8>> {
    if !text.starts_with(b"#!") {
        return Err(b"ERR Missing library metadata".to_vec());
    }
    let Some(end) = memchr::memchr(b'\n', text) else {
        return Err(b"ERR Invalid library metadata".to_vec());
    };
    let mut words = words(&text[2..end]);
    let engine = words.next().unwrap_or_default();
    let mut name = None;
    for word in words {
        match word.strip_prefix(b"name=") {
            Some(_) if name.is_some() => {
                let what = "ERR Invalid metadata value, name argument was given multiple times";
                return Err(what.as_bytes().to_vec());
            }
            Some(given) => name = Some(given),
            None => return Err([b"ERR Invalid metadata value given: ", word].concat()),
        }
    }
    let name = name.ok_or_else(|| b"ERR Library name was not given".to_vec())?;
    check_name(name).map_err(|what| format!("ERR {what}").into_bytes())?;
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"ERR Engine '", engine, b"' not found"].concat());
    }
    Ok((name, &text[end..]))
}

/// Names of libraries and functions.
pub(super) fn check_name(name: &[u8]) -> Result<(), &'static str> {
    match name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        true if !name.is_empty() => Ok(()),
        _ => Err("Library names can only contain letters, numbers, or underscores(_) and must be \
                  at least one character long"),
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

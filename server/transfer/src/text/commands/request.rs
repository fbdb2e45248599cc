//! Requests as clients send them, `*2 $3 GET $1 k`, written in pieces.
use redtool_format::rdb::writer::Out;
use std::io;

/// Arguments up to this size are collected, longer ones passed on as they are.
const COLLECTED_BYTES: usize = 1 << 16;
/// Elements of one command: as many as a server puts into one when it rewrites its log.
const COMMAND_ELEMENTS: usize = 64;
/// Collected bytes of one command at most, to within an element.
const COMMAND_BYTES: usize = 1 << 18;

/// Appends the head of a request with so many arguments.
#[inline]
pub fn array(out: &mut Vec<u8>, args: usize) {
    head(out, b'*', args);
}

/// Appends an argument.
#[inline]
pub fn bulk(out: &mut Vec<u8>, arg: &[u8]) {
    head(out, b'$', arg.len());
    out.extend_from_slice(arg);
    out.extend_from_slice(b"\r\n");
}

/// Appends an argument that may be long.
#[inline]
pub fn long_bulk(out: &mut dyn Out, arg: &[u8]) -> io::Result<()> {
    if arg.len() <= COLLECTED_BYTES {
        bulk(out.buf(), arg);
        return Ok(());
    }
    head(out.buf(), b'$', arg.len());
    out.bytes(arg)?;
    out.buf().extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends `$` and a length.
#[inline]
pub fn head(out: &mut Vec<u8>, mark: u8, n: usize) {
    let digit = |n: usize| b'0' + (n % 10) as u8;
    // Most lengths are short, and one piece of known size is written sooner than four.
    match n {
        0..10 => out.extend_from_slice(&[mark, digit(n), b'\r', b'\n']),
        10..100 => out.extend_from_slice(&[mark, digit(n / 10), digit(n), b'\r', b'\n']),
        _ => {
            out.push(mark);
            out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends a whole request of short arguments.
pub fn request(out: &mut Vec<u8>, args: &[&[u8]]) {
    array(out, args.len());
    args.iter().for_each(|arg| bulk(out, arg));
}

/// Elements of one key, as many commands as they need: `RPUSH key a b c …`.
pub struct Elements<'o> {
    /// Where commands go.
    pub out: &'o mut dyn Out,
    name: &'static [u8],
    key: &'o [u8],
    /// Arguments collected for the next command.
    body: &'o mut Vec<u8>,
    args: usize,
    elements: usize,
    /// Commands written.
    pub commands: u64,
}

impl<'o> Elements<'o> {
    /// Elements for `name key`; `body` is room.
    pub fn new(
        out: &'o mut dyn Out,
        name: &'static [u8],
        key: &'o [u8],
        body: &'o mut Vec<u8>,
    ) -> Self {
        body.clear();
        Self { out, name, key, body, args: 0, elements: 0, commands: 0 }
    }

    /// Adds an element of so many arguments.
    #[inline]
    pub fn add<const N: usize>(&mut self, args: [&[u8]; N]) -> io::Result<()> {
        let bytes: usize = args.iter().map(|arg| arg.len()).sum();
        if bytes > COLLECTED_BYTES {
            self.flush()?;
            self.begin(N)?;
            return args.iter().try_for_each(|arg| long_bulk(self.out, arg));
        }
        args.iter().for_each(|arg| bulk(self.body, arg));
        self.args += N;
        self.elements += 1;
        if self.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether nothing is left to be flushed.
    #[inline]
    pub fn is_flushed(&self) -> bool {
        self.elements == 0
    }

    fn is_full(&self) -> bool {
        self.elements >= COMMAND_ELEMENTS || self.body.len() >= COMMAND_BYTES
    }

    /// Writes the command of what was collected.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.elements == 0 {
            return Ok(());
        }
        self.begin(self.args)?;
        self.out.buf().extend_from_slice(self.body);
        self.body.clear();
        (self.args, self.elements) = (0, 0);
        self.out.spill()
    }

    fn begin(&mut self, args: usize) -> io::Result<()> {
        self.commands += 1;
        let buf = self.out.buf();
        array(buf, 2 + args);
        bulk(buf, self.name);
        long_bulk(self.out, self.key)
    }
}

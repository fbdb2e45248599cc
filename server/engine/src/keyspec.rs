//! Where the keys of a command are among its arguments: Redis 7's key specifications.
//!
//! A specification says where the keys begin (a fixed argument, or after a keyword) and how to find
//! the others from there (a range with a step, or a count given as an argument). `COMMAND INFO`
//! shows them, `COMMAND GETKEYS` follows them, and the older triple (first key, last key, step) is
//! derived from them.

use crate::args;
use crate::command::Command;

/// What a command does to a key: bits of [`KeySpec::flags`].
pub mod access {
    #![allow(missing_docs)]
    pub const RW: u16 = 1;
    pub const RO: u16 = 2;
    pub const OW: u16 = 4;
    pub const RM: u16 = 8;
    pub const ACCESS: u16 = 16;
    pub const UPDATE: u16 = 32;
    pub const INSERT: u16 = 64;
    pub const DELETE: u16 = 128;
    pub const NOT_KEY: u16 = 256;
    pub const INCOMPLETE: u16 = 512;
    pub const VARIABLE: u16 = 1024;
    /// Names in the order of the bits.
    pub const NAMES: [&str; 11] = [
        "RW",
        "RO",
        "OW",
        "RM",
        "access",
        "update",
        "insert",
        "delete",
        "not_key",
        "incomplete",
        "variable_flags",
    ];
}

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this argument (0 is the command's name).
    Index(i32),
    /// After this keyword, looked for from this argument on (negative: backward from the end).
    Keyword(&'static str, i32),
    /// Cannot be told.
    Unknown,
}

/// How keys go on from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (relative to the beginning; negative: from the end), every `step`; `limit` n >
    /// 1: only the first 1/n.
    Range {
        /// Last key.
        last: i32,
        /// Distance of keys.
        step: i32,
        /// Divisor of the rest, 0 for none.
        limit: i32,
    },
    /// The argument at `number` (relative to the beginning) tells how many keys follow from `first`
    /// on.
    Count {
        /// Index of the count.
        number: i32,
        /// Index of the first key.
        first: i32,
        /// Distance of keys.
        step: i32,
    },
    /// Cannot be told.
    Unknown,
}

/// One specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// Bits of [`access`].
    pub flags: u16,
    /// Where to begin.
    pub begin: Begin,
    /// How to go on.
    pub find: Find,
}

impl KeySpec {
    /// Keys from argument `first`, with `last` relative to it.
    pub const fn range(flags: u16, first: i32, last: i32, step: i32) -> Self {
        Self { flags, begin: Begin::Index(first), find: Find::Range { last, step, limit: 0 } }
    }
    /// The one key at argument `index`.
    pub const fn at(flags: u16, index: i32) -> Self {
        Self::range(flags, index, 0, 1)
    }
    /// A count at argument `index`, then that many keys.
    pub const fn counted(flags: u16, index: i32) -> Self {
        let find = Find::Count { number: 0, first: 1, step: 1 };
        Self { flags, begin: Begin::Index(index), find }
    }
    /// The key after a keyword.
    pub const fn after(flags: u16, keyword: &'static str, from: i32) -> Self {
        let find = Find::Range { last: 0, step: 1, limit: 0 };
        Self { flags, begin: Begin::Keyword(keyword, from), find }
    }
    /// All keys after a keyword; `limit` as in [`Find::Range`].
    pub const fn all_after(flags: u16, keyword: &'static str, from: i32, limit: i32) -> Self {
        let find = Find::Range { last: -1, step: 1, limit };
        Self { flags, begin: Begin::Keyword(keyword, from), find }
    }
    /// Keys that only running the command can tell.
    pub const fn unknown(flags: u16) -> Self {
        Self { flags, begin: Begin::Unknown, find: Find::Unknown }
    }
}

use access::{ACCESS, RO};
/// No keys.
pub const NO_KEYS: &[KeySpec] = &[];
/// One key, read, its value told.
pub const READ_KEY: &[KeySpec] = &[KeySpec::at(RO | ACCESS, 1)];
/// One key, read, only facts about it told.
pub const READ_META: &[KeySpec] = &[KeySpec::at(RO, 1)];
/// Keys to the end, read.
pub const READ_KEYS: &[KeySpec] = &[KeySpec::range(RO | ACCESS, 1, -1, 1)];
/// A count, then that many keys, read.
pub const READ_COUNTED: &[KeySpec] = &[KeySpec::counted(RO | ACCESS, 1)];

/// First key, last key and step as clients before Redis 7 know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Legacy {
    /// Argument of the first key, 0 when there is none.
    pub first: i32,
    /// Argument of the last key, negative from the end.
    pub last: i32,
    /// Distance of keys.
    pub step: i32,
    /// Not all keys are in this range.
    pub movable: bool,
}

/// The range that covers what can be told by a range: one specification alone, or plain ones that
/// follow each other.
pub fn legacy(specs: &[KeySpec]) -> Legacy {
    if let [KeySpec { flags, begin: Begin::Index(first), find: Find::Range { last, step, .. } }] =
        *specs
    {
        let last = if last >= 0 { last + first } else { last };
        return Legacy { first, last, step, movable: flags & access::INCOMPLETE != 0 };
    }
    let mut range = Legacy::default();
    for spec in specs {
        let (Begin::Index(first), Find::Range { last, step: 1, .. }) = (spec.begin, spec.find)
        else {
            range.movable = true;
            continue;
        };
        if range.first != 0 && range.last != first - 1 {
            range.movable = true;
            continue;
        }
        range.movable |= spec.flags & access::INCOMPLETE != 0;
        range.first = if range.first == 0 { first } else { range.first };
        range.last = if last >= 0 { last + first } else { last };
        range.step = 1;
    }
    range
}

/// The keys of a command line with what is done to them. Specifications that do not fit the line
/// give none.
pub fn find_keys<'a>(row: &Command, line: &[&'a [u8]]) -> Vec<(&'a [u8], u16)> {
    let mut keys = Vec::new();
    for spec in row.keys {
        if spec.flags & access::NOT_KEY == 0 {
            keys.extend(spec.positions(line).map(|at| (line[at], flags_of_line(row, spec, line))));
        }
    }
    if row.name == "sort" {
        let store = line.windows(2).rev().find(|pair| pair[0].eq_ignore_ascii_case(b"store"));
        keys.extend(store.map(|pair| (pair[1], access::OW | access::UPDATE)));
    }
    if row.name == "migrate" {
        // Its key is empty when the keys follow the word KEYS.
        keys.retain(|(key, _)| !key.is_empty());
    }
    keys
}

/// SET reads only with GET, BITFIELD writes only with SET or INCRBY: their specifications name the
/// widest case.
fn flags_of_line(row: &Command, spec: &KeySpec, line: &[&[u8]]) -> u16 {
    let has = |word: &str| line.iter().skip(2).any(|arg| args::is(arg, word));
    match row.name {
        "set" if !has("get") => access::OW | access::UPDATE,
        "set" => access::RW | access::ACCESS | access::UPDATE,
        "bitfield" if !has("set") && !has("incrby") => access::RO | access::ACCESS,
        "bitfield" => access::RW | access::ACCESS | access::UPDATE,
        _ => spec.flags,
    }
}

impl KeySpec {
    /// The argument indexes that the specification means in a command line, none when it does not
    /// fit.
    fn positions(&self, line: &[&[u8]]) -> impl Iterator<Item = usize> + use<> {
        let (first, last, step) = self.bounds(line).unwrap_or((1, 0, 1));
        let argc = line.len() as i64;
        let fits = first >= 1 && last < argc && step >= 1;
        let last = if fits { last } else { first - 1 };
        (first..=last).step_by(step.max(1) as usize).map(|at| at as usize)
    }

    fn bounds(&self, line: &[&[u8]]) -> Option<(i64, i64, i64)> {
        let argc = line.len() as i64;
        let begin = self.begin_at(line)?;
        match self.find {
            Find::Range { last, step, limit } => {
                let last = match (last >= 0, limit > 1) {
                    (true, _) => begin + i64::from(last),
                    (false, false) => argc + i64::from(last),
                    (false, true) => begin + (argc - begin) / i64::from(limit) + i64::from(last),
                };
                Some((begin, last, i64::from(step)))
            }
            Find::Count { number, first, step } => {
                let at = usize::try_from(begin + i64::from(number)).ok()?;
                let count = redtool_format::number::parse_i64(line.get(at)?)?;
                let first = begin + i64::from(first);
                let span = count.checked_sub(1)?.checked_mul(i64::from(step))?;
                Some((first, first.checked_add(span)?, i64::from(step)))
            }
            Find::Unknown => None,
        }
    }

    fn begin_at(&self, line: &[&[u8]]) -> Option<i64> {
        match self.begin {
            Begin::Index(index) => Some(i64::from(index)),
            Begin::Unknown => None,
            Begin::Keyword(keyword, from) => {
                let is_it = |at: &usize| args::is(line[*at], keyword);
                let at = match usize::try_from(from) {
                    Ok(from) => (from..line.len()).find(is_it),
                    Err(_) => {
                        let from = line.len().checked_sub(from.unsigned_abs() as usize)?;
                        (1..=from).rev().find(is_it)
                    }
                }?;
                Some(at as i64 + 1)
            }
        }
    }
}

//! Where the keys of a command are among its arguments: Redis 7's key specifications.
//!
//! A specification says where the keys begin (a fixed argument, or after a keyword) and how to find
//! the others from there (a range with a step, or a count given as an argument). `COMMAND INFO`
//! shows them, `COMMAND GETKEYS` follows them, and the older triple (first key, last key, step) is
//! derived from them.

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

//! Datasets as text: any source, entry by entry, in one of several forms.
//!
//! A [`Form`] says how an entry looks. The keys of an RDB file are encoded in batches on all cores
//! and written in file order ([`parallel`]), those of other sources one after the other ([`sink`]).
//! Nothing is held whole: a form passes on what it has between elements.
//!
//! | module | holds |
//! |---|---|
//! | [`forms`] | the table of forms |
//! | [`batch`] | entries encoded and counted |
//! | [`parallel`] | an RDB file on all cores |
//! | [`sink`] | entries one after the other |
//! | [`json`] | strings, bytes and numbers as JSON |
//! | [`value`] | values as JSON |
//! | [`envelope`] | an entry as one JSON object |
//! | [`jsonl`] | JSON lines: one entry a line, nothing lost |
//! | [`read`] | JSON lines read back |
//! | [`documents`] | one JSON document a db |
//! | [`csv`] | a row a key, or a row an element |
//! | [`keys`] | a line a key, by a template |
//! | [`commands`] | RESP commands that make the dataset anew |
//! | [`restore`] | RESTORE commands with DUMP payloads |
pub mod batch;
pub mod commands;
pub mod csv;
pub mod documents;
pub mod envelope;
pub mod forms;
pub mod json;
pub mod jsonl;
pub mod keys;
pub mod parallel;
pub mod read;
pub mod restore;
pub mod sink;
pub mod value;

use crate::error::Result;
use crate::source::{Entry, Opening};
use batch::Tally;
use read::payload::Payload;
use redtool_format::rdb::target::{Loss, Losses};
use redtool_format::rdb::value::Scratch as VisitScratch;
use redtool_format::rdb::writer::{Out, WriteError};
use std::collections::BTreeMap;

/// One text form of a dataset.
pub trait Form: Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// What stands before the first entry; what of the notes cannot be said is counted.
    fn head(
        &self,
        opening: &Opening,
        losses: &mut BTreeMap<Loss, u64>,
        out: &mut Vec<u8>,
    ) -> Result<()>;

    /// What stands before an entry of `db`; `before` is the db of the entry before it.
    fn between(&self, _before: Option<u32>, _db: u32, _out: &mut Vec<u8>) {}

    /// An entry. Nothing may have been passed on when it is not written.
    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError>;

    /// What stands after the last entry; `last` is its db.
    fn tail(&self, _tally: &Tally, _last: Option<u32>, _out: &mut Vec<u8>) {}
}

/// What a form made of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Whether anything was written.
    pub written: bool,
    /// What the form has no words for.
    pub losses: Losses,
}

impl Done {
    /// Written, nothing lost.
    pub const WRITTEN: Done = Done { written: true, losses: Losses::NONE };
    /// Passed over, as a server would while loading.
    pub const SKIPPED: Done = Done { written: false, losses: Losses::NONE };
}

/// Room that forms use from entry to entry.
#[derive(Default)]
pub struct Scratch {
    /// For visits of values.
    pub visit: VisitScratch,
    /// The key, decoded.
    pub key: Vec<u8>,
    /// Text in the making.
    pub text: Vec<u8>,
    /// A value whose length must be known first.
    pub value: Payload,
}

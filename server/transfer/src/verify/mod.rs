//! Checking a whole dataset, and saving what is whole of a damaged one.
//!
//! | module | holds |
//! |---|---|
//! | [`file`] | an RDB file: frame, checksum; deep: every value, no key twice |
//! | [`store`] | a store: records, expiry index, segments, counters |
//! | [`by_value`] | the same of a store without order |
//! | [`lines`] | JSON lines: every line read, no key twice |
//! | [`salvage`] | every whole key of a damaged RDB file into a new one |
//! | [`resync`] | where records go on after damage |
//!
//! Damage is told in the [`Report`]; an error is what keeps the dataset from being looked at.
mod by_value;
mod file;
mod lines;
mod resync;
mod salvage;
mod store;

pub use salvage::salvage;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::Checksum;
use crate::source::Source;
use redtool_format::rdb::reader::Header;

/// Problems kept, and warnings kept.
const KEPT: usize = 1000;

/// How to check.
pub struct Options<'a> {
    /// Every value too.
    pub deep: bool,
    /// Verify the checksum.
    pub checksum: bool,
    /// Which keys.
    pub filter: &'a Filter,
}

/// What was found.
pub struct Report {
    /// What became of the keys: written are those that are sound.
    pub account: Account,
    /// What is wrong: the first thousand.
    pub problems: Vec<Error>,
    /// What is odd but loads: the first thousand.
    pub warnings: Vec<Error>,
    /// The state of the checksum.
    pub checksum: Checksum,
    /// The header of a file.
    pub header: Option<Header>,
}

impl Report {
    fn new() -> Self {
        Self {
            account: Account::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
            checksum: Checksum::Skipped,
            header: None,
        }
    }

    /// Notes what is wrong; a wish to stop is no damage and ends the work.
    fn problem(&mut self, error: Error) -> Result<()> {
        if error.kind == Kind::Cancelled {
            return Err(error);
        }
        if error.kind == Kind::Checksum {
            self.checksum = Checksum::Bad;
        }
        keep(&mut self.problems, error);
        Ok(())
    }
}

/// Keeps an error while there is room.
fn keep(list: &mut Vec<Error>, error: Error) {
    if list.len() < KEPT {
        list.push(error);
    }
}

/// Checks a dataset.
pub fn verify(source: &Source, options: &Options<'_>, meter: &Meter) -> Result<Report> {
    match source {
        Source::Rdb(file) => file::verify(file, options, meter),
        Source::Store(store, _) => store::verify(source, &**store, options, meter),
        Source::Jsonl(lines) => lines::verify(lines, options, meter),
    }
}

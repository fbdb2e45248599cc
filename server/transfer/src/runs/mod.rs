//! A source as the records of a store, in key order, whatever its size.
//!
//! A file is walked once from its start to its end. Builders make the records of each key while
//! its bytes are at hand, sort what they have run by run, and write the runs to unlinked temporary
//! files; then the runs are merged. So everything is read and written in sequence: nothing waits
//! for a page of a map that is not there, and a dump may be larger than memory. (Reading the keys
//! in order from the file itself, which was measured first, spends most of its time on TLB misses.)
//!
//! | module | holds |
//! |---|---|
//! | [`entry`] | a record whose place is not known yet |
//! | [`arena`] | the memory a run is made in |
//! | [`build`] | records made and sorted run by run |
//! | [`order`] | the order of a run |
//! | [`merge`] | the runs merged |
mod arena;
pub mod build;
pub mod entry;
pub mod merge;
mod order;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::job::{Hands, Job};
use crate::meter::Meter;
use crate::rdb_file::{Checksum, Notes, RdbFile};
use crate::source::{Entry, Opening, Source};
use crate::workers::{self, Queue};
use build::{Builder, Runs};
use merge::Merged;
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::value::Templates;
use redtool_store::meta::DbCounts;
use std::collections::BTreeMap;

/// Builders hold up to 50 MB each, which bounds how many there may be.
const MOST_BUILDERS: usize = 2;

/// The records of a source, ready to be merged.
pub struct Sorted {
    /// The records.
    pub merged: Merged,
    /// What became of the keys: written are those that have records.
    pub account: Account,
    /// Keys that have records.
    pub keys: u64,
    /// Counters per db.
    pub dbs: BTreeMap<u32, DbCounts>,
    /// What stands outside keys.
    pub notes: Notes,
    /// The header, of a file.
    pub header: Option<Header>,
    /// The state of the checksum.
    pub checksum: Checksum,
}

/// Makes and sorts the records of the entries that pass.
pub fn sort(source: &Source, job: &Job, meter: &Meter) -> Result<Sorted> {
    match source {
        Source::Rdb(file) => sort_file(file, job, meter),
        Source::Store(..) | Source::Jsonl(_) => sort_entries(source, job, meter),
    }
}

/// On this thread: for sources whose entries come one after the other.
fn sort_entries(source: &Source, job: &Job, meter: &Meter) -> Result<Sorted> {
    let opening = source.survey(job.checksum, &job.selection.filter, meter)?;
    let mut builder = Builder::new()?;
    let mut account = Account::default();
    source.each_changed(&opening, job, &mut account, meter, |entry, account| {
        builder.add(entry, account)
    })?;
    let Opening { mut notes, header, checksum, .. } = opening;
    job.selection.transform.change_notes(&mut notes)?;
    let (runs, dbs, keys) = builder.finish()?;
    Ok(Sorted { merged: Merged::new(vec![runs])?, account, keys, dbs, notes, header, checksum })
}

fn sort_file(file: &RdbFile, job: &Job, meter: &Meter) -> Result<Sorted> {
    let templates = file.templates(meter)?;
    let work = |queue: &Queue<'_>| build_all(queue, &templates, job);
    let pass = (job.checksum, &job.selection.filter);
    let outcome = workers::walk(file, pass, meter, MOST_BUILDERS, work, |_| Ok(()))?;
    let mut account = outcome.account;
    let mut runs = Vec::new();
    let mut dbs: BTreeMap<u32, DbCounts> = BTreeMap::new();
    let mut error = None;
    for built in outcome.given {
        match built {
            Ok((built, counted, counts)) => {
                runs.push(built);
                account.merge(&counted);
                for (db, counts) in counts {
                    dbs.entry(db).or_default().merge(&counts);
                }
            }
            // Of two bad values the first in the file is told.
            Err(other) => error = Some(first(error, other)),
        }
    }
    if let Some(error) = error {
        return Err(error);
    }
    let (walked, checksum) = outcome.walked?;
    let (mut notes, header) = (walked.notes, Some(walked.header));
    job.selection.transform.change_notes(&mut notes)?;
    let keys = account.written.total();
    Ok(Sorted { merged: Merged::new(runs)?, account, keys, dbs, notes, header, checksum })
}

fn first(one: Option<Error>, other: Error) -> Error {
    match one {
        Some(one) if one.offset <= other.offset => one,
        _ => other,
    }
}

type Outcome = Result<(Runs, Account, BTreeMap<u32, DbCounts>)>;

fn build_all(queue: &Queue<'_>, templates: &Templates, job: &Job) -> Outcome {
    let built = build_batches(queue, templates, job);
    if built.is_err() {
        queue.fail();
    }
    built
}

fn build_batches(queue: &Queue<'_>, templates: &Templates, job: &Job) -> Outcome {
    let mut builder = Builder::new()?;
    let mut batch = Vec::new();
    let (mut hands, mut account) = (Hands::default(), Account::default());
    while let Some(next) = queue.next(batch) {
        batch = next;
        for record in &batch {
            let entry = Entry::of(record, templates);
            job.give(&entry, &mut hands, &mut account, &mut |entry, account| {
                builder.add(entry, account)
            })?;
        }
    }
    let (runs, dbs, _) = builder.finish()?;
    Ok((runs, account, dbs))
}

//! An RDB file as the records of a store, in key order, whatever its size.
//!
//! The file is walked once from its start to its end. Builders make the records of each key while
//! its bytes are at hand, sort what they have run by run, and write the runs to unlinked temporary
//! files; then the runs are merged. So everything is read and written in sequence: nothing waits
//! for a page of a map that is not there, and a dump may be larger than memory. (Reading the keys
//! in order from the file itself, which was measured first, spends most of its time on TLB misses.)
//!
//! | module | holds |
//! |---|---|
//! | [`entry`] | a record whose place is not known yet |
//! | [`build`] | records made and sorted run by run |
//! | [`order`] | the order of a run |
//! | [`merge`] | the runs merged |
pub mod build;
pub mod entry;
pub mod merge;
mod order;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, RdbFile, Walked};
use build::{Builder, Runs};
use merge::Merged;
use redtool_format::rdb::reader::KeyRecord;
use redtool_format::rdb::value::Templates;
use redtool_store::meta::DbCounts;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

/// Keys handed to a builder at a time.
const BATCH_KEYS: usize = 256;
/// Batches waiting for a builder at most.
const BATCHES: usize = 8;
/// Builders hold up to 50 MB each, which bounds how many there may be.
const MOST_BUILDERS: usize = 2;
/// The first RDB version whose hashes may refer to templates announced earlier in the file.
const TEMPLATES_SINCE: u32 = 15;

/// The records of a file, ready to be merged.
pub struct Sorted {
    /// The records.
    pub merged: Merged,
    /// What became of the keys: written are those that have records.
    pub account: Account,
    /// Counters per db.
    pub dbs: BTreeMap<u32, DbCounts>,
    /// What the walk found.
    pub walked: Walked,
    /// The state of the checksum.
    pub checksum: Checksum,
}

/// Makes and sorts the records of the keys that pass.
pub fn sort(file: &RdbFile, checksum: bool, filter: &Filter, meter: &Meter) -> Result<Sorted> {
    let templates = templates(file, meter)?;
    let failed = AtomicBool::new(false);
    let (full, batches) = sync_channel(BATCHES);
    let batches = Mutex::new(batches);
    std::thread::scope(|scope| {
        let builders = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..builders.min(MOST_BUILDERS))
            .map(|_| scope.spawn(|| build_all(&batches, &templates, &failed)))
            .collect();
        let mut account = Account::default();
        let walked = hand_out(file, checksum, filter, &mut account, (full, &failed), meter);
        let mut runs = Vec::new();
        let mut dbs: BTreeMap<u32, DbCounts> = BTreeMap::new();
        let mut error = None;
        for thread in threads {
            match thread.join() {
                Ok(Ok((built, counted, counts))) => {
                    runs.push(built);
                    account.merge(&counted);
                    for (db, counts) in counts {
                        dbs.entry(db).or_default().merge(&counts);
                    }
                }
                // Of two bad values the first in the file is told.
                Ok(Err(other)) => error = Some(first(error, other)),
                Err(_) => return Err(Error::new(Kind::Store, "a builder thread failed")),
            }
        }
        if let Some(error) = error {
            return Err(error);
        }
        let (walked, checksum) = walked?;
        Ok(Sorted { merged: Merged::new(runs)?, account, dbs, walked, checksum })
    })
}

fn first(one: Option<Error>, other: Error) -> Error {
    match one {
        Some(one) if one.offset <= other.offset => one,
        _ => other,
    }
}

/// Templates announced in the file, which a walk of its own finds.
fn templates(file: &RdbFile, meter: &Meter) -> Result<Templates> {
    if file.reader()?.header().version < TEMPLATES_SINCE {
        return Ok(Templates::new());
    }
    Ok(file.walk(meter, |_| Ok(()))?.notes.templates)
}

type Batch<'a> = Vec<KeyRecord<'a>>;

/// Walks the file, handing the keys that pass to the builders.
fn hand_out<'a>(
    file: &'a RdbFile,
    checksum: bool,
    filter: &Filter,
    account: &mut Account,
    (full, failed): (SyncSender<Batch<'a>>, &AtomicBool),
    meter: &Meter,
) -> Result<(Walked, Checksum)> {
    let mut scratch = Vec::new();
    let mut batch = Vec::with_capacity(BATCH_KEYS);
    let walked = file.walk_and_check(checksum, meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if !admit(&record, filter, account, &mut scratch).map_err(at)? {
            return Ok(());
        }
        batch.push(record);
        if batch.len() == BATCH_KEYS {
            let next = Vec::with_capacity(BATCH_KEYS);
            send(&full, std::mem::replace(&mut batch, next), failed)?;
        }
        Ok(())
    })?;
    send(&full, batch, failed)?;
    Ok(walked)
}

fn send<'a>(full: &SyncSender<Batch<'a>>, batch: Batch<'a>, failed: &AtomicBool) -> Result<()> {
    if failed.load(Ordering::Relaxed) || full.send(batch).is_err() {
        // The builder that failed says why.
        return Err(Error::cancelled());
    }
    Ok(())
}

type Outcome = Result<(Runs, Account, BTreeMap<u32, DbCounts>)>;

fn build_all(
    batches: &Mutex<Receiver<Batch<'_>>>,
    templates: &Templates,
    failed: &AtomicBool,
) -> Outcome {
    let mut builder = Builder::new(templates);
    loop {
        let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { break };
        if failed.load(Ordering::Relaxed) {
            continue;
        }
        for record in &batch {
            if let Err(error) = builder.add(record) {
                failed.store(true, Ordering::Relaxed);
                // The rest is taken and dropped, so that the walker is not left waiting.
                while batches.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok() {}
                return Err(error);
            }
        }
    }
    Ok(builder.finish())
}

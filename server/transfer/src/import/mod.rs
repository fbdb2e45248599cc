//! RDB → store: the file's keys in record-key order, built by several threads, appended by one.
//!
//! Sorted append is what an ordered store does fastest. Builders touch only the source (a map), the
//! appender only the store. The keys are cut into chunks that builders take in turns; the appender
//! takes their batches in the same turns, so the order is kept without sorting anything again.
//!
//! | module | holds |
//! |---|---|
//! | [`batch`] | records on their way |
//! | [`builder`] | chunks of keys turned into records |
mod batch;
mod builder;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::index::Index;
use crate::meter::Meter;
use crate::rdb_file::{Checksum, RdbFile};
use batch::{Batch, Outlet};
use builder::Builder;
use redtool_format::rdb::reader::Header;
use redtool_store::meta::Meta;
use redtool_store::{Bulk, Store, Table};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender};

/// Keys that a builder takes at a time.
const CHUNK_KEYS: usize = 2048;
/// Batches of one builder under way at most: bounds memory.
const BATCHES: usize = 4;
/// More builders than this find the appender busy.
const MOST_BUILDERS: usize = 8;

/// How to import.
pub struct Options<'a> {
    /// Verify the checksum.
    pub checksum: bool,
    /// Which keys.
    pub filter: &'a Filter,
}

/// What was imported.
pub struct Imported {
    /// What became of the keys.
    pub account: Account,
    /// The state of the source's checksum.
    pub checksum: Checksum,
    /// The source's header.
    pub header: Header,
    /// What the store knows about itself now.
    pub meta: Meta,
}

/// Imports `file` into the new, empty `store`; the caller syncs and names it.
pub fn import(
    file: &RdbFile,
    store: &dyn Store,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Imported> {
    // The work is the file twice: once to walk it, once to store it.
    meter.set_total(2 * file.bytes().len() as u64);
    let mut account = Account::default();
    let index = Index::build(file, options.checksum, options.filter, &mut account, meter)?;
    let mut bulk = store.bulk()?;
    let mut outcome = run(file, &index, &mut *bulk, meter)?;
    outcome.append_expires(&index, &mut *bulk)?;
    account.merge(&outcome.account);
    let meta = outcome.meta(&index.walked.notes, index.walked.header, index.len() as u64 + 1);
    bulk.finish()?;
    write_meta(store, &meta)?;
    Ok(Imported { account, checksum: index.checksum, header: index.walked.header, meta })
}

/// Stores what a dataset knows about itself.
pub fn write_meta(store: &dyn Store, meta: &Meta) -> Result<()> {
    let mut writer = store.writer()?;
    for (key, value) in meta.records() {
        writer.put(Table::Meta, &key, &value)?;
    }
    Ok(writer.commit()?)
}

/// The appender's end of a builder's exchange.
struct Inlet {
    batches: Receiver<Batch>,
    empty: Sender<Batch>,
}

fn run(file: &RdbFile, index: &Index<'_>, bulk: &mut dyn Bulk, meter: &Meter) -> Result<Builder> {
    let chunks = index.len().div_ceil(CHUNK_KEYS);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let builders = cores.min(MOST_BUILDERS).min(chunks).max(1);
    std::thread::scope(|scope| {
        let mut inlets = Vec::new();
        let mut threads = Vec::new();
        for nth in 0..builders {
            let (full, batches) = sync_channel(BATCHES);
            let (empty, spare) = channel();
            inlets.push(Inlet { batches, empty });
            threads.push(scope.spawn(move || {
                let mut builder = Builder::default();
                let mut out = Outlet::new(full, spare);
                builder.build_share(file, index, (nth, builders), &mut out).map(|()| builder)
            }));
        }
        let appended = append_all(inlets, chunks, bulk, meter);
        let mut whole = Builder::default();
        let mut failed = None;
        for thread in threads {
            match thread.join() {
                Ok(Ok(builder)) => whole.merge(builder)?,
                // A builder that was stopped only because the appender was says "cancelled".
                Ok(Err(error)) if error.kind == Kind::Cancelled => {}
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(_) => return Err(Error::new(Kind::Store, "a builder thread failed")),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => appended.map(|()| whole),
        }
    })
}

/// Takes chunk after chunk from the builders in their turns.
fn append_all(inlets: Vec<Inlet>, chunks: usize, bulk: &mut dyn Bulk, meter: &Meter) -> Result<()> {
    for chunk in 0..chunks {
        let inlet = &inlets[chunk % inlets.len()];
        loop {
            // A builder that is gone has failed, and says why itself.
            let mut batch = inlet.batches.recv().map_err(|_| Error::cancelled())?;
            batch.append_to(bulk)?;
            meter.advance(batch.source_bytes, batch.keys)?;
            let ended = batch.ends_chunk;
            batch.clear();
            // The builder may be done and gone; then the buffer is not needed any more.
            inlet.empty.send(batch).unwrap_or_default();
            if ended {
                break;
            }
        }
    }
    Ok(())
}

/// The name in the first line of a function library, `#!lua name=mylib`.
pub fn library_name(source: &[u8]) -> Vec<u8> {
    let line = source.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.split(u8::is_ascii_whitespace)
        .find_map(|word| word.strip_prefix(b"name="))
        .unwrap_or(b"unnamed")
        .to_vec()
}

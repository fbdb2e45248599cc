//! Any source → store: its records in key order ([`runs`](crate::runs)), appended.
//!
//! Sorted append is what an ordered store does fastest. One thread merges, another appends.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::job::Job;
use crate::meter::Meter;
use crate::rdb_file::{Checksum, Notes};
use crate::runs::build::Builder;
use crate::runs::entry::segments;
use crate::runs::merge::{Item, Merged};
use crate::runs::{self, Sorted};
use crate::sink::{Sink, Written};
use crate::source::{Entry, Opening, Source};
use redtool_format::rdb::Dialect;
use redtool_store::fetch::{fetch, lines};
use redtool_store::meta::Meta;
use redtool_store::{Bulk, Object, Store, Table};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender};
use std::sync::Arc;

/// Entries handed to the appender at a time.
const BATCH_ENTRIES: usize = 1024;
/// Batches on their way at most.
const BATCHES: usize = 4;

/// What was imported.
pub struct Imported {
    /// What became of the keys.
    pub account: Account,
    /// The state of the source's checksum.
    pub checksum: Checksum,
    /// What the store knows about itself now.
    pub meta: Meta,
}

/// Imports `source` into the new, empty `store`; the caller syncs and names it.
pub fn import(source: &Source, store: &dyn Store, job: &Job, meter: &Meter) -> Result<Imported> {
    // The work is the source twice: once to walk it, once to store it.
    let walks = match source {
        Source::Rdb(file) => 2 + file.template_walks()?,
        _ => 2,
    };
    meter.set_total(walks * source.size_bytes());
    let origin = source.origin()?;
    append_sorted(runs::sort(source, job, meter)?, origin, store, meter)
}

/// Appends sorted records to the new, empty `store`.
pub fn append_sorted(
    sorted: Sorted,
    (dialect, version): (Dialect, u32),
    store: &dyn Store,
    meter: &Meter,
) -> Result<Imported> {
    let mut bulk = store.bulk()?;
    let appended = append_merged(&sorted, &mut *bulk, meter)?;
    appended.check(sorted.keys)?;
    let meta = meta(&sorted, (dialect, version), appended.next_id);
    let Sorted { account, checksum, merged, .. } = sorted;
    // To give up what was mapped takes a while, which need not be waited for.
    std::thread::scope(|scope| {
        scope.spawn(|| drop(merged));
        bulk.finish()?;
        write_meta(store, &meta)
    })?;
    Ok(Imported { account, checksum, meta })
}

/// Makes a new, empty store of the entries it is given.
pub struct StoreSink {
    store: Arc<dyn Store>,
    origin: (Dialect, u32),
    builder: Builder,
    opening: Option<Opening>,
}

impl StoreSink {
    /// For entries from a dump of the form `origin`; `sinks` are open at the same time, and share
    /// the memory that one may take.
    pub fn new(store: Arc<dyn Store>, origin: (Dialect, u32), sinks: usize) -> Result<Self> {
        let builder = Builder::sharing(sinks)?;
        Ok(Self { store, origin, builder, opening: None })
    }
}

impl Sink for StoreSink {
    fn begin(&mut self, opening: &Opening) -> Result<()> {
        self.opening = Some(opening.clone());
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()> {
        self.builder.add(entry, account)
    }

    fn finish(self: Box<Self>, meter: &Meter) -> Result<Written> {
        let Self { store, origin, builder, opening } = *self;
        let Some(Opening { notes, header, checksum, .. }) = opening else {
            return Err(Error::new(Kind::Store, "the store was not begun"));
        };
        let (runs, dbs, keys) = builder.finish()?;
        let merged = Merged::new(vec![runs])?;
        let account = Account::default();
        let sorted = Sorted { merged, account, keys, dbs, notes, header, checksum };
        append_sorted(sorted, origin, &*store, meter)?;
        store.sync()?;
        Ok(Written::default())
    }
}

/// What was appended.
struct Appended {
    /// The next free segment id.
    next_id: u64,
    objects: u64,
}

impl Appended {
    /// Every key that is accounted for as written has a record.
    fn check(&self, keys: u64) -> Result<()> {
        if self.objects == keys {
            return Ok(());
        }
        let message = format!("{keys} keys were read and {} stored", self.objects);
        Err(Error::new(Kind::Store, message).hint("this is a bug in redtool; please report it"))
    }
}

/// Merges on a thread of its own and appends here.
fn append_merged(sorted: &Sorted, bulk: &mut dyn Bulk, meter: &Meter) -> Result<Appended> {
    std::thread::scope(|scope| {
        let (full, batches) = sync_channel::<Vec<Item<'_>>>(BATCHES);
        let (spent, empty) = channel::<Vec<Item<'_>>>();
        scope.spawn(move || {
            let mut entries = sorted.merged.iter();
            loop {
                let mut batch = empty.try_recv().unwrap_or_default();
                batch.clear();
                // So that the appender does not wait for them.
                let fetched = |item: &Item<'_>| fetch(lines(item.entry.value));
                batch.extend(entries.by_ref().take(BATCH_ENTRIES).inspect(fetched));
                // The appender is gone only after an error of its own.
                if batch.is_empty() || full.send(batch).is_err() {
                    break;
                }
            }
        });
        append_all((batches, spent), bulk, meter)
    })
}

/// A channel of full batches, and one for those worked off.
type Batches<'a> = (Receiver<Vec<Item<'a>>>, Sender<Vec<Item<'a>>>);

fn append_all((full, spent): Batches<'_>, bulk: &mut dyn Bulk, meter: &Meter) -> Result<Appended> {
    let appended = Appended { next_id: 1, objects: 0 };
    let mut append = Append { appended, scratch: Vec::new() };
    for batch in full {
        let mut bytes = 0;
        for item in &batch {
            // A store may take its time for each.
            meter.check()?;
            bytes += (item.entry.key.len() + item.entry.value.len()) as u64;
            append.item(item, bulk)?;
        }
        // The merger has ended when nobody takes it.
        let _ = spent.send(batch);
        meter.advance(bytes, 0)?;
    }
    Ok(append.appended)
}

struct Append {
    appended: Appended,
    scratch: Vec<u8>,
}

impl Append {
    fn item(&mut self, item: &Item<'_>, bulk: &mut dyn Bulk) -> Result<()> {
        let entry = &item.entry;
        item.once()?;
        self.appended.objects += u64::from(entry.table == Table::Objects);
        let Some(blob) = item.blob else {
            return Ok(bulk.append(entry.table, entry.key, entry.value)?);
        };
        let id = self.appended.next_id;
        self.appended.next_id += 1;
        // Each table has an order of its own, and some stores want the object first.
        let mut object = Object::parse(entry.value)?;
        object.set_id(id);
        self.scratch.clear();
        object.write(&mut self.scratch);
        bulk.append(Table::Objects, entry.key, &self.scratch)?;
        for (key, value) in segments(blob) {
            self.scratch.clear();
            self.scratch.extend_from_slice(&id.to_be_bytes());
            self.scratch.extend_from_slice(&key[id.to_be_bytes().len()..]);
            bulk.append(Table::Segments, &self.scratch, value)?;
        }
        Ok(())
    }
}

/// Stores what a dataset knows about itself.
pub fn write_meta(store: &dyn Store, meta: &Meta) -> Result<()> {
    let mut writer = store.writer()?;
    for (key, value) in meta.records() {
        writer.put(Table::Meta, &key, &value)?;
    }
    Ok(writer.commit()?)
}

fn meta(sorted: &Sorted, (dialect, version): (Dialect, u32), next_id: u64) -> Meta {
    let Notes { aux, functions, module_aux, .. } = &sorted.notes;
    let magic = match dialect {
        Dialect::Redis => "REDIS",
        Dialect::Valkey => "VALKEY",
    };
    Meta {
        dbs: sorted.dbs.iter().map(|(db, counts)| (*db, *counts)).collect(),
        aux: aux.clone(),
        functions: functions.iter().map(|source| (library_name(source), source.clone())).collect(),
        module_aux: module_aux.clone(),
        rdb_version: Some(format!("{magic} {version}").into_bytes()),
        next_id,
    }
}

/// The name in the first line of a function library, `#!lua name=mylib`.
pub fn library_name(source: &[u8]) -> Vec<u8> {
    let line = source.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.split(u8::is_ascii_whitespace)
        .find_map(|word| word.strip_prefix(b"name="))
        .unwrap_or(b"unnamed")
        .to_vec()
}

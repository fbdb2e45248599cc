//! RDB → store: the file's records in key order ([`runs`](crate::runs)), appended.
//!
//! Sorted append is what an ordered store does fastest. One thread merges, another appends.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::{Checksum, Notes, RdbFile};
use crate::runs::entry::segments;
use crate::runs::merge::Item;
use crate::runs::{self, Sorted};
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::Dialect;
use redtool_store::fetch::{fetch, lines};
use redtool_store::meta::Meta;
use redtool_store::object::split_record_key;
use redtool_store::{Bulk, Object, Store, Table};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender};

/// Entries handed to the appender at a time.
const BATCH_ENTRIES: usize = 1024;
/// Batches on their way at most.
const BATCHES: usize = 4;

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
    meter.set_total((2 + file.template_walks()?) * file.bytes().len() as u64);
    let sorted = runs::sort(file, options.checksum, options.filter, meter)?;
    let mut bulk = store.bulk()?;
    let appended = append_merged(&sorted, &mut *bulk, meter)?;
    appended.check(sorted.account.written.total())?;
    let meta = meta(&sorted, appended.next_id);
    let Sorted { account, checksum, walked, merged, .. } = sorted;
    // To give up what was mapped takes a while, which need not be waited for.
    std::thread::scope(|scope| {
        scope.spawn(|| drop(merged));
        bulk.finish()?;
        write_meta(store, &meta)
    })?;
    Ok(Imported { account, checksum, header: walked.header, meta })
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
        if item.twice {
            return Err(duplicate(item));
        }
        self.appended.objects += u64::from(entry.table == Table::Objects);
        let Some(blob) = item.blob else {
            return Ok(bulk.append(entry.table, entry.key, entry.value)?);
        };
        let id = self.appended.next_id;
        self.appended.next_id += 1;
        for (key, value) in segments(blob) {
            self.scratch.clear();
            self.scratch.extend_from_slice(&id.to_be_bytes());
            self.scratch.extend_from_slice(&key[id.to_be_bytes().len()..]);
            bulk.append(Table::Segments, &self.scratch, value)?;
        }
        let mut object = Object::parse(entry.value)?;
        object.set_id(id);
        self.scratch.clear();
        object.write(&mut self.scratch);
        Ok(bulk.append(Table::Objects, entry.key, &self.scratch)?)
    }
}

/// A key that is there twice is fatal for servers too.
#[cold]
fn duplicate(item: &Item<'_>) -> Error {
    let mut error = Error::new(Kind::Corrupt, "the key is there twice");
    error.offset = Some(item.entry.source_offset);
    if let Ok((db, short)) = split_record_key(item.entry.key) {
        error.db = Some(db);
        let whole = Object::parse(item.entry.value).ok().and_then(|object| object.long_key);
        error.key = Some(whole.unwrap_or(short).to_vec());
    }
    error
}

/// Stores what a dataset knows about itself.
pub fn write_meta(store: &dyn Store, meta: &Meta) -> Result<()> {
    let mut writer = store.writer()?;
    for (key, value) in meta.records() {
        writer.put(Table::Meta, &key, &value)?;
    }
    Ok(writer.commit()?)
}

fn meta(sorted: &Sorted, next_id: u64) -> Meta {
    let Notes { aux, functions, module_aux, .. } = &sorted.walked.notes;
    let Header { dialect, version } = sorted.walked.header;
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

//! RDB → store: the file's keys in record-key order, built by one thread, appended by another.
//!
//! Sorted append is what an ordered store does fastest. The builder touches only the source (a
//! map), the appender only the store; they exchange batches of records and give each other's
//! buffers back.
use crate::account::Account;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{Index, Place};
use crate::meter::Meter;
use crate::rdb_file::{Checksum, Notes, RdbFile};
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::Dialect;
use redtool_store::build::{Built, Incoming, Recorder, Sink};
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::object::write_expire_key;
use redtool_store::spill::SpillVec;
use redtool_store::{Bulk, Store, StoreError, Table};
use std::ops::Range;
use std::sync::mpsc::{sync_channel, Receiver, Sender};

/// A batch is handed over when it holds this much.
const BATCH_BYTES: usize = 1 << 19;
const BATCH_RECORDS: usize = 1024;
/// Batches under way at most: bounds memory.
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

/// Records on their way to the appender.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: Vec<(Table, Range<usize>, Range<usize>)>,
    source_bytes: u64,
    keys: u64,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.source_bytes = 0;
        self.keys = 0;
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES || self.records.len() >= BATCH_RECORDS
    }

    fn push(&mut self, table: Table, key: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.records.push((table, start..middle, middle..self.bytes.len()));
    }

    fn append_to(&self, bulk: &mut dyn Bulk) -> Result<()> {
        for (table, key, value) in &self.records {
            bulk.append(*table, &self.bytes[key.clone()], &self.bytes[value.clone()])?;
        }
        Ok(())
    }
}

/// An expiry on its way into the index: sorted by time, then by place in key order.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Expiry {
    at_ms: i64,
    ordinal: u64,
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
    let outcome = run(file, &index, &mut *bulk, meter)?;
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

fn run(file: &RdbFile, index: &Index<'_>, bulk: &mut dyn Bulk, meter: &Meter) -> Result<Builder> {
    std::thread::scope(|scope| {
        let (full, batches) = sync_channel::<Batch>(BATCHES);
        let (empty, spare) = std::sync::mpsc::channel::<Batch>();
        let builder = scope.spawn(move || {
            let mut out = Outlet { full, spare, batch: Batch::default() };
            let mut builder = Builder::default();
            builder.build_all(file, index, &mut out)?;
            builder.build_expires(index, &mut out)?;
            out.hand_over()?;
            Ok(builder)
        });
        let appended = append_all(batches, &empty, bulk, meter);
        let built = builder
            .join()
            .map_err(|_| Error::new(crate::error::Kind::Store, "the builder thread failed"))?;
        // The builder's own error says more than that the appender stopped, and the other way
        // round.
        match (built, appended) {
            (Err(error), Ok(())) => Err(error),
            (_, Err(error)) => Err(error),
            (Ok(built), Ok(())) => Ok(built),
        }
    })
}

fn append_all(
    batches: Receiver<Batch>,
    empty: &Sender<Batch>,
    bulk: &mut dyn Bulk,
    meter: &Meter,
) -> Result<()> {
    for mut batch in batches {
        batch.append_to(bulk)?;
        meter.advance(batch.source_bytes, batch.keys)?;
        batch.clear();
        // The builder may be done and gone; then the buffer is not needed any more.
        empty.send(batch).unwrap_or_default();
    }
    Ok(())
}

/// The builder's end of the exchange.
struct Outlet {
    full: std::sync::mpsc::SyncSender<Batch>,
    spare: Receiver<Batch>,
    batch: Batch,
}

impl Outlet {
    fn hand_over(&mut self) -> Result<()> {
        let next = self.spare.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        // The appender is gone only after an error of its own, which is the one reported.
        self.full.send(batch).map_err(|_| Error::cancelled())
    }
}

impl Sink for Outlet {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> redtool_store::Result<()> {
        self.batch.push(table, key, value);
        if self.batch.is_full() {
            self.hand_over().map_err(|e| StoreError::Backend(e.message))?;
        }
        Ok(())
    }
}

/// What has been built so far.
#[derive(Default)]
struct Builder {
    account: Account,
    dbs: Vec<(u32, DbCounts)>,
    expiries: SpillVec<Expiry>,
}

impl Builder {
    fn build_all(&mut self, file: &RdbFile, index: &Index<'_>, out: &mut Outlet) -> Result<()> {
        let mut recorder = Recorder::new(0);
        let mut scratch = Vec::new();
        for (ordinal, place) in index.places().iter().enumerate() {
            index.prefetch(ordinal);
            let ordinal = ordinal as u64 + 1;
            recorder.set_next_id(ordinal);
            self.build_one(file, index, (place, ordinal), &mut recorder, &mut scratch, out)?;
        }
        Ok(())
    }

    fn build_one(
        &mut self,
        file: &RdbFile,
        index: &Index<'_>,
        (place, ordinal): (&Place, u64),
        recorder: &mut Recorder,
        scratch: &mut Vec<u8>,
        out: &mut Outlet,
    ) -> Result<()> {
        let record = index.record(place)?;
        let key = record.key.decode(scratch).map_err(|e| file.error(e, record.offset, None))?;
        let entry = Incoming {
            db: record.db,
            key,
            expire_at_ms: record.expire_at_ms,
            idle_s: record.idle_s,
            freq: record.freq,
            meta: record.meta,
            value_type: record.value_type,
            payload: record.payload,
        };
        let built = recorder
            .build(&entry, &index.walked.notes.templates, out)
            .map_err(|e| Error::store(e, record.payload_offset, record.db, key))?;
        out.batch.source_bytes +=
            (record.payload_offset - record.offset + record.payload.len()) as u64;
        out.batch.keys += 1;
        match built {
            Built::Empty => self.account.skipped.add(record.value_type.kind()),
            Built::Key(kind) => {
                self.account.written.add(kind);
                let counts = self.counts(record.db);
                counts.keys += 1;
                counts.kinds[kind as usize] += 1;
                if let Some(at_ms) = record.expire_at_ms {
                    counts.expires += 1;
                    self.expiries.push(Expiry { at_ms, ordinal })?;
                }
            }
        }
        Ok(())
    }

    /// Keys come in db order, so the db is the last one or new.
    fn counts(&mut self, db: u32) -> &mut DbCounts {
        if self.dbs.last().is_none_or(|(last, _)| *last != db) {
            self.dbs.push((db, DbCounts::default()));
        }
        let last = self.dbs.len() - 1;
        &mut self.dbs[last].1
    }

    fn build_expires(&mut self, index: &Index<'_>, out: &mut Outlet) -> Result<()> {
        self.expiries.sort_by(|a, b| (a.at_ms, a.ordinal).cmp(&(b.at_ms, b.ordinal)));
        let (mut scratch, mut record_key) = (Vec::new(), Vec::new());
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for same in self.expiries.as_slice().chunk_by(|a, b| a.at_ms == b.at_ms) {
            keys.clear();
            for expiry in same {
                record_key.clear();
                let place = &index.places()[expiry.ordinal as usize - 1];
                index.write_record_key(place, &mut scratch, &mut record_key)?;
                let mut key = Vec::with_capacity(8 + record_key.len());
                write_expire_key(&mut key, expiry.at_ms, &record_key);
                keys.push(key);
            }
            // Already in order but for keys so long that their index keys end in a hash.
            keys.sort();
            for key in &keys {
                out.record(Table::Expires, key, b"")?;
            }
        }
        Ok(())
    }

    fn meta(&self, notes: &Notes, header: Header, next_id: u64) -> Meta {
        let magic = match header.dialect {
            Dialect::Redis => "REDIS",
            Dialect::Valkey => "VALKEY",
        };
        Meta {
            dbs: self.dbs.clone(),
            aux: notes.aux.clone(),
            functions: notes
                .functions
                .iter()
                .map(|source| (library_name(source), source.clone()))
                .collect(),
            module_aux: notes.module_aux.clone(),
            rdb_version: Some(format!("{magic} {}", header.version).into_bytes()),
            next_id,
        }
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

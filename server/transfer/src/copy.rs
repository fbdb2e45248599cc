//! Store → store: records copied as they are, table by table, in their order; nothing is decoded.
//!
//! The layout is the same in every store, so this is what a conversion between two of them comes
//! to when every key is taken and none is changed. One thread reads, another appends.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::import::write_meta;
use crate::job::Job;
use crate::meter::Meter;
use redtool_format::rdb::Kind as KeyKind;
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::object::split_record_key;
use redtool_store::{Body, Bulk, Object, Reader, Store, Table};
use std::collections::BTreeMap;
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, SyncSender};

/// Bytes copied between two looks at the meter.
const METER_BYTES: u64 = 1 << 20;

/// Whether a job takes every record as it is.
pub fn fits(job: &Job) -> bool {
    let selection = &job.selection;
    selection.filter.is_empty() && selection.transform.is_empty() && !job.failures.takes()
}

/// Copies everything into the new, empty store `to`; the caller syncs and names it.
///
/// `by_key`: each object is followed by its segments, for stores that keep them together.
pub fn copy(
    from: &dyn Store,
    to: &dyn Store,
    by_key: bool,
    size_bytes: u64,
    meter: &Meter,
) -> Result<Account> {
    let mut bulk = to.bulk()?;
    let mut progress = Progress { meter, left_bytes: size_bytes, pending: (0, 0) };
    let (full, chunks) = sync_channel(CHUNKS);
    let (spent, empty) = channel();
    let (meta, dbs) = std::thread::scope(|scope| {
        let reading = scope.spawn(move || read_all(from, by_key, Chunks::new(full, empty)));
        let appended = append_all(chunks, &spent, &mut *bulk, &mut progress);
        let read = reading.join();
        appended?;
        read.map_err(|_| Error::new(Kind::Store, "the reading thread failed"))?
    })?;
    bulk.finish()?;
    progress.end()?;
    agree(&meta, &dbs)?;
    write_meta(to, &meta)?;
    let mut account = Account::default();
    for counts in dbs.values() {
        for kind in KeyKind::ALL {
            account.read.0[kind as usize] += counts.kinds[kind as usize];
        }
    }
    account.written = account.read;
    Ok(account)
}

type Dbs = BTreeMap<u32, DbCounts>;

/// Reads every record, on a thread of its own.
fn read_all(from: &dyn Store, by_key: bool, mut chunks: Chunks) -> Result<(Meta, Dbs)> {
    let reader = from.reader()?;
    let meta = Meta::load(&*reader)?;
    let mut dbs = Dbs::new();
    each(&*reader, Table::Expires, &mut chunks)?;
    let mut cursor = reader.seek(Table::Objects, b"")?;
    while let Some((key, record)) = cursor.next()? {
        chunks.push(Table::Objects, &key, &record)?;
        let (db, short) = split_record_key(&key)?;
        let object = Object::parse(&record).map_err(|e| Error::store(e, 0, db, short))?;
        dbs.entry(db).or_default().add(object.kind, object.expire_at_ms.is_some());
        if let Body::Segmented { id, .. } = object.body {
            if by_key {
                segments_of(&*reader, id, &mut chunks)?;
            }
        }
    }
    if !by_key {
        each(&*reader, Table::Segments, &mut chunks)?;
    }
    chunks.send()?;
    Ok((meta, dbs))
}

fn each(reader: &dyn Reader, table: Table, chunks: &mut Chunks) -> Result<()> {
    let mut cursor = reader.seek(table, b"")?;
    while let Some((key, record)) = cursor.next()? {
        chunks.push(table, &key, &record)?;
    }
    Ok(())
}

fn segments_of(reader: &dyn Reader, id: u64, chunks: &mut Chunks) -> Result<()> {
    let prefix = id.to_be_bytes();
    let mut cursor = reader.seek(Table::Segments, &prefix)?;
    while let Some((key, value)) = cursor.next()? {
        if !key.starts_with(&prefix) {
            break;
        }
        chunks.push(Table::Segments, &key, &value)?;
    }
    Ok(())
}

fn append_all(
    chunks: Receiver<Vec<u8>>,
    spent: &Sender<Vec<u8>>,
    bulk: &mut dyn Bulk,
    progress: &mut Progress<'_>,
) -> Result<()> {
    for chunk in chunks {
        for (table, key, value) in records(&chunk) {
            progress.meter.check()?;
            bulk.append(table, key, value)?;
            progress.add((key.len() + value.len()) as u64, table == Table::Objects)?;
        }
        // Nobody wants it after the last record.
        spent.send(chunk).unwrap_or_default();
    }
    Ok(())
}

/// Bytes of records handed over at a time, or one record.
const CHUNK_BYTES: usize = 1 << 18;
/// Chunks that wait at most.
const CHUNKS: usize = 4;

/// Records on their way.
///
/// ```text
/// table u8 · key length u32 · value length u64 · key · value     one after the other
/// ```
struct Chunks {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Chunks {
    fn new(full: SyncSender<Vec<u8>>, empty: Receiver<Vec<u8>>) -> Self {
        Self { full, empty, chunk: Vec::new() }
    }

    fn push(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let bytes = HEAD_BYTES + key.len() + value.len();
        if !self.chunk.is_empty() && self.chunk.len() + bytes > CHUNK_BYTES {
            self.send()?;
        }
        let mut head = [0; HEAD_BYTES];
        head[0] = table as u8;
        // A record's key is short; see the layout.
        head[1..5].copy_from_slice(&(key.len() as u32).to_le_bytes());
        head[5..].copy_from_slice(&(value.len() as u64).to_le_bytes());
        self.chunk.extend_from_slice(&head);
        self.chunk.extend_from_slice(key);
        self.chunk.extend_from_slice(value);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let mut next = self.empty.try_recv().unwrap_or_default();
        next.clear();
        let chunk = std::mem::replace(&mut self.chunk, next);
        // Whoever appends has failed, and says why.
        self.full.send(chunk).map_err(|_| Error::cancelled())
    }
}

const HEAD_BYTES: usize = 13;

fn records(chunk: &[u8]) -> impl Iterator<Item = (Table, &[u8], &[u8])> {
    let mut rest = chunk;
    std::iter::from_fn(move || {
        let (head, after) = rest.split_first_chunk::<HEAD_BYTES>()?;
        let [number, a, b, c, d, value_len @ ..] = *head;
        let table = Table::ALL.into_iter().find(|table| *table as u8 == number)?;
        let (key, after) = after.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
        let (value, after) = after.split_at_checked(u64::from_le_bytes(value_len) as usize)?;
        rest = after;
        Some((table, key, value))
    })
}

/// A copy whose counters are wrong would hide that keys are missing.
fn agree(meta: &Meta, found: &BTreeMap<u32, DbCounts>) -> Result<()> {
    let stated = meta.dbs.iter().filter(|(_, counts)| counts.keys > 0);
    if stated.clone().count() == found.len()
        && stated.clone().all(|(db, counts)| found.get(db) == Some(counts))
    {
        return Ok(());
    }
    let keys: u64 = found.values().map(|counts| counts.keys).sum();
    let what = format!("the store's counters say {} keys, and {keys} are there", meta.keys());
    Err(Error::new(Kind::Corrupt, what).hint("'redtool verify --deep' says what is wrong with it"))
}

struct Progress<'m> {
    meter: &'m Meter,
    left_bytes: u64,
    pending: (u64, u64),
}

impl Progress<'_> {
    fn add(&mut self, bytes: u64, is_key: bool) -> Result<()> {
        self.pending.0 += bytes;
        self.pending.1 += u64::from(is_key);
        if self.pending.0 < METER_BYTES {
            return Ok(());
        }
        let (bytes, keys) = std::mem::take(&mut self.pending);
        let bytes = bytes.min(self.left_bytes);
        self.left_bytes -= bytes;
        self.meter.advance(bytes, keys)
    }

    fn end(&mut self) -> Result<()> {
        self.meter.advance(self.left_bytes, self.pending.1)
    }
}

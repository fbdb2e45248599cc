//! Store → store: records copied as they are, table by table, in their order; nothing is decoded.
//!
//! The layout is the same in every store, so this is what a conversion between two of them comes
//! to when every key is taken and none is changed.
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
    let reader = from.reader()?;
    let meta = Meta::load(&*reader)?;
    let mut bulk = to.bulk()?;
    let mut progress = Progress { meter, left_bytes: size_bytes, pending: (0, 0) };
    let mut dbs: BTreeMap<u32, DbCounts> = BTreeMap::new();
    each(&*reader, Table::Expires, &mut *bulk, &mut progress, |_, _, _, _| Ok(()))?;
    each(&*reader, Table::Objects, &mut *bulk, &mut progress, |key, record, bulk, progress| {
        let (db, short) = split_record_key(key)?;
        let object = Object::parse(record).map_err(|e| Error::store(e, 0, db, short))?;
        dbs.entry(db).or_default().add(object.kind, object.expire_at_ms.is_some());
        match object.body {
            Body::Segmented { id, .. } if by_key => segments_of(&*reader, id, bulk, progress),
            _ => Ok(()),
        }
    })?;
    if !by_key {
        each(&*reader, Table::Segments, &mut *bulk, &mut progress, |_, _, _, _| Ok(()))?;
    }
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

fn each(
    reader: &dyn Reader,
    table: Table,
    bulk: &mut dyn Bulk,
    progress: &mut Progress<'_>,
    mut after: impl FnMut(&[u8], &[u8], &mut dyn Bulk, &mut Progress<'_>) -> Result<()>,
) -> Result<()> {
    let mut cursor = reader.seek(table, b"")?;
    while let Some((key, record)) = cursor.next()? {
        bulk.append(table, &key, &record)?;
        progress.add((key.len() + record.len()) as u64, table == Table::Objects)?;
        after(&key, &record, bulk, progress)?;
    }
    Ok(())
}

fn segments_of(
    reader: &dyn Reader,
    id: u64,
    bulk: &mut dyn Bulk,
    progress: &mut Progress<'_>,
) -> Result<()> {
    let prefix = id.to_be_bytes();
    let mut cursor = reader.seek(Table::Segments, &prefix)?;
    while let Some((key, value)) = cursor.next()? {
        if !key.starts_with(&prefix) {
            break;
        }
        bulk.append(Table::Segments, &key, &value)?;
        progress.add((key.len() + value.len()) as u64, false)?;
    }
    Ok(())
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

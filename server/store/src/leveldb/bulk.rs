//! Bulk load through LevelDB's own batches, in one ascending order over all tables: for a store
//! that has records already, is read by someone, or is to have bloom filters, which are LevelDB's
//! own affair. Any other is loaded by [`super::ingest`], which has no log and nothing to sort.
//!
//! LevelDB sorts what it holds in memory, writes it to a file, and merges files whose keys overlap,
//! again and again on their way down its levels. Objects come with their segments between them, and
//! files that hold some of both overlap all the others. So segments are held back in a temporary
//! file and appended at the end: every file lies behind the one before, and none is merged.
use super::db::{Batch, Db, Move, Snapshot};
use super::{check_sizes, prefix, records, write_key, LevelDbStore};
use crate::contract::{Bulk, Table};
use crate::error::{Result, StoreError};
use crate::spill::SpillBytes;
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// Records a batch …
const BATCH_RECORDS: usize = 1000;
/// … or so many bytes of them.
const BATCH_BYTES: usize = 256 << 10;

pub(super) struct BatchBulk<'s> {
    store: &'s LevelDbStore,
    db: Arc<Db>,
    batch: Batch,
    records: usize,
    bytes: usize,
    /// The last key of each table.
    last: [Vec<u8>; 4],
    held: Held,
    place: Vec<u8>,
}

impl<'s> BatchBulk<'s> {
    pub fn new(store: &'s LevelDbStore) -> Result<Self> {
        let db = store.db()?;
        let snapshot = Snapshot::new(&db);
        let mut last: [Vec<u8>; 4] = Default::default();
        for table in Table::ALL {
            let mut iter = snapshot.iter();
            let behind = [prefix(table) + 1];
            let found = match iter.go(Move::AtOrAfter(&behind))?.is_some() {
                true => iter.go(Move::Previous)?,
                false => iter.go(Move::Last)?,
            };
            if let Some(([first, key @ ..], _)) = found {
                if *first == prefix(table) {
                    last[table as usize] = key.to_vec();
                }
            }
        }
        let (batch, held, place) = (Batch::new(), Held::default(), Vec::new());
        Ok(Self { store, db, batch, records: 0, bytes: 0, last, held, place })
    }

    #[inline]
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        if self.records >= BATCH_RECORDS || self.bytes >= BATCH_BYTES {
            self.write()?;
        }
        self.place.clear();
        write_key(&mut self.place, table, key);
        self.batch.put(&self.place, value);
        self.records += 1;
        self.bytes += self.place.len() + value.len();
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        self.db.write(&mut self.batch, false)?;
        self.batch.clear();
        (self.records, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Bulk for BatchBulk<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        check_sizes(&self.store.path, key, value)?;
        let last = &mut self.last[table as usize];
        if key <= last.as_slice() {
            return Err(StoreError::Backend("bulk load out of key order".into()));
        }
        last.clear();
        last.extend_from_slice(key);
        match table {
            Table::Segments => self.held.push(key, value),
            _ => self.put(table, key, value),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        for (key, value) in records::each(held.bytes.as_slice()) {
            self.put(Table::Segments, key, value)?;
        }
        self.write()?;
        self.store.open_loads.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Records for the end of a load, as [`records`] has them.
#[derive(Default)]
struct Held {
    bytes: SpillBytes,
}

impl Held {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(&records::header(key, value))?;
        self.bytes.extend_from_slice(key)?;
        self.bytes.extend_from_slice(value)
    }
}

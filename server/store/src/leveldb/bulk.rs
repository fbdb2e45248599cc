//! Bulk load: sorted batches, in one ascending order over all tables.
//!
//! LevelDB sorts what it holds in memory, writes it to a file, and merges files whose keys overlap,
//! again and again on their way down its levels. Objects come with their segments between them, and
//! files that hold some of both overlap all the others. So segments are held back in a temporary
//! file and appended at the end: every file lies behind the one before, and none is merged.
use super::db::{Batch, Move, Snapshot};
use super::{check_sizes, prefix, write_key, LevelDbStore};
use crate::contract::{Bulk, Table};
use crate::error::{Result, StoreError};
use crate::spill::SpillBytes;
use std::sync::atomic::Ordering;

/// Records a batch …
const BATCH_RECORDS: usize = 1000;
/// … or so many bytes of them.
const BATCH_BYTES: usize = 256 << 10;

pub(super) struct LevelDbBulk<'s> {
    store: &'s LevelDbStore,
    batch: Batch,
    records: usize,
    bytes: usize,
    /// The last key of each table.
    last: [Vec<u8>; 4],
    held: Held,
    place: Vec<u8>,
}

impl<'s> LevelDbBulk<'s> {
    pub fn new(store: &'s LevelDbStore) -> Result<Self> {
        let snapshot = Snapshot::new(&store.db);
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
        store.open_loads.fetch_add(1, Ordering::Relaxed);
        let (batch, held, place) = (Batch::new(), Held::default(), Vec::new());
        Ok(Self { store, batch, records: 0, bytes: 0, last, held, place })
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
        self.store.db.write(&mut self.batch, false)?;
        self.batch.clear();
        (self.records, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Bulk for LevelDbBulk<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        check_sizes(self.store.db.path(), key, value)?;
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
        for (key, value) in held.records() {
            self.put(Table::Segments, key, value)?;
        }
        self.write()?;
        self.store.open_loads.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Records for the end of a load.
///
/// ```text
/// key length u16 · value length u32 · key · value        little-endian, one after the other
/// ```
#[derive(Default)]
struct Held {
    bytes: SpillBytes,
}

impl Held {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut lens = [0; 6];
        // Both were checked to fit.
        lens[..2].copy_from_slice(&(key.len() as u16).to_le_bytes());
        lens[2..].copy_from_slice(&(value.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&lens)?;
        self.bytes.extend_from_slice(key)?;
        self.bytes.extend_from_slice(value)
    }

    fn records(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (key_len, after) = rest.split_first_chunk::<2>()?;
            let (value_len, after) = after.split_first_chunk::<4>()?;
            let (key, after) = after.split_at_checked(u16::from_le_bytes(*key_len) as usize)?;
            let (value, after) = after.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
            rest = after;
            Some((key, value))
        })
    }
}

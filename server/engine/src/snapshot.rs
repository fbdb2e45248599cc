//! A dataset in memory as a store of one moment: what is dumped while commands go on.
//!
//! A walk takes some records at a time, alone with the keyspace, and lets commands in between.
use crate::dataset::Dataset;
use redtool_store::space::{place_behind, OwnedRecord, PastWalk};
use redtool_store::{Bulk, Bytes, Cursor, Reader, Store, StoreError, Table, Writer};
use std::borrow::Cow;
use std::sync::Arc;
use std::vec::IntoIter;

/// Bytes of records that are taken at a time.
const BATCH_BYTES: usize = 64 << 10;

type Result<T> = std::result::Result<T, StoreError>;

/// The moment; forgotten when this is dropped.
pub(crate) struct Snapshot {
    dataset: Arc<Dataset>,
    meta: Arc<Vec<OwnedRecord>>,
}

impl Snapshot {
    /// Of a dataset whose keyspace has begun to remember, and what it then knew about itself.
    pub fn new(dataset: Arc<Dataset>, meta: Vec<OwnedRecord>) -> Self {
        Self { dataset, meta: Arc::new(meta) }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.dataset.keyspace().space.end_past();
    }
}

fn only_read<T>() -> Result<T> {
    Err(StoreError::Usage("a moment of a dataset cannot be written".into()))
}

impl Store for Snapshot {
    fn scheme(&self) -> &'static str {
        "memory"
    }
    fn reader(&self) -> Result<Box<dyn Reader>> {
        let (dataset, meta) = (Arc::clone(&self.dataset), Arc::clone(&self.meta));
        Ok(Box::new(Past { dataset, meta }))
    }
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        only_read()
    }
    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        only_read()
    }
    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

struct Past {
    dataset: Arc<Dataset>,
    meta: Arc<Vec<OwnedRecord>>,
}

impl Past {
    fn walk(&self, table: Table, from: &[u8], back: bool) -> Walk<'_> {
        let batch = match table {
            Table::Meta => self.meta.iter().filter(|(key, _)| &key[..] >= from).cloned().collect(),
            _ => Vec::new(),
        };
        let (place, batch) = (from.to_vec(), batch.into_iter());
        Walk { past: self, table, place, after: false, back, batch }
    }
}

impl Reader for Past {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        if table == Table::Meta {
            let found = self.meta.iter().find(|(other, _)| other == key);
            return Ok(found.map(|(_, value)| Cow::Borrowed(&value[..])));
        }
        let keys = self.dataset.keyspace();
        Ok(keys.space.past_record(table, key).map(|value| Cow::Owned(value.to_vec())))
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        Ok(Box::new(self.walk(table, from, false)))
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        Ok(Box::new(self.walk(table, from, true)))
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn place_after(&self, record_key: &[u8]) -> Vec<u8> {
        place_behind(record_key)
    }
}

/// A walk over records of the moment.
struct Walk<'r> {
    past: &'r Past,
    table: Table,
    place: Vec<u8>,
    after: bool,
    back: bool,
    batch: IntoIter<OwnedRecord>,
}

impl Walk<'_> {
    fn load(&mut self) {
        let Self { table, after, back, .. } = *self;
        let walk = PastWalk { table, from: &self.place, after, back };
        let keys = self.past.dataset.keyspace();
        let mut batch = keys.space.past_records(&walk, BATCH_BYTES);
        if table == Table::Objects {
            batch.iter_mut().for_each(|(record_key, record)| keys.write_uses(record_key, record));
        }
        drop(keys);
        if let Some((last, _)) = batch.last() {
            self.place = match table {
                Table::Objects => place_behind(last),
                _ => last.clone(),
            };
        }
        self.after = true;
        self.batch = batch.into_iter();
    }
}

impl<'r> Cursor<'r> for Walk<'r> {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        if self.batch.as_slice().is_empty() && self.table != Table::Meta {
            self.load();
        }
        let record = self.batch.next();
        Ok(record.map(|(key, value)| (Cow::Owned(key), Cow::Owned(value))))
    }
}

//! What a store is: four tables of ordered records (bytes → bytes), read through snapshots, written
//! in transactions. Keys have 1 to [`MAX_KEY_BYTES`](crate::layout::MAX_KEY_BYTES) bytes.
//!
//! The tests in `tests/contract` hold every store to it.
use crate::error::Result;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Bytes of a record: borrowed from the store's map where it has one, else owned.
pub type Bytes<'r> = Cow<'r, [u8]>;

/// A record: its key and its value.
pub type Record<'r> = (Bytes<'r>, Bytes<'r>);

/// The tables of a store, each an ordered space of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Layout version, counters, aux fields, functions.
    Meta,
    /// One record a key: `[db][key]` → header and, when small, value.
    Objects,
    /// Runs of listpacks of big collections: `[id][family][order key]`.
    Segments,
    /// Expiry index: `[time][db][key]`.
    Expires,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 4] = [Table::Meta, Table::Objects, Table::Segments, Table::Expires];

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Objects => "objects",
            Table::Segments => "segments",
            Table::Expires => "expires",
        }
    }
}

/// A consistent view of a store. Records borrow from the reader.
pub trait Reader: Send {
    /// The record with exactly this key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>>;
    /// Says which records will be asked for soon, so that a store may fetch them together. Only a
    /// hint: that they are there is not needed, and nothing changes but the time it takes.
    fn expect(&self, _table: Table, _keys: &[&[u8]]) {}
    /// Walks forward from the first record whose key is `from` or greater.
    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>>;
    /// Walks backward from the last record whose key is `from` or smaller.
    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>>;
    /// The last record whose key is `key` or smaller: the first of such a walk backward.
    fn floor(&self, table: Table, key: &[u8]) -> Result<Option<Record<'_>>> {
        self.seek_back(table, key)?.next()
    }
    /// Whether objects are walked in the order of their keys. Where they are not, a walk over them
    /// only goes forward, in an order of the store's own: `seek` starts at a place that
    /// [`Reader::first_place`] or [`Reader::place_after`] gave (whose object need not be there any
    /// more), or with the first one when `from` is empty; and there is no expiry index. Segments
    /// are in order within a value whose object this reader has read.
    fn is_ordered(&self) -> bool {
        true
    }
    /// What to give to `seek` to start with the first object of a db. When that is nothing, the
    /// objects of all dbs are mixed.
    fn first_place(&self, db: u32) -> Vec<u8> {
        match self.is_ordered() {
            true => db.to_be_bytes().to_vec(),
            false => Vec::new(),
        }
    }
    /// What to give to `seek` to go on after the object with this record key.
    fn place_after(&self, record_key: &[u8]) -> Vec<u8> {
        [record_key, &[0]].concat()
    }
}

/// A walk over records in one direction.
pub trait Cursor<'r> {
    /// The next record of the walk: key and value.
    fn next(&mut self) -> Result<Option<Record<'r>>>;
}

/// A write transaction: nothing is visible before `commit`, all of it after.
pub trait Writer {
    /// Stores a record.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()>;
    /// Removes a record; whether it was there.
    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool>;
    /// A record as this transaction sees it.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Makes it all visible, and durable when the store is.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// Loads many records at once, committing at intervals: for a store that nobody else reads yet.
/// Dropped before `finish` it may leave some of them behind; a store that outlives the process then
/// refuses to be synced, and to be opened again.
pub trait Bulk {
    /// Appends a record; within a table keys must be strictly ascending and greater than any
    /// already there.
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()>;
    /// Commits the rest.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What a walk over a store's objects does with each: its record key, its record, and a reader of
/// its segments.
pub type Each<'e> = &'e mut dyn FnMut(&[u8], &[u8], &dyn Reader) -> ControlFlow<()>;

/// A dataset's records.
pub trait Store: Send + Sync {
    /// A name for messages: `lmdb`, `memory`.
    fn scheme(&self) -> &'static str;
    /// A view of the store as it is now.
    fn reader(&self) -> Result<Box<dyn Reader>>;
    /// Starts writing.
    fn writer(&self) -> Result<Box<dyn Writer + '_>>;
    /// Starts a bulk load. Some stores want each object before its segments.
    fn bulk(&self) -> Result<Box<dyn Bulk + '_>>;
    /// Gives every object to `each` until that breaks off, in the order that the store reads them
    /// in fastest: the same order every time, while nobody changes it. The reader answers for
    /// segments of that object, and for nothing else.
    fn walk(&self, each: Each<'_>) -> Result<()> {
        let reader = self.reader()?;
        let mut cursor = reader.seek(Table::Objects, b"")?;
        while let Some((record_key, record)) = cursor.next()? {
            if each(&record_key, &record, &*reader).is_break() {
                break;
            }
        }
        Ok(())
    }
    /// Makes everything committed durable.
    fn sync(&self) -> Result<()>;
}

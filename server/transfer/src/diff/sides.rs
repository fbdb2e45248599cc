//! A side's objects in key order, each with a reader that finds its segments.
use super::Side;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::runs::entry::segments;
use crate::runs::merge;
use redtool_store::object::split_record_key;
use redtool_store::{Bytes, Cursor, Object, Reader, Table};
use std::borrow::Cow;

/// An object of a side.
pub struct Item<'r> {
    /// `[db][key]`, the order of the walk.
    pub record_key: Bytes<'r>,
    /// The object record.
    pub record: Bytes<'r>,
    /// Where its segments are.
    pub held: Held<'r>,
}

/// Where the segments of an object are.
#[derive(Clone, Copy)]
pub enum Held<'r> {
    /// In the store that the reader is of.
    Store(&'r dyn Reader),
    /// In a blob of runs; empty when there are none.
    Blob(&'r [u8]),
}

/// Walks the objects of a side.
pub enum Walk<'r> {
    /// Of a file: its records merged.
    Runs(Box<merge::Iter<'r>>),
    /// Of a store.
    Store {
        /// Over its objects.
        cursor: Box<dyn Cursor<'r> + 'r>,
        /// For their segments.
        reader: &'r dyn Reader,
        /// Which keys; those of a file were filtered when its runs were made.
        filter: &'r Filter,
    },
}

impl<'r> Walk<'r> {
    /// Starts at the first object.
    pub fn new(side: &'r Side, filter: &'r Filter) -> Result<Self> {
        match side {
            Side::Sorted(sorted) => Ok(Walk::Runs(Box::new(sorted.merged.iter()))),
            Side::Store(reader) => {
                let reader = &**reader;
                Ok(Walk::Store { cursor: reader.seek(Table::Objects, b"")?, reader, filter })
            }
        }
    }

    /// The next object.
    pub fn next(&mut self) -> Result<Option<Item<'r>>> {
        match self {
            Walk::Runs(entries) => {
                let object = entries.find(|item| item.entry.table == Table::Objects);
                let Some(item) = object else { return Ok(None) };
                item.once()?;
                Ok(Some(Item {
                    record_key: Cow::Borrowed(item.entry.key),
                    record: Cow::Borrowed(item.entry.value),
                    held: Held::Blob(item.blob.unwrap_or(&[])),
                }))
            }
            Walk::Store { cursor, reader, filter } => next_object(&mut **cursor, *reader, filter),
        }
    }
}

fn next_object<'r>(
    cursor: &mut dyn Cursor<'r>,
    reader: &'r dyn Reader,
    filter: &Filter,
) -> Result<Option<Item<'r>>> {
    while let Some((record_key, record)) = cursor.next()? {
        if !filter.is_empty() {
            let (db, short) = split_record_key(&record_key)?;
            let object = Object::parse(&record).map_err(|e| Error::store(e, 0, db, short))?;
            let key = object.key(&record_key)?;
            if !filter.passes(db, key, object.kind, object.expire_at_ms) {
                continue;
            }
        }
        return Ok(Some(Item { record_key, record, held: Held::Store(reader) }));
    }
    Ok(None)
}

/// The segments of one object in a blob, read as a store is.
pub struct BlobReader<'b>(Vec<(&'b [u8], &'b [u8])>);

impl<'b> BlobReader<'b> {
    /// Finds the segments.
    pub fn new(blob: &'b [u8]) -> Self {
        Self(segments(blob).collect())
    }
}

impl Reader for BlobReader<'_> {
    fn get(&self, _: Table, key: &[u8]) -> redtool_store::Result<Option<Bytes<'_>>> {
        let found = self.0.binary_search_by(|(k, _)| (*k).cmp(key)).ok();
        Ok(found.map(|n| Cow::Borrowed(self.0[n].1)))
    }

    fn seek(&self, _: Table, from: &[u8]) -> redtool_store::Result<Box<dyn Cursor<'_> + '_>> {
        let start = self.0.partition_point(|(key, _)| *key < from);
        Ok(Box::new(BlobCursor(Box::new(self.0[start..].iter()))))
    }

    fn seek_back(&self, _: Table, from: &[u8]) -> redtool_store::Result<Box<dyn Cursor<'_> + '_>> {
        let end = self.0.partition_point(|(key, _)| *key <= from);
        Ok(Box::new(BlobCursor(Box::new(self.0[..end].iter().rev()))))
    }
}

type Segment<'b> = (&'b [u8], &'b [u8]);

struct BlobCursor<'b>(Box<dyn Iterator<Item = &'b Segment<'b>> + 'b>);

impl<'b> Cursor<'b> for BlobCursor<'b> {
    fn next(&mut self) -> redtool_store::Result<Option<(Bytes<'b>, Bytes<'b>)>> {
        Ok(self.0.next().map(|(key, value)| (Cow::Borrowed(*key), Cow::Borrowed(*value))))
    }
}

//! A side's entries of a range of the key space, in record-key order.
use super::{Range, Side};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::Index;
use redtool_format::rdb::ValueType;
use redtool_store::object::{split_record_key, write_record_key};
use redtool_store::{Bytes, Cursor, Object, Reader, Table};

/// An entry of a side; its value is still where it was.
pub struct Item<'r> {
    /// `[db][key]`, the order of the walk.
    pub record_key: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
    /// Absolute expiry, Unix ms.
    pub expire_at_ms: Option<i64>,
    /// The type of the value.
    pub value_type: ValueType,
    /// The value.
    pub value: Held<'r>,
}

/// Where a value is.
pub enum Held<'r> {
    /// In a file: payload and its offset.
    Payload(&'r [u8], usize),
    /// In an object record.
    Record(Bytes<'r>),
}

impl Side<'_> {
    /// A reader of a store side.
    pub(super) fn reader(&self) -> Result<Option<Box<dyn Reader>>> {
        match self {
            Side::Rdb(_) => Ok(None),
            Side::Store(store) => Ok(Some(store.reader()?)),
        }
    }
}

/// Walks a range of a side.
pub enum Walk<'r> {
    /// Of a file.
    Places {
        /// The file's keys.
        index: &'r Index<'r>,
        /// The next one.
        next: usize,
        /// One past the last.
        end: usize,
        /// For decoding keys.
        scratch: Vec<u8>,
    },
    /// Of a store.
    Records {
        /// Over its objects.
        cursor: Box<dyn Cursor<'r> + 'r>,
        /// The first record key that is not of the range any more.
        to: Option<Vec<u8>>,
        /// Which keys.
        filter: &'r Filter,
    },
}

impl<'r> Walk<'r> {
    /// Starts at the beginning of the range.
    pub fn new(
        side: &Side<'r>,
        reader: Option<&'r dyn Reader>,
        (from, to): Range<'_>,
        filter: &'r Filter,
    ) -> Result<Self> {
        match (side, reader) {
            (Side::Rdb(index), _) => {
                let next = from.map_or(Ok(0), |key| lower_bound(index, key))?;
                let end = to.map_or(Ok(index.len()), |key| lower_bound(index, key))?;
                Ok(Walk::Places { index, next, end, scratch: Vec::new() })
            }
            (Side::Store(_), Some(reader)) => {
                let cursor = reader.seek(Table::Objects, from.unwrap_or_default())?;
                Ok(Walk::Records { cursor, to: to.map(<[u8]>::to_vec), filter })
            }
            (Side::Store(_), None) => {
                Err(Error::new(crate::error::Kind::Store, "a store side without a reader"))
            }
        }
    }

    /// The next entry.
    pub fn next(&mut self) -> Result<Option<Item<'r>>> {
        match self {
            Walk::Places { index, next, end, scratch } => {
                if *next >= *end {
                    return Ok(None);
                }
                index.prefetch(*next);
                let record = index.record(&index.places()[*next])?;
                *next += 1;
                let key = record.key.decode(scratch).map_err(|e| Error::format(e, 0, None))?;
                let mut record_key = Vec::with_capacity(key.len() + 4);
                write_record_key(&mut record_key, record.db, key);
                Ok(Some(Item {
                    record_key,
                    key: key.to_vec(),
                    expire_at_ms: record.expire_at_ms,
                    value_type: record.value_type,
                    value: Held::Payload(record.payload, record.payload_offset),
                }))
            }
            Walk::Records { cursor, to, filter } => {
                next_record(&mut **cursor, to.as_deref(), filter)
            }
        }
    }
}

fn next_record<'r>(
    cursor: &mut dyn Cursor<'r>,
    to: Option<&[u8]>,
    filter: &Filter,
) -> Result<Option<Item<'r>>> {
    while let Some((record_key, record)) = cursor.next()? {
        if to.is_some_and(|to| record_key.as_ref() >= to) {
            break;
        }
        let (db, short) = split_record_key(&record_key)?;
        let object = Object::parse(&record).map_err(|e| Error::store(e, 0, db, short))?;
        let key = object.key(&record_key)?.to_vec();
        if !filter.is_empty() && !filter.passes(db, &key, object.kind, object.expire_at_ms) {
            continue;
        }
        let (expire_at_ms, value_type) = (object.expire_at_ms, object.value_type);
        let record_key = record_key.into_owned();
        let value = Held::Record(record);
        return Ok(Some(Item { record_key, key, expire_at_ms, value_type, value }));
    }
    Ok(None)
}

/// The number of the first place whose record key is not less than `key`.
fn lower_bound(index: &Index<'_>, key: &[u8]) -> Result<usize> {
    let (mut low, mut high) = (0, index.len());
    let (mut scratch, mut found) = (Vec::new(), Vec::new());
    while low < high {
        let middle = low + (high - low) / 2;
        found.clear();
        index.write_record_key(&index.places()[middle], &mut scratch, &mut found)?;
        if found.as_slice() < key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

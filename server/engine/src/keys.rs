//! Walking the keys of a database in the order of their records.
//!
//! Records are in the order of the keys' bytes, except that a long key stands where its prefix and
//! hash put it. A store without that order is walked whole, and what is not of the walk is skipped.
use crate::error::Error;
use crate::record_key::RecordKey;
use redtool_store::object::{self, record_key};
use redtool_store::{Bytes, Cursor, Object, Reader, Table};

/// Bytes of a literal prefix that can be sought: long keys keep at least this much of theirs in the
/// record key.
const PREFIX_MAX_BYTES: usize = 256;

/// A walk over the keys of one database that start with a prefix, expired ones included.
pub struct Keys<'a> {
    records: Box<dyn Cursor<'a> + 'a>,
    bounds: Vec<u8>,
    /// No record of the walk comes after one that does not start with this.
    within: Vec<u8>,
}

/// A key met on a walk.
pub struct Key<'a> {
    record_key: Bytes<'a>,
    record: Bytes<'a>,
}

impl<'a> Keys<'a> {
    /// Starts at the first key of the database that has the prefix.
    pub fn new(reader: &'a dyn Reader, db: u32, prefix: &[u8]) -> Result<Self, Error> {
        let start = if reader.is_ordered() { bounds(db, prefix) } else { reader.first_place(db) };
        Self::from_place(reader, db, prefix, &start)
    }

    /// Goes on at a place ([`Reader::place_after`]) after a key that an earlier walk of the same
    /// database has met.
    pub fn from_place(
        reader: &'a dyn Reader,
        db: u32,
        prefix: &[u8],
        place: &[u8],
    ) -> Result<Self, Error> {
        let bounds = bounds(db, prefix);
        let is_ordered = reader.is_ordered();
        let start = if is_ordered { place.max(&bounds[..]) } else { place };
        let within = if is_ordered { bounds.clone() } else { reader.first_place(db) };
        Ok(Self { records: reader.seek(Table::Objects, start)?, bounds, within })
    }

    /// The next key.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Key<'a>>, Error> {
        while let Some((record_key, record)) = self.records.next()? {
            if record_key.starts_with(&self.bounds) {
                return Ok(Some(Key { record_key, record }));
            }
            if !record_key.starts_with(&self.within) {
                break;
            }
        }
        Ok(None)
    }
}

/// What every record key of the walk starts with.
fn bounds(db: u32, prefix: &[u8]) -> Vec<u8> {
    let prefix = &prefix[..prefix.len().min(PREFIX_MAX_BYTES)];
    record_key(db, prefix)
}

impl Key<'_> {
    /// Its record key.
    pub fn place(&self) -> &[u8] {
        &self.record_key
    }

    /// Its record, read.
    pub fn object(&self) -> Result<Object<'_>, Error> {
        Ok(Object::parse(&self.record)?)
    }

    /// The key's bytes; `object` is its own record.
    pub fn name<'k>(&'k self, object: &Object<'k>) -> &'k [u8] {
        object.long_key.unwrap_or(self.record_key.get(4..).unwrap_or_default())
    }
}

/// The record of a key, were it expired; what is at the record key may be of another long key.
#[inline]
pub fn find<'r, R: Reader + ?Sized>(
    reader: &'r R,
    record_key: &RecordKey,
    key: &[u8],
) -> Result<Option<Bytes<'r>>, Error> {
    let Some(record) = reader.get(Table::Objects, record_key)? else { return Ok(None) };
    if record_key.is_hashed() || object::may_have_long_key(&record) {
        let is_other = Object::parse(&record)?.long_key.is_none_or(|whole| whole != key);
        if is_other {
            return Ok(None);
        }
    }
    Ok(Some(record))
}

/// Whether a record is there for a client; the time is asked for only when it matters.
#[inline]
pub fn is_record_alive(record: &[u8], now_ms: impl FnOnce() -> i64) -> Result<bool, Error> {
    if !object::may_expire(record) {
        return Ok(true);
    }
    Ok(is_alive(&Object::parse(record)?, now_ms()))
}

/// Whether an object is there for a client at this time: a key lives through the millisecond of its
/// expiry.
#[inline]
pub fn is_alive(object: &Object<'_>, now_ms: i64) -> bool {
    object.expire_at_ms.is_none_or(|at| at >= now_ms)
}

//! The segments of one family of one collection: records `[id][family][order key]` of the table of
//! segments.
//!
//! The order key of a segment is that of its first element, so what has a given order key is in the
//! *floor*: the last segment whose key is not greater.
use super::{Direction, Flow, Result};
use redtool_store::{Bytes, Cursor, Reader, Table};

/// The segments of one family, in key order.
#[derive(Clone, Copy)]
pub struct Segments<'r> {
    reader: &'r dyn Reader,
    prefix: [u8; PREFIX_BYTES],
}

/// Length of `[id][family]`.
pub const PREFIX_BYTES: usize = 9;

/// One segment's record.
pub struct Segment<'r> {
    /// The whole record key.
    pub key: Bytes<'r>,
    /// Its listpack (of a list, a byte that tells the form first).
    pub value: Bytes<'r>,
}

impl Segment<'_> {
    /// See [`order_of`].
    pub fn order(&self) -> u64 {
        order_of(&self.key)
    }
}

/// The first eight bytes of the order key in a segment's key, as a number; 0 where a damaged key is
/// too short.
pub fn order_of(key: &[u8]) -> u64 {
    key.get(PREFIX_BYTES..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// A walk over segments in one direction.
pub struct Walk<'r> {
    cursor: Box<dyn Cursor<'r> + 'r>,
    prefix: [u8; PREFIX_BYTES],
}

impl<'r> Walk<'r> {
    /// The next segment of the family.
    pub fn advance(&mut self) -> Result<Option<Segment<'r>>> {
        let record = self.cursor.next()?;
        Ok(record.and_then(|(key, value)| {
            key.starts_with(&self.prefix).then_some(Segment { key, value })
        }))
    }
}

impl<'r> Segments<'r> {
    /// The segments of collection `id` in this family.
    pub fn new(reader: &'r dyn Reader, id: u64, family: u8) -> Self {
        let mut prefix = [family; PREFIX_BYTES];
        prefix[..8].copy_from_slice(&id.to_be_bytes());
        Self { reader, prefix }
    }

    /// What all their keys begin with.
    pub fn prefix(&self) -> &[u8; PREFIX_BYTES] {
        &self.prefix
    }

    /// From the first segment to the last.
    pub fn walk(&self) -> Result<Walk<'r>> {
        self.walk_exactly_from(&self.prefix)
    }

    /// From the last segment to the first.
    pub fn walk_back(&self) -> Result<Walk<'r>> {
        // No record has a bare prefix as its key, so this is the place between two families.
        let mut end = self.prefix;
        end[PREFIX_BYTES - 1] += 1;
        self.walk_back_from(&end)
    }

    /// From the floor of `key` (the first segment when there is none) forward.
    pub fn walk_from(&self, key: &[u8]) -> Result<Walk<'r>> {
        match self.floor(key)? {
            Some(floor) => self.walk_exactly_from(&floor.key),
            None => self.walk(),
        }
    }

    /// From the floor of `key` backward.
    pub fn walk_back_from(&self, key: &[u8]) -> Result<Walk<'r>> {
        let cursor = self.reader.seek_back(Table::Segments, key)?;
        Ok(Walk { cursor, prefix: self.prefix })
    }

    /// From the first segment whose key is not less than `key` forward.
    pub fn walk_exactly_from(&self, key: &[u8]) -> Result<Walk<'r>> {
        let cursor = self.reader.seek(Table::Segments, key)?;
        Ok(Walk { cursor, prefix: self.prefix })
    }

    /// From the first or the last segment, by direction.
    pub fn walk_whole(&self, direction: Direction) -> Result<Walk<'r>> {
        match direction {
            Direction::Forward => self.walk(),
            Direction::Backward => self.walk_back(),
        }
    }

    /// From the floor of `key`, by direction.
    pub fn walk_floor(&self, key: &[u8], direction: Direction) -> Result<Walk<'r>> {
        match direction {
            Direction::Forward => self.walk_from(key),
            Direction::Backward => self.walk_back_from(key),
        }
    }

    /// The last segment whose key is not greater than `key`.
    pub fn floor(&self, key: &[u8]) -> Result<Option<Segment<'r>>> {
        let record = self.reader.floor(Table::Segments, key)?;
        Ok(record.and_then(|(key, value)| {
            key.starts_with(&self.prefix).then_some(Segment { key, value })
        }))
    }

    /// The segment that may hold elements of this hash (families ordered by hash). When the hash
    /// lies before all segments, the first one.
    pub fn of_hash(&self, hash: u64) -> Result<Option<Segment<'r>>> {
        match self.floor(&self.key(hash))? {
            Some(segment) => Ok(Some(segment)),
            None => self.walk()?.advance(),
        }
    }

    /// The record key of an order key that is one number.
    pub fn key(&self, order: u64) -> [u8; PREFIX_BYTES + 8] {
        let mut key = [0; PREFIX_BYTES + 8];
        key[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        key[PREFIX_BYTES..].copy_from_slice(&order.to_be_bytes());
        key
    }

    /// Hands every segment to `f` until it stops.
    pub fn each(&self, mut f: impl FnMut(Segment<'r>) -> Result<Flow>) -> Result<()> {
        let mut walk = self.walk()?;
        while let Some(segment) = walk.advance()? {
            if f(segment)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

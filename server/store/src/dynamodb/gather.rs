//! One value's segments, gathered from a scan so that they can be read as those of any store: in
//! memory while they are few, in a temporary file when they are many.
use super::link::Link;
use super::scan::{scan_all, Visit};
use crate::contract::{Bytes, Cursor, Each, Reader, Table};
use crate::error::{Result, StoreError};
use crate::spill::{SpillBytes, SpillVec};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Gives every object of a table, with a reader of its segments, to `each`.
pub fn walk(link: &Link, segments: usize, each: Each<'_>) -> Result<()> {
    let mut gather = Gather { each, value: Value::default(), is_open: false };
    match scan_all(link, segments, &mut gather).and_then(|()| gather.close()) {
        Ok(()) | Err(Stop::Asked) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Why a walk ends early.
enum Stop {
    /// It was asked to.
    Asked,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Failed(error)
    }
}

struct Gather<'e> {
    each: Each<'e>,
    value: Value,
    is_open: bool,
}

impl Gather<'_> {
    /// Gives the value that is gathered.
    fn close(&mut self) -> std::result::Result<(), Stop> {
        if !std::mem::take(&mut self.is_open) {
            return Ok(());
        }
        let Value { record_key, record, .. } = &self.value;
        match (self.each)(record_key, record.as_slice(), &self.value) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Asked),
        }
    }
}

impl Visit for Gather<'_> {
    type Error = Stop;

    fn object(&mut self, record_key: &[u8], record: &[u8]) -> std::result::Result<(), Stop> {
        self.close()?;
        self.value.clear();
        self.value.record_key.extend_from_slice(record_key);
        self.value.record.extend_from_slice(record)?;
        self.is_open = true;
        Ok(())
    }

    fn segment(&mut self, key: &[u8], value: &[u8]) -> std::result::Result<(), Stop> {
        Ok(self.value.push(key, value)?)
    }
}

/// An object and its segments.
#[derive(Default)]
struct Value {
    record_key: Vec<u8>,
    record: SpillBytes,
    /// Keys and values of the segments, one after the other.
    bytes: SpillBytes,
    /// Where each segment begins, and the lengths of its key and value; in key order.
    places: SpillVec<[u64; 3]>,
}

impl Value {
    fn clear(&mut self) {
        self.record_key.clear();
        self.record.clear();
        self.bytes.clear();
        self.places.clear();
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let start = self.bytes.len() as u64;
        self.bytes.extend_from_slice(key)?;
        self.bytes.extend_from_slice(value)?;
        self.places.push([start, key.len() as u64, value.len() as u64])
    }

    fn segment(&self, place: &[u64; 3]) -> (&[u8], &[u8]) {
        let [start, key, value] = place.map(|n| n as usize);
        self.bytes.as_slice()[start..start + key + value].split_at(key)
    }

    /// How many segments have a smaller key.
    fn before(&self, key: &[u8]) -> usize {
        self.places.as_slice().partition_point(|place| self.segment(place).0 < key)
    }

    fn at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        self.places.as_slice().get(index).map(|place| self.segment(place))
    }
}

impl Reader for Value {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        if table != Table::Segments {
            return Err(StoreError::Backend("only segments are gathered".into()));
        }
        let found = self.at(self.before(key)).filter(|(found, _)| *found == key);
        Ok(found.map(|(_, value)| Cow::Borrowed(value)))
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        let next = if table == Table::Segments { self.before(from) } else { usize::MAX };
        Ok(Box::new(Walk { value: self, next: Some(next), forward: true }))
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        if table != Table::Segments {
            return Ok(Box::new(Walk { value: self, next: None, forward: false }));
        }
        let before = self.before(from);
        let is_there = self.at(before).is_some_and(|(key, _)| key == from);
        let next = if is_there { Some(before) } else { before.checked_sub(1) };
        Ok(Box::new(Walk { value: self, next, forward: false }))
    }

    fn is_ordered(&self) -> bool {
        false
    }
}

struct Walk<'v> {
    value: &'v Value,
    next: Option<usize>,
    forward: bool,
}

impl<'v> Cursor<'v> for Walk<'v> {
    fn next(&mut self) -> Result<Option<(Bytes<'v>, Bytes<'v>)>> {
        let value = self.value;
        let found = self.next.and_then(|next| value.at(next));
        let next =
            |next: usize| if self.forward { next.checked_add(1) } else { next.checked_sub(1) };
        self.next = self.next.and_then(next);
        Ok(found.map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_in_both_directions() {
        let mut value = Value::default();
        for key in [b"b", b"d", b"f"] {
            value.push(key, &key.repeat(3)).unwrap();
        }
        let first = |from: &[u8], back: bool| {
            let walk = if back {
                value.seek_back(Table::Segments, from)
            } else {
                value.seek(Table::Segments, from)
            };
            walk.unwrap().next().unwrap().map(|(key, _)| key.into_owned())
        };
        assert_eq!(first(b"a", false).unwrap(), b"b");
        assert_eq!(first(b"d", false).unwrap(), b"d");
        assert_eq!(first(b"g", false), None);
        assert_eq!(first(b"a", true), None);
        assert_eq!(first(b"d", true).unwrap(), b"d");
        assert_eq!(first(b"g", true).unwrap(), b"f");
        assert_eq!(*value.get(Table::Segments, b"f").unwrap().unwrap(), *b"fff");
        assert!(value.get(Table::Segments, b"e").unwrap().is_none());
    }
}

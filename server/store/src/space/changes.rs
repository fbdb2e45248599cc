//! What was written and is not in the store yet: the newest record of each key, or that it is gone.
use super::bytes::{allocated, SegmentMut};
use super::record_key::RecordKey;
use crate::contract::{Bytes, Cursor, Reader, Store, Table};
use crate::error::Result;
use std::borrow::Cow;
use std::collections::btree_map::{Entry, Range};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Records by key; None where a record was removed.
type Map = BTreeMap<RecordKey, Option<Vec<u8>>>;

/// Changes to the tables of a store, in key order.
#[derive(Default)]
pub(super) struct Changes {
    maps: [Map; 4],
    /// Nothing that is in the store, or in older changes, counts any more.
    pub hides_older: bool,
    bytes: usize,
}

/// Memory of a record beside its bytes, about.
const RECORD_BYTES: usize = 64;

fn value_bytes(value: &Option<Vec<u8>>) -> usize {
    value.as_ref().map_or(0, |value| allocated(value.capacity()))
}

/// Stores what became of a record, and keeps the total; where it stands.
fn set_in<'m>(
    map: &'m mut Map,
    total: &mut usize,
    key: &[u8],
    value: Option<Vec<u8>>,
) -> &'m mut Option<Vec<u8>> {
    *total += value_bytes(&value);
    match map.entry(RecordKey::new(key)) {
        Entry::Occupied(entry) => {
            let old = entry.into_mut();
            *total -= value_bytes(old);
            *old = value;
            old
        }
        Entry::Vacant(entry) => {
            *total += key.len() + RECORD_BYTES;
            entry.insert(value)
        }
    }
}

impl Changes {
    /// That nothing is there any more.
    pub fn hiding_older() -> Self {
        Self { hides_older: true, ..Self::default() }
    }

    /// Memory that the changes take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        !self.hides_older && self.maps.iter().all(BTreeMap::is_empty)
    }

    /// What became of a record; None when nothing did.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        self.maps[table as usize].get(&RecordKey::new(key)).map(|value| value.as_deref())
    }

    /// Stores a record.
    pub fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.set(table, key, Some(value));
    }

    /// Removes a record.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.set(table, key, None);
    }

    fn set(&mut self, table: Table, key: &[u8], value: Option<Vec<u8>>) {
        set_in(&mut self.maps[table as usize], &mut self.bytes, key, value);
    }

    /// Stores a record, to be changed in place.
    pub fn put_mut(&mut self, table: Table, key: &[u8], value: Vec<u8>) -> SegmentMut<'_> {
        let value_bytes = allocated(value.capacity());
        let place = set_in(&mut self.maps[table as usize], &mut self.bytes, key, None);
        self.bytes += value_bytes;
        SegmentMut::new(place.insert(value), &mut self.bytes)
    }

    /// Takes away what became of a record, as if nothing had; None when nothing did.
    pub fn take(&mut self, table: Table, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let value = self.maps[table as usize].remove(&RecordKey::new(key))?;
        self.bytes -= key.len() + RECORD_BYTES + value_bytes(&value);
        Some(value)
    }

    /// A record to be changed in place, when it is here.
    pub fn get_mut(&mut self, table: Table, key: &[u8]) -> Option<SegmentMut<'_>> {
        let value = self.maps[table as usize].get_mut(&RecordKey::new(key))?.as_mut()?;
        Some(SegmentMut::new(value, &mut self.bytes))
    }

    /// The same, which keeps its length.
    pub fn slice_mut(&mut self, table: Table, key: &[u8]) -> Option<&mut [u8]> {
        self.maps[table as usize].get_mut(&RecordKey::new(key))?.as_deref_mut()
    }

    /// What became of the last record whose key is not greater, of those to which something did.
    pub fn floor(&self, table: Table, key: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
        let bounds = (Bound::Unbounded, Bound::Included(RecordKey::new(key)));
        let (key, value) = self.maps[table as usize].range(bounds).next_back()?;
        Some((key.bytes(), value.as_deref()))
    }

    /// A walk from a key on, or back from it.
    pub fn walk(&self, table: Table, from: &[u8], forward: bool) -> ChangeWalk<'_> {
        let from = Bound::Included(RecordKey::new(from));
        let bounds = match forward {
            true => (from, Bound::Unbounded),
            false => (Bound::Unbounded, from),
        };
        ChangeWalk { range: self.maps[table as usize].range(bounds), forward }
    }

    /// Writes all of them into the store, in one transaction, and waits until they are durable.
    pub fn write_to(&self, store: &dyn Store) -> Result<()> {
        let mut writer = store.writer()?;
        if self.hides_older {
            let reader = store.reader()?;
            for table in [Table::Objects, Table::Segments, Table::Expires] {
                let mut records = reader.seek(table, b"")?;
                while let Some((key, _)) = records.next()? {
                    writer.delete(table, &key)?;
                }
            }
            // Of the counters, those of databases that now have no key are not written anew.
            let mut records = reader.seek(Table::Meta, b"db")?;
            while let Some((key, _)) = records.next()? {
                if !key.starts_with(b"db") {
                    break;
                }
                writer.delete(Table::Meta, &key)?;
            }
        }
        for table in Table::ALL {
            for (key, value) in &self.maps[table as usize] {
                match value {
                    Some(value) => writer.put(table, key.bytes(), value)?,
                    None => writer.delete(table, key.bytes()).map(|_| ())?,
                }
            }
        }
        writer.commit()?;
        store.sync()
    }
}

/// A walk over changes.
pub(super) struct ChangeWalk<'c> {
    range: Range<'c, RecordKey, Option<Vec<u8>>>,
    forward: bool,
}

impl<'c> ChangeWalk<'c> {
    fn advance(&mut self) -> Option<(Bytes<'c>, Option<Bytes<'c>>)> {
        let next = if self.forward { self.range.next() } else { self.range.next_back() };
        next.map(|(key, value)| {
            (Cow::Borrowed(key.bytes()), value.as_ref().map(|value| Cow::Borrowed(&value[..])))
        })
    }
}

/// A record, or that one was removed.
type Change<'r> = (Bytes<'r>, Option<Bytes<'r>>);

/// One of the layers that a walk goes through at once.
enum Layer<'r> {
    Changes(ChangeWalk<'r>),
    Base(Box<dyn Cursor<'r> + 'r>),
}

impl<'r> Layer<'r> {
    fn advance(&mut self) -> Result<Option<Change<'r>>> {
        match self {
            Layer::Changes(walk) => Ok(walk.advance()),
            Layer::Base(cursor) => Ok(cursor.next()?.map(|(key, value)| (key, Some(value)))),
        }
    }
}

/// A walk over a store as its changes leave it: the newest layer that knows a key decides.
pub(super) struct Merged<'r> {
    layers: Vec<(Layer<'r>, Option<Change<'r>>)>,
    forward: bool,
    started: bool,
}

impl<'r> Merged<'r> {
    /// A walk through layers of changes, the newest first, and the store below, if it counts.
    pub fn new(
        changes: &[&'r Changes],
        base: Option<&'r dyn Reader>,
        table: Table,
        from: &[u8],
        forward: bool,
    ) -> Result<Self> {
        let mut layers: Vec<_> = changes
            .iter()
            .map(|changes| (Layer::Changes(changes.walk(table, from, forward)), None))
            .collect();
        if let Some(base) = base {
            let cursor =
                if forward { base.seek(table, from)? } else { base.seek_back(table, from)? };
            layers.push((Layer::Base(cursor), None));
        }
        Ok(Self { layers, forward, started: false })
    }

    /// The layer whose record comes next; of several with the same key the newest.
    fn front(&self) -> Option<usize> {
        let mut front: Option<(usize, &Bytes<'r>)> = None;
        for (index, (_, head)) in self.layers.iter().enumerate() {
            let Some((key, _)) = head else { continue };
            let is_nearer = front.is_none_or(|(_, nearest)| match self.forward {
                true => key < nearest,
                false => key > nearest,
            });
            if is_nearer {
                front = Some((index, key));
            }
        }
        front.map(|(index, _)| index)
    }
}

impl<'r> Cursor<'r> for Merged<'r> {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        if !self.started {
            self.started = true;
            for (layer, head) in &mut self.layers {
                *head = layer.advance()?;
            }
        }
        while let Some(front) = self.front() {
            let (layer, head) = &mut self.layers[front];
            let Some((key, value)) = head.take() else { break };
            *head = layer.advance()?;
            for (layer, head) in &mut self.layers[front + 1..] {
                if head.as_ref().is_some_and(|(other, _)| *other == key) {
                    *head = layer.advance()?;
                }
            }
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }
}

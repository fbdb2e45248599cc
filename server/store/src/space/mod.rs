//! The records of a dataset that is being written: what commands read and change.
//!
//! A space answers as a [`Reader`] for everything written so far. It is one of two:
//!
//! - **memory**: the records themselves, changed in place ([`memory`], [`table`]).
//! - **over a store**: changes ([`changes`]) in memory over a snapshot of the store. At intervals
//!   [`Space::freeze`] sets the changes apart; another thread writes them into the store in one
//!   transaction ([`Frozen::write`]) while commands go on over three layers, and [`Space::thaw`]
//!   then opens a snapshot that has them. So the store always holds the dataset as it was at one
//!   moment between two commands, whatever happens to the process.
//!
//! A space in memory can also be read as it was at one moment while it goes on being changed
//! ([`past`]).
//!
//! Putting and removing an object keeps the counters per db and the expiry index; its segments are
//! the caller's to keep. Ids of segments are given out by [`Space::new_id`].
mod bytes;
mod changes;
mod databases;
mod entry;
mod expiry;
mod layers;
mod memory;
mod past;
mod place;
mod record_key;
mod sample;
mod segments;
mod table;
mod uses;

use crate::contract::{Bytes, Cursor, Reader, Record, Store, Table};
use crate::error::Result;
use crate::layout::{LAYOUT_NAME, META_LAYOUT};
use crate::meta::{DbCounts, Meta};
use crate::object::{segment_id, split_record_key, write_expire_key, Header};
pub use bytes::SegmentMut;
use changes::Changes;
use layers::Layers;
use memory::Memory;
pub use past::{OwnedRecord, PastWalk};
pub use place::place_behind;
pub use sample::Sampled;
use std::borrow::Cow;
use std::sync::Arc;
pub use uses::{Counting, Use};

/// Records that can be changed.
pub struct Space {
    meta: Meta,
    home: Home,
    meta_changed: bool,
}

enum Home {
    Memory(Memory),
    Store(Layers),
}

/// A segment found: its key, and its value to be changed.
pub type Found<'s> = (Bytes<'s>, SegmentMut<'s>);

/// Bytes of a segment's key that name its value and its family.
const FAMILY_BYTES: usize = 9;

/// Changes set apart to be written.
pub struct Frozen {
    changes: Arc<Changes>,
    store: Arc<dyn Store>,
}

impl Frozen {
    /// Writes them into the store and waits until they are durable.
    pub fn write(&self) -> Result<()> {
        self.changes.write_to(&*self.store)
    }
}

impl Space {
    /// A new, empty dataset in memory.
    pub fn in_memory() -> Self {
        let meta = Meta { next_id: 1, ..Meta::default() };
        Self { meta, home: Home::Memory(Memory::default()), meta_changed: false }
    }

    /// The dataset of a store, to be changed.
    pub fn over(store: Arc<dyn Store>) -> Result<Self> {
        let base = store.reader()?;
        let meta = Meta::load(&*base)?;
        Ok(Self::over_view(store, base, meta))
    }

    /// The dataset of a store of which there is a view already.
    pub fn over_view(store: Arc<dyn Store>, base: Box<dyn Reader>, mut meta: Meta) -> Self {
        meta.next_id = meta.next_id.max(1);
        let layers = Layers { live: Changes::default(), frozen: None, base, store };
        Self { meta, home: Home::Store(layers), meta_changed: false }
    }

    /// What the dataset knows about itself, counters as they are now.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The same, to be changed; counters and ids are the space's to keep.
    pub fn meta_mut(&mut self) -> &mut Meta {
        self.meta_changed = true;
        &mut self.meta
    }

    /// Whether it is a store's, and so outlives the process.
    pub fn is_durable(&self) -> bool {
        matches!(self.home, Home::Store(_))
    }

    /// Memory that keys and records take: of a store, those that are not in it yet.
    pub fn bytes(&self) -> usize {
        match &self.home {
            Home::Memory(memory) => memory.bytes(),
            Home::Store(layers) => layers.live.bytes(),
        }
    }

    /// What happens from now on are uses of objects at this time, in units of the caller's; 0: they
    /// are no uses. Only objects in memory have such a time.
    #[inline]
    pub fn set_now(&mut self, now: u32) {
        if let Home::Memory(memory) = &mut self.home {
            memory.uses.set_now(now);
        }
    }

    /// What happens from now on are uses of objects, which are counted, until [`Space::set_now`].
    pub fn count_uses(&mut self, counting: Counting) {
        if let Home::Memory(memory) = &mut self.home {
            memory.uses.count(counting);
        }
    }

    /// What is known of the uses of an object that is there. None where nobody keeps it.
    pub fn used(&self, record_key: &[u8]) -> Option<Use> {
        match &self.home {
            Home::Memory(memory) => memory.used(record_key),
            Home::Store(_) => None,
        }
    }

    /// Changes that, if somebody keeps it.
    pub fn set_used(&self, record_key: &[u8], used: Use) {
        if let Home::Memory(memory) = &self.home {
            memory.set_used(record_key, used);
        }
    }

    /// An id for the segments of a value.
    pub fn new_id(&mut self) -> u64 {
        self.meta.next_id += 1;
        self.meta.next_id - 1
    }

    /// Stores an object. Of the one that it replaces the id of its segments, which are still there
    /// (and are the new one's, when that has the same id).
    #[inline]
    pub fn put_object(&mut self, record_key: &[u8], record: &[u8]) -> Result<Option<u64>> {
        let new = Header::of(record);
        let (mut old, mut id) = (None, Ok(None));
        match &mut self.home {
            Home::Memory(memory) => memory.put_object(record_key, record, |record| {
                old = record.and_then(Header::of);
                id = record.map_or(Ok(None), segment_id);
            })?,
            Home::Store(layers) => {
                let replaced = layers.get(Table::Objects, record_key)?;
                old = replaced.as_deref().and_then(Header::of);
                id = replaced.as_deref().map_or(Ok(None), segment_id);
                drop(replaced);
                layers.live.put(Table::Objects, record_key, record.to_vec());
            }
        }
        self.count(record_key, old, new)?;
        id
    }

    /// The record of an object, the bytes of its value to be changed in place; the header says
    /// what was counted, and stays as it is.
    pub fn object_mut(&mut self, record_key: &[u8]) -> Result<Option<&mut [u8]>> {
        match &mut self.home {
            Home::Memory(memory) => Ok(memory.object_mut(record_key)),
            Home::Store(layers) => {
                layers.bring(Table::Objects, record_key)?;
                Ok(layers.live.slice_mut(Table::Objects, record_key))
            }
        }
    }

    /// Removes an object, not its segments; whether it was there.
    pub fn delete_object(&mut self, record_key: &[u8]) -> Result<bool> {
        let mut old = None;
        let removed = match &mut self.home {
            Home::Memory(memory) => {
                memory.remove_object(record_key, |record| old = Header::of(record))?
            }
            Home::Store(layers) => {
                let record = layers.get(Table::Objects, record_key)?;
                old = record.as_deref().and_then(Header::of);
                let was_there = record.is_some();
                layers.live.delete(Table::Objects, record_key);
                was_there
            }
        };
        self.count(record_key, old, None)?;
        Ok(removed)
    }

    fn count(&mut self, record_key: &[u8], old: Option<Header>, new: Option<Header>) -> Result<()> {
        let (old_at, new_at) =
            (old.and_then(|old| old.expire_at_ms), new.and_then(|new| new.expire_at_ms));
        if old_at != new_at {
            let mut key = Vec::with_capacity(8 + record_key.len());
            for (at_ms, is_new) in [(old_at, false), (new_at, true)] {
                let Some(at_ms) = at_ms else { continue };
                key.clear();
                write_expire_key(&mut key, at_ms, record_key);
                self.index(&key, is_new);
            }
        }
        let same = matches!((old, new), (Some(old), Some(new))
            if old.kind == new.kind && old_at.is_some() == new_at.is_some());
        if same || (old.is_none() && new.is_none()) {
            return Ok(());
        }
        let (db, _) = split_record_key(record_key)?;
        let counts = counts_of(&mut self.meta, db);
        if let Some(old) = old {
            counts.subtract(old.kind, old.expire_at_ms.is_some());
        }
        if let Some(new) = new {
            counts.add(new.kind, new.expire_at_ms.is_some());
        }
        if counts.keys == 0 {
            self.meta.dbs.retain(|(other, _)| *other != db);
            if let Home::Store(layers) = &mut self.home {
                layers.live.delete(Table::Meta, &[b"db", &db.to_be_bytes()[..]].concat());
            }
        }
        Ok(())
    }

    fn index(&mut self, key: &[u8], is_there: bool) {
        match (&mut self.home, is_there) {
            (Home::Memory(memory), true) => memory.index(key),
            (Home::Memory(memory), false) => memory.unindex(key),
            (Home::Store(layers), true) => layers.live.put(Table::Expires, key, Vec::new()),
            (Home::Store(layers), false) => layers.live.delete(Table::Expires, key),
        }
    }

    /// Stores a segment.
    pub fn put_segment(&mut self, key: &[u8], value: Vec<u8>) {
        match &mut self.home {
            Home::Memory(memory) => memory.put_segment(key, value),
            Home::Store(layers) => layers.live.put(Table::Segments, key, value),
        }
    }

    /// Removes a segment.
    pub fn delete_segment(&mut self, key: &[u8]) {
        match &mut self.home {
            Home::Memory(memory) => {
                memory.delete_segment(key);
            }
            Home::Store(layers) => layers.live.delete(Table::Segments, key),
        }
    }

    /// Gives a segment another key of the same value. Its bytes are not copied.
    pub fn rename_segment(&mut self, old: &[u8], new: &[u8]) -> Result<()> {
        match &mut self.home {
            Home::Memory(memory) => memory.rename_segment(old, new),
            Home::Store(layers) => {
                let below = layers.below(Table::Segments, old)?.map(Cow::into_owned);
                let is_below = below.is_some();
                let value = match layers.live.take(Table::Segments, old) {
                    Some(value) => value,
                    None => below,
                };
                // Only what is in the store must be removed there.
                if is_below {
                    layers.live.delete(Table::Segments, old);
                }
                if let Some(value) = value {
                    layers.live.put(Table::Segments, new, value);
                }
            }
        }
        Ok(())
    }

    /// A segment to be changed in place.
    pub fn segment_mut(&mut self, key: &[u8]) -> Result<Option<SegmentMut<'_>>> {
        match &mut self.home {
            Home::Memory(memory) => Ok(memory.segment_mut(key)),
            Home::Store(layers) => layers.changing(Table::Segments, key),
        }
    }

    /// The last segment of a family whose key is not greater than this one, with its key, to be
    /// changed in place: what holds an order key, or would.
    pub fn floor_segment_mut(&mut self, key: &[u8]) -> Result<Option<Found<'_>>> {
        let family = &key[..key.len().min(FAMILY_BYTES)];
        match &mut self.home {
            Home::Memory(memory) => {
                let found = memory.floor_mut(key).filter(|(floor, _)| floor.starts_with(family));
                Ok(found.map(|(key, value)| (Cow::Borrowed(key), value)))
            }
            Home::Store(layers) => layers.floor_mut(Table::Segments, key, family),
        }
    }

    /// The first or the last segment of a family, with its key, to be changed in place.
    pub fn end_segment_mut(
        &mut self,
        family: &[u8; FAMILY_BYTES],
        first: bool,
    ) -> Result<Option<Found<'_>>> {
        match &mut self.home {
            Home::Memory(memory) => {
                let found = memory.end_mut(family, first);
                Ok(found.map(|(key, value)| (Cow::Borrowed(key), value)))
            }
            Home::Store(layers) => {
                // No segment has a bare prefix as its key.
                let mut from = *family;
                if !first {
                    from[FAMILY_BYTES - 1] += 1;
                    return layers.floor_mut(Table::Segments, &from, family);
                }
                let end = layers.walk(Table::Segments, &from, true)?.next()?;
                let end = end.map(|(key, _)| key.into_owned());
                let Some(end) = end.filter(|end| end.starts_with(family)) else { return Ok(None) };
                let value = layers.changing(Table::Segments, &end)?;
                Ok(value.map(|value| (Cow::Owned(end), value)))
            }
        }
    }

    /// Removes every segment of a value.
    pub fn delete_segments(&mut self, id: u64) -> Result<()> {
        match &mut self.home {
            Home::Memory(memory) => memory.delete_all_segments(id),
            Home::Store(layers) => {
                for key in layers.segment_keys(id)? {
                    layers.live.delete(Table::Segments, &key);
                }
            }
        }
        Ok(())
    }

    /// Removes an object and its segments; whether it was there.
    pub fn remove(&mut self, record_key: &[u8]) -> Result<bool> {
        let id = match self.get(Table::Objects, record_key)? {
            Some(record) => segment_id(&record)?,
            None => return Ok(false),
        };
        if let Some(id) = id {
            self.delete_segments(id)?;
        }
        self.delete_object(record_key)
    }

    /// Sets the changes since the last time apart, to be written; None when there are none. Those
    /// that were set apart and not written are given again.
    pub fn freeze(&mut self) -> Option<Frozen> {
        let Home::Store(layers) = &mut self.home else { return None };
        if let Some(changes) = &layers.frozen {
            let (changes, store) = (Arc::clone(changes), Arc::clone(&layers.store));
            return Some(Frozen { changes, store });
        }
        if layers.live.is_empty() && !self.meta_changed {
            return None;
        }
        self.meta_changed = false;
        for (key, value) in self.meta.records() {
            layers.live.put(Table::Meta, &key, value);
        }
        layers.live.put(Table::Meta, META_LAYOUT, LAYOUT_NAME.to_vec());
        let changes = Arc::new(std::mem::take(&mut layers.live));
        layers.frozen = Some(Arc::clone(&changes));
        Some(Frozen { changes, store: Arc::clone(&layers.store) })
    }

    /// The changes set apart are in the store.
    pub fn thaw(&mut self) -> Result<()> {
        if let Home::Store(layers) = &mut self.home {
            layers.base = layers.store.reader()?;
            layers.frozen = None;
        }
        Ok(())
    }

    /// Bytes of changes that wait to be set apart.
    pub fn waiting_bytes(&self) -> usize {
        match &self.home {
            Home::Memory(_) => 0,
            Home::Store(layers) => layers.live.bytes(),
        }
    }
}

fn counts_of(meta: &mut Meta, db: u32) -> &mut DbCounts {
    let index = match meta.dbs.binary_search_by_key(&db, |(db, _)| *db) {
        Ok(index) => index,
        Err(index) => {
            meta.dbs.insert(index, (db, DbCounts::default()));
            index
        }
    };
    &mut meta.dbs[index].1
}

impl Reader for Space {
    #[inline]
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        match (&self.home, table) {
            (Home::Memory(memory), Table::Objects) => Ok(memory.object(key).map(Cow::Borrowed)),
            (Home::Memory(memory), Table::Segments) => Ok(memory.segment(key).map(Cow::Borrowed)),
            (Home::Memory(memory), Table::Expires) => {
                Ok(memory.expires.contains(key).then_some(Cow::Borrowed(&[])))
            }
            (Home::Memory(_), Table::Meta) => Ok(None),
            (Home::Store(layers), _) => layers.get(table, key),
        }
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        match (&self.home, table) {
            (Home::Memory(memory), Table::Objects) => Ok(Box::new(memory.objects(from))),
            (Home::Memory(memory), _) => Ok(Box::new(memory.segments(from, true))),
            (Home::Store(layers), _) if layers.is_unchanged() => layers.base.seek(table, from),
            (Home::Store(layers), _) => Ok(Box::new(layers.walk(table, from, true)?)),
        }
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        match &self.home {
            Home::Memory(memory) => Ok(Box::new(memory.segments(from, false))),
            Home::Store(layers) => Ok(Box::new(layers.walk(table, from, false)?)),
        }
    }

    fn floor(&self, table: Table, key: &[u8]) -> Result<Option<Record<'_>>> {
        match (&self.home, table) {
            (Home::Memory(memory), Table::Segments) => Ok(memory.floor(key)),
            (Home::Memory(_), _) => self.seek_back(table, key)?.next(),
            (Home::Store(layers), _) => layers.floor(table, key),
        }
    }

    fn expect(&self, table: Table, keys: &[&[u8]]) {
        if let Home::Store(layers) = &self.home {
            layers.base.expect(table, keys);
        }
    }

    fn is_ordered(&self) -> bool {
        match &self.home {
            Home::Memory(_) => false,
            Home::Store(layers) => layers.base.is_ordered(),
        }
    }

    fn place_after(&self, record_key: &[u8]) -> Vec<u8> {
        match &self.home {
            Home::Memory(_) => place_behind(record_key),
            Home::Store(layers) => layers.base.place_after(record_key),
        }
    }

    fn first_place(&self, db: u32) -> Vec<u8> {
        match &self.home {
            Home::Memory(_) => db.to_be_bytes().to_vec(),
            Home::Store(layers) => layers.base.first_place(db),
        }
    }
}

#[cfg(test)]
mod tests;

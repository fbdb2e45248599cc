//! A whole dataset in memory, to be changed in place.
//!
//! Objects stand in a table per db in the order of their hashes, [`segments`](super::segments)
//! value by value, the expiry index in an ordered set.
use super::bytes::{allocated, SegmentMut};
use super::entry::Entry;
use super::past::Past;
use super::place::read_place;
use super::segments::{SegmentWalk, Segments};
use super::table::{ObjectTable, TableWalk};
use super::uses::{Use, Uses};
use crate::contract::{Bytes, Cursor, Record};
use crate::error::{Result, StoreError};
use crate::layout::MAX_KEY_BYTES;
use crate::object::{split_record_key, write_expire_key, Object};
use hashbrown::HashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A dataset.
#[derive(Default)]
pub(super) struct Memory {
    dbs: BTreeMap<u32, ObjectTable>,
    segments: HashMap<u64, Segments>,
    /// Keys of the expiry index.
    pub expires: BTreeSet<Box<[u8]>>,
    /// Memory of segments and of the expiry index.
    other_bytes: usize,
    /// How uses of objects are noted.
    pub uses: Uses,
    /// What was at the moment that somebody still reads.
    pub past: Option<Box<Past>>,
}

/// Memory of a value's map of segments, about, and of a segment in it beside its bytes: a node has
/// room for eleven.
const SEGMENTS_BYTES: usize = 640;
const SEGMENT_BYTES: usize = 64;
/// Memory of a key in the expiry index beside its bytes, about.
const EXPIRE_BYTES: usize = 40;

/// The id that a segment's key starts with.
pub(super) fn id_of(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |id| u64::from_be_bytes(*id))
}

/// Memory of a segment.
fn segment_bytes(value: &Vec<u8>) -> usize {
    SEGMENT_BYTES + allocated(value.capacity())
}

/// A segment is about to change.
#[inline]
fn note_segment(past: &mut Option<Box<Past>>, key: &[u8], value: &[u8]) {
    if let Some(past) = past {
        past.note_segment(key, Some(value));
    }
}

impl Memory {
    /// Memory that keys and records take, about.
    pub fn bytes(&self) -> usize {
        self.dbs.values().map(ObjectTable::bytes).sum::<usize>() + self.other_bytes
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.dbs.values().map(ObjectTable::len).sum()
    }

    /// An object chosen by chance, with its db.
    pub fn pick(&self) -> Option<(u32, &Entry)> {
        let mut place = self.uses.dice.below(self.len());
        for (db, table) in &self.dbs {
            match place.checked_sub(table.len()) {
                Some(beyond) => place = beyond,
                None => return Some((*db, table.pick(self.uses.dice.draw())?)),
            }
        }
        None
    }

    /// Enters a key into the expiry index.
    pub fn index(&mut self, key: &[u8]) {
        if self.expires.insert(key.into()) {
            self.other_bytes += EXPIRE_BYTES + allocated(key.len());
        }
    }

    /// Takes a key out of it.
    pub fn unindex(&mut self, key: &[u8]) {
        if self.expires.remove(key) {
            self.other_bytes -= EXPIRE_BYTES + allocated(key.len());
        }
    }

    /// The record of an object.
    #[inline]
    pub fn object(&self, record_key: &[u8]) -> Option<&[u8]> {
        let (db, key) = split_record_key(record_key).ok()?;
        self.dbs.get(&db)?.get(key, &self.uses)
    }

    /// What is known of the uses of an object.
    pub fn used(&self, record_key: &[u8]) -> Option<Use> {
        let (db, key) = split_record_key(record_key).ok()?;
        self.dbs.get(&db)?.find(key).map(|entry| Use::of_word(entry.used()))
    }

    /// Changes that.
    pub fn set_used(&self, record_key: &[u8], used: Use) {
        let Ok((db, key)) = split_record_key(record_key) else { return };
        if let Some(entry) = self.dbs.get(&db).and_then(|table| table.find(key)) {
            entry.set_used(used.word());
        }
    }

    #[inline]
    pub fn object_mut(&mut self, record_key: &[u8]) -> Option<&mut [u8]> {
        let (db, key) = split_record_key(record_key).ok()?;
        let record = self.dbs.get_mut(&db)?.get_mut(key, &self.uses)?;
        if let Some(past) = &mut self.past {
            past.note_object(db, key, Some(record));
        }
        Some(record)
    }

    /// The objects of a db.
    pub fn table(&self, db: u32) -> Option<&ObjectTable> {
        self.dbs.get(&db)
    }

    /// Databases that have keys, ascending.
    pub fn dbs(&self) -> impl Iterator<Item = u32> + '_ {
        self.dbs.keys().copied()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        let past = self.past.take();
        let rest = std::mem::take(self);
        self.past = past;
        if let Some(past) = &mut self.past {
            past.note_rest(rest);
        }
    }

    #[inline]
    pub fn put_object(
        &mut self,
        record_key: &[u8],
        record: &[u8],
        seen: impl FnOnce(Option<&[u8]>),
    ) -> Result<()> {
        let (db, key) = split_record_key(record_key)?;
        if u32::try_from(record.len()).is_err() {
            return Err(StoreError::Corrupt("a record has more than 4 GB".into()));
        }
        let past = &mut self.past;
        self.dbs.entry(db).or_default().put(key, record, &self.uses, |old| {
            if let Some(past) = past {
                past.note_object(db, key, old);
            }
            seen(old);
        });
        Ok(())
    }

    pub fn remove_object(&mut self, record_key: &[u8], seen: impl FnOnce(&[u8])) -> Result<bool> {
        let (db, key) = split_record_key(record_key)?;
        let Some(table) = self.dbs.get_mut(&db) else { return Ok(false) };
        let past = &mut self.past;
        let removed = table.remove(key, |old| {
            if let Some(past) = past {
                past.note_object(db, key, Some(old));
            }
            seen(old);
        });
        if table.len() == 0 {
            self.dbs.remove(&db);
        }
        Ok(removed)
    }

    /// The objects from a [place](super::place) on.
    pub fn objects(&self, place: &[u8]) -> Objects<'_> {
        let (db, key) = read_place(place);
        let mut dbs = self.dbs.range(db..);
        let walk = match dbs.next() {
            Some((first, table)) if *first == db => Some((db, table.walk(key))),
            Some((first, table)) => Some((*first, table.walk(None))),
            None => None,
        };
        Objects { dbs, walk }
    }

    pub fn segment(&self, key: &[u8]) -> Option<&[u8]> {
        self.segments.get(&id_of(key))?.get(key).map(Vec::as_slice)
    }

    pub fn segment_mut(&mut self, key: &[u8]) -> Option<SegmentMut<'_>> {
        let value = self.segments.get_mut(&id_of(key))?.get_mut(key)?;
        note_segment(&mut self.past, key, value);
        Some(SegmentMut::new(value, &mut self.other_bytes))
    }

    /// The last segment of a value whose key is not greater.
    pub fn floor(&self, key: &[u8]) -> Option<Record<'_>> {
        self.segments.get(&id_of(key))?.floor(key)
    }

    /// The same, to be changed in place.
    pub fn floor_mut(&mut self, key: &[u8]) -> Option<(&[u8], SegmentMut<'_>)> {
        let (key, value) = self.segments.get_mut(&id_of(key))?.floor_mut(key)?;
        note_segment(&mut self.past, key, value);
        Some((key, SegmentMut::new(value, &mut self.other_bytes)))
    }

    /// The first or the last segment of a family.
    pub fn end_mut(&mut self, family: &[u8], first: bool) -> Option<(&[u8], SegmentMut<'_>)> {
        let end = self.segments.get_mut(&id_of(family))?.end_mut(first);
        let (key, value) = end.filter(|(key, _)| key.starts_with(family))?;
        note_segment(&mut self.past, key, value);
        Some((key, SegmentMut::new(value, &mut self.other_bytes)))
    }

    pub fn put_segment(&mut self, key: &[u8], value: Vec<u8>) {
        self.other_bytes += segment_bytes(&value);
        let segments = self.segments.entry(id_of(key)).or_insert_with(|| Segments::for_key(key));
        if segments.is_empty() {
            self.other_bytes += SEGMENTS_BYTES;
        }
        let old = segments.insert(key, value);
        if let Some(past) = &mut self.past {
            past.note_segment(key, old.as_deref());
        }
        if let Some(old) = old {
            self.other_bytes -= segment_bytes(&old);
        }
    }

    pub fn delete_segment(&mut self, key: &[u8]) -> bool {
        let id = id_of(key);
        let Some(segments) = self.segments.get_mut(&id) else { return false };
        let removed = segments.remove(key);
        if let Some(past) = &mut self.past {
            past.note_segment(key, removed.as_deref());
        }
        if segments.is_empty() {
            self.segments.remove(&id);
            self.other_bytes -= SEGMENTS_BYTES;
        }
        self.other_bytes -= removed.as_ref().map_or(0, segment_bytes);
        removed.is_some()
    }

    pub fn rename_segment(&mut self, old: &[u8], new: &[u8]) {
        let Some(segments) = self.segments.get_mut(&id_of(old)) else { return };
        let past = &mut self.past;
        let other_bytes = &mut self.other_bytes;
        segments.rename(old, new, |value, replaced| {
            if let Some(past) = past {
                past.note_segment(old, Some(value));
                past.note_segment(new, replaced.map(Vec::as_slice));
            }
            *other_bytes -= replaced.map_or(0, segment_bytes);
        });
    }

    pub fn delete_all_segments(&mut self, id: u64) {
        if let Some(segments) = self.segments.remove(&id) {
            self.other_bytes -= SEGMENTS_BYTES;
            segments.each(|key, value| {
                self.other_bytes -= segment_bytes(value);
                note_segment(&mut self.past, key, value);
            });
        }
    }

    pub fn segments(&self, from: &[u8], forward: bool) -> SegmentWalk<'_> {
        let segments = self.segments.get(&id_of(from));
        segments.map_or_else(SegmentWalk::empty, |segments| segments.walk(from, forward))
    }

    /// Exchanges two dbs; the expiry index is of record keys, and so is made anew for both.
    pub fn swap(&mut self, a: u32, b: u32) {
        if let Some(past) = &mut self.past {
            past.note_swap(a, b);
        }
        let (of_a, of_b) = (self.dbs.remove(&a), self.dbs.remove(&b));
        for (db, table) in [(b, of_a), (a, of_b)] {
            if let Some(table) = table {
                self.dbs.insert(db, table);
            }
        }
        let db_of = |key: &[u8]| key.get(8..12).and_then(|db| db.try_into().ok());
        let (mut index, mut any_hashed) = (BTreeSet::new(), false);
        for key in std::mem::take(&mut self.expires) {
            let other = match db_of(&key).map(u32::from_be_bytes) {
                Some(db) if db == a => b,
                Some(db) if db == b => a,
                _ => {
                    index.insert(key);
                    continue;
                }
            };
            if key.len() == MAX_KEY_BYTES {
                // It ends with a hash of the record key, the number of the db included.
                any_hashed = true;
                continue;
            }
            let mut key = key;
            key[8..12].copy_from_slice(&other.to_be_bytes());
            index.insert(key);
        }
        self.expires = index;
        if any_hashed {
            self.index_hashed(a);
            self.index_hashed(b);
        }
    }

    /// Enters the keys of a db into the expiry index of which it holds only a hash.
    fn index_hashed(&mut self, db: u32) {
        let Some(table) = self.dbs.get(&db) else { return };
        let mut walk = table.walk(None);
        while let Some((key, record)) = walk.advance() {
            let expire_at_ms = Object::parse(record).ok().and_then(|object| object.expire_at_ms);
            if let (true, Some(at_ms)) = (8 + 4 + key.len() >= MAX_KEY_BYTES, expire_at_ms) {
                let mut index_key = Vec::with_capacity(MAX_KEY_BYTES);
                write_expire_key(&mut index_key, at_ms, &[&db.to_be_bytes(), key].concat());
                self.expires.insert(index_key.into());
            }
        }
    }
}

/// A walk over objects.
pub(super) struct Objects<'m> {
    dbs: std::collections::btree_map::Range<'m, u32, ObjectTable>,
    walk: Option<(u32, TableWalk<'m>)>,
}

impl<'m> Cursor<'m> for Objects<'m> {
    fn next(&mut self) -> Result<Option<(Bytes<'m>, Bytes<'m>)>> {
        while let Some((db, walk)) = &mut self.walk {
            if let Some((key, record)) = walk.advance() {
                let mut record_key = Vec::with_capacity(4 + key.len());
                record_key.extend_from_slice(&db.to_be_bytes());
                record_key.extend_from_slice(key);
                return Ok(Some((Cow::Owned(record_key), Cow::Borrowed(record))));
            }
            self.walk = self.dbs.next().map(|(db, table)| (*db, table.walk(None)));
        }
        Ok(None)
    }
}

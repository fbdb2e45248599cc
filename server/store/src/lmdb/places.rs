//! Where records were found: a bounded memory of places in the map, so that a key that is asked for
//! again costs two cache lines instead of a walk down the tree.
//!
//! ```text
//! set    4 slots, one cache line, chosen by the hash of the record key
//! slot   address of the value in the map · its length · length of the key · 16 bits of the hash
//! ```
//! A place is a hint. LMDB keeps a key right before its value, so a hit is proven by comparing the
//! whole key with the bytes there; a value on overflow pages has no key before it and is never
//! remembered. Places hold as long as the snapshot they were found in: its pages do not change.
use super::env::Txn;
use crate::fetch::{fetch, lines};
use memmap2::MmapMut;
use std::cell::{Cell, RefCell};
use xxhash_rust::xxh3::xxh3_64;

const WAYS: usize = 4;
/// 16 MB a reader, for 1 M records.
const MAX_SETS: usize = 1 << 18;
/// Records found before any is remembered: readers that look up a few keys need no table.
const FIRST_FOUND: usize = 64;
/// So much of a record is fetched; more the processor fetches by itself while it reads on.
const FETCHED_LINES: usize = 4;

#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Slot {
    address: usize,
    value_len: u32,
    key_len: u16,
    tag: u16,
}

type Set = [Slot; WAYS];
const SET_BYTES: usize = std::mem::size_of::<Set>();

/// The places a reader remembers.
#[derive(Debug)]
pub(super) struct Places {
    /// Sets, in zeroed pages that take memory when they are first written; empty at first.
    sets: RefCell<Option<MmapMut>>,
    /// A power of two.
    set_count: usize,
    found: Cell<usize>,
}

impl Places {
    /// For a table of so many records.
    pub fn new(records: usize) -> Self {
        // Three quarters full at most, so that few records drive each other out.
        let wanted = (records.saturating_mul(4) / 3 / WAYS).clamp(1, MAX_SETS);
        let set_count = wanted.next_power_of_two();
        Self { sets: RefCell::new(None), set_count, found: Cell::new(0) }
    }

    /// The value of `key`, from memory or by `search`.
    #[inline]
    pub fn get<'t, E>(
        &self,
        txn: &'t Txn,
        key: &[u8],
        search: impl FnOnce() -> Result<Option<&'t [u8]>, E>,
    ) -> Result<Option<&'t [u8]>, E> {
        let hash = xxh3_64(key);
        if let Some(value) = self.recall(txn, key, hash) {
            return Ok(Some(value));
        }
        let found = search()?;
        if let Some(value) = found {
            self.remember(txn, key, hash, value);
        }
        Ok(found)
    }

    /// The bytes of the set that a hash belongs to.
    #[inline]
    fn range(&self, hash: u64) -> std::ops::Range<usize> {
        let start = (hash as usize & (self.set_count - 1)) * SET_BYTES;
        start..start + SET_BYTES
    }

    /// Looks at the sets of all the keys, then at the records that these remember.
    pub fn fetch(&self, txn: &Txn, keys: &[&[u8]]) {
        let sets = self.sets.borrow();
        let Some(sets) = sets.as_ref() else { return };
        fetch(keys.iter().map(|key| &sets[self.range(xxh3_64(key)).start]));
        let slots = keys.iter().filter_map(|key| self.slots(sets, xxh3_64(key), key).next());
        fetch(slots.flat_map(|slot| {
            let (key, value) = bytes_of(txn, &slot);
            key.first().into_iter().chain(lines(value).take(FETCHED_LINES))
        }));
    }

    /// The slots that may be a key's.
    #[inline]
    fn slots<'s>(&self, sets: &'s [u8], hash: u64, key: &[u8]) -> impl Iterator<Item = Slot> + 's {
        let set: &Set = bytemuck::from_bytes(&sets[self.range(hash)]);
        let (tag, key_len) = (tag_of(hash), key.len());
        set.iter().copied().filter(move |slot| {
            slot.address != 0 && slot.tag == tag && usize::from(slot.key_len) == key_len
        })
    }

    #[inline]
    fn recall<'t>(&self, txn: &'t Txn, key: &[u8], hash: u64) -> Option<&'t [u8]> {
        let sets = self.sets.borrow();
        let mut slots = self.slots(sets.as_ref()?, hash, key);
        slots.find_map(|slot| {
            let (before, value) = bytes_of(txn, &slot);
            (before == key).then_some(value)
        })
    }

    fn remember(&self, txn: &Txn, key: &[u8], hash: u64, value: &[u8]) {
        if key.is_empty() || value.is_empty() {
            return;
        }
        let address = value.as_ptr() as usize;
        // SAFETY: this transaction has just given the value for this key.
        if unsafe { txn.around(address, key.len(), 0) }.0 != key {
            return;
        }
        let (Ok(value_len), Ok(key_len)) = (value.len().try_into(), key.len().try_into()) else {
            return;
        };
        self.found.set(self.found.get() + 1);
        let mut sets = self.sets.borrow_mut();
        if sets.is_none() && self.found.get() > FIRST_FOUND {
            *sets = map(self.set_count * SET_BYTES);
        }
        if let Some(sets) = sets.as_mut() {
            let set: &mut Set = bytemuck::from_bytes_mut(&mut sets[self.range(hash)]);
            // An empty slot if there is one, else whichever is next in turn.
            let free = set.iter().position(|slot| slot.address == 0);
            let slot = Slot { address, value_len, key_len, tag: tag_of(hash) };
            set[free.unwrap_or(self.found.get() % WAYS)] = slot;
        }
    }
}

/// The key and the value at a place.
#[inline]
fn bytes_of<'t>(txn: &'t Txn, slot: &Slot) -> (&'t [u8], &'t [u8]) {
    // SAFETY: the address was remembered from this transaction, with these lengths: a `Places`
    // belongs to one reader, and slots are only filled by `remember`.
    unsafe { txn.around(slot.address, usize::from(slot.key_len), slot.value_len as usize) }
}

/// Zeroed memory, in huge pages where there are some. Without memory nothing is remembered, and all
/// works as before.
pub(super) fn map(bytes: usize) -> Option<MmapMut> {
    let map = MmapMut::map_anon(bytes).ok()?;
    #[cfg(target_os = "linux")]
    map.advise(memmap2::Advice::HugePage).unwrap_or_default();
    Some(map)
}

fn tag_of(hash: u64) -> u16 {
    (hash >> 48) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Store, Table};
    use crate::lmdb::LmdbStore;

    #[test]
    fn a_record_found_twice_is_the_same_record() {
        let folder = tempfile::tempdir().unwrap();
        let store = LmdbStore::create(&folder.path().join("x.lmdb")).unwrap();
        let mut writer = store.writer().unwrap();
        let key = |n: u32| {
            format!("{}key{n}", if n.is_multiple_of(2) { "" } else { "key2" }).into_bytes()
        };
        // Short values lie behind their keys, long ones on overflow pages.
        let value =
            |n: u32| vec![n as u8; if n.is_multiple_of(7) { 5000 } else { n as usize % 50 }];
        for n in 0..3000 {
            writer.put(Table::Objects, &key(n), &value(n)).unwrap();
        }
        writer.commit().unwrap();
        let reader = store.reader().unwrap();
        for n in (0..3000).chain(0..3000).chain((0..3000).rev()) {
            let found = reader.get(Table::Objects, &key(n)).unwrap();
            assert_eq!(found.as_deref(), Some(&value(n)[..]), "{n}");
            assert_eq!(reader.get(Table::Objects, &key(n + 10_000)).unwrap(), None);
        }
    }

    #[test]
    fn the_second_time_no_search_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let store = LmdbStore::create(&folder.path().join("x.lmdb")).unwrap();
        let mut writer = store.writer().unwrap();
        writer.put(Table::Objects, b"key", b"value").unwrap();
        writer.commit().unwrap();
        let txn = Txn::begin(&store.env, true).unwrap();
        let places = Places::new(1000);
        let table = store.tables[Table::Objects as usize];
        let mut first = Ok(None);
        for _ in 0..=FIRST_FOUND {
            first = places.get(&txn, b"key", || txn.get(table, b"key"));
        }
        let first = first.unwrap();
        assert_eq!(first, Some(&b"value"[..]));
        let again = places.get(&txn, b"key", || Err("searched again"));
        assert_eq!(again, Ok(first));
        assert_eq!(places.get(&txn, b"eky", || Ok::<_, ()>(None)), Ok(None));
    }

    #[test]
    fn a_snapshot_keeps_what_it_saw_and_a_new_one_sees_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lmdb");
        LmdbStore::create(&path).unwrap().sync().unwrap();
        // Opened anew, for a file that is being built has no lock to protect snapshots with.
        let store = LmdbStore::open(&path).unwrap();
        let put = |value: &[u8]| {
            let mut writer = store.writer().unwrap();
            writer.put(Table::Objects, b"k", value).unwrap();
            writer.commit().unwrap();
        };
        put(b"old");
        let old = store.reader().unwrap();
        assert_eq!(old.get(Table::Objects, b"k").unwrap().as_deref(), Some(&b"old"[..]));
        for _ in 0..20 {
            put(b"new");
        }
        assert_eq!(old.get(Table::Objects, b"k").unwrap().as_deref(), Some(&b"old"[..]));
        let new = store.reader().unwrap();
        assert_eq!(new.get(Table::Objects, b"k").unwrap().as_deref(), Some(&b"new"[..]));
    }
}

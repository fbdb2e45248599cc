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
use std::cell::{Cell, RefCell};
use xxhash_rust::xxh3::xxh3_64;

const WAYS: usize = 4;
/// Sets to begin with; doubled whenever as many records were found as there are slots.
const MIN_SETS: usize = 64;
/// 16 MB a reader, for 1 M records.
const MAX_SETS: usize = 1 << 18;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    address: usize,
    value_len: u32,
    key_len: u16,
    tag: u16,
}

#[repr(align(64))]
#[derive(Debug, Default)]
struct Set([Cell<Slot>; WAYS]);

/// The places a reader remembers.
#[derive(Debug, Default)]
pub(super) struct Places {
    sets: RefCell<Vec<Set>>,
    found: Cell<usize>,
}

impl Places {
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

    #[inline]
    fn recall<'t>(&self, txn: &'t Txn, key: &[u8], hash: u64) -> Option<&'t [u8]> {
        let sets = self.sets.borrow();
        let set = sets.get(hash as usize & sets.len().wrapping_sub(1))?;
        let tag = tag_of(hash);
        set.0.iter().map(Cell::get).find_map(|slot| {
            if slot.address == 0 || slot.tag != tag || usize::from(slot.key_len) != key.len() {
                return None;
            }
            // SAFETY: the address was remembered from this transaction, with these lengths: a
            // `Places` belongs to one reader, and slots are only filled by `remember`.
            let (before, value) =
                unsafe { txn.around(slot.address, key.len(), slot.value_len as usize) };
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
        self.make_room();
        let sets = self.sets.borrow();
        if let Some(set) = sets.get(hash as usize & sets.len().wrapping_sub(1)) {
            let slot = Slot { address, value_len, key_len, tag: tag_of(hash) };
            // An empty slot if there is one, else whichever is next in turn.
            let free = set.0.iter().position(|slot| slot.get().address == 0);
            set.0[free.unwrap_or(self.found.get() % WAYS)].set(slot);
        }
    }

    /// Counts a place, and begins anew with twice the room when the old is used up: what is asked
    /// for again is found again.
    fn make_room(&self) {
        let mut sets = self.sets.borrow_mut();
        self.found.set(self.found.get() + 1);
        if sets.len() < MAX_SETS && self.found.get() > sets.len() * WAYS {
            let count = (sets.len() * 2).max(MIN_SETS);
            sets.clear();
            sets.resize_with(count, Set::default);
            self.found.set(1);
        }
    }
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
        let key = |n: u32| format!("{}key{n}", if n % 2 == 0 { "" } else { "key2" }).into_bytes();
        // Short values lie behind their keys, long ones on overflow pages.
        let value = |n: u32| vec![n as u8; if n % 7 == 0 { 5000 } else { n as usize % 50 }];
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
        let places = Places::default();
        let table = store.tables[Table::Objects as usize];
        let first = places.get(&txn, b"key", || txn.get(table, b"key")).unwrap();
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

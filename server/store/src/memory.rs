//! The memory store: four ordered maps. Readers keep the version they started with; a commit makes
//! a new one.
//!
//! A dataset in memory may have a name (`memory:work`), by which it is found as long as the process
//! lives; without one it is empty and its opener's alone.
use crate::contract::{Bulk, Bytes, Cursor, Reader, Store, Table, Writer};
use crate::error::{Result, StoreError};
use crate::layout;
use std::borrow::Cow;
use std::collections::btree_map::Range;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
type Maps = [Map; 4];

/// A dataset in memory.
pub struct MemoryStore {
    maps: RwLock<Arc<Maps>>,
}

impl MemoryStore {
    /// An empty dataset.
    pub fn new() -> Self {
        let mut maps = Maps::default();
        maps[Table::Meta as usize]
            .insert(layout::META_LAYOUT.to_vec(), layout::LAYOUT_NAME.to_vec());
        Self { maps: RwLock::new(Arc::new(maps)) }
    }

    fn current(&self) -> Arc<Maps> {
        Arc::clone(&self.maps.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Datasets by their names.
static NAMED: Mutex<BTreeMap<PathBuf, Arc<dyn Store>>> = Mutex::new(BTreeMap::new());

/// The dataset of a name; a new, empty one without a name.
pub fn open(name: &Path) -> Result<Arc<dyn Store>> {
    if name.as_os_str().is_empty() {
        return Ok(Arc::new(MemoryStore::new()));
    }
    let named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    named.get(name).cloned().ok_or_else(|| StoreError::Io {
        path: format!("memory:{}", name.display()),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Whether there is a dataset of this name.
pub fn exists(name: &Path) -> bool {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
}

/// Gives a complete dataset its name, in place of one that had it.
pub fn publish(name: &Path, store: Arc<dyn Store>) {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), store);
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn scheme(&self) -> &'static str {
        "memory"
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(MemoryReader { maps: self.current() }))
    }

    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(MemoryWriter { store: self, changes: Default::default() }))
    }

    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        Ok(Box::new(MemoryBulk { store: self, before: self.current(), maps: Maps::default() }))
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

struct MemoryReader {
    maps: Arc<Maps>,
}

impl Reader for MemoryReader {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        Ok(self.maps[table as usize].get(key).map(|value| Cow::Borrowed(value.as_slice())))
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        let bounds = (Bound::Included(from), Bound::Unbounded);
        let range = self.maps[table as usize].range::<[u8], _>(bounds);
        Ok(Box::new(MemoryCursor { range, forward: true }))
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        let bounds = (Bound::Unbounded, Bound::Included(from));
        let range = self.maps[table as usize].range::<[u8], _>(bounds);
        Ok(Box::new(MemoryCursor { range, forward: false }))
    }
}

struct MemoryCursor<'r> {
    range: Range<'r, Vec<u8>, Vec<u8>>,
    forward: bool,
}

impl<'r> Cursor<'r> for MemoryCursor<'r> {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        let record = if self.forward { self.range.next() } else { self.range.next_back() };
        Ok(record.map(|(key, value)| (Cow::Borrowed(&key[..]), Cow::Borrowed(&value[..]))))
    }
}

struct MemoryWriter<'s> {
    store: &'s MemoryStore,
    changes: [BTreeMap<Vec<u8>, Option<Vec<u8>>>; 4],
}

impl Writer for MemoryWriter<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.changes[table as usize].insert(key.to_vec(), Some(value.to_vec()));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool> {
        let was_there = self.get(table, key)?.is_some();
        self.changes[table as usize].insert(key.to_vec(), None);
        Ok(was_there)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.changes[table as usize].get(key) {
            Some(change) => Ok(change.clone()),
            None => Ok(self.store.current()[table as usize].get(key).cloned()),
        }
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let mut current = self.store.maps.write().unwrap_or_else(PoisonError::into_inner);
        let maps = Arc::make_mut(&mut current);
        for (map, changes) in maps.iter_mut().zip(self.changes) {
            for (key, change) in changes {
                match change {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        }
        Ok(())
    }
}

struct MemoryBulk<'s> {
    store: &'s MemoryStore,
    before: Arc<Maps>,
    maps: Maps,
}

impl Bulk for MemoryBulk<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let map = &mut self.maps[table as usize];
        let last = map.last_key_value().or(self.before[table as usize].last_key_value());
        if last.is_some_and(|(last, _)| last.as_slice() >= key) {
            return Err(StoreError::Backend("bulk load out of key order".into()));
        }
        map.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { store, before, maps: added } = *self;
        // Let go of, so that what is there need not be copied to be changed.
        drop(before);
        let mut current = store.maps.write().unwrap_or_else(PoisonError::into_inner);
        let maps = Arc::make_mut(&mut current);
        for (map, mut added) in maps.iter_mut().zip(added) {
            map.append(&mut added);
        }
        Ok(())
    }
}

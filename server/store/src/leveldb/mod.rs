//! The LevelDB store: one directory, readable by any LevelDB.
//!
//! LevelDB has one ordered space of keys; the four tables share it, each behind a byte of its own
//! (see [`crate::layout`]). LevelDB lets one process at a time have a directory open, for reading
//! too, and writes its lock and its log there: so a dataset is only opened in a directory that can
//! be written.
//!
//! | module | what it does |
//! |---|---|
//! | [`db`] | a safe wrapper over LevelDB |
//! | [`words`] | what LevelDB says went wrong, as errors |
//! | [`options`] | its tuning |
//! | [`directory`] | what can be told and done without it |
//! | [`ingest`] | bulk load of an empty store: files that LevelDB opens afterwards |
//! | [`pool`], [`table`], [`manifest`] | the threads that make those files, and their bytes |
//! | [`bulk`] | bulk load of any other |
//! | [`records`] | records on their way into either |
mod bulk;
mod db;
mod directory;
mod ingest;
mod manifest;
mod options;
mod pool;
mod records;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use directory::is_leveldb;
pub use options::Options;

use crate::contract::{Bulk, Bytes, Cursor, Reader, Store, Table, Writer};
use crate::error::{Result, StoreError};
use crate::layout;
use bulk::BatchBulk;
use db::{Batch, Db, Iter, Mode, Move, Snapshot};
use ingest::TableBulk;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The byte before the keys of a table. Ascending in the order in which a load in batches writes
/// the tables (the layout record last), so that what LevelDB writes to a new file lies behind what
/// it has written before, and no file need ever be merged with another.
fn prefix(table: Table) -> u8 {
    match table {
        Table::Expires => b'e',
        Table::Objects => b'o',
        Table::Segments => b's',
        Table::Meta => b'~',
    }
}

/// Appends where a record lies in LevelDB's one space.
fn write_key(out: &mut Vec<u8>, table: Table, key: &[u8]) {
    out.push(prefix(table));
    out.extend_from_slice(key);
}

fn key_of(table: Table, key: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(1 + key.len());
    write_key(&mut whole, table, key);
    whole
}

/// Refuses a directory that a program has open. What else is wrong with it is not looked at.
pub fn check_unused(path: &Path) -> Result<()> {
    match Db::open(path, Mode::Existing, &Options::default()) {
        Err(error) if words::is_in_use(&error) => Err(error),
        _ => Ok(()),
    }
}

/// LevelDB counts the bytes of a block in 32 bits, and a value may have others before it there.
const VALUE_MAX_BYTES: usize = u32::MAX as usize - (16 << 20);

/// Refuses what the contract and LevelDB's 32-bit lengths have no room for.
fn check_sizes(path: &Path, key: &[u8], value: &[u8]) -> Result<()> {
    if key.is_empty() || key.len() > layout::MAX_KEY_BYTES {
        let (path, len) = (path.display(), key.len());
        return Err(StoreError::Backend(format!("{path}: a record key of {len} bytes")));
    }
    if value.len() > VALUE_MAX_BYTES {
        let (path, len) = (path.display(), value.len());
        let what = format!("{path}: a record of {len} bytes; LevelDB has room for 4 GB");
        return Err(StoreError::Backend(what));
    }
    Ok(())
}

/// A dataset in a LevelDB directory.
pub struct LevelDbStore {
    path: PathBuf,
    options: Options,
    /// None while a bulk load writes the files of the directory.
    db: Mutex<Option<Arc<Db>>>,
    access: Access,
    /// Held by the one transaction that may be writing.
    writing: Mutex<()>,
    /// Bulk loads that have begun and not finished.
    open_loads: AtomicUsize,
}

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    /// Every commit is on the disk when it ends.
    Write,
    /// Made here: without a layout record, and so no dataset for anyone, before it is synced.
    Build,
}

impl LevelDbStore {
    /// Opens an existing dataset for reading.
    pub fn open_read_only(path: &Path, options: &Options) -> Result<Self> {
        Self::open_existing(path, options, Access::Read)
    }

    /// Opens an existing dataset for reading and writing.
    pub fn open(path: &Path, options: &Options) -> Result<Self> {
        Self::open_existing(path, options, Access::Write)
    }

    /// Makes a new dataset in a directory that is not there or empty. Before
    /// [`LevelDbStore::sync`] it cannot be opened: what a load that died has left is refused.
    pub fn create(path: &Path, options: &Options) -> Result<Self> {
        directory::check_free(path)?;
        Ok(Self::new(Db::open(path, Mode::New, options)?, options, Access::Build))
    }

    fn open_existing(path: &Path, options: &Options, access: Access) -> Result<Self> {
        directory::check(path)?;
        let store = Self::new(Db::open(path, Mode::Existing, options)?, options, access);
        let layout = Snapshot::new(&store.db()?).get(&key_of(Table::Meta, layout::META_LAYOUT))?;
        layout::check_layout(path, layout.as_deref())?;
        Ok(store)
    }

    fn new(db: Db, options: &Options, access: Access) -> Self {
        Self {
            path: db.path().to_owned(),
            options: options.clone(),
            db: Mutex::new(Some(Arc::new(db))),
            access,
            writing: Mutex::new(()),
            open_loads: AtomicUsize::new(0),
        }
    }

    fn db(&self) -> Result<Arc<Db>> {
        lock(&self.db).clone().ok_or_else(load_is_open)
    }

    /// Closes a new, empty database that nobody reads, so that a load may write its files. A filter
    /// is something that only LevelDB knows how to write.
    fn close_for_load(&self) -> Result<bool> {
        let has_filter = self.options.bloom_bits.is_some_and(|bits| bits > 0);
        if self.access != Access::Build || has_filter {
            return Ok(false);
        }
        let mut place = lock(&self.db);
        let db = place.as_ref().ok_or_else(load_is_open)?;
        let is_empty = Snapshot::new(db).iter().go(Move::AtOrAfter(b""))?.is_none();
        // Each snapshot has the database, and nobody gets one without the lock.
        let may_close = is_empty && Arc::strong_count(db) == 1;
        if may_close {
            *place = None;
        }
        Ok(may_close)
    }

    /// Opens what a load has written.
    fn reopen(&self) -> Result<()> {
        let db = Db::open(&self.path, Mode::Existing, &self.options)?;
        *lock(&self.db) = Some(Arc::new(db));
        Ok(())
    }

    /// Has everything on the disk. Refused for a new dataset while a bulk load has not finished.
    pub fn sync(&self) -> Result<()> {
        if self.access == Access::Build {
            self.complete()?;
        }
        // What was opened for writing is durable at each commit.
        directory::sync(&self.path)
    }

    /// Gives a new dataset its layout record.
    fn complete(&self) -> Result<()> {
        if self.open_loads.load(Ordering::Relaxed) > 0 {
            return Err(load_is_open());
        }
        let db = self.db()?;
        let mut batch = Batch::new();
        batch.put(&key_of(Table::Meta, layout::META_LAYOUT), layout::LAYOUT_NAME);
        db.write(&mut batch, false)?;
        db.flush()
    }

    fn check_writable(&self) -> Result<()> {
        match self.access {
            Access::Read => words::read_only(&self.path),
            Access::Write | Access::Build => Ok(()),
        }
    }
}

#[cold]
fn load_is_open() -> StoreError {
    StoreError::Backend("a bulk load has not finished".into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for LevelDbStore {
    fn scheme(&self) -> &'static str {
        "leveldb"
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(LevelDbReader { snapshot: Snapshot::new(&self.db()?) }))
    }

    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        self.check_writable()?;
        let guard = lock(&self.writing);
        let db = self.db()?;
        let (before, changes) = (Snapshot::new(&db), BTreeMap::new());
        Ok(Box::new(LevelDbWriter { store: self, db, before, changes, _guard: guard }))
    }

    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        self.check_writable()?;
        let is_closed = self.close_for_load()?;
        // Whatever comes now, the store is not whole until the load has finished.
        self.open_loads.fetch_add(1, Ordering::Relaxed);
        match is_closed {
            true => Ok(Box::new(TableBulk::new(self)?)),
            false => Ok(Box::new(BatchBulk::new(self)?)),
        }
    }

    fn sync(&self) -> Result<()> {
        self.sync()
    }
}

struct LevelDbReader {
    snapshot: Snapshot,
}

impl Reader for LevelDbReader {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        Ok(self.snapshot.get(&key_of(table, key))?.map(Cow::Owned))
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        LevelDbCursor::boxed(&self.snapshot, table, from, Move::Next)
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        LevelDbCursor::boxed(&self.snapshot, table, from, Move::Previous)
    }
}

/// A walk that ends where its table ends.
struct LevelDbCursor<'r> {
    iter: Iter<'r>,
    prefix: u8,
    /// Where the first record lies; then None.
    start: Option<Vec<u8>>,
    step: Move<'static>,
    ended: bool,
}

impl<'r> LevelDbCursor<'r> {
    fn boxed(
        snapshot: &'r Snapshot,
        table: Table,
        from: &[u8],
        step: Move<'static>,
    ) -> Result<Box<dyn Cursor<'r> + 'r>> {
        let start = Some(key_of(table, from));
        let iter = snapshot.iter();
        Ok(Box::new(Self { iter, prefix: prefix(table), start, step, ended: false }))
    }

    /// The last record at or before a place.
    fn at_or_before<'i>(
        iter: &'i mut Iter<'r>,
        place: &[u8],
    ) -> Result<Option<(&'i [u8], &'i [u8])>> {
        let found = iter.go(Move::AtOrAfter(place))?.map(|(key, _)| key == place);
        match found {
            Some(true) => iter.here(),
            Some(false) => iter.go(Move::Previous),
            None => iter.go(Move::Last),
        }
    }
}

impl<'r> Cursor<'r> for LevelDbCursor<'r> {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        if self.ended {
            return Ok(None);
        }
        let record = match (self.start.take(), self.step) {
            (None, step) => self.iter.go(step)?,
            (Some(place), Move::Previous) => Self::at_or_before(&mut self.iter, &place)?,
            (Some(place), _) => self.iter.go(Move::AtOrAfter(&place))?,
        };
        // Behind the table's last record comes another table's.
        if let Some(([first, key @ ..], value)) = record {
            if *first == self.prefix {
                return Ok(Some((Cow::Owned(key.to_vec()), Cow::Owned(value.to_vec()))));
            }
        }
        self.ended = true;
        Ok(None)
    }
}

/// What one transaction has changed, over the store as it found it.
struct LevelDbWriter<'s> {
    store: &'s LevelDbStore,
    db: Arc<Db>,
    before: Snapshot,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    _guard: MutexGuard<'s, ()>,
}

impl LevelDbWriter<'_> {
    fn get_at(&self, place: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.changes.get(place) {
            Some(change) => Ok(change.clone()),
            None => self.before.get(place),
        }
    }
}

impl Writer for LevelDbWriter<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        check_sizes(&self.store.path, key, value)?;
        self.changes.insert(key_of(table, key), Some(value.to_vec()));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool> {
        let place = key_of(table, key);
        let was_there = self.get_at(&place)?.is_some();
        if was_there {
            self.changes.insert(place, None);
        }
        Ok(was_there)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get_at(&key_of(table, key))
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let mut batch = Batch::new();
        for (place, change) in &self.changes {
            match change {
                Some(value) => batch.put(place, value),
                None => batch.delete(place),
            }
        }
        self.db.write(&mut batch, self.store.access == Access::Write)
    }
}

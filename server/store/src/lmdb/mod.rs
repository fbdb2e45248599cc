//! The LMDB store: one file, four named tables, readable by any LMDB of data format 1.
//!
//! The file holds no redtool page format: `lmdb.open(path, subdir=False)` and `open_db(b"objects")`
//! of py-lmdb read it by the document in [`crate::layout`]. Readers use LMDB's own lock file beside
//! it (`NAME-lock`), or none where the directory cannot be written.
mod env;
mod floors;
mod header;
mod places;

use crate::contract::{Bulk, Bytes, Cursor, Reader, Record, Store, Table, Writer};
use crate::error::{Result, StoreError};
use crate::layout;
use env::{Appender, Dbi, Env, Mode, Move, RawCursor, Txn};
use floors::Floors;
use places::Places;
use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// Bytes of records after which a bulk load commits: bounds the dirty pages in memory.
const BULK_COMMIT_BYTES: usize = 8 << 20;

/// A dataset in an LMDB file.
pub struct LmdbStore {
    env: Arc<Env>,
    tables: [Dbi; 4],
    /// Made here: without a layout record, and so no dataset for anyone, before it is synced.
    is_new: bool,
    /// Bulk loads that have begun and not finished.
    open_loads: AtomicUsize,
}

impl LmdbStore {
    /// Opens an existing dataset for reading.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        Self::open_existing(path, Mode::Read)
    }

    /// Opens an existing dataset for reading and writing.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_existing(path, Mode::Write)
    }

    /// Makes a new dataset in a file that nobody else uses yet, and that is not there or empty.
    /// Before [`LmdbStore::sync`] it cannot be opened: what a load that died has left is refused.
    pub fn create(path: &Path) -> Result<Self> {
        header::check_free(path)?;
        let env = Arc::new(Env::open(path, Mode::Build)?);
        let mut txn = Txn::begin(&env, false)?;
        let mut tables = [0; 4];
        for (dbi, table) in tables.iter_mut().zip(Table::ALL) {
            *dbi = txn.table(table.name(), true)?.ok_or_else(|| missing(path, table))?;
        }
        txn.commit()?;
        Ok(Self { env, tables, is_new: true, open_loads: AtomicUsize::new(0) })
    }

    fn open_existing(path: &Path, mode: Mode) -> Result<Self> {
        header::check(path)?;
        let env = Arc::new(Env::open(path, mode)?);
        let mut txn = Txn::begin(&env, mode == Mode::Read)?;
        let mut tables = [0; 4];
        for (dbi, table) in tables.iter_mut().zip(Table::ALL) {
            *dbi = txn.table(table.name(), false)?.ok_or_else(|| missing(path, table))?;
        }
        layout::check_layout(path, txn.get(tables[0], layout::META_LAYOUT)?)?;
        txn.commit()?;
        Ok(Self { env, tables, is_new: false, open_loads: AtomicUsize::new(0) })
    }

    /// Writes everything to the disk and waits for it. Refused for a new dataset while a bulk load
    /// has not finished.
    pub fn sync(&self) -> Result<()> {
        if self.is_new {
            self.complete()?;
        }
        self.env.sync()
    }

    /// Gives a new dataset its layout record.
    fn complete(&self) -> Result<()> {
        if self.open_loads.load(Ordering::Relaxed) > 0 {
            return Err(StoreError::Backend("a bulk load has not finished".into()));
        }
        let mut txn = Txn::begin(&self.env, false)?;
        let meta = self.tables[Table::Meta as usize];
        if txn.get(meta, layout::META_LAYOUT)?.is_none() {
            txn.put(meta, layout::META_LAYOUT, layout::LAYOUT_NAME)?;
            txn.commit()?;
        }
        Ok(())
    }
}

fn missing(path: &Path, table: Table) -> StoreError {
    let (path, table) = (path.display(), table.name());
    StoreError::Foreign(format!("{path}: an LMDB file, but not a redtool one: no table {table:?}"))
}

impl Store for LmdbStore {
    fn scheme(&self) -> &'static str {
        "lmdb"
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        let txn = Txn::begin(&self.env, true)?;
        let places = Places::new(txn.records(self.tables[Table::Objects as usize])?);
        let floors = Floors::new(txn.records(self.tables[Table::Segments as usize])?);
        Ok(Box::new(LmdbReader { txn, tables: self.tables, places, floors }))
    }

    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(LmdbWriter { txn: Txn::begin(&self.env, false)?, tables: self.tables }))
    }

    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        let appender = Some(Appender::begin(&self.env, &self.tables)?);
        self.open_loads.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(LmdbBulk { store: self, appender, pending_bytes: 0 }))
    }

    fn sync(&self) -> Result<()> {
        self.sync()
    }
}

struct LmdbReader {
    txn: Txn,
    tables: [Dbi; 4],
    /// Of the objects: they are what clients ask for again and again.
    places: Places,
    /// Of the segments.
    floors: Floors,
}

impl Reader for LmdbReader {
    #[inline]
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        let search = || self.txn.get(self.tables[table as usize], key);
        let found = match table {
            Table::Objects => self.places.get(&self.txn, key, search),
            _ => search(),
        };
        Ok(found?.map(Cow::Borrowed))
    }

    fn expect(&self, table: Table, keys: &[&[u8]]) {
        if table == Table::Objects {
            self.places.fetch(&self.txn, keys);
        }
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        let mut cursor = self.txn.cursor(self.tables[table as usize])?;
        let first = cursor.go(Move::AtOrAfter(from))?;
        Ok(Box::new(LmdbCursor { cursor, pending: first, step: Step::Forward, ended: false }))
    }

    fn floor(&self, table: Table, key: &[u8]) -> Result<Option<Record<'_>>> {
        let search = || self.txn.floor(self.tables[table as usize], key);
        let found = match table {
            Table::Segments => self.floors.get(&self.txn, key, search)?,
            _ => search()?.floor,
        };
        Ok(found.map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))))
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        let mut cursor = self.txn.cursor(self.tables[table as usize])?;
        let first = cursor.go_to_floor(from)?.floor;
        Ok(Box::new(LmdbCursor { cursor, pending: first, step: Step::Back, ended: false }))
    }
}

#[derive(Clone, Copy)]
enum Step {
    Forward,
    Back,
}

struct LmdbCursor<'t> {
    cursor: RawCursor<'t>,
    pending: Option<(&'t [u8], &'t [u8])>,
    step: Step,
    ended: bool,
}

impl<'t> Cursor<'t> for LmdbCursor<'t> {
    fn next(&mut self) -> Result<Option<(Bytes<'t>, Bytes<'t>)>> {
        if self.ended {
            return Ok(None);
        }
        let record = match self.pending.take() {
            Some(record) => Some(record),
            None => self.cursor.go(match self.step {
                Step::Forward => Move::Next,
                Step::Back => Move::Previous,
            })?,
        };
        self.ended = record.is_none();
        Ok(record.map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))))
    }
}

struct LmdbWriter {
    txn: Txn,
    tables: [Dbi; 4],
}

impl Writer for LmdbWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.txn.put(self.tables[table as usize], key, value)
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool> {
        self.txn.delete(self.tables[table as usize], key)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.txn.get(self.tables[table as usize], key)?.map(<[u8]>::to_vec))
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.txn.commit()
    }
}

struct LmdbBulk<'s> {
    store: &'s LmdbStore,
    appender: Option<Appender>,
    pending_bytes: usize,
}

impl Bulk for LmdbBulk<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        if self.pending_bytes > BULK_COMMIT_BYTES {
            self.commit_batch()?;
        }
        self.pending_bytes += key.len() + value.len() + 16;
        if self.appender.is_none() {
            self.appender = Some(Appender::begin(&self.store.env, &self.store.tables)?);
        }
        match &mut self.appender {
            Some(appender) => appender.append(table as usize, key, value),
            None => Err(StoreError::Backend("bulk load without a transaction".into())),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.commit_batch()?;
        self.store.open_loads.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

impl LmdbBulk<'_> {
    fn commit_batch(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        if let Some(appender) = self.appender.take() {
            appender.commit()?;
            self.store.env.start_writeback();
        }
        Ok(())
    }
}

//! A thin safe wrapper over LevelDB's C interface: database, snapshots, iterators, batches, and
//! nothing of redtool's layout.
//!
//! It binds `leveldb-sys`, which builds LevelDB 1.22 and snappy. Every pointer stays inside this
//! file. A snapshot holds the database, an iterator borrows from its snapshot, so nothing outlives
//! what it reads from.
use super::options::Options;
use super::words;
use crate::error::{Result, StoreError};
use leveldb_sys as ffi;
use libc::{c_char, size_t};
use std::ffi::CString;
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

extern "C" {
    /// In LevelDB's `c.h`, but not among what `leveldb-sys` declares.
    fn leveldb_options_set_max_file_size(options: *mut ffi::leveldb_options_t, size: size_t);
}

/// How to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A directory that LevelDB has made.
    Existing,
    /// A directory that is not there, or empty.
    New,
}

impl Mode {
    /// LevelDB's own size of the memory table; for a load a larger one. LevelDB's one thread waits
    /// for the disk after each that it has written (a million keys: 79 waits with 4 MB, 11 with
    /// 32 MB, which took a fifth less time), and what is loaded in order takes no longer to sort.
    fn write_buffer_size(self) -> usize {
        match self {
            Mode::Existing => 4 << 20,
            Mode::New => 32 << 20,
        }
    }
}

/// An open database: one directory, locked.
pub struct Db {
    db: *mut ffi::leveldb_t,
    cache: *mut ffi::leveldb_cache_t,
    filter: *mut ffi::leveldb_filterpolicy_t,
    verify_checksums: bool,
    path: PathBuf,
}

// SAFETY: a leveldb_t may be used from any thread; LevelDB locks what it shares. Cache and filter
// are only given to it.
unsafe impl Send for Db {}
// SAFETY: as above.
unsafe impl Sync for Db {}

impl Db {
    /// Opens the directory at `path`.
    pub fn open(path: &Path, mode: Mode, options: &Options) -> Result<Self> {
        let c_path = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| StoreError::Foreign(format!("{}: a NUL in the path", path.display())))?;
        // SAFETY: both take a number and give an object of their own; dropping `this` destroys
        // them.
        let (cache, filter) = unsafe {
            let cache = options.cache_size.map(|size| ffi::leveldb_cache_create_lru(size));
            let bits = options.bloom_bits.filter(|bits| *bits > 0);
            let filter = bits.map(|bits| ffi::leveldb_filterpolicy_create_bloom(bits));
            (cache.unwrap_or(ptr::null_mut()), filter.unwrap_or(ptr::null_mut()))
        };
        let mut this = Self {
            db: ptr::null_mut(),
            cache,
            filter,
            verify_checksums: options.verify_checksums,
            path: path.to_owned(),
        };
        let mut error = ptr::null_mut();
        // SAFETY: the options live for the call, which copies what it needs; the path is
        // NUL-terminated; cache and filter are dropped after the database.
        unsafe {
            let raw = this.raw_options(mode, options);
            this.db = ffi::leveldb_open(raw, c_path.as_ptr(), &mut error);
            ffi::leveldb_options_destroy(raw);
        }
        this.check(error)?;
        Ok(this)
    }

    /// LevelDB's form of the options.
    ///
    /// # Safety
    /// The caller destroys what it is given, before `self`.
    unsafe fn raw_options(&self, mode: Mode, options: &Options) -> *mut ffi::leveldb_options_t {
        // SAFETY: the object is made here, and cache and filter are live.
        unsafe {
            let raw = ffi::leveldb_options_create();
            ffi::leveldb_options_set_create_if_missing(raw, u8::from(mode == Mode::New));
            ffi::leveldb_options_set_error_if_exists(raw, u8::from(mode == Mode::New));
            ffi::leveldb_options_set_paranoid_checks(raw, u8::from(options.paranoid_checks));
            let write_buffer_size = options.write_buffer_size.unwrap_or(mode.write_buffer_size());
            ffi::leveldb_options_set_write_buffer_size(raw, write_buffer_size);
            ffi::leveldb_options_set_max_open_files(raw, options.max_open_files);
            ffi::leveldb_options_set_block_size(raw, options.block_size);
            ffi::leveldb_options_set_block_restart_interval(raw, options.block_restart_interval);
            if let Some(max_file_size) = options.max_file_size {
                leveldb_options_set_max_file_size(raw, max_file_size);
            }
            let compression =
                if options.snappy { ffi::Compression::Snappy } else { ffi::Compression::No };
            ffi::leveldb_options_set_compression(raw, compression);
            if !self.cache.is_null() {
                ffi::leveldb_options_set_cache(raw, self.cache);
            }
            if !self.filter.is_null() {
                ffi::leveldb_options_set_filter_policy(raw, self.filter);
            }
            raw
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a batch, all of it or nothing; with `durable` it is on the disk then.
    pub fn write(&self, batch: &mut Batch, durable: bool) -> Result<()> {
        let mut error = ptr::null_mut();
        // SAFETY: database, options and batch are live.
        unsafe {
            let options = ffi::leveldb_writeoptions_create();
            ffi::leveldb_writeoptions_set_sync(options, u8::from(durable));
            ffi::leveldb_write(self.db, options, batch.batch, &mut error);
            ffi::leveldb_writeoptions_destroy(options);
        }
        self.check(error)
    }

    /// Has everything written so far in synced tables, so that the next opening finds nothing in
    /// the log.
    pub fn flush(&self) -> Result<()> {
        // A range that no table has a key in: only the memory table is written.
        let nowhere = [0u8];
        // SAFETY: the database is open and the keys are live for the call.
        unsafe {
            let key = nowhere.as_ptr().cast::<c_char>();
            ffi::leveldb_compact_range(self.db, key, 1, key, 1);
        }
        // The call has no way to say that it failed; a write does, and an empty one writes nothing.
        self.write(&mut Batch::new(), true)
    }

    /// Merges all tables.
    #[cfg(test)]
    pub fn compact(&self) {
        // SAFETY: the database is open, and null is before and behind every key.
        unsafe { ffi::leveldb_compact_range(self.db, ptr::null(), 0, ptr::null(), 0) };
    }

    /// Takes LevelDB's words about what went wrong, if something did.
    fn check(&self, error: *mut c_char) -> Result<()> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: LevelDB gave a NUL-terminated string from malloc, which is ours now.
        let said = unsafe {
            let said = std::ffi::CStr::from_ptr(error).to_string_lossy().into_owned();
            ffi::leveldb_free(error.cast());
            said
        };
        Err(words::error(&self.path, &said))
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // SAFETY: snapshots hold an Arc of the database, so none is left; cache and filter are used
        // by nothing else.
        unsafe {
            if !self.db.is_null() {
                ffi::leveldb_close(self.db);
            }
            if !self.cache.is_null() {
                ffi::leveldb_cache_destroy(self.cache);
            }
            if !self.filter.is_null() {
                ffi::leveldb_filterpolicy_destroy(self.filter);
            }
        }
    }
}

/// Changes to be written together.
pub struct Batch {
    batch: *mut ffi::leveldb_writebatch_t,
    _not_shared: PhantomData<*mut ()>,
}

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        // SAFETY: gives an object of its own.
        let batch = unsafe { ffi::leveldb_writebatch_create() };
        Self { batch, _not_shared: PhantomData }
    }

    /// Adds a record.
    #[inline]
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        // SAFETY: the batch is live and copies the bytes.
        unsafe {
            ffi::leveldb_writebatch_put(
                self.batch,
                key.as_ptr().cast(),
                key.len(),
                value.as_ptr().cast(),
                value.len(),
            );
        }
    }

    /// Adds that a record goes away.
    pub fn delete(&mut self, key: &[u8]) {
        // SAFETY: as for `put`.
        unsafe { ffi::leveldb_writebatch_delete(self.batch, key.as_ptr().cast(), key.len()) }
    }

    /// Forgets the changes.
    pub fn clear(&mut self) {
        // SAFETY: the batch is live.
        unsafe { ffi::leveldb_writebatch_clear(self.batch) }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: the batch is live and given up here.
        unsafe { ffi::leveldb_writebatch_destroy(self.batch) }
    }
}

/// The database as it was at a moment.
pub struct Snapshot {
    snapshot: *mut ffi::leveldb_snapshot_t,
    options: *mut ffi::leveldb_readoptions_t,
    db: Arc<Db>,
}

// SAFETY: a snapshot is a number to LevelDB, and read options are only read.
unsafe impl Send for Snapshot {}

impl Snapshot {
    /// Takes one.
    pub fn new(db: &Arc<Db>) -> Self {
        // SAFETY: the database is open and outlives the snapshot through the Arc; the options live
        // as long as the snapshot that they name.
        unsafe {
            let snapshot = ffi::leveldb_create_snapshot(db.db);
            let options = ffi::leveldb_readoptions_create();
            ffi::leveldb_readoptions_set_snapshot(options, snapshot);
            ffi::leveldb_readoptions_set_verify_checksums(options, u8::from(db.verify_checksums));
            Self { snapshot, options, db: Arc::clone(db) }
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut len: size_t = 0;
        let mut error = ptr::null_mut();
        // SAFETY: database, options and key are live; what is given is `len` bytes from malloc.
        unsafe {
            let key_bytes = key.as_ptr().cast();
            let value = ffi::leveldb_get(
                self.db.db,
                self.options,
                key_bytes,
                key.len(),
                &mut len,
                &mut error,
            );
            self.db.check(error)?;
            if value.is_null() {
                return Ok(None);
            }
            let copy = std::slice::from_raw_parts(value.cast::<u8>(), len).to_vec();
            ffi::leveldb_free(value.cast());
            Ok(Some(copy))
        }
    }

    /// A walk over the records, not yet anywhere.
    pub fn iter(&self) -> Iter<'_> {
        // SAFETY: database and options are live, and the snapshot outlives the iterator by the
        // borrow.
        let iter = unsafe { ffi::leveldb_create_iterator(self.db.db, self.options) };
        Iter { iter, snapshot: self }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: both are live, iterators borrowed from self, so none is left.
        unsafe {
            ffi::leveldb_readoptions_destroy(self.options);
            ffi::leveldb_release_snapshot(self.db.db, self.snapshot);
        }
    }
}

/// Where an iterator goes.
#[derive(Debug, Clone, Copy)]
pub enum Move<'k> {
    /// To the first record at or after a key.
    AtOrAfter(&'k [u8]),
    /// To the last record.
    Last,
    /// One on.
    Next,
    /// One back.
    Previous,
}

/// A walk over the records of a snapshot.
pub struct Iter<'s> {
    iter: *mut ffi::leveldb_iterator_t,
    snapshot: &'s Snapshot,
}

impl Iter<'_> {
    /// Moves and reads; None at the end. One on or back only from a record.
    pub fn go(&mut self, to: Move<'_>) -> Result<Option<(&[u8], &[u8])>> {
        // SAFETY: the iterator is live; `is_at_record` keeps it from moving on from nowhere.
        unsafe {
            match to {
                Move::AtOrAfter(key) => {
                    ffi::leveldb_iter_seek(self.iter, key.as_ptr().cast(), key.len());
                }
                Move::Last => ffi::leveldb_iter_seek_to_last(self.iter),
                Move::Next if self.is_at_record() => ffi::leveldb_iter_next(self.iter),
                Move::Previous if self.is_at_record() => ffi::leveldb_iter_prev(self.iter),
                Move::Next | Move::Previous => (),
            }
        }
        self.here()
    }

    /// The record it is at; None at the end. LevelDB passes over a block that it cannot read and
    /// goes on behind it, so it is asked after each move whether it did.
    pub fn here(&self) -> Result<Option<(&[u8], &[u8])>> {
        let mut error: *const c_char = ptr::null();
        // SAFETY: the iterator is live; the words are LevelDB's until `check` takes them.
        unsafe { ffi::leveldb_iter_get_error(self.iter, ptr::addr_of_mut!(error)) };
        self.snapshot.db.check(error.cast_mut())?;
        Ok(self.is_at_record().then(|| self.record()))
    }

    fn is_at_record(&self) -> bool {
        // SAFETY: the iterator is live.
        unsafe { ffi::leveldb_iter_valid(self.iter) != 0 }
    }

    /// The record it is at.
    fn record(&self) -> (&[u8], &[u8]) {
        let (mut key_len, mut value_len): (size_t, size_t) = (0, 0);
        // SAFETY: the iterator is at a record, whose bytes stay until it moves, which takes
        // `&mut self`. The lengths are written through the pointers, declared const or not.
        unsafe {
            let key = ffi::leveldb_iter_key(self.iter, ptr::addr_of_mut!(key_len));
            let value = ffi::leveldb_iter_value(self.iter, ptr::addr_of_mut!(value_len));
            (slice(key, key_len), slice(value, value_len))
        }
    }
}

/// # Safety
/// `bytes` is null or starts `len` bytes that live as long as what is given.
unsafe fn slice<'a>(bytes: *const c_char, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: by the contract above.
    unsafe { std::slice::from_raw_parts(bytes.cast(), len) }
}

impl Drop for Iter<'_> {
    fn drop(&mut self) {
        // SAFETY: the iterator is live; its snapshot is still borrowed.
        unsafe { ffi::leveldb_iter_destroy(self.iter) }
    }
}

//! A thin safe wrapper over liblmdb: environment, transactions, cursors, and nothing of redtool's
//! layout.
//!
//! It binds `lmdb-master-sys` (the LMDB that heed bundles, data format 1) rather than heed itself,
//! because a read snapshot here must own its environment and live as long as a server thread, and
//! bulk load appends through cursors that stay open. Every pointer stays inside this file;
//! `places` beside it keeps addresses, and has them read here.
use crate::error::{Result, StoreError};
use crate::writeback;
use lmdb_master_sys as ffi;
use std::cell::Cell;
use std::ffi::{c_uint, CStr, CString};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

/// A handle of a named table.
pub type Dbi = ffi::MDB_dbi;

/// An open environment: one file.
pub struct Env {
    env: *mut ffi::MDB_env,
    path: PathBuf,
}

// SAFETY: an MDB_env may be used from any thread; LMDB locks what it shares.
unsafe impl Send for Env {}
// SAFETY: as above.
unsafe impl Sync for Env {}

/// How to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Read snapshots only; the lock file is used when it can be written.
    Read,
    /// Read and write, durable commits.
    Write,
    /// A new file that nobody else sees yet: no lock file, no sync until [`Env::sync`].
    Build,
}

/// The largest map: address space, not memory or disk. Only as much as the file holds is ever
/// touched.
const MAP_BYTES: usize = 1 << 42;
const MAX_TABLES: u32 = 8;
const MAX_READERS: u32 = 512;

impl Env {
    /// Opens the file at `path` (created in `Write` and `Build`).
    pub fn open(path: &Path, mode: Mode) -> Result<Self> {
        let flags = ffi::MDB_NOSUBDIR | ffi::MDB_NOTLS;
        match mode {
            Mode::Read => match Self::open_with(path, flags | ffi::MDB_RDONLY) {
                Err(error) if error.is_no_permission() => {
                    Self::open_with(path, flags | ffi::MDB_RDONLY | ffi::MDB_NOLOCK)
                }
                opened => opened,
            },
            Mode::Write => Self::open_with(path, flags),
            Mode::Build => Self::open_with(path, flags | ffi::MDB_NOSYNC | ffi::MDB_NOLOCK),
        }
    }

    fn open_with(path: &Path, flags: c_uint) -> Result<Self> {
        let c_path = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| StoreError::Foreign(format!("{}: a NUL in the path", path.display())))?;
        let mut env = ptr::null_mut();
        // SAFETY: `env` is a valid place for the handle.
        check(path, unsafe { ffi::mdb_env_create(&mut env) })?;
        let this = Self { env, path: path.to_owned() };
        let map_bytes = if flags & ffi::MDB_RDONLY == 0 { MAP_BYTES } else { 0 };
        // SAFETY: `env` was created above and is not open yet; dropping `this` closes it on every
        // path.
        unsafe {
            if map_bytes > 0 {
                check(path, ffi::mdb_env_set_mapsize(env, map_bytes as _))?;
            }
            check(path, ffi::mdb_env_set_maxdbs(env, MAX_TABLES))?;
            check(path, ffi::mdb_env_set_maxreaders(env, MAX_READERS))?;
            check(path, ffi::mdb_env_open(env, c_path.as_ptr(), flags, 0o644))?;
        }
        this.check_not_truncated()?;
        Ok(this)
    }

    /// A file shorter than its own page count would be a bus error at the first read beyond its
    /// end.
    fn check_not_truncated(&self) -> Result<()> {
        let needed = self.used_bytes()?;
        let found = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        if found > 0 && found < needed {
            return Err(StoreError::Corrupt(format!(
                "{}: the file is truncated: {found} bytes, but its pages need {needed}",
                self.path.display()
            )));
        }
        Ok(())
    }

    /// Bytes of the file that hold pages.
    pub fn used_bytes(&self) -> Result<u64> {
        let mut info = zeroed_info();
        let mut stat = zeroed_stat();
        // SAFETY: the environment is open and both places are valid.
        unsafe {
            check(&self.path, ffi::mdb_env_info(self.env, &mut info))?;
            check(&self.path, ffi::mdb_env_stat(self.env, &mut stat))?;
        }
        Ok((info.me_last_pgno as u64 + 1) * u64::from(stat.ms_psize))
    }

    /// Writes everything to the disk and waits for it.
    pub fn sync(&self) -> Result<()> {
        // SAFETY: the environment is open.
        check(&self.path, unsafe { ffi::mdb_env_sync(self.env, 1) })
    }

    /// Asks the system to start writing what is dirty, without waiting, so that the final sync
    /// finds little left.
    pub fn start_writeback(&self) {
        let mut fd = 0;
        // SAFETY: the environment is open and the place is valid.
        if unsafe { ffi::mdb_env_get_fd(self.env, &mut fd) } == 0 {
            writeback::start(fd, 0, 0);
        }
    }
}

fn zeroed_stat() -> ffi::MDB_stat {
    ffi::MDB_stat {
        ms_psize: 0,
        ms_depth: 0,
        ms_branch_pages: 0,
        ms_leaf_pages: 0,
        ms_overflow_pages: 0,
        ms_entries: 0,
    }
}

fn zeroed_info() -> ffi::MDB_envinfo {
    ffi::MDB_envinfo {
        me_mapaddr: ptr::null_mut(),
        me_mapsize: 0,
        me_last_pgno: 0,
        me_last_txnid: 0,
        me_maxreaders: 0,
        me_numreaders: 0,
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        // SAFETY: transactions hold an Arc of the environment, so none is left.
        unsafe { ffi::mdb_env_close(self.env) }
    }
}

/// A transaction; reads of it borrow from it.
pub struct Txn {
    txn: *mut ffi::MDB_txn,
    env: Arc<Env>,
    /// What `floor` has opened last, and of which table.
    finder: Cell<Option<(Dbi, *mut ffi::MDB_cursor)>>,
}

// SAFETY: with MDB_NOTLS a read transaction belongs to no thread, and `&mut` guards a write
// transaction; a write transaction is not moved between threads by its users (LMDB's mutex is
// released by the thread that took it).
unsafe impl Send for Txn {}

impl Txn {
    /// Starts a transaction.
    pub fn begin(env: &Arc<Env>, read_only: bool) -> Result<Self> {
        let mut txn = ptr::null_mut();
        let flags = if read_only { ffi::MDB_RDONLY } else { 0 };
        // SAFETY: the environment is open and outlives the transaction through the Arc.
        let code = unsafe { ffi::mdb_txn_begin(env.env, ptr::null_mut(), flags, &mut txn) };
        check(&env.path, code)?;
        Ok(Self { txn, env: Arc::clone(env), finder: Cell::new(None) })
    }

    /// The table `name`; created when `create`, else None when it does not exist.
    pub fn table(&mut self, name: &str, create: bool) -> Result<Option<Dbi>> {
        let name = CString::new(name).map_err(|e| StoreError::Backend(e.to_string()))?;
        let mut dbi = 0;
        let flags = if create { ffi::MDB_CREATE } else { 0 };
        // SAFETY: the transaction is live and the name is NUL-terminated.
        match unsafe { ffi::mdb_dbi_open(self.txn, name.as_ptr(), flags, &mut dbi) } {
            // Of that name there is a plain record of someone else's, or a table of another kind.
            ffi::MDB_NOTFOUND | ffi::MDB_INCOMPATIBLE => Ok(None),
            code => check(&self.env.path, code).map(|()| Some(dbi)),
        }
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, dbi: Dbi, key: &[u8]) -> Result<Option<&[u8]>> {
        let mut key = val(key);
        let mut data = val(&[]);
        // SAFETY: the transaction is live; LMDB does not write through the key.
        match unsafe { ffi::mdb_get(self.txn, dbi, &mut key, &mut data) } {
            0 => Ok(Some(self.slice(data))),
            ffi::MDB_NOTFOUND => Ok(None),
            // An empty or over-long key cannot be stored, so it is not there.
            ffi::MDB_BAD_VALSIZE => Ok(None),
            code => Err(error(&self.env.path, code)),
        }
    }

    /// How many records a table has.
    pub fn records(&self, dbi: Dbi) -> Result<usize> {
        let mut stat = zeroed_stat();
        // SAFETY: the transaction is live and the place is valid.
        check(&self.env.path, unsafe { ffi::mdb_stat(self.txn, dbi, &mut stat) })?;
        Ok(stat.ms_entries)
    }

    /// Stores a key.
    pub fn put(&mut self, dbi: Dbi, key: &[u8], value: &[u8]) -> Result<()> {
        let (mut key, mut data) = (val(key), val(value));
        // SAFETY: the transaction is live and writable (LMDB answers EACCES otherwise).
        check(&self.env.path, unsafe { ffi::mdb_put(self.txn, dbi, &mut key, &mut data, 0) })
    }

    /// Removes a key; whether it was there.
    pub fn delete(&mut self, dbi: Dbi, key: &[u8]) -> Result<bool> {
        let mut key = val(key);
        // SAFETY: as for `put`.
        match unsafe { ffi::mdb_del(self.txn, dbi, &mut key, ptr::null_mut()) } {
            ffi::MDB_NOTFOUND => Ok(false),
            code => check(&self.env.path, code).map(|()| true),
        }
    }

    /// A cursor over a table.
    pub fn cursor(&self, dbi: Dbi) -> Result<RawCursor<'_>> {
        let mut cursor = ptr::null_mut();
        // SAFETY: the transaction is live and outlives the cursor by the borrow.
        check(&self.env.path, unsafe { ffi::mdb_cursor_open(self.txn, dbi, &mut cursor) })?;
        Ok(RawCursor { cursor, txn: self, _table: PhantomData })
    }

    /// The last record whose key is not greater. The cursor that finds it stays open for the next
    /// time, which then begins at the page where this one ended.
    pub fn floor(&self, dbi: Dbi, key: &[u8]) -> Result<Passed<'_>> {
        let mut finder = match self.finder.take() {
            Some((of, cursor)) if of == dbi => RawCursor { cursor, txn: self, _table: PhantomData },
            other => {
                self.finder.set(other);
                self.close_finder();
                self.cursor(dbi)?
            }
        };
        let found = finder.go_to_floor(key)?;
        let finder = ManuallyDrop::new(finder);
        self.finder.set(Some((dbi, finder.cursor)));
        Ok(found)
    }

    fn close_finder(&self) {
        if let Some((_, cursor)) = self.finder.take() {
            // SAFETY: the cursor is live, nobody else has it, and so is its transaction.
            unsafe { ffi::mdb_cursor_close(cursor) }
        }
    }

    /// Ends the transaction, keeping what it wrote.
    pub fn commit(mut self) -> Result<()> {
        self.close_finder();
        let txn = std::mem::replace(&mut self.txn, ptr::null_mut());
        // SAFETY: the handle was live and is given up here.
        let code = unsafe { ffi::mdb_txn_commit(txn) };
        // A disk that is full half-way through a write is an I/O error to LMDB.
        let full = code == libc::EIO && is_full(&self.env.path);
        check(&self.env.path, if full { libc::ENOSPC } else { code })
    }

    /// Bytes of the map around a value, or a key, that this snapshot gave.
    ///
    /// # Safety
    /// `value` is the address of a value that this read transaction gave, or of a key, and `len` is
    /// at most its length; `before` is at most that of a value's key.
    #[inline]
    pub unsafe fn around(&self, value: usize, before: usize, len: usize) -> (&[u8], &[u8]) {
        let value = value as *const u8;
        // SAFETY: the value is live as long as the transaction. Before it lie the rest of its page
        // and the two meta pages of the file, which together are longer than any key.
        unsafe {
            let key = std::slice::from_raw_parts(value.sub(before), before);
            (key, std::slice::from_raw_parts(value, len))
        }
    }

    fn slice(&self, data: ffi::MDB_val) -> &[u8] {
        if data.mv_size == 0 {
            return &[];
        }
        // SAFETY: LMDB gave a place in its map (or in a dirty page) that stays valid until the
        // transaction ends or writes; writing takes `&mut self`, which ends this borrow.
        unsafe { std::slice::from_raw_parts(data.mv_data.cast(), data.mv_size) }
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        if !self.txn.is_null() {
            self.close_finder();
            // SAFETY: the handle is live; cursors borrowed from self, so none is left.
            unsafe { ffi::mdb_txn_abort(self.txn) }
        }
    }
}

/// Where a cursor goes.
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

/// A cursor whose records live as long as the transaction.
pub struct RawCursor<'t> {
    cursor: *mut ffi::MDB_cursor,
    txn: &'t Txn,
    _table: PhantomData<&'t ()>,
}

impl<'t> RawCursor<'t> {
    /// Moves and reads; None at the end.
    pub fn go(&mut self, to: Move<'_>) -> Result<Option<Pair<'t>>> {
        let mut key = val(&[]);
        let mut data = val(&[]);
        let op = match to {
            Move::AtOrAfter([]) => ffi::MDB_FIRST,
            Move::AtOrAfter(from) => {
                key = val(from);
                ffi::MDB_SET_RANGE
            }
            Move::Last => ffi::MDB_LAST,
            Move::Next => ffi::MDB_NEXT,
            Move::Previous => ffi::MDB_PREV,
        };
        // SAFETY: cursor and transaction are live.
        match unsafe { ffi::mdb_cursor_get(self.cursor, &mut key, &mut data, op) } {
            0 => Ok(Some((self.txn.slice(key), self.txn.slice(data)))),
            ffi::MDB_NOTFOUND => Ok(None),
            code => Err(error(&self.txn.env.path, code)),
        }
    }
}

/// A key and its value.
pub type Pair<'t> = (&'t [u8], &'t [u8]);

/// What a search for the last record whose key is not greater has met.
#[derive(Debug, Clone, Copy)]
pub struct Passed<'t> {
    /// That record.
    pub floor: Option<Pair<'t>>,
    /// The key of the record behind it, unless its own key was asked for.
    pub next: Option<&'t [u8]>,
    /// It is the last of all.
    pub was_last: bool,
}

impl<'t> RawCursor<'t> {
    /// To the last record whose key is not greater.
    pub fn go_to_floor(&mut self, key: &[u8]) -> Result<Passed<'t>> {
        let (floor, next, was_last) = match self.go(Move::AtOrAfter(key))? {
            Some((found, value)) if found == key => (Some((found, value)), None, false),
            Some((next, _)) => (self.go(Move::Previous)?, Some(next), false),
            None => (self.go(Move::Last)?, None, true),
        };
        Ok(Passed { floor, next, was_last })
    }
}

impl Drop for RawCursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the cursor is live; its transaction is still borrowed.
        unsafe { ffi::mdb_cursor_close(self.cursor) }
    }
}

/// A write transaction with one append cursor a table, for bulk load.
pub struct Appender {
    cursors: Vec<*mut ffi::MDB_cursor>,
    txn: Txn,
}

impl Appender {
    /// Starts a transaction that appends to these tables.
    pub fn begin(env: &Arc<Env>, tables: &[Dbi]) -> Result<Self> {
        let mut this = Self { cursors: Vec::new(), txn: Txn::begin(env, false)? };
        for dbi in tables {
            let mut cursor = ptr::null_mut();
            // SAFETY: the transaction is live; the cursors end with it.
            check(&env.path, unsafe { ffi::mdb_cursor_open(this.txn.txn, *dbi, &mut cursor) })?;
            this.cursors.push(cursor);
        }
        Ok(this)
    }

    /// Appends a record to table number `table` of those given; its key must be greater than all
    /// there.
    #[inline]
    pub fn append(&mut self, table: usize, key: &[u8], value: &[u8]) -> Result<()> {
        let (mut key, mut data) = (val(key), val(value));
        // SAFETY: the cursor belongs to the live transaction of self.
        let code = unsafe {
            ffi::mdb_cursor_put(self.cursors[table], &mut key, &mut data, ffi::MDB_APPEND)
        };
        check(&self.txn.env.path, code)
    }

    /// Ends the transaction, keeping what it wrote (cursors of a write transaction end with it).
    pub fn commit(mut self) -> Result<()> {
        self.cursors.clear();
        self.txn.commit()
    }
}

/// Whether the file system of a file has no room for another page or two.
#[cold]
fn is_full(path: &Path) -> bool {
    const ROOM_BYTES: u64 = 1 << 16;
    rustix::fs::statvfs(path).is_ok_and(|stat| stat.f_bavail * stat.f_frsize < ROOM_BYTES)
}

fn val(bytes: &[u8]) -> ffi::MDB_val {
    ffi::MDB_val { mv_size: bytes.len() as _, mv_data: bytes.as_ptr() as *mut _ }
}

#[inline]
fn check(path: &Path, code: i32) -> Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(error(path, code))
    }
}

#[cold]
fn error(path: &Path, code: i32) -> StoreError {
    let path = path.display().to_string();
    if code > 0 {
        return StoreError::Io { path, source: std::io::Error::from_raw_os_error(code) };
    }
    // SAFETY: mdb_strerror gives a static NUL-terminated string for its own codes.
    let words = unsafe { CStr::from_ptr(ffi::mdb_strerror(code)) }.to_string_lossy();
    match code {
        ffi::MDB_INVALID | ffi::MDB_VERSION_MISMATCH => {
            StoreError::Foreign(format!("{path}: not an LMDB file of data format 1 ({words})"))
        }
        ffi::MDB_CORRUPTED | ffi::MDB_PAGE_NOTFOUND => {
            StoreError::Corrupt(format!("{path}: damaged LMDB file ({words})"))
        }
        _ => StoreError::Backend(format!("{path}: {words}")),
    }
}

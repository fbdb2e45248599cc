//! Where a store of each kind lives, is made and is opened again.
use redtool_store::leveldb::{LevelDbStore, Options};
use redtool_store::lmdb::LmdbStore;
use redtool_store::memory::MemoryStore;
use redtool_store::{Result, Store};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place for one store.
pub trait Home: Sized {
    /// A place of its own, empty, removed at the end.
    fn new() -> Self;
    /// A new, empty store to be loaded.
    fn create(&self) -> Box<dyn Store>;
    /// A new, empty store to be read and written.
    fn writable(&self) -> Box<dyn Store>;
}

/// A place for a store that outlives the process.
pub trait DurableHome: Home {
    /// The name of its tests' module in this file's crate.
    const TESTS: &'static str;
    /// A place in a folder that belongs to someone else.
    fn inside(folder: &Path) -> Self;
    /// The folder.
    fn folder(&self) -> &Path;
    /// Makes a new store, as an import does.
    fn try_create(&self) -> Result<Box<dyn Store>>;
    /// Opens what is there for reading and writing.
    fn open(&self) -> Result<Box<dyn Store>>;
    /// Opens what is there for reading.
    fn open_read_only(&self) -> Result<Box<dyn Store>>;
}

/// Memory.
pub struct Memory;

impl Home for Memory {
    fn new() -> Self {
        Self
    }

    fn create(&self) -> Box<dyn Store> {
        Box::new(MemoryStore::new())
    }

    fn writable(&self) -> Box<dyn Store> {
        self.create()
    }
}

/// One LMDB file in a folder.
pub struct Lmdb {
    folder: PathBuf,
    _own: Option<TempDir>,
}

impl Home for Lmdb {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self::inside(folder.path());
        Self { _own: Some(folder), ..home }
    }

    fn create(&self) -> Box<dyn Store> {
        self.try_create().unwrap()
    }

    /// Opened anew: a file in the making has no lock to protect snapshots with.
    fn writable(&self) -> Box<dyn Store> {
        self.create().sync().unwrap();
        self.open().unwrap()
    }
}

impl Lmdb {
    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.join("x.lmdb")
    }
}

impl DurableHome for Lmdb {
    const TESTS: &'static str = "lmdb_on_disk";

    fn inside(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _own: None }
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn try_create(&self) -> Result<Box<dyn Store>> {
        Ok(Box::new(LmdbStore::create(&self.path())?))
    }

    fn open(&self) -> Result<Box<dyn Store>> {
        Ok(Box::new(LmdbStore::open(&self.path())?))
    }

    fn open_read_only(&self) -> Result<Box<dyn Store>> {
        Ok(Box::new(LmdbStore::open_read_only(&self.path())?))
    }
}

/// One LevelDB directory in a folder.
pub struct LevelDb {
    folder: PathBuf,
    _own: Option<TempDir>,
}

impl Home for LevelDb {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self::inside(folder.path());
        Self { _own: Some(folder), ..home }
    }

    fn create(&self) -> Box<dyn Store> {
        self.try_create().unwrap()
    }

    /// Opened anew: then every commit is durable.
    fn writable(&self) -> Box<dyn Store> {
        self.create().sync().unwrap();
        self.open().unwrap()
    }
}

impl LevelDb {
    /// The directory.
    pub fn path(&self) -> PathBuf {
        self.folder.join("x.leveldb")
    }
}

impl DurableHome for LevelDb {
    const TESTS: &'static str = "leveldb_on_disk";

    fn inside(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _own: None }
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn try_create(&self) -> Result<Box<dyn Store>> {
        Ok(Box::new(LevelDbStore::create(&self.path(), &Options::default())?))
    }

    fn open(&self) -> Result<Box<dyn Store>> {
        Ok(Box::new(LevelDbStore::open(&self.path(), &Options::default())?))
    }

    fn open_read_only(&self) -> Result<Box<dyn Store>> {
        Ok(Box::new(LevelDbStore::open_read_only(&self.path(), &Options::default())?))
    }
}

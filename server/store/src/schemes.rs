//! The table of stores: how each is made and opened, by the scheme of its URL.
use crate::contract::Store;
use crate::error::{Result, StoreError};
use crate::leveldb::{LevelDbStore, Options};
use crate::lmdb::LmdbStore;
use crate::memory::{self, MemoryStore};
use std::path::Path;
use std::sync::Arc;

/// What `--option NAME=VALUE` says.
pub type Tuning = [(String, String)];

/// Where a store of a kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// This process, by a name.
    Process,
}

/// A kind of store.
pub struct Scheme {
    /// What its URLs begin with.
    pub name: &'static str,
    /// Where it is.
    pub home: Home,
    /// Makes a new, empty dataset.
    pub create: fn(&Path, &Tuning) -> Result<Arc<dyn Store>>,
    /// Opens a dataset for reading and writing.
    pub open: fn(&Path, &Tuning) -> Result<Arc<dyn Store>>,
    /// Opens a dataset for reading.
    pub open_read_only: fn(&Path, &Tuning) -> Result<Arc<dyn Store>>,
}

/// Every kind.
pub const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "lmdb",
        home: Home::File,
        create: |path, tuning| {
            untuned("lmdb", tuning)?;
            Ok(Arc::new(LmdbStore::create(path)?))
        },
        open: |path, tuning| {
            untuned("lmdb", tuning)?;
            Ok(Arc::new(LmdbStore::open(path)?))
        },
        open_read_only: |path, tuning| {
            untuned("lmdb", tuning)?;
            Ok(Arc::new(LmdbStore::open_read_only(path)?))
        },
    },
    Scheme {
        name: "leveldb",
        home: Home::Directory,
        create: |path, tuning| Ok(Arc::new(LevelDbStore::create(path, &Options::parse(tuning)?)?)),
        open: |path, tuning| Ok(Arc::new(LevelDbStore::open(path, &Options::parse(tuning)?)?)),
        open_read_only: |path, tuning| {
            Ok(Arc::new(LevelDbStore::open_read_only(path, &Options::parse(tuning)?)?))
        },
    },
    Scheme {
        name: "memory",
        home: Home::Process,
        create: |_, tuning| {
            untuned("memory", tuning)?;
            Ok(Arc::new(MemoryStore::new()))
        },
        open: |path, tuning| {
            untuned("memory", tuning)?;
            memory::open(path)
        },
        open_read_only: |path, tuning| {
            untuned("memory", tuning)?;
            memory::open(path)
        },
    },
];

/// The kind with this name.
pub fn find(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

/// Refuses options where there are none.
fn untuned(scheme: &str, tuning: &Tuning) -> Result<()> {
    match tuning.first() {
        None => Ok(()),
        Some((name, _)) => {
            Err(StoreError::Usage(format!("no option {name:?}: {scheme} stores have none")))
        }
    }
}

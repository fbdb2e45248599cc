//! The table of stores: how each is made and opened, by the scheme of its URL.
use crate::contract::Store;
use crate::error::{Result, StoreError};
use crate::leveldb::{LevelDbStore, Options};
use crate::lmdb::LmdbStore;
use std::path::Path;
use std::sync::Arc;

/// What `--option NAME=VALUE` says.
pub type Tuning = [(String, String)];

/// A kind of store in a file or directory.
pub struct Scheme {
    /// What its URLs begin with.
    pub name: &'static str,
    /// It is a directory, not a file.
    pub is_directory: bool,
    /// Makes a new, empty dataset.
    pub create: fn(&Path, &Tuning) -> Result<Arc<dyn Store>>,
    /// Opens a dataset for reading.
    pub open_read_only: fn(&Path, &Tuning) -> Result<Arc<dyn Store>>,
}

/// Every kind.
pub const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "lmdb",
        is_directory: false,
        create: |path, tuning| {
            untuned("lmdb", tuning)?;
            Ok(Arc::new(LmdbStore::create(path)?))
        },
        open_read_only: |path, tuning| {
            untuned("lmdb", tuning)?;
            Ok(Arc::new(LmdbStore::open_read_only(path)?))
        },
    },
    Scheme {
        name: "leveldb",
        is_directory: true,
        create: |path, tuning| Ok(Arc::new(LevelDbStore::create(path, &Options::parse(tuning)?)?)),
        open_read_only: |path, tuning| {
            Ok(Arc::new(LevelDbStore::open_read_only(path, &Options::parse(tuning)?)?))
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

//! What can be told of a directory before LevelDB is asked: opening makes a lock file and a log in
//! whatever it is given.
//!
//! ```text
//! CURRENT   the name of the manifest in force, `MANIFEST-` and a number, and a line feed
//! ```
use crate::error::{Result, StoreError};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The file that every LevelDB directory has.
const CURRENT: &str = "CURRENT";
const MANIFEST: &str = "MANIFEST-";
/// More than any name in it has.
const CURRENT_MAX_BYTES: u64 = 64;

/// Whether a path is a directory of LevelDB's, redtool's or not.
pub fn is_leveldb(path: &Path) -> bool {
    path.is_dir() && path.join(CURRENT).is_file()
}

/// Refuses what is not a LevelDB directory.
pub(super) fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let io = |source| StoreError::Io { path: path.display().to_string(), source };
    if !fs::metadata(path).map_err(io)?.is_dir() {
        let what = format!("{shown}: not a directory, so not a LevelDB store");
        return Err(StoreError::Foreign(what));
    }
    if !is_leveldb(path) {
        let what = format!("{shown}: not a LevelDB directory: no file {CURRENT} in it");
        return Err(StoreError::Foreign(what));
    }
    let mut named = String::new();
    let read = File::open(path.join(CURRENT))
        .map_err(io)?
        .take(CURRENT_MAX_BYTES)
        .read_to_string(&mut named);
    let manifest = named.trim_end();
    let whole = read.is_ok() && manifest.starts_with(MANIFEST) && !manifest.contains('/');
    if whole && path.join(manifest).is_file() {
        return Ok(());
    }
    let what = format!("{shown}: damaged LevelDB files: {CURRENT} does not name a manifest");
    Err(StoreError::Corrupt(what))
}

/// Refuses to make a dataset where something is.
pub(super) fn check_free(path: &Path) -> Result<()> {
    let taken = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.symlink_metadata().is_ok(),
    };
    if taken {
        let path = path.display().to_string();
        return Err(StoreError::Io { path, source: std::io::ErrorKind::AlreadyExists.into() });
    }
    Ok(())
}

/// Has the names in a directory on the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| StoreError::Io { path: path.display().to_string(), source })
}

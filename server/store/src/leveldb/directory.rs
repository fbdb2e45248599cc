//! What can be told of a directory before LevelDB is asked: opening makes a lock file and a log in
//! whatever it is given.
//!
//! ```text
//! CURRENT   the name of the manifest in force, `MANIFEST-` and a number, and a line feed
//! LOCK      locked by the program that has the directory open, in this process or another
//! ```
use super::words;
use crate::error::{Result, StoreError};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;

/// The file that every LevelDB directory has.
pub(super) const CURRENT: &str = "CURRENT";
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
    sync_names(path).map_err(|source| StoreError::Io { path: path.display().to_string(), source })
}

/// As [`sync`], with the system's error.
pub(super) fn sync_names(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The first number that no file of LevelDB's has, nor any behind it.
pub(super) fn free_number(path: &Path) -> io::Result<u64> {
    let mut free = 1;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = name.strip_prefix(MANIFEST).or_else(|| Some(name.split_once('.')?.0));
        if let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) {
            free = free.max(number.saturating_add(1));
        }
    }
    Ok(free)
}

/// LevelDB's lock of a directory, taken while LevelDB does not have it open.
///
/// Of the system's two kinds of lock, LevelDB's belong to a process, and so do not keep the same
/// process out; these belong to an open file, and keep LevelDB out of the directory anywhere.
pub(super) struct Lock {
    /// The lock file.
    file: File,
}

#[cfg(target_os = "linux")]
const SET_LOCK: libc::c_int = libc::F_OFD_SETLK;
#[cfg(not(target_os = "linux"))]
const SET_LOCK: libc::c_int = libc::F_SETLK;

impl Lock {
    /// Takes it, unless someone has it.
    pub fn take(path: &Path) -> Result<Self> {
        let file = fs::OpenOptions::new().write(true).open(path.join("LOCK"));
        let file = file.and_then(|file| {
            set_lock(&file, libc::F_WRLCK)?;
            Ok(file)
        });
        match file {
            Ok(file) => Ok(Self { file }),
            Err(source) if source.kind() == io::ErrorKind::WouldBlock => Err(words::in_use(path)),
            Err(source) => Err(StoreError::Io { path: path.display().to_string(), source }),
        }
    }
}

impl Drop for Lock {
    /// Closing the file would let go only when a child that another thread is starting has closed
    /// its copy of it, and until then LevelDB would find the directory in use.
    fn drop(&mut self) {
        // Closing follows, and lets go of what this did not.
        let _ = set_lock(&self.file, libc::F_UNLCK);
    }
}

/// Takes (`F_WRLCK`) or lets go of (`F_UNLCK`) the lock of a whole file, without waiting.
fn set_lock(file: &File, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: `flock` is plain numbers; all zeros is the whole file.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as _;
    lock.l_whence = libc::SEEK_SET as _;
    // SAFETY: the descriptor is open and the lock lives for the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), SET_LOCK, &lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

//! LevelDB's words for what went wrong, as errors: its C interface gives nothing but a sentence.
//!
//! ```text
//! sentence   kind: words        kind is Corruption, IO error, NotFound, Invalid argument …
//! ```
//! The words of an `IO error` end with what the system calls its error.
use crate::error::{Result, StoreError};
use std::io;
use std::path::Path;

const IN_USE: &str =
    "in use: LevelDB lets one program have a directory open at a time, and once; close it there";

/// What LevelDB said of the database at `path`.
#[cold]
pub(super) fn error(path: &Path, said: &str) -> StoreError {
    let (kind, words) = said.split_once(": ").unwrap_or(("", said));
    if kind == "IO error" && is_lock(words) {
        return in_use(path);
    }
    let path = path.display().to_string();
    match kind {
        "Corruption" => StoreError::Corrupt(format!("{path}: damaged LevelDB files: {words}")),
        "IO error" | "NotFound" => match system_error(words) {
            Some(source) => StoreError::Io { path, source },
            None => StoreError::Backend(format!("{path}: {words}")),
        },
        "Invalid argument" if words.contains("error_if_exists") => {
            StoreError::Io { path, source: io::ErrorKind::AlreadyExists.into() }
        }
        "Invalid argument" if words.contains("comparator") => StoreError::Foreign(format!(
            "{path}: not a redtool store: a LevelDB directory of another order ({words})"
        )),
        _ => StoreError::Backend(format!("{path}: {said}")),
    }
}

/// Someone has the directory open.
#[cold]
pub(super) fn in_use(path: &Path) -> StoreError {
    let source = io::Error::new(io::ErrorKind::ResourceBusy, IN_USE);
    StoreError::Io { path: path.display().to_string(), source }
}

/// Whether an error says that the directory is open elsewhere.
pub(super) fn is_in_use(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::ResourceBusy)
}

/// Whether someone else holds the lock, in this process or another.
fn is_lock(words: &str) -> bool {
    words.starts_with("lock ")
}

/// The system's error at the end of LevelDB's words.
fn system_error(words: &str) -> Option<io::Error> {
    use libc::{EACCES, EDQUOT, EFBIG, EIO, EMFILE, ENFILE, ENOENT, ENOSPC, EPERM, EROFS};
    let known = [ENOSPC, EDQUOT, EACCES, EPERM, EROFS, ENOENT, EIO, EFBIG, EMFILE, ENFILE];
    let errors = known.into_iter().map(io::Error::from_raw_os_error);
    let mut errors = errors.filter(|error| {
        // Rust adds the number.
        let text = error.to_string();
        words.ends_with(text.split(" (os error ").next().unwrap_or(&text))
    });
    errors.next()
}

/// What a store that is opened for reading says to a writer.
#[cold]
pub(super) fn read_only<T>(path: &Path) -> Result<T> {
    let source = io::Error::new(io::ErrorKind::PermissionDenied, "opened for reading only");
    Err(StoreError::Io { path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_damage_and_from_a_lock() {
        let path = Path::new("/x.leveldb");
        let full = error(path, "IO error: /x.leveldb/000007.ldb: No space left on device");
        assert!(matches!(&full, StoreError::Io { source, .. }
            if source.kind() == io::ErrorKind::StorageFull));
        let damaged = error(path, "Corruption: block checksum mismatch: /x.leveldb/000007.ldb");
        assert!(matches!(damaged, StoreError::Corrupt(_)));
        for words in ["already held by process", "Resource temporarily unavailable"] {
            let locked = error(path, &format!("IO error: lock /x.leveldb/LOCK: {words}"));
            assert!(locked.to_string().starts_with("/x.leveldb: in use"), "{locked}");
            assert!(is_in_use(&locked) && !is_in_use(&full));
        }
    }
}

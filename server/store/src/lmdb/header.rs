//! What can be told of a file before LMDB is asked: LMDB would make a lock file beside anything,
//! fill an empty file, and wait for ever on a pipe.
//!
//! ```text
//! page header, 16 bytes · magic u32 beefc0de · data format u32 1 · …      native (little-endian)
//! ```
use crate::error::{Result, StoreError};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC_AT: usize = 16;
const MAGIC: [u8; 4] = 0xbeef_c0de_u32.to_le_bytes();
const DATA_FORMAT: [u8; 4] = 1u32.to_le_bytes();
const HEADER_BYTES: usize = MAGIC_AT + MAGIC.len() + DATA_FORMAT.len();

/// Refuses what is not an existing LMDB file.
pub(super) fn check(path: &Path) -> Result<()> {
    let foreign = |what: &str| Err(StoreError::Foreign(format!("{}: {what}", path.display())));
    let io = |source| StoreError::Io { path: path.display().to_string(), source };
    let meta = std::fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        return foreign("not a file, so not an LMDB file");
    }
    if meta.len() == 0 {
        return foreign("an empty file, not an LMDB file");
    }
    let mut header = Vec::with_capacity(HEADER_BYTES);
    File::open(path)
        .and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut header))
        .map_err(io)?;
    match header.get(MAGIC_AT..).and_then(|rest| rest.split_at_checked(MAGIC.len())) {
        Some((magic, format)) if magic == MAGIC && format == DATA_FORMAT => Ok(()),
        Some((magic, format)) if magic == MAGIC && format.len() == DATA_FORMAT.len() => {
            foreign("not an LMDB file of data format 1, but of another version of LMDB")
        }
        _ => foreign("not an LMDB file"),
    }
}

/// Refuses to make a dataset in a file that holds something.
pub(super) fn check_free(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() || meta.len() > 0 => Err(StoreError::Io {
            path: path.display().to_string(),
            source: std::io::ErrorKind::AlreadyExists.into(),
        }),
        _ => Ok(()),
    }
}

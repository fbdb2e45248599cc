//! Outputs that appear under their name only when they are complete and on the disk.
//!
//! The work goes into `.NAME.redtool-partial` in the same directory; at the end it is synced,
//! renamed, and the directory is synced. A run that dies leaves the old file as it was and a
//! partial file that the next run removes.
use crate::error::{Error, Kind, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// An output in the making; dropped before [`Staged::commit`] it leaves nothing behind.
pub struct Staged {
    target: PathBuf,
    partial: PathBuf,
    done: bool,
}

impl Staged {
    /// Prepares to write `target`; refuses an existing one unless `replace`.
    pub fn new(target: &Path, replace: bool) -> Result<Self> {
        let name = target.file_name().ok_or_else(|| {
            Error::new(Kind::Usage, format!("{}: not a file name", target.display()))
        })?;
        if target.is_dir() {
            let message = format!("{}: is a directory", target.display());
            return Err(Error::new(Kind::Usage, message));
        }
        if !replace && target.exists() {
            let message = format!("{}: already exists", target.display());
            return Err(Error::new(Kind::Exists, message).hint("--force replaces it"));
        }
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(".redtool-partial");
        let staged = Self {
            target: target.to_owned(),
            partial: target.with_file_name(partial),
            done: false,
        };
        staged.remove_partial();
        Ok(staged)
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Gives the complete, synced output its name.
    pub fn commit(mut self) -> Result<()> {
        fs::rename(&self.partial, &self.target).map_err(|e| Error::io(&self.target, &e))?;
        self.done = true;
        let directory = match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|e| Error::io(directory, &e))
    }

    /// Nothing can be done about a partial file that cannot be removed, and nothing depends on it.
    fn remove_partial(&self) {
        fs::remove_file(&self.partial).unwrap_or_default();
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            self.remove_partial();
        }
    }
}

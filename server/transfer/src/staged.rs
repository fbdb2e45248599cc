//! Outputs that appear under their name only when they are complete and on the disk.
//!
//! The work goes into `.NAME.redtool-partial` in the same directory; at the end it is synced,
//! renamed, and the directory is synced. A run that dies leaves the old file as it was and a
//! partial file that the next run removes.
//!
//! `-` is standard output: the work goes into a temporary file, and when it is complete from there
//! to whoever reads.
use crate::error::{Error, Kind, Result};
use crate::input::STDIN;
use std::fs::{self, File};
use std::io::Write;
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
        if target.as_os_str() == STDIN {
            return Self::for_stdout();
        }
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
        let directory = directory_of(target);
        if !directory.is_dir() {
            let message = format!("{}: no such directory", directory.display());
            return Err(Error::new(Kind::NotFound, message));
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

    fn for_stdout() -> Result<Self> {
        let directory = std::env::temp_dir();
        let error = |e: &std::io::Error| {
            Error::io(&directory, e).hint("set TMPDIR to a file system with room for the output")
        };
        let file = tempfile::NamedTempFile::with_prefix("redtool-").map_err(|e| error(&e))?;
        let partial = file.into_temp_path().keep().map_err(|e| error(&e.error))?;
        Ok(Self { target: PathBuf::from(STDIN), partial, done: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Makes the file to write.
    pub fn create(&self) -> Result<File> {
        File::create(&self.partial).map_err(|error| self.named(Error::io(&self.partial, &error)))
    }

    /// An error told of the output by the name it is to have: nobody knows the other.
    pub fn named(&self, mut error: Error) -> Error {
        let partial = self.partial.display().to_string();
        if error.path.as_deref() == Some(&*partial) && self.target.as_os_str() != STDIN {
            error.path = Some(self.target.display().to_string().into());
        }
        error
    }

    /// Gives the complete, synced output its name.
    pub fn commit(mut self) -> Result<()> {
        if self.target.as_os_str() == STDIN {
            return self.copy_to_stdout();
        }
        fs::rename(&self.partial, &self.target).map_err(|e| Error::io(&self.target, &e))?;
        self.done = true;
        let directory = directory_of(&self.target);
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|e| Error::io(directory, &e))
    }

    fn copy_to_stdout(&self) -> Result<()> {
        let mut file = File::open(&self.partial).map_err(|e| Error::io(&self.partial, &e))?;
        let mut stdout = std::io::stdout().lock();
        let copied = std::io::copy(&mut file, &mut stdout).and_then(|_| stdout.flush());
        copied.map_err(|e| Error::io(Path::new("stdout"), &e))
    }

    /// Nothing can be done about a partial file that cannot be removed, and nothing depends on it.
    fn remove_partial(&self) {
        fs::remove_file(&self.partial).unwrap_or_default();
    }
}

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            self.remove_partial();
        }
    }
}

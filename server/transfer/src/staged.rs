//! Outputs that appear under their name only when they are complete and on the disk.
//!
//! The work goes into `.NAME.redtool-partial` in the same directory; at the end it is synced,
//! renamed, and the directory is synced. A run that dies leaves the old file as it was and a
//! partial file that the next run removes.
//!
//! A directory changes places with the one that it replaces, in one step where the system has one.
//! Where not, the old one is `.NAME.redtool-old` between two steps; a run that finds it there and
//! no NAME puts it back.
//!
//! `-` is standard output: the work goes into a temporary file, and when it is complete from there
//! to whoever reads.
use crate::error::{Error, Kind, Result};
use crate::input::STDIN;
use redtool_store::leveldb;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An output in the making; dropped before [`Staged::commit`] it leaves nothing behind.
pub struct Staged {
    target: PathBuf,
    partial: PathBuf,
    done: bool,
}

impl Staged {
    /// Prepares to write the file `target`; refuses an existing one unless `replace`.
    pub fn new(target: &Path, replace: bool) -> Result<Self> {
        if target.as_os_str() == STDIN {
            return Self::for_stdout();
        }
        if target.is_dir() {
            let message = format!("{}: is a directory", target.display());
            return Err(Error::new(Kind::Usage, message));
        }
        Self::beside(target, replace)
    }

    /// Prepares to make the directory `target`, which holds a LevelDB store. Refuses an existing
    /// one unless `replace`; what is no such directory is not replaced.
    pub fn directory(target: &Path, replace: bool) -> Result<Self> {
        if target.as_os_str() == STDIN {
            return Err(Error::new(Kind::Usage, "a directory cannot go to standard output"));
        }
        put_back(target)?;
        if replace && target.exists() {
            check_replaceable(target)?;
        }
        Self::beside(target, replace)
    }

    fn beside(target: &Path, replace: bool) -> Result<Self> {
        let Some(partial) = hidden(target, "partial") else {
            let message = format!("{}: not a file name", target.display());
            return Err(Error::new(Kind::Usage, message));
        };
        if !replace && target.exists() {
            let message = format!("{}: already exists", target.display());
            return Err(Error::new(Kind::Exists, message).hint("--force replaces it"));
        }
        let directory = directory_of(target);
        if !directory.is_dir() {
            let message = format!("{}: no such directory", directory.display());
            return Err(Error::new(Kind::NotFound, message));
        }
        let staged = Self { target: target.to_owned(), partial, done: false };
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
        if error.message.contains(&partial) {
            error.message = error.message.replace(&partial, &self.target.display().to_string());
        }
        error
    }

    /// Gives the complete, synced output its name.
    pub fn commit(mut self) -> Result<()> {
        if self.target.as_os_str() == STDIN {
            return self.copy_to_stdout();
        }
        let is_directory = self.partial.is_dir();
        if is_directory && self.target.exists() {
            check_replaceable(&self.target)?;
            exchange(&self.partial, &self.target)
        } else {
            fs::rename(&self.partial, &self.target)
        }
        .map_err(|e| Error::io(&self.target, &e))?;
        // From here on the partial is the old directory, if anything.
        self.done = !is_directory;
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
        remove(&self.partial);
    }
}

fn remove(path: &Path) {
    let is_directory = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let removed = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.unwrap_or_default();
}

/// The name of a work file beside `target`; None when that is no name of a file.
fn hidden(target: &Path, what: &str) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name()?);
    name.push(format!(".redtool-{what}"));
    Some(target.with_file_name(name))
}

/// Refuses to replace a directory that holds anything but a LevelDB store, or that is in use: the
/// program that has it open would go on writing, by name, into the new one.
fn check_replaceable(target: &Path) -> Result<()> {
    let is_empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty {
        return Ok(());
    }
    if !leveldb::is_leveldb(target) {
        let message = format!("{}: not a LevelDB directory", target.display());
        return Err(Error::new(Kind::Exists, message)
            .hint("--force replaces nothing else by one: remove it, or name another"));
    }
    Ok(leveldb::check_unused(target)?)
}

/// Has two directories change places, or the second make room for the first.
fn exchange(partial: &Path, target: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{renameat_with, RenameFlags, CWD};
        use rustix::io::Errno;
        match renameat_with(CWD, partial, CWD, target, RenameFlags::EXCHANGE) {
            // Not every file system has it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => (),
            done => return done.map_err(io::Error::from),
        }
    }
    make_room(partial, target)
}

fn make_room(partial: &Path, target: &Path) -> io::Result<()> {
    let old = hidden(target, "old").ok_or(io::ErrorKind::InvalidInput)?;
    remove(&old);
    fs::rename(target, &old)?;
    if let Err(error) = fs::rename(partial, target) {
        fs::rename(&old, target)?;
        return Err(error);
    }
    // As after an exchange: the partial is what was there before, and goes when all is on the disk.
    fs::rename(&old, partial)
}

/// Ends what a run that died between the two steps of [`make_room`] has left.
fn put_back(target: &Path) -> Result<()> {
    let old = hidden(target, "old").filter(|old| old.is_dir());
    match old {
        Some(old) if !target.exists() => fs::rename(old, target).map_err(|e| Error::io(target, &e)),
        Some(old) => {
            remove(&old);
            Ok(())
        }
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use redtool_store::leveldb::{LevelDbStore, Options};
    use redtool_store::{Store, Table};

    /// A store in `path` that holds `value`.
    fn store(path: &Path, value: &[u8]) {
        let store = LevelDbStore::create(path, &Options::default()).unwrap();
        let mut writer = store.writer().unwrap();
        writer.put(Table::Objects, b"k", value).unwrap();
        writer.commit().unwrap();
        store.sync().unwrap();
    }

    fn value(path: &Path) -> Vec<u8> {
        let store = LevelDbStore::open_read_only(path, &Options::default()).unwrap();
        let reader = store.reader().unwrap();
        let value = reader.get(Table::Objects, b"k").unwrap().unwrap().into_owned();
        value
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_directory_appears_when_it_is_complete_and_replaces_the_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.leveldb");
        for (text, replace) in [(b"first", false), (b"again", true)] {
            let staged = Staged::directory(&target, replace).unwrap();
            store(staged.path(), text);
            staged.commit().unwrap();
            assert_eq!(value(&target), text);
            assert_eq!(names(folder.path()), ["x.leveldb"]);
        }
        let error = Staged::directory(&target, false).err().unwrap();
        assert_eq!(error.kind, Kind::Exists);
        let staged = Staged::directory(&target, true).unwrap();
        store(staged.path(), b"given up");
        drop(staged);
        assert_eq!(value(&target), b"again");
        assert_eq!(names(folder.path()), ["x.leveldb"]);
    }

    #[test]
    fn without_an_exchange_the_old_directory_goes_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.leveldb");
        let partial = hidden(&target, "partial").unwrap();
        store(&target, b"old");
        store(&partial, b"new");
        make_room(&partial, &target).unwrap();
        assert_eq!((value(&target), value(&partial)), (b"new".to_vec(), b"old".to_vec()));
        // Killed between the two steps: the old one is put back.
        fs::rename(&target, hidden(&target, "old").unwrap()).unwrap();
        drop(Staged::directory(&target, true).unwrap());
        assert_eq!(value(&target), b"new");
        assert_eq!(names(folder.path()), ["x.leveldb"], "the leftover is removed");
    }

    #[test]
    fn what_is_no_store_or_in_use_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.leveldb");
        fs::create_dir(&target).unwrap();
        drop(Staged::directory(&target, true).unwrap());
        fs::write(target.join("precious"), b"").unwrap();
        let error = Staged::directory(&target, true).err().unwrap();
        assert!(error.message.contains("not a LevelDB directory"), "{error}");
        assert_eq!(names(&target), ["precious"]);
        assert!(Staged::new(&target, true).is_err());
        fs::remove_dir_all(&target).unwrap();
        store(&target, b"old");
        let open = LevelDbStore::open_read_only(&target, &Options::default()).unwrap();
        let error = Staged::directory(&target, true).err().unwrap();
        assert!(error.message.contains("in use"), "{error}");
        drop(open);
        assert!(Staged::directory(&target, true).is_ok());
    }
}

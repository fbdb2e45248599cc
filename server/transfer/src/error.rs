//! What can go wrong with a transfer: a sentence with its place, and the sort of trouble it is.
use redtool_format::rdb::reader::Context;
use redtool_format::{ErrorKind, FormatError};
use redtool_store::StoreError;
use std::fmt;
use std::path::Path;

/// The sort of trouble; Python maps each to an exception class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The input ends inside something.
    Truncated,
    /// The input contradicts itself.
    Corrupt,
    /// A version, type or opcode that cannot be framed.
    Unsupported,
    /// CRC-64 mismatch.
    Checksum,
    /// The dataset does not exist.
    NotFound,
    /// The target exists and was not to be replaced.
    Exists,
    /// No space left on the device.
    DiskFull,
    /// The target cannot hold everything, and nobody said that losing it is fine.
    Loss,
    /// Whoever read the output has gone.
    Closed,
    /// Any other trouble with a store or file.
    Store,
    /// The arguments do not make sense together.
    Usage,
    /// A function of the user's failed, or gave what makes no entry.
    Script,
    /// Stopped on request.
    Cancelled,
}

impl Kind {
    /// Whether the input is damaged.
    pub fn is_damage(self) -> bool {
        matches!(self, Kind::Truncated | Kind::Corrupt | Kind::Unsupported | Kind::Checksum)
    }
}

/// Trouble, and where.
#[derive(Debug, Clone)]
pub struct Error {
    /// The sort of trouble.
    pub kind: Kind,
    /// What, as a sentence without the place.
    pub message: String,
    /// Byte offset in the input.
    pub offset: Option<u64>,
    /// The db.
    pub db: Option<u32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file concerned, when it is not plainly the one that was asked for.
    pub path: Option<Box<str>>,
}

/// The result of a transfer.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without a place.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            offset: None,
            db: None,
            key: None,
            hint: None,
            path: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Stopped on request.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "stopped")
    }

    /// A system error about a path.
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        let kind = io_kind(error);
        let words = error.to_string();
        // Rust adds the number of a system error, which says nothing more.
        let words = words.split(" (os error ").next().unwrap_or_default();
        let mut new = Self::new(kind, words);
        new.path = Some(path.display().to_string().into());
        match kind {
            Kind::DiskFull => new.hint("free some space, or write to another file system"),
            _ => new,
        }
    }

    /// A format error in a value or record of a file: `base` is where the decoded slice starts.
    pub fn format(error: FormatError, base: usize, context: Option<Context>) -> Self {
        let kind = match error.kind {
            ErrorKind::Truncated => Kind::Truncated,
            ErrorKind::Corrupt => Kind::Corrupt,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::Checksum => Kind::Checksum,
        };
        let mut new = Self::new(kind, error.what);
        new.offset = Some(error.offset + base as u64);
        if let Some(Context { db, key: Some(key) }) = context {
            new.db = Some(db);
            new.key = Some(key);
        }
        match kind {
            Kind::Truncated | Kind::Corrupt => {
                new.hint("'redtool verify --salvage OUT FILE' recovers every whole key")
            }
            Kind::Checksum => new.hint(
                "the file was changed after it was written; --no-checksum reads it all the same",
            ),
            Kind::Unsupported => new.hint("a newer redtool may know it"),
            _ => new,
        }
    }

    /// A store error while working on a key.
    pub fn store(error: StoreError, base: usize, db: u32, key: &[u8]) -> Self {
        match error {
            StoreError::Format(error) => {
                Self::format(error, base, Some(Context { db, key: Some(key.to_vec()) }))
            }
            StoreError::Corrupt(what) => {
                let mut error = Self::new(Kind::Corrupt, what);
                (error.db, error.key) = (Some(db), Some(key.to_vec()));
                error
            }
            other => other.into(),
        }
    }
}

fn io_kind(error: &std::io::Error) -> Kind {
    match error.kind() {
        std::io::ErrorKind::NotFound => Kind::NotFound,
        std::io::ErrorKind::AlreadyExists => Kind::Exists,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::DiskFull,
        std::io::ErrorKind::BrokenPipe => Kind::Closed,
        _ => Kind::Store,
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io { path, source } => Error::io(Path::new(&path), &source),
            StoreError::Corrupt(what) => Error::new(Kind::Corrupt, what),
            StoreError::Format(error) => Error::format(error, 0, None),
            StoreError::Usage(what) => Error::new(Kind::Usage, what),
            StoreError::Foreign(what) | StoreError::Backend(what) => Error::new(Kind::Store, what),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        if let (Some(db), Some(key)) = (self.db, &self.key) {
            write!(f, " (db {db}, key {:?})", String::from_utf8_lossy(key))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

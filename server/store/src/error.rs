//! What can go wrong with a store.
use std::fmt;

/// Trouble with a store.
#[derive(Debug)]
pub enum StoreError {
    /// The operating system said no: path and its words.
    Io {
        /// The file concerned.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not a redtool store, or of a newer layout.
    Foreign(String),
    /// A record contradicts the layout.
    Corrupt(String),
    /// A value inside a record cannot be decoded.
    Format(redtool_format::FormatError),
    /// What was asked for makes no sense.
    Usage(String),
    /// Anything else the underlying library reports.
    Backend(String),
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Whether the system refused for want of permission (or a read-only file system).
    pub fn is_no_permission(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(self, StoreError::Io { source, .. }
            if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io { path, source } => write!(f, "{path}: {source}"),
            StoreError::Foreign(what)
            | StoreError::Corrupt(what)
            | StoreError::Usage(what)
            | StoreError::Backend(what) => f.write_str(what),
            StoreError::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<redtool_format::FormatError> for StoreError {
    fn from(error: redtool_format::FormatError) -> Self {
        StoreError::Format(error)
    }
}

//! The one error of this crate: a kind, a byte offset, a sentence.
//!
//! The offset is relative to the slice that was being decoded. Whoever handed out a sub-slice knows
//! where it lies in the file and adds that place with [`FormatError::at`].
use std::fmt;

/// What sort of trouble the bytes are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input ends inside something.
    Truncated,
    /// The bytes contradict themselves or the format.
    Corrupt,
    /// Well-formed as far as it can be told, but of a version, type or opcode that this reader
    /// cannot frame.
    Unsupported,
    /// The stored CRC-64 differs from the computed one.
    Checksum,
}

/// What is wrong with the bytes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// The sort of trouble.
    pub kind: ErrorKind,
    /// Byte offset in the slice that was decoded.
    pub offset: u64,
    /// A sentence without the place: "listpack ends without its terminator".
    pub what: String,
}

/// The result of decoding.
pub type Result<T> = std::result::Result<T, FormatError>;

impl FormatError {
    /// Input ended at `offset` while reading `what`.
    #[cold]
    pub fn truncated(offset: usize, what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Truncated, offset: offset as u64, what: what.into() }
    }

    /// The bytes at `offset` are wrong.
    #[cold]
    pub fn corrupt(offset: usize, what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Corrupt, offset: offset as u64, what: what.into() }
    }

    /// The bytes at `offset` are of a kind that cannot be framed.
    #[cold]
    pub fn unsupported(offset: usize, what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unsupported, offset: offset as u64, what: what.into() }
    }

    /// The same error, its offset counted from the start of the enclosing slice.
    #[must_use]
    pub fn at(mut self, base: usize) -> Self {
        self.offset += base as u64;
        self
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.offset)
    }
}

impl std::error::Error for FormatError {}

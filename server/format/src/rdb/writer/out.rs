//! Where written bytes go. Codecs append to a vector; whoever owns the vector may pass its content
//! on between elements, so that a value of any size is written in bounded memory.
use crate::error::FormatError;
use std::{fmt, io};

/// A vector to append to, which may be emptied into something behind it between elements.
pub trait Out {
    /// Where to append.
    fn buf(&mut self) -> &mut Vec<u8>;

    /// A point where everything in the buffer may be passed on. Called after each element, so it
    /// must be quick when there is little to do.
    fn spill(&mut self) -> io::Result<()>;

    /// Appends a slice that lies ready, which may be large.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buf().extend_from_slice(bytes);
        self.spill()
    }
}

impl Out for Vec<u8> {
    #[inline]
    fn buf(&mut self) -> &mut Vec<u8> {
        self
    }

    #[inline]
    fn spill(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<O: Out + ?Sized> Out for &mut O {
    #[inline]
    fn buf(&mut self) -> &mut Vec<u8> {
        (**self).buf()
    }

    #[inline]
    fn spill(&mut self) -> io::Result<()> {
        (**self).spill()
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).bytes(bytes)
    }
}

/// Why a value could not be written.
#[derive(Debug)]
pub enum WriteError {
    /// The value cannot be decoded; the offset is relative to its payload.
    Format(FormatError),
    /// The bytes could not be passed on.
    Io(io::Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Format(error) => error.fmt(f),
            WriteError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WriteError::Format(error) => Some(error),
            WriteError::Io(error) => Some(error),
        }
    }
}

impl From<FormatError> for WriteError {
    fn from(error: FormatError) -> Self {
        WriteError::Format(error)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        WriteError::Io(error)
    }
}

/// The result of writing.
pub type Result<T> = std::result::Result<T, WriteError>;

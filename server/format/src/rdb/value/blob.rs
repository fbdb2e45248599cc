//! A string of the payload as bytes, borrowed or decoded, with the place of errors inside it.
use super::super::string::{self, Str};
use crate::cursor::Cursor;
use crate::error::{FormatError, Result};

/// A packed encoding as it lies in the payload, or as LZF decoded it.
#[derive(Debug, Clone, Copy)]
pub(in crate::rdb) struct Blob<'b> {
    pub bytes: &'b [u8],
    /// Offset of its first byte in the payload; of the string that holds it, when it was decoded.
    offset: usize,
    decoded: bool,
}

impl<'b> Blob<'b> {
    /// Reads a string; `scratch` holds it when it does not lie in the payload as it is.
    #[inline]
    pub fn read<'a: 'b>(cursor: &mut Cursor<'a>, scratch: &'b mut Vec<u8>) -> Result<Self> {
        let start = cursor.pos();
        match string::read(cursor)? {
            Str::Raw(bytes) => {
                Ok(Self { bytes, offset: cursor.pos() - bytes.len(), decoded: false })
            }
            string => {
                Ok(Self { bytes: decode(cursor, string, scratch)?, offset: start, decoded: true })
            }
        }
    }

    /// Where the blob lies in the payload.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// An error found at an offset of the blob, with its place in the payload.
    #[cold]
    pub fn place(&self, mut error: FormatError) -> FormatError {
        if self.decoded {
            error.what = format!("{} (byte {} of the decoded blob)", error.what, error.offset);
            error.offset = 0;
        }
        error.at(self.offset)
    }

    /// An error about the blob as a whole.
    #[cold]
    pub fn corrupt(&self, what: impl Into<String>) -> FormatError {
        FormatError::corrupt(self.offset, what)
    }
}

/// Reads a string as bytes.
#[inline]
pub(in crate::rdb) fn text<'a: 'b, 'b>(
    cursor: &mut Cursor<'a>,
    scratch: &'b mut Vec<u8>,
) -> Result<&'b [u8]> {
    match string::read(cursor)? {
        Str::Raw(bytes) => Ok(bytes),
        string => decode(cursor, string, scratch),
    }
}

/// Reads a string and checks that it could be decoded.
#[inline]
pub(in crate::rdb) fn check_text(cursor: &mut Cursor<'_>) -> Result<()> {
    match string::read(cursor)? {
        Str::Lzf { data, len } => {
            crate::lzf::check(data, len).map_err(|e| e.at(cursor.pos() - data.len()))
        }
        Str::Raw(_) | Str::Int(_) => Ok(()),
    }
}

/// Decodes a string that ends where the cursor stands.
fn decode<'a: 'b, 'b>(
    cursor: &Cursor<'a>,
    string: Str<'a>,
    scratch: &'b mut Vec<u8>,
) -> Result<&'b [u8]> {
    let data_start = match string {
        Str::Raw(data) | Str::Lzf { data, .. } => cursor.pos() - data.len(),
        Str::Int(_) => cursor.pos(),
    };
    string.decode(scratch).map_err(|e| e.at(data_start))
}

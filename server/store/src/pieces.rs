//! What is too long for a record, read from its pieces: strings, opaque values, the metadata of
//! streams.
//!
//! The form is drawn in [`crate::layout`]: pieces of [`PIECE_BYTES`], the last one shorter, the
//! length of the whole in the object record. A range touches the pieces it lies in and no others.
use crate::contract::{Bytes, Cursor, Reader, Table};
use crate::error::{Result, StoreError};
use crate::layout::PIECE_BYTES;
use crate::object::{Body, Object};
use crate::segment::piece_key;
use redtool_format::rdb::Kind;
use std::ops::Range;

/// Length of a length. The metadata of a stream is never so short.
const LENGTH_BYTES: usize = 8;

/// A value in pieces.
#[derive(Clone, Copy)]
pub struct Pieces<'r> {
    reader: &'r dyn Reader,
    id: u64,
    len: u64,
}

impl<'r> Pieces<'r> {
    /// The pieces of an object; none when it is no string or opaque value, or has them not.
    pub fn open(reader: &'r dyn Reader, object: &Object<'_>) -> Result<Option<Self>> {
        let Body::Segmented { id, tail } = object.body else { return Ok(None) };
        if !matches!(object.kind, Kind::String | Kind::Module | Kind::Array) {
            return Ok(None);
        }
        Ok(Some(Self { reader, id, len: length(tail)? }))
    }

    /// The pieces of a stream's metadata; none when it is in the object record.
    pub fn of_metadata(reader: &'r dyn Reader, object: &Object<'_>) -> Result<Option<Self>> {
        let Body::Segmented { id, tail } = object.body else { return Ok(None) };
        if object.kind != Kind::Stream || tail.len() != LENGTH_BYTES {
            return Ok(None);
        }
        Ok(Some(Self { reader, id, len: length(tail)? }))
    }

    /// Length of the whole in bytes, as the object record states it.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the record states no bytes, which only a damaged one does.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the last byte of the stated length is there: asked before memory is taken for all.
    pub fn check_end(&self) -> Result<()> {
        let mut end = self.range(self.len.saturating_sub(1)..self.len);
        end.advance().map(|_| ())
    }

    /// Walks the bytes of a range, which is cut to what there is.
    pub fn range(&self, range: Range<u64>) -> Walk<'r> {
        let end = range.end.min(self.len);
        Walk { pieces: *self, at: range.start.min(end), end, cursor: None, held: None }
    }
}

/// A walk over the bytes of a range, piece by piece.
pub struct Walk<'r> {
    pieces: Pieces<'r>,
    at: u64,
    end: u64,
    cursor: Option<Box<dyn Cursor<'r> + 'r>>,
    held: Option<Bytes<'r>>,
}

impl<'r> Walk<'r> {
    /// The next bytes of the range, none at its end.
    pub fn advance(&mut self) -> Result<Option<&[u8]>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let (start, piece_bytes) = piece_at(self.at, self.pieces.len);
        let piece = match self.fetch(start)? {
            Some(piece) if piece.len() as u64 == piece_bytes => self.held.insert(piece),
            _ => return Err(missing(start, piece_bytes)),
        };
        let from = self.at - start;
        let to = piece_bytes.min(self.end - start);
        self.at = start + to;
        Ok(Some(&piece[from as usize..to as usize]))
    }

    /// A range in one piece is one lookup; more are a walk of the store.
    fn fetch(&mut self, start: u64) -> Result<Option<Bytes<'r>>> {
        let key = piece_key(self.pieces.id, start);
        if self.cursor.is_none() && self.end <= start + PIECE_BYTES as u64 {
            return self.pieces.reader.get(Table::Segments, &key);
        }
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            none => none.insert(self.pieces.reader.seek(Table::Segments, &key)?),
        };
        Ok(cursor.next()?.and_then(|(found, piece)| (*found == key).then_some(piece)))
    }
}

/// Offset and length of the piece that holds the byte at `at` of a value of `len` bytes.
pub fn piece_at(at: u64, len: u64) -> (u64, u64) {
    let start = at - at % PIECE_BYTES as u64;
    (start, (len - start).min(PIECE_BYTES as u64))
}

/// The length of a value in pieces, from the tail of its object record.
pub fn length(tail: &[u8]) -> Result<u64> {
    match tail.try_into() {
        Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
        Err(_) => Err(StoreError::Corrupt("a value in pieces whose length is not stated".into())),
    }
}

#[cold]
fn missing(start: u64, bytes: u64) -> StoreError {
    let what = format!("the piece of {bytes} bytes at offset {start} is not there, or not whole");
    StoreError::Corrupt(what)
}

//! What is too long for a record, cut into pieces. Strings and opaque values are cut as they come:
//! neither the value nor, when it is LZF, what it decodes to is held.
use super::{Form, Ids, Scratch, Sink};
use crate::contract::Table;
use crate::error::Result;
use crate::layout::PIECE_BYTES;
use crate::object::{Body, Encoding};
use crate::segment::piece_key;
use redtool_format::lzf;
use redtool_format::rdb::string::Str;
use redtool_format::rdb::ValueType;

/// A string of more than [`PIECE_BYTES`].
pub(super) fn string<'a>(
    value: Str<'_>,
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Form<'a>> {
    let mut out = Pieces { id: ids.id(), offset: 0, sink };
    match value {
        Str::Lzf { data, len } => {
            let mut pieces = lzf::Pieces::new(data, len)?;
            while out.piece(pieces.next(PIECE_BYTES)?)? {}
        }
        Str::Raw(bytes) => out.all(bytes)?,
        // An integer is short.
        Str::Int(_) => out.all(&value.to_vec()?)?,
    }
    Ok(out.form(ValueType::String, Encoding::Raw, scratch))
}

/// An opaque value whose payload has more than [`PIECE_BYTES`].
pub(super) fn opaque<'a>(
    value_type: ValueType,
    payload: &[u8],
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Form<'a>> {
    let mut out = Pieces { id: ids.id(), offset: 0, sink };
    out.all(payload)?;
    Ok(out.form(value_type, Encoding::Opaque, scratch))
}

/// Cuts what would be the tail of an object record; leaves its length in its place.
pub(super) fn cut(tail: &mut Vec<u8>, ids: &mut Ids<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut out = Pieces { id: ids.id(), offset: 0, sink };
    out.all(tail)?;
    *tail = out.offset.to_le_bytes().to_vec();
    Ok(())
}

struct Pieces<'s> {
    id: u64,
    offset: u64,
    sink: &'s mut dyn Sink,
}

impl Pieces<'_> {
    fn all(&mut self, bytes: &[u8]) -> Result<()> {
        bytes.chunks(PIECE_BYTES).try_for_each(|piece| self.piece(piece).map(|_| ()))
    }

    /// The next piece; false when it is empty, which is the end.
    fn piece(&mut self, bytes: &[u8]) -> Result<bool> {
        if bytes.is_empty() {
            return Ok(false);
        }
        self.sink.record(Table::Segments, &piece_key(self.id, self.offset), bytes)?;
        self.offset += bytes.len() as u64;
        Ok(true)
    }

    fn form(self, value_type: ValueType, encoding: Encoding, scratch: &mut Scratch) -> Form<'_> {
        scratch.payload.clear();
        scratch.payload.extend_from_slice(&self.offset.to_le_bytes());
        let body = Body::Segmented { id: self.id, tail: &scratch.payload };
        Form { value_type, encoding, count: 1, body }
    }
}

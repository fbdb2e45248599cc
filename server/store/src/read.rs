//! From records back to an RDB value.
//!
//! An inline object is its payload. A segmented one is put together as the RDB type that its
//! elements have when they are written one by one (18, 2, 5, 4, 24, or its stream type), a long
//! string as one string: in memory while it is small, in a mapped temporary file when it is not.
use crate::contract::{Reader, Table};
use crate::error::{Result, StoreError};
use crate::object::{Body, Object};
use crate::pieces::Pieces;
use crate::spill::SpillBytes;
use redtool_format::encodings::listpack::{Iter, Listpack};
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::lzf;
use redtool_format::rdb::{length, string, ValueType};

/// Length of `[id][family]`, what all keys of a family of segments start with.
const FAMILY_BYTES: usize = 9;
/// What LZF must save, as in [`string`].
const LZF_SAVES_BYTES: usize = 4;

/// The value of an object as (type, payload). With `compress`, strings of a segmented value are LZF
/// where that pays.
pub fn payload<'a>(
    reader: &dyn Reader,
    object: &Object<'a>,
    buf: &'a mut SpillBytes,
    compress: bool,
) -> Result<(ValueType, &'a [u8])> {
    let (id, tail) = match object.body {
        Body::Inline(payload) => return Ok((object.value_type, payload)),
        Body::Segmented { id, tail } => (id, tail),
    };
    buf.clear();
    if let Some(pieces) = Pieces::open(reader, object)? {
        let start = whole(&pieces, object.value_type, buf, compress)?;
        return Ok((object.value_type, &buf.as_slice()[start..]));
    }
    let mut assembly = Assembly { reader, object, id, buf, chunk: Vec::new(), compress };
    let value_type = match object.value_type {
        ValueType::ListQuicklist2 => assembly.list()?,
        ValueType::SetListpack => assembly.set()?,
        ValueType::ZsetListpack => assembly.zset()?,
        ValueType::HashListpack => assembly.hash()?,
        ValueType::HashListpackEx => assembly.expiring_hash()?,
        ValueType::Stream3 | ValueType::Stream5 => assembly.stream(tail)?,
        other => {
            let what = format!("a segmented value of type {}", other.name());
            return Err(StoreError::Corrupt(what));
        }
    };
    Ok((value_type, buf.as_slice()))
}

/// Puts the pieces of a string or an opaque value together; gives the place where the value starts.
fn whole(
    pieces: &Pieces<'_>,
    value_type: ValueType,
    buf: &mut SpillBytes,
    compress: bool,
) -> Result<usize> {
    if value_type == ValueType::String {
        if compress {
            if let Some(start) = compressed(pieces, buf)? {
                return Ok(start);
            }
            buf.clear();
        }
        let mut header = Vec::new();
        length::write(&mut header, pieces.len());
        buf.extend_from_slice(&header)?;
    }
    append(pieces, buf)?;
    Ok(0)
}

fn append(pieces: &Pieces<'_>, buf: &mut SpillBytes) -> Result<()> {
    let mut walk = pieces.range(0..pieces.len());
    while let Some(piece) = walk.advance()? {
        buf.extend_from_slice(piece)?;
    }
    Ok(())
}

/// A string as LZF: its pieces compressed one by one are its compressed form. None when that does
/// not pay, which its beginning tells.
fn compressed(pieces: &Pieces<'_>, buf: &mut SpillBytes) -> Result<Option<usize>> {
    /// Room for the mark and two lengths.
    const HEADER_BYTES: usize = 19;
    buf.extend_from_slice(&[0; HEADER_BYTES])?;
    let (mut chunk, mut done) = (Vec::new(), 0);
    let mut walk = pieces.range(0..pieces.len());
    while let Some(piece) = walk.advance()? {
        chunk.clear();
        // Any piece fits, if need be as literals, so this is always done.
        lzf::compress(piece, usize::MAX, &mut chunk);
        buf.extend_from_slice(&chunk)?;
        done += piece.len();
        if buf.len() - HEADER_BYTES + LZF_SAVES_BYTES > done {
            return Ok(None);
        }
    }
    let mut header = vec![0xc3];
    length::write(&mut header, (buf.len() - HEADER_BYTES) as u64);
    length::write(&mut header, pieces.len());
    let start = HEADER_BYTES - header.len();
    buf.as_mut_slice()[start..HEADER_BYTES].copy_from_slice(&header);
    Ok(Some(start))
}

struct Assembly<'a, 'o, 'b> {
    reader: &'a dyn Reader,
    object: &'a Object<'o>,
    id: u64,
    buf: &'b mut SpillBytes,
    chunk: Vec<u8>,
    compress: bool,
}

impl Assembly<'_, '_, '_> {
    fn list(&mut self) -> Result<ValueType> {
        let nodes = self.count_segments(b'l')?;
        self.number(nodes)?;
        self.each_segment(b'l', |this, _, node| {
            let (container, bytes) = node.split_first().ok_or_else(|| corrupt("empty segment"))?;
            this.chunk.push(*container);
            string::write(&mut this.chunk, bytes, this.compress);
            this.flush()
        })?;
        Ok(ValueType::ListQuicklist2)
    }

    fn set(&mut self) -> Result<ValueType> {
        self.number(self.object.count)?;
        self.each_segment(b'h', |this, _, segment| {
            for member in Listpack::parse(segment)?.iter() {
                this.string(member?);
            }
            this.flush()
        })?;
        Ok(ValueType::Set)
    }

    fn hash(&mut self) -> Result<ValueType> {
        self.number(self.object.count)?;
        self.each_segment(b'h', |this, _, segment| {
            for item in Listpack::parse(segment)?.iter() {
                this.string(item?);
            }
            this.flush()
        })?;
        Ok(ValueType::Hash)
    }

    /// Type 24 tells times from the earliest one on, so the segments are walked twice.
    fn expiring_hash(&mut self) -> Result<ValueType> {
        let mut min_ms = i64::MAX;
        self.each_segment(b'h', |_, _, segment| {
            let mut items = Listpack::parse(segment)?.iter();
            while let Some((_, _, at_ms)) = triple(&mut items)? {
                if at_ms > 0 {
                    min_ms = min_ms.min(at_ms);
                }
            }
            Ok(())
        })?;
        let min_ms = if min_ms == i64::MAX { 1 } else { min_ms };
        self.chunk.extend_from_slice(&min_ms.to_le_bytes());
        self.number(self.object.count)?;
        self.each_segment(b'h', |this, _, segment| {
            let mut items = Listpack::parse(segment)?.iter();
            while let Some((field, value, at_ms)) = triple(&mut items)? {
                let t = if at_ms > 0 { (at_ms - min_ms + 1) as u64 } else { 0 };
                length::write(&mut this.chunk, t);
                this.string(field);
                this.string(value);
            }
            this.flush()
        })?;
        Ok(ValueType::HashMetadata)
    }

    /// Highest score first, as servers write.
    fn zset(&mut self) -> Result<ValueType> {
        self.number(self.object.count)?;
        let prefix = family(self.id, b'z');
        let mut end = prefix;
        end[FAMILY_BYTES - 1] += 1;
        let mut cursor = self.reader.seek_back(Table::Segments, &end)?;
        while let Some((key, segment)) = cursor.next()? {
            if !key.starts_with(&prefix) {
                if key.as_ref() > prefix.as_slice() {
                    continue;
                }
                break;
            }
            let mut items = Listpack::parse(&segment)?.iter_rev();
            while let (Some(score), Some(member)) = (items.next(), items.next()) {
                let Item::Str(score) = score? else { return Err(corrupt("score of a segment")) };
                self.string(member?);
                self.chunk.extend_from_slice(score);
            }
            self.flush()?;
        }
        Ok(ValueType::Zset2)
    }

    fn stream(&mut self, tail: &[u8]) -> Result<ValueType> {
        let nodes = self.count_segments(b's')?;
        self.number(nodes)?;
        self.each_segment(b's', |this, key, node| {
            string::write_raw(&mut this.chunk, &key[FAMILY_BYTES..]);
            string::write(&mut this.chunk, node, this.compress);
            this.flush()
        })?;
        match Pieces::of_metadata(self.reader, self.object)? {
            Some(pieces) => append(&pieces, self.buf)?,
            None => self.buf.extend_from_slice(tail)?,
        }
        Ok(self.object.value_type)
    }

    fn count_segments(&mut self, family: u8) -> Result<u64> {
        let mut count = 0;
        self.each_segment(family, |_, _, _| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    fn each_segment(
        &mut self,
        family_byte: u8,
        mut each: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let prefix = family(self.id, family_byte);
        let mut cursor = self.reader.seek(Table::Segments, &prefix)?;
        while let Some((key, value)) = cursor.next()? {
            if !key.starts_with(&prefix) {
                break;
            }
            each(self, &key, &value)?;
        }
        Ok(())
    }

    fn number(&mut self, n: u64) -> Result<()> {
        length::write(&mut self.chunk, n);
        self.flush()
    }

    fn string(&mut self, item: Item<'_>) {
        string::write(&mut self.chunk, item.bytes(&mut IntBuf::new()), self.compress);
    }

    fn flush(&mut self) -> Result<()> {
        self.buf.extend_from_slice(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

/// `[id][family]`
pub fn family(id: u64, family: u8) -> [u8; FAMILY_BYTES] {
    let mut prefix = [family; FAMILY_BYTES];
    prefix[..8].copy_from_slice(&id.to_be_bytes());
    prefix
}

fn triple<'a>(items: &mut Iter<'a>) -> Result<Option<(Item<'a>, Item<'a>, i64)>> {
    let Some(field) = items.next() else { return Ok(None) };
    let (Some(value), Some(at_ms)) = (items.next(), items.next()) else {
        return Err(corrupt("a segment of an expiring hash is cut"));
    };
    let at_ms = at_ms?.as_int().ok_or_else(|| corrupt("field expiry that is not a number"))?;
    Ok(Some((field?, value?, at_ms)))
}

#[cold]
fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.into())
}

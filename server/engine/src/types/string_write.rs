//! Strings written: whole, or a part of one.
//!
//! A string up to [`PIECE_BYTES`] is one RDB string in its record; a longer one lies in pieces, of
//! which a change touches those it is about.
use super::string::StringValue;
use super::Result;
use crate::edit::{Edit, OwnedBody};
use crate::error::Error;
use crate::record_key::RecordKey;
use crate::types::limits::STRING_MAX_BYTES;
use crate::write::Writing;
use redtool_format::number;
use redtool_format::rdb::{string, Kind, ValueType};
use redtool_store::layout::PIECE_BYTES;
use redtool_store::object::is_long_key;
use redtool_store::segment::piece_key;
use redtool_store::{Body, Encoding, Object};

/// Strings up to this length are `embstr`.
const EMBSTR_BYTES: usize = 44;

/// What OBJECT ENCODING says of a string that was given as a whole.
pub fn encoding_of(value: &[u8]) -> Encoding {
    let may_be_int = value.len() <= 20
        && matches!(value.first(), Some(first) if first.is_ascii_digit() || *first == b'-');
    if may_be_int && number::parse_i64(value).is_some() {
        Encoding::Int
    } else {
        encoding_of_text(value)
    }
}

/// What it says of a string that is not looked at for being a number.
pub fn encoding_of_text(value: &[u8]) -> Encoding {
    match value.len() {
        ..=EMBSTR_BYTES => Encoding::Embstr,
        _ => Encoding::Raw,
    }
}

/// Refuses what no string may grow to.
pub fn check_len(bytes: u64) -> Result<()> {
    match bytes > STRING_MAX_BYTES {
        true => Err(Error::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)")),
        false => Ok(()),
    }
}

impl Writing<'_> {
    /// Puts a string at a key, whatever was there, and tells nobody.
    pub fn put_string(
        &mut self,
        key: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> Result<()> {
        self.put_string_as(key, value, encoding_of(value), expire_at_ms)
    }

    /// The same, with what OBJECT ENCODING is to say.
    pub fn put_string_as(
        &mut self,
        key: &[u8],
        value: &[u8],
        encoding: Encoding,
        expire_at_ms: Option<i64>,
    ) -> Result<()> {
        if value.len() > PIECE_BYTES {
            return self.put_pieces(key, value, expire_at_ms);
        }
        let record_key = RecordKey::new(self.session.db, key);
        let object = Object {
            kind: Kind::String,
            value_type: ValueType::String,
            encoding,
            expire_at_ms,
            idle_s: None,
            freq: None,
            long_key: is_long_key(key).then_some(key),
            meta: None,
            count: 1,
            body: Body::Inline(&[]),
        };
        let record = &mut self.keys.scratch;
        record.clear();
        object.write(record);
        string::write_raw(record, value);
        if let Some(id) = self.keys.space.put_object(&record_key, &self.keys.scratch)? {
            self.keys.space.delete_segments(id)?;
        }
        // Whoever waits for a stream of this key is told that it is of another type.
        self.keys.blocked.signal_gone(&record_key);
        Ok(())
    }

    fn put_pieces(&mut self, key: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        let id = self.keys.space.new_id();
        for (n, piece) in value.chunks(PIECE_BYTES).enumerate() {
            self.keys.space.put_segment(&piece_key(id, (n * PIECE_BYTES) as u64), piece.to_vec());
        }
        let tail = (value.len() as u64).to_le_bytes().to_vec();
        let body = OwnedBody::Segmented { id, tail };
        let mut edit = Edit::new(ValueType::String, Encoding::Raw, 1, body);
        edit.expire_at_ms = expire_at_ms;
        self.save_in(self.session.db, key, edit).map(|_| ())
    }

    /// Writes bytes into a string at an offset; what lies between its end and them becomes zeros,
    /// and an absent key an empty string first. Its length afterwards.
    pub fn write_range(&mut self, key: &[u8], offset: u64, bytes: &[u8]) -> Result<u64> {
        let end = offset.saturating_add(bytes.len() as u64);
        check_len(end)?;
        let db = self.session.db;
        let Some(edit) = self.edit(key, Kind::String)? else {
            let mut value = vec![0; offset as usize];
            value.extend_from_slice(bytes);
            self.put_string_as(key, &value, Encoding::Raw, None)?;
            return Ok(end);
        };
        if let OwnedBody::Segmented { id, tail } = &edit.body {
            let (id, len) = (*id, redtool_store::pieces::length(tail)?);
            self.grow_pieces(id, len, end)?;
            self.write_pieces(id, offset, bytes)?;
            let tail = len.max(end).to_le_bytes().to_vec();
            let body = OwnedBody::Segmented { id, tail };
            self.save_in(db, key, Edit { body, ..edit })?;
            return Ok(len.max(end));
        }
        let mut value = self.string(key)?.unwrap_or_default();
        if value.len() < end as usize {
            value.resize(end as usize, 0);
        }
        value[offset as usize..end as usize].copy_from_slice(bytes);
        self.put_string_as(key, &value, Encoding::Raw, edit.expire_at_ms)?;
        Ok(value.len() as u64)
    }

    /// Adds zeros to the pieces of a string of `len` bytes until it has `wanted`.
    fn grow_pieces(&mut self, id: u64, len: u64, wanted: u64) -> Result<()> {
        let piece = PIECE_BYTES as u64;
        let mut at = len;
        while at < wanted {
            let start = at - at % piece;
            let until = (start + piece).min(wanted);
            let key = piece_key(id, start);
            match self.keys.space.segment_mut(&key)? {
                Some(bytes) => bytes.resize((until - start) as usize, 0),
                None => self.keys.space.put_segment(&key, vec![0; (until - start) as usize]),
            }
            at = until;
        }
        Ok(())
    }

    fn write_pieces(&mut self, id: u64, offset: u64, mut bytes: &[u8]) -> Result<()> {
        let piece = PIECE_BYTES as u64;
        let mut at = offset;
        while !bytes.is_empty() {
            let start = at - at % piece;
            let room = ((start + piece - at) as usize).min(bytes.len());
            let from = (at - start) as usize;
            if let Some(target) = self.keys.space.segment_mut(&piece_key(id, start))? {
                if let Some(place) = target.get_mut(from..from + room) {
                    place.copy_from_slice(&bytes[..room]);
                }
            }
            bytes = &bytes[room..];
            at += room as u64;
        }
        Ok(())
    }

    /// The whole string at a key; None when the key is absent.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let view = self.view();
        match view.lookup_in(view.session.db, key)? {
            None => Ok(None),
            Some(found) => {
                let object = found.object()?;
                if object.kind != Kind::String {
                    return Err(Error::WRONG_TYPE);
                }
                Ok(Some(StringValue::open(view.reader, &object)?.whole()?.into_owned()))
            }
        }
    }

    /// The length of the string at a key; None when the key is absent.
    pub fn string_len(&mut self, key: &[u8]) -> Result<Option<u64>> {
        let view = self.view();
        match view.lookup_in(view.session.db, key)? {
            None => Ok(None),
            Some(found) => {
                let object = found.object()?;
                if object.kind != Kind::String {
                    return Err(Error::WRONG_TYPE);
                }
                Ok(Some(StringValue::open(view.reader, &object)?.len() as u64))
            }
        }
    }
}

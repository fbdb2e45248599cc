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
use redtool_format::rdb::{string, Kind, Str, ValueType};
use redtool_format::Cursor;
use redtool_store::layout::PIECE_BYTES;
use redtool_store::object::is_long_key;
use redtool_store::segment::piece_key;
use redtool_store::{Body, Encoding, Object};

/// Where a string lies that can be changed in place.
enum StringPlace {
    /// In its record, `raw`, from this byte of the record to its end.
    Record { at: usize, len: u64 },
    /// In pieces.
    Pieces { id: u64, len: u64 },
}

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

/// Where the string of a record can be changed in place, if it can.
fn place_in(record: &[u8]) -> Result<Option<StringPlace>> {
    let object = Object::parse(record)?;
    if object.kind != Kind::String {
        return Err(Error::WRONG_TYPE);
    }
    Ok(match object.body {
        Body::Segmented { id, tail } => {
            Some(StringPlace::Pieces { id, len: redtool_store::pieces::length(tail)? })
        }
        Body::Inline(payload) if object.encoding == Encoding::Raw => {
            match string::read(&mut Cursor::new(payload))? {
                Str::Raw(bytes) => {
                    let at = record.len() - bytes.len();
                    Some(StringPlace::Record { at, len: bytes.len() as u64 })
                }
                _ => None,
            }
        }
        Body::Inline(_) => None,
    })
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
        self.tell_if_new(self.session.db, key)?;
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
        match self.string_place(key)? {
            Some(StringPlace::Pieces { id, len }) => {
                self.grow_pieces(id, len, end)?;
                self.write_pieces(id, offset, bytes)?;
                if let (true, Some(edit)) = (end > len, self.edit(key, Kind::String)?) {
                    let body = OwnedBody::Segmented { id, tail: end.to_le_bytes().to_vec() };
                    self.save_in(self.session.db, key, Edit { body, ..edit })?;
                }
                Ok(len.max(end))
            }
            Some(StringPlace::Record { at, len }) if end <= len => {
                let record_key = RecordKey::new(self.session.db, key);
                let record = self.keys.space.object_mut(&record_key)?;
                let from = at + offset as usize;
                if let Some(place) = record.and_then(|r| r.get_mut(from..from + bytes.len())) {
                    place.copy_from_slice(bytes);
                }
                Ok(len)
            }
            _ => self.write_anew(key, offset, bytes),
        }
    }

    /// Writes bytes into a string that is short, or not there, by putting it again.
    fn write_anew(&mut self, key: &[u8], offset: u64, bytes: &[u8]) -> Result<u64> {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        let expire_at_ms = self.edit_expiry(key)?.and_then(|(_, expire_at_ms)| expire_at_ms);
        let mut value = self.string(key)?.unwrap_or_default();
        if value.len() <= PIECE_BYTES && end > PIECE_BYTES {
            // Into pieces first: the whole is then never in memory twice.
            value.resize(PIECE_BYTES + 1, 0);
            self.put_string_as(key, &value, Encoding::Raw, expire_at_ms)?;
            return self.write_range(key, offset, bytes);
        }
        if value.len() < end {
            value.resize(end, 0);
        }
        value[start..end].copy_from_slice(bytes);
        self.put_string_as(key, &value, Encoding::Raw, expire_at_ms)?;
        Ok(value.len() as u64)
    }

    /// Where the string of a key can be changed in place, if it can.
    fn string_place(&mut self, key: &[u8]) -> Result<Option<StringPlace>> {
        let place = self.with_record(self.session.db, key, |_, record| place_in(record))?;
        Ok(place.flatten())
    }

    /// Adds zeros to the pieces of a string of `len` bytes until it has `wanted`.
    fn grow_pieces(&mut self, id: u64, len: u64, wanted: u64) -> Result<()> {
        let piece = PIECE_BYTES as u64;
        let mut at = len;
        while at < wanted {
            let start = at - at % piece;
            let until = (start + piece).min(wanted);
            let key = piece_key(id, start);
            at = until;
            let bytes = (until - start) as usize;
            let Some(mut last) = self.keys.space.segment_mut(&key)? else {
                self.keys.space.put_segment(&key, vec![0; bytes]);
                continue;
            };
            last.resize(bytes, 0);
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
            if let Some(mut target) = self.keys.space.segment_mut(&piece_key(id, start))? {
                if let Some(place) = target.get_mut(from..from + room) {
                    place.copy_from_slice(&bytes[..room]);
                }
            }
            bytes = &bytes[room..];
            at += room as u64;
        }
        Ok(())
    }

    /// Hands the string at a key to `read`; None when the key is absent.
    pub fn with_string<T>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(&Object<'_>, &StringValue<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.with_object(self.session.db, key, |keys, object| match object.kind {
            Kind::String => read(object, &StringValue::open(&keys.space, object)?),
            _ => Err(Error::WRONG_TYPE),
        })
    }

    /// The whole string at a key; None when the key is absent.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.with_string(key, |_, value| Ok(value.whole()?.into_owned()))
    }

    /// The length of the string at a key; None when the key is absent.
    pub fn string_len(&mut self, key: &[u8]) -> Result<Option<u64>> {
        self.with_string(key, |_, value| Ok(value.len() as u64))
    }
}

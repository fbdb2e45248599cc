//! Object records.
//!
//! The header's bytes are drawn in [`crate::layout`]; the worked example there is a test here.
use crate::error::{Result, StoreError};
use crate::layout::MAX_KEY_BYTES;
use crate::segment::key_hash;
use redtool_format::rdb::{length, Kind, ValueType};
use redtool_format::Cursor;

/// What OBJECT ENCODING says: the encoding Redis 7.2 would choose with default limits after loading
/// the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Encoding {
    Raw = 0,
    Int = 1,
    Embstr = 2,
    Listpack = 3,
    Quicklist = 4,
    Intset = 5,
    Hashtable = 6,
    Skiplist = 7,
    ListpackEx = 8,
    Stream = 9,
    Opaque = 10,
}

impl Encoding {
    const ALL: [Encoding; 11] = [
        Encoding::Raw,
        Encoding::Int,
        Encoding::Embstr,
        Encoding::Listpack,
        Encoding::Quicklist,
        Encoding::Intset,
        Encoding::Hashtable,
        Encoding::Skiplist,
        Encoding::ListpackEx,
        Encoding::Stream,
        Encoding::Opaque,
    ];

    /// Whether it is one piece, whose elements a scan gives all at once.
    pub fn is_packed(self) -> bool {
        matches!(self, Self::Listpack | Self::ListpackEx | Self::Intset)
    }

    /// The encoding with this number.
    pub fn from_u8(number: u8) -> Option<Encoding> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The reply of OBJECT ENCODING.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Raw => "raw",
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Listpack => "listpack",
            Encoding::Quicklist => "quicklist",
            Encoding::Intset => "intset",
            Encoding::Hashtable => "hashtable",
            Encoding::Skiplist => "skiplist",
            Encoding::ListpackEx => "listpackex",
            Encoding::Stream => "stream",
            Encoding::Opaque => "raw",
        }
    }
}

/// An object record, read. Borrows from the record.
#[derive(Debug, Clone)]
pub struct Object<'r> {
    /// What a client sees.
    pub kind: Kind,
    /// The type of the payload (inline), or of what the segments hold.
    pub value_type: ValueType,
    /// The reply of OBJECT ENCODING.
    pub encoding: Encoding,
    /// Absolute expiry, Unix ms.
    pub expire_at_ms: Option<i64>,
    /// LRU idle time in seconds when the value was saved.
    pub idle_s: Option<u32>,
    /// LFU counter when the value was saved.
    pub freq: Option<u8>,
    /// The whole key, when the record key holds only its hash.
    pub long_key: Option<&'r [u8]>,
    /// Key metadata, opaque.
    pub meta: Option<&'r [u8]>,
    /// Elements (messages for a stream); 1 for strings and opaque values.
    pub count: u64,
    /// Where the value is.
    pub body: Body<'r>,
}

/// Where a value is.
#[derive(Debug, Clone, Copy)]
pub enum Body<'r> {
    /// In the record: the RDB payload of `value_type`.
    Inline(&'r [u8]),
    /// In segments under `id`.
    Segmented {
        /// The id that the segments' keys start with.
        id: u64,
        /// Of a stream, the RDB payload after the nodes, or its length when that is in pieces; of a
        /// string or an opaque value, its length (see [`crate::pieces`]); else nothing.
        tail: &'r [u8],
    },
}

/// Flag bits of the header.
mod flag {
    pub const EXPIRE: u8 = 1;
    pub const IDLE: u8 = 1 << 1;
    pub const FREQ: u8 = 1 << 2;
    pub const LONG_KEY: u8 = 1 << 3;
    pub const SEGMENTED: u8 = 1 << 4;
    pub const META: u8 = 1 << 5;
    pub const KNOWN: u8 = (1 << 6) - 1;
}

/// What a record begins with that states nothing but its type, its encoding, its count where there
/// is one, and where the value is: no expiry, no long key, no meta data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain([u8; 4]);

impl Plain {
    /// Of a value in segments.
    pub const fn segmented(kind: Kind, value_type: ValueType, encoding: Encoding) -> Self {
        Self([kind as u8, flag::SEGMENTED, value_type as u8, encoding as u8])
    }

    /// Of a value in its record.
    pub const fn inline(kind: Kind, value_type: ValueType, encoding: Encoding) -> Self {
        Self([kind as u8, 0, value_type as u8, encoding as u8])
    }

    /// What stands behind it in a record that begins so, to be changed.
    #[inline]
    pub fn rest_mut(self, record: &mut [u8]) -> Option<&mut [u8]> {
        let (first, rest) = record.split_first_chunk_mut()?;
        (*first == self.0).then_some(rest)
    }

    /// The count and the id that a record of a collection in segments states, if it begins so.
    #[inline]
    pub fn read(self, record: &[u8]) -> Option<(u64, u64)> {
        let rest = record.strip_prefix(&self.0)?;
        let mut cursor = Cursor::new(rest);
        let count = length::read_plain(&mut cursor).ok()?;
        Some((count, cursor.u64_le().ok()?))
    }

    /// Changes the count of such a record, if the new one takes as many bytes.
    #[inline]
    pub fn set_count(record: &mut [u8], count: u64) -> bool {
        record.get_mut(4..).is_some_and(|place| length::overwrite(place, count))
    }
}

/// Length of the hash that ends the record key of a long key.
const LONG_KEY_HASH_BYTES: usize = 16;
const DB_BYTES: usize = 4;

/// Whether the record key of `key` holds only a prefix and a hash of it.
pub fn is_long_key(key: &[u8]) -> bool {
    DB_BYTES + key.len() >= MAX_KEY_BYTES
}

/// The record key of a key: `[db][key]`, or prefix and hash when that is too long.
pub fn record_key(db: u32, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(DB_BYTES + key.len().min(MAX_KEY_BYTES));
    write_record_key(&mut out, db, key);
    out
}

/// Appends the record key of a key to `out`.
pub fn write_record_key(out: &mut Vec<u8>, db: u32, key: &[u8]) {
    out.extend_from_slice(&db.to_be_bytes());
    if is_long_key(key) {
        let prefix = MAX_KEY_BYTES - DB_BYTES - LONG_KEY_HASH_BYTES;
        out.extend_from_slice(&key[..prefix]);
        out.extend_from_slice(&key_hash(key).to_be_bytes());
    } else {
        out.extend_from_slice(key);
    }
}

/// Appends the expiry index key of an object's record key.
pub fn write_expire_key(out: &mut Vec<u8>, expire_at_ms: i64, record_key: &[u8]) {
    const ROOM: usize = MAX_KEY_BYTES - 8;
    out.extend_from_slice(&(expire_at_ms as u64 ^ 1 << 63).to_be_bytes());
    if record_key.len() <= ROOM {
        out.extend_from_slice(record_key);
    } else {
        out.extend_from_slice(&record_key[..ROOM - LONG_KEY_HASH_BYTES]);
        out.extend_from_slice(&key_hash(record_key).to_be_bytes());
    }
}

/// What a record states about itself, its value unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What a client sees.
    pub kind: Kind,
    /// Absolute expiry, Unix ms.
    pub expire_at_ms: Option<i64>,
}

impl Header {
    /// Of a record; None of one that cannot be read.
    #[inline]
    pub fn of(record: &[u8]) -> Option<Self> {
        let kind = kind(record)?;
        let has_expiry = record.get(1)? & flag::EXPIRE != 0;
        let at = record.get(4..12).and_then(|bytes| bytes.try_into().ok());
        let expire_at_ms = if has_expiry { at.map(i64::from_le_bytes) } else { None };
        Some(Self { kind, expire_at_ms })
    }
}

/// The kind that a record states, the rest of it unread.
#[inline]
pub fn kind(record: &[u8]) -> Option<Kind> {
    Kind::from_u8(*record.first()?)
}

/// The id of a record's segments, if it has some.
#[inline]
pub fn segment_id(record: &[u8]) -> Result<Option<u64>> {
    if !has_flag(record, flag::SEGMENTED) {
        return Ok(None);
    }
    match Object::parse(record)?.body {
        Body::Segmented { id, .. } => Ok(Some(id)),
        Body::Inline(_) => Ok(None),
    }
}

/// Whether a record has an expiry, as far as its first bytes tell.
#[inline]
pub fn may_expire(record: &[u8]) -> bool {
    has_flag(record, flag::EXPIRE)
}

/// Whether a record holds the whole of a long key, as far as its first bytes tell.
#[inline]
pub fn may_have_long_key(record: &[u8]) -> bool {
    has_flag(record, flag::LONG_KEY)
}

/// Yes, too, when a record is too short to tell: whoever reads it on is told what is wrong.
#[inline]
fn has_flag(record: &[u8], bit: u8) -> bool {
    record.get(1).is_none_or(|flags| flags & bit != 0)
}

/// The db and the key bytes (those of a long key are in its record) of a record key.
pub fn split_record_key(record_key: &[u8]) -> Result<(u32, &[u8])> {
    match record_key.split_first_chunk::<DB_BYTES>() {
        Some((db, key)) => Ok((u32::from_be_bytes(*db), key)),
        None => Err(corrupt("an object's key is shorter than its db number")),
    }
}

impl<'r> Object<'r> {
    /// Reads a record.
    #[inline]
    pub fn parse(record: &'r [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(record);
        let [kind, flags, value_type, encoding] = cursor.array::<4>()?;
        let expire_at_ms = if flags & flag::EXPIRE != 0 { Some(cursor.i64_le()?) } else { None };
        let idle_s = if flags & flag::IDLE != 0 { Some(cursor.u32_le()?) } else { None };
        let freq = if flags & flag::FREQ != 0 { Some(cursor.u8()?) } else { None };
        let long_key = sized(&mut cursor, flags & flag::LONG_KEY != 0)?;
        let meta = sized(&mut cursor, flags & flag::META != 0)?;
        let kind = Kind::from_u8(kind).ok_or_else(|| corrupt("unknown kind in a record"))?;
        let value_type =
            ValueType::from_code(value_type).ok_or_else(|| corrupt("unknown type in a record"))?;
        if flags & !flag::KNOWN != 0 || value_type.kind() != kind {
            return Err(corrupt("contradictory header in a record"));
        }
        let count = if has_count(kind) { length::read_plain(&mut cursor)? } else { 1 };
        let body = if flags & flag::SEGMENTED != 0 {
            Body::Segmented { id: cursor.u64_le()?, tail: cursor.rest() }
        } else {
            Body::Inline(cursor.rest())
        };
        let encoding =
            Encoding::from_u8(encoding).ok_or_else(|| corrupt("unknown encoding in a record"))?;
        Ok(Self {
            kind,
            value_type,
            encoding,
            expire_at_ms,
            idle_s,
            freq,
            long_key,
            meta,
            count,
            body,
        })
    }

    /// Appends the record to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut flags = 0;
        let mut set = |bit, on: bool| flags |= if on { bit } else { 0 };
        set(flag::EXPIRE, self.expire_at_ms.is_some());
        set(flag::IDLE, self.idle_s.is_some());
        set(flag::FREQ, self.freq.is_some());
        set(flag::LONG_KEY, self.long_key.is_some());
        set(flag::META, self.meta.is_some());
        set(flag::SEGMENTED, matches!(self.body, Body::Segmented { .. }));
        out.extend_from_slice(&[
            self.kind as u8,
            flags,
            self.value_type as u8,
            self.encoding as u8,
        ]);
        if let Some(at_ms) = self.expire_at_ms {
            out.extend_from_slice(&at_ms.to_le_bytes());
        }
        if let Some(idle_s) = self.idle_s {
            out.extend_from_slice(&idle_s.to_le_bytes());
        }
        out.extend(self.freq);
        for bytes in [self.long_key, self.meta].into_iter().flatten() {
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        }
        if has_count(self.kind) {
            length::write(out, self.count);
        }
        match self.body {
            Body::Inline(payload) => out.extend_from_slice(payload),
            Body::Segmented { id, tail } => {
                out.extend_from_slice(&id.to_le_bytes());
                out.extend_from_slice(tail);
            }
        }
    }

    /// Whether the key is expired at `now_ms`; it lives through the millisecond of its expiry.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expire_at_ms.is_some_and(|at| at < now_ms)
    }

    /// Gives a segmented object its id.
    pub fn set_id(&mut self, new: u64) {
        if let Body::Segmented { id, .. } = &mut self.body {
            *id = new;
        }
    }

    /// The whole key, given its record key.
    pub fn key<'k>(&self, record_key: &'k [u8]) -> Result<&'k [u8]>
    where
        'r: 'k,
    {
        match self.long_key {
            Some(key) => Ok(key),
            None => split_record_key(record_key).map(|(_, key)| key),
        }
    }
}

fn has_count(kind: Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Module | Kind::Array)
}

fn sized<'r>(cursor: &mut Cursor<'r>, present: bool) -> Result<Option<&'r [u8]>> {
    if !present {
        return Ok(None);
    }
    let len = cursor.u32_le()?;
    Ok(Some(cursor.take(len as usize)?))
}

#[cold]
fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the layout document.
    #[test]
    fn the_worked_example_of_the_layout() {
        let object = Object {
            kind: Kind::Hash,
            value_type: ValueType::HashListpack,
            encoding: Encoding::Listpack,
            expire_at_ms: Some(4_102_444_800_000),
            idle_s: None,
            freq: None,
            long_key: None,
            meta: None,
            count: 1,
            body: Body::Inline(b"\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff"),
        };
        let mut record = Vec::new();
        object.write(&mut record);
        assert_eq!(
            record,
            b"\x04\x01\x10\x03\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x01\
              \x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff"
        );
        let read = Object::parse(&record).unwrap();
        assert_eq!((read.expire_at_ms, read.count), (object.expire_at_ms, 1));
        assert_eq!(record_key(3, b"user:1"), b"\0\0\0\x03user:1");
    }

    #[test]
    fn a_long_key_keeps_order_and_identity() {
        let longest_short = vec![b'k'; MAX_KEY_BYTES - DB_BYTES - 1];
        assert_eq!(record_key(0, &longest_short).len(), MAX_KEY_BYTES - 1);
        let (a, b) = (vec![b'k'; 600], vec![b'k'; 601]);
        assert_eq!(record_key(0, &a).len(), MAX_KEY_BYTES);
        assert_ne!(record_key(0, &a), record_key(0, &b));
    }

    #[test]
    fn no_record_can_panic_the_reader() {
        let mut record = vec![4, 0x3f, 16, 3];
        record.extend_from_slice(&[0xff; 40]);
        for len in 0..record.len() {
            assert!(Object::parse(&record[..len]).is_err());
        }
    }
}

//! An entry of a run: a record of a store, made before its place among the others is known.
//!
//! ```text
//! flags u8 · key length u16 · value length u32
//! [source offset u64]                    flags bit 0: an object; where its record lies in the dump
//! [blob offset u64 · blob length u64]    flags bit 1: a segmented object; where its segments lie
//! key · value
//! ```
//! Integers are little-endian; none of this outlives the process. In the blob segments follow each
//! other as key length u16, value length u32, key, value; their keys begin with eight zero bytes
//! where the id belongs, and so do the last eight bytes of the object's header.
use redtool_store::Table;
use std::cmp::Ordering;

const OBJECT: u8 = 1;
const SEGMENTED: u8 = 2;
const PREFIX_BYTES: usize = 16;

/// An entry, borrowed from its run.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Objects or Expires.
    pub table: Table,
    /// The record key.
    pub key: &'a [u8],
    /// The record, its id still zero.
    pub value: &'a [u8],
    /// Where the key's record lies in the dump; 0 for the expiry index.
    pub source_offset: u64,
    /// The segments of a segmented object: offset and length in its builder's blob.
    pub blob: Option<(u64, u64)>,
}

/// What entries are sorted by first: table and db, then 16 bytes of the key as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    group: u32,
    prefix: [u64; 2],
}

/// Length of the db number that an object's record key starts with.
const DB_BYTES: usize = 4;

impl Rank {
    /// The rank of a record key.
    #[inline]
    pub fn of(table: Table, key: &[u8]) -> Self {
        let (group, rest) = match (table, key.split_first_chunk::<DB_BYTES>()) {
            (Table::Objects, Some((db, rest))) => (1 + u32::from_be_bytes(*db), rest),
            _ => (0, key),
        };
        let mut bytes = [0; PREFIX_BYTES];
        let n = rest.len().min(PREFIX_BYTES);
        bytes[..n].copy_from_slice(&rest[..n]);
        let number = u128::from_be_bytes(bytes);
        Self { group, prefix: [(number >> 64) as u64, number as u64] }
    }
}

/// The order of two keys of known rank.
#[inline]
pub fn compare(a: (Rank, &[u8]), b: (Rank, &[u8])) -> Ordering {
    a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

impl<'a> Entry<'a> {
    /// Bytes that the entry takes.
    #[inline]
    pub fn size_bytes(&self) -> usize {
        let header = match (self.table, self.blob) {
            (Table::Objects, Some(_)) => 31,
            (Table::Objects, None) => 15,
            (_, Some(_)) => 23,
            (_, None) => 7,
        };
        header + self.key.len() + self.value.len()
    }

    /// Writes the entry into `out`, which has its size.
    pub fn write(&self, out: &mut [u8]) {
        let object = if self.table == Table::Objects { OBJECT } else { 0 };
        let segmented = if self.blob.is_some() { SEGMENTED } else { 0 };
        out[0] = object | segmented;
        out[1..3].copy_from_slice(&(self.key.len() as u16).to_le_bytes());
        out[3..7].copy_from_slice(&(self.value.len() as u32).to_le_bytes());
        let mut at = 7;
        if object != 0 {
            out[at..at + 8].copy_from_slice(&self.source_offset.to_le_bytes());
            at += 8;
        }
        if let Some((offset, len)) = self.blob {
            out[at..at + 8].copy_from_slice(&offset.to_le_bytes());
            out[at + 8..at + 16].copy_from_slice(&len.to_le_bytes());
            at += 16;
        }
        let (key, value) = out[at..].split_at_mut(self.key.len());
        key.copy_from_slice(self.key);
        value.copy_from_slice(self.value);
    }

    /// Reads the entry at `at` and where the next one starts; None at the end.
    #[inline]
    pub fn read(run: &'a [u8], at: usize) -> Option<(Self, usize)> {
        let flags = *run.get(at)?;
        let key_len = u16::from_le_bytes(array(run, at + 1)?) as usize;
        let value_len = u32::from_le_bytes(array(run, at + 3)?) as usize;
        let mut next = at + 7;
        let mut source_offset = 0;
        if flags & OBJECT != 0 {
            source_offset = u64::from_le_bytes(array(run, next)?);
            next += 8;
        }
        let mut blob = None;
        if flags & SEGMENTED != 0 {
            let offset = u64::from_le_bytes(array(run, next)?);
            blob = Some((offset, u64::from_le_bytes(array(run, next + 8)?)));
            next += 16;
        }
        let key = run.get(next..next + key_len)?;
        next += key_len;
        let value = run.get(next..next + value_len)?;
        next += value_len;
        let table = if flags & OBJECT != 0 { Table::Objects } else { Table::Expires };
        Some((Self { table, key, value, source_offset, blob }, next))
    }
}

#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Appends a segment to a blob.
pub fn write_segment(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    out.extend_from_slice(&(key.len() as u16).to_le_bytes());
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// The segments of a blob: key and value.
pub fn segments(blob: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let key_len = u16::from_le_bytes(array(blob, at)?) as usize;
        let value_len = u32::from_le_bytes(array(blob, at + 2)?) as usize;
        let key = blob.get(at + 6..at + 6 + key_len)?;
        let value = blob.get(at + 6 + key_len..at + 6 + key_len + value_len)?;
        at += 6 + key_len + value_len;
        Some((key, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let object = Entry {
            table: Table::Objects,
            key: b"\0\0\0\x01key",
            value: b"value",
            source_offset: 9,
            blob: Some((1, 2)),
        };
        let expiry =
            Entry { table: Table::Expires, value: b"", source_offset: 0, blob: None, ..object };
        let mut run = vec![0; object.size_bytes() + expiry.size_bytes()];
        let (one, two) = run.split_at_mut(object.size_bytes());
        object.write(one);
        expiry.write(two);
        let (first, next) = Entry::read(&run, 0).unwrap();
        assert_eq!((first.key, first.value), (object.key, object.value));
        assert_eq!((first.source_offset, first.blob), (9, Some((1, 2))));
        let (second, end) = Entry::read(&run, next).unwrap();
        assert_eq!((second.table, second.blob, end), (Table::Expires, None, run.len()));
        assert!(Entry::read(&run, end).is_none());
    }

    #[test]
    fn ranks_order_as_keys_do() {
        let rank = |table, key: &'static [u8]| (Rank::of(table, key), key);
        let sorted = [
            rank(Table::Expires, b"\x80\0\0\0\0\0\0\0\0\0\0\0k"),
            rank(Table::Objects, b"\0\0\0\0"),
            rank(Table::Objects, b"\0\0\0\0a"),
            rank(Table::Objects, b"\0\0\0\0a\0"),
            rank(Table::Objects, b"\0\0\0\0aaaaaaaaaaaaaaaaaaaaaaaa"),
            rank(Table::Objects, b"\0\0\0\0aaaaaaaaaaaaaaaaaaaaaaab"),
            rank(Table::Objects, b"\0\0\0\x01"),
        ];
        assert!(sorted.windows(2).all(|pair| compare(pair[0], pair[1]) == Ordering::Less));
    }
}

//! Changing a listpack in place: entries added, replaced, removed at byte offsets that an
//! [`super::Iter::offset`] gave.
//!
//! A change moves the bytes behind it and writes the header anew; nothing is decoded. The listpack
//! must have passed [`super::Listpack::parse`] and the offsets must be those of its entries, else
//! what comes out is no listpack (and is found out by whoever reads it).
use super::{entry, COUNT_UNKNOWN, HEADER_BYTES, TERMINATOR};
use crate::encodings::Item;
use crate::number;
use std::ops::Range;

/// An entry to be written.
#[derive(Debug, Clone, Copy)]
pub enum New<'a> {
    /// A string, as an integer entry when it is canonical decimal text (as Redis does).
    Text(&'a [u8]),
    /// A string entry whatever it looks like.
    Raw(&'a [u8]),
    /// An integer entry.
    Int(i64),
}

impl<'a> From<Item<'a>> for New<'a> {
    fn from(item: Item<'a>) -> Self {
        match item {
            Item::Str(bytes) => New::Raw(bytes),
            Item::Int(n) => New::Int(n),
        }
    }
}

impl New<'_> {
    /// Appends the entry.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            New::Raw(bytes) => entry::write_str(out, bytes),
            New::Int(n) => entry::write_int(out, n),
            New::Text(bytes) => match number::parse_i64(bytes) {
                Some(n) => entry::write_int(out, n),
                None => entry::write_str(out, bytes),
            },
        }
    }

    /// Bytes of the entry, at most.
    pub fn max_bytes(self) -> usize {
        match self {
            New::Raw(bytes) | New::Text(bytes) => bytes.len() + 10,
            New::Int(_) => 10,
        }
    }
}

/// A listpack without entries.
pub fn empty() -> Vec<u8> {
    vec![HEADER_BYTES as u8 + 1, 0, 0, 0, 0, 0, TERMINATOR]
}

/// Offset of the first entry.
pub const START: usize = HEADER_BYTES;

/// Offset behind the last entry.
pub fn end(blob: &[u8]) -> usize {
    blob.len().saturating_sub(1).max(HEADER_BYTES)
}

/// Replaces the bytes of `removed` entries by new ones.
#[inline]
pub fn splice(blob: &mut Vec<u8>, range: Range<usize>, removed: usize, added: &[New<'_>]) {
    splice_behind(blob, 0, range, removed, added);
}

/// The same in a listpack that begins behind `head` bytes of something else; the offsets are those
/// in the listpack.
pub fn splice_behind(
    record: &mut Vec<u8>,
    head: usize,
    range: Range<usize>,
    removed: usize,
    added: &[New<'_>],
) {
    let old_len = record.len();
    let first = head + HEADER_BYTES;
    let range = (head + range.start).clamp(first, old_len - 1)..(head + range.end).min(old_len - 1);
    for new in added {
        new.write(record);
    }
    let new_bytes = record.len() - old_len;
    let old_bytes = range.end.saturating_sub(range.start);
    if new_bytes == old_bytes {
        record.copy_within(old_len.., range.start);
        record.truncate(old_len);
    } else if range.start == old_len - 1 {
        // Behind all others: the terminator changes places with them.
        record.copy_within(old_len.., range.start);
        let end = record.len() - 1;
        record[end] = TERMINATOR;
    } else {
        record[range.start..].rotate_right(new_bytes);
        record.drain(range.start + new_bytes..range.end + new_bytes);
    }
    write_header(&mut record[head..], removed, added.len());
}

/// Adds all entries of another listpack behind the last.
pub fn join(blob: &mut Vec<u8>, other: &[u8]) {
    let count = stated(blob).zip(stated(other)).map(|(count, more)| count + more);
    blob.truncate(end(blob));
    blob.extend_from_slice(&other[HEADER_BYTES.min(other.len())..]);
    set_header(blob, count);
}

/// Adds entries before the one at `offset`, or behind the last.
#[inline]
pub fn insert(blob: &mut Vec<u8>, offset: usize, added: &[New<'_>]) {
    splice(blob, offset..offset, 0, added);
}

/// Adds entries behind the last.
#[inline]
pub fn push(blob: &mut Vec<u8>, added: &[New<'_>]) {
    let end = end(blob);
    splice(blob, end..end, 0, added);
}

/// Removes the bytes of so many entries.
#[inline]
pub fn remove(blob: &mut Vec<u8>, range: Range<usize>, removed: usize) {
    splice(blob, range, removed, &[]);
}

/// Cuts a listpack before the entry at `offset`, which is number `index`: what is behind comes out
/// as a listpack of its own.
pub fn split_off(blob: &mut Vec<u8>, offset: usize, index: usize) -> Vec<u8> {
    let mut rest = empty();
    let offset = offset.clamp(HEADER_BYTES, blob.len() - 1);
    let behind = stated(blob).map(|count| count.saturating_sub(index));
    rest.truncate(HEADER_BYTES);
    rest.extend_from_slice(&blob[offset..]);
    set_header(&mut rest, behind);
    blob.truncate(offset);
    blob.push(TERMINATOR);
    set_header(blob, Some(index));
    rest
}

fn stated(blob: &[u8]) -> Option<usize> {
    let count = u16::from_le_bytes([blob[4], blob[5]]);
    (count != COUNT_UNKNOWN).then_some(usize::from(count))
}

fn write_header(blob: &mut [u8], removed: usize, added: usize) {
    let count = stated(blob).map(|count| (count + added).saturating_sub(removed));
    set_header(blob, count);
}

fn set_header(blob: &mut [u8], count: Option<usize>) {
    let bytes = (blob.len() as u32).to_le_bytes();
    blob[..4].copy_from_slice(&bytes);
    let count = count.and_then(|count| u16::try_from(count).ok()).unwrap_or(COUNT_UNKNOWN);
    blob[4..6].copy_from_slice(&count.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::Listpack;
    use super::*;

    fn offsets(blob: &[u8]) -> Vec<usize> {
        let listpack = Listpack::parse(blob).unwrap();
        listpack.validate().unwrap();
        let mut items = listpack.iter();
        let mut offsets = vec![items.offset()];
        while items.next().is_some() {
            offsets.push(items.offset());
        }
        offsets
    }

    fn texts(blob: &[u8]) -> Vec<Vec<u8>> {
        let mut buf = crate::encodings::IntBuf::new();
        let listpack = Listpack::parse(blob).unwrap();
        listpack.iter().map(|item| item.unwrap().bytes(&mut buf).to_vec()).collect()
    }

    #[test]
    fn changed_in_place_as_a_vector_is() {
        let (mut blob, mut model) = (empty(), Vec::<Vec<u8>>::new());
        let mut random = 3u64;
        for step in 0..3000usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = (random >> 33) as usize;
            let text = match draw % 4 {
                0 => step.to_string().into_bytes(),
                1 => vec![b'x'; draw % 100],
                2 => vec![b'y'; draw % 5000],
                _ => (-(draw as i64)).to_string().into_bytes(),
            };
            let at = draw / 7 % (model.len() + 1);
            let places = offsets(&blob);
            if draw % 11 < 5 || model.is_empty() {
                insert(&mut blob, places[at], &[New::Text(&text), New::Int(7)]);
                model.splice(at..at, [text, b"7".to_vec()]);
            } else if draw % 11 < 8 {
                let until = (at + draw % 3).min(model.len());
                remove(&mut blob, places[at]..places[until], until - at);
                model.drain(at..until);
            } else if at < model.len() {
                splice(&mut blob, places[at]..places[at + 1], 1, &[New::Text(&text)]);
                model[at] = text;
            }
            if step % 401 == 0 {
                let at = model.len() / 3;
                let offset = offsets(&blob)[at];
                let rest = split_off(&mut blob, offset, at);
                assert_eq!(texts(&rest), model.split_off(at));
                offsets(&rest);
            }
            assert_eq!(texts(&blob), model);
        }
    }

    #[test]
    fn a_listpack_behind_other_bytes_is_changed_there() {
        let (mut alone, mut behind) = (empty(), [&[2][..], &empty()].concat());
        for (n, at) in [(5, 0), (500, 0), (70_000, 1), (-1, 2)] {
            let offset = offsets(&alone)[at];
            insert(&mut alone, offset, &[New::Int(n)]);
            splice_behind(&mut behind, 1, offset..offset, 0, &[New::Int(n)]);
            assert_eq!((behind[0], &behind[1..]), (2, &alone[..]));
        }
        let mut joined = alone.clone();
        join(&mut joined, &alone);
        let twice = [texts(&alone), texts(&alone)].concat();
        assert_eq!((texts(&joined), offsets(&joined).len()), (twice, 9));
    }

    #[test]
    fn many_entries_are_counted_by_walking() {
        let mut blob = empty();
        for _ in 0..70_000 {
            push(&mut blob, &[New::Int(1)]);
        }
        assert_eq!(Listpack::parse(&blob).unwrap().count().unwrap(), 70_000);
        remove(&mut blob, START..START + 2, 1);
        assert_eq!(Listpack::parse(&blob).unwrap().count().unwrap(), 69_999);
    }
}

//! Listpack: the packed sequence of Redis 7 hashes, sets, sorted sets and lists, and of streams.
//!
//! ```text
//! u32 LE total bytes | u16 LE count (65535: walk) | entries ... | ff
//! entry: encoding and data | backlen                            (see the file `entry`)
//!
//! 1d000000 0600 8161 02 01 01 f400d8c32cbb030000 09 8162 02 02 01 00 01 ff
//!     29 bytes, 6 entries: "a", 1, 4102444800000, "b", 2, 0
//!     81 61               string of 1 byte, "a"; 02: two bytes back
//!     01                  integer 1; 01
//!     f4 00d8c32cbb030000 i64 little-endian; 09
//! ```
//! Three depths: [`Listpack::parse`] checks the frame in constant time, walking checks each entry
//! as it is reached (so any bytes can be walked), [`Listpack::validate`] also holds the header's
//! count and every backlen to account. [`Listpack::get`] and [`Listpack::iter_rev`] need backlens
//! and refuse those that lie; the other readers do not look at them.
mod builder;
pub mod edit;
mod entry;

pub use builder::Builder;

use super::Item;
use crate::error::{FormatError, Result};
use crate::number;
use std::ops::Range;

const HEADER_BYTES: usize = 6;
const TERMINATOR: u8 = 0xff;
/// The header's count when there are at least this many items.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A listpack whose frame has been checked: total bytes equal the blob's, terminator in place.
#[derive(Debug, Clone, Copy)]
pub struct Listpack<'a>(&'a [u8]);

/// Walks a listpack forward; each item is checked as it is reached. Ends after an error.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    /// The blob without its terminator.
    body: &'a [u8],
    pos: usize,
}

/// Walks a listpack backward from its end, by the backlens. Ends after an error.
#[derive(Debug, Clone)]
pub struct RevIter<'a> {
    /// The blob without its terminator.
    body: &'a [u8],
    /// Where the next item ends.
    end: usize,
}

impl<'a> Listpack<'a> {
    /// Checks the frame ("always").
    #[inline]
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let [a, b, c, d, _, _, .., last] = *blob else {
            return Err(FormatError::corrupt(0, "listpack shorter than its header"));
        };
        let total = u32::from_le_bytes([a, b, c, d]);
        if total as usize != blob.len() {
            let what = format!("listpack of {} bytes says it has {total}", blob.len());
            return Err(FormatError::corrupt(0, what));
        }
        if last != TERMINATOR {
            return Err(FormatError::corrupt(blob.len() - 1, "listpack without terminator"));
        }
        Ok(Self(blob))
    }

    /// The blob.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The count in the header; 65535 stands for "walk".
    #[inline]
    fn stated_count(&self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    /// Number of items: the header's, or by walking when it says 65535.
    #[inline]
    pub fn count(&self) -> Result<usize> {
        match self.stated_count() {
            COUNT_UNKNOWN => self.walk_count(),
            stated => Ok(usize::from(stated)),
        }
    }

    fn walk_count(&self) -> Result<usize> {
        self.iter().advance(usize::MAX)
    }

    /// Whether there is no item at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER_BYTES + 1
    }

    #[inline]
    fn body(&self) -> &'a [u8] {
        &self.0[..self.0.len() - 1]
    }

    /// Items from the first.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        Iter { body: self.body(), pos: HEADER_BYTES }
    }

    /// Items from the one that begins at this offset, which an [`Iter::offset`] gave.
    #[inline]
    pub fn iter_from(&self, offset: usize) -> Iter<'a> {
        Iter { body: self.body(), pos: offset.clamp(HEADER_BYTES, self.0.len() - 1) }
    }

    /// Items from the last.
    #[inline]
    pub fn iter_rev(&self) -> RevIter<'a> {
        RevIter { body: self.body(), end: self.0.len() - 1 }
    }

    /// Item number `index`, walking from the nearer end.
    pub fn get(&self, index: usize) -> Result<Option<Item<'a>>> {
        let stated = self.stated_count();
        let count = usize::from(stated);
        if stated != COUNT_UNKNOWN && index > count / 2 {
            return match count.checked_sub(index + 1) {
                Some(from_end) => self.iter_rev().nth(from_end).transpose(),
                None => Ok(None),
            };
        }
        let mut items = self.iter();
        items.advance(index)?;
        items.next().transpose()
    }

    /// Position (item index) of the first item equal to `needle` among items 0, step, 2·step, ...;
    /// an integer item equals its decimal text. The fast path of HGET and SISMEMBER.
    pub fn find(&self, needle: &[u8], step: usize) -> Result<Option<usize>> {
        Ok(self.search(needle, step)?.map(|(index, _)| index))
    }

    /// Like [`Listpack::find`], but gives the items that follow the match: its value comes first.
    pub fn find_then(&self, needle: &[u8], step: usize) -> Result<Option<Iter<'a>>> {
        Ok(self.search(needle, step)?.map(|(_, items)| items))
    }

    /// Like [`Listpack::find`], but gives the item's place in bytes, and the items that follow it.
    pub fn find_place(
        &self,
        needle: &[u8],
        step: usize,
    ) -> Result<Option<(Range<usize>, Iter<'a>)>> {
        let number = number::parse_i64(needle);
        let mut items = self.iter();
        let step = step.max(1);
        loop {
            let start = items.offset();
            let Some(item) = items.next() else { return Ok(None) };
            let found = item?.is(needle, number);
            if found {
                return Ok(Some((start..items.offset(), items)));
            }
            items.advance(step - 1)?;
        }
    }

    fn search(&self, needle: &[u8], step: usize) -> Result<Option<(usize, Iter<'a>)>> {
        let number = number::parse_i64(needle);
        let mut items = self.iter();
        let mut index = 0;
        let step = step.max(1);
        while let Some(item) = items.next() {
            let found = item?.is(needle, number);
            if found {
                return Ok(Some((index, items)));
            }
            items.advance(step - 1)?;
            index += step;
        }
        Ok(None)
    }

    /// Deep validation: header count, every encoding, every backlen.
    pub fn validate(&self) -> Result<()> {
        self.validate_each(|_| Ok(()))
    }

    /// Deep validation that also hands on each item, so that whoever has rules of its own for them
    /// needs no second walk.
    #[inline]
    pub fn validate_each(&self, mut each: impl FnMut(Item<'a>) -> Result<()>) -> Result<()> {
        let (mut items, mut count) = (self.iter(), 0usize);
        while !items.is_at_end() {
            let at = items.offset();
            let (item, size) = read_at(items.body, at)?;
            items.step(size)?;
            if !entry::has_backlen(&items.body[at + size..], size) {
                return Err(FormatError::corrupt(at + size, "listpack backlen is wrong"));
            }
            each(item).map_err(|error| error.at(at))?;
            count += 1;
        }
        let stated = self.stated_count();
        if stated != COUNT_UNKNOWN && usize::from(stated) != count {
            let what = format!("listpack of {count} items says it has {stated}");
            return Err(FormatError::corrupt(4, what));
        }
        Ok(())
    }
}

/// The item at `pos` and the size of its encoding and data.
#[inline(always)]
fn read_at(body: &[u8], pos: usize) -> Result<(Item<'_>, usize)> {
    match entry::read(&body[pos..]) {
        Some((item, size)) => Ok((item, size)),
        None => Err(refuse(body, pos)),
    }
}

#[cold]
fn refuse(body: &[u8], pos: usize) -> FormatError {
    FormatError::corrupt(pos, entry::explain(&body[pos..]))
}

#[cold]
fn past_end(pos: usize) -> FormatError {
    FormatError::corrupt(pos, "listpack entry reaches past the end")
}

impl<'a> Iter<'a> {
    /// Byte offset in the blob of the next item.
    #[inline]
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// Whether there is no further item.
    #[inline]
    pub fn is_at_end(&self) -> bool {
        self.pos >= self.body.len()
    }

    /// Makes this the end of the walk.
    #[inline]
    pub(super) fn end(&mut self) {
        self.pos = self.body.len();
    }

    /// Passes over up to `n` items without decoding them; gives how many there were.
    #[inline]
    pub fn advance(&mut self, n: usize) -> Result<usize> {
        let mut passed = 0;
        while passed < n && !self.is_at_end() {
            match entry::size(&self.body[self.pos..]) {
                Some(size) => self.step(size)?,
                None => return Err(self.fail()),
            }
            passed += 1;
        }
        Ok(passed)
    }

    /// Moves behind an entry of this size and its backlen.
    #[inline(always)]
    fn step(&mut self, size: usize) -> Result<()> {
        let left = self.body.len() - self.pos;
        if size >= left || size + entry::backlen_bytes(size) > left {
            let pos = self.pos;
            self.end();
            return Err(past_end(pos));
        }
        self.pos += size + entry::backlen_bytes(size);
        Ok(())
    }

    #[cold]
    fn fail(&mut self) -> FormatError {
        let pos = self.pos;
        self.end();
        refuse(self.body, pos)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Item<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end() {
            return None;
        }
        let Some((item, size)) = entry::read(&self.body[self.pos..]) else {
            return Some(Err(self.fail()));
        };
        Some(self.step(size).map(|()| item))
    }
}

impl<'a> RevIter<'a> {
    /// Byte offset in the blob of the item given last; of the terminator before that.
    #[inline]
    pub fn offset(&self) -> usize {
        self.end
    }

    fn back(&mut self) -> Result<Item<'a>> {
        let end = std::mem::replace(&mut self.end, HEADER_BYTES);
        let lying = || FormatError::corrupt(end - 1, "listpack backlen is wrong");
        let size = entry::read_backlen(&self.body[HEADER_BYTES..end]).ok_or_else(lying)?;
        let start = end
            .checked_sub(size)
            .and_then(|start| start.checked_sub(entry::backlen_bytes(size)))
            .filter(|start| *start >= HEADER_BYTES)
            .ok_or_else(lying)?;
        let (item, real) = read_at(self.body, start)?;
        if real != size {
            return Err(lying());
        }
        self.end = start;
        Ok(item)
    }
}

impl<'a> Iterator for RevIter<'a> {
    type Item = Result<Item<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        (self.end > HEADER_BYTES).then(|| self.back())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blob drawn in the header of this file.
    const EXAMPLE: &[u8] = b"\x1d\0\0\0\x06\0\x81a\x02\x01\x01\xf4\x00\xd8\xc3\x2c\xbb\x03\0\0\x09\
                             \x81b\x02\x02\x01\0\x01\xff";
    const ITEMS: [Item<'static>; 6] = [
        Item::Str(b"a"),
        Item::Int(1),
        Item::Int(4_102_444_800_000),
        Item::Str(b"b"),
        Item::Int(2),
        Item::Int(0),
    ];

    #[test]
    fn the_worked_example_reads_as_described_from_both_ends() {
        let listpack = Listpack::parse(EXAMPLE).unwrap();
        listpack.validate().unwrap();
        assert_eq!(listpack.count(), Ok(6));
        assert_eq!(listpack.iter().collect::<Result<Vec<_>>>().unwrap(), ITEMS);
        let mut backward = listpack.iter_rev().collect::<Result<Vec<_>>>().unwrap();
        backward.reverse();
        assert_eq!(backward, ITEMS);
        for (index, item) in ITEMS.iter().enumerate() {
            assert_eq!(listpack.get(index), Ok(Some(*item)));
        }
        assert_eq!(listpack.get(6), Ok(None));
        let mut builder = Builder::new();
        ITEMS.iter().for_each(|item| builder.push_item(*item));
        assert_eq!(builder.finish(), EXAMPLE);
    }

    #[test]
    fn find_looks_at_every_step_th_item_and_takes_integers_by_value() {
        let listpack = Listpack::parse(EXAMPLE).unwrap();
        assert_eq!(listpack.find(b"b", 3), Ok(Some(3)));
        assert_eq!(listpack.find(b"1", 3), Ok(None));
        assert_eq!(listpack.find(b"1", 1), Ok(Some(1)));
        assert_eq!(listpack.find(b"01", 1), Ok(None));
        let mut rest = listpack.find_then(b"a", 3).unwrap().unwrap();
        assert_eq!(rest.next(), Some(Ok(Item::Int(1))));
        assert_eq!(listpack.iter_from(rest.offset()).next(), rest.next());
    }

    #[test]
    fn a_count_of_65535_means_walk() {
        let mut blob = EXAMPLE.to_vec();
        blob[4..6].copy_from_slice(&[0xff, 0xff]);
        let listpack = Listpack::parse(&blob).unwrap();
        assert_eq!(listpack.count(), Ok(6));
        assert_eq!(listpack.get(5), Ok(Some(Item::Int(0))));
        listpack.validate().unwrap();
        let mut builder = Builder::new();
        (0..66_000).for_each(|n| builder.push_int(n));
        let listpack = Listpack::parse(builder.finish()).unwrap();
        assert_eq!(listpack.stated_count(), COUNT_UNKNOWN);
        assert_eq!(listpack.count(), Ok(66_000));
        listpack.validate().unwrap();
    }

    #[test]
    fn a_lying_count_or_backlen_is_found_by_validate_and_does_not_stop_a_walk() {
        for (at, byte) in [(4, 5), (8, 3), (20, 8)] {
            let mut blob = EXAMPLE.to_vec();
            blob[at] = byte;
            let listpack = Listpack::parse(&blob).unwrap();
            assert_eq!(listpack.validate().unwrap_err().offset, at as u64);
            assert_eq!(listpack.iter().collect::<Result<Vec<_>>>().unwrap(), ITEMS);
        }
    }

    #[test]
    fn a_damaged_frame_is_refused_at_once() {
        for end in 0..EXAMPLE.len() {
            assert!(Listpack::parse(&EXAMPLE[..end]).is_err());
        }
        let mut blob = EXAMPLE.to_vec();
        *blob.last_mut().unwrap() = 0;
        assert!(Listpack::parse(&blob).is_err());
    }

    #[test]
    fn a_walk_ends_at_the_first_bad_entry_with_its_place() {
        let mut blob = EXAMPLE.to_vec();
        blob[11] = 0xf9;
        let listpack = Listpack::parse(&blob).unwrap();
        let mut items = listpack.iter().skip(2);
        assert_eq!(items.next().unwrap().unwrap_err().offset, 11);
        assert_eq!(items.next(), None);
        assert_eq!(listpack.validate().unwrap_err().offset, 11);
    }
}

//! Ziplist: the packed sequence of Redis 2.4 to 6.2 hashes, sorted sets and lists.
//!
//! ```text
//! u32 LE total bytes | u32 LE offset of the last entry | u16 LE count (65535: walk) | entries | ff
//! entry: prevlen | encoding and data                            (see the file `entry`)
//!
//! 10000000 0d000000 0200 00 01 6d 03 f2 ff
//!     16 bytes, last entry at 13, 2 entries: the sorted set {m: 1}
//!     00 01 6d   nothing before it; string of 1 byte, "m"
//!     03 f2      three bytes before it; immediate 1       (RDB 2 wrote 03 c0 0100)
//! ```
//! An empty ziplist gives 10 as the offset of its last entry. [`Ziplist::parse`] checks the frame,
//! walking checks each entry as it is reached, [`Ziplist::validate`] also holds count, tail offset
//! and every prevlen to account.
mod builder;
mod entry;

pub use builder::Builder;

use super::Item;
use crate::error::{FormatError, Result};

const HEADER_BYTES: usize = 10;
const TERMINATOR: u8 = 0xff;
/// The header's count when there are at least this many entries.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A ziplist whose frame (total bytes, terminator) has been checked.
#[derive(Debug, Clone, Copy)]
pub struct Ziplist<'a>(&'a [u8]);

/// Walks a ziplist forward, checking each entry. Ends after an error.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    /// The blob without its terminator.
    body: &'a [u8],
    pos: usize,
}

impl<'a> Ziplist<'a> {
    /// Checks the frame.
    #[inline]
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let [a, b, c, d, _, _, _, _, _, _, .., last] = *blob else {
            return Err(FormatError::corrupt(0, "ziplist shorter than its header"));
        };
        let total = u32::from_le_bytes([a, b, c, d]);
        if total as usize != blob.len() {
            let what = format!("ziplist of {} bytes says it has {total}", blob.len());
            return Err(FormatError::corrupt(0, what));
        }
        if last != TERMINATOR {
            return Err(FormatError::corrupt(blob.len() - 1, "ziplist without terminator"));
        }
        Ok(Self(blob))
    }

    /// The blob.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The count in the header; 65535 stands for "walk".
    fn stated_count(&self) -> u16 {
        u16::from_le_bytes([self.0[8], self.0[9]])
    }

    fn stated_tail(&self) -> u32 {
        u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// Number of entries: the header's, or by walking when it says 65535.
    pub fn count(&self) -> Result<usize> {
        match self.stated_count() {
            COUNT_UNKNOWN => self.iter().try_fold(0, |count, item| item.map(|_| count + 1)),
            stated => Ok(usize::from(stated)),
        }
    }

    /// Entries from the first.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        Iter { body: &self.0[..self.0.len() - 1], pos: HEADER_BYTES }
    }

    /// Full validation: header, tail offset, prevlen chain, count.
    pub fn validate(&self) -> Result<()> {
        let (mut count, mut tail, mut size_before) = (0usize, HEADER_BYTES, 0);
        let mut items = self.iter();
        while items.pos < items.body.len() {
            tail = items.pos;
            let (prevlen, _) = items.step()?;
            if prevlen as usize != size_before {
                let what = format!("ziplist prevlen {prevlen}, entry before has {size_before}");
                return Err(FormatError::corrupt(tail, what));
            }
            size_before = items.pos - tail;
            count += 1;
        }
        let stated = self.stated_count();
        if stated != COUNT_UNKNOWN && usize::from(stated) != count {
            let what = format!("ziplist of {count} entries says it has {stated}");
            return Err(FormatError::corrupt(8, what));
        }
        if self.stated_tail() as usize != tail {
            let what = format!("ziplist tail offset {}, last entry at {tail}", self.stated_tail());
            return Err(FormatError::corrupt(4, what));
        }
        Ok(())
    }
}

impl<'a> Iter<'a> {
    /// Byte offset in the blob of the next entry.
    #[inline]
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// The next entry: its prevlen and its item.
    #[inline(always)]
    fn step(&mut self) -> Result<(u32, Item<'a>)> {
        let start = std::mem::replace(&mut self.pos, self.body.len());
        let Some((prevlen, head)) = entry::read_prevlen(&self.body[start..]) else {
            return Err(bad_prevlen(self.body, start));
        };
        let at = start + head;
        let Some((item, size)) = entry::read(&self.body[at..]) else {
            return Err(refuse(self.body, at));
        };
        self.pos = at + size;
        Ok((prevlen, item))
    }
}

#[cold]
fn bad_prevlen(body: &[u8], at: usize) -> FormatError {
    let ended = body.get(at) == Some(&TERMINATOR);
    let what = if ended {
        "ziplist terminator before its end"
    } else {
        "ziplist entry reaches past the end"
    };
    FormatError::corrupt(at, what)
}

#[cold]
fn refuse(body: &[u8], at: usize) -> FormatError {
    FormatError::corrupt(at, entry::explain(&body[at..]))
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Item<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        (self.pos < self.body.len()).then(|| self.step().map(|(_, item)| item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blob drawn in the header of this file.
    const EXAMPLE: &[u8] = b"\x10\0\0\0\x0d\0\0\0\x02\0\0\x01m\x03\xf2\xff";
    /// The same as RDB 2 wrote it.
    const RDB_2: &[u8] = b"\x12\0\0\0\x0d\0\0\0\x02\0\0\x01m\x03\xc0\x01\0\xff";

    #[test]
    fn the_worked_example_reads_as_described() {
        for (blob, small_ints) in [(EXAMPLE, true), (RDB_2, false)] {
            let ziplist = Ziplist::parse(blob).unwrap();
            ziplist.validate().unwrap();
            assert_eq!(ziplist.count(), Ok(2));
            let items = ziplist.iter().collect::<Result<Vec<_>>>().unwrap();
            assert_eq!(items, [Item::Str(b"m"), Item::Int(1)]);
            let mut builder = Builder::new(small_ints);
            items.into_iter().for_each(|item| builder.push_item(item));
            assert_eq!(builder.finish(), blob);
        }
    }

    #[test]
    fn a_count_of_65535_means_walk() {
        let mut builder = Builder::new(true);
        (0..66_000).for_each(|n| builder.push_int(n));
        let blob = builder.finish();
        assert_eq!(blob[8..10], [0xff, 0xff]);
        let ziplist = Ziplist::parse(blob).unwrap();
        assert_eq!(ziplist.count(), Ok(66_000));
        ziplist.validate().unwrap();
    }

    #[test]
    fn a_lying_count_tail_or_prevlen_is_found_by_validate_and_does_not_stop_a_walk() {
        for (at, byte) in [(4, 10), (8, 3), (13, 2)] {
            let mut blob = EXAMPLE.to_vec();
            blob[at] = byte;
            let ziplist = Ziplist::parse(&blob).unwrap();
            assert_eq!(ziplist.validate().unwrap_err().offset, at as u64);
            assert_eq!(ziplist.iter().filter(Result::is_ok).count(), 2);
        }
    }

    #[test]
    fn a_small_number_in_a_wide_prevlen_is_valid() {
        let blob = b"\x14\0\0\0\x0d\0\0\0\x02\0\0\x01m\xfe\x03\0\0\0\xf2\xff";
        Ziplist::parse(blob).unwrap().validate().unwrap();
    }

    #[test]
    fn a_damaged_frame_is_refused_at_once_and_a_bad_entry_ends_the_walk() {
        for end in 0..EXAMPLE.len() {
            assert!(Ziplist::parse(&EXAMPLE[..end]).is_err());
        }
        for (at, byte, offset) in [(11, 9, 11), (13, 0xff, 13), (14, 0xff, 14), (14, 0xd0, 14)] {
            let mut blob = EXAMPLE.to_vec();
            blob[at] = byte;
            let ziplist = Ziplist::parse(&blob).unwrap();
            let error = ziplist.iter().find_map(Result::err).unwrap();
            assert_eq!(error.offset, offset);
            assert_eq!(ziplist.validate().unwrap_err(), error);
        }
    }
}

//! Intset: a set of integers as a sorted array of the smallest width that fits both ends.
//!
//! ```text
//! u32 LE width (2, 4, 8) | u32 LE count | count × signed LE integers, strictly ascending
//!
//! 02000000 01000000 2a00      width 2, one member: 42
//! 04000000 02000000 ffffffff 00000100      width 4: -1 and 65536
//! ```
//! Readers accept a wider width than needed.
use crate::error::{FormatError, Result};
use std::cmp::Ordering;

pub mod edit;

const HEADER_BYTES: usize = 8;

/// An intset whose width and size have been checked ("always": width 2, 4 or 8, not empty,
/// size 8 + width · count).
#[derive(Debug, Clone, Copy)]
pub struct Intset<'a>(&'a [u8]);

impl<'a> Intset<'a> {
    /// Checks width, emptiness and size.
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let Some((head, members)) = blob.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FormatError::corrupt(0, "intset shorter than its header"));
        };
        let [w0, w1, w2, w3, c0, c1, c2, c3] = *head;
        let width = u32::from_le_bytes([w0, w1, w2, w3]);
        let count = u32::from_le_bytes([c0, c1, c2, c3]);
        if !matches!(width, 2 | 4 | 8) {
            return Err(FormatError::corrupt(0, format!("intset of width {width}")));
        }
        if count == 0 {
            return Err(FormatError::corrupt(4, "intset without members"));
        }
        if members.len() as u64 != u64::from(width) * u64::from(count) {
            let bytes = members.len();
            let what = format!("intset says {count} members of {width} bytes, has {bytes} bytes");
            return Err(FormatError::corrupt(4, what));
        }
        Ok(Self(blob))
    }

    /// The blob.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Bytes a member: 2, 4 or 8.
    #[inline]
    pub fn width(&self) -> usize {
        usize::from(self.0[0])
    }

    /// Number of members.
    #[inline]
    pub fn count(&self) -> usize {
        (self.0.len() - HEADER_BYTES) / self.width()
    }

    /// Member number `index`; panics past `count`.
    #[inline]
    pub fn get(&self, index: usize) -> i64 {
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        let member = &self.0[at..at + width];
        match *member {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => 0,
        }
    }

    /// Members, ascending.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + use<'a> {
        let intset = *self;
        (0..self.count()).map(move |index| intset.get(index))
    }

    /// Binary search, which relies on the order that [`Intset::validate`] checks.
    pub fn contains(&self, n: i64) -> bool {
        self.search(n).is_ok()
    }

    /// The index of a member, or the one at which it would be put in.
    pub fn search(&self, n: i64) -> std::result::Result<usize, usize> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle).cmp(&n) {
                Ordering::Equal => return Ok(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Deep validation: strictly ascending.
    pub fn validate(&self) -> Result<()> {
        match self.iter().zip(self.iter().skip(1)).position(|(a, b)| a >= b) {
            None => Ok(()),
            Some(index) => {
                let at = HEADER_BYTES + (index + 1) * self.width();
                Err(FormatError::corrupt(at, "intset members are not in ascending order"))
            }
        }
    }
}

/// Appends to `out` the intset of `sorted` (strictly ascending), of the smallest width that fits.
pub fn write(out: &mut Vec<u8>, sorted: &[i64]) {
    let width = sorted.first().map_or(2, |n| width_of(*n));
    let width = width.max(sorted.last().map_or(2, |n| width_of(*n)));
    out.extend_from_slice(&(width as u32).to_le_bytes());
    out.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
    for n in sorted {
        out.extend_from_slice(&n.to_le_bytes()[..width]);
    }
}

/// The smallest width of an intset that holds `n`.
pub fn width_of(n: i64) -> usize {
    match n {
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"\x02\0\0\0\x01\0\0\0\x2a\0";
    const TWO: &[u8] = b"\x04\0\0\0\x02\0\0\0\xff\xff\xff\xff\0\0\x01\0";

    #[test]
    fn the_worked_examples_read_as_described() {
        for (blob, want) in [(ONE, &[42][..]), (TWO, &[-1, 65536])] {
            let intset = Intset::parse(blob).unwrap();
            intset.validate().unwrap();
            assert_eq!(intset.iter().collect::<Vec<_>>(), want);
            assert!(want.iter().all(|n| intset.contains(*n)));
            assert!(!intset.contains(7));
            let mut out = Vec::new();
            write(&mut out, want);
            assert_eq!(out, blob);
        }
    }

    #[test]
    fn the_width_fits_both_ends() {
        for (sorted, width) in [
            (vec![-0x8000, 0x7fff], 2),
            (vec![-0x8001, 0], 4),
            (vec![0, 0x8000], 4),
            (vec![-1, 0x8000_0000], 8),
            (vec![i64::MIN, 0, i64::MAX], 8),
        ] {
            let mut out = Vec::new();
            write(&mut out, &sorted);
            let intset = Intset::parse(&out).unwrap();
            assert_eq!(intset.width(), width);
            assert!(intset.iter().eq(sorted.iter().copied()));
        }
    }

    #[test]
    fn wrong_width_size_or_emptiness_is_refused() {
        assert!(Intset::parse(b"\x02\0\0\0\0\0\0\0").is_err());
        assert!(Intset::parse(b"\x03\0\0\0\x01\0\0\0\0\0\0").is_err());
        assert!(Intset::parse(b"\x02\x01\0\0\x01\0\0\0\0\0").is_err());
        for end in 0..ONE.len() {
            assert!(Intset::parse(&ONE[..end]).is_err());
        }
    }

    #[test]
    fn disorder_and_duplicates_are_found_with_their_place() {
        for (second, ok) in [(1i64, true), (0, false), (-1, false)] {
            let mut out = Vec::new();
            write(&mut out, &[0, second]);
            let result = Intset::parse(&out).unwrap().validate();
            assert_eq!(result.is_ok(), ok);
            assert!(ok || result.unwrap_err().offset == 10);
        }
    }
}

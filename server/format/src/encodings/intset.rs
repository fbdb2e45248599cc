//! Intset.
use crate::error::Result;

/// An intset whose width and size have been checked ("always": width 2, 4 or 8, not empty, size 8 + w·n).
#[derive(Debug, Clone, Copy)]
pub struct Intset<'a>(&'a [u8]);

impl<'a> Intset<'a> {
    /// Checks width, emptiness and size.
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let _ = blob;
        todo!()
    }
    /// The blob.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
    /// Number of members.
    pub fn count(&self) -> usize {
        todo!()
    }
    /// Member number `index`; panics past `count`.
    pub fn get(&self, index: usize) -> i64 {
        let _ = index;
        todo!()
    }
    /// Members, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + use<'a> {
        std::iter::empty()
    }
    /// Binary search.
    pub fn contains(&self, n: i64) -> bool {
        let _ = n;
        todo!()
    }
    /// Deep validation: strictly ascending.
    pub fn validate(&self) -> Result<()> {
        todo!()
    }
}

/// Appends to `out` the intset of `sorted` (strictly ascending), of the smallest width that fits.
pub fn write(out: &mut Vec<u8>, sorted: &[i64]) {
    let _ = (out, sorted);
    todo!()
}

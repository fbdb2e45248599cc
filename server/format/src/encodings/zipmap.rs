//! Zipmap.
use crate::error::Result;

/// A zipmap; pairs are checked as they are reached.
#[derive(Debug, Clone, Copy)]
pub struct Zipmap<'a>(&'a [u8]);

/// Walks the pairs.
#[derive(Clone)]
pub struct Iter<'a> {
    _bytes: &'a [u8],
}

impl<'a> Zipmap<'a> {
    /// Checks what can be checked without walking.
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let _ = blob;
        todo!()
    }
    /// The blob.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
    /// Number of pairs, by walking when the count byte is 254 or more.
    pub fn count(&self) -> Result<usize> {
        todo!()
    }
    /// (field, value) pairs.
    pub fn iter(&self) -> Iter<'a> {
        todo!()
    }
    /// Full validation: count, frame, end exactly at the end of the blob.
    pub fn validate(&self) -> Result<()> {
        todo!()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<(&'a [u8], &'a [u8])>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

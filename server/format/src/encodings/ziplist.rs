//! Ziplist.
use super::Item;
use crate::error::Result;

/// A ziplist whose frame (total bytes, terminator) has been checked.
#[derive(Debug, Clone, Copy)]
pub struct Ziplist<'a>(&'a [u8]);

/// Walks a ziplist forward, checking each entry.
#[derive(Clone)]
pub struct Iter<'a> {
    _bytes: &'a [u8],
}

impl<'a> Ziplist<'a> {
    /// Checks the frame.
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let _ = blob;
        todo!()
    }
    /// The blob.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
    /// Number of entries: the header's, or by walking when it says 65535.
    pub fn count(&self) -> Result<usize> {
        todo!()
    }
    /// Entries from the first.
    pub fn iter(&self) -> Iter<'a> {
        todo!()
    }
    /// Full validation: header, tail offset, prevlen chain, count.
    pub fn validate(&self) -> Result<()> {
        todo!()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Item<'a>>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

/// Builds a ziplist.
#[derive(Debug, Clone)]
pub struct Builder {
    _bytes: Vec<u8>,
}

impl Builder {
    /// An empty ziplist; `small_ints` permits int8, int24 and immediates (RDB 6 and later), else only int16, int32, int64.
    pub fn new(small_ints: bool) -> Self {
        let _ = small_ints;
        todo!()
    }
    /// Appends a string, as an integer when canonical (at most 31 characters long text is tried, as Redis does).
    pub fn push(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }
    /// Appends an item of any packed encoding.
    pub fn push_item(&mut self, item: Item<'_>) {
        let _ = item;
        todo!()
    }
    /// Size of the finished blob so far.
    pub fn size_bytes(&self) -> usize {
        todo!()
    }
    /// Completes header, tail and terminator and gives the blob.
    pub fn finish(&mut self) -> &[u8] {
        todo!()
    }
    /// Empties the builder, keeping its memory.
    pub fn clear(&mut self) {
        todo!()
    }
}

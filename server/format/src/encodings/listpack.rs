//! Listpack.
use super::Item;
use crate::error::Result;

/// A listpack whose frame has been checked: total bytes equal the blob's, terminator in place.
#[derive(Debug, Clone, Copy)]
pub struct Listpack<'a>(&'a [u8]);

/// Walks a listpack forward; each item is checked as it is reached. `offset()` is that of the next item.
#[derive(Clone)]
pub struct Iter<'a> {
    _bytes: &'a [u8],
}

/// Walks a listpack backward from its end.
#[derive(Clone)]
pub struct RevIter<'a> {
    _bytes: &'a [u8],
}

impl<'a> Listpack<'a> {
    /// Checks the frame ("always").
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        let _ = blob;
        todo!()
    }
    /// The blob.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
    /// Number of items: the header's, or by walking when it says 65535.
    pub fn count(&self) -> Result<usize> {
        todo!()
    }
    /// Items from the first.
    pub fn iter(&self) -> Iter<'a> {
        todo!()
    }
    /// Items from the last.
    pub fn iter_rev(&self) -> RevIter<'a> {
        todo!()
    }
    /// Item number `index`, walking from the nearer end.
    pub fn get(&self, index: usize) -> Result<Option<Item<'a>>> {
        let _ = index;
        todo!()
    }
    /// Position (item index) of the first item equal to `needle` among items start, start+step, ...; integers are compared
    /// as numbers when `needle` is canonical decimal. The fast path of HGET and SISMEMBER.
    pub fn find(&self, needle: &[u8], step: usize) -> Result<Option<usize>> {
        let _ = (needle, step);
        todo!()
    }
    /// Like `find`, and gives the `step - 1` items that follow the match (the value of a field): `n` of them via `Iter`.
    pub fn find_then(&self, needle: &[u8], step: usize) -> Result<Option<Iter<'a>>> {
        let _ = (needle, step);
        todo!()
    }
    /// Deep validation: header count, every encoding, every backlen.
    pub fn validate(&self) -> Result<()> {
        todo!()
    }
}

impl<'a> Iter<'a> {
    /// Byte offset in the blob of the next item.
    pub fn offset(&self) -> usize {
        todo!()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Item<'a>>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

impl<'a> Iterator for RevIter<'a> {
    type Item = Result<Item<'a>>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

/// Builds a listpack.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    _bytes: Vec<u8>,
}

impl Builder {
    /// An empty listpack.
    pub fn new() -> Self {
        todo!()
    }
    /// Appends a string, as an integer entry when it is canonical decimal text (as Redis does).
    pub fn push(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }
    /// Appends an integer entry.
    pub fn push_int(&mut self, n: i64) {
        let _ = n;
        todo!()
    }
    /// Appends an item of any packed encoding.
    pub fn push_item(&mut self, item: Item<'_>) {
        let _ = item;
        todo!()
    }
    /// Appends bytes as a string entry whatever they look like (binary doubles of segmented sorted sets).
    pub fn push_raw(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }
    /// Number of items.
    pub fn count(&self) -> usize {
        todo!()
    }
    /// Size of the finished blob so far.
    pub fn size_bytes(&self) -> usize {
        todo!()
    }
    /// Completes header and terminator and gives the blob; the builder is usable again after `clear`.
    pub fn finish(&mut self) -> &[u8] {
        todo!()
    }
    /// Empties the builder, keeping its memory.
    pub fn clear(&mut self) {
        todo!()
    }
}

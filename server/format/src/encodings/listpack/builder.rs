//! Building a listpack entry by entry, with the encodings Redis would choose.
use super::entry;
use super::{COUNT_UNKNOWN, HEADER_BYTES, TERMINATOR};
use crate::encodings::Item;
use crate::number;

/// Builds a listpack.
///
/// The format cannot say more than 4 GiB, and servers keep listpacks below 1 GiB: whoever adds big
/// strings looks at [`Builder::size_bytes`] first.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Header, then entries up to `end`; behind them the terminator, once finished.
    bytes: Vec<u8>,
    end: usize,
    count: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty listpack.
    pub fn new() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], end: HEADER_BYTES, count: 0 }
    }

    /// An empty listpack with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut builder = Self::new();
        builder.bytes.reserve(bytes);
        builder
    }

    /// Appends a string, as an integer entry when it is canonical decimal text (as Redis does).
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        match number::parse_i64(bytes) {
            Some(n) => self.push_int(n),
            None => self.push_raw(bytes),
        }
    }

    /// Appends an integer entry.
    #[inline]
    pub fn push_int(&mut self, n: i64) {
        self.append(1, |out| entry::write_int(out, n));
    }

    /// Appends an item of any packed encoding.
    #[inline]
    pub fn push_item(&mut self, item: Item<'_>) {
        match item {
            Item::Str(bytes) => self.push(bytes),
            Item::Int(n) => self.push_int(n),
        }
    }

    /// Appends bytes as a string entry whatever they look like (binary doubles of segmented
    /// sorted sets).
    #[inline]
    pub fn push_raw(&mut self, bytes: &[u8]) {
        self.append(1, |out| entry::write_str(out, bytes));
    }

    /// Appends `count` entries as they lie in another listpack, backlens included: the bytes
    /// between two [`super::Iter::offset`]s of it.
    #[inline]
    pub fn push_encoded(&mut self, entries: &[u8], count: usize) {
        self.append(count, |out| out.extend_from_slice(entries));
    }

    #[inline(always)]
    fn append(&mut self, count: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.end);
        write(&mut self.bytes);
        self.end = self.bytes.len();
        self.count += count;
    }

    /// Number of items.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Size of the finished blob so far.
    pub fn size_bytes(&self) -> usize {
        self.end + 1
    }

    /// The entries so far, without header and terminator: what [`Builder::push_encoded`] takes.
    pub fn encoded(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..self.end]
    }

    /// Completes header and terminator and gives the blob. Appending may go on after it; `clear`
    /// starts anew.
    pub fn finish(&mut self) -> &[u8] {
        self.bytes.truncate(self.end);
        self.bytes.push(TERMINATOR);
        let total = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let count = u16::try_from(self.count).unwrap_or(COUNT_UNKNOWN);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        self.bytes[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
        &self.bytes
    }

    /// Empties the builder, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.end = HEADER_BYTES;
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Listpack;
    use super::*;

    #[test]
    fn a_finished_builder_can_go_on_or_start_anew() {
        let mut builder = Builder::new();
        builder.push(b"a");
        assert_eq!(builder.finish().len(), builder.size_bytes());
        builder.push(b"-5");
        let blob = builder.finish().to_vec();
        let listpack = Listpack::parse(&blob).unwrap();
        listpack.validate().unwrap();
        let items: Vec<_> = listpack.iter().map(Result::unwrap).collect();
        assert_eq!(items, [Item::Str(b"a"), Item::Int(-5)]);
        builder.clear();
        assert_eq!(builder.finish(), [7, 0, 0, 0, 0, 0, 0xff]);
    }

    #[test]
    fn raw_bytes_stay_a_string_and_encoded_entries_are_copied_as_they_are() {
        let mut first = Builder::new();
        first.push_raw(b"12");
        first.push_int(300);
        let mut second = Builder::with_capacity(64);
        second.push_encoded(first.encoded(), first.count());
        let blob = second.finish();
        let items: Vec<_> = Listpack::parse(blob).unwrap().iter().map(Result::unwrap).collect();
        assert_eq!(items, [Item::Str(b"12"), Item::Int(300)]);
    }
}

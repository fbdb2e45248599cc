//! Building a ziplist entry by entry, with the encodings Redis would choose.
use super::entry;
use super::{COUNT_UNKNOWN, HEADER_BYTES, TERMINATOR};
use crate::encodings::Item;
use crate::number;

/// Longer text is not tried as an integer.
const MAX_INT_TEXT: usize = 31;

/// Builds a ziplist. The format cannot say more than 4 GiB: whoever adds big strings looks at
/// [`Builder::size_bytes`] first.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Header, then entries up to `end`; behind them the terminator, once finished.
    bytes: Vec<u8>,
    end: usize,
    /// Where the last entry begins.
    tail: usize,
    count: usize,
    small_ints: bool,
}

impl Builder {
    /// An empty ziplist; `small_ints` permits int8, int24 and immediates (RDB 6 and later), else
    /// only int16, int32, int64.
    pub fn new(small_ints: bool) -> Self {
        let bytes = vec![0; HEADER_BYTES];
        Self { bytes, end: HEADER_BYTES, tail: HEADER_BYTES, count: 0, small_ints }
    }

    /// Appends a string, as an integer when canonical (at most 31 characters long text is tried,
    /// as Redis does).
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        let number = (bytes.len() <= MAX_INT_TEXT).then(|| number::parse_i64(bytes)).flatten();
        match number {
            Some(n) => self.push_int(n),
            None => self.append(|out| entry::write_str(out, bytes)),
        }
    }

    /// Appends an integer entry.
    #[inline]
    pub fn push_int(&mut self, n: i64) {
        let small = self.small_ints;
        self.append(|out| entry::write_int(out, n, small));
    }

    /// Appends an item of any packed encoding.
    #[inline]
    pub fn push_item(&mut self, item: Item<'_>) {
        match item {
            Item::Str(bytes) => self.push(bytes),
            Item::Int(n) => self.push_int(n),
        }
    }

    #[inline(always)]
    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.end);
        entry::write_prevlen(&mut self.bytes, self.end - self.tail);
        write(&mut self.bytes);
        self.tail = self.end;
        self.end = self.bytes.len();
        self.count += 1;
    }

    /// Number of entries.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Size of the finished blob so far.
    pub fn size_bytes(&self) -> usize {
        self.end + 1
    }

    /// Completes header, tail and terminator and gives the blob. Appending may go on after it;
    /// `clear` starts anew.
    pub fn finish(&mut self) -> &[u8] {
        self.bytes.truncate(self.end);
        self.bytes.push(TERMINATOR);
        let total = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let tail = u32::try_from(self.tail).unwrap_or(u32::MAX);
        let count = u16::try_from(self.count).unwrap_or(COUNT_UNKNOWN);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&tail.to_le_bytes());
        self.bytes[8..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
        &self.bytes
    }

    /// Empties the builder, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.end = HEADER_BYTES;
        self.tail = HEADER_BYTES;
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ziplist;
    use super::*;

    #[test]
    fn a_finished_builder_can_go_on_or_start_anew() {
        let mut builder = Builder::new(true);
        builder.push(b"a");
        assert_eq!(builder.finish().len(), builder.size_bytes());
        builder.push(b"-5");
        let blob = builder.finish().to_vec();
        let ziplist = Ziplist::parse(&blob).unwrap();
        ziplist.validate().unwrap();
        let items: Vec<_> = ziplist.iter().map(Result::unwrap).collect();
        assert_eq!(items, [Item::Str(b"a"), Item::Int(-5)]);
        builder.clear();
        assert_eq!(builder.finish(), [11, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0xff]);
        Ziplist::parse(builder.finish()).unwrap().validate().unwrap();
    }

    #[test]
    fn entries_after_long_ones_carry_wide_prevlens() {
        let mut builder = Builder::new(false);
        for len in [250, 251, 252, 253, 16_384, 1] {
            builder.push(&vec![b'x'; len]);
        }
        let ziplist = Ziplist::parse(builder.finish()).unwrap();
        ziplist.validate().unwrap();
        let lens: Vec<_> = ziplist.iter().map(|item| item.unwrap().len()).collect();
        assert_eq!(lens, [250, 251, 252, 253, 16_384, 1]);
    }
}

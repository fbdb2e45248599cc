//! The payload of one value in the making.
//!
//! Every form but that of strings begins with a count, which is known when the elements have been
//! read. So room is kept before them, and the count is put right before the first:
//! ```text
//! . . . . . . . .  02  01 61  01 62        two elements: the payload begins at the 02
//! ```
//! What grows large moves into a mapped temporary file.
use redtool_format::rdb::length;
use redtool_format::rdb::writer::Out;
use redtool_store::spill::SpillBytes;
use std::io;

/// The longest count.
const COUNT_BYTES: usize = 9;
/// More than this moves into the file.
const CHUNK_BYTES: usize = 1 << 18;

/// Takes the elements of a value.
#[derive(Default)]
pub struct Payload {
    chunk: Vec<u8>,
    spilled: SpillBytes,
    start: usize,
}

impl Payload {
    /// Forgets the last value, and keeps room for a count.
    pub fn begin(&mut self) {
        self.chunk.clear();
        self.chunk.resize(COUNT_BYTES, 0);
        if !self.spilled.is_empty() {
            self.spilled = SpillBytes::new();
        }
        self.start = COUNT_BYTES;
    }

    /// Ends the value; `count` goes before its elements.
    pub fn end(&mut self, count: Option<u64>) -> io::Result<()> {
        if !self.spilled.is_empty() {
            self.flush()?;
        }
        let Some(count) = count else { return Ok(()) };
        let mut written = Vec::with_capacity(COUNT_BYTES);
        length::write(&mut written, count);
        self.start = COUNT_BYTES - written.len();
        let room = match self.spilled.is_empty() {
            true => &mut self.chunk,
            false => self.spilled.as_mut_slice(),
        };
        room[self.start..COUNT_BYTES].copy_from_slice(&written);
        Ok(())
    }

    /// The value, once it has ended.
    pub fn bytes(&self) -> &[u8] {
        match self.spilled.is_empty() {
            true => &self.chunk[self.start..],
            false => &self.spilled.as_slice()[self.start..],
        }
    }

    /// The file that a large value has moved into, and where in it the value starts.
    pub fn take_spilled(&mut self) -> Option<(SpillBytes, usize)> {
        let spilled = std::mem::take(&mut self.spilled);
        (!spilled.is_empty()).then_some((spilled, self.start))
    }

    fn flush(&mut self) -> io::Result<()> {
        let moved = self.spilled.extend_from_slice(&self.chunk);
        self.chunk.clear();
        moved.map_err(|error| io::Error::other(error.to_string()))
    }
}

impl Out for Payload {
    #[inline]
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    #[inline]
    fn spill(&mut self) -> io::Result<()> {
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            self.chunk.extend_from_slice(piece);
            self.spill()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_any_size_stands_before_the_elements() {
        for (count, elements) in [(0, 0), (63, 63), (64, 64), (5_000_000_000, 10), (7, 1 << 20)] {
            let mut payload = Payload::default();
            payload.begin();
            Out::bytes(&mut payload, &vec![b'x'; elements]).unwrap();
            payload.end(Some(count)).unwrap();
            let mut expected = Vec::new();
            length::write(&mut expected, count);
            expected.resize(expected.len() + elements, b'x');
            assert!(Payload::bytes(&payload) == expected);
        }
    }
}

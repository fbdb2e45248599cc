//! The payload of a value in the making: in memory while it is small, else in a temporary file.
//!
//! The number of elements stands in front of them and is known at the end, so room is left for it,
//! and the payload begins where the number begins.
//!
//! ```text
//! [9 bytes of room, the number at their end][elements]
//! ```
use redtool_format::rdb::length;
use redtool_format::rdb::writer::Out;
use redtool_store::spill::SpillBytes;
use redtool_store::StoreError;
use std::io;

/// The longest form of a number.
const ROOM_BYTES: usize = 9;
/// Bytes in memory; more move into what spills.
const BUFFER_BYTES: usize = 1 << 18;

/// A payload; use it again for the next one.
#[derive(Default)]
pub struct Payload {
    buf: Vec<u8>,
    spilled: SpillBytes,
    start: usize,
}

impl Payload {
    /// Begins anew.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.spilled.clear();
        self.buf.extend_from_slice(&[0; ROOM_BYTES]);
        self.start = ROOM_BYTES;
    }

    /// Ends the payload; `count` is to stand in front of it.
    pub fn finish(&mut self, count: Option<u64>) -> io::Result<()> {
        if !self.spilled.is_empty() {
            self.flush()?;
        }
        let Some(count) = count else { return Ok(()) };
        let mut number = Vec::with_capacity(ROOM_BYTES);
        length::write(&mut number, count);
        self.start = ROOM_BYTES - number.len();
        let bytes = match self.spilled.is_empty() {
            true => &mut self.buf[..],
            false => self.spilled.as_mut_slice(),
        };
        bytes[self.start..ROOM_BYTES].copy_from_slice(&number);
        Ok(())
    }

    /// The finished payload.
    pub fn as_slice(&self) -> &[u8] {
        let all = if self.spilled.is_empty() { &self.buf[..] } else { self.spilled.as_slice() };
        all.get(self.start..).unwrap_or_default()
    }

    fn flush(&mut self) -> io::Result<()> {
        let moved = self.spilled.extend_from_slice(&self.buf);
        self.buf.clear();
        moved.map_err(|error| match error {
            StoreError::Io { source, .. } => source,
            other => io::Error::other(other.to_string()),
        })
    }
}

impl Out for Payload {
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.buf.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_in_front_whether_spilled_or_not() {
        let mut payload = Payload::default();
        for elements in [0, 3, 1_000_000] {
            payload.clear();
            for _ in 0..elements {
                payload.buf().extend_from_slice(b"\x01x");
                payload.spill().unwrap();
            }
            payload.finish(Some(elements)).unwrap();
            let mut expected = Vec::new();
            length::write(&mut expected, elements);
            expected.extend(b"\x01x".repeat(elements as usize));
            assert!(payload.as_slice() == expected, "{elements}");
        }
        payload.clear();
        payload.buf().push(7);
        payload.finish(None).unwrap();
        assert_eq!(payload.as_slice(), [7]);
    }
}

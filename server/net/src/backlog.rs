//! Bytes that wait at the end of a connection: requests not yet executed, replies not yet sent.
//!
//! ```text
//! bytes  ········|##########|        start: what has been dealt with and not yet moved away
//!        0     start       len
//! ```
//! Memory follows what is waiting: it grows as bytes arrive, never by what a client announces, and
//! is given back when the backlog is empty.

/// Room that an empty backlog may keep for the next time.
const KEEP_BYTES: usize = 1024;
/// More than this is not copied.
const MOVE_BYTES: usize = 16 * 1024;

/// A queue of bytes.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: Vec<u8>,
    start: usize,
}

impl Backlog {
    /// What is waiting.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// How much is waiting.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > self.bytes.len() / 2 {
            // At most as much is moved as was dealt with since the last move.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes over a buffer whose first `done` bytes are dealt with, without copying it.
    pub fn adopt(&mut self, buffer: &mut Vec<u8>, done: usize) {
        if self.is_empty() && buffer.len() - done > MOVE_BYTES {
            self.bytes = std::mem::take(buffer);
            self.start = done;
        } else {
            self.push(buffer.get(done..).unwrap_or_default());
            buffer.clear();
        }
    }

    /// The first `n` bytes are dealt with.
    pub fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.bytes.len());
        if self.is_empty() {
            self.start = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEEP_BYTES {
                self.bytes = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        let mut backlog = Backlog::default();
        let mut expected = Vec::new();
        for round in 0..100u8 {
            backlog.push(&[round; 7]);
            expected.extend([round; 7]);
            backlog.consume(5);
            expected.drain(..5);
            assert_eq!(backlog.as_slice(), expected);
        }
        backlog.consume(usize::MAX / 2);
        assert!(backlog.is_empty());
    }

    #[test]
    fn memory_is_given_back_when_nothing_waits() {
        let mut backlog = Backlog::default();
        let mut big = vec![1; 2 * MOVE_BYTES];
        backlog.adopt(&mut big, 3);
        assert_eq!((backlog.len(), big.capacity()), (2 * MOVE_BYTES - 3, 0));
        backlog.consume(2 * MOVE_BYTES);
        assert_eq!(backlog.bytes.capacity(), 0);
        let mut small = vec![2; 10];
        backlog.adopt(&mut small, 4);
        assert_eq!((backlog.as_slice(), small.len()), (&[2; 6][..], 0));
    }
}

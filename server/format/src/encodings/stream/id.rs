//! Stream ids: milliseconds and a sequence, both 64-bit, big-endian where they are bytes.
use std::fmt;

/// A stream id; orders as Redis orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds.
    pub ms: u64,
    /// Sequence within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// 0-0.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The largest id.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// From 16 bytes, both halves big-endian.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }

    /// To 16 bytes, both halves big-endian: their order is the order of ids.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// This id moved by what a message of a node stores; differences are signed and wrap.
    #[inline]
    pub(super) fn moved_by(self, ms: i64, seq: i64) -> Self {
        Self { ms: self.ms.wrapping_add_signed(ms), seq: self.seq.wrapping_add_signed(seq) }
    }

    /// The difference that moves `from` to this id.
    #[inline]
    pub(super) fn difference_from(self, from: Self) -> (i64, i64) {
        (self.ms.wrapping_sub(from.ms) as i64, self.seq.wrapping_sub(from.seq) as i64)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_big_endian_and_order_as_ids_do() {
        let id = StreamId { ms: 5, seq: 3 };
        assert_eq!(id.to_bytes(), [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.to_string(), "5-3");
        let later = StreamId { ms: 256, seq: 0 };
        assert!(id < later && id.to_bytes() < later.to_bytes());
    }

    #[test]
    fn differences_are_signed_and_wrap() {
        let ids = [StreamId::MIN, StreamId { ms: 5, seq: 7 }, StreamId::MAX];
        for (from, to) in ids.into_iter().flat_map(|from| ids.map(|to| (from, to))) {
            let (ms, seq) = to.difference_from(from);
            assert_eq!(from.moved_by(ms, seq), to);
        }
    }
}

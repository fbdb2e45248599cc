//! The key of a record in a map in memory, which is compared often: usual ones lie in the map
//! itself, and two are told apart by two numbers, their first bytes (of a segment's key these are
//! its id, its family and the order key).
use std::cmp::Ordering;
use std::mem::size_of;

/// Keys up to this length need no memory of their own.
const INLINE_BYTES: usize = 30;
/// The bytes that make the numbers.
const HEAD_BYTES: usize = size_of::<u64>() + size_of::<u128>();

/// A whole key; ordered as its bytes.
#[derive(Debug, Clone)]
pub(super) struct RecordKey(Form);

#[derive(Debug, Clone)]
enum Form {
    /// The bytes behind `len` are zero.
    Inline {
        len: u8,
        bytes: [u8; INLINE_BYTES],
    },
    Heap(Box<[u8]>),
}

impl RecordKey {
    #[inline]
    pub fn new(key: &[u8]) -> Self {
        if key.len() > INLINE_BYTES {
            return Self(Form::Heap(key.into()));
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..key.len()].copy_from_slice(key);
        Self(Form::Inline { len: key.len() as u8, bytes })
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Form::Heap(bytes) => bytes,
        }
    }

    /// Orders keys, up to equal ones: where a key ends, zeros follow.
    #[inline]
    fn head(&self) -> (u64, u128) {
        let bytes = match &self.0 {
            Form::Inline { bytes, .. } => bytes.first_chunk::<HEAD_BYTES>(),
            // It is longer than what lies in the map.
            Form::Heap(bytes) => bytes.first_chunk(),
        };
        bytes.and_then(|bytes| bytes.split_first_chunk()).map_or((0, 0), |(first, rest)| {
            (u64::from_be_bytes(*first), rest.try_into().map_or(0, u128::from_be_bytes))
        })
    }
}

impl PartialEq for RecordKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for RecordKey {}

impl PartialOrd for RecordKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RecordKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.head().cmp(&other.head()).then_with(|| self.bytes().cmp(other.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_as_their_bytes() {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for tail in [&b""[..], b"\0", b"\0\0", b"a", b"a\0", b"ab", &[255; 16], &[7; 40], &[7; 41]]
        {
            for order in [0u64, 1, 1 << 40, u64::MAX] {
                for id in [9u64, 10] {
                    keys.push([&id.to_be_bytes()[..], b"z", &order.to_be_bytes(), tail].concat());
                }
            }
            keys.push(tail.to_vec());
        }
        for a in &keys {
            assert_eq!(RecordKey::new(a).bytes(), a);
            for b in &keys {
                assert_eq!(RecordKey::new(a).cmp(&RecordKey::new(b)), a.cmp(b));
            }
        }
    }
}

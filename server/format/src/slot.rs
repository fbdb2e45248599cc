//! The Redis Cluster slot of a key: CRC-16/XMODEM of it, modulo 16384.
//!
//! ```text
//! 123456789       12739 = 0x31c3        the CRC's check value
//! {user1000}.a    the slot of "user1000": of a key with a hash tag, only the tag counts
//! foo{}{bar}      the slot of the whole key: the first pair of braces is empty
//! foo{{bar}}zap   the slot of "{bar": from the first { to the first } after it
//! ```
use crc_fast::{checksum, CrcAlgorithm};

/// How many slots there are.
pub const SLOTS: u16 = 16384;

/// The slot of a key.
pub fn of(key: &[u8]) -> u16 {
    let crc = checksum(CrcAlgorithm::Crc16Xmodem, hashed_part(key));
    (crc % u64::from(SLOTS)) as u16
}

/// What of a key decides on its slot.
fn hashed_part(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_worked_examples() {
        assert_eq!(of(b"123456789"), 0x31c3);
        assert_eq!(of(b"foo"), 12182);
        assert_eq!(of(b""), 0);
        assert_eq!(of(b"{user1000}.a"), of(b"user1000"));
        assert_eq!(of(b"{user1000}.a"), of(b"x{user1000}y{z}"));
        assert_eq!(of(b"foo{{bar}}zap"), of(b"{bar"));
        let whole = |key| assert_eq!(hashed_part(key), key);
        whole(b"foo{}{bar}");
        whole(b"foo{bar");
        whole(b"foo}bar{");
    }
}

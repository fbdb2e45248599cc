//! Records of one table on their way to LevelDB, one after the other.
//!
//! ```text
//! key length u16 · value length u32 · key · value        little-endian
//! ```

/// Bytes before a key.
pub const HEADER_BYTES: usize = 6;

/// What stands before a record whose sizes were checked.
pub fn header(key: &[u8], value: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..2].copy_from_slice(&(key.len() as u16).to_le_bytes());
    header[2..].copy_from_slice(&(value.len() as u32).to_le_bytes());
    header
}

/// The records in `bytes`: key and value.
pub fn each(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (key_len, after) = rest.split_first_chunk::<2>()?;
        let (value_len, after) = after.split_first_chunk::<4>()?;
        let (key, after) = after.split_at_checked(u16::from_le_bytes(*key_len) as usize)?;
        let (value, after) = after.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
        rest = after;
        Some((key, value))
    })
}

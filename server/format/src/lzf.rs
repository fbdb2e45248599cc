//! LZF, the compression of RDB strings.
//!
//! Control byte c < 32: copy the next c + 1 bytes. Otherwise run length = c >> 5, if that is 7 plus the next byte, then
//! plus 2; distance = ((c & 31) << 8 | next byte) + 1 back from the end of the output; ranges may overlap.
//! `e0 57 00`: 7 + 87 + 2 = 96 bytes from distance 1.
use crate::error::Result;

/// Decodes `data` into `out` (cleared first); the output must be exactly `len` bytes.
pub fn decompress(data: &[u8], len: usize, out: &mut Vec<u8>) -> Result<()> {
    let _ = (data, len, out);
    todo!()
}

/// Checks that `data` decodes to exactly `len` bytes, without decoding.
pub fn check(data: &[u8], len: usize) -> Result<()> {
    let _ = (data, len);
    todo!()
}

/// Compresses `input` to the end of `out` when the result takes at most `max_bytes`; else leaves `out` alone and gives false.
pub fn compress(input: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> bool {
    let _ = (input, max_bytes, out);
    todo!()
}

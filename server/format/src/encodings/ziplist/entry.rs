//! One ziplist entry: prevlen, encoding byte, data, in both directions.
//!
//! ```text
//! prevlen: size of the whole entry before (0 for the first): one byte below 254, else fe + u32 LE
//!
//! 00xxxxxx       string, 6-bit length              c0 + 2   i16 LE      f0 + 3   i24 LE
//! 01xxxxxx + 1   string, 14-bit length, BE         d0 + 4   i32 LE      fe + 1   i8
//! 10______ + 4   string, 32-bit length, BE         e0 + 8   i64 LE      f1..fd   0..12 (nibble-1)
//! ```
//! The five-byte prevlen may carry a small number; the low bits of `10______` are ignored.
use crate::encodings::Item;

/// First byte of a prevlen of five bytes.
const WIDE_PREVLEN: u8 = 0xfe;

/// The prevlen at the start of `bytes` and its own size; `None` when cut off or `ff`.
#[inline(always)]
pub(super) fn read_prevlen(bytes: &[u8]) -> Option<(u32, usize)> {
    match *bytes.first()? {
        0xff => None,
        WIDE_PREVLEN => Some((u32::from_le_bytes(array(bytes)?), 5)),
        small => Some((u32::from(small), 1)),
    }
}

/// The item whose encoding byte starts `bytes`, and the size of encoding and data.
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let first = *bytes.first()?;
    match first {
        0x00..=0x3f => string(bytes, 1, usize::from(first)),
        0x40..=0x7f => {
            let len = u16::from_be_bytes([first & 0x3f, *bytes.get(1)?]);
            string(bytes, 2, usize::from(len))
        }
        0x80..=0xbf => string(bytes, 5, u32::from_be_bytes(array(bytes)?) as usize),
        0xc0 => Some((Item::Int(i64::from(i16::from_le_bytes(array(bytes)?))), 3)),
        0xd0 => Some((Item::Int(i64::from(i32::from_le_bytes(array(bytes)?))), 5)),
        0xe0 => Some((Item::Int(i64::from_le_bytes(array(bytes)?)), 9)),
        0xf0 => {
            let [a, b, c] = array(bytes)?;
            Some((Item::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)), 4))
        }
        0xfe => Some((Item::Int(i64::from(*bytes.get(1)? as i8)), 2)),
        0xf1..=0xfd => Some((Item::Int(i64::from(first & 0x0f) - 1), 1)),
        _ => None,
    }
}

/// The `N` bytes after the first.
#[inline(always)]
fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.get(1..1 + N)?.try_into().ok()
}

#[inline(always)]
fn string(bytes: &[u8], head: usize, len: usize) -> Option<(Item<'_>, usize)> {
    let size = head.checked_add(len)?;
    Some((Item::Str(bytes.get(head..size)?), size))
}

/// Why [`read`] gave nothing for these bytes.
#[cold]
pub(super) fn explain(bytes: &[u8]) -> String {
    match bytes.first() {
        Some(first @ 0xc0..=0xff) if !matches!(first, 0xc0 | 0xd0 | 0xe0 | 0xf0..=0xfe) => {
            format!("unknown ziplist encoding {first:#04x}")
        }
        _ => "ziplist entry reaches past the end".into(),
    }
}

/// Appends the prevlen of an entry that follows one of this size.
#[inline]
pub(super) fn write_prevlen(out: &mut Vec<u8>, size: usize) {
    if size < usize::from(WIDE_PREVLEN) {
        out.push(size as u8);
    } else {
        out.push(WIDE_PREVLEN);
        out.extend_from_slice(&(size as u32).to_le_bytes());
    }
}

/// Appends an integer; `small` permits int8, int24 and immediates.
#[inline]
pub(super) fn write_int(out: &mut Vec<u8>, n: i64, small: bool) {
    let le = n.to_le_bytes();
    match n {
        0..=12 if small => out.push(0xf1 + n as u8),
        -0x80..=0x7f if small => out.extend_from_slice(&[0xfe, le[0]]),
        -0x8000..=0x7fff => out.extend_from_slice(&[0xc0, le[0], le[1]]),
        -0x80_0000..=0x7f_ffff if small => out.extend_from_slice(&[0xf0, le[0], le[1], le[2]]),
        -0x8000_0000..=0x7fff_ffff => {
            out.push(0xd0);
            out.extend_from_slice(&le[..4]);
        }
        _ => {
            out.push(0xe0);
            out.extend_from_slice(&le);
        }
    }
}

/// Appends a string.
#[inline]
pub(super) fn write_str(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len();
    match len {
        0..=0x3f => out.push(len as u8),
        0x40..=0x3fff => out.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]),
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_sign_in_every_form() {
        let edges = [0, 12, 13, 0x7f, 0x80, 0x7fff, 0x8000, 0x7f_ffff, 0x80_0000, 0x7fff_ffff];
        for edge in edges.into_iter().chain([0x8000_0000, i64::MAX]) {
            for (n, small) in
                [edge, -edge, -edge - 1].into_iter().flat_map(|n| [(n, true), (n, false)])
            {
                let mut bytes = Vec::new();
                write_int(&mut bytes, n, small);
                assert_eq!(read(&bytes), Some((Item::Int(n), bytes.len())));
                assert!(small || matches!(bytes[0], 0xc0 | 0xd0 | 0xe0));
            }
        }
    }

    #[test]
    fn string_lengths_are_big_endian() {
        for (len, head) in [
            (0usize, vec![0]),
            (63, vec![0x3f]),
            (64, vec![0x40, 64]),
            (16383, vec![0x7f, 0xff]),
            (16384, vec![0x80, 0, 0, 0x40, 0]),
        ] {
            let (mut bytes, text) = (Vec::new(), vec![b'x'; len]);
            write_str(&mut bytes, &text);
            assert_eq!(bytes[..head.len()], head);
            assert_eq!(read(&bytes), Some((Item::Str(&text), bytes.len())));
        }
        assert_eq!(read(b"\xbf\0\0\0\x01a"), Some((Item::Str(b"a"), 6)));
    }

    #[test]
    fn a_prevlen_is_wide_from_254_on_and_may_be_wide_below() {
        for (size, want) in [(253, &[253][..]), (254, &[0xfe, 254, 0, 0, 0])] {
            let mut bytes = Vec::new();
            write_prevlen(&mut bytes, size);
            assert_eq!(bytes, want);
            assert_eq!(read_prevlen(&bytes), Some((size as u32, bytes.len())));
        }
        assert_eq!(read_prevlen(&[0xfe, 3, 0, 0, 0]), Some((3, 5)));
        assert_eq!(read_prevlen(&[0xff; 5]), None);
        assert_eq!(read_prevlen(&[0xfe, 3, 0, 0]), None);
    }

    #[test]
    fn unknown_and_unfinished_entries_are_refused() {
        for first in [0xc1, 0xcf, 0xd1, 0xe1, 0xef, 0xff] {
            assert_eq!(read(&[first; 16]), None);
        }
        for bytes in [&[][..], &[1], &[0x40], &[0x80, 0, 0, 0, 1], &[0xfe], &[0xe0; 8]] {
            assert_eq!(read(bytes), None);
        }
    }
}

//! One listpack entry: encoding byte, data, backlen, in both directions.
//!
//! ```text
//! 0xxxxxxx                 integer 0..127           f0 + u32 LE   string, 32-bit length
//! 10xxxxxx                 string, 6-bit length     f1 + 2        i16 LE
//! 110xxxxx + 1             13-bit signed, BE        f2 + 3        i24 LE
//! 1110xxxx + 1             string, 12-bit len, BE   f3 + 4        i32 LE
//! f5..fe                   reserved                 f4 + 8        i64 LE
//! ```
//! The backlen that follows is the size of encoding and data, seven bits a byte, most significant
//! first, the high bit set on all bytes but the first, so that it can be read from its end. The
//! servers' size limits are off by one: a size of exactly 16383 takes three bytes, not two.
use crate::encodings::Item;

/// A backlen has at most this many bytes.
const BACKLEN_MAX_BYTES: usize = 5;

/// The entry at the start of `bytes` and the size of its encoding and data; `None` when it does
/// not fit or its encoding is reserved ([`explain`] says which).
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let first = *bytes.first()?;
    match first {
        0x00..=0x7f => Some((Item::Int(i64::from(first)), 1)),
        0x80..=0xbf => string(bytes, 1, usize::from(first & 0x3f)),
        0xc0..=0xdf => {
            let raw = u16::from_be_bytes([first, *bytes.get(1)?]);
            Some((Item::Int(i64::from((raw << 3) as i16 >> 3)), 2))
        }
        0xe0..=0xef => {
            let len = u16::from_be_bytes([first & 0x0f, *bytes.get(1)?]);
            string(bytes, 2, usize::from(len))
        }
        0xf0 => string(bytes, 5, u32::from_le_bytes(array(bytes)?) as usize),
        0xf1 => Some((Item::Int(i64::from(i16::from_le_bytes(array(bytes)?))), 3)),
        0xf2 => Some((Item::Int(i64::from(i24(array(bytes)?))), 4)),
        0xf3 => Some((Item::Int(i64::from(i32::from_le_bytes(array(bytes)?))), 5)),
        0xf4 => Some((Item::Int(i64::from_le_bytes(array(bytes)?)), 9)),
        0xf5..=0xff => None,
    }
}

/// The size of encoding and data of the entry at the start of `bytes`, which may reach past them.
#[inline(always)]
pub(super) fn size(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    Some(match first {
        0x00..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + usize::from(u16::from_be_bytes([first & 0x0f, *bytes.get(1)?])),
        0xf0 => (u32::from_le_bytes(array(bytes)?) as usize).checked_add(5)?,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        0xf4 => 9,
        0xf5..=0xff => return None,
    })
}

/// The `N` bytes after the encoding byte.
#[inline(always)]
fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.get(1..1 + N)?.try_into().ok()
}

#[inline(always)]
fn i24([a, b, c]: [u8; 3]) -> i32 {
    i32::from_le_bytes([0, a, b, c]) >> 8
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
        Some(0xff) => "listpack terminator before its end".into(),
        Some(first @ 0xf5..=0xfe) => format!("reserved listpack encoding {first:#04x}"),
        _ => "listpack entry reaches past the end".into(),
    }
}

/// How many bytes the backlen of an entry of this size takes.
#[inline(always)]
pub(super) fn backlen_bytes(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16382 => 2,
        16383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => BACKLEN_MAX_BYTES,
    }
}

/// The backlen of an entry of this size: the bytes, and how many of them count.
#[inline]
fn backlen(size: usize) -> ([u8; BACKLEN_MAX_BYTES], usize) {
    let len = backlen_bytes(size);
    let mut bytes = [0; BACKLEN_MAX_BYTES];
    for (i, byte) in bytes.iter_mut().take(len).enumerate() {
        let group = (size >> (7 * (len - 1 - i))) as u8 & 0x7f;
        *byte = if i == 0 { group } else { group | 0x80 };
    }
    (bytes, len)
}

/// Whether `bytes` begins with the backlen of an entry of this size.
#[inline]
pub(super) fn has_backlen(bytes: &[u8], size: usize) -> bool {
    if size <= 127 {
        return bytes.first() == Some(&(size as u8));
    }
    let (want, len) = backlen(size);
    bytes.get(..len) == Some(&want[..len])
}

/// The size told by the backlen that ends where `bytes` end.
#[inline]
pub(super) fn read_backlen(bytes: &[u8]) -> Option<usize> {
    let mut size = 0;
    for (i, byte) in bytes.iter().rev().take(BACKLEN_MAX_BYTES).enumerate() {
        size |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return usize::try_from(size).ok();
        }
    }
    None
}

/// Appends an integer entry of the smallest form.
#[inline]
pub(super) fn write_int(out: &mut Vec<u8>, n: i64) {
    let le = n.to_le_bytes();
    match n {
        0..=127 => out.extend_from_slice(&[le[0], 1]),
        -4096..=4095 => out.extend_from_slice(&[0xc0 | (le[1] & 0x1f), le[0], 2]),
        -0x8000..=0x7fff => out.extend_from_slice(&[0xf1, le[0], le[1], 3]),
        -0x80_0000..=0x7f_ffff => out.extend_from_slice(&[0xf2, le[0], le[1], le[2], 4]),
        -0x8000_0000..=0x7fff_ffff => {
            out.extend_from_slice(&[0xf3, le[0], le[1], le[2], le[3], 5]);
        }
        _ => {
            out.push(0xf4);
            out.extend_from_slice(&le);
            out.push(9);
        }
    }
}

/// Appends a string entry.
#[inline]
pub(super) fn write_str(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len();
    let head = match len {
        0..=63 => {
            out.push(0x80 | len as u8);
            1
        }
        64..=4095 => {
            out.extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]);
            2
        }
        _ => {
            out.push(0xf0);
            out.extend_from_slice(&(len as u32).to_le_bytes());
            5
        }
    };
    out.extend_from_slice(bytes);
    let size = head + len;
    if size <= 127 {
        out.push(size as u8);
    } else {
        let (bytes, len) = backlen(size);
        out.extend_from_slice(&bytes[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backlen_sizes_keep_the_off_by_one_of_the_servers() {
        let cases: [(usize, &[u8]); 7] = [
            (127, &[0x7f]),
            (128, &[0x01, 0x80]),
            (4097, &[0x20, 0x81]),
            (16382, &[0x7f, 0xfe]),
            (16383, &[0x00, 0xff, 0xff]),
            (16384, &[0x01, 0x80, 0x80]),
            (2_097_151, &[0x00, 0xff, 0xff, 0xff]),
        ];
        for (size, want) in cases {
            let (bytes, len) = backlen(size);
            assert_eq!(&bytes[..len], want, "{size}");
            assert!(has_backlen(want, size));
            assert_eq!(read_backlen(want), Some(size));
        }
        assert_eq!(backlen_bytes(268_435_454), 4);
        assert_eq!(backlen_bytes(268_435_455), 5);
        assert_eq!(read_backlen(&[0x80; 9]), None);
    }

    #[test]
    fn integers_keep_their_sign_in_every_form() {
        let edges = [0, 127, 128, 4095, 4096, 0x7fff, 0x8000, 0x7f_ffff, 0x80_0000, 0x7fff_ffff];
        for edge in edges.into_iter().chain([0x8000_0000, i64::MAX]) {
            for n in [edge, -edge, -edge - 1] {
                let mut bytes = Vec::new();
                write_int(&mut bytes, n);
                let size = bytes.len() - 1;
                assert_eq!(read(&bytes), Some((Item::Int(n), size)));
                assert_eq!(super::size(&bytes), Some(size));
                assert!(has_backlen(&bytes[size..], size));
            }
        }
    }

    #[test]
    fn string_lengths_are_big_endian_in_twelve_bits_and_little_endian_in_thirty_two() {
        for (len, head) in [
            (0usize, vec![0x80]),
            (63, vec![0xbf]),
            (64, vec![0xe0, 64]),
            (4095, vec![0xef, 0xff]),
            (4096, vec![0xf0, 0, 0x10, 0, 0]),
        ] {
            let (mut bytes, text) = (Vec::new(), vec![b'x'; len]);
            write_str(&mut bytes, &text);
            assert_eq!(bytes[..head.len()], head);
            assert_eq!(read(&bytes), Some((Item::Str(&text), head.len() + len)));
        }
    }

    #[test]
    fn reserved_and_unfinished_entries_are_refused() {
        for first in 0xf5..=0xff {
            assert_eq!(read(&[first; 16]), None);
            assert_eq!(size(&[first; 16]), None);
        }
        for bytes in [&[][..], &[0x81], &[0xc0], &[0xe0], &[0xf0, 1, 0, 0, 0], &[0xf4; 8]] {
            assert_eq!(read(bytes), None);
        }
    }
}

//! Lengths: 6 or 14 bits, or 32 or 64 bits big-endian; `11xxxxxx` is a string encoding instead.
//!
//! | first byte | meaning |
//! |---|---|
//! | `00xxxxxx` | 6-bit value |
//! | `01xxxxxx` + 1 | 14-bit value, BE |
//! | `80` + 4 | 32-bit value, BE |
//! | `81` + 8 | 64-bit value, BE |
//! | `82`-`bf` | invalid |
//! | `11xxxxxx` | string encoding number = low 6 bits |
use crate::cursor::Cursor;
use crate::error::{FormatError, Result};

/// A length, or the number of a string encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Len {
    /// A plain length.
    Plain(u64),
    /// `11xxxxxx`: a string encoding.
    Encoding(u8),
}

/// Reads a length or an encoding number.
#[inline]
pub fn read(cursor: &mut Cursor<'_>) -> Result<Len> {
    let start = cursor.pos();
    let first = cursor.u8()?;
    let low = first & 0x3f;
    Ok(match first >> 6 {
        0 => Len::Plain(u64::from(low)),
        1 => Len::Plain(u64::from(low) << 8 | u64::from(cursor.u8()?)),
        2 => match low {
            0 => Len::Plain(u64::from(cursor.u32_be()?)),
            1 => Len::Plain(cursor.u64_be()?),
            _ => {
                return Err(FormatError::corrupt(
                    start,
                    format!("invalid length byte 0x{first:02x}"),
                ))
            }
        },
        _ => Len::Encoding(low),
    })
}

/// Reads a length where a string encoding is not allowed.
#[inline]
pub fn read_plain(cursor: &mut Cursor<'_>) -> Result<u64> {
    let start = cursor.pos();
    match read(cursor)? {
        Len::Plain(n) => Ok(n),
        Len::Encoding(n) => Err(FormatError::corrupt(
            start,
            format!("string encoding {n} where a length is expected"),
        )),
    }
}

/// Reads a count of things that take at least `min_bytes` of input each, so that no count can claim
/// more than the input holds.
#[inline]
pub fn read_count(cursor: &mut Cursor<'_>, min_bytes: usize) -> Result<usize> {
    let start = cursor.pos();
    let count = read_plain(cursor)?;
    let most = cursor.remaining() / min_bytes.max(1);
    if count > most as u64 {
        let left = cursor.remaining();
        return Err(FormatError::truncated(
            start,
            format!("count of {count} elements, but {left} bytes left"),
        ));
    }
    Ok(count as usize)
}

/// Appends the shortest form of `n`.
#[inline]
pub fn write(out: &mut Vec<u8>, n: u64) {
    if n < 1 << 6 {
        out.push(n as u8);
    } else if n < 1 << 14 {
        out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]);
    } else if let Ok(n) = u32::try_from(n) {
        out.push(0x80);
        out.extend_from_slice(&n.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&n.to_be_bytes());
    }
}

/// Writes the shortest form of `n` over a length that stands at the beginning and takes as many
/// bytes; whether it does.
#[inline]
pub fn overwrite(place: &mut [u8], n: u64) -> bool {
    let was = place.first().copied();
    match (n, place) {
        (0..=0x3f, [first, ..]) if *first < 0x40 => *first = n as u8,
        (0x40..=0x3fff, [first, second, ..]) if *first >> 6 == 1 => {
            [*first, *second] = (n as u16 | 0x4000).to_be_bytes();
        }
        (0x4000..=0xffff_ffff, [_, rest @ ..]) if was == Some(0x80) => match rest.first_chunk_mut()
        {
            Some(four) => *four = (n as u32).to_be_bytes(),
            None => return false,
        },
        (0x1_0000_0000.., [_, rest @ ..]) if was == Some(0x81) => match rest.first_chunk_mut() {
            Some(eight) => *eight = n.to_be_bytes(),
            None => return false,
        },
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_reads_back() {
        for n in [0, 63, 64, 16383, 16384, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX] {
            let mut bytes = Vec::new();
            write(&mut bytes, n);
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(read(&mut cursor).unwrap(), Len::Plain(n));
            assert_eq!(cursor.remaining(), 0);
        }
    }

    #[test]
    fn written_over_one_of_the_same_width() {
        let samples = [0, 1, 63, 64, 16383, 16384, u64::from(u32::MAX), 1 << 32, u64::MAX];
        for (old, new) in samples.iter().flat_map(|old| samples.map(|new| (*old, new))) {
            let (mut place, mut wanted) = (Vec::new(), Vec::new());
            write(&mut place, old);
            write(&mut wanted, new);
            let fits = place.len() == wanted.len();
            assert_eq!(overwrite(&mut place, new), fits);
            assert_eq!(place == wanted, fits);
            assert!(!fits || !overwrite(&mut place[..wanted.len() - 1], new) || wanted.len() == 1);
        }
    }

    #[test]
    fn reserved_first_bytes_are_refused() {
        for first in 0x82..=0xbf {
            assert!(read(&mut Cursor::new(&[first, 0, 0, 0, 0, 0, 0, 0, 0])).is_err());
        }
    }
}

//! Strings: raw bytes, an integer (int8, int16, int32, signed, little-endian), or LZF.
//!
//! ```text
//! c0ff = "-1"   c18000 = "128"   c2ffffff7f = "2147483647"   03303037 = "007"
//! c3094064016161e05700 0161 61 = "a" × 100
//! ```
//! Writers use an integer form only for canonical decimal text, and LZF only for more than 20 bytes
//! when it saves at least 4. Readers accept any string in any form.
use super::length::{self, Len};
use crate::cursor::Cursor;
use crate::encodings::{IntBuf, Item};
use crate::error::{FormatError, Result};
use crate::{lzf, number};

/// A string as it lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Str<'a> {
    /// Plain bytes.
    Raw(&'a [u8]),
    /// An integer form.
    Int(i32),
    /// LZF data and the length it must decode to.
    Lzf {
        /// The compressed bytes.
        data: &'a [u8],
        /// The stated length of the string.
        len: usize,
    },
}

/// The shortest string that writers compress is one longer than this.
const LZF_MIN_BYTES: usize = 20;
/// One compressed byte can stand for at most this many (a 3-byte match of 264).
const LZF_MAX_RATIO: u64 = 88;

/// Reads a string without decoding it.
#[inline]
pub fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Str<'a>> {
    let start = cursor.pos();
    match length::read(cursor)? {
        Len::Plain(n) => Ok(Str::Raw(cursor.take_u64(n)?)),
        Len::Encoding(0) => Ok(Str::Int(i32::from(cursor.u8()? as i8))),
        Len::Encoding(1) => Ok(Str::Int(i32::from(cursor.i16_le()?))),
        Len::Encoding(2) => Ok(Str::Int(cursor.i32_le()?)),
        Len::Encoding(3) => read_lzf(cursor, start),
        Len::Encoding(n) => {
            Err(FormatError::corrupt(start, format!("unknown string encoding {n}")))
        }
    }
}

fn read_lzf<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Str<'a>> {
    let packed = length::read_plain(cursor)?;
    let len = length::read_plain(cursor)?;
    let data = cursor.take_u64(packed)?;
    if len > packed.saturating_mul(LZF_MAX_RATIO) {
        return Err(FormatError::corrupt(
            start,
            format!("{packed} LZF bytes cannot decode to {len}"),
        ));
    }
    Ok(Str::Lzf { data, len: len as usize })
}

/// Passes over a string.
#[inline]
pub fn skip(cursor: &mut Cursor<'_>) -> Result<()> {
    // Nearly all are short or integers, and a walk passes over little else.
    if let [first, second, ..] = *cursor.rest() {
        let bytes = match first {
            0x00..=0x3f => 1 + usize::from(first),
            0x40..=0x7f => 2 + (usize::from(first & 0x3f) << 8 | usize::from(second)),
            0xc0 => 2,
            0xc1 => 3,
            0xc2 => 5,
            _ => return read(cursor).map(|_| ()),
        };
        if bytes <= cursor.remaining() {
            return cursor.skip(bytes);
        }
    }
    read(cursor).map(|_| ())
}

impl<'a> Str<'a> {
    /// The bytes of the string, borrowed from the input when they lie there, else decoded into
    /// `scratch`.
    #[inline]
    pub fn decode<'b>(&self, scratch: &'b mut Vec<u8>) -> Result<&'b [u8]>
    where
        'a: 'b,
    {
        match *self {
            Str::Raw(bytes) => Ok(bytes),
            Str::Int(n) => {
                scratch.clear();
                scratch.extend_from_slice(Item::Int(i64::from(n)).bytes(&mut IntBuf::new()));
                Ok(scratch)
            }
            Str::Lzf { data, len } => {
                lzf::decompress(data, len, scratch)?;
                Ok(scratch)
            }
        }
    }

    /// The bytes of the string, owned.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        if let Str::Raw(bytes) = self {
            return Ok(bytes.to_vec());
        }
        let mut bytes = Vec::new();
        self.decode(&mut bytes)?;
        Ok(bytes)
    }

    /// Length of the decoded string in bytes, without decoding it.
    pub fn len(&self) -> usize {
        match *self {
            Str::Raw(bytes) => bytes.len(),
            Str::Int(n) => Item::Int(i64::from(n)).len(),
            Str::Lzf { len, .. } => len,
        }
    }

    /// Whether the string has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that LZF data decodes to the stated length, without decoding.
    pub fn check(&self) -> Result<()> {
        match *self {
            Str::Lzf { data, len } => lzf::check(data, len),
            _ => Ok(()),
        }
    }
}

/// Appends a string as Redis would: integer form, LZF when `compress` and it pays, else raw.
pub fn write(out: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    if bytes.len() <= 11 {
        if let Some(n) = number::parse_i64(bytes).and_then(|n| i32::try_from(n).ok()) {
            return write_int(out, n);
        }
    }
    if compress && bytes.len() > LZF_MIN_BYTES && write_lzf(out, bytes) {
        return;
    }
    write_raw(out, bytes);
}

/// Appends a string in its raw form.
#[inline]
pub fn write_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    length::write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_int(out: &mut Vec<u8>, n: i32) {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[0xc0, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        out.push(0xc1);
        out.extend_from_slice(&n.to_le_bytes());
    } else {
        out.push(0xc2);
        out.extend_from_slice(&n.to_le_bytes());
    }
}

/// Appends the LZF form if it is at least four bytes shorter; leaves `out` alone otherwise.
fn write_lzf(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let mut packed = Vec::new();
    if !lzf::compress(bytes, bytes.len() - 4, &mut packed) {
        return false;
    }
    out.push(0xc3);
    length::write(out, packed.len() as u64);
    length::write(out, bytes.len() as u64);
    out.extend_from_slice(&packed);
    true
}

/// Appends a string that is already in one of the file's forms.
pub fn write_str(out: &mut Vec<u8>, string: Str<'_>) {
    match string {
        Str::Raw(bytes) => write_raw(out, bytes),
        Str::Int(n) => write_int(out, n),
        Str::Lzf { data, len } => {
            out.push(0xc3);
            length::write(out, data.len() as u64);
            length::write(out, len as u64);
            out.extend_from_slice(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_passed_over_as_it_is_read() {
        for first in 0..=255u8 {
            for len in [0, 1, 2, 3, 4, 5, 40, 63, 64, 65, 5000, 20_000] {
                let mut input = vec![first];
                input.extend((0..len).map(|n| [0x20, 1, 0][n % 3]));
                let (mut by_reading, mut by_passing) = (Cursor::new(&input), Cursor::new(&input));
                let read = read(&mut by_reading).map(|_| ());
                assert_eq!(skip(&mut by_passing), read, "{first:02x}, {len} more");
                if read.is_ok() {
                    assert_eq!(by_passing.pos(), by_reading.pos());
                }
            }
        }
    }
}

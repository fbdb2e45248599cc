//! Modules: ids, and the opcodes that frame what a module wrote.
//!
//! An id is 64 bits: nine characters of six bits (`A-Z a-z 0-9 - _`, the first in the top bits),
//! then ten bits of encoding version. `81 85e965a2dca97800` is "hellotype" version 0.
//!
//! A framed value is opcodes, each itself a length, until EOF: 0 EOF, 1 SINT + length, 2 UINT +
//! length, 3 FLOAT + 4 bytes, 4 DOUBLE + 8 bytes, 5 STRING + string. What they mean only the module
//! knows.
use super::{length, string};
use crate::cursor::Cursor;
use crate::error::{FormatError, Result};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NAME_CHARS: u32 = 9;
const VERSION_BITS: u32 = 10;

const EOF: u64 = 0;
const SINT: u64 = 1;
const UINT: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// The nine-character name and the encoding version in a 64-bit module id.
pub fn name(id: u64) -> (String, u16) {
    let character = |index: u32| {
        let shift = VERSION_BITS + 6 * (NAME_CHARS - 1 - index);
        char::from(ALPHABET[(id >> shift & 0x3f) as usize])
    };
    let version = id & ((1 << VERSION_BITS) - 1);
    ((0..NAME_CHARS).map(character).collect(), version as u16)
}

/// Passes over module opcodes up to and including EOF.
pub fn skip_opcodes(cursor: &mut Cursor<'_>) -> Result<()> {
    loop {
        let start = cursor.pos();
        match length::read_plain(cursor)? {
            EOF => return Ok(()),
            SINT | UINT => length::read_plain(cursor).map(|_| ())?,
            FLOAT => cursor.skip(4)?,
            DOUBLE => cursor.skip(8)?,
            STRING => string::skip(cursor)?,
            opcode => {
                return Err(FormatError::corrupt(start, format!("unknown module opcode {opcode}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_nine_characters_and_a_version() {
        assert_eq!(name(0x85e9_65a2_dca9_7800), ("hellotype".to_owned(), 0));
        assert_eq!(name(0xb5eb_2dff_ffdd_b401), ("test___dt".to_owned(), 1));
    }

    #[test]
    fn opcodes_are_passed_over_to_their_eof() {
        // UINT 111, STRING "str\0\xffval", EOF, and one byte that is not the module's.
        let bytes = b"\x02\x40\x6f\x05\x08str\x00\xffval\x00Z";
        let mut cursor = Cursor::new(bytes);
        skip_opcodes(&mut cursor).unwrap();
        assert_eq!(cursor.rest(), b"Z");
    }

    #[test]
    fn float_takes_four_bytes_and_double_eight() {
        let bytes = [1, 7, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut cursor = Cursor::new(&bytes);
        skip_opcodes(&mut cursor).unwrap();
        assert_eq!(cursor.remaining(), 0);
        assert_eq!(skip_opcodes(&mut Cursor::new(&[6])).unwrap_err().offset, 0);
    }
}

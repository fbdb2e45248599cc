//! Strings, bytes and numbers as JSON text.
//!
//! ```text
//! user:1            "user:1"            UTF-8; control characters, `"` and `\` are escaped
//! 00 ff             {"base64":"AP8="}   anything else
//! 1.5  -0  1e21     1.5  -0.0  1e+21    the shortest digits that read back to the same double
//! infinity, NaN     "inf" "-inf" "nan"  JSON has no numbers for them
//! ```
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use redtool_format::double;
use redtool_format::rdb::writer::Out;
use std::io;

/// Strings are passed on in pieces of this size …
const PIECE_BYTES: usize = 3 << 14;
/// … and up to this size as a whole.
pub const SHORT_BYTES: usize = PIECE_BYTES;

/// Appends bytes as a string, or as an object that holds them in base64.
#[inline]
pub fn bytes(out: &mut dyn Out, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() <= SHORT_BYTES {
        short(out.buf(), bytes);
        return Ok(());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => string(out, text),
        Err(_) => base64(out, bytes),
    }
}

/// Appends no more than [`SHORT_BYTES`] as [`bytes`] does.
#[inline]
pub fn short(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.push(b'"');
    if escape(out, bytes) && std::str::from_utf8(bytes).is_err() {
        out.truncate(start);
        // A vector keeps all it is given.
        return base64(out, bytes).unwrap_or_default();
    }
    out.push(b'"');
}

/// Appends a string.
fn string(out: &mut dyn Out, text: &str) -> io::Result<()> {
    out.buf().push(b'"');
    for piece in text.as_bytes().chunks(PIECE_BYTES) {
        escape(out.buf(), piece);
        out.spill()?;
    }
    out.buf().push(b'"');
    Ok(())
}

/// Appends `{"base64":"…"}`.
fn base64(out: &mut dyn Out, bytes: &[u8]) -> io::Result<()> {
    out.buf().extend_from_slice(b"{\"base64\":");
    base64_string(out, bytes)?;
    out.buf().push(b'}');
    Ok(())
}

/// Appends bytes as a string of base64.
pub fn base64_string(out: &mut dyn Out, bytes: &[u8]) -> io::Result<()> {
    out.buf().push(b'"');
    for piece in bytes.chunks(PIECE_BYTES) {
        let buf = out.buf();
        let start = buf.len();
        buf.resize(start + piece.len().div_ceil(3) * 4, b'=');
        // There is room for all of it, so that the encoder has nothing to complain about.
        STANDARD.encode_slice(piece, &mut buf[start..]).unwrap_or_default();
        out.spill()?;
    }
    out.buf().push(b'"');
    Ok(())
}

/// Appends a string known to need no escapes.
#[inline]
pub fn quoted(out: &mut Vec<u8>, plain: &[u8]) {
    out.reserve(plain.len() + 2);
    out.push(b'"');
    out.extend_from_slice(plain);
    out.push(b'"');
}

/// For each byte what follows the backslash: a letter, `u` for \u00XX, or 0 for none.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table
};

/// Appends text with what must be escaped escaped; whether there is anything but ASCII in it.
#[inline]
fn escape(out: &mut Vec<u8>, text: &[u8]) -> bool {
    out.reserve(text.len() + WORD);
    let (mut rest, mut all) = (text, 0);
    while let Some(word) = rest.first_chunk::<WORD>() {
        let number = u64::from_le_bytes(*word);
        if specials(number) != 0 {
            return ((all | escape_rest(out, rest)) & HIGH) != 0;
        }
        all |= number;
        out.extend_from_slice(word);
        rest = &rest[WORD..];
    }
    if !rest.is_empty() {
        let word = last_word(text, rest.len());
        // Blanks behind the text, in place of the zeros.
        let blank = (ONES * u64::from(b' ')) << (8 * rest.len());
        if specials(word | blank) != 0 {
            return ((all | escape_rest(out, rest)) & HIGH) != 0;
        }
        all |= word;
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(out.len() - (WORD - rest.len()));
    }
    all & HIGH != 0
}

/// Bytes escaped at a time.
const ESCAPED_BYTES: usize = 128;
/// Bytes looked at and copied at once.
const WORD: usize = 8;
/// Room for as many when each needs two, and for a word behind them.
const ROOM: usize = 2 * ESCAPED_BYTES + WORD;
const ONES: u64 = u64::from_le_bytes([1; WORD]);
const HIGH: u64 = ONES << 7;

/// Appends what follows from the first word on in which a byte must be escaped; gives all of its
/// words in one.
fn escape_rest(out: &mut Vec<u8>, text: &[u8]) -> u64 {
    let (mut room, mut all) = ([0; ROOM], 0);
    for piece in text.chunks(ESCAPED_BYTES) {
        let Escaped { len, words, rare } = escape_piece(&mut room, piece);
        all |= words;
        match rare {
            false => out.extend_from_slice(room.get(..len).unwrap_or_default()),
            true => piece.iter().for_each(|byte| escape_byte(out, *byte)),
        }
    }
    all
}

struct Escaped {
    len: usize,
    /// All words in one.
    words: u64,
    /// A byte needs more than a letter behind the backslash.
    rare: bool,
}

/// Puts a piece into the room. A word is copied as it is; behind a byte of it that must be escaped
/// what follows is copied again.
#[inline]
fn escape_piece(room: &mut [u8; ROOM], piece: &[u8]) -> Escaped {
    let (mut len, mut words, mut rare) = (0, 0, false);
    let mut rest = piece;
    while !rest.is_empty() {
        let (mut word, valid) = match rest.first_chunk::<WORD>() {
            Some(word) => (u64::from_le_bytes(*word), WORD),
            None => (last_word(piece, rest.len()), rest.len()),
        };
        rest = &rest[valid..];
        words |= word;
        put(room, len, word);
        let mut found = specials(word) & (u64::MAX >> (8 * (WORD - valid)));
        let mut left = valid;
        while found != 0 {
            let at = found.trailing_zeros() as usize / 8;
            word >>= 8 * at;
            let letter = ESCAPES[(word & 0xff) as usize];
            rare |= letter == b'u';
            put(room, len + at, u64::from(b'\\') | u64::from(letter) << 8);
            // In two steps, because a word cannot be shifted by all of it.
            word >>= 8;
            found = (found >> (8 * at)) >> 8;
            left -= at + 1;
            len += at + 2;
            put(room, len, word);
        }
        len += left;
    }
    Escaped { len, words, rare }
}

#[inline]
fn put(room: &mut [u8; ROOM], at: usize, word: u64) {
    if let Some(bytes) = room.get_mut(at..at + WORD) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

/// The last bytes of a piece, fewer than a word, and zeros.
#[inline]
fn last_word(piece: &[u8], len: usize) -> u64 {
    match piece.last_chunk::<WORD>() {
        Some(word) => u64::from_le_bytes(*word) >> (8 * (WORD - len)),
        None => piece.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// The high bits of those of eight bytes that are below 0x20, or `"`, or `\`.
#[inline]
pub(super) fn specials(word: u64) -> u64 {
    // The high bit of a byte is set unless the byte is zero.
    let any = |x: u64| ((x & !HIGH) + !HIGH) | x;
    let quote = any(word ^ (ONES * u64::from(b'"')));
    let backslash = any(word ^ (ONES * u64::from(b'\\')));
    let control = any(word & (ONES * 0xe0));
    !(quote & backslash & control) & HIGH
}

/// Appends one byte.
fn escape_byte(out: &mut Vec<u8>, byte: u8) {
    match ESCAPES[usize::from(byte)] {
        0 => out.push(byte),
        b'u' => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
        }
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}

/// Appends an integer.
#[inline]
pub fn int(out: &mut Vec<u8>, n: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends a double.
#[inline]
pub fn double(out: &mut Vec<u8>, x: f64) {
    if x.is_finite() {
        double::write_shortest(out, x);
        if x == 0.0 && x.is_sign_negative() {
            // Many readers take -0 for an integer, which has no negative zero.
            out.extend_from_slice(b".0");
        }
        return;
    }
    out.push(b'"');
    double::write_shortest(out, x);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(input: &[u8]) -> String {
        let mut out = Vec::new();
        bytes(&mut out, input).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_a_string_and_the_rest_is_base64() {
        assert_eq!(json(b"user:1"), r#""user:1""#);
        assert_eq!(json("größe €".as_bytes()), r#""größe €""#);
        assert_eq!(json(b"a\"b\\c\n\x00\x1f\x7f"), "\"a\\\"b\\\\c\\n\\u0000\\u001f\x7f\"");
        assert_eq!(json(b"\x00\xff"), r#"{"base64":"AP8="}"#);
        assert_eq!(json(b""), r#""""#);
    }

    #[test]
    fn every_byte_that_must_be_escaped_is_seen_at_every_place() {
        for byte in 0..=255u8 {
            for at in 0..20 {
                for around in [b'a', 0x7f, 0xc3] {
                    let mut text = vec![around; 20];
                    text[at] = byte;
                    let mut out = Vec::new();
                    let high = escape(&mut out, &text);
                    let special = byte < 0x20 || matches!(byte, b'"' | b'\\');
                    assert_eq!(out != text, special, "{byte:02x} at {at}");
                    assert_eq!(high, !text.is_ascii());
                    let mut one = Vec::new();
                    escape_byte(&mut one, byte);
                    let expected = [&text[..at], &one, &text[at + 1..]].concat();
                    assert_eq!(out, expected, "{byte:02x} at {at}");
                }
            }
        }
    }

    #[test]
    fn long_strings_are_the_same_as_short_ones_put_together() {
        let long = "é\n".repeat(100_000);
        assert_eq!(json(long.as_bytes()), format!("\"{}\"", "é\\n".repeat(100_000)));
        let binary = vec![0xfe; 100_001];
        let expected = format!("{{\"base64\":\"{}\"}}", STANDARD.encode(&binary));
        assert_eq!(json(&binary), expected);
    }

    #[test]
    fn doubles_read_back_to_themselves() {
        let numbers = [0.0, -0.0, 0.1, 1e21, -1.5e-7, 5e-324, f64::MAX, 9.007_199_254_740_993e15];
        for x in numbers {
            let mut out = Vec::new();
            double(&mut out, x);
            let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
            assert_eq!(back.to_bits(), x.to_bits());
        }
        let mut out = Vec::new();
        for x in [-0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            double(&mut out, x);
        }
        assert_eq!(out, br#"-0.0"inf""-inf""nan""#);
    }
}

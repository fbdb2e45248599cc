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
///
/// Eight bytes are copied at once, and the copy is cut where one of them must be escaped.
#[inline]
fn escape(out: &mut Vec<u8>, text: &[u8]) -> bool {
    out.reserve(text.len() + WORD);
    let (mut rest, mut all) = (text, 0);
    while !rest.is_empty() {
        let (word, len) = match rest.first_chunk::<WORD>() {
            Some(word) => (u64::from_le_bytes(*word), WORD),
            None => (last_word(text, rest.len()), rest.len()),
        };
        all |= word;
        let at = first_special(word).min(len);
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(out.len() - (WORD - at));
        if at < len {
            escape_byte(out, rest[at]);
        }
        rest = rest.get(at + usize::from(at < len)..).unwrap_or_default();
    }
    all & HIGH != 0
}

/// The last bytes of a text, fewer than a word, and zeros.
#[inline]
fn last_word(text: &[u8], len: usize) -> u64 {
    match text.last_chunk::<WORD>() {
        Some(word) => u64::from_le_bytes(*word) >> (8 * (WORD - len)),
        None => {
            text[text.len() - len..].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
        }
    }
}

/// Bytes looked at and copied at once.
const WORD: usize = 8;
const ONES: u64 = u64::from_le_bytes([1; WORD]);
const HIGH: u64 = ONES << 7;

/// Which of eight bytes is the first below 0x20, or `"`, or `\`; 8 if none is.
#[inline]
fn first_special(word: u64) -> usize {
    // The high bit of a byte of x - n is set where that byte is below n, unless its own was set.
    // Borrows come from bytes before, so the first that is found is one.
    let below = |x: u64, n: u64| x.wrapping_sub(ONES * n) & !x;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    let found = (quote | backslash | below(word, 0x20)) & HIGH;
    found.trailing_zeros() as usize / 8
}

#[inline]
fn escape_byte(out: &mut Vec<u8>, byte: u8) {
    match ESCAPES[usize::from(byte)] {
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
                    match special {
                        true => escape_byte(&mut one, byte),
                        false => one.push(byte),
                    }
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

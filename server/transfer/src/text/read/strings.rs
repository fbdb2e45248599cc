//! Strings of JSON, and bytes that no string can hold. Nothing is held but one string at a time,
//! and that only when it has escapes or is base64.
use super::pull::{Fault, Json, Result};
use crate::text::json::specials;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use redtool_store::spill::SpillBytes;

/// Bytes kept in memory when a string must be decoded; longer ones go through a file.
const TEXT_MEMORY_BYTES: usize = 1 << 20;
/// Characters of base64 decoded at a time.
const CODED_BYTES: usize = 1 << 16;

/// Room for a decoded string.
#[derive(Default)]
pub struct Text {
    small: Vec<u8>,
    large: SpillBytes,
}

impl Text {
    fn clear(&mut self) {
        self.small.clear();
        if !self.large.is_empty() {
            self.large.clear();
        }
    }

    /// Moves what is there into the file when it has become much.
    fn settle(&mut self, at: usize, all: bool) -> Result<()> {
        if self.small.len() >= TEXT_MEMORY_BYTES || all && !self.large.is_empty() {
            let moved = self.large.extend_from_slice(&self.small);
            moved.map_err(|error| Fault { at, what: error.to_string(), cut: false })?;
            self.small.clear();
        }
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        if self.large.is_empty() {
            &self.small
        } else {
            self.large.as_slice()
        }
    }
}

impl<'a> Json<'a> {
    /// A string as it stands there, escapes and all.
    pub(super) fn raw_string(&mut self, what: &str) -> Result<&'a [u8]> {
        self.take(b'"', what)?;
        let start = self.at;
        loop {
            match special(&self.text[self.at..]) {
                Some((n, b'"')) => {
                    self.at += n + 1;
                    return Ok(&self.text[start..self.at - 1]);
                }
                Some((n, b'\\')) => self.at = (self.at + n + 2).min(self.text.len()),
                other => return Err(self.unended(other)),
            }
        }
    }

    #[cold]
    fn unended(&mut self, special: Option<(usize, u8)>) -> Fault {
        match special {
            Some((n, byte)) => {
                self.at += n;
                self.fault(format!("byte {byte:#04x} in a string must be escaped"))
            }
            None => {
                self.at = self.text.len();
                self.cut()
            }
        }
    }

    /// A string, decoded.
    #[inline]
    pub fn string<'b>(&mut self, text: &'b mut Text) -> Result<&'b [u8]>
    where
        'a: 'b,
    {
        self.take(b'"', "a string")?;
        let start = self.at;
        match special(&self.text[start..]) {
            Some((n, b'"')) => {
                self.at += n + 1;
                Ok(&self.text[start..start + n])
            }
            Some((_, b'\\')) => self.escaped_string(text),
            other => Err(self.unended(other)),
        }
    }

    fn escaped_string<'b>(&mut self, text: &'b mut Text) -> Result<&'b [u8]> {
        text.clear();
        loop {
            let rest = &self.text[self.at..];
            let (n, byte) = match special(rest) {
                Some((n, byte @ (b'"' | b'\\'))) => (n, byte),
                other => return Err(self.unended(other)),
            };
            for piece in rest[..n].chunks(TEXT_MEMORY_BYTES) {
                text.small.extend_from_slice(piece);
                text.settle(self.at, false)?;
            }
            self.at += n + 1;
            if byte == b'"' {
                text.settle(self.at, true)?;
                return Ok(text.bytes());
            }
            self.escape(&mut text.small)?;
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let Some(letter) = self.text.get(self.at) else { return Err(self.cut()) };
        let byte = match letter {
            b'"' | b'\\' | b'/' => *letter,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 0x0c,
            b'r' => b'\r',
            b'u' => return self.unicode_escape(out),
            other => return Err(self.fault(format!("unknown escape \\{}", char::from(*other)))),
        };
        self.at += 1;
        out.push(byte);
        Ok(())
    }

    fn unicode_escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let start = self.at;
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff if self.text[self.at..].starts_with(b"\\u") => {
                self.at += 1;
                let second = self.hex4()?;
                match second {
                    0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => first,
                }
            }
            first => first,
        };
        let Some(character) = char::from_u32(code) else {
            let what = "half of a surrogate pair is no character; bytes are {\"base64\":…}";
            return Err(Self::fault_at(start, what));
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// The `u` of an escape and its four digits.
    fn hex4(&mut self) -> Result<u32> {
        let Some(digits) = self.text.get(self.at + 1..self.at + 5) else { return Err(self.cut()) };
        let digit = |n: u32, byte: &u8| Some(n << 4 | char::from(*byte).to_digit(16)?);
        let code = digits.iter().try_fold(0, digit);
        let code = code.ok_or_else(|| self.fault("four hexadecimal digits expected after \\u"))?;
        self.at += 5;
        Ok(code)
    }

    /// Bytes: a string, or `{"base64":"…"}`.
    #[inline]
    pub fn bytes<'b>(&mut self, text: &'b mut Text) -> Result<&'b [u8]>
    where
        'a: 'b,
    {
        match self.peek() {
            Some(b'"') => self.string(text),
            Some(b'{') => self.base64_object(text),
            _ => Err(self.expected("a string or {\"base64\":…}")),
        }
    }

    fn base64_object<'b>(&mut self, text: &'b mut Text) -> Result<&'b [u8]> {
        self.take(b'{', "{\"base64\":…}")?;
        let start = self.at;
        if self.name()? != "base64" {
            return Err(Self::fault_at(start, "{\"base64\":…} expected for bytes"));
        }
        let bytes = self.base64(text)?;
        self.take(b'}', "the end of {\"base64\":…}")?;
        Ok(bytes)
    }

    /// A string of base64, decoded.
    pub fn base64<'b>(&mut self, text: &'b mut Text) -> Result<&'b [u8]> {
        let coded = self.raw_string("a string of base64")?;
        let start = self.at - 1 - coded.len();
        text.clear();
        for (n, piece) in coded.chunks(CODED_BYTES).enumerate() {
            let at = start + n * CODED_BYTES;
            let decoded = STANDARD.decode_vec(piece, &mut text.small);
            decoded.map_err(|error| Self::fault_at(at, format!("not base64: {error}")))?;
            text.settle(at, false)?;
        }
        text.settle(self.at, true)?;
        Ok(text.bytes())
    }
}

/// The first quote, backslash or control character.
#[inline]
fn special(text: &[u8]) -> Option<(usize, u8)> {
    let mut words = text.chunks_exact(8);
    let mut at = 0;
    for word in words.by_ref() {
        let word = <[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes);
        let found = specials(word);
        if found != 0 {
            let n = at + found.trailing_zeros() as usize / 8;
            return Some((n, text[n]));
        }
        at += 8;
    }
    let rest = words.remainder();
    let n = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))?;
    Some((at + n, rest[n]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> std::result::Result<Vec<u8>, String> {
        let mut room = Text::default();
        let mut json = Json::new(text.as_bytes());
        let decoded = json.bytes(&mut room).map(<[u8]>::to_vec).map_err(|fault| fault.what)?;
        json.end().map_err(|fault| fault.what)?;
        Ok(decoded)
    }

    #[test]
    fn strings_are_decoded() {
        assert_eq!(string(r#" "plain" "#).unwrap(), b"plain");
        assert_eq!(
            string(r#""a\n\"\\\/\u0000\u00e9\ud83d\ude00z""#).unwrap(),
            "a\n\"\\/\0é😀z".as_bytes()
        );
        assert_eq!(string(r#"{"base64":"AP8="}"#).unwrap(), b"\x00\xff");
        for wrong in [
            r#""ab"#,
            r#""\x""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\u12"#,
            "\"a\tb\"",
            "7",
            r#"{"base65":""}"#,
            r#"{"base64":"A"}"#,
            r#"{"base64":"AP8="#,
            "",
            r#""a" b"#,
        ] {
            assert!(string(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn long_strings_go_through_a_file_and_are_the_same() {
        let long = "0123456789\\n".repeat(400_000);
        let decoded = string(&format!("\"{long}\"")).unwrap();
        assert!(decoded == "0123456789\n".repeat(400_000).into_bytes());
        let bytes: Vec<u8> = (0..3_000_001u32).map(|n| (n * 7) as u8).collect();
        let coded = format!("{{\"base64\":\"{}\"}}", STANDARD.encode(&bytes));
        assert!(string(&coded).unwrap() == bytes);
    }

    #[test]
    fn special_bytes_are_found_at_every_place_among_any_others() {
        for byte in 0..=255u8 {
            for at in 0..20 {
                for other in [b'a', 0xff, 0x80] {
                    let mut text = vec![other; 20];
                    text[at] = byte;
                    let expected = byte < 0x20 || matches!(byte, b'"' | b'\\');
                    assert_eq!(special(&text), expected.then_some((at, byte)));
                }
            }
        }
    }
}

//! Scores as text: in packed sorted sets, and in type 3 behind a length byte.
//!
//! Servers read them with C's `strtod`, which takes as much of the text as is a number. So do we,
//! since the same file must mean the same scores; [`Score::Exact`] tells text that was a number to
//! its end.
use super::super::types::ValueType;
use crate::cursor::Cursor;
use crate::double;
use crate::encodings::Item;
use crate::error::{FormatError, Result};

/// What a text says as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rdb) enum Score {
    /// The whole text is a number.
    Exact(f64),
    /// Only its beginning is.
    Prefix(f64),
    /// It is not a number at all, which servers take for 0 in packed forms.
    Text,
}

/// Servers copy at most this much of a score's text.
const TEXT_MAX_BYTES: usize = 127;

impl Score {
    /// Reads text.
    #[inline]
    pub fn parse(text: &[u8]) -> Self {
        match double::parse(text) {
            Some(score) => Score::Exact(score),
            None => Self::parse_prefix(text),
        }
    }

    #[cold]
    fn parse_prefix(text: &[u8]) -> Self {
        let text = &text[..text.len().min(TEXT_MAX_BYTES)];
        let text = text.trim_ascii_start();
        (1..=text.len())
            .rev()
            .find_map(|n| double::parse(&text[..n]))
            .map_or(Score::Text, Score::Prefix)
    }

    /// The score of an element of a packed sorted set.
    #[inline]
    pub fn of_item(item: Item<'_>) -> Self {
        match item {
            Item::Int(n) => Score::Exact(n as f64),
            Item::Str(text) => Self::parse(text),
        }
    }

    /// The number that servers take it for.
    #[inline]
    pub fn value(self) -> f64 {
        match self {
            Score::Exact(score) | Score::Prefix(score) => score,
            Score::Text => 0.0,
        }
    }
}

/// Reads the score beside a member of type 3 (text) or 5 (binary). Every server refuses NaN here,
/// and text that does not begin with a number.
#[inline]
pub fn read(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<f64> {
    let start = cursor.pos();
    let score = if value_type == ValueType::Zset2 { cursor.f64_le()? } else { read_text(cursor)? };
    if score.is_nan() {
        return Err(FormatError::corrupt(start, "score is not a number (NaN)"));
    }
    Ok(score)
}

/// A length byte and characters, or 253 NaN, 254 +inf, 255 -inf.
fn read_text(cursor: &mut Cursor<'_>) -> Result<f64> {
    let start = cursor.pos();
    let text = match cursor.u8()? {
        253 => return Ok(f64::NAN),
        254 => return Ok(f64::INFINITY),
        255 => return Ok(f64::NEG_INFINITY),
        n => cursor.take(usize::from(n))?,
    };
    match Score::parse(text) {
        Score::Exact(score) | Score::Prefix(score) => Ok(score),
        Score::Text => Err(FormatError::corrupt(start, "score is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_far_as_it_is_a_number() {
        assert_eq!(Score::parse(b"1e+22"), Score::Exact(1e22));
        assert_eq!(Score::parse(b"-inf"), Score::Exact(f64::NEG_INFINITY));
        assert_eq!(Score::parse(b"0.10000000000000001"), Score::Exact(0.1));
        assert_eq!(Score::parse(b"1,5"), Score::Prefix(1.0));
        assert_eq!(Score::parse(b" 2"), Score::Prefix(2.0));
        assert_eq!(Score::parse(b"x"), Score::Text);
        assert!(Score::parse(b"nan").value().is_nan());
    }

    #[test]
    fn the_three_special_lengths_are_no_lengths() {
        let read = |bytes: &[u8]| read(&mut Cursor::new(bytes), ValueType::Zset);
        assert_eq!(read(&[254]).unwrap(), f64::INFINITY);
        assert_eq!(read(&[255]).unwrap(), f64::NEG_INFINITY);
        assert!(read(&[253]).is_err());
        assert_eq!(read(b"\x130.10000000000000001").unwrap(), 0.1);
        assert!(read(b"\x01x").is_err());
    }
}

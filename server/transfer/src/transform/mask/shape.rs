//! The shape of a string: what of it stays, and which characters each of the others may become.
//!
//! | in text | becomes |
//! |---|---|
//! | `0`-`9` | a digit; one that leads several stays 0 or not 0, as does one behind `-` |
//! | `a`-`z`, `A`-`Z` | a letter of the same case |
//! | other ASCII | stays |
//! | other characters | one of the same script or block, of as many bytes |
//!
//! So a masked integer is an integer of as many digits. Text is UTF-8 without control characters
//! (tab and line ends may be there); every byte of anything else becomes any byte.
use redtool_format::number::parse_i64;

/// What sort of string it is. A mask never leads from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Canonical decimal text of 64 bits, which servers hold as an integer.
    Integer,
    /// Other text.
    Text,
    /// Anything else.
    Binary,
}

/// The class of a string.
pub(super) fn classify(bytes: &[u8]) -> Class {
    if bytes.len() <= 20 && parse_i64(bytes).is_some() {
        return Class::Integer;
    }
    let control = |byte: &u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127);
    match bytes.iter().any(control) || std::str::from_utf8(bytes).is_err() {
        true => Class::Binary,
        false => Class::Text,
    }
}

/// The characters that one character may become: `size` of them from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u32,
    pub(super) size: u32,
}

/// Ranges larger than a block whose characters belong together.
const SCRIPTS: [Range; 7] = [
    // Latin with marks.
    Range { first: 0xc0, size: 0x180 },
    // Greek.
    Range { first: 0x380, size: 0x80 },
    // Cyrillic.
    Range { first: 0x400, size: 0x80 },
    // Hiragana, Katakana.
    Range { first: 0x3040, size: 0x60 },
    Range { first: 0x30a0, size: 0x60 },
    // Han.
    Range { first: 0x4e00, size: 0x5200 },
    // Hangul, but for its last block, which is not full.
    Range { first: 0xac00, size: 0x2b80 },
];

/// The range of a character that is not ASCII. Ranges do not overlap, and all characters of one
/// take the same number of bytes.
fn beyond_ascii(code: u32) -> Range {
    let has = |range: &&Range| (range.first..range.first + range.size).contains(&code);
    match SCRIPTS.iter().find(has) {
        Some(range) => *range,
        None if code < 0xc0 => Range { first: code & !31, size: 32 },
        None => Range { first: code & !63, size: 64 },
    }
}

/// Gives each character of a text with the range that it may move in, if any.
pub(super) fn each_char(text: &str, mut each: impl FnMut(char, Option<Range>)) {
    let mut chars = text.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        let range = match c {
            '0'..='9' => {
                let leads = !before.is_some_and(|b: char| b.is_ascii_digit());
                let alone = before != Some('-') && !chars.peek().is_some_and(char::is_ascii_digit);
                digit_range(c, leads && !alone)
            }
            'a'..='z' => Some(Range { first: u32::from('a'), size: 26 }),
            'A'..='Z' => Some(Range { first: u32::from('A'), size: 26 }),
            '\0'..='\x7f' => None,
            _ => Some(beyond_ascii(u32::from(c))),
        };
        each(c, range);
        before = Some(c);
    }
}

fn digit_range(digit: char, leading: bool) -> Option<Range> {
    match (leading, digit) {
        (false, _) => Some(Range { first: u32::from('0'), size: 10 }),
        (true, '0') => None,
        (true, _) => Some(Range { first: u32::from('1'), size: 9 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_apart() {
        assert_eq!(classify(b"-12"), Class::Integer);
        assert_eq!(classify(b"9223372036854775808"), Class::Text);
        assert_eq!(classify("a\tb\nä".as_bytes()), Class::Text);
        assert_eq!(classify(b""), Class::Text);
        assert_eq!(classify(b"a\0"), Class::Binary);
        assert_eq!(classify(b"\xff"), Class::Binary);
    }

    fn sizes(text: &str) -> Vec<u32> {
        let mut sizes = Vec::new();
        each_char(text, |_, range| sizes.push(range.map_or(0, |range| range.size)));
        sizes
    }

    #[test]
    fn digits_keep_what_makes_a_number() {
        assert_eq!(sizes("0"), [10]);
        assert_eq!(sizes("-5"), [0, 9]);
        assert_eq!(sizes("120"), [9, 10, 10]);
        assert_eq!(sizes("007.5"), [0, 10, 10, 0, 10]);
        assert_eq!(sizes("a1B 2"), [26, 10, 26, 0, 10]);
    }

    #[test]
    fn ranges_hold_their_character_and_are_one_range_for_all_in_them() {
        for code in (0x80..=0x10_ffff).filter_map(char::from_u32) {
            let range = beyond_ascii(u32::from(code));
            let (first, last) = (range.first, range.first + range.size - 1);
            assert!((first..=last).contains(&u32::from(code)));
            for end in [first, last] {
                assert_eq!(beyond_ascii(end), range);
                assert_eq!(char::from_u32(end).unwrap().len_utf8(), code.len_utf8());
            }
        }
    }
}

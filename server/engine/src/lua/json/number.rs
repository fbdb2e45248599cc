//! The number at the start of text, as `strtod` of C reads it: decimal or hexadecimal, an
//! infinity, not a number.
use redtool_format::double;

/// The number and how many bytes it takes; None when there is none.
pub(super) fn read(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let is_negative = text.first() == Some(&b'-');
    let rest = &text[sign..];
    let (size, len) = special(rest).or_else(|| hexadecimal(rest)).or_else(|| decimal(rest))?;
    Some((if is_negative { -size } else { size }, sign + len))
}

fn special(text: &[u8]) -> Option<(f64, usize)> {
    let starts = |word: &str| {
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    if starts("infinity") {
        Some((f64::INFINITY, 8))
    } else if starts("inf") {
        Some((f64::INFINITY, 3))
    } else if starts("nan") {
        Some((f64::NAN, 3 + payload(&text[3..])))
    } else {
        None
    }
}

/// How many bytes `(…)` behind "nan" takes.
fn payload(text: &[u8]) -> usize {
    if text.first() != Some(&b'(') {
        return 0;
    }
    let len = count(&text[1..], |byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if text.get(1 + len) == Some(&b')') {
        len + 2
    } else {
        0
    }
}

fn count(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_digit(byte)).count()
}

/// Digits, a point, digits; how many bytes, and whether there is a digit.
fn mantissa(text: &[u8], is_digit: impl Fn(&u8) -> bool + Copy) -> (usize, bool) {
    let before = count(text, is_digit);
    if text.get(before) != Some(&b'.') {
        return (before, before > 0);
    }
    let after = count(&text[before + 1..], is_digit);
    (before + 1 + after, before + after > 0)
}

/// How many bytes an exponent takes; 0 when it is not one.
fn exponent(text: &[u8], mark: u8) -> usize {
    if !text.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&mark)) {
        return 0;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    match count(&text[1 + sign..], u8::is_ascii_digit) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let (len, has_digit) = mantissa(text, u8::is_ascii_digit);
    if !has_digit {
        return None;
    }
    let len = len + exponent(&text[len..], b'e');
    let number = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    Some((number, len))
}

fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    if !text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"0x")) {
        return None;
    }
    let (len, has_digit) = mantissa(&text[2..], u8::is_ascii_hexdigit);
    if !has_digit {
        return None;
    }
    let len = 2 + len + exponent(&text[2 + len..], b'p');
    // What is out of range is an infinity or zero; the parser of arguments refuses it.
    Some((double::parse_argument(&text[..len]).unwrap_or(f64::INFINITY), len))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn numbers_end_where_strtod_ends() {
        assert_eq!(read(b"12,"), Some((12.0, 2)));
        assert_eq!(read(b"1.e5]"), Some((1e5, 4)));
        assert_eq!(read(b"1e]"), Some((1.0, 1)));
        assert_eq!(read(b"-.5"), Some((-0.5, 3)));
        assert_eq!(read(b"."), None);
        assert_eq!(read(b"-"), None);
        assert_eq!(read(b"0x10"), Some((16.0, 4)));
        assert_eq!(read(b"0x"), Some((0.0, 1)));
        assert_eq!(read(b"-Infinity"), Some((f64::NEG_INFINITY, 9)));
        assert_eq!(read(b"infin"), Some((f64::INFINITY, 3)));
        assert!(read(b"nan").unwrap().0.is_nan());
    }
}

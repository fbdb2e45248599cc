//! Arguments parsed, with Redis' error texts.
use crate::error::Error;
use redtool_format::number;
use std::time::Duration;

/// The part of an argument that C's number functions see: up to the first NUL.
pub fn until_nul(arg: &[u8]) -> &[u8] {
    arg.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A 64-bit integer in canonical decimal text.
pub fn int(arg: &[u8]) -> Result<i64, Error> {
    number::parse_i64(arg).ok_or(Error::NOT_INTEGER)
}

/// An integer at least `min`, else this error.
pub fn int_from(arg: &[u8], min: i64, error: &'static str) -> Result<i64, Error> {
    match number::parse_i64(arg) {
        Some(n) if n >= min => Ok(n),
        _ => Err(Error::fixed(error)),
    }
}

/// An integer between the bounds; Redis' range error otherwise.
pub fn int_between(arg: &[u8], min: i64, max: i64) -> Result<i64, Error> {
    let n = int(arg)?;
    if n < min || n > max {
        return Err(Error::text(format!(
            "ERR value is out of range, value must between {min} and {max}"
        )));
    }
    Ok(n)
}

/// A non-negative integer; Redis' error otherwise.
pub fn positive(arg: &[u8]) -> Result<i64, Error> {
    match number::parse_i64(arg) {
        Some(n) if n >= 0 => Ok(n),
        _ => Err(Error::fixed("ERR value is out of range, must be positive")),
    }
}

/// How long a command waits, given in seconds; None for ever.
pub fn timeout(arg: &[u8]) -> Result<Option<Duration>, Error> {
    const OUT_OF_RANGE: Error = Error::fixed("ERR timeout is out of range");
    let seconds =
        parse_double(arg).ok_or(Error::fixed("ERR timeout is not a float or out of range"))?;
    let ms = (seconds * 1000.0).ceil();
    if ms >= i64::MAX as f64 {
        return Err(OUT_OF_RANGE);
    }
    match u64::try_from(ms as i64) {
        Ok(0) => Ok(None),
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) => Err(Error::fixed("ERR timeout is negative")),
    }
}

/// A double as strtod reads it (so hexadecimal, "inf" and exponents are fine), nothing before or
/// after, not NaN.
pub fn double(arg: &[u8]) -> Result<f64, Error> {
    parse_double(arg).ok_or(Error::NOT_FLOAT)
}

/// The double that the whole text is for strtod; NaN and out-of-range text are refused as Redis
/// refuses them.
pub fn parse_double(arg: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(arg).ok()?;
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_whitespace()) {
        return None;
    }
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest.starts_with(['-', '+']) {
        return None;
    }
    let magnitude = if rest.len() > 2 && rest[..2].eq_ignore_ascii_case("0x") {
        hexadecimal(&rest[2..])?
    } else if rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity") {
        f64::INFINITY
    } else {
        decimal(rest)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Decimal text without sign; overflow to infinity and underflow to zero are range errors.
fn decimal(text: &str) -> Option<f64> {
    let first = *text.as_bytes().first()?;
    if !first.is_ascii_digit() && first != b'.' {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    (value.is_finite() && (value != 0.0 || is_zero)).then_some(value)
}

/// Hexadecimal digits with an optional point and binary exponent, after the `0x`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.find(['p', 'P']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let scale = exponent.checked_sub(4i32.checked_mul(i32::try_from(fraction.len()).ok()?)?)?;
    let value = value * 2.0f64.powi(scale);
    value.is_finite().then_some(value)
}

/// Whether an argument is this word, in any case.
#[inline]
pub fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// An argument for an error message: bytes that are not UTF-8 replaced, at most `max` bytes.
pub fn shown(arg: &[u8], max: usize) -> String {
    String::from_utf8_lossy(&arg[..arg.len().min(max)]).into_owned()
}

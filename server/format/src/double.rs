//! Doubles as text: shortest round trip (Redis 7.2 on), 17 digits (before), and back.
//!
//! ```text
//! value           write_shortest (7.2)  write_17_digits (7.0 and older, RDB type 3)
//! 0.1             0.1                   0.10000000000000001
//! 1e18            1000000000000000000   1e+18
//! 2^63            9223372036854776000   9.2233720368547758e+18
//! 1e21            1e+21                 1e+21
//! 0.00001         0.00001               1.0000000000000001e-05
//! 1.234e-5        1.234e-5              1.234e-05
//! -0.0            -0                    -0
//! ```
//! 7.2 prints an integer up to 2^62 plainly. Anything else are its shortest digits d with value
//! d × 10^k: without exponent when at most six zeros follow the digits, or when k is above -7 or
//! the value is from 0.001 to below 10000; else with one, which has no leading zero.
use std::io::Write;

/// A double of at most this magnitude is printed as an integer if it is one.
const MAX_PLAIN_INTEGER: f64 = (1u64 << 62) as f64;
/// Significant digits that identify any double.
const DIGITS: usize = 17;

/// Appends the text that Redis 7.2 prints for a score.
pub fn write_shortest(out: &mut Vec<u8>, x: f64) {
    if write_special(out, x) {
        return;
    }
    if x.abs() <= MAX_PLAIN_INTEGER && x.trunc() == x {
        out.extend_from_slice(itoa::Buffer::new().format(x as i64).as_bytes());
        return;
    }
    if x < 0.0 {
        out.push(b'-');
    }
    let decimal = Decimal::read(ryu::Buffer::new().format_finite(x.abs()).as_bytes());
    decimal.write_shortest(out);
}

/// Appends the text of C's `%.17g`: what RDB type 3 holds and Redis 7.0 prints.
pub fn write_17_digits(out: &mut Vec<u8>, x: f64) {
    write_general(out, x, DIGITS);
}

/// Appends the text of C's `%.{digits}g`, of one to seventeen digits.
pub fn write_general(out: &mut Vec<u8>, x: f64, digits: usize) {
    let digits = digits.clamp(1, DIGITS);
    if write_special(out, x) {
        return;
    }
    if x < 0.0 {
        out.push(b'-');
    }
    let mut text = [0; 32];
    let mut room = &mut text[..];
    // The text has at most 16 + 7 characters, so that there is room for it.
    let _ = write!(room, "{:.*e}", digits - 1, x.abs());
    let left = room.len();
    Decimal::read(&text[..text.len() - left]).write_general(out, digits);
}

fn write_special(out: &mut Vec<u8>, x: f64) -> bool {
    let text: &[u8] = if x.is_nan() {
        b"nan"
    } else if x.is_infinite() {
        if x < 0.0 {
            b"-inf"
        } else {
            b"inf"
        }
    } else if x == 0.0 {
        if x.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        }
    } else {
        return false;
    };
    out.extend_from_slice(text);
    true
}

/// Decimal digits, the first and the last not zero, times a power of ten.
struct Decimal {
    digits: [u8; DIGITS],
    len: usize,
    exponent: i32,
}

impl Decimal {
    /// Reads what Rust prints for a positive number: "12.5", "1.25e-7", "1000000.0".
    fn read(text: &[u8]) -> Self {
        let mut decimal = Self { digits: [b'0'; DIGITS], len: 0, exponent: 0 };
        let (mut zeros, mut in_fraction) = (0, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'.' => in_fraction = true,
                b'e' | b'E' => {
                    decimal.exponent += read_exponent(&text[at + 1..]);
                    break;
                }
                digit => {
                    decimal.exponent -= i32::from(in_fraction);
                    zeros = decimal.push(*digit, zeros);
                }
            }
        }
        decimal.exponent += zeros as i32;
        decimal
    }

    /// Takes a digit after `zeros` that are still in doubt; gives those in doubt after it.
    fn push(&mut self, digit: u8, zeros: usize) -> usize {
        if digit == b'0' {
            return if self.len == 0 { 0 } else { zeros + 1 };
        }
        self.len += zeros;
        if let Some(place) = self.digits.get_mut(self.len) {
            *place = digit;
            self.len += 1;
        }
        0
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len.min(DIGITS)]
    }

    /// The power of ten of the first digit.
    fn magnitude(&self) -> i32 {
        self.exponent + self.digits().len() as i32 - 1
    }

    fn write_shortest(&self, out: &mut Vec<u8>) {
        let (digits, magnitude) = (self.digits(), self.magnitude());
        let few_zeros = magnitude.unsigned_abs() < digits.len() as u32 + 7;
        let near_one = self.exponent > -7 || magnitude.abs() < 4;
        if (self.exponent >= 0 && few_zeros) || (self.exponent < 0 && near_one) {
            return self.write_plain(out);
        }
        self.write_mantissa(out);
        let sign = if magnitude < 0 { b'-' } else { b'+' };
        out.extend_from_slice(&[b'e', sign]);
        out.extend_from_slice(itoa::Buffer::new().format(magnitude.unsigned_abs()).as_bytes());
    }

    /// As `%.{precision}g` once the digits are known.
    fn write_general(&self, out: &mut Vec<u8>, precision: usize) {
        let magnitude = self.magnitude();
        if (-4..precision as i32).contains(&magnitude) {
            return self.write_plain(out);
        }
        self.write_mantissa(out);
        let sign = if magnitude < 0 { b'-' } else { b'+' };
        out.extend_from_slice(&[b'e', sign]);
        if magnitude.abs() < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(magnitude.unsigned_abs()).as_bytes());
    }

    /// d.ddd
    fn write_mantissa(&self, out: &mut Vec<u8>) {
        let (first, rest) = self.digits().split_at(1);
        out.extend_from_slice(first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
    }

    /// Without exponent.
    fn write_plain(&self, out: &mut Vec<u8>) {
        let digits = self.digits();
        let before_point = self.magnitude() + 1;
        if before_point <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', before_point.unsigned_abs() as usize));
            out.extend_from_slice(digits);
        } else if self.exponent >= 0 {
            out.extend_from_slice(digits);
            out.extend(std::iter::repeat_n(b'0', self.exponent as usize));
        } else {
            let (whole, fraction) = digits.split_at(before_point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }
}

fn read_exponent(text: &[u8]) -> i32 {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let size = digits.iter().fold(0, |n, digit| n * 10 + i32::from(digit.wrapping_sub(b'0')));
    if text.first() == Some(&b'-') {
        -size
    } else {
        size
    }
}

/// Reads the text of a stored score (packed, or of RDB type 3), all of it: digits, an exponent,
/// "inf", "-inf", "nan".
#[inline]
pub fn parse(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Reads an argument of a command, as `strtod` does when nothing may be left over: also "+inf",
/// "infinity" and hexadecimal "0x1p3"; not NaN, nor what is too big or too small for a double.
pub fn parse_argument(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let size = match digits {
        [b'0', b'x' | b'X', hex @ ..] => parse_hexadecimal(hex)?,
        [b'0'..=b'9' | b'.', ..] => {
            let size = parse(digits)?;
            let mantissa = digits.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
            let is_zero = !mantissa.into_iter().any(|byte| matches!(byte, b'1'..=b'9'));
            in_range(size, is_zero)?
        }
        _ if digits.eq_ignore_ascii_case(b"inf") => f64::INFINITY,
        _ if digits.eq_ignore_ascii_case(b"infinity") => f64::INFINITY,
        _ => return None,
    };
    Some(if negative { -size } else { size })
}

/// Refuses a finite text that became infinite, and one that became zero without saying zero.
fn in_range(size: f64, is_zero: bool) -> Option<f64> {
    (size.is_finite() && (size != 0.0 || is_zero)).then_some(size)
}

/// Reads what follows "0x": hexadecimal digits with a point, and a power of two behind "p".
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|byte| matches!(byte, b'p' | b'P')).unwrap_or(text.len());
    let mut exponent = match text.get(end + 1..) {
        Some(power) => parse_power(power)?,
        None => 0,
    };
    let (mut mantissa, mut rest_is_zero, mut in_fraction, mut any) = (0u64, true, false, false);
    for byte in &text[..end] {
        if *byte == b'.' && !in_fraction {
            in_fraction = true;
            continue;
        }
        let digit = char::from(*byte).to_digit(16)?;
        any = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            exponent -= if in_fraction { 4 } else { 0 };
        } else {
            rest_is_zero &= digit == 0;
            exponent += if in_fraction { 0 } else { 4 };
        }
    }
    // What did not fit matters only for rounding: one bit stands for it.
    mantissa |= u64::from(!rest_is_zero);
    any.then(|| scale(mantissa, exponent)).and_then(|size| in_range(size, mantissa == 0))
}

/// A signed decimal number, cut off far outside of what a double can have.
fn parse_power(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    const FAR: i64 = 1 << 40;
    let size = digits.iter().fold(0, |n, digit| (n * 10 + i64::from(digit - b'0')).min(FAR));
    Some(if negative { -size } else { size })
}

/// mantissa × 2^exponent, rounded to the nearest double, ties to even.
fn scale(mantissa: u64, exponent: i64) -> f64 {
    let Some(top) = mantissa.checked_ilog2() else {
        return 0.0;
    };
    let magnitude = exponent + i64::from(top);
    if magnitude > 1023 {
        return f64::INFINITY;
    }
    // Numbers below 2^-1022 have fewer bits, those below 2^-1075 none.
    let keep = 53 - (-1022 - magnitude).max(0);
    if keep < 0 {
        return 0.0;
    }
    let drop = (i64::from(top) + 1 - keep).max(0);
    let (kept, lost) = (u128::from(mantissa) >> drop, u128::from(mantissa) & ((1 << drop) - 1));
    let half = (1u128 << drop) >> 1;
    let up = drop > 0 && (lost > half || (lost == half && kept & 1 == 1));
    let rounded = (kept + u128::from(up)) as f64;
    let exponent = exponent + drop;
    rounded * power_of_two(exponent / 2) * power_of_two(exponent - exponent / 2)
}

/// 2^exponent, for exponents of a normal double.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(x: f64) -> String {
        let mut out = Vec::new();
        write_shortest(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    fn general(x: f64) -> String {
        let mut out = Vec::new();
        write_17_digits(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn scores_print_as_redis_7_2_and_7_0_print_them() {
        for (x, new, old) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (0.1, "0.1", "0.10000000000000001"),
            (-1.5, "-1.5", "-1.5"),
            (100.0, "100", "100"),
            (1e16, "10000000000000000", "10000000000000000"),
            (1e18, "1000000000000000000", "1e+18"),
            (1e19, "1e+19", "1e+19"),
            (1e21, "1e+21", "1e+21"),
            (-1e300, "-1e+300", "-1.0000000000000001e+300"),
            (5e-324, "5e-324", "4.9406564584124654e-324"),
            (9_223_372_036_854_775_807.0, "9223372036854776000", "9.2233720368547758e+18"),
            (9_007_199_254_740_991.0, "9007199254740991", "9007199254740991"),
            (0.00001, "0.00001", "1.0000000000000001e-05"),
            (0.000001, "0.000001", "9.9999999999999995e-07"),
            (1e-7, "1e-7", "9.9999999999999995e-08"),
            (1.234e-5, "1.234e-5", "1.234e-05"),
            (0.00123456789, "0.00123456789", "0.0012345678899999999"),
            (1_234_567.891, "1234567.891", "1234567.8910000001"),
            (123_456.7890123, "1.234567890123e+5", "123456.7890123"),
            (44.57142857142857, "44.57142857142857", "44.571428571428569"),
            (f64::MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"),
            (f64::INFINITY, "inf", "inf"),
            (f64::NEG_INFINITY, "-inf", "-inf"),
            (f64::NAN, "nan", "nan"),
        ] {
            assert_eq!(shortest(x), new);
            assert_eq!(general(x), old);
        }
        // Ties go to even, as in C.
        assert_eq!(general(0.5 + (2f64).powi(-18)), "0.50000381469726562");
    }

    #[test]
    fn every_text_reads_back_to_its_double() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let x = f64::from_bits(state ^ state >> 29);
            for text in [shortest(x), general(x)] {
                let read = parse(text.as_bytes()).unwrap();
                assert!(read.to_bits() == x.to_bits() || x.is_nan() && read.is_nan(), "{text}");
                let read = parse_argument(text.as_bytes());
                assert!(read == Some(x) || x.is_nan() && read.is_none(), "{text}");
            }
        }
    }

    #[test]
    fn arguments_are_read_as_strtod_reads_them() {
        for (text, want) in [
            ("inf", f64::INFINITY),
            ("+InF", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1.", 1.0),
            ("+.5e1", 5.0),
            ("0e999999999999", 0.0),
            ("4.9e-324", 5e-324),
            ("0x10", 16.0),
            ("-0X1P3", -8.0),
            ("0x.8p1", 1.0),
            ("0x1.8", 1.5),
            ("0x1.fffffffffffff8p0", 2.0),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000001p0", 1.000_000_000_000_000_2),
            ("0x1p-1074", 5e-324),
            ("0x0.cp-1074", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x0p99999999999999999999", 0.0),
        ] {
            assert_eq!(parse_argument(text.as_bytes()), Some(want), "{text}");
        }
        for text in [
            "",
            " 1",
            "1 ",
            "1e",
            "e5",
            ".",
            "+",
            "-",
            "--1",
            "nan",
            "-nan",
            "1_0",
            "1a",
            "infin",
            "0x",
            "0x.",
            "0xg",
            "0x1p",
            "0x1p+",
            "0x1.2.3",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p1024",
            "0x0.8p-1074",
            "0x1p-99999999999999999999",
            "1\0",
        ] {
            assert_eq!(parse_argument(text.as_bytes()), None, "{text}");
        }
    }
}

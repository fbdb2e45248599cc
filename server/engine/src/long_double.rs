//! Long doubles as Redis on x86-64 has them: 80 bits, of which 64 are the significand. INCRBYFLOAT
//! and HINCRBYFLOAT read, add and print them, and clients see every digit.
//!
//! Reading takes what C's `strtold` takes (decimal and hexadecimal text, infinities), rounded to
//! nearest, ties to even. Printing is C's `%.17Lf`, exact, without the zeros at the end.
use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round};

/// Texts must be shorter.
const MAX_TEXT_BYTES: usize = 5 * 1024;
/// Digits behind the point.
const FRACTION_DIGITS: usize = 17;
/// The exponent of an integer significand is the biased exponent less this.
const BIAS: i32 = 16_383 + 63;

/// A number, which may be infinite but is never NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads a number; None when the text is none, or one too large or too small.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= MAX_TEXT_BYTES {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let (is_negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let magnitude = match is_infinite(rest) {
            true => X87DoubleExtended::INFINITY,
            false => finite(rest)?,
        };
        Some(Self(if is_negative { -magnitude } else { magnitude }))
    }

    /// An integer.
    pub fn zero() -> Self {
        Self(X87DoubleExtended::ZERO)
    }

    /// Whether it is finite.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// The sum; None when that is infinite or no number.
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = self.0.add_r(other.0, Round::NearestTiesToEven).value;
        sum.is_finite().then_some(Self(sum))
    }

    /// The decimal text of a finite number.
    pub fn text(self) -> String {
        let bits = self.0.to_bits();
        let significand = bits as u64;
        let exponent = (bits >> 64) as i32 & 0x7fff;
        // Numbers of the least exponent have it once more, without the leading bit.
        let exponent = exponent.max(1) - BIAS;
        let mut text = match exponent {
            0.. => shifted_left(significand, exponent as u32),
            _ => with_fraction(significand, exponent.unsigned_abs()),
        };
        if self.0.is_negative() && text != "0" {
            text.insert(0, '-');
        }
        text
    }
}

fn is_infinite(text: &str) -> bool {
    text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity")
}

/// Decimal or hexadecimal text without sign. The lexical form is checked here, so that the crate
/// sees only what it agrees about with C.
fn finite(text: &str) -> Option<X87DoubleExtended> {
    let hexadecimal = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let (digits, marks) = if hexadecimal { (&text[2..], ['p', 'P']) } else { (text, ['e', 'E']) };
    let (mantissa, exponent) = match digits.find(marks) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digit = |digit: u8| match hexadecimal {
        true => digit.is_ascii_hexdigit(),
        false => digit.is_ascii_digit(),
    };
    if whole.len() + fraction.len() == 0 || !(whole.bytes().chain(fraction.bytes()).all(is_digit)) {
        return None;
    }
    let exponent = exponent.map_or(Some(0), bounded_exponent)?;
    if mantissa.bytes().all(|digit| matches!(digit, b'0' | b'.')) {
        return Some(X87DoubleExtended::ZERO);
    }
    let start = if hexadecimal { "0x" } else { "" };
    let canonical = format!("{start}{whole}.{fraction}{}{exponent}", marks[0]);
    let read = X87DoubleExtended::from_str_r(&canonical, Round::NearestTiesToEven).ok()?.value;
    (read.is_finite() && !read.is_zero()).then_some(read)
}

/// The number behind the mark of an exponent, drawn to a bound that is beyond all that matters.
fn bounded_exponent(text: &str) -> Option<i32> {
    const BOUND: i32 = 100_000;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<u64>().map_or(BOUND, |size| size.min(BOUND as u64) as i32);
    Some(if text.starts_with('-') { -size } else { size })
}

/// Limbs hold nine decimal digits.
const LIMB: u64 = 1_000_000_000;

/// The text of `n` · 2^`bits`.
fn shifted_left(n: u64, bits: u32) -> String {
    let mut limbs = vec![n % LIMB, n / LIMB % LIMB, n / LIMB / LIMB];
    let mut left = bits;
    while left > 0 {
        let step = left.min(32);
        left -= step;
        let mut carry = 0;
        for limb in &mut limbs {
            let shifted = (*limb << step) + carry;
            *limb = shifted % LIMB;
            carry = shifted / LIMB;
        }
        while carry > 0 {
            limbs.push(carry % LIMB);
            carry /= LIMB;
        }
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    match digits.trim_start_matches('0') {
        "" => "0".to_string(),
        digits => digits.to_string(),
    }
}

/// The text of `n` / 2^`bits`, rounded to the digits behind the point, ties to even.
fn with_fraction(n: u64, bits: u32) -> String {
    let scale = 10u128.pow(FRACTION_DIGITS as u32);
    // 64 bits and 57: less than 2^121.
    let scaled = u128::from(n) * scale;
    let (mut rounded, rest, half) = match bits {
        // Less than a half of the last digit.
        123.. => (0, 0, 1),
        _ => (scaled >> bits, scaled & ((1 << bits) - 1), 1 << (bits - 1)),
    };
    if rest > half || (rest == half && rounded & 1 == 1) {
        rounded += 1;
    }
    let (whole, fraction) = (rounded / scale, rounded % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let fraction = format!("{fraction:017}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        LongDouble::parse(text.as_bytes()).map_or("refused".into(), LongDouble::text)
    }

    #[test]
    fn numbers_are_read_and_printed_as_servers_do() {
        for (text, printed) in [
            ("3.0e3", "3000"),
            ("0.1", "0.1"),
            ("-0", "0"),
            ("+1", "1"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0x.8", "0.5"),
            ("0x1.8p1", "3"),
            ("1e-4945", "0"),
            ("-1e-30", "0"),
            ("3.6e-4951", "0"),
            ("0e999999999999", "0"),
            ("0x0p99999999999", "0"),
            ("123456789.123456789", "123456789.12345678899873747"),
            ("1e25", "10000000000000000000000000"),
            ("0.000000000000000005", "0"),
            ("0.000000000000000015", "0.00000000000000002"),
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551617", "18446744073709551616"),
        ] {
            assert_eq!(shown(text), printed, "{text}");
        }
        assert_eq!(shown("1e4932").len(), 4933);
        assert!(shown("0x1P16383").starts_with("59486574767861588254287966331400356538"));
    }

    #[test]
    fn what_is_no_number_or_too_large_or_too_small_is_refused() {
        for text in [
            "",
            "-",
            "+-1",
            "1e",
            "1e+",
            "0x",
            "0x1p",
            ".",
            "1_0",
            " 1",
            "1 ",
            "1\n",
            "nan",
            "-nan",
            "nan(1)",
            "- 1",
            "1\0",
            "1e-4951",
            "1.2e4932",
            "0x1P16384",
            "0x1p-16446",
            "1e99999999999",
            "é",
            "0xé",
            "infinit",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        assert!(LongDouble::parse(&[b'0'; MAX_TEXT_BYTES]).is_none());
        assert!(LongDouble::parse(&[b'0'; MAX_TEXT_BYTES - 1]).is_some());
    }

    #[test]
    fn sums_are_rounded_to_64_bits_and_never_infinite() {
        let number = |text: &str| LongDouble::parse(text.as_bytes()).unwrap();
        let sum = |a: &str, b: &str| number(a).plus(number(b)).map(LongDouble::text);
        assert_eq!(sum("10.5", "0.1").unwrap(), "10.6");
        assert_eq!(sum("3.0e3", "-2.5").unwrap(), "2997.5");
        assert_eq!(sum("1e19", "0.5").unwrap(), "10000000000000000000");
        assert_eq!(sum("1e4932", "1e4932"), None);
        assert_eq!(sum("inf", "-inf"), None);
        assert_eq!(sum("1", "-inf"), None);
    }
}

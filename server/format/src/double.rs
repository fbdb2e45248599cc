//! Doubles as text: the shortest text that reads back (Redis 7.2 and later), or 17 digits (before).
//!
//! ```text
//! 1 -> "1"   0.1 -> "0.1"   1e21 -> "1e+21"   1e-7 -> "1e-7"   -0.0 -> "-0"   "inf" "-inf" "nan"
//! 17 digits: 0.1 -> "0.10000000000000001"   1e21 -> "1e+21"   1e-7 -> "9.9999999999999995e-08"
//! ```
//! Integers within ±2^52 are plain digits in both.

/// Integers up to here are exact with room to spare, and are written without point or exponent.
const PLAIN_INTEGER_MAX: f64 = 4_503_599_627_370_496.0;

/// Significant digits of a number and the power of ten of the first: 1.5e-3 is "15", -3.
struct Digits {
    text: [u8; 20],
    count: usize,
    exponent: i32,
}

impl Digits {
    /// Takes text like "1.5e-3" or "0.0015" apart (no sign; not zero, not special).
    fn of(text: &[u8]) -> Digits {
        let mut digits = Digits { text: [0; 20], count: 0, exponent: 0 };
        let (mantissa, exponent) = match text.iter().position(|byte| *byte == b'e') {
            Some(at) => (&text[..at], signed(&text[at + 1..])),
            None => (text, 0),
        };
        let mut before_point = None;
        let mut seen = 0;
        let mut leading = 0;
        for byte in mantissa {
            match byte {
                b'.' => before_point = Some(seen),
                b'0' if digits.count == 0 => {
                    seen += 1;
                    leading += 1;
                }
                digit => {
                    seen += 1;
                    if digits.count < digits.text.len() {
                        digits.text[digits.count] = *digit;
                        digits.count += 1;
                    }
                }
            }
        }
        digits.exponent = exponent + before_point.unwrap_or(seen) - 1 - leading;
        while digits.count > 1 && digits.text[digits.count - 1] == b'0' {
            digits.count -= 1;
        }
        digits
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[..self.count]
    }

    /// Digits with the point in place, no exponent.
    fn write_fixed(&self, out: &mut Vec<u8>) {
        let digits = self.as_bytes();
        if self.exponent < 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-self.exponent - 1) as usize, b'0');
            return out.extend_from_slice(digits);
        }
        let whole = self.exponent as usize + 1;
        if whole >= digits.len() {
            out.extend_from_slice(digits);
            return out.resize(out.len() + whole - digits.len(), b'0');
        }
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }

    /// `d.ddde+x`, the exponent of at least `width` digits.
    fn write_scientific(&self, out: &mut Vec<u8>, width: usize) {
        let digits = self.as_bytes();
        out.extend_from_slice(&digits[..1]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
        let mut buf = itoa::Buffer::new();
        let exponent = buf.format(self.exponent.unsigned_abs()).as_bytes();
        out.resize(out.len() + width.saturating_sub(exponent.len()), b'0');
        out.extend_from_slice(exponent);
    }
}

fn signed(text: &[u8]) -> i32 {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    sign * digits.iter().fold(0, |n, digit| n * 10 + i32::from(digit - b'0'))
}

/// Writes what both forms have in common; false when `x` needs digits.
fn write_simple(out: &mut Vec<u8>, x: f64) -> bool {
    if x.is_nan() {
        out.extend_from_slice(b"nan");
    } else if x.is_infinite() {
        out.extend_from_slice(if x < 0.0 { b"-inf" } else { b"inf" });
    } else if x == 0.0 {
        out.extend_from_slice(if x.is_sign_negative() { b"-0" } else { b"0" });
    } else if x.abs() < PLAIN_INTEGER_MAX && x == x.trunc() {
        out.extend_from_slice(itoa::Buffer::new().format(x as i64).as_bytes());
    } else {
        if x < 0.0 {
            out.push(b'-');
        }
        return false;
    }
    true
}

/// Appends the shortest text that reads back as `x`, as Redis 7.2 prints it.
pub fn write_shortest(out: &mut Vec<u8>, x: f64) {
    if write_simple(out, x) {
        return;
    }
    let mut buf = ryu::Buffer::new();
    let digits = Digits::of(buf.format_finite(x.abs()).as_bytes());
    let count = digits.count as i32;
    // Where the last digit stands: at or left of the point, or right of it.
    let scale = digits.exponent + 1 - count;
    let fixed = if scale >= 0 {
        digits.exponent < count + 7
    } else {
        scale > -7 || digits.exponent.abs() < 4
    };
    if fixed {
        digits.write_fixed(out);
    } else {
        digits.write_scientific(out, 1);
    }
}

/// Appends `x` with up to 17 significant digits, as C prints it with `%.17g`.
pub fn write_17_digits(out: &mut Vec<u8>, x: f64) {
    if write_simple(out, x) {
        return;
    }
    let digits = Digits::of(format!("{:.16e}", x.abs()).as_bytes());
    if (-4..17).contains(&digits.exponent) {
        digits.write_fixed(out);
    } else {
        digits.write_scientific(out, 2);
    }
}

/// Parses a score or float as C's `strtod` does for what Redis writes: decimal text, `inf`, `-inf`,
/// `nan` in any case. Text with anything before or after the number is refused.
pub fn parse(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(x: f64) -> String {
        let mut out = Vec::new();
        write_shortest(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    fn long(x: f64) -> String {
        let mut out = Vec::new();
        write_17_digits(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_shortest_text_is_what_redis_7_2_prints() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1.5, "1.5"),
            (3.25e-5, "3.25e-5"),
            (2.5e-5, "0.000025"),
            (1e-7, "1e-7"),
            (1.5e-300, "1.5e-300"),
            (1e15, "1000000000000000"),
            (1e16, "1e+16"),
            (1e21, "1e+21"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (123456.789, "123456.789"),
            (9007199254740993.0, "9007199254740992"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (x, text) in cases {
            assert_eq!(shortest(*x), *text);
        }
    }

    #[test]
    fn seventeen_digits_are_what_printf_gives() {
        let cases: &[(f64, &str)] = &[
            (0.1, "0.10000000000000001"),
            (1.5, "1.5"),
            (-2.5e-5, "-2.5000000000000001e-05"),
            (1e-4, "0.0001"),
            (1e22, "1e+22"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (3.0, "3"),
            (1e100, "1e+100"),
            (1e-7, "9.9999999999999995e-08"),
        ];
        for (x, text) in cases {
            assert_eq!(long(*x), *text);
        }
    }

    #[test]
    fn both_forms_read_back_exactly() {
        let mut bits: u64 = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let x = f64::from_bits(bits);
            if x.is_finite() {
                assert_eq!(parse(shortest(x).as_bytes()), Some(x));
                assert_eq!(parse(long(x).as_bytes()), Some(x));
            }
        }
    }
}

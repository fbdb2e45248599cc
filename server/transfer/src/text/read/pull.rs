//! JSON text read piece by piece from where it lies ([`strings`](super::strings) has what is in
//! quotes). There is no recursion, so that no nesting is too deep.
//!
//! The text must be UTF-8, which whoever hands it in has checked.
/// What is wrong, and at which byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Offset in the text.
    pub at: usize,
    /// A sentence without the place.
    pub what: String,
    /// The text ends too early.
    pub cut: bool,
}

/// The result of reading.
pub type Result<T> = std::result::Result<T, Fault>;

/// A place in JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Json<'a> {
    /// At the start.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Something is wrong here.
    #[cold]
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        Self::fault_at(self.at, what)
    }

    /// Something is wrong there.
    #[cold]
    pub fn fault_at(at: usize, what: impl Into<String>) -> Fault {
        Fault { at, what: what.into(), cut: false }
    }

    #[cold]
    pub(super) fn cut(&self) -> Fault {
        Fault { at: self.at, what: "the line ends in the middle".into(), cut: true }
    }

    /// What was expected here.
    #[cold]
    pub(super) fn expected(&self, what: &str) -> Fault {
        match self.text.get(self.at) {
            None => self.cut(),
            Some(byte) => self.fault(format!("{what} expected, not {:?}", char::from(*byte))),
        }
    }

    /// The next byte that is no blank, without taking it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Takes the next byte that is no blank if it is this one.
    #[inline]
    pub fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes the byte that must be next; `what` says it in words.
    #[inline]
    pub fn take(&mut self, byte: u8, what: &str) -> Result<()> {
        if self.takes(byte) {
            return Ok(());
        }
        Err(self.expected(what))
    }

    /// Whether another element follows, of an array or object that ends with `close`.
    #[inline]
    pub fn more(&mut self, first: &mut bool, close: u8) -> Result<bool> {
        if self.takes(close) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.take(b',', "a comma or the end")?;
        }
        Ok(true)
    }

    /// Nothing but blanks may be left.
    pub fn end(&mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the line")),
        }
    }

    /// The name of a member, and the colon. Names that are looked for have no escapes.
    #[inline]
    pub fn name(&mut self) -> Result<&'a str> {
        let start = self.at;
        let raw = self.raw_string("the name of a member")?;
        self.take(b':', "a colon")?;
        std::str::from_utf8(raw).map_err(|_| Self::fault_at(start, "the name is not UTF-8"))
    }

    /// The text of a number.
    #[inline]
    fn number(&mut self) -> Result<&'a str> {
        self.peek();
        let start = self.at;
        let rest = &self.text[start..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().take_while(|byte| is_part(byte)).count();
        if !is_number(&rest[..len]) {
            return Err(self.expected("a number"));
        }
        self.at += len;
        std::str::from_utf8(&rest[..len]).map_err(|_| self.expected("a number"))
    }

    /// An integer that fits its type.
    #[inline]
    pub fn int<N: std::str::FromStr>(&mut self) -> Result<N> {
        let text = self.number()?;
        text.parse().map_err(|_| {
            let what = format!("{text} is not a whole number in range");
            Self::fault_at(self.at - text.len(), what)
        })
    }

    /// A double: a number, or one of the three strings for what JSON has no number for.
    #[inline]
    pub fn double(&mut self) -> Result<f64> {
        if self.peek() == Some(b'"') {
            let start = self.at;
            return match self.raw_string("a number")? {
                b"inf" => Ok(f64::INFINITY),
                b"-inf" => Ok(f64::NEG_INFINITY),
                b"nan" => Ok(f64::NAN),
                _ => Err(Self::fault_at(start, "a number, \"inf\", \"-inf\" or \"nan\" expected")),
            };
        }
        let text = self.number()?;
        match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(x),
            _ => Err(Self::fault_at(self.at - text.len(), format!("{text} is no double"))),
        }
    }

    /// Takes `null`, if it is there.
    pub fn takes_null(&mut self) -> bool {
        self.takes_word(b"null")
    }

    /// Takes this word, if it is there.
    pub fn takes_word(&mut self, word: &[u8]) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Passes over a value without reading it.
    pub fn skip(&mut self) -> Result<()> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                None => return Err(self.cut()),
                Some(b'"') => {
                    self.raw_string("a string")?;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth == 0 => return Err(self.expected("a value")),
                Some(b'}' | b']') => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth == 0 => return Err(self.expected("a value")),
                Some(b',' | b':') => {
                    self.at += 1;
                    continue;
                }
                Some(_) => self.skip_word()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn skip_word(&mut self) -> Result<()> {
        let is_part =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let len = self.text[self.at..].iter().take_while(is_part).count();
        if len == 0 {
            return Err(self.expected("a value"));
        }
        self.at += len;
        Ok(())
    }
}

/// Whether this is a number as JSON writes them.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    if whole == 0 || whole > 1 && text[0] == b'0' {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let n = digits(fraction);
        if n == 0 {
            return false;
        }
        rest = &fraction[n..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let unsigned = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+"));
        let exponent = unsigned.unwrap_or(exponent);
        let n = digits(exponent);
        return n > 0 && n == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_json_and_in_range() {
        let int = |text: &str| Json::new(text.as_bytes()).int::<i64>().ok();
        assert_eq!(int("-12"), Some(-12));
        for wrong in ["012", "1.0", "1e3", "+1", "", "-", "9223372036854775808", "x"] {
            assert_eq!(int(wrong), None, "{wrong}");
        }
        let double = |text: &str| Json::new(text.as_bytes()).double().ok();
        assert_eq!(double("1e+21"), Some(1e21));
        assert_eq!(double("-0.0").map(f64::to_bits), Some((-0.0f64).to_bits()));
        assert_eq!(double("\"-inf\""), Some(f64::NEG_INFINITY));
        for wrong in ["1e999", "\"infinity\"", ".5", "1.", "1e", "NaN", "null"] {
            assert_eq!(double(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_passed_over_whole() {
        for value in [r#"{"a":[1,{"b":"}"}],"c":null}"#, "[]", "-1.5", "\"\\\"\"", "true"] {
            let text = format!("{value},7");
            let mut json = Json::new(text.as_bytes());
            json.skip().unwrap();
            assert_eq!(json.at(), value.len());
        }
        for wrong in ["[", "{\"a\":", "]", "", ",", "\"a"] {
            assert!(Json::new(wrong.as_bytes()).skip().is_err(), "{wrong}");
        }
    }
}

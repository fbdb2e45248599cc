//! Requests: RESP arrays of bulk strings, and inline commands with redis-cli's quoting.
//!
//! ```text
//! *2\r\n$3\r\nGET\r\n$1\r\nk\r\n   two arguments, as ranges of the input: nothing is copied
//! GET "a \x41\n"\r\n                as one line, quotes undone into the parser's own memory
//! ```
//! A [`Parser`] belongs to one connection. It remembers how far it came in an unfinished request,
//! so a bulk string of 500 MB that arrives in a thousand reads is looked at once.
//!
//! Error texts are Redis' own; a server sends them with `ERR ` before, and closes the connection.
use crate::number;

/// What a client may claim.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most arguments of a command.
    pub max_args: i64,
    /// Longest bulk string (`proto-max-bulk-len`).
    pub max_bulk_bytes: i64,
    /// Longest line: an inline command, or the header of an array or a bulk string.
    pub max_line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_args: 1024 * 1024, max_bulk_bytes: 512 * 1024 * 1024, max_line_bytes: 64 * 1024 }
    }
}

/// What the buffer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A request of `consumed` bytes. It may have no arguments (a blank line, `*0`), and is then to
    /// be passed over.
    Complete {
        /// Bytes of the buffer that the request takes.
        consumed: usize,
    },
    /// The request goes on after the end of the buffer.
    Incomplete {
        /// At least this many bytes more are needed. Not to be allocated on a client's word.
        missing: usize,
    },
    /// The connection cannot go on; the text is Redis' ("Protocol error: …").
    Error(String),
}

/// Parses one connection's requests.
///
/// After `Incomplete` call `parse` again with the same bytes and more after them; after `Complete`
/// use the arguments, then call it with what follows the request.
#[derive(Debug, Default)]
pub struct Parser {
    limits: Limits,
    /// How far the current request is understood.
    pos: usize,
    /// Arguments still to come of the current array; None between requests.
    missing_args: Option<usize>,
    /// The length of a bulk string whose header has been read.
    bulk: Option<usize>,
    args: Vec<(usize, usize)>,
    /// The arguments of an inline command; `args` then are ranges of this.
    unquoted: Vec<u8>,
    inline: bool,
    complete: bool,
}

/// A header line, or why there is none.
enum Line {
    Number { value: Option<i64>, next: usize },
    Incomplete,
    TooLong,
}

impl Parser {
    /// A parser with limits of its own.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Changes the limits from here on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Number of arguments of the request that is complete.
    #[inline]
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether the request has no arguments.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Whether a request has begun and is not complete.
    pub fn in_request(&self) -> bool {
        !self.complete && self.pos > 0
    }

    /// The arguments of the request that is complete; `buf` is what `parse` was given.
    #[inline]
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let source = if self.inline { &self.unquoted } else { buf };
        self.args.iter().map(move |&(start, end)| source.get(start..end).unwrap_or_default())
    }

    /// One argument of the request that is complete, if it lies in `buf` as it was sent.
    #[inline]
    pub fn plain_arg<'a>(&self, buf: &'a [u8], n: usize) -> Option<&'a [u8]> {
        let &(start, end) = self.args.get(n).filter(|_| !self.inline)?;
        buf.get(start..end)
    }

    /// Looks for a request at the start of `buf`.
    pub fn parse(&mut self, buf: &[u8]) -> Parsed {
        if self.complete {
            self.reset();
        }
        let parsed = match (self.missing_args, buf.first()) {
            (_, None) => Parsed::Incomplete { missing: 1 },
            (None, Some(b'*')) => self.array_header(buf),
            (None, Some(_)) => self.inline(buf),
            (Some(_), _) => self.bulks(buf),
        };
        self.complete = matches!(parsed, Parsed::Complete { .. });
        parsed
    }

    /// Forgets the current request.
    pub fn reset(&mut self) {
        self.pos = 0;
        self.missing_args = None;
        self.bulk = None;
        self.args.clear();
        self.unquoted.clear();
        self.inline = false;
        self.complete = false;
    }

    fn array_header(&mut self, buf: &[u8]) -> Parsed {
        match header(buf, 0, self.limits.max_line_bytes) {
            Line::Incomplete => Parsed::Incomplete { missing: 1 },
            Line::TooLong => error("too big mbulk count string"),
            Line::Number { value: Some(count), next } if count <= self.limits.max_args => {
                self.pos = next;
                self.missing_args = Some(count.max(0) as usize);
                self.bulks(buf)
            }
            Line::Number { .. } => error("invalid multibulk length"),
        }
    }

    fn bulks(&mut self, buf: &[u8]) -> Parsed {
        let mut missing_args = self.missing_args.unwrap_or(0);
        while missing_args > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => match self.bulk_header(buf) {
                    Ok(len) => len,
                    Err(parsed) => {
                        self.missing_args = Some(missing_args);
                        return parsed;
                    }
                },
            };
            let end = self.pos + len;
            if buf.len() < end + 2 {
                self.bulk = Some(len);
                self.missing_args = Some(missing_args);
                return Parsed::Incomplete { missing: end + 2 - buf.len() };
            }
            self.args.push((self.pos, end));
            self.pos = end + 2;
            self.bulk = None;
            missing_args -= 1;
        }
        Parsed::Complete { consumed: self.pos }
    }

    #[inline]
    fn bulk_header(&mut self, buf: &[u8]) -> Result<usize, Parsed> {
        match header(buf, self.pos, self.limits.max_line_bytes) {
            Line::Incomplete => Err(Parsed::Incomplete { missing: 1 }),
            Line::TooLong => Err(error("too big bulk count string")),
            Line::Number { .. } if buf[self.pos] != b'$' => Err(Parsed::Error(format!(
                "Protocol error: expected '$', got '{}'",
                char::from(buf[self.pos])
            ))),
            Line::Number { value: Some(len), next }
                if (0..=self.limits.max_bulk_bytes).contains(&len) =>
            {
                self.pos = next;
                Ok(len as usize)
            }
            Line::Number { .. } => Err(error("invalid bulk length")),
        }
    }

    fn inline(&mut self, buf: &[u8]) -> Parsed {
        // `pos` is how far the line has been searched for its end.
        let Some(found) = memchr::memchr(b'\n', &buf[self.pos.min(buf.len())..]) else {
            self.pos = buf.len();
            if buf.len() > self.limits.max_line_bytes {
                return error("too big inline request");
            }
            return Parsed::Incomplete { missing: 1 };
        };
        let end = self.pos + found;
        let line = buf[..end].strip_suffix(b"\r").unwrap_or(&buf[..end]);
        self.inline = true;
        match split_quoted(line, &mut self.unquoted, &mut self.args) {
            Some(()) => Parsed::Complete { consumed: end + 1 },
            None => error("unbalanced quotes in request"),
        }
    }
}

fn error(what: &str) -> Parsed {
    Parsed::Error(format!("Protocol error: {what}"))
}

/// Reads a mark and a number up to CR LF; the mark itself is the caller's to judge.
#[inline]
fn header(buf: &[u8], at: usize, max_line_bytes: usize) -> Line {
    let mut value: i64 = 0;
    let mut pos = at + 1;
    while let Some(digit) = buf.get(pos).filter(|byte| byte.is_ascii_digit() && pos < at + 10) {
        value = value * 10 + i64::from(digit - b'0');
        pos += 1;
    }
    let canonical = pos > at + 1 && (buf[at + 1] != b'0' || pos == at + 2);
    match buf.get(pos..pos + 2) {
        Some(b"\r\n") if canonical => Line::Number { value: Some(value), next: pos + 2 },
        _ => odd_header(buf, at, max_line_bytes),
    }
}

/// The same for everything that is not a short plain number in one piece.
#[cold]
fn odd_header(buf: &[u8], at: usize, max_line_bytes: usize) -> Line {
    let rest = buf.get(at..).unwrap_or_default();
    match memchr::memchr(b'\r', rest) {
        None if rest.len() > max_line_bytes => Line::TooLong,
        None => Line::Incomplete,
        Some(end) if end + 1 >= rest.len() => Line::Incomplete,
        Some(end) => {
            let digits = rest.get(1..end).unwrap_or_default();
            Line::Number { value: number::parse_i64(digits), next: at + end + 2 }
        }
    }
}

/// Splits a line into arguments by redis-cli's rules, appending their bytes to `out` and their
/// ranges in it to `args`.
///
/// Blanks separate. `"…"` knows `\n \r \t \b \a \xHH` and a backslash before any other character;
/// `'…'` knows `\'`. A closing quote must be followed by a blank or the end. None when quotes are
/// unbalanced.
pub fn split_quoted(line: &[u8], out: &mut Vec<u8>, args: &mut Vec<(usize, usize)>) -> Option<()> {
    let mut rest = line;
    loop {
        let blanks = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[blanks..];
        if rest.is_empty() {
            return Some(());
        }
        let start = out.len();
        rest = take_word(rest, out)?;
        args.push((start, out.len()));
    }
}

/// What C's `isspace` accepts.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn take_word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            // A NUL ends the whole line, as it does in Redis.
            [] | [0, ..] => return Some(&[]),
            [byte, ..] if is_space(*byte) => return Some(rest),
            [b'"', tail @ ..] => return take_double_quoted(tail, out),
            [b'\'', tail @ ..] => return take_single_quoted(tail, out),
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\\', b'x', high, low, tail @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high)? << 4 | hex(*low)?);
                tail
            }
            [b'\\', byte, tail @ ..] => {
                out.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                tail
            }
            [b'"', tail @ ..] => return after_quote(tail),
            [] => return None,
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\\', b'\'', tail @ ..] => {
                out.push(b'\'');
                tail
            }
            [b'\'', tail @ ..] => return after_quote(tail),
            [] => return None,
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

fn after_quote(tail: &[u8]) -> Option<&[u8]> {
    match tail {
        [byte, ..] if *byte != 0 && !is_space(*byte) => None,
        _ => Some(tail),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut buf: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, String> {
        let mut parser = Parser::default();
        let mut requests = Vec::new();
        loop {
            match parser.parse(buf) {
                Parsed::Complete { consumed } => {
                    requests.push(parser.args(buf).map(<[u8]>::to_vec).collect());
                    buf = &buf[consumed..];
                }
                Parsed::Incomplete { .. } => return Ok(requests),
                Parsed::Error(text) => return Err(text),
            }
        }
    }

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        let (mut out, mut args) = (Vec::new(), Vec::new());
        split_quoted(line.as_bytes(), &mut out, &mut args)?;
        Some(args.into_iter().map(|(start, end)| out[start..end].to_vec()).collect())
    }

    #[test]
    fn a_pipeline_is_taken_request_by_request() {
        let requests =
            all(b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*0\r\nPING 'a b'\r\n\r\n*-1\r\n*1\r\n$1\r\n\r\r\n")
                .unwrap();
        let expected: Vec<Vec<&[u8]>> =
            vec![vec![b"GET", b""], vec![], vec![b"PING", b"a b"], vec![], vec![], vec![b"\r"]];
        assert_eq!(requests, expected);
    }

    #[test]
    fn a_request_may_arrive_byte_by_byte() {
        let whole = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n";
        let mut parser = Parser::default();
        for end in 0..whole.len() {
            assert!(matches!(parser.parse(&whole[..end]), Parsed::Incomplete { .. }), "{end}");
        }
        assert_eq!(parser.parse(whole), Parsed::Complete { consumed: whole.len() });
        assert_eq!(parser.args(whole).last(), Some(&b"hello\r\nworld"[..]));
    }

    #[test]
    fn what_is_missing_of_a_bulk_string_is_told() {
        let mut parser = Parser::default();
        assert_eq!(parser.parse(b"*1\r\n$100\r\nab"), Parsed::Incomplete { missing: 100 });
        assert!(parser.in_request());
    }

    #[test]
    fn protocol_errors_have_the_words_of_redis() {
        let long = [b'1'; 70_000];
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (b"*x\r\n".to_vec(), "invalid multibulk length"),
            (b"*01\r\n".to_vec(), "invalid multibulk length"),
            (b"*1048577\r\n".to_vec(), "invalid multibulk length"),
            (b"*1\r\nfoo\r\n".to_vec(), "expected '$', got 'f'"),
            (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$99999999999999999999\r\n".to_vec(), "invalid bulk length"),
            ([b"*", &long[..]].concat(), "too big mbulk count string"),
            ([b"*1\r\n$", &long[..]].concat(), "too big bulk count string"),
            (long.to_vec(), "too big inline request"),
            (b"SET \"a\r\n".to_vec(), "unbalanced quotes in request"),
        ];
        for (bytes, text) in cases {
            assert_eq!(all(&bytes), Err(format!("Protocol error: {text}")));
        }
    }

    #[test]
    fn inline_words_are_quoted_as_in_redis_cli() {
        assert_eq!(words("  a\tb  ").unwrap(), [b"a", b"b"]);
        assert_eq!(
            words(r#""\x41\n\q\"" 'it\'s' "" x"y""#).unwrap(),
            [&b"A\nq\""[..], b"it's", b"", b"xy"]
        );
        assert_eq!(words(r#""\xzz""#).unwrap(), [b"xzz"]);
        for unbalanced in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\"] {
            assert_eq!(words(unbalanced), None, "{unbalanced}");
        }
    }
}

//! Replies, appended straight to the connection's output buffer.
//!
//! The same call gives RESP2 or RESP3 by the protocol the client asked for, as Redis does:
//!
//! | call | RESP2 | RESP3 |
//! |---|---|---|
//! | `map(n)` | `*2n` | `%n` |
//! | `set(n)`, `push(n)` | `*n` | `~n`, `>n` |
//! | `double` | `$` text | `,` text |
//! | `bool` | `:1` or `:0` | `#t` or `#f` |
//! | `null`, `null_array` | `$-1`, `*-1` | `_` |
//! | `verbatim` | `$` text | `=` format `:` text |
use crate::double;

/// Room for a header: its mark, 20 digits, a line break.
const HEADER_BYTES: usize = 24;

/// Writes replies.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    resp3: bool,
}

impl Writer {
    /// An empty writer that speaks RESP2.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the client asked for RESP3.
    #[inline]
    pub fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// Chooses the protocol for what follows.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
    }

    /// What was written and not yet taken.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// `+text`; line breaks become spaces.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// `-text`, the error code first ("ERR …"); line breaks become spaces.
    pub fn error(&mut self, text: &str) {
        self.line(b'-', text.as_bytes());
    }

    /// `-text` where the text quotes what a client sent, which need not be UTF-8.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.line(b'-', text);
    }

    /// `:n`
    #[inline]
    pub fn int(&mut self, n: i64) {
        self.header(b':', n);
    }

    /// `$len` bytes
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + HEADER_BYTES + 2);
        self.header(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A request: an array of its arguments.
    pub fn request(&mut self, args: &[&[u8]]) {
        self.array(args.len());
        args.iter().for_each(|arg| self.bulk(arg));
    }

    /// `$len` and bytes that `append` writes behind what is there, `len` of them.
    pub fn bulk_with<E>(
        &mut self,
        len: usize,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.header(b'$', len as i64);
        append(&mut self.out)?;
        self.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// An integer as a bulk string.
    pub fn bulk_int(&mut self, n: i64) {
        self.bulk(itoa::Buffer::new().format(n).as_bytes());
    }

    /// A double: `,x` in RESP3, a bulk string in RESP2, text as Redis 7.2 prints it (shortest round
    /// trip, inf, -inf, nan).
    pub fn double(&mut self, x: f64) {
        let start = self.out.len();
        if self.resp3 {
            self.out.push(b',');
            double::write_shortest(&mut self.out, x);
            self.out.extend_from_slice(b"\r\n");
        } else {
            double::write_shortest(&mut self.out, x);
            let len = self.out.len() - start;
            self.insert_header(start, b'$', len);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// A boolean: `#t` in RESP3, `:1` / `:0` in RESP2.
    pub fn bool(&mut self, b: bool) {
        self.out.extend_from_slice(match (self.resp3, b) {
            (true, true) => b"#t\r\n",
            (true, false) => b"#f\r\n",
            (false, true) => b":1\r\n",
            (false, false) => b":0\r\n",
        });
    }

    /// Null: `_` in RESP3, `$-1` in RESP2.
    #[inline]
    pub fn null(&mut self) {
        let null: &[u8] = if self.resp3 { b"_\r\n" } else { b"$-1\r\n" };
        self.out.extend_from_slice(null);
    }

    /// Null array: `_` in RESP3, `*-1` in RESP2.
    pub fn null_array(&mut self) {
        let null: &[u8] = if self.resp3 { b"_\r\n" } else { b"*-1\r\n" };
        self.out.extend_from_slice(null);
    }

    /// Header of an array.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// Header of a map of `len` pairs; twice as long an array in RESP2.
    pub fn map(&mut self, len: usize) {
        let (mark, len) = self.aggregate(b'%', len);
        self.header(mark, len as i64);
    }

    /// Header of a set; an array in RESP2.
    pub fn set(&mut self, len: usize) {
        let (mark, len) = self.aggregate(b'~', len);
        self.header(mark, len as i64);
    }

    /// Header of a push; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        let (mark, len) = self.aggregate(b'>', len);
        self.header(mark, len as i64);
    }

    /// Verbatim text (`format` is "txt" or "mkd"): `=len` in RESP3, a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if !self.resp3 {
            return self.bulk(text);
        }
        self.header(b'=', (format.len() + 1 + text.len()) as i64);
        self.out.extend_from_slice(format.as_bytes());
        self.out.push(b':');
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A place where a header will be written once the number of elements is known; see
    /// `end_deferred_array`.
    pub fn begin_deferred(&mut self) -> usize {
        self.out.len()
    }

    /// Puts the header of an array of `len` at `place`, moving what was written since.
    pub fn end_deferred_array(&mut self, place: usize, len: usize) {
        self.insert_header(place, b'*', len);
    }

    /// The same for a map of `len` pairs.
    pub fn end_deferred_map(&mut self, place: usize, len: usize) {
        let (mark, len) = self.aggregate(b'%', len);
        self.insert_header(place, mark, len);
    }

    /// The same for a set.
    pub fn end_deferred_set(&mut self, place: usize, len: usize) {
        let (mark, len) = self.aggregate(b'~', len);
        self.insert_header(place, mark, len);
    }

    /// Drops everything written since `place`: a command that failed half way replies with its
    /// error alone.
    pub fn rewind(&mut self, place: usize) {
        self.out.truncate(place);
    }

    /// The mark and length of an aggregate whose RESP3 mark is `mark`.
    fn aggregate(&self, mark: u8, len: usize) -> (u8, usize) {
        match (self.resp3, mark) {
            (true, _) => (mark, len),
            (false, b'%') => (b'*', len * 2),
            (false, _) => (b'*', len),
        }
    }

    #[inline]
    fn header(&mut self, mark: u8, n: i64) {
        if (0..10).contains(&n) {
            self.out.extend_from_slice(&[mark, b'0' + n as u8, b'\r', b'\n']);
            return;
        }
        self.out.reserve(HEADER_BYTES);
        self.out.push(mark);
        self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    fn insert_header(&mut self, place: usize, mark: u8, len: usize) {
        let body = self.out.len() - place;
        self.header(mark, len as i64);
        self.out[place..].rotate_left(body);
    }

    fn line(&mut self, mark: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(mark);
        let start = self.out.len();
        self.out.extend_from_slice(text);
        for byte in &mut self.out[start..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resp3: bool, write: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::new();
        writer.set_resp3(resp3);
        write(&mut writer);
        String::from_utf8(std::mem::take(writer.buffer())).unwrap()
    }

    fn both(write: impl Fn(&mut Writer)) -> (String, String) {
        (written(false, &write), written(true, &write))
    }

    #[test]
    fn each_call_gives_the_form_of_its_protocol() {
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(both(|w| w.null()), pair("$-1\r\n", "_\r\n"));
        assert_eq!(both(|w| w.null_array()), pair("*-1\r\n", "_\r\n"));
        assert_eq!(both(|w| w.map(12)), pair("*24\r\n", "%12\r\n"));
        assert_eq!(both(|w| w.set(3)), pair("*3\r\n", "~3\r\n"));
        assert_eq!(both(|w| w.push(2)), pair("*2\r\n", ">2\r\n"));
        assert_eq!(both(|w| w.bool(true)), pair(":1\r\n", "#t\r\n"));
        assert_eq!(both(|w| w.double(0.1)), pair("$3\r\n0.1\r\n", ",0.1\r\n"));
        assert_eq!(both(|w| w.verbatim("txt", b"hi")), pair("$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"));
    }

    #[test]
    fn headers_hold_any_number() {
        assert_eq!(written(false, |w| w.int(i64::MIN)), format!(":{}\r\n", i64::MIN));
        assert_eq!(written(false, |w| w.int(-1)), ":-1\r\n");
        assert_eq!(written(false, |w| w.bulk(b"0123456789")), "$10\r\n0123456789\r\n");
        assert_eq!(written(false, |w| w.bulk_int(-12)), "$3\r\n-12\r\n");
    }

    #[test]
    fn an_error_never_breaks_its_line() {
        assert_eq!(written(false, |w| w.error("ERR a\r\nb")), "-ERR a  b\r\n");
    }

    #[test]
    fn a_deferred_header_stands_before_what_was_written_since() {
        let nested = |w: &mut Writer| {
            let outer = w.begin_deferred();
            w.int(1);
            let inner = w.begin_deferred();
            w.bulk(b"f");
            w.bulk(b"v");
            w.end_deferred_map(inner, 1);
            w.end_deferred_array(outer, 2);
        };
        assert_eq!(written(true, nested), "*2\r\n:1\r\n%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
        assert_eq!(written(false, nested), "*2\r\n:1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
    }
}

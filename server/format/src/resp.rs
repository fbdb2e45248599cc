//! RESP2 and RESP3: parsing requests, writing replies.
//!
//! [`Writer`] appends replies straight to the connection's output buffer; the same call gives RESP2 or RESP3 by the
//! protocol the client asked for, as Redis does (a map becomes a flat array in RESP2, a double a bulk string, …).

/// Writes replies.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    resp3: bool,
}

impl Writer {
    /// An empty writer that speaks RESP2.
    pub fn new() -> Self {
        Self { out: Vec::new(), resp3: false }
    }
    /// Whether the client asked for RESP3.
    pub fn is_resp3(&self) -> bool {
        self.resp3
    }
    /// Chooses the protocol for what follows.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
    }
    /// What was written and not yet taken.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }
    /// `+text`
    pub fn simple(&mut self, text: &str) {
        let _ = text;
        todo!()
    }
    /// `-text`, the error code first ("ERR …"); line breaks become spaces.
    pub fn error(&mut self, text: &str) {
        let _ = text;
        todo!()
    }
    /// `:n`
    pub fn int(&mut self, n: i64) {
        let _ = n;
        todo!()
    }
    /// `$len` bytes
    pub fn bulk(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }
    /// An integer as a bulk string.
    pub fn bulk_int(&mut self, n: i64) {
        let _ = n;
        todo!()
    }
    /// A double: `,x` in RESP3, a bulk string in RESP2, text as Redis 7.2 prints it (shortest round trip, inf, -inf, nan).
    pub fn double(&mut self, x: f64) {
        let _ = x;
        todo!()
    }
    /// A boolean: `#t` in RESP3, `:1` / `:0` in RESP2.
    pub fn bool(&mut self, b: bool) {
        let _ = b;
        todo!()
    }
    /// Null: `_` in RESP3, `$-1` in RESP2.
    pub fn null(&mut self) {
        todo!()
    }
    /// Null array: `_` in RESP3, `*-1` in RESP2.
    pub fn null_array(&mut self) {
        todo!()
    }
    /// Header of an array.
    pub fn array(&mut self, len: usize) {
        let _ = len;
        todo!()
    }
    /// Header of a map of `len` pairs; twice as long an array in RESP2.
    pub fn map(&mut self, len: usize) {
        let _ = len;
        todo!()
    }
    /// Header of a set; an array in RESP2.
    pub fn set(&mut self, len: usize) {
        let _ = len;
        todo!()
    }
    /// Header of a push; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        let _ = len;
        todo!()
    }
    /// Verbatim text (`format` is "txt" or "mkd"): `=len` in RESP3, a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        let _ = (format, text);
        todo!()
    }
    /// A place where a header will be written once the number of elements is known; see `end_deferred`.
    pub fn begin_deferred(&mut self) -> usize {
        self.out.len()
    }
    /// Puts the header of an array of `len` at `place`, moving what was written since.
    pub fn end_deferred_array(&mut self, place: usize, len: usize) {
        let _ = (place, len);
        todo!()
    }
    /// The same for a map of `len` pairs.
    pub fn end_deferred_map(&mut self, place: usize, len: usize) {
        let _ = (place, len);
        todo!()
    }
    /// The same for a set.
    pub fn end_deferred_set(&mut self, place: usize, len: usize) {
        let _ = (place, len);
        todo!()
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

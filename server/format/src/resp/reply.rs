//! Replies as values: what a client reads, in RESP2 and RESP3.
//!
//! Attributes (`|`) are read and dropped, as clients without a use for them do.
use crate::error::{FormatError, Result};
use crate::{double, number};

/// Replies nest at most this deep; more is taken for an attack.
const MAX_DEPTH: usize = 128;

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `+`
    Simple(Vec<u8>),
    /// `-` or `!`, the error code first.
    Error(Vec<u8>),
    /// `:`
    Int(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Null,
    /// `*`
    Array(Vec<Value>),
    /// `%`, in the order received.
    Map(Vec<(Value, Value)>),
    /// `~`
    Set(Vec<Value>),
    /// `>`
    Push(Vec<Value>),
    /// `,`
    Double(f64),
    /// `#`
    Bool(bool),
    /// `(`, decimal text.
    BigNumber(Vec<u8>),
    /// `=`: format ("txt", "mkd") and text.
    Verbatim(Vec<u8>, Vec<u8>),
}

/// Reads the reply at the start of `bytes` and how many bytes it takes; None when its end is not
/// there yet.
pub fn parse_reply(bytes: &[u8]) -> Result<Option<(Value, usize)>> {
    let mut reader = Reader { bytes, pos: 0 };
    let value = reader.value(0)?;
    Ok(value.map(|value| (value, reader.pos)))
}

struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
}

/// `let` for what may not have arrived: gives None to the caller.
macro_rules! arrived {
    ($maybe:expr) => {
        match $maybe? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Option<Value>> {
        if depth > MAX_DEPTH {
            return Err(FormatError::corrupt(self.pos, "reply is nested too deep"));
        }
        let start = self.pos;
        let line = arrived!(self.line());
        let Some((mark, text)) = line.split_first() else {
            return Err(FormatError::corrupt(start, "reply begins with an empty line"));
        };
        Ok(Some(match mark {
            b'+' => Value::Simple(text.to_vec()),
            b'-' => Value::Error(text.to_vec()),
            b'(' => Value::BigNumber(text.to_vec()),
            b':' => Value::Int(self.int(start, text)?),
            b'_' => Value::Null,
            b',' => Value::Double(self.double(start, text)?),
            b'#' => Value::Bool(text == b"t"),
            b'$' | b'!' | b'=' => return self.bulk(start, *mark, text),
            b'*' | b'~' | b'>' | b'%' | b'|' => return self.aggregate(start, *mark, text, depth),
            other => {
                let what = format!("unknown reply type byte 0x{other:02x}");
                return Err(FormatError::corrupt(start, what));
            }
        }))
    }

    fn line(&mut self) -> Result<Option<&'a [u8]>> {
        let rest = &self.bytes[self.pos..];
        match memchr::memchr(b'\r', rest) {
            Some(end) if end + 1 < rest.len() => {
                if rest[end + 1] != b'\n' {
                    return Err(FormatError::corrupt(self.pos + end, "CR without LF in a reply"));
                }
                self.pos += end + 2;
                Ok(Some(&rest[..end]))
            }
            _ => Ok(None),
        }
    }

    fn int(&self, start: usize, text: &[u8]) -> Result<i64> {
        number::parse_i64(text.strip_prefix(b"+").unwrap_or(text))
            .ok_or_else(|| FormatError::corrupt(start, "reply with a malformed integer"))
    }

    fn double(&self, start: usize, text: &[u8]) -> Result<f64> {
        double::parse(text)
            .ok_or_else(|| FormatError::corrupt(start, "reply with a malformed double"))
    }

    fn bulk(&mut self, start: usize, mark: u8, text: &[u8]) -> Result<Option<Value>> {
        let len = self.int(start, text)?;
        let Ok(len) = usize::try_from(len) else { return Ok(Some(Value::Null)) };
        let rest = &self.bytes[self.pos..];
        let Some(body) = rest.get(..len).filter(|_| rest.len() - len >= 2) else {
            return Ok(None);
        };
        if &rest[len..len + 2] != b"\r\n" {
            return Err(FormatError::corrupt(self.pos + len, "bulk reply without its CR LF"));
        }
        self.pos += len + 2;
        Ok(Some(match mark {
            b'!' => Value::Error(body.to_vec()),
            b'=' => match body.get(3) {
                Some(b':') => Value::Verbatim(body[..3].to_vec(), body[4..].to_vec()),
                _ => return Err(FormatError::corrupt(start, "verbatim reply without its format")),
            },
            _ => Value::Bulk(body.to_vec()),
        }))
    }

    fn aggregate(
        &mut self,
        start: usize,
        mark: u8,
        text: &[u8],
        depth: usize,
    ) -> Result<Option<Value>> {
        let count = self.int(start, text)?;
        if count < 0 {
            return Ok(Some(Value::Null));
        }
        if matches!(mark, b'%' | b'|') {
            let pairs = arrived!(self.pairs(count, depth));
            return match mark {
                b'%' => Ok(Some(Value::Map(pairs))),
                _ => self.value(depth + 1),
            };
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(arrived!(self.value(depth + 1)));
        }
        Ok(Some(match mark {
            b'~' => Value::Set(items),
            b'>' => Value::Push(items),
            _ => Value::Array(items),
        }))
    }

    fn pairs(&mut self, count: i64, depth: usize) -> Result<Option<Vec<(Value, Value)>>> {
        let mut pairs = Vec::new();
        for _ in 0..count {
            let key = arrived!(self.value(depth + 1));
            pairs.push((key, arrived!(self.value(depth + 1))));
        }
        Ok(Some(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Value {
        let (value, consumed) = parse_reply(bytes).unwrap().unwrap();
        assert_eq!(consumed, bytes.len());
        for end in 0..bytes.len() {
            assert_eq!(parse_reply(&bytes[..end]), Ok(None), "{end}");
        }
        value
    }

    #[test]
    fn every_reply_type_is_read_whole_or_not_at_all() {
        let bulk = |text: &[u8]| Value::Bulk(text.to_vec());
        assert_eq!(one(b"+OK\r\n"), Value::Simple(b"OK".to_vec()));
        assert_eq!(one(b"-ERR no\r\n"), Value::Error(b"ERR no".to_vec()));
        assert_eq!(one(b"!6\r\nERR no\r\n"), Value::Error(b"ERR no".to_vec()));
        assert_eq!(one(b":-5\r\n"), Value::Int(-5));
        assert_eq!(one(b"$2\r\n\r\n\r\n"), bulk(b"\r\n"));
        assert_eq!(one(b"$-1\r\n"), Value::Null);
        assert_eq!(one(b"*-1\r\n"), Value::Null);
        assert_eq!(one(b"_\r\n"), Value::Null);
        assert_eq!(one(b",-inf\r\n"), Value::Double(f64::NEG_INFINITY));
        assert_eq!(one(b"#t\r\n"), Value::Bool(true));
        assert_eq!(one(b"(123\r\n"), Value::BigNumber(b"123".to_vec()));
        assert_eq!(one(b"=6\r\ntxt:hi\r\n"), Value::Verbatim(b"txt".to_vec(), b"hi".to_vec()));
        assert_eq!(
            one(b"*2\r\n:1\r\n*0\r\n"),
            Value::Array(vec![Value::Int(1), Value::Array(vec![])])
        );
        assert_eq!(
            one(b"%1\r\n+k\r\n~1\r\n$1\r\nv\r\n"),
            Value::Map(vec![(Value::Simple(b"k".to_vec()), Value::Set(vec![bulk(b"v")]))])
        );
        assert_eq!(one(b"|1\r\n+ttl\r\n:1\r\n:7\r\n"), Value::Int(7));
        assert_eq!(one(b">1\r\n:1\r\n"), Value::Push(vec![Value::Int(1)]));
    }

    #[test]
    fn malformed_replies_are_refused_with_their_place() {
        for bytes in [&b"?\r\n"[..], b"\r\n", b":x\r\n", b"$1\r\nabc", b"=2\r\nab\r\n", b"+a\rb"] {
            assert!(parse_reply(bytes).is_err());
        }
        assert!(parse_reply(&b"*1\r\n".repeat(1000)).is_err());
    }
}

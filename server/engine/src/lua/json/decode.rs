//! JSON as values: objects and arrays are tables, null is a light userdata.
//!
//! Text ends at a zero byte, as C sees it. Errors tell what was found where, in lua-cjson's names.
use mlua::{Lua, Table, Value};

use super::super::args::Args;
use super::super::raise;
use super::super::sandbox::check_memory;
use super::{number, Options};

/// What the machine's stack bears, whatever `decode_max_depth` says.
const MAX_DEPTH: i32 = 1_200;
/// Values decoded between two looks at memory.
const VALUES_PER_CHECK: usize = 1_024;

pub(super) fn decode(args: Args, options: Options, memory_bytes: usize) -> mlua::Result<Value> {
    if args.len() != 1 {
        return args.bad(0, "expected 1 argument");
    }
    let text = args.string(0)?;
    let bytes = text.as_bytes();
    if bytes.len() >= 2 && (bytes[0] == 0 || bytes[1] == 0) {
        return raise::text(args.lua, "JSON parser does not support UTF-16 or UTF-32");
    }
    let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
    let text = &bytes[..end];
    let mut decoder =
        Decoder { lua: args.lua, options, text, at: 0, depth: 0, memory_bytes, decoded: 0 };
    let token = decoder.token();
    let value = decoder.value(token)?;
    let token = decoder.token();
    match token.kind {
        Kind::End => Ok(value),
        _ => decoder.unexpected("the end", &token),
    }
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::Text(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Error(what) => what,
        }
    }
}

struct Token {
    kind: Kind,
    at: usize,
}

struct Decoder<'a> {
    lua: &'a Lua,
    options: Options,
    text: &'a [u8],
    at: usize,
    depth: i32,
    memory_bytes: usize,
    decoded: usize,
}

impl Decoder<'_> {
    fn unexpected<R>(&self, expected: &str, token: &Token) -> mlua::Result<R> {
        let (found, at) = (token.kind.name(), token.at + 1);
        raise::text(self.lua, format!("Expected {expected} but found {found} at character {at}"))
    }

    fn value(&mut self, token: Token) -> mlua::Result<Value> {
        self.decoded += 1;
        if self.decoded.is_multiple_of(VALUES_PER_CHECK) {
            check_memory(self.lua, self.memory_bytes)?;
        }
        Ok(match token.kind {
            Kind::Text(text) => Value::String(self.lua.create_string(text)?),
            Kind::Number(number) => Value::Number(number),
            Kind::Boolean(value) => Value::Boolean(value),
            Kind::Null => Value::NULL,
            Kind::ObjectBegin => Value::Table(self.object()?),
            Kind::ArrayBegin => Value::Table(self.array()?),
            _ => return self.unexpected("value", &token),
        })
    }

    fn descend(&mut self) -> mlua::Result<Table> {
        self.depth += 1;
        let depth = self.depth;
        if depth > self.options.decode_max_depth.min(MAX_DEPTH) {
            let at = self.at;
            let text = format!("Found too many nested data structures ({depth}) at character {at}");
            return raise::text(self.lua, text);
        }
        self.lua.create_table()
    }

    fn object(&mut self) -> mlua::Result<Table> {
        let table = self.descend()?;
        let mut token = self.token();
        if token.kind == Kind::ObjectEnd {
            self.depth -= 1;
            return Ok(table);
        }
        loop {
            let Kind::Text(key) = &token.kind else {
                return self.unexpected("object key string", &token);
            };
            let key = self.lua.create_string(key)?;
            let colon = self.token();
            if colon.kind != Kind::Colon {
                return self.unexpected("colon", &colon);
            }
            let first = self.token();
            let value = self.value(first)?;
            table.raw_set(key, value)?;
            token = self.token();
            match token.kind {
                Kind::ObjectEnd => break,
                Kind::Comma => token = self.token(),
                _ => return self.unexpected("comma or object end", &token),
            }
        }
        self.depth -= 1;
        Ok(table)
    }

    fn array(&mut self) -> mlua::Result<Table> {
        let table = self.descend()?;
        let mut token = self.token();
        if token.kind == Kind::ArrayEnd {
            self.depth -= 1;
            return Ok(table);
        }
        for place in 1.. {
            let value = self.value(token)?;
            table.raw_set(f64::from(place), value)?;
            token = self.token();
            match token.kind {
                Kind::ArrayEnd => break,
                Kind::Comma => token = self.token(),
                _ => return self.unexpected("comma or array end", &token),
            }
        }
        self.depth -= 1;
        Ok(table)
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn token(&mut self) -> Token {
        while matches!(self.byte(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let kind = match self.byte(0) {
            0 => return Token { kind: Kind::End, at },
            b'{' => Kind::ObjectBegin,
            b'}' => Kind::ObjectEnd,
            b'[' => Kind::ArrayBegin,
            b']' => Kind::ArrayEnd,
            b':' => Kind::Colon,
            b',' => Kind::Comma,
            b'"' => return self.text_token(at),
            _ => return Token { kind: self.word(), at },
        };
        self.at += 1;
        Token { kind, at }
    }

    /// A number, true, false or null.
    fn word(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        for (word, kind) in [
            (&b"true"[..], Kind::Boolean(true)),
            (b"false", Kind::Boolean(false)),
            (b"null", Kind::Null),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return kind;
            }
        }
        let allows_invalid = self.options.decode_invalid_numbers;
        let is_invalid = is_invalid_number(rest);
        match rest[0] {
            b'-' | b'0'..=b'9' if !allows_invalid && is_invalid => Kind::Error("invalid number"),
            b'-' | b'0'..=b'9' => self.number(),
            b'+' | b'i' | b'I' | b'n' | b'N' if allows_invalid && is_invalid => self.number(),
            _ => Kind::Error("invalid token"),
        }
    }

    fn number(&mut self) -> Kind {
        match number::read(&self.text[self.at..]) {
            Some((number, len)) => {
                self.at += len;
                Kind::Number(number)
            }
            None => Kind::Error("invalid number"),
        }
    }

    /// A string; an error in it is told at its own place.
    fn text_token(&mut self, start: usize) -> Token {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            let problem = match rest.get(plain) {
                Some(b'"') => {
                    self.at += 1;
                    return Token { kind: Kind::Text(text), at: start };
                }
                Some(_) => self.escape(&mut text).err(),
                None => Some("unexpected end of string"),
            };
            if let Some(problem) = problem {
                return Token { kind: Kind::Error(problem), at: self.at };
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), &'static str> {
        let byte = match self.byte(1) {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 0x0c,
            b'r' => b'\r',
            b'u' => {
                let (character, len) =
                    self.unicode_escape().ok_or("invalid unicode escape code")?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += len;
                return Ok(());
            }
            _ => return Err("invalid escape code"),
        };
        text.push(byte);
        self.at += 2;
        Ok(())
    }

    /// One code point, of one escape or of a pair, and how many bytes they take.
    fn unicode_escape(&self) -> Option<(char, usize)> {
        let first = self.four_digits(2)?;
        if first & 0xf800 != 0xd800 {
            return Some((char::from_u32(first)?, 6));
        }
        if first & 0x400 != 0 || self.byte(6) != b'\\' || self.byte(7) != b'u' {
            return None;
        }
        let second = self.four_digits(8)?;
        if second & 0xfc00 != 0xdc00 {
            return None;
        }
        let point = 0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff);
        Some((char::from_u32(point)?, 12))
    }

    fn four_digits(&self, ahead: usize) -> Option<u32> {
        (0..4).try_fold(0, |number, place| {
            Some(number << 4 | char::from(self.byte(ahead + place)).to_digit(16)?)
        })
    }
}

/// What JSON does not allow a number to be, though C reads it.
fn is_invalid_number(text: &[u8]) -> bool {
    if text[0] == b'+' {
        return true;
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    match (text.first().copied().unwrap_or(0), text.get(1).copied().unwrap_or(0)) {
        (b'0', next) => matches!(next, b'x' | b'X' | b'0'..=b'9'),
        (0..=b'9', _) => false,
        _ => {
            let starts =
                |word: &[u8]| text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(word));
            starts(b"inf") || starts(b"nan")
        }
    }
}

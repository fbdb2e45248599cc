//! Replies of commands as Lua values.
//!
//! | reply | value |
//! |---|---|
//! | `+text` | `{ok=text}` |
//! | `-text` | `{err=text}`, inside of another reply |
//! | `:n` | number |
//! | `$`, null | string, `false` |
//! | `*`, null array | table, `false` |
//! | `_` | nil |
//! | `#` | boolean |
//! | `,` | `{double=number}` |
//! | `%` | `{map={key=value}}` |
//! | `~` | `{set={element=true}}` |
//! | `(` | `{big_number=text}` |
//! | `=` | `{verbatim_string={format=…, string=…}}` |
use mlua::{Error, IntoLua, Lua, LuaString, Table, Value};
use redtool_format::{double, number};

use super::raise;

/// Replies nest no deeper.
const MAX_DEPTH: usize = 128;

/// The value of the reply that `bytes` hold.
pub(super) fn value(lua: &Lua, bytes: &[u8]) -> mlua::Result<Value> {
    Reader { lua, bytes, at: 0 }.value(0)
}

struct Reader<'a> {
    lua: &'a Lua,
    bytes: &'a [u8],
    at: usize,
}

fn malformed() -> Error {
    Error::runtime("malformed reply of a command")
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> mlua::Result<Value> {
        if depth > MAX_DEPTH {
            return Err(malformed());
        }
        let (mark, text) = self.line()?;
        match mark {
            b'$' => match length(text)? {
                Some(len) => Ok(Value::String(self.lua.create_string(self.body(len)?)?)),
                None => Ok(Value::Boolean(false)),
            },
            b':' => Ok(Value::Number(number::parse_i64(text).ok_or_else(malformed)? as f64)),
            b'+' => self.one("ok", self.lua.create_string(text)?),
            b'-' => raise::error_table(self.lua, text),
            b'*' | b'>' => match length(text)? {
                Some(len) => self.array(len, depth),
                None => Ok(Value::Boolean(false)),
            },
            b'_' => Ok(Value::Nil),
            b'#' => Ok(Value::Boolean(text == b"t")),
            b',' => self.one("double", double::parse(text).ok_or_else(malformed)?),
            b'(' => self.one("big_number", self.lua.create_string(text)?),
            b'%' => self.map(text, depth),
            b'~' => self.set(text, depth),
            b'=' => self.verbatim(text),
            _ => Err(malformed()),
        }
    }

    fn line(&mut self) -> mlua::Result<(u8, &'a [u8])> {
        let rest = &self.bytes[self.at..];
        let end = memchr::memchr(b'\r', rest).ok_or_else(malformed)?;
        let (mark, text) = rest[..end].split_first().ok_or_else(malformed)?;
        self.at = (self.at + end + 2).min(self.bytes.len());
        Ok((*mark, text))
    }

    fn body(&mut self, len: usize) -> mlua::Result<&'a [u8]> {
        let body = self.bytes[self.at..].get(..len).ok_or_else(malformed)?;
        self.at = (self.at + len + 2).min(self.bytes.len());
        Ok(body)
    }

    fn one(&self, name: &str, value: impl IntoLua) -> mlua::Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    }

    fn array(&mut self, len: usize, depth: usize) -> mlua::Result<Value> {
        // An element takes four bytes at least.
        let room = len.min((self.bytes.len() - self.at) / 4 + 1);
        let table = self.lua.create_table_with_capacity(room, 0)?;
        for place in 1..=len {
            match self.string_element()? {
                Some(element) => table.raw_set(place as f64, LuaString::wrap(element))?,
                None => {
                    let element = self.value(depth + 1)?;
                    table.raw_set(place as f64, element)?;
                }
            }
        }
        Ok(Value::Table(table))
    }

    /// The next reply when it is a string: most are.
    fn string_element(&mut self) -> mlua::Result<Option<&'a [u8]>> {
        if self.bytes.get(self.at) != Some(&b'$') {
            return Ok(None);
        }
        let start = self.at;
        let (_, text) = self.line()?;
        match length(text)? {
            Some(len) => self.body(len).map(Some),
            None => {
                self.at = start;
                Ok(None)
            }
        }
    }

    fn map(&mut self, text: &[u8], depth: usize) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..length(text)?.unwrap_or(0) {
            let key = self.value(depth + 1)?;
            let value = self.value(depth + 1)?;
            set(&table, key, value)?;
        }
        self.one("map", table)
    }

    fn set(&mut self, text: &[u8], depth: usize) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..length(text)?.unwrap_or(0) {
            let element = self.value(depth + 1)?;
            set(&table, element, Value::Boolean(true))?;
        }
        self.one("set", table)
    }

    fn verbatim(&mut self, text: &[u8]) -> mlua::Result<Value> {
        let body = self.body(length(text)?.unwrap_or(0))?;
        let (format, text) = body.split_at_checked(4).ok_or_else(malformed)?;
        let table = self.lua.create_table_with_capacity(0, 2)?;
        table.raw_set("string", self.lua.create_string(text)?)?;
        table.raw_set("format", self.lua.create_string(&format[..3])?)?;
        self.one("verbatim_string", table)
    }
}

/// Lua has no key nil.
fn set(table: &Table, key: Value, value: Value) -> mlua::Result<()> {
    match key {
        Value::Nil => Ok(()),
        key => table.raw_set(key, value),
    }
}

/// A length; None when it is that of null.
fn length(text: &[u8]) -> mlua::Result<Option<usize>> {
    let len = number::parse_i64(text).ok_or_else(malformed)?;
    Ok(usize::try_from(len).ok())
}

//! Values as JSON.
//!
//! A table with keys 1 to n is an array, with holes as null when it is not too sparse; an empty
//! one, or one with any other key, an object.
use mlua::{Lua, LuaString, Table, Value};
use redtool_format::double;

use super::super::args::{as_number, type_name, Args};
use super::super::raise;
use super::{Options, INVALID_NUMBERS};

pub(super) fn encode(args: Args, options: Options) -> mlua::Result<LuaString> {
    if args.len() != 1 {
        return args.bad(0, "expected 1 argument");
    }
    let mut encoder = Encoder { lua: args.lua, options, out: Vec::new() };
    encoder.value(args.get(0), 0)?;
    args.lua.create_string(encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    options: Options,
    out: Vec<u8>,
}

impl Encoder<'_> {
    fn fail<R>(&self, what: &str, why: &str) -> mlua::Result<R> {
        raise::text(self.lua, format!("Cannot serialise {what}: {why}"))
    }

    fn value(&mut self, value: &Value, depth: i32) -> mlua::Result<()> {
        match value {
            Value::String(text) => write_text(&mut self.out, &text.as_bytes()),
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Nil => self.out.extend_from_slice(b"null"),
            null if *null == Value::NULL => self.out.extend_from_slice(b"null"),
            Value::Table(table) => {
                let depth = depth + 1;
                if depth > self.options.encode_max_depth.min(MAX_DEPTH) {
                    let text = format!("Cannot serialise, excessive nesting ({depth})");
                    return raise::text(self.lua, text);
                }
                return match self.array_len(table)? {
                    0 => self.object(table, depth),
                    len => self.array(table, len, depth),
                };
            }
            other => match as_number(other) {
                Some(number) => return self.number(number),
                None => return self.fail(type_name(other), "type not supported"),
            },
        }
        Ok(())
    }

    fn number(&mut self, number: f64) -> mlua::Result<()> {
        if !number.is_finite() {
            match INVALID_NUMBERS[self.options.encode_invalid_numbers] {
                "off" => return self.fail("number", "must not be NaN or Inf"),
                "null" => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                _ => {}
            }
        }
        double::write_general(&mut self.out, number, self.options.precision as usize);
        Ok(())
    }

    /// The highest key when all are from 1 on; 0 when it is an object.
    fn array_len(&self, table: &Table) -> mlua::Result<usize> {
        let (mut highest, mut count) = (0f64, 0f64);
        for pair in table.pairs::<Value, Value>() {
            match as_number(&pair?.0) {
                Some(place) if place > 0.0 && place.fract() == 0.0 => {
                    if place > highest {
                        // The original keeps it in a C integer, which this one does not fit.
                        let fits = place <= f64::from(i32::MAX);
                        highest = if fits { place } else { f64::from(i32::MIN) };
                    }
                    count += 1.0;
                }
                _ => return Ok(0),
            }
        }
        let (ratio, safe) = (f64::from(self.options.sparse_ratio), self.options.sparse_safe);
        if ratio > 0.0 && highest > count * ratio && highest > f64::from(safe) {
            if !self.options.converts_sparse {
                return self.fail("table", "excessively sparse array");
            }
            return Ok(0);
        }
        Ok(highest as usize)
    }

    fn array(&mut self, table: &Table, len: usize, depth: i32) -> mlua::Result<()> {
        self.out.push(b'[');
        for place in 1..=len {
            if place > 1 {
                self.out.push(b',');
            }
            self.value(&table.raw_get::<Value>(place as f64)?, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i32) -> mlua::Result<()> {
        self.out.push(b'{');
        let mut is_first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !std::mem::take(&mut is_first) {
                self.out.push(b',');
            }
            match (&key, as_number(&key)) {
                (Value::String(text), _) => write_text(&mut self.out, &text.as_bytes()),
                (_, Some(number)) => {
                    self.out.push(b'"');
                    self.number(number)?;
                    self.out.push(b'"');
                }
                _ => return self.fail(type_name(&key), "table key must be a number or string"),
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// What the machine's stack bears, whatever `encode_max_depth` says.
const MAX_DEPTH: i32 = 1_200;

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            0x00..=0x1f | 0x7f => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            }
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

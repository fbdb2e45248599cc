//! The library cmsgpack: MessagePack as of its first specification (no binary type, no extensions).
//!
//! A table whose keys are 1 to n is an array, an empty one too; any other is a map. Numbers that
//! are integers of 64 bits take the shortest integer, others a float when it is exact, else a
//! double. Tables nest 16 deep, what is deeper is nil; so is what has no form, a function say.
use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::args::{as_number, to_i64, Args};
use super::raise;
use super::sandbox::{check_memory, Natives};

const MAX_NESTING: usize = 16;
/// Values that a call may return; Lua's stack holds 8,000.
pub(super) const MAX_VALUES: usize = 7_900;
/// Containers that may be open while decoding: what that stack allows in the original.
const MAX_OPEN: usize = 3_900;
/// Values decoded between two looks at memory.
const VALUES_PER_CHECK: usize = 1_024;

pub(super) fn library(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let memory_bytes = natives.memory_bytes();
    table.raw_set("pack", natives.function(lua, pack)?)?;
    table
        .raw_set("unpack", natives.function(lua, move |args| unpack(args, memory_bytes, 0, 0))?)?;
    table.raw_set(
        "unpack_one",
        natives.function(lua, move |args| {
            let offset = args.optional_int(1, 0)?;
            args.string(0)?;
            unpack(args, memory_bytes, 1, offset)
        })?,
    )?;
    table.raw_set(
        "unpack_limit",
        natives.function(lua, move |args| {
            let limit = args.int(1)?;
            unpack(args, memory_bytes, limit, args.optional_int(2, 0)?)
        })?,
    )?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

fn pack(args: Args) -> mlua::Result<LuaString> {
    if args.len() == 0 {
        return args.bad_number(0, "MessagePack pack needs input.");
    }
    let mut out = Vec::new();
    for value in args.values {
        encode(&mut out, value, 0)?;
    }
    args.lua.create_string(out)
}

fn encode(out: &mut Vec<u8>, value: &Value, level: usize) -> mlua::Result<()> {
    match value {
        Value::String(text) => encode_text(out, &text.as_bytes()),
        Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Table(_) if level == MAX_NESTING => out.push(0xc0),
        Value::Table(table) => return encode_table(out, table, level),
        other => match as_number(other) {
            Some(number) => encode_number(out, number),
            None => out.push(0xc0),
        },
    }
    Ok(())
}

fn encode_number(out: &mut Vec<u8>, number: f64) {
    let integer = to_i64(number);
    if integer as f64 == number && number < 2f64.powi(63) {
        return encode_integer(out, integer);
    }
    let single = number as f32;
    if f64::from(single) == number {
        out.push(0xca);
        out.extend_from_slice(&single.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn encode_integer(out: &mut Vec<u8>, number: i64) {
    let (mark, width) = match number {
        -32..=127 => return out.push(number as u8),
        128..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80..=-33 => (0xd0, 1),
        -0x8000..=-0x81 => (0xd1, 2),
        -0x8000_0000..=-0x8001 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(mark);
    out.extend_from_slice(&number.to_be_bytes()[8 - width..]);
}

fn encode_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len => encode_length(out, len, 0xda),
    }
    out.extend_from_slice(text);
}

/// A length of two bytes after `mark`, of four after the mark that follows it.
fn encode_length(out: &mut Vec<u8>, len: usize, mark: u8) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(mark);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(mark + 1);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn encode_table(out: &mut Vec<u8>, table: &Table, level: usize) -> mlua::Result<()> {
    let (count, is_array) = measure(table)?;
    if is_array {
        match count {
            0..=15 => out.push(0x90 | count as u8),
            _ => encode_length(out, count, 0xdc),
        }
        for place in 1..=count {
            encode(out, &table.raw_get::<Value>(place as f64)?, level + 1)?;
        }
        return Ok(());
    }
    match count {
        0..=15 => out.push(0x80 | count as u8),
        _ => encode_length(out, count, 0xde),
    }
    table.for_each(|key: Value, value: Value| {
        encode(out, &key, level + 1)?;
        encode(out, &value, level + 1)
    })
}

/// How many entries there are, and whether their keys are 1 to that.
fn measure(table: &Table) -> mlua::Result<(usize, bool)> {
    let (mut count, mut highest, mut is_array) = (0usize, 0usize, true);
    table.for_each(|key: Value, _: Value| {
        count += 1;
        match as_number(&key) {
            Some(place) if place > 0.0 && place <= f64::from(i32::MAX) && place.fract() == 0.0 => {
                highest = highest.max(place as usize);
            }
            _ => is_array = false,
        }
        Ok(())
    })?;
    Ok((count, is_array && highest == count))
}

fn unpack(args: Args, memory_bytes: usize, limit: i32, offset: i32) -> mlua::Result<MultiValue> {
    let text = args.string(0)?;
    let bytes = text.as_bytes();
    let decodes_all = limit == 0 && offset == 0;
    let (Ok(most), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        let len = bytes.len();
        let what = format!("Invalid request to unpack with offset of {offset} and limit of {len}.");
        return raise::text(args.lua, what);
    };
    let Some(rest) = bytes.get(start..) else {
        let what = format!("Start offset {start} greater than input length {}.", bytes.len());
        return raise::text(args.lua, what);
    };
    let most = if decodes_all { usize::MAX } else { most };
    let mut decoder = Decoder { args, rest, memory_bytes, decoded: 0 };
    let mut values = Vec::new();
    while !decoder.rest.is_empty() && values.len() < most {
        if values.len() == MAX_VALUES {
            let what = "stack overflow (too many return values at once; use unpack_one or \
                        unpack_limit instead.)";
            return raise::text(args.lua, what);
        }
        values.push(decoder.value()?);
    }
    if !decodes_all {
        let next = match decoder.rest.len() {
            0 => -1.0,
            left => (bytes.len() - left) as f64,
        };
        values.insert(0, Value::Number(next));
    }
    Ok(MultiValue::from_vec(values))
}

struct Decoder<'a> {
    args: Args<'a>,
    rest: &'a [u8],
    memory_bytes: usize,
    decoded: usize,
}

/// A container whose elements are being decoded.
struct Open {
    table: Table,
    /// Elements, or pairs, to come.
    left: usize,
    filled: usize,
    is_map: bool,
    key: Option<Value>,
}

/// What a mark announces.
enum Token {
    Value(Value),
    Array(usize),
    Map(usize),
}

impl Decoder<'_> {
    /// One value; what is open is kept here and not on the machine's stack.
    fn value(&mut self) -> mlua::Result<Value> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut value = match self.token()? {
                Token::Value(value) => value,
                Token::Array(0) | Token::Map(0) => self.table()?,
                Token::Array(left) => {
                    self.open(&mut open, left, false)?;
                    continue;
                }
                Token::Map(left) => {
                    self.open(&mut open, left, true)?;
                    continue;
                }
            };
            loop {
                let Some(container) = open.last_mut() else { return Ok(value) };
                if !container.add(value)? {
                    break;
                }
                value = Value::Table(container.table.clone());
                open.pop();
            }
        }
    }

    fn table(&self) -> mlua::Result<Value> {
        Ok(Value::Table(self.args.lua.create_table()?))
    }

    fn open(&self, open: &mut Vec<Open>, left: usize, is_map: bool) -> mlua::Result<()> {
        if open.len() >= MAX_OPEN {
            let function = if is_map { "mp_decode_to_lua_hash" } else { "mp_decode_to_lua_array" };
            return raise::text(self.args.lua, format!("stack overflow (in function {function})"));
        }
        let table = self.args.lua.create_table()?;
        open.push(Open { table, left, filled: 0, is_map, key: None });
        Ok(())
    }

    fn token(&mut self) -> mlua::Result<Token> {
        self.decoded += 1;
        if self.decoded.is_multiple_of(VALUES_PER_CHECK) {
            check_memory(self.args.lua, self.memory_bytes)?;
        }
        let mark = self.take(1)?[0];
        Ok(match mark {
            0x00..=0x7f | 0xe0..=0xff => Token::Value(Value::Number(f64::from(mark as i8))),
            0x80..=0x8f => Token::Map(usize::from(mark & 15)),
            0x90..=0x9f => Token::Array(usize::from(mark & 15)),
            0xa0..=0xbf => self.text(usize::from(mark & 31))?,
            0xc0 => Token::Value(Value::Nil),
            0xc2 | 0xc3 => Token::Value(Value::Boolean(mark == 0xc3)),
            0xca => {
                let bits = self.unsigned(4)? as u32;
                Token::Value(Value::Number(f64::from(f32::from_bits(bits))))
            }
            0xcb => Token::Value(Value::Number(f64::from_bits(self.unsigned(8)?))),
            // The original casts what is above 2^63 to a negative integer.
            0xcc..=0xcf => {
                let number = self.unsigned(1 << (mark - 0xcc))?;
                Token::Value(Value::Number(number as i64 as f64))
            }
            0xd0..=0xd3 => {
                let width = 1usize << (mark - 0xd0);
                let unused = 64 - 8 * width as u32;
                let number = (self.unsigned(width)? << unused) as i64 >> unused;
                Token::Value(Value::Number(number as f64))
            }
            0xd9..=0xdb => {
                let len = self.unsigned(1 << (mark - 0xd9))?;
                self.text(len as usize)?
            }
            0xdc | 0xdd => Token::Array(self.unsigned(2 << (mark - 0xdc))? as usize),
            0xde | 0xdf => Token::Map(self.unsigned(2 << (mark - 0xde))? as usize),
            _ => return raise::text(self.args.lua, "Bad data format in input."),
        })
    }

    fn take(&mut self, len: usize) -> mlua::Result<&[u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return raise::text(self.args.lua, "Missing bytes in input.");
        };
        self.rest = rest;
        Ok(taken)
    }

    fn unsigned(&mut self, width: usize) -> mlua::Result<u64> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn text(&mut self, len: usize) -> mlua::Result<Token> {
        let lua = self.args.lua;
        let text = self.take(len)?;
        Ok(Token::Value(Value::String(lua.create_string(text)?)))
    }
}

impl Open {
    /// Adds an element; true when it was the last.
    fn add(&mut self, value: Value) -> mlua::Result<bool> {
        if !self.is_map {
            self.filled += 1;
            self.table.raw_set(self.filled as f64, value)?;
            self.left -= 1;
            return Ok(self.left == 0);
        }
        let Some(key) = self.key.take() else {
            self.key = Some(value);
            return Ok(false);
        };
        match &key {
            Value::Nil => return raise::bare_text("table index is nil"),
            Value::Number(number) if number.is_nan() => {
                return raise::bare_text("table index is NaN")
            }
            _ => self.table.raw_set(key, value)?,
        }
        self.left -= 1;
        Ok(self.left == 0)
    }
}

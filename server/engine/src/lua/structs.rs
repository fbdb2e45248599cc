//! The library struct: values packed as C structures.
//!
//! | letter | value |
//! |---|---|
//! | `<` `>` `=` | little, big, this machine's (little) byte order |
//! | `!n` | aligned to at most n bytes, 8 without n |
//! | `x` | a zero byte |
//! | `b B h H l L T` | integers of 1, 1, 2, 2, 8, 8, 8 bytes; capitals unsigned |
//! | `in` `In` | integers of n bytes, 4 without n |
//! | `f` `d` | float, double |
//! | `s` | text and a zero byte |
//! | `cn` | n characters, 1 without n; `c0` as many as given, or as the number before says |
//! | space | nothing |
use mlua::{Lua, MultiValue, Table, Value};

use super::args::{to_i64, Args};
use super::raise;
use super::sandbox::Natives;

const MAX_INTEGER_BYTES: usize = 32;
const DEFAULT_ALIGNMENT: usize = 8;

pub(super) fn library(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", natives.function(lua, pack)?)?;
    table.raw_set("unpack", natives.function(lua, unpack)?)?;
    table.raw_set("size", natives.function(lua, size)?)?;
    Ok(table)
}

/// A format being read.
struct Format<'a> {
    args: Args<'a>,
    text: Vec<u8>,
    at: usize,
    is_big_endian: bool,
    alignment: usize,
}

/// A letter of a format with what stands behind it.
struct Item {
    letter: u8,
    size: usize,
    padding: usize,
}

impl<'a> Format<'a> {
    fn new(args: Args<'a>) -> mlua::Result<Self> {
        let mut text = args.string(0)?.as_bytes().to_vec();
        // As C reads it, to the first zero byte.
        text.truncate(memchr::memchr(0, &text).unwrap_or(text.len()));
        Ok(Format { args, text, at: 0, is_big_endian: false, alignment: 1 })
    }

    fn number(&mut self, default: usize) -> mlua::Result<usize> {
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let text = &self.text[self.at..self.at + digits];
        let number = text.iter().try_fold(0i32, |number, digit| {
            number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
        });
        self.at += digits;
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => raise::text(self.args.lua, "integral size overflow"),
        }
    }

    /// The next letter; `total` bytes are before it.
    fn next(&mut self, total: usize) -> mlua::Result<Option<Item>> {
        let Some(letter) = self.text.get(self.at).copied() else { return Ok(None) };
        self.at += 1;
        let size = self.size_of(letter)?;
        let is_aligned = size != 0 && !matches!(letter, b'c' | b'x');
        let mut padding = 0;
        if is_aligned && self.alignment > 1 {
            let to = size.min(self.alignment);
            padding = (to - (total & (to - 1))) & (to - 1);
        }
        Ok(Some(Item { letter, size, padding }))
    }

    fn size_of(&mut self, letter: u8) -> mlua::Result<usize> {
        Ok(match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > MAX_INTEGER_BYTES {
                    let text =
                        format!("integral size {size} is larger than limit of {MAX_INTEGER_BYTES}");
                    return raise::text(self.args.lua, text);
                }
                size
            }
            _ => 0,
        })
    }

    /// A letter that holds no value.
    fn control(&mut self, letter: u8) -> mlua::Result<()> {
        match letter {
            b' ' => {}
            b'<' | b'=' => self.is_big_endian = false,
            b'>' => self.is_big_endian = true,
            b'!' => {
                let alignment = self.number(DEFAULT_ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    let text = format!("alignment {alignment} is not a power of 2");
                    return raise::text(self.args.lua, text);
                }
                self.alignment = alignment;
            }
            other => {
                let what = format!("invalid format option '{}'", char::from(other));
                return self.args.bad(0, &what);
            }
        }
        Ok(())
    }

    fn check_memory(&self, bytes: usize) -> mlua::Result<()> {
        // What is asked for is at least bounded by what a string may be.
        match bytes > i32::MAX as usize {
            true => raise::text(self.args.lua, "format result too large"),
            false => Ok(()),
        }
    }
}

fn pack(args: Args) -> mlua::Result<mlua::LuaString> {
    let mut format = Format::new(args)?;
    let mut out = Vec::new();
    let mut place = 1;
    while let Some(item) = format.next(out.len())? {
        format.check_memory(out.len().saturating_add(item.padding))?;
        out.resize(out.len() + item.padding, 0);
        match item.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let number = number(args, place)?;
                push_integer(&mut out, number, item.size, format.is_big_endian);
                place += 1;
            }
            b'x' => out.push(0),
            b'f' => {
                push(&mut out, &(number(args, place)? as f32).to_le_bytes(), format.is_big_endian);
                place += 1;
            }
            b'd' => {
                push(&mut out, &number(args, place)?.to_le_bytes(), format.is_big_endian);
                place += 1;
            }
            b'c' | b's' => {
                let text = args.string(place)?;
                let text = text.as_bytes();
                place += 1;
                let size = if item.size == 0 { text.len() } else { item.size };
                match text.get(..size) {
                    Some(text) => out.extend_from_slice(text),
                    // The argument after it is what the original names.
                    None => return args.bad(place, "string too short"),
                }
                if item.letter == b's' {
                    out.push(0);
                }
            }
            other => format.control(other)?,
        }
    }
    args.lua.create_string(out)
}

/// A number; what is not there is told as nil.
fn number(args: Args, place: usize) -> mlua::Result<f64> {
    match args.len() > place {
        true => args.number(place),
        false => args.bad(place, "number expected, got nil"),
    }
}

/// Negative numbers are cut to a signed integer, others to an unsigned one; bytes past the eighth
/// are zero.
fn push_integer(out: &mut Vec<u8>, number: f64, size: usize, is_big_endian: bool) {
    let value = if number < 0.0 { to_i64(number) as u64 } else { number as u64 };
    let mut bytes = [0u8; MAX_INTEGER_BYTES];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    push(out, &bytes[..size], is_big_endian);
}

fn push(out: &mut Vec<u8>, little_endian: &[u8], is_big_endian: bool) {
    match is_big_endian {
        true => out.extend(little_endian.iter().rev()),
        false => out.extend_from_slice(little_endian),
    }
}

fn unpack(args: Args) -> mlua::Result<MultiValue> {
    let mut format = Format::new(args)?;
    let data = args.string(1)?;
    let data = data.as_bytes();
    let position = args.optional_int(2, 1)?;
    if position == 0 {
        return args.bad(2, "offset must be 1 or greater");
    }
    // A negative position lies past any end, as the original's conversion makes it.
    let mut at = usize::try_from(position).map_or(usize::MAX, |position| position - 1);
    let mut values: Vec<Value> = Vec::new();
    while let Some(item) = format.next(at)? {
        at = at.saturating_add(item.padding);
        let Some(rest) = data.get(at..).filter(|rest| rest.len() >= item.size) else {
            return args.bad(1, "data string too short");
        };
        let field = &rest[..item.size];
        let mut used = item.size;
        match item.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let is_signed = !item.letter.is_ascii_uppercase();
                values.push(Value::Number(integer(field, is_signed, format.is_big_endian)));
            }
            b'x' => {}
            b'f' | b'd' => values.push(Value::Number(real(field, format.is_big_endian))),
            b'c' if item.size == 0 => {
                used = size_before(args, &mut values)?;
                match rest.get(..used) {
                    Some(text) => values.push(Value::String(args.lua.create_string(text)?)),
                    None => return args.bad(1, "data string too short"),
                }
            }
            b'c' => values.push(Value::String(args.lua.create_string(field)?)),
            b's' => {
                let Some(end) = memchr::memchr(0, rest) else {
                    return raise::text(args.lua, "unfinished string in data");
                };
                values.push(Value::String(args.lua.create_string(&rest[..end])?));
                used = end + 1;
            }
            other => format.control(other)?,
        }
        at += used;
        if values.len() > super::msgpack::MAX_VALUES {
            return raise::text(args.lua, "stack overflow (too many results)");
        }
    }
    values.push(Value::Number((at as f64) + 1.0));
    Ok(MultiValue::from_vec(values))
}

/// The number before `c0`, which it replaces.
fn size_before(args: Args, values: &mut Vec<Value>) -> mlua::Result<usize> {
    match values.pop().as_ref().and_then(super::args::as_number) {
        // As C casts: what is negative or too big for a size is past any end, 2^64 is 0.
        Some(number) if number >= 2f64.powi(64) => Ok(0),
        Some(number) if number < 0.0 => Ok(usize::MAX),
        Some(number) => Ok(number as usize),
        None => raise::text(args.lua, "format 'c0' needs a previous size"),
    }
}

fn integer(bytes: &[u8], is_signed: bool, is_big_endian: bool) -> f64 {
    let mut value: u64 = 0;
    let mut add = |byte: &u8| value = value << 8 | u64::from(*byte);
    match is_big_endian {
        true => bytes.iter().for_each(&mut add),
        false => bytes.iter().rev().for_each(&mut add),
    }
    if !is_signed {
        return value as f64;
    }
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    match unused {
        64 => 0.0,
        unused => ((value << unused) as i64 >> unused) as f64,
    }
}

fn real(bytes: &[u8], is_big_endian: bool) -> f64 {
    let mut ordered: Vec<u8> = bytes.to_vec();
    if is_big_endian {
        ordered.reverse();
    }
    if let Ok(single) = <[u8; 4]>::try_from(&ordered[..]) {
        return f64::from(f32::from_le_bytes(single));
    }
    <[u8; 8]>::try_from(&ordered[..]).map_or(0.0, f64::from_le_bytes)
}

fn size(args: Args) -> mlua::Result<f64> {
    let mut format = Format::new(args)?;
    let mut total: usize = 0;
    while let Some(item) = format.next(total)? {
        total = total.saturating_add(item.padding);
        match item.letter {
            b's' => return args.bad(0, "option 's' has no fixed size"),
            b'c' if item.size == 0 => return args.bad(0, "option 'c0' has no fixed size"),
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' | b'x' | b'f' | b'd'
            | b'c' => {}
            // Letters that are unknown count nothing here.
            b'<' | b'>' | b'=' | b' ' | b'!' => format.control(item.letter)?,
            _ => {}
        }
        total = total.saturating_add(item.size);
    }
    Ok(total as f64)
}

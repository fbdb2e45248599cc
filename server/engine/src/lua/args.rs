//! Arguments of functions that scripts call, checked as Lua's auxiliary library checks them.
use mlua::{Error, Lua, LuaString, Value};

use super::raise;

/// Arguments of a call.
#[derive(Clone, Copy)]
pub(super) struct Args<'a> {
    pub lua: &'a Lua,
    pub values: &'a [Value],
}

impl<'a> Args<'a> {
    pub fn len(self) -> usize {
        self.values.len()
    }

    /// The argument at `place`, from 0; nil when it is not there.
    pub fn get(self, place: usize) -> &'a Value {
        self.values.get(place).unwrap_or(&Value::Nil)
    }

    /// Throws "bad argument".
    pub fn bad<R>(self, place: usize, what: &str) -> mlua::Result<R> {
        self.bad_number(place + 1, what)
    }

    /// The same for a number that need not be of an argument.
    pub fn bad_number<R>(self, number: usize, what: &str) -> mlua::Result<R> {
        let name = self
            .lua
            .inspect_stack(0, |frame| frame.names().name.map(|name| name.into_owned()))
            .flatten()
            .unwrap_or_else(|| "?".to_owned());
        raise::text(self.lua, format!("bad argument #{number} to '{name}' ({what})"))
    }

    fn bad_type<R>(self, place: usize, expected: &str) -> mlua::Result<R> {
        let got = self.values.get(place).map_or("no value", type_name);
        self.bad(place, &format!("{expected} expected, got {got}"))
    }

    /// A number, or text that is one.
    pub fn number(self, place: usize) -> mlua::Result<f64> {
        match self.get(place) {
            Value::Number(number) => Ok(*number),
            Value::Integer(number) => Ok(*number as f64),
            value @ Value::String(_) => match self.lua.coerce_number(value.clone())? {
                Some(number) => Ok(number),
                None => self.bad_type(place, "number"),
            },
            _ => self.bad_type(place, "number"),
        }
    }

    /// A number as a C integer.
    pub fn int(self, place: usize) -> mlua::Result<i32> {
        Ok(to_i64(self.number(place)?) as i32)
    }

    /// A number as a C integer, `default` when nothing or nil is given.
    pub fn optional_int(self, place: usize, default: i32) -> mlua::Result<i32> {
        match self.get(place) {
            Value::Nil => Ok(default),
            _ => self.int(place),
        }
    }

    /// Text, or a number as text.
    pub fn string(self, place: usize) -> mlua::Result<LuaString> {
        match self.get(place) {
            Value::String(text) => Ok(text.clone()),
            value @ (Value::Number(_) | Value::Integer(_)) => {
                self.lua.coerce_string(value.clone())?.ok_or(Error::StackError)
            }
            _ => self.bad_type(place, "string"),
        }
    }
}

/// Lua's name of a value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        _ => "userdata",
    }
}

/// A number as C on x86-64 casts it to a 64-bit integer: what does not fit is the smallest.
pub(super) fn to_i64(number: f64) -> i64 {
    match number >= -(2f64.powi(63)) && number < 2f64.powi(63) {
        true => number as i64,
        false => i64::MIN,
    }
}

/// The number of a value that is one.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

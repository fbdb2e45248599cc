//! The library cjson: JSON as lua-cjson 2.1 reads and writes it, with its options.
//!
//! `cjson.new()` gives a copy with options of its own; those of `cjson` itself are shared by all
//! scripts, as in Redis.
mod decode;
mod encode;
mod number;

use std::sync::{Arc, Mutex, MutexGuard};

use mlua::{Lua, MultiValue, Table, Value};

use super::args::Args;
use super::sandbox::Natives;

/// What `encode_invalid_numbers` may be; booleans stand for the first two.
const INVALID_NUMBERS: [&str; 3] = ["off", "on", "null"];
const MAX: i32 = i32::MAX;

/// Options of an instance.
#[derive(Debug, Clone, Copy)]
struct Options {
    converts_sparse: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_max_depth: i32,
    decode_max_depth: i32,
    precision: i32,
    keeps_buffer: bool,
    /// Place in [`INVALID_NUMBERS`].
    encode_invalid_numbers: usize,
    decode_invalid_numbers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            converts_sparse: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_max_depth: 1000,
            decode_max_depth: 1000,
            precision: 14,
            keeps_buffer: true,
            encode_invalid_numbers: 0,
            decode_invalid_numbers: true,
        }
    }
}

/// Options that functions of one instance share.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Options>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Options> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

pub(super) fn library(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let table = instance(lua, natives)?;
    // New instances are made by functions that outlive the builder of this one.
    let natives_of_new = natives.again();
    table
        .raw_set("new", natives.function(lua, move |args| instance(args.lua, &natives_of_new))?)?;
    Ok(table)
}

fn instance(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let memory_bytes = natives.memory_bytes();
    let shared = Shared::default();
    let options = shared.clone();
    table.raw_set(
        "encode",
        natives.function(lua, move |args| {
            let options = *options.lock();
            encode::encode(args, options)
        })?,
    )?;
    let options = shared.clone();
    table.raw_set(
        "decode",
        natives.function(lua, move |args| {
            let options = *options.lock();
            decode::decode(args, options, memory_bytes)
        })?,
    )?;
    let option = |name: &str, set: fn(Args, &mut Options) -> mlua::Result<MultiValue>| {
        let options = shared.clone();
        let function = natives.function(lua, move |args| set(args, &mut options.lock()))?;
        table.raw_set(name, function)
    };
    option("encode_max_depth", |args, options| {
        one(integer(args, 1, 0, &mut options.encode_max_depth, 1, MAX))
    })?;
    option("decode_max_depth", |args, options| {
        one(integer(args, 1, 0, &mut options.decode_max_depth, 1, MAX))
    })?;
    option("encode_number_precision", |args, options| {
        one(integer(args, 1, 0, &mut options.precision, 1, 14))
    })?;
    option("encode_keep_buffer", |args, options| one(switch(args, 1, &mut options.keeps_buffer)))?;
    option("decode_invalid_numbers", |args, options| {
        one(switch(args, 1, &mut options.decode_invalid_numbers))
    })?;
    option("encode_invalid_numbers", |args, options| {
        let setting = &mut options.encode_invalid_numbers;
        one(choice(args, 1, setting, &INVALID_NUMBERS))
    })?;
    option("encode_sparse_array", sparse)?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

fn one(value: mlua::Result<Value>) -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_vec(vec![value?]))
}

fn sparse(args: Args, options: &mut Options) -> mlua::Result<MultiValue> {
    let values = vec![
        switch(args, 3, &mut options.converts_sparse)?,
        integer(args, 3, 1, &mut options.sparse_ratio, 0, MAX)?,
        integer(args, 3, 2, &mut options.sparse_safe, 0, MAX)?,
    ];
    Ok(MultiValue::from_vec(values))
}

fn check_count(args: Args, most: usize) -> mlua::Result<()> {
    match args.len() > most {
        true => args.bad(most, "found too many arguments"),
        false => Ok(()),
    }
}

/// An option that is a number, set when the argument is not nil; gives what it is then.
fn integer(
    args: Args,
    most: usize,
    place: usize,
    setting: &mut i32,
    min: i32,
    max: i32,
) -> mlua::Result<Value> {
    check_count(args, most)?;
    if !args.get(place).is_nil() {
        let value = args.int(place)?;
        if !(min..=max).contains(&value) {
            return args.bad(0, &format!("expected integer between {min} and {max}"));
        }
        *setting = value;
    }
    Ok(Value::Number(f64::from(*setting)))
}

/// The same for an option that is on or off.
fn switch(args: Args, most: usize, setting: &mut bool) -> mlua::Result<Value> {
    let mut place = usize::from(*setting);
    let value = choice(args, most, &mut place, &INVALID_NUMBERS[..2]);
    *setting = place == 1;
    value
}

/// The same for an option that is one of several.
fn choice(
    args: Args,
    most: usize,
    setting: &mut usize,
    choices: &[&'static str],
) -> mlua::Result<Value> {
    check_count(args, most)?;
    match args.get(0) {
        Value::Nil => {}
        Value::Boolean(value) => *setting = usize::from(*value),
        _ => {
            let given = args.string(0)?;
            let given = given.as_bytes();
            match choices.iter().position(|choice| choice.as_bytes() == &given[..]) {
                Some(place) => *setting = place,
                None => {
                    let given = String::from_utf8_lossy(&given);
                    return args.bad(0, &format!("invalid option '{given}'"));
                }
            }
        }
    }
    Ok(match *setting {
        place @ 0..=1 => Value::Boolean(place == 1),
        place => Value::String(args.lua.create_string(choices[place])?),
    })
}

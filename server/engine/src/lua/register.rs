//! `redis.register_function`, with a name and a callback or with a table of named arguments.
use std::sync::atomic::Ordering;

use mlua::{Function, Lua, Table, Value};

use super::args::Args;
use super::host::{with_run, Registered};
use super::raise;
use super::sandbox::Natives;
use super::shebang::{check_name, Flags};

/// The function; callbacks are left in `kept`.
pub(super) fn function(lua: &Lua, natives: &Natives, kept: Table) -> mlua::Result<Function> {
    let counter = natives.counter();
    natives.function(lua, move |args| {
        let given = match read(args) {
            Ok(given) => given,
            Err(Refused::Text(text)) => return raise::reply(format!("ERR {text}")),
            Err(Refused::Thrown(error)) => return Err(error),
        };
        with_run(|_, state| {
            let Some(registered) = &mut state.registered else {
                let text = "ERR redis.register_function can only be called on FUNCTION LOAD \
                            command";
                return raise::reply(text);
            };
            if registered.iter().any(|other| other.name.eq_ignore_ascii_case(&given.name)) {
                return raise::reply("ERR Function already exists in the library");
            }
            let slot = counter.fetch_add(1, Ordering::Relaxed);
            kept.raw_set(slot as f64, &given.callback)?;
            registered.push(Registered {
                name: given.name.clone(),
                description: given.description.clone(),
                flags: given.flags,
                slot,
            });
            Ok(())
        })
    })
}

struct Given {
    name: Vec<u8>,
    callback: Function,
    description: Option<Vec<u8>>,
    flags: Flags,
}

enum Refused {
    Text(String),
    Thrown(mlua::Error),
}

impl From<&str> for Refused {
    fn from(text: &str) -> Self {
        Refused::Text(text.to_owned())
    }
}

impl From<mlua::Error> for Refused {
    fn from(error: mlua::Error) -> Self {
        Refused::Thrown(error)
    }
}

fn read(args: Args) -> Result<Given, Refused> {
    let given = match args.values {
        [Value::Table(named)] => read_named(args.lua, named)?,
        [_] => {
            return Err("calling redis.register_function with a single argument is only \
                        applicable to Lua table (representing named arguments)."
                .into())
        }
        [name, callback] => Given {
            name: text(args.lua, name)?
                .ok_or("first argument to redis.register_function must be a string")?,
            callback: match callback {
                Value::Function(callback) => callback.clone(),
                _ => {
                    let what = "second argument to redis.register_function must be a function";
                    return Err(what.into());
                }
            },
            description: None,
            flags: Flags::default(),
        },
        _ => return Err("wrong number of arguments to redis.register_function".into()),
    };
    check_name(&given.name)?;
    Ok(given)
}

fn read_named(lua: &Lua, named: &Table) -> Result<Given, Refused> {
    let (mut name, mut callback, mut description) = (None, None, None);
    let mut flags = Flags::default();
    let must_be = |argument: &str, kind: &str| {
        Refused::Text(format!(
            "{argument} argument given to redis.register_function must be a {kind}"
        ))
    };
    for pair in named.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Some(key) = text(lua, &key)? else {
            let what = "named argument key given to redis.register_function is not a string";
            return Err(what.into());
        };
        match &key[..] {
            b"function_name" => {
                let given = text(lua, &value)?;
                name = Some(given.ok_or_else(|| must_be("function_name", "string"))?);
            }
            b"description" => {
                let given = text(lua, &value)?;
                description = Some(given.ok_or_else(|| must_be("description", "string"))?);
            }
            b"callback" => match value {
                Value::Function(function) => callback = Some(function),
                _ => return Err(must_be("callback", "function")),
            },
            b"flags" => flags = read_flags(&value)?,
            _ => return Err("unknown argument given to redis.register_function".into()),
        }
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    Ok(Given { name, callback, description, flags })
}

fn read_flags(value: &Value) -> Result<Flags, Refused> {
    let Value::Table(names) = value else {
        return Err("flags argument to redis.register_function must be a table representing \
                    function flags"
            .into());
    };
    let mut flags = Flags::default();
    for place in 1.. {
        let flag = match names.raw_get::<Value>(place)? {
            Value::Nil => break,
            Value::String(name) => Flags::named(&name.as_bytes()),
            _ => None,
        };
        flags = flags.with(flag.ok_or("unknown flag given")?);
    }
    Ok(flags)
}

/// Text, or a number as text.
fn text(lua: &Lua, value: &Value) -> mlua::Result<Option<Vec<u8>>> {
    match value {
        Value::String(_) | Value::Number(_) | Value::Integer(_) => {
            Ok(lua.coerce_string(value.clone())?.map(|text| text.as_bytes().to_vec()))
        }
        _ => Ok(None),
    }
}

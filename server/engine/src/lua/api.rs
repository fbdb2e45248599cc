//! The functions and constants of `redis`.
use mlua::{Lua, LuaString, Table, Value};
use redtool_format::double;

use super::args::{as_number, to_i64, Args};
use super::host::{with_run, Host, State};
use super::raise::{self, error_table};
use super::sandbox::Natives;
use super::to_lua;
use crate::sha1::sha1;

const VERSION: &str = "7.2.0";
const VERSION_NUMBER: u32 = 0x0007_0200;
const LEVELS: [(&str, u8); 4] =
    [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)];
const TARGETS: [(&str, u8); 5] =
    [("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3)];
/// Doubles hold every integer below this; above it Redis prints a number as a double.
const EXACT: f64 = (1i64 << 52) as f64;

/// `redis` of EVAL.
pub(super) fn for_scripts(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let redis = for_functions(lua, natives)?;
    redis.raw_set("replicate_commands", natives.function(lua, |_| Ok(true))?)?;
    redis.raw_set("breakpoint", natives.function(lua, |_| Ok(false))?)?;
    redis.raw_set("debug", natives.function(lua, |_| Ok(()))?)?;
    Ok(redis)
}

/// `redis` of functions of libraries.
pub(super) fn for_functions(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let redis = for_libraries(lua, natives)?;
    redis.raw_set("call", natives.function(lua, |args| call(args, false))?)?;
    redis.raw_set("pcall", natives.function(lua, |args| call(args, true))?)?;
    redis.raw_set("acl_check_cmd", natives.function(lua, may_call)?)?;
    redis.raw_set("setresp", natives.function(lua, set_resp)?)?;
    redis.raw_set("set_repl", natives.function(lua, set_replication)?)?;
    redis.raw_set("sha1hex", natives.function(lua, sha1_hex)?)?;
    redis.raw_set("error_reply", natives.function(lua, error_reply)?)?;
    redis.raw_set("status_reply", natives.function(lua, status_reply)?)?;
    for (name, targets) in TARGETS {
        redis.raw_set(name, targets)?;
    }
    Ok(redis)
}

/// What both have, and a library already while it is loaded.
pub(super) fn for_libraries(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let redis = lua.create_table()?;
    redis.raw_set("log", natives.function(lua, log)?)?;
    for (name, level) in LEVELS {
        redis.raw_set(name, level)?;
    }
    redis.raw_set("REDIS_VERSION", VERSION)?;
    redis.raw_set("REDIS_VERSION_NUM", VERSION_NUMBER)?;
    Ok(redis)
}

/// Arguments of a command, as bytes.
enum Word<'a> {
    Text(&'a LuaString),
    Number(Vec<u8>),
}

fn words(args: Args<'_>) -> Result<Vec<Word<'_>>, &'static str> {
    if args.len() == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    fn word(value: &Value) -> Result<Word<'_>, &'static str> {
        match value {
            Value::String(text) => Ok(Word::Text(text)),
            other => match as_number(other) {
                Some(number) => Ok(Word::Number(number_text(number))),
                None => Err("ERR Lua redis lib command arguments must be strings or integers"),
            },
        }
    }
    args.values.iter().map(word).collect()
}

/// A number as a command gets it: an integer, or seventeen digits.
fn number_text(number: f64) -> Vec<u8> {
    let mut text = Vec::new();
    if number.trunc() == number && number.abs() < EXACT {
        text.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
    } else if number.is_nan() && number.is_sign_negative() {
        text.extend_from_slice(b"-nan");
    } else {
        double::write_17_digits(&mut text, number);
    }
    text
}

/// Calls `body` with the bytes of all words.
fn with_bytes<R>(words: &[Word<'_>], body: impl FnOnce(&[&[u8]]) -> R) -> R {
    let held: Vec<_> = words
        .iter()
        .map(|word| match word {
            Word::Text(text) => Some(text.as_bytes()),
            Word::Number(_) => None,
        })
        .collect();
    let bytes: Vec<&[u8]> = words
        .iter()
        .zip(&held)
        .map(|(word, held)| match (word, held) {
            (Word::Number(text), _) => &text[..],
            (_, Some(held)) => held,
            (_, None) => &[],
        })
        .collect();
    body(&bytes)
}

fn call(args: Args, catches: bool) -> mlua::Result<Value> {
    let fail = |text: &[u8]| match catches {
        true => error_table(args.lua, text),
        false => raise::reply(text),
    };
    let words = match words(args) {
        Ok(words) => words,
        Err(text) => return fail(text.as_bytes()),
    };
    with_run(|host, state| {
        state.reply.clear();
        with_bytes(&words, |bytes| host.call(bytes, state.resp3, &mut state.reply));
        match state.reply.strip_prefix(b"-") {
            Some(text) => fail(text.trim_ascii_end()),
            None => to_lua::value(args.lua, &state.reply),
        }
    })
}

fn may_call(args: Args) -> mlua::Result<bool> {
    let words = match words(args) {
        Ok(words) => words,
        Err(text) => return raise::reply(text),
    };
    with_run(|host, _| match with_bytes(&words, |bytes| host.may_call(bytes)) {
        Some(may) => Ok(may),
        None => raise::reply("ERR Invalid command passed to redis.acl_check_cmd()"),
    })
}

fn log(args: Args) -> mlua::Result<()> {
    if args.len() < 2 {
        return raise::reply("ERR redis.log() requires two arguments or more.");
    }
    let Ok(level) = args.number(0) else {
        return raise::reply("ERR First argument must be a number (log level).");
    };
    let Some(level) = u8::try_from(to_i64(level)).ok().filter(|level| *level <= 3) else {
        return raise::reply("ERR Invalid debug level.");
    };
    let mut text = Vec::new();
    for (place, value) in args.values.iter().enumerate().skip(1) {
        if matches!(value, Value::String(_) | Value::Number(_) | Value::Integer(_)) {
            if place > 1 {
                text.push(b' ');
            }
            text.extend_from_slice(&args.string(place)?.as_bytes());
        }
    }
    with_run(|host: &mut dyn Host, _: &mut State| {
        host.log(level, &text);
        Ok(())
    })
}

fn set_resp(args: Args) -> mlua::Result<()> {
    if args.len() != 1 {
        return raise::reply("ERR redis.setresp() requires one argument.");
    }
    let resp3 = match args.number(0) {
        Ok(2.0) => false,
        Ok(3.0) => true,
        _ => return raise::reply("ERR RESP version must be 2 or 3."),
    };
    with_run(|_, state| {
        state.resp3 = resp3;
        Ok(())
    })
}

fn set_replication(args: Args) -> mlua::Result<()> {
    if args.len() != 1 {
        return raise::reply("ERR redis.set_repl() requires two arguments.");
    }
    let targets = u8::try_from(to_i64(args.number(0).unwrap_or(0.0))).unwrap_or(u8::MAX);
    if targets > 3 {
        let text = "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or \
                    REPL_NONE.";
        return raise::reply(text);
    }
    with_run(|host, _| {
        host.set_replication(targets);
        Ok(())
    })
}

fn sha1_hex(args: Args) -> mlua::Result<String> {
    if args.len() != 1 {
        return raise::reply("ERR wrong number of arguments");
    }
    let digest = match args.string(0) {
        Ok(text) => sha1(&text.as_bytes()),
        Err(_) => sha1(b""),
    };
    Ok(hexadecimal(&digest))
}

/// The digits of a digest.
pub(super) fn hexadecimal(digest: &[u8; 20]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The one argument when it is text.
fn one_text(args: Args<'_>) -> Option<&LuaString> {
    match args.values {
        [Value::String(text)] => Some(text),
        _ => None,
    }
}

/// A table with an error: the first word is the code, `ERR` when there is only one word.
fn error_reply(args: Args) -> mlua::Result<Value> {
    let Some(text) = one_text(args) else {
        return error_table(args.lua, b"ERR wrong number or type of arguments");
    };
    let text = text.as_bytes();
    let text = text.strip_prefix(b"-").unwrap_or(&text);
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    let text = &text[..end];
    match text.contains(&b' ') {
        true => error_table(args.lua, text),
        false => error_table(args.lua, &[b"ERR ", text].concat()),
    }
}

fn status_reply(args: Args) -> mlua::Result<Value> {
    let Some(text) = one_text(args) else {
        return error_table(args.lua, b"ERR wrong number or type of arguments");
    };
    Ok(Value::Table(args.lua.create_table_from([("ok", text)])?))
}

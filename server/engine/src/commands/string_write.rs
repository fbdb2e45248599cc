//! Strings written: SET and its kin, counters, parts.
use super::expiry::{Expiration, ExpirationReader};
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::String;
use crate::command::{write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, OW, RW, UPDATE, VARIABLE};
use crate::keyspec::KeySpec;
use crate::long_double::LongDouble;
use crate::notify::class::{GENERIC, STRING};
use crate::types::string_write::{check_len, encoding_of_text};
use crate::types::Result;
use crate::write::Writing;
use redtool_format::number;
use redtool_format::rdb::Kind;
use redtool_store::Encoding;

/// What SET was asked for beside the value.
#[derive(Debug, Default)]
struct SetOptions {
    /// NX (false) or XX (true): the key must not, or must, be there.
    must_exist: Option<bool>,
    /// GET: the reply is the old value.
    get: bool,
    expiration: Expiration,
}

impl SetOptions {
    fn parse(ws: &Writing<'_>, words: &[&[u8]]) -> Result<Self> {
        let (mut options, mut expiration) = (SetOptions::default(), ExpirationReader::default());
        let mut rest = words;
        while let [word, tail @ ..] = rest {
            rest = tail;
            if args::is(word, "nx") && options.must_exist != Some(true) {
                options.must_exist = Some(false);
            } else if args::is(word, "xx") && options.must_exist != Some(false) {
                options.must_exist = Some(true);
            } else if args::is(word, "get") {
                options.get = true;
            } else {
                expiration.read(ws, word, &mut rest)?;
                if expiration.given() == Expiration::Persist {
                    return Err(Error::SYNTAX);
                }
            }
        }
        options.expiration = expiration.given();
        options.expiration.check("set")?;
        Ok(options)
    }
}

fn set(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    if let [_, key, value] = args {
        ws.put_string(key, value, None)?;
        ws.changed(key, STRING, "set");
        ws.out.simple("OK");
        return Ok(());
    }
    let options = SetOptions::parse(ws, &args[3..])?;
    set_with(ws, args[1], args[2], &options)
}

fn set_with(ws: &mut Writing<'_>, key: &[u8], value: &[u8], options: &SetOptions) -> Outcome {
    let old_expiry = match ws.edit_expiry(key)? {
        Some((kind, _)) if options.get && kind != Kind::String => return Err(Error::WRONG_TYPE),
        Some((_, expire_at_ms)) => Some(expire_at_ms),
        None => None,
    };
    if options.get {
        reply_value(ws, key)?;
    }
    if options.must_exist.is_some_and(|must| must != old_expiry.is_some()) {
        if !options.get {
            ws.out.null();
        }
        return Ok(());
    }
    let expire_at_ms = match options.expiration {
        Expiration::Keep => old_expiry.flatten(),
        Expiration::At(at_ms) => Some(at_ms),
        _ => None,
    };
    ws.put_string(key, value, expire_at_ms)?;
    ws.changed(key, STRING, "set");
    if matches!(options.expiration, Expiration::At(_)) {
        ws.keys.notify(GENERIC, "expire", ws.session.db, key);
    }
    if !options.get {
        ws.out.simple("OK");
    }
    Ok(())
}

/// Replies with the string at a key, or null.
fn reply_value(ws: &mut Writing<'_>, key: &[u8]) -> Outcome {
    super::string::reply_get(&mut ws.view(), key)
}

/// SETEX, PSETEX.
fn set_expiring(ws: &mut Writing<'_>, args: &[&[u8]], option: &[u8]) -> Outcome {
    let name = ws.command.name;
    let mut reader = ExpirationReader::default();
    reader.read(ws, option, &mut &args[2..3])?;
    let expiration = reader.given();
    expiration.check(name)?;
    set_with(ws, args[1], args[3], &SetOptions { expiration, ..SetOptions::default() })
}

fn setex(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    set_expiring(ws, args, b"ex")
}

fn psetex(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    set_expiring(ws, args, b"px")
}

fn setnx(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let is_new = !ws.exists(args[1])?;
    if is_new {
        ws.put_string(args[1], args[2], None)?;
        ws.changed(args[1], STRING, "set");
    }
    ws.out.int(i64::from(is_new));
    Ok(())
}

fn getset(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    reply_value(ws, args[1])?;
    ws.put_string(args[1], args[2], None)?;
    ws.changed(args[1], STRING, "set");
    Ok(())
}

fn getdel(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    reply_value(ws, args[1])?;
    ws.delete(args[1])?;
    Ok(())
}

fn getex(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, mut rest, mut reader) = (args[1], &args[2..], ExpirationReader::default());
    while let [word, tail @ ..] = rest {
        rest = tail;
        reader.read(ws, word, &mut rest)?;
        if reader.given() == Expiration::Keep {
            return Err(Error::SYNTAX);
        }
    }
    let given = reader.given();
    let Some(old) = ws.edit(key, Kind::String)? else { return reply_value(ws, key) };
    given.check("getex")?;
    reply_value(ws, key)?;
    match given {
        Expiration::At(at_ms) if at_ms < ws.now_ms() => {
            ws.delete(key)?;
        }
        Expiration::At(at_ms) => {
            ws.set_expiry(key, Some(at_ms))?;
            ws.changed(key, GENERIC, "expire");
        }
        Expiration::Persist if old.expire_at_ms.is_some() => {
            ws.set_expiry(key, None)?;
            ws.changed(key, GENERIC, "persist");
        }
        _ => {}
    }
    Ok(())
}

/// The pairs of MSET and MSETNX.
fn pairs<'a, 'r>(ws: &Writing<'_>, args: &'a [&'r [u8]]) -> Result<&'a [[&'r [u8]; 2]]> {
    match args[1..].as_chunks::<2>() {
        (pairs, []) => Ok(pairs),
        _ => Err(Error::text(format!(
            "ERR wrong number of arguments for '{}' command",
            ws.command.name
        ))),
    }
}

fn put_all(ws: &mut Writing<'_>, pairs: &[[&[u8]; 2]]) -> Outcome {
    for [key, value] in pairs {
        ws.put_string(key, value, None)?;
        ws.changed(key, STRING, "set");
    }
    Ok(())
}

fn mset(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let pairs = pairs(ws, args)?;
    put_all(ws, pairs)?;
    ws.out.simple("OK");
    Ok(())
}

fn msetnx(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let pairs = pairs(ws, args)?;
    for [key, _] in pairs {
        if ws.exists(key)? {
            ws.out.int(0);
            return Ok(());
        }
    }
    put_all(ws, pairs)?;
    ws.out.int(1);
    Ok(())
}

fn append(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, added) = (args[1], args[2]);
    let len = match ws.string_len(key)? {
        None => {
            ws.put_string(key, added, None)?;
            added.len() as u64
        }
        Some(len) => {
            check_len(len + added.len() as u64)?;
            ws.write_range(key, len, added)?
        }
    };
    ws.changed(key, STRING, "append");
    ws.out.int(len as i64);
    Ok(())
}

fn setrange(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, bytes) = (args[1], args[3]);
    let offset = args::int(args[2])?;
    let Ok(offset) = u64::try_from(offset) else {
        return Err(Error::fixed("ERR offset is out of range"));
    };
    let len = ws.string_len(key)?;
    if bytes.is_empty() {
        ws.out.int(len.unwrap_or(0) as i64);
        return Ok(());
    }
    let len = ws.write_range(key, offset, bytes)?;
    ws.changed(key, STRING, "setrange");
    ws.out.int(len as i64);
    Ok(())
}

/// INCR and its kin.
fn add(ws: &mut Writing<'_>, key: &[u8], by: i64) -> Outcome {
    let new = match ws.add_in_place(key, by)? {
        Some(new) => new,
        None => add_anew(ws, key, by)?,
    };
    ws.changed(key, STRING, "incrby");
    ws.out.int(new);
    Ok(())
}

/// Puts the sum; it.
fn add_anew(ws: &mut Writing<'_>, key: &[u8], by: i64) -> Result<i64> {
    let old = ws.with_string(key, |object, value| {
        let old = number::parse_i64(&value.whole()?).ok_or(Error::NOT_INTEGER)?;
        Ok((old, object.expire_at_ms))
    })?;
    let (old, expire_at_ms) = old.unwrap_or_default();
    let Some(new) = old.checked_add(by) else {
        return Err(Error::fixed("ERR increment or decrement would overflow"));
    };
    let mut digits = itoa::Buffer::new();
    ws.put_string_as(key, digits.format(new).as_bytes(), Encoding::Int, expire_at_ms)?;
    Ok(new)
}

fn incr(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    add(ws, args[1], 1)
}

fn decr(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    add(ws, args[1], -1)
}

fn incrby(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    add(ws, args[1], args::int(args[2])?)
}

fn decrby(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    match args::int(args[2])?.checked_neg() {
        Some(by) => add(ws, args[1], by),
        None => Err(Error::fixed("ERR decrement would overflow")),
    }
}

fn incrbyfloat(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let key = args[1];
    let old = ws.with_string(key, |object, value| {
        let old = LongDouble::parse(&value.whole()?).ok_or(Error::NOT_FLOAT)?;
        Ok((old, object.expire_at_ms))
    })?;
    let (old, expire_at_ms) = old.unwrap_or_else(|| (LongDouble::zero(), None));
    let by = LongDouble::parse(args[2]).ok_or(Error::NOT_FLOAT)?;
    let sum = old.plus(by).ok_or(Error::NOT_FINITE)?.text();
    ws.put_string_as(key, sum.as_bytes(), encoding_of_text(sum.as_bytes()), expire_at_ms)?;
    ws.changed(key, STRING, "incrbyfloat");
    ws.out.bulk(sum.as_bytes());
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("set", -3, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | UPDATE | VARIABLE, 1)], String, "1.0.0", set)
        .args("key value [condition:<NX|XX>@2.6.12] [GET@6.2.0] \
               [expiration:<EX seconds:integer@2.6.12 | PX milliseconds:integer@2.6.12 \
               | EXAT unix-time-seconds:unix-time@6.2.0 \
               | PXAT unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0>]")
        .docs("O(1)", "Sets a key to a string."),
    write_row("setex", 4, WRITE | DENYOOM, &[KeySpec::at(OW | UPDATE, 1)], String, "2.0.0", setex)
        .args("key seconds:integer value")
        .docs("O(1)", "Sets a string that expires after seconds."),
    write_row("psetex", 4, WRITE | DENYOOM, &[KeySpec::at(OW | UPDATE, 1)], String, "2.6.0", psetex)
        .args("key milliseconds:integer value")
        .docs("O(1)", "Sets a string that expires after milliseconds."),
    write_row("setnx", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(OW | INSERT, 1)], String, "1.0.0", setnx)
        .args("key value")
        .docs("O(1)", "Sets a key unless it exists."),
    write_row("getset", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "1.0.0", getset)
        .args("key value")
        .deprecated("6.2.0", "SET with GET")
        .docs("O(1)", "Sets a string and gives the one before."),
    write_row("getdel", 2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], String, "6.2.0", getdel)
        .args("key")
        .docs("O(1)", "Gives a string and deletes its key."),
    write_row("getex", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "6.2.0", getex)
        .args("key [expiration:<EX seconds:integer | PX milliseconds:integer \
               | EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time \
               | PERSIST>]")
        .docs("O(1)", "Gives a string and changes its expiry."),
    write_row("mset", -3, WRITE | DENYOOM,
        &[KeySpec::range(OW | UPDATE, 1, -1, 2)], String, "1.0.1", mset)
        .args("key_value:(key value)...")
        .docs("O(N)", "Sets several keys.")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    write_row("msetnx", -3, WRITE | DENYOOM,
        &[KeySpec::range(OW | INSERT, 1, -1, 2)], String, "1.0.1", msetnx)
        .args("key_value:(key value)...")
        .docs("O(N)", "Sets several keys unless any of them exists.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"]),
    write_row("append", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], String, "2.0.0", append)
        .args("key value")
        .docs("O(1)", "Adds to the end of a string."),
    write_row("setrange", 4, WRITE | DENYOOM,
        &[KeySpec::at(RW | UPDATE, 1)], String, "2.2.0", setrange)
        .args("key offset:integer value")
        .docs("O(1)", "Overwrites part of a string."),
    write_row("incr", 2, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "1.0.0", incr)
        .args("key")
        .docs("O(1)", "Adds one."),
    write_row("decr", 2, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "1.0.0", decr)
        .args("key")
        .docs("O(1)", "Subtracts one."),
    write_row("incrby", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "1.0.0", incrby)
        .args("key increment:integer")
        .docs("O(1)", "Adds a number."),
    write_row("decrby", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "1.0.0", decrby)
        .args("key decrement:integer")
        .docs("O(1)", "Subtracts a number."),
    write_row("incrbyfloat", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "2.6.0", incrbyfloat)
        .args("key increment:double")
        .docs("O(1)", "Adds a floating point number."),
];

//! DEBUG: what tests ask for.
use super::debug_data::{populate, reload};
use super::object::idle_s;
use crate::args;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Server;
use crate::command::{either_row, Command};
use crate::context::Context;
use crate::digest;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::NO_KEYS;
use crate::value;
use crate::write::Writing;
use redtool_format::resp::Writer;
use redtool_store::Encoding;
use std::time::Duration;

/// What only reads.
fn debug_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    match (args[1].to_ascii_lowercase().as_slice(), &args[2..]) {
        (b"help", []) => help(ctx),
        (b"sleep", [seconds]) => sleep(ctx, seconds),
        (b"digest", []) => {
            let digest = digest::of_dataset(ctx.reader, ctx.meta, ctx.now_ms())?;
            ctx.out.simple(&digest.to_string());
            Ok(())
        }
        (b"digest-value", keys) => digest_values(ctx, keys),
        (b"object", [key, ..]) => object(ctx, key),
        (b"listpack", [key]) => listpack(ctx, key),
        (b"protocol", [kind]) => protocol(ctx, kind),
        (b"error", [text]) => Err(Error::text(args::shown(text, text.len()))),
        (b"stringmatch-len", [len, pattern]) => match_long(ctx, len, pattern),
        (name, _) if SETTINGS.iter().any(|setting| setting.as_bytes() == name) => {
            ctx.out.simple("OK");
            Ok(())
        }
        _ => {
            let name = args::shown(args[1], 128);
            Err(Error::text(format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
            )))
        }
    }
}

/// Settings of another implementation, which mean nothing here.
const SETTINGS: &[&str] = &[
    "change-repl-id",
    "client-enforce-reply-list",
    "dict-resizing",
    "log",
    "pause-cron",
    "quicklist-packed-threshold",
    "replybuffer",
    "set-active-expire",
    "set-disable-deny-scripts",
];

fn debug(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    match (args[1].to_ascii_lowercase().as_slice(), &args[2..]) {
        (b"reload", words) => reload(ws, words),
        (b"loadaof", []) => reload(ws, &[]),
        (b"populate", [count, rest @ ..]) if rest.len() <= 2 => populate(ws, count, rest),
        (b"set-active-expire", [on]) => {
            ws.keys.active_expire = *on != b"0";
            ws.out.simple("OK");
            Ok(())
        }
        _ => debug_ro(&mut ws.view(), args),
    }
}

fn help(ctx: &mut Context<'_>) -> Outcome {
    let lines = [
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANGE-REPL-ID, CLIENT-ENFORCE-REPLY-LIST, DICT-RESIZING, LOG, PAUSE-CRON,",
        "QUICKLIST-PACKED-THRESHOLD, REPLYBUFFER, SET-DISABLE-DENY-SCRIPTS",
        "    Taken, and without meaning here.",
        "DIGEST",
        "    A hash of the whole dataset.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    A hash of each value.",
        "ERROR <text>",
        "    An error reply.",
        "LISTPACK <key>",
        "    Whether a value is a listpack.",
        "LOADAOF",
        "    As RELOAD.",
        "OBJECT <key>",
        "    Internals of a value.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Adds strings.",
        "PROTOCOL <type>",
        "    A reply of that type.",
        "RELOAD [MERGE] [NOFLUSH]",
        "    Writes every value as a dump holds it, and loads that.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Whether keys that have expired are removed unasked.",
        "SLEEP <seconds>",
        "    Stops everything for a while.",
        "STRINGMATCH-LEN <length> <pattern>",
        "    Matches a string of that many 'x' against a pattern.",
    ];
    ctx.out.array(lines.len());
    for line in lines {
        ctx.out.simple(line);
    }
    Ok(())
}

/// Sleeps on the thread of the connection. Nothing else runs meanwhile where the dataset may
/// change,
/// since the command has it.
fn sleep(ctx: &mut Context<'_>, seconds: &[u8]) -> Outcome {
    let seconds = args::parse_double(seconds).unwrap_or(0.0);
    if let Ok(pause) = Duration::try_from_secs_f64(seconds) {
        std::thread::sleep(pause);
    }
    ctx.out.simple("OK");
    Ok(())
}

fn digest_values(ctx: &mut Context<'_>, keys: &[&[u8]]) -> Outcome {
    ctx.out.array(keys.len());
    for key in keys {
        let digest = match ctx.lookup_in(ctx.session.db, key)? {
            Some(found) => digest::of_value(ctx.reader, &found.object()?)?,
            None => digest::Digest::default(),
        };
        ctx.out.simple(&digest.to_string());
    }
    Ok(())
}

fn object(ctx: &mut Context<'_>, key: &[u8]) -> Outcome {
    let found = ctx.lookup_in(ctx.session.db, key)?.ok_or(Error::NO_SUCH_KEY)?;
    let object = found.object()?;
    let len = value::dump(ctx.reader, &object, |_, bytes, _| bytes.len())?;
    let idle_s = idle_s(ctx, key, &object);
    ctx.out.simple(&format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{len} lru:0 \
         lru_seconds_idle:{idle_s}",
        object.encoding.name()
    ));
    Ok(())
}

fn listpack(ctx: &mut Context<'_>, key: &[u8]) -> Outcome {
    let found = ctx.lookup_in(ctx.session.db, key)?.ok_or(Error::NO_SUCH_KEY)?;
    if found.object()?.encoding != Encoding::Listpack {
        return Err(Error::fixed("ERR Not a listpack encoded object."));
    }
    ctx.out.simple("Listpack structure printed on stdout");
    Ok(())
}

/// A reply of each type of the protocol, the same that Redis gives.
fn protocol(ctx: &mut Context<'_>, kind: &[u8]) -> Outcome {
    const UNKNOWN: Error = Error::fixed(
        "ERR Wrong protocol type name. Please use one of the following: \
         string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
    );
    const RESP3_ONLY: Error = Error::fixed("ERR RESP2 is not supported by this command");
    let out = &mut *ctx.out;
    let numbers = |out: &mut Writer| (0..3).for_each(|n| out.int(n));
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        b"double" => out.double(3141.0 / 1000.0),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            numbers(out);
        }
        b"set" => {
            out.set(3);
            numbers(out);
        }
        b"map" => {
            out.map(3);
            for n in 0..3 {
                out.int(n);
                out.bool(n == 1);
            }
        }
        b"attrib" => {
            if out.is_resp3() {
                out.buffer().extend_from_slice(b"|1\r\n");
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" if !out.is_resp3() => return Err(RESP3_ONLY),
        b"push" => {
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
            out.bulk(b"Some real reply following the push reply");
        }
        b"bignum" if out.is_resp3() => {
            out.buffer().extend_from_slice(b"(1234567999999999999999999999999999999\r\n");
        }
        b"bignum" => out.bulk(b"1234567999999999999999999999999999999"),
        b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

fn match_long(ctx: &mut Context<'_>, len: &[u8], pattern: &[u8]) -> Outcome {
    let len = args::int_between(len, 0, 1 << 20)?;
    let text = vec![b'x'; len as usize];
    ctx.out.int(i64::from(glob::matches(pattern, &text, false)));
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    either_row("debug", -2, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Server, "1.0.0", (debug_ro, debug))
        .internal()
        .docs("depends on the subcommand", "For testing.").onlooker(),
];

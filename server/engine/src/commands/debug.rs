//! DEBUG: what tests ask for.
use crate::args;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Server;
use crate::command::{row, Command};
use crate::context::Context;
use crate::digest;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::NO_KEYS;
use crate::value;
use std::time::Duration;

fn debug(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
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
        (b"set-active-expire", [_]) | (b"quicklist-packed-threshold", [_]) => {
            ctx.out.simple("OK");
            Ok(())
        }
        (b"stringmatch-len", [len, pattern]) => match_long(ctx, len, pattern),
        _ => {
            let name = args::shown(args[1], 128);
            Err(Error::text(format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
            )))
        }
    }
}

fn help(ctx: &mut Context<'_>) -> Outcome {
    let lines = [
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "DIGEST",
        "    A hash of the whole dataset.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    A hash of each value.",
        "OBJECT <key>",
        "    Internals of a value.",
        "SLEEP <seconds>",
        "    Stops this thread for a while.",
        "STRINGMATCH-LEN <length> <pattern>",
        "    Matches a string of that many 'x' against a pattern.",
    ];
    ctx.out.array(lines.len());
    for line in lines {
        ctx.out.simple(line);
    }
    Ok(())
}

/// Sleeps on the thread of the connection; others go on.
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
    let idle_s = object.idle_s.unwrap_or(0);
    ctx.out.simple(&format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{len} lru:0 \
         lru_seconds_idle:{idle_s}",
        object.encoding.name()
    ));
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
    row("debug", -2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "1.0.0", debug)
        .internal()
        .docs("depends on the subcommand", "For testing."),
];

//! The connection itself: protocol, login, database, liveness.
use crate::args;
use crate::command::flag::{ALLOW_BUSY, FAST, LOADING, NOSCRIPT, NO_AUTH, STALE};
use crate::command::Group::Connection;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::session::Replies;
use crate::write::Writing;
use redtool_format::number;
use std::sync::atomic::Ordering::Relaxed;

/// The Redis version whose replies these are.
pub const REDIS_VERSION: &str = "7.2.0";

fn ping(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if !ctx.session.resp3 && ctx.session.info.is_listening() && args.len() <= 2 {
        // A client that listens in RESP2 tells replies from messages by their form.
        ctx.out.array(2);
        ctx.out.bulk(b"pong");
        ctx.out.bulk(args.get(1).copied().unwrap_or_default());
        return Ok(());
    }
    match args {
        [_] => ctx.out.simple("PONG"),
        [_, message] => ctx.out.bulk(message),
        _ => return Err(Error::fixed("ERR wrong number of arguments for 'ping' command")),
    }
    Ok(())
}

fn echo(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    ctx.out.bulk(args[1]);
    Ok(())
}

fn quit(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.session.close_after_reply = true;
    ctx.out.simple("OK");
    Ok(())
}

fn select(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let db = args::int_between(args[1], i64::from(i32::MIN), i64::from(i32::MAX))?;
    if db != 0 && ctx.dataset.state().cluster_enabled.load(Relaxed) {
        return Err(Error::fixed("ERR SELECT is not allowed in cluster mode"));
    }
    match u32::try_from(db) {
        Ok(db) if db < ctx.dataset.databases() => ctx.session.select(db),
        _ => return Err(Error::fixed("ERR DB index is out of range")),
    }
    ctx.out.simple("OK");
    Ok(())
}

fn reset(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    ws.stop_tracking();
    ws.keys.pubsub.forget(&ws.session.info);
    ws.dataset.state().remove_monitor(&ws.session.info);
    ws.session.reset();
    ws.session.replies = Replies::On;
    ws.out.set_resp3(false);
    ws.out.simple("RESET");
    Ok(())
}

fn auth(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let (user, password): (&[u8], _) = match args {
        [_, password] => {
            if ctx.dataset.state().is_open() {
                return Err(Error::fixed(
                    "ERR AUTH <password> called without any password configured for the default \
                     user. Are you sure your configuration is correct?",
                ));
            }
            (b"default", *password)
        }
        [_, user, password] => (user, *password),
        _ => return Err(Error::SYNTAX),
    };
    log_in(ctx, user, password)?;
    ctx.out.simple("OK");
    Ok(())
}

fn log_in(ctx: &mut Context<'_>, user: &[u8], password: &[u8]) -> Outcome {
    if user != b"default" || !ctx.dataset.state().admits(password) {
        return Err(Error::fixed("WRONGPASS invalid username-password pair or user is disabled."));
    }
    ctx.session.authenticated = true;
    Ok(())
}

/// HELLO [protocol [AUTH user password] [SETNAME name]]
fn hello(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let protocol = args.get(1).map(|arg| protocol_version(arg)).transpose()?;
    let (mut login, mut name) = (None, None);
    let mut rest = args.get(2..).unwrap_or_default();
    while let [option, after @ ..] = rest {
        rest = match after {
            [user, password, rest @ ..] if args::is(option, "auth") => {
                login = Some((*user, *password));
                rest
            }
            [value, rest @ ..] if args::is(option, "setname") => {
                name = Some(*value);
                rest
            }
            _ => {
                let option = args::shown(option, 128);
                return Err(Error::text(format!("ERR Syntax error in HELLO option '{option}'")));
            }
        };
    }
    if let Some((user, password)) = login {
        log_in(ctx, user, password)?;
    }
    if !ctx.session.authenticated {
        return Err(Error::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        super::client::set_name(ctx, name)?;
    }
    if let Some(protocol) = protocol {
        ctx.session.set_resp3(protocol == 3);
        ctx.out.set_resp3(protocol == 3);
    }
    reply_hello(ctx);
    Ok(())
}

fn protocol_version(arg: &[u8]) -> Result<i64, Error> {
    match number::parse_i64(arg) {
        Some(version @ 2..=3) => Ok(version),
        Some(_) => Err(Error::fixed("NOPROTO unsupported protocol version")),
        None => Err(Error::fixed("ERR Protocol version is not an integer or out of range")),
    }
}

fn reply_hello(ctx: &mut Context<'_>) {
    let (id, resp3) = (ctx.session.id as i64, ctx.session.resp3);
    let out = &mut *ctx.out;
    out.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.int(if resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.int(id);
    let cluster = ctx.dataset.state().cluster_enabled.load(Relaxed);
    let mode = if cluster { "cluster" } else { "standalone" };
    for (name, value) in [("mode", mode), ("role", "master")] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    out.array(0);
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("auth", -2, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
        NO_KEYS, Connection, "1.0.0", auth)
        .args("[username@6.0.0] password")
        .docs("O(N)", "Logs in."),
    row("echo", 2, LOADING | STALE | FAST, NO_KEYS, Connection, "1.0.0", echo)
        .args("message")
        .docs("O(1)", "Gives the argument back."),
    row("hello", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
        NO_KEYS, Connection, "6.0.0", hello)
        .args("[arguments:(protover:integer [AUTH username_password:(username password)] \
               [SETNAME clientname])]")
        .docs("O(1)", "Chooses the protocol and tells who the server is."),
    row("ping", -1, FAST, NO_KEYS, Connection, "1.0.0", ping)
        .args("[message]")
        .docs("O(1)", "Tells that the server is there.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("quit", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
        NO_KEYS, Connection, "1.0.0", quit)
        .docs("O(1)", "Closes the connection."),
    write_row("reset", 1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
        NO_KEYS, Connection, "6.2.0", reset)
        .docs("O(1)", "Puts the connection back to its first state."),
    row("select", 2, LOADING | STALE | FAST, NO_KEYS, Connection, "1.0.0", select)
        .args("index:integer")
        .docs("O(1)", "Selects a database."),
];

//! The server as a whole: time, saving, stopping, its place in replication.
use super::connection::REDIS_VERSION;
use super::info::last_save_s;
use crate::args;
use crate::clock::{system_us, Clock};
use crate::command::flag::{
    ADMIN, ALLOW_BUSY, BLOCKING, FAST, LOADING, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI, READONLY,
    STALE,
};
use crate::command::Group::{Generic, Server};
use crate::command::{category, row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::session::Waiting;
use crate::write::Writing;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

/// Seconds and microseconds of the dataset's clock.
fn time(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let now_us = match ctx.dataset.clock() {
        Clock::Fixed(ms) => ms.saturating_mul(1000),
        Clock::Now | Clock::Dump => system_us(),
    };
    ctx.out.array(2);
    ctx.out.bulk_int(now_us.div_euclid(1_000_000));
    ctx.out.bulk_int(now_us.rem_euclid(1_000_000));
    Ok(())
}

fn lastsave(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    let saved_s = last_save_s(ws);
    ws.out.int(saved_s);
    Ok(())
}

fn role(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(3);
    ctx.out.bulk(b"master");
    ctx.out.int(0);
    ctx.out.array(0);
    Ok(())
}

fn unsupported(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let name = ctx.command.name.to_ascii_uppercase();
    Err(Error::text(format!("ERR {name} is not supported by this server")))
}

/// MONITOR: from now on this client is shown every command.
fn monitor(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    if !ws.may_wait {
        return Err(Error::fixed("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    ws.dataset.state().add_monitor(&ws.session.info);
    ws.out.simple("OK");
    Ok(())
}

/// Refuses to save what cannot be.
fn check_saving(ws: &Writing<'_>) -> Outcome {
    if ws.dataset.readonly() {
        let text = "ERR the dataset is served read-only: there is nothing to save";
        return Err(Error::fixed(text));
    }
    if !ws.keys.space.is_durable() {
        return Err(Error::fixed(
            "ERR the dataset lives in memory only: there is nowhere to save it",
        ));
    }
    Ok(())
}

/// SAVE: answered when everything so far is durable.
fn save(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    check_saving(ws)?;
    ws.keys.blocked.save_wanted = true;
    if !ws.may_wait {
        ws.out.simple("OK");
        return Ok(());
    }
    ws.keys.blocked.savers.push(Arc::clone(&ws.session.info));
    ws.session.waiting = Some(Waiting { until: None });
    Ok(())
}

/// BGSAVE, BGREWRITEAOF: changes are saved once a second anyway; the next time is now.
fn bgsave(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    if !args[1..].iter().all(|word| args::is(word, "schedule")) || args.len() > 2 {
        return Err(Error::SYNTAX);
    }
    check_saving(ws)?;
    ws.keys.blocked.save_wanted = true;
    ws.out.simple("Background saving started");
    Ok(())
}

fn bgrewriteaof(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    check_saving(ws)?;
    ws.keys.blocked.save_wanted = true;
    ws.out.simple("Background append only file rewriting started");
    Ok(())
}

/// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]: there is nobody to hand over to.
fn failover(_: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    match args {
        [_, word] if args::is(word, "abort") => Err(Error::fixed("ERR No failover in progress.")),
        [_] => Err(Error::fixed("ERR FAILOVER requires connected replicas.")),
        [_, word, ..] if args::is(word, "to") || args::is(word, "timeout") => {
            Err(Error::fixed("ERR FAILOVER requires connected replicas."))
        }
        _ => Err(Error::SYNTAX),
    }
}

fn replicaof(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args::is(args[1], "no") && args::is(args[2], "one") {
        ctx.out.simple("OK");
        return Ok(());
    }
    unsupported(ctx, args)
}

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
fn shutdown(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let has = |word: &str| args[1..].iter().any(|arg| args::is(arg, word));
    const WORDS: [&str; 5] = ["nosave", "save", "now", "force", "abort"];
    let known = args[1..].iter().all(|arg| WORDS.iter().any(|word| args::is(arg, word)));
    if !known || has("abort") && args.len() > 2 || has("save") && has("nosave") {
        return Err(Error::SYNTAX);
    }
    if has("abort") {
        return Err(Error::fixed("ERR No shutdown in progress."));
    }
    ctx.dataset.state().shutdown.store(true, Relaxed);
    ctx.session.close_after_reply = true;
    Ok(())
}

/// WAIT numreplicas timeout: there are no replicas, and those that are asked for never come.
fn wait(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let wanted = args::int(args[1])?;
    let timeout_ms = check_timeout(args[2])?;
    if wanted <= 0 {
        ws.out.int(0);
        return Ok(());
    }
    let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms));
    ws.wait_for(args, &[], timeout, false, |out| out.int(0));
    Ok(())
}

/// WAITAOF numlocal numreplicas timeout
fn waitaof(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let local = args::int_between(args[1], 0, 1)?;
    args::positive(args[2])?;
    check_timeout(args[3])?;
    if local > 0 {
        return Err(Error::fixed(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    ctx.out.array(2);
    ctx.out.int(0);
    ctx.out.int(0);
    Ok(())
}

/// A time in milliseconds.
fn check_timeout(arg: &[u8]) -> Result<u64, Error> {
    let timeout_ms = redtool_format::number::parse_i64(arg)
        .ok_or(Error::fixed("ERR timeout is not an integer or out of range"))?;
    u64::try_from(timeout_ms).map_err(|_| Error::fixed("ERR timeout is negative"))
}

const PICTURE: &str = "\
  .-----------.\n\
  | o  o  o   |\n\
  |  [ dump ] |\n\
  '-----------'\n";

fn lolwut(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let text = format!("{PICTURE}Redis ver. {REDIS_VERSION}\n");
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("time", 1, LOADING | STALE | FAST, NO_KEYS, Server, "2.6.0", time)
        .docs("O(1)", "The server's time.").tips(&["nondeterministic_output"]),
    write_row("lastsave", 1, LOADING | STALE | FAST, NO_KEYS, Server, "1.0.0", lastsave)
        .docs("O(1)", "When the data was last saved.")
        .acl(category::ADMIN | category::DANGEROUS).tips(&["nondeterministic_output"]),
    row("role", 1, NOSCRIPT | LOADING | STALE | FAST, NO_KEYS, Server, "2.8.12", role)
        .docs("O(1)", "Place of the server in replication.")
        .acl(category::ADMIN | category::DANGEROUS),
    write_row("save", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
        NO_KEYS, Server, "1.0.0", save)
        .docs("O(N)", "Saves to disk now."),
    write_row("bgsave", -1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
        NO_KEYS, Server, "1.0.0", bgsave)
        .args("[SCHEDULE@3.2.2]")
        .docs("O(1)", "Saves to disk in the background."),
    write_row("bgrewriteaof", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
        NO_KEYS, Server, "1.0.0", bgrewriteaof)
        .docs("O(1)", "Rewrites the append-only file in the background."),
    row("failover", -1, ADMIN | NOSCRIPT | STALE, NO_KEYS, Server, "6.2.0", failover)
        .args("[TO target:(host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]")
        .docs("O(1)", "Hands over to a replica."),
    row("replicaof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING,
        NO_KEYS, Server, "5.0.0", replicaof)
        .args("args:<host-port:(host port:integer) | no-one:(NO ONE)>")
        .docs("O(1)", "Makes the server a replica."),
    row("slaveof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING,
        NO_KEYS, Server, "1.0.0", replicaof)
        .args("args:<host-port:(host port:integer) | no-one:(NO ONE)>")
        .deprecated("5.0.0", "REPLICAOF")
        .docs("O(1)", "Makes the server a replica (old name of REPLICAOF)."),
    row("shutdown", -1, ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
        NO_KEYS, Server, "1.0.0", shutdown)
        .args("[nosave_save:<NOSAVE|SAVE>] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]")
        .docs("O(N)", "Stops the server."),
    write_row("wait", 3, BLOCKING, NO_KEYS, Generic, "3.0.0", wait)
        .args("numreplicas:integer timeout:integer")
        .docs("O(1)", "Waits for replicas to have the writes of this connection.")
        .acl(category::CONNECTION).tips(&["request_policy:all_shards", "response_policy:agg_min"]),
    row("waitaof", 4, BLOCKING, NO_KEYS, Generic, "7.2.0", waitaof)
        .args("numlocal:integer numreplicas:integer timeout:integer")
        .docs("O(1)", "Waits for the writes of this connection to be on disk.")
        .acl(category::CONNECTION).tips(&["request_policy:all_shards", "response_policy:agg_min"]),
    row("lolwut", -1, READONLY | FAST, NO_KEYS, Server, "5.0.0", lolwut)
        .args("[VERSION version:integer]")
        .docs("O(1)", "A small picture and the version."),
    write_row("monitor", 1, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "1.0.0", monitor)
        .docs("O(1)", "Shows every command the server executes."),
    row("sync", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
        NO_KEYS, Server, "1.0.0", unsupported)
        .docs("O(1)", "Starts replication in full."),
    row("psync", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
        NO_KEYS, Server, "2.8.0", unsupported)
        .args("replicationid offset:integer")
        .docs("O(1)", "Starts or goes on with replication."),
    row("replconf", -1, ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
        NO_KEYS, Server, "3.0.0", unsupported)
        .internal()
        .docs("O(1)", "Replication settings."),
];

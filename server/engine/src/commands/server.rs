//! The server as a whole: what time it has, who has what it writes, what it does.
use super::connection::REDIS_VERSION;
use crate::args;
use crate::clock::{system_us, Clock};
use crate::command::flag::{ADMIN, BLOCKING, FAST, LOADING, NOSCRIPT, READONLY, STALE};
use crate::command::Group::{Generic, Server};
use crate::command::{category, row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::write::Writing;
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

/// MONITOR: from now on this client is shown every command.
fn monitor(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    if !ws.may_wait {
        return Err(Error::fixed("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    ws.dataset.state().add_monitor(&ws.session.info);
    ws.out.simple("OK");
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
];

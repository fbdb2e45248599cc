//! A server's place in replication: it has no replicas and is none, and sends itself as a dump to
//! whoever wants no more than that (`redis-cli --rdb`).
//!
//! A server that would follow is refused: it would take itself for a copy of what changes here,
//! and hear of no change. It is known by what it tells with REPLCONF before it asks.
use crate::args;
use crate::command::flag::{
    ADMIN, ALLOW_BUSY, FAST, LOADING, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI, STALE,
};
use crate::command::Group::Server;
use crate::command::{category, row, write_row, Command};
use crate::context::Context;
use crate::dump::Job;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::session::Waiting;
use crate::write::Writing;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

fn role(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(3);
    ctx.out.bulk(b"master");
    ctx.out.int(0);
    ctx.out.array(0);
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
    Err(Error::fixed("ERR REPLICAOF is not supported by this server"))
}

/// SYNC: the whole dataset as a dump, and the end of the connection.
fn sync(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    send_dump(ws, Vec::new())
}

/// PSYNC replicationid offset: there is nothing to go on with, so it is the same.
fn psync(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    args::int(args[2])?;
    let head = format!("+FULLRESYNC {} 0\r\n", ws.dataset.state().run_id());
    send_dump(ws, head.into_bytes())
}

fn send_dump(ws: &mut Writing<'_>, head: Vec<u8>) -> Outcome {
    let replica = ws.session.replica;
    if replica.is_server && !replica.dump_only {
        return Err(Error::fixed(
            "ERR this server sends no changes after the dump, so it has no replicas",
        ));
    }
    if !ws.may_wait {
        return Err(Error::fixed("ERR a dump is sent to connections only"));
    }
    let (client, functions_only) = (Arc::clone(&ws.session.info), replica.functions_only);
    ws.dataset.state().full_syncs.fetch_add(1, Relaxed);
    ws.dataset.jobs.add(Job::Send { client, head, functions_only });
    ws.session.waiting = Some(Waiting { until: None });
    Ok(())
}

/// REPLCONF name value [name value ...]: what the client is, and what it wants.
fn replconf(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    let mut replica = ws.session.replica;
    for pair in args[1..].chunks_exact(2) {
        let (name, value) = (pair[0], pair[1]);
        match name.to_ascii_lowercase().as_slice() {
            b"listening-port" | b"ip-address" => replica.is_server = true,
            b"capa" => replica.is_server |= args::is(value, "psync2"),
            b"rdb-only" => replica.dump_only = args::int(value)? == 1,
            b"rdb-filter-only" => {
                replica.functions_only = args::is(value, "functions");
                if !replica.functions_only && !value.is_empty() {
                    let shown = args::shown(value, 128);
                    let text = format!("ERR Unsupported rdb-filter-only option: {shown}");
                    return Err(Error::text(text));
                }
            }
            // Told of changes, of which there are none; nobody waits for an answer.
            b"ack" => return Ok(()),
            _ => {
                let shown = args::shown(name, 128);
                return Err(Error::text(format!("ERR Unrecognized REPLCONF option: {shown}")));
            }
        }
    }
    ws.session.replica = replica;
    ws.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("role", 1, NOSCRIPT | LOADING | STALE | FAST, NO_KEYS, Server, "2.8.12", role)
        .docs("O(1)", "Place of the server in replication.")
        .acl(category::ADMIN | category::DANGEROUS),
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
    write_row("sync", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
        NO_KEYS, Server, "1.0.0", sync)
        .docs("O(1)", "Starts replication in full."),
    write_row("psync", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
        NO_KEYS, Server, "2.8.0", psync)
        .args("replicationid offset:integer")
        .docs("O(1)", "Starts or goes on with replication."),
    write_row("replconf", -1, ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
        NO_KEYS, Server, "3.0.0", replconf)
        .internal()
        .docs("O(1)", "Replication settings."),
];

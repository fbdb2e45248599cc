//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! Queueing and running the queue are the engine's ([`crate::engine`]); what is here is what
//! happens outside a transaction, and the rows.
use crate::command::flag::{ALLOW_BUSY, FAST, LOADING, NOSCRIPT, SKIP_SLOWLOG, STALE};
use crate::command::Group::Transactions;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keys::is_record_alive;
use crate::keyspec::access::RO;
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::record_key::RecordKey;
use crate::session::Transaction;
use crate::write::Writing;

fn multi(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    if ctx.session.transaction.is_some() {
        return Err(Error::fixed("ERR MULTI calls can not be nested"));
    }
    ctx.session.set_transaction(Some(Transaction::default()));
    ctx.out.simple("OK");
    Ok(())
}

fn exec(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR EXEC without MULTI"))
}

fn discard(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    if ctx.session.transaction.is_none() {
        return Err(Error::fixed("ERR DISCARD without MULTI"));
    }
    ctx.session.set_transaction(None);
    ctx.session.watching = None;
    ctx.out.simple("OK");
    Ok(())
}

fn watch(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    if ws.session.transaction.is_some() {
        return Err(Error::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    let mut watching = ws.session.watching.take().unwrap_or_default();
    for key in &args[1..] {
        let record_key = RecordKey::new(ws.session.db, key);
        if watching.keys.iter().any(|(watched, _)| **watched == *record_key) {
            continue;
        }
        let was_expired = match ws.keys.record(&record_key, key)? {
            Some(record) => !is_record_alive(&record, || ws.now_ms())?,
            None => false,
        };
        ws.keys.watched.add(&record_key, &watching.touched, was_expired);
        watching.keys.push((record_key.to_vec(), was_expired));
    }
    ws.session.watching = Some(watching);
    ws.out.simple("OK");
    Ok(())
}

fn unwatch(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.session.watching = None;
    ctx.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("multi", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        NO_KEYS, Transactions, "1.2.0", multi)
        .docs("O(1)", "Begins to queue commands."),
    row("exec", 1, NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG, NO_KEYS, Transactions, "1.2.0", exec)
        .docs("depends on the commands", "Runs the queued commands."),
    row("discard", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        NO_KEYS, Transactions, "2.0.0", discard)
        .docs("O(N)", "Forgets the queued commands."),
    write_row("watch", -2, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        &[KeySpec::range(RO, 1, -1, 1)], Transactions, "2.2.0", watch)
        .args("key...")
        .docs("O(1)", "Makes EXEC depend on keys."),
    row("unwatch", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        NO_KEYS, Transactions, "2.2.0", unwatch)
        .docs("O(1)", "Forgets the watched keys."),
];

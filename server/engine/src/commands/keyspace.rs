//! Keys whatever their type: existence, type, expiry, counts.
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::{Generic, Server};
use crate::command::{category, either_row, row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::RO;
use crate::keyspec::{KeySpec, NO_KEYS, READ_KEY, READ_META};
use crate::write::Writing;
use redtool_format::rdb::{length, module, Kind};
use redtool_format::Cursor;
use redtool_store::pieces::Pieces;
use redtool_store::{Body, Object, Reader};

fn exists(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let mut count = 0;
    for key in &args[1..] {
        count += i64::from(ctx.lookup(key)?.is_some());
    }
    ctx.out.int(count);
    Ok(())
}

/// Touches what may not change: counts.
fn touch_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    exists(ctx, args)
}

/// A key that is touched is idle no more, whatever its dump said, which a store goes by.
fn touch(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let db = ws.session.db;
    let held: &[&[u8]] = if ws.keys.space.is_durable() { &args[1..] } else { &[] };
    for key in held {
        if let Some(freq) = ws.with_object(db, key, |_, object| Ok(object.freq))? {
            ws.mark_use(db, key, None, freq)?;
        }
    }
    exists(&mut ws.view(), args)
}

fn type_(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    match ctx.lookup(args[1])? {
        Some(found) => {
            let name = type_name(ctx.reader, &found.object()?)?;
            ctx.out.simple(&name);
        }
        None => ctx.out.simple("none"),
    }
    Ok(())
}

/// The reply of TYPE; of a module value, the name its module gave the type.
pub fn type_name(reader: &dyn Reader, object: &Object<'_>) -> Result<String, Error> {
    if object.kind != Kind::Module {
        return Ok(object.kind.name().to_string());
    }
    let id = match object.body {
        Body::Inline(payload) => length::read_plain(&mut Cursor::new(payload))?,
        Body::Segmented { .. } => {
            let pieces = Pieces::open(reader, object)?;
            let mut start = pieces.map(|pieces| pieces.range(0..MODULE_ID_BYTES));
            let bytes = start.as_mut().map(|start| start.advance()).transpose()?.flatten();
            length::read_plain(&mut Cursor::new(bytes.unwrap_or_default()))?
        }
    };
    Ok(module::name(id).0)
}

/// A module value starts with its id, as a length, which takes this many bytes at most.
const MODULE_ID_BYTES: u64 = 9;

/// The expiry of a key as TTL and its kin see it.
enum Expiry {
    NoKey,
    Never,
    At(i64),
}

fn expiry(ctx: &Context<'_>, key: &[u8]) -> Result<Expiry, Error> {
    let Some(found) = ctx.lookup(key)? else { return Ok(Expiry::NoKey) };
    Ok(found.object()?.expire_at_ms.map_or(Expiry::Never, Expiry::At))
}

/// Replies -2, -1 or what `shown` makes of the expiry.
fn reply_expiry(ctx: &mut Context<'_>, key: &[u8], shown: fn(i64, i64) -> i64) -> Outcome {
    let reply = match expiry(ctx, key)? {
        Expiry::NoKey => -2,
        Expiry::Never => -1,
        Expiry::At(at_ms) => shown(at_ms, ctx.now_ms()),
    };
    ctx.out.int(reply);
    Ok(())
}

fn left_ms(at_ms: i64, now_ms: i64) -> i64 {
    at_ms.saturating_sub(now_ms).max(0)
}

/// Redis rounds milliseconds to the nearest second.
fn to_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

fn ttl(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_expiry(ctx, args[1], |at, now| to_seconds(left_ms(at, now)))
}

fn pttl(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_expiry(ctx, args[1], left_ms)
}

fn expiretime(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_expiry(ctx, args[1], |at, _| to_seconds(at))
}

fn pexpiretime(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_expiry(ctx, args[1], |at, _| at)
}

fn dbsize(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let keys = ctx.meta.db(ctx.session.db).keys;
    ctx.out.int(keys as i64);
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("exists", -2, READONLY | FAST, &[KeySpec::range(RO, 1, -1, 1)], Generic, "1.0.0", exists)
        .args("key...")
        .docs("O(N)", "How many of the keys exist.").onlooker()
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    either_row("touch", -2, READONLY | FAST,
        &[KeySpec::range(RO, 1, -1, 1)], Generic, "3.2.1", (touch_ro, touch))
        .args("key...")
        .docs("O(N)", "How many of the keys exist, marking them as used.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    row("type", 2, READONLY | FAST, READ_META, Generic, "1.0.0", type_)
        .args("key")
        .docs("O(1)", "Type of the value at a key.").onlooker(),
    row("ttl", 2, READONLY | FAST, READ_KEY, Generic, "1.0.0", ttl)
        .args("key")
        .docs("O(1)", "Seconds until a key expires.").onlooker()
        .tips(&["nondeterministic_output"]),
    row("pttl", 2, READONLY | FAST, READ_KEY, Generic, "2.6.0", pttl)
        .args("key")
        .docs("O(1)", "Milliseconds until a key expires.").onlooker()
        .tips(&["nondeterministic_output"]),
    row("expiretime", 2, READONLY | FAST, READ_KEY, Generic, "7.0.0", expiretime)
        .args("key")
        .docs("O(1)", "When a key expires, Unix seconds.").onlooker(),
    row("pexpiretime", 2, READONLY | FAST, READ_KEY, Generic, "7.0.0", pexpiretime)
        .args("key")
        .docs("O(1)", "When a key expires, Unix milliseconds.").onlooker(),
    row("dbsize", 1, READONLY | FAST, NO_KEYS, Server, "1.0.0", dbsize)
        .docs("O(1)", "Number of keys in the database.")
        .acl(category::KEYSPACE).tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
];

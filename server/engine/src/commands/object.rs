//! A value from the outside: OBJECT, DUMP.
use super::help::help;
use crate::command::flag::{LOADING, READONLY, STALE};
use crate::command::Group::Generic;
use crate::command::{row, Command};
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::eviction::By;
use crate::keyspace::Keyspace;
use crate::keyspec::access::RO;
use crate::keyspec::{KeySpec, NO_KEYS, READ_KEY};
use crate::record_key::RecordKey;
use crate::types::string::StringValue;
use crate::value;
use redtool_format::number;
use redtool_format::rdb::payload;
use redtool_store::space::Use;
use redtool_store::{Encoding, Object};

fn object(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

/// Replies null when the key is not there, else what `reply` says. That it is missed is not told.
fn with_key(
    ctx: &mut Context<'_>,
    key: &[u8],
    reply: impl FnOnce(&mut Context<'_>, &Found<'_>) -> Outcome,
) -> Outcome {
    match ctx.lookup_counted(key)? {
        Some(found) => reply(ctx, &found),
        None => {
            ctx.out.null();
            Ok(())
        }
    }
}

fn object_encoding(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    with_key(ctx, args[2], |ctx, found| {
        ctx.out.bulk(found.object()?.encoding.name().as_bytes());
        Ok(())
    })
}

/// The keyspace that keeps uses of a key, and what it knows of them; None of a store, which keeps
/// what the dump held.
fn uses<'a>(ctx: &Context<'a>, key: &[u8]) -> Option<(&'a Keyspace, Use)> {
    let keys = ctx.keys?;
    let used = keys.space.used(&RecordKey::new(ctx.session.db, key))?;
    Some((keys, used))
}

fn object_freq(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    const NOT_KEPT: Error = Error::fixed(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust.",
    );
    with_key(ctx, args[2], |ctx, found| {
        let freq = match uses(ctx, args[2]) {
            Some((keys, used)) => keys.freq(used, found.record()),
            None => found.object()?.freq,
        };
        ctx.out.int(i64::from(freq.ok_or(NOT_KEPT)?));
        Ok(())
    })
}

/// Seconds since a value was used.
pub(super) fn idle_s(ctx: &Context<'_>, key: &[u8], object: &Object<'_>) -> u64 {
    let held_s = object.idle_s.unwrap_or(0);
    match uses(ctx, key) {
        Some((keys, used)) => keys.idle_ms(used, || held_s) / 1000,
        None => u64::from(held_s),
    }
}

fn object_idletime(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    const LFU: Error = Error::fixed(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    with_key(ctx, args[2], |ctx, found| {
        let object = found.object()?;
        let is_counted = match uses(ctx, args[2]) {
            Some((keys, _)) => keys.eviction.counts(),
            None => object.freq.is_some(),
        };
        if is_counted {
            return Err(LFU);
        }
        ctx.out.int(idle_s(ctx, args[2], &object) as i64);
        Ok(())
    })
}

/// Redis shares the objects of integers below this, and says so by a huge count.
const SHARED_INTEGERS: i64 = 10_000;

fn object_refcount(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    with_key(ctx, args[2], |ctx, found| {
        let object = found.object()?;
        // An object that is shared has no use of its own.
        let goes_by_use = |keys: &Keyspace| {
            keys.limits.memory_bytes > 0 && matches!(keys.eviction.policy().by, By::Lru | By::Lfu)
        };
        let shared = !ctx.keys.is_some_and(goes_by_use) && object.encoding == Encoding::Int && {
            let text = StringValue::open(ctx.reader, &object)?.whole()?;
            number::parse_i64(&text).is_some_and(|n| (0..SHARED_INTEGERS).contains(&n))
        };
        ctx.out.int(if shared { i64::from(i32::MAX) } else { 1 });
        Ok(())
    })
}

fn dump(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let Some(found) = ctx.lookup(args[1])? else {
        ctx.out.null();
        return Ok(());
    };
    let Context { reader, out, .. } = ctx;
    value::dump(*reader, &found.object()?, |value_type, bytes, version| {
        out.bulk_with(payload::size_bytes(bytes.len()), |out| {
            payload::write(out, value_type, bytes, version);
            Ok(())
        })
    })?
}

/// Subcommands.
#[rustfmt::skip]
const OBJECT_SUBCOMMANDS: &[Command] = &[
    row("encoding", 3, READONLY, &[KeySpec::at(RO, 2)], Generic, "2.2.3", object_encoding)
        .args("key")
        .docs("O(1)", "How a value is encoded.").onlooker().tips(&["nondeterministic_output"]),
    row("freq", 3, READONLY, &[KeySpec::at(RO, 2)], Generic, "4.0.0", object_freq)
        .args("key")
        .docs("O(1)", "How often a value is used, as a logarithm.").onlooker()
        .tips(&["nondeterministic_output"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Generic, "6.2.0", help)
        .docs("O(1)", "What OBJECT can do."),
    row("idletime", 3, READONLY, &[KeySpec::at(RO, 2)], Generic, "2.2.3", object_idletime)
        .args("key")
        .docs("O(1)", "Seconds since a value was last used.").onlooker()
        .tips(&["nondeterministic_output"]),
    row("refcount", 3, READONLY, &[KeySpec::at(RO, 2)], Generic, "2.2.3", object_refcount)
        .args("key")
        .docs("O(1)", "Number of references to a value.").onlooker()
        .tips(&["nondeterministic_output"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("dump", 2, READONLY, READ_KEY, Generic, "2.6.0", dump)
        .args("key")
        .docs("O(1)", "The value of a key, serialized.").tips(&["nondeterministic_output"]),
    row("object", -2, 0, NO_KEYS, Generic, "2.2.3", object)
        .docs("depends on the subcommand", "Internals of a value.")
        .acl(0).subcommands(OBJECT_SUBCOMMANDS),
];

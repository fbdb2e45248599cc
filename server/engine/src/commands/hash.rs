//! Commands of the group hash, with those of Redis 7.4 that read field TTLs.
use crate::args;
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::Hash as Hashes;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_KEY, READ_META};
use crate::scan::{parse_cursor, ScanOptions};
use crate::types::hash::{Field, Hash};
use crate::types::sample::{self, Pool, Random};
use crate::types::{expect_count, Result, ON};
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::Kind;

/// Opens the hash at a key and gives it to `f`; None when the key is absent.
fn with_hash<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Context<'_>, &Hash<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(found) = ctx.lookup_kind(key, Kind::Hash)? else { return Ok(None) };
    let hash = Hash::open(ctx.reader, &found.object()?, ctx.now_ms())?;
    f(ctx, &hash).map(Some)
}

fn hget(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let given = with_hash(ctx, args[1], |ctx, hash| {
        hash.get(args[2], |field| ctx.reply_item(field.value))
    })?;
    if given.flatten().is_none() {
        ctx.out.null();
    }
    Ok(())
}

fn hmget(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let names = &args[2..];
    let given = with_hash(ctx, args[1], |ctx, hash| {
        ctx.out.array(names.len());
        for name in names {
            if hash.get(name, |field| ctx.reply_item(field.value))?.is_none() {
                ctx.out.null();
            }
        }
        Ok(())
    })?;
    if given.is_none() {
        ctx.out.array(names.len());
        names.iter().for_each(|_| ctx.out.null());
    }
    Ok(())
}

fn hlen(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = with_hash(ctx, args[1], |_, hash| hash.live_fields())?;
    ctx.out.int(len.unwrap_or_default() as i64);
    Ok(())
}

fn hexists(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let there = with_hash(ctx, args[1], |_, hash| hash.get(args[2], |_| ()))?;
    ctx.out.int(i64::from(there.flatten().is_some()));
    Ok(())
}

fn hstrlen(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = with_hash(ctx, args[1], |_, hash| hash.get(args[2], |field| field.value.len()))?;
    ctx.out.int(len.flatten().unwrap_or_default() as i64);
    Ok(())
}

/// Every field through `reply`, after the header of their number.
fn reply_all(
    ctx: &mut Context<'_>,
    key: &[u8],
    header: fn(&mut Context<'_>, usize),
    reply: fn(&mut Context<'_>, Field<'_>),
) -> Outcome {
    let given = with_hash(ctx, key, |ctx, hash| {
        let (len, mut count) = (hash.live_fields()?, 0);
        header(ctx, len as usize);
        hash.each(|field| {
            reply(ctx, field);
            count += 1;
            Ok(ON)
        })?;
        expect_count(count, len)
    })?;
    if given.is_none() {
        header(ctx, 0);
    }
    Ok(())
}

fn hgetall(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_all(
        ctx,
        args[1],
        |ctx, len| ctx.out.map(len),
        |ctx, field| {
            ctx.reply_item(field.name);
            ctx.reply_item(field.value);
        },
    )
}

fn hkeys(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_all(ctx, args[1], |ctx, len| ctx.out.array(len), |ctx, field| ctx.reply_item(field.name))
}

fn hvals(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_all(ctx, args[1], |ctx, len| ctx.out.array(len), |ctx, field| ctx.reply_item(field.value))
}

/// The arguments after the key of HRANDFIELD and ZRANDMEMBER: a count, and whether the word that
/// asks for values follows it.
pub(crate) fn random_options(options: &[&[u8]], with: &str) -> Result<Option<(i64, bool)>> {
    let Some(count) = options.first() else { return Ok(None) };
    let count = args::int_between(count, -i64::MAX, i64::MAX)?;
    match options[1..] {
        [] => Ok(Some((count, false))),
        [word] if args::is(word, with) => {
            if count.unsigned_abs() > i64::MAX as u64 / 2 {
                return Err(Error::fixed("ERR value is out of range"));
            }
            Ok(Some((count, true)))
        }
        _ => Err(Error::SYNTAX),
    }
}

fn hrandfield(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let options = random_options(&args[2..], "withvalues")?;
    let given = with_hash(ctx, args[1], |ctx, hash| match options {
        None => one_field(ctx, hash),
        Some((count, with_values)) => random_fields(ctx, hash, count, with_values),
    })?;
    match (given, options) {
        (Some(()), _) => {}
        (None, None) => ctx.out.null(),
        (None, Some(_)) => ctx.out.array(0),
    }
    Ok(())
}

fn one_field(ctx: &mut Context<'_>, hash: &Hash<'_>) -> Outcome {
    let mut given = false;
    hash.one(&mut Random::new(), &mut |[name, ..]| {
        given = true;
        ctx.reply_item(name);
        Ok(())
    })?;
    if !given {
        ctx.out.null();
    }
    Ok(())
}

fn random_fields(ctx: &mut Context<'_>, hash: &Hash<'_>, count: i64, with_values: bool) -> Outcome {
    let nested = with_values && ctx.out.is_resp3();
    let (place, mut items) = (ctx.out.begin_deferred(), 0);
    sample::pick(hash, count, &mut |[name, value, _]| {
        if nested {
            ctx.out.array(2);
        }
        ctx.reply_item(name);
        if with_values {
            ctx.reply_item(value);
        }
        items += if with_values && !nested { 2 } else { 1 };
        Ok(())
    })?;
    ctx.out.end_deferred_array(place, items);
    Ok(())
}

/// Takes NOVALUES out of the options of HSCAN; whether it was there.
fn take_novalues<'a>(options: &[&'a [u8]]) -> (Vec<&'a [u8]>, bool) {
    let (mut rest, mut found, mut options) = (Vec::new(), false, options.iter());
    while let Some(name) = options.next() {
        if args::is(name, "novalues") {
            found = true;
        } else {
            rest.push(*name);
            rest.extend(options.next());
        }
    }
    (rest, found)
}

/// The reply of a scan that found no key.
pub(crate) fn reply_empty_scan(ctx: &mut Context<'_>) {
    ctx.out.array(2);
    ctx.out.bulk_int(0);
    ctx.out.array(0);
}

/// The reply of a scan: `walk` writes the elements, counts the items, and gives the next cursor.
pub(crate) fn reply_scan(
    ctx: &mut Context<'_>,
    walk: impl FnOnce(&mut Context<'_>, &mut usize) -> Result<u64>,
) -> Outcome {
    ctx.out.array(2);
    // The cursor comes first and is known last: the elements are written, and the cursor is put
    // before them.
    let place = ctx.out.begin_deferred();
    let mut items = 0;
    let next = walk(ctx, &mut items)?;
    ctx.out.end_deferred_array(place, items);
    let elements = ctx.out.buffer().split_off(place);
    ctx.out.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.out.buffer().extend_from_slice(&elements);
    Ok(())
}

fn hscan(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let cursor = parse_cursor(args[2])?;
    let given = with_hash(ctx, args[1], |ctx, hash| {
        let (options, no_values) = take_novalues(&args[3..]);
        let options = ScanOptions::parse(&options, false)?;
        reply_scan(ctx, |ctx, items| {
            hash.scan(cursor, options.count(), |field| {
                if !options.matches(field.name.bytes(&mut IntBuf::new())) {
                    return Ok(());
                }
                ctx.reply_item(field.name);
                *items += 1;
                if !no_values {
                    ctx.reply_item(field.value);
                    *items += 1;
                }
                Ok(())
            })
        })
    })?;
    if given.is_none() {
        reply_empty_scan(ctx);
    }
    Ok(())
}

/// The replies of HTTL and its kin for a field that is not there, and for one without expiry.
pub(super) const NO_FIELD: i64 = -2;
pub(super) const NO_TTL: i64 = -1;

/// The fields named after FIELDS and their number.
pub(super) fn ttl_fields<'a, 'b>(args: &'b [&'a [u8]]) -> Result<&'b [&'a [u8]]> {
    if !args::is(args[2], "fields") {
        return Err(Error::fixed(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let positive = "ERR Number of fields must be a positive integer";
    let count = args::int_from(args[3], 1, positive)?;
    if count.unsigned_abs() != (args.len() - 4) as u64 {
        return Err(Error::fixed(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(&args[4..])
}

/// What `tell` makes of the expiry of each field.
fn reply_ttls(ctx: &mut Context<'_>, args: &[&[u8]], tell: impl Fn(i64) -> i64) -> Outcome {
    let found = ctx.lookup_kind(args[1], Kind::Hash)?;
    let names = ttl_fields(args)?;
    ctx.out.array(names.len());
    let Some(found) = found else {
        names.iter().for_each(|_| ctx.out.int(NO_FIELD));
        return Ok(());
    };
    let hash = Hash::open(ctx.reader, &found.object()?, ctx.now_ms())?;
    for name in names {
        let told = hash.get(name, |field| field.expire_at_ms.map_or(NO_TTL, &tell))?;
        ctx.out.int(told.unwrap_or(NO_FIELD));
    }
    Ok(())
}

/// Whole seconds, rounded up.
fn seconds(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

fn httl(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let now_ms = ctx.now_ms();
    reply_ttls(ctx, args, |at| seconds(at.saturating_sub(now_ms)))
}

fn hpttl(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let now_ms = ctx.now_ms();
    reply_ttls(ctx, args, |at| at.saturating_sub(now_ms))
}

fn hexpiretime(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_ttls(ctx, args, seconds)
}

fn hpexpiretime(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_ttls(ctx, args, |at| at)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("hexists", 3, READONLY | FAST, READ_META, Hashes, "2.0.0", hexists)
        .args("key field")
        .docs("O(1)", "Whether a field exists."),
    row("hexpiretime", -5, READONLY | FAST, READ_KEY, Hashes, "7.4.0", hexpiretime)
        .args("key FIELDS fields:(numfields:integer field...)")
        .docs("O(N)", "When fields expire, Unix seconds."),
    row("hget", 3, READONLY | FAST, READ_KEY, Hashes, "2.0.0", hget)
        .args("key field")
        .docs("O(1)", "Value of a field."),
    row("hgetall", 2, READONLY, READ_KEY, Hashes, "2.0.0", hgetall)
        .args("key")
        .docs("O(N)", "All fields and values.").tips(&["nondeterministic_output_order"]),
    row("hkeys", 2, READONLY, READ_KEY, Hashes, "2.0.0", hkeys)
        .args("key")
        .docs("O(N)", "All fields.").tips(&["nondeterministic_output_order"]),
    row("hlen", 2, READONLY | FAST, READ_META, Hashes, "2.0.0", hlen)
        .args("key")
        .docs("O(1)", "Number of fields."),
    row("hmget", -3, READONLY | FAST, READ_KEY, Hashes, "2.0.0", hmget)
        .args("key field...")
        .docs("O(N)", "Values of several fields."),
    row("hpexpiretime", -5, READONLY | FAST, READ_KEY, Hashes, "7.4.0", hpexpiretime)
        .args("key FIELDS fields:(numfields:integer field...)")
        .docs("O(N)", "When fields expire, Unix milliseconds."),
    row("hpttl", -5, READONLY | FAST, READ_KEY, Hashes, "7.4.0", hpttl)
        .args("key FIELDS fields:(numfields:integer field...)")
        .docs("O(N)", "Milliseconds that fields have to live.").tips(&["nondeterministic_output"]),
    row("hrandfield", -2, READONLY, READ_KEY, Hashes, "6.2.0", hrandfield)
        .args("key [options:(count:integer [WITHVALUES])]")
        .docs("O(N)", "Random fields.").tips(&["nondeterministic_output"]),
    row("hscan", -3, READONLY, READ_KEY, Hashes, "2.8.0", hscan)
        .args("key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .docs("O(1)", "Fields and values, a few at a time.").tips(&["nondeterministic_output"]),
    row("hstrlen", 3, READONLY | FAST, READ_META, Hashes, "3.2.0", hstrlen)
        .args("key field")
        .docs("O(1)", "Length in bytes of the value of a field."),
    row("httl", -5, READONLY | FAST, READ_KEY, Hashes, "7.4.0", httl)
        .args("key FIELDS fields:(numfields:integer field...)")
        .docs("O(N)", "Seconds that fields have to live.").tips(&["nondeterministic_output"]),
    row("hvals", 2, READONLY, READ_KEY, Hashes, "2.0.0", hvals)
        .args("key")
        .docs("O(N)", "All values.").tips(&["nondeterministic_output_order"]),
];

//! Commands of the group set.
use crate::args;
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::Set as Sets;
use crate::command::{row, Command};
use crate::commands::hash::{reply_empty_scan, reply_scan};
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_COUNTED, READ_KEY, READ_KEYS, READ_META};
use crate::scan::{parse_cursor, ScanOptions};
use crate::types::sample::{self, Pool, Random};
use crate::types::set::Set;
use crate::types::{expect_count, Flow, Result, ON, STOP};
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::rdb::Kind;
use redtool_store::Reader;
use std::collections::HashSet;

/// Opens the set at a key and gives it to `f`; None when the key is absent.
pub(super) fn with_set<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Context<'_>, &Set<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(found) = ctx.lookup_kind(key, Kind::Set)? else { return Ok(None) };
    let set = Set::open(ctx.reader, &found.object()?)?;
    f(ctx, &set).map(Some)
}

fn scard(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = with_set(ctx, args[1], |_, set| Ok(set.len()))?;
    ctx.out.int(len.unwrap_or_default() as i64);
    Ok(())
}

fn sismember(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let there = with_set(ctx, args[1], |_, set| set.contains(args[2]))?;
    ctx.out.int(i64::from(there.unwrap_or_default()));
    Ok(())
}

fn smismember(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let members = &args[2..];
    let there = with_set(ctx, args[1], |_, set| {
        members.iter().map(|member| set.contains(member)).collect::<Result<Vec<bool>>>()
    })?;
    ctx.out.array(members.len());
    for there in there.unwrap_or_else(|| vec![false; members.len()]) {
        ctx.out.int(i64::from(there));
    }
    Ok(())
}

pub(super) fn smembers(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let given = with_set(ctx, args[1], |ctx, set| {
        let mut count = 0;
        ctx.out.set(set.len() as usize);
        set.each(|member| {
            ctx.reply_item(member);
            count += 1;
            Ok(ON)
        })?;
        expect_count(count, set.len())
    })?;
    if given.is_none() {
        ctx.out.set(0);
    }
    Ok(())
}

fn srandmember(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let count = match args.get(2) {
        Some(count) => Some(args::int_between(count, -i64::MAX, i64::MAX)?),
        None => None,
    };
    let given = with_set(ctx, args[1], |ctx, set| {
        let Some(count) = count else {
            return set.one(&mut Random::new(), &mut |[member, ..]| {
                ctx.reply_item(member);
                Ok(())
            });
        };
        let (place, mut members) = (ctx.out.begin_deferred(), 0);
        sample::pick(set, count, &mut |[member, ..]| {
            ctx.reply_item(member);
            members += 1;
            Ok(())
        })?;
        ctx.out.end_deferred_array(place, members);
        Ok(())
    })?;
    match (given, count) {
        (Some(()), _) => {}
        (None, None) => ctx.out.null(),
        (None, Some(_)) => ctx.out.array(0),
    }
    Ok(())
}

fn sscan(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let cursor = parse_cursor(args[2])?;
    let given = with_set(ctx, args[1], |ctx, set| {
        let options = ScanOptions::parse(&args[3..], false)?;
        reply_scan(ctx, |ctx, items| {
            set.scan(cursor, options.count(), |member| {
                if options.matches(member.bytes(&mut IntBuf::new())) {
                    ctx.reply_item(member);
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

/// The records at several keys, each absent or a set.
fn lookup_all<'a>(ctx: &Context<'a>, keys: &[&[u8]]) -> Result<Vec<Option<Found<'a>>>> {
    keys.iter().map(|key| ctx.lookup_kind(key, Kind::Set)).collect()
}

/// The sets in these records, absent ones left out.
fn open_in<'f>(reader: &'f dyn Reader, found: &'f [Option<Found<'_>>]) -> Result<Vec<Set<'f>>> {
    found.iter().flatten().map(|found| Set::open(reader, &found.object()?)).collect()
}

/// Hands the members that all sets share to `f` until it stops.
fn each_shared(sets: &mut [Set<'_>], mut f: impl FnMut(Item<'_>) -> Result<Flow>) -> Result<()> {
    sets.sort_by_key(Set::len);
    let Some((smallest, others)) = sets.split_first() else { return Ok(()) };
    smallest.each(|member| {
        let mut buf = IntBuf::new();
        let bytes = member.bytes(&mut buf);
        for other in others {
            if !other.contains(bytes)? {
                return Ok(ON);
            }
        }
        f(member)
    })
}

fn sinter(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = lookup_all(ctx, &args[1..])?;
    let (place, mut count) = (ctx.out.begin_deferred(), 0);
    if found.iter().all(Option::is_some) {
        let mut sets = open_in(ctx.reader, &found)?;
        each_shared(&mut sets, |member| {
            ctx.reply_item(member);
            count += 1;
            Ok(ON)
        })?;
    }
    ctx.out.end_deferred_set(place, count);
    Ok(())
}

/// Two neighboring parts of the arguments.
type Split<'b, 'a> = (&'b [&'a [u8]], &'b [&'a [u8]]);

/// The keys after a count of them, and the arguments after those.
fn counted_keys<'b, 'a>(args: &'b [&'a [u8]]) -> Result<Split<'b, 'a>> {
    let count = args::int_from(args[0], 1, "ERR numkeys should be greater than 0")?;
    match usize::try_from(count) {
        Ok(count) if count < args.len() => Ok(args[1..].split_at(count)),
        _ => Err(Error::fixed("ERR Number of keys can't be greater than number of args")),
    }
}

fn sintercard(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let (keys, options) = counted_keys(&args[1..])?;
    let mut limit = 0;
    for pair in options.chunks(2) {
        match *pair {
            [name, value] if args::is(name, "limit") => {
                limit = args::int_from(value, 0, "ERR LIMIT can't be negative")?;
            }
            _ => return Err(Error::SYNTAX),
        }
    }
    let found = lookup_all(ctx, keys)?;
    let mut count = 0;
    if found.iter().all(Option::is_some) {
        each_shared(&mut open_in(ctx.reader, &found)?, |_| {
            count += 1;
            Ok(if count == limit { STOP } else { ON })
        })?;
    }
    ctx.out.int(count);
    Ok(())
}

fn sunion(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = lookup_all(ctx, &args[1..])?;
    let sets = open_in(ctx.reader, &found)?;
    let (place, mut seen) = (ctx.out.begin_deferred(), HashSet::new());
    for set in &sets {
        set.each(|member| {
            let mut buf = IntBuf::new();
            let bytes = member.bytes(&mut buf);
            if !seen.contains(bytes) {
                seen.insert(bytes.to_vec());
                ctx.out.bulk(bytes);
            }
            Ok(ON)
        })?;
    }
    ctx.out.end_deferred_set(place, seen.len());
    Ok(())
}

fn sdiff(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = lookup_all(ctx, &args[1..])?;
    let others = open_in(ctx.reader, &found[1..])?;
    let first = open_in(ctx.reader, &found[..1])?;
    let (place, mut count) = (ctx.out.begin_deferred(), 0);
    for set in &first {
        set.each(|member| {
            let mut buf = IntBuf::new();
            let bytes = member.bytes(&mut buf);
            for other in &others {
                if other.contains(bytes)? {
                    return Ok(ON);
                }
            }
            ctx.out.bulk(bytes);
            count += 1;
            Ok(ON)
        })?;
    }
    ctx.out.end_deferred_set(place, count);
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("scard", 2, READONLY | FAST, READ_META, Sets, "1.0.0", scard)
        .args("key")
        .docs("O(1)", "Number of members."),
    row("sdiff", -2, READONLY, READ_KEYS, Sets, "1.0.0", sdiff)
        .args("key...")
        .docs("O(N)", "Members of the first set that are in none of the others.")
        .tips(&["nondeterministic_output_order"]),
    row("sinter", -2, READONLY, READ_KEYS, Sets, "1.0.0", sinter)
        .args("key...")
        .docs("O(N*M)", "Members that are in all sets.").tips(&["nondeterministic_output_order"]),
    row("sintercard", -3, READONLY, READ_COUNTED, Sets, "7.0.0", sintercard)
        .args("numkeys:integer key... [LIMIT limit:integer]")
        .docs("O(N*M)", "Number of members that are in all sets."),
    row("sismember", 3, READONLY | FAST, READ_META, Sets, "1.0.0", sismember)
        .args("key member")
        .docs("O(1)", "Whether a member is in a set."),
    row("smembers", 2, READONLY, READ_KEY, Sets, "1.0.0", smembers)
        .args("key")
        .docs("O(N)", "All members.").tips(&["nondeterministic_output_order"]),
    row("smismember", -3, READONLY | FAST, READ_KEY, Sets, "6.2.0", smismember)
        .args("key member...")
        .docs("O(N)", "Which of several members are in a set."),
    row("srandmember", -2, READONLY, READ_KEY, Sets, "1.0.0", srandmember)
        .args("key [count:integer@2.6.0]")
        .docs("O(N)", "Random members.").tips(&["nondeterministic_output"]),
    row("sscan", -3, READONLY, READ_KEY, Sets, "2.8.0", sscan)
        .args("key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .docs("O(1)", "Members, a few at a time.").tips(&["nondeterministic_output"]),
    row("sunion", -2, READONLY, READ_KEYS, Sets, "1.0.0", sunion)
        .args("key...")
        .docs("O(N)", "Members that are in any of the sets.")
        .tips(&["nondeterministic_output_order"]),
];

//! Commands of the group sorted-set that look at one sorted set; see `zset_range` for ranges and
//! `zset_algebra` for unions, intersections and differences.
use crate::args;
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::SortedSet;
use crate::command::{row, Command};
use crate::commands::hash::{random_options, reply_empty_scan, reply_scan};
use crate::commands::zset_algebra::{zdiff, zinter, zintercard, zunion};
use crate::commands::zset_range::{
    parse_lex_range, parse_score_range, zrange, zrangebylex, zrangebyscore, zrevrange,
    zrevrangebylex, zrevrangebyscore,
};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_COUNTED, READ_KEY, READ_META};
use crate::scan::{parse_cursor, ScanOptions};
use crate::types::sample::{self, Pool, Random};
use crate::types::zset::{Edge, Zset};
use crate::types::Result;
use redtool_format::double;
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::rdb::Kind;
use redtool_store::Encoding;

/// Opens the sorted set at a key and gives it to `f`; None when the key is absent.
pub(crate) fn with_zset<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Context<'_>, &Zset<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(found) = ctx.lookup_kind(key, Kind::Zset)? else { return Ok(None) };
    let zset = Zset::open(ctx.reader, &found.object()?, ctx.dataset.ranks())?;
    f(ctx, &zset).map(Some)
}

/// A member with its score: an array of its own in RESP3, two items in RESP2.
pub(crate) fn reply_pair(ctx: &mut Context<'_>, member: Item<'_>, score: f64) {
    if ctx.out.is_resp3() {
        ctx.out.array(2);
    }
    ctx.reply_item(member);
    ctx.out.double(score);
}

/// The length of an array of so many members as [`reply_pair`] or without scores writes them.
pub(crate) fn items(ctx: &Context<'_>, members: usize, with_scores: bool) -> usize {
    members * if with_scores && !ctx.out.is_resp3() { 2 } else { 1 }
}

fn zcard(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = with_zset(ctx, args[1], |_, zset| Ok(zset.len()))?;
    ctx.out.int(len.unwrap_or_default() as i64);
    Ok(())
}

fn zscore(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    match with_zset(ctx, args[1], |_, zset| zset.score(args[2]))?.flatten() {
        Some(score) => ctx.out.double(score),
        None => ctx.out.null(),
    }
    Ok(())
}

fn zmscore(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let members = &args[2..];
    let scores = with_zset(ctx, args[1], |_, zset| {
        members.iter().map(|member| zset.score(member)).collect::<Result<Vec<_>>>()
    })?;
    ctx.out.array(members.len());
    for score in scores.unwrap_or_else(|| vec![None; members.len()]) {
        match score {
            Some(score) => ctx.out.double(score),
            None => ctx.out.null(),
        }
    }
    Ok(())
}

fn rank(ctx: &mut Context<'_>, args: &[&[u8]], from_end: bool) -> Outcome {
    let with_score = match args[3..] {
        [] => false,
        [word] if args::is(word, "withscore") => true,
        [_] => return Err(Error::SYNTAX),
        _ => {
            let name = ctx.command.name;
            let text = format!("ERR wrong number of arguments for '{name}' command");
            return Err(Error::text(text));
        }
    };
    let place = with_zset(ctx, args[1], |_, zset| {
        let place = zset.rank(args[2])?;
        Ok(place.map(|(rank, score)| {
            (if from_end { zset.len().saturating_sub(1 + rank) } else { rank }, score)
        }))
    })?;
    match (place.flatten(), with_score) {
        (Some((rank, _)), false) => ctx.out.int(rank as i64),
        (Some((rank, score)), true) => {
            ctx.out.array(2);
            ctx.out.int(rank as i64);
            ctx.out.double(score);
        }
        (None, false) => ctx.out.null(),
        (None, true) => ctx.out.null_array(),
    }
    Ok(())
}

fn zrank(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    rank(ctx, args, false)
}

fn zrevrank(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    rank(ctx, args, true)
}

fn reply_count(ctx: &mut Context<'_>, key: &[u8], edges: [Edge<'_>; 2]) -> Outcome {
    let count = with_zset(ctx, key, |_, zset| {
        let [from, to] = edges;
        Ok(zset.position(to)?.saturating_sub(zset.position(from)?))
    })?;
    ctx.out.int(count.unwrap_or_default() as i64);
    Ok(())
}

fn zcount(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let edges = parse_score_range(args[2], args[3])?;
    reply_count(ctx, args[1], edges)
}

fn zlexcount(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let edges = parse_lex_range(args[2], args[3])?;
    reply_count(ctx, args[1], edges)
}

fn zrandmember(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let options = random_options(&args[2..], "withscores")?;
    let given = with_zset(ctx, args[1], |ctx, zset| match options {
        None => zset.one(&mut Random::new(), &mut |[member, ..]| {
            ctx.reply_item(member);
            Ok(())
        }),
        Some((count, with_scores)) => random_members(ctx, zset, count, with_scores),
    })?;
    match (given, options) {
        (Some(()), _) => {}
        (None, None) => ctx.out.null(),
        (None, Some(_)) => ctx.out.array(0),
    }
    Ok(())
}

fn random_members(
    ctx: &mut Context<'_>,
    zset: &Zset<'_>,
    count: i64,
    with_scores: bool,
) -> Outcome {
    let (place, mut members) = (ctx.out.begin_deferred(), 0);
    sample::pick(zset, count, &mut |[member, score, _]| {
        if with_scores {
            reply_pair(ctx, member, zset.pair_score(score)?);
        } else {
            ctx.reply_item(member);
        }
        members += 1;
        Ok(())
    })?;
    let items = items(ctx, members, with_scores);
    ctx.out.end_deferred_array(place, items);
    Ok(())
}

/// ZSCAN shows a score as it is packed, or, where Redis would have a skiplist, with 17 digits.
fn zscan(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let cursor = parse_cursor(args[2])?;
    let Some(found) = ctx.lookup_kind(args[1], Kind::Zset)? else {
        reply_empty_scan(ctx);
        return Ok(());
    };
    let object = found.object()?;
    let zset = Zset::open(ctx.reader, &object, ctx.dataset.ranks())?;
    let options = ScanOptions::parse(&args[3..], false)?;
    let packed = object.encoding == Encoding::Listpack;
    reply_scan(ctx, |ctx, items| {
        let mut text = Vec::new();
        zset.scan(cursor, options.count(), |member, score, item| {
            if !options.matches(member.bytes(&mut IntBuf::new())) {
                return Ok(());
            }
            *items += 2;
            ctx.reply_item(member);
            match item.filter(|_| packed) {
                Some(item) => ctx.reply_item(item),
                None => {
                    text.clear();
                    double::write_17_digits(&mut text, score);
                    ctx.out.bulk(&text);
                }
            }
            Ok(())
        })
    })
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("zcard", 2, READONLY | FAST, READ_META, SortedSet, "1.2.0", zcard)
        .args("key")
        .docs("O(1)", "Number of members."),
    row("zcount", 4, READONLY | FAST, READ_KEY, SortedSet, "2.0.0", zcount)
        .args("key min:double max:double")
        .docs("O(log(N))", "Number of members between two scores."),
    row("zdiff", -3, READONLY, READ_COUNTED, SortedSet, "6.2.0", zdiff)
        .args("numkeys:integer key... [WITHSCORES]")
        .docs("O(L+(N-K)*log(N))", "Members of the first sorted set that no other has."),
    row("zinter", -3, READONLY, READ_COUNTED, SortedSet, "6.2.0", zinter)
        .args("numkeys:integer key... [WEIGHTS weight:integer...] \
               [AGGREGATE aggregate:<SUM|MIN|MAX>] [WITHSCORES]")
        .docs("O(N*K)+O(M*log(M))", "Members that are in all sorted sets."),
    row("zintercard", -3, READONLY, READ_COUNTED, SortedSet, "7.0.0", zintercard)
        .args("numkeys:integer key... [LIMIT limit:integer]")
        .docs("O(N*K)", "Number of members that are in all sorted sets."),
    row("zlexcount", 4, READONLY | FAST, READ_KEY, SortedSet, "2.8.9", zlexcount)
        .args("key min max")
        .docs("O(log(N))", "Number of members between two texts."),
    row("zmscore", -3, READONLY | FAST, READ_KEY, SortedSet, "6.2.0", zmscore)
        .args("key member...")
        .docs("O(N)", "Scores of several members."),
    row("zrandmember", -2, READONLY, READ_KEY, SortedSet, "6.2.0", zrandmember)
        .args("key [options:(count:integer [WITHSCORES])]")
        .docs("O(N)", "Random members.").tips(&["nondeterministic_output"]),
    row("zrange", -4, READONLY, READ_KEY, SortedSet, "1.2.0", zrange)
        .args("key start stop [sortby:<BYSCORE|BYLEX>@6.2.0] [REV@6.2.0] \
               [LIMIT offset_count:(offset:integer count:integer)@6.2.0] [WITHSCORES]")
        .docs("O(log(N)+M)", "Members between two ranks, scores or texts."),
    row("zrangebylex", -4, READONLY, READ_KEY, SortedSet, "2.8.9", zrangebylex)
        .args("key min max [LIMIT offset_count:(offset:integer count:integer)]")
        .deprecated("6.2.0", "ZRANGE with BYLEX")
        .docs("O(log(N)+M)", "Members between two texts."),
    row("zrangebyscore", -4, READONLY, READ_KEY, SortedSet, "1.0.5", zrangebyscore)
        .args("key min:double max:double [WITHSCORES@2.0.0] \
               [LIMIT offset_count:(offset:integer count:integer)]")
        .deprecated("6.2.0", "ZRANGE with BYSCORE")
        .docs("O(log(N)+M)", "Members between two scores."),
    row("zrank", -3, READONLY | FAST, READ_KEY, SortedSet, "2.0.0", zrank)
        .args("key member [WITHSCORE@7.2.0]")
        .docs("O(log(N))", "Rank of a member, lowest score first."),
    row("zrevrange", -4, READONLY, READ_KEY, SortedSet, "1.2.0", zrevrange)
        .args("key start:integer stop:integer [WITHSCORES]")
        .deprecated("6.2.0", "ZRANGE with REV")
        .docs("O(log(N)+M)", "Members between two ranks, highest first."),
    row("zrevrangebylex", -4, READONLY, READ_KEY, SortedSet, "2.8.9", zrevrangebylex)
        .args("key max min [LIMIT offset_count:(offset:integer count:integer)]")
        .deprecated("6.2.0", "ZRANGE with REV and BYLEX")
        .docs("O(log(N)+M)", "Members between two texts, last first."),
    row("zrevrangebyscore", -4, READONLY, READ_KEY, SortedSet, "2.2.0", zrevrangebyscore)
        .args("key max:double min:double [WITHSCORES] \
               [LIMIT offset_count:(offset:integer count:integer)]")
        .deprecated("6.2.0", "ZRANGE with REV and BYSCORE")
        .docs("O(log(N)+M)", "Members between two scores, highest first."),
    row("zrevrank", -3, READONLY | FAST, READ_KEY, SortedSet, "2.0.0", zrevrank)
        .args("key member [WITHSCORE@7.2.0]")
        .docs("O(log(N))", "Rank of a member, highest score first."),
    row("zscan", -3, READONLY, READ_KEY, SortedSet, "2.8.0", zscan)
        .args("key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .docs("O(1)", "Members with scores, a few at a time.").tips(&["nondeterministic_output"]),
    row("zscore", 3, READONLY | FAST, READ_KEY, SortedSet, "1.2.0", zscore)
        .args("key member")
        .docs("O(1)", "Score of a member."),
    row("zunion", -3, READONLY, READ_COUNTED, SortedSet, "6.2.0", zunion)
        .args("numkeys:integer key... [WEIGHTS weight:integer...] \
               [AGGREGATE aggregate:<SUM|MIN|MAX>] [WITHSCORES]")
        .docs("O(N)+O(M*log(M))", "Members that are in any of the sorted sets."),
];

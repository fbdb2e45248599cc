//! ZRANGE and the older commands that it brings together: members between two ranks, two scores or
//! two texts.
use crate::args;
use crate::commands::list::span;
use crate::commands::zset::{items, reply_pair, with_zset};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::types::zset::{Edge, Zset};
use crate::types::zset_write::Members;
use crate::types::{Direction, Flow, Result, ON, STOP};
use redtool_format::encodings::Item;

/// What bounds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A score bound as strtod reads it, which also takes nothing at all for 0 and more than the
/// largest double for infinity.
fn parse_score(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let text = text.trim_ascii_start();
    args::parse_double(text).or_else(|| {
        let number = std::str::from_utf8(text).ok()?.parse::<f64>().ok()?;
        text.last().is_some_and(u8::is_ascii_digit).then_some(number)
    })
}

/// The places that a lower and an upper score bound, `(` for excluded ones, stand for.
pub(crate) fn parse_score_range<'e>(min: &[u8], max: &[u8]) -> Result<[Edge<'e>; 2]> {
    let bound = |text: &[u8]| match args::until_nul(text).strip_prefix(b"(") {
        Some(text) => parse_score(text).map(|score| (score, true)),
        None => parse_score(args::until_nul(text)).map(|score| (score, false)),
    };
    let (Some((min, after)), Some((max, before))) = (bound(min), bound(max)) else {
        return Err(Error::fixed("ERR min or max is not a float"));
    };
    Ok([
        if after { Edge::AfterScore(min) } else { Edge::BeforeScore(min) },
        if before { Edge::BeforeScore(max) } else { Edge::AfterScore(max) },
    ])
}

/// The places that a lower and an upper text bound stand for: `-`, `+`, `[included`, `(excluded`.
pub(crate) fn parse_lex_range<'e>(min: &'e [u8], max: &'e [u8]) -> Result<[Edge<'e>; 2]> {
    let bound = |text: &'e [u8], lower: bool| match text.split_first() {
        Some((b'-', [])) => Some(Edge::Start),
        Some((b'+', [])) => Some(Edge::End),
        Some((b'[', text)) if lower => Some(Edge::BeforeMember(text)),
        Some((b'[', text)) => Some(Edge::AfterMember(text)),
        Some((b'(', text)) if lower => Some(Edge::AfterMember(text)),
        Some((b'(', text)) => Some(Edge::BeforeMember(text)),
        _ => None,
    };
    match (bound(min, true), bound(max, false)) {
        (Some(min), Some(max)) => Ok([min, max]),
        _ => Err(Error::fixed("ERR min or max not valid string range item")),
    }
}

/// The arguments after the bounds.
struct Options {
    by: Option<By>,
    direction: Option<Direction>,
    with_scores: bool,
    offset: i64,
    /// -1: no limit.
    limit: i64,
}

impl Options {
    fn parse(mut self, mut rest: &[&[u8]], is_stored: bool) -> Result<Self> {
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            if !is_stored && args::is(word, "withscores") {
                self.with_scores = true;
            } else if args::is(word, "limit") && rest.len() >= 2 {
                (self.offset, self.limit) = (args::int(rest[0])?, args::int(rest[1])?);
                rest = &rest[2..];
            } else if self.direction.is_none() && args::is(word, "rev") {
                self.direction = Some(Direction::Backward);
            } else if self.by.is_none() && args::is(word, "bylex") {
                self.by = Some(By::Lex);
            } else if self.by.is_none() && args::is(word, "byscore") {
                self.by = Some(By::Score);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if self.limit != -1 && self.by.unwrap_or(By::Rank) == By::Rank {
            return Err(Error::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE \
                 or BYLEX",
            ));
        }
        if self.with_scores && self.by == Some(By::Lex) {
            return Err(Error::fixed(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        Ok(self)
    }
}

/// What a range goes between.
enum Range<'e> {
    Ranks([i64; 2]),
    Edges([Edge<'e>; 2]),
}

impl Options {
    fn direction(&self) -> Direction {
        self.direction.unwrap_or(Direction::Forward)
    }

    fn range<'e>(&self, first: &'e [u8], second: &'e [u8]) -> Result<Range<'e>> {
        let (min, max) = match self.direction() {
            Direction::Forward => (first, second),
            Direction::Backward => (second, first),
        };
        Ok(match self.by.unwrap_or(By::Rank) {
            By::Rank => Range::Ranks([args::int(first)?, args::int(second)?]),
            By::Lex => Range::Edges(parse_lex_range(min, max)?),
            By::Score => Range::Edges(parse_score_range(min, max)?),
        })
    }

    /// Hands the members of a range to `f`.
    fn walk(&self, zset: &Zset<'_>, range: &Range<'_>, f: &mut Take<'_>) -> Result<()> {
        match range {
            Range::Ranks(ranks) => between_ranks(zset, *ranks, self.direction(), f),
            Range::Edges(edges) => between_edges(zset, *edges, self.direction(), self, f),
        }
    }
}

fn run(
    ctx: &mut Context<'_>,
    args: &[&[u8]],
    by: Option<By>,
    direction: Option<Direction>,
) -> Outcome {
    let options = Options { by, direction, with_scores: false, offset: 0, limit: -1 };
    let options = options.parse(&args[4..], false)?;
    let range = options.range(args[2], args[3])?;
    let given = with_zset(ctx, args[1], |ctx, zset| {
        reply_members(ctx, options.with_scores, |f| options.walk(zset, &range, f))
    })?;
    if given.is_none() {
        ctx.out.array(0);
    }
    Ok(())
}

/// The members of a range as ZRANGE takes it, to be stored.
pub(crate) fn collected(ctx: &mut Context<'_>, args: &[&[u8]]) -> Result<Members> {
    let options = Options { by: None, direction: None, with_scores: false, offset: 0, limit: -1 };
    let options = options.parse(&args[4..], true)?;
    let range = options.range(args[2], args[3])?;
    let mut members = Members::new();
    with_zset(ctx, args[1], |_, zset| {
        options.walk(zset, &range, &mut |member, score| {
            members.push((member.to_vec(), score));
            Ok(ON)
        })
    })?;
    Ok(members)
}

/// A function that takes members.
type Take<'f> = dyn FnMut(Item<'_>, f64) -> Result<Flow> + 'f;

/// The array of the members that `walk` gives.
fn reply_members(
    ctx: &mut Context<'_>,
    with_scores: bool,
    walk: impl FnOnce(&mut Take<'_>) -> Result<()>,
) -> Outcome {
    let (place, mut members) = (ctx.out.begin_deferred(), 0);
    walk(&mut |member, score| {
        members += 1;
        if with_scores {
            reply_pair(ctx, member, score);
        } else {
            ctx.reply_item(member);
        }
        Ok(ON)
    })?;
    let items = items(ctx, members, with_scores);
    ctx.out.end_deferred_array(place, items);
    Ok(())
}

fn between_edges(
    zset: &Zset<'_>,
    [min, max]: [Edge<'_>; 2],
    direction: Direction,
    options: &Options,
    f: &mut Take<'_>,
) -> Result<()> {
    let ahead = direction == Direction::Forward;
    let (from, to) = if ahead { (min, max) } else { (max, min) };
    // A negative offset passes over everything, as in Redis.
    let Ok(mut skip) = u64::try_from(options.offset) else { return Ok(()) };
    let mut left = u64::try_from(options.limit).unwrap_or(u64::MAX);
    zset.each_from(from, direction, |member, score| {
        if left == 0 || to.is_passed_by(score, member) == ahead {
            return Ok(STOP);
        }
        if skip > 0 {
            skip -= 1;
            return Ok(ON);
        }
        left -= 1;
        f(member, score)
    })
}

fn between_ranks(
    zset: &Zset<'_>,
    [start, stop]: [i64; 2],
    direction: Direction,
    f: &mut Take<'_>,
) -> Result<()> {
    let (first, mut left) = span(start, stop, zset.len());
    if left == 0 {
        return Ok(());
    }
    let first = match direction {
        Direction::Forward => first,
        Direction::Backward => zset.len() - 1 - first,
    };
    zset.each_from_rank(first, direction, |member, score| {
        left -= 1;
        let flow = f(member, score)?;
        Ok(if left == 0 { STOP } else { flow })
    })
}

pub(crate) fn zrange(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, None, None)
}

pub(crate) fn zrevrange(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Some(By::Rank), Some(Direction::Backward))
}

pub(crate) fn zrangebyscore(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Some(By::Score), Some(Direction::Forward))
}

pub(crate) fn zrevrangebyscore(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Some(By::Score), Some(Direction::Backward))
}

pub(crate) fn zrangebylex(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Some(By::Lex), Some(Direction::Forward))
}

pub(crate) fn zrevrangebylex(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Some(By::Lex), Some(Direction::Backward))
}

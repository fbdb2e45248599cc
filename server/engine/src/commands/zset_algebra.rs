//! ZUNION, ZINTER, ZINTERCARD and ZDIFF: over sorted sets, and over sets as if each member had the
//! score 1.
//!
//! Scores are combined in Redis' order, smaller inputs first, since sums of doubles depend on it; a
//! sum or a weighted score that is not a number counts as 0.
use crate::args;
use crate::commands::zset::{items, reply_pair};
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::types::set::Set;
use crate::types::zset::{Edge, Zset};
use crate::types::zset_write::Members;
use crate::types::{Direction, Flow, Result, ON, STOP};
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::rdb::Kind;
use std::collections::HashMap;

/// One input.
enum Input<'r> {
    Absent,
    Set(Set<'r>),
    Zset(Zset<'r>),
}

impl Input<'_> {
    fn len(&self) -> u64 {
        match self {
            Input::Absent => 0,
            Input::Set(set) => set.len(),
            Input::Zset(zset) => zset.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Result<Option<f64>> {
        match self {
            Input::Absent => Ok(None),
            Input::Set(set) => Ok(set.contains(member)?.then_some(1.0)),
            Input::Zset(zset) => zset.score(member),
        }
    }

    fn each(&self, mut f: impl FnMut(Item<'_>, f64) -> Result<Flow>) -> Result<()> {
        match self {
            Input::Absent => Ok(()),
            Input::Set(set) => set.each(|member| f(member, 1.0)),
            Input::Zset(zset) => zset.each_from(Edge::Start, Direction::Forward, f),
        }
    }
}

/// An input and the factor of its scores.
struct Weighted<'r> {
    input: Input<'r>,
    weight: f64,
}

/// How scores of one member are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => number(a + b),
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

fn number(x: f64) -> f64 {
    if x.is_nan() {
        0.0
    } else {
        x
    }
}

/// Which of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Union,
    Inter,
    InterCard,
    Diff,
}

/// The arguments after the keys.
struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: u64,
}

impl Options {
    fn parse(
        operation: Operation,
        keys: usize,
        mut rest: &[&[u8]],
        is_stored: bool,
    ) -> Result<Self> {
        let combines = matches!(operation, Operation::Union | Operation::Inter);
        let counts = operation == Operation::InterCard;
        let (weights, aggregate) = (vec![1.0; keys], Aggregate::Sum);
        let mut options = Options { weights, aggregate, with_scores: false, limit: 0 };
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            if combines && rest.len() >= keys && args::is(word, "weights") {
                let (weights, after) = rest.split_at(keys);
                options.weights =
                    weights.iter().map(|text| parse_weight(text)).collect::<Result<_>>()?;
                rest = after;
            } else if combines && !rest.is_empty() && args::is(word, "aggregate") {
                options.aggregate = parse_aggregate(rest[0])?;
                rest = &rest[1..];
            } else if !counts && !is_stored && args::is(word, "withscores") {
                options.with_scores = true;
            } else if counts && !rest.is_empty() && args::is(word, "limit") {
                let limit = args::int_from(rest[0], 0, "ERR LIMIT can't be negative")?;
                options.limit = limit.unsigned_abs();
                rest = &rest[1..];
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn parse_weight(text: &[u8]) -> Result<f64> {
    args::parse_double(text).ok_or(Error::fixed("ERR weight value is not a float"))
}

fn parse_aggregate(word: &[u8]) -> Result<Aggregate> {
    [("sum", Aggregate::Sum), ("min", Aggregate::Min), ("max", Aggregate::Max)]
        .into_iter()
        .find_map(|(name, aggregate)| args::is(word, name).then_some(aggregate))
        .ok_or(Error::SYNTAX)
}

/// The number of keys.
fn key_count(ctx: &Context<'_>, args: &[&[u8]]) -> Result<usize> {
    let count = args::int(args[1])?;
    if count < 1 {
        let name = ctx.command.name;
        return Err(Error::text(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    usize::try_from(count).ok().filter(|count| *count <= args.len() - 2).ok_or(Error::SYNTAX)
}

fn lookup<'a>(ctx: &Context<'a>, key: &[u8]) -> Result<Option<Found<'a>>> {
    let found = ctx.lookup(key)?;
    if let Some(found) = &found {
        if !matches!(found.object()?.kind, Kind::Set | Kind::Zset) {
            return Err(Error::WRONG_TYPE);
        }
    }
    Ok(found)
}

/// What an operation came to.
enum Combined {
    Members(Members),
    Count(u64),
}

/// Runs an operation: the number of keys, the keys, the options, behind an argument that is not
/// looked at.
fn combine(
    ctx: &mut Context<'_>,
    args: &[&[u8]],
    operation: Operation,
    is_stored: bool,
) -> Result<(Combined, Options)> {
    let count = key_count(ctx, args)?;
    let (keys, rest) = args[2..].split_at(count);
    let found = keys.iter().map(|key| lookup(ctx, key)).collect::<Result<Vec<_>>>()?;
    let options = Options::parse(operation, count, rest, is_stored)?;
    let mut inputs = Vec::new();
    for (found, weight) in found.iter().zip(&options.weights) {
        let input = match found {
            None => Input::Absent,
            Some(found) => {
                let object = found.object()?;
                match object.kind {
                    Kind::Set => Input::Set(Set::open(ctx.reader, &object)?),
                    _ => Input::Zset(Zset::open(ctx.reader, &object, ctx.dataset.ranks())?),
                }
            }
        };
        inputs.push(Weighted { input, weight: *weight });
    }
    if operation != Operation::Diff {
        inputs.sort_by_key(|weighted| weighted.input.len());
    }
    let combined = match operation {
        Operation::Union => Combined::Members(union(&inputs, options.aggregate)?),
        Operation::Inter => Combined::Members(inter(&inputs, options.aggregate)?),
        Operation::Diff => Combined::Members(diff(&inputs)?),
        Operation::InterCard => Combined::Count(inter_card(&inputs, options.limit)?),
    };
    Ok((combined, options))
}

fn run(ctx: &mut Context<'_>, args: &[&[u8]], operation: Operation) -> Outcome {
    match combine(ctx, args, operation, false)? {
        (Combined::Members(members), options) => reply(ctx, members, options.with_scores),
        (Combined::Count(count), _) => ctx.out.int(count as i64),
    }
    Ok(())
}

/// The members that an operation gives, to be stored. The arguments are the destination, the number
/// of keys, the keys, the options.
pub(crate) fn combined(
    ctx: &mut Context<'_>,
    args: &[&[u8]],
    operation: Operation,
) -> Result<Members> {
    match combine(ctx, args, operation, true)?.0 {
        Combined::Members(members) => Ok(members),
        Combined::Count(_) => Ok(Members::new()),
    }
}

fn union(inputs: &[Weighted<'_>], aggregate: Aggregate) -> Result<Members> {
    let mut scores: HashMap<Vec<u8>, f64> = HashMap::new();
    for Weighted { input, weight } in inputs {
        input.each(|member, score| {
            let (mut buf, score) = (IntBuf::new(), number(weight * score));
            let bytes = member.bytes(&mut buf);
            match scores.get_mut(bytes) {
                Some(sum) => *sum = aggregate.of(*sum, score),
                None => {
                    scores.insert(bytes.to_vec(), score);
                }
            }
            Ok(ON)
        })?;
    }
    Ok(scores.into_iter().collect())
}

/// Hands the members that all inputs have, with the scores they have there, to `f` until it stops.
fn each_shared(
    inputs: &[Weighted<'_>],
    mut f: impl FnMut(&[u8], &[f64]) -> Result<Flow>,
) -> Result<()> {
    let Some((first, others)) = inputs.split_first() else { return Ok(()) };
    let mut scores = Vec::new();
    first.input.each(|member, score| {
        let mut buf = IntBuf::new();
        let bytes = member.bytes(&mut buf);
        scores.clear();
        scores.push(score);
        for other in others {
            match other.input.score(bytes)? {
                Some(score) => scores.push(score),
                None => return Ok(ON),
            }
        }
        f(bytes, &scores)
    })
}

fn inter(inputs: &[Weighted<'_>], aggregate: Aggregate) -> Result<Members> {
    let mut members = Vec::new();
    each_shared(inputs, |member, scores| {
        let mut weighted = scores.iter().zip(inputs).map(|(score, with)| score * with.weight);
        let first = number(weighted.next().unwrap_or_default());
        members.push((member.to_vec(), weighted.fold(first, |a, b| aggregate.of(a, b))));
        Ok(ON)
    })?;
    Ok(members)
}

fn inter_card(inputs: &[Weighted<'_>], limit: u64) -> Result<u64> {
    let mut count = 0;
    each_shared(inputs, |_, _| {
        count += 1;
        Ok(if count == limit { STOP } else { ON })
    })?;
    Ok(count)
}

fn diff(inputs: &[Weighted<'_>]) -> Result<Members> {
    let mut members = Vec::new();
    let Some((first, others)) = inputs.split_first() else { return Ok(members) };
    first.input.each(|member, score| {
        let mut buf = IntBuf::new();
        let bytes = member.bytes(&mut buf);
        for other in others {
            if other.input.score(bytes)?.is_some() {
                return Ok(ON);
            }
        }
        members.push((bytes.to_vec(), score));
        Ok(ON)
    })?;
    Ok(members)
}

/// The members in the order of (score, member).
fn reply(ctx: &mut Context<'_>, mut members: Members, with_scores: bool) {
    members.sort_by(|a, b| (a.1 + 0.0).total_cmp(&(b.1 + 0.0)).then_with(|| a.0.cmp(&b.0)));
    let items = items(ctx, members.len(), with_scores);
    ctx.out.array(items);
    for (member, score) in &members {
        if with_scores {
            reply_pair(ctx, Item::Str(member), *score);
        } else {
            ctx.out.bulk(member);
        }
    }
}

pub(crate) fn zunion(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Operation::Union)
}

pub(crate) fn zinter(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Operation::Inter)
}

pub(crate) fn zintercard(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Operation::InterCard)
}

pub(crate) fn zdiff(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    run(ctx, args, Operation::Diff)
}

//! Sorted sets written: members added, removed, popped. See `zset_store` for commands that store
//! what others would reply, `zset_blocking` for those that wait.
use super::list::span;
use super::zset::with_zset;
use super::zset_range::{parse_lex_range, parse_score_range};
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::SortedSet;
use crate::command::{write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::ZSET;
use crate::types::zset::Edge;
use crate::types::zset_write::{Change, Members, ZsetEdit};
use crate::types::{Direction, Result, STOP};
use crate::write::Writing;
use redtool_format::rdb::Kind;

/// What ZADD does with members that are there, and with those that are not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rule {
    /// NX: members that are there stay as they are.
    pub keeps: bool,
    /// XX: no member is added.
    pub only_there: bool,
    /// GT: scores only grow.
    greater: bool,
    /// LT: scores only shrink.
    less: bool,
    /// CH: the reply counts changed scores too.
    pub counts_changed: bool,
    /// INCR: the score is added to the one there.
    adds: bool,
}

impl Rule {
    /// Takes an option; whether it is one.
    fn take(&mut self, word: &[u8]) -> bool {
        match () {
            () if args::is(word, "nx") => self.keeps = true,
            () if args::is(word, "xx") => self.only_there = true,
            () if args::is(word, "ch") => self.counts_changed = true,
            () if args::is(word, "incr") => self.adds = true,
            () if args::is(word, "gt") => self.greater = true,
            () if args::is(word, "lt") => self.less = true,
            () => return false,
        }
        true
    }

    fn check(self, members: usize) -> Result<()> {
        Err(Error::fixed(if self.keeps && self.only_there {
            "ERR XX and NX options at the same time are not compatible"
        } else if [self.greater, self.less, self.keeps].iter().filter(|given| **given).count() > 1 {
            "ERR GT, LT, and/or NX options at the same time are not compatible"
        } else if self.adds && members > 1 {
            "ERR INCR option supports a single increment-element pair"
        } else {
            return Ok(());
        }))
    }

    /// The score that a member is to have, if any; `old` is the one that it has.
    fn decide(self, old: Option<f64>, given: f64) -> Result<Option<f64>> {
        let Some(old) = old else { return Ok((!self.only_there).then_some(given)) };
        if self.keeps {
            return Ok(None);
        }
        let new = if self.adds { old + given } else { given };
        if new.is_nan() {
            return Err(Error::fixed("ERR resulting score is not a number (NaN)"));
        }
        let is_refused = (self.less && new >= old) || (self.greater && new <= old);
        Ok((!is_refused).then_some(new))
    }
}

fn zadd(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    add(ws, args, Rule::default())
}

fn zincrby(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    add(ws, args, Rule { adds: true, ..Rule::default() })
}

fn add(ws: &mut Writing<'_>, args: &[&[u8]], mut rule: Rule) -> Outcome {
    let mut rest = &args[2..];
    while let [word, after @ ..] = rest {
        if !rule.take(word) {
            break;
        }
        rest = after;
    }
    if rest.is_empty() || !rest.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    rule.check(rest.len() / 2)?;
    if let [score, member] = rest {
        return add_members(ws, args[1], rule, &[(args::double(score)?, *member)]);
    }
    let pairs = rest.chunks_exact(2);
    let scored = pairs.map(|pair| Ok((args::double(pair[0])?, pair[1])));
    let members = scored.collect::<Result<Vec<_>>>()?;
    add_members(ws, args[1], rule, &members)
}

/// Adds members, or changes their scores, and replies.
pub(crate) fn add_members(
    ws: &mut Writing<'_>,
    key: &[u8],
    rule: Rule,
    members: &[(f64, &[u8])],
) -> Outcome {
    let (mut added, mut updated, mut result) = (0, 0, None);
    if let Some(mut edit) = ws.edit_zset(key, rule, members)? {
        let encoding = edit.encoding;
        let mut zset = ZsetEdit::new(ws, &mut edit);
        zset.expect(members.len());
        for (given, member) in members {
            let change = zset.update(member, |old| {
                result = rule.decide(old, *given)?;
                Ok(result)
            })?;
            added += i64::from(change == Change::Added);
            updated += i64::from(change == Change::Updated);
        }
        let event = if rule.adds { "zincr" } else { "zadd" };
        if added + updated > 0 {
            ws.keys.dirty += (added + updated - 1).unsigned_abs();
            ws.finish(key, edit, ZSET, event)?;
        } else if edit.encoding != encoding {
            ws.save_in(ws.session.db, key, edit)?;
        }
    }
    match result {
        Some(score) if rule.adds => ws.out.double(score),
        None if rule.adds => ws.out.null(),
        _ if rule.counts_changed => ws.out.int(added + updated),
        _ => ws.out.int(added),
    }
    Ok(())
}

impl Writing<'_> {
    /// The sorted set that members are added to; None when it is absent and must not be.
    fn edit_zset(
        &mut self,
        key: &[u8],
        rule: Rule,
        members: &[(f64, &[u8])],
    ) -> Result<Option<crate::edit::Edit>> {
        match self.edit(key, Kind::Zset)? {
            None if !rule.only_there => {
                // A later one that is long converts what is there by then.
                let first_bytes = members.first().map_or(0, |(_, member)| member.len());
                let limits = &self.keys.limits;
                Ok(Some(crate::edit::Edit::new_zset(limits, members.len(), first_bytes)))
            }
            found => Ok(found),
        }
    }
}

fn zrem(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let mut removed = 0;
    if let Some(mut edit) = ws.edit(args[1], Kind::Zset)? {
        let mut zset = ZsetEdit::new(ws, &mut edit);
        for member in &args[2..] {
            removed += i64::from(zset.remove(member)?);
        }
        if removed > 0 {
            ws.keys.dirty += removed.unsigned_abs() - 1;
            ws.finish(args[1], edit, ZSET, "zrem")?;
        }
    }
    ws.out.int(removed);
    Ok(())
}

/// Removes the members between two edges, `limit` of them at most, and replies how many.
fn remove_between(
    ws: &mut Writing<'_>,
    key: &[u8],
    edges: [Edge<'_>; 2],
    limit: u64,
    event: &str,
) -> Outcome {
    let mut removed = 0;
    if let Some(mut edit) = ws.edit(key, Kind::Zset)? {
        removed = ZsetEdit::new(ws, &mut edit).take(edges, limit, |_, _| ())?;
        if removed > 0 {
            ws.keys.dirty += removed - 1;
            ws.finish(key, edit, ZSET, event)?;
        }
    }
    ws.out.int(removed as i64);
    Ok(())
}

fn zremrangebyscore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let edges = parse_score_range(args[2], args[3])?;
    remove_between(ws, args[1], edges, u64::MAX, "zremrangebyscore")
}

fn zremrangebylex(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let edges = parse_lex_range(args[2], args[3])?;
    remove_between(ws, args[1], edges, u64::MAX, "zremrangebylex")
}

fn zremrangebyrank(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (start, stop) = (args::int(args[2])?, args::int(args[3])?);
    let mut first = None;
    let count = with_zset(&mut ws.view(), args[1], |_, zset| {
        let (start, count) = span(start, stop, zset.len());
        zset.each_from_rank(start, Direction::Forward, |member, score| {
            first = Some((score, member.to_vec()));
            Ok(STOP)
        })?;
        Ok(count)
    })?;
    match (first, count) {
        (Some((score, member)), Some(count)) if count > 0 => {
            let edges = [Edge::BeforeBoth(score, &member), Edge::End];
            remove_between(ws, args[1], edges, count, "zremrangebyrank")
        }
        _ => {
            ws.out.int(0);
            Ok(())
        }
    }
}

/// How members are popped, and what the reply looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pop {
    /// The highest, not the lowest.
    pub highest: bool,
    /// At most so many.
    pub count: u64,
    /// The reply begins with the key.
    pub names_key: bool,
    /// Each member is an array with its score.
    pub is_nested: bool,
}

impl Pop {
    /// Pops members of a sorted set and replies with them; false when the key is absent.
    pub fn from(self, ws: &mut Writing<'_>, key: &[u8]) -> Result<bool> {
        let Some(mut edit) = ws.edit_one_of(key, Kind::Zset)? else { return Ok(false) };
        if self.count == 0 {
            ws.out.array(0);
            return Ok(true);
        }
        let members = self.take(&mut ZsetEdit::new(ws, &mut edit))?;
        self.reply(ws, key, &members);
        ws.keys.dirty += (members.len() as u64).saturating_sub(1);
        let event = if self.highest { "zpopmax" } else { "zpopmin" };
        ws.finish(key, edit, ZSET, event)?;
        Ok(true)
    }

    fn take(self, zset: &mut ZsetEdit<'_>) -> Result<Members> {
        let mut members = Members::new();
        let mut keep = |member, score| members.push((member, score));
        if !self.highest || self.count >= zset.len() {
            zset.take([Edge::Start, Edge::End], self.count, &mut keep)?;
        } else {
            let (mut first, mut left) = (None, self.count);
            zset.view()?.each_from(Edge::End, Direction::Backward, |member, score| {
                left -= 1;
                if left > 0 {
                    return Ok(crate::types::ON);
                }
                first = Some((score, member.to_vec()));
                Ok(STOP)
            })?;
            if let Some((score, member)) = first {
                let edges = [Edge::BeforeBoth(score, &member), Edge::End];
                zset.take(edges, self.count, &mut keep)?;
            }
        }
        if self.highest {
            members.reverse();
        }
        Ok(members)
    }

    fn reply(self, ws: &mut Writing<'_>, key: &[u8], members: &Members) {
        let items = if self.is_nested { members.len() } else { 2 * members.len() };
        match (self.names_key, self.is_nested) {
            (true, true) => {
                ws.out.array(2);
                ws.out.bulk(key);
                ws.out.array(items);
            }
            (true, false) => {
                ws.out.array(1 + items);
                ws.out.bulk(key);
            }
            (false, _) => ws.out.array(items),
        }
        for (member, score) in members {
            if self.is_nested {
                ws.out.array(2);
            }
            ws.out.bulk(member);
            ws.out.double(*score);
        }
    }
}

fn pop(ws: &mut Writing<'_>, args: &[&[u8]], highest: bool) -> Outcome {
    let count = match args[2..] {
        [] => None,
        [count] => Some(args::positive(count)?.unsigned_abs()),
        _ => return Err(Error::SYNTAX),
    };
    let is_nested = ws.out.is_resp3() && count.is_some();
    let pop = Pop { highest, count: count.unwrap_or(1), names_key: false, is_nested };
    if !pop.from(ws, args[1])? {
        ws.out.array(0);
    }
    Ok(())
}

fn zpopmin(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    pop(ws, args, false)
}

fn zpopmax(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    pop(ws, args, true)
}

/// The arguments of ZMPOP and BZMPOP from the number of keys on: the keys, and how to pop.
pub(crate) fn parse_multiple<'b, 'a>(args: &'b [&'a [u8]]) -> Result<(&'b [&'a [u8]], Pop)> {
    let keys = args::int_from(args[0], 1, "ERR numkeys should be greater than 0")?;
    let keys = usize::try_from(keys).unwrap_or(usize::MAX);
    let (keys, rest) = args[1..].split_at_checked(keys).ok_or(Error::SYNTAX)?;
    let (place, mut rest) = rest.split_first().ok_or(Error::SYNTAX)?;
    let highest = match () {
        () if args::is(place, "min") => false,
        () if args::is(place, "max") => true,
        () => return Err(Error::SYNTAX),
    };
    let mut count = None;
    while let [word, after @ ..] = rest {
        let [given, after @ ..] = after else { return Err(Error::SYNTAX) };
        if count.is_some() || !args::is(word, "count") {
            return Err(Error::SYNTAX);
        }
        let given = args::int_from(given, 1, "ERR count should be greater than 0")?;
        count = Some(given.unsigned_abs());
        rest = after;
    }
    let count = count.unwrap_or(1);
    Ok((keys, Pop { highest, count, names_key: true, is_nested: true }))
}

fn zmpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (keys, pop) = parse_multiple(&args[1..])?;
    for key in keys {
        if pop.from(ws, key)? {
            return Ok(());
        }
    }
    ws.out.null_array();
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("zadd", -4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], SortedSet, "1.2.0", zadd)
        .args("key [condition:<NX|XX>@3.0.2] [comparison:<GT|LT>@6.2.0] [change=CH@3.0.2] \
               [increment=INCR@3.0.2] score_member:(score:double member)...")
        .docs("O(log(N))", "Adds members with scores."),
    write_row("zincrby", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], SortedSet, "1.2.0", zincrby)
        .args("key increment:integer member")
        .docs("O(log(N))", "Adds to the score of a member."),
    write_row("zrem", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], SortedSet, "1.2.0", zrem)
        .args("key member...")
        .docs("O(M*log(N))", "Removes members."),
    write_row("zremrangebyrank", 4, WRITE,
        &[KeySpec::at(RW | DELETE, 1)], SortedSet, "2.0.0", zremrangebyrank)
        .args("key start:integer stop:integer")
        .docs("O(log(N)+M)", "Removes members between two ranks."),
    write_row("zremrangebyscore", 4, WRITE,
        &[KeySpec::at(RW | DELETE, 1)], SortedSet, "1.2.0", zremrangebyscore)
        .args("key min:double max:double")
        .docs("O(log(N)+M)", "Removes members between two scores."),
    write_row("zremrangebylex", 4, WRITE,
        &[KeySpec::at(RW | DELETE, 1)], SortedSet, "2.8.9", zremrangebylex)
        .args("key min max")
        .docs("O(log(N)+M)", "Removes members between two texts."),
    write_row("zpopmin", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], SortedSet, "5.0.0", zpopmin)
        .args("key [count:integer]")
        .docs("O(log(N)*M)", "Pops the lowest members."),
    write_row("zpopmax", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], SortedSet, "5.0.0", zpopmax)
        .args("key [count:integer]")
        .docs("O(log(N)*M)", "Pops the highest members."),
    write_row("zmpop", -4, WRITE,
        &[KeySpec::counted(RW | ACCESS | DELETE, 1)], SortedSet, "7.0.0", zmpop)
        .args("numkeys:integer key... where:<MIN|MAX> [COUNT count:integer]")
        .docs("O(K)+O(M*log(N))", "Pops members from the first sorted set that has some."),
];

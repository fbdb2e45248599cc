//! Commands of the group list.
use crate::args;
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::List as Lists;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_KEY, READ_META};
use crate::types::list::List;
use crate::types::{expect_count, Direction, Result, ON, STOP};
use redtool_format::rdb::Kind;

/// An index that may count from the end, as one from the beginning; None when it lies before the
/// beginning.
fn from_start(index: i64, len: u64) -> Option<u64> {
    match u64::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => len.checked_sub(index.unsigned_abs()),
    }
}

/// The bounds of LRANGE and ZRANGE as first and number of elements.
pub(crate) fn span(start: i64, stop: i64, len: u64) -> (u64, u64) {
    let first = from_start(start, len).unwrap_or(0);
    let end = from_start(stop, len).map_or(0, |stop| stop.saturating_add(1)).min(len);
    (first, end.saturating_sub(first))
}

fn llen(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = match ctx.lookup_kind(args[1], Kind::List)? {
        Some(found) => found.object()?.count,
        None => 0,
    };
    ctx.out.int(len as i64);
    Ok(())
}

fn lindex(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let Some(found) = ctx.lookup_kind(args[1], Kind::List)? else {
        ctx.out.null();
        return Ok(());
    };
    let index = args::int(args[2])?;
    let list = List::open(ctx.reader, &found.object()?)?;
    let given = match from_start(index, list.len()) {
        Some(index) => list.index(index, |item| ctx.reply_item(item))?,
        None => None,
    };
    if given.is_none() {
        ctx.out.null();
    }
    Ok(())
}

fn lrange(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let (start, stop) = (args::int(args[2])?, args::int(args[3])?);
    let Some(found) = ctx.lookup_kind(args[1], Kind::List)? else {
        ctx.out.array(0);
        return Ok(());
    };
    let list = List::open(ctx.reader, &found.object()?)?;
    let (first, count) = span(start, stop, list.len());
    ctx.out.array(count as usize);
    let mut left = count;
    if count > 0 {
        list.each(first, Direction::Forward, |item| {
            ctx.reply_item(item);
            left -= 1;
            Ok(if left == 0 { STOP } else { ON })
        })?;
    }
    expect_count(count - left, count)
}

/// What LPOS looks for.
struct Search {
    /// Which match to begin with, the first being 1.
    rank: u64,
    direction: Direction,
    /// How many matches to give, 0 for all; None: the position alone.
    count: Option<u64>,
    /// How many elements to compare, 0 for all.
    max: u64,
}

const ZERO_RANK: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
    second ... or use negative to start from the end of the list";

impl Search {
    fn parse(options: &[&[u8]]) -> Result<Self> {
        let mut search = Search { rank: 1, direction: Direction::Forward, count: None, max: 0 };
        for pair in options.chunks(2) {
            let [name, value] = *pair else { return Err(Error::SYNTAX) };
            if args::is(name, "rank") {
                let rank = args::int_between(value, -i64::MAX, i64::MAX)?;
                if rank == 0 {
                    return Err(Error::fixed(ZERO_RANK));
                }
                if rank < 0 {
                    search.direction = Direction::Backward;
                }
                search.rank = rank.unsigned_abs();
            } else if args::is(name, "count") {
                let count = args::int_from(value, 0, "ERR COUNT can't be negative")?;
                search.count = Some(count.unsigned_abs());
            } else if args::is(name, "maxlen") {
                search.max =
                    args::int_from(value, 0, "ERR MAXLEN can't be negative")?.unsigned_abs();
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(search)
    }

    /// The positions of matches, in the order they are met.
    fn run(&self, list: &List<'_>, element: &[u8]) -> Result<Vec<u64>> {
        let (mut positions, mut compared, mut matched) = (Vec::new(), 0, 0);
        let wanted = self.count.unwrap_or(1);
        let len = list.len();
        let start = match self.direction {
            Direction::Forward => 0,
            Direction::Backward => len.saturating_sub(1),
        };
        list.each(start, self.direction, |item| {
            if item.eq_bytes(element) {
                matched += 1;
                if matched >= self.rank {
                    positions.push(match self.direction {
                        Direction::Forward => compared,
                        Direction::Backward => len - 1 - compared,
                    });
                }
            }
            compared += 1;
            let enough = wanted > 0 && positions.len() as u64 >= wanted;
            Ok(if enough || compared == self.max || compared >= len { STOP } else { ON })
        })?;
        Ok(positions)
    }
}

fn lpos(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let search = Search::parse(&args[3..])?;
    let positions = match ctx.lookup_kind(args[1], Kind::List)? {
        Some(found) => search.run(&List::open(ctx.reader, &found.object()?)?, args[2])?,
        None => Vec::new(),
    };
    if search.count.is_none() {
        match positions.first() {
            Some(position) => ctx.out.int(*position as i64),
            None => ctx.out.null(),
        }
        return Ok(());
    }
    ctx.out.array(positions.len());
    for position in positions {
        ctx.out.int(position as i64);
    }
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("lindex", 3, READONLY, READ_KEY, Lists, "1.0.0", lindex)
        .args("key index:integer")
        .docs("O(N)", "Element of a list by position."),
    row("llen", 2, READONLY | FAST, READ_META, Lists, "1.0.0", llen)
        .args("key")
        .docs("O(1)", "Length of a list."),
    row("lpos", -3, READONLY, READ_KEY, Lists, "6.0.6", lpos)
        .args("key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]")
        .docs("O(N)", "Positions of an element in a list."),
    row("lrange", 4, READONLY, READ_KEY, Lists, "1.0.0", lrange)
        .args("key start:integer stop:integer")
        .docs("O(S+N)", "Elements of a list between two positions."),
];

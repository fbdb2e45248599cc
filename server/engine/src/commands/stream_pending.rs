//! XPENDING: what the consumers of a group have been given and not acknowledged, as a summary or
//! entry by entry.
use crate::args;
use crate::commands::stream::reply_id;
use crate::commands::stream_id::{parse_end, parse_start};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::types::stream::{Group, Pending, Stream};
use crate::types::Result;
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::Kind;

/// Which entries are asked for.
struct Range<'a> {
    min_idle_ms: i64,
    first: StreamId,
    last: StreamId,
    count: u64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    /// Reads `[IDLE ms] start end count [consumer]`.
    fn parse(args: &[&'a [u8]]) -> Result<Self> {
        let (min_idle_ms, rest) = match args {
            [word, idle, rest @ ..] if args::is(word, "idle") => (args::int(idle)?, rest),
            _ => (0, args),
        };
        let [first, last, count, rest @ ..] = rest else { return Err(Error::SYNTAX) };
        let count = u64::try_from(args::int(count)?).unwrap_or(0);
        let (first, last) = (parse_start(first)?, parse_end(last)?);
        Ok(Self { min_idle_ms, first, last, count, consumer: rest.first().copied() })
    }

    fn holds(&self, group: &Group, entry: &Pending, now_ms: i64) -> bool {
        entry.id >= self.first
            && entry.id <= self.last
            && self.consumer.is_none_or(|name| owner(group, entry) == Some(name))
            && (self.min_idle_ms == 0
                || now_ms.saturating_sub(entry.delivered_at_ms) >= self.min_idle_ms)
    }
}

/// The name of the consumer that holds an entry.
pub(crate) fn owner<'g>(group: &'g Group, entry: &Pending) -> Option<&'g [u8]> {
    Some(group.consumers.get(entry.consumer?)?.name.as_slice())
}

pub(crate) fn xpending(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let range = match args.len() {
        3 => None,
        6..=9 => Some(Range::parse(&args[3..])?),
        _ => return Err(Error::SYNTAX),
    };
    let missing = || {
        let (key, group) = (args::shown(args[1], 128), args::shown(args[2], 128));
        Error::text(format!("NOGROUP No such key '{key}' or consumer group '{group}'"))
    };
    let found = ctx.lookup_kind(args[1], Kind::Stream)?.ok_or_else(missing)?;
    let meta = Stream::open(ctx.reader, &found.object()?)?.meta()?;
    let group = meta.groups.iter().find(|group| group.name == args[2]).ok_or_else(missing)?;
    match range {
        None => summary(ctx, group),
        Some(range) => entries(ctx, group, &range),
    }
    Ok(())
}

fn summary(ctx: &mut Context<'_>, group: &Group) {
    ctx.out.array(4);
    ctx.out.int(group.pel.len() as i64);
    let (Some(first), Some(last)) = (group.pel.first(), group.pel.last()) else {
        ctx.out.null();
        ctx.out.null();
        ctx.out.null_array();
        return;
    };
    reply_id(ctx, first.id);
    reply_id(ctx, last.id);
    let busy = group.consumers.iter().filter(|consumer| !consumer.pending.is_empty());
    ctx.out.array(busy.clone().count());
    for consumer in busy {
        ctx.out.array(2);
        ctx.out.bulk(&consumer.name);
        ctx.out.bulk_int(consumer.pending.len() as i64);
    }
}

fn entries(ctx: &mut Context<'_>, group: &Group, range: &Range<'_>) {
    let now_ms = ctx.now_ms();
    let limit = usize::try_from(range.count).unwrap_or(usize::MAX);
    let entries = group.pel.iter().filter(|entry| range.holds(group, entry, now_ms)).take(limit);
    let (place, mut given) = (ctx.out.begin_deferred(), 0);
    for entry in entries {
        ctx.out.array(4);
        reply_id(ctx, entry.id);
        ctx.out.bulk(owner(group, entry).unwrap_or_default());
        ctx.out.int(now_ms.saturating_sub(entry.delivered_at_ms).max(0));
        ctx.out.int(entry.deliveries as i64);
        given += 1;
    }
    ctx.out.end_deferred_array(place, given);
}

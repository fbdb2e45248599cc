//! XPENDING: what the consumers of a group have been given and not acknowledged, as a summary or
//! entry by entry.
use crate::args;
use crate::commands::stream::reply_id;
use crate::commands::stream_id::{parse_end, parse_start};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::types::stream::Stream;
use crate::types::stream_groups::{Group, Pending};
use crate::types::Result;
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;

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
        let holder = || group.holder(entry).map(|consumer| consumer.name.as_slice());
        self.consumer.is_none_or(|name| holder() == Some(name))
            && (self.min_idle_ms == 0
                || now_ms.saturating_sub(entry.delivered_at_ms) >= self.min_idle_ms)
    }
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
    let object = found.object()?;
    let groups = Stream::open_newest(ctx.reader, ctx.streams(), &object)?.groups()?;
    let group = groups.get(args[2]).ok_or_else(missing)?;
    match range {
        None => summary(ctx.out, group),
        Some(range) => entries(ctx, group, &range),
    }
    Ok(())
}

fn summary(out: &mut Writer, group: &Group) {
    out.array(4);
    out.int(group.pending().len() as i64);
    let ends = group.pending().keys().next().zip(group.pending().keys().next_back());
    let Some((first, last)) = ends else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    reply_id(out, *first);
    reply_id(out, *last);
    let busy = group.consumers().filter(|consumer| !consumer.pending.is_empty());
    let (place, mut given) = (out.begin_deferred(), 0);
    for consumer in busy {
        out.array(2);
        out.bulk(&consumer.name);
        out.bulk_int(consumer.pending.len() as i64);
        given += 1;
    }
    out.end_deferred_array(place, given);
}

fn entries(ctx: &mut Context<'_>, group: &Group, range: &Range<'_>) {
    let now_ms = ctx.now_ms();
    let limit = usize::try_from(range.count).unwrap_or(usize::MAX);
    let (place, mut given) = (ctx.out.begin_deferred(), 0);
    let mut show = |id: StreamId, entry: &Pending| {
        if given == limit {
            return false;
        }
        if range.holds(group, entry, now_ms) {
            ctx.out.array(4);
            reply_id(ctx.out, id);
            ctx.out.bulk(group.holder(entry).map_or(b"", |consumer| &consumer.name));
            ctx.out.int(now_ms.saturating_sub(entry.delivered_at_ms).max(0));
            ctx.out.int(entry.deliveries as i64);
            given += 1;
        }
        true
    };
    let entry = |id: &StreamId| group.pending().get(id);
    if range.first > range.last {
    } else if let Some(name) = range.consumer {
        let consumer = group.consumer(name);
        let own = consumer.map(|consumer| consumer.pending.range(range.first..=range.last));
        let _ = own.into_iter().flatten().all(|id| entry(id).is_none_or(|entry| show(*id, entry)));
    } else {
        let _ = group.pending().range(range.first..=range.last).all(|(id, entry)| show(*id, entry));
    }
    ctx.out.end_deferred_array(place, given);
}

//! XINFO: facts about a stream, its groups and their consumers.
use crate::args;
use crate::commands::stream::{reply_id, reply_message, reply_messages};
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::types::stream::{Stream, StreamMeta};
use crate::types::stream_groups::{Consumer, Group, Pending};
use crate::types::{Direction, Result};
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::Kind;

fn find<'a>(ctx: &Context<'a>, key: &[u8]) -> Result<Found<'a>> {
    ctx.lookup_kind(key, Kind::Stream)?.ok_or(Error::NO_SUCH_KEY)
}

/// A field of a map whose value is a number.
fn reply_number(ctx: &mut Context<'_>, name: &str, number: u64) {
    ctx.out.bulk(name.as_bytes());
    ctx.out.int(number as i64);
}

/// A field of a map whose value is an id.
fn reply_named_id(ctx: &mut Context<'_>, name: &str, id: StreamId) {
    ctx.out.bulk(name.as_bytes());
    reply_id(ctx.out, id);
}

/// A field of a map whose value is text.
fn reply_text(ctx: &mut Context<'_>, name: &str, text: &[u8]) {
    ctx.out.bulk(name.as_bytes());
    ctx.out.bulk(text);
}

fn reply_optional(ctx: &mut Context<'_>, name: &str, number: Option<u64>) {
    match number {
        Some(number) => reply_number(ctx, name, number),
        None => {
            ctx.out.bulk(name.as_bytes());
            ctx.out.null();
        }
    }
}

/// Nodes that Redis' radix tree has over these ids: the tree is compressed, so a node is a run of
/// bytes that all keys below share, a place where they part, or the end of a key. `depth` bytes are
/// behind.
fn radix_nodes(ids: &[[u8; 16]], depth: usize) -> u64 {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return 1 };
    let shared = first[depth..].iter().zip(&last[depth..]).take_while(|(a, b)| a == b).count();
    if depth + shared == 16 {
        return 1 + u64::from(shared > 0);
    }
    let at = depth + shared;
    let children = ids.chunk_by(|a, b| a[at] == b[at]);
    let below: u64 = children.map(|child| radix_nodes(child, at + 1)).sum();
    u64::from(shared > 0) + 1 + below
}

/// COUNT when it is not given.
const DEFAULT_COUNT: u64 = 10;

/// None: not FULL; else its COUNT, 0 for everything.
fn parse_full(options: &[&[u8]]) -> Result<Option<u64>> {
    let full = |word: &[u8]| args::is(word, "full");
    match *options {
        [] => Ok(None),
        [word] if full(word) => Ok(Some(DEFAULT_COUNT)),
        [word, count, number] if full(word) && args::is(count, "count") => {
            Ok(Some(u64::try_from(args::int(number)?).unwrap_or(DEFAULT_COUNT)))
        }
        _ => Err(Error::fixed(
            "ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.",
        )),
    }
}

pub(crate) fn xinfo_stream(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = find(ctx, args[2])?;
    let full = parse_full(&args[3..]).map_err(|error| name_subcommand(error, args[1]))?;
    let object = found.object()?;
    let stream = Stream::open_newest(ctx.reader, ctx.streams(), &object)?;
    let meta = stream.head()?;
    ctx.out.map(if full.is_some() { 9 } else { 10 });
    let ids: Vec<[u8; 16]> = stream.nodes()?.into_iter().map(StreamId::to_bytes).collect();
    reply_number(ctx, "length", stream.len());
    reply_number(ctx, "radix-tree-keys", ids.len() as u64);
    reply_number(ctx, "radix-tree-nodes", radix_nodes(&ids, 0));
    reply_named_id(ctx, "last-generated-id", meta.last_id);
    reply_named_id(ctx, "max-deleted-entry-id", meta.max_deleted_id);
    reply_number(ctx, "entries-added", meta.entries_added);
    reply_named_id(ctx, "recorded-first-entry-id", meta.first_id);
    match full {
        Some(count) => full_parts(ctx, &stream, &meta, count),
        None => short_parts(ctx, &stream),
    }
}

/// Redis quotes the subcommand as it was written.
fn name_subcommand(error: Error, name: &[u8]) -> Error {
    match error {
        Error::Reply(text) => {
            Error::text(text.replace("'STREAM'", &format!("'{}'", args::shown(name, 128))))
        }
        other => other,
    }
}

fn short_parts(ctx: &mut Context<'_>, stream: &Stream<'_>) -> Outcome {
    reply_number(ctx, "groups", stream.groups()?.len() as u64);
    let ends = [("first-entry", Direction::Forward), ("last-entry", Direction::Backward)];
    for (name, direction) in ends {
        ctx.out.bulk(name.as_bytes());
        if stream.end(direction, |message| reply_message(ctx.out, message))?.is_none() {
            ctx.out.null();
        }
    }
    Ok(())
}

fn full_parts(
    ctx: &mut Context<'_>,
    stream: &Stream<'_>,
    meta: &StreamMeta,
    count: u64,
) -> Outcome {
    ctx.out.bulk(b"entries");
    let everything = [StreamId::MIN, StreamId::MAX];
    reply_messages(ctx.out, stream, everything, Direction::Forward, count)?;
    ctx.out.bulk(b"groups");
    let groups = stream.groups()?;
    ctx.out.array(groups.len());
    let limit = if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    for (name, group) in groups.iter() {
        ctx.out.map(7);
        reply_text(ctx, "name", name);
        reply_named_id(ctx, "last-delivered-id", group.last_id);
        reply_optional(ctx, "entries-read", group.entries_read);
        reply_optional(ctx, "lag", group.lag(meta));
        reply_number(ctx, "pel-count", group.pending().len() as u64);
        ctx.out.bulk(b"pending");
        ctx.out.array(group.pending().len().min(limit));
        for (id, entry) in group.pending().iter().take(limit) {
            let holder = group.holder(entry).map_or(&b""[..], |consumer| &consumer.name);
            reply_entry(ctx, *id, entry, Some(holder));
        }
        ctx.out.bulk(b"consumers");
        ctx.out.array(group.consumer_count());
        for consumer in group.consumers() {
            full_consumer(ctx, group, consumer, limit);
        }
    }
    Ok(())
}

/// A pending entry: id, owner where it is not known already, time and number of deliveries.
fn reply_entry(ctx: &mut Context<'_>, id: StreamId, entry: &Pending, owner: Option<&[u8]>) {
    ctx.out.array(3 + usize::from(owner.is_some()));
    reply_id(ctx.out, id);
    if let Some(owner) = owner {
        ctx.out.bulk(owner);
    }
    ctx.out.int(entry.delivered_at_ms);
    ctx.out.int(entry.deliveries as i64);
}

fn full_consumer(ctx: &mut Context<'_>, group: &Group, consumer: &Consumer, limit: usize) {
    ctx.out.map(5);
    reply_text(ctx, "name", &consumer.name);
    ctx.out.bulk(b"seen-time");
    ctx.out.int(consumer.seen_at_ms);
    ctx.out.bulk(b"active-time");
    ctx.out.int(consumer.active_at_ms.unwrap_or(-1));
    reply_number(ctx, "pel-count", consumer.pending.len() as u64);
    ctx.out.bulk(b"pending");
    let (place, mut given) = (ctx.out.begin_deferred(), 0);
    for id in consumer.pending.iter().take(limit) {
        if let Some(entry) = group.pending().get(id) {
            reply_entry(ctx, *id, entry, None);
            given += 1;
        }
    }
    ctx.out.end_deferred_array(place, given);
}

pub(crate) fn xinfo_groups(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = find(ctx, args[2])?;
    let object = found.object()?;
    let stream = Stream::open_newest(ctx.reader, ctx.streams(), &object)?;
    let (head, groups) = (stream.head()?, stream.groups()?);
    ctx.out.array(groups.len());
    for (name, group) in groups.iter() {
        ctx.out.map(6);
        reply_text(ctx, "name", name);
        reply_number(ctx, "consumers", group.consumer_count() as u64);
        reply_number(ctx, "pending", group.pending().len() as u64);
        reply_named_id(ctx, "last-delivered-id", group.last_id);
        reply_optional(ctx, "entries-read", group.entries_read);
        reply_optional(ctx, "lag", group.lag(&head));
    }
    Ok(())
}

/// The error of a group that is not there.
pub(crate) fn no_group(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (args::shown(key, 128), args::shown(group, 128));
    Error::text(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

pub(crate) fn xinfo_consumers(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = find(ctx, args[2])?;
    let object = found.object()?;
    let groups = Stream::open_newest(ctx.reader, ctx.streams(), &object)?.groups()?;
    let group = groups.get(args[3]).ok_or_else(|| no_group(args[2], args[3]))?;
    let now_ms = ctx.now_ms();
    ctx.out.array(group.consumer_count());
    for consumer in group.consumers() {
        ctx.out.map(4);
        reply_text(ctx, "name", &consumer.name);
        reply_number(ctx, "pending", consumer.pending.len() as u64);
        ctx.out.bulk(b"idle");
        ctx.out.int(now_ms.saturating_sub(consumer.seen_at_ms).max(0));
        ctx.out.bulk(b"inactive");
        let inactive = consumer.active_at_ms.map(|at| now_ms.saturating_sub(at).max(0));
        ctx.out.int(inactive.unwrap_or(-1));
    }
    Ok(())
}

fn reply_help(ctx: &mut Context<'_>, lines: &[&str]) -> Outcome {
    ctx.out.array(lines.len());
    lines.iter().for_each(|line| ctx.out.simple(line));
    Ok(())
}

pub(crate) fn xinfo_help(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    reply_help(
        ctx,
        &[
            "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
            "HELP",
            "    Prints this help.",
        ],
    )
}

pub(crate) fn xgroup_help(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    reply_help(
        ctx,
        &[
            "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
            "HELP",
            "    Prints this help.",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u64]) -> Vec<[u8; 16]> {
        ids.iter().map(|ms| StreamId { ms: *ms, seq: 0 }.to_bytes()).collect()
    }

    #[test]
    fn radix_nodes_are_counted_as_redis_counts_them() {
        assert_eq!(radix_nodes(&ids(&[]), 0), 1);
        assert_eq!(radix_nodes(&ids(&[1]), 0), 2);
        // A shared run, a fork, and on each side the rest of the key and its end.
        assert_eq!(radix_nodes(&ids(&[1, 2]), 0), 6);
    }
}

//! XINFO: facts about a stream, its groups and their consumers.
//!
//! The lag of a group is the number of messages that it has not read. A stream counts all messages
//! ever added, and a group those that it has read, so the lag is the difference; where deletions
//! make a group's count doubtful, the count at the group's last id is derived from where that id
//! lies, and where that fails too the lag is null.
use crate::args;
use crate::commands::stream::{reply_id, reply_message, reply_messages};
use crate::commands::stream_pending::owner;
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::types::stream::{Group, Pending, Stream, StreamMeta};
use crate::types::{Direction, Result};
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::stream::Consumer;
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
    reply_id(ctx, id);
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

/// Messages not read by a group; None when it cannot be told.
fn lag(meta: &StreamMeta, group: &Group) -> Option<u64> {
    if meta.entries_added == 0 {
        return Some(0);
    }
    let read = match group.entries_read {
        Some(read) if !has_deletions_after(meta, group.last_id) => Some(read),
        _ => read_up_to(meta, group.last_id),
    };
    read.map(|read| meta.entries_added.wrapping_sub(read))
}

/// Whether a message at or after `id`, and not before the first that is left, was deleted.
fn has_deletions_after(meta: &StreamMeta, id: StreamId) -> bool {
    meta.length > 0
        && meta.max_deleted_id != StreamId::MIN
        && meta.first_id <= meta.max_deleted_id
        && id <= meta.max_deleted_id
}

/// How many messages had been added when the one with this id was; None when it cannot be told.
fn read_up_to(meta: &StreamMeta, id: StreamId) -> Option<u64> {
    let (added, left) = (meta.entries_added, meta.length);
    if added == 0 {
        return Some(0);
    }
    if left == 0 && id <= meta.last_id {
        return Some(added);
    }
    if id != StreamId::MIN && id < meta.max_deleted_id {
        return None;
    }
    if id >= meta.last_id {
        return (id == meta.last_id).then_some(added);
    }
    if meta.max_deleted_id == StreamId::MIN || meta.max_deleted_id < meta.first_id {
        if id < meta.first_id {
            return Some(added.wrapping_sub(left));
        }
        if id == meta.first_id {
            return Some(added.wrapping_sub(left).wrapping_add(1));
        }
    }
    None
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
    let stream = Stream::open(ctx.reader, &found.object()?)?;
    let meta = stream.meta()?;
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
        None => short_parts(ctx, &stream, &meta),
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

fn short_parts(ctx: &mut Context<'_>, stream: &Stream<'_>, meta: &StreamMeta) -> Outcome {
    reply_number(ctx, "groups", meta.groups.len() as u64);
    let ends = [("first-entry", Direction::Forward), ("last-entry", Direction::Backward)];
    for (name, direction) in ends {
        ctx.out.bulk(name.as_bytes());
        if stream.end(direction, |message| reply_message(ctx, message))?.is_none() {
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
    reply_messages(ctx, stream, everything, Direction::Forward, count)?;
    ctx.out.bulk(b"groups");
    ctx.out.array(meta.groups.len());
    let limit = if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    for group in &meta.groups {
        ctx.out.map(7);
        reply_text(ctx, "name", &group.name);
        reply_named_id(ctx, "last-delivered-id", group.last_id);
        reply_optional(ctx, "entries-read", group.entries_read);
        reply_optional(ctx, "lag", lag(meta, group));
        reply_number(ctx, "pel-count", group.pel.len() as u64);
        ctx.out.bulk(b"pending");
        let shown = &group.pel[..group.pel.len().min(limit)];
        ctx.out.array(shown.len());
        for entry in shown {
            reply_entry(ctx, entry, Some(owner(group, entry).unwrap_or_default()));
        }
        ctx.out.bulk(b"consumers");
        ctx.out.array(group.consumers.len());
        for (index, consumer) in group.consumers.iter().enumerate() {
            full_consumer(ctx, group, index, consumer, limit);
        }
    }
    Ok(())
}

/// A pending entry: id, owner where it is not known already, time and number of deliveries.
fn reply_entry(ctx: &mut Context<'_>, entry: &Pending, owner: Option<&[u8]>) {
    ctx.out.array(3 + usize::from(owner.is_some()));
    reply_id(ctx, entry.id);
    if let Some(owner) = owner {
        ctx.out.bulk(owner);
    }
    ctx.out.int(entry.delivered_at_ms);
    ctx.out.int(entry.deliveries as i64);
}

fn full_consumer(
    ctx: &mut Context<'_>,
    group: &Group,
    index: usize,
    consumer: &Consumer,
    limit: usize,
) {
    ctx.out.map(5);
    reply_text(ctx, "name", &consumer.name);
    ctx.out.bulk(b"seen-time");
    ctx.out.int(consumer.seen_at_ms);
    ctx.out.bulk(b"active-time");
    ctx.out.int(consumer.active_at_ms.unwrap_or(-1));
    reply_number(ctx, "pel-count", consumer.pending.len() as u64);
    ctx.out.bulk(b"pending");
    let own = group.pel.iter().filter(|entry| entry.consumer == Some(index)).take(limit);
    ctx.out.array(own.clone().count());
    for entry in own {
        reply_entry(ctx, entry, None);
    }
}

pub(crate) fn xinfo_groups(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = find(ctx, args[2])?;
    let meta = Stream::open(ctx.reader, &found.object()?)?.meta()?;
    ctx.out.array(meta.groups.len());
    for group in &meta.groups {
        ctx.out.map(6);
        reply_text(ctx, "name", &group.name);
        reply_number(ctx, "consumers", group.consumers.len() as u64);
        reply_number(ctx, "pending", group.pel.len() as u64);
        reply_named_id(ctx, "last-delivered-id", group.last_id);
        reply_optional(ctx, "entries-read", group.entries_read);
        reply_optional(ctx, "lag", lag(&meta, group));
    }
    Ok(())
}

pub(crate) fn xinfo_consumers(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let found = find(ctx, args[2])?;
    let meta = Stream::open(ctx.reader, &found.object()?)?.meta()?;
    let group = meta.groups.iter().find(|group| group.name == args[3]);
    let Some(group) = group else {
        let (key, group) = (args::shown(args[2], 128), args::shown(args[3], 128));
        return Err(Error::text(format!(
            "NOGROUP No such consumer group '{group}' for key name '{key}'"
        )));
    };
    let now_ms = ctx.now_ms();
    ctx.out.array(group.consumers.len());
    for consumer in &group.consumers {
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

    #[test]
    fn a_lag_is_null_when_deletions_hide_it() {
        let id = |ms| StreamId { ms, seq: 0 };
        let mut meta =
            StreamMeta { length: 3, last_id: id(5), first_id: id(1), ..Default::default() };
        meta.entries_added = 5;
        let group = |last_id, entries_read| Group { last_id, entries_read, ..Default::default() };
        assert_eq!(lag(&meta, &group(id(2), Some(2))), Some(3));
        assert_eq!(lag(&meta, &group(id(2), None)), None);
        assert_eq!(lag(&meta, &group(id(5), None)), Some(0));
        meta.max_deleted_id = id(3);
        assert_eq!(lag(&meta, &group(id(2), Some(2))), None);
        assert_eq!(lag(&meta, &group(id(4), Some(4))), Some(1));
    }
}

//! Commands that read streams, and the rows of the commands that have subcommands. XINFO is in
//! `stream_info`, XPENDING in `stream_pending`, XREAD in `stream_blocking`, what writes in
//! `stream_write`, `stream_groups` and `stream_claim`.
use crate::args;
use crate::command::flag::{BLOCKING, DENYOOM, FAST, LOADING, READONLY, STALE, WRITE};
use crate::command::Group::Stream as Streams;
use crate::command::{row, write_row, Command};
use crate::commands::stream_blocking::xread;
use crate::commands::stream_groups::{
    xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_setid,
};
use crate::commands::stream_id::{parse_end, parse_start};
use crate::commands::stream_info::{
    xgroup_help, xinfo_consumers, xinfo_groups, xinfo_help, xinfo_stream,
};
use crate::commands::stream_pending::xpending;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RO, RW, UPDATE};
use crate::keyspec::{KeySpec, NO_KEYS, READ_KEY, READ_META};
use crate::types::stream::Stream;
use crate::types::{Direction, Result, ON, STOP};
use redtool_format::encodings::stream::{Message, StreamId};
use redtool_format::encodings::Item;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;

/// Opens the stream at a key and gives it to `f`; None when the key is absent.
pub(crate) fn with_stream<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Context<'_>, &Stream<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(found) = ctx.lookup_kind(key, Kind::Stream)? else { return Ok(None) };
    let stream = Stream::open_newest(ctx.reader, ctx.streams(), &found.object()?)?;
    f(ctx, &stream).map(Some)
}

/// An id as replies show it.
pub(crate) fn reply_id(out: &mut Writer, id: StreamId) {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut text = [0; 41];
    let (ms, seq) = (ms.format(id.ms).as_bytes(), seq.format(id.seq).as_bytes());
    let len = ms.len() + 1 + seq.len();
    text[..ms.len()].copy_from_slice(ms);
    text[ms.len()] = b'-';
    text[ms.len() + 1..len].copy_from_slice(seq);
    out.bulk(&text[..len]);
}

/// A message: its id, and an array of fields and values.
pub(crate) fn reply_message(out: &mut Writer, message: &Message<'_>) {
    out.array(2);
    reply_id(out, message.id);
    out.array(message.fields.len() * 2);
    for (field, value) in &message.fields {
        reply_item(out, *field);
        reply_item(out, *value);
    }
}

fn reply_item(out: &mut Writer, item: Item<'_>) {
    match item {
        Item::Str(bytes) => out.bulk(bytes),
        Item::Int(n) => out.bulk_int(n),
    }
}

/// The array of the messages between two ids, at most `count` of them when that is not 0; how many
/// there are.
pub(crate) fn reply_messages(
    out: &mut Writer,
    stream: &Stream<'_>,
    [first, last]: [StreamId; 2],
    direction: Direction,
    count: u64,
) -> Result<usize> {
    let (place, mut given) = (out.begin_deferred(), 0);
    stream.each(first, last, direction, |message| {
        reply_message(out, message);
        given += 1;
        Ok(if given as u64 == count { STOP } else { ON })
    })?;
    out.end_deferred_array(place, given);
    Ok(given)
}

fn xlen(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = with_stream(ctx, args[1], |_, stream| Ok(stream.len()))?;
    ctx.out.int(len.unwrap_or_default() as i64);
    Ok(())
}

/// XRANGE and XREVRANGE. COUNT 0 gives a null array, as in Redis.
fn range(ctx: &mut Context<'_>, args: &[&[u8]], direction: Direction) -> Outcome {
    let (first, last) = match direction {
        Direction::Forward => (args[2], args[3]),
        Direction::Backward => (args[3], args[2]),
    };
    let between = [parse_start(first)?, parse_end(last)?];
    let mut count = None;
    for pair in args[4..].chunks(2) {
        match *pair {
            [word, value] if args::is(word, "count") => {
                count = Some(u64::try_from(args::int(value)?).unwrap_or(0));
            }
            _ => return Err(Error::SYNTAX),
        }
    }
    let given = with_stream(ctx, args[1], |ctx, stream| {
        if count == Some(0) {
            ctx.out.null_array();
            return Ok(0);
        }
        reply_messages(ctx.out, stream, between, direction, count.unwrap_or(0))
    })?;
    if given.is_none() {
        ctx.out.array(0);
    }
    Ok(())
}

fn xrange(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    range(ctx, args, Direction::Forward)
}

fn xrevrange(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    range(ctx, args, Direction::Backward)
}

/// The bare name of a command that has subcommands; its number of arguments is refused before.
fn bare(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

#[rustfmt::skip]
const XGROUP: &[Command] = &[
    write_row("create", -5, WRITE | DENYOOM,
        &[KeySpec::at(RW | INSERT, 2)], Streams, "5.0.0", xgroup_create)
        .args("key groupname id:<id|new_id='$'> [MKSTREAM] [ENTRIESREAD entries_read:integer]")
        .docs("O(1)", "Creates a group."),
    write_row("createconsumer", 5, WRITE | DENYOOM,
        &[KeySpec::at(RW | INSERT, 2)], Streams, "6.2.0", xgroup_createconsumer)
        .args("key groupname consumername")
        .docs("O(1)", "Creates a consumer in a group."),
    write_row("delconsumer", 5, WRITE,
        &[KeySpec::at(RW | DELETE, 2)], Streams, "5.0.0", xgroup_delconsumer)
        .args("key groupname consumername")
        .docs("O(1)", "Removes a consumer from a group."),
    write_row("destroy", 4, WRITE, &[KeySpec::at(RW | DELETE, 2)], Streams, "5.0.0", xgroup_destroy)
        .args("key groupname")
        .docs("O(N)", "Removes a group."),
    row("help", 2, LOADING | STALE, NO_KEYS, Streams, "5.0.0", xgroup_help)
        .docs("O(1)", "What XGROUP can do."),
    write_row("setid", -5, WRITE, &[KeySpec::at(RW | UPDATE, 2)], Streams, "5.0.0", xgroup_setid)
        .args("key groupname id:<id|new_id='$'> [ENTRIESREAD entries_read:integer]")
        .docs("O(1)", "Sets the last delivered id of a group."),
];

#[rustfmt::skip]
const XINFO: &[Command] = &[
    row("consumers", 4, READONLY, &[KeySpec::at(RO | ACCESS, 2)], Streams, "5.0.0", xinfo_consumers)
        .args("key groupname")
        .docs("O(1)", "The consumers of a group.").tips(&["nondeterministic_output"]),
    row("groups", 3, READONLY, &[KeySpec::at(RO | ACCESS, 2)], Streams, "5.0.0", xinfo_groups)
        .args("key")
        .docs("O(1)", "The groups of a stream."),
    row("help", 2, LOADING | STALE, NO_KEYS, Streams, "5.0.0", xinfo_help)
        .docs("O(1)", "What XINFO can do."),
    row("stream", -3, READONLY, &[KeySpec::at(RO | ACCESS, 2)], Streams, "5.0.0", xinfo_stream)
        .args("key [FULL full:([COUNT count:integer])]")
        .docs("O(1)", "Facts about a stream, in full if asked."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("xgroup", -2, 0, NO_KEYS, Streams, "5.0.0", bare)
        .docs("depends on the subcommand", "Consumer groups managed.").acl(0).subcommands(XGROUP),
    row("xinfo", -2, 0, NO_KEYS, Streams, "5.0.0", bare)
        .docs("depends on the subcommand", "Facts about a stream.").acl(0).subcommands(XINFO),
    row("xlen", 2, READONLY | FAST, READ_META, Streams, "5.0.0", xlen)
        .args("key")
        .docs("O(1)", "Number of messages."),
    row("xpending", -3, READONLY, READ_KEY, Streams, "5.0.0", xpending)
        .args("key group \
               [filters:([IDLE min-idle-time:integer@6.2.0] start end count:integer [consumer])]")
        .docs("O(N)", "Pending messages of a group.").tips(&["nondeterministic_output"]),
    row("xrange", -4, READONLY, READ_KEY, Streams, "5.0.0", xrange)
        .args("key start end [COUNT count:integer]")
        .docs("O(N)", "Messages between two ids."),
    write_row("xread", -4, READONLY | BLOCKING,
        &[KeySpec::all_after(RO | ACCESS, "STREAMS", 1, 2)], Streams, "5.0.0", xread)
        .args("[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS streams:(key... id...)")
        .docs("O(N)", "New messages of several streams."),
    row("xrevrange", -4, READONLY, READ_KEY, Streams, "5.0.0", xrevrange)
        .args("key end start [COUNT count:integer]")
        .docs("O(N)", "Messages between two ids, newest first."),
];

//! Commands of the group stream; XINFO is in `stream_info`, XPENDING in `stream_pending`.
//!
//! XREAD with BLOCK answers at once: nothing is ever added to a dataset that is only read, so
//! waiting could only end with the null that is given right away.
use crate::args;
use crate::command::flag::{BLOCKING, DENYOOM, FAST, LOADING, READONLY, STALE, WRITE};
use crate::command::Group::Stream as Streams;
use crate::command::{row, Command};
use crate::commands::stream_id::{next, parse_end, parse_exact, parse_start};
use crate::commands::stream_info::{
    xgroup_help, xinfo_consumers, xinfo_groups, xinfo_help, xinfo_stream,
};
use crate::commands::stream_pending::xpending;
use crate::commands::writes::refused;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RO, RW, UPDATE};
use crate::keyspec::{KeySpec, NO_KEYS, READ_KEY, READ_META};
use crate::types::stream::Stream;
use crate::types::{Direction, Result, ON, STOP};
use redtool_format::encodings::stream::{Message, StreamId};
use redtool_format::rdb::Kind;

/// Opens the stream at a key and gives it to `f`; None when the key is absent.
pub(crate) fn with_stream<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Context<'_>, &Stream<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(found) = ctx.lookup_kind(key, Kind::Stream)? else { return Ok(None) };
    let stream = Stream::open(ctx.reader, &found.object()?)?;
    f(ctx, &stream).map(Some)
}

/// An id as replies show it.
pub(crate) fn reply_id(ctx: &mut Context<'_>, id: StreamId) {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut text = [0; 41];
    let (ms, seq) = (ms.format(id.ms).as_bytes(), seq.format(id.seq).as_bytes());
    let len = ms.len() + 1 + seq.len();
    text[..ms.len()].copy_from_slice(ms);
    text[ms.len()] = b'-';
    text[ms.len() + 1..len].copy_from_slice(seq);
    ctx.out.bulk(&text[..len]);
}

/// A message: its id, and an array of fields and values.
pub(crate) fn reply_message(ctx: &mut Context<'_>, message: &Message<'_>) {
    ctx.out.array(2);
    reply_id(ctx, message.id);
    ctx.out.array(message.fields.len() * 2);
    for (field, value) in &message.fields {
        ctx.reply_item(*field);
        ctx.reply_item(*value);
    }
}

/// The array of the messages between two ids, at most `count` of them when that is not 0; how many
/// there are.
pub(crate) fn reply_messages(
    ctx: &mut Context<'_>,
    stream: &Stream<'_>,
    [first, last]: [StreamId; 2],
    direction: Direction,
    count: u64,
) -> Result<usize> {
    let (place, mut given) = (ctx.out.begin_deferred(), 0);
    stream.each(first, last, direction, |message| {
        reply_message(ctx, message);
        given += 1;
        Ok(if given as u64 == count { STOP } else { ON })
    })?;
    ctx.out.end_deferred_array(place, given);
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
        reply_messages(ctx, stream, between, direction, count.unwrap_or(0))
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

/// The arguments of XREAD.
struct Read<'b, 'a> {
    count: u64,
    keys: &'b [&'a [u8]],
    ids: &'b [&'a [u8]],
}

const ONLY_GROUPS: &str = "is only supported by XREADGROUP. You called XREAD instead.";

impl<'b, 'a> Read<'b, 'a> {
    fn parse(mut rest: &'b [&'a [u8]]) -> Result<Self> {
        let mut count = 0;
        while let Some((word, after)) = rest.split_first() {
            rest = match after {
                [timeout, after @ ..] if args::is(word, "block") => {
                    check_timeout(timeout)?;
                    after
                }
                [number, after @ ..] if args::is(word, "count") => {
                    count = u64::try_from(args::int(number)?).unwrap_or(0);
                    after
                }
                [_, ..] if args::is(word, "streams") => return Self::streams(count, after),
                [_, _, ..] if args::is(word, "group") => {
                    return Err(Error::text(format!("ERR The GROUP option {ONLY_GROUPS}")));
                }
                _ if args::is(word, "noack") => {
                    return Err(Error::text(format!("ERR The NOACK option {ONLY_GROUPS}")));
                }
                _ => return Err(Error::SYNTAX),
            };
        }
        Err(Error::SYNTAX)
    }

    fn streams(count: u64, rest: &'b [&'a [u8]]) -> Result<Self> {
        if rest.len() % 2 != 0 {
            return Err(Error::fixed(
                "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be \
                 specified.",
            ));
        }
        let (keys, ids) = rest.split_at(rest.len() / 2);
        Ok(Self { count, keys, ids })
    }
}

fn check_timeout(text: &[u8]) -> Outcome {
    let timeout = redtool_format::number::parse_i64(text)
        .ok_or(Error::fixed("ERR timeout is not an integer or out of range"))?;
    if timeout < 0 {
        return Err(Error::fixed("ERR timeout is negative"));
    }
    Ok(())
}

/// The first id to give of a stream; None when there is nothing after the one that was asked for.
fn first_after(ctx: &mut Context<'_>, key: &[u8], id: &[u8]) -> Result<Option<StreamId>> {
    if id == b"$" {
        return match ctx.lookup_kind(key, Kind::Stream)? {
            Some(found) => Ok(next(Stream::open(ctx.reader, &found.object()?)?.last_id()?)),
            None => Ok(next(StreamId::MIN)),
        };
    }
    ctx.lookup_kind(key, Kind::Stream)?;
    if id == b">" {
        return Err(Error::fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        ));
    }
    Ok(next(parse_exact(id, 0)?))
}

fn xread(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let read = Read::parse(&args[1..])?;
    let mut firsts = Vec::with_capacity(read.ids.len());
    for (key, id) in read.keys.iter().zip(read.ids) {
        firsts.push(first_after(ctx, key, id)?);
    }
    let (place, mut streams) = (ctx.out.begin_deferred(), 0);
    for (key, first) in read.keys.iter().zip(firsts) {
        let Some(first) = first else { continue };
        let start = ctx.out.begin_deferred();
        if !ctx.out.is_resp3() {
            ctx.out.array(2);
        }
        ctx.out.bulk(key);
        let given = with_stream(ctx, key, |ctx, stream| {
            let between = [first, StreamId::MAX];
            reply_messages(ctx, stream, between, Direction::Forward, read.count)
        })?;
        match given {
            None | Some(0) => ctx.out.buffer().truncate(start),
            Some(_) => streams += 1,
        }
    }
    match (streams, ctx.out.is_resp3()) {
        (0, _) => ctx.out.null_array(),
        (_, true) => ctx.out.end_deferred_map(place, streams),
        (_, false) => ctx.out.end_deferred_array(place, streams),
    }
    Ok(())
}

/// The bare name of a command that has subcommands; its number of arguments is refused before.
fn bare(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

#[rustfmt::skip]
const XGROUP: &[Command] = &[
    row("create", -5, WRITE | DENYOOM, &[KeySpec::at(RW | INSERT, 2)], Streams, "5.0.0", refused)
        .args("key groupname id:<id|new_id='$'> [MKSTREAM] [ENTRIESREAD entries_read:integer]")
        .docs("O(1)", "Creates a group."),
    row("createconsumer", 5, WRITE | DENYOOM,
        &[KeySpec::at(RW | INSERT, 2)], Streams, "6.2.0", refused)
        .args("key groupname consumername")
        .docs("O(1)", "Creates a consumer in a group."),
    row("delconsumer", 5, WRITE, &[KeySpec::at(RW | DELETE, 2)], Streams, "5.0.0", refused)
        .args("key groupname consumername")
        .docs("O(1)", "Removes a consumer from a group."),
    row("destroy", 4, WRITE, &[KeySpec::at(RW | DELETE, 2)], Streams, "5.0.0", refused)
        .args("key groupname")
        .docs("O(N)", "Removes a group."),
    row("help", 2, LOADING | STALE, NO_KEYS, Streams, "5.0.0", xgroup_help)
        .docs("O(1)", "What XGROUP can do."),
    row("setid", -5, WRITE, &[KeySpec::at(RW | UPDATE, 2)], Streams, "5.0.0", refused)
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
    row("xread", -4, READONLY | BLOCKING,
        &[KeySpec::all_after(RO | ACCESS, "STREAMS", 1, 2)], Streams, "5.0.0", xread)
        .args("[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS streams:(key... id...)")
        .docs("O(N)", "New messages of several streams."),
    row("xrevrange", -4, READONLY, READ_KEY, Streams, "5.0.0", xrevrange)
        .args("key end start [COUNT count:integer]")
        .docs("O(N)", "Messages between two ids, newest first."),
];

//! XREAD and XREADGROUP, which may wait for messages.
//!
//! A command that waits is run again when a key it waits for has changed, and answers then, be it
//! with an error: the group is gone, the key is of another type. `$` means the last message at the
//! time of the request, so it is replaced by that id before the wait. Over a dataset that is only
//! read XREAD never waits: nothing is ever added, so waiting could only end with the null that is
//! given right away.
use crate::args;
use crate::command::flag::{BLOCKING, WRITE};
use crate::command::Group::Stream as Streams;
use crate::command::{write_row, Command};
use crate::commands::stream::{reply_id, reply_message, reply_messages, with_stream};
use crate::commands::stream_id::{parse_exact, previous};
use crate::commands::stream_write::{change_read, tell};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, RO};
use crate::keyspec::KeySpec;
use crate::types::stream::{id_after, Stream, StreamMeta};
use crate::types::stream_groups::Group;
use crate::types::{Direction, Result, ON, STOP};
use crate::write::Writing;
use redtool_format::encodings::stream::StreamId;
use redtool_format::resp::Writer;
use std::ops::Bound;
use std::time::Duration;

/// The arguments of XREAD and XREADGROUP.
struct Read<'a> {
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    /// 0: all.
    count: u64,
    /// May wait so long, for ever when that is zero.
    block: Option<Duration>,
    noack: bool,
    keys: &'a [&'a [u8]],
    ids: &'a [&'a [u8]],
}

fn only_groups(option: &str) -> Error {
    Error::text(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}

impl<'a> Read<'a> {
    fn parse(args: &'a [&'a [u8]], by_group: bool) -> Result<Self> {
        let mut read =
            Self { group: None, count: 0, block: None, noack: false, keys: &[], ids: &[] };
        let mut rest = &args[1..];
        while let Some((word, after)) = rest.split_first() {
            rest = match after {
                [timeout, after @ ..] if args::is(word, "block") => {
                    read.block = Some(parse_timeout(timeout)?);
                    after
                }
                [number, after @ ..] if args::is(word, "count") => {
                    read.count = u64::try_from(args::int(number)?).unwrap_or(0);
                    after
                }
                [_, ..] if args::is(word, "streams") => {
                    read.streams(after, by_group)?;
                    break;
                }
                [group, consumer, after @ ..] if args::is(word, "group") => {
                    if !by_group {
                        return Err(only_groups("GROUP"));
                    }
                    read.group = Some((group, consumer));
                    after
                }
                _ if args::is(word, "noack") => {
                    if !by_group {
                        return Err(only_groups("NOACK"));
                    }
                    read.noack = true;
                    after
                }
                _ => return Err(Error::SYNTAX),
            };
        }
        if read.keys.is_empty() {
            return Err(Error::SYNTAX);
        }
        if by_group && read.group.is_none() {
            return Err(Error::fixed("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(read)
    }

    fn streams(&mut self, rest: &'a [&'a [u8]], by_group: bool) -> Outcome {
        if !rest.len().is_multiple_of(2) {
            let (name, mark) = if by_group { ("xreadgroup", '>') } else { ("xread", '$') };
            return Err(Error::text(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{mark}' \
                 must be specified."
            )));
        }
        (self.keys, self.ids) = rest.split_at(rest.len() / 2);
        Ok(())
    }

    /// Ends the reply, when there is something in it, else waits.
    fn finish(
        &self,
        ws: &mut Writing<'_>,
        request: &[&[u8]],
        place: usize,
        given: usize,
    ) -> Outcome {
        match (given, self.block, ws.out.is_resp3()) {
            (1.., _, true) => ws.out.end_deferred_map(place, given),
            (1.., _, false) => ws.out.end_deferred_array(place, given),
            (0, Some(timeout), _) if !ws.dataset.readonly() => {
                let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
                let by_group = self.group.is_some();
                ws.wait_for(request, self.keys, timeout, by_group, Writer::null_array);
            }
            _ => ws.out.null_array(),
        }
        Ok(())
    }
}

fn parse_timeout(text: &[u8]) -> Result<Duration> {
    let ms = redtool_format::number::parse_i64(text)
        .ok_or(Error::fixed("ERR timeout is not an integer or out of range"))?;
    if ms > i64::MAX - crate::clock::system_ms() {
        return Err(Error::fixed("ERR timeout is out of range"));
    }
    let ms = u64::try_from(ms).map_err(|_| Error::fixed("ERR timeout is negative"))?;
    Ok(Duration::from_millis(ms))
}

/// Begins the reply about one stream: its key, and what follows; where to go back to.
fn begin(out: &mut Writer, key: &[u8]) -> usize {
    let start = out.begin_deferred();
    if !out.is_resp3() {
        out.array(2);
    }
    out.bulk(key);
    start
}

/// The id after which XREAD gives messages of a stream.
fn read_after(ws: &mut Writing<'_>, key: &[u8], id: &[u8]) -> Result<StreamId> {
    let mut ctx = ws.view();
    let found = with_stream(&mut ctx, key, |_, stream| match id {
        b"$" => stream.last_id().map(Some),
        b"+" => match stream.end(Direction::Backward, |message| message.id)? {
            Some(last) => Ok(previous(last)),
            None => stream.last_id().map(Some),
        },
        _ => Ok(None),
    })?;
    match id {
        b"$" | b"+" => Ok(found.flatten().unwrap_or(StreamId::MIN)),
        b">" => Err(Error::fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        _ => parse_exact(id, 0),
    }
}

pub(crate) fn xread(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let read = Read::parse(args, false)?;
    let mut after = Vec::with_capacity(read.ids.len());
    for (key, id) in read.keys.iter().zip(read.ids) {
        after.push(read_after(ws, key, id)?);
    }
    let (place, mut given) = (ws.out.begin_deferred(), 0);
    for (key, after) in read.keys.iter().zip(&after) {
        let Some(first) = id_after(*after) else { continue };
        let mut ctx = ws.view();
        let start = begin(ctx.out, key);
        let messages = with_stream(&mut ctx, key, |ctx, stream| {
            if stream.last_id()? < first {
                return Ok(0);
            }
            let between = [first, StreamId::MAX];
            reply_messages(ctx.out, stream, between, Direction::Forward, read.count)
        })?;
        match messages {
            None | Some(0) => ws.out.buffer().truncate(start),
            Some(_) => given += 1,
        }
    }
    let waits = given == 0 && read.block.is_some();
    if waits && read.ids.iter().any(|id| matches!(*id, b"$" | b"+")) {
        let texts: Vec<String> = after.iter().map(StreamId::to_string).collect();
        let mut request = args[..args.len() - texts.len()].to_vec();
        request.extend(texts.iter().map(String::as_bytes));
        return read.finish(ws, &request, place, given);
    }
    read.finish(ws, args, place, given)
}

fn no_group(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (args::shown(key, 128), args::shown(group, 128));
    Error::text(format!(
        "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
    ))
}

/// Where a consumer reads: new messages, or its own pending ones after an id.
fn read_from(id: &[u8]) -> Result<Option<StreamId>> {
    match id {
        b">" => Ok(None),
        b"$" => Err(Error::fixed(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
             history of this consumer by specifying a proper ID, or use the > ID to get new \
             messages. The $ ID would just return an empty result set.",
        )),
        id => parse_exact(id, 0).map(|id| Some(id).filter(|id| *id != StreamId::MAX)),
    }
}

/// A consumer that reads.
struct Reader<'a> {
    noack: bool,
    count: u64,
    number: usize,
    now_ms: i64,
    group: &'a mut Group,
    out: &'a mut Writer,
}

impl Reader<'_> {
    /// Gives new messages; how many.
    fn new_messages(&mut self, stream: &Stream<'_>, head: &StreamMeta) -> Result<usize> {
        let (place, mut given) = (self.out.begin_deferred(), 0);
        let first = id_after(self.group.last_id).filter(|first| *first <= head.last_id);
        let Some(first) = first else {
            self.out.end_deferred_array(place, 0);
            return Ok(0);
        };
        stream.each(first, StreamId::MAX, Direction::Forward, |message| {
            self.group.read(head, message.id);
            reply_message(self.out, message);
            if !self.noack {
                self.group.give(message.id, self.number, self.now_ms, 1);
            }
            given += 1;
            Ok(if given as u64 == self.count { STOP } else { ON })
        })?;
        self.out.end_deferred_array(place, given);
        if let Some(consumer) = self.group.numbered_mut(self.number) {
            if given > 0 && !self.noack {
                consumer.active_at_ms = Some(self.now_ms);
            }
        }
        Ok(given)
    }

    /// Gives the consumer's own pending messages after an id; one that is gone is null.
    fn history(&mut self, stream: &Stream<'_>, after: StreamId) -> Result<()> {
        let limit = match usize::try_from(self.count) {
            Ok(count) if count > 0 => count,
            _ => usize::MAX,
        };
        let consumer = self.group.numbered_mut(self.number);
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let ids: Vec<StreamId> = consumer.map_or_else(Vec::new, |consumer| {
            consumer.pending.range(range).take(limit).copied().collect()
        });
        self.out.array(ids.len());
        for id in ids {
            let mut is_there = false;
            stream.each(id, id, Direction::Forward, |message| {
                is_there = true;
                reply_message(self.out, message);
                Ok(STOP)
            })?;
            if !is_there {
                self.out.array(2);
                reply_id(self.out, id);
                self.out.null_array();
            } else if let Some(entry) = self.group.pending().get(&id).copied() {
                let deliveries = entry.deliveries.wrapping_add(1);
                self.group.give(id, self.number, self.now_ms, deliveries);
            }
        }
        Ok(())
    }
}

/// Checks that a group can be read from, before any is.
fn check_group(ws: &mut Writing<'_>, key: &[u8], group: &[u8], id: &[u8]) -> Outcome {
    let is_there = change_read(ws, key, |_, stream| Ok(stream.groups_mut()?.get(group).is_some()))?;
    if is_there != Some(true) {
        return Err(no_group(key, group));
    }
    read_from(id).map(|_| ())
}

/// Reads of one stream for a consumer; whether the reply has it.
fn read_group(ws: &mut Writing<'_>, read: &Read<'_>, key: &[u8], id: &[u8]) -> Result<bool> {
    let (name, consumer) = read.group.unwrap_or_default();
    let now_ms = ws.now_ms();
    let done = change_read(ws, key, |ws, stream| {
        let Writing { keys, out, .. } = ws;
        let (messages, head, groups) = stream.parts(&keys.space)?;
        let group = groups.get_mut(name).ok_or_else(|| no_group(key, name))?;
        let after = read_from(id)?;
        let (number, is_new) = group.consumer_or_new(consumer, now_ms);
        if let Some(consumer) = group.numbered_mut(number) {
            consumer.seen_at_ms = now_ms;
        }
        let start = begin(out, key);
        let (noack, count) = (read.noack, read.count);
        let mut reader = Reader { noack, count, number, now_ms, group, out };
        let is_given = match after {
            Some(after) => reader.history(&messages, after).map(|()| true),
            None => reader.new_messages(&messages, head).map(|given| given > 0),
        };
        stream.is_stale = true;
        let is_given = is_given?;
        if !is_given {
            out.buffer().truncate(start);
        }
        keys.dirty += u64::from(is_given);
        Ok((is_given, is_new))
    })?;
    let (is_given, is_new) = done.ok_or_else(|| no_group(key, name))?;
    if is_new {
        tell(ws, key, "xgroup-createconsumer");
    }
    Ok(is_given)
}

fn xreadgroup(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let read = Read::parse(args, true)?;
    let (group, _) = read.group.unwrap_or_default();
    if read.keys.len() > 1 {
        for (key, id) in read.keys.iter().zip(read.ids) {
            check_group(ws, key, group, id)?;
        }
    }
    let (place, mut given) = (ws.out.begin_deferred(), 0);
    for (key, id) in read.keys.iter().zip(read.ids) {
        given += usize::from(read_group(ws, &read, key, id)?);
    }
    read.finish(ws, args, place, given)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("xreadgroup", -7, WRITE | BLOCKING,
        &[KeySpec::all_after(RO | ACCESS, "STREAMS", 4, 2)], Streams, "5.0.0", xreadgroup)
        .args("GROUP group_consumer:(group consumer) [COUNT count:integer] \
               [BLOCK milliseconds:integer] [NOACK] STREAMS streams:(key... id...)")
        .docs("O(N)", "Messages of several streams for a consumer of a group."),
];

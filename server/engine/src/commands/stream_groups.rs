//! Consumer groups made, moved, removed, and what they were given acknowledged: XGROUP (its rows
//! are in [`super::stream`]) and XACK.
use crate::args;
use crate::command::flag::{FAST, WRITE};
use crate::command::Group::Stream;
use crate::command::{write_row, Command};
use crate::commands::stream_id::parse_exact;
use crate::commands::stream_info::no_group;
use crate::commands::stream_write::{change, change_read, create, parse_end_id, tell};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::STREAM;
use crate::record_key::RecordKey;
use crate::types::stream_groups::Group;
use crate::types::stream_write::StreamEdit;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::encodings::stream::StreamId;

const NO_KEY: Error = Error::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);

fn misused(subcommand: &[u8]) -> Error {
    let name = args::shown(subcommand, 128);
    Error::text(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try XGROUP HELP."
    ))
}

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: &[&[u8]], is_create: bool) -> Result<Self> {
        let (mut options, mut rest) = (Self::default(), &args[5..]);
        while let [word, tail @ ..] = rest {
            rest = match tail {
                _ if is_create && args::is(word, "mkstream") => {
                    options.makes_stream = true;
                    tail
                }
                [number, tail @ ..] if args::is(word, "entriesread") => {
                    let error = Error::fixed("ERR value for ENTRIESREAD must be positive or -1");
                    options.entries_read = match args::int(number)? {
                        -1 => None,
                        number => Some(u64::try_from(number).map_err(|_| error)?),
                    };
                    tail
                }
                _ => return Err(misused(args[1])),
            };
        }
        Ok(options)
    }
}

pub(crate) fn xgroup_create(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(args, true)?;
    let (key, name) = (args[2], args[3]);
    let make = |_: &mut Writing<'_>, stream: &mut StreamEdit| {
        if args.len() > 8 {
            return Err(misused(args[1]));
        }
        let id = match args[4] {
            b"$" => stream.head.last_id,
            text => parse_exact(text, 0)?,
        };
        if !stream.groups_mut()?.create(name, id, options.entries_read) {
            return Err(Error::fixed("BUSYGROUP Consumer Group name already exists"));
        }
        stream.is_stale = true;
        Ok(())
    };
    match change(ws, key, make)? {
        Some(()) => tell(ws, key, "xgroup-create"),
        None if options.makes_stream => {
            create(ws, key, make)?;
            ws.changed(key, STREAM, "xgroup-create");
        }
        None => return Err(NO_KEY),
    }
    ws.out.simple("OK");
    Ok(())
}

/// Changes a group, which must be there; None when nothing changed.
fn change_group<T>(
    ws: &mut Writing<'_>,
    args: &[&[u8]],
    f: impl FnOnce(&mut Group, StreamId) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let done = change(ws, args[2], |_, stream| {
        let last_id = stream.head.last_id;
        let group = stream.groups_mut()?.get_mut(args[3]);
        let done = f(group.ok_or_else(|| no_group(args[2], args[3]))?, last_id)?;
        stream.is_stale |= done.is_some();
        Ok(done)
    })?;
    done.ok_or(NO_KEY)
}

pub(crate) fn xgroup_setid(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(args, false)?;
    change_group(ws, args, |group, last_id| {
        if args.len() > 7 {
            return Err(misused(args[1]));
        }
        group.last_id = match args[4] {
            b"$" => last_id,
            text => parse_end_id(text)?,
        };
        group.entries_read = options.entries_read;
        Ok(Some(()))
    })?;
    tell(ws, args[2], "xgroup-setid");
    ws.out.simple("OK");
    Ok(())
}

pub(crate) fn xgroup_destroy(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let key = args[2];
    let was_there = change(ws, key, |_, stream| {
        let was_there = stream.groups_mut()?.remove(args[3]);
        stream.is_stale |= was_there;
        Ok(was_there)
    })?;
    let was_there = was_there.ok_or(NO_KEY)?;
    if was_there {
        tell(ws, key, "xgroup-destroy");
        // Those who wait for its messages are told that it is gone.
        ws.keys.blocked.signal(&RecordKey::new(ws.session.db, key));
    }
    ws.out.int(i64::from(was_there));
    Ok(())
}

pub(crate) fn xgroup_createconsumer(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let now_ms = ws.now_ms();
    let made = change_group(ws, args, |group, _| {
        let (_, is_new) = group.consumer_or_new(args[4], now_ms);
        Ok(is_new.then_some(()))
    })?;
    if made.is_some() {
        tell(ws, args[2], "xgroup-createconsumer");
    }
    ws.out.int(i64::from(made.is_some()));
    Ok(())
}

pub(crate) fn xgroup_delconsumer(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let pending = change_group(ws, args, |group, _| Ok(group.remove_consumer(args[4])))?;
    if pending.is_some() {
        tell(ws, args[2], "xgroup-delconsumer");
    }
    ws.out.int(pending.unwrap_or(0) as i64);
    Ok(())
}

fn xack(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let acknowledged = change_read(ws, args[1], |_, stream| {
        let Some(group) = stream.groups_mut()?.get_mut(args[2]) else { return Ok(0) };
        let ids = args[3..].iter().map(|id| parse_exact(id, 0)).collect::<Result<Vec<_>>>()?;
        let acknowledged = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
        stream.is_stale |= acknowledged > 0;
        Ok(acknowledged)
    })?;
    let acknowledged = acknowledged.unwrap_or(0);
    ws.keys.dirty += acknowledged as u64;
    ws.out.int(acknowledged as i64);
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("xack", -4, WRITE | FAST, &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", xack)
        .args("key group id...")
        .docs("O(1)", "Acknowledges messages of a group."),
];

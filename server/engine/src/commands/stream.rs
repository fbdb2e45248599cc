//! Commands of the group stream.
use crate::command::flag::{BLOCKING, DENYOOM, FAST, LOADING, READONLY, STALE, WRITE};
use crate::command::Group::Stream;
use crate::command::{row, Command};
use crate::commands::writes::refused;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RO, RW, UPDATE};
use crate::keyspec::{KeySpec, NO_KEYS, READ_KEY, READ_META};

fn later(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR command is not there yet"))
}

#[rustfmt::skip]
const XGROUP: &[Command] = &[
    row("create", -5, WRITE | DENYOOM, &[KeySpec::at(RW | INSERT, 2)], Stream, "5.0.0", refused)
        .docs("O(1)", "Creates a group."),
    row("createconsumer", 5, WRITE | DENYOOM,
        &[KeySpec::at(RW | INSERT, 2)], Stream, "6.2.0", refused)
        .docs("O(1)", "Creates a consumer in a group."),
    row("delconsumer", 5, WRITE, &[KeySpec::at(RW | DELETE, 2)], Stream, "5.0.0", refused)
        .docs("O(1)", "Removes a consumer from a group."),
    row("destroy", 4, WRITE, &[KeySpec::at(RW | DELETE, 2)], Stream, "5.0.0", refused)
        .docs("O(N)", "Removes a group."),
    row("help", 2, LOADING | STALE, NO_KEYS, Stream, "5.0.0", later)
        .docs("O(1)", "What XGROUP can do."),
    row("setid", -5, WRITE, &[KeySpec::at(RW | UPDATE, 2)], Stream, "5.0.0", refused)
        .docs("O(1)", "Sets the last delivered id of a group."),
];

#[rustfmt::skip]
const XINFO: &[Command] = &[
    row("consumers", 4, READONLY, &[KeySpec::at(RO | ACCESS, 2)], Stream, "5.0.0", later)
        .docs("O(1)", "The consumers of a group.").tips(&["nondeterministic_output"]),
    row("groups", 3, READONLY, &[KeySpec::at(RO | ACCESS, 2)], Stream, "5.0.0", later)
        .docs("O(1)", "The groups of a stream."),
    row("help", 2, LOADING | STALE, NO_KEYS, Stream, "5.0.0", later)
        .docs("O(1)", "What XINFO can do."),
    row("stream", -3, READONLY, &[KeySpec::at(RO | ACCESS, 2)], Stream, "5.0.0", later)
        .docs("O(1)", "Facts about a stream, in full if asked."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("xgroup", -2, 0, NO_KEYS, Stream, "5.0.0", later)
        .docs("depends on the subcommand", "Consumer groups managed.").acl(0).subcommands(XGROUP),
    row("xinfo", -2, 0, NO_KEYS, Stream, "5.0.0", later)
        .docs("depends on the subcommand", "Facts about a stream.").acl(0).subcommands(XINFO),
    row("xlen", 2, READONLY | FAST, READ_META, Stream, "5.0.0", later)
        .docs("O(1)", "Number of messages."),
    row("xpending", -3, READONLY, READ_KEY, Stream, "5.0.0", later)
        .docs("O(N)", "Pending messages of a group.").tips(&["nondeterministic_output"]),
    row("xrange", -4, READONLY, READ_KEY, Stream, "5.0.0", later)
        .docs("O(N)", "Messages between two ids."),
    row("xread", -4, READONLY | BLOCKING,
        &[KeySpec::all_after(RO | ACCESS, "STREAMS", 1, 2)], Stream, "5.0.0", later)
        .docs("O(N)", "New messages of several streams."),
    row("xrevrange", -4, READONLY, READ_KEY, Stream, "5.0.0", later)
        .docs("O(N)", "Messages between two ids, newest first."),
];

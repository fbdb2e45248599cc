//! BZPOPMIN, BZPOPMAX and BZMPOP: members popped, waited for when there are none.
use super::zset_write::{parse_multiple, Pop};
use crate::args;
use crate::command::flag::{BLOCKING, FAST, NOSCRIPT, WRITE};
use crate::command::Group::SortedSet;
use crate::command::{write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, RW};
use crate::keyspec::KeySpec;
use crate::types::Result;
use crate::write::Writing;
use std::time::Duration;

/// Pops from the first of the keys that is there, or waits for one.
fn pop_or_wait(
    ws: &mut Writing<'_>,
    args: &[&[u8]],
    keys: &[&[u8]],
    timeout: Option<Duration>,
    pop: Pop,
) -> Outcome {
    for key in keys {
        if pop.from(ws, key)? {
            return Ok(());
        }
    }
    ws.wait_for(args, keys, timeout, false, |out| out.null_array());
    Ok(())
}

fn wait_to_pop(ws: &mut Writing<'_>, args: &[&[u8]], highest: bool) -> Outcome {
    let [_, keys @ .., timeout] = args else { return Err(Error::SYNTAX) };
    let timeout = args::timeout(timeout)?;
    let pop = Pop { highest, count: 1, names_key: true, is_nested: false };
    pop_or_wait(ws, args, keys, timeout, pop)
}

fn bzpopmin(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    wait_to_pop(ws, args, false)
}

fn bzpopmax(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    wait_to_pop(ws, args, true)
}

fn bzmpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (keys, pop) = parse_multiple(&args[2..])?;
    let timeout: Result<_> = args::timeout(args[1]);
    pop_or_wait(ws, args, keys, timeout?, pop)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("bzpopmin", -3, WRITE | NOSCRIPT | BLOCKING | FAST,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], SortedSet, "5.0.0", bzpopmin)
        .args("key... timeout:double")
        .docs("O(log(N))", "Pops the lowest member, waiting."),
    write_row("bzpopmax", -3, WRITE | NOSCRIPT | BLOCKING | FAST,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], SortedSet, "5.0.0", bzpopmax)
        .args("key... timeout:double")
        .docs("O(log(N))", "Pops the highest member, waiting."),
    write_row("bzmpop", -5, WRITE | BLOCKING,
        &[KeySpec::counted(RW | ACCESS | DELETE, 2)], SortedSet, "7.0.0", bzmpop)
        .args("timeout:double numkeys:integer key... where:<MIN|MAX> [COUNT count:integer]")
        .docs("O(K)+O(M*log(N))", "Pops members from the first sorted set that has some, waiting."),
];

//! Lists waited for: BLPOP and its kin.
//!
//! A command that finds nothing waits (see [`crate::blocked`]) and is run again as a whole when a
//! list has come to be at one of its keys, so those that wait are served in the order in which
//! they came.
use super::list_write::{end_of, move_one, pop_one, ManyKeys, HEAD, TAIL};
use crate::args;
use crate::command::flag::{BLOCKING, DENYOOM, NOSCRIPT, WRITE};
use crate::command::Group::List;
use crate::command::{write_row, Command};
use crate::error::Outcome;
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RW};
use crate::keyspec::KeySpec;
use crate::types::Direction;
use crate::write::Writing;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;
use std::time::Duration;

/// BLPOP and BRPOP.
fn pop(ws: &mut Writing<'_>, args: &[&[u8]], end: Direction) -> Outcome {
    let [_, keys @ .., timeout] = args else { return Ok(()) };
    let timeout = args::timeout(timeout)?;
    for key in keys {
        if let Some(edit) = ws.edit_one_of(key, Kind::List)? {
            ws.out.array(2);
            ws.out.bulk(key);
            return pop_one(ws, key, edit, end);
        }
    }
    ws.wait_for(args, keys, timeout, false, Writer::null_array);
    Ok(())
}

fn blpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    pop(ws, args, HEAD)
}

fn brpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    pop(ws, args, TAIL)
}

fn blmpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let asked = ManyKeys::parse(&args[2..])?;
    let timeout = args::timeout(args[1])?;
    if !asked.pop(ws)? {
        ws.wait_for(args, asked.keys, timeout, false, Writer::null_array);
    }
    Ok(())
}

fn blmove(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (from, to) = (end_of(args[3])?, end_of(args[4])?);
    let timeout = args::timeout(args[5])?;
    move_or_wait(ws, args, (from, to), timeout)
}

fn brpoplpush(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let timeout = args::timeout(args[3])?;
    move_or_wait(ws, args, (TAIL, HEAD), timeout)
}

fn move_or_wait(
    ws: &mut Writing<'_>,
    args: &[&[u8]],
    (from, to): (Direction, Direction),
    timeout: Option<Duration>,
) -> Outcome {
    let (source, target) = (args[1], args[2]);
    match ws.edit(source, Kind::List)? {
        Some(edit) => return move_one(ws, (source, edit, from), (target, to)),
        // Redis replies otherwise than when the time is over.
        None if !ws.may_wait => ws.out.null(),
        None => ws.wait_for(args, &[source], timeout, false, Writer::null_array),
    }
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("blmove", 6, WRITE | DENYOOM | NOSCRIPT | BLOCKING,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], List, "6.2.0", blmove)
        .args("source:key destination:key#1 wherefrom:<LEFT|RIGHT> whereto:<LEFT|RIGHT> \
               timeout:double")
        .docs("O(1)", "Moves an element between lists, waiting for one."),
    write_row("blmpop", -5, WRITE | BLOCKING,
        &[KeySpec::counted(RW | ACCESS | DELETE, 2)], List, "7.0.0", blmpop)
        .args("timeout:double numkeys:integer key... where:<LEFT|RIGHT> [COUNT count:integer]")
        .docs("O(N+M)", "Pops elements from the first list that has some, waiting."),
    write_row("blpop", -3, WRITE | NOSCRIPT | BLOCKING,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], List, "2.0.0", blpop)
        .args("key... timeout:double")
        .docs("O(N)", "Pops the head of the first list that has one, waiting."),
    write_row("brpop", -3, WRITE | NOSCRIPT | BLOCKING,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], List, "2.0.0", brpop)
        .args("key... timeout:double")
        .docs("O(N)", "Pops the tail of the first list that has one, waiting."),
    write_row("brpoplpush", 4, WRITE | DENYOOM | NOSCRIPT | BLOCKING,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], List, "2.2.0", brpoplpush)
        .args("source:key destination:key#1 timeout:double")
        .deprecated("6.2.0", "BLMOVE with RIGHT and LEFT")
        .docs("O(1)", "Moves a tail to another list's head, waiting."),
];

//! Commands of the group list.
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::List;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_KEY, READ_META};

fn later(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR command is not there yet"))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("lindex", 3, READONLY, READ_KEY, List, "1.0.0", later)
        .docs("O(N)", "Element of a list by position."),
    row("llen", 2, READONLY | FAST, READ_META, List, "1.0.0", later)
        .docs("O(1)", "Length of a list."),
    row("lpos", -3, READONLY, READ_KEY, List, "6.0.6", later)
        .docs("O(N)", "Positions of an element in a list."),
    row("lrange", 4, READONLY, READ_KEY, List, "1.0.0", later)
        .docs("O(S+N)", "Elements of a list between two positions."),
];

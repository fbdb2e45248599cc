//! Commands of the group set.
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::Set;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_COUNTED, READ_KEY, READ_KEYS, READ_META};

fn later(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR command is not there yet"))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("scard", 2, READONLY | FAST, READ_META, Set, "1.0.0", later)
        .docs("O(1)", "Number of members."),
    row("sdiff", -2, READONLY, READ_KEYS, Set, "1.0.0", later)
        .docs("O(N)", "Members of the first set that are in none of the others.")
        .tips(&["nondeterministic_output_order"]),
    row("sinter", -2, READONLY, READ_KEYS, Set, "1.0.0", later)
        .docs("O(N*M)", "Members that are in all sets.").tips(&["nondeterministic_output_order"]),
    row("sintercard", -3, READONLY, READ_COUNTED, Set, "7.0.0", later)
        .docs("O(N*M)", "Number of members that are in all sets."),
    row("sismember", 3, READONLY | FAST, READ_META, Set, "1.0.0", later)
        .docs("O(1)", "Whether a member is in a set."),
    row("smembers", 2, READONLY, READ_KEY, Set, "1.0.0", later)
        .docs("O(N)", "All members.").tips(&["nondeterministic_output_order"]),
    row("smismember", -3, READONLY | FAST, READ_KEY, Set, "6.2.0", later)
        .docs("O(N)", "Which of several members are in a set."),
    row("srandmember", -2, READONLY, READ_KEY, Set, "1.0.0", later)
        .docs("O(N)", "Random members.").tips(&["nondeterministic_output"]),
    row("sscan", -3, READONLY, READ_KEY, Set, "2.8.0", later)
        .docs("O(1)", "Members, a few at a time.").tips(&["nondeterministic_output"]),
    row("sunion", -2, READONLY, READ_KEYS, Set, "1.0.0", later)
        .docs("O(N)", "Members that are in any of the sets.")
        .tips(&["nondeterministic_output_order"]),
];

//! Commands of the group hash.
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::Hash;
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
    row("hexists", 3, READONLY | FAST, READ_META, Hash, "2.0.0", later)
        .docs("O(1)", "Whether a field exists."),
    row("hget", 3, READONLY | FAST, READ_KEY, Hash, "2.0.0", later)
        .docs("O(1)", "Value of a field."),
    row("hgetall", 2, READONLY, READ_KEY, Hash, "2.0.0", later)
        .docs("O(N)", "All fields and values.").tips(&["nondeterministic_output_order"]),
    row("hkeys", 2, READONLY, READ_KEY, Hash, "2.0.0", later)
        .docs("O(N)", "All fields.").tips(&["nondeterministic_output_order"]),
    row("hlen", 2, READONLY | FAST, READ_META, Hash, "2.0.0", later)
        .docs("O(1)", "Number of fields."),
    row("hmget", -3, READONLY | FAST, READ_KEY, Hash, "2.0.0", later)
        .docs("O(N)", "Values of several fields."),
    row("hrandfield", -2, READONLY, READ_KEY, Hash, "6.2.0", later)
        .docs("O(N)", "Random fields.").tips(&["nondeterministic_output"]),
    row("hscan", -3, READONLY, READ_KEY, Hash, "2.8.0", later)
        .docs("O(1)", "Fields and values, a few at a time.").tips(&["nondeterministic_output"]),
    row("hstrlen", 3, READONLY | FAST, READ_META, Hash, "3.2.0", later)
        .docs("O(1)", "Length in bytes of the value of a field."),
    row("hvals", 2, READONLY, READ_KEY, Hash, "2.0.0", later)
        .docs("O(N)", "All values.").tips(&["nondeterministic_output_order"]),
];

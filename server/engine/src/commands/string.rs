//! Strings.
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::String;
use crate::command::{row, Command};
use crate::context::{string_of, Context};
use crate::error::Outcome;
use crate::keyspec::READ_KEY;
use redtool_format::rdb::Kind;

fn get(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let Some(found) = ctx.lookup_kind(args[1], Kind::String)? else {
        ctx.out.null();
        return Ok(());
    };
    let value = string_of(&found.object()?)?;
    ctx.reply_str(value)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("get", 2, READONLY | FAST, READ_KEY, String, "1.0.0", get)
        .docs("O(1)", "The string at a key."),
];

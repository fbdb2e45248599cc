//! Strings.
use crate::command::flag::{FAST, READONLY};
use crate::command::{Command, Group};
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
pub const COMMANDS: &[Command] =
    &[Command::new("get", 2, READONLY | FAST, READ_KEY, Group::String, "1.0.0", get)
        .docs("O(1)", "Gives the string at a key.")];

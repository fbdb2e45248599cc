//! Strings.
use super::lcs::lcs;
use crate::args;
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::String;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, RO};
use crate::keyspec::{KeySpec, READ_KEY, READ_KEYS, READ_META};
use crate::types::string::StringValue;
use redtool_format::rdb::Kind;

fn get(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    reply_get(ctx, args[1])
}

/// Replies with the string at a key, or null.
#[inline]
pub fn reply_get(ctx: &mut Context<'_>, key: &[u8]) -> Outcome {
    let Some(found) = ctx.lookup_kind(key, Kind::String)? else {
        ctx.out.null();
        return Ok(());
    };
    let value = StringValue::open(ctx.reader, &found.object()?)?;
    ctx.reply_string(&value)
}

fn mget(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    ctx.out.array(args.len() - 1);
    for key in &args[1..] {
        match ctx.lookup_kind(key, Kind::String) {
            Ok(Some(found)) => {
                let value = StringValue::open(ctx.reader, &found.object()?)?;
                ctx.reply_string(&value)?;
            }
            Ok(None) | Err(Error::Reply(_)) => ctx.out.null(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn strlen(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let len = match ctx.lookup_kind(args[1], Kind::String)? {
        Some(found) => StringValue::open(ctx.reader, &found.object()?)?.len(),
        None => 0,
    };
    ctx.out.int(len as i64);
    Ok(())
}

fn getrange(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let (start, end) = (args::int(args[2])?, args::int(args[3])?);
    let Some(found) = ctx.lookup_kind(args[1], Kind::String)? else {
        ctx.out.bulk(b"");
        return Ok(());
    };
    let value = StringValue::open(ctx.reader, &found.object()?)?;
    let range = byte_range(start, end, value.len()).map_or(0..0, |(first, last)| first..last + 1);
    match value {
        StringValue::Pieces(_) => ctx.out.bulk_with(range.len(), |out| value.append(range, out))?,
        StringValue::Inline(_) => ctx.out.bulk(&value.bytes(range)?),
    }
    Ok(())
}

fn substr(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    getrange(ctx, args)
}

/// First and last index that a range with Redis' negative indexes means, None when it is empty.
fn byte_range(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let len = i64::try_from(len).ok()?;
    let from_end = |index: i64| if index < 0 { index.saturating_add(len).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    (start <= end && len > 0).then_some((start as usize, end as usize))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("get", 2, READONLY | FAST, READ_KEY, String, "1.0.0", get)
        .args("key")
        .docs("O(1)", "The string at a key."),
    row("getrange", 4, READONLY, READ_KEY, String, "2.4.0", getrange)
        .args("key start:integer end:integer")
        .docs("O(N)", "Part of the string at a key."),
    row("lcs", -3, READONLY, &[KeySpec::range(RO | ACCESS, 1, 1, 1)], String, "7.0.0", lcs)
        .args("key1:key key2:key [LEN] [IDX] [MINMATCHLEN len:integer] [WITHMATCHLEN]")
        .docs("O(N*M)", "Longest common subsequence of two strings."),
    row("mget", -2, READONLY | FAST, READ_KEYS, String, "1.0.0", mget)
        .args("key...")
        .docs("O(N)", "The strings at several keys.").tips(&["request_policy:multi_shard"]),
    row("strlen", 2, READONLY | FAST, READ_META, String, "2.2.0", strlen)
        .args("key")
        .docs("O(1)", "Length in bytes of the string at a key."),
    row("substr", 4, READONLY, READ_KEY, String, "1.0.0", substr)
        .args("key start:integer end:integer")
        .deprecated("2.0.0", "GETRANGE")
        .docs("O(N)", "Part of the string at a key (old name of GETRANGE)."),
];

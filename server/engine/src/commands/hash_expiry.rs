//! When fields of hashes expire: the commands of Redis 7.4 that set and take away their times.
//! Those that tell them are in [`super::hash`].
use super::hash::{ttl_fields, NO_FIELD, NO_TTL};
use super::hash_write::edit_hash;
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::Hash;
use crate::command::{write_row, Command};
use crate::edit::Edit;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::HASH;
use crate::record_key::RecordKey;
use crate::types::{hash_write, Result};
use crate::write::Writing;
use redtool_format::rdb::Kind;

/// No field expires later, Unix ms.
const MAX_AT_MS: i64 = 0xffff_ffff_fffe >> 2;

/// Replies for one field: the condition is not met; the time is set; the time is over, and the
/// field deleted.
const NOT_MET: i64 = 0;
const IS_SET: i64 = 1;
const DELETED: i64 = 2;

/// On what a field's time depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    /// NX, XX, GT or LT.
    fn parse(word: &[u8]) -> Self {
        let known = [
            ("nx", Condition::Nx),
            ("xx", Condition::Xx),
            ("gt", Condition::Gt),
            ("lt", Condition::Lt),
        ];
        known
            .into_iter()
            .find(|(name, _)| args::is(word, name))
            .map_or(Condition::None, |(_, condition)| condition)
    }

    /// Whether a field that expires at `old_ms` (0: never) may get this time.
    fn is_met(self, old_ms: i64, at_ms: i64) -> bool {
        let has_time = old_ms != 0;
        match self {
            Condition::None => true,
            Condition::Nx => !has_time,
            Condition::Xx => has_time,
            Condition::Gt => has_time && old_ms < at_ms,
            Condition::Lt => !has_time || old_ms > at_ms,
        }
    }
}

/// The time of HEXPIRE and its kin: an argument in units, from a moment on.
fn time(ws: &Writing<'_>, arg: &[u8], base_ms: i64, unit_ms: i64) -> Result<i64> {
    let n = args::int(arg)?;
    if n < 0 {
        return Err(Error::fixed("ERR invalid expire time, must be >= 0"));
    }
    n.checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(base_ms))
        .filter(|at_ms| *at_ms <= MAX_AT_MS)
        .ok_or_else(|| {
            Error::text(format!("ERR invalid expire time in '{}' command", ws.command.name))
        })
}

/// The condition and the fields of HEXPIRE and its kin.
fn fields<'a, 'b>(args: &'b [&'a [u8]]) -> Result<(Condition, &'b [&'a [u8]])> {
    let condition = Condition::parse(args[3]);
    let at = if condition == Condition::None { 3 } else { 4 };
    if !args::is(args[at], "fields") {
        return Err(Error::fixed(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let positive = "ERR Parameter `numFields` should be greater than 0";
    let count = args::int_from(args[at + 1], 1, positive)?;
    let names = &args[at + 2..];
    if count.unsigned_abs() != names.len() as u64 {
        return Err(Error::fixed(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok((condition, names))
}

/// Whatever else is wrong, a key of another kind is told of first.
fn check_kind(ws: &mut Writing<'_>, key: &[u8]) -> Outcome {
    match ws.edit_expiry(key)? {
        Some((kind, _)) if kind != Kind::Hash => Err(Error::WRONG_TYPE),
        _ => Ok(()),
    }
}

fn expire(ws: &mut Writing<'_>, args: &[&[u8]], base_ms: i64, unit_ms: i64) -> Outcome {
    check_kind(ws, args[1])?;
    let at_ms = time(ws, args[2], base_ms, unit_ms)?;
    let (condition, names) = fields(args)?;
    let Some(mut edit) = edit_hash(ws, args[1])? else {
        reply_no_fields(ws, names.len());
        return Ok(());
    };
    let old_encoding = edit.encoding;
    hash_write::prepare_ttls(&mut ws.keys.space, &mut edit)?;
    let (mut set, mut deleted) = (0, 0);
    ws.out.array(names.len());
    for name in names {
        let told = expire_field(ws, &mut edit, name, at_ms, condition)?;
        set += u64::from(told == IS_SET);
        deleted += u64::from(told == DELETED);
        ws.out.int(told);
    }
    if set > 0 {
        ws.keys.field_expires.note(&RecordKey::new(ws.db(), args[1]), at_ms);
    }
    if set + deleted > 0 {
        ws.keys.dirty += set + deleted - 1;
        ws.finish(args[1], edit, HASH, if deleted > 0 { "hdel" } else { "hexpire" })?;
    } else if edit.encoding != old_encoding {
        ws.save_in(ws.db(), args[1], edit)?;
    }
    Ok(())
}

fn reply_no_fields(ws: &mut Writing<'_>, count: usize) {
    ws.out.array(count);
    (0..count).for_each(|_| ws.out.int(NO_FIELD));
}

fn expire_field(
    ws: &mut Writing<'_>,
    edit: &mut Edit,
    name: &[u8],
    at_ms: i64,
    condition: Condition,
) -> Result<i64> {
    let now_ms = ws.now_ms();
    let space = &mut ws.keys.space;
    let old_ms = match hash_write::expiry_of(space, edit, name)? {
        Some(old_ms) if !hash_write::is_expired(old_ms, now_ms) => old_ms,
        _ => return Ok(NO_FIELD),
    };
    if !condition.is_met(old_ms, at_ms) {
        return Ok(NOT_MET);
    }
    if at_ms <= now_ms {
        hash_write::remove(space, edit, name, now_ms)?;
        return Ok(DELETED);
    }
    hash_write::set_expiry(space, edit, name, at_ms)?;
    Ok(IS_SET)
}

fn hexpire(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let now_ms = ws.now_ms();
    expire(ws, args, now_ms, 1000)
}

fn hpexpire(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let now_ms = ws.now_ms();
    expire(ws, args, now_ms, 1)
}

fn hexpireat(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    expire(ws, args, 0, 1000)
}

fn hpexpireat(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    expire(ws, args, 0, 1)
}

fn hpersist(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    check_kind(ws, args[1])?;
    let names = ttl_fields(args)?;
    let Some(mut edit) = edit_hash(ws, args[1])? else {
        reply_no_fields(ws, names.len());
        return Ok(());
    };
    let (mut changed, now_ms) = (false, ws.now_ms());
    ws.out.array(names.len());
    for name in names {
        let space = &mut ws.keys.space;
        let told = match hash_write::expiry_of(space, &edit, name)? {
            Some(0) => NO_TTL,
            Some(at_ms) if !hash_write::is_expired(at_ms, now_ms) => {
                hash_write::set_expiry(space, &mut edit, name, 0)?;
                changed = true;
                IS_SET
            }
            _ => NO_FIELD,
        };
        ws.out.int(told);
    }
    if changed {
        ws.finish(args[1], edit, HASH, "hpersist")?;
    }
    Ok(())
}

/// The arguments of HEXPIRE and its kin.
macro_rules! expire_args {
    ($time:literal) => {
        concat!(
            "key ",
            $time,
            " [condition:<NX|XX|GT|LT>] FIELDS fields:(numfields:integer field...)"
        )
    };
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("hexpire", -6, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "7.4.0", hexpire)
        .args(expire_args!("seconds:integer"))
        .docs("O(N)", "Makes fields expire after seconds."),
    write_row("hexpireat", -6, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "7.4.0", hexpireat)
        .args(expire_args!("unix-time-seconds:unix-time"))
        .docs("O(N)", "Makes fields expire at a time in Unix seconds."),
    write_row("hpersist", -5, WRITE | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "7.4.0", hpersist)
        .args("key FIELDS fields:(numfields:integer field...)")
        .docs("O(N)", "Makes fields expire no more."),
    write_row("hpexpire", -6, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "7.4.0", hpexpire)
        .args(expire_args!("milliseconds:integer"))
        .docs("O(N)", "Makes fields expire after milliseconds."),
    write_row("hpexpireat", -6, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "7.4.0", hpexpireat)
        .args(expire_args!("unix-time-milliseconds:unix-time"))
        .docs("O(N)", "Makes fields expire at a time in Unix milliseconds."),
];

//! Hashes written: fields set, removed, counted up. When fields expire: [`super::hash_expiry`].
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::Hash;
use crate::command::{write_row, Command};
use crate::edit::Edit;
use crate::error::{Error, Outcome};
use crate::in_place::{self, Big, Held};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::long_double::LongDouble;
use crate::notify::class::HASH;
use crate::record_key::RecordKey;
use crate::types::{groups_write, hash_write, Result};
use crate::write::Writing;
use redtool_format::encodings::listpack::edit::New;
use redtool_format::number;
use redtool_format::rdb::Kind;

/// The hash at a key, to be changed. Fields that have run out are removed first, as far as that is
/// cheap, and told of; without others the key is absent.
pub(super) fn edit_hash(ws: &mut Writing<'_>, key: &[u8]) -> Result<Option<Edit>> {
    match ws.edit(key, Kind::Hash)? {
        Some(edit) => without_expired(ws, key, edit),
        None => Ok(None),
    }
}

/// Of a hash that was found: see [`edit_hash`].
fn without_expired(ws: &mut Writing<'_>, key: &[u8], mut edit: Edit) -> Result<Option<Edit>> {
    if !hash_write::has_ttls(&edit) {
        return Ok(Some(edit));
    }
    let now_ms = ws.now_ms();
    let swept = hash_write::drop_expired(&mut edit, now_ms)?;
    if let Some(at_ms) = swept.next_at_ms {
        ws.keys.field_expires.note(&RecordKey::new(ws.db(), key), at_ms);
    }
    if swept.dropped > 0 && !ws.finish(key, edit.clone(), HASH, "hexpired")? {
        return Ok(None);
    }
    Ok(Some(edit))
}

/// Puts a field, which keeps no expiry but this one (0: none); whether it is new.
fn put(
    ws: &mut Writing<'_>,
    edit: &mut Edit,
    field: (&[u8], &[u8]),
    expire_at_ms: i64,
) -> Result<bool> {
    let (limits, now_ms) = (ws.keys.limits, now_of(ws, edit));
    hash_write::put(&mut ws.keys.space, edit, field, expire_at_ms, &limits, now_ms)
}

/// The time, when it matters to a hash.
fn now_of(ws: &Writing<'_>, edit: &Edit) -> i64 {
    if hash_write::has_ttls(edit) {
        ws.now_ms()
    } else {
        0
    }
}

/// A live field of a hash.
fn get(ws: &Writing<'_>, edit: &Edit, name: &[u8]) -> Result<Option<hash_write::Old>> {
    hash_write::get(&ws.keys.space, edit, name, now_of(ws, edit))
}

/// HSET, HMSET; how many fields were new.
fn put_all(ws: &mut Writing<'_>, args: &[&[u8]]) -> Result<u64> {
    let (pairs, []) = args[2..].as_chunks::<2>() else {
        let name = ws.command.name;
        return Err(Error::text(format!("ERR wrong number of arguments for '{name}' command")));
    };
    if let [[name, value]] = pairs {
        if ws.put_field_in_place(args[1], name, value)? {
            ws.changed(args[1], HASH, "hset");
            return Ok(0);
        }
    }
    let edit = match ws.held(args[1], Kind::Hash, in_place::HASH)? {
        Some(Held::Big(hash)) => return put_into_big(ws, args[1], hash, pairs),
        Some(Held::Object(edit)) => without_expired(ws, args[1], edit)?,
        None => None,
    };
    let mut edit = edit.unwrap_or_else(hash_write::empty);
    hash_write::expect(&mut edit, &args[2..], &ws.keys.limits);
    let mut created = 0;
    for [name, value] in pairs {
        created += u64::from(put(ws, &mut edit, (name, value), 0)?);
    }
    ws.keys.dirty += pairs.len() as u64 - 1;
    ws.finish(args[1], edit, HASH, "hset")?;
    Ok(created)
}

fn put_into_big(ws: &mut Writing<'_>, key: &[u8], hash: Big, pairs: &[[&[u8]; 2]]) -> Result<u64> {
    let mut created = 0;
    for [name, value] in pairs {
        let items = [New::Text(name), New::Text(value)];
        created += u64::from(groups_write::put_hashed(&mut ws.keys.space, hash.id, name, &items)?);
    }
    let counts = (hash.count + created, pairs.len() as u64);
    ws.finish_big(key, hash, counts, (HASH, "hset"))?;
    Ok(created)
}

fn hset(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let created = put_all(ws, args)?;
    ws.out.int(created as i64);
    Ok(())
}

fn hmset(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    put_all(ws, args)?;
    ws.out.simple("OK");
    Ok(())
}

fn hsetnx(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let mut edit = edit_hash(ws, args[1])?.unwrap_or_else(hash_write::empty);
    let is_new = get(ws, &edit, args[2])?.is_none();
    if is_new {
        hash_write::expect(&mut edit, &args[2..], &ws.keys.limits);
        put(ws, &mut edit, (args[2], args[3]), 0)?;
        ws.finish(args[1], edit, HASH, "hset")?;
    }
    ws.out.int(i64::from(is_new));
    Ok(())
}

fn hdel(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let mut removed = 0;
    if let Some(mut edit) = edit_hash(ws, args[1])? {
        let (before, now_ms) = (edit.count, now_of(ws, &edit));
        for name in &args[2..] {
            let gone = hash_write::remove(&mut ws.keys.space, &mut edit, name, now_ms)?;
            removed += u64::from(gone);
            if edit.count == 0 {
                break;
            }
        }
        if edit.count < before {
            ws.keys.dirty += removed.saturating_sub(1);
            ws.finish(args[1], edit, HASH, if removed > 0 { "hdel" } else { "hexpired" })?;
        }
    }
    ws.out.int(removed as i64);
    Ok(())
}

fn hincrby(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let by = args::int(args[3])?;
    let mut edit = edit_hash(ws, args[1])?.unwrap_or_else(hash_write::empty);
    let old = get(ws, &edit, args[2])?;
    let value = match &old {
        Some(old) => {
            number::parse_i64(&old.value).ok_or(Error::fixed("ERR hash value is not an integer"))?
        }
        None => 0,
    };
    let Some(sum) = value.checked_add(by) else {
        return Err(Error::fixed("ERR increment or decrement would overflow"));
    };
    let expire_at_ms = old.map_or(0, |old| old.expire_at_ms);
    let mut text = itoa::Buffer::new();
    put(ws, &mut edit, (args[2], text.format(sum).as_bytes()), expire_at_ms)?;
    ws.finish(args[1], edit, HASH, "hincrby")?;
    ws.out.int(sum);
    Ok(())
}

fn hincrbyfloat(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let by = LongDouble::parse(args[3]).ok_or(Error::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(Error::fixed("ERR value is NaN or Infinity"));
    }
    let mut edit = edit_hash(ws, args[1])?.unwrap_or_else(hash_write::empty);
    let old = get(ws, &edit, args[2])?;
    let value = match &old {
        Some(old) => {
            LongDouble::parse(&old.value).ok_or(Error::fixed("ERR hash value is not a float"))?
        }
        None => LongDouble::zero(),
    };
    let sum = value.plus(by).ok_or(Error::NOT_FINITE)?.text();
    let expire_at_ms = old.map_or(0, |old| old.expire_at_ms);
    put(ws, &mut edit, (args[2], sum.as_bytes()), expire_at_ms)?;
    ws.finish(args[1], edit, HASH, "hincrbyfloat")?;
    ws.out.bulk(sum.as_bytes());
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("hdel", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Hash, "2.0.0", hdel)
        .args("key field...")
        .docs("O(N)", "Removes fields."),
    write_row("hincrby", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Hash, "2.0.0", hincrby)
        .args("key field increment:integer")
        .docs("O(1)", "Adds a number to a field."),
    write_row("hincrbyfloat", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Hash, "2.6.0", hincrbyfloat)
        .args("key field increment:double")
        .docs("O(1)", "Adds a floating point number to a field."),
    write_row("hmset", -4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "2.0.0", hmset)
        .args("key field_value:(field value)...")
        .deprecated("4.0.0", "HSET with several fields")
        .docs("O(N)", "Sets several fields."),
    write_row("hset", -4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "2.0.0", hset)
        .args("key field_value:(field value)...")
        .docs("O(1)", "Sets fields."),
    write_row("hsetnx", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], Hash, "2.0.0", hsetnx)
        .args("key field value")
        .docs("O(1)", "Sets a field unless it exists."),
];

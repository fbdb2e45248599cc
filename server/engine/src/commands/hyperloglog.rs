//! HyperLogLogs: PFADD, PFCOUNT, PFMERGE and their tests. What the values are is told by
//! [`crate::types::hyperloglog`].
use crate::args;
use crate::command::flag::{ADMIN, DENYOOM, FAST, READONLY, WRITE};
use crate::command::Group::HyperLogLog;
use crate::command::{either_row, row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, INSERT, RO, RW};
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::notify::class::STRING;
use crate::types::hyperloglog as hll;
use crate::types::string::StringValue;
use crate::types::{hyperloglog_sparse as sparse, Result};
use crate::write::Writing;
use redtool_format::rdb::Kind;
use redtool_store::Encoding;
use std::borrow::Cow;

/// Hands over the value of a key, if it is there.
fn with_value<T>(
    ctx: &Context<'_>,
    key: &[u8],
    take: impl FnOnce(Cow<'_, [u8]>) -> Result<T>,
) -> Result<Option<T>> {
    let Some(found) = ctx.lookup_kind(key, Kind::String)? else { return Ok(None) };
    let value = StringValue::open(ctx.reader, &found.object()?)?;
    let bytes = value.bytes(0..hll::READ_BYTES)?;
    hll::check(&bytes)?;
    take(bytes).map(Some)
}

/// The count of what is in any of the values.
fn count(ctx: &Context<'_>, keys: &[&[u8]]) -> Result<u64> {
    let mut merged = vec![0u8; hll::REGISTERS];
    for key in keys {
        with_value(ctx, key, |bytes| hll::merge(&bytes, &mut merged))?;
    }
    Ok(hll::estimate(&merged))
}

/// The count that one value keeps, if it is right; of an absent one it is 0.
fn kept_count(ctx: &Context<'_>, keys: &[&[u8]]) -> Result<Option<u64>> {
    let [key] = keys else { return Ok(None) };
    Ok(with_value(ctx, key, |bytes| Ok(hll::cached_count(&bytes)))?.unwrap_or(Some(0)))
}

fn pfcount_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let count = match kept_count(ctx, &args[1..])? {
        Some(count) => count,
        None => count(ctx, &args[1..])?,
    };
    ctx.out.int(count as i64);
    Ok(())
}

/// The count of a single value is kept in it.
fn pfcount(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let keys = &args[1..];
    if let Some(count) = kept_count(&ws.view(), keys)? {
        ws.out.int(count as i64);
        return Ok(());
    }
    let count = count(&ws.view(), keys)?;
    if let [key] = keys {
        if let Some((mut value, expire_at_ms)) = value_of(ws, key)? {
            hll::set_cached_count(&mut value, count);
            ws.put_string_as(key, &value, Encoding::Raw, expire_at_ms)?;
            ws.changed(key, 0, "");
        }
    }
    ws.out.int(count as i64);
    Ok(())
}

/// The value of a key with its expiry, to be changed.
fn value_of(ws: &mut Writing<'_>, key: &[u8]) -> Result<Option<(Vec<u8>, Option<i64>)>> {
    let Some((kind, expire_at_ms)) = ws.edit_expiry(key)? else { return Ok(None) };
    if kind != Kind::String {
        return Err(Error::WRONG_TYPE);
    }
    if ws.string_len(key)? > Some(hll::READ_BYTES as u64) {
        return Err(hll::CORRUPT);
    }
    let value = with_value(&ws.view(), key, |bytes| Ok(bytes.into_owned()))?;
    Ok(value.map(|value| (value, expire_at_ms)))
}

/// Stores a value whose registers have changed.
fn store(ws: &mut Writing<'_>, key: &[u8], mut value: Vec<u8>, at_ms: Option<i64>) -> Outcome {
    hll::set_stale(&mut value);
    ws.put_string_as(key, &value, Encoding::Raw, at_ms)?;
    ws.changed(key, STRING, "pfadd");
    Ok(())
}

fn pfadd(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, most) = (args[1], ws.keys.limits.hll_sparse_bytes);
    let old = value_of(ws, key)?;
    let mut has_changed = old.is_none();
    let (mut value, expire_at_ms) = old.unwrap_or_else(|| (hll::empty(), None));
    for element in &args[2..] {
        match hll::add(&mut value, element, most) {
            Ok(changed) => has_changed |= changed,
            Err(error) => {
                // What was changed of a damaged value stays changed; nobody is told.
                if has_changed {
                    hll::set_stale(&mut value);
                }
                ws.put_string_as(key, &value, Encoding::Raw, expire_at_ms)?;
                return Err(error);
            }
        }
    }
    if has_changed {
        store(ws, key, value, expire_at_ms)?;
    }
    ws.out.int(i64::from(has_changed));
    Ok(())
}

fn pfmerge(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, most) = (args[1], ws.keys.limits.hll_sparse_bytes);
    let (mut merged, mut any_dense) = (vec![0u8; hll::REGISTERS], false);
    for key in &args[1..] {
        with_value(&ws.view(), key, |bytes| {
            any_dense |= !hll::is_sparse(&bytes);
            hll::merge(&bytes, &mut merged)
        })?;
    }
    let (mut value, expire_at_ms) = value_of(ws, key)?.unwrap_or_else(|| (hll::empty(), None));
    if any_dense {
        hll::make_dense(&mut value)?;
    }
    for (index, rank) in merged.iter().enumerate().filter(|(_, rank)| **rank > 0) {
        hll::raise(&mut value, index, *rank, most)?;
    }
    store(ws, key, value, expire_at_ms)?;
    ws.out.simple("OK");
    Ok(())
}

/// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
fn pfdebug(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let key = args[2];
    let Some((mut value, expire_at_ms)) = value_of(ws, key)? else {
        return Err(Error::fixed("ERR The specified key does not exist"));
    };
    let is_sparse = hll::is_sparse(&value);
    let is = |word: &str| args::is(args[1], word);
    if is("getreg") || is("todense") {
        if is_sparse {
            hll::make_dense(&mut value)?;
            ws.put_string_as(key, &value, Encoding::Raw, expire_at_ms)?;
            ws.keys.dirty += 1;
        }
        if is("todense") {
            ws.out.int(i64::from(is_sparse));
            return Ok(());
        }
        ws.out.array(hll::REGISTERS);
        hll::registers(&value)?.iter().for_each(|rank| ws.out.int(i64::from(*rank)));
    } else if is("encoding") {
        ws.out.simple(if is_sparse { "sparse" } else { "dense" });
    } else if is("decode") {
        if !is_sparse {
            return Err(Error::fixed("ERR HLL encoding is not sparse"));
        }
        ws.out.bulk(sparse::text(&value[hll::HEADER_BYTES..]).as_bytes());
    } else {
        let word = args::shown(args[1], 128);
        return Err(Error::text(format!("ERR Unknown PFDEBUG subcommand '{word}'")));
    }
    Ok(())
}

fn pfselftest(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    const FAILED: Error = Error::fixed("TESTFAILED the estimate is too far from the truth");
    let mut value = hll::empty();
    for n in 0..10_000u64 {
        hll::add(&mut value, &n.to_le_bytes(), 3000)?;
    }
    let count = hll::estimate(&hll::registers(&value)?);
    if !(9_500..10_500).contains(&count) || hll::estimate(&[0; hll::REGISTERS]) != 0 {
        return Err(FAILED);
    }
    ctx.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    either_row("pfcount", -2, READONLY,
        &[KeySpec::range(RW | ACCESS, 1, -1, 1)], HyperLogLog, "2.8.9", (pfcount_ro, pfcount))
        .args("key...")
        .docs("O(1)", "Estimated number of different elements of HyperLogLogs."),
    row("pfselftest", 1, ADMIN, NO_KEYS, HyperLogLog, "2.8.9", pfselftest)
        .internal()
        .docs("O(N)", "Self-test of the HyperLogLog code."),
    write_row("pfadd", -2, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], HyperLogLog, "2.8.9", pfadd)
        .args("key [element...]")
        .docs("O(1)", "Adds elements to a HyperLogLog."),
    write_row("pfdebug", 3, WRITE | DENYOOM | ADMIN,
        &[KeySpec::at(RW | ACCESS, 2)], HyperLogLog, "2.8.9", pfdebug)
        .args("subcommand key")
        .internal()
        .docs("O(N)", "Internals of a HyperLogLog."),
    write_row("pfmerge", -2, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | INSERT, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], HyperLogLog, "2.8.9", pfmerge)
        .args("destkey:key sourcekey:key#1...")
        .docs("O(N)", "Merges HyperLogLogs into one."),
];

//! Walking the keyspace: KEYS, SCAN, RANDOMKEY.
//!
//! A pattern that starts with literal bytes is sought, not filtered: only keys with that prefix are
//! looked at.
//!
//! RANDOMKEY cannot number the keys of an ordered store. In a database of few records it picks
//! uniformly; in a larger one it halves the key space at random points, then takes a few steps:
//! every key can come up, not equally often. In a store without order it starts anywhere, which is
//! even enough.
use super::keyspace::type_name;
use crate::args;
use crate::command::flag::READONLY;
use crate::command::Group::Generic;
use crate::command::{category, row, Command};
use crate::context::{Context, Expired};
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keys::{is_alive, Keys};
use crate::keyspec::NO_KEYS;
use crate::scan::{parse_cursor, ScanOptions};
use crate::types::sample::Random;
use redtool_store::{Object, Table};

fn keys(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let pattern = args[1];
    let (prefix, literal) = glob::literal_prefix(pattern);
    let everything = pattern == b"*";
    let now_ms = ctx.now_ms();
    let mut walk = Keys::new(ctx.reader, ctx.session.db, &prefix)?;
    let place = ctx.out.begin_deferred();
    let mut found = 0;
    while let Some(key) = walk.next()? {
        let object = key.object()?;
        let name = key.name(&object);
        let matched = everything
            || if literal { *name == *prefix } else { glob::matches(pattern, name, false) };
        if matched && is_alive(&object, now_ms) {
            ctx.out.bulk(name);
            found += 1;
        }
    }
    ctx.out.end_deferred_array(place, found);
    Ok(())
}

fn scan(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let cursor = parse_cursor(args[1])?;
    let options = ScanOptions::parse(&args[2..], true)?;
    let prefix = options.pattern.map(glob::literal_prefix).unwrap_or_default().0;
    let db = ctx.session.db;
    let mut walk = match cursor {
        0 => Keys::new(ctx.reader, db, &prefix)?,
        _ => Keys::from_place(ctx.reader, db, &prefix, &known_place(ctx, cursor)?)?,
    };
    let now_ms = ctx.now_ms();
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut next_cursor = 0;
    let mut seen = 0;
    let mut last = Vec::new();
    while let Some(key) = walk.next()? {
        if seen == options.count() {
            next_cursor = ctx.dataset.cursors().remember(&ctx.reader.place_after(&last));
            break;
        }
        seen += 1;
        last.clear();
        last.extend_from_slice(key.place());
        let object = key.object()?;
        let name = key.name(&object);
        if !options.matches(name) {
            continue;
        }
        if !is_alive(&object, now_ms) {
            let record_key = key.place().to_vec();
            ctx.expired.borrow_mut().push(Expired { record_key, missed: None });
        } else if has_type(ctx, &object, &options)? {
            names.push(name.to_vec());
        }
    }
    ctx.out.array(2);
    ctx.out.bulk(next_cursor.to_string().as_bytes());
    ctx.out.array(names.len());
    for name in names {
        ctx.out.bulk(&name);
    }
    Ok(())
}

fn known_place(ctx: &Context<'_>, cursor: u64) -> Result<Vec<u8>, Error> {
    let place = ctx.dataset.cursors().place(cursor);
    let place = place.filter(|place| place.starts_with(&ctx.session.db.to_be_bytes()));
    place.ok_or(Error::fixed("ERR invalid cursor"))
}

fn has_type(
    ctx: &Context<'_>,
    object: &Object<'_>,
    options: &ScanOptions<'_>,
) -> Result<bool, Error> {
    match options.type_name {
        None => Ok(true),
        Some(wanted) => Ok(args::is(wanted, &type_name(ctx.reader, object)?)),
    }
}

/// Databases up to this size are walked to pick a key uniformly.
const UNIFORM_MAX_KEYS: u64 = 128;
/// How often a pick may fall on an expired key before the first live one is taken.
const PICKS: usize = 100;
/// Halvings of the key space.
const HALVINGS: usize = 24;
/// Steps after the last halving, at most.
const STEPS: u64 = 16;

fn randomkey(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let picked = match ctx.meta.db(ctx.session.db).keys {
        0..=UNIFORM_MAX_KEYS => pick_uniformly(ctx)?,
        _ if !ctx.reader.is_ordered() => pick_anywhere(ctx)?,
        _ => pick_by_halving(ctx)?,
    };
    match picked {
        Some(name) => ctx.out.bulk(&name),
        None => ctx.out.null(),
    }
    Ok(())
}

/// One live key, each equally likely (reservoir sampling).
fn pick_uniformly(ctx: &Context<'_>) -> Result<Option<Vec<u8>>, Error> {
    let mut walk = Keys::new(ctx.reader, ctx.session.db, b"")?;
    let (mut picked, mut seen, mut random) = (None, 0, Random::new());
    while let Some(key) = walk.next()? {
        let object = key.object()?;
        if is_alive(&object, ctx.now_ms()) {
            seen += 1;
            if random.below(seen) == 0 {
                picked = Some(key.name(&object).to_vec());
            }
        }
    }
    Ok(picked)
}

/// The first live key after a random place of a store that has its records in no order of theirs.
fn pick_anywhere(ctx: &Context<'_>) -> Result<Option<Vec<u8>>, Error> {
    let db = ctx.session.db;
    let place = [db.to_be_bytes(), (Random::new().below(1 << 32) as u32).to_be_bytes()].concat();
    match first_alive_of(ctx, Keys::from_place(ctx.reader, db, b"", &place)?)? {
        Some(name) => Ok(Some(name)),
        None => first_alive(ctx),
    }
}

fn pick_by_halving(ctx: &Context<'_>) -> Result<Option<Vec<u8>>, Error> {
    let db = ctx.session.db;
    let mut random = Random::new();
    for _ in 0..PICKS {
        let Some(place) = random_place(ctx, &mut random)? else { return Ok(None) };
        let mut walk = Keys::from_place(ctx.reader, db, b"", &place)?;
        let steps = random.below(STEPS);
        let mut last = None;
        for _ in 0..=steps {
            match walk.next()? {
                Some(key) => last = Some(key),
                None => break,
            }
        }
        if let Some(key) = last {
            let object = key.object()?;
            if is_alive(&object, ctx.now_ms()) {
                return Ok(Some(key.name(&object).to_vec()));
            }
        }
    }
    first_alive(ctx)
}

fn first_alive(ctx: &Context<'_>) -> Result<Option<Vec<u8>>, Error> {
    first_alive_of(ctx, Keys::new(ctx.reader, ctx.session.db, b"")?)
}

fn first_alive_of(ctx: &Context<'_>, mut walk: Keys<'_>) -> Result<Option<Vec<u8>>, Error> {
    while let Some(key) = walk.next()? {
        let object = key.object()?;
        if is_alive(&object, ctx.now_ms()) {
            return Ok(Some(key.name(&object).to_vec()));
        }
    }
    Ok(None)
}

/// A record key of the database: the space between the first and the last is cut at random points.
fn random_place(ctx: &Context<'_>, random: &mut Random) -> Result<Option<Vec<u8>>, Error> {
    let db = ctx.session.db.to_be_bytes();
    let place_at = |from: &[u8]| -> Result<Option<Vec<u8>>, Error> {
        let record = ctx.reader.seek(Table::Objects, from)?.next()?;
        Ok(record.map(|(key, _)| key.into_owned()).filter(|key| key.starts_with(&db)))
    };
    let end = [db.as_slice(), &[0xff; 507]].concat();
    let last = ctx.reader.seek_back(Table::Objects, &end)?.next()?;
    let last = last.map(|(key, _)| key.into_owned()).filter(|key| key.starts_with(&db));
    let (Some(mut low), Some(mut high)) = (place_at(&db)?, last) else { return Ok(None) };
    for _ in 0..HALVINGS {
        if low >= high {
            break;
        }
        let Some(middle) = place_at(&point_between(&low, &high, random))? else { break };
        if middle >= high {
            break;
        }
        if random.below(2) == 0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Some(low))
}

/// A random byte string between two: their common prefix, then eight bytes between theirs.
fn point_between(low: &[u8], high: &[u8], random: &mut Random) -> Vec<u8> {
    let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let number = |key: &[u8]| {
        let mut bytes = [0; 8];
        let rest = &key[common.min(key.len())..];
        let len = rest.len().min(8);
        bytes[..len].copy_from_slice(&rest[..len]);
        u64::from_be_bytes(bytes)
    };
    let (from, to) = (number(low), number(high));
    let point = from.saturating_add(random.below(to.saturating_sub(from)));
    [&low[..common], &point.to_be_bytes()].concat()
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("keys", 2, READONLY, NO_KEYS, Generic, "1.0.0", keys)
        .args("pattern:pattern")
        .docs("O(N)", "Names of keys by pattern.")
        .acl(category::DANGEROUS | category::KEYSPACE)
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    row("scan", -2, READONLY, NO_KEYS, Generic, "2.8.0", scan)
        .args("cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type@6.0.0]")
        .docs("O(1)", "Names of keys, a few at a time.")
        .tips(&["nondeterministic_output", "request_policy:special"]),
    row("randomkey", 1, READONLY, NO_KEYS, Generic, "1.0.0", randomkey)
        .docs("O(1)", "Name of some key.")
        .tips(&["request_policy:all_shards", "nondeterministic_output"]),
];

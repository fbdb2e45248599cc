//! Sets written: members added, removed, moved, popped. Sets made of others: [`super::set_store`].
use super::set::{smembers, with_set};
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::Set;
use crate::command::{write_row, Command};
use crate::edit::Edit;
use crate::error::{Error, Outcome};
use crate::in_place::{self, Big, Held};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RW};
use crate::keyspec::KeySpec;
use crate::notify::class::SET;
use crate::types::sample::{self, Pool, Random};
use crate::types::{groups_write, set_write, Result, ON};
use crate::write::Writing;
use redtool_format::encodings::listpack::edit::New;
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::Kind;
use redtool_store::Encoding;
use std::collections::HashSet;

fn sadd(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, members) = (args[1], &args[2..]);
    let limits = ws.keys.limits;
    let old = match ws.held(key, Kind::Set, in_place::SET)? {
        Some(Held::Big(set)) => return add_to_big(ws, key, set, members),
        Some(Held::Object(edit)) => Some(edit),
        None => None,
    };
    let old_encoding = old.as_ref().map(|edit| edit.encoding);
    let mut edit =
        old.unwrap_or_else(|| set_write::for_members(members[0], members.len(), &limits));
    set_write::expect(&mut edit, members.len(), &limits);
    let mut added = 0;
    for member in members {
        added += u64::from(set_write::add(&mut ws.keys.space, &mut edit, member, &limits)?);
    }
    if added > 0 {
        ws.keys.dirty += added - 1;
        ws.finish(key, edit, SET, "sadd")?;
    } else if old_encoding != Some(edit.encoding) {
        ws.save_in(ws.db(), key, edit)?;
    } else {
        ws.keys.give_back(edit);
    }
    ws.out.int(added as i64);
    Ok(())
}

fn add_to_big(ws: &mut Writing<'_>, key: &[u8], set: Big, members: &[&[u8]]) -> Outcome {
    let mut added = 0;
    for member in members {
        let items = [New::Text(member)];
        added += u64::from(groups_write::put_hashed(&mut ws.keys.space, set.id, member, &items)?);
    }
    ws.out.int(added as i64);
    if added == 0 {
        return Ok(());
    }
    let count = set.count + added;
    ws.finish_big(key, set, (count, added), (SET, "sadd"))
}

fn srem(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let mut removed = 0;
    if let Some(mut edit) = ws.edit(args[1], Kind::Set)? {
        for member in &args[2..] {
            removed += u64::from(set_write::remove(&mut ws.keys.space, &mut edit, member)?);
            if edit.count == 0 {
                break;
            }
        }
        if removed > 0 {
            ws.keys.dirty += removed - 1;
            ws.finish(args[1], edit, SET, "srem")?;
        }
    }
    ws.out.int(removed as i64);
    Ok(())
}

fn smove(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (source, target, member) = (args[1], args[2], args[3]);
    let moved = match ws.edit_any(source)? {
        None => false,
        Some(from) => {
            let to = ws.edit_any(target)?;
            if from.kind != Kind::Set || to.as_ref().is_some_and(|to| to.kind != Kind::Set) {
                return Err(Error::WRONG_TYPE);
            }
            if source == target {
                with_set(&mut ws.view(), source, |_, set| set.contains(member))?.unwrap_or(false)
            } else {
                move_member(ws, (source, from), (target, to), member)?
            }
        }
    };
    ws.out.int(i64::from(moved));
    Ok(())
}

fn move_member(
    ws: &mut Writing<'_>,
    (source, mut from): (&[u8], Edit),
    (target, to): (&[u8], Option<Edit>),
    member: &[u8],
) -> Result<bool> {
    let limits = ws.keys.limits;
    if !set_write::remove(&mut ws.keys.space, &mut from, member)? {
        return Ok(false);
    }
    ws.finish(source, from, SET, "srem")?;
    let mut to = to.unwrap_or_else(|| set_write::for_members(member, 1, &limits));
    if set_write::add(&mut ws.keys.space, &mut to, member, &limits)? {
        ws.finish(target, to, SET, "sadd")?;
    }
    Ok(true)
}

fn spop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    match args[2..] {
        [] => pop_one(ws, args[1]),
        [count] => pop_many(ws, args[1], args::positive(count)? as u64),
        _ => Err(Error::SYNTAX),
    }
}

fn pop_one(ws: &mut Writing<'_>, key: &[u8]) -> Outcome {
    let Some(mut edit) = ws.edit(key, Kind::Set)? else {
        ws.out.null();
        return Ok(());
    };
    let picked = picked(ws, key, 1)?;
    let Some(member) = picked.first() else {
        ws.out.null();
        return Ok(());
    };
    set_write::remove(&mut ws.keys.space, &mut edit, member)?;
    ws.finish(key, edit, SET, "spop")?;
    ws.out.bulk(member);
    Ok(())
}

/// Of the members of a set, so many different ones.
fn picked(ws: &mut Writing<'_>, key: &[u8], count: u64) -> Result<Vec<Vec<u8>>> {
    let mut picked = Vec::new();
    with_set(&mut ws.view(), key, |_, set| {
        let (mut random, len) = (Random::new(), set.len());
        let mut take = |[member, ..]: crate::types::groups::Group<'_>| {
            picked.push(member.bytes(&mut IntBuf::new()).to_vec());
            Ok(())
        };
        match count {
            1 => set.one(&mut random, &mut take),
            _ => sample::distinct(set, len, count, &mut random, &mut take),
        }
    })?;
    Ok(picked)
}

/// What is left is picked instead of what goes when that is so many times less, as in Redis: the
/// rest is a new set then, and encoded as one.
const FEW_LEFT: u64 = 5;

fn pop_many(ws: &mut Writing<'_>, key: &[u8], count: u64) -> Outcome {
    let edit = ws.edit(key, Kind::Set)?;
    let Some(mut edit) = edit.filter(|_| count > 0) else {
        ws.out.set(0);
        return Ok(());
    };
    ws.keys.dirty += count.min(edit.count).saturating_sub(1);
    if count >= edit.count {
        smembers(&mut ws.view(), &[b"", key])?;
        edit.count = 0;
    } else if (edit.count - count) * FEW_LEFT <= count {
        edit = pop_all_but(ws, key, &edit, edit.count - count)?;
    } else {
        let picked = picked(ws, key, count)?;
        ws.out.set(picked.len());
        for member in &picked {
            set_write::remove(&mut ws.keys.space, &mut edit, member)?;
            ws.out.bulk(member);
        }
    }
    ws.finish(key, edit, SET, "spop")?;
    Ok(())
}

/// Gives all members of a set but some, which are the set from then on.
fn pop_all_but(ws: &mut Writing<'_>, key: &[u8], old: &Edit, left: u64) -> Result<Edit> {
    let limits = ws.keys.limits;
    let kept: HashSet<Vec<u8>> = picked(ws, key, left)?.into_iter().collect();
    with_set(&mut ws.view(), key, |ctx, set| {
        ctx.out.set((set.len() as usize).saturating_sub(kept.len()));
        set.each(|member| {
            let mut buf = IntBuf::new();
            let bytes = member.bytes(&mut buf);
            if !kept.contains(bytes) {
                ctx.out.bulk(bytes);
            }
            Ok(ON)
        })
    })?;
    let mut edit = set_write::of_encoding(match old.encoding {
        Encoding::Intset => Encoding::Intset,
        _ => Encoding::Listpack,
    });
    for member in &kept {
        set_write::add(&mut ws.keys.space, &mut edit, member, &limits)?;
    }
    (edit.expire_at_ms, edit.meta) = (old.expire_at_ms, old.meta.clone());
    Ok(edit)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("sadd", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], Set, "1.0.0", sadd)
        .args("key member...")
        .docs("O(1)", "Adds members."),
    write_row("smove", 4, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], Set, "1.0.0", smove)
        .args("source:key destination:key#1 member")
        .docs("O(1)", "Moves a member to another set."),
    write_row("spop", -2, WRITE | FAST, &[KeySpec::at(RW | ACCESS | DELETE, 1)], Set, "1.0.0", spop)
        .args("key [count:integer@3.2.0]")
        .docs("O(N)", "Removes random members and gives them.").tips(&["nondeterministic_output"]),
    write_row("srem", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Set, "1.0.0", srem)
        .args("key member...")
        .docs("O(N)", "Removes members."),
];

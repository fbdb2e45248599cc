//! Keys under another name, or in another database: RENAME, RENAMENX, MOVE, COPY, SWAPDB.
//!
//! The segments of a value are found by its id and not by its key: a key that moves takes its
//! record along, and its segments stay where they are. A copy has segments of its own.
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::{Generic, Server};
use crate::command::{category, write_row, Command};
use crate::error::{Error, Outcome};
use crate::keys::is_alive;
use crate::keyspec::access::{ACCESS, DELETE, INSERT, OW, RO, RW, UPDATE};
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::notify::class::GENERIC;
use crate::record_key::RecordKey;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::rdb::{Kind, ValueType};
use redtool_store::object::is_long_key;
use redtool_store::{object, Object, Reader, Space, Table};

const SAME_OBJECT: Error = Error::fixed("ERR source and destination objects are the same");
const NO_DB: Error = Error::fixed("ERR DB index is out of range");
/// Segments copied before the next ones are looked for.
const COPIED_AT_A_TIME: usize = 64;

/// A key in a database.
type Place<'k> = (u32, &'k [u8]);

impl Writing<'_> {
    /// Stores the record of a key that is there under another one, whatever that held, with other
    /// segments if asked; tells those who wait for keys, and nobody else.
    fn put_record(&mut self, from: Place<'_>, to: Place<'_>, new_id: Option<u64>) -> Result<()> {
        let mut scratch = std::mem::take(&mut self.keys.scratch);
        scratch.clear();
        let (mut kind, mut value_type) = (Kind::String, ValueType::String);
        if let Some(record) = self.keys.record(&RecordKey::new(from.0, from.1), from.1)? {
            let mut object = Object::parse(&record)?;
            (kind, value_type) = (object.kind, object.value_type);
            object.long_key = is_long_key(to.1).then_some(to.1);
            if let Some(id) = new_id {
                object.set_id(id);
            }
            object.write(&mut scratch);
        }
        self.tell_new(to.0, to.1);
        let target = RecordKey::new(to.0, to.1);
        let replaced = self.keys.space.put_object(&target, &scratch);
        self.keys.scratch = scratch;
        if let Some(id) = replaced? {
            self.keys.space.delete_segments(id)?;
        }
        if value_type == ValueType::HashListpackEx {
            self.keys.field_expires.note_written(&target);
        }
        self.keys.blocked.signal_gone(&target);
        if matches!(kind, Kind::List | Kind::Zset | Kind::Stream) {
            self.keys.blocked.signal(&target);
        }
        Ok(())
    }

    /// A key that is there becomes another one, and both are told of.
    fn move_key(&mut self, from: Place<'_>, to: Place<'_>, events: [&str; 2]) -> Result<()> {
        self.put_record(from, to, None)?;
        let source = RecordKey::new(from.0, from.1);
        self.keys.space.delete_object(&source)?;
        self.keys.blocked.signal_gone(&source);
        self.changed_in(from.0, from.1, 0, "");
        self.changed_in(to.0, to.1, 0, "");
        self.keys.dirty -= 1;
        for ((db, key), event) in [from, to].into_iter().zip(events) {
            self.keys.notify(GENERIC, event, db, key);
        }
        Ok(())
    }

    /// The database of this number.
    fn db_of(&self, number: i64) -> Result<u32> {
        match u32::try_from(number) {
            Ok(db) if db < self.dataset.databases() => Ok(db),
            _ => Err(NO_DB),
        }
    }
}

/// A number as wide as C's int.
fn int32(arg: &[u8]) -> Result<i64> {
    args::int_between(arg, i64::from(i32::MIN), i64::from(i32::MAX))
}

/// Renames; false when the new name is taken and must not be.
fn rename_key(ws: &mut Writing<'_>, args: &[&[u8]], may_replace: bool) -> Result<bool> {
    let (db, from, to) = (ws.session.db, args[1], args[2]);
    if !ws.exists(from)? {
        return Err(Error::NO_SUCH_KEY);
    }
    if from == to {
        return Ok(may_replace);
    }
    if ws.exists(to)? && !may_replace {
        return Ok(false);
    }
    ws.move_key((db, from), (db, to), ["rename_from", "rename_to"])?;
    Ok(true)
}

fn rename(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    rename_key(ws, args, true)?;
    ws.out.simple("OK");
    Ok(())
}

fn renamenx(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let renamed = rename_key(ws, args, false)?;
    ws.out.int(i64::from(renamed));
    Ok(())
}

fn move_(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (from, key) = (ws.session.db, args[1]);
    let to = ws.db_of(int32(args[2])?)?;
    if from == to {
        return Err(SAME_OBJECT);
    }
    let moves = ws.exists(key)? && !ws.exists_in(to, key)?;
    if moves {
        ws.move_key((from, key), (to, key), ["move_from", "move_to"])?;
    }
    ws.out.int(i64::from(moves));
    Ok(())
}

fn copy(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (from, mut to) = ((ws.session.db, args[1]), (ws.session.db, args[2]));
    let mut may_replace = false;
    let mut rest = &args[3..];
    while let [word, after @ ..] = rest {
        rest = match after {
            _ if args::is(word, "replace") => {
                may_replace = true;
                after
            }
            [number, after @ ..] if args::is(word, "db") => {
                to.0 = ws.db_of(int32(number)?)?;
                after
            }
            _ => return Err(Error::SYNTAX),
        };
    }
    if from == to {
        return Err(SAME_OBJECT);
    }
    let copies = ws.view().lookup(from.1)?.is_some() && (!ws.exists_in(to.0, to.1)? || may_replace);
    if copies {
        copy_key(ws, from, to)?;
        ws.changed_in(to.0, to.1, GENERIC, "copy_to");
    }
    ws.out.int(i64::from(copies));
    Ok(())
}

fn copy_key(ws: &mut Writing<'_>, from: Place<'_>, to: Place<'_>) -> Result<()> {
    let id = ws.with_record(from.0, from.1, |_, record| Ok(object::segment_id(record)?))?.flatten();
    let new_id = id.map(|_| ws.keys.space.new_id());
    if let (Some(id), Some(new_id)) = (id, new_id) {
        copy_segments(&mut ws.keys.space, id, new_id)?;
    }
    ws.put_record(from, to, new_id)
}

/// Stores the segments of a value again, under another id.
fn copy_segments(space: &mut Space, id: u64, new_id: u64) -> Result<()> {
    let prefix = id.to_be_bytes();
    let mut from = prefix.to_vec();
    loop {
        let mut copies = Vec::with_capacity(COPIED_AT_A_TIME);
        let mut walk = space.seek(Table::Segments, &from)?;
        let mut is_last = true;
        while let Some((key, segment)) = walk.next()? {
            if !key.starts_with(&prefix) {
                break;
            }
            if copies.len() == COPIED_AT_A_TIME {
                from = key.into_owned();
                is_last = false;
                break;
            }
            let mut new_key = key.into_owned();
            new_key[..8].copy_from_slice(&new_id.to_be_bytes());
            copies.push((new_key, segment.into_owned()));
        }
        drop(walk);
        for (key, segment) in copies {
            space.put_segment(&key, segment);
        }
        if is_last {
            return Ok(());
        }
    }
}

fn swapdb(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    const FIRST: Error = Error::fixed("ERR invalid first DB index");
    const SECOND: Error = Error::fixed("ERR invalid second DB index");
    let a = int32(args[1]).map_err(|_| FIRST)?;
    let b = int32(args[2]).map_err(|_| SECOND)?;
    let (a, b) = (ws.db_of(a)?, ws.db_of(b)?);
    if a != b {
        tell_of_swap(ws, a, b)?;
        ws.keys.space.swap(a, b)?;
        ws.keys.field_expires.swap(a, b);
        for key in ws.keys.blocked.keys() {
            if [a, b].iter().any(|db| key.starts_with(&db.to_be_bytes())) {
                match ws.keys.space.get(Table::Objects, &key)?.is_some() {
                    true => ws.keys.blocked.signal(&key),
                    false => ws.keys.blocked.signal_gone(&key),
                }
            }
        }
    }
    ws.keys.dirty += 1;
    ws.out.simple("OK");
    Ok(())
}

/// A watched key of two databases that change places has changed when either has it.
fn tell_of_swap(ws: &mut Writing<'_>, a: u32, b: u32) -> Result<()> {
    let now_ms = ws.now_ms();
    for key in ws.keys.watched.keys() {
        let db = key.first_chunk().map_or(0, |db| u32::from_be_bytes(*db));
        let other = match db {
            db if db == a => b,
            db if db == b => a,
            _ => continue,
        };
        let twin = [&other.to_be_bytes()[..], &key[4..]].concat();
        let mut is_there = false;
        for key in [&key, &twin] {
            if let Some(record) = ws.keys.space.get(Table::Objects, key)? {
                is_there |= is_alive(&Object::parse(&record)?, now_ms);
            }
        }
        if is_there {
            ws.keys.watched.touch(&key, false);
        }
    }
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("copy", -3, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1), KeySpec::at(OW | UPDATE, 2)], Generic, "6.2.0", copy)
        .args("source:key destination:key#1 [DB destination-db:integer] [REPLACE]")
        .docs("O(N)", "Copies a value to another key."),
    write_row("move", 3, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Generic, "1.0.0", move_)
        .args("key db:integer")
        .docs("O(1)", "Moves a key to another database."),
    write_row("rename", 3, WRITE,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(OW | UPDATE, 2)], Generic, "1.0.0", rename)
        .args("key newkey:key#1")
        .docs("O(1)", "Renames a key."),
    write_row("renamenx", 3, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(OW | INSERT, 2)], Generic, "1.0.0", renamenx)
        .args("key newkey:key#1")
        .docs("O(1)", "Renames a key unless the new name exists."),
    write_row("swapdb", 3, WRITE | FAST, NO_KEYS, Server, "4.0.0", swapdb)
        .args("index1:integer index2:integer")
        .docs("O(N)", "Exchanges two databases.").acl(category::DANGEROUS | category::KEYSPACE),
];

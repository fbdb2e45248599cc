//! Lists changed: pushes, pops, and changes inside.
use super::list::span;
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::List;
use crate::command::{write_row, Command};
use crate::edit::Edit;
use crate::error::{Error, Outcome};
use crate::in_place::{self, Big, Held};
use crate::keyspec::access::{ACCESS, DELETE, INSERT, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::LIST;
use crate::types::list::List as ListReader;
use crate::types::list_limit::may_be_small;
use crate::types::list_runs::Runs;
use crate::types::list_write::ListEdit;
use crate::types::{Direction, Result, ON, STOP};
use crate::write::Writing;
use redtool_format::encodings::Item;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;

/// The head of a list.
pub(super) const HEAD: Direction = Direction::Forward;
/// Its tail.
pub(super) const TAIL: Direction = Direction::Backward;

/// LEFT or RIGHT.
pub(super) fn end_of(arg: &[u8]) -> Result<Direction> {
    if args::is(arg, "left") {
        Ok(HEAD)
    } else if args::is(arg, "right") {
        Ok(TAIL)
    } else {
        Err(Error::SYNTAX)
    }
}

fn pushed(end: Direction) -> &'static str {
    match end {
        HEAD => "lpush",
        TAIL => "rpush",
    }
}

fn popped(end: Direction) -> &'static str {
    match end {
        HEAD => "lpop",
        TAIL => "rpop",
    }
}

fn reply_item(out: &mut Writer, item: Item<'_>) {
    match item {
        Item::Str(bytes) => out.bulk(bytes),
        Item::Int(n) => out.bulk_int(n),
    }
}

/// A list, to be changed; without an object, a new one.
fn changing<'w>(ws: &'w mut Writing<'_>, edit: Option<Edit>) -> ListEdit<'w> {
    let setting = ws.keys.limits.list_size;
    ListEdit::new(&mut ws.keys.space, edit, setting)
}

/// Writes a list back and tells of the change, which counts as so many.
fn finish(ws: &mut Writing<'_>, key: &[u8], edit: Edit, event: &str, changes: u64) -> Outcome {
    ws.finish(key, edit, LIST, event)?;
    ws.keys.dirty = (ws.keys.dirty + changes).saturating_sub(1);
    Ok(())
}

fn push_to_big(
    ws: &mut Writing<'_>,
    key: &[u8],
    list: Big,
    elements: &[&[u8]],
    end: Direction,
) -> Outcome {
    Runs::new(&mut ws.keys.space, list.id).push(end, elements)?;
    let added = elements.len() as u64;
    let count = list.count.saturating_add(added);
    ws.out.int(count as i64);
    ws.finish_big(key, list, (count, added), (LIST, pushed(end)))
}

/// LPUSH and its kin.
fn push(ws: &mut Writing<'_>, args: &[&[u8]], end: Direction, must_exist: bool) -> Outcome {
    let (key, elements) = (args[1], &args[2..]);
    let edit = match ws.held(key, Kind::List, in_place::LIST)? {
        Some(Held::Big(list)) => return push_to_big(ws, key, list, elements, end),
        Some(Held::Object(edit)) => Some(edit),
        None => None,
    };
    if must_exist && edit.is_none() {
        ws.out.int(0);
        return Ok(());
    }
    let mut list = changing(ws, edit);
    list.grows(elements)?;
    list.push(end, elements)?;
    let edit = list.edit;
    ws.out.int(edit.count as i64);
    finish(ws, key, edit, pushed(end), elements.len() as u64)
}

fn lpush(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    push(ws, args, HEAD, false)
}

fn rpush(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    push(ws, args, TAIL, false)
}

fn lpushx(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    push(ws, args, HEAD, true)
}

fn rpushx(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    push(ws, args, TAIL, true)
}

/// Removes the element at an end of a list that is there, and replies with it.
pub(super) fn pop_one(ws: &mut Writing<'_>, key: &[u8], edit: Edit, end: Direction) -> Outcome {
    let setting = ws.keys.limits.list_size;
    let mut list = ListEdit::new(&mut ws.keys.space, Some(edit), setting);
    list.pop(end, |item| reply_item(ws.out, item))?;
    list.shrunk()?;
    let edit = list.edit;
    finish(ws, key, edit, popped(end), 1)
}

/// Removes up to so many elements at an end of a list that is there, and replies with an array of
/// them.
pub(super) fn pop_many(
    ws: &mut Writing<'_>,
    key: &[u8],
    edit: Edit,
    end: Direction,
    most: u64,
) -> Outcome {
    let count = most.min(edit.count);
    reply_end(ws, key, end, count)?;
    let mut list = changing(ws, Some(edit));
    list.drop(end, count)?;
    list.shrunk()?;
    let edit = list.edit;
    finish(ws, key, edit, popped(end), count)
}

/// Replies with so many elements at an end.
fn reply_end(ws: &mut Writing<'_>, key: &[u8], end: Direction, count: u64) -> Outcome {
    let mut view = ws.view();
    view.out.array(count as usize);
    let Some(found) = view.lookup_in(view.session.db, key)? else { return Ok(()) };
    let list = ListReader::open(view.reader, &found.object()?)?;
    let start = match end {
        HEAD => 0,
        TAIL => list.len().saturating_sub(1),
    };
    let mut left = count;
    list.each(start, end, |item| {
        view.reply_item(item);
        left = left.saturating_sub(1);
        Ok(if left == 0 { STOP } else { ON })
    })?;
    crate::types::expect_count(count - left, count)
}

/// LPOP and RPOP.
fn pop(ws: &mut Writing<'_>, args: &[&[u8]], end: Direction) -> Outcome {
    let count = match args {
        [_, key] => return pop_first(ws, key, end),
        [_, _, count] => args::positive(count)?.unsigned_abs(),
        _ => {
            let name = ws.command.name;
            let what = format!("ERR wrong number of arguments for '{name}' command");
            return Err(Error::text(what));
        }
    };
    match ws.edit(args[1], Kind::List)? {
        Some(_) if count == 0 => ws.out.array(0),
        Some(edit) => return pop_many(ws, args[1], edit, end, count),
        None => ws.out.null_array(),
    }
    Ok(())
}

/// Removes the element at an end of a list, and replies with it, or null.
fn pop_first(ws: &mut Writing<'_>, key: &[u8], end: Direction) -> Outcome {
    let setting = ws.keys.limits.list_size;
    let edit = match ws.held(key, Kind::List, in_place::LIST)? {
        Some(Held::Big(list)) if may_be_small(list.count.saturating_sub(1), setting) => {
            ws.edit(key, Kind::List)?
        }
        Some(Held::Big(list)) => {
            let reply = |item: Item<'_>| reply_item(ws.out, item);
            Runs::new(&mut ws.keys.space, list.id).pop(end, reply)?;
            let left = list.count - 1;
            return ws.finish_big(key, list, (left, 1), (LIST, popped(end)));
        }
        Some(Held::Object(edit)) => Some(edit),
        None => None,
    };
    match edit {
        Some(edit) => pop_one(ws, key, edit, end),
        None => {
            ws.out.null();
            Ok(())
        }
    }
}

fn lpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    pop(ws, args, HEAD)
}

fn rpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    pop(ws, args, TAIL)
}

/// What LMPOP and BLMPOP ask for.
pub(super) struct ManyKeys<'a> {
    pub keys: &'a [&'a [u8]],
    pub end: Direction,
    pub count: u64,
}

impl<'a> ManyKeys<'a> {
    /// Of the arguments from the number of keys on.
    pub fn parse(args: &'a [&'a [u8]]) -> Result<Self> {
        let number = args::int_from(args[0], 1, "ERR numkeys should be greater than 0")?;
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let end = args[1..].get(number).ok_or(Error::SYNTAX)?;
        let end = end_of(end)?;
        let count = match &args[number + 2..] {
            [] => 1,
            [word, count, rest @ ..] if args::is(word, "count") => {
                let count = args::int_from(count, 1, "ERR count should be greater than 0")?;
                if !rest.is_empty() {
                    return Err(Error::SYNTAX);
                }
                count.unsigned_abs()
            }
            _ => return Err(Error::SYNTAX),
        };
        Ok(Self { keys: &args[1..=number], end, count })
    }

    /// Replies with the first key that has elements and some of them; whether there was one.
    pub fn pop(&self, ws: &mut Writing<'_>) -> Result<bool> {
        for key in self.keys {
            if let Some(edit) = ws.edit_one_of(key, Kind::List)? {
                ws.out.array(2);
                ws.out.bulk(key);
                pop_many(ws, key, edit, self.end, self.count)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn lmpop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let asked = ManyKeys::parse(&args[1..])?;
    if !asked.pop(ws)? {
        ws.out.null_array();
    }
    Ok(())
}

/// Moves an element from an end of a list that is there to an end of another, and replies with it.
pub(super) fn move_one(
    ws: &mut Writing<'_>,
    source: (&[u8], Edit, Direction),
    target: (&[u8], Direction),
) -> Outcome {
    let ((from_key, edit, from), (to_key, to)) = (source, target);
    let is_same = from_key == to_key;
    let target = if is_same { None } else { ws.edit(to_key, Kind::List)? };
    let mut list = changing(ws, Some(edit));
    // An integer's text does not count when it is asked whether the node grows too large.
    let (element, counted) = list.pop(from, |item| match item {
        Item::Str(bytes) => (bytes.to_vec(), bytes.len()),
        Item::Int(_) => (item.to_vec(), 0),
    })?;
    if is_same {
        list.grows_by(counted, 1)?;
        list.push(to, &[&element])?;
        list.shrunk()?;
        let edit = list.edit;
        ws.out.bulk(&element);
        ws.save_in(ws.session.db, to_key, edit)?;
        ws.changed(to_key, LIST, pushed(to));
        ws.keys.notify(LIST, popped(from), ws.session.db, from_key);
        return Ok(());
    }
    list.shrunk()?;
    let edit = list.edit;
    let mut list = changing(ws, target);
    list.grows_by(counted, 1)?;
    list.push(to, &[&element])?;
    let target = list.edit;
    ws.out.bulk(&element);
    finish(ws, to_key, target, pushed(to), 0)?;
    finish(ws, from_key, edit, popped(from), 1)
}

fn lmove(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (from, to) = (end_of(args[3])?, end_of(args[4])?);
    move_if_there(ws, (args[1], from), (args[2], to))
}

fn rpoplpush(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    move_if_there(ws, (args[1], TAIL), (args[2], HEAD))
}

fn move_if_there(
    ws: &mut Writing<'_>,
    source: (&[u8], Direction),
    target: (&[u8], Direction),
) -> Outcome {
    match ws.edit(source.0, Kind::List)? {
        Some(edit) => move_one(ws, (source.0, edit, source.1), target),
        None => {
            ws.out.null();
            Ok(())
        }
    }
}

/// A change that is not made may still have changed the encoding, as it does in Redis.
fn keep_encoding(ws: &mut Writing<'_>, key: &[u8], edit: Edit, is_new: bool) -> Outcome {
    if is_new {
        ws.save_in(ws.session.db, key, edit)?;
    }
    Ok(())
}

fn linsert(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let is_behind = args::is(args[2], "after");
    if !is_behind && !args::is(args[2], "before") {
        return Err(Error::SYNTAX);
    }
    let (key, pivot, element) = (args[1], args[3], args[4]);
    let Some(edit) = ws.edit(key, Kind::List)? else {
        ws.out.int(0);
        return Ok(());
    };
    let encoding = edit.encoding;
    let mut list = changing(ws, Some(edit));
    list.grows(&[element])?;
    let is_done = list.insert(pivot, is_behind, element)?;
    let edit = list.edit;
    if !is_done {
        ws.out.int(-1);
        let is_new = edit.encoding != encoding;
        return keep_encoding(ws, key, edit, is_new);
    }
    ws.out.int(edit.count as i64);
    finish(ws, key, edit, "linsert", 1)
}

fn lset(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, element) = (args[1], args[3]);
    let edit = ws.edit(key, Kind::List)?.ok_or(Error::NO_SUCH_KEY)?;
    let index = args::int(args[2])?;
    let encoding = edit.encoding;
    let mut list = changing(ws, Some(edit));
    list.grows(&[element])?;
    let index = match u64::try_from(index) {
        Ok(index) => Some(index).filter(|index| *index < list.len()),
        Err(_) => list.len().checked_sub(index.unsigned_abs()),
    };
    let Some(index) = index else {
        let edit = list.edit;
        let is_new = edit.encoding != encoding;
        keep_encoding(ws, key, edit, is_new)?;
        return Err(Error::fixed("ERR index out of range"));
    };
    list.set(index, element)?;
    list.shrunk()?;
    let edit = list.edit;
    ws.out.simple("OK");
    finish(ws, key, edit, "lset", 1)
}

fn lrem(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let count = args::int_between(args[2], -i64::MAX, i64::MAX)?;
    let (from, most) = match count {
        0 => (HEAD, u64::MAX),
        count if count > 0 => (HEAD, count.unsigned_abs()),
        count => (TAIL, count.unsigned_abs()),
    };
    let (key, element) = (args[1], args[3]);
    let Some(edit) = ws.edit(key, Kind::List)? else {
        ws.out.int(0);
        return Ok(());
    };
    let mut list = changing(ws, Some(edit));
    let removed = list.remove(element, most, from)?;
    if removed > 0 {
        list.shrunk()?;
        let edit = list.edit;
        finish(ws, key, edit, "lrem", removed)?;
    }
    ws.out.int(removed as i64);
    Ok(())
}

fn ltrim(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (start, stop) = (args::int(args[2])?, args::int(args[3])?);
    if let Some(edit) = ws.edit(args[1], Kind::List)? {
        let len = edit.count;
        let (first, count) = span(start, stop, len);
        let mut list = changing(ws, Some(edit));
        if count == 0 {
            list.drop(HEAD, len)?;
        } else {
            list.drop(TAIL, len - first - count)?;
            list.drop(HEAD, first)?;
        }
        list.shrunk()?;
        let edit = list.edit;
        finish(ws, args[1], edit, "ltrim", len - count)?;
    }
    ws.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("linsert", 5, WRITE | DENYOOM, &[KeySpec::at(RW | INSERT, 1)], List, "2.2.0", linsert)
        .args("key where:<BEFORE|AFTER> pivot element")
        .docs("O(N)", "Inserts beside an element of a list."),
    write_row("lmove", 5, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], List, "6.2.0", lmove)
        .args("source:key destination:key#1 wherefrom:<LEFT|RIGHT> whereto:<LEFT|RIGHT>")
        .docs("O(1)", "Moves an element from an end of a list to an end of another."),
    write_row("lmpop", -4, WRITE,
        &[KeySpec::counted(RW | ACCESS | DELETE, 1)], List, "7.0.0", lmpop)
        .args("numkeys:integer key... where:<LEFT|RIGHT> [COUNT count:integer]")
        .docs("O(N+M)", "Pops elements from the first list that has some."),
    write_row("lpop", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], List, "1.0.0", lpop)
        .args("key [count:integer@6.2.0]")
        .docs("O(N)", "Pops elements from the head."),
    write_row("lpush", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], List, "1.0.0", lpush)
        .args("key element...")
        .docs("O(1)", "Adds elements at the head."),
    write_row("lpushx", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], List, "2.2.0", lpushx)
        .args("key element...")
        .docs("O(1)", "Adds elements at the head of a list that exists."),
    write_row("lrem", 4, WRITE, &[KeySpec::at(RW | DELETE, 1)], List, "1.0.0", lrem)
        .args("key count:integer element")
        .docs("O(N+M)", "Removes elements equal to a value."),
    write_row("lset", 4, WRITE | DENYOOM, &[KeySpec::at(RW | UPDATE, 1)], List, "1.0.0", lset)
        .args("key index:integer element")
        .docs("O(N)", "Replaces the element at a position."),
    write_row("ltrim", 4, WRITE, &[KeySpec::at(RW | DELETE, 1)], List, "1.0.0", ltrim)
        .args("key start:integer stop:integer")
        .docs("O(N)", "Keeps only the elements between two positions."),
    write_row("rpop", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], List, "1.0.0", rpop)
        .args("key [count:integer@6.2.0]")
        .docs("O(N)", "Pops elements from the tail."),
    write_row("rpoplpush", 3, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], List, "1.2.0", rpoplpush)
        .args("source:key destination:key#1")
        .deprecated("6.2.0", "LMOVE with RIGHT and LEFT")
        .docs("O(1)", "Moves a tail to another list's head."),
    write_row("rpush", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], List, "1.0.0", rpush)
        .args("key element...")
        .docs("O(1)", "Adds elements at the tail."),
    write_row("rpushx", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], List, "2.2.0", rpushx)
        .args("key element...")
        .docs("O(1)", "Adds elements at the tail of a list that exists."),
];

//! Values that are one packed blob, or a chain of them: zipmap, ziplists, intset, listpacks,
//! quicklists.
use super::super::length::{read_count, read_plain};
use super::super::types::ValueType;
use super::blob::Blob;
use super::score::Score;
use super::{Scratch, Visitor};
use crate::cursor::Cursor;
use crate::encodings::intset::Intset;
use crate::encodings::listpack::Listpack;
use crate::encodings::ziplist::Ziplist;
use crate::encodings::zipmap::Zipmap;
use crate::encodings::{IntBuf, Item};
use crate::error::{FormatError, Result};

/// The result of a visit.
type Visit<V> = std::result::Result<(), <V as Visitor>::Error>;

/// A quicklist node that holds one element as it is.
pub(in crate::rdb) const PLAIN: u64 = 1;
/// A quicklist node that is a listpack.
pub(in crate::rdb) const PACKED: u64 = 2;

pub(super) fn zipmap<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let zipmap = Zipmap::parse(blob.bytes).map_err(|e| blob.place(e))?;
    visitor.count(zipmap.count().map_err(|e| blob.place(e))? as u64)?;
    for pair in zipmap.iter() {
        let (field, value) = pair.map_err(|e| blob.place(e))?;
        visitor.hash_field(field, value, None)?;
    }
    Ok(())
}

pub(super) fn intset<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let intset = Intset::parse(blob.bytes).map_err(|e| blob.place(e))?;
    visitor.count(intset.count() as u64)?;
    let mut text = IntBuf::new();
    for member in intset.iter() {
        visitor.set_member(Item::Int(member).bytes(&mut text))?;
    }
    Ok(())
}

/// Gives the items and the number of a ziplist.
fn ziplist<'b>(blob: &Blob<'b>) -> Result<(Ziplist<'b>, u64)> {
    let parsed = Ziplist::parse(blob.bytes).and_then(|list| Ok((list, list.count()? as u64)));
    parsed.map_err(|e| blob.place(e))
}

/// Gives the items and the number of a listpack.
fn listpack<'b>(blob: &Blob<'b>) -> Result<(Listpack<'b>, u64)> {
    let parsed = Listpack::parse(blob.bytes).and_then(|list| Ok((list, list.count()? as u64)));
    parsed.map_err(|e| blob.place(e))
}

pub(super) fn ziplist_list<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = ziplist(&blob)?;
    visitor.count(count)?;
    list_items(&blob, items.iter(), visitor)
}

pub(super) fn ziplist_zset<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = ziplist(&blob)?;
    visitor.count(count / 2)?;
    zset_members(&blob, items.iter(), visitor)
}

pub(super) fn ziplist_hash<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = ziplist(&blob)?;
    visitor.count(count / 2)?;
    hash_fields(&blob, items.iter(), visitor)
}

pub(super) fn listpack_set<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = listpack(&blob)?;
    visitor.count(count)?;
    let mut text = IntBuf::new();
    for item in items.iter() {
        visitor.set_member(item.map_err(|e| blob.place(e))?.bytes(&mut text))?;
    }
    Ok(())
}

pub(super) fn listpack_zset<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = listpack(&blob)?;
    visitor.count(count / 2)?;
    zset_members(&blob, items.iter(), visitor)
}

pub(super) fn listpack_hash<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = listpack(&blob)?;
    visitor.count(count / 2)?;
    hash_fields(&blob, items.iter(), visitor)
}

/// Types 23 and 25: (field, value, absolute ms or 0), in 25 behind the smallest of them, which is a
/// hint that may be off and is not used.
pub(super) fn listpack_hash_ex<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    value_type: ValueType,
    visitor: &mut V,
) -> Visit<V> {
    if value_type == ValueType::HashListpackEx {
        cursor.skip(8)?;
    }
    let blob = Blob::read(cursor, &mut scratch.first)?;
    let (items, count) = listpack(&blob)?;
    visitor.count(count / 3)?;
    let mut items = items.iter();
    let (mut field_text, mut value_text) = (IntBuf::new(), IntBuf::new());
    while let Some(field) = items.next() {
        let field = field.map_err(|e| blob.place(e))?;
        let value = partner(&blob, items.next())?;
        let expire_at_ms = partner(&blob, items.next())?
            .as_int()
            .ok_or_else(|| blob.corrupt("field expiry is not an integer"))?;
        let expire_at_ms = Some(expire_at_ms).filter(|at_ms| !matches!(at_ms, 0 | -1));
        let field = field.bytes(&mut field_text);
        visitor.hash_field(field, value.bytes(&mut value_text), expire_at_ms)?;
    }
    Ok(())
}

/// Type 14: a chain of ziplists.
pub(super) fn quicklist<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    visitor.count(super::count::quicklist(cursor.clone())?)?;
    for _ in 0..read_count(cursor, 1)? {
        let blob = Blob::read(cursor, &mut scratch.first)?;
        let items = Ziplist::parse(blob.bytes).map_err(|e| blob.place(e))?;
        list_items(&blob, items.iter(), visitor)?;
    }
    Ok(())
}

/// Type 18: a chain of listpacks and of elements too big for one.
pub(super) fn quicklist2<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    visitor.count(super::count::quicklist2(cursor.clone())?)?;
    for _ in 0..read_count(cursor, 2)? {
        let container = read_container(cursor)?;
        let blob = Blob::read(cursor, &mut scratch.first)?;
        if container == PLAIN {
            visitor.list_item(blob.bytes)?;
            continue;
        }
        let items = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?;
        list_items(&blob, items.iter(), visitor)?;
    }
    Ok(())
}

/// Reads how a quicklist node holds its elements.
#[inline]
pub(in crate::rdb) fn read_container(cursor: &mut Cursor<'_>) -> Result<u64> {
    let start = cursor.pos();
    match read_plain(cursor)? {
        container @ (PLAIN | PACKED) => Ok(container),
        other => Err(FormatError::corrupt(start, format!("unknown quicklist container {other}"))),
    }
}

fn list_items<'b, V: Visitor>(
    blob: &Blob<'b>,
    items: impl Iterator<Item = Result<Item<'b>>>,
    visitor: &mut V,
) -> Visit<V> {
    let mut text = IntBuf::new();
    for item in items {
        visitor.list_item(item.map_err(|e| blob.place(e))?.bytes(&mut text))?;
    }
    Ok(())
}

fn zset_members<'b, V: Visitor>(
    blob: &Blob<'b>,
    mut items: impl Iterator<Item = Result<Item<'b>>>,
    visitor: &mut V,
) -> Visit<V> {
    let mut text = IntBuf::new();
    while let Some(member) = items.next() {
        let member = member.map_err(|e| blob.place(e))?;
        let score = Score::of_item(partner(blob, items.next())?);
        visitor.zset_member(member.bytes(&mut text), score.value())?;
    }
    Ok(())
}

fn hash_fields<'b, V: Visitor>(
    blob: &Blob<'b>,
    mut items: impl Iterator<Item = Result<Item<'b>>>,
    visitor: &mut V,
) -> Visit<V> {
    let (mut field_text, mut value_text) = (IntBuf::new(), IntBuf::new());
    while let Some(field) = items.next() {
        let field = field.map_err(|e| blob.place(e))?;
        let value = partner(blob, items.next())?;
        visitor.hash_field(field.bytes(&mut field_text), value.bytes(&mut value_text), None)?;
    }
    Ok(())
}

/// The item that must follow: a score, a value, an expiry.
#[inline]
pub(in crate::rdb) fn partner<'b>(
    blob: &Blob<'b>,
    item: Option<Result<Item<'b>>>,
) -> Result<Item<'b>> {
    match item {
        Some(item) => item.map_err(|e| blob.place(e)),
        None => Err(blob.corrupt("the last element lacks its other part")),
    }
}

//! Hashes written: fields put and removed, their expiries set and kept.
//!
//! What OBJECT ENCODING says goes one way only, by the rules of Redis: listpack, then listpackex
//! once a field has been given an expiry, then hash table by the limits. A hash that has had an
//! expiry lies in triples (field, value, ms) from then on, and in one listpack these stay in the
//! order of the times, fields without one last, as servers expect it.
//!
//! A field that has run out is absent. In one listpack such fields are removed by
//! [`drop_expired`] before anything else is done; in segments each goes when it is met, and all of
//! them in their time ([`crate::field_expiry`]).
use super::groups_write;
use super::limits::Limits;
use super::segments::Segments;
use super::{corrupt, Result, ON};
use crate::edit::{Edit, OwnedBody};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::rdb::ValueType;
use redtool_store::segment::{element_hash, hash_key};
use redtool_store::{Encoding, Reader, Space, Table};
use std::ops::Range;

/// A new hash without fields.
pub fn empty() -> Edit {
    Edit::packed(ValueType::HashListpack, Encoding::Listpack)
}

/// Whether the hash lies in triples, and its fields may have an expiry.
pub fn has_ttls(edit: &Edit) -> bool {
    edit.value_type == ValueType::HashListpackEx
}

fn width(edit: &Edit) -> usize {
    if has_ttls(edit) {
        3
    } else {
        2
    }
}

/// Fields and values that are about to be put make the hash a table when one of them is too long,
/// or they are too many.
pub fn expect(edit: &mut Edit, items: &[&[u8]], limits: &Limits) {
    let is_long = |item: &&[u8]| item.len() > limits.hash_value_bytes;
    if edit.encoding != Encoding::Hashtable
        && (items.len() / 2 > limits.hash_entries || items.iter().any(is_long))
    {
        edit.encoding = Encoding::Hashtable;
    }
}

/// A field as it was before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Old {
    /// Its value.
    pub value: Vec<u8>,
    /// Its expiry, Unix ms; 0 is none.
    pub expire_at_ms: i64,
}

/// A live field.
pub fn get(space: &Space, edit: &Edit, name: &[u8], now_ms: i64) -> Result<Option<Old>> {
    let found = find(space, edit, name, |[value, at]| Old {
        value: value.bytes(&mut IntBuf::new()).to_vec(),
        expire_at_ms: at.as_int().unwrap_or(0),
    })?;
    Ok(found.filter(|old| !is_expired(old.expire_at_ms, now_ms)))
}

/// When a field expires (0: never), were it expired; None when it is not there.
pub fn expiry_of(space: &Space, edit: &Edit, name: &[u8]) -> Result<Option<i64>> {
    find(space, edit, name, |[_, at]| at.as_int().unwrap_or(0))
}

/// Whether a field with this expiry is gone.
pub fn is_expired(at_ms: i64, now_ms: i64) -> bool {
    at_ms != 0 && at_ms < now_ms
}

/// Hands value and expiry of a field to `f`.
fn find<T>(
    space: &Space,
    edit: &Edit,
    name: &[u8],
    f: impl FnOnce([Item<'_>; 2]) -> T,
) -> Result<Option<T>> {
    let width = width(edit);
    let in_blob = |blob: &[u8]| -> Result<Option<T>> {
        let Some(mut rest) = Listpack::parse(blob)?.find_then(name, width)? else {
            return Ok(None);
        };
        let mut pair = [Item::Int(0); 2];
        for slot in &mut pair[..width - 1] {
            let item = rest.next().transpose()?;
            *slot = item.ok_or_else(|| corrupt("a listpack ends inside an element"))?;
        }
        Ok(Some(f(pair)))
    };
    match &edit.body {
        OwnedBody::Packed(blob) => in_blob(blob),
        OwnedBody::Segmented { id, .. } => {
            match Segments::new(space, *id, b'h').of_hash(element_hash(name))? {
                Some(segment) => in_blob(&segment.value),
                None => Ok(None),
            }
        }
        OwnedBody::Payload(_) => Err(corrupt("a hash that is neither packed nor cut")),
    }
}

/// Puts a field that has this expiry (0: none) from then on; whether it is new. One that has run
/// out counts as absent.
pub fn put(
    space: &mut Space,
    edit: &mut Edit,
    field: (&[u8], &[u8]),
    expire_at_ms: i64,
    limits: &Limits,
    now_ms: i64,
) -> Result<bool> {
    let (name, value) = field;
    if name.len() > limits.hash_value_bytes || value.len() > limits.hash_value_bytes {
        edit.encoding = Encoding::Hashtable;
    }
    let is_new = if has_ttls(edit) {
        put_triple(space, edit, [New::Text(name), New::Text(value)], name, expire_at_ms, now_ms)?
    } else {
        groups_write::put(space, edit, name, &[New::Text(name), New::Text(value)])?
    };
    if edit.count > limits.hash_entries as u64 {
        edit.encoding = Encoding::Hashtable;
    }
    Ok(is_new)
}

fn put_triple(
    space: &mut Space,
    edit: &mut Edit,
    [field, value]: [New<'_>; 2],
    name: &[u8],
    expire_at_ms: i64,
    now_ms: i64,
) -> Result<bool> {
    let old = expiry_of(space, edit, name)?;
    let triple = [field, value, New::Int(expire_at_ms)];
    if let (OwnedBody::Packed(blob), true) = (&mut edit.body, old != Some(expire_at_ms)) {
        // In one listpack the time decides the place.
        if let Some(range) = groups_write::find_group(blob, name, 3)? {
            listpack::remove(blob, range, 3);
            edit.count -= u64::from(edit.count > 0);
        }
        let place = place_of(blob, expire_at_ms)?;
        listpack::insert(blob, place, &triple);
        edit.count += 1;
        // A big one moves into segments.
        edit.settle(space)?;
    } else {
        groups_write::put(space, edit, name, &triple)?;
    }
    Ok(old.is_none_or(|at_ms| is_expired(at_ms, now_ms)))
}

/// Where a field with this expiry belongs among triples in the order of theirs.
fn place_of(blob: &[u8], expire_at_ms: i64) -> Result<usize> {
    let mut items = Listpack::parse(blob)?.iter();
    if expire_at_ms == 0 {
        return Ok(listpack::end(blob));
    }
    loop {
        let offset = items.offset();
        if items.advance(2)? < 2 {
            return Ok(offset);
        }
        let at_ms = items.next().transpose()?.and_then(|at| at.as_int()).unwrap_or(0);
        if at_ms == 0 || at_ms > expire_at_ms {
            return Ok(offset);
        }
    }
}

/// Removes a field; whether it was there and had not run out.
pub fn remove(space: &mut Space, edit: &mut Edit, name: &[u8], now_ms: i64) -> Result<bool> {
    let (width, is_live) = match has_ttls(edit) {
        false => (2, true),
        true => {
            let old = expiry_of(space, edit, name)?;
            (3, old.is_some_and(|at_ms| !is_expired(at_ms, now_ms)))
        }
    };
    Ok(groups_write::remove(space, edit, name, width)? && is_live)
}

/// Gives a live field another expiry (0: none).
pub fn set_expiry(
    space: &mut Space,
    edit: &mut Edit,
    name: &[u8],
    expire_at_ms: i64,
) -> Result<()> {
    if !has_ttls(edit) {
        if expire_at_ms == 0 {
            return Ok(());
        }
        add_ttls(space, edit)?;
    }
    let value = find(space, edit, name, |[value, _]| match value {
        Item::Int(n) => Err(n),
        Item::Str(bytes) => Ok(bytes.to_vec()),
    })?;
    let value = match &value {
        None => return Ok(()),
        Some(Ok(bytes)) => New::Raw(bytes),
        Some(Err(n)) => New::Int(*n),
    };
    put_triple(space, edit, [New::Text(name), value], name, expire_at_ms, 0).map(|_| ())
}

/// A hash is asked to let fields expire: as in Redis it is a listpackex from then on, whether a
/// field does or not. A table waits for the first one.
pub fn prepare_ttls(space: &mut Space, edit: &mut Edit) -> Result<()> {
    if edit.encoding == Encoding::Listpack {
        edit.encoding = Encoding::ListpackEx;
        add_ttls(space, edit)?;
    }
    Ok(())
}

/// Pairs become triples.
fn add_ttls(space: &mut Space, edit: &mut Edit) -> Result<()> {
    if has_ttls(edit) {
        return Ok(());
    }
    edit.value_type = ValueType::HashListpackEx;
    match &mut edit.body {
        OwnedBody::Packed(blob) => *blob = with_zeros(blob)?,
        OwnedBody::Segmented { id, .. } => {
            let mut keys = Vec::new();
            Segments::new(space, *id, b'h').each(|segment| {
                keys.push(segment.key.into_owned());
                Ok(ON)
            })?;
            for key in keys {
                if let Some(mut blob) = space.segment_mut(&key)? {
                    *blob = with_zeros(&blob)?;
                }
            }
        }
        OwnedBody::Payload(_) => return Err(corrupt("a hash that is neither packed nor cut")),
    }
    Ok(())
}

/// A listpack of pairs as one of triples without expiry.
fn with_zeros(blob: &[u8]) -> Result<Vec<u8>> {
    let listpack = Listpack::parse(blob)?;
    let mut triples = listpack::empty();
    triples.reserve(blob.len() + listpack.count()? * 2);
    let mut items = listpack.iter();
    while let Some(name) = items.next().transpose()? {
        let value = items.next().transpose()?;
        let value = value.ok_or_else(|| corrupt("a listpack ends inside an element"))?;
        listpack::push(&mut triples, &[name.into(), value.into(), New::Int(0)]);
    }
    Ok(triples)
}

/// What a walk over the expiries of a hash has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Fields that had run out, and are removed.
    pub dropped: u64,
    /// The earliest expiry that is left.
    pub next_at_ms: Option<i64>,
}

impl Swept {
    /// A field with this expiry (0: none) is left.
    fn keep(&mut self, at_ms: i64) {
        if at_ms != 0 && self.next_at_ms.is_none_or(|next| at_ms < next) {
            self.next_at_ms = Some(at_ms);
        }
    }
}

/// Removes the expired fields of a hash that lies in one listpack.
pub fn drop_expired(edit: &mut Edit, now_ms: i64) -> Result<Swept> {
    let mut swept = Swept::default();
    let is_ex = has_ttls(edit);
    if let (OwnedBody::Packed(blob), true) = (&mut edit.body, is_ex) {
        sweep(blob, now_ms, &mut swept)?;
    }
    edit.count = edit.count.saturating_sub(swept.dropped);
    Ok(swept)
}

/// Removes the expired fields of a hash wherever it lies, a segment at a time.
pub fn drop_all_expired(space: &mut Space, edit: &mut Edit, now_ms: i64) -> Result<Swept> {
    let id = match &edit.body {
        OwnedBody::Segmented { id, .. } if has_ttls(edit) => *id,
        _ => return drop_expired(edit, now_ms),
    };
    let mut swept = Swept::default();
    let mut place = hash_key(id, 0).to_vec();
    while let Some((key, names)) = expired_from(space, id, &place, now_ms, &mut swept)? {
        // The next key there can be.
        place = key;
        place.push(0);
        for name in names {
            swept.dropped += u64::from(groups_write::remove(space, edit, &name, 3)?);
        }
    }
    Ok(swept)
}

/// The key of a segment, and the fields in it that have run out.
type Expired = (Vec<u8>, Vec<Vec<u8>>);

/// What has run out in the first segment at or behind a place.
fn expired_from(
    space: &Space,
    id: u64,
    place: &[u8],
    now_ms: i64,
    swept: &mut Swept,
) -> Result<Option<Expired>> {
    let Some((key, blob)) = space.seek(Table::Segments, place)?.next()? else { return Ok(None) };
    if !key.starts_with(&hash_key(id, 0)[..9]) {
        return Ok(None);
    }
    let mut names = Vec::new();
    each_triple(&blob, |_, name, at_ms| {
        if is_expired(at_ms, now_ms) {
            names.push(name.bytes(&mut IntBuf::new()).to_vec());
        } else {
            swept.keep(at_ms);
        }
    })?;
    Ok(Some((key.into_owned(), names)))
}

/// Removes the expired triples of one listpack.
fn sweep(blob: &mut Vec<u8>, now_ms: i64, swept: &mut Swept) -> Result<()> {
    let mut expired = Vec::new();
    each_triple(blob, |range, _, at_ms| {
        if is_expired(at_ms, now_ms) {
            expired.push(range);
        } else {
            swept.keep(at_ms);
        }
    })?;
    swept.dropped = expired.len() as u64;
    for range in expired.into_iter().rev() {
        listpack::remove(blob, range, 3);
    }
    Ok(())
}

/// Hands the bytes, the field and the expiry of every triple to `f`.
fn each_triple(blob: &[u8], mut f: impl FnMut(Range<usize>, Item<'_>, i64)) -> Result<()> {
    let mut items = Listpack::parse(blob)?.iter();
    loop {
        let start = items.offset();
        let Some(name) = items.next().transpose()? else { return Ok(()) };
        items.advance(1)?;
        let at = items.next().transpose()?;
        let at = at.ok_or_else(|| corrupt("a listpack ends inside an element"))?;
        f(start..items.offset(), name, at.as_int().unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::Hash;
    use super::*;
    use redtool_store::Object;
    use std::collections::BTreeMap;

    type Fields = BTreeMap<Vec<u8>, (Vec<u8>, i64)>;

    fn all(space: &Space, edit: &Edit, now_ms: i64) -> Fields {
        let (mut record, mut found) = (Vec::new(), BTreeMap::new());
        edit.write(None, &mut record);
        let hash = Hash::open(space, &Object::parse(&record).unwrap(), now_ms).unwrap();
        hash.each(|field| {
            let text = |item: Item<'_>| item.bytes(&mut IntBuf::new()).to_vec();
            let value = (text(field.value), field.expire_at_ms.unwrap_or(0));
            assert!(found.insert(text(field.name), value).is_none());
            Ok(ON)
        })
        .unwrap();
        found
    }

    /// In one listpack fields are in the order of their times, those without one last.
    fn assert_ordered(edit: &Edit) {
        let (OwnedBody::Packed(blob), true) = (&edit.body, has_ttls(edit)) else { return };
        let mut last = 0;
        each_triple(blob, |_, _, at_ms| {
            let at_ms = if at_ms == 0 { i64::MAX } else { at_ms };
            assert!(at_ms >= last);
            last = at_ms;
        })
        .unwrap();
    }

    #[test]
    fn fields_and_their_times_are_kept_as_a_map_keeps_them() {
        let limits = Limits::default();
        for (fields, ttl_from) in [(30u64, 0), (30, 300), (3000, 0), (3000, 9000)] {
            let (mut space, mut edit, mut model) = (Space::in_memory(), empty(), Fields::new());
            let (mut random, mut now_ms) = (fields, 1000);
            for step in 0..16_000u64 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let draw = random >> 33;
                let name = format!("{}", draw % fields).into_bytes();
                now_ms += i64::from(step % 8 == 0);
                model.retain(|_, (_, at)| !is_expired(*at, now_ms));
                let at = now_ms + 1 + (draw % 3000) as i64;
                match draw / 5000 % 8 {
                    0 | 1 => {
                        let removed = remove(&mut space, &mut edit, &name, now_ms).unwrap();
                        assert_eq!(removed, model.remove(&name).is_some());
                    }
                    2 | 3 if step >= ttl_from => {
                        let is_there = get(&space, &edit, &name, now_ms).unwrap().is_some();
                        assert_eq!(is_there, model.contains_key(&name));
                        if let Some((_, expiry)) = model.get_mut(&name) {
                            *expiry = if draw % 5 == 0 { 0 } else { at };
                            prepare_ttls(&mut space, &mut edit).unwrap();
                            set_expiry(&mut space, &mut edit, &name, *expiry).unwrap();
                        }
                    }
                    _ => {
                        let value = draw.to_string().into_bytes();
                        let field = (&name[..], &value[..]);
                        let is_new = put(&mut space, &mut edit, field, 0, &limits, now_ms);
                        assert_eq!(is_new.unwrap(), model.insert(name, (value, 0)).is_none());
                    }
                }
                if step % 499 == 0 {
                    assert_eq!(all(&space, &edit, now_ms), model);
                    let swept = drop_all_expired(&mut space, &mut edit, now_ms).unwrap();
                    assert_eq!(edit.count, model.len() as u64);
                    let times = model.values().map(|(_, at)| *at).filter(|at| *at != 0);
                    assert_eq!(swept.next_at_ms, times.min());
                    assert_ordered(&edit);
                }
            }
        }
    }

    #[test]
    fn encodings_go_one_way() {
        let limits = Limits::default();
        let (mut space, mut edit) = (Space::in_memory(), empty());
        put(&mut space, &mut edit, (b"f", b"v"), 0, &limits, 0).unwrap();
        assert_eq!(edit.encoding, Encoding::Listpack);
        prepare_ttls(&mut space, &mut edit).unwrap();
        assert_eq!(edit.encoding, Encoding::ListpackEx);
        put(&mut space, &mut edit, (b"f", &[b'x'; 65]), 0, &limits, 0).unwrap();
        assert_eq!(edit.encoding, Encoding::Hashtable);
        remove(&mut space, &mut edit, b"f", 0).unwrap();
        put(&mut space, &mut edit, (b"f", b"v"), 0, &limits, 0).unwrap();
        assert_eq!(edit.encoding, Encoding::Hashtable);
    }
}

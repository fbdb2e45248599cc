//! Elements found by their first item, changed: in one packed listpack, or in segments in the order
//! of the hash of the first item. See [`super::groups`] for what they look like.
//!
//! A segment's key is the hash of its first element, always; elements of equal hash stay in one
//! segment. A segment that grows beyond twice its size is cut in the middle; one that becomes empty
//! is removed.
use super::segments::Segments;
use super::{corrupt, Result};
use crate::edit::{Edit, OwnedBody};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::{IntBuf, Item};
use redtool_store::layout::{INLINE_MAX_BYTES, SEGMENT_BYTES, SEGMENT_ELEMENTS};
use redtool_store::segment::{element_hash, hash_key};
use redtool_store::Space;
use std::ops::Range;

/// A segment is cut beyond so many elements …
const MOST_ELEMENTS: usize = 2 * SEGMENT_ELEMENTS;
/// … or so many bytes.
const MOST_BYTES: usize = 2 * SEGMENT_BYTES;

/// Stores an element of `items.len()` items under its first one, `key`; whether it is new. The
/// count of the object is kept, and a packed one that outgrows its record moves into segments.
pub fn put(space: &mut Space, edit: &mut Edit, key: &[u8], items: &[New<'_>]) -> Result<bool> {
    let is_new = match &mut edit.body {
        OwnedBody::Packed(blob) => put_packed(blob, key, items)?,
        OwnedBody::Segmented { id, .. } => put_hashed(space, *id, key, items)?,
        OwnedBody::Payload(_) => {
            return Err(corrupt("a collection that is neither packed nor cut"))
        }
    };
    edit.count += u64::from(is_new);
    if matches!(&edit.body, OwnedBody::Packed(blob) if blob.len() > INLINE_MAX_BYTES) {
        edit.settle(space)?;
    }
    Ok(is_new)
}

/// Removes the element of `width` items that begins with `key`; whether it was there. The count of
/// the object is kept.
pub fn remove(space: &mut Space, edit: &mut Edit, key: &[u8], width: usize) -> Result<bool> {
    let removed = match &mut edit.body {
        OwnedBody::Packed(blob) => match find_group(blob, key, width)? {
            Some(range) => {
                listpack::remove(blob, range, width);
                true
            }
            None => false,
        },
        OwnedBody::Segmented { id, .. } => remove_hashed(space, *id, key, width)?,
        OwnedBody::Payload(_) => {
            return Err(corrupt("a collection that is neither packed nor cut"))
        }
    };
    edit.count = edit.count.saturating_sub(u64::from(removed));
    Ok(removed)
}

/// The bytes of the element that begins with `key`.
pub fn find_group(blob: &[u8], key: &[u8], width: usize) -> Result<Option<Range<usize>>> {
    let Some((place, mut rest)) = Listpack::parse(blob)?.find_place(key, width)? else {
        return Ok(None);
    };
    if rest.advance(width - 1)? != width - 1 {
        return Err(corrupt("a listpack ends inside an element"));
    }
    Ok(Some(place.start..rest.offset()))
}

fn put_packed(blob: &mut Vec<u8>, key: &[u8], items: &[New<'_>]) -> Result<bool> {
    let found = find_group(blob, key, items.len())?;
    let is_new = found.is_none();
    match found {
        Some(range) => listpack::splice(blob, range, items.len(), items),
        None => listpack::push(blob, items),
    }
    Ok(is_new)
}

/// The key of the segment that holds what has this hash, or would: the floor, or the first.
fn home_of(space: &Space, id: u64, hash: u64) -> Result<Option<[u8; 17]>> {
    let segment = Segments::new(space, id, b'h').of_hash(hash)?;
    segment.map(|segment| segment_key(&segment.key)).transpose()
}

fn segment_key(key: &[u8]) -> Result<[u8; 17]> {
    key.try_into().map_err(|_| corrupt("the key of a segment by hash is not 17 bytes long"))
}

fn put_hashed(space: &mut Space, id: u64, key: &[u8], items: &[New<'_>]) -> Result<bool> {
    let hash = element_hash(key);
    let Some(home) = home_of(space, id, hash)? else {
        let mut blob = listpack::empty();
        listpack::push(&mut blob, items);
        space.put_segment(&hash_key(id, hash), blob);
        return Ok(true);
    };
    let Some(blob) = space.segment_mut(&home)? else { return Err(corrupt("a segment is gone")) };
    if let Some(range) = find_group(blob, key, items.len())? {
        listpack::splice(blob, range, items.len(), items);
        return Ok(false);
    }
    let (offset, is_first) = place_of(blob, hash, items.len())?;
    listpack::insert(blob, offset, items);
    let half = cut_if_big(blob, items.len())?;
    if is_first {
        let moved = std::mem::take(blob);
        space.delete_segment(&home);
        space.put_segment(&hash_key(id, hash), moved);
    }
    if let Some((first_hash, half)) = half {
        space.put_segment(&hash_key(id, first_hash), half);
    }
    Ok(true)
}

/// Where an element of this hash belongs, and whether that is before all others.
fn place_of(blob: &[u8], hash: u64, width: usize) -> Result<(usize, bool)> {
    let mut items = Listpack::parse(blob)?.iter();
    let mut is_first = true;
    loop {
        let offset = items.offset();
        let Some(first) = items.next() else { return Ok((offset, is_first)) };
        if hash_of(first?) > hash {
            return Ok((offset, is_first));
        }
        is_first = false;
        items.advance(width - 1)?;
    }
}

fn hash_of(item: Item<'_>) -> u64 {
    element_hash(item.bytes(&mut IntBuf::new()))
}

/// Cuts a segment that has become too big: the second half, and the hash of its first element.
fn cut_if_big(blob: &mut Vec<u8>, width: usize) -> Result<Option<(u64, Vec<u8>)>> {
    let listpack = Listpack::parse(blob)?;
    let groups = listpack.count()? / width;
    if groups <= MOST_ELEMENTS && (blob.len() <= MOST_BYTES || groups < 2) {
        return Ok(None);
    }
    let Some((offset, index, hash)) = middle(&listpack, groups, width)? else { return Ok(None) };
    Ok(Some((hash, listpack::split_off(blob, offset, index * width))))
}

/// The element nearest to the middle that has another hash than the one before it: its offset, its
/// number, its hash.
fn middle(
    listpack: &Listpack<'_>,
    groups: usize,
    width: usize,
) -> Result<Option<(usize, usize, u64)>> {
    let mut best: Option<(usize, usize, u64)> = None;
    let mut items = listpack.iter();
    let mut before = None;
    for index in 0..groups {
        let offset = items.offset();
        let Some(first) = items.next() else { break };
        let hash = hash_of(first?);
        items.advance(width - 1)?;
        let is_nearer = best
            .is_none_or(|(_, other, _)| index.abs_diff(groups / 2) < other.abs_diff(groups / 2));
        if before.is_some_and(|before| before != hash) && is_nearer {
            best = Some((offset, index, hash));
        }
        before = Some(hash);
    }
    Ok(best)
}

fn remove_hashed(space: &mut Space, id: u64, key: &[u8], width: usize) -> Result<bool> {
    let Some(home) = home_of(space, id, element_hash(key))? else { return Ok(false) };
    let Some(blob) = space.segment_mut(&home)? else { return Err(corrupt("a segment is gone")) };
    let Some(range) = find_group(blob, key, width)? else { return Ok(false) };
    let was_first = range.start == listpack::START;
    listpack::remove(blob, range, width);
    if !was_first {
        return Ok(true);
    }
    let first = Listpack::parse(blob)?.iter().next().transpose()?.map(hash_of);
    match first {
        None => space.delete_segment(&home),
        Some(hash) if hash_key(id, hash) == home => {}
        Some(hash) => {
            let moved = std::mem::take(blob);
            space.delete_segment(&home);
            space.put_segment(&hash_key(id, hash), moved);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::groups::Groups;
    use super::super::ON;
    use super::*;
    use redtool_format::rdb::ValueType;
    use redtool_store::Encoding;
    use std::collections::BTreeMap;

    fn all(space: &Space, edit: &Edit) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let groups = match &edit.body {
            OwnedBody::Segmented { id, .. } => Groups::hashed(Segments::new(space, *id, b'h'), 2),
            OwnedBody::Packed(blob) => Groups::packed(blob.into(), 2),
            OwnedBody::Payload(_) => unreachable!(),
        };
        let mut found = BTreeMap::new();
        let mut last = 0;
        groups
            .each(|[field, value, _]| {
                let field = field.bytes(&mut IntBuf::new()).to_vec();
                if matches!(edit.body, OwnedBody::Segmented { .. }) {
                    assert!(element_hash(&field) >= last);
                    last = element_hash(&field);
                }
                found.insert(field, value.bytes(&mut IntBuf::new()).to_vec());
                Ok(ON)
            })
            .unwrap();
        found
    }

    #[test]
    fn changed_as_a_map_is() {
        let mut space = Space::in_memory();
        let mut edit = Edit::packed(ValueType::HashListpack, Encoding::Listpack);
        let mut map = BTreeMap::new();
        let mut random = 9u64;
        for step in 0..20_000usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = (random >> 33) as usize;
            let key = format!("{}", draw % 3000).into_bytes();
            // Grows, then shrinks to nothing.
            if draw / 3000 % 10 < if step < 12_000 { 7 } else { 1 } {
                let value = vec![b'v'; draw % 40];
                let is_new =
                    put(&mut space, &mut edit, &key, &[New::Text(&key), New::Text(&value)]);
                assert_eq!(is_new.unwrap(), map.insert(key, value).is_none());
            } else {
                let removed = remove(&mut space, &mut edit, &key, 2).unwrap();
                assert_eq!(removed, map.remove(&key).is_some());
            }
            if step % 500 == 0 {
                assert_eq!(all(&space, &edit), map);
            }
            assert_eq!(edit.count, map.len() as u64);
        }
        assert!(matches!(edit.body, OwnedBody::Segmented { .. }));
        for key in map.keys() {
            assert!(remove(&mut space, &mut edit, key, 2).unwrap());
        }
        assert_eq!((edit.count, all(&space, &edit).len()), (0, 0));
    }
}

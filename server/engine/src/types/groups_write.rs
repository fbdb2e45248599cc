//! Elements found by their first item, changed: in one packed listpack, or in segments in the order
//! of the hash of the first item. See [`super::groups`] for what they look like.
//!
//! A segment's key is the hash of its first element, always; elements of equal hash stay in one
//! segment. A segment that grows too big is cut in the middle; one that becomes empty is removed.
use super::segments::Segments;
use super::{corrupt, Result};
use crate::edit::{Edit, OwnedBody};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::{Iter, Listpack};
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::number;
use redtool_store::layout::{INLINE_MAX_BYTES, SEGMENT_BYTES, SEGMENT_ELEMENTS};
use redtool_store::segment::{element_hash, hash_key};
use redtool_store::Space;
use std::ops::Range;

/// A segment is cut beyond so many elements: fewer than it has in a store that was built at once,
/// since a change looks through all of them …
const MOST_ELEMENTS: usize = SEGMENT_ELEMENTS / 4;
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

fn segment_key(key: &[u8]) -> Result<[u8; 17]> {
    key.try_into().map_err(|_| corrupt("the key of a segment by hash is not 17 bytes long"))
}

/// Hands the key of the segment that holds what has this hash, or would (the floor, or the first),
/// and its listpack, to `f`; None when there are no segments.
fn with_home<T>(
    space: &mut Space,
    id: u64,
    hash: u64,
    f: impl FnOnce([u8; 17], &mut Vec<u8>) -> Result<T>,
) -> Result<Option<T>> {
    if let Some((home, mut blob)) = space.floor_segment_mut(&hash_key(id, hash))? {
        return f(segment_key(&home)?, &mut blob).map(Some);
    }
    let first = Segments::new(space, id, b'h').walk()?.advance()?;
    let Some(home) = first.map(|first| segment_key(&first.key)).transpose()? else {
        return Ok(None);
    };
    match space.segment_mut(&home)? {
        Some(mut blob) => f(home, &mut blob).map(Some),
        None => Err(corrupt("a segment is gone")),
    }
}

/// What a change of a segment asks for afterwards.
#[must_use]
pub struct Changed {
    home: [u8; 17],
    /// The element was not there before, or is not there any more.
    counts: bool,
    /// Its first element has this hash now.
    first_hash: Option<u64>,
    /// The second half of it, which is a segment of its own, and the hash of its first element.
    half: Option<(u64, Vec<u8>)>,
    /// It has no elements.
    is_empty: bool,
}

impl Changed {
    fn nothing(home: [u8; 17]) -> Self {
        Self { home, counts: false, first_hash: None, half: None, is_empty: false }
    }

    /// Gives the segment the key that it is to have, and stores what was cut off.
    fn settle(self, space: &mut Space, id: u64) -> Result<bool> {
        if self.is_empty {
            space.delete_segment(&self.home);
        }
        match self.first_hash.map(|hash| hash_key(id, hash)) {
            Some(key) if key != self.home => space.rename_segment(&self.home, &key)?,
            _ => {}
        }
        if let Some((hash, half)) = self.half {
            space.put_segment(&hash_key(id, hash), half);
        }
        Ok(self.counts)
    }
}

/// An element looked for among segments by hash, in its segment.
pub struct Located<'b> {
    home: [u8; 17],
    blob: &'b mut Vec<u8>,
    hash: u64,
    width: usize,
    place: Place,
}

impl Located<'_> {
    /// The items of the element and what follows, when it is there.
    pub fn items(&self) -> Result<Option<Iter<'_>>> {
        match &self.place {
            Place::Found(range) => Ok(Some(Listpack::parse(self.blob)?.iter_from(range.start))),
            Place::Absent(_) => Ok(None),
        }
    }

    /// Leaves it as it is.
    pub fn keep(self) -> Changed {
        Changed::nothing(self.home)
    }

    /// Replaces the element, or adds it.
    pub fn put(self, items: &[New<'_>]) -> Result<Changed> {
        let Self { home, blob, hash, width, place } = self;
        match place {
            Place::Found(range) => {
                listpack::splice(blob, range, width, items);
                Ok(Changed::nothing(home))
            }
            Place::Absent(marks) => {
                let (offset, is_first) = marks.place_of(blob, hash, width)?;
                listpack::insert(blob, offset, items);
                let half = cut_if_big(blob, width)?;
                let first_hash = is_first.then_some(hash);
                Ok(Changed { counts: true, first_hash, half, ..Changed::nothing(home) })
            }
        }
    }

    /// Removes the element, when it is there.
    pub fn remove(self) -> Result<Changed> {
        let mut changed = Changed::nothing(self.home);
        let Place::Found(range) = self.place else { return Ok(changed) };
        let was_first = range.start == listpack::START;
        listpack::remove(self.blob, range, self.width);
        changed.counts = true;
        if was_first {
            let first = Listpack::parse(self.blob)?.iter().next().transpose()?;
            changed.first_hash = first.map(hash_of);
            changed.is_empty = first.is_none();
        }
        Ok(changed)
    }
}

/// Looks for an element of `width` items among segments, once, and lets `f` look at it and change
/// it; None when there are no segments. Whether an element was added or removed comes with what
/// `f` gives.
pub fn change<T>(
    space: &mut Space,
    id: u64,
    key: &[u8],
    width: usize,
    f: impl FnOnce(Located<'_>) -> Result<(T, Changed)>,
) -> Result<Option<(T, bool)>> {
    let hash = element_hash(key);
    let given = with_home(space, id, hash, |home, blob| {
        let place = locate(blob, key, width)?;
        f(Located { home, blob, hash, width, place })
    })?;
    match given {
        Some((given, changed)) => Ok(Some((given, changed.settle(space, id)?))),
        None => Ok(None),
    }
}

/// Stores the first segment, with one element.
pub fn put_first(space: &mut Space, id: u64, key: &[u8], items: &[New<'_>]) {
    let mut blob = listpack::empty();
    listpack::push(&mut blob, items);
    space.put_segment(&hash_key(id, element_hash(key)), blob);
}

/// Stores an element among segments under its first item, `key`; whether it is new.
pub fn put_hashed(space: &mut Space, id: u64, key: &[u8], items: &[New<'_>]) -> Result<bool> {
    let put = |located: Located<'_>| located.put(items).map(|changed| ((), changed));
    match change(space, id, key, items.len(), put)? {
        Some(((), is_new)) => Ok(is_new),
        None => {
            put_first(space, id, key, items);
            Ok(true)
        }
    }
}

fn remove_hashed(space: &mut Space, id: u64, key: &[u8], width: usize) -> Result<bool> {
    let remove = |located: Located<'_>| located.remove().map(|changed| ((), changed));
    Ok(change(space, id, key, width, remove)?.is_some_and(|((), removed)| removed))
}

/// Every so many elements a walk leaves a mark.
const MARK_EVERY: usize = 8;

/// Offsets of the elements 0, 8, 16 … of a segment, as far as there is room for them: with them the
/// place of a hash is found without hashing every element.
struct Marks {
    offsets: [u32; MARKS],
    len: usize,
}

/// Room for the marks of a segment of a store that was built at once.
const MARKS: usize = SEGMENT_ELEMENTS / MARK_EVERY + 1;

enum Place {
    Found(Range<usize>),
    Absent(Marks),
}

/// Finds an element by its bytes.
fn locate(blob: &[u8], key: &[u8], width: usize) -> Result<Place> {
    let number = number::parse_i64(key);
    let mut marks = Marks { offsets: [0; MARKS], len: 0 };
    let mut items = Listpack::parse(blob)?.iter();
    for index in 0.. {
        let start = items.offset();
        let Some(item) = items.next() else { break };
        let is_it = item?.is(key, number);
        if items.advance(width - 1)? != width - 1 {
            return Err(corrupt("a listpack ends inside an element"));
        }
        if is_it {
            return Ok(Place::Found(start..items.offset()));
        }
        if index % MARK_EVERY == 0 {
            if let Some(mark) = marks.offsets.get_mut(marks.len) {
                *mark = start as u32;
                marks.len += 1;
            }
        }
    }
    Ok(Place::Absent(marks))
}

impl Marks {
    /// Where an element of this hash belongs, and whether that is before all others.
    fn place_of(&self, blob: &[u8], hash: u64, width: usize) -> Result<(usize, bool)> {
        let listpack = Listpack::parse(blob)?;
        let hash_at = |offset: u32| -> Result<u64> {
            let first = listpack.iter_from(offset as usize).next().transpose()?;
            Ok(first.map_or(u64::MAX, hash_of))
        };
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            match hash_at(self.offsets[middle])? > hash {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        // The element of the mark before is not greater.
        let Some(before) = low.checked_sub(1) else { return Ok((listpack::START, true)) };
        let mut items = listpack.iter_from(self.offsets[before] as usize);
        loop {
            let offset = items.offset();
            match items.next().transpose()? {
                Some(first) if hash_of(first) <= hash => items.advance(width - 1)?,
                _ => return Ok((offset, false)),
            };
        }
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

//! The segments of one value in memory, by their whole keys.
//!
//! Those of a list are a queue: pushes and pops give the run at the head another key at every turn,
//! which costs nothing there, and a change in the middle moves the keys of one side anyway. All
//! others are an ordered map.
use super::record_key::RecordKey;
use crate::contract::{Bytes, Cursor, Record};
use crate::error::Result;
use std::borrow::Cow;
use std::collections::{btree_map, vec_deque, BTreeMap, VecDeque};
use std::ops::Bound;

/// Where a key says what its segment belongs to.
const FAMILY_AT: usize = 8;
const LIST: u8 = b'l';

/// Segments in the order of their keys.
pub(super) struct Segments(Form);

enum Form {
    Map(BTreeMap<RecordKey, Vec<u8>>),
    /// Ascending, no key twice.
    Queue(VecDeque<(RecordKey, Vec<u8>)>),
}

fn is_list(key: &[u8]) -> bool {
    key.get(FAMILY_AT) == Some(&LIST)
}

/// Where a key is in a queue, or would be.
#[inline]
fn place(
    queue: &VecDeque<(RecordKey, Vec<u8>)>,
    key: &RecordKey,
) -> std::result::Result<usize, usize> {
    // Mostly it is at an end.
    match (queue.front(), queue.back()) {
        (Some((first, _)), _) if key <= first => match key == first {
            true => Ok(0),
            false => Err(0),
        },
        (_, Some((last, _))) if key >= last => match key == last {
            true => Ok(queue.len() - 1),
            false => Err(queue.len()),
        },
        _ => queue.binary_search_by(|(there, _)| there.cmp(key)),
    }
}

impl Segments {
    /// Without a segment, for a value that one with this key is about to be put into.
    pub fn for_key(key: &[u8]) -> Self {
        Self(match is_list(key) {
            true => Form::Queue(VecDeque::new()),
            false => Form::Map(BTreeMap::new()),
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Map(map) => map.is_empty(),
            Form::Queue(queue) => queue.is_empty(),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&Vec<u8>> {
        let key = RecordKey::new(key);
        match &self.0 {
            Form::Map(map) => map.get(&key),
            Form::Queue(queue) => place(queue, &key).ok().map(|at| &queue[at].1),
        }
    }

    /// The same, to be changed in place.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut Vec<u8>> {
        let key = RecordKey::new(key);
        match &mut self.0 {
            Form::Map(map) => map.get_mut(&key),
            Form::Queue(queue) => place(queue, &key).ok().map(|at| &mut queue[at].1),
        }
    }

    /// The last one whose key is not greater.
    pub fn floor(&self, key: &[u8]) -> Option<Record<'_>> {
        let key = RecordKey::new(key);
        let (key, value) = match &self.0 {
            Form::Map(map) => map.range((Bound::Unbounded, Bound::Included(key))).next_back()?,
            Form::Queue(queue) => pair(queue.get(floor_of(queue, &key)?)?),
        };
        Some((Cow::Borrowed(key.bytes()), Cow::Borrowed(value)))
    }

    /// The same, to be changed in place.
    pub fn floor_mut(&mut self, key: &[u8]) -> Option<(&[u8], &mut Vec<u8>)> {
        let key = RecordKey::new(key);
        let (key, value) = match &mut self.0 {
            Form::Map(map) => {
                map.range_mut((Bound::Unbounded, Bound::Included(key))).next_back()?
            }
            Form::Queue(queue) => {
                let at = floor_of(queue, &key)?;
                pair_mut(queue.get_mut(at)?)
            }
        };
        Some((key.bytes(), value))
    }

    /// The first or the last one, to be changed in place.
    #[inline]
    pub fn end_mut(&mut self, first: bool) -> Option<(&[u8], &mut Vec<u8>)> {
        let (key, value) = match (&mut self.0, first) {
            (Form::Map(map), true) => map.iter_mut().next()?,
            (Form::Map(map), false) => map.iter_mut().next_back()?,
            (Form::Queue(queue), true) => pair_mut(queue.front_mut()?),
            (Form::Queue(queue), false) => pair_mut(queue.back_mut()?),
        };
        Some((key.bytes(), value))
    }

    /// Stores one; what it replaces.
    pub fn insert(&mut self, key: &[u8], value: Vec<u8>) -> Option<Vec<u8>> {
        if !is_list(key) {
            self.make_map();
        }
        let key = RecordKey::new(key);
        match &mut self.0 {
            Form::Map(map) => map.insert(key, value),
            Form::Queue(queue) => match place(queue, &key) {
                Ok(at) => Some(std::mem::replace(&mut queue[at].1, value)),
                Err(at) => {
                    queue.insert(at, (key, value));
                    None
                }
            },
        }
    }

    /// Segments of another family are a map.
    fn make_map(&mut self) {
        if let Form::Queue(queue) = &mut self.0 {
            self.0 = Form::Map(queue.drain(..).collect());
        }
    }

    /// Removes one.
    pub fn remove(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let key = RecordKey::new(key);
        match &mut self.0 {
            Form::Map(map) => map.remove(&key),
            Form::Queue(queue) => {
                let at = place(queue, &key).ok()?;
                queue.remove(at).map(|(_, value)| value)
            }
        }
    }

    /// Gives one another key of the same family; `seen` is shown its value, and the one that it
    /// replaces.
    #[inline]
    pub fn rename(
        &mut self,
        old: &[u8],
        new: &[u8],
        seen: impl FnOnce(&Vec<u8>, Option<&Vec<u8>>),
    ) {
        let (from, to) = (RecordKey::new(old), RecordKey::new(new));
        match &mut self.0 {
            Form::Queue(queue) => {
                let Ok(at) = place(queue, &from) else { return };
                // Between the same two neighbours it stays where it is.
                let is_between = at.checked_sub(1).is_none_or(|before| queue[before].0 < to)
                    && queue.get(at + 1).is_none_or(|(behind, _)| to < *behind);
                if is_between {
                    seen(&queue[at].1, None);
                    queue[at].0 = to;
                    return;
                }
            }
            Form::Map(map) => {
                // The first one is found without a search.
                if map.first_key_value().is_some_and(|(first, _)| *first == from) {
                    let Some((_, value)) = map.pop_first() else { return };
                    seen(&value, map.get(&to));
                    map.insert(to, value);
                    return;
                }
            }
        }
        let Some(value) = self.remove(old) else { return };
        seen(&value, self.get(new));
        self.insert(new, value);
    }

    /// From a key on, or back from it.
    pub fn walk(&self, from: &[u8], forward: bool) -> SegmentWalk<'_> {
        let from = RecordKey::new(from);
        let rest = match &self.0 {
            Form::Map(map) => Rest::Map(match forward {
                true => map.range((Bound::Included(from), Bound::Unbounded)),
                false => map.range((Bound::Unbounded, Bound::Included(from))),
            }),
            Form::Queue(queue) => Rest::Queue(match (place(queue, &from), forward) {
                (Ok(at) | Err(at), true) => queue.range(at..),
                (Ok(at), false) => queue.range(..=at),
                (Err(at), false) => queue.range(..at),
            }),
        };
        SegmentWalk { rest, forward }
    }

    /// Hands all of them to `f`.
    pub fn each(&self, mut f: impl FnMut(&[u8], &Vec<u8>)) {
        match &self.0 {
            Form::Map(map) => map.iter().for_each(|(key, value)| f(key.bytes(), value)),
            Form::Queue(queue) => queue.iter().for_each(|(key, value)| f(key.bytes(), value)),
        }
    }
}

fn pair((key, value): &(RecordKey, Vec<u8>)) -> (&RecordKey, &Vec<u8>) {
    (key, value)
}

fn pair_mut((key, value): &mut (RecordKey, Vec<u8>)) -> (&RecordKey, &mut Vec<u8>) {
    (key, value)
}

fn floor_of(queue: &VecDeque<(RecordKey, Vec<u8>)>, key: &RecordKey) -> Option<usize> {
    match place(queue, key) {
        Ok(at) => Some(at),
        Err(at) => at.checked_sub(1),
    }
}

/// A walk over the segments of one value.
pub(super) struct SegmentWalk<'m> {
    rest: Rest<'m>,
    forward: bool,
}

enum Rest<'m> {
    None,
    Map(btree_map::Range<'m, RecordKey, Vec<u8>>),
    Queue(vec_deque::Iter<'m, (RecordKey, Vec<u8>)>),
}

impl<'m> SegmentWalk<'m> {
    /// Of a value that has none.
    pub fn empty() -> Self {
        Self { rest: Rest::None, forward: true }
    }

    /// The next key and its value.
    pub fn advance(&mut self) -> Option<(&'m [u8], &'m [u8])> {
        let (key, value) = match (&mut self.rest, self.forward) {
            (Rest::None, _) => return None,
            (Rest::Map(range), true) => range.next()?,
            (Rest::Map(range), false) => range.next_back()?,
            (Rest::Queue(iter), true) => pair(iter.next()?),
            (Rest::Queue(iter), false) => pair(iter.next_back()?),
        };
        Some((key.bytes(), value))
    }
}

impl<'m> Cursor<'m> for SegmentWalk<'m> {
    fn next(&mut self) -> Result<Option<(Bytes<'m>, Bytes<'m>)>> {
        Ok(self.advance().map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{hash_key, list_key};

    /// Both forms answer as a map, whatever is done to them.
    #[test]
    fn answer_as_a_map() {
        for key_of in [list_key, hash_key] {
            let mut segments = Segments::for_key(&key_of(7, 0));
            let mut map = BTreeMap::<Vec<u8>, Vec<u8>>::new();
            let mut random = 5u64;
            for step in 0..20_000u64 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let draw = random >> 33;
                let (key, other) = (key_of(7, draw % 60).to_vec(), key_of(7, draw / 60 % 60));
                let value = step.to_be_bytes().to_vec();
                match draw / 3600 % 6 {
                    0 | 1 => {
                        let old = segments.insert(&key, value.clone());
                        assert_eq!(old, map.insert(key.clone(), value));
                    }
                    2 => assert_eq!(segments.remove(&key), map.remove(&key)),
                    3 => {
                        let moved = map.remove(&key);
                        segments.rename(&key, &other, |value, replaced| {
                            assert_eq!(Some(value), moved.as_ref());
                            assert_eq!(replaced, map.get(&other[..]));
                        });
                        if let Some(value) = moved {
                            map.insert(other.to_vec(), value);
                        }
                    }
                    4 => {
                        let found = segments.floor_mut(&key).map(|(k, v)| (k.to_vec(), v.clone()));
                        let below = map.range(..=key.clone()).next_back();
                        assert_eq!(found, below.map(|(k, v)| (k.clone(), v.clone())));
                        for (first, end) in
                            [(true, map.first_key_value()), (false, map.last_key_value())]
                        {
                            let found = segments.end_mut(first).map(|(key, _)| key.to_vec());
                            assert_eq!(found, end.map(|(key, _)| key.clone()));
                        }
                    }
                    _ => {
                        let mut walk = segments.walk(&key, draw.is_multiple_of(2));
                        let found: Vec<_> = std::iter::from_fn(|| walk.advance()).collect();
                        let mut rest: Vec<_> = match draw % 2 {
                            0 => map.range(key.clone()..).collect(),
                            _ => map.range(..=key.clone()).rev().collect(),
                        };
                        assert_eq!(found.len(), rest.len());
                        assert!(rest.drain(..).zip(found).all(|((k, v), f)| (&k[..], &v[..]) == f));
                    }
                }
                assert_eq!(segments.is_empty(), map.is_empty());
                assert_eq!(segments.get(&key), map.get(&key));
            }
        }
    }
}

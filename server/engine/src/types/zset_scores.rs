//! The segments of a big sorted set by score, changed: `[id]['z'][score order][separator]`,
//! listpacks
//! m,s,… in the order of (score, member).
//!
//! A segment's key stays right whatever is done inside of it, as in a prefix B-tree:
//! - What is put into a segment is not below its key, and below the key of the next one, since the
//!   segment is the floor of (score, member): no separator is touched. (Before all segments there
//!   is
//!   no floor: then the first one gets the key of its new first member.)
//! - What is taken out leaves separators as they are: a separator that was greater than the last
//!   member before it, and not greater than the first member behind it, stays so. Only when the new
//!   first member has another score does the segment get a new key, which needs no separator.
//!
//! The counts in [`super::rank`] are told of every change.
use super::rank::RankCache;
use super::segments::{Segments, PREFIX_BYTES};
use super::zset::{edge_key, packed_score, Edge};
use super::{corrupt, Result};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::{IntBuf, Item};
use redtool_store::layout::{SEGMENT_BYTES, SEGMENT_ELEMENTS};
use redtool_store::segment::{score_order, separator_above, separator_fits, zset_key};
use redtool_store::space::SegmentMut;
use redtool_store::Space;
use std::ops::Range;

/// A segment is cut beyond so many members: fewer than in a store built at once, since every change
/// looks through half a segment …
const MOST_ELEMENTS: usize = SEGMENT_ELEMENTS / 4;
/// … or beyond so many bytes.
const MOST_BYTES: usize = 2 * SEGMENT_BYTES;

/// Members with scores.
pub type Members = Vec<(Vec<u8>, f64)>;

/// The segments by score of one sorted set.
pub(super) struct ScoreSegments<'s> {
    pub space: &'s mut Space,
    pub ranks: &'s RankCache,
    pub id: u64,
}

/// The second half of a segment that was cut.
struct Half {
    key: Vec<u8>,
    blob: Vec<u8>,
    members: usize,
}

/// What a segment has between two edges.
pub(super) struct Between {
    /// The bytes.
    pub range: Range<usize>,
    /// Members.
    pub count: u64,
    /// Nothing behind it is wanted.
    pub is_end: bool,
}

/// The byte offset of the first pair behind an edge, and whether that is behind all pairs.
pub(super) fn place_of(blob: &[u8], binary: bool, edge: Edge<'_>) -> Result<(usize, bool)> {
    let mut items = Listpack::parse(blob)?.iter();
    loop {
        let offset = items.offset();
        let Some(member) = items.next() else { return Ok((offset, true)) };
        let score = items.next().ok_or_else(|| corrupt("a sorted set ends inside a pair"))??;
        if edge.is_passed_by(packed_score(score, binary)?, member?) {
            return Ok((offset, false));
        }
    }
}

/// The same of the edge before a score and a member, in a segment.
fn place_of_both(blob: &[u8], score: f64, member: &[u8]) -> Result<(usize, bool)> {
    let listpack = Listpack::parse(blob)?;
    let mut items = listpack.iter();
    loop {
        let offset = items.offset();
        if items.advance(1)? == 0 {
            return Ok((offset, true));
        }
        let there = items.next().ok_or_else(|| corrupt("a sorted set ends inside a pair"))??;
        let there = packed_score(there, true)?;
        if there < score {
            continue;
        }
        // Members are looked at only where scores are equal.
        let first = if there == score { listpack.iter_from(offset).next() } else { None };
        let is_below = match first {
            Some(first) => first?.bytes(&mut IntBuf::new()) < member,
            None => false,
        };
        if !is_below {
            return Ok((offset, false));
        }
    }
}

/// The pairs between two edges, `limit` of them at most, which are added to `members`.
pub(super) fn between(
    blob: &[u8],
    binary: bool,
    [from, to]: [Edge<'_>; 2],
    limit: u64,
    members: &mut Members,
) -> Result<Between> {
    let (start, _) = place_of(blob, binary, from)?;
    let mut found = Between { range: start..start, count: 0, is_end: false };
    let mut items = Listpack::parse(blob)?.iter_from(start);
    while let Some(member) = items.next().transpose()? {
        let score = items.next().ok_or_else(|| corrupt("a sorted set ends inside a pair"))??;
        let score = packed_score(score, binary)?;
        if found.count == limit || to.is_passed_by(score, member) {
            found.is_end = true;
            break;
        }
        members.push((member.to_vec(), score));
        found.range.end = items.offset();
        found.count += 1;
    }
    Ok(found)
}

/// The bytes of a pair that is there.
fn pair_at(blob: &[u8], score: f64, member: &[u8]) -> Result<Range<usize>> {
    let (start, _) = place_of_both(blob, score, member)?;
    let mut items = Listpack::parse(blob)?.iter_from(start);
    let found = items.next().transpose()?;
    let is_it = found.is_some_and(|item| item.bytes(&mut IntBuf::new()) == member);
    if !is_it || items.advance(1)? != 1 {
        return Err(corrupt("a member is not where its score says"));
    }
    Ok(start..items.offset())
}

fn put_pair(blob: &mut Vec<u8>, offset: usize, score: f64, member: &[u8]) {
    listpack::insert(blob, offset, &[New::Text(member), New::Raw(&score.to_le_bytes())]);
}

/// Cuts a segment that has become too big, in the middle or, when it grows at its end, there.
fn cut_if_big(id: u64, blob: &mut Vec<u8>, grows_at_end: bool) -> Result<Option<Half>> {
    let listpack = Listpack::parse(blob)?;
    let pairs = listpack.count()? / 2;
    if pairs <= MOST_ELEMENTS && (blob.len() <= MOST_BYTES || pairs < 2) {
        return Ok(None);
    }
    let wanted = if grows_at_end { pairs - 1 } else { pairs / 2 };
    let Some((index, offset, key)) = cut_near(id, &listpack, wanted)? else { return Ok(None) };
    let half = listpack::split_off(blob, offset, index * 2);
    Ok(Some(Half { key, blob: half, members: pairs - index }))
}

/// The pair nearest to a place before which a segment can be cut, so that the separator fits into a
/// key: its number, its offset, the key.
fn cut_near(
    id: u64,
    listpack: &Listpack<'_>,
    wanted: usize,
) -> Result<Option<(usize, usize, Vec<u8>)>> {
    let mut best: Option<(usize, usize, Vec<u8>)> = None;
    let mut items = listpack.iter();
    let mut last: Option<(u64, Item<'_>)> = None;
    for index in 0usize.. {
        let offset = items.offset();
        let Some(member) = items.next().transpose()? else { break };
        let score = items.next().ok_or_else(|| corrupt("a sorted set ends inside a pair"))??;
        let score = packed_score(score, true)?;
        let order = score_order(score);
        let is_nearer =
            best.as_ref().is_none_or(|(other, ..)| index.abs_diff(wanted) < other.abs_diff(wanted));
        if let Some((last_order, last_member)) = last.filter(|_| is_nearer) {
            let (mut buf, mut last_buf) = (IntBuf::new(), IntBuf::new());
            let separator = match order == last_order {
                true => separator_above(member.bytes(&mut buf), last_member.bytes(&mut last_buf)),
                false => &[],
            };
            if separator_fits(separator) {
                best = Some((index, offset, zset_key(id, score, separator)));
            }
        }
        last = Some((order, member));
    }
    Ok(best)
}

impl ScoreSegments<'_> {
    /// Adds a member that is not there.
    pub fn insert(&mut self, score: f64, member: &[u8]) -> Result<()> {
        let key = zset_key(self.id, score, member);
        let Some((home, mut blob)) = self.space.floor_segment_mut(&key)? else {
            return self.insert_before_all(score, member);
        };
        let (offset, at_end) = place_of_both(&blob, score, member)?;
        put_pair(&mut blob, offset, score, member);
        self.ranks.update(self.id, |table| table.add(&home, 1));
        if let Some(half) = cut_if_big(self.id, &mut blob, at_end)? {
            drop(blob);
            let home = home.into_owned();
            self.add_half(half, &home);
        }
        Ok(())
    }

    fn add_half(&mut self, half: Half, home: &[u8]) {
        self.ranks.update(self.id, |table| {
            table.add(home, -(half.members as i64)) && table.insert(&half.key, half.members)
        });
        self.space.put_segment(&half.key, half.blob);
    }

    fn insert_before_all(&mut self, score: f64, member: &[u8]) -> Result<()> {
        let home = zset_key(self.id, score, b"");
        let first = Segments::new(self.space, self.id, b'z').walk()?.advance()?;
        let Some(first) = first.map(|first| first.key.into_owned()) else {
            let mut blob = listpack::empty();
            put_pair(&mut blob, listpack::START, score, member);
            self.space.put_segment(&home, blob);
            self.ranks.update(self.id, |table| table.insert(&home, 1));
            return Ok(());
        };
        let id = self.id;
        let mut blob = self.segment_mut(&first)?;
        put_pair(&mut blob, listpack::START, score, member);
        let half = cut_if_big(id, &mut blob, false)?;
        drop(blob);
        self.space.rename_segment(&first, &home)?;
        self.ranks.update(self.id, |table| table.rename(&first, &home) && table.add(&home, 1));
        if let Some(half) = half {
            self.add_half(half, &home);
        }
        Ok(())
    }

    fn segment_mut(&mut self, key: &[u8]) -> Result<SegmentMut<'_>> {
        self.space.segment_mut(key)?.ok_or_else(|| corrupt("a segment is gone"))
    }

    /// Removes a member that is there.
    pub fn remove(&mut self, score: f64, member: &[u8]) -> Result<()> {
        let key = zset_key(self.id, score, member);
        let Some((home, mut blob)) = self.space.floor_segment_mut(&key)? else {
            return Err(corrupt("a member is not where its score says"));
        };
        let range = pair_at(&blob, score, member)?;
        let was_first = range.start == listpack::START;
        listpack::remove(&mut blob, range, 2);
        self.ranks.update(self.id, |table| table.add(&home, -1));
        drop(blob);
        if was_first {
            let home = home.into_owned();
            self.front_has_gone(&home)?;
        }
        Ok(())
    }

    /// Gives a member another score.
    pub fn change(&mut self, old: f64, new: f64, member: &[u8]) -> Result<()> {
        let key = zset_key(self.id, old, member);
        let Some((home, mut blob)) = self.space.floor_segment_mut(&key)? else {
            return Err(corrupt("a member is not where its score says"));
        };
        let range = pair_at(&blob, old, member)?;
        let was_first = range.start == listpack::START;
        listpack::remove(&mut blob, range, 2);
        // With others before and behind it, it stays in its segment.
        let (offset, at_end) = place_of_both(&blob, new, member)?;
        if !was_first && !at_end && offset != listpack::START {
            put_pair(&mut blob, offset, new, member);
            return Ok(());
        }
        self.ranks.update(self.id, |table| table.add(&home, -1));
        drop(blob);
        if was_first {
            let home = home.into_owned();
            self.front_has_gone(&home)?;
        }
        self.insert(new, member)
    }

    /// The first members of a segment were removed: it is removed too when none is left, and gets
    /// another key when the score of its first is another.
    fn front_has_gone(&mut self, home: &[u8]) -> Result<()> {
        let blob = self.segment_mut(home)?;
        let mut items = Listpack::parse(&blob)?.iter();
        let is_empty = items.next().transpose()?.is_none();
        let score = items.next().transpose()?.map(|item| packed_score(item, true)).transpose()?;
        drop(blob);
        if is_empty {
            self.space.delete_segment(home);
            self.ranks.update(self.id, |table| table.remove(home));
            return Ok(());
        }
        let score = score.ok_or_else(|| corrupt("a sorted set ends inside a pair"))?;
        let order = score_order(score).to_be_bytes();
        if home.get(PREFIX_BYTES..PREFIX_BYTES + order.len()) == Some(&order[..]) {
            return Ok(());
        }
        let key = zset_key(self.id, score, b"");
        self.space.rename_segment(home, &key)?;
        self.ranks.update(self.id, |table| table.rename(home, &key));
        Ok(())
    }

    /// Removes the members between two edges, `limit` of them at most, and adds them to `members`.
    pub fn take(&mut self, edges: [Edge<'_>; 2], limit: u64, members: &mut Members) -> Result<()> {
        let segments = Segments::new(self.space, self.id, b'z');
        let mut walk = segments.walk_from(&edge_key(&segments, edges[0])?)?;
        let (mut left, mut cuts) = (limit, Vec::new());
        while let Some(segment) = walk.advance()?.filter(|_| left > 0) {
            let found = between(&segment.value, true, edges, left, members)?;
            left -= found.count;
            if found.count > 0 {
                cuts.push((segment.key.into_owned(), found.range, found.count));
            }
            if found.is_end {
                break;
            }
        }
        drop(walk);
        for (key, range, count) in cuts {
            let was_first = range.start == listpack::START;
            listpack::remove(&mut *self.segment_mut(&key)?, range, 2 * count as usize);
            self.ranks.update(self.id, |table| table.add(&key, -(count as i64)));
            if was_first {
                self.front_has_gone(&key)?;
            }
        }
        Ok(())
    }
}

//! Sorted sets changed: members put, given other scores, removed one by one or between two edges.
//!
//! A small one is one listpack in the order of (score, member), with scores as servers write them
//! there: an integer entry when the score is one, else its shortest text. A big one has each member
//! in two segments, by hash ([`super::groups_write`]) and by score (`zset_scores`).
//!
//! What OBJECT ENCODING says follows the limits of the server, and never goes back to `listpack`.
pub use super::zset_scores::Members;

use super::groups_write::{self, find_group, Located};
use super::limits::Limits;
use super::rank::RankCache;
use super::zset::{packed_score, Edge, Zset};
use super::zset_scores::{between, place_of, ScoreSegments};
use super::{corrupt, Result};
use crate::edit::{from_payload, Edit, OwnedBody};
use crate::write::Writing;
use redtool_format::double;
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::rdb::{length, string, ValueType};
use redtool_store::layout::INLINE_MAX_BYTES;
use redtool_store::{Encoding, Space};
use std::ops::Range;

/// A sorted set being changed.
pub struct ZsetEdit<'e> {
    space: &'e mut Space,
    ranks: &'e RankCache,
    limits: Limits,
    edit: &'e mut Edit,
}

/// What became of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It has another score.
    Updated,
    /// Nothing.
    Nothing,
}

/// Members removed at a time from a big sorted set.
const BATCH: u64 = 4096;

/// The magnitude up to which an integer score is an integer entry: half of the largest i64, as in
/// Redis.
const MAX_INTEGER: f64 = (1u64 << 62) as f64;

impl Edit {
    /// A new sorted set, as a server makes it that is told how many members will come and how long
    /// the longest is.
    pub fn new_zset(limits: &Limits, members: usize, longest_bytes: usize) -> Self {
        Self::packed(ValueType::ZsetListpack, encoding_for(limits, members, longest_bytes))
    }
}

fn encoding_for(limits: &Limits, members: usize, longest_bytes: usize) -> Encoding {
    match members <= limits.zset_entries && longest_bytes <= limits.zset_value_bytes {
        true => Encoding::Listpack,
        false => Encoding::Skiplist,
    }
}

/// A sorted set of these members, made at once; None without members.
pub fn build(space: &mut Space, limits: &Limits, members: &Members) -> Result<Option<Edit>> {
    let mut payload = Vec::new();
    length::write(&mut payload, members.len() as u64);
    let mut longest = 0;
    for (member, score) in members {
        longest = longest.max(member.len());
        string::write_raw(&mut payload, member);
        payload.extend_from_slice(&score.to_le_bytes());
    }
    if members.is_empty() {
        return Ok(None);
    }
    let mut edit = from_payload(ValueType::Zset2, &payload, space)?;
    if let Some(edit) = &mut edit {
        edit.encoding = encoding_for(limits, members.len(), longest);
        if let (Encoding::Skiplist, OwnedBody::Packed(blob)) = (edit.encoding, &mut edit.body) {
            restore_signs(blob, members)?;
        }
    }
    Ok(edit)
}

/// Gives the zeros their signs, which they have lost in a listpack as a server has it.
fn restore_signs(blob: &mut Vec<u8>, members: &Members) -> Result<()> {
    for (member, score) in members {
        if *score != 0.0 || score.is_sign_positive() {
            continue;
        }
        if let Some((range, _)) = find_packed(blob, member)? {
            let offset = range.start;
            listpack::remove(blob, range, 2);
            put_packed(blob, offset, *score, member, true);
        }
    }
    Ok(())
}

/// Puts a pair before the one at `offset` of a listpack that is a sorted set of its own.
fn put_packed(blob: &mut Vec<u8>, offset: usize, score: f64, member: &[u8], keeps_sign: bool) {
    // A listpack of a server has no -0: it is an integer there.
    let is_integer = score.abs() <= MAX_INTEGER && score.trunc() == score;
    if is_integer && !(score == 0.0 && score.is_sign_negative() && keeps_sign) {
        return listpack::insert(blob, offset, &[New::Text(member), New::Int(score as i64)]);
    }
    let mut text = Vec::with_capacity(24);
    double::write_shortest(&mut text, score);
    listpack::insert(blob, offset, &[New::Text(member), New::Text(&text)]);
}

/// A member in a listpack: its bytes, and its score.
fn find_packed(blob: &[u8], member: &[u8]) -> Result<Option<(Range<usize>, f64)>> {
    let Some(range) = find_group(blob, member, 2)? else { return Ok(None) };
    let score = Listpack::parse(blob)?.iter_from(range.start).nth(1).transpose()?;
    let score = score.ok_or_else(|| corrupt("a sorted set ends inside a pair"))?;
    Ok(Some((range, packed_score(score, false)?)))
}

/// The score of a member in a segment by hash, when it is there.
fn score_of(found: &Located<'_>) -> Result<Option<f64>> {
    let Some(mut items) = found.items()? else { return Ok(None) };
    let score = items.nth(1).transpose()?;
    score.map(|score| packed_score(score, true)).transpose()
}

impl<'e> ZsetEdit<'e> {
    /// Of an object of a dataset.
    pub fn new(ws: &'e mut Writing<'_>, edit: &'e mut Edit) -> Self {
        let limits = ws.keys.limits;
        Self { space: &mut ws.keys.space, ranks: ws.dataset.ranks(), limits, edit }
    }

    /// The same, to be read.
    pub fn view(&self) -> Result<Zset<'_>> {
        Zset::of_edit(self.space, self.edit, self.ranks)
    }

    /// Number of members.
    pub fn len(&self) -> u64 {
        self.edit.count
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.edit.count == 0
    }

    /// So many members are about to come.
    pub fn expect(&mut self, members: usize) {
        if members > self.limits.zset_entries {
            self.edit.encoding = Encoding::Skiplist;
        }
    }

    /// Puts a member, or changes its score: `decide` is given the score that it has and gives the
    /// one that it is to have, if any.
    pub fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Result<Option<f64>>,
    ) -> Result<Change> {
        let id = match &self.edit.body {
            OwnedBody::Packed(_) => return self.update_packed(member, decide),
            OwnedBody::Segmented { id, .. } => *id,
            OwnedBody::Payload(_) => return Err(corrupt("a sorted set that is not packed")),
        };
        let done = self.update_segments(id, member, decide);
        if done.is_err() {
            self.ranks.forget(id);
        }
        done
    }

    fn update_segments(
        &mut self,
        id: u64,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Result<Option<f64>>,
    ) -> Result<Change> {
        let mut decide = Some(decide);
        let mut decide = |old| decide.take().map_or(Ok(None), |decide| decide(old));
        let found = groups_write::change(self.space, id, member, 2, |found| {
            let old = score_of(&found)?;
            let new = match decide(old)? {
                Some(new) if old != Some(new) => new,
                _ => return Ok((None, found.keep())),
            };
            let changed = found.put(&[New::Text(member), New::Raw(&new.to_le_bytes())])?;
            Ok((Some((old, new)), changed))
        })?;
        let change = match found {
            Some((change, _)) => change,
            None => decide(None)?.map(|new| {
                let items = [New::Text(member), New::Raw(&new.to_le_bytes())];
                groups_write::put_first(self.space, id, member, &items);
                (None, new)
            }),
        };
        let Some((old, new)) = change else { return Ok(Change::Nothing) };
        if old.is_none() {
            self.grow(member);
            self.edit.count += 1;
        }
        let mut scores = ScoreSegments { space: self.space, ranks: self.ranks, id };
        match old {
            Some(old) => scores.change(old, new, member)?,
            None => scores.insert(new, member)?,
        }
        Ok(if old.is_some() { Change::Updated } else { Change::Added })
    }

    /// A member will be new.
    fn grow(&mut self, member: &[u8]) {
        let members = usize::try_from(self.edit.count).unwrap_or(usize::MAX).saturating_add(1);
        if encoding_for(&self.limits, members, member.len()) != Encoding::Listpack {
            self.edit.encoding = Encoding::Skiplist;
        }
    }

    fn update_packed(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Result<Option<f64>>,
    ) -> Result<Change> {
        let found = find_packed(self.blob()?, member)?;
        let old = found.as_ref().map(|(_, score)| *score);
        let new = match decide(old)? {
            Some(new) if old != Some(new) => new,
            _ => return Ok(Change::Nothing),
        };
        if found.is_none() {
            self.grow(member);
        }
        let keeps_sign = self.edit.encoding != Encoding::Listpack;
        let blob = self.blob()?;
        if let Some((range, _)) = found {
            listpack::remove(blob, range, 2);
        }
        let (offset, _) = place_of(blob, false, Edge::BeforeBoth(new, member))?;
        put_packed(blob, offset, new, member, keeps_sign);
        let is_big = blob.len() > INLINE_MAX_BYTES;
        self.edit.count += u64::from(old.is_none());
        if is_big {
            self.edit.settle(self.space)?;
        }
        Ok(if old.is_some() { Change::Updated } else { Change::Added })
    }

    fn blob(&mut self) -> Result<&mut Vec<u8>> {
        match &mut self.edit.body {
            OwnedBody::Packed(blob) => Ok(blob),
            _ => Err(corrupt("a sorted set that is not packed")),
        }
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> Result<bool> {
        let OwnedBody::Segmented { id, .. } = self.edit.body else {
            return groups_write::remove(self.space, self.edit, member, 2);
        };
        let removed = self.remove_from_segments(id, member);
        if removed.is_err() {
            self.ranks.forget(id);
        }
        removed
    }

    fn remove_from_segments(&mut self, id: u64, member: &[u8]) -> Result<bool> {
        let found = groups_write::change(self.space, id, member, 2, |found| {
            Ok((score_of(&found)?, found.remove()?))
        })?;
        let Some((Some(score), _)) = found else { return Ok(false) };
        self.edit.count = self.edit.count.saturating_sub(1);
        let mut scores = ScoreSegments { space: self.space, ranks: self.ranks, id };
        scores.remove(score, member)?;
        Ok(true)
    }

    /// Removes the members between two edges, `limit` of them at most, and hands them to `f`.
    pub fn take(
        &mut self,
        edges: [Edge<'_>; 2],
        limit: u64,
        mut f: impl FnMut(Vec<u8>, f64),
    ) -> Result<u64> {
        let OwnedBody::Segmented { id, .. } = self.edit.body else {
            let mut members = Vec::new();
            let blob = self.blob()?;
            let found = between(blob, false, edges, limit, &mut members)?;
            listpack::remove(blob, found.range, 2 * found.count as usize);
            self.edit.count -= found.count.min(self.edit.count);
            members.into_iter().for_each(|(member, score)| f(member, score));
            return Ok(found.count);
        };
        let mut taken = 0;
        loop {
            let batch = BATCH.min(limit - taken);
            let members = match self.take_batch(id, edges, batch) {
                Ok(members) => members,
                Err(error) => {
                    self.ranks.forget(id);
                    return Err(error);
                }
            };
            let count = members.len() as u64;
            taken += count;
            members.into_iter().for_each(|(member, score)| f(member, score));
            if count < batch || taken == limit {
                return Ok(taken);
            }
        }
    }

    fn take_batch(&mut self, id: u64, edges: [Edge<'_>; 2], limit: u64) -> Result<Members> {
        let mut members = Vec::new();
        let mut scores = ScoreSegments { space: self.space, ranks: self.ranks, id };
        scores.take(edges, limit, &mut members)?;
        for (member, _) in &members {
            groups_write::remove(self.space, self.edit, member, 2)?;
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;

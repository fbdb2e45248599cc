//! Finding an element that is there twice, in bounded memory.
//!
//! The check's one walk adds a 64-bit hash per name. When all are there they are sorted, and only
//! if two are equal the value is walked again to compare the names themselves. Of a value with more
//! names than there is room for, a walk keeps the hashes of one range; further walks see to the
//! others.
use super::super::types::ValueType;
use super::super::value::{visit_with, Scratch, Templates, Visitor};
use crate::encodings::stream::{Message, StreamId};
use crate::error::{FormatError, Result};
use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// Most hashes to hold at a time: 32 MB.
const ROOM: usize = 4 << 20;

/// The names of one value.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    hashes: Vec<u64>,
    /// The range of hashes being kept, of `parts` ranges.
    part: u64,
    parts: u64,
}

impl Distinct {
    /// Forgets the names of the last value.
    pub fn clear(&mut self) {
        self.hashes.clear();
        (self.part, self.parts) = (0, 1);
    }

    /// Makes ready for at most `most` names.
    pub fn expect(&mut self, most: usize) {
        self.parts = most.div_ceil(ROOM).max(1) as u64;
    }

    /// Adds a name.
    #[inline]
    pub fn add(&mut self, name: &[u8]) {
        let hash = xxh3_64(name);
        if self.parts == 1 || self.part_of(hash) == self.part {
            self.hashes.push(hash);
        }
    }

    fn part_of(&self, hash: u64) -> u64 {
        ((u128::from(hash) * u128::from(self.parts)) >> 64) as u64
    }

    /// Refuses a value in which a name that was added is there twice.
    pub fn finish(
        &mut self,
        scratch: &mut Scratch,
        value_type: ValueType,
        payload: &[u8],
        templates: &Templates,
    ) -> Result<()> {
        self.judge(scratch, value_type, payload, templates)?;
        for part in 1..self.parts {
            self.hashes.clear();
            self.part = part;
            visit_with(scratch, value_type, payload, templates, &mut Names(|name| self.add(name)))?;
            self.judge(scratch, value_type, payload, templates)?;
        }
        Ok(())
    }

    #[inline]
    fn judge(
        &mut self,
        scratch: &mut Scratch,
        value_type: ValueType,
        payload: &[u8],
        templates: &Templates,
    ) -> Result<()> {
        self.hashes.sort_unstable();
        if self.hashes.windows(2).all(|pair| pair[0] != pair[1]) {
            return Ok(());
        }
        let equal = self.hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let suspects: HashSet<u64> = equal.collect();
        confirm(&suspects, scratch, value_type, payload, templates)
    }
}

/// Compares the names of equal hashes themselves.
#[cold]
fn confirm(
    suspects: &HashSet<u64>,
    scratch: &mut Scratch,
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
) -> Result<()> {
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut twice = None;
    let mut compare = |name: &[u8]| {
        if suspects.contains(&xxh3_64(name)) && twice.is_none() && !seen.insert(name.to_vec()) {
            twice = Some(name.to_vec());
        }
    };
    visit_with(scratch, value_type, payload, templates, &mut Names(&mut compare))?;
    match twice {
        Some(name) => {
            let name = name[..name.len().min(64)].escape_ascii();
            Err(FormatError::corrupt(0, format!("element \"{name}\" is there twice")))
        }
        None => Ok(()),
    }
}

/// Visits what must be there once only: set members, sorted set members, hash fields.
pub(super) struct Names<F: FnMut(&[u8])>(pub F);

impl<F: FnMut(&[u8])> Visitor for Names<F> {
    type Error = FormatError;

    fn string(&mut self, _value: &[u8]) -> Result<()> {
        Ok(())
    }
    fn list_item(&mut self, _item: &[u8]) -> Result<()> {
        Ok(())
    }
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        (self.0)(member);
        Ok(())
    }
    fn zset_member(&mut self, member: &[u8], _score: f64) -> Result<()> {
        (self.0)(member);
        Ok(())
    }
    fn hash_field(&mut self, field: &[u8], _value: &[u8], _expire: Option<i64>) -> Result<()> {
        (self.0)(field);
        Ok(())
    }
    fn stream_node(&mut self, _master: StreamId, _listpack: &[u8]) -> Result<bool> {
        Ok(false)
    }
    fn stream_message(&mut self, _message: &Message<'_>) -> Result<()> {
        Ok(())
    }
    fn stream_meta(&mut self, _meta: &super::super::stream::StreamMeta) -> Result<()> {
        Ok(())
    }
    fn opaque(&mut self, _value_type: ValueType, _payload: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of these members, as type 2.
    fn set(members: &[&[u8]]) -> Vec<u8> {
        let mut payload = vec![members.len() as u8];
        for member in members {
            payload.push(member.len() as u8);
            payload.extend_from_slice(member);
        }
        payload
    }

    fn finish(names: &mut Distinct, members: &[&[u8]], parts: u64) -> Result<()> {
        names.clear();
        names.parts = parts;
        members.iter().for_each(|member| names.add(member));
        let payload = set(members);
        names.finish(&mut Scratch::default(), ValueType::Set, &payload, &Templates::new())
    }

    #[test]
    fn a_name_twice_is_found_in_whatever_range_it_falls() {
        let mut names = Distinct::default();
        let members: [&[u8]; 5] = [b"a", b"b", b"c", b"", b"e"];
        for parts in [1, 2, 7] {
            finish(&mut names, &members, parts).unwrap();
            for twice in members {
                let with_twice = [&members[..], &[twice]].concat();
                let error = finish(&mut names, &with_twice, parts).unwrap_err();
                assert!(error.what.contains("twice"), "{error}");
            }
        }
    }

    #[test]
    fn equal_hashes_of_different_names_are_no_fault() {
        let suspects = HashSet::from([xxh3_64(b"a"), xxh3_64(b"b")]);
        let payload = set(&[b"a", b"b"]);
        let scratch = &mut Scratch::default();
        confirm(&suspects, scratch, ValueType::Set, &payload, &Templates::new()).unwrap();
    }
}

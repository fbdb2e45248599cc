//! Changing an intset in place: members added and removed.
//!
//! A member that does not fit the width widens all of them; the width never shrinks again, as in
//! Redis. The blob must have passed [`super::Intset::parse`], or be [`empty`], which readers refuse
//! and only an intset in the making is.
use super::{width_of, write, Intset, HEADER_BYTES};
use crate::error::Result;

/// An intset without members.
pub fn empty() -> Vec<u8> {
    let mut blob = Vec::with_capacity(HEADER_BYTES + 8);
    write(&mut blob, &[]);
    blob
}

/// The blob, checked; nothing when it has no members.
fn parse(blob: &[u8]) -> Result<Option<Intset<'_>>> {
    match blob.len() {
        HEADER_BYTES => Ok(None),
        _ => Intset::parse(blob).map(Some),
    }
}

/// Adds a member; whether it is new.
pub fn insert(blob: &mut Vec<u8>, n: i64) -> Result<bool> {
    let Some(intset) = parse(blob)? else {
        blob.clear();
        write(blob, &[n]);
        return Ok(true);
    };
    let (width, count) = (intset.width(), intset.count());
    if width_of(n) > width {
        *blob = widened(&intset, n);
        return Ok(true);
    }
    let Err(index) = intset.search(n) else { return Ok(false) };
    let (at, end) = (HEADER_BYTES + index * width, blob.len());
    blob.resize(end + width, 0);
    blob.copy_within(at..end, at + width);
    blob[at..at + width].copy_from_slice(&n.to_le_bytes()[..width]);
    set_count(blob, count + 1);
    Ok(true)
}

/// Removes a member; whether it was there.
pub fn remove(blob: &mut Vec<u8>, n: i64) -> Result<bool> {
    let Some(intset) = parse(blob)? else { return Ok(false) };
    let (width, count) = (intset.width(), intset.count());
    let Ok(index) = intset.search(n) else { return Ok(false) };
    let (at, end) = (HEADER_BYTES + index * width, blob.len());
    blob.copy_within(at + width..end, at);
    blob.truncate(end - width);
    set_count(blob, count - 1);
    Ok(true)
}

/// The members and one that is wider than they are, and so the first or the last.
fn widened(intset: &Intset<'_>, n: i64) -> Vec<u8> {
    let (width, count) = (width_of(n), intset.count() + 1);
    let mut blob = Vec::with_capacity(HEADER_BYTES + width * count);
    blob.extend_from_slice(&(width as u32).to_le_bytes());
    blob.extend_from_slice(&(count as u32).to_le_bytes());
    let mut push = |n: i64| blob.extend_from_slice(&n.to_le_bytes()[..width]);
    if n < 0 {
        push(n);
    }
    intset.iter().for_each(&mut push);
    if n >= 0 {
        push(n);
    }
    blob
}

fn set_count(blob: &mut [u8], count: usize) {
    blob[4..HEADER_BYTES].copy_from_slice(&(count as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn changed_in_place_as_a_set_is() {
        let (mut random, mut width) = (5u64, 2);
        let (mut blob, mut model) = (empty(), BTreeSet::new());
        for step in 0..20_000u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = (random as i64) >> (if step < 8000 { 56 } else { 16 + random % 45 });
            let is_new = random >> 60 > 5;
            match is_new {
                true => assert_eq!(insert(&mut blob, n).unwrap(), model.insert(n)),
                false => assert_eq!(remove(&mut blob, n).unwrap(), model.remove(&n)),
            }
            let Some(intset) = parse(&blob).unwrap() else { continue };
            intset.validate().unwrap();
            assert!(intset.width() >= width || intset.count() == 1);
            width = intset.width();
            if step % 64 == 0 {
                assert!(intset.iter().eq(model.iter().copied()));
            }
        }
        for n in model {
            assert!(remove(&mut blob, n).unwrap());
        }
        assert!(parse(&blob).unwrap().is_none() && !remove(&mut blob, 1).unwrap());
    }
}

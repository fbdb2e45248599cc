//! Objects of a dataset in memory, chosen by chance: candidates for eviction.
use super::memory::Memory;
use super::uses::Use;
use super::{Home, Space};
use crate::layout::MAX_KEY_BYTES;
use crate::object::{split_record_key, Header};
use std::ops::Bound;

/// An object that was chosen.
pub struct Sampled<'s> {
    /// Its db.
    pub db: u32,
    /// Its key, as in its record key.
    pub key: &'s [u8],
    /// Its record.
    pub record: &'s [u8],
    /// What is known of its uses.
    pub used: Use,
}

impl Sampled<'_> {
    /// Its record key.
    pub fn record_key(&self) -> Vec<u8> {
        [&self.db.to_be_bytes(), self.key].concat()
    }
}

/// Where one key in so many has an expiry, or more, one is found by looking at keys.
const DENSE: usize = 16;
/// So many keys are looked at for each that is wanted.
const LOOKS: usize = 4 * DENSE;
/// Entries of the expiry index that are passed over, at most, from a time taken by chance on.
const MOST_SKIPPED: usize = 64;

impl Space {
    /// About so many objects, chosen by chance, of those with an expiry or of all; perhaps fewer,
    /// perhaps one more than once. A store has none to choose.
    pub fn sample(&self, volatile: bool, count: usize, seen: &mut dyn FnMut(Sampled<'_>)) {
        let Home::Memory(memory) = &self.home else { return };
        let keys = memory.len();
        if !volatile || memory.expires.len().saturating_mul(DENSE) >= keys {
            memory.sample_looking(volatile, count.min(keys), seen);
        } else {
            memory.sample_expires(count.min(memory.expires.len()), seen);
        }
    }
}

impl Memory {
    fn sample_looking(&self, volatile: bool, count: usize, seen: &mut dyn FnMut(Sampled<'_>)) {
        let mut left = count;
        for _ in 0..if volatile { count * LOOKS } else { count } {
            if left == 0 {
                return;
            }
            let Some((db, entry)) = self.pick() else { return };
            let (key, record) = (entry.key(), entry.record());
            let expires = |record| Header::of(record).is_some_and(|h| h.expire_at_ms.is_some());
            if !volatile || expires(record) {
                left -= 1;
                seen(Sampled { db, key, record, used: Use::of_word(entry.used()) });
            }
        }
    }

    /// Those that the expiry index names from a place on that is chosen by time. Long keys are left
    /// out, of which it holds a hash.
    fn sample_expires(&self, count: usize, seen: &mut dyn FnMut(Sampled<'_>)) {
        let time = |key: &[u8]| key.first_chunk().map_or(0, |at| u64::from_be_bytes(*at));
        let (Some(first), Some(last)) = (self.expires.first(), self.expires.last()) else { return };
        let (first, last) = (time(first), time(last));
        let at = first + self.uses.dice.draw() % (last - first).saturating_add(1);
        let start: &[u8] = &at.to_be_bytes();
        let from = self.expires.range::<[u8], _>((Bound::Included(start), Bound::Unbounded));
        let to = self.expires.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(start)));
        let skipped = self.uses.dice.below(self.expires.len().min(MOST_SKIPPED));
        for index_key in from.chain(to).cycle().skip(skipped).take(count) {
            let named = index_key.get(8..).filter(|_| index_key.len() < MAX_KEY_BYTES);
            let Some(Ok((db, key))) = named.map(split_record_key) else { continue };
            if let Some(entry) = self.table(db).and_then(|table| table.find(key)) {
                let used = Use::of_word(entry.used());
                seen(Sampled { db, key, record: entry.record(), used });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::record_key;

    fn filled(keys: u32, volatile: u32) -> Space {
        let mut space = Space::in_memory();
        for n in 0..keys {
            let expires = (n < volatile).then_some(1_000_000 + i64::from(n % 7));
            let record = super::super::tests::record(expires, n);
            let key = format!("key:{n}").into_bytes();
            space.put_object(&record_key(n % 3, &key), &record).unwrap();
        }
        space
    }

    #[test]
    fn every_key_may_be_chosen_and_of_those_with_an_expiry_only_these() {
        for (keys, volatile, all) in
            [(200, 0, false), (200, 100, true), (3000, 60, true), (9, 1, true), (200, 0, true)]
        {
            let space = filled(keys, volatile);
            let mut found = std::collections::BTreeSet::new();
            for _ in 0..3000 {
                space.sample(all, 5, &mut |sampled| {
                    let number = std::str::from_utf8(&sampled.key[4..]).unwrap();
                    found.insert(number.parse::<u32>().unwrap());
                });
            }
            let wanted = if all { volatile } else { keys };
            assert_eq!(found.into_iter().collect::<Vec<_>>(), (0..wanted).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_long_key_is_chosen_by_the_key_of_its_record() {
        let mut space = Space::in_memory();
        let long = record_key(7, &[b'k'; 5000]);
        space.put_object(&long, &super::super::tests::record(None, 1)).unwrap();
        let mut chosen = Vec::new();
        space.sample(false, 1, &mut |sampled| chosen.push(sampled.record_key()));
        assert_eq!(chosen, [long]);
    }
}

//! A table of objects in memory, in the order of the hashes of their keys.
//!
//! Linear hashing: the table is cut into shards, each a range of hashes and a hash table of its
//! own. When it has grown enough, one shard is cut in two, so that no insertion ever waits for a
//! whole table to be moved. A walk goes through the hashes in ascending order, shard by shard; as
//! the place of a key in that order never changes, a walk that is interrupted and goes on later
//! meets every key that was there all the time, exactly once, whatever was written meanwhile.
//!
//! ```text
//! shard   of hash h with 2^level + split shards: the low bits of h, reversed, taken modulo
//!         2^level, or modulo 2^(level+1) when that shard is cut already
//! ```
use super::entry::Entry;
use super::uses::Uses;
use hashbrown::hash_table::{Entry as Slot, HashTable};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Entries a shard, on average, at which the next shard is cut.
const SHARD_ENTRIES: usize = 48;
/// Memory that an entry takes in the table, about.
const SLOT_BYTES: usize = 32;

/// Objects by key.
pub(super) struct ObjectTable {
    shards: Vec<HashTable<Entry>>,
    level: u32,
    split: usize,
    len: usize,
    bytes: usize,
    seed: u64,
}

/// One seed for the process, so that a key has the same place in every table.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0u8));

/// The place of a key in the order of a walk; keys of the same place go by their bytes.
pub(super) fn place_of(key: &[u8]) -> u64 {
    hash_of(key, *SEED)
}

impl Default for ObjectTable {
    fn default() -> Self {
        let seed = *SEED;
        Self { shards: vec![HashTable::new()], level: 0, split: 0, len: 0, bytes: 0, seed }
    }
}

impl ObjectTable {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Memory that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes + self.len * SLOT_BYTES
    }

    /// The entry of a key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<&Entry> {
        let hash = self.hash(key);
        let shard = &self.shards[self.shard_of(hash)];
        shard.find(slot_hash(hash), |entry| entry.key() == key)
    }

    /// The record of a key, which is used.
    #[inline]
    pub fn get(&self, key: &[u8], uses: &Uses) -> Option<&[u8]> {
        let entry = self.find(key)?;
        uses.note(entry);
        Some(entry.record())
    }

    /// The record of a key, which is used, to be changed in place.
    #[inline]
    pub fn get_mut(&mut self, key: &[u8], uses: &Uses) -> Option<&mut [u8]> {
        let hash = self.hash(key);
        let index = self.shard_of(hash);
        let found = self.shards[index].find_mut(slot_hash(hash), |entry| entry.key() == key);
        let entry = found?;
        uses.note(entry);
        Some(entry.record_mut())
    }

    /// Stores a record, which is used; `seen` is shown the one it replaces.
    #[inline]
    pub fn put(
        &mut self,
        key: &[u8],
        record: &[u8],
        uses: &Uses,
        seen: impl FnOnce(Option<&[u8]>),
    ) {
        let hash = self.hash(key);
        let (index, seed) = (self.shard_of(hash), self.seed);
        let slot = self.shards[index].entry(
            slot_hash(hash),
            |entry| entry.key() == key,
            |entry| slot_hash(hash_of(entry.key(), seed)),
        );
        match slot {
            Slot::Occupied(mut slot) => {
                let entry = slot.get_mut();
                uses.note(entry);
                let old = entry.record();
                seen(Some(old));
                if old.len() == record.len() {
                    entry.record_mut().copy_from_slice(record);
                } else {
                    self.bytes -= entry.bytes();
                    *entry = Entry::new(key, record, entry.used());
                    self.bytes += entry.bytes();
                    uses.note_moved(entry);
                }
            }
            Slot::Vacant(slot) => {
                seen(None);
                let entry = Entry::new(key, record, uses.of_new());
                uses.note_moved(&entry);
                self.bytes += entry.bytes();
                slot.insert(entry);
                self.len += 1;
                if self.len > self.shards.len() * SHARD_ENTRIES {
                    self.cut_next();
                }
            }
        }
    }

    /// Removes a key; `seen` is shown its record.
    pub fn remove(&mut self, key: &[u8], seen: impl FnOnce(&[u8])) -> bool {
        let hash = self.hash(key);
        let index = self.shard_of(hash);
        let found = self.shards[index].find_entry(slot_hash(hash), |entry| entry.key() == key);
        let Ok(slot) = found else { return false };
        let (entry, _) = slot.remove();
        seen(entry.record());
        self.bytes -= entry.bytes();
        self.len -= 1;
        true
    }

    /// An entry chosen by a random number.
    pub fn pick(&self, random: u64) -> Option<&Entry> {
        let first = self.shard_of(random);
        let (before, from) = self.shards.split_at(first);
        let shard = from.iter().chain(before).find(|shard| !shard.is_empty())?;
        let buckets = shard.num_buckets();
        // The shard goes by the high bits.
        let start = random as u32 as usize % buckets;
        (start..buckets).chain(0..start).find_map(|bucket| shard.get_bucket(bucket))
    }

    /// A walk from the first key on, or from after the place of a key, which need not be there.
    pub fn walk(&self, after: Option<&[u8]>) -> TableWalk<'_> {
        let place = after.map(|key| (self.hash(key), key));
        let mut walk =
            TableWalk { table: self, next_hash: Some(0), entries: Vec::new().into_iter() };
        if let Some((hash, key)) = place {
            walk.next_hash = Some(hash);
            walk.load();
            let rest: Vec<_> =
                walk.entries.by_ref().filter(|(h, e)| (*h, e.key()) > (hash, key)).collect();
            walk.entries = rest.into_iter();
        }
        walk
    }

    fn hash(&self, key: &[u8]) -> u64 {
        hash_of(key, self.seed)
    }

    #[inline]
    fn shard_of(&self, hash: u64) -> usize {
        let bits = hash.reverse_bits() as usize;
        let index = bits & ((1 << self.level) - 1);
        if index < self.split {
            bits & ((2 << self.level) - 1)
        } else {
            index
        }
    }

    /// Cuts the next shard in two.
    #[cold]
    fn cut_next(&mut self) {
        let (bit, seed) = (1usize << self.level, self.seed);
        let shard = &mut self.shards[self.split];
        let mut half = HashTable::with_capacity(shard.len() / 2 + 1);
        let moving =
            |entry: &mut Entry| hash_of(entry.key(), seed).reverse_bits() as usize & bit != 0;
        for entry in shard.extract_if(moving) {
            let hash = slot_hash(hash_of(entry.key(), seed));
            half.insert_unique(hash, entry, |entry| slot_hash(hash_of(entry.key(), seed)));
        }
        shard.shrink_to(0, |entry| slot_hash(hash_of(entry.key(), seed)));
        self.shards.push(half);
        self.split += 1;
        if self.split == bit {
            self.level += 1;
            self.split = 0;
        }
    }

    /// Bits of hash that all keys of a shard share.
    fn depth(&self, shard: usize) -> u32 {
        let is_cut = shard < self.split || shard >= 1 << self.level;
        self.level + u32::from(is_cut)
    }
}

/// A walk in the order of hashes.
pub(super) struct TableWalk<'t> {
    table: &'t ObjectTable,
    /// Where the shard after the present one begins.
    next_hash: Option<u64>,
    entries: std::vec::IntoIter<(u64, &'t Entry)>,
}

impl<'t> TableWalk<'t> {
    /// The next key and its record.
    pub fn advance(&mut self) -> Option<(&'t [u8], &'t [u8])> {
        loop {
            if let Some((_, entry)) = self.entries.next() {
                return Some((entry.key(), entry.record()));
            }
            if !self.load() {
                return None;
            }
        }
    }

    /// Takes the entries of the shard at `next_hash`.
    fn load(&mut self) -> bool {
        let Some(hash) = self.next_hash else { return false };
        let index = self.table.shard_of(hash);
        let mut entries: Vec<(u64, &Entry)> = self.table.shards[index]
            .iter()
            .map(|entry| (self.table.hash(entry.key()), entry))
            .collect();
        entries.sort_unstable_by(|a, b| (a.0, a.1.key()).cmp(&(b.0, b.1.key())));
        self.entries = entries.into_iter();
        let depth = self.table.depth(index);
        self.next_hash = match depth {
            0 => None,
            _ => ((hash >> (64 - depth)) + 1).checked_shl(64 - depth).filter(|next| *next != 0),
        };
        true
    }
}

#[inline]
fn hash_of(key: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(key, seed)
}

/// The hash within a shard, whose keys all share the high bits.
#[inline]
fn slot_hash(hash: u64) -> u64 {
    hash << 32 | (hash & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn keys(table: &ObjectTable) -> Vec<Vec<u8>> {
        let mut walk = table.walk(None);
        std::iter::from_fn(|| walk.advance().map(|(key, _)| key.to_vec())).collect()
    }

    #[test]
    fn holds_what_a_map_holds() {
        let (mut table, mut map) = (ObjectTable::default(), BTreeMap::new());
        for n in 0..20_000u32 {
            let key = (n.wrapping_mul(2_654_435_761) % 7919).to_string().into_bytes();
            if n % 3 == 2 {
                assert_eq!(table.remove(&key, |_| ()), map.remove(&key).is_some());
            } else {
                let record = vec![n as u8; n as usize % 50];
                table.put(&key, &record, &Uses::default(), |old| {
                    assert_eq!(old, map.get(&key).map(Vec::as_slice))
                });
                map.insert(key, record);
            }
        }
        assert_eq!(table.len(), map.len());
        for (key, record) in &map {
            assert_eq!(table.get(key, &Uses::default()), Some(record.as_slice()));
        }
        let mut walked = keys(&table);
        walked.sort();
        assert!(walked.iter().eq(map.keys()));
    }

    /// The guarantee of SCAN.
    #[test]
    fn an_interrupted_walk_meets_every_key_that_stays_once() {
        let mut table = ObjectTable::default();
        let name = |n: u32| format!("key:{n}").into_bytes();
        for n in 0..1000 {
            table.put(&name(n), b"", &Uses::default(), |_| ());
        }
        let (mut met, mut place, mut fresh) = (Vec::new(), None::<Vec<u8>>, 1000);
        loop {
            let mut walk = table.walk(place.as_deref());
            let batch: Vec<Vec<u8>> = std::iter::from_fn(|| walk.advance())
                .take(7)
                .map(|(key, _)| key.to_vec())
                .collect();
            let Some(last) = batch.last() else { break };
            place = Some(last.clone());
            met.extend(batch);
            if fresh < 50_000 {
                for n in fresh..fresh + 100 {
                    table.put(&name(n), b"", &Uses::default(), |_| ());
                }
                fresh += 100;
            }
        }
        let mut once = met.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), met.len());
        assert!((0..1000).all(|n| once.binary_search(&name(n)).is_ok()));
    }
}

//! Which segment has an order key: a bounded memory of segments found, so that what a collection
//! holds at a place is looked up without a walk down the tree.
//!
//! ```text
//! slot   addresses of its key and its value in the map · last order key that it has · length of
//!        the value · 32 bits of a hash of id and family
//! ```
//! A segment has all order keys from its own to the one before the next segment's, which the search
//! that finds it passes. Order keys are cut into ranges, of each family as wide as a part of the
//! segments that are found first, and each range has one slot: so elements that nobody has asked
//! for are found too, when they lie beside others. What is remembered holds as long as the snapshot
//! that it was found in; which segment it is, its own key says. Only keys that are one number
//! (`[id][family][order key]`) are remembered.
use super::env::{Pair, Passed, Txn};
use super::places::map;
use memmap2::MmapMut;
use std::cell::{Cell, RefCell};

/// 16 MB a reader.
const MAX_SLOTS: usize = 1 << 19;
/// Slots a segment: it is cut into about so many ranges.
const RANGES: usize = 4;
/// Segments of a family whose widths say how wide its ranges are.
const SAMPLED: u32 = 8;
/// Segments found before any is remembered: readers that look up a few need no table.
const FIRST_FOUND: usize = 64;
/// Families whose ranges are known.
const FAMILIES: usize = 256;

const KEY_BYTES: usize = 17;

#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Slot {
    key_address: usize,
    value_address: usize,
    last: u64,
    value_len: u32,
    tag: u32,
}

const SLOT_BYTES: usize = size_of::<Slot>();

/// How wide the segments of a family are.
#[derive(Debug, Clone, Copy, Default)]
struct Family {
    id: u64,
    family: u8,
    /// How many were looked at, and the sum of their widths in bits.
    sampled: u32,
    bits: u32,
}

impl Family {
    /// So many bits of order keys are a range; None while too little is known.
    #[inline]
    fn range_bits(&self) -> Option<u32> {
        let bits = (self.bits / SAMPLED).saturating_sub(RANGES.ilog2());
        (self.sampled == SAMPLED).then_some(bits)
    }
}

/// A place in a collection: what the key of a segment says.
#[derive(Debug, Clone, Copy)]
struct Place {
    id: u64,
    family: u8,
    order: u64,
}

impl Place {
    #[inline]
    fn of(key: &[u8]) -> Option<Self> {
        let key: &[u8; KEY_BYTES] = key.try_into().ok()?;
        let (id, rest) = key.split_first_chunk()?;
        let (family, order) = rest.split_first()?;
        let order = order.try_into().ok()?;
        Some(Self {
            id: u64::from_be_bytes(*id),
            family: *family,
            order: u64::from_be_bytes(order),
        })
    }

    fn is_beside(&self, other: &Self) -> bool {
        (self.id, self.family) == (other.id, other.family)
    }
}

/// The segments a reader remembers.
#[derive(Debug)]
pub(super) struct Floors {
    /// In zeroed pages that take memory when they are first written; empty at first.
    slots: RefCell<Option<MmapMut>>,
    /// A power of two, not 1.
    slot_count: usize,
    families: RefCell<Vec<Family>>,
    found: Cell<usize>,
}

impl Floors {
    /// For a table of so many segments.
    pub fn new(segments: usize) -> Self {
        let wanted = segments.saturating_mul(RANGES).clamp(2, MAX_SLOTS);
        let (slots, families) = (RefCell::new(None), RefCell::new(Vec::new()));
        Self { slots, slot_count: wanted.next_power_of_two(), families, found: Cell::new(0) }
    }

    /// The last record whose key is not greater, from memory or by `search`.
    #[inline]
    pub fn get<'t, E>(
        &self,
        txn: &'t Txn,
        key: &[u8],
        search: impl FnOnce() -> Result<Passed<'t>, E>,
    ) -> Result<Option<Pair<'t>>, E> {
        let Some(place) = Place::of(key) else { return Ok(search()?.floor) };
        if let Some(found) = self.recall(txn, &place) {
            return Ok(Some(found));
        }
        let passed = search()?;
        self.remember(&place, &passed);
        Ok(passed.floor)
    }

    /// The bytes of the slot of a place, whose family has ranges of so many bits, and its tag.
    #[inline]
    fn slot_of(&self, place: &Place, bits: u32) -> (std::ops::Range<usize>, u32) {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let seed = (place.id ^ u64::from(place.family) << 56).wrapping_mul(SPREAD);
        let hash = (seed ^ (place.order >> bits)).wrapping_mul(SPREAD);
        // The high bits are those that spread neighbours evenly.
        let start = (hash >> (64 - self.slot_count.ilog2())) as usize * SLOT_BYTES;
        (start..start + SLOT_BYTES, (seed >> 32) as u32)
    }

    /// Where what is known of a family stands.
    #[inline]
    fn family_at(place: &Place) -> usize {
        (place.id as usize).wrapping_mul(2).wrapping_add(usize::from(place.family)) % FAMILIES
    }

    #[inline]
    fn bits_of(&self, place: &Place) -> Option<u32> {
        let families = self.families.borrow();
        let known = families.get(Self::family_at(place))?;
        let is_it = (known.id, known.family) == (place.id, place.family);
        known.range_bits().filter(|_| is_it)
    }

    #[inline]
    fn recall<'t>(&self, txn: &'t Txn, place: &Place) -> Option<Pair<'t>> {
        let slots = self.slots.borrow();
        let (range, tag) = self.slot_of(place, self.bits_of(place)?);
        let slot: &Slot = bytemuck::from_bytes(&slots.as_ref()?[range]);
        if slot.tag != tag || place.order > slot.last || slot.key_address == 0 {
            return None;
        }
        // SAFETY: both addresses were remembered from this transaction, with these lengths: a
        // `Floors` belongs to one reader, and slots are only filled by `remember`.
        let (key, value) = unsafe {
            let (_, key) = txn.around(slot.key_address, 0, KEY_BYTES);
            let (_, value) = txn.around(slot.value_address, 0, slot.value_len as usize);
            (key, value)
        };
        let first = Place::of(key).filter(|first| first.is_beside(place))?;
        (first.order <= place.order).then_some((key, value))
    }

    fn remember(&self, place: &Place, passed: &Passed<'_>) {
        let Some((key, value)) = passed.floor else { return };
        let Some(first) = Place::of(key).filter(|first| first.is_beside(place)) else { return };
        let last = match passed.next {
            // The key itself was there: nothing is known of the next one.
            None if !passed.was_last => return,
            None => u64::MAX,
            Some(next) => match Place::of(next) {
                Some(next) if next.is_beside(&first) => next.order.saturating_sub(1),
                _ if next.starts_with(&key[..KEY_BYTES - 8]) => return,
                _ => u64::MAX,
            },
        };
        let Ok(value_len) = value.len().try_into() else { return };
        self.found.set(self.found.get() + 1);
        if self.found.get() <= FIRST_FOUND {
            return;
        }
        let Some(bits) = self.bits_of(place).or_else(|| self.sample(place, last - first.order))
        else {
            return;
        };
        let mut slots = self.slots.borrow_mut();
        if slots.is_none() {
            *slots = map(self.slot_count * SLOT_BYTES);
        }
        if let Some(slots) = slots.as_mut() {
            let (range, tag) = self.slot_of(place, bits);
            let slot: &mut Slot = bytemuck::from_bytes_mut(&mut slots[range]);
            let (key_address, value_address) = (key.as_ptr() as usize, value.as_ptr() as usize);
            *slot = Slot { key_address, value_address, last, value_len, tag };
        }
    }

    /// A segment of a family was found that is so wide: the bits of the family's ranges, once they
    /// are known.
    fn sample(&self, place: &Place, width: u64) -> Option<u32> {
        let mut families = self.families.borrow_mut();
        families.resize(FAMILIES, Family::default());
        let known = &mut families[Self::family_at(place)];
        if (known.id, known.family) != (place.id, place.family) {
            let (id, family) = (place.id, place.family);
            *known = Family { id, family, ..Family::default() };
        }
        known.sampled += 1;
        known.bits += width.checked_ilog2().unwrap_or(0);
        known.range_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Store, Table};
    use crate::lmdb::LmdbStore;
    use crate::segment::{element_hash, hash_key, list_key, zset_key};
    use std::collections::BTreeMap;

    /// Segments of several collections: spread by hash, side by side, with and without separators.
    fn segments() -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut map = BTreeMap::new();
        for n in 0..4000u32 {
            let bytes = vec![n as u8; if n.is_multiple_of(7) { 5000 } else { n as usize % 90 }];
            let hash = element_hash(&n.to_be_bytes());
            map.insert(hash_key(3, hash).to_vec(), bytes.clone());
            map.insert(list_key(4, (1 << 63) + u64::from(n) * 100).to_vec(), bytes.clone());
            let separator: &[u8] = if n % 3 == 0 { b"" } else { b"sep" };
            map.insert(zset_key(3, f64::from(n / 2), separator), bytes.clone());
            if n % 100 == 0 {
                map.insert(hash_key(u64::from(n), hash).to_vec(), bytes);
            }
        }
        map
    }

    #[test]
    fn what_is_found_again_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = LmdbStore::create(&folder.path().join("x.lmdb")).unwrap();
        let map = segments();
        let mut writer = store.writer().unwrap();
        for (key, value) in &map {
            writer.put(Table::Segments, key, value).unwrap();
        }
        writer.commit().unwrap();
        let reader = store.reader().unwrap();
        let mut random = 1u64;
        for step in 0..60_000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = random >> 20;
            let key = match step % 5 {
                0 => hash_key(4, draw << 20).to_vec(),
                1 => hash_key(3, draw.rotate_right(20)).to_vec(),
                2 => list_key(4, (1 << 63) + draw % 450_000).to_vec(),
                3 => zset_key(
                    3,
                    (draw % 2100) as f64,
                    if draw.is_multiple_of(2) { b"" } else { b"sep" },
                ),
                _ => hash_key(draw / 7 % 4200, random).to_vec(),
            };
            let found = reader.floor(Table::Segments, &key).unwrap();
            let found = found.map(|(key, value)| (key.into_owned(), value.into_owned()));
            let expected = map.range(..=key.clone()).next_back();
            assert_eq!(found, expected.map(|(key, value)| (key.clone(), value.clone())));
        }
    }

    #[test]
    fn beside_what_was_found_no_search_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let store = LmdbStore::create(&folder.path().join("x.lmdb")).unwrap();
        let mut writer = store.writer().unwrap();
        for position in [1000, 2000, 3000] {
            writer.put(Table::Segments, &list_key(1, position), b"run").unwrap();
        }
        writer.commit().unwrap();
        let txn = Txn::begin(&store.env, true).unwrap();
        let (floors, table) = (Floors::new(10), store.tables[Table::Segments as usize]);
        for _ in 0..FIRST_FOUND + SAMPLED as usize {
            floors.get(&txn, &list_key(1, 2500), || txn.floor(table, &list_key(1, 2500))).unwrap();
        }
        let again = floors.get(&txn, &list_key(1, 2501), || Err("searched"));
        assert_eq!(again, Ok(Some((&list_key(1, 2000)[..], &b"run"[..]))));
        for other in [list_key(1, 1999), list_key(1, 3000), list_key(2, 2500), hash_key(1, 2500)] {
            assert_eq!(floors.get(&txn, &other, || Err("searched")), Err("searched"));
        }
    }
}

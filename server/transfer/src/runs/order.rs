//! The order of a run's entries, found without looking at the entries again.
//!
//! Keys share their beginnings: `session:`, `user:`. So the db and the first eight bytes of a key
//! are replaced by the number of their family, which leaves room for thirteen more bytes in a
//! 128-bit number, and numbers sort several times faster than bytes. Entries whose numbers are
//! equal (longer keys) are then compared as a whole.
use super::entry::Entry;
use hashbrown::HashMap;
use redtool_store::Table;
use std::ops::Range;

/// Length of the db number with the first eight bytes of the key.
const FAMILY_BYTES: usize = 12;
/// Bytes of a key after its family that are sorted by as a number.
const TAIL_BYTES: usize = 13;
/// Bits of the tail in the number; the family's number stands above them.
const TAIL_BITS: u32 = 8 * TAIL_BYTES as u32;
/// More families than this cannot be numbered; then the tails do not tell and all is compared.
const MOST_FAMILIES: usize = 1 << 16;

#[derive(Clone, Copy)]
struct Slot {
    /// For objects: family number in order of arrival, then the tail. For expiries: the time.
    number: u128,
    at: u32,
    len: u32,
}

impl Slot {
    fn place(&self) -> Range<usize> {
        self.at as usize..self.at as usize + self.len as usize
    }
}

/// Where the entries of a run are, objects and expiries apart.
#[derive(Default)]
pub struct RunOrder {
    objects: Vec<Slot>,
    expiries: Vec<Slot>,
    families: HashMap<[u8; FAMILY_BYTES], usize>,
}

impl RunOrder {
    /// Notes the entry, of `len` bytes at `at`.
    #[inline]
    pub fn push(&mut self, entry: &Entry<'_>, at: u32, len: u32) {
        if entry.table == Table::Objects {
            let mut family = [0; FAMILY_BYTES];
            let n = entry.key.len().min(FAMILY_BYTES);
            family[..n].copy_from_slice(&entry.key[..n]);
            let next = self.families.len();
            let family = *self.families.entry(family).or_insert(next);
            let tail = number::<TAIL_BYTES>(entry.key.get(FAMILY_BYTES..).unwrap_or(&[]));
            self.objects.push(Slot { number: (family as u128) << TAIL_BITS | tail, at, len });
        } else {
            self.expiries.push(Slot { number: number::<16>(entry.key), at, len });
        }
    }

    /// The places of the entries in order, expiries first; forgets them.
    pub fn sort(&mut self, arena: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
        self.number_families();
        for slots in [&mut self.expiries, &mut self.objects] {
            slots.sort_unstable_by_key(|slot| slot.number);
            for ties in slots.chunk_by_mut(|a, b| a.number == b.number) {
                if ties.len() > 1 {
                    ties.sort_unstable_by_key(|slot| key(arena, slot.at));
                }
            }
        }
        self.families.clear();
        self.expiries.drain(..).chain(self.objects.drain(..)).map(|slot| slot.place())
    }

    /// Families were numbered as they came; now they are numbered in their order.
    fn number_families(&mut self) {
        let mut families: Vec<_> = self.families.iter().map(|(f, n)| (*f, *n)).collect();
        families.sort_unstable();
        let mut ranks = vec![0; families.len()];
        for (rank, (_, n)) in families.iter().enumerate() {
            ranks[*n] = rank;
        }
        let tail = (1 << TAIL_BITS) - 1;
        let comparable = ranks.len() <= MOST_FAMILIES;
        for slot in &mut self.objects {
            let rank = if comparable { ranks[(slot.number >> TAIL_BITS) as usize] } else { 0 };
            let tail = if comparable { slot.number & tail } else { 0 };
            slot.number = (rank as u128) << TAIL_BITS | tail;
        }
    }
}

fn key(arena: &[u8], at: u32) -> &[u8] {
    Entry::read(arena, at as usize).map_or(&[], |(entry, _)| entry.key)
}

/// The first `N` bytes, at most 16, as a number that orders as they do.
#[inline]
fn number<const N: usize>(bytes: &[u8]) -> u128 {
    let mut padded = [0; 16];
    let n = bytes.len().min(N);
    padded[16 - N..16 - N + n].copy_from_slice(&bytes[..n]);
    u128::from_be_bytes(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(keys: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let (mut arena, mut order) = (Vec::<u8>::new(), RunOrder::default());
        for key in keys {
            let entry =
                Entry { table: Table::Objects, key, value: b"", source_offset: 0, blob: None };
            let (at, len) = (arena.len(), entry.size_bytes());
            order.push(&entry, at as u32, len as u32);
            arena.resize(at + len, 0);
            entry.write(&mut arena[at..]);
        }
        order.sort(&arena).map(|at| key(&arena, at.start as u32).to_vec()).collect()
    }

    fn record_key(db: u8, key: &[u8]) -> Vec<u8> {
        [&[0, 0, 0, db], key].concat()
    }

    #[test]
    fn keys_come_in_the_order_of_their_bytes() {
        let mut keys = vec![
            record_key(1, b"a"),
            record_key(0, b""),
            record_key(0, b"a\0"),
            record_key(0, b"a"),
            record_key(0, b"session:000000123456"),
            record_key(0, b"session:000000123457"),
            record_key(0, b"session:0000001234567890123456789b"),
            record_key(0, b"session:0000001234567890123456789a"),
            record_key(0, b"session"),
        ];
        let found = order(&keys);
        keys.sort();
        assert_eq!(found, keys);
    }

    #[test]
    fn more_families_than_can_be_numbered_are_compared() {
        let mut keys: Vec<_> =
            (0..70_000u32).map(|n| record_key(0, &n.reverse_bits().to_le_bytes())).collect();
        let found = order(&keys);
        keys.sort();
        assert_eq!(found, keys);
    }
}

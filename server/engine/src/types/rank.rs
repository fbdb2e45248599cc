//! How many members lie before each score segment of a big sorted set: what rank queries need and
//! the records do not say. A table is made by one walk over the segments' headers when a rank is
//! first asked for, kept while there is room, and told of every change of the segments.
//!
//! A table holds its segments in chunks, and the sums of the chunks in a Fenwick tree (entry i,
//! counted from 1, is the sum of the chunks i - lowbit(i) + 1 to i):
//! ```text
//! chunks   [k1 k2 k3 …] [k4 k5 …] [k6 …]       keys, and how many members each segment has
//! tree     sum(1)  sum(1..2)  sum(3)  …
//! ```
//! So the members before a key, the segment of a rank and a change of a count take steps as many as
//! the logarithm of the number of chunks, and one look through a chunk. An id names one sorted set
//! for ever, so the table of one that is gone is only forgotten in time.
use super::segments::{Segment, Segments, PREFIX_BYTES};
use super::{Result, ON};
use hashbrown::HashMap;
use redtool_format::encodings::listpack::Listpack;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The order key of a segment: a score's order, and the separator behind it. Most separators are
/// empty, and then take no memory of their own.
type OrderKey = (u64, Box<[u8]>);

/// The order key in a record key.
fn split(key: &[u8]) -> (u64, &[u8]) {
    let order = key.get(PREFIX_BYTES..).unwrap_or_default();
    match order.split_first_chunk::<8>() {
        Some((order, separator)) => (u64::from_be_bytes(*order), separator),
        None => (0, order),
    }
}

fn owned((order, separator): (u64, &[u8])) -> OrderKey {
    (order, separator.into())
}

fn borrowed((order, separator): &OrderKey) -> (u64, &[u8]) {
    (*order, separator)
}

/// Segments in a chunk when a table is made; twice as many are cut in two.
const CHUNK: usize = 64;

/// Some segments that follow each other.
#[derive(Debug, Clone, Default)]
struct Chunk {
    keys: Vec<OrderKey>,
    counts: Vec<u32>,
}

impl Chunk {
    fn sum(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

/// Counts of each segment of one sorted set.
#[derive(Debug, Clone, Default)]
pub struct RankTable {
    prefix: [u8; PREFIX_BYTES],
    /// None is empty.
    chunks: Vec<Chunk>,
    /// The first key of each chunk.
    firsts: Vec<OrderKey>,
    tree: Vec<u64>,
    segments: usize,
}

/// Members in a score segment: pairs of items.
pub fn members_of(segment: &Segment<'_>) -> Result<u64> {
    Ok(Listpack::parse(&segment.value)?.count()? as u64 / 2)
}

impl RankTable {
    /// Walks the segments.
    pub fn build(segments: &Segments<'_>) -> Result<Self> {
        let mut table = RankTable { prefix: *segments.prefix(), ..RankTable::default() };
        segments.each(|segment| {
            let count = members_of(&segment)?;
            if table.segments.is_multiple_of(CHUNK) {
                table.chunks.push(Chunk::default());
            }
            if let Some(chunk) = table.chunks.last_mut() {
                chunk.keys.push(owned(split(&segment.key)));
                chunk.counts.push(u32::try_from(count).unwrap_or(u32::MAX));
            }
            table.segments += 1;
            Ok(ON)
        })?;
        table.index();
        Ok(table)
    }

    /// Makes the first keys and the tree anew.
    fn index(&mut self) {
        self.firsts = self.chunks.iter().map(|chunk| chunk.keys[0].clone()).collect();
        self.tree = self.chunks.iter().map(Chunk::sum).collect();
        for i in 1..=self.tree.len() {
            let parent = i + (i & i.wrapping_neg());
            if parent <= self.tree.len() {
                self.tree[parent - 1] += self.tree[i - 1];
            }
        }
    }

    /// The chunk that holds a key, or would, and the number of its keys below it.
    fn find(&self, key: (u64, &[u8])) -> Option<(usize, usize)> {
        let above = self.firsts.partition_point(|first| borrowed(first) <= key);
        let index = above.saturating_sub(1);
        let chunk = self.chunks.get(index)?;
        Some((index, chunk.keys.partition_point(|at| borrowed(at) < key)))
    }

    /// The place of a key that is there.
    fn find_exactly(&self, key: &[u8]) -> Option<(usize, usize)> {
        let key = split(key);
        let (chunk, index) = self.find(key)?;
        let is_there = self.chunks[chunk].keys.get(index).is_some_and(|at| borrowed(at) == key);
        is_there.then_some((chunk, index))
    }

    /// Members in the chunks before this one.
    fn before_chunk(&self, mut chunk: usize) -> u64 {
        let mut sum = 0;
        while chunk > 0 {
            sum += self.tree[chunk - 1];
            chunk &= chunk - 1;
        }
        sum
    }

    /// Members before the segment with this key.
    pub fn before(&self, key: &[u8]) -> u64 {
        let Some((chunk, index)) = self.find(split(key)) else { return 0 };
        let counts = &self.chunks[chunk].counts[..index];
        self.before_chunk(chunk) + counts.iter().map(|count| u64::from(*count)).sum::<u64>()
    }

    /// The segment that holds the member of this rank: its key, and the members before it.
    pub fn at(&self, rank: u64) -> Option<(Vec<u8>, u64)> {
        let (mut chunk, mut before) = (0, 0);
        let mut step = self.tree.len().checked_ilog2().map_or(0, |bits| 1usize << bits);
        while step > 0 {
            if let Some(sum) = self.tree.get(chunk + step - 1) {
                if before + sum <= rank {
                    before += sum;
                    chunk += step;
                }
            }
            step /= 2;
        }
        let chunk = self.chunks.get(chunk)?;
        for (key, count) in chunk.keys.iter().zip(&chunk.counts) {
            let after = before + u64::from(*count);
            if rank < after {
                return Some((self.record_key(key), before));
            }
            before = after;
        }
        None
    }

    fn record_key(&self, (order, separator): &OrderKey) -> Vec<u8> {
        [&self.prefix[..], &order.to_be_bytes(), separator].concat()
    }

    /// A segment has so many members more, or less; false when the table does not know it.
    #[must_use]
    pub fn add(&mut self, key: &[u8], by: i64) -> bool {
        let Some((chunk, index)) = self.find_exactly(key) else { return false };
        let count = &mut self.chunks[chunk].counts[index];
        let Some(new) = u32::try_from(i64::from(*count) + by).ok() else { return false };
        *count = new;
        self.add_to_chunk(chunk, by);
        true
    }

    fn add_to_chunk(&mut self, chunk: usize, by: i64) {
        let mut at = chunk + 1;
        while at <= self.tree.len() {
            self.tree[at - 1] = self.tree[at - 1].wrapping_add_signed(by);
            at += at & at.wrapping_neg();
        }
    }

    /// There is a new segment; false when there was one of this key.
    #[must_use]
    pub fn insert(&mut self, key: &[u8], count: usize) -> bool {
        let Ok(count) = u32::try_from(count) else { return false };
        self.segments += 1;
        let Some((at, index)) = self.find(split(key)) else {
            let (keys, counts) = (vec![owned(split(key))], vec![count]);
            self.chunks.push(Chunk { keys, counts });
            self.index();
            return true;
        };
        let chunk = &mut self.chunks[at];
        if chunk.keys.get(index).is_some_and(|there| borrowed(there) == split(key)) {
            return false;
        }
        chunk.keys.insert(index, owned(split(key)));
        chunk.counts.insert(index, count);
        if index == 0 {
            self.firsts[at] = chunk.keys[0].clone();
        }
        if chunk.keys.len() > 2 * CHUNK {
            let (keys, counts) = (chunk.keys.split_off(CHUNK), chunk.counts.split_off(CHUNK));
            self.chunks.insert(at + 1, Chunk { keys, counts });
            self.index();
        } else {
            self.add_to_chunk(at, i64::from(count));
        }
        true
    }

    /// A segment is gone; false when the table does not know it.
    #[must_use]
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some((at, index)) = self.find_exactly(key) else { return false };
        self.segments -= 1;
        let chunk = &mut self.chunks[at];
        chunk.keys.remove(index);
        let count = chunk.counts.remove(index);
        match chunk.keys.first() {
            None => {
                self.chunks.remove(at);
                self.index();
            }
            Some(first) => {
                if index == 0 {
                    self.firsts[at] = first.clone();
                }
                self.add_to_chunk(at, -i64::from(count));
            }
        }
        true
    }

    /// A segment has another key, which stands in the same place of the order; false when the table
    /// does not know it.
    #[must_use]
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> bool {
        let Some((chunk, index)) = self.find_exactly(old) else { return false };
        self.chunks[chunk].keys[index] = owned(split(new));
        if index == 0 {
            self.firsts[chunk] = owned(split(new));
        }
        true
    }

    fn len(&self) -> usize {
        self.segments
    }
}

/// Segments that all tables together may cover; an entry takes about 40 bytes.
const MAX_SEGMENTS: usize = 256 * 1024;

/// The tables made so far, the least recently used dropped first.
#[derive(Debug, Default)]
pub struct RankCache {
    tables: Mutex<Tables>,
    /// How many there are, so that a write where nobody asks for ranks need not look.
    kept: AtomicUsize,
}

#[derive(Debug, Default)]
struct Tables {
    by_id: HashMap<u64, (Arc<RankTable>, u64)>,
    uses: u64,
}

impl RankCache {
    /// The table of the sorted set `id`, whose score segments these are.
    pub fn table(&self, id: u64, segments: &Segments<'_>) -> Result<Arc<RankTable>> {
        if let Some(table) = self.recall(id) {
            return Ok(table);
        }
        // Built without the lock: two threads may both build the first one, and neither waits.
        let table = Arc::new(RankTable::build(segments)?);
        self.keep(id, Arc::clone(&table));
        Ok(table)
    }

    /// The segments of a sorted set have changed: `change` tells its table, if there is one, and
    /// says whether the table still agrees.
    #[inline]
    pub fn update(&self, id: u64, change: impl FnOnce(&mut RankTable) -> bool) {
        if self.kept.load(Relaxed) == 0 {
            return;
        }
        let mut tables = self.lock();
        let Some((table, _)) = tables.by_id.get_mut(&id) else { return };
        // Nobody else looks at it: commands that write run alone.
        if !Arc::get_mut(table).is_some_and(change) {
            tables.by_id.remove(&id);
            self.kept.store(tables.by_id.len(), Relaxed);
        }
    }

    /// Drops the table of a sorted set.
    pub fn forget(&self, id: u64) {
        self.update(id, |_| false);
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, id: u64) -> Option<Arc<RankTable>> {
        let mut tables = self.lock();
        tables.uses += 1;
        let now = tables.uses;
        let (table, used) = tables.by_id.get_mut(&id)?;
        *used = now;
        Some(Arc::clone(table))
    }

    fn keep(&self, id: u64, table: Arc<RankTable>) {
        let mut tables = self.lock();
        let now = tables.uses;
        tables.by_id.insert(id, (table, now));
        while tables.by_id.len() > 1 && tables.segments() > MAX_SEGMENTS {
            let oldest = tables.by_id.iter().filter(|(other, _)| **other != id);
            match oldest.min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id) {
                Some(oldest) => tables.by_id.remove(&oldest),
                None => break,
            };
        }
        self.kept.store(tables.by_id.len(), Relaxed);
    }
}

impl Tables {
    fn segments(&self) -> usize {
        self.by_id.values().map(|(table, _)| table.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtool_store::segment::zset_key;
    use std::collections::BTreeMap;

    /// Every key's count before it, and the key of every rank, are what a map says.
    fn agrees(table: &RankTable, map: &BTreeMap<Vec<u8>, u32>) {
        let mut before = 0;
        for (key, count) in map {
            assert_eq!(table.before(key), before);
            for rank in [before, before + u64::from(*count) - 1] {
                assert_eq!(table.at(rank), Some((key.clone(), before)));
            }
            before += u64::from(*count);
        }
        assert_eq!(table.at(before), None);
        assert_eq!(table.len(), map.len());
    }

    #[test]
    fn follows_changes_as_a_map_does() {
        let prefix = *zset_key(7, 0.0, b"").first_chunk().unwrap();
        let (mut table, mut map) = (RankTable { prefix, ..RankTable::default() }, BTreeMap::new());
        let mut random = 5u64;
        for step in 0..20_000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = random >> 33;
            let separator = [b'm'; 3];
            let score = (draw / 16 % 400) as f64;
            let key = zset_key(7, score, &separator[..(draw / 4 % 4) as usize]);
            let (count, grows) = (1 + (draw % 90) as u32, step / 4000 % 2 == 0);
            match map.get_mut(&key) {
                None if grows || draw.is_multiple_of(8) => {
                    assert!(table.insert(&key, count as usize));
                    map.insert(key, count);
                }
                None => assert!(!table.remove(&key) && !table.add(&key, 1)),
                Some(_) if !grows && !draw.is_multiple_of(3) => {
                    assert!(table.remove(&key));
                    map.remove(&key);
                }
                Some(old) => {
                    assert!(table.add(&key, i64::from(count) - i64::from(*old)));
                    *old = count;
                }
            }
            if step % 1000 == 999 {
                agrees(&table, &map);
            }
        }
        let first = map.keys().next().unwrap().clone();
        let lower = zset_key(7, -1.0, b"");
        assert!(table.rename(&first, &lower));
        let count = map.remove(&first).unwrap();
        map.insert(lower, count);
        agrees(&table, &map);
    }
}

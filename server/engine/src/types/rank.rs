//! How many members lie before each score segment of a big sorted set: what rank queries need and
//! the records do not say. A table is made by one walk over the segments' headers when a rank is
//! first asked for, and kept while there is room. It stays right because datasets are read-only: an
//! id names the same segments for ever.
use super::segments::{Segment, Segments};
use super::{Result, ON};
use redtool_format::encodings::listpack::Listpack;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts before each segment of one sorted set.
#[derive(Debug, Default)]
pub struct RankTable {
    keys: Vec<Box<[u8]>>,
    before: Vec<u64>,
}

/// Members in a score segment: pairs of items.
pub fn members_of(segment: &Segment<'_>) -> Result<u64> {
    Ok(Listpack::parse(&segment.value)?.count()? as u64 / 2)
}

impl RankTable {
    /// Walks the segments.
    pub fn build(segments: &Segments<'_>) -> Result<Self> {
        let (mut table, mut count) = (RankTable::default(), 0);
        segments.each(|segment| {
            table.before.push(count);
            count += members_of(&segment)?;
            table.keys.push(segment.key.into_owned().into_boxed_slice());
            Ok(ON)
        })?;
        Ok(table)
    }

    /// Members before the segment with this key.
    pub fn before(&self, key: &[u8]) -> u64 {
        let index = self.keys.partition_point(|at| **at < *key);
        self.before.get(index).copied().unwrap_or_default()
    }

    /// The segment that holds the member of this rank: its key, and the members before it.
    pub fn at(&self, rank: u64) -> Option<(&[u8], u64)> {
        let index = self.before.partition_point(|before| *before <= rank).checked_sub(1)?;
        Some((self.keys.get(index)?, *self.before.get(index)?))
    }

    fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Segments that all tables together may cover; an entry takes about 64 bytes.
const MAX_SEGMENTS: usize = 256 * 1024;

/// The tables made so far, the least recently used dropped first.
#[derive(Debug, Default)]
pub struct RankCache(Mutex<Tables>);

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

    fn recall(&self, id: u64) -> Option<Arc<RankTable>> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.uses += 1;
        let now = tables.uses;
        let (table, used) = tables.by_id.get_mut(&id)?;
        *used = now;
        Some(Arc::clone(table))
    }

    fn keep(&self, id: u64, table: Arc<RankTable>) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = tables.uses;
        tables.by_id.insert(id, (table, now));
        while tables.by_id.len() > 1 && tables.segments() > MAX_SEGMENTS {
            let oldest = tables.by_id.iter().filter(|(other, _)| **other != id);
            match oldest.min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id) {
                Some(oldest) => tables.by_id.remove(&oldest),
                None => break,
            };
        }
    }
}

impl Tables {
    fn segments(&self) -> usize {
        self.by_id.values().map(|(table, _)| table.len()).sum()
    }
}

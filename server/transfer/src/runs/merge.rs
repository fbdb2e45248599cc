//! Runs merged: every entry once, in the order of tables and keys.
use super::build::{temporary, Runs};
use super::entry::{compare, Entry, Rank};
use crate::error::{Error, Kind, Result};
use memmap2::Mmap;
use redtool_store::object::split_record_key;
use redtool_store::spill::SpillBytes;
use redtool_store::{Object, Table};
use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::BinaryHeap;
use std::ops::Range;

/// What builders left, mapped.
pub struct Merged {
    parts: Vec<Part>,
}

struct Part {
    map: Option<Mmap>,
    ranges: Vec<Range<u64>>,
    only: Vec<u8>,
    blob: SpillBytes,
}

impl Merged {
    /// Maps the runs.
    pub fn new(runs: Vec<Runs>) -> Result<Self> {
        let mut parts = Vec::new();
        for runs in runs {
            let (map, ranges) = match runs.file {
                Some((file, ranges)) => {
                    // SAFETY: the file is unlinked and ours alone, so nobody cuts it while it is
                    // mapped.
                    let map = unsafe { Mmap::map(&file) }
                        .map_err(|e| temporary(&std::env::temp_dir(), &e))?;
                    (Some(map), ranges)
                }
                None => (None, Vec::new()),
            };
            parts.push(Part { map, ranges, only: runs.only, blob: runs.blob });
        }
        Ok(Self { parts })
    }

    /// The entries in order.
    pub fn iter(&self) -> Iter<'_> {
        let mut heads = BinaryHeap::new();
        for (part, held) in self.parts.iter().enumerate() {
            let mapped = held.map.as_deref().unwrap_or(&[]);
            let runs = held
                .ranges
                .iter()
                .map(|range| &mapped[range.start as usize..range.end as usize])
                .chain([held.only.as_slice()]);
            for run in runs {
                if let Some((entry, next)) = Entry::read(run, 0) {
                    let rank = Rank::of(entry.table, entry.key);
                    heads.push(Head { rank, entry, run, next, part });
                }
            }
        }
        Iter { parts: &self.parts, heads, last_object: None }
    }
}

/// The next entry of a run.
struct Head<'a> {
    rank: Rank,
    entry: Entry<'a>,
    run: &'a [u8],
    next: usize,
    part: usize,
}

impl Ord for Head<'_> {
    /// The other way round: the heap's greatest is the least key.
    fn cmp(&self, other: &Self) -> Ordering {
        compare((other.rank, other.entry.key), (self.rank, self.entry.key))
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head<'_> {}

/// An entry and its segments.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    /// The entry.
    pub entry: Entry<'a>,
    /// The segments of a segmented object; see [`super::entry::segments`].
    pub blob: Option<&'a [u8]>,
    /// Whether it is an object whose key the item before has too.
    pub twice: bool,
}

impl Item<'_> {
    /// An error when the item before has the same key, which is fatal for servers too.
    #[inline]
    pub fn once(&self) -> Result<()> {
        if self.twice {
            return Err(self.duplicate());
        }
        Ok(())
    }

    #[cold]
    fn duplicate(&self) -> Error {
        let mut error = Error::new(Kind::Corrupt, "the key is there twice");
        error.offset = Some(self.entry.source_offset).filter(|offset| *offset > 0);
        if let Ok((db, short)) = split_record_key(self.entry.key) {
            error.db = Some(db);
            let whole = Object::parse(self.entry.value).ok().and_then(|object| object.long_key);
            error.key = Some(whole.unwrap_or(short).to_vec());
        }
        error
    }
}

/// Walks the entries in order.
pub struct Iter<'a> {
    parts: &'a [Part],
    heads: BinaryHeap<Head<'a>>,
    last_object: Option<&'a [u8]>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let mut head = self.heads.peek_mut()?;
        let entry = head.entry;
        let parts: &'a [Part] = self.parts;
        let blob = entry.blob.map(|(offset, len)| {
            &parts[head.part].blob.as_slice()[offset as usize..(offset + len) as usize]
        });
        match Entry::read(head.run, head.next) {
            Some((following, next)) => {
                head.rank = Rank::of(following.table, following.key);
                head.entry = following;
                head.next = next;
            }
            None => {
                PeekMut::pop(head);
            }
        }
        let object = entry.table == Table::Objects;
        let twice = object && self.last_object == Some(entry.key);
        self.last_object = object.then_some(entry.key);
        Some(Item { entry, blob, twice })
    }
}

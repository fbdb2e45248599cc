//! What differs between two datasets, key by key, by meaning: order of sets and hashes, encodings
//! and ages do not count.
//!
//! Both sides give their keys in record-key order, so one walk over the two finds what is missing,
//! extra or different in memory that does not grow. The key space is cut into ranges that are
//! worked off by all cores.
//!
//! | module | holds |
//! |---|---|
//! | [`sides`] | a side's entries of a range, in order |
//! | [`value`] | two values compared: bytes first, then segments, then elements |
//! | [`elements`] | the elements of two values compared, the first difference shown |
mod elements;
mod sides;
mod value;

use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::index::Index;
use crate::meter::Meter;
use redtool_store::object::split_record_key;
use redtool_store::Store;
use sides::{Item, Walk};
use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};
use std::sync::{Mutex, PoisonError};

/// Ranges a comparison is cut into: enough for the cores to end together.
const RANGES: usize = 32;

/// One side of a comparison.
pub enum Side<'a> {
    /// An RDB file, its keys sorted.
    Rdb(&'a Index<'a>),
    /// A store.
    Store(&'a dyn Store),
}

/// How to compare.
pub struct Options<'a> {
    /// Which keys, on both sides (an index was built with it).
    pub filter: &'a Filter,
    /// Expiries that lie no further apart are equal.
    pub ttl_tolerance_ms: i64,
    /// Differences kept; all are counted.
    pub limit: usize,
}

/// How a key differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffKind {
    /// In the first, not in the second.
    Missing,
    /// In the second, not in the first.
    Extra,
    /// Of another type.
    Type,
    /// Of another value.
    Value,
    /// Of another expiry.
    Expiry,
}

impl DiffKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            DiffKind::Missing => "missing",
            DiffKind::Extra => "extra",
            DiffKind::Type => "type",
            DiffKind::Value => "value",
            DiffKind::Expiry => "expiry",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How.
    pub kind: DiffKind,
    /// The db.
    pub db: u32,
    /// The key.
    pub key: Vec<u8>,
    /// The type in the first dataset; in the second for an extra key.
    pub type_name: &'static str,
    /// Both sides, readable.
    pub detail: String,
    /// The first element that differs.
    pub path: Option<String>,
}

/// What a comparison found.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Keys that are equal.
    pub same: u64,
    /// Per [`DiffKind`], in its order.
    pub counts: [u64; 5],
    /// The first differences, in key order.
    pub differences: Vec<Difference>,
}

impl Summary {
    /// Keys that differ in this way.
    pub fn count(&self, kind: DiffKind) -> u64 {
        self.counts[kind as usize]
    }

    fn add(&mut self, difference: Difference, limit: usize) {
        self.counts[difference.kind as usize] += 1;
        if self.differences.len() < limit {
            self.differences.push(difference);
        }
    }

    fn merge(&mut self, other: Summary, limit: usize) {
        self.same += other.same;
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        let room = limit.saturating_sub(self.differences.len());
        self.differences.extend(other.differences.into_iter().take(room));
    }
}

/// Compares two datasets.
pub fn diff(a: &Side<'_>, b: &Side<'_>, options: &Options<'_>, meter: &Meter) -> Result<Summary> {
    let bounds = bounds(a, b)?;
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<(usize, Result<Summary>)>> = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(bounds.len() + 1);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| loop {
                let range = next.fetch_add(1, Atomic::Relaxed);
                if range > bounds.len() {
                    break;
                }
                let from = range.checked_sub(1).map(|i| &bounds[i][..]);
                let to = bounds.get(range).map(|bound| &bound[..]);
                let outcome = diff_range(a, b, (from, to), options, meter);
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((range, outcome));
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(range, _)| *range);
    if outcomes.len() != bounds.len() + 1 {
        return Err(Error::new(Kind::Store, "a comparing thread failed"));
    }
    let mut summary = Summary::default();
    for (_, outcome) in outcomes {
        summary.merge(outcome?, options.limit);
    }
    Ok(summary)
}

/// Record keys that cut the key space into ranges of about equal numbers of keys.
fn bounds(a: &Side<'_>, b: &Side<'_>) -> Result<Vec<Vec<u8>>> {
    let index = match (a, b) {
        (Side::Rdb(index), _) | (_, Side::Rdb(index)) => index,
        _ => return Ok(Vec::new()),
    };
    let step = index.len() / RANGES;
    let mut bounds = Vec::new();
    let mut scratch = Vec::new();
    if step > 0 {
        for place in index.places().iter().step_by(step).skip(1) {
            let mut key = Vec::new();
            index.write_record_key(place, &mut scratch, &mut key)?;
            bounds.push(key);
        }
    }
    Ok(bounds)
}

type Range<'r> = (Option<&'r [u8]>, Option<&'r [u8]>);

fn diff_range(
    a: &Side<'_>,
    b: &Side<'_>,
    range: Range<'_>,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Summary> {
    let (reader_a, reader_b) = (a.reader()?, b.reader()?);
    let mut walk_a = Walk::new(a, reader_a.as_deref(), range, options.filter)?;
    let mut walk_b = Walk::new(b, reader_b.as_deref(), range, options.filter)?;
    let mut comparer = value::Comparer::new(a, b, options.ttl_tolerance_ms);
    let mut summary = Summary::default();
    let (mut left, mut right) = (walk_a.next()?, walk_b.next()?);
    let mut keys = 0;
    loop {
        keys += 1;
        if keys % 1024 == 0 {
            meter.advance(0, 1024)?;
        }
        let order = match (&left, &right) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => x.record_key.cmp(&y.record_key),
        };
        match (order, &left, &right) {
            (Ordering::Equal, Some(x), Some(y)) => {
                let found = comparer.compare(x, y, reader_a.as_deref(), reader_b.as_deref())?;
                summary.same += u64::from(found.is_empty());
                for difference in found {
                    summary.add(difference, options.limit);
                }
            }
            (Ordering::Less, Some(x), _) => {
                summary.add(one_sided(x, DiffKind::Missing), options.limit)
            }
            (_, _, Some(y)) => summary.add(one_sided(y, DiffKind::Extra), options.limit),
            (_, _, None) => {}
        }
        if order != Ordering::Greater {
            left = walk_a.next()?;
        }
        if order != Ordering::Less {
            right = walk_b.next()?;
        }
    }
    Ok(summary)
}

fn one_sided(item: &Item<'_>, kind: DiffKind) -> Difference {
    let detail = match kind {
        DiffKind::Missing => "only in the first",
        _ => "only in the second",
    };
    item.difference(kind, detail.into(), None)
}

impl Item<'_> {
    fn difference(&self, kind: DiffKind, detail: String, path: Option<String>) -> Difference {
        let db = split_record_key(&self.record_key).map_or(0, |(db, _)| db);
        let type_name = self.value_type.kind().name();
        Difference { kind, db, key: self.key.clone(), type_name, detail, path }
    }
}

//! What differs between two datasets, key by key, by meaning: order of sets and hashes, encodings
//! and ages do not count.
//!
//! Both sides give their keys in record-key order, so one walk over the two finds what is missing,
//! extra or different in memory that does not grow.
//!
//! | module | holds |
//! |---|---|
//! | [`sides`] | a side's objects, in order |
//! | [`value`] | two values compared: bytes first, then segments, then elements |
//! | [`elements`] | the elements of two values compared, the first difference shown |
mod elements;
mod sides;
mod value;

use crate::error::Result;
use crate::job::Job;
use crate::meter::Meter;
use crate::runs::{self, Sorted};
use crate::source::Source;
use redtool_store::object::split_record_key;
use redtool_store::{Object, Reader};
use sides::{Item, Walk};
use std::cmp::Ordering;

/// Bytes compared between two looks at the meter.
const METER_BYTES: u64 = 1 << 20;

/// One side of a comparison, whose objects come in key order.
enum Side {
    /// Its records, sorted.
    Sorted(Box<Sorted>),
    /// A store as it is.
    Store(Box<dyn Reader>),
}

/// How to compare.
pub struct Options {
    /// Which keys, on both sides, and whether checksums are verified.
    pub job: Job,
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
}

/// Compares two datasets.
pub fn diff(a: &Source, b: &Source, options: &Options, meter: &Meter) -> Result<Summary> {
    meter.set_total(2 * (a.size_bytes() + b.size_bytes()));
    let (a, b) = (Side::of(a, options, meter)?, Side::of(b, options, meter)?);
    let filter = &options.job.selection.filter;
    let mut walk_a = Walk::new(&a, filter)?;
    let mut walk_b = Walk::new(&b, filter)?;
    let mut summary = Summary::default();
    let (mut left, mut right) = (walk_a.next()?, walk_b.next()?);
    let mut bytes = 0;
    loop {
        bytes += left.as_ref().map_or(0, Item::size_bytes);
        bytes += right.as_ref().map_or(0, Item::size_bytes);
        if bytes >= METER_BYTES {
            meter.advance(bytes, 0)?;
            bytes = 0;
        }
        let order = match (&left, &right) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => x.record_key.cmp(&y.record_key),
        };
        summary.take(order, left.as_ref(), right.as_ref(), options)?;
        if order != Ordering::Greater {
            left = walk_a.next()?;
        }
        if order != Ordering::Less {
            right = walk_b.next()?;
        }
    }
    Ok(summary)
}

impl Summary {
    /// Takes in the least key of both sides.
    fn take(
        &mut self,
        order: Ordering,
        left: Option<&Item<'_>>,
        right: Option<&Item<'_>>,
        options: &Options,
    ) -> Result<()> {
        match (order, left, right) {
            (Ordering::Equal, Some(x), Some(y)) => {
                let found = value::compare(x, y, options.ttl_tolerance_ms)?;
                self.same += u64::from(found.is_empty());
                for difference in found {
                    self.add(difference, options.limit);
                }
            }
            (Ordering::Less, Some(x), _) => {
                let only = x.difference(DiffKind::Missing, "only in the first".into(), None)?;
                self.add(only, options.limit);
            }
            (_, _, Some(y)) => {
                let only = y.difference(DiffKind::Extra, "only in the second".into(), None)?;
                self.add(only, options.limit);
            }
            (_, _, None) => {}
        }
        Ok(())
    }
}

impl Side {
    fn of(source: &Source, options: &Options, meter: &Meter) -> Result<Self> {
        match source {
            Source::Store(store, _) if store.reader()?.is_ordered() => {
                Ok(Side::Store(store.reader()?))
            }
            _ => runs::sort(source, &options.job, meter).map(|sorted| Side::Sorted(sorted.into())),
        }
    }
}

impl Item<'_> {
    fn size_bytes(&self) -> u64 {
        (self.record_key.len() + self.record.len()) as u64
    }

    fn difference(
        &self,
        kind: DiffKind,
        detail: String,
        path: Option<String>,
    ) -> Result<Difference> {
        let (db, _) = split_record_key(&self.record_key)?;
        let object = Object::parse(&self.record)?;
        let key = object.key(&self.record_key)?.to_vec();
        Ok(Difference { kind, db, key, type_name: object.kind.name(), detail, path })
    }
}

//! Which keys a verb works on. Every condition must hold; within one condition any of its values
//! may.
//!
//! A [`Portion`] is chosen by the name of a key alone, so that it is the same keys in every dataset
//! and on every run: both sides of a diff see the same sample, and the N buckets of a split are all
//! keys, each once.
use crate::error::{Error, Kind as ErrorKind, Result};
use redtool_engine::glob;
use redtool_format::rdb::Kind;
use redtool_format::slot;
use regex::bytes::Regex;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What hashes keys into buckets; a sample has a seed of its own, so that a sample of one bucket
/// is a sample.
const BUCKET_SEED: u64 = 0x6275_636b_6574;

/// Conditions on the expiry of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The key has no expiry.
    None,
    /// The key has an expiry.
    Any,
    /// The time to live lies between these, in ms from `now_ms`, both ends included.
    Between {
        /// At least.
        min_ms: Option<i64>,
        /// At most.
        max_ms: Option<i64>,
        /// From when.
        now_ms: i64,
    },
}

/// A part of all keys, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portion {
    /// A fraction of the keys, at random.
    pub sample: Option<Sample>,
    /// Ranges of Redis Cluster slots, both ends included; empty: every slot.
    pub slots: Vec<(u16, u16)>,
    /// The k-th of n buckets, from 1.
    pub bucket: Option<(u64, u64)>,
}

/// The fraction `part / whole` of all keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Numerator.
    pub part: u64,
    /// Denominator, not 0.
    pub whole: u64,
    /// Another seed takes other keys.
    pub seed: u64,
}

impl Sample {
    /// A key is taken when its hash, as a fraction of 2^64, lies below `part / whole`.
    fn takes(self, key: &[u8]) -> bool {
        let hash = u128::from(xxh3_64_with_seed(key, self.seed));
        hash * u128::from(self.whole) < u128::from(self.part) << 64
    }
}

impl Portion {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> Result<()> {
        let usage = |what: String| Err(Error::new(ErrorKind::Usage, what));
        if let Some(Sample { part, whole, .. }) = self.sample {
            if whole == 0 || part > whole {
                return usage(format!("{part}/{whole} is no fraction of all keys"));
            }
        }
        for (first, last) in &self.slots {
            if first > last || *last >= slot::SLOTS {
                return usage(format!("{first}-{last} are no slots: they go from 0 to 16383"));
            }
        }
        match self.bucket {
            Some((k, n)) if k == 0 || k > n => usage(format!("there is no bucket {k} of {n}")),
            _ => Ok(()),
        }
    }

    fn takes(&self, key: &[u8]) -> bool {
        self.sample.is_none_or(|sample| sample.takes(key))
            && self.bucket.is_none_or(|(k, n)| bucket_of(key, n) == k - 1)
            && self.takes_slot(key)
    }

    fn takes_slot(&self, key: &[u8]) -> bool {
        if self.slots.is_empty() {
            return true;
        }
        let slot = slot::of(key);
        self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

/// Which of `n` buckets a key belongs to, from 0.
pub fn bucket_of(key: &[u8], n: u64) -> u64 {
    let hash = xxh3_64_with_seed(key, BUCKET_SEED);
    ((u128::from(hash) * u128::from(n)) >> 64) as u64
}

/// Which keys.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    keys: Vec<Vec<u8>>,
    regex: Vec<Regex>,
    kinds: Vec<Kind>,
    dbs: Vec<u32>,
    ttl: Option<Ttl>,
    portion: Portion,
    exclude: Option<Box<Filter>>,
}

/// The conditions as given.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Globs as in KEYS.
    pub keys: Vec<Vec<u8>>,
    /// Regular expressions, found anywhere in the key.
    pub regex: Vec<String>,
    /// Names as TYPE gives.
    pub types: Vec<String>,
    /// Db numbers.
    pub dbs: Vec<u32>,
}

impl Filter {
    /// Keys that meet `include` and `ttl` and none of the conditions of `exclude`.
    pub fn new(include: Conditions, ttl: Option<Ttl>, exclude: Conditions) -> Result<Self> {
        let mut filter = Self::compile(include)?;
        filter.ttl = ttl;
        let exclude = Self::compile(exclude)?;
        filter.exclude = (!exclude.is_empty()).then(|| Box::new(exclude));
        Ok(filter)
    }

    /// The same, of a portion of all keys.
    pub fn of_portion(mut self, portion: Portion) -> Result<Self> {
        portion.check()?;
        self.portion = portion;
        Ok(self)
    }

    fn compile(conditions: Conditions) -> Result<Self> {
        let mut filter = Self { keys: conditions.keys, dbs: conditions.dbs, ..Self::default() };
        for text in conditions.regex {
            let compiled =
                Regex::new(&text).map_err(|e| Error::new(ErrorKind::Usage, e.to_string()))?;
            filter.regex.push(compiled);
        }
        for name in conditions.types {
            let kind = Kind::from_name(&name).ok_or_else(|| {
                let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                Error::new(ErrorKind::Usage, format!("unknown type {name:?}"))
                    .hint(format!("types are: {}", known.join(", ")))
            })?;
            filter.kinds.push(kind);
        }
        Ok(filter)
    }

    /// Whether every key passes.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.regex.is_empty()
            && self.kinds.is_empty()
            && self.dbs.is_empty()
            && self.ttl.is_none()
            && self.portion.is_empty()
            && self.exclude.is_none()
    }

    /// Whether a key passes.
    #[inline]
    pub fn passes(&self, db: u32, key: &[u8], kind: Kind, expire_at_ms: Option<i64>) -> bool {
        (self.dbs.is_empty() || self.dbs.contains(&db))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.passes_name(key)
            && self.ttl.is_none_or(|ttl| ttl.passes(expire_at_ms))
            && (self.portion.is_empty() || self.portion.takes(key))
            && self.exclude.as_ref().is_none_or(|exclude| !exclude.excludes(db, key, kind))
    }

    fn passes_name(&self, key: &[u8]) -> bool {
        (self.keys.is_empty() && self.regex.is_empty()) || self.names(key)
    }

    fn names(&self, key: &[u8]) -> bool {
        self.keys.iter().any(|pattern| glob::matches(pattern, key, false))
            || self.regex.iter().any(|regex| regex.is_match(key))
    }

    fn excludes(&self, db: u32, key: &[u8], kind: Kind) -> bool {
        self.dbs.contains(&db) || self.kinds.contains(&kind) || self.names(key)
    }
}

impl Ttl {
    fn passes(self, expire_at_ms: Option<i64>) -> bool {
        match (self, expire_at_ms) {
            (Ttl::None, at) => at.is_none(),
            (Ttl::Any, at) => at.is_some(),
            (Ttl::Between { .. }, None) => false,
            (Ttl::Between { min_ms, max_ms, now_ms }, Some(at)) => {
                let left_ms = at.saturating_sub(now_ms);
                min_ms.is_none_or(|min| left_ms >= min) && max_ms.is_none_or(|max| left_ms <= max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(portion: Portion, keys: &[String]) -> Vec<String> {
        let filter = Filter::default().of_portion(portion).unwrap();
        let passes = |key: &&String| filter.passes(0, key.as_bytes(), Kind::String, None);
        keys.iter().filter(passes).cloned().collect()
    }

    fn keys() -> Vec<String> {
        (0..20_000).map(|n| format!("user:{n}")).collect()
    }

    fn sample(part: u64, whole: u64, seed: u64) -> Portion {
        Portion { sample: Some(Sample { part, whole, seed }), ..Portion::default() }
    }

    #[test]
    fn a_sample_is_about_its_fraction_and_grows_with_it() {
        let keys = keys();
        let tenth = passing(sample(1, 10, 0), &keys);
        assert!((1800..2200).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, passing(sample(10, 100, 0), &keys));
        let fifth = passing(sample(1, 5, 0), &keys);
        assert!(tenth.iter().all(|key| fifth.contains(key)));
        assert_ne!(tenth, passing(sample(1, 10, 1), &keys));
        assert_eq!(passing(sample(1, 1, 0), &keys).len(), keys.len());
        assert!(passing(sample(0, 1, 0), &keys).is_empty());
    }

    #[test]
    fn buckets_are_all_keys_each_once() {
        let keys = keys();
        let bucket = |k| Portion { bucket: Some((k, 3)), ..Portion::default() };
        let mut all: Vec<_> = (1..=3).flat_map(|k| passing(bucket(k), &keys)).collect();
        all.sort();
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(all, sorted);
        assert!((6300..7000).contains(&passing(bucket(2), &keys).len()));
    }

    #[test]
    fn slots_are_those_of_redis_cluster() {
        let slots = |slots| Portion { slots, ..Portion::default() };
        let keys = vec!["foo".to_owned(), "{foo}x".to_owned(), "bar".to_owned()];
        assert_eq!(passing(slots(vec![(12182, 12182)]), &keys), ["foo", "{foo}x"]);
        assert_eq!(passing(slots(vec![(5061, 5061), (12000, 13000)]), &keys).len(), 3);
        assert!(passing(slots(vec![(0, 5060)]), &keys).is_empty());
    }

    #[test]
    fn portions_that_cannot_be_are_refused() {
        let slots = |slots| Portion { slots, ..Portion::default() };
        let bucket = |bucket| Portion { bucket: Some(bucket), ..Portion::default() };
        for portion in [
            sample(2, 1, 0),
            sample(0, 0, 0),
            slots(vec![(5, 4)]),
            slots(vec![(0, 16384)]),
            bucket((0, 3)),
            bucket((4, 3)),
        ] {
            assert!(Filter::default().of_portion(portion).is_err());
        }
    }
}

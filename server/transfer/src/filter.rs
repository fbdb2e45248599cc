//! Which keys a verb works on. Every condition must hold; within one condition any of its values
//! may.
use crate::error::{Error, Kind as ErrorKind, Result};
use redtool_engine::glob;
use redtool_format::rdb::Kind;
use regex::bytes::Regex;

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

/// Which keys.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    keys: Vec<Vec<u8>>,
    regex: Vec<Regex>,
    kinds: Vec<Kind>,
    dbs: Vec<u32>,
    ttl: Option<Ttl>,
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
            && self.exclude.is_none()
    }

    /// Whether a key passes.
    #[inline]
    pub fn passes(&self, db: u32, key: &[u8], kind: Kind, expire_at_ms: Option<i64>) -> bool {
        (self.dbs.is_empty() || self.dbs.contains(&db))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.passes_name(key)
            && self.ttl.is_none_or(|ttl| ttl.passes(expire_at_ms))
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

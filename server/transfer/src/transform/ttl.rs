//! Expiries changed: of keys, and of hash fields that have one of their own.
//!
//! | | a key | a hash field with an expiry |
//! |---|---|---|
//! | drop | loses its expiry | loses its expiry |
//! | set T | expires at T, whether it had an expiry or not | expires at T |
//! | shift D | that had an expiry: D later | D later |
//! | default T | that has no expiry (left): expires at T | stays |
//!
//! A field without an expiry never gets one: it lives as long as its key. An entry that has expired
//! by a change is written all the same, with its expiry in the past, as a server that replays a log
//! would have it.
use redtool_format::rdb::ValueType;

/// The latest expiry that a Redis server takes for a hash field.
const FIELD_LATEST_MS: i64 = (1 << 48) - 1;
/// The earliest expiry: 0 and below stand for none in some forms.
const EARLIEST_MS: i64 = 1;

/// What becomes of an expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expiry {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Drop,
    /// It becomes this, in Unix ms.
    Set(i64),
    /// It comes this many ms later.
    Shift(i64),
}

/// How expiries change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retime {
    /// What becomes of those there are.
    pub expiry: Expiry,
    /// The expiry, in Unix ms, of keys that have none after that.
    pub default_ms: Option<i64>,
}

impl Retime {
    /// Whether every expiry stays.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The new expiry of a key.
    pub fn of_key(&self, at_ms: Option<i64>) -> Option<i64> {
        let changed = match self.expiry {
            Expiry::Keep => at_ms,
            Expiry::Drop => None,
            Expiry::Set(to_ms) => Some(to_ms.max(EARLIEST_MS)),
            Expiry::Shift(by_ms) => at_ms.map(|at| at.saturating_add(by_ms).max(EARLIEST_MS)),
        };
        changed.or(self.default_ms.map(|at_ms| at_ms.max(EARLIEST_MS)))
    }

    /// The new expiry of a hash field.
    pub fn of_field(&self, at_ms: Option<i64>) -> Option<i64> {
        let at_ms = at_ms?;
        let changed = match self.expiry {
            Expiry::Keep => return Some(at_ms),
            Expiry::Drop => return None,
            Expiry::Set(to_ms) => to_ms,
            Expiry::Shift(by_ms) => at_ms.saturating_add(by_ms),
        };
        Some(changed.clamp(EARLIEST_MS, FIELD_LATEST_MS))
    }

    /// Whether it may change something inside a value of this type.
    pub fn touches(&self, value_type: ValueType) -> bool {
        self.expiry != Expiry::Keep && has_field_ttls(value_type)
    }

    /// Whether a hash of this type can still have fields with an expiry.
    pub fn leaves_field_ttls(&self, value_type: ValueType) -> bool {
        self.expiry != Expiry::Drop && has_field_ttls(value_type)
    }
}

/// Whether fields of a hash of this type may have an expiry.
fn has_field_ttls(value_type: ValueType) -> bool {
    use ValueType::{HashListpackEx, HashListpackExRc, HashMetadata, HashMetadataRc, ValkeyHash2};
    matches!(
        value_type,
        HashMetadataRc | HashListpackExRc | HashMetadata | HashListpackEx | ValkeyHash2
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(expiry: Expiry, default_ms: Option<i64>) -> [Option<i64>; 4] {
        let retime = Retime { expiry, default_ms };
        let (some, none) = (Some(5000), None);
        [retime.of_key(some), retime.of_key(none), retime.of_field(some), retime.of_field(none)]
    }

    #[test]
    fn each_change_is_what_the_table_says() {
        assert_eq!(both(Expiry::Keep, None), [Some(5000), None, Some(5000), None]);
        assert_eq!(both(Expiry::Drop, None), [None; 4]);
        assert_eq!(both(Expiry::Set(9), None), [Some(9), Some(9), Some(9), None]);
        assert_eq!(both(Expiry::Shift(9), None), [Some(5009), None, Some(5009), None]);
        assert_eq!(both(Expiry::Keep, Some(7)), [Some(5000), Some(7), Some(5000), None]);
        assert_eq!(both(Expiry::Drop, Some(7)), [Some(7), Some(7), None, None]);
    }

    #[test]
    fn expiries_stay_in_range() {
        assert_eq!(both(Expiry::Shift(-9000), None), [Some(1), None, Some(1), None]);
        let [key, _, field, _] = both(Expiry::Shift(i64::MAX), None);
        assert_eq!((key, field), (Some(i64::MAX), Some(FIELD_LATEST_MS)));
    }
}

//! What a server version can load.
use super::types::{Dialect, ValueType};

/// A server generation to write for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The version in the header and in DUMP footers: 1-15 or 80.
    pub version: u16,
    /// REDIS or VALKEY.
    pub dialect: Dialect,
}

/// Something an entry or file holds that a target cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Loss {
    /// Hash fields' own expiries.
    FieldTtl,
    /// Stream counters (first id, max deleted, entries added, entries read).
    StreamCounters,
    /// Consumers' active time.
    ConsumerActive,
    /// Idempotent-producer history.
    Idmp,
    /// Ownerless (NACK) pending entries.
    Nack,
    /// LRU idle time or LFU frequency.
    LruLfu,
    /// Sub-second part of an expiry (RDB 1 and 2).
    ExpireMs,
    /// Key metadata (opcode 243).
    KeyMeta,
    /// A function library.
    Function,
    /// A module's auxiliary data.
    ModuleAux,
    /// The whole value: no form in the target.
    WholeValue,
}

impl Target {
    /// The type a value of `value_type` takes in this target, or None when there is no form.
    pub fn type_for(&self, value_type: ValueType) -> Option<ValueType> {
        let _ = value_type;
        todo!()
    }
    /// From `redis-6.2`, `7.2`, `valkey-9` and the like.
    pub fn from_server(name: &str) -> Option<Target> {
        let _ = name;
        todo!()
    }
}

//! CONFIG: what a Redis of this kind would say.
use std::collections::BTreeMap;

/// What CONFIG GET says before the network layer adds its own.
pub fn defaults() -> BTreeMap<String, String> {
    [("databases", "16"), ("maxclients", "10000"), ("proto-max-bulk-len", "536870912")]
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

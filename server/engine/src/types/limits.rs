//! When a collection leaves its packed encoding: the `*-max-*` settings of redis.conf, with the
//! defaults of Redis 7.2. What OBJECT ENCODING says follows them; how a value lies in its records
//! follows [`redtool_store::layout`] alone.

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// hash-max-listpack-entries
    pub hash_entries: usize,
    /// hash-max-listpack-value, bytes
    pub hash_value_bytes: usize,
    /// list-max-listpack-size: bytes (negative: -1 is 4 KB, -5 is 64 KB) or elements of a node
    pub list_size: i64,
    /// set-max-intset-entries
    pub set_intset_entries: usize,
    /// set-max-listpack-entries
    pub set_entries: usize,
    /// set-max-listpack-value, bytes
    pub set_value_bytes: usize,
    /// zset-max-listpack-entries
    pub zset_entries: usize,
    /// zset-max-listpack-value, bytes
    pub zset_value_bytes: usize,
    /// stream-node-max-bytes; 0 is no limit
    pub stream_node_bytes: usize,
    /// stream-node-max-entries; 0 is no limit
    pub stream_node_entries: usize,
    /// hll-sparse-max-bytes
    pub hll_sparse_bytes: usize,
    /// busy-reply-threshold, milliseconds
    pub script_ms: u64,
    /// maxmemory, bytes; 0 is no limit
    pub memory_bytes: usize,
    /// maxmemory-clients, bytes, or negative a percentage of maxmemory; 0 is no limit
    pub client_bytes: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_entries: 512,
            hash_value_bytes: 64,
            list_size: -2,
            set_intset_entries: 512,
            set_entries: 128,
            set_value_bytes: 64,
            zset_entries: 128,
            zset_value_bytes: 64,
            stream_node_bytes: 4096,
            stream_node_entries: 100,
            hll_sparse_bytes: 3000,
            script_ms: 5000,
            memory_bytes: 0,
            client_bytes: 0,
        }
    }
}

/// A string may have so many bytes (proto-max-bulk-len).
pub const STRING_MAX_BYTES: u64 = 512 << 20;

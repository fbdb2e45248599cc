//! Stream metadata: everything of a stream value after its nodes.
use super::types::ValueType;
use crate::cursor::Cursor;
use crate::encodings::stream::StreamId;
use crate::error::Result;

/// What a stream value holds beside its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamMeta {
    /// Live messages, as stated.
    pub length: u64,
    /// The last generated id.
    pub last_id: StreamId,
    /// The first live id (0-0 when the form has none; derive from the nodes).
    pub first_id: StreamId,
    /// The largest deleted id.
    pub max_deleted_id: StreamId,
    /// Messages ever added.
    pub entries_added: u64,
    /// Consumer groups, in file order.
    pub groups: Vec<Group>,
    /// Idempotent-producer state (types 26 and up), opaque except for framing: the raw bytes after the groups.
    pub idmp: Option<Vec<u8>>,
}

/// A consumer group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: Vec<u8>,
    /// Last delivered id.
    pub last_id: StreamId,
    /// Entries read; None = unknown.
    pub entries_read: Option<u64>,
    /// Pending entries, ascending by id.
    pub pel: Vec<Pending>,
    /// Consumers, in file order.
    pub consumers: Vec<Consumer>,
    /// Ids in the NACK zone (type 27): pending entries without an owner.
    pub nack: Vec<StreamId>,
}

/// A pending entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// The message.
    pub id: StreamId,
    /// Unix ms of the last delivery.
    pub delivered_at_ms: i64,
    /// Times delivered.
    pub deliveries: u64,
    /// Index in `Group::consumers`; None in the NACK zone (or lost by damage).
    pub consumer: Option<usize>,
}

/// A consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Name.
    pub name: Vec<u8>,
    /// Unix ms last seen.
    pub seen_at_ms: i64,
    /// Unix ms of the last successful read; None = never, or the form has none.
    pub active_at_ms: Option<i64>,
    /// Ids of its pending entries, in file order.
    pub pending: Vec<StreamId>,
}

/// Reads the metadata of a stream of this type; the cursor stands after the nodes.
pub fn read(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<StreamMeta> {
    let _ = (cursor, value_type);
    todo!()
}

/// Passes over the metadata without keeping it.
pub fn skip(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<()> {
    let _ = (cursor, value_type);
    todo!()
}

/// Appends the metadata in the form of this type (Stream, Stream2, Stream3, Stream4 or Stream5).
pub fn write(out: &mut Vec<u8>, meta: &StreamMeta, value_type: ValueType) {
    let _ = (out, meta, value_type);
    todo!()
}

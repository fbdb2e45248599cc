//! The logical level: the elements of a value, whatever its encoding.
use super::stream::StreamMeta;
use super::types::ValueType;
use crate::encodings::stream::{Message, StreamId};
use crate::error::Result;

/// Receives the elements of one value. Only the methods of the value's kind are called.
pub trait Visitor {
    /// Why a visit stops early; a format error must convert into it.
    type Error: From<crate::FormatError>;
    /// The number of elements (a hint: what the value states), before the first element.
    fn count(&mut self, _elements: u64) -> std::result::Result<(), Self::Error> {
        Ok(())
    }
    /// The string.
    fn string(&mut self, value: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A list item, from the head.
    fn list_item(&mut self, item: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A set member.
    fn set_member(&mut self, member: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A sorted set member.
    fn zset_member(&mut self, member: &[u8], score: f64) -> std::result::Result<(), Self::Error>;
    /// A hash field, with its own absolute expiry.
    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> std::result::Result<(), Self::Error>;
    /// A stream node as it lies in the file, before its messages; give false to pass over the
    /// messages.
    fn stream_node(
        &mut self,
        _master: StreamId,
        _listpack: &[u8],
    ) -> std::result::Result<bool, Self::Error> {
        Ok(true)
    }
    /// A live stream message.
    fn stream_message(&mut self, message: &Message<'_>) -> std::result::Result<(), Self::Error>;
    /// The metadata of a stream, after its messages.
    fn stream_meta(&mut self, meta: &StreamMeta) -> std::result::Result<(), Self::Error>;
    /// A value carried as opaque bytes (module values, arrays).
    fn opaque(
        &mut self,
        value_type: ValueType,
        payload: &[u8],
    ) -> std::result::Result<(), Self::Error>;
}

/// The field names of hash templates announced in a file (Redis 8.10), by id.
pub type Templates = std::collections::BTreeMap<u64, Vec<Vec<u8>>>;

/// Visits the elements of the value of type `value_type` whose bytes are `payload` (exactly: bytes
/// left over are an error).
pub fn visit<V: Visitor>(
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
    visitor: &mut V,
) -> std::result::Result<(), V::Error> {
    let _ = (value_type, payload, templates, visitor);
    todo!()
}

/// The number of elements of a value, decoding as little as possible (0 for opaque values, 1 for
/// strings).
pub fn count(value_type: ValueType, payload: &[u8]) -> Result<u64> {
    let _ = (value_type, payload);
    todo!()
}

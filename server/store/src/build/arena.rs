//! A payload of plain elements made from a packed one: what [`super::elements`] sorts when the
//! value is a large or old packed blob.
use super::elements::{Plain, Shape};
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::Visitor;
use redtool_format::rdb::{string, Kind, ValueType};
use redtool_format::FormatError;

/// Elements, each as strings and fixed-width numbers.
#[derive(Default)]
pub(super) struct Arena {
    payload: Vec<u8>,
    count: usize,
}

impl Arena {
    /// The elements so far.
    pub(super) fn plain(&self, kind: Kind) -> Plain<'_> {
        let shape = match kind {
            Kind::Set => Shape::Set,
            Kind::Zset => Shape::Zset,
            _ => Shape::HashAbsolute,
        };
        Plain { shape, payload: &self.payload, start: 0, count: self.count, nan_scores: true }
    }
}

impl Visitor for Arena {
    type Error = FormatError;

    fn set_member(&mut self, member: &[u8]) -> std::result::Result<(), FormatError> {
        string::write_raw(&mut self.payload, member);
        self.count += 1;
        Ok(())
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> std::result::Result<(), FormatError> {
        string::write_raw(&mut self.payload, member);
        self.payload.extend_from_slice(&score.to_le_bytes());
        self.count += 1;
        Ok(())
    }

    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> std::result::Result<(), FormatError> {
        string::write_raw(&mut self.payload, field);
        string::write_raw(&mut self.payload, value);
        self.payload.extend_from_slice(&expire_at_ms.unwrap_or(-1).to_le_bytes());
        self.count += 1;
        Ok(())
    }

    fn string(&mut self, _: &[u8]) -> std::result::Result<(), FormatError> {
        Err(not_elements())
    }

    fn list_item(&mut self, _: &[u8]) -> std::result::Result<(), FormatError> {
        Err(not_elements())
    }

    fn stream_message(&mut self, _: &Message<'_>) -> std::result::Result<(), FormatError> {
        Err(not_elements())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> std::result::Result<(), FormatError> {
        Err(not_elements())
    }

    fn opaque(&mut self, _: ValueType, _: &[u8]) -> std::result::Result<(), FormatError> {
        Err(not_elements())
    }
}

#[cold]
fn not_elements() -> FormatError {
    FormatError::corrupt(0, "not a set, hash or sorted set")
}

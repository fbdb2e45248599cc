//! Streams. Nodes are kept as they are; the metadata takes the form of Stream3, or of Stream5 when
//! it holds what only that form can (producers, a NACK zone).
use super::{no_rest, Form, Ids, Scratch, Sink};
use crate::contract::Table;
use crate::error::Result;
use crate::layout::INLINE_MAX_BYTES;
use crate::object::{Body, Encoding};
use crate::segment::stream_key;
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::stream::{Node, StreamId};
use redtool_format::rdb::stream::{self as metadata, StreamMeta};
use redtool_format::rdb::string;
use redtool_format::rdb::{length, ValueType};
use redtool_format::{Cursor, FormatError};

pub(super) fn build<'a>(
    value_type: ValueType,
    payload: &'a [u8],
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Form<'a>> {
    let mut cursor = Cursor::new(payload);
    let segmented = payload.len() > INLINE_MAX_BYTES;
    let mut nodes = Nodes { first: None, live: 0, last_master: None };
    for _ in 0..length::read_count(&mut cursor, 2)? {
        let start = cursor.pos();
        let (master, bytes) = node(&mut cursor, &mut scratch.blob)?;
        nodes.note(master, bytes, value_type).map_err(|e| e.at(start))?;
        if segmented {
            sink.record(Table::Segments, &stream_key(ids.id(), master), bytes)?;
        }
    }
    let nodes_end = cursor.pos();
    let mut meta = metadata::read(&mut cursor, value_type)?;
    no_rest(&cursor)?;
    if value_type == ValueType::Stream {
        nodes.complete(&mut meta);
    }
    let stored = stored_type(value_type, &meta);
    let count = meta.length;
    scratch.payload.clear();
    if !segmented {
        scratch.payload.extend_from_slice(&payload[..nodes_end]);
    }
    metadata::write(&mut scratch.payload, &meta, stored);
    let body = if segmented {
        Body::Segmented { id: ids.id(), tail: &scratch.payload }
    } else {
        Body::Inline(&scratch.payload)
    };
    Ok(Form { value_type: stored, encoding: Encoding::Stream, count, body })
}

fn stored_type(value_type: ValueType, meta: &StreamMeta) -> ValueType {
    let newer = matches!(value_type, ValueType::Stream4 | ValueType::Stream5);
    let needed = meta.idmp.is_some() || meta.groups.iter().any(|group| !group.nack.is_empty());
    if newer && needed {
        ValueType::Stream5
    } else {
        ValueType::Stream3
    }
}

/// A node's master id and its listpack, decoded.
fn node<'c: 'b, 'b>(
    cursor: &mut Cursor<'c>,
    blob: &'b mut Vec<u8>,
) -> Result<(StreamId, &'b [u8])> {
    let start = cursor.pos();
    let mut key = Vec::new();
    let key = string::read(cursor)?.decode(&mut key).map_err(|e| e.at(start))?.try_into();
    let master = key
        .map(StreamId::from_bytes)
        .map_err(|_| FormatError::corrupt(start, "stream node key that is not 16 bytes"))?;
    let start = cursor.pos();
    let bytes = string::read(cursor)?.decode(blob).map_err(|e| e.at(start))?;
    let listpack = Listpack::parse(bytes).map_err(|e| e.at(start))?;
    if listpack.iter().next().is_none() {
        return Err(FormatError::corrupt(start, "stream node with an empty listpack").into());
    }
    Ok((master, bytes))
}

/// What the nodes say about the stream.
struct Nodes {
    first: Option<StreamId>,
    live: u64,
    last_master: Option<StreamId>,
}

impl Nodes {
    fn note(
        &mut self,
        master: StreamId,
        bytes: &[u8],
        value_type: ValueType,
    ) -> std::result::Result<(), FormatError> {
        if self.last_master.is_some_and(|last| last >= master) {
            return Err(FormatError::corrupt(0, format!("stream node {master} out of order")));
        }
        self.last_master = Some(master);
        if value_type != ValueType::Stream {
            return Ok(());
        }
        let node = Node::parse(master, bytes)?;
        self.live += node.live;
        if self.first.is_none() {
            for message in node.messages() {
                let message = message?;
                if !message.deleted {
                    self.first = Some(message.id);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Counters that the first stream form does not hold. Some 5.0 pre-releases state a length that
    /// is not that of the nodes; the nodes are right.
    fn complete(&self, meta: &mut StreamMeta) {
        meta.length = self.live;
        meta.first_id = self.first.unwrap_or_default();
        meta.entries_added = self.live;
        meta.max_deleted_id = StreamId::MIN;
        for group in &mut meta.groups {
            group.entries_read = None;
        }
    }
}

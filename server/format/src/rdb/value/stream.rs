//! Streams: nodes, then metadata.
use super::super::length::{read_count, read_plain};
use super::super::string;
use super::super::types::ValueType;
use super::super::{length, stream};
use super::blob::{text, Blob};
use super::{Scratch, Visitor};
use crate::cursor::Cursor;
use crate::encodings::stream::{Message, Node, StreamId};
use crate::error::{FormatError, Result};

/// The result of a visit.
type Visit<V> = std::result::Result<(), <V as Visitor>::Error>;

pub(super) fn stream<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    value_type: ValueType,
    visitor: &mut V,
) -> Visit<V> {
    visitor.count(stated_length(cursor.clone())?)?;
    // Type 15 does not state its first id, so it is taken from the nodes.
    let mut first_id = None;
    let wants_first_id = value_type == ValueType::Stream;
    for _ in 0..read_count(cursor, 2)? {
        let master_id = read_master_id(cursor, &mut scratch.first)?;
        let blob = Blob::read(cursor, &mut scratch.first)?;
        if wants_first_id && first_id.is_none() {
            first_id = first_live_id(&blob, master_id)?;
        }
        if visitor.stream_node(master_id, blob.bytes)? {
            messages(&blob, master_id, visitor)?;
        }
    }
    let mut meta = stream::read(cursor, value_type)?;
    if let Some(first_id) = first_id {
        meta.first_id = first_id;
    }
    visitor.stream_meta(&meta)
}

fn messages<V: Visitor>(blob: &Blob<'_>, master_id: StreamId, visitor: &mut V) -> Visit<V> {
    let node = Node::parse(master_id, blob.bytes).map_err(|e| blob.place(e))?;
    let (mut messages, mut message) = (node.messages(), Message::default());
    while let Some(read) = messages.read_into(&mut message) {
        read.map_err(|e| blob.place(e))?;
        if !message.deleted {
            visitor.stream_message(&message)?;
        }
    }
    Ok(())
}

fn first_live_id(blob: &Blob<'_>, master_id: StreamId) -> Result<Option<StreamId>> {
    let node = Node::parse(master_id, blob.bytes).map_err(|e| blob.place(e))?;
    for message in node.messages() {
        let message = message.map_err(|e| blob.place(e))?;
        if !message.deleted {
            return Ok(Some(message.id));
        }
    }
    Ok(None)
}

/// Reads the key of a node: 16 bytes, as a string.
pub(in crate::rdb) fn read_master_id(
    cursor: &mut Cursor<'_>,
    scratch: &mut Vec<u8>,
) -> Result<StreamId> {
    let start = cursor.pos();
    let key = text(cursor, scratch)?;
    let key = <[u8; 16]>::try_from(key).map_err(|_| {
        let what = format!("stream node key has {} bytes, not 16", key.len());
        FormatError::corrupt(start, what)
    })?;
    Ok(StreamId::from_bytes(key))
}

/// The number of live messages that the metadata states.
fn stated_length(mut cursor: Cursor<'_>) -> Result<u64> {
    for _ in 0..length::read_count(&mut cursor, 2)? {
        string::skip(&mut cursor)?;
        string::skip(&mut cursor)?;
    }
    read_plain(&mut cursor)
}

//! Streams. Nodes are kept as they are; the metadata takes the form of Stream3, or of Stream5 when
//! it holds what only that form can (producers, a NACK zone). Long metadata (many pending entries)
//! is cut into pieces, so that an object record is small whatever the stream.
use super::{no_rest, pieces, Form, Ids, Scratch, Sink};
use crate::contract::Table;
use crate::error::Result;
use crate::layout::{INLINE_MAX_BYTES, PIECE_BYTES};
use crate::object::{Body, Encoding};
use crate::segment::stream_key;
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::stream::{Node, StreamId};
use redtool_format::rdb::stream::{self as metadata, StreamMeta};
use redtool_format::rdb::{counters, string};
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
    let places = node_places(&mut cursor)?;
    let nodes_end = cursor.pos();
    let mut meta = metadata::read(&mut cursor, value_type)?;
    no_rest(&cursor)?;
    if meta.length > 0 && places.is_empty() {
        let what = format!("stream of {} messages without nodes", meta.length);
        return Err(FormatError::corrupt(nodes_end, what).into());
    }
    if value_type == ValueType::Stream {
        let nodes = Nodes::of(payload, &places, &mut scratch.blob)?;
        counters::complete(&mut meta, nodes.live, nodes.first);
    }
    let stored = stored_type(value_type, &meta);
    let count = meta.length;
    scratch.payload.clear();
    if !segmented {
        inline_nodes(&payload[..nodes_end], &places, &mut scratch.payload)?;
    }
    metadata::write(&mut scratch.payload, &meta, stored);
    drop(meta);
    // Segments go in the order of their keys, and pieces come before nodes.
    if segmented && scratch.payload.len() > PIECE_BYTES {
        pieces::cut(&mut scratch.payload, ids, sink)?;
    }
    for (_, offset) in &places {
        let (master, bytes) = node(&mut Cursor::starting_at(payload, *offset), &mut scratch.blob)?;
        if segmented {
            sink.record(Table::Segments, &stream_key(ids.id(), master), bytes)?;
        }
    }
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

/// The master ids of the nodes and where they are, ascending: servers load nodes in any order.
fn node_places(cursor: &mut Cursor<'_>) -> Result<Vec<(StreamId, usize)>> {
    let count = length::read_count(cursor, 2)?;
    let mut places: Vec<(StreamId, usize)> = Vec::new();
    for _ in 0..count {
        let start = cursor.pos();
        places.push((master_id(cursor)?, start));
        string::skip(cursor)?;
    }
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => {
            let what = format!("stream node {} is there twice", pair[1].0);
            Err(FormatError::corrupt(pair[1].1, what).into())
        }
        None => Ok(places),
    }
}

/// Appends the nodes in the order of their ids; as they are when they have that order already.
fn inline_nodes(nodes: &[u8], places: &[(StreamId, usize)], out: &mut Vec<u8>) -> Result<()> {
    if places.windows(2).all(|pair| pair[0].1 < pair[1].1) {
        out.extend_from_slice(nodes);
        return Ok(());
    }
    length::write(out, places.len() as u64);
    for (_, offset) in places {
        let mut cursor = Cursor::starting_at(nodes, *offset);
        string::skip(&mut cursor)?;
        string::skip(&mut cursor)?;
        out.extend_from_slice(&nodes[*offset..cursor.pos()]);
    }
    Ok(())
}

fn master_id(cursor: &mut Cursor<'_>) -> Result<StreamId> {
    let start = cursor.pos();
    let mut scratch = Vec::new();
    let key = string::read(cursor)?.decode(&mut scratch).map_err(|e| e.at(start))?.try_into();
    let wrong = || FormatError::corrupt(start, "stream node key that is not 16 bytes");
    Ok(key.map(StreamId::from_bytes).map_err(|_| wrong())?)
}

/// A node's master id and its listpack, decoded.
fn node<'c: 'b, 'b>(
    cursor: &mut Cursor<'c>,
    blob: &'b mut Vec<u8>,
) -> Result<(StreamId, &'b [u8])> {
    let master = master_id(cursor)?;
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
}

impl Nodes {
    fn of(payload: &[u8], places: &[(StreamId, usize)], blob: &mut Vec<u8>) -> Result<Self> {
        let mut nodes = Nodes { first: None, live: 0 };
        for (_, offset) in places {
            let (master, bytes) = node(&mut Cursor::starting_at(payload, *offset), blob)?;
            nodes.note(master, bytes).map_err(|e| e.at(*offset))?;
        }
        Ok(nodes)
    }

    fn note(&mut self, master: StreamId, bytes: &[u8]) -> std::result::Result<(), FormatError> {
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
}

//! Streams: node keys and frames, the messages of each node, the pending lists.
use super::super::length::read_count;
use super::super::stream::{self, StreamMeta};
use super::super::types::ValueType;
use super::super::value::blob::Blob;
use super::super::value::stream::read_master_id;
use super::Check;
use crate::cursor::Cursor;
use crate::encodings::listpack::Listpack;
use crate::encodings::stream::{Node, StreamId};
use crate::error::{FormatError, Result};
use std::collections::HashSet;

/// What the nodes say of the stream, to be compared with its metadata.
#[derive(Debug, Default)]
struct Seen {
    live: u64,
    first: Option<StreamId>,
    newest: StreamId,
}

pub(super) fn stream(
    check: &mut Check<'_>,
    cursor: &mut Cursor<'_>,
    value_type: ValueType,
) -> Result<()> {
    let mut seen = Seen::default();
    let nodes = read_count(cursor, 2)?;
    check.master_ids.clear();
    for _ in 0..nodes {
        let master_id = read_master_id(cursor, &mut check.scratch.first)?;
        check.master_ids.push(master_id);
        let blob = Blob::read(cursor, &mut check.scratch.first)?;
        let listpack = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?;
        if listpack.is_empty() {
            return Err(blob.corrupt("stream node is empty"));
        }
        if check.deep {
            node(&blob, master_id, &mut seen).map_err(|e| blob.place(e))?;
        }
    }
    nodes_are_distinct(check.master_ids)?;
    let start = cursor.pos();
    let meta = stream::read(cursor, value_type)?;
    if nodes == 0 && meta.length > 0 {
        let what = format!("stream of {} messages has no nodes", meta.length);
        return Err(FormatError::corrupt(start, what));
    }
    if check.deep {
        owners(&meta, start)?;
        odd_counts(check, &meta, &seen, start, value_type);
    }
    Ok(())
}

fn node(blob: &Blob<'_>, master_id: StreamId, seen: &mut Seen) -> Result<()> {
    Node::parse(master_id, blob.bytes)?.validate_each(|message| {
        if !message.deleted {
            seen.live += 1;
            seen.first.get_or_insert(message.id);
            seen.newest = seen.newest.max(message.id);
        }
    })
}

/// Nodes come in the order of their ids from every server, so that sorting is needed for odd files
/// only.
fn nodes_are_distinct(master_ids: &mut [StreamId]) -> Result<()> {
    if !master_ids.is_sorted() {
        master_ids.sort_unstable();
    }
    match master_ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(FormatError::corrupt(0, format!("two stream nodes have the id {}", pair[0])))
        }
        None => Ok(()),
    }
}

/// Every pending entry belongs to a consumer or lies in the NACK zone.
fn owners(meta: &StreamMeta, start: usize) -> Result<()> {
    for group in &meta.groups {
        let nack: HashSet<StreamId> = group.nack.iter().copied().collect();
        for entry in &group.pel {
            if entry.consumer.is_some() == nack.contains(&entry.id) {
                let name = group.name[..group.name.len().min(64)].escape_ascii();
                let trouble = if nack.is_empty() { "has no owner" } else { "has not one owner" };
                let what = format!("pending message {} of group \"{name}\" {trouble}", entry.id);
                return Err(FormatError::corrupt(start, what));
            }
        }
    }
    Ok(())
}

fn odd_counts(
    check: &mut Check<'_>,
    meta: &StreamMeta,
    seen: &Seen,
    start: usize,
    value_type: ValueType,
) {
    if meta.length != seen.live {
        let what = format!("stream of {} messages says it has {}", seen.live, meta.length);
        check.odd(start, what);
    }
    if meta.last_id < seen.newest {
        let what = format!("last id {} is before the newest message {}", meta.last_id, seen.newest);
        check.odd(start, what);
    }
    let first = seen.first.unwrap_or_default();
    if value_type != ValueType::Stream && meta.first_id != first {
        check.odd(start, format!("first id {} is not that of {first}", meta.first_id));
    }
}

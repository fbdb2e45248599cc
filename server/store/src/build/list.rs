//! Lists. A node of an RDB quicklist becomes a segment as it is; ziplists become listpacks first.
//!
//! A node larger than [`NODE_MAX_BYTES`] (a server with unusual limits wrote it) is cut into nodes
//! of ordinary size, so that no read of one element touches more than that.
use super::{limit, no_rest, Form, Ids, Scratch, Sink};
use crate::contract::Table;
use crate::error::Result;
use crate::layout::{INLINE_MAX_BYTES, LIST_ORIGIN, SEGMENT_BYTES};
use crate::object::{Body, Encoding};
use crate::segment::list_key;
use redtool_format::encodings::listpack::{self, Listpack};
use redtool_format::encodings::ziplist::Ziplist;
use redtool_format::encodings::Item;
use redtool_format::rdb::string::{self, Str};
use redtool_format::rdb::{length, ValueType};
use redtool_format::{Cursor, FormatError};

/// Larger packed nodes are cut.
const NODE_MAX_BYTES: usize = 64 * 1024;
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

/// A list in the course of being stored.
struct Nodes<'s, 'i> {
    ids: &'s mut Ids<'i>,
    sink: &'s mut dyn Sink,
    /// Inline payload so far (nodes without their number), as long as the list may still be small.
    inline: Vec<u8>,
    inline_raw_bytes: usize,
    nodes: u64,
    elements: u64,
    segmented: bool,
    only_node_bytes: usize,
    plain_nodes: u64,
    segment: Vec<u8>,
}

pub(super) fn build<'a>(
    value_type: ValueType,
    payload: &'a [u8],
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<Form<'a>>> {
    scratch.payload.clear();
    let mut nodes = Nodes {
        ids,
        sink,
        inline: std::mem::take(&mut scratch.payload),
        inline_raw_bytes: 0,
        nodes: 0,
        elements: 0,
        segmented: false,
        only_node_bytes: 0,
        plain_nodes: 0,
        segment: Vec::new(),
    };
    let mut cursor = Cursor::new(payload);
    read_nodes(value_type, &mut cursor, &mut scratch.blob, &mut nodes)?;
    no_rest(&cursor)?;
    if nodes.elements == 0 {
        return Ok(None);
    }
    let small = nodes.nodes == 1 && nodes.plain_nodes == 0;
    let encoding = if small && nodes.only_node_bytes <= limit::LIST_NODE_BYTES {
        Encoding::Listpack
    } else {
        Encoding::Quicklist
    };
    let (count, segmented) = (nodes.elements, nodes.segmented);
    let body = if segmented {
        Body::Segmented { id: nodes.ids.id(), tail: &[] }
    } else {
        let inline = std::mem::take(&mut nodes.inline);
        length::write(&mut scratch.payload, nodes.nodes);
        scratch.payload.extend_from_slice(&inline);
        Body::Inline(&scratch.payload)
    };
    Ok(Some(Form { value_type: ValueType::ListQuicklist2, encoding, count, body }))
}

fn read_nodes(
    value_type: ValueType,
    cursor: &mut Cursor<'_>,
    blob: &mut Vec<u8>,
    nodes: &mut Nodes<'_, '_>,
) -> Result<()> {
    match value_type {
        ValueType::ListQuicklist2 => {
            for _ in 0..length::read_count(cursor, 1)? {
                let start = cursor.pos();
                let container = length::read_plain(cursor)?;
                let string_at = cursor.pos();
                let node = string::read(cursor)?;
                let bytes = node.decode(blob).map_err(|e| e.at(string_at))?;
                match container {
                    PLAIN => nodes.plain(node, bytes, start)?,
                    PACKED => nodes.packed(node, bytes, string_at)?,
                    n => {
                        let what = format!("quicklist node of unknown container {n}");
                        return Err(FormatError::corrupt(start, what).into());
                    }
                }
            }
        }
        ValueType::ListQuicklist => {
            for _ in 0..length::read_count(cursor, 1)? {
                ziplist_node(cursor, blob, nodes)?;
            }
        }
        ValueType::ListZiplist => ziplist_node(cursor, blob, nodes)?,
        _ => plain_items(cursor, blob, nodes)?,
    }
    Ok(())
}

fn ziplist_node(
    cursor: &mut Cursor<'_>,
    blob: &mut Vec<u8>,
    nodes: &mut Nodes<'_, '_>,
) -> Result<()> {
    let start = cursor.pos();
    let bytes = string::read(cursor)?;
    let bytes = bytes.decode(blob).map_err(|e| e.at(start))?;
    let ziplist = Ziplist::parse(bytes).map_err(|e| e.at(start))?;
    ziplist.validate().map_err(|e| e.at(start))?;
    let mut packed = listpack::Builder::new();
    for item in ziplist.iter() {
        packed.push_item(item.map_err(|e| e.at(start))?);
    }
    nodes.built(&mut packed, start)
}

/// Element by element (RDB 1-6): packed into nodes as a server fills them while loading.
fn plain_items(
    cursor: &mut Cursor<'_>,
    blob: &mut Vec<u8>,
    nodes: &mut Nodes<'_, '_>,
) -> Result<()> {
    let mut packed = listpack::Builder::new();
    for _ in 0..length::read_count(cursor, 1)? {
        let start = cursor.pos();
        let item = string::read(cursor)?;
        let bytes = item.decode(blob).map_err(|e| e.at(start))?;
        if packed.count() > 0 && packed.size_bytes() + bytes.len() + 16 > limit::LIST_NODE_BYTES {
            nodes.built(&mut packed, start)?;
            packed.clear();
        }
        if bytes.len() > limit::LIST_NODE_BYTES {
            nodes.plain(item, bytes, start)?;
        } else {
            packed.push(bytes);
        }
    }
    nodes.built(&mut packed, cursor.pos())
}

impl Nodes<'_, '_> {
    /// A node that was built here.
    fn built(&mut self, packed: &mut listpack::Builder, at: usize) -> Result<()> {
        if packed.count() == 0 {
            return Ok(());
        }
        let bytes = packed.finish();
        self.packed(Str::Raw(bytes), bytes, at)
    }

    /// A listpack node: `node` as it lies in the file, `bytes` decoded.
    fn packed(&mut self, node: Str<'_>, bytes: &[u8], at: usize) -> Result<()> {
        let listpack = Listpack::parse(bytes).map_err(|e| e.at(at))?;
        let count = listpack.count().map_err(|e| e.at(at))?;
        if count == 0 {
            // Servers pass over an empty node.
            return Ok(());
        }
        // One large element makes a node of its own, however large.
        if bytes.len() > NODE_MAX_BYTES && count > 1 {
            return self.cut(listpack, at);
        }
        self.only_node_bytes = bytes.len();
        self.add(PACKED, node, bytes, count as u64)
    }

    fn plain(&mut self, node: Str<'_>, bytes: &[u8], at: usize) -> Result<()> {
        if bytes.is_empty() {
            return Err(
                FormatError::corrupt(at, "quicklist node with an empty plain element").into()
            );
        }
        self.plain_nodes += 1;
        self.add(PLAIN, node, bytes, 1)
    }

    fn cut(&mut self, listpack: Listpack<'_>, at: usize) -> Result<()> {
        let mut packed = listpack::Builder::new();
        for item in listpack.iter() {
            let item: Item<'_> = item.map_err(|e| e.at(at))?;
            if packed.count() > 0 && packed.size_bytes() + item.len() > SEGMENT_BYTES {
                self.built(&mut packed, at)?;
                packed.clear();
            }
            packed.push_item(item);
            if packed.size_bytes() >= SEGMENT_BYTES {
                self.built(&mut packed, at)?;
                packed.clear();
            }
        }
        self.built(&mut packed, at)
    }

    fn add(&mut self, container: u64, node: Str<'_>, bytes: &[u8], count: u64) -> Result<()> {
        if !self.segmented && self.inline_raw_bytes + bytes.len() > INLINE_MAX_BYTES {
            self.start_segments()?;
        }
        if self.segmented {
            self.segment(container, bytes)?;
        } else {
            length::write(&mut self.inline, container);
            string::write_str(&mut self.inline, node);
            self.inline_raw_bytes += bytes.len();
        }
        self.nodes += 1;
        self.elements += count;
        Ok(())
    }

    /// The list is not small after all: what was kept inline becomes segments.
    fn start_segments(&mut self) -> Result<()> {
        let inline = std::mem::take(&mut self.inline);
        let mut cursor = Cursor::new(&inline);
        let mut scratch = Vec::new();
        self.segmented = true;
        self.elements = 0;
        while cursor.remaining() > 0 {
            let container = length::read_plain(&mut cursor)?;
            let node = string::read(&mut cursor)?;
            let bytes = node.decode(&mut scratch)?;
            self.segment(container, bytes)?;
            let count = if container == PLAIN { 1 } else { Listpack::parse(bytes)?.count()? };
            self.elements += count as u64;
        }
        Ok(())
    }

    fn segment(&mut self, container: u64, bytes: &[u8]) -> Result<()> {
        self.segment.clear();
        self.segment.push(container as u8);
        self.segment.extend_from_slice(bytes);
        let key = list_key(self.ids.id(), LIST_ORIGIN + self.elements);
        self.sink.record(Table::Segments, &key, &self.segment)
    }
}

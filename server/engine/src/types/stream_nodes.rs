//! The nodes of a stream being changed: in its record, or in segments.
use super::segments::Segments;
use super::stream::Form;
use super::{corrupt, Result};
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::string;
use redtool_store::segment::stream_key;
use redtool_store::space::SegmentMut;
use redtool_store::{Reader, Space, Table};
use std::borrow::Cow;

/// Where the nodes are.
#[derive(Debug)]
pub(super) enum Home {
    /// In the record.
    Inline(Vec<(StreamId, Vec<u8>)>),
    /// In segments of this id.
    Segments(u64),
}

impl Home {
    /// The nodes, to be read.
    pub(super) fn form<'r>(&'r self, reader: &'r dyn Reader) -> Form<'r> {
        match self {
            Home::Inline(nodes) => {
                let raw = |(master, blob): &'r (StreamId, Vec<u8>)| {
                    (*master, string::Str::Raw(blob.as_slice()))
                };
                Form::Nodes(nodes.iter().map(raw).collect())
            }
            Home::Segments(id) => Form::Segments(Segments::new(reader, *id, b's')),
        }
    }

    /// The master id of the last node.
    pub(super) fn last(&self, space: &Space) -> Result<Option<StreamId>> {
        self.floor(space, StreamId::MAX)
    }

    /// The last node whose master id is not greater.
    pub(super) fn floor(&self, space: &Space, id: StreamId) -> Result<Option<StreamId>> {
        match self {
            Home::Inline(nodes) => {
                let behind = nodes.partition_point(|(master, _)| *master <= id);
                Ok(behind.checked_sub(1).map(|at| nodes[at].0))
            }
            Home::Segments(segments) => {
                let found = space.floor(Table::Segments, &stream_key(*segments, id))?;
                Ok(found.and_then(|(key, _)| master_of(&key, *segments)))
            }
        }
    }

    /// The first node whose master id is not less.
    pub(super) fn next(&self, space: &Space, id: StreamId) -> Result<Option<StreamId>> {
        match self {
            Home::Inline(nodes) => {
                let at = nodes.partition_point(|(master, _)| *master < id);
                Ok(nodes.get(at).map(|(master, _)| *master))
            }
            Home::Segments(segments) => {
                let mut walk = space.seek(Table::Segments, &stream_key(*segments, id))?;
                let found = walk.next()?;
                Ok(found.and_then(|(key, _)| master_of(&key, *segments)))
            }
        }
    }

    pub(super) fn node<'n>(&'n self, space: &'n Space, master: StreamId) -> Result<Cow<'n, [u8]>> {
        match self {
            Home::Inline(nodes) => {
                let at = nodes.binary_search_by_key(&master, |(master, _)| *master);
                let node = at.ok().map(|at| nodes[at].1.as_slice().into());
                node.ok_or_else(|| corrupt("a node of a stream is gone"))
            }
            Home::Segments(id) => {
                let node = space.get(Table::Segments, &stream_key(*id, master))?;
                node.ok_or_else(|| corrupt("a node of a stream is gone"))
            }
        }
    }

    pub(super) fn node_mut<'n>(
        &'n mut self,
        space: &'n mut Space,
        master: StreamId,
    ) -> Result<Option<SegmentMut<'n>>> {
        match self {
            Home::Inline(nodes) => {
                let at = nodes.binary_search_by_key(&master, |(master, _)| *master);
                Ok(at.ok().map(|at| SegmentMut::uncounted(&mut nodes[at].1)))
            }
            Home::Segments(id) => Ok(space.segment_mut(&stream_key(*id, master))?),
        }
    }

    pub(super) fn put(&mut self, space: &mut Space, master: StreamId, blob: Vec<u8>) {
        match self {
            Home::Inline(nodes) => {
                let at = nodes.partition_point(|(before, _)| *before < master);
                nodes.insert(at, (master, blob));
            }
            Home::Segments(id) => space.put_segment(&stream_key(*id, master), blob),
        }
    }

    pub(super) fn remove(&mut self, space: &mut Space, master: StreamId) {
        match self {
            Home::Inline(nodes) => nodes.retain(|(other, _)| *other != master),
            Home::Segments(id) => space.delete_segment(&stream_key(*id, master)),
        }
    }
}

/// The master id that the key of a node's segment holds, when it is one of this stream.
fn master_of(key: &[u8], segments: u64) -> Option<StreamId> {
    let prefix = segments.to_be_bytes();
    let rest = key.strip_prefix(&prefix)?.strip_prefix(b"s")?;
    Some(StreamId::from_bytes(rest.try_into().ok()?))
}

//! Streams: nodes (listpacks of messages, as RDB has them) under their master ids, and what follows
//! the nodes.
//!
//! ```text
//! inline     len nodes · nodes × (str master id, str listpack) · the rest
//! segmented  [id]['s'][ms][seq] → the node's listpack      the rest in the object record, or in
//!            pieces when it is long
//! the rest   length, ids, counters, groups (see redtool_format::rdb::stream)
//! ```
use super::segments::{Segment, Segments, PREFIX_BYTES};
use super::stream_cache::StreamCache;
use super::stream_groups::Groups;
use super::stream_write::{Held, StreamEdit};
use super::{corrupt, decode, Direction, Flow, Result, ON, STOP};
use redtool_format::encodings::stream::{Message, Node, StreamId};
use redtool_format::rdb::string::{self, Str};
use redtool_format::rdb::{length, stream as metadata, ValueType};
use redtool_format::Cursor;
use redtool_store::pieces::Pieces;
use redtool_store::{Body, Object, Reader};
use std::borrow::Cow;
use std::ops::Deref;

pub use redtool_format::rdb::stream::StreamMeta;

/// Where the counters end in the rest, at most: they are its first eight lengths.
const HEAD_END_BYTES: u64 = 8 * 9;

/// A stream, opened.
pub struct Stream<'r> {
    form: Form<'r>,
    rest: Rest<'r>,
    value_type: ValueType,
    len: u64,
}

enum Rest<'r> {
    Record(&'r [u8]),
    Pieces(Pieces<'r>),
    /// Newer than the record.
    Held(&'r StreamMeta, Option<&'r Held>),
}

/// The groups of a stream.
pub enum HeldGroups<'r> {
    /// Decoded before.
    Kept(&'r Groups),
    /// Decoded now.
    Read(Groups),
}

impl Deref for HeldGroups<'_> {
    type Target = Groups;

    fn deref(&self) -> &Groups {
        match self {
            HeldGroups::Kept(groups) => groups,
            HeldGroups::Read(groups) => groups,
        }
    }
}

impl<'r> Rest<'r> {
    /// The first `most` bytes.
    fn bytes(&self, most: u64) -> Result<Cow<'r, [u8]>> {
        match self {
            Rest::Record(bytes) => Ok(Cow::Borrowed(bytes)),
            Rest::Held(..) => Ok(Cow::Borrowed(&[])),
            Rest::Pieces(pieces) => {
                let (mut bytes, mut walk) = (Vec::new(), pieces.range(0..most));
                while let Some(piece) = walk.advance()? {
                    bytes.extend_from_slice(piece);
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

pub(super) enum Form<'r> {
    Nodes(Vec<(StreamId, Str<'r>)>),
    Segments(Segments<'r>),
}

impl<'r> Stream<'r> {
    /// Opens a stream.
    pub fn open(reader: &'r dyn Reader, object: &Object<'r>) -> Result<Self> {
        let (form, rest) = match object.body {
            Body::Inline(payload) => {
                let mut cursor = Cursor::new(payload);
                (Form::Nodes(read_nodes(&mut cursor)?), Rest::Record(cursor.rest()))
            }
            Body::Segmented { id, tail } => {
                let pieces = Pieces::of_metadata(reader, object)?;
                let rest = pieces.map_or(Rest::Record(tail), Rest::Pieces);
                (Form::Segments(Segments::new(reader, id, b's')), rest)
            }
        };
        Ok(Self { form, rest, value_type: object.value_type, len: object.count })
    }

    /// Opens a stream that may be newer in the cache than its record is.
    pub fn open_newest(
        reader: &'r dyn Reader,
        cache: Option<&'r StreamCache>,
        object: &Object<'r>,
    ) -> Result<Self> {
        let kept = match object.body {
            Body::Segmented { id, .. } => cache.and_then(|cache| cache.get(id)),
            Body::Inline(_) => None,
        };
        kept.map_or_else(|| Self::open(reader, object), |stream| Ok(stream.view(reader)))
    }

    /// A stream that is being changed.
    pub(super) fn of_edit(reader: &'r dyn Reader, edit: &'r StreamEdit) -> Self {
        let rest = Rest::Held(&edit.head, Some(&edit.groups));
        let form = edit.home.form(reader);
        Self { form, rest, value_type: edit.value_type, len: edit.head.length }
    }

    /// The messages of a stream whose groups are being changed.
    pub(super) fn of_nodes(form: Form<'r>, head: &'r StreamMeta, value_type: ValueType) -> Self {
        Self { form, rest: Rest::Held(head, None), value_type, len: head.length }
    }

    /// Number of messages.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ids and counters; without the groups.
    pub fn head(&self) -> Result<StreamMeta> {
        if let Rest::Held(head, _) = self.rest {
            return Ok(head.clone());
        }
        let bytes = self.rest.bytes(HEAD_END_BYTES)?;
        Ok(metadata::read_head(&mut Cursor::new(&bytes), self.value_type)?)
    }

    /// The groups.
    pub fn groups(&self) -> Result<HeldGroups<'r>> {
        let mut meta = StreamMeta::default();
        match self.rest {
            Rest::Held(_, Some(Held::Decoded(groups))) => return Ok(HeldGroups::Kept(groups)),
            Rest::Held(_, Some(Held::Stored(bytes))) => {
                metadata::read_groups(&mut Cursor::new(bytes), self.value_type, &mut meta)?;
            }
            Rest::Held(_, None) => return Err(corrupt("the groups of a stream are in use")),
            Rest::Record(_) | Rest::Pieces(_) => {
                let bytes = self.rest.bytes(u64::MAX)?;
                meta = metadata::read(&mut Cursor::new(&bytes), self.value_type)?;
            }
        }
        Ok(HeldGroups::Read(Groups::of(meta.groups)))
    }

    /// The last generated id.
    pub fn last_id(&self) -> Result<StreamId> {
        Ok(self.head()?.last_id)
    }

    /// Master ids of the nodes, ascending.
    pub fn nodes(&self) -> Result<Vec<StreamId>> {
        match &self.form {
            Form::Nodes(nodes) => Ok(nodes.iter().map(|(master, _)| *master).collect()),
            Form::Segments(segments) => {
                let mut ids = Vec::new();
                segments.each(|segment| {
                    ids.push(master_of(&segment)?);
                    Ok(ON)
                })?;
                Ok(ids)
            }
        }
    }

    /// Hands the live messages from `first` to `last`, both included, to `f` until it stops;
    /// backward from the last.
    pub fn each(
        &self,
        first: StreamId,
        last: StreamId,
        direction: Direction,
        mut f: impl FnMut(&Message<'_>) -> Result<Flow>,
    ) -> Result<()> {
        let range = Range { first, last, direction };
        match &self.form {
            Form::Nodes(nodes) => range.each_node(nodes, &mut f),
            Form::Segments(segments) => range.each_segment(segments, &mut f),
        }
    }

    /// The first or the last message, handed to `f`.
    pub fn end<T>(
        &self,
        direction: Direction,
        f: impl FnOnce(&Message<'_>) -> T,
    ) -> Result<Option<T>> {
        let (mut f, mut found) = (Some(f), None);
        self.each(StreamId::MIN, StreamId::MAX, direction, |message| {
            found = f.take().map(|f| f(message));
            Ok(STOP)
        })?;
        Ok(found)
    }

    /// Whether a message is there.
    pub fn contains(&self, id: StreamId) -> Result<bool> {
        let mut found = false;
        self.each(id, id, Direction::Forward, |_| {
            found = true;
            Ok(STOP)
        })?;
        Ok(found)
    }
}

pub(super) fn read_nodes<'r>(cursor: &mut Cursor<'r>) -> Result<Vec<(StreamId, Str<'r>)>> {
    let count = length::read_plain(cursor)?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        let key = decode(string::read(cursor)?)?;
        nodes.push((read_id(&key)?, string::read(cursor)?));
    }
    Ok(nodes)
}

/// The id after this one.
pub fn id_after(id: StreamId) -> Option<StreamId> {
    match id.seq.checked_add(1) {
        Some(seq) => Some(StreamId { ms: id.ms, seq }),
        None => Some(StreamId { ms: id.ms.checked_add(1)?, seq: 0 }),
    }
}

fn read_id(key: &[u8]) -> Result<StreamId> {
    let bytes = key.try_into().map_err(|_| corrupt("a stream node's id is not 16 bytes long"))?;
    Ok(StreamId::from_bytes(bytes))
}

fn master_of(segment: &Segment<'_>) -> Result<StreamId> {
    read_id(segment.key.get(PREFIX_BYTES..).unwrap_or_default())
}

/// The messages asked for.
struct Range {
    first: StreamId,
    last: StreamId,
    direction: Direction,
}

impl Range {
    fn each_node(
        &self,
        nodes: &[(StreamId, Str<'_>)],
        f: &mut impl FnMut(&Message<'_>) -> Result<Flow>,
    ) -> Result<()> {
        // The messages of a node are older than the next node's master id.
        let after = |id: StreamId| nodes.partition_point(|(master, _)| *master <= id);
        let within = after(self.first).saturating_sub(1)..after(self.last);
        let nodes = nodes.get(within).unwrap_or_default();
        let mut each =
            |(master, blob): &(StreamId, Str<'_>)| self.each_message(*master, &decode(*blob)?, f);
        match self.direction {
            Direction::Forward => walk(nodes.iter(), &mut each),
            Direction::Backward => walk(nodes.iter().rev(), &mut each),
        }
    }

    fn each_segment(
        &self,
        segments: &Segments<'_>,
        f: &mut impl FnMut(&Message<'_>) -> Result<Flow>,
    ) -> Result<()> {
        let start = match self.direction {
            Direction::Forward => self.first,
            Direction::Backward => self.last,
        };
        let mut key = segments.key(start.ms).to_vec();
        key.extend_from_slice(&start.seq.to_be_bytes());
        let mut nodes = segments.walk_floor(&key, self.direction)?;
        while let Some(segment) = nodes.advance()? {
            let flow = self.each_message(master_of(&segment)?, &segment.value, f)?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Hands over the messages of one node; stops behind the range.
    fn each_message(
        &self,
        master: StreamId,
        blob: &[u8],
        f: &mut impl FnMut(&Message<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        let messages = Node::parse(master, blob)?.messages();
        if self.direction == Direction::Forward {
            for message in messages {
                let message = message?;
                if message.id > self.last {
                    return Ok(STOP);
                }
                if message.id >= self.first && !message.deleted && f(&message)?.is_break() {
                    return Ok(STOP);
                }
            }
            return Ok(ON);
        }
        let all = messages.collect::<std::result::Result<Vec<_>, _>>()?;
        for message in all.iter().rev() {
            if message.id < self.first {
                return Ok(STOP);
            }
            if message.id <= self.last && !message.deleted && f(message)?.is_break() {
                return Ok(STOP);
            }
        }
        Ok(ON)
    }
}

fn walk<'n, T: 'n>(
    nodes: impl Iterator<Item = &'n T>,
    f: &mut impl FnMut(&'n T) -> Result<Flow>,
) -> Result<()> {
    for node in nodes {
        if f(node)?.is_break() {
            break;
        }
    }
    Ok(())
}

//! Streams changed: messages appended, deleted, trimmed; how a stream is read from its record and
//! written back.
//!
//! A message goes into the last node, in place; a node is begun when that one is full. What is
//! deleted is marked, and goes when its node has no live message. Counters stand before the groups
//! and are changed without looking at these: groups are decoded when a command of groups asks for
//! them ([`StreamEdit::groups_mut`]).
//!
//! Groups with many pending entries are long, and stored as one run of bytes, in which everything
//! behind a change moves. So a segmented stream whose groups were decoded, or are long, is not
//! written back by the command that changed it: it stays in [`super::stream_cache`], newer than its
//! record, until somebody must see the record. What is changed in the cache costs the logarithm of
//! the number of pending entries.
use super::limits::Limits;
use super::stream::{read_nodes, Stream, StreamMeta};
use super::stream_groups::Groups;
use super::stream_nodes::Home;
use super::{corrupt, decode, Direction, Result};
use redtool_format::encodings::stream::{edit as node, StreamId};
use redtool_format::rdb::{length, string};
use redtool_format::rdb::{stream as metadata, Kind, ValueType};
use redtool_format::Cursor;
use redtool_store::layout::{INLINE_MAX_BYTES, PIECE_BYTES};
use redtool_store::object::is_long_key;
use redtool_store::pieces::{self, Pieces};
use redtool_store::segment::{piece_key, stream_key};
use redtool_store::{Body, Encoding, Object, Reader, Space, Table};

/// Groups of more bytes are not copied from record to record by every command.
const GROUPS_COPIED_BYTES: usize = 2048;
/// Bytes in front of an inline node, at most: its key and two lengths.
const NODE_HEADER_BYTES: usize = 1 + 16 + 5;

/// A stream being changed.
#[derive(Debug)]
pub struct StreamEdit {
    /// Counters and ids; its groups are in `groups`.
    pub head: StreamMeta,
    /// Something was changed, and the record is older.
    pub is_stale: bool,
    pub(super) value_type: ValueType,
    pub(super) home: Home,
    pub(super) groups: Held,
}

/// What follows the head.
#[derive(Debug)]
pub(super) enum Held {
    /// As it is stored.
    Stored(Vec<u8>),
    /// The groups decoded; what follows them is in the head.
    Decoded(Groups),
}

/// What is trimmed.
#[derive(Debug, Clone, Copy)]
pub struct Trim {
    /// What may stay.
    pub to: TrimTo,
    /// Only whole nodes go.
    pub approximate: bool,
    /// So many messages may go at a time; 0 is no limit.
    pub limit: u64,
}

/// What may stay.
#[derive(Debug, Clone, Copy)]
pub enum TrimTo {
    /// So many messages.
    Length(u64),
    /// The messages from this id on.
    Id(StreamId),
}

impl StreamEdit {
    /// A new stream, without messages.
    pub fn new() -> Self {
        let mut none = Vec::new();
        length::write(&mut none, 0);
        Self {
            head: StreamMeta::default(),
            is_stale: true,
            value_type: ValueType::Stream3,
            home: Home::Inline(Vec::new()),
            groups: Held::Stored(none),
        }
    }

    /// Of a record.
    pub fn read(reader: &dyn Reader, object: &Object<'_>) -> Result<Self> {
        let pieces = Pieces::of_metadata(reader, object)?;
        let (home, rest) = match (object.body, pieces) {
            (Body::Inline(payload), _) => {
                let mut cursor = Cursor::new(payload);
                let nodes = read_nodes(&mut cursor)?.into_iter();
                let nodes = nodes.map(|(master, blob)| Ok((master, decode(blob)?.into_owned())));
                (Home::Inline(nodes.collect::<Result<_>>()?), cursor.rest().to_vec())
            }
            (Body::Segmented { id, tail }, None) => (Home::Segments(id), tail.to_vec()),
            (Body::Segmented { id, .. }, Some(pieces)) => {
                pieces.check_end()?;
                let (mut rest, mut walk) = (Vec::new(), pieces.range(0..pieces.len()));
                while let Some(piece) = walk.advance()? {
                    rest.extend_from_slice(piece);
                }
                (Home::Segments(id), rest)
            }
        };
        let mut cursor = Cursor::new(&rest);
        let mut head = metadata::read_head(&mut cursor, object.value_type)?;
        head.length = object.count;
        let groups = Held::Stored(cursor.rest().to_vec());
        Ok(Self { head, is_stale: false, value_type: object.value_type, home, groups })
    }

    /// The id of its segments.
    pub fn id(&self) -> Option<u64> {
        match self.home {
            Home::Inline(_) => None,
            Home::Segments(id) => Some(id),
        }
    }

    /// The groups, decoded.
    pub fn groups_mut(&mut self) -> Result<&mut Groups> {
        if let Held::Stored(bytes) = &self.groups {
            let mut meta = StreamMeta::default();
            metadata::read_groups(&mut Cursor::new(bytes), self.value_type, &mut meta)?;
            self.head.idmp = meta.idmp;
            self.groups = Held::Decoded(Groups::of(meta.groups));
        }
        match &mut self.groups {
            Held::Decoded(groups) => Ok(groups),
            Held::Stored(_) => Err(corrupt("the groups of a stream were not decoded")),
        }
    }

    /// The same stream, to be read.
    pub fn view<'r>(&'r self, reader: &'r dyn Reader) -> Stream<'r> {
        Stream::of_edit(reader, self)
    }

    /// What a command of groups works with: the messages to be read, the head, and the groups to
    /// be changed.
    pub fn parts<'r>(
        &'r mut self,
        reader: &'r dyn Reader,
    ) -> Result<(Stream<'r>, &'r StreamMeta, &'r mut Groups)> {
        self.groups_mut()?;
        let Self { head, home, groups, value_type, .. } = self;
        let Held::Decoded(groups) = groups else {
            return Err(corrupt("the groups of a stream were not decoded"));
        };
        Ok((Stream::of_nodes(home.form(reader), head, *value_type), head, groups))
    }

    /// Appends a message: its fields and values in turn. Its id is greater than any before.
    pub fn append(
        &mut self,
        space: &mut Space,
        limits: &Limits,
        id: StreamId,
        fields: &[&[u8]],
    ) -> Result<()> {
        self.is_stale = true;
        let bytes: usize = fields.iter().map(|text| text.len()).sum();
        let last = self.home.last(space)?;
        let appended = match last {
            Some(master) => match self.home.node_mut(space, master)? {
                Some(mut blob) if !is_full(&blob, bytes, limits)? => {
                    node::append(&mut blob, master, id, fields)?;
                    true
                }
                _ => false,
            },
            None => false,
        };
        if !appended {
            self.home.put(space, id, node::first(fields));
        }
        self.head.length += 1;
        self.head.entries_added = self.head.entries_added.wrapping_add(1);
        self.head.last_id = id;
        if self.head.length == 1 {
            self.head.first_id = id;
        }
        Ok(())
    }

    /// Deletes a message; whether it was there.
    pub fn delete(&mut self, space: &mut Space, id: StreamId) -> Result<bool> {
        let Some(master) = self.home.floor(space, id)? else { return Ok(false) };
        let Some(mut blob) = self.home.node_mut(space, master)? else { return Ok(false) };
        let mut found = None;
        for place in node::places(master, &blob)? {
            let place = place?;
            if place.id >= id {
                found = (place.id == id && !place.deleted).then_some(place);
                break;
            }
        }
        let Some(place) = found else { return Ok(false) };
        let is_last = node::counts(&blob)?.0 <= 1;
        if !is_last {
            node::delete(&mut blob, &[place])?;
        }
        drop(blob);
        if is_last {
            self.home.remove(space, master);
        }
        self.is_stale = true;
        self.head.length = self.head.length.saturating_sub(1);
        Ok(true)
    }

    /// Finds the first message anew: the one that was it is gone.
    pub fn find_first(&mut self, space: &Space) -> Result<()> {
        self.head.first_id = StreamId::MIN;
        if self.head.length == 0 {
            return Ok(());
        }
        let mut at = self.home.next(space, StreamId::MIN)?;
        while let Some(master) = at {
            let blob = self.home.node(space, master)?;
            for place in node::places(master, &blob)? {
                let place = place?;
                if !place.deleted {
                    self.head.first_id = place.id;
                    return Ok(());
                }
            }
            at = match super::stream::id_after(master) {
                Some(next) => self.home.next(space, next)?,
                None => None,
            };
        }
        Ok(())
    }

    /// Removes the oldest messages; how many.
    pub fn trim(&mut self, space: &mut Space, trim: &Trim) -> Result<u64> {
        let mut deleted = 0;
        while let Some(master) = self.home.next(space, StreamId::MIN)? {
            if matches!(trim.to, TrimTo::Length(most) if self.head.length <= most) {
                break;
            }
            let Some(mut blob) = self.home.node_mut(space, master)? else { break };
            let live = node::counts(&blob)?.0;
            if trim.limit != 0 && deleted + live > trim.limit {
                break;
            }
            let goes_whole = match trim.to {
                TrimTo::Length(most) => self.head.length.wrapping_sub(live) >= most,
                TrimTo::Id(id) => node::last_id(master, &blob)?.is_none_or(|last| last < id),
            };
            if !goes_whole && trim.approximate {
                break;
            }
            if goes_whole {
                drop(blob);
                self.home.remove(space, master);
                self.head.length = self.head.length.saturating_sub(live);
                deleted += live;
                continue;
            }
            let gone = goes(master, &blob, trim.to, self.head.length)?;
            node::delete(&mut blob, &gone)?;
            self.head.length = self.head.length.saturating_sub(gone.len() as u64);
            deleted += gone.len() as u64;
            break;
        }
        if deleted > 0 {
            self.is_stale = true;
            self.find_first(space)?;
        }
        Ok(deleted)
    }

    /// The id of the last message that is there.
    pub fn last_message(&self, space: &Space) -> Result<Option<StreamId>> {
        self.view(space).end(Direction::Backward, |message| message.id)
    }

    /// Whether it is to be kept in the cache rather than written back.
    pub fn is_kept(&self) -> bool {
        matches!(self.home, Home::Segments(_))
            && match &self.groups {
                Held::Stored(bytes) => bytes.len() > GROUPS_COPIED_BYTES,
                Held::Decoded(groups) => !groups.is_empty(),
            }
    }

    fn rest(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(64);
        match &self.groups {
            Held::Stored(bytes) => {
                metadata::write_head(&mut rest, &self.head, self.value_type);
                rest.extend_from_slice(bytes);
            }
            Held::Decoded(groups) => {
                let meta = StreamMeta { groups: groups.stored(), ..self.head.clone() };
                metadata::write(&mut rest, &meta, self.value_type);
            }
        }
        rest
    }

    /// Writes the record of the key, keeping what it says about expiry. `key` is that of a stream
    /// that has no record yet.
    pub fn write(
        &mut self,
        space: &mut Space,
        scratch: &mut Vec<u8>,
        record_key: &[u8],
        key: &[u8],
    ) -> Result<()> {
        let mut tail = self.rest();
        self.settle(space, tail.len())?;
        let old = space.get(Table::Objects, record_key)?;
        let old = old.as_deref().map(Object::parse).transpose()?;
        let old_tail_bytes = match old.as_ref().map(|old| old.body) {
            Some(Body::Segmented { tail, .. }) if tail.len() == 8 => pieces::length(tail)?,
            _ => 0,
        };
        let is_cut = self.id().is_some() && tail.len() > PIECE_BYTES;
        let stated = (tail.len() as u64).to_le_bytes();
        let object = Object {
            kind: Kind::Stream,
            value_type: self.value_type,
            encoding: Encoding::Stream,
            expire_at_ms: old.as_ref().and_then(|old| old.expire_at_ms),
            idle_s: None,
            freq: None,
            long_key: is_long_key(key).then_some(key),
            meta: old.as_ref().and_then(|old| old.meta),
            count: self.head.length,
            body: match self.home {
                Home::Inline(_) => Body::Inline(&[]),
                Home::Segments(id) => {
                    Body::Segmented { id, tail: if is_cut { &stated } else { &tail } }
                }
            },
        };
        scratch.clear();
        object.write(scratch);
        if let Home::Inline(nodes) = &self.home {
            write_inline(nodes, scratch);
            scratch.extend_from_slice(&tail);
        }
        space.put_object(record_key, scratch)?;
        if let Home::Segments(id) = self.home {
            if !is_cut {
                tail.clear();
            }
            put_pieces(space, id, &tail, old_tail_bytes)?;
        }
        self.is_stale = false;
        Ok(())
    }

    /// Moves the nodes of a stream that has outgrown its record into segments.
    fn settle(&mut self, space: &mut Space, rest_bytes: usize) -> Result<()> {
        let Home::Inline(nodes) = &mut self.home else { return Ok(()) };
        let bytes: usize = nodes.iter().map(|(_, blob)| blob.len() + NODE_HEADER_BYTES).sum();
        if bytes + rest_bytes <= INLINE_MAX_BYTES {
            return Ok(());
        }
        let id = space.new_id();
        for (master, blob) in std::mem::take(nodes) {
            space.put_segment(&stream_key(id, master), blob);
        }
        self.home = Home::Segments(id);
        Ok(())
    }
}

impl Default for StreamEdit {
    fn default() -> Self {
        Self::new()
    }
}

fn write_inline(nodes: &[(StreamId, Vec<u8>)], out: &mut Vec<u8>) {
    length::write(out, nodes.len() as u64);
    for (master, blob) in nodes {
        string::write_raw(out, &master.to_bytes());
        string::write_raw(out, blob);
    }
}

/// Stores the pieces of the metadata that are not as they were, and removes those beyond its end.
fn put_pieces(space: &mut Space, id: u64, tail: &[u8], old_bytes: u64) -> Result<()> {
    for (index, piece) in tail.chunks(PIECE_BYTES).enumerate() {
        let key = piece_key(id, (index * PIECE_BYTES) as u64);
        if space.get(Table::Segments, &key)?.is_none_or(|old| *old != *piece) {
            space.put_segment(&key, piece.to_vec());
        }
    }
    let mut offset = tail.len().div_ceil(PIECE_BYTES) as u64 * PIECE_BYTES as u64;
    while offset < old_bytes {
        space.delete_segment(&piece_key(id, offset));
        offset += PIECE_BYTES as u64;
    }
    Ok(())
}

/// Whether a message of so many bytes goes into another node.
fn is_full(blob: &[u8], bytes: usize, limits: &Limits) -> Result<bool> {
    /// Redis lets no listpack of a stream grow beyond.
    const MOST_BYTES: usize = 1 << 30;
    let most = match limits.stream_node_bytes {
        0 => MOST_BYTES,
        most => most.min(MOST_BYTES),
    };
    if blob.len() + bytes >= most {
        return Ok(true);
    }
    if limits.stream_node_entries == 0 {
        return Ok(false);
    }
    let (live, deleted) = node::counts(blob)?;
    Ok(live.saturating_add(deleted) >= limits.stream_node_entries as u64)
}

/// The messages of a node that go when not all of it does.
fn goes(master: StreamId, blob: &[u8], to: TrimTo, length: u64) -> Result<Vec<node::Place>> {
    let mut gone = Vec::new();
    for place in node::places(master, blob)? {
        let place = place?;
        let stays = match to {
            TrimTo::Length(most) => length - gone.len() as u64 <= most,
            TrimTo::Id(id) => place.id >= id,
        };
        if stays {
            break;
        }
        if !place.deleted && gone.len() as u64 <= length {
            gone.push(place);
        }
    }
    Ok(gone)
}

//! Stream metadata: everything of a stream value after its nodes.
//!
//! ```text
//! len length · len last_ms · len last_seq
//! types 19 and up: len first_ms · len first_seq · len max_deleted_ms · len max_deleted_seq
//!                  len entries_added
//! len groups × (
//!    str name · len last_ms · len last_seq
//!    types 19 and up: len entries_read, -1 = unknown
//!    len pel × ( id128, i64 ms delivered, len deliveries )      the id without a length byte
//!    len consumers × (
//!       str name · i64 ms seen
//!       types 21 and up: i64 ms active, -1 = never
//!       len k × id128
//!    )
//!    types 27 and up: len nack × id128
//! )
//! types 26 and up: len idmp_duration_s · len idmp_max_entries
//!                  len producers × ( str pid · len k × ( str iid · len ms · len seq ) )
//!                  len iids_added · len iids_duplicates
//! ```
//! Ids are big-endian, the times beside them little-endian. [`read`] refuses what every server
//! refuses at any setting: an id twice in one list, a consumer's id that its group's pending list
//! lacks, two groups or consumers of one name. A pending entry without an owner is accepted here;
//! the deep check reports it.
use super::length::{self, read_count, read_plain};
use super::string;
use super::types::ValueType;
use crate::cursor::Cursor;
use crate::encodings::stream::StreamId;
use crate::error::{FormatError, Result};
use std::collections::HashSet;

/// What a stream value holds beside its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamMeta {
    /// Live messages, as stated.
    pub length: u64,
    /// The last generated id.
    pub last_id: StreamId,
    /// The first live id (0-0 when the form has none; derive from the nodes).
    pub first_id: StreamId,
    /// The largest deleted id.
    pub max_deleted_id: StreamId,
    /// Messages ever added (the length where the form has no such count).
    pub entries_added: u64,
    /// Consumer groups, in file order.
    pub groups: Vec<Group>,
    /// Idempotent-producer state (types 26 and up), opaque except for framing: the raw bytes after
    /// the groups.
    pub idmp: Option<Vec<u8>>,
}

/// A consumer group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: Vec<u8>,
    /// Last delivered id.
    pub last_id: StreamId,
    /// Entries read; None = unknown.
    pub entries_read: Option<u64>,
    /// Pending entries, ascending by id.
    pub pel: Vec<Pending>,
    /// Consumers, in file order.
    pub consumers: Vec<Consumer>,
    /// Ids in the NACK zone (type 27): pending entries without an owner.
    pub nack: Vec<StreamId>,
}

/// A pending entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// The message.
    pub id: StreamId,
    /// Unix ms of the last delivery.
    pub delivered_at_ms: i64,
    /// Times delivered.
    pub deliveries: u64,
    /// Index in `Group::consumers`; None in the NACK zone (or lost by damage).
    pub consumer: Option<usize>,
}

/// A consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Name.
    pub name: Vec<u8>,
    /// Unix ms last seen.
    pub seen_at_ms: i64,
    /// Unix ms of the last successful read; None = never, or the form has none.
    pub active_at_ms: Option<i64>,
    /// Ids of its pending entries, in file order.
    pub pending: Vec<StreamId>,
}

/// IDMP state of a stream that never used it, as a type 26 or 27 writer puts it: 100 s, 100 ids, no
/// producers, 0, 0.
pub const IDMP_UNUSED: [u8; 7] = [0x40, 0x64, 0x40, 0x64, 0, 0, 0];
/// "Unknown" in `entries_read`.
const UNKNOWN: u64 = u64::MAX;
/// "Never" in a consumer's active time.
const NEVER_MS: i64 = -1;
/// The least bytes of a pending entry: id, time, count.
const PENDING_MIN_BYTES: usize = 16 + 8 + 1;

/// What a type's form holds.
#[derive(Clone, Copy)]
struct Form {
    /// First id, max deleted id, counters.
    counters: bool,
    active_time: bool,
    idmp: bool,
    nack: bool,
}

impl Form {
    /// The types are numbered in the order they grew, so that a later one has whatever an earlier
    /// one has.
    fn of(value_type: ValueType) -> Self {
        let number = value_type.number();
        Self {
            counters: number >= ValueType::Stream2.number(),
            active_time: number >= ValueType::Stream3.number(),
            idmp: number >= ValueType::Stream4.number(),
            nack: number >= ValueType::Stream5.number(),
        }
    }

    fn group_min_bytes(self) -> usize {
        5 + usize::from(self.counters) + usize::from(self.nack)
    }

    fn consumer_min_bytes(self) -> usize {
        10 + 8 * usize::from(self.active_time)
    }
}

impl StreamMeta {
    /// Pending entries that no consumer owns: only type 27 can hold them, [`write`] drops them in
    /// the older forms.
    pub fn ownerless(&self) -> impl Iterator<Item = (&Group, &Pending)> {
        self.groups.iter().flat_map(|group| {
            group
                .pel
                .iter()
                .filter(|entry| entry.consumer.is_none())
                .map(move |entry| (group, entry))
        })
    }
}

/// Reads the metadata of a stream of this type; the cursor stands after the nodes.
pub fn read(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<StreamMeta> {
    let mut meta = read_head(cursor, value_type)?;
    read_groups(cursor, value_type, &mut meta)?;
    Ok(meta)
}

/// Reads what comes before the groups: length, ids, counters.
pub fn read_head(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<StreamMeta> {
    let mut meta = StreamMeta {
        length: read_plain(cursor)?,
        last_id: read_len_id(cursor)?,
        ..StreamMeta::default()
    };
    meta.entries_added = meta.length;
    if Form::of(value_type).counters {
        meta.first_id = read_len_id(cursor)?;
        meta.max_deleted_id = read_len_id(cursor)?;
        meta.entries_added = read_plain(cursor)?;
    }
    Ok(meta)
}

/// Reads the groups, and what follows them; the cursor stands after the head.
pub fn read_groups(
    cursor: &mut Cursor<'_>,
    value_type: ValueType,
    meta: &mut StreamMeta,
) -> Result<()> {
    let form = Form::of(value_type);
    let mut names = HashSet::new();
    for _ in 0..read_count(cursor, form.group_min_bytes())? {
        let start = cursor.pos();
        let group = read_group(cursor, form)?;
        if !names.insert(group.name.clone()) {
            return Err(FormatError::corrupt(start, "two consumer groups have one name"));
        }
        meta.groups.push(group);
    }
    if form.idmp {
        let start = cursor.pos();
        skip_idmp(cursor)?;
        meta.idmp = Some(cursor.buf()[start..cursor.pos()].to_vec());
    }
    Ok(())
}

fn read_group(cursor: &mut Cursor<'_>, form: Form) -> Result<Group> {
    let mut group = Group {
        name: string::read(cursor)?.to_vec()?,
        last_id: read_len_id(cursor)?,
        ..Group::default()
    };
    if form.counters {
        group.entries_read = Some(read_plain(cursor)?).filter(|n| *n != UNKNOWN);
    }
    group.pel = read_pel(cursor)?;
    let mut names = HashSet::new();
    for index in 0..read_count(cursor, form.consumer_min_bytes())? {
        let start = cursor.pos();
        let consumer = read_consumer(cursor, form, index, &mut group.pel)?;
        if !names.insert(consumer.name.clone()) {
            return Err(FormatError::corrupt(start, "two consumers of a group have one name"));
        }
        group.consumers.push(consumer);
    }
    if form.nack {
        group.nack = read_nack(cursor, &group.pel)?;
    }
    Ok(group)
}

fn read_pel(cursor: &mut Cursor<'_>) -> Result<Vec<Pending>> {
    let start = cursor.pos();
    let count = read_count(cursor, PENDING_MIN_BYTES)?;
    let mut pel = Vec::with_capacity(count);
    for _ in 0..count {
        pel.push(Pending {
            id: read_raw_id(cursor)?,
            delivered_at_ms: cursor.i64_le()?,
            deliveries: read_plain(cursor)?,
            consumer: None,
        });
    }
    // Servers write ascending ids and accept any order.
    if !pel.is_sorted_by_key(|entry| entry.id) {
        pel.sort_by_key(|entry| entry.id);
    }
    match pel.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(FormatError::corrupt(
            start,
            format!("message {} is twice in a group's pending list", pair[0].id),
        )),
        None => Ok(pel),
    }
}

fn read_consumer(
    cursor: &mut Cursor<'_>,
    form: Form,
    index: usize,
    pel: &mut [Pending],
) -> Result<Consumer> {
    let mut consumer = Consumer {
        name: string::read(cursor)?.to_vec()?,
        seen_at_ms: cursor.i64_le()?,
        ..Consumer::default()
    };
    if form.active_time {
        consumer.active_at_ms = Some(cursor.i64_le()?).filter(|at| *at != NEVER_MS);
    }
    let count = read_count(cursor, 16)?;
    consumer.pending.reserve_exact(count);
    for _ in 0..count {
        let start = cursor.pos();
        let id = read_raw_id(cursor)?;
        let place = find_pending(pel, id, start, "a consumer")?;
        if pel[place].consumer == Some(index) {
            let what = format!("message {id} is twice in a consumer's pending list");
            return Err(FormatError::corrupt(start, what));
        }
        pel[place].consumer = Some(index);
        consumer.pending.push(id);
    }
    Ok(consumer)
}

fn read_nack(cursor: &mut Cursor<'_>, pel: &[Pending]) -> Result<Vec<StreamId>> {
    let count = read_count(cursor, 16)?;
    let mut nack = Vec::with_capacity(count);
    for _ in 0..count {
        let start = cursor.pos();
        let id = read_raw_id(cursor)?;
        find_pending(pel, id, start, "the NACK zone")?;
        nack.push(id);
    }
    Ok(nack)
}

fn find_pending(pel: &[Pending], id: StreamId, start: usize, who: &str) -> Result<usize> {
    pel.binary_search_by_key(&id, |entry| entry.id).map_err(|_| {
        let what = format!("{who} holds message {id}, which its group's pending list lacks");
        FormatError::corrupt(start, what)
    })
}

fn read_len_id(cursor: &mut Cursor<'_>) -> Result<StreamId> {
    Ok(StreamId { ms: read_plain(cursor)?, seq: read_plain(cursor)? })
}

fn read_raw_id(cursor: &mut Cursor<'_>) -> Result<StreamId> {
    Ok(StreamId::from_bytes(cursor.array()?))
}

/// Passes over the metadata without keeping it.
pub fn skip(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<()> {
    let form = Form::of(value_type);
    skip_lengths(cursor, if form.counters { 8 } else { 3 })?;
    for _ in 0..read_count(cursor, form.group_min_bytes())? {
        skip_group(cursor, form)?;
    }
    if form.idmp {
        skip_idmp(cursor)?;
    }
    Ok(())
}

fn skip_group(cursor: &mut Cursor<'_>, form: Form) -> Result<()> {
    string::skip(cursor)?;
    skip_lengths(cursor, if form.counters { 3 } else { 2 })?;
    for _ in 0..read_count(cursor, PENDING_MIN_BYTES)? {
        cursor.skip(16 + 8)?;
        skip_lengths(cursor, 1)?;
    }
    for _ in 0..read_count(cursor, form.consumer_min_bytes())? {
        string::skip(cursor)?;
        cursor.skip(if form.active_time { 16 } else { 8 })?;
        skip_raw_ids(cursor)?;
    }
    if form.nack {
        skip_raw_ids(cursor)?;
    }
    Ok(())
}

fn skip_raw_ids(cursor: &mut Cursor<'_>) -> Result<()> {
    let count = read_count(cursor, 16)?;
    cursor.skip(count * 16)
}

fn skip_idmp(cursor: &mut Cursor<'_>) -> Result<()> {
    skip_lengths(cursor, 2)?;
    for _ in 0..read_count(cursor, 2)? {
        string::skip(cursor)?;
        for _ in 0..read_count(cursor, 3)? {
            string::skip(cursor)?;
            skip_lengths(cursor, 2)?;
        }
    }
    skip_lengths(cursor, 2)
}

fn skip_lengths(cursor: &mut Cursor<'_>, count: usize) -> Result<()> {
    (0..count).try_for_each(|_| read_plain(cursor).map(|_| ()))
}

/// Appends the metadata in the form of this type (Stream, Stream2, Stream3, Stream4 or Stream5).
///
/// What the form has no place for is left out: counters before type 19, active times before 21,
/// IDMP before 26, and before 27 the pending entries without an owner, because a server that
/// sanitizes refuses them there.
pub fn write(out: &mut Vec<u8>, meta: &StreamMeta, value_type: ValueType) {
    write_head(out, meta, value_type);
    let form = Form::of(value_type);
    length::write(out, meta.groups.len() as u64);
    for group in &meta.groups {
        write_group(out, group, form);
    }
    if form.idmp {
        out.extend_from_slice(meta.idmp.as_deref().unwrap_or(&IDMP_UNUSED));
    }
}

/// Appends what comes before the groups, as [`read_head`] reads it.
pub fn write_head(out: &mut Vec<u8>, meta: &StreamMeta, value_type: ValueType) {
    length::write(out, meta.length);
    write_len_id(out, meta.last_id);
    if Form::of(value_type).counters {
        write_len_id(out, meta.first_id);
        write_len_id(out, meta.max_deleted_id);
        length::write(out, meta.entries_added);
    }
}

fn write_group(out: &mut Vec<u8>, group: &Group, form: Form) {
    string::write_raw(out, &group.name);
    write_len_id(out, group.last_id);
    if form.counters {
        length::write(out, group.entries_read.unwrap_or(UNKNOWN));
    }
    let written = |entry: &&Pending| form.nack || entry.consumer.is_some();
    length::write(out, group.pel.iter().filter(written).count() as u64);
    for entry in group.pel.iter().filter(written) {
        out.extend_from_slice(&entry.id.to_bytes());
        out.extend_from_slice(&entry.delivered_at_ms.to_le_bytes());
        length::write(out, entry.deliveries);
    }
    length::write(out, group.consumers.len() as u64);
    for consumer in &group.consumers {
        string::write_raw(out, &consumer.name);
        out.extend_from_slice(&consumer.seen_at_ms.to_le_bytes());
        if form.active_time {
            out.extend_from_slice(&consumer.active_at_ms.unwrap_or(NEVER_MS).to_le_bytes());
        }
        write_raw_ids(out, &consumer.pending);
    }
    if form.nack {
        write_raw_ids(out, &group.nack);
    }
}

fn write_len_id(out: &mut Vec<u8>, id: StreamId) {
    length::write(out, id.ms);
    length::write(out, id.seq);
}

fn write_raw_ids(out: &mut Vec<u8>, ids: &[StreamId]) {
    length::write(out, ids.len() as u64);
    for id in ids {
        out.extend_from_slice(&id.to_bytes());
    }
}

#[cfg(test)]
mod tests;

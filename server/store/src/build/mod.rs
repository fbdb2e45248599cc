//! From an RDB value to records: the one place where a value takes its stored form.
//!
//! What an RDB of version 10 or later holds is copied; older forms become the listpack forms that
//! replaced them. A collection larger than [`INLINE_MAX_BYTES`] and a string or opaque value longer
//! than [`PIECE_BYTES`] become segments. Every value is checked as servers check while loading
//! ("always"); short LZF strings are checked without being decoded.
//!
//! | module | holds |
//! |---|---|
//! | [`list`] | lists: quicklist nodes become segments as they are |
//! | [`elements`] | sets, hashes, sorted sets: elements by place, sorted, cut into segments |
//! | [`arena`] | packed elements laid out plainly |
//! | [`pieces`] | long strings and opaque values, cut |
//! | [`encoding`] | what OBJECT ENCODING says of a value |
//! | [`stream`] | streams: nodes become segments, the metadata stays in the object record |
mod arena;
mod elements;
mod encoding;
mod list;
mod pieces;
mod stream;

use crate::contract::Table;
use crate::error::Result;
use crate::layout::{INLINE_MAX_BYTES, PIECE_BYTES};
use crate::object::{is_long_key, write_record_key, Body, Encoding, Object};
use redtool_format::encodings::intset::Intset;
use redtool_format::encodings::listpack::Listpack;
use redtool_format::rdb::string;
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::{Kind, ValueType};
use redtool_format::{Cursor, FormatError};

pub use encoding::encoding;

/// Redis' default limits on packed collections (redis.conf of 7.2): OBJECT ENCODING follows them.
pub(crate) mod limit {
    pub const HASH_ENTRIES: usize = 512;
    pub const ZSET_ENTRIES: usize = 128;
    pub const SET_LISTPACK_ENTRIES: usize = 128;
    pub const SET_INTSET_ENTRIES: usize = 512;
    pub const VALUE_BYTES: usize = 64;
    pub const LIST_NODE_BYTES: usize = 8192;
    pub const EMBSTR_BYTES: usize = 44;
}

/// A key with its value as an RDB (or a DUMP payload) holds it.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The db.
    pub db: u32,
    /// The key.
    pub key: &'a [u8],
    /// Absolute expiry, Unix ms.
    pub expire_at_ms: Option<i64>,
    /// LRU idle time in seconds.
    pub idle_s: Option<u64>,
    /// LFU counter.
    pub freq: Option<u8>,
    /// Key metadata, opaque.
    pub meta: Option<&'a [u8]>,
    /// The type of the payload.
    pub value_type: ValueType,
    /// The value.
    pub payload: &'a [u8],
}

/// Takes the records of a key: its segments in key order, then its object.
pub trait Sink {
    /// One record.
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()>;
}

/// What was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// The records of a key of this kind.
    Key(Kind),
    /// Nothing: a collection without elements, which servers since 6.2 pass over while loading.
    Empty,
}

/// Turns values into records; keeps scratch memory between them.
pub struct Recorder {
    next_id: u64,
    key: Vec<u8>,
    record: Vec<u8>,
    scratch: Scratch,
}

/// Buffers that keep their memory from value to value.
#[derive(Default)]
pub(crate) struct Scratch {
    /// A decoded blob.
    blob: Vec<u8>,
    /// A payload in its stored form.
    payload: Vec<u8>,
}

/// A value's stored form.
pub(crate) struct Form<'a> {
    value_type: ValueType,
    encoding: Encoding,
    count: u64,
    body: Body<'a>,
}

impl Recorder {
    /// Segment ids are given out from `next_id`.
    pub fn new(next_id: u64) -> Self {
        Self { next_id, key: Vec::new(), record: Vec::new(), scratch: Scratch::default() }
    }

    /// The next free segment id.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Gives out ids from `next_id` on.
    pub fn set_next_id(&mut self, next_id: u64) {
        self.next_id = next_id;
    }

    /// Builds the records of a key. Offsets of format errors are relative to the payload.
    pub fn build(
        &mut self,
        entry: &Incoming<'_>,
        templates: &Templates,
        sink: &mut dyn Sink,
    ) -> Result<Built> {
        let Self { next_id, scratch, .. } = self;
        let mut ids = Ids { next_id, used: None };
        let Some(form) = form(entry, templates, scratch, &mut ids, sink)? else {
            return Ok(Built::Empty);
        };
        let object = Object {
            kind: form.value_type.kind(),
            value_type: form.value_type,
            encoding: form.encoding,
            expire_at_ms: entry.expire_at_ms,
            idle_s: entry.idle_s.map(|idle_s| u32::try_from(idle_s).unwrap_or(u32::MAX)),
            freq: entry.freq,
            long_key: is_long_key(entry.key).then_some(entry.key),
            meta: entry.meta,
            count: form.count,
            body: form.body,
        };
        self.record.clear();
        object.write(&mut self.record);
        self.key.clear();
        write_record_key(&mut self.key, entry.db, entry.key);
        sink.record(Table::Objects, &self.key, &self.record)?;
        Ok(Built::Key(object.kind))
    }
}

/// Gives out a segment id to a value that turns out to need one.
pub(crate) struct Ids<'a> {
    next_id: &'a mut u64,
    used: Option<u64>,
}

impl Ids<'_> {
    fn id(&mut self) -> u64 {
        *self.used.get_or_insert_with(|| {
            *self.next_id += 1;
            *self.next_id - 1
        })
    }
}

fn form<'a>(
    entry: &Incoming<'a>,
    templates: &Templates,
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<Form<'a>>> {
    use ValueType::*;
    let (value_type, payload) = (entry.value_type, entry.payload);
    match value_type {
        String => string_form(payload, scratch, ids, sink).map(Some),
        SetIntset | SetListpack | HashListpack | ZsetListpack | HashListpackEx => {
            match packed_form(value_type, payload, &mut scratch.blob)? {
                Packed::Inline(form) => Ok(Some(form)),
                Packed::Empty => Ok(None),
                Packed::Large => elements::build(entry, templates, scratch, ids, sink),
            }
        }
        ListQuicklist2 | ListQuicklist | ListZiplist | List => {
            list::build(value_type, payload, scratch, ids, sink)
        }
        Stream | Stream2 | Stream3 | Stream4 | Stream5 => {
            stream::build(value_type, payload, scratch, ids, sink).map(Some)
        }
        Module2 | Array | ModulePreGa if payload.len() > PIECE_BYTES => {
            pieces::opaque(value_type, payload, scratch, ids, sink).map(Some)
        }
        Module2 | Array | ModulePreGa => Ok(Some(Form {
            value_type,
            encoding: Encoding::Opaque,
            count: 1,
            body: Body::Inline(payload),
        })),
        Set
        | Zset
        | Zset2
        | Hash
        | HashZipmap
        | ZsetZiplist
        | HashZiplist
        | HashMetadataRc
        | HashListpackExRc
        | HashMetadata
        | ValkeyHash2
        | HashTemplateListpackDump
        | HashTemplateListpack
        | HashTemplateDump
        | HashTemplate => elements::build(entry, templates, scratch, ids, sink),
    }
}

fn string_form<'a>(
    payload: &'a [u8],
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Form<'a>> {
    let mut cursor = Cursor::new(payload);
    let value = string::read(&mut cursor)?;
    no_rest(&cursor)?;
    if value.len() > PIECE_BYTES {
        return pieces::string(value, scratch, ids, sink);
    }
    value.check()?;
    let encoding = encoding::of_string(value);
    Ok(Form { value_type: ValueType::String, encoding, count: 1, body: Body::Inline(payload) })
}

enum Packed<'a> {
    Inline(Form<'a>),
    Large,
    Empty,
}

/// A collection in one packed blob, kept as it is when it is small enough.
fn packed_form<'a>(
    value_type: ValueType,
    payload: &'a [u8],
    blob: &mut Vec<u8>,
) -> Result<Packed<'a>> {
    let mut cursor = Cursor::new(payload);
    if value_type == ValueType::HashListpackEx {
        cursor.skip(8)?;
    }
    let start = cursor.pos();
    let raw = string::read(&mut cursor)?;
    no_rest(&cursor)?;
    let bytes = raw.decode(blob).map_err(|e| e.at(start))?;
    let entries = match value_type {
        ValueType::SetIntset => Intset::parse(bytes).map(|set| set.count()),
        _ => Listpack::parse(bytes).and_then(|list| list.count()),
    };
    let entries = entries.map_err(|e| e.at(start))?;
    let width = match value_type {
        ValueType::HashListpackEx => 3,
        ValueType::HashListpack | ValueType::ZsetListpack => 2,
        _ => 1,
    };
    if entries % width != 0 {
        let what =
            format!("{} with {entries} entries, not a multiple of {width}", value_type.name());
        return Err(FormatError::corrupt(start, what).into());
    }
    let count = entries / width;
    if count == 0 {
        return Ok(Packed::Empty);
    }
    if bytes.len() > INLINE_MAX_BYTES {
        return Ok(Packed::Large);
    }
    let encoding = encoding::of_packed(value_type, count);
    Ok(Packed::Inline(Form {
        value_type,
        encoding,
        count: count as u64,
        body: Body::Inline(payload),
    }))
}

pub(crate) fn no_rest(cursor: &Cursor<'_>) -> Result<()> {
    match cursor.remaining() {
        0 => Ok(()),
        n => {
            Err(FormatError::corrupt(cursor.pos(), format!("{n} bytes left after the value"))
                .into())
        }
    }
}

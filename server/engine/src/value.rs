//! Whole values, wherever they lie: element by element, as the payload of DUMP, one field of a
//! hash.
//!
//! Commands of a kind read their values through [`crate::types`]; this is for those that take any
//! kind.
use crate::error::Error;
use redtool_format::cursor::Cursor;
use redtool_format::encodings::listpack::{self, Listpack};
use redtool_format::encodings::stream::{Node, StreamId};
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::rdb::target::Target;
use redtool_format::rdb::value::{self, Templates, Visitor};
use redtool_format::rdb::writer::ElementWriter;
use redtool_format::rdb::{length, payload, stream, string, Dialect, Kind, Str, ValueType};
use redtool_store::{segment, Body, Object, Reader, StoreError, Table};

/// The RDB version of payloads that this server makes: Redis 7.2's.
pub const RDB_VERSION: u16 = 11;

/// A segment's first byte when the segment is one plain element of a list.
const PLAIN: u8 = 1;
/// A segment's first byte when a listpack of list elements follows.
const PACKED: u8 = 2;
/// Bytes of a segment key before its order key: id and family.
const PREFIX_BYTES: usize = 9;

fn corrupt(what: &str) -> Error {
    StoreError::Corrupt(what.to_string()).into()
}

/// Calls `each` with the segments of one family of a collection, in order: order key and value.
pub fn each_segment<E: From<Error>>(
    reader: &dyn Reader,
    id: u64,
    family: u8,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut prefix = id.to_be_bytes().to_vec();
    prefix.push(family);
    let mut records = reader.seek(Table::Segments, &prefix).map_err(Error::from)?;
    while let Some((key, segment)) = records.next().map_err(Error::from)? {
        let Some(order) = key.strip_prefix(&prefix[..]) else { break };
        each(order, &segment)?;
    }
    Ok(())
}

/// The family whose segments hold a kind of collection in its own order.
fn family(kind: Kind) -> Option<u8> {
    match kind {
        Kind::List => Some(b'l'),
        Kind::Set | Kind::Hash => Some(b'h'),
        Kind::Zset => Some(b'z'),
        Kind::Stream => Some(b's'),
        Kind::String | Kind::Module | Kind::Array => None,
    }
}

/// Gives every element of a value to a visitor. A visitor that stops early gives its own error.
pub fn visit<V>(reader: &dyn Reader, object: &Object<'_>, visitor: &mut V) -> Result<(), V::Error>
where
    V: Visitor,
    V::Error: From<Error>,
{
    let (id, tail) = match object.body {
        Body::Inline(payload) => {
            return value::visit(object.value_type, payload, &Templates::new(), visitor)
        }
        Body::Segmented { id, tail } => (id, tail),
    };
    let family = family(object.kind).ok_or_else(|| corrupt("value that cannot be in segments"))?;
    visitor.count(object.count)?;
    let with_ttl = object.value_type == ValueType::HashListpackEx;
    each_segment(reader, id, family, |order, segment| match object.kind {
        Kind::List => visit_list(segment, visitor),
        Kind::Stream => visit_stream(order, segment, visitor),
        kind => visit_listpack(kind, with_ttl, segment, visitor),
    })?;
    if object.kind == Kind::Stream {
        visitor.stream_meta(&stream::read(&mut Cursor::new(tail), object.value_type)?)?;
    }
    Ok(())
}

fn visit_list<V: Visitor>(segment: &[u8], visitor: &mut V) -> Result<(), V::Error>
where
    V::Error: From<Error>,
{
    match segment {
        [PLAIN, element @ ..] => visitor.list_item(element),
        [PACKED, items @ ..] => {
            let mut text = IntBuf::new();
            for item in Listpack::parse(items)?.iter() {
                visitor.list_item(item?.bytes(&mut text))?;
            }
            Ok(())
        }
        _ => Err(corrupt("list segment of unknown form").into()),
    }
}

fn visit_stream<V: Visitor>(order: &[u8], segment: &[u8], visitor: &mut V) -> Result<(), V::Error>
where
    V::Error: From<Error>,
{
    let master = master_id(order)?;
    if !visitor.stream_node(master, segment)? {
        return Ok(());
    }
    for message in Node::parse(master, segment)?.messages() {
        let message = message?;
        if !message.deleted {
            visitor.stream_message(&message)?;
        }
    }
    Ok(())
}

fn master_id(order: &[u8]) -> Result<StreamId, Error> {
    let bytes = order.try_into().map_err(|_| corrupt("stream segment whose key is not an id"))?;
    Ok(StreamId::from_bytes(bytes))
}

/// The elements of a set, sorted set or hash segment.
fn visit_listpack<V: Visitor>(
    kind: Kind,
    with_ttl: bool,
    segment: &[u8],
    visitor: &mut V,
) -> Result<(), V::Error>
where
    V::Error: From<Error>,
{
    let mut items = Listpack::parse(segment)?.iter();
    let (mut name, mut second) = (IntBuf::new(), IntBuf::new());
    while let Some(item) = items.next() {
        let item = item?;
        let member = item.bytes(&mut name);
        match kind {
            Kind::Set => visitor.set_member(member)?,
            Kind::Zset => visitor.zset_member(member, score(take(&mut items)?)?)?,
            _ => {
                let value = take(&mut items)?;
                let expire_at_ms = match with_ttl {
                    true => take(&mut items)?.as_int().filter(|at| *at != 0),
                    false => None,
                };
                visitor.hash_field(member, value.bytes(&mut second), expire_at_ms)?;
            }
        }
    }
    Ok(())
}

fn take<'a>(items: &mut listpack::Iter<'a>) -> Result<Item<'a>, Error> {
    match items.next() {
        Some(item) => Ok(item?),
        None => Err(corrupt("segment that ends inside a pair")),
    }
}

/// A score as segments hold it: eight bytes.
fn score(item: Item<'_>) -> Result<f64, Error> {
    match item {
        Item::Str(bytes) => bytes.try_into().map(f64::from_le_bytes).ok(),
        Item::Int(_) => None,
    }
    .ok_or_else(|| corrupt("score that is not eight bytes"))
}

/// Bytes of a value's segments, keys included.
pub fn segment_bytes(reader: &dyn Reader, object: &Object<'_>) -> Result<u64, Error> {
    let Body::Segmented { id, .. } = object.body else { return Ok(0) };
    let prefix = id.to_be_bytes();
    let mut records = reader.seek(Table::Segments, &prefix)?;
    let mut total = 0;
    while let Some((key, segment)) = records.next()? {
        if !key.starts_with(&prefix) {
            break;
        }
        total += (key.len() + segment.len()) as u64;
    }
    Ok(total)
}

/// The value as DUMP gives it: in a form that Redis 7.2 loads where there is one, else of the first
/// version that has it.
pub fn dump(reader: &dyn Reader, object: &Object<'_>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let written = match object.body {
        Body::Inline(payload) => {
            out.push(object.value_type.number());
            out.extend_from_slice(payload);
            object.value_type
        }
        Body::Segmented { id, tail } => write_segmented(reader, object, id, tail, &mut out)?,
    };
    let since = u16::try_from(written.since()).unwrap_or(RDB_VERSION);
    payload::write_footer(&mut out, 0, since.max(RDB_VERSION));
    Ok(out)
}

/// Type byte and payload of a collection in segments; gives the type.
fn write_segmented(
    reader: &dyn Reader,
    object: &Object<'_>,
    id: u64,
    tail: &[u8],
    out: &mut Vec<u8>,
) -> Result<ValueType, Error> {
    let with_ttl = object.value_type == ValueType::HashListpackEx;
    let version = if with_ttl { 12 } else { RDB_VERSION };
    let target = Target { version, dialect: Dialect::Redis };
    let written = match object.kind {
        Kind::Stream => object.value_type,
        kind => target
            .element_type(kind, with_ttl)
            .ok_or_else(|| corrupt("value that cannot be in segments"))?,
    };
    out.push(written.number());
    match object.kind {
        Kind::List | Kind::Stream => write_nodes(reader, object.kind, id, tail, out)?,
        _ => write_elements(reader, object, written, out)?,
    }
    Ok(written)
}

/// Lists and streams: the segments are the nodes.
fn write_nodes(
    reader: &dyn Reader,
    kind: Kind,
    id: u64,
    tail: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let family = if kind == Kind::List { b'l' } else { b's' };
    let mut nodes = 0;
    let mut body = Vec::new();
    each_segment(reader, id, family, |order, segment| -> Result<(), Error> {
        nodes += 1;
        let blob = match (kind, segment) {
            (Kind::List, [container, blob @ ..]) => {
                length::write(&mut body, u64::from(*container));
                blob
            }
            _ => {
                string::write_raw(&mut body, order);
                segment
            }
        };
        string::write(&mut body, blob, true);
        Ok(())
    })?;
    length::write(out, nodes);
    out.extend_from_slice(&body);
    out.extend_from_slice(tail);
    Ok(())
}

/// Sets, sorted sets and hashes: element by element.
fn write_elements(
    reader: &dyn Reader,
    object: &Object<'_>,
    written: ValueType,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut earliest_ms = i64::MAX;
    if written == ValueType::HashMetadata {
        visit(reader, object, &mut Earliest(&mut earliest_ms))?;
    }
    let mut writer = ElementWriter::new(out, written, true);
    writer.begin_expiring(object.count, earliest_ms).map_err(unwritten)?;
    visit(reader, object, &mut Copier(writer))
}

fn unwritten(error: redtool_format::rdb::writer::WriteError) -> Error {
    corrupt(&format!("value that cannot be serialized: {error:?}"))
}

/// Finds the earliest expiry of a hash's fields.
struct Earliest<'e>(&'e mut i64);

/// Copies elements into a payload.
struct Copier<'o>(ElementWriter<'o, Vec<u8>>);

/// The methods of [`Visitor`] that the kinds at hand never call.
macro_rules! never_called {
    ($($name:ident($($arg:ty),*);)*) => {
        $(fn $name(&mut self $(, _: $arg)*) -> Result<(), Error> { Ok(()) })*
    };
}
pub(crate) use never_called;

impl Visitor for Earliest<'_> {
    type Error = Error;
    never_called! {
        string(&[u8]);
        list_item(&[u8]);
        set_member(&[u8]);
        zset_member(&[u8], f64);
        stream_message(&redtool_format::encodings::stream::Message<'_>);
        stream_meta(&stream::StreamMeta);
        opaque(ValueType, &[u8]);
    }
    fn hash_field(&mut self, _: &[u8], _: &[u8], expire_at_ms: Option<i64>) -> Result<(), Error> {
        *self.0 = expire_at_ms.map_or(*self.0, |at| at.min(*self.0));
        Ok(())
    }
}

impl Visitor for Copier<'_> {
    type Error = Error;
    never_called! {
        string(&[u8]);
        list_item(&[u8]);
        stream_message(&redtool_format::encodings::stream::Message<'_>);
        stream_meta(&stream::StreamMeta);
        opaque(ValueType, &[u8]);
    }
    fn set_member(&mut self, member: &[u8]) -> Result<(), Error> {
        self.0.item(Item::Str(member)).map_err(unwritten)
    }
    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<(), Error> {
        self.0.member(Item::Str(member), score).map_err(unwritten)
    }
    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> Result<(), Error> {
        self.0.field(Item::Str(field), Item::Str(value), expire_at_ms).map_err(unwritten)
    }
}

/// The value of one field of a hash; a field whose own expiry has passed is absent.
pub fn hash_field(
    reader: &dyn Reader,
    object: &Object<'_>,
    field: &[u8],
    now_ms: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let step = if object.value_type == ValueType::HashListpackEx { 3 } else { 2 };
    match object.body {
        Body::Inline(payload) => {
            let mut cursor = Cursor::new(payload);
            if step == 3 {
                cursor.skip(8)?;
            }
            let mut scratch = Vec::new();
            let blob: Str<'_> = string::read(&mut cursor)?;
            find_field(blob.decode(&mut scratch)?, field, step, now_ms)
        }
        Body::Segmented { id, .. } => {
            let from = segment::hash_key(id, segment::element_hash(field));
            let record = reader.seek_back(Table::Segments, &from)?.next()?;
            match record.filter(|(key, _)| key.starts_with(&from[..PREFIX_BYTES])) {
                Some((_, segment)) => find_field(&segment, field, step, now_ms),
                None => Ok(None),
            }
        }
    }
}

fn find_field(
    listpack: &[u8],
    field: &[u8],
    step: usize,
    now_ms: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(mut rest) = Listpack::parse(listpack)?.find_then(field, step)? else {
        return Ok(None);
    };
    let value = take(&mut rest)?;
    let expire_at_ms = match step {
        3 => take(&mut rest)?.as_int().unwrap_or(0),
        _ => 0,
    };
    Ok((expire_at_ms == 0 || expire_at_ms >= now_ms).then(|| value.to_vec()))
}

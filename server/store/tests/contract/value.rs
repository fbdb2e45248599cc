//! Values by their meaning, and as payloads of an RDB.
//!
//! Payloads are written here byte by byte where that is simple, so that the store is not asked
//! about bytes that its own crate made.
use redtool_format::encodings::stream::{Builder, Message, StreamId};
use redtool_format::encodings::{intset, listpack, IntBuf, Item};
use redtool_format::rdb::stream::{self, Consumer, Group, Pending, StreamMeta};
use redtool_format::rdb::value::{self, Templates, Visitor};
use redtool_format::rdb::{length, string, ValueType};
use redtool_format::FormatError;
use std::collections::{BTreeMap, BTreeSet};

pub type Bytes = Vec<u8>;
pub type Messages = Vec<(StreamId, Vec<(Bytes, Bytes)>)>;
pub type Payload = (ValueType, Bytes);

/// A value; equal when a client could not tell the difference.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    String(Bytes),
    List(Vec<Bytes>),
    Set(BTreeSet<Bytes>),
    /// Field → value and expiry.
    Hash(BTreeMap<Bytes, (Bytes, Option<i64>)>),
    /// Member → the bits of its score.
    Zset(BTreeMap<Bytes, u64>),
    Stream(Messages, Box<StreamMeta>),
    Opaque(ValueType, Bytes),
}

/// A sorted set of these.
pub fn zset(members: impl IntoIterator<Item = (Bytes, f64)>) -> Value {
    Value::Zset(members.into_iter().map(|(member, score)| (member, score.to_bits())).collect())
}

/// A hash whose fields have no expiry.
pub fn hash(fields: impl IntoIterator<Item = (Bytes, Bytes)>) -> Value {
    Value::Hash(fields.into_iter().map(|(field, text)| (field, (text, None))).collect())
}

/// A stream of `n` messages with a group that has read some of them.
pub fn stream(n: u64) -> Value {
    let id = |i: u64| StreamId { ms: 1_700_000_000_000 + i / 3, seq: i % 3 };
    let field = |i: u64| (b"n".to_vec(), i.to_string().into_bytes());
    let messages: Messages = (0..n).map(|i| (id(i), vec![field(i)])).collect();
    let pending =
        Pending { id: id(1), delivered_at_ms: 1_700_000_000_123, deliveries: 2, consumer: Some(0) };
    let consumer = Consumer {
        name: b"reader\0one".to_vec(),
        seen_at_ms: 1_700_000_000_200,
        active_at_ms: Some(1_700_000_000_100),
        pending: vec![id(1)],
    };
    let group = Group {
        name: b"group".to_vec(),
        last_id: id(2),
        entries_read: Some(3),
        pel: vec![pending],
        consumers: vec![consumer],
        nack: Vec::new(),
    };
    let meta = StreamMeta {
        length: n,
        last_id: id(n - 1),
        first_id: id(0),
        entries_added: n + 7,
        groups: vec![group],
        ..StreamMeta::default()
    };
    Value::Stream(messages, Box::new(meta))
}

impl Value {
    /// The value as its elements one by one, as servers write what is large.
    pub fn plain(&self) -> Payload {
        let mut out = Vec::new();
        let value_type = match self {
            Value::String(text) => {
                string::write_raw(&mut out, text);
                ValueType::String
            }
            Value::List(items) => {
                strings(&mut out, items.len(), items);
                ValueType::List
            }
            Value::Set(members) => {
                strings(&mut out, members.len(), members);
                ValueType::Set
            }
            Value::Hash(fields) => plain_hash(&mut out, fields),
            Value::Zset(members) => {
                length::write(&mut out, members.len() as u64);
                for (member, score) in members {
                    string::write_raw(&mut out, member);
                    out.extend_from_slice(&score.to_le_bytes());
                }
                ValueType::Zset2
            }
            Value::Stream(messages, meta) => {
                plain_stream(&mut out, messages, meta);
                ValueType::Stream3
            }
            Value::Opaque(value_type, bytes) => {
                out.extend_from_slice(bytes);
                *value_type
            }
        };
        (value_type, out)
    }

    /// The value as packed blobs, compressed where that pays, as servers write what is small.
    pub fn packed(&self) -> Payload {
        let mut out = Vec::new();
        let value_type = match self {
            Value::String(text) => {
                string::write(&mut out, text, true);
                ValueType::String
            }
            Value::List(items) => packed_list(&mut out, items),
            Value::Set(members) => packed_set(&mut out, members),
            Value::Hash(fields) => packed_hash(&mut out, fields),
            Value::Zset(members) => packed_zset(&mut out, members),
            Value::Stream(..) | Value::Opaque(..) => return self.plain(),
        };
        (value_type, out)
    }

    /// What a payload means.
    pub fn of(value_type: ValueType, payload: &[u8], templates: &Templates) -> Self {
        let mut seen = Seen::default();
        value::visit(value_type, payload, templates, &mut seen).unwrap();
        seen.0.unwrap_or_else(|| panic!("{} without elements", value_type.name()))
    }
}

fn strings<'a>(out: &mut Bytes, count: usize, all: impl IntoIterator<Item = &'a Bytes>) {
    length::write(out, count as u64);
    all.into_iter().for_each(|one| string::write_raw(out, one));
}

fn plain_hash(out: &mut Bytes, fields: &BTreeMap<Bytes, (Bytes, Option<i64>)>) -> ValueType {
    let min_ms = fields.values().filter_map(|(_, at_ms)| *at_ms).min();
    if let Some(min_ms) = min_ms {
        out.extend_from_slice(&min_ms.to_le_bytes());
    }
    length::write(out, fields.len() as u64);
    for (field, (text, at_ms)) in fields {
        if let Some(min_ms) = min_ms {
            length::write(out, at_ms.map_or(0, |at_ms| (at_ms - min_ms + 1) as u64));
        }
        string::write_raw(out, field);
        string::write_raw(out, text);
    }
    if min_ms.is_some() {
        ValueType::HashMetadata
    } else {
        ValueType::Hash
    }
}

fn plain_stream(out: &mut Bytes, messages: &Messages, meta: &StreamMeta) {
    let nodes: Vec<_> = messages.chunks(100).collect();
    length::write(out, nodes.len() as u64);
    for node in nodes {
        let mut packed = Builder::new();
        for (id, fields) in node {
            let items: Vec<_> =
                fields.iter().map(|(name, text)| (Item::Str(name), Item::Str(text))).collect();
            packed.push(*id, false, &items);
        }
        string::write_raw(out, &node[0].0.to_bytes());
        string::write_raw(out, packed.finish());
    }
    stream::write(out, meta, ValueType::Stream3);
}

fn packed_list(out: &mut Bytes, items: &[Bytes]) -> ValueType {
    let nodes: Vec<_> = items.chunks(50).collect();
    length::write(out, nodes.len() as u64);
    for node in nodes {
        let mut packed = listpack::Builder::new();
        node.iter().for_each(|item| packed.push(item));
        length::write(out, 2);
        string::write(out, packed.finish(), true);
    }
    ValueType::ListQuicklist2
}

fn packed_set(out: &mut Bytes, members: &BTreeSet<Bytes>) -> ValueType {
    let number = |member: &Bytes| redtool_format::number::parse_i64(member);
    let mut blob = Vec::new();
    let (value_type, blob) = match members.iter().map(number).collect::<Option<Vec<i64>>>() {
        Some(mut numbers) => {
            numbers.sort_unstable();
            intset::write(&mut blob, &numbers);
            (ValueType::SetIntset, blob)
        }
        None => {
            let mut packed = listpack::Builder::new();
            members.iter().for_each(|member| packed.push(member));
            (ValueType::SetListpack, packed.finish().to_vec())
        }
    };
    string::write(out, &blob, true);
    value_type
}

fn packed_hash(out: &mut Bytes, fields: &BTreeMap<Bytes, (Bytes, Option<i64>)>) -> ValueType {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by_key(|(_, (_, at_ms))| at_ms.unwrap_or(i64::MAX));
    let min_ms = fields.values().filter_map(|(_, at_ms)| *at_ms).min();
    let mut packed = listpack::Builder::new();
    for (field, (text, at_ms)) in sorted {
        packed.push(field);
        packed.push(text);
        if min_ms.is_some() {
            packed.push_int(at_ms.unwrap_or(0));
        }
    }
    if let Some(min_ms) = min_ms {
        out.extend_from_slice(&min_ms.to_le_bytes());
    }
    string::write(out, packed.finish(), true);
    if min_ms.is_some() {
        ValueType::HashListpackEx
    } else {
        ValueType::HashListpack
    }
}

fn packed_zset(out: &mut Bytes, members: &BTreeMap<Bytes, u64>) -> ValueType {
    let mut sorted: Vec<_> =
        members.iter().map(|(member, bits)| (f64::from_bits(*bits), member)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let mut packed = listpack::Builder::new();
    for (score, member) in sorted {
        packed.push(member);
        let mut text = Vec::new();
        redtool_format::double::write_shortest(&mut text, score);
        packed.push(&text);
    }
    string::write(out, packed.finish(), true);
    ValueType::ZsetListpack
}

/// Collects the elements that a payload is visited as; one that comes twice is a mistake.
#[derive(Default)]
struct Seen(Option<Value>);

type Visited = Result<(), FormatError>;

macro_rules! collection {
    ($seen:ident, $kind:ident, $empty:expr) => {
        match $seen.0.get_or_insert_with(|| Value::$kind($empty)) {
            Value::$kind(elements) => elements,
            other => panic!("an element of another kind after {other:?}"),
        }
    };
}

impl Visitor for Seen {
    type Error = FormatError;

    fn string(&mut self, text: &[u8]) -> Visited {
        assert!(self.0.replace(Value::String(text.to_vec())).is_none());
        Ok(())
    }

    fn list_item(&mut self, item: &[u8]) -> Visited {
        collection!(self, List, Vec::new()).push(item.to_vec());
        Ok(())
    }

    fn set_member(&mut self, member: &[u8]) -> Visited {
        assert!(collection!(self, Set, BTreeSet::new()).insert(member.to_vec()));
        Ok(())
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Visited {
        let members = collection!(self, Zset, BTreeMap::new());
        assert!(members.insert(member.to_vec(), (score + 0.0).to_bits()).is_none());
        Ok(())
    }

    fn hash_field(&mut self, field: &[u8], text: &[u8], expire_at_ms: Option<i64>) -> Visited {
        let fields = collection!(self, Hash, BTreeMap::new());
        assert!(fields.insert(field.to_vec(), (text.to_vec(), expire_at_ms)).is_none());
        Ok(())
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Visited {
        let bytes = |item: &Item<'_>| item.bytes(&mut IntBuf::new()).to_vec();
        let fields = message.fields.iter().map(|(name, text)| (bytes(name), bytes(text)));
        self.stream().0.push((message.id, fields.collect()));
        Ok(())
    }

    fn stream_meta(&mut self, meta: &StreamMeta) -> Visited {
        *self.stream().1 = meta.clone();
        Ok(())
    }

    fn opaque(&mut self, value_type: ValueType, payload: &[u8]) -> Visited {
        assert!(self.0.replace(Value::Opaque(value_type, payload.to_vec())).is_none());
        Ok(())
    }
}

impl Seen {
    fn stream(&mut self) -> (&mut Messages, &mut StreamMeta) {
        match self.0.get_or_insert_with(|| Value::Stream(Vec::new(), Box::default())) {
            Value::Stream(messages, meta) => (messages, meta),
            other => panic!("a message after {other:?}"),
        }
    }
}

//! Streams from JSON: messages into nodes as a server fills them, then the metadata.
//!
//! `entries` alone is enough: what is not said of the rest is what a server would say of a stream
//! to which just these messages were added.
use super::pull::{Json, Result};
use super::strings::Text;
use super::values::{trouble, Hands};
use redtool_format::encodings::stream::{Builder, StreamId};
use redtool_format::encodings::Item;
use redtool_format::rdb::stream::{Consumer, Group, Pending, StreamMeta};
use redtool_format::rdb::writer::{ElementWriter, Out};
use redtool_format::rdb::{Str, ValueType};
use std::ops::Range;

/// A node is full with so many bytes, or messages: what servers do by default.
const NODE_BYTES: usize = 4096;
const NODE_MESSAGES: usize = 100;

/// The messages of a node in the making.
#[derive(Default)]
pub struct Messages {
    node: Builder,
    /// Fields and values of one message, and where in it each is.
    bytes: Vec<u8>,
    parts: Vec<Range<usize>>,
    first_id: Option<StreamId>,
    last_id: StreamId,
    count: u64,
    nodes: u64,
}

/// Reads a stream into the payload; gives its type.
pub fn read(hands: &mut Hands, json: &mut Json<'_>) -> Result<ValueType> {
    let at = json.at();
    let (mut first, mut entries_at, mut meta) = (true, None, Stated::default());
    json.take(b'{', "the { of a stream")?;
    hands.payload.begin();
    while json.more(&mut first, b'}')? {
        let name_at = json.at();
        let name = json.name()?;
        if name != "entries" {
            meta.member(json, name, name_at, &mut hands.first)?;
        } else if entries_at.replace(json.at()).is_some() {
            return Err(Json::fault_at(name_at, "\"entries\" is there twice"));
        } else {
            entries(hands, json)?;
        }
    }
    if entries_at.is_none() {
        return Err(Json::fault_at(at, "a stream has \"entries\""));
    }
    let meta = meta.complete(at, &hands.messages)?;
    let value_type = form(&meta);
    let mut writer = ElementWriter::new(&mut hands.payload, value_type, hands.compress);
    writer.stream_meta(&meta).map_err(trouble(at))?;
    let ended = hands.payload.end(Some(hands.messages.nodes));
    ended.map_err(|error| trouble(at)(error.into()))?;
    Ok(value_type)
}

/// The first type that holds everything.
fn form(meta: &StreamMeta) -> ValueType {
    let nack = meta.groups.iter().any(|group| !group.nack.is_empty());
    match meta.idmp {
        _ if nack || meta.ownerless().next().is_some() => ValueType::Stream5,
        Some(_) => ValueType::Stream4,
        None => ValueType::Stream3,
    }
}

/// `[[id,[field,value,…]],…]`
fn entries(hands: &mut Hands, json: &mut Json<'_>) -> Result<()> {
    let Hands { payload, first: text, messages, compress, .. } = hands;
    let Messages { node, bytes, parts, first_id, last_id, count, nodes } = messages;
    (*first_id, *last_id, *count, *nodes) = (None, StreamId::MIN, 0, 0);
    node.clear();
    let mut first = true;
    json.take(b'[', "the [ of the entries")?;
    while json.more(&mut first, b']')? {
        let at = json.at();
        json.take(b'[', "[id, [field, value, …]]")?;
        let id = read_id(json, text)?;
        if id <= *last_id {
            let what = format!("stream id {id} does not come after {last_id}");
            return Err(Json::fault_at(at, what));
        }
        *last_id = id;
        first_id.get_or_insert(id);
        *count += 1;
        json.take(b',', "a comma after the id")?;
        fields(json, text, bytes, parts)?;
        json.take(b']', "the ] after an entry")?;
        let part = |range: &Range<usize>| Item::Str(&bytes[range.clone()]);
        let pairs: Vec<_> =
            parts.chunks_exact(2).map(|pair| (part(&pair[0]), part(&pair[1]))).collect();
        if node.count() >= NODE_MESSAGES || node.size_bytes() + bytes.len() > NODE_BYTES {
            end_node(node, payload, *compress, nodes, at)?;
        }
        node.push(id, false, &pairs);
    }
    end_node(node, payload, *compress, nodes, json.at())
}

/// `[field,value,…]`
fn fields(
    json: &mut Json<'_>,
    text: &mut Text,
    bytes: &mut Vec<u8>,
    parts: &mut Vec<Range<usize>>,
) -> Result<()> {
    let at = json.at();
    let mut first = true;
    bytes.clear();
    parts.clear();
    json.take(b'[', "[field, value, …]")?;
    while json.more(&mut first, b']')? {
        let start = bytes.len();
        bytes.extend_from_slice(json.bytes(text)?);
        parts.push(start..bytes.len());
    }
    if parts.is_empty() || !parts.len().is_multiple_of(2) {
        return Err(Json::fault_at(at, "a stream entry has fields, each with its value"));
    }
    Ok(())
}

fn end_node(
    node: &mut Builder,
    payload: &mut super::payload::Payload,
    compress: bool,
    nodes: &mut u64,
    at: usize,
) -> Result<()> {
    if node.is_empty() {
        return Ok(());
    }
    let master_id = node.master_id();
    let mut writer = ElementWriter::new(payload, ValueType::Stream3, compress);
    let written = writer.stream_node(master_id, Str::Raw(node.finish()));
    written.map_err(trouble(at))?;
    payload.spill().map_err(|error| trouble(at)(error.into()))?;
    node.clear();
    *nodes += 1;
    Ok(())
}

fn read_id(json: &mut Json<'_>, text: &mut Text) -> Result<StreamId> {
    let at = json.at();
    let id = json.string(text)?;
    let parse = || {
        let (ms, seq) = std::str::from_utf8(id).ok()?.split_once('-')?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        };
        Some(StreamId { ms: number(ms)?, seq: number(seq)? })
    };
    parse().ok_or_else(|| Json::fault_at(at, "a stream id like \"1700000000000-0\" expected"))
}

fn read_ids(json: &mut Json<'_>, text: &mut Text) -> Result<Vec<StreamId>> {
    let (mut first, mut ids) = (true, Vec::new());
    json.take(b'[', "the [ of stream ids")?;
    while json.more(&mut first, b']')? {
        ids.push(read_id(json, text)?);
    }
    Ok(ids)
}

/// What is said of a stream beside its entries.
#[derive(Default)]
struct Stated {
    length: Option<u64>,
    last_id: Option<StreamId>,
    first_id: Option<StreamId>,
    max_deleted_id: Option<StreamId>,
    entries_added: Option<u64>,
    idmp: Option<Vec<u8>>,
    groups: Vec<Group>,
}

impl Stated {
    fn member(
        &mut self,
        json: &mut Json<'_>,
        name: &str,
        at: usize,
        text: &mut Text,
    ) -> Result<()> {
        match name {
            "length" => self.length = Some(json.int()?),
            "last_id" => self.last_id = Some(read_id(json, text)?),
            "first_id" => self.first_id = Some(read_id(json, text)?),
            "max_deleted_id" => self.max_deleted_id = Some(read_id(json, text)?),
            "entries_added" => self.entries_added = Some(json.int()?),
            "idmp" => self.idmp = Some(json.base64(text)?.to_vec()),
            "groups" => self.groups = read_list(json, text, read_group)?,
            _ => return Err(Json::fault_at(at, format!("{name:?} is no member of a stream"))),
        }
        Ok(())
    }

    fn complete(self, at: usize, messages: &Messages) -> Result<StreamMeta> {
        let length = messages.count;
        if self.length.is_some_and(|stated| stated != length) {
            let what = format!("\"length\" is not that of the entries, which is {length}");
            return Err(Json::fault_at(at, what));
        }
        let last_id = self.last_id.unwrap_or(messages.last_id);
        if last_id < messages.last_id {
            let what = format!("\"last_id\" is before the last entry, {}", messages.last_id);
            return Err(Json::fault_at(at, what));
        }
        Ok(StreamMeta {
            length,
            last_id,
            first_id: self.first_id.or(messages.first_id).unwrap_or_default(),
            max_deleted_id: self.max_deleted_id.unwrap_or_default(),
            entries_added: self.entries_added.unwrap_or(length),
            groups: self.groups,
            idmp: self.idmp,
        })
    }
}

fn read_list<T>(
    json: &mut Json<'_>,
    text: &mut Text,
    read: impl Fn(&mut Json<'_>, &mut Text) -> Result<T>,
) -> Result<Vec<T>> {
    let (mut first, mut list) = (true, Vec::new());
    json.take(b'[', "a [")?;
    while json.more(&mut first, b']')? {
        list.push(read(json, text)?);
    }
    Ok(list)
}

fn read_group(json: &mut Json<'_>, text: &mut Text) -> Result<Group> {
    let at = json.at();
    let (mut first, mut named, mut group) = (true, false, Group::default());
    json.take(b'{', "the { of a group")?;
    while json.more(&mut first, b'}')? {
        let name_at = json.at();
        match json.name()? {
            "name" => {
                group.name = json.bytes(text)?.to_vec();
                named = true;
            }
            "last_id" => group.last_id = read_id(json, text)?,
            "entries_read" if json.takes_null() => group.entries_read = None,
            "entries_read" => group.entries_read = Some(json.int()?),
            "pending" => group.pel = read_list(json, text, read_pending)?,
            "consumers" => group.consumers = read_list(json, text, read_consumer)?,
            "nack" => group.nack = read_ids(json, text)?,
            name => {
                let what = format!("{name:?} is no member of a group");
                return Err(Json::fault_at(name_at, what));
            }
        }
    }
    if !named {
        return Err(Json::fault_at(at, "a group has a \"name\""));
    }
    group.pel.sort_by_key(|entry| entry.id);
    for (index, consumer) in group.consumers.iter().enumerate() {
        for id in &consumer.pending {
            let place = group.pel.binary_search_by_key(id, |entry| entry.id);
            let place = place.map_err(|_| {
                let name = String::from_utf8_lossy(&consumer.name);
                let what = format!("consumer {name:?} has {id}, which its group lacks");
                Json::fault_at(at, what)
            })?;
            group.pel[place].consumer = Some(index);
        }
    }
    Ok(group)
}

/// `[id,delivered_at_ms,deliveries]`
fn read_pending(json: &mut Json<'_>, text: &mut Text) -> Result<Pending> {
    json.take(b'[', "[id, delivered_at_ms, deliveries]")?;
    let id = read_id(json, text)?;
    json.take(b',', "a comma after the id")?;
    let delivered_at_ms = json.int()?;
    json.take(b',', "a comma after the time")?;
    let deliveries = json.int()?;
    json.take(b']', "the ] after a pending entry")?;
    Ok(Pending { id, delivered_at_ms, deliveries, consumer: None })
}

fn read_consumer(json: &mut Json<'_>, text: &mut Text) -> Result<Consumer> {
    let at = json.at();
    let (mut first, mut named, mut consumer) = (true, false, Consumer::default());
    json.take(b'{', "the { of a consumer")?;
    while json.more(&mut first, b'}')? {
        let name_at = json.at();
        match json.name()? {
            "name" => {
                consumer.name = json.bytes(text)?.to_vec();
                named = true;
            }
            "seen_at_ms" => consumer.seen_at_ms = json.int()?,
            "active_at_ms" if json.takes_null() => consumer.active_at_ms = None,
            "active_at_ms" => consumer.active_at_ms = Some(json.int()?),
            "pending" => consumer.pending = read_ids(json, text)?,
            name => {
                let what = format!("{name:?} is no member of a consumer");
                return Err(Json::fault_at(name_at, what));
            }
        }
    }
    if !named {
        return Err(Json::fault_at(at, "a consumer has a \"name\""));
    }
    Ok(consumer)
}

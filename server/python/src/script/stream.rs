//! A stream out of the dict that `entries()` gives: messages into nodes as a server packs them,
//! then the metadata.
//!
//! `length` and `first_id` follow from the messages; `last_id` and `entries_added` are at least
//! what the messages say.
use super::said;
use super::value::{bytes, tuple, Written};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use redtool_format::encodings::stream::{Builder, StreamId};
use redtool_format::encodings::Item;
use redtool_format::rdb::stream::{Consumer, Group, Pending, StreamMeta};
use redtool_format::rdb::writer::ElementWriter;
use redtool_format::rdb::{Str, ValueType};
use redtool_transfer::transform::payload::Payload;

/// A node is full with so many messages or bytes, as a server has it.
const NODE_MESSAGES: usize = 100;
const NODE_BYTES: usize = 4096;

/// Writes the nodes and the metadata; gives the type and the number of nodes.
pub(super) fn write(value: &Bound<'_, PyAny>, payload: &mut Payload) -> Written<(ValueType, u64)> {
    let Ok(stream) = value.cast::<PyDict>() else {
        return said(format!("the value of a stream is of type {}", value.get_type().name()?));
    };
    let groups = match stream.get_item("groups")? {
        None => Vec::new(),
        Some(groups) => groups.try_iter()?.map(|one| group(&one?)).collect::<Written<_>>()?,
    };
    let ownerless = groups.iter().any(|group: &Group| !group.nack.is_empty());
    let value_type = if ownerless { ValueType::Stream5 } else { ValueType::Stream3 };
    let mut nodes = Nodes { value_type, payload, builder: Builder::new(), last: None, nodes: 0 };
    let mut meta = StreamMeta {
        last_id: id_in(stream, "last_id")?,
        max_deleted_id: id_in(stream, "max_deleted_id")?,
        entries_added: number_in(stream, "entries_added")?,
        groups,
        ..StreamMeta::default()
    };
    if let Some(entries) = stream.get_item("entries")? {
        for entry in entries.try_iter()? {
            nodes.message(&entry?, &mut meta)?;
        }
    }
    meta.entries_added = meta.entries_added.max(meta.length);
    nodes.flush()?;
    let count = nodes.nodes;
    ElementWriter::new(payload, value_type, false).stream_meta(&meta)?;
    Ok((value_type, count))
}

struct Nodes<'p> {
    value_type: ValueType,
    payload: &'p mut Payload,
    builder: Builder,
    last: Option<StreamId>,
    nodes: u64,
}

impl Nodes<'_> {
    /// Adds a message `(id, [field, value, …])`.
    fn message(&mut self, message: &Bound<'_, PyAny>, meta: &mut StreamMeta) -> Written<()> {
        let parts = tuple(message, 2, "pair of id and fields")?;
        let id = id(&parts[0])?;
        let flat = parts[1].try_iter()?.collect::<PyResult<Vec<_>>>()?;
        if flat.is_empty() || flat.len() % 2 != 0 {
            return said(format!("message {id} is not made of fields and values"));
        }
        if self.last.is_some_and(|last| id <= last) {
            return said(format!("message {id} does not come after the one before it"));
        }
        let mut fields = Vec::with_capacity(flat.len() / 2);
        for pair in flat.chunks_exact(2) {
            let field = bytes(&pair[0], "a field of a message")?;
            fields.push((Item::Str(field), Item::Str(bytes(&pair[1], "a value of a message")?)));
        }
        self.builder.push(id, false, &fields);
        if self.last.is_none() {
            meta.first_id = id;
        }
        meta.length += 1;
        meta.last_id = meta.last_id.max(id);
        self.last = Some(id);
        if self.builder.count() >= NODE_MESSAGES || self.builder.size_bytes() >= NODE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Written<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let master = self.builder.master_id();
        ElementWriter::new(self.payload, self.value_type, false)
            .stream_node(master, Str::Raw(self.builder.finish()))?;
        self.builder.clear();
        self.nodes += 1;
        Ok(())
    }
}

/// A consumer group.
fn group(object: &Bound<'_, PyAny>) -> Written<Group> {
    let Ok(dict) = object.cast::<PyDict>() else {
        return said("a consumer group is no dict");
    };
    let consumers = match dict.get_item("consumers")? {
        None => Vec::new(),
        Some(consumers) => {
            consumers.try_iter()?.map(|one| consumer(&one?)).collect::<Written<_>>()?
        }
    };
    let mut group = Group {
        name: name_in(dict)?,
        last_id: id_in(dict, "last_delivered_id")?,
        entries_read: optional(dict, "entries_read")?,
        consumers,
        ..Group::default()
    };
    if let Some(pel) = dict.get_item("pel")? {
        for one in pel.try_iter()? {
            let entry = pending(&one?, &mut group.consumers)?;
            if entry.consumer.is_none() {
                group.nack.push(entry.id);
            }
            group.pel.push(entry);
        }
    }
    group.pel.sort_by_key(|entry| entry.id);
    match group.pel.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => said(format!("message {} is pending twice", pair[0].id)),
        None => Ok(group),
    }
}

/// A pending entry `(id, consumer, delivery time, count)`; its consumer's list gets it too.
fn pending(object: &Bound<'_, PyAny>, consumers: &mut [Consumer]) -> Written<Pending> {
    let parts = tuple(object, 4, "pending entry")?;
    let (id, owner) = (id(&parts[0])?, bytes(&parts[1], "the consumer of a pending entry")?);
    let consumer = consumers.iter().position(|consumer| consumer.name == owner);
    match consumer {
        Some(place) => consumers[place].pending.push(id),
        None if owner.is_empty() => {}
        None => {
            let owner = String::from_utf8_lossy(owner);
            return said(format!("pending message {id} has no consumer {owner:?}"));
        }
    }
    Ok(Pending {
        id,
        delivered_at_ms: number(&parts[2], "a delivery time")?,
        deliveries: number(&parts[3], "a number of deliveries")?,
        consumer,
    })
}

/// A consumer, without what is pending: the group's list says that.
fn consumer(object: &Bound<'_, PyAny>) -> Written<Consumer> {
    let Ok(dict) = object.cast::<PyDict>() else { return said("a consumer is no dict") };
    Ok(Consumer {
        name: name_in(dict)?,
        seen_at_ms: optional(dict, "seen_time_ms")?.unwrap_or(0),
        active_at_ms: optional(dict, "active_time_ms")?,
        pending: Vec::new(),
    })
}

fn name_in(dict: &Bound<'_, PyDict>) -> Written<Vec<u8>> {
    match dict.get_item("name")? {
        Some(name) => Ok(bytes(&name, "the name of a group or consumer")?.to_vec()),
        None => said("a group or consumer has no name"),
    }
}

fn id_in(dict: &Bound<'_, PyDict>, name: &str) -> Written<StreamId> {
    dict.get_item(name)?.map_or(Ok(StreamId::MIN), |value| id(&value))
}

fn number_in(dict: &Bound<'_, PyDict>, name: &str) -> Written<u64> {
    Ok(optional(dict, name)?.unwrap_or(0))
}

fn optional<'py, T>(dict: &Bound<'py, PyDict>, name: &str) -> Written<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    match dict.get_item(name)? {
        Some(value) if !value.is_none() => number(&value, name).map(Some),
        _ => Ok(None),
    }
}

fn number<'py, T>(value: &Bound<'py, PyAny>, what: &str) -> Written<T>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    match value.extract::<T>() {
        Ok(number) => Ok(number),
        Err(_) => said(format!("{} is no {what}", value.repr()?)),
    }
}

/// `ms-seq`.
fn id(value: &Bound<'_, PyAny>) -> Written<StreamId> {
    let text: String = value.extract().unwrap_or_default();
    let halves =
        text.split_once('-').and_then(|(ms, seq)| Some((ms.parse().ok()?, seq.parse().ok()?)));
    match halves {
        Some((ms, seq)) => Ok(StreamId { ms, seq }),
        None => said(format!("{} is no stream id such as \"5-0\"", value.repr()?)),
    }
}

//! Streams as commands, in the order in which a server rewrites its log:
//! ```text
//! XADD k 5-0 f v
//! XSETID k 6-1 ENTRIESADDED 3 MAXDELETEDID 5-3         the two words from 7.0 on
//! XGROUP CREATE k g 5-0 ENTRIESREAD 1
//! XGROUP CREATECONSUMER k g c           before 7.0: XREADGROUP GROUP g c STREAMS k 0
//! XCLAIM k g c 0 5-0 TIME 1795223667509 RETRYCOUNT 1 JUSTID FORCE
//! ```
//! Commands cannot say: a stream without messages, pending entries whose message is gone or that
//! nobody owns, what idempotent producers sent. Such a stream is restored whole.
use super::{array, bulk, digits, json, long_bulk, Scratch, Visit, Writer};
use redtool_format::encodings::stream::{Message, StreamId};
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::stream::{self, Group, StreamMeta};
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::value::{visit_with, Visitor};
use redtool_format::rdb::writer::Value;
use redtool_format::rdb::{counters, length, string, ValueType};
use redtool_format::{Cursor, FormatError};

/// The first RDB version whose servers know counters of streams.
const COUNTERS_SINCE: u16 = 10;
/// 100 s, 100 ids, no producers, 0, 0: what a stream without idempotent producers holds of them.
const IDMP_UNUSED: [u8; 7] = [0x40, 0x64, 0x40, 0x64, 0, 0, 0];

/// Whether commands can say all of a stream.
pub fn sayable(value: &Value<'_>, scratch: &mut Scratch) -> Result<bool, FormatError> {
    let mut cursor = Cursor::new(value.payload);
    let nodes = length::read_count(&mut cursor, 2)?;
    for _ in 0..nodes {
        string::skip(&mut cursor)?;
        string::skip(&mut cursor)?;
    }
    let meta = stream::read(&mut cursor, value.value_type)?;
    let idmp = meta.idmp.as_deref().is_some_and(|idmp| idmp != IDMP_UNUSED);
    if nodes == 0 || meta.length == 0 || idmp || meta.ownerless().next().is_some() {
        return Ok(false);
    }
    let mut pending: Vec<_> =
        meta.groups.iter().flat_map(|group| group.pel.iter().map(|entry| entry.id)).collect();
    if pending.is_empty() {
        return Ok(true);
    }
    pending.sort_unstable();
    pending.dedup();
    let mut live = Live { pending, found: 0 };
    visit_with(&mut scratch.visit, value.value_type, value.payload, value.templates, &mut live)?;
    Ok(live.found == live.pending.len())
}

/// Counts pending messages that are there.
struct Live {
    pending: Vec<StreamId>,
    found: usize,
}

impl Visitor for Live {
    type Error = FormatError;

    fn string(&mut self, _: &[u8]) -> Result<(), FormatError> {
        Ok(())
    }

    fn list_item(&mut self, _: &[u8]) -> Result<(), FormatError> {
        Ok(())
    }

    fn set_member(&mut self, _: &[u8]) -> Result<(), FormatError> {
        Ok(())
    }

    fn zset_member(&mut self, _: &[u8], _: f64) -> Result<(), FormatError> {
        Ok(())
    }

    fn hash_field(&mut self, _: &[u8], _: &[u8], _: Option<i64>) -> Result<(), FormatError> {
        Ok(())
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Result<(), FormatError> {
        self.found += usize::from(self.pending.binary_search(&message.id).is_ok());
        Ok(())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> Result<(), FormatError> {
        Ok(())
    }

    fn opaque(&mut self, _: ValueType, _: &[u8]) -> Result<(), FormatError> {
        Ok(())
    }
}

fn id_text(id: StreamId) -> Vec<u8> {
    let mut text = Vec::new();
    put_id(&mut text, id);
    text
}

fn put_id(text: &mut Vec<u8>, id: StreamId) {
    json::int(text, id.ms);
    text.push(b'-');
    json::int(text, id.seq);
}

impl Writer<'_> {
    pub(super) fn add_message(&mut self, message: &Message<'_>) -> Visit {
        self.elements.commands += 1;
        self.digits.clear();
        put_id(&mut self.digits, message.id);
        let out = &mut *self.elements.out;
        array(out.buf(), 3 + 2 * message.fields.len());
        bulk(out.buf(), b"XADD");
        long_bulk(out, self.key)?;
        bulk(out.buf(), &self.digits);
        let mut text = IntBuf::new();
        for (field, value) in &message.fields {
            long_bulk(out, field.bytes(&mut text))?;
            long_bulk(out, value.bytes(&mut text))?;
        }
        Ok(out.spill()?)
    }

    pub(super) fn meta(&mut self, meta: &StreamMeta) -> Visit {
        let mut meta = meta.clone();
        if self.first_form {
            let first_id = meta.first_id;
            counters::complete(&mut meta, self.messages, Some(first_id));
        }
        let counts = self.dialect.target.version >= COUNTERS_SINCE;
        let lost = !counts && counters::would_change(&meta);
        self.losses.insert_if(lost, Loss::StreamCounters);
        let (last_id, added) = (id_text(meta.last_id), digits(meta.entries_added));
        let deleted_id = id_text(meta.max_deleted_id);
        let mut args: Vec<&[u8]> = vec![b"XSETID", self.key, &last_id];
        if counts {
            args.extend([&b"ENTRIESADDED"[..], &added, b"MAXDELETEDID", &deleted_id]);
        }
        self.command(&args)?;
        meta.groups.iter().try_for_each(|group| self.group(group, counts))
    }

    fn group(&mut self, group: &Group, counts: bool) -> Visit {
        let key = self.key;
        let last_id = id_text(group.last_id);
        let read = group.entries_read.map_or(b"-1".to_vec(), digits);
        let mut args: Vec<&[u8]> = vec![b"XGROUP", b"CREATE", key, &group.name, &last_id];
        if counts {
            args.extend([&b"ENTRIESREAD"[..], &read]);
        }
        self.command(&args)?;
        for consumer in group.consumers.iter().filter(|consumer| consumer.pending.is_empty()) {
            let (group, name) = (&group.name[..], &consumer.name[..]);
            if counts {
                self.command(&[b"XGROUP", b"CREATECONSUMER", key, group, name])?;
            } else {
                self.command(&[b"XREADGROUP", b"GROUP", group, name, b"STREAMS", key, b"0"])?;
            }
        }
        for entry in &group.pel {
            let Some(consumer) = entry.consumer.and_then(|n| group.consumers.get(n)) else {
                continue;
            };
            let (id, at_ms) = (id_text(entry.id), digits(entry.delivered_at_ms));
            let deliveries = digits(entry.deliveries);
            let (group, name) = (&group.name[..], &consumer.name[..]);
            let claim: [&[u8]; 12] = [
                b"XCLAIM",
                key,
                group,
                name,
                b"0",
                &id,
                b"TIME",
                &at_ms,
                b"RETRYCOUNT",
                &deliveries,
                b"JUSTID",
                b"FORCE",
            ];
            self.command(&claim)?;
        }
        Ok(())
    }
}

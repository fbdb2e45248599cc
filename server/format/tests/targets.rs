//! Every value of every fixture, written for every target and read again, means what it meant
//! before, but for the losses that were announced.
mod common;

use redtool_format::encodings::stream::{Message, StreamId};
use redtool_format::rdb::reader::{KeyRecord, Reader, Record};
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::target::{Loss, Losses, Target};
use redtool_format::rdb::value::{visit, Templates, Visitor};
use redtool_format::rdb::writer::{plan, write_key, Attributes, Fate, FileWriter, Value};
use redtool_format::rdb::{Kind, ValueType};
use redtool_format::{FormatError, Result};
use std::fs;

const VERSIONS: [u32; 8] = [6, 7, 8, 9, 10, 11, 12, 80];
/// Between the expiries of the fixtures: some hash fields are over, some are not.
const NOW_MS: i64 = 1_800_000_000_000;

/// A value by its meaning: order matters only where it does for a client.
#[derive(Debug, Default, PartialEq)]
struct Meaning {
    items: Vec<Vec<Vec<u8>>>,
    scores: Vec<(Vec<u8>, u64)>,
    fields: Vec<(Vec<u8>, Vec<u8>, Option<i64>)>,
    meta: Option<StreamMeta>,
    opaque: Option<Vec<u8>>,
}

impl Visitor for Meaning {
    type Error = FormatError;

    fn string(&mut self, value: &[u8]) -> Result<()> {
        self.list_item(value)
    }
    fn list_item(&mut self, item: &[u8]) -> Result<()> {
        self.items.push(vec![item.to_vec()]);
        Ok(())
    }
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.list_item(member)
    }
    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<()> {
        self.scores.push((member.to_vec(), score.to_bits()));
        Ok(())
    }
    fn hash_field(&mut self, field: &[u8], value: &[u8], at_ms: Option<i64>) -> Result<()> {
        self.fields.push((field.to_vec(), value.to_vec(), at_ms));
        Ok(())
    }
    fn stream_message(&mut self, message: &Message<'_>) -> Result<()> {
        let mut parts = vec![message.id.to_bytes().to_vec()];
        for (field, value) in &message.fields {
            parts.extend([field.to_vec(), value.to_vec()]);
        }
        self.items.push(parts);
        Ok(())
    }
    fn stream_meta(&mut self, meta: &StreamMeta) -> Result<()> {
        self.meta = Some(meta.clone());
        Ok(())
    }
    fn opaque(&mut self, _: ValueType, payload: &[u8]) -> Result<()> {
        self.opaque = Some(payload.to_vec());
        Ok(())
    }
}

impl Meaning {
    fn of(value_type: ValueType, payload: &[u8], templates: &Templates) -> Meaning {
        let mut meaning = Meaning::default();
        visit(value_type, payload, templates, &mut meaning).unwrap();
        if value_type.kind() == Kind::Set {
            meaning.items.sort();
        }
        meaning.scores.sort();
        meaning.fields.sort();
        meaning
    }

    /// The same without what is announced to be lost.
    fn without(mut self, losses: Losses, drops_ttls: bool) -> Meaning {
        if drops_ttls {
            self.fields.retain(|field| field.2.is_none_or(|at_ms| at_ms > NOW_MS));
        }
        if losses.contains(Loss::FieldTtl) {
            self.fields.iter_mut().for_each(|field| field.2 = None);
        }
        if let Some(meta) = &mut self.meta {
            forget(meta, losses);
        }
        self
    }
}

fn forget(meta: &mut StreamMeta, losses: Losses) {
    if losses.contains(Loss::StreamCounters) {
        meta.max_deleted_id = StreamId::MIN;
        meta.entries_added = meta.length;
        meta.groups.iter_mut().for_each(|group| group.entries_read = None);
    }
    if losses.contains(Loss::ConsumerActive) {
        let consumers = meta.groups.iter_mut().flat_map(|group| &mut group.consumers);
        consumers.for_each(|consumer| consumer.active_at_ms = None);
    }
    if losses.contains(Loss::Nack) {
        for group in &mut meta.groups {
            group.nack.clear();
            group.pel.retain(|entry| entry.consumer.is_some());
        }
    }
}

/// Leaves out what only follows from the rest: the first id, and the state of producers that never
/// were.
fn derived(mut meaning: Meaning) -> Meaning {
    if let Some(meta) = &mut meaning.meta {
        meta.first_id = StreamId::MIN;
        meta.idmp = None;
    }
    meaning
}

/// Writes one key into a file of its own and gives what is read back, with the losses.
fn through(
    record: &KeyRecord<'_>,
    templates: &Templates,
    target: &Target,
) -> Option<(Vec<u8>, Losses)> {
    let value = Value::of(record, templates);
    let attributes = Attributes::from(record);
    let plan = plan(&value, target, NOW_MS).unwrap();
    let mut file = FileWriter::new(Vec::new(), *target);
    file.select_db(record.db, 1, 0).unwrap();
    let written =
        write_key(record.key, &attributes, &value, &plan, target, true, &mut file).unwrap();
    assert_eq!(written, plan.value_type().is_some());
    let losses = plan.losses.union(attributes.losses(target));
    written.then(|| (file.finish().unwrap().0, losses))
}

fn check(record: &KeyRecord<'_>, templates: &Templates, target: &Target, place: &str) {
    let place = format!("{place}, {:?} for {}", record.value_type, target.name());
    let before = Meaning::of(record.value_type, record.payload, templates);
    let Some((file, losses)) = through(record, templates, target) else {
        let value = Value::of(record, templates);
        let all_over = before.fields.iter().all(|field| field.2.is_some_and(|at| at <= NOW_MS));
        match plan(&value, target, NOW_MS).unwrap().fate {
            Fate::Expired => assert!(all_over && !before.fields.is_empty(), "{place}"),
            _ => {
                assert!(matches!(record.value_type.kind(), Kind::Stream | Kind::Module), "{place}")
            }
        }
        return;
    };
    let mut reader = Reader::new(&file).unwrap();
    let key = loop {
        match reader.next_record().unwrap() {
            Some(Record::Key(key)) => break key,
            Some(_) => {}
            None => panic!("no key: {place}"),
        }
    };
    assert!(target.loads(key.value_type), "{place}");
    assert_eq!(key.key.to_vec(), record.key.to_vec(), "{place}");
    assert_eq!((key.db, key.expire_at_ms), (record.db, record.expire_at_ms), "{place}");
    if !losses.contains(Loss::LruLfu) {
        assert_eq!((key.idle_s, key.freq), (record.idle_s, record.freq), "{place}");
    }
    let drops_ttls = !target.takes_field_ttls();
    let after = Meaning::of(key.value_type, key.payload, &Templates::new());
    assert!(derived(after) == derived(before.without(losses, drops_ttls)), "{place}");
}

#[test]
fn fixtures_keep_their_meaning_in_every_target() {
    for dump in common::dumps() {
        let file = fs::read(&dump).unwrap();
        for version in VERSIONS {
            let target = Target::from_version(version).unwrap();
            let mut reader = Reader::new(&file).unwrap();
            while let Some(record) = reader.next_record().unwrap() {
                if let Record::Key(key) = record {
                    let place = format!("{} at byte {}", dump.display(), key.offset);
                    check(&key, reader.templates(), &target, &place);
                }
            }
        }
    }
}

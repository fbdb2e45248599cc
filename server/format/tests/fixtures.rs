//! Dumps of real servers are read to their truth: every key, expiry and element.
mod common;

use common::{bytes, dumps, truth};
use redtool_format::crc64::crc64;
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::{KeyRecord, Reader, Record};
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{count, visit, Templates, Visitor};
use redtool_format::rdb::{Kind, ValueType};
use redtool_format::{FormatError, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The elements of a value, each as its parts.
#[derive(Default)]
struct Elements {
    parts: Vec<Vec<Vec<u8>>>,
    scores: Vec<f64>,
    expiries: Vec<(Vec<u8>, i64)>,
    meta: Option<StreamMeta>,
    opaque: bool,
}

impl Visitor for Elements {
    type Error = FormatError;

    fn string(&mut self, value: &[u8]) -> Result<()> {
        self.parts.push(vec![value.to_vec()]);
        Ok(())
    }
    fn list_item(&mut self, item: &[u8]) -> Result<()> {
        self.string(item)
    }
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.string(member)
    }
    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<()> {
        self.scores.push(score);
        self.string(member)
    }
    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        self.parts.push(vec![field.to_vec(), value.to_vec()]);
        self.expiries.extend(expire_at_ms.map(|at_ms| (field.to_vec(), at_ms)));
        Ok(())
    }
    fn stream_message(&mut self, message: &Message<'_>) -> Result<()> {
        let mut parts = vec![message.id.to_string().into_bytes()];
        for (field, value) in &message.fields {
            parts.extend([field.to_vec(), value.to_vec()]);
        }
        self.parts.push(parts);
        Ok(())
    }
    fn stream_meta(&mut self, meta: &StreamMeta) -> Result<()> {
        self.meta = Some(meta.clone());
        Ok(())
    }
    fn opaque(&mut self, _value_type: ValueType, _payload: &[u8]) -> Result<()> {
        self.opaque = true;
        Ok(())
    }
}

type Keys<'a> = BTreeMap<(u32, Vec<u8>), KeyRecord<'a>>;

/// Reads a file to its end and its checksum.
fn read(file: &[u8]) -> Result<(Keys<'_>, Templates)> {
    let mut reader = Reader::new(file)?;
    let mut keys = Keys::new();
    while let Some(record) = reader.next_record()? {
        if let Record::Key(key) = record {
            let twice = keys.insert((key.db, key.key.to_vec()?), key);
            assert!(twice.is_none());
        }
    }
    let trailer = reader.trailer()?;
    trailer.check(crc64(&file[..trailer.covered_bytes]))?;
    assert_eq!(trailer.end, file.len());
    Ok((keys, reader.templates().clone()))
}

#[test]
fn every_dump_is_read_to_its_truth() {
    for dump in dumps() {
        let name = dump.display();
        let file = fs::read(&dump).unwrap();
        let (server, rows) = truth(&dump);
        let (keys, templates) = read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(per_db(&keys), server["dbsize"], "{name}");
        for row in &rows {
            let id = (row["db"].as_u64().unwrap() as u32, bytes(&row["key"]));
            let place = format!("{name} db {} key {}", id.0, id.1.escape_ascii());
            let key = keys.get(&id).unwrap_or_else(|| panic!("{place}: missing"));
            compare(key, row, &templates, &place);
        }
    }
}

#[test]
fn every_value_of_a_real_server_passes_the_deep_check() {
    let mut checker = Checker::default();
    for dump in dumps() {
        let file = fs::read(&dump).unwrap();
        let (keys, templates) = read(&file).unwrap();
        for ((db, name), key) in keys {
            for depth in [Depth::Always, Depth::Deep] {
                let mut odd = Vec::new();
                let warn = &mut |error| odd.push(error);
                let checked = checker.check(key.value_type, key.payload, &templates, depth, warn);
                let place = || format!("{} db {db} key {}", dump.display(), name.escape_ascii());
                assert_eq!(checked, Ok(()), "{}", place());
                assert_eq!(odd, [], "{}", place());
            }
        }
    }
}

fn per_db(keys: &Keys<'_>) -> Value {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (db, _) in keys.keys() {
        *counts.entry(db.to_string()).or_default() += 1;
    }
    serde_json::to_value(counts).unwrap()
}

fn compare(key: &KeyRecord<'_>, row: &Value, templates: &Templates, place: &str) {
    assert_eq!(key.expire_at_ms, row["expire_ms"].as_i64(), "{place}");
    let mut elements = Elements::default();
    visit(key.value_type, key.payload, templates, &mut elements)
        .unwrap_or_else(|error| panic!("{place}: {error}"));
    let counted = count(key.value_type, key.payload);
    assert_eq!(counted, Ok(elements.parts.len() as u64), "{place}");
    let kind = key.value_type.kind();
    if kind == Kind::Module {
        assert!(elements.opaque && elements.parts.is_empty(), "{place}");
        return;
    }
    assert_eq!(kind.name(), row["type"].as_str().unwrap(), "{place}");
    let expected = expected(kind, &row["value"], &mut elements);
    assert!(elements.parts == expected, "{place}: elements");
    if kind == Kind::Hash {
        let mut expiries: Vec<_> = pairs(&row["field_expire_ms"])
            .map(|(field, at_ms)| (bytes(field), at_ms.as_i64().unwrap()))
            .collect();
        expiries.sort();
        elements.expiries.sort();
        assert_eq!(elements.expiries, expiries, "{place}");
    }
    if let Some(meta) = &elements.meta {
        compare_meta(meta, &row["value"], place);
    }
}

fn pairs(rows: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    rows.as_array().into_iter().flatten().map(|row| (&row[0], &row[1]))
}

/// What the truth says of the elements, in the order in which a file may hold them: `elements` is
/// sorted where that order means nothing.
fn expected(kind: Kind, value: &Value, elements: &mut Elements) -> Vec<Vec<Vec<u8>>> {
    let rows = || value.as_array().into_iter().flatten();
    match kind {
        Kind::String => vec![vec![bytes(value)]],
        Kind::List => rows().map(|item| vec![bytes(item)]).collect(),
        Kind::Set => {
            elements.parts.sort();
            let mut members: Vec<_> = rows().map(|member| vec![bytes(member)]).collect();
            members.sort();
            members
        }
        Kind::Hash => {
            elements.parts.sort();
            let fields = pairs(value).map(|(field, value)| vec![bytes(field), bytes(value)]);
            let mut fields: Vec<_> = fields.collect();
            fields.sort();
            fields
        }
        Kind::Zset => zset(value, elements),
        Kind::Stream => value["entries"].as_array().unwrap().iter().map(message).collect(),
        Kind::Module | Kind::Array => Vec::new(),
    }
}

fn zset(value: &Value, elements: &mut Elements) -> Vec<Vec<Vec<u8>>> {
    let mut scored: Vec<_> =
        elements.scores.iter().copied().zip(elements.parts.drain(..)).collect();
    scored.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap().then_with(|| a.1.cmp(&b.1)));
    for ((score, member), (_, text)) in scored.iter().zip(pairs(value)) {
        let text = text.as_str().unwrap();
        assert_eq!(*score, text.parse::<f64>().unwrap(), "score of {member:?}");
    }
    elements.parts = scored.into_iter().map(|(_, parts)| parts).collect();
    pairs(value).map(|(member, _)| vec![bytes(member)]).collect()
}

fn message(entry: &Value) -> Vec<Vec<u8>> {
    let mut parts = vec![entry[0].as_str().unwrap().as_bytes().to_vec()];
    parts.extend(entry[1].as_array().unwrap().iter().map(bytes));
    parts
}

fn compare_meta(meta: &StreamMeta, value: &Value, place: &str) {
    assert_eq!(Some(meta.length), value["length"].as_u64(), "{place}");
    assert_eq!(meta.last_id.to_string(), value["last_id"].as_str().unwrap(), "{place}");
    if let Some(first_id) = value["first_id"].as_str() {
        assert_eq!(meta.first_id.to_string(), first_id, "{place}");
    }
    if let Some(max_deleted_id) = value["max_deleted_id"].as_str() {
        assert_eq!(meta.max_deleted_id.to_string(), max_deleted_id, "{place}");
        assert_eq!(Some(meta.entries_added), value["entries_added"].as_u64(), "{place}");
    }
    let groups = value["groups"].as_array().unwrap();
    assert_eq!(meta.groups.len(), groups.len(), "{place}");
    for (group, row) in meta.groups.iter().zip(groups) {
        assert_eq!(group.name, bytes(&row["name"]), "{place}");
        assert_eq!(group.last_id.to_string(), row["last_delivered_id"].as_str().unwrap());
        let pel = row["pel"].as_array().unwrap();
        assert_eq!(group.pel.len(), pel.len(), "{place}");
        for (pending, row) in group.pel.iter().zip(pel) {
            let consumer = &group.consumers[pending.consumer.unwrap()];
            assert_eq!(pending.id.to_string(), row[0].as_str().unwrap(), "{place}");
            assert_eq!(consumer.name, bytes(&row[1]), "{place}");
            assert_eq!(Some(pending.deliveries), row[3].as_u64(), "{place}");
        }
    }
}

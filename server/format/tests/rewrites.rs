//! Rewrites that no fixture shows: forms of servers that are newer, or of which there is no dump.
//! And damaged values, which are refused.
mod common;

use redtool_format::encodings::{intset, listpack, ziplist};
use redtool_format::rdb::reader::{Reader, Record};
use redtool_format::rdb::stream::{self, Consumer, Group, Pending, StreamMeta};
use redtool_format::rdb::string;
use redtool_format::rdb::target::{Loss, Losses, Target};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{convert_value, Converted, Fate, Value, WriteError};
use redtool_format::rdb::ValueType;

const NOW_MS: i64 = 5_000;

fn convert(value_type: ValueType, payload: &[u8], version: u32) -> (Converted, Vec<u8>) {
    convert_with(value_type, payload, &Templates::new(), version).unwrap()
}

fn convert_with(
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
    version: u32,
) -> Result<(Converted, Vec<u8>), WriteError> {
    let target = Target::from_version(version).unwrap();
    let mut out = Vec::new();
    let value = Value { value_type, payload, templates };
    let converted = convert_value(&value, &target, false, NOW_MS, &mut out)?;
    Ok((converted, out))
}

fn rewritten(value_type: ValueType, losses: &[Loss]) -> Converted {
    let mut all = Losses::NONE;
    losses.iter().for_each(|loss| all.insert(*loss));
    Converted { fate: Fate::Rewritten(value_type), losses: all }
}

fn listpack_of(items: &[&[u8]]) -> Vec<u8> {
    let mut builder = listpack::Builder::new();
    items.iter().for_each(|item| builder.push(item));
    builder.finish().to_vec()
}

fn ziplist_of(items: &[&[u8]]) -> Vec<u8> {
    let mut builder = ziplist::Builder::new(true);
    items.iter().for_each(|item| builder.push(item));
    builder.finish().to_vec()
}

fn blob(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    string::write_raw(&mut out, bytes);
    out
}

/// Type 24: earliest, then (t, field, value).
fn expiring_hash(earliest_ms: i64, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut payload = earliest_ms.to_le_bytes().to_vec();
    payload.push(fields.len() as u8);
    for (ttl, field) in fields {
        payload.push(*ttl);
        payload.extend(blob(field));
        payload.extend(blob(b"v"));
    }
    payload
}

#[test]
fn field_ttls_go_to_valkeys_form_and_back() {
    let redis = expiring_hash(6_000, &[(0, b"a"), (1, b"b"), (11, b"c")]);
    let (converted, valkey) = convert(ValueType::HashMetadata, &redis, 80);
    assert_eq!(converted, rewritten(ValueType::ValkeyHash2, &[]));
    assert!(valkey.ends_with(&6_010i64.to_le_bytes()));
    let (converted, back) = convert(ValueType::ValkeyHash2, &valkey, 12);
    assert_eq!(converted, rewritten(ValueType::HashMetadata, &[]));
    assert_eq!(back, redis);
}

#[test]
fn field_ttls_are_lost_only_where_there_are_any() {
    let (converted, plain) = convert(ValueType::HashMetadata, &expiring_hash(0, &[(0, b"a")]), 11);
    assert_eq!(converted, rewritten(ValueType::Hash, &[]));
    assert_eq!(plain, b"\x01\x01a\x01v");
    let valkey = b"\x01\x01a\x01v\xff\xff\xff\xff\xff\xff\xff\xff";
    let (converted, plain) = convert(ValueType::ValkeyHash2, valkey, 12);
    assert_eq!(converted, rewritten(ValueType::Hash, &[]));
    assert_eq!(plain, b"\x01\x01a\x01v");
}

#[test]
fn fields_that_have_expired_do_not_live_for_ever() {
    let payload = expiring_hash(4_999, &[(1, b"over"), (2, b"now"), (3, b"later"), (0, b"kept")]);
    let (converted, plain) = convert(ValueType::HashMetadata, &payload, 11);
    assert_eq!(converted, rewritten(ValueType::Hash, &[Loss::FieldTtl]));
    assert_eq!(plain, b"\x02\x05later\x01v\x04kept\x01v");
    let (converted, nothing) = convert(ValueType::HashMetadata, &expiring_hash(1, &[(1, b"a")]), 9);
    assert_eq!(converted, Converted { fate: Fate::Expired, losses: Losses::NONE });
    assert!(nothing.is_empty());
}

#[test]
fn a_small_hash_stays_packed_without_its_ttls() {
    let packed = listpack_of(&[b"a", b"1", b"9000", b"b", b"2", b"10", b"c", b"3", b"0"]);
    let payload = [&9_000i64.to_le_bytes()[..], &blob(&packed)].concat();
    let (converted, out) = convert(ValueType::HashListpackEx, &payload, 10);
    assert_eq!(converted, rewritten(ValueType::HashListpack, &[Loss::FieldTtl]));
    assert_eq!(out, blob(&listpack_of(&[b"a", b"1", b"c", b"3"])));
    let (converted, out) = convert(ValueType::HashListpackExRc, &blob(&packed), 9);
    assert_eq!(converted, rewritten(ValueType::HashZiplist, &[Loss::FieldTtl]));
    assert_eq!(out, blob(&ziplist_of(&[b"a", b"1", b"c", b"3"])));
}

#[test]
fn a_packed_set_becomes_an_intset_when_all_members_are_integers() {
    let (converted, out) = convert(ValueType::SetListpack, &blob(&listpack_of(&[b"7", b"-1"])), 10);
    assert_eq!(converted, rewritten(ValueType::SetIntset, &[]));
    let mut expected = Vec::new();
    intset::write(&mut expected, &[-1, 7]);
    assert_eq!(out, blob(&expected));
    let (converted, out) = convert(ValueType::SetListpack, &blob(&listpack_of(&[b"7", b"x"])), 10);
    assert_eq!(converted, rewritten(ValueType::Set, &[]));
    assert_eq!(out, b"\x02\xc0\x07\x01x");
}

#[test]
fn lists_go_node_by_node_or_element_by_element() {
    let plain = [&b"\x01"[..], &blob(b"p")].concat();
    let packed = [&b"\x02"[..], &blob(&listpack_of(&[b"a", b"1"]))].concat();
    let payload = [&b"\x02"[..], &plain, &packed].concat();
    let (converted, out) = convert(ValueType::ListQuicklist2, &payload, 9);
    assert_eq!(converted, rewritten(ValueType::ListQuicklist, &[]));
    let nodes = [blob(&ziplist_of(&[b"p"])), blob(&ziplist_of(&[b"a", b"1"]))].concat();
    assert_eq!(out, [&b"\x02"[..], &nodes].concat());
    for (value_type, payload) in
        [(ValueType::ListQuicklist2, &payload), (ValueType::ListQuicklist, &out)]
    {
        let (converted, out) = convert(value_type, payload, 6);
        assert_eq!(converted, rewritten(ValueType::List, &[]));
        assert_eq!(out, b"\x03\x01p\x01a\xc0\x01");
    }
    let (converted, out) = convert(ValueType::ListQuicklist2, &[&b"\x01"[..], &packed].concat(), 6);
    assert_eq!(converted, rewritten(ValueType::ListZiplist, &[]));
    assert_eq!(out, blob(&ziplist_of(&[b"a", b"1"])));
}

#[test]
fn hashes_of_a_template_become_plain_ones() {
    let templates = Templates::from([(5, vec![b"f".to_vec(), b"g".to_vec()])]);
    let payload = b"\x05\x01x\x01y";
    let (converted, out) = convert_with(ValueType::HashTemplate, payload, &templates, 12).unwrap();
    assert_eq!(converted, rewritten(ValueType::Hash, &[]));
    assert_eq!(out, b"\x02\x01f\x01x\x01g\x01y");
}

/// A stream without messages that has everything a newer form can hold.
fn rich_meta() -> StreamMeta {
    let id = |ms| redtool_format::encodings::stream::StreamId { ms, seq: 0 };
    let pending =
        |ms, consumer| Pending { id: id(ms), delivered_at_ms: 1, deliveries: 1, consumer };
    let consumer = Consumer {
        name: b"c".to_vec(),
        seen_at_ms: 3,
        active_at_ms: Some(2),
        pending: vec![id(1)],
    };
    let group = Group {
        name: b"g".to_vec(),
        last_id: id(2),
        entries_read: Some(2),
        pel: vec![pending(1, Some(0)), pending(2, None)],
        consumers: vec![consumer],
        nack: vec![id(2)],
    };
    StreamMeta {
        last_id: id(2),
        max_deleted_id: id(2),
        entries_added: 2,
        groups: vec![group],
        idmp: Some(vec![0x40, 0x64, 0x40, 0x64, 1, 1, b'p', 0, 1, 0]),
        ..StreamMeta::default()
    }
}

fn stream_payload(meta: &StreamMeta, value_type: ValueType) -> Vec<u8> {
    let mut payload = vec![0];
    stream::write(&mut payload, meta, value_type);
    payload
}

#[test]
fn streams_lose_step_by_step_what_the_older_forms_lack() {
    let newest = stream_payload(&rich_meta(), ValueType::Stream5);
    let steps: [(u32, ValueType, &[Loss]); 4] = [
        (12, ValueType::Stream3, &[Loss::Idmp, Loss::Nack]),
        (80, ValueType::Stream3, &[Loss::Idmp, Loss::Nack]),
        (10, ValueType::Stream2, &[Loss::Idmp, Loss::Nack, Loss::ConsumerActive]),
        (
            9,
            ValueType::Stream,
            &[Loss::Idmp, Loss::Nack, Loss::ConsumerActive, Loss::StreamCounters],
        ),
    ];
    for (version, value_type, losses) in steps {
        let (converted, out) = convert(ValueType::Stream5, &newest, version);
        assert_eq!(converted, rewritten(value_type, losses), "{version}");
        assert_eq!(out, stream_payload(&rich_meta(), value_type));
    }
    let (converted, out) = convert(ValueType::Stream5, &newest, 8);
    assert!(converted.is_lost() && out.is_empty());
}

#[test]
fn a_stream_that_uses_nothing_new_loses_nothing() {
    let meta = StreamMeta::default();
    for version in [9, 10, 12] {
        let (converted, _) =
            convert(ValueType::Stream5, &stream_payload(&meta, ValueType::Stream5), version);
        assert!(converted.losses.is_empty(), "{version}: {converted:?}");
    }
}

#[test]
fn damaged_values_are_refused_or_written_and_never_more() {
    for row in common::damaged() {
        let file = common::bytes(&row["bytes"]);
        for version in [6, 7, 9, 10, 11, 12, 80] {
            rewrite_all(&file, version);
        }
    }
}

/// Rewrites what can be read of a file.
fn rewrite_all(file: &[u8], version: u32) {
    let Ok(mut reader) = Reader::new(file) else { return };
    while let Ok(Some(record)) = reader.next_record() {
        if let Record::Key(key) = record {
            let converted = convert_with(key.value_type, key.payload, reader.templates(), version);
            assert!(!matches!(converted, Err(WriteError::Io(_))));
        }
    }
}

//! Promises about values of every kind and size.
use crate::dataset::{load, load_with, meaning, read_key, Key, Meaning};
use crate::homes::Home;
use crate::records::Numbers;
use crate::value::{hash, stream, zset, Payload, Value};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::stream::StreamId;
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::reader::{Reader as Rdb, Record};
use redtool_format::rdb::stream::Pending;
use redtool_format::rdb::{counters, ValueType};
use redtool_store::layout::{LIST_ORIGIN, PIECE_BYTES};
use redtool_store::object::record_key;
use redtool_store::segment::{element_hash, hash_key, list_key, piece_key, stream_key, zset_key};
use redtool_store::spill::SpillBytes;
use redtool_store::{read, Body, Object, Reader, Store, Table};
use std::path::Path;

/// Payloads of two forms for each value: one by one, and packed.
fn keys_of(values: &[(&str, Value)]) -> Vec<Key> {
    let both = |(name, value): &(&str, Value)| {
        [("plain", value.plain()), ("packed", value.packed())]
            .map(|(form, payload)| Key::new(format!("{form}:{name}"), payload))
    };
    values.iter().flat_map(both).collect()
}

fn expected(values: &[(&str, Value)]) -> Meaning {
    let each = |(name, value): &(&str, Value)| {
        ["plain", "packed"]
            .map(|form| ((0, format!("{form}:{name}").into_bytes()), (None, value.clone())))
    };
    values.iter().flat_map(each).collect()
}

fn are_read_back<H: Home>(values: &[(&str, Value)]) {
    let home = H::new();
    let store = home.create();
    load(&*store, &keys_of(values));
    let (found, expected) = (meaning(&*store), expected(values));
    assert!(found.keys().eq(expected.keys()));
    for (key, value) in &expected {
        // Not assert_eq: a difference in a large value is too long to print.
        assert!(found[key] == *value, "{:?}", String::from_utf8_lossy(&key.1));
    }
}

/// Values of each kind with about `n` elements.
fn collections(n: u64) -> Vec<(&'static str, Value)> {
    let text = |i: u64| format!("element:{i}").into_bytes();
    let expiry = |i: u64| (!i.is_multiple_of(3)).then_some(1_900_000_000_000 + i as i64);
    let score = |i: u64| if i.is_multiple_of(2) { i as f64 / 7.0 } else { -(i as f64) };
    vec![
        ("list", Value::List((0..n).map(text).collect())),
        ("set", Value::Set((0..n).map(text).collect())),
        ("intset", Value::Set((0..n).map(|i| (i * 77).to_string().into_bytes()).collect())),
        ("hash", hash((0..n).map(|i| (text(i), text(i * i))))),
        (
            "expiring hash",
            Value::Hash((0..n).map(|i| (text(i), (text(i + 1), expiry(i)))).collect()),
        ),
        ("zset", zset((0..n).map(|i| (text(i), score(i))))),
        ("stream", stream(n)),
    ]
}

fn is_segmented(store: &dyn Store, name: &str) -> bool {
    let reader = store.reader().unwrap();
    let record = reader.get(Table::Objects, &record_key(0, name.as_bytes())).unwrap();
    matches!(Object::parse(&record.unwrap()).unwrap().body, Body::Segmented { .. })
}

pub fn of_every_kind_are_read_back_inline_and_segmented<H: Home>() {
    let opaque = Value::Opaque(ValueType::Module2, module());
    let mut small = collections(5);
    small.extend([("string", Value::String(b"text".to_vec())), ("module", opaque)]);
    are_read_back::<H>(&small);
    let large = collections(3000);
    are_read_back::<H>(&large);
    let (home, other) = (H::new(), H::new());
    let (inline, segmented) = (home.create(), other.create());
    load(&*inline, &keys_of(&small));
    load(&*segmented, &keys_of(&large));
    for (name, _) in large {
        for form in ["plain", "packed"] {
            assert!(!is_segmented(&*inline, &format!("{form}:{name}")), "{name}");
            assert!(is_segmented(&*segmented, &format!("{form}:{name}")), "{name}");
        }
    }
}

/// A module value: its id, an unsigned number, a string, the end.
fn module() -> Vec<u8> {
    let mut bytes = vec![0x81];
    bytes.extend_from_slice(&0x1122_3344_5566_7788_u64.to_be_bytes());
    bytes.extend_from_slice(&[2, 7, 5, 3, b'a', 0, b'b', 0]);
    bytes
}

/// A module value of 16 bytes more than this string: its id, the string, the end.
fn module_of(text: &[u8]) -> Vec<u8> {
    let mut bytes = module()[..9].to_vec();
    bytes.extend_from_slice(&[5, 0x80]);
    bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
    bytes.extend_from_slice(text);
    bytes.push(0);
    bytes
}

pub fn with_empty_and_binary_elements_are_read_back<H: Home>() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let odd = || [vec![], vec![0], vec![0, 0], vec![0xff; 3], b"-0".to_vec(), every_byte.clone()];
    let numbered = |i: usize| [&b"\xff\0"[..], &i.to_be_bytes()].concat();
    let many = |n| odd().into_iter().chain((0..n).map(numbered));
    for n in [0, 3000] {
        are_read_back::<H>(&[
            ("string", Value::String(vec![])),
            ("binary", Value::String(every_byte.clone())),
            ("list", Value::List(many(n).collect())),
            ("set", Value::Set(many(n).collect())),
            ("hash", hash(many(n).zip(many(n).cycle().skip(1)))),
            ("zset", zset(many(n).map(|member| (member, f64::MIN_POSITIVE)))),
            ("only the empty one", Value::Set([vec![]].into())),
        ]);
    }
}

pub fn of_several_megabytes_are_read_back<H: Home>() {
    let mut numbers = Numbers(11);
    let big: Vec<u8> = (0..5_000_000).map(|_| numbers.below(256) as u8).collect();
    let even = vec![b'e'; 4_000_000];
    let part = |n: usize| big[n * 1_000_000..][..1_000_000].to_vec();
    let mixed = |i: usize| if i % 7 == 3 { big[i..i + 100_000].to_vec() } else { vec![b'm'; i] };
    are_read_back::<H>(&[
        ("string", Value::String(big.clone())),
        ("even string", Value::String(even.clone())),
        ("list", Value::List(vec![b"a".to_vec(), big.clone(), vec![], even.clone()])),
        ("mixed list", Value::List((0..60).map(mixed).collect())),
        ("set", Value::Set((0..4).map(part).chain([b"a".to_vec()]).collect())),
        ("hash", hash([(part(0), even), (b"f".to_vec(), part(1)), (part(2), vec![])])),
        ("zset", zset((0..5).map(|i| (part(i), 1.0)))),
    ]);
}

/// Strings and opaque values around the lengths where another piece begins.
pub fn in_pieces_of_every_length_are_read_back<H: Home>() {
    let mut numbers = Numbers(5);
    let bytes: Vec<u8> = (0..4 * PIECE_BYTES).map(|_| numbers.below(256) as u8).collect();
    let cut = [1, 2, 3].map(|n| n * PIECE_BYTES);
    let lengths = cut.iter().flat_map(|cut| [cut - 1, *cut, cut + 1]);
    let names: Vec<_> = lengths.map(|len| (format!("{len}"), len)).collect();
    for even in [false, true] {
        let part = |len: usize| if even { vec![b'e'; len] } else { bytes[..len].to_vec() };
        let opaque = |len| Value::Opaque(ValueType::Module2, module_of(&part(len - 16)));
        let strings: Vec<_> =
            names.iter().map(|(name, len)| (name.as_str(), Value::String(part(*len)))).collect();
        let opaques: Vec<_> =
            names.iter().map(|(name, len)| (name.as_str(), opaque(*len))).collect();
        are_read_back::<H>(&strings);
        are_read_back::<H>(&opaques);
        let home = H::new();
        let store = home.create();
        load(&*store, &keys_of(&strings));
        for (name, len) in &names {
            for form in ["plain", "packed"] {
                let found = is_segmented(&*store, &format!("{form}:{name}"));
                assert_eq!(found, *len > PIECE_BYTES, "{form} {len}");
            }
        }
    }
}

/// Streams whose metadata is longer than a piece: many pending entries, few messages or many.
pub fn with_many_pending_entries_are_read_back<H: Home>() {
    let pending = |n: u64, pending: u64| {
        let Value::Stream(messages, mut meta) = stream(n) else { panic!("no stream") };
        let ids = (0..pending).map(|i| StreamId { ms: 1_700_000_000_000 + i, seq: 5 });
        let group = &mut meta.groups[0];
        group.consumers[0].pending = ids.clone().collect();
        group.pel = ids
            .map(|id| Pending { id, delivered_at_ms: 1, deliveries: 3, consumer: Some(0) })
            .collect();
        Value::Stream(messages, meta)
    };
    are_read_back::<H>(&[
        ("few messages", pending(2, 5000)),
        ("as many messages", pending(5000, 5000)),
        ("many pieces", pending(100, 30_000)),
        ("some", pending(3000, 100)),
    ]);
}

/// A piece that is not there, and one that is too long, are errors and not another string.
pub fn in_pieces_are_refused_when_a_piece_is_not_whole<H: Home>() {
    for damage in [None, Some(&b"short"[..])] {
        let home = H::new();
        let store = home.create();
        let text = vec![b't'; 3 * PIECE_BYTES];
        load(&*store, &[Key::new("text", Value::String(text).plain())]);
        let reader = store.reader().unwrap();
        let record = reader.get(Table::Objects, &record_key(0, b"text")).unwrap().unwrap();
        let Body::Segmented { id, .. } = Object::parse(&record).unwrap().body else {
            panic!("inline")
        };
        let key = piece_key(id, PIECE_BYTES as u64);
        let mut writer = store.writer().unwrap();
        match damage {
            None => assert!(writer.delete(Table::Segments, &key).unwrap()),
            Some(bytes) => writer.put(Table::Segments, &key, bytes).unwrap(),
        }
        writer.commit().unwrap();
        let reader = store.reader().unwrap();
        let record = reader.get(Table::Objects, &record_key(0, b"text")).unwrap().unwrap();
        let object = Object::parse(&record).unwrap();
        let mut buf = SpillBytes::new();
        let refused = read::payload(&*reader, &object, &mut buf, false).unwrap_err();
        assert!(refused.to_string().contains("at offset 65520"), "{refused}");
    }
}

pub fn of_100_000_elements_are_read_back<H: Home>() {
    are_read_back::<H>(&collections(100_000));
}

/// The dumps among the fixtures: what they mean in the store is what they mean in the file.
pub fn of_real_servers_are_read_back<H: Home>() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let servers = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let mut dumps = 0;
    for server in servers.filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(server).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|ending| ending == "rdb") {
                is_read_back::<H>(&file);
                dumps += 1;
            }
        }
    }
    assert!(dumps > 100, "{dumps} dumps only");
}

fn is_read_back<H: Home>(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let mut rdb = Rdb::new(&bytes).unwrap();
    let (mut keys, mut expected) = (Vec::new(), Meaning::new());
    while let Some(record) = rdb.next_record().unwrap() {
        let Record::Key(found) = record else { continue };
        let (db, name) = (found.db, found.key.to_vec().unwrap());
        let mut value = Value::of(found.value_type, found.payload, rdb.templates());
        if let (ValueType::Stream, Value::Stream(messages, meta)) = (found.value_type, &mut value) {
            // The first form of a stream lacks counters, which the store completes.
            let first = messages.first().map(|(id, _)| *id);
            counters::complete(meta, messages.len() as u64, first);
        }
        expected.insert((db, name.clone()), (found.expire_at_ms, value));
        let payload = (found.value_type, found.payload.to_vec());
        keys.push(Key { db, name, expire_at_ms: found.expire_at_ms, payload });
    }
    let home = H::new();
    let store = home.create();
    load_with(&*store, &keys, rdb.templates());
    assert!(meaning(&*store) == expected, "{}", file.display());
}

/// The segment where the layout's rule finds an element: the last one whose key is not greater.
fn segment<'r>(reader: &'r dyn Reader, place: &[u8]) -> std::borrow::Cow<'r, [u8]> {
    let found = reader.seek_back(Table::Segments, place).unwrap().next().unwrap();
    let (key, segment) = found.expect("no segment");
    assert_eq!(key[..9], place[..9], "a segment of another value");
    segment
}

fn holds(segment: &[u8], element: &[u8], step: usize) -> bool {
    let items = Listpack::parse(segment).unwrap().iter().map(Result::unwrap);
    let mut names = items.step_by(step);
    names.any(|item| item.bytes(&mut IntBuf::new()) == element)
}

pub fn have_each_element_where_the_layout_says<H: Home>() {
    let home = H::new();
    let store = home.create();
    let values = collections(3000);
    load(&*store, &keys_of(&values));
    let reader = store.reader().unwrap();
    for (name, value) in values {
        let record_key = record_key(0, format!("plain:{name}").as_bytes());
        let record = reader.get(Table::Objects, &record_key).unwrap().unwrap();
        let object = Object::parse(&record).unwrap();
        let Body::Segmented { id, .. } = object.body else { panic!("{name} is inline") };
        check_places(&*reader, id, &value);
    }
}

fn check_places(reader: &dyn Reader, id: u64, value: &Value) {
    let by_hash = |name: &[u8], step: usize| {
        assert!(holds(&segment(reader, &hash_key(id, element_hash(name))), name, step));
    };
    match value {
        Value::Set(members) => members.iter().for_each(|member| by_hash(member, 1)),
        Value::Hash(fields) => {
            let step = if fields.values().any(|(_, at_ms)| at_ms.is_some()) { 3 } else { 2 };
            fields.keys().for_each(|field| by_hash(field, step));
        }
        Value::Zset(members) => {
            for (member, bits) in members {
                by_hash(member, 2);
                let place = zset_key(id, f64::from_bits(*bits), member);
                assert!(holds(&segment(reader, &place), member, 2));
            }
        }
        Value::List(items) => {
            for (position, item) in (LIST_ORIGIN..).zip(items) {
                assert!(holds(&segment(reader, &list_key(id, position))[1..], item, 1));
            }
        }
        Value::Stream(messages, _) => {
            for (message, fields) in messages {
                let node = segment(reader, &stream_key(id, *message));
                assert!(holds(&node, &fields[0].1, 1), "{message}");
            }
        }
        other => panic!("{other:?} has no segments"),
    }
}

/// Members that only differ far behind a common prefix make separators that no key can hold.
pub fn of_equal_scores_and_long_common_prefixes_keep_their_order<H: Home>() {
    let member = |i: u32| [&[b'p'; 600][..], &i.to_be_bytes()].concat();
    let short = |i: u32| format!("m{i:07}").into_bytes();
    let values = [
        ("long", zset((0..2000).map(|i| (member(i), 1.5)))),
        ("short", zset((0..20_000).map(|i| (short(i), 1.5)))),
        ("steps", zset((0..20_000).map(|i| (short(i), f64::from(i / 1000))))),
        ("zeros", zset((0..1000).map(|i| (short(i), 0.0)))),
        (
            "infinite",
            zset((0..9000).map(|i| {
                let scores = [f64::NEG_INFINITY, -1.0, 0.0, 5e-324, f64::INFINITY];
                (short(i), scores[i as usize % 5])
            })),
        ),
    ];
    are_read_back::<H>(&values);
    let home = H::new();
    let store = home.create();
    load(&*store, &keys_of(&values));
    let reader = store.reader().unwrap();
    for (name, value) in &values {
        let record_key = record_key(0, format!("plain:{name}").as_bytes());
        let record = reader.get(Table::Objects, &record_key).unwrap().unwrap();
        let (key, _) = read_key(&*reader, &record_key, &record);
        assert_eq!(descending(&key.payload), sorted(value), "{name}");
    }
}

/// The members of a stored sorted set, turned about: the store gives the highest first.
fn descending((value_type, payload): &Payload) -> Vec<Vec<u8>> {
    assert_eq!(*value_type, ValueType::Zset2, "segmented");
    let mut cursor = redtool_format::Cursor::new(payload);
    let count = redtool_format::rdb::length::read_plain(&mut cursor).unwrap();
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(redtool_format::rdb::string::read(&mut cursor).unwrap().to_vec().unwrap());
        cursor.f64_le().unwrap();
    }
    members.reverse();
    members
}

fn sorted(value: &Value) -> Vec<Vec<u8>> {
    let Value::Zset(members) = value else { panic!("not a sorted set") };
    let mut members: Vec<_> =
        members.iter().map(|(member, bits)| (f64::from_bits(*bits), member.clone())).collect();
    members.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    members.into_iter().map(|(_, member)| member).collect()
}

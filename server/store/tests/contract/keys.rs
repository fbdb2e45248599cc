//! Promises about keys, databases, the expiry index, the counters.
use crate::dataset::{load, meaning, read_key, records, table, Key};
use crate::homes::Home;
use crate::value::{Payload, Value};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::Kind;
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::object::{record_key, write_expire_key};
use redtool_store::segment::key_hash;
use redtool_store::{Object, Reader, Store, Table};
use std::collections::{BTreeMap, BTreeSet};

const DBS: [u32; 7] = [0, 1, 9, 15, 256, 65_536, u32::MAX];

fn text(text: impl AsRef<[u8]>) -> Payload {
    Value::String(text.as_ref().to_vec()).plain()
}

/// Names that a careless order would mix up, the empty one among them.
fn names() -> BTreeSet<Vec<u8>> {
    let mut names: BTreeSet<Vec<u8>> =
        [&b""[..], b"\0", b"\0\0", b"\0\0\0\x01", b"a", b"a\0", b"a:1", b"a:10", b"a:2", b"\xff"]
            .map(<[u8]>::to_vec)
            .into();
    names.extend((0..=255).map(|byte| vec![byte, b'x']));
    names
}

pub fn are_seen_once_each_in_order_database_by_database<H: Home>() {
    let home = H::new();
    let store = home.create();
    let all: Vec<(u32, Vec<u8>)> =
        DBS.iter().flat_map(|db| names().into_iter().map(|name| (*db, name))).collect();
    let value = |(db, name): &(u32, Vec<u8>)| [&db.to_le_bytes()[..], name].concat();
    let key =
        |place: &(u32, Vec<u8>)| Key { db: place.0, ..Key::new(&place.1, text(value(place))) };
    load(&*store, &all.iter().rev().map(key).collect::<Vec<_>>());
    let reader = store.reader().unwrap();
    let mut walk = reader.seek(Table::Objects, b"").unwrap();
    for place in &all {
        let (record_key, record) = walk.next().unwrap().unwrap();
        let (key, found) = read_key(&*reader, &record_key, &record);
        assert_eq!((key.db, &key.name), (place.0, &place.1));
        assert_eq!(found, Value::String(value(place)));
    }
    assert!(walk.next().unwrap().is_none());
    for db in DBS {
        let from = record_key(db, b"");
        let mut walk = reader.seek(Table::Objects, &from).unwrap();
        let (first, _) = walk.next().unwrap().unwrap();
        assert_eq!(*first, from, "the empty key is the first of its database");
    }
}

/// Names of more bytes than a store's key may have, many of them alike as far as a record key goes.
fn long_names() -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::new();
    for len in [490, 491, 492, 505, 506, 507, 508, 511, 512, 600, 70_000] {
        names.insert(vec![b'k'; len]);
        for last in 0..20 {
            names.insert([&vec![b'k'; len][..], &[last]].concat());
        }
    }
    names
}

pub fn that_are_long_are_found_whole<H: Home>() {
    let home = H::new();
    let store = home.create();
    let all: Vec<(u32, Vec<u8>)> =
        [0, 3].iter().flat_map(|db| long_names().into_iter().map(|name| (*db, name))).collect();
    let value = |db: u32, name: &[u8]| Value::String(format!("{db} {}", key_hash(name)).into());
    let key =
        |(db, name): &(u32, Vec<u8>)| Key { db: *db, ..Key::new(name, value(*db, name).plain()) };
    load(&*store, &all.iter().map(key).collect::<Vec<_>>());
    let reader = store.reader().unwrap();
    for (db, name) in &all {
        let record_key = record_key(*db, name);
        let record = reader.get(Table::Objects, &record_key).unwrap().expect("not found");
        let (key, found) = read_key(&*reader, &record_key, &record);
        assert_eq!((key.db, &key.name, found), (*db, name, value(*db, name)));
        let long = Object::parse(&record).unwrap().long_key.is_some();
        assert_eq!(long, name.len() >= 507, "{} bytes", name.len());
    }
    let absent = [vec![b'k'; 513], vec![b'j'; 600], [&[b'k'; 600][..], b"z"].concat()];
    for name in absent {
        assert!(reader.get(Table::Objects, &record_key(0, &name)).unwrap().is_none());
    }
    assert_eq!(meaning(&*store).len(), all.len(), "a walk gives each");
}

/// Keys that expire at all sorts of times, and some that do not, in many databases.
pub fn expiring() -> Vec<Key> {
    let times = [i64::MIN, -1, 0, 1, 255, 256, 1_700_000_000_000, i64::MAX];
    let mut keys = Vec::new();
    for (i, db) in DBS.iter().cycle().take(500).enumerate() {
        let at_ms = times.get(i).copied().unwrap_or(1_700_000_000_000 + i as i64 * 7 % 90);
        let expire_at_ms = (i % 5 != 4).then_some(at_ms);
        keys.push(Key { db: *db, expire_at_ms, ..Key::new(format!("key:{i}"), text("v")) });
    }
    for (i, name) in long_names().into_iter().enumerate() {
        let expire_at_ms = (i % 3 != 0).then_some(5);
        keys.push(Key { expire_at_ms, ..Key::new(name, text("long")) });
    }
    keys
}

/// The index and the records name the same keys and times, and the index has them by time.
pub fn that_expire_are_in_the_expiry_index_in_order_of_time<H: Home>() {
    let home = H::new();
    let store = home.create();
    load(&*store, &expiring());
    let reader = store.reader().unwrap();
    let mut from_records = BTreeSet::new();
    for (record_key, record) in table(&*reader, Table::Objects) {
        if let Some(at_ms) = Object::parse(&record).unwrap().expire_at_ms {
            let mut index = Vec::new();
            write_expire_key(&mut index, at_ms, &record_key);
            assert!(from_records.insert(index), "two keys with one place in the index");
        }
    }
    let index = table(&*reader, Table::Expires);
    assert_eq!(from_records.len(), expiring().iter().filter(|k| k.expire_at_ms.is_some()).count());
    assert!(index.iter().map(|(key, _)| key).eq(&from_records));
    assert!(index.iter().all(|(_, value)| value.is_empty()));
    let mut last_ms = i64::MIN;
    for (key, _) in &index {
        let (time, record_key) = key.split_first_chunk::<8>().unwrap();
        let at_ms = (u64::from_be_bytes(*time) ^ 1 << 63) as i64;
        assert!(at_ms >= last_ms);
        last_ms = at_ms;
        if record_key.len() < 503 {
            let record = reader.get(Table::Objects, record_key).unwrap().expect("no such key");
            assert_eq!(Object::parse(&record).unwrap().expire_at_ms, Some(at_ms));
        }
    }
}

/// The counters, counted anew from the records.
pub fn counted(reader: &dyn Reader) -> Vec<(u32, DbCounts)> {
    let mut dbs = BTreeMap::<u32, DbCounts>::new();
    for (record_key, record) in table(reader, Table::Objects) {
        let object = Object::parse(&record).unwrap();
        let db = u32::from_be_bytes(*record_key.first_chunk().unwrap());
        let counts = dbs.entry(db).or_default();
        counts.keys += 1;
        counts.expires += u64::from(object.expire_at_ms.is_some());
        counts.kinds[object.kind as usize] += 1;
    }
    dbs.into_iter().collect()
}

pub fn are_counted_as_they_are_stored<H: Home>() {
    let home = H::new();
    let store = home.create();
    let mut keys = expiring();
    let member = || b"m".to_vec();
    for (i, db) in DBS.iter().enumerate() {
        for n in 0..i {
            let set = Value::Set([member()].into()).packed();
            let list = Value::List(vec![member(); 5000]).plain();
            keys.push(Key { db: *db, ..Key::new(format!("set:{n}"), set) });
            keys.push(Key { db: *db, ..Key::new(format!("list:{n}"), list) });
        }
    }
    let mut expected = records(&keys, &Templates::default()).1;
    load(&*store, &keys);
    let reader = store.reader().unwrap();
    let meta = Meta::load(&*reader).unwrap();
    assert_eq!(meta.dbs, counted(&*reader));
    assert_eq!(meta.keys(), keys.len() as u64);
    assert_eq!(meta.db(u32::MAX).kinds[Kind::Set as usize], 6);
    assert_eq!(meta.db(7), DbCounts::default());
    expected.dbs.clone_from(&meta.dbs);
    assert_eq!(meta, expected);
    let highest = table(&*reader, Table::Segments).last().map(|(key, _)| key[..8].to_vec());
    assert!(highest.unwrap() < meta.next_id.to_be_bytes().to_vec(), "a segment id to come");
}

pub fn without_any_make_a_dataset_too<H: Home>() {
    let home = H::new();
    let store = home.create();
    load(&*store, &[]);
    let reader: Box<dyn Reader> = Store::reader(&*store).unwrap();
    assert!(meaning(&*store).is_empty());
    assert_eq!(Meta::load(&*reader).unwrap().keys(), 0);
    for one in [Table::Objects, Table::Segments, Table::Expires] {
        assert!(reader.seek(one, b"").unwrap().next().unwrap().is_none());
        assert!(reader.seek_back(one, b"\xff").unwrap().next().unwrap().is_none());
    }
}

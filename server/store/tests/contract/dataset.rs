//! Datasets loaded as an import loads them, and read back by the layout.
use crate::value::{Bytes, Payload, Value};
use redtool_format::rdb::value::Templates;
use redtool_store::build::{Built, Incoming, Recorder, Sink};
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::object::{split_record_key, write_expire_key};
use redtool_store::spill::SpillBytes;
use redtool_store::{read, Bulk, Object, Reader, Result, Store, Table};
use std::collections::BTreeMap;

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub db: u32,
    pub name: Bytes,
    pub expire_at_ms: Option<i64>,
    pub payload: Payload,
}

impl Key {
    /// A key of db 0 that does not expire.
    pub fn new(name: impl AsRef<[u8]>, payload: Payload) -> Self {
        Self { db: 0, name: name.as_ref().to_vec(), expire_at_ms: None, payload }
    }
}

/// Records of the four tables, in order; the same key twice is a mistake.
#[derive(Default)]
pub struct Records([BTreeMap<Bytes, Bytes>; 4]);

impl Sink for Records {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let before = self.0[table as usize].insert(key.to_vec(), value.to_vec());
        assert!(before.is_none(), "{table:?} {key:02x?} is there twice");
        Ok(())
    }
}

/// The records of a dataset, and what it knows about itself.
pub fn records(keys: &[Key], templates: &Templates) -> (Records, Meta) {
    let (mut records, mut recorder) = (Records::default(), Recorder::new(1));
    let mut dbs = BTreeMap::<u32, DbCounts>::new();
    for key in keys {
        let incoming = Incoming {
            db: key.db,
            key: &key.name,
            expire_at_ms: key.expire_at_ms,
            idle_s: None,
            freq: None,
            meta: None,
            value_type: key.payload.0,
            payload: &key.payload.1,
        };
        let built = recorder.build(&incoming, templates, &mut records).unwrap();
        let Built::Key(kind) = built else { panic!("{:?} has no elements", key.name) };
        let counts = dbs.entry(key.db).or_default();
        counts.keys += 1;
        counts.kinds[kind as usize] += 1;
        if let Some(at_ms) = key.expire_at_ms {
            counts.expires += 1;
            let mut index = Vec::new();
            let object = redtool_store::object::record_key(key.db, &key.name);
            write_expire_key(&mut index, at_ms, &object);
            records.record(Table::Expires, &index, b"").unwrap();
        }
    }
    let meta = Meta {
        dbs: dbs.into_iter().collect(),
        next_id: recorder.next_id(),
        rdb_version: Some(b"REDIS 11".to_vec()),
        ..Meta::default()
    };
    (records, meta)
}

/// Appends records, table by table.
pub fn append(bulk: &mut dyn Bulk, records: &Records) -> Result<()> {
    for table in Table::ALL {
        for (key, value) in &records.0[table as usize] {
            bulk.append(table, key, value)?;
        }
    }
    Ok(())
}

/// Loads a dataset into a new store, as an import does, and syncs it.
pub fn load_with(store: &dyn Store, keys: &[Key], templates: &Templates) {
    load_unsynced(store, keys, templates);
    store.sync().unwrap();
}

/// Loads a dataset into a new store, as an import does, up to the sync.
pub fn load_unsynced(store: &dyn Store, keys: &[Key], templates: &Templates) {
    let (records, meta) = records(keys, templates);
    let mut bulk = store.bulk().unwrap();
    append(&mut *bulk, &records).unwrap();
    bulk.finish().unwrap();
    let mut writer = store.writer().unwrap();
    for (key, value) in meta.records() {
        writer.put(Table::Meta, &key, &value).unwrap();
    }
    writer.commit().unwrap();
}

/// [`load_with`] of values that need no templates.
pub fn load(store: &dyn Store, keys: &[Key]) {
    load_with(store, keys, &Templates::default());
}

/// Every record of a table, in the store's order.
pub fn table(reader: &dyn Reader, table: Table) -> Vec<(Bytes, Bytes)> {
    let (mut all, mut cursor) = (Vec::new(), reader.seek(table, b"").unwrap());
    while let Some((key, value)) = cursor.next().unwrap() {
        all.push((key.into_owned(), value.into_owned()));
    }
    all
}

/// Every record of every table.
pub fn everything(store: &dyn Store) -> [Vec<(Bytes, Bytes)>; 4] {
    let reader = store.reader().unwrap();
    Table::ALL.map(|one| table(&*reader, one))
}

/// What an object's record says: the key and what its value means.
pub fn read_key(reader: &dyn Reader, record_key: &[u8], record: &[u8]) -> (Key, Value) {
    let object = Object::parse(record).unwrap();
    let mut buf = SpillBytes::new();
    let (value_type, payload) = read::payload(reader, &object, &mut buf, false).unwrap();
    let value = Value::of(value_type, payload, &Templates::default());
    assert_eq!(object.count, count(&value), "the count in the header");
    let key = Key {
        db: split_record_key(record_key).unwrap().0,
        name: object.key(record_key).unwrap().to_vec(),
        expire_at_ms: object.expire_at_ms,
        payload: (value_type, payload.to_vec()),
    };
    (key, value)
}

fn count(value: &Value) -> u64 {
    let count = match value {
        Value::String(_) | Value::Opaque(..) => 1,
        Value::List(items) => items.len(),
        Value::Set(members) => members.len(),
        Value::Hash(fields) => fields.len(),
        Value::Zset(members) => members.len(),
        Value::Stream(messages, _) => messages.len(),
    };
    count as u64
}

/// Everything that a store holds: what each key means, and when it expires.
pub type Meaning = BTreeMap<(u32, Bytes), (Option<i64>, Value)>;

/// The dataset of a store; a key that comes twice is a mistake.
pub fn meaning(store: &dyn Store) -> Meaning {
    let reader = store.reader().unwrap();
    let mut all = Meaning::new();
    for (record_key, record) in table(&*reader, Table::Objects) {
        let (key, value) = read_key(&*reader, &record_key, &record);
        let before = all.insert((key.db, key.name), (key.expire_at_ms, value));
        assert!(before.is_none(), "{record_key:02x?} is there twice");
    }
    all
}

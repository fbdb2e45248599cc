//! What DynamoDB tables promise, as far as a store without order can: run against the service at
//! `REDTOOL_DYNAMODB_ENDPOINT`, and left out unless asked for (`--ignored`).
//!
//! A table is loaded by its loader and then opened for reading; here both are one store, so that
//! the promises of the other stores can be run over it.
use crate::dataset::{append, load, meaning, records, table as all_of, Key};
use crate::homes::Home;
use crate::keys::{counted, expiring};
use crate::value::{hash, Value};
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials as SdkCredentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_dynamodb::Client;
use redtool_format::rdb::value::Templates;
use redtool_store::dynamodb::{Config, DynamoStore, DynamoTarget, Keys, Loaded, Visit};
use redtool_store::meta::Meta;
use redtool_store::object::record_key;
use redtool_store::{Bulk, Reader, Result, Store, StoreError, Table, Writer};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A table of its own.
pub struct Dynamo {
    config: Config,
}

impl Dynamo {
    /// A name that no other table has.
    fn unmade() -> Config {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let keys = Keys {
            access_key: "contract".into(),
            secret_key: "contract".into(),
            session_token: None,
            expires_at: None,
        };
        let table = format!("contract-{}-{number}", std::process::id());
        let mut config = Config::new(table, Arc::new(keys));
        config.endpoint = Some(endpoint());
        config
    }

    fn target(&self, source: &[u8]) -> Result<DynamoTarget> {
        DynamoTarget::begin(self.config.clone(), source, 0)
    }

    fn open(&self) -> Result<DynamoStore> {
        DynamoStore::open(self.config.clone())
    }
}

impl Home for Dynamo {
    fn new() -> Self {
        let config = Self::unmade();
        make_table(&config.table, ScalarAttributeType::B);
        Self { config }
    }

    fn create(&self) -> Box<dyn Store> {
        Box::new(Loading {
            config: self.config.clone(),
            held: Mutex::default(),
            open: Mutex::default(),
        })
    }

    fn writable(&self) -> Box<dyn Store> {
        self.create()
    }
}

fn endpoint() -> String {
    std::env::var("REDTOOL_DYNAMODB_ENDPOINT").expect("REDTOOL_DYNAMODB_ENDPOINT is not set")
}

/// Makes a table with keys `pk` and `sk` of this type.
fn make_table(name: &str, key_type: ScalarAttributeType) {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SdkCredentials::new("contract", "contract", None, None, "test"))
        .endpoint_url(endpoint())
        .http_client(http)
        .build();
    let client = Client::from_conf(config);
    let define = |name: &str| {
        let define = AttributeDefinition::builder().attribute_name(name);
        define.attribute_type(key_type.clone()).build().unwrap()
    };
    let key = |name: &str, role| {
        KeySchemaElement::builder().attribute_name(name).key_type(role).build().unwrap()
    };
    let request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(define("pk"))
        .attribute_definitions(define("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(request.send()).unwrap();
}

/// Holds what is written until it is synced, then makes the table of it and opens that.
///
/// Loads of the other stores go table by table; a table to be made takes each object before its
/// segments.
struct Loading {
    config: Config,
    held: Mutex<Held>,
    open: Mutex<Option<DynamoStore>>,
}

type Held = [BTreeMap<Vec<u8>, Vec<u8>>; 4];

impl Store for Loading {
    fn scheme(&self) -> &'static str {
        "dynamodb"
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        self.open.lock().unwrap().as_ref().expect("not synced").reader()
    }

    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(Hold(self)))
    }

    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        Ok(Box::new(Hold(self)))
    }

    fn sync(&self) -> Result<()> {
        let held = self.held.lock().unwrap();
        let target = DynamoTarget::begin(self.config.clone(), b"contract", 0)?;
        load_table(&target, &held)?;
        *self.open.lock().unwrap() = Some(DynamoStore::open(self.config.clone())?);
        Ok(())
    }
}

/// Makes a table of records, as a transfer does.
fn load_table(target: &DynamoTarget, held: &Held) -> Result<Loaded> {
    let mut bulk = target.bulk()?;
    give(&mut *bulk, held)?;
    bulk.finish()?;
    let mut writer = target.writer()?;
    for (key, value) in &held[Table::Meta as usize] {
        writer.put(Table::Meta, key, value)?;
    }
    writer.commit()?;
    target.sync()?;
    Ok(target.loaded().expect("synced"))
}

fn give(bulk: &mut dyn Bulk, held: &Held) -> Result<()> {
    let segments = &held[Table::Segments as usize];
    for (key, record) in &held[Table::Objects as usize] {
        bulk.append(Table::Objects, key, record)?;
        let object = redtool_store::Object::parse(record)?;
        if let redtool_store::Body::Segmented { id, .. } = object.body {
            let id = id.to_be_bytes();
            let of_it = segments.range(id.to_vec()..).take_while(|(key, _)| key.starts_with(&id));
            for (key, value) in of_it {
                bulk.append(Table::Segments, key, value)?;
            }
        }
    }
    Ok(())
}

struct Hold<'s>(&'s Loading);

impl Bulk for Hold<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.held.lock().unwrap()[table as usize].insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl Writer for Hold<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.append(table, key, value)
    }

    fn delete(&mut self, _: Table, _: &[u8]) -> Result<bool> {
        Err(StoreError::Backend("nothing is deleted here".into()))
    }

    fn get(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn commit(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The records of these keys.
fn held(keys: &[Key]) -> Held {
    let loading =
        Loading { config: Dynamo::unmade(), held: Mutex::default(), open: Mutex::default() };
    let (records, meta) = records(keys, &Templates::default());
    append(&mut Hold(&loading), &records).unwrap();
    let mut held = loading.held.into_inner().unwrap();
    held[Table::Meta as usize] = meta.records().into_iter().collect();
    held
}

/// Small keys; of each twenty a big value, one in pieces, and one whose key is too long for an
/// item.
fn mixed(n: u64) -> Vec<Key> {
    let text = |i: u64| format!("element:{i}").into_bytes();
    (0..n)
        .map(|i| match i % 20 {
            0 => Key::new(format!("hash:{i}"), hash((0..2000).map(|i| (text(i), text(i)))).plain()),
            1 => Key::new(format!("big:{i}"), Value::String(vec![b'x'; 900_000]).plain()),
            2 => Key::new(long_name(i), Value::String(text(i)).plain()),
            _ => Key::new(format!("string:{i}"), Value::String(text(i)).plain()),
        })
        .collect()
}

fn long_name(i: u64) -> Vec<u8> {
    [&i.to_be_bytes()[..], &vec![b'k'; 900_000]].concat()
}

/// The same with only some of the objects.
fn first_of(held: &Held, keys: usize) -> Held {
    let mut some = held.clone();
    let objects = held[Table::Objects as usize].iter().take(keys);
    some[Table::Objects as usize] = objects.map(|(k, v)| (k.clone(), v.clone())).collect();
    some
}

pub fn an_import_that_stopped_goes_on_where_it_was<H: Home>() {
    let (home, other) = (Dynamo::new(), Dynamo::new());
    let held = held(&mixed(200));
    load_table(&other.target(b"source").unwrap(), &held).unwrap();

    let target = home.target(b"source").unwrap();
    let mut bulk = target.bulk().unwrap();
    give(&mut *bulk, &first_of(&held, 120)).unwrap();
    bulk.finish().unwrap();
    target.note().unwrap();
    drop(target);
    let refused = home.open().err().unwrap().to_string();
    assert!(refused.contains("an import of source stopped after 120 keys"), "{refused}");
    let refused = home.target(b"another").err().unwrap().to_string();
    assert!(refused.contains("this is another one"), "{refused}");

    let target = home.target(b"source").unwrap();
    assert_eq!(target.resumed_keys(), 120);
    let loaded = load_table(&target, &held).unwrap();
    assert_eq!((loaded.keys, loaded.resumed_keys), (200, 120));
    let refused = home.target(b"source").err().unwrap().to_string();
    assert!(refused.contains("holds a dataset already"), "{refused}");
    let (one, two) = (home.open().unwrap(), other.open().unwrap());
    assert!(meaning(&one) == meaning(&two));
}

pub fn another_dataset_is_not_taken_for_the_rest_of_an_import<H: Home>() {
    let home = Dynamo::new();
    let target = home.target(b"source").unwrap();
    let mut bulk = target.bulk().unwrap();
    give(&mut *bulk, &held(&mixed(20))).unwrap();
    bulk.finish().unwrap();
    target.note().unwrap();
    for keys in [5, 21] {
        let mut other = mixed(keys);
        other[3].payload = Value::String(b"changed".to_vec()).plain();
        let refused = load_table(&home.target(b"source").unwrap(), &held(&other));
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("not the first ones of this"), "{refused}");
    }
}

pub fn a_scan_gives_each_value_once_and_in_one_piece<H: Home>() {
    let home = Dynamo::new();
    let held = held(&mixed(200));
    load_table(&home.target(b"source").unwrap(), &held).unwrap();
    let store = home.open().unwrap();
    for parts in [1, 4] {
        let mut seen = Seen::default();
        store.scan_all(parts, &mut seen).unwrap();
        let keys: Vec<_> = seen.0.keys().cloned().collect();
        let expected: Vec<_> = held[Table::Objects as usize].keys().cloned().collect();
        assert!(keys == expected);
        let segments: usize = seen.0.values().map(|(_, segments)| segments.len()).sum();
        assert_eq!(segments, held[Table::Segments as usize].len());
        let reader = store.reader().unwrap();
        for (key, (record, segments)) in &seen.0 {
            assert!(*reader.get(Table::Objects, key).unwrap().unwrap() == **record);
            let Some((first, _)) = segments.first() else { continue };
            let mut walk = reader.seek(Table::Segments, &first[..8]).unwrap();
            for (key, value) in segments {
                let (found, bytes) = walk.next().unwrap().unwrap();
                assert!(*found == **key && *bytes == **value);
            }
            assert!(walk.next().unwrap().is_none());
        }
    }
}

type Segments = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Default)]
struct Seen(BTreeMap<Vec<u8>, (Vec<u8>, Segments)>, Vec<u8>);

impl Visit for Seen {
    type Error = StoreError;

    fn object(&mut self, record_key: &[u8], record: &[u8]) -> Result<()> {
        let value = (record.to_vec(), Vec::new());
        assert!(self.0.insert(record_key.to_vec(), value).is_none(), "twice");
        self.1 = record_key.to_vec();
        Ok(())
    }

    fn segment(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let at = self.0.get_mut(&self.1).expect("a segment before its object");
        at.1.push((key.to_vec(), value.to_vec()));
        Ok(())
    }
}

pub fn expiring_ones_and_dbs_are_counted_as_they_are_stored<H: Home>() {
    let home = Dynamo::new();
    let store = home.create();
    let all = expiring();
    load(&*store, &all);
    let reader = store.reader().unwrap();
    let meta = Meta::load(&*reader).unwrap();
    assert_eq!(meta.dbs, counted(&*reader));
    assert_eq!(meta.keys(), all.len() as u64);
}

pub fn a_walk_goes_on_after_any_key<H: Home>() {
    let home = Dynamo::new();
    let store = home.create();
    let keys: Vec<Key> = (0..300)
        .map(|i| Key::new(format!("key:{i}"), Value::String(b"v".to_vec()).plain()))
        .collect();
    load(&*store, &keys);
    let reader = store.reader().unwrap();
    let all = all_of(&*reader, Table::Objects);
    assert_eq!(all.len(), 300);
    assert!(!reader.is_ordered());
    let mut found = Vec::new();
    let mut place = Vec::new();
    loop {
        let mut walk = reader.seek(Table::Objects, &place).unwrap();
        let some: Vec<_> = std::iter::from_fn(|| walk.next().unwrap()).take(7).collect();
        let Some((last, _)) = some.last() else { break };
        place = reader.place_after(last);
        found.extend(some.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())));
    }
    assert_eq!(found, all);
}

pub fn records_expected_together_are_read_together<H: Home>() {
    let home = Dynamo::new();
    let store = home.create();
    load(&*store, &mixed(10));
    let reader = store.reader().unwrap();
    let long = long_name(2);
    let names: [&[u8]; 5] = [&long, b"string:3", b"none", b"string:3", b"hash:0"];
    let keys = names.map(|name| record_key(0, name));
    let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    reader.expect(Table::Objects, &asked);
    let found = asked.iter().map(|key| reader.get(Table::Objects, key).unwrap());
    let lens: Vec<_> = found.map(|record| record.map(|record| record.len())).collect();
    assert!(lens[0].unwrap() > 900_000 && lens[1].is_some() && lens[2].is_none());
    assert!(lens[3] == lens[1] && lens[4].is_some());
}

pub fn what_is_no_table_of_redtools_is_refused<H: Home>() {
    let home = Dynamo::new();
    let refused = |config: Config| DynamoStore::open(config).err().unwrap().to_string();
    assert!(refused(home.config.clone()).contains("not a redtool store"));
    let table = "contract-no-such-table".to_owned();
    let absent = refused(Config { table, ..home.config.clone() });
    assert!(absent.contains("no table") && absent.contains("--create"), "{absent}");
    let text = format!("{}-text", home.config.table);
    make_table(&text, ScalarAttributeType::S);
    let other_keys = refused(Config { table: text, ..home.config.clone() });
    assert!(other_keys.contains("not a redtool table"), "{other_keys}");
    let endpoint = Some("http://127.0.0.1:9".to_owned());
    let nobody = refused(Config { endpoint, ..home.config.clone() });
    assert!(nobody.contains("http://127.0.0.1:9 cannot be reached"), "{nobody}");
    let nowhere = refused(Config { endpoint: None, ..home.config.clone() });
    assert!(nowhere.contains("no region"), "{nowhere}");
}

pub fn credentials_are_asked_for_and_their_words_are_told<H: Home>() {
    struct Locked;
    impl redtool_store::dynamodb::Credentials for Locked {
        fn credentials(&self) -> std::result::Result<Keys, String> {
            Err("the profile is locked".into())
        }
    }
    let config = Config { credentials: Arc::new(Locked), ..Dynamo::new().config };
    let refused = DynamoStore::open(config).err().unwrap().to_string();
    assert!(refused.contains("the profile is locked"), "{refused}");
}

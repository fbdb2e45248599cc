//! A dataset in memory made of strings and collections, with databases, expiries and functions.
//! Replies are shown as in RESP, without line breaks: `:1`, `+OK`, `"text"`, `nil`, `[:1 :2]`.
use redtool_engine::{Clock, Dataset, Engine, Options, Session};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::{length, string, ValueType};
use redtool_format::resp::{parse_reply, Value, Writer};
use redtool_store::build::{Incoming, Recorder, Sink};
use redtool_store::memory::MemoryStore;
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::{Body, Encoding, Object, Result, Store, Table};
use std::sync::Arc;

/// The moment at which commands run, Unix ms.
pub const NOW_MS: i64 = 1_700_000_000_000;

/// Keys on their way into a store.
#[derive(Default)]
pub struct Builder {
    records: Vec<(Table, Vec<u8>, Vec<u8>)>,
    meta: Meta,
    next_id: u64,
}

struct Records<'a>(&'a mut Vec<(Table, Vec<u8>, Vec<u8>)>);

impl Sink for Records<'_> {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.push((table, key.to_vec(), value.to_vec()));
        Ok(())
    }
}

impl Builder {
    /// Adds a key.
    pub fn key(
        mut self,
        db: u32,
        key: &[u8],
        expire_at_ms: Option<i64>,
        value_type: ValueType,
        payload: &[u8],
    ) -> Self {
        self.next_id += 1;
        let entry = Incoming {
            db,
            key,
            expire_at_ms,
            idle_s: None,
            freq: None,
            meta: None,
            value_type,
            payload,
        };
        let mut recorder = Recorder::new(self.next_id);
        recorder.build(&entry, &Templates::default(), &mut Records(&mut self.records)).unwrap();
        match self.meta.dbs.iter_mut().find(|(number, _)| *number == db) {
            Some((_, counts)) => counts.keys += 1,
            None => self.meta.dbs.push((db, DbCounts { keys: 1, ..DbCounts::default() })),
        }
        self
    }

    /// Adds a string to database 0.
    pub fn string(self, key: &str, value: &[u8]) -> Self {
        self.key(0, key.as_bytes(), None, ValueType::String, &blob(value))
    }

    /// Adds a string to database 0 that lies in its record whatever its length, as stores made
    /// before strings were cut hold it.
    pub fn whole_string(mut self, key: &str, value: &[u8]) -> Self {
        self = self.string(key, b"");
        if let Some((_, _, record)) = self.records.last_mut() {
            let mut object = Object::parse(record).unwrap();
            let payload = blob(value);
            object.body = Body::Inline(&payload);
            object.encoding = Encoding::Raw;
            let mut changed = Vec::new();
            object.write(&mut changed);
            *record = changed;
        }
        self
    }

    /// Adds a list to database 0.
    pub fn list(self, key: &str, items: &[&str]) -> Self {
        self.key(0, key.as_bytes(), None, ValueType::List, &strings(items))
    }

    /// Adds a hash to database 0.
    pub fn hash(self, key: &str, pairs: &[&str]) -> Self {
        let mut payload = Vec::new();
        length::write(&mut payload, pairs.len() as u64 / 2);
        pairs.iter().for_each(|text| string::write(&mut payload, text.as_bytes(), false));
        self.key(0, key.as_bytes(), None, ValueType::Hash, &payload)
    }

    /// Adds a function library.
    pub fn library(mut self, name: &str, source: &str) -> Self {
        self.meta.functions.push((name.into(), source.into()));
        self
    }

    /// Changes every record before it is stored.
    pub fn alter(mut self, mut change: impl FnMut(&mut Vec<u8>)) -> Self {
        self.records.iter_mut().for_each(|(_, _, value)| change(value));
        self
    }

    /// Opens the dataset, at [`NOW_MS`].
    pub fn open(self) -> Db {
        let store = MemoryStore::new();
        let mut writer = store.writer().unwrap();
        for (table, key, value) in &self.records {
            writer.put(*table, key, value).unwrap();
        }
        for (key, value) in self.meta.records() {
            writer.put(Table::Meta, &key, &value).unwrap();
        }
        writer.commit().unwrap();
        let options = Options { clock: Clock::Fixed(NOW_MS), ..Options::default() };
        Db::over(Arc::new(Dataset::open(Arc::new(store), options).unwrap()))
    }
}

/// A string as it lies in a dump.
pub fn blob(value: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    string::write(&mut payload, value, true);
    payload
}

/// A list or set as it lies in an old dump.
pub fn strings(items: &[&str]) -> Vec<u8> {
    let mut payload = Vec::new();
    length::write(&mut payload, items.len() as u64);
    items.iter().for_each(|item| string::write(&mut payload, item.as_bytes(), false));
    payload
}

/// One connection to a dataset.
pub struct Db {
    pub engine: Engine,
    pub session: Session,
    pub out: Writer,
}

impl Db {
    /// A connection of its own.
    pub fn over(dataset: Arc<Dataset>) -> Self {
        let session = Session::new(dataset.state(), "10.0.0.1:5".into(), "10.0.0.2:6".into(), 7);
        Self { engine: Engine::new(dataset).unwrap(), session, out: Writer::new() }
    }

    /// Runs a command of these arguments.
    pub fn call(&mut self, args: &[&[u8]]) -> Value {
        self.engine.execute(&mut self.session, args, &mut self.out);
        let bytes = std::mem::take(self.out.buffer());
        let (value, len) = parse_reply(&bytes).unwrap().expect("a whole reply");
        assert_eq!(len, bytes.len(), "one reply and nothing more");
        value
    }

    /// Runs a command written with spaces; the reply as text.
    pub fn ask(&mut self, command: &str) -> String {
        let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        show(&self.call(&args))
    }

    /// Runs commands and compares their replies.
    pub fn expect(&mut self, table: &[(&str, &str)]) {
        for (command, reply) in table {
            assert_eq!(self.ask(command), *reply, "{command}");
        }
    }
}

/// A reply as text.
pub fn show(value: &Value) -> String {
    let all = |items: &[Value]| items.iter().map(show).collect::<Vec<_>>().join(" ");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match value {
        Value::Simple(line) => format!("+{}", text(line)),
        Value::Error(line) => format!("-{}", text(line)),
        Value::Int(n) => format!(":{n}"),
        Value::Bulk(bytes) => format!("\"{}\"", text(bytes)),
        Value::Null => "nil".to_string(),
        Value::Array(items) => format!("[{}]", all(items)),
        Value::Set(items) => format!("~[{}]", all(items)),
        other => format!("{other:?}"),
    }
}

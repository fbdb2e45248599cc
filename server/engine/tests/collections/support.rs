//! A dataset in memory made of RDB values, and its replies as text.
//!
//! ```text
//! :1 integer   text bulk string   nil null   -ERR … error
//! [a b] array   {k=v} map   ~[a b] set   ,1.5 double
//! ```
use redtool_engine::{Clock, Dataset, Engine, Options, Session};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::{length, string, ValueType};
use redtool_format::resp::{parse_reply, Value, Writer};
use redtool_store::build::{Incoming, Recorder, Sink};
use redtool_store::layout::{LAYOUT_NAME, META_LAYOUT};
use redtool_store::lmdb::LmdbStore;
use redtool_store::memory::MemoryStore;
use redtool_store::meta::Meta;
use redtool_store::{Result, Store, Table};
use std::sync::Arc;

/// The moment at which commands run, Unix ms.
pub const NOW_MS: i64 = 1_700_000_000_000;

/// An engine over some keys.
pub struct Db {
    engine: Engine,
    session: Session,
    out: Writer,
}

/// A key, the type of its value, and its payload.
pub type Key = (&'static str, ValueType, Vec<u8>);

struct Records(Vec<(Table, Vec<u8>, Vec<u8>)>);

impl Sink for Records {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.push((table, key.to_vec(), value.to_vec()));
        Ok(())
    }
}

impl Db {
    /// A dataset of these keys.
    pub fn new(keys: &[Key]) -> Self {
        Self::altered(keys, |_| ())
    }

    /// A dataset of these keys whose values of records were altered.
    pub fn altered(keys: &[Key], mut alter: impl FnMut(&mut Vec<u8>)) -> Self {
        let store = MemoryStore::new();
        Self::fill(&store, keys, &mut alter);
        let options = Options { clock: Clock::Fixed(NOW_MS), ..Options::default() };
        Self::of(Arc::new(Dataset::open(Arc::new(store), options).unwrap()))
    }

    fn fill(store: &dyn Store, keys: &[Key], alter: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut recorder = Recorder::new(1);
        let mut records = Records(Vec::new());
        for (key, value_type, payload) in keys {
            let entry = Incoming {
                db: 0,
                key: key.as_bytes(),
                expire_at_ms: None,
                idle_s: None,
                freq: None,
                meta: None,
                value_type: *value_type,
                payload,
            };
            recorder.build(&entry, &Templates::default(), &mut records).unwrap();
        }
        let mut writer = store.writer().unwrap();
        for (table, key, value) in &mut records.0 {
            alter(value);
            writer.put(*table, key, value).unwrap();
        }
        let meta = Meta { next_id: recorder.next_id(), ..Meta::default() };
        for (key, value) in meta.records() {
            writer.put(Table::Meta, &key, &value).unwrap();
        }
        writer.put(Table::Meta, META_LAYOUT, LAYOUT_NAME).unwrap();
        writer.commit().unwrap();
    }

    /// A dataset in memory, to be written.
    pub fn writable(keys: &[Key]) -> Self {
        let store = MemoryStore::new();
        Self::fill(&store, keys, &mut |_| ());
        Self::over(Arc::new(store))
    }

    /// A dataset over an LMDB file, to be written, and the folder that holds it.
    pub fn over_lmdb(keys: &[Key]) -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().unwrap();
        let store = LmdbStore::create(&folder.path().join("x.lmdb")).unwrap();
        Self::fill(&store, keys, &mut |_| ());
        (folder, Self::over(Arc::new(store)))
    }

    fn over(store: Arc<dyn Store>) -> Self {
        let options =
            Options { clock: Clock::Fixed(NOW_MS), readonly: false, ..Options::default() };
        Self::connected(Arc::new(Dataset::open(store, options).unwrap()))
    }

    /// The dataset of the folder that [`Db::over_lmdb`] gave, opened again.
    pub fn reopened(folder: &tempfile::TempDir) -> Self {
        Self::over(Arc::new(LmdbStore::open(&folder.path().join("x.lmdb")).unwrap()))
    }

    /// Saves the dataset.
    pub fn save(&self) {
        self.engine.dataset().save().unwrap();
    }

    /// A connection, whose commands may wait.
    fn connected(dataset: Arc<Dataset>) -> Self {
        let session = Session::new(dataset.state(), "10.0.0.1:5".into(), "10.0.0.2:6".into(), 7);
        Self { engine: Engine::new(dataset).unwrap(), session, out: Writer::new() }
    }

    fn of(dataset: Arc<Dataset>) -> Self {
        let session = Session::embedded(dataset.state());
        Self { engine: Engine::new(dataset).unwrap(), session, out: Writer::new() }
    }

    /// Another connection to the same dataset.
    pub fn another(&self) -> Self {
        Self::connected(Arc::clone(self.engine.dataset()))
    }

    /// Runs a command that may wait: None when it does.
    pub fn call_or_wait(&mut self, args: &[&str]) -> Option<Value> {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.engine.execute(&mut self.session, &args, &mut self.out);
        let bytes = std::mem::take(self.out.buffer());
        if self.session.waiting.is_some() {
            assert!(bytes.is_empty());
            return None;
        }
        Some(parse_reply(&bytes).unwrap().expect("a whole reply").0)
    }

    /// The time of a command that waits is over: its reply.
    pub fn time_out(&mut self) -> Value {
        self.session.waiting = None;
        let bytes = self.engine.time_out(&mut self.session).expect("a command that waits");
        parse_reply(&bytes).unwrap().expect("a whole reply").0
    }

    /// What has come unasked, the reply of a command that waited first, one behind the other.
    pub fn mail(&mut self) -> String {
        let mail = self.session.info.mailbox.take();
        let mut shown = Vec::new();
        if mail.reply.is_some() {
            self.session.waiting = None;
        }
        let bytes = [mail.reply.unwrap_or_default(), mail.pushes].concat();
        let mut rest = &bytes[..];
        while let Some((value, len)) = parse_reply(rest).unwrap() {
            shown.push(show(&value));
            rest = &rest[len..];
        }
        shown.join(" ")
    }

    /// Does what is to be done now and then.
    pub fn cron(&self) {
        self.engine.dataset().cron().unwrap();
    }

    /// Speaks RESP3 from here on.
    pub fn resp3(mut self) -> Self {
        self.session.set_resp3(true);
        self.out.set_resp3(true);
        self
    }

    /// Runs a command of these arguments.
    pub fn call(&mut self, args: &[&str]) -> Value {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.engine.execute(&mut self.session, &args, &mut self.out);
        let bytes = std::mem::take(self.out.buffer());
        let (value, len) = parse_reply(&bytes).unwrap().expect("a whole reply");
        assert_eq!(len, bytes.len(), "one reply and nothing more");
        value
    }

    /// Runs a command written with spaces; the reply as text.
    pub fn ask(&mut self, command: &str) -> String {
        show(&self.call(&command.split(' ').collect::<Vec<_>>()))
    }

    /// Runs a command written with spaces; the elements of the reply, sorted.
    pub fn ask_sorted(&mut self, command: &str) -> Vec<String> {
        let reply = self.call(&command.split(' ').collect::<Vec<_>>());
        let mut shown: Vec<String> = items(&reply).iter().map(show).collect();
        shown.sort();
        shown
    }

    /// All elements that a scan gives, call by call.
    pub fn scan_all(&mut self, command: &str, key: &str, options: &str) -> Vec<String> {
        let (mut cursor, mut all) = ("0".to_string(), Vec::new());
        loop {
            let reply = self.call(
                &format!("{command} {key} {cursor} {options}").split(' ').collect::<Vec<_>>(),
            );
            let [next, elements] = items(&reply) else { panic!("{}", show(&reply)) };
            all.extend(items(elements).iter().map(show));
            cursor = show(next);
            if cursor == "0" {
                return all;
            }
        }
    }
}

/// Runs commands; the events that they tell of, each with its key.
pub fn events(db: &mut Db, commands: &[&str]) -> Vec<String> {
    let mut listener = db.another();
    db.ask("CONFIG SET notify-keyspace-events EA");
    listener.ask("PSUBSCRIBE *");
    for command in commands {
        db.ask(command);
    }
    let heard = listener.mail();
    let events = heard.split("__keyevent@0__:").skip(1);
    events.map(|event| event.split(']').next().unwrap_or_default().to_string()).collect()
}

/// The elements of an array or a set.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        other => panic!("not an array: {}", show(other)),
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
        Value::Bulk(bytes) => text(bytes),
        Value::Null => "nil".to_string(),
        Value::Array(items) => format!("[{}]", all(items)),
        Value::Set(items) => format!("~[{}]", all(items)),
        Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{}={}", show(key), show(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(" "))
        }
        Value::Double(x) => format!(",{x}"),
        other => format!("{other:?}"),
    }
}

/// The payload of a plain collection: a count, then strings.
pub fn strings<T: AsRef<[u8]>>(count: usize, items: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut payload = Vec::new();
    length::write(&mut payload, count as u64);
    for item in items {
        string::write_raw(&mut payload, item.as_ref());
    }
    payload
}

/// The payload of a sorted set with binary scores.
pub fn scored<T: AsRef<[u8]>>(members: impl IntoIterator<Item = (T, f64)>) -> Vec<u8> {
    let (mut payload, mut count) = (Vec::new(), 0);
    for (member, score) in members {
        string::write_raw(&mut payload, member.as_ref());
        payload.extend_from_slice(&score.to_le_bytes());
        count += 1;
    }
    let mut whole = Vec::new();
    length::write(&mut whole, count);
    whole.extend_from_slice(&payload);
    whole
}

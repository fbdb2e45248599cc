//! The rows against the COMMAND INFO of a running redis-server. Nothing is compared where none is
//! installed.
use redtool_format::resp::{parse_reply, Value};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What differs from redis-server 7.0 and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("zrank", "7.2 takes WITHSCORE"),
    ("zrevrank", "7.2 takes WITHSCORE"),
    ("wait", "7.2 calls it blocking, and permits it in scripts"),
];

/// A server of its own on a socket in a directory of its own.
struct Server {
    process: Child,
    dir: PathBuf,
}

impl Server {
    fn start() -> Option<Self> {
        let dir = std::env::temp_dir().join(format!("redtool-rows-{}", std::process::id()));
        std::fs::create_dir_all(&dir).ok()?;
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket", "s", "--dir"])
            .arg(&dir)
            .current_dir(&dir)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { process, dir })
    }

    fn connect(&self) -> UnixStream {
        for _ in 0..200 {
            if let Ok(stream) = UnixStream::connect(self.dir.join("s")) {
                return stream;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The reply to an inline command.
fn ask(stream: &mut UnixStream, line: &str) -> Value {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        if let Some((value, _)) = parse_reply(&bytes).unwrap() {
            return value;
        }
        let n = stream.read(&mut chunk).unwrap();
        assert!(n > 0, "the server hung up");
        bytes.extend_from_slice(&chunk[..n]);
    }
}

/// Facts of a command by its full name, those of its subcommands taken out.
type Facts = BTreeMap<String, String>;

fn collect(reply: &Value, facts: &mut Facts) {
    let commands = match reply {
        Value::Array(commands) | Value::Set(commands) => commands,
        other => panic!("no list of commands: {other:?}"),
    };
    for command in commands {
        let Value::Array(row) = command else { panic!("not a command: {command:?}") };
        let Value::Bulk(name) = &row[0] else { panic!("no name") };
        let shown: Vec<String> = row[1..9].iter().map(plain).collect();
        facts.insert(String::from_utf8(name.clone()).unwrap(), shown.join(" "));
        collect(&row[9], facts);
    }
}

/// A fact as text: sets and maps sorted, remarks on key specifications left out.
fn plain(value: &Value) -> String {
    let mut parts: Vec<String> = match value {
        Value::Array(items) | Value::Set(items) => items.iter().map(plain).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .filter(|(name, _)| *name != Value::Bulk(b"notes".to_vec()))
            .map(|(name, value)| format!("{}={}", plain(name), plain(value)))
            .collect(),
        Value::Simple(text) | Value::Bulk(text) => {
            return String::from_utf8_lossy(text).into_owned()
        }
        Value::Int(n) => return n.to_string(),
        other => panic!("{other:?} in COMMAND INFO"),
    };
    parts.sort();
    format!("({})", parts.join(" "))
}

#[test]
fn arity_flags_keys_and_categories_are_those_of_redis() {
    let Some(server) = Server::start() else {
        eprintln!("redis-server is not installed: nothing compared");
        return;
    };
    let mut stream = server.connect();
    ask(&mut stream, "HELLO 3");
    let (mut theirs, mut ours) = (Facts::new(), Facts::new());
    collect(&ask(&mut stream, "COMMAND"), &mut theirs);
    let mut db = super::support::Builder::default().open();
    db.ask("HELLO 3");
    collect(&db.call(&[b"COMMAND"]), &mut ours);
    for (name, facts) in &theirs {
        if EXCEPTIONS.iter().all(|(exception, _)| exception != name) {
            assert_eq!(ours.get(name), Some(facts), "{name}");
        }
    }
}

#[test]
fn every_row_is_documented_and_found_by_its_name() {
    for row in redtool_engine::table::all() {
        let (_, found) = redtool_engine::table::find(row.name.to_uppercase().as_bytes()).unwrap();
        assert!(std::ptr::eq(*row, found), "two rows named {}", row.name);
        for command in std::iter::once(*row).chain(row.subcommands) {
            assert!(!command.summary.is_empty(), "{} {}", row.name, command.name);
            assert_eq!(command.name, command.name.to_lowercase());
        }
    }
}

#[test]
fn the_arguments_of_every_row_parse() {
    for row in redtool_engine::table::all() {
        for command in std::iter::once(*row).chain(row.subcommands) {
            let parsed = redtool_engine::syntax::parse(command.args);
            assert!(parsed.is_ok(), "{} {}: {parsed:?}", row.name, command.name);
        }
    }
}

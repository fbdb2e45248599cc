//! The rows against the COMMAND INFO of a running redis-server. Nothing is compared where none is
//! installed.
use super::real::Server;
use redtool_format::resp::Value;
use std::collections::BTreeMap;

/// What differs from redis-server 7.0 and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("zrank", "7.2 takes WITHSCORE"),
    ("zrevrank", "7.2 takes WITHSCORE"),
    ("wait", "7.2 calls it blocking, and permits it in scripts"),
];

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
    let mut client = server.connect();
    client.ask("HELLO 3");
    let (mut theirs, mut ours) = (Facts::new(), Facts::new());
    collect(&client.call(&[b"COMMAND"]), &mut theirs);
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

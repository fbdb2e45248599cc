//! DEBUG on datasets that are written.
use super::real::Server;
use super::support::{show, strings, Builder, Db};
use super::writable::{dumped, expect_everywhere, Home, HOMES};
use redtool_engine::Clock;
use redtool_format::rdb::{payload, ValueType};
use redtool_format::resp::Value;

/// Fills a dataset with values of several kinds and sizes.
fn fill(db: &mut Db) {
    let many: Vec<String> = (0..3000).map(|n| format!("member {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let values = [
        ("list", Builder::default().list("x", &["1", "two", "3"])),
        ("long", Builder::default().list("x", &many)),
        ("hash", Builder::default().hash("x", &["f", "v", "g", "2"])),
        ("set", Builder::default().key(0, b"x", None, ValueType::Set, &strings(&many))),
        ("ints", Builder::default().key(0, b"x", None, ValueType::Set, &strings(&["1", "2"]))),
        ("text", Builder::default().string("x", &vec![b'x'; 200_000])),
    ];
    for (key, builder) in values {
        let payload = dumped(builder, "x");
        let reply = db.call(&[b"RESTORE", key.as_bytes(), b"0", &payload]);
        assert_eq!(show(&reply), "+OK", "{key}");
    }
    for command in [
        "SET number 12345",
        "SETBIT bits 9999 1",
        "PFADD counted a b c d",
        "SORT list ALPHA STORE sorted",
        "PEXPIREAT hash 4000000000000",
        "SELECT 3",
        "SET other value",
        "SELECT 0",
    ] {
        assert!(!db.ask(command).starts_with('-'), "{command}");
    }
}

#[test]
fn a_reload_changes_nothing_but_that_expired_keys_are_gone() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        fill(db);
        let before = db.ask("DEBUG DIGEST");
        for command in ["DEBUG RELOAD", "DEBUG RELOAD NOFLUSH MERGE", "DEBUG LOADAOF"] {
            assert_eq!(db.ask(command), "+OK", "{home:?}");
            assert_eq!(db.ask("DEBUG DIGEST"), before, "{home:?}: {command}");
            db.engine.dataset().save().unwrap();
        }
        db.expect(&[
            ("DBSIZE", ":10"),
            ("PEXPIRETIME hash", ":4000000000000"),
            ("OBJECT ENCODING number", "\"int\""),
            ("OBJECT ENCODING ints", "\"intset\""),
            (
                "DEBUG RELOAD FOO",
                "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and \
              NOSAVE options.",
            ),
        ]);
    }
}

/// Payloads of this server are of RDB 11: the older one takes them by the number of its own, where
/// it has the type.
#[test]
fn a_real_server_restores_what_dump_gives() {
    let Some(server) = Server::start() else {
        eprintln!("redis-server is not installed: nothing compared");
        return;
    };
    let mut theirs = server.connect();
    let mut written = Home::Memory.at(Clock::Now);
    let db = &mut written.db;
    fill(db);
    for key in
        ["list", "long", "hash", "set", "ints", "text", "number", "bits", "counted", "sorted"]
    {
        let Value::Bulk(dump) = db.call(&[b"DUMP", key.as_bytes()]) else { panic!("no dump") };
        let value = payload::parse(&dump).unwrap();
        let mut older = Vec::new();
        payload::write(&mut older, value.value_type, value.payload, 10);
        let reply = theirs.call(&[b"RESTORE", key.as_bytes(), b"0", &older]);
        assert_eq!(show(&reply), "+OK", "{key}");
        theirs.ask("PEXPIREAT hash 4000000000000");
        let digest = format!("DEBUG DIGEST-VALUE {key}");
        assert_eq!(db.ask(&digest), theirs.ask(&digest), "{key}");
    }
}

#[test]
fn tests_find_the_subcommands_they_use() {
    expect_everywhere(&[
        ("DEBUG POPULATE 3 k 10", "+OK"),
        ("STRLEN k:2", ":10"),
        ("DEBUG SET-ACTIVE-EXPIRE 0", "+OK"),
        ("DEBUG SET-ACTIVE-EXPIRE 1", "+OK"),
        ("DEBUG QUICKLIST-PACKED-THRESHOLD 100b", "+OK"),
        ("DEBUG CHANGE-REPL-ID", "+OK"),
        ("DEBUG SLEEP 0", "+OK"),
        ("DEBUG PROTOCOL integer", ":12345"),
        ("DEBUG ERROR FOO", "-FOO"),
        ("DEBUG LISTPACK k:1", "-ERR Not a listpack encoded object."),
        ("DEBUG STRINGMATCH-LEN 3 *x", ":1"),
        (
            "DEBUG JMAP",
            "-ERR unknown subcommand or wrong number of arguments for 'JMAP'. Try DEBUG HELP.",
        ),
        (
            "OBJECT FREQ k:1",
            "-ERR An LFU maxmemory policy is not selected, access frequency not \
          tracked. Please note that when switching between policies at runtime LRU and LFU data \
          will take some time to adjust.",
        ),
        ("OBJECT IDLETIME k:1", ":0"),
    ]);
}

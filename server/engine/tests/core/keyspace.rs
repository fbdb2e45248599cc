//! Keys: existence, expiry, walking, OBJECT, SORT.
use super::support::{blob, strings, Builder, Db, NOW_MS};
use redtool_format::rdb::ValueType;
use redtool_format::resp::Value;
use std::collections::BTreeSet;

fn db() -> Db {
    let long = "k".repeat(600);
    let value = blob(b"v");
    let mut keys = Builder::default()
        .key(0, b"now", Some(NOW_MS), ValueType::String, &value)
        .key(0, b"later", Some(NOW_MS + 2_600), ValueType::String, &value)
        .key(0, b"gone", Some(NOW_MS - 1), ValueType::String, &value)
        .key(0, long.as_bytes(), None, ValueType::String, &value)
        .key(3, b"other", None, ValueType::String, &value)
        .key(40, b"far", None, ValueType::String, &value)
        .list("list", &["3", "1", "2"])
        .hash("w", &["1", "9", "2", "8", "3", "7"]);
    for n in 0..50 {
        keys = keys.string(&format!("user:{n}"), n.to_string().as_bytes());
    }
    keys.open()
}

#[test]
fn a_key_lives_through_the_millisecond_of_its_expiry() {
    db().expect(&[
        ("EXISTS now later gone nokey now", ":3"),
        ("TTL gone", ":-2"),
        ("TTL list", ":-1"),
        ("TTL later", ":3"),
        ("PTTL later", ":2600"),
        ("PTTL now", ":0"),
        ("PEXPIRETIME later", ":1700000002600"),
        ("EXPIRETIME later", ":1700000003"),
        ("TYPE gone", "+none"),
        ("TYPE list", "+list"),
        ("GET gone", "nil"),
        ("DBSIZE", ":56"),
    ]);
}

#[test]
fn databases_are_as_many_as_the_data_needs() {
    db().expect(&[
        ("SELECT 3", "+OK"),
        ("KEYS *", "[\"other\"]"),
        ("SELECT 40", "+OK"),
        ("GET far", "\"v\""),
        ("SELECT 41", "-ERR DB index is out of range"),
        ("SELECT x", "-ERR value is not an integer or out of range"),
        ("SELECT 15", "+OK"),
        ("DBSIZE", ":0"),
        ("RANDOMKEY", "nil"),
    ]);
}

#[test]
fn a_long_key_is_found_by_all_its_bytes() {
    let mut db = db();
    let long = "k".repeat(600);
    assert_eq!(db.ask(&format!("GET {long}")), "\"v\"");
    assert_eq!(db.ask(&format!("GET {}j", &long[1..])), "nil");
    assert_eq!(db.ask("KEYS kkk*"), format!("[\"{long}\"]"));
}

#[test]
fn keys_seeks_a_literal_prefix_and_leaves_out_the_expired() {
    db().expect(&[
        ("KEYS user:1", "[\"user:1\"]"),
        ("KEYS user:1[0-1]", "[\"user:10\" \"user:11\"]"),
        ("KEYS g*", "[]"),
        ("KEYS l*", "[\"later\" \"list\"]"),
        ("KEYS *o*", "[\"now\"]"),
    ]);
}

/// All keys of a SCAN, call by call.
fn scan(db: &mut Db, options: &str) -> Vec<String> {
    let (mut cursor, mut all) = ("0".to_string(), Vec::new());
    loop {
        let args = format!("SCAN {cursor} {options}");
        let args: Vec<&[u8]> = args.trim().split(' ').map(str::as_bytes).collect();
        let Value::Array(reply) = db.call(&args) else { panic!("not an array") };
        let [Value::Bulk(next), Value::Array(keys)] = &reply[..] else { panic!("not a page") };
        all.extend(keys.iter().map(super::support::show));
        cursor = String::from_utf8(next.clone()).unwrap();
        if cursor == "0" {
            return all;
        }
    }
}

#[test]
fn scan_gives_every_key_once_whatever_the_page() {
    let mut db = db();
    for options in ["", "COUNT 1", "COUNT 7", "COUNT 1000"] {
        let keys = scan(&mut db, options);
        assert_eq!(keys.len(), 55, "{options}");
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 55, "{options}");
    }
    assert_eq!(scan(&mut db, "MATCH user:2* COUNT 3").len(), 11);
    assert_eq!(scan(&mut db, "TYPE LIST"), ["\"list\""]);
    assert_eq!(scan(&mut db, "MATCH w TYPE hash"), ["\"w\""]);
}

#[test]
fn a_cursor_nobody_gave_is_refused_rather_than_read_as_the_start() {
    db().expect(&[
        ("SCAN 12345", "-ERR invalid cursor"),
        ("SCAN x", "-ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range"),
        ("SCAN 0 MATCH", "-ERR syntax error"),
        ("SCAN 1 COUNT 1 TYPE string", "-ERR invalid cursor"),
    ]);
}

#[test]
fn every_key_can_come_up_at_random_and_no_expired_one_does() {
    let mut few = db();
    let mut many = (0..1000)
        .fold(Builder::default(), |keys, n| keys.string(&format!("user:{n}"), b""))
        .key(0, b"gone", Some(NOW_MS - 1), ValueType::String, &blob(b""))
        .open();
    for (db, keys, draws) in [(&mut few, 55, 5_000), (&mut many, 1000, 200_000)] {
        let drawn: BTreeSet<String> = (0..draws).map(|_| db.ask("RANDOMKEY")).collect();
        assert!(!drawn.contains("\"gone\""));
        assert!(drawn.len() * 20 > keys * 19, "{} of {keys}", drawn.len());
    }
}

#[test]
fn object_tells_what_redis_would_have_after_loading() {
    db().expect(&[
        ("OBJECT ENCODING user:7", "\"int\""),
        ("OBJECT ENCODING now", "\"embstr\""),
        ("OBJECT ENCODING list", "\"listpack\""),
        ("OBJECT ENCODING nokey", "nil"),
        ("OBJECT REFCOUNT user:7", ":2147483647"),
        ("OBJECT REFCOUNT list", ":1"),
        ("OBJECT IDLETIME list", ":0"),
        ("OBJECT FOO x", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."),
        ("OBJECT", "-ERR wrong number of arguments for 'object' command"),
        ("OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command"),
    ]);
}

#[test]
fn sort_follows_patterns_and_writes_nothing() {
    let mut db = Builder::default()
        .list("list", &["3", "1", "2"])
        .list("words", &["b", "a", "c"])
        .hash("h_1", &["f", "30"])
        .hash("h_2", &["f", "20"])
        .hash("h_3", &["f", "10"])
        .string("v_1", b"one")
        .key(0, b"set", None, ValueType::Set, &strings(&["5", "-1", "4"]))
        .open();
    db.expect(&[
        ("SORT list", "[\"1\" \"2\" \"3\"]"),
        ("SORT_RO list DESC LIMIT 0 2", "[\"3\" \"2\"]"),
        ("SORT list BY h_*->f", "[\"3\" \"2\" \"1\"]"),
        ("SORT list BY nosort", "[\"3\" \"1\" \"2\"]"),
        ("SORT list GET v_* GET #", "[\"one\" \"1\" nil \"2\" nil \"3\"]"),
        ("SORT words", "-ERR One or more scores can't be converted into double"),
        ("SORT words ALPHA DESC", "[\"c\" \"b\" \"a\"]"),
        ("SORT set", "[\"-1\" \"4\" \"5\"]"),
        ("SORT nokey", "[]"),
        ("SORT v_1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SORT list STORE x", "-READONLY You can't write against a read only replica."),
        ("SORT_RO list STORE x", "-ERR syntax error"),
        ("SORT list LIMIT 0 x", "-ERR value is not an integer or out of range"),
    ]);
}

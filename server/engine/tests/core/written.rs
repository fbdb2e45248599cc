//! Commands that write, of no one type, in every home.
use super::writable::{expect_everywhere, Home, HOMES};
use redtool_engine::watch::Touched;
use redtool_format::resp::Value;
use redtool_store::object::record_key;
use std::sync::atomic::Ordering;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

/// A key too long for its record key.
fn long(letter: &str) -> String {
    letter.repeat(700)
}

#[test]
fn a_renamed_key_keeps_value_and_expiry_whatever_its_length() {
    let (a, b) = (long("a"), long("b"));
    let table = [
        ("SET x 1".to_string(), "+OK"),
        ("PEXPIREAT x 1700000005000".into(), ":1"),
        (format!("RENAME x {a}"), "+OK"),
        (format!("RENAME {a} {b}"), "+OK"),
        (format!("EXISTS x {a}"), ":0"),
        (format!("PEXPIRETIME {b}"), ":1700000005000"),
        (format!("RENAMENX {b} {b}"), ":0"),
        ("SET y 2".into(), "+OK"),
        (format!("RENAMENX y {b}"), ":0"),
        (format!("RENAME y {b}"), "+OK"),
        (format!("TTL {b}"), ":-1"),
        (format!("RENAMENX {b} z"), ":1"),
        ("GET z".into(), "\"2\""),
        ("RENAME y y".into(), "-ERR no such key"),
        ("DBSIZE".into(), ":1"),
    ];
    let table: Vec<(&str, &str)> =
        table.iter().map(|(command, reply)| (command.as_str(), *reply)).collect();
    expect_everywhere(&table);
}

#[test]
fn a_copy_in_segments_has_its_own() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        let text = vec![b'x'; 300_000];
        db.call(&[b"SET", b"a", &text]);
        db.expect(&[
            ("COPY a b", ":1"),
            ("SETRANGE a 299999 yz", ":300001"),
            ("COPY a b", ":0"),
            ("STRLEN b", ":300000"),
            ("GETRANGE b 299990 -1", "\"xxxxxxxxxx\""),
            ("COPY a b REPLACE DB 1", ":1"),
            ("DEL a", ":1"),
            ("STRLEN b", ":300000"),
            ("SELECT 1", "+OK"),
            ("GETRANGE b 299996 -1", "\"xxxyz\""),
            ("RENAME b c", "+OK"),
            ("GETRANGE c 299996 -1", "\"xxxyz\""),
            ("MOVE c 0", ":1"),
            ("SELECT 0", "+OK"),
            ("STRLEN c", ":300001"),
            ("COPY c c", "-ERR source and destination objects are the same"),
            ("COPY c d DB 99", "-ERR DB index is out of range"),
            ("COPY c d FOO", "-ERR syntax error"),
            ("MOVE c 0", "-ERR source and destination objects are the same"),
        ]);
        let Value::Bulk(kept) = db.call(&[b"GET", b"b"]) else { panic!("no string") };
        assert!(kept == text, "{home:?}");
    }
}

#[test]
fn swapped_databases_touch_who_watches_either() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        db.expect(&[
            ("SET only0 0", "+OK"),
            ("SET both 0", "+OK"),
            ("PEXPIREAT both 1700000005000", ":1"),
            ("SELECT 1", "+OK"),
            ("SET both 1", "+OK"),
        ]);
        for (watched, is_touched) in [
            (record_key(0, b"only0"), true),
            (record_key(1, b"only0"), true),
            (record_key(0, b"both"), true),
            (record_key(1, b"none"), false),
            (record_key(2, b"both"), false),
        ] {
            let flag = Touched::default();
            db.engine.dataset().keyspace().watched.add(&watched, &flag, false);
            db.expect(&[("SWAPDB 0 1", "+OK")]);
            assert_eq!(flag.load(Ordering::Relaxed), is_touched, "{home:?} {watched:?}");
            db.expect(&[("SWAPDB 1 0", "+OK")]);
        }
        db.expect(&[
            ("SWAPDB 0 1", "+OK"),
            ("PEXPIRETIME both", ":1700000005000"),
            ("DBSIZE", ":2"),
            ("SWAPDB x 1", "-ERR invalid first DB index"),
            ("SWAPDB 0 x", "-ERR invalid second DB index"),
            ("SWAPDB 0 99", "-ERR DB index is out of range"),
        ]);
    }
}

#[test]
fn restore_takes_what_dump_gives_and_leaves_no_trace_of_what_is_damaged() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        let text = vec![b'x'; 200_000];
        db.call(&[b"SET", b"a", &text]);
        let Value::Bulk(payload) = db.call(&[b"DUMP", b"a"]) else { panic!("no dump") };
        let mut restore = |args: &[&[u8]]| {
            let args = [&[b"RESTORE".as_slice()], args].concat();
            super::support::show(&db.call(&args))
        };
        let mut damaged = payload.clone();
        damaged[1000] ^= 1;
        let damaged_reply = "-ERR DUMP payload version or checksum are wrong";
        assert_eq!(restore(&[b"b", b"0", &damaged]), damaged_reply);
        assert_eq!(restore(&[b"b", b"0", b""]), damaged_reply);
        assert_eq!(restore(&[b"a", b"0", b""]), "-BUSYKEY Target key name already exists.");
        assert_eq!(restore(&[b"b", b"-1", b""]), "-ERR Invalid TTL value, must be >= 0");
        assert_eq!(restore(&[b"b", b"0", &payload]), "+OK");
        assert_eq!(restore(&[b"b", b"500", &payload, b"REPLACE"]), "+OK");
        assert_eq!(restore(&[b"c", b"1000", &payload, b"ABSTTL"]), "+OK");
        assert_eq!(restore(&[b"i", b"0", &payload, b"IDLETIME", b"1000"]), "+OK");
        db.expect(&[
            ("PTTL b", ":500"),
            ("STRLEN b", ":200000"),
            ("EXISTS c", ":0"),
            ("OBJECT IDLETIME i", ":1000"),
            ("TOUCH i", ":1"),
            ("SET i x", "+OK"),
            ("OBJECT IDLETIME i", ":0"),
        ]);
    }
}

#[test]
fn bits_of_long_strings_are_written_in_place() {
    expect_everywhere(&[
        ("SETBIT a 7 1", ":0"),
        ("SETBIT a 4000000 1", ":0"),
        ("STRLEN a", ":500001"),
        ("SETBIT a 7 0", ":1"),
        ("BITCOUNT a", ":1"),
        ("BITOP NOT b a", ":500001"),
        ("BITCOUNT b", ":4000007"),
        ("BITOP AND c a b", ":500001"),
        ("BITCOUNT c", ":0"),
        ("SETBIT b 0 1", ":1"),
        ("BITFIELD b SET u63 524100 5 GET u63 524100", "[:9223372036854775807 :5]"),
        ("BITOP XOR d a b", ":500001"),
        ("BITFIELD_RO d GET u63 524100", "[:5]"),
        ("BITOP OR d none", ":0"),
        ("EXISTS d", ":0"),
        ("SET s ab", "+OK"),
        ("SETBIT s 1 1", ":1"),
        ("OBJECT ENCODING s", "\"raw\""),
    ]);
}

#[test]
fn what_is_no_hyperloglog_is_refused() {
    expect_everywhere(&[
        ("SET s abc", "+OK"),
        ("PFADD s x", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFCOUNT s", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFADD h a b c", ":1"),
        ("PFADD h a", ":0"),
        ("PFADD h", ":0"),
        ("PFCOUNT h none", ":3"),
        ("PFCOUNT h", ":3"),
        ("PFMERGE t h", "+OK"),
        ("PFCOUNT t", ":3"),
        ("PFMERGE t s", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFDEBUG TODENSE t", ":1"),
        ("PFDEBUG TODENSE t", ":0"),
        ("PFCOUNT t h", ":3"),
        ("PFSELFTEST", "+OK"),
        ("SETRANGE h 16 zz", ":27"),
        ("PFCOUNT h", ":3"),
        ("PFCOUNT h t", "-INVALIDOBJ Corrupted HLL object detected"),
    ]);
}

#[test]
fn sort_stores_a_list_or_removes_the_key() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        let list = super::support::Builder::default().list("l", &["3", "1", "2"]);
        let payload = super::writable::dumped(list, "l");
        db.call(&[b"RESTORE", b"l", b"0", &payload]);
        db.expect(&[
            ("SET w1 9", "+OK"),
            ("SORT l STORE x", ":3"),
            ("LRANGE x 0 -1", "[\"1\" \"2\" \"3\"]"),
            ("SORT l GET # GET w* STORE x", ":6"),
            ("LRANGE x 0 -1", "[\"1\" \"9\" \"2\" \"\" \"3\" \"\"]"),
            ("SORT l DESC STORE l", ":3"),
            ("LINDEX l 0", "\"3\""),
            ("SORT none STORE x", ":0"),
            ("EXISTS x", ":0"),
            ("SORT w1 STORE x", WRONG_TYPE),
            ("SORT l LIMIT 1 1", "[\"2\"]"),
        ]);
    }
}

#[test]
fn keys_that_expire_are_found_after_a_swap_whatever_their_length() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        for len in [1, 480, 490, 495, 500, 503, 506, 507, 700] {
            db.call(&[b"SET", &vec![b'k'; len], b"v", b"PXAT", b"1700000005000"]);
        }
        db.expect(&[("SWAPDB 0 1", "+OK"), ("SELECT 1", "+OK"), ("DBSIZE", ":9")]);
        let removed = db.engine.dataset().keyspace().expire_due(1_700_000_006_000, 100).unwrap();
        assert_eq!(removed, 9, "{home:?}");
        db.expect(&[("DBSIZE", ":0")]);
    }
}

/// What a store that takes no changes refuses outside a transaction, it refuses inside too: what
/// writes is not queued, and what was queued before is not run.
#[test]
fn a_transaction_writes_nothing_that_cannot_be_saved() {
    let mut written = Home::Lmdb.open();
    let db = &mut written.db;
    db.expect(&[("MULTI", "+OK"), ("SET k v", "+QUEUED")]);
    db.engine.dataset().keyspace().saves.error = Some("the disk is full".into());
    db.expect(&[
        (
            "EXEC",
            "-EXECABORT Transaction discarded because of: MISCONF Errors writing to the store: \
             the disk is full",
        ),
        ("MULTI", "+OK"),
        ("SET k v", "-MISCONF Errors writing to the store: the disk is full"),
        ("GET k", "+QUEUED"),
    ]);
    db.engine.dataset().keyspace().saves.error = None;
    db.expect(&[
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
        ("GET k", "nil"),
    ]);
}

//! Whole values: DUMP, DEBUG DIGEST.
use super::support::{strings, Builder, NOW_MS};
use redtool_format::rdb::{payload, ValueType};
use redtool_format::resp::Value;

#[test]
fn dump_gives_a_payload_that_restore_takes() {
    let many: Vec<String> = (0..5000).map(|n| format!("member {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut db = Builder::default()
        .string("hi", b"hi")
        .key(0, b"big", None, ValueType::Set, &strings(&many))
        .open();
    let Value::Bulk(small) = db.call(&[b"DUMP", b"hi"]) else { panic!("no payload") };
    assert_eq!(small[..6], [0, 2, b'h', b'i', 11, 0]);
    let Value::Bulk(big) = db.call(&[b"DUMP", b"big"]) else { panic!("no payload") };
    let parsed = payload::parse(&big).unwrap();
    assert_eq!((parsed.value_type, parsed.version), (ValueType::Set, 11));
    assert_eq!(db.ask("DUMP nokey"), "nil");
}

/// The digests were given by redis-server 7.0.15 for the same keys.
#[test]
fn the_digest_is_redis_own() {
    let mut db = Builder::default()
        .string("a", b"1")
        .list("l", &["x", "y"])
        .hash("h", &["f", "v", "g", "2"])
        .key(0, b"e", Some(NOW_MS + 1000), ValueType::String, &super::support::blob(b"v"))
        .key(3, b"other", None, ValueType::Set, &strings(&["m", "n"]))
        .open();
    assert_eq!(db.ask("DEBUG DIGEST"), "+0f402d43b51905aafb622b8c0bf4c44dc93b2bc7");
    assert_eq!(
        db.ask("DEBUG DIGEST-VALUE h nokey"),
        "[+9dc7e1ed596e8ccab4b91d04b8317fc85b68294a +".to_string() + &"0".repeat(40) + "]"
    );
}

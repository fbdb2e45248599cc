//! Hashes, and the expiry of their fields.
use crate::support::{strings, Db, Key, NOW_MS};
use redtool_format::encodings::listpack::Builder;
use redtool_format::rdb::{length, string, ValueType};

fn pairs(count: usize) -> Vec<u8> {
    strings(count, (0..count).flat_map(|n| [format!("field-{n}"), format!("value-{n}")]))
}

/// Keys small and big.
pub fn keys() -> Vec<Key> {
    vec![
        ("small", ValueType::Hash, pairs(20)),
        ("big", ValueType::Hash, pairs(4000)),
        ("ttl", ValueType::HashListpackEx, packed_ttls()),
        ("big-ttl", ValueType::HashMetadata, many_ttls(2000)),
    ]
}

fn db() -> Db {
    Db::new(&keys())
}

/// One field that is gone, one that goes in 1.5 s, one that stays.
fn packed_ttls() -> Vec<u8> {
    let mut listpack = Builder::new();
    for (name, at_ms) in [("gone", NOW_MS - 1), ("going", NOW_MS + 1500), ("stays", 0)] {
        listpack.push(name.as_bytes());
        listpack.push(b"v");
        listpack.push_int(at_ms);
    }
    let mut payload = (NOW_MS - 1).to_le_bytes().to_vec();
    string::write_raw(&mut payload, listpack.finish());
    payload
}

/// Every second field is expired.
fn many_ttls(count: usize) -> Vec<u8> {
    let mut payload = (NOW_MS - 10).to_le_bytes().to_vec();
    length::write(&mut payload, count as u64);
    for n in 0..count {
        // The time is counted from the smallest one, plus 1.
        length::write(&mut payload, if n % 2 == 0 { 1 } else { 5011 });
        string::write_raw(&mut payload, format!("f{n}").as_bytes());
        string::write_raw(&mut payload, b"v");
    }
    payload
}

#[test]
fn fields_are_found_in_either_form() {
    let mut db = db();
    for key in ["small", "big"] {
        assert_eq!(db.ask(&format!("HGET {key} field-13")), "value-13");
        assert_eq!(db.ask(&format!("HGET {key} none")), "nil");
        assert_eq!(db.ask(&format!("HMGET {key} field-1 none field-2")), "[value-1 nil value-2]");
        assert_eq!(db.ask(&format!("HEXISTS {key} field-7")), ":1");
        assert_eq!(db.ask(&format!("HSTRLEN {key} field-7")), ":7");
    }
    assert_eq!(db.ask("HLEN big"), ":4000");
    assert_eq!(db.ask_sorted("HKEYS big").len(), 4000);
    assert_eq!(db.ask("HMGET none a b"), "[nil nil]");
}

#[test]
fn a_small_hash_keeps_its_order() {
    let mut db = db().resp3();
    assert!(db.ask("HGETALL small").starts_with("{field-0=value-0 field-1=value-1 field-2="));
    assert!(db.ask("HVALS small").starts_with("[value-0 value-1 "));
}

#[test]
fn a_scan_gives_every_field_once_whatever_the_count() {
    let mut db = db();
    for count in [1, 10, 128, 100_000] {
        let mut seen = db.scan_all("HSCAN", "big", &format!("COUNT {count} NOVALUES"));
        seen.sort();
        assert_eq!(seen, db.ask_sorted("HKEYS big"), "COUNT {count}");
    }
    assert_eq!(db.scan_all("HSCAN", "big", "MATCH field-1?3 NOVALUES").len(), 10);
    assert_eq!(db.scan_all("HSCAN", "small", "MATCH field-7"), ["field-7", "value-7"]);
    assert_eq!(db.ask("HSCAN none 0 BAD"), "[0 []]");
    assert_eq!(db.ask("HSCAN small 0 COUNT 0"), "-ERR syntax error");
}

#[test]
fn random_fields_are_fields_and_different_when_asked_so() {
    let mut db = db();
    for (key, len) in [("small", 20), ("big", 4000)] {
        for count in [1, 5, len, len + 5] {
            let mut picked = db.ask_sorted(&format!("HRANDFIELD {key} {count}"));
            picked.dedup();
            assert_eq!(picked.len(), count.min(len), "{key} {count}");
        }
        assert_eq!(db.ask_sorted(&format!("HRANDFIELD {key} -30")).len(), 30);
        assert_eq!(db.ask_sorted(&format!("HRANDFIELD {key} 3 WITHVALUES")).len(), 6);
    }
    assert_eq!(db.ask("HRANDFIELD none"), "nil");
    assert_eq!(db.ask("HRANDFIELD none 5"), "[]");
}

#[test]
fn an_expired_field_is_absent_everywhere() {
    let mut db = db();
    assert_eq!(db.ask("HGET ttl gone"), "nil");
    assert_eq!(db.ask("HLEN ttl"), ":2");
    assert_eq!(db.ask("HGETALL ttl"), "[going v stays v]");
    assert_eq!(db.ask("HSCAN ttl 0 NOVALUES"), "[0 [going stays]]");
    assert_eq!(db.ask_sorted("HRANDFIELD ttl 10"), ["going", "stays"]);
    assert_eq!(db.ask("HLEN big-ttl"), ":1000");
    assert_eq!(db.ask("HMGET big-ttl f0 f1"), "[nil v]");
    assert_eq!(db.ask_sorted("HRANDFIELD big-ttl 5000").len(), 1000);
}

#[test]
fn the_times_of_fields_are_told_as_redis_7_4_tells_them() {
    let mut db = db();
    let fields = "FIELDS 4 gone going stays none";
    assert_eq!(db.ask(&format!("HTTL ttl {fields}")), "[:-2 :2 :-1 :-2]");
    assert_eq!(db.ask(&format!("HPTTL ttl {fields}")), "[:-2 :1500 :-1 :-2]");
    let (ms, seconds) = (NOW_MS + 1500, NOW_MS / 1000 + 2);
    assert_eq!(db.ask(&format!("HPEXPIRETIME ttl {fields}")), format!("[:-2 :{ms} :-1 :-2]"));
    assert_eq!(db.ask(&format!("HEXPIRETIME ttl {fields}")), format!("[:-2 :{seconds} :-1 :-2]"));
    assert_eq!(db.ask("HTTL small FIELDS 1 field-1"), "[:-1]");
    assert_eq!(db.ask("HTTL none FIELDS 2 a b"), "[:-2 :-2]");
    assert!(db.ask("HTTL ttl FIELDS 2 a").starts_with("-ERR The `numfields`"));
    assert!(db.ask("HTTL ttl FIELD 1 a").starts_with("-ERR Mandatory argument FIELDS"));
}

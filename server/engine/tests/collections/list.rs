//! Lists.
use crate::support::{strings, Db, Key};
use redtool_format::rdb::ValueType;

/// Keys small and big.
pub fn keys() -> Vec<Key> {
    let big: Vec<String> = (0..5000).map(|n| format!("element-{n}")).collect();
    let plain = ["a".to_string(), "x".repeat(20_000), "b".to_string()];
    vec![
        ("small", ValueType::List, strings(6, ["a", "b", "1", "a", "-5", "a"])),
        ("big", ValueType::List, strings(big.len(), &big)),
        ("plain", ValueType::List, strings(3, &plain)),
    ]
}

fn db() -> Db {
    Db::new(&keys())
}

#[test]
fn positions_count_from_both_ends() {
    let mut db = db();
    assert_eq!(db.ask("LLEN small"), ":6");
    assert_eq!(db.ask("LINDEX small 0"), "a");
    assert_eq!(db.ask("LINDEX small -2"), "-5");
    assert_eq!(db.ask("LINDEX small 6"), "nil");
    assert_eq!(db.ask("LINDEX small -7"), "nil");
    assert_eq!(db.ask("LRANGE small -3 -2"), "[a -5]");
    assert_eq!(db.ask("LRANGE small -100 0"), "[a]");
    assert_eq!(db.ask("LRANGE small 4 2"), "[]");
}

#[test]
fn a_big_list_is_entered_anywhere() {
    let mut db = db();
    for n in [0, 1, 127, 128, 129, 2500, 4998, 4999] {
        assert_eq!(db.ask(&format!("LINDEX big {n}")), format!("element-{n}"));
        assert_eq!(db.ask(&format!("LINDEX big {}", n - 5000)), format!("element-{n}"));
    }
    assert_eq!(db.ask("LRANGE big 2046 2048"), "[element-2046 element-2047 element-2048]");
    assert_eq!(db.ask("LRANGE big 4999 10000"), "[element-4999]");
    assert_eq!(db.ask("LINDEX plain -1"), "b");
    assert_eq!(db.ask("LINDEX plain 1").len(), 20_000);
}

#[test]
fn lpos_honours_rank_count_and_maxlen() {
    let mut db = db();
    assert_eq!(db.ask("LPOS small a"), ":0");
    assert_eq!(db.ask("LPOS small a RANK 2"), ":3");
    assert_eq!(db.ask("LPOS small a RANK -1 COUNT 0"), "[:5 :3 :0]");
    assert_eq!(db.ask("LPOS small a RANK -1 COUNT 0 MAXLEN 3"), "[:5 :3]");
    assert_eq!(db.ask("LPOS small none"), "nil");
    assert_eq!(db.ask("LPOS small none COUNT 1"), "[]");
    assert_eq!(db.ask("LPOS big element-4321 RANK -1"), ":4321");
    assert!(db.ask("LPOS small a RANK 0").starts_with("-ERR RANK can't be zero"));
    assert_eq!(db.ask("LPOS small a COUNT -1"), "-ERR COUNT can't be negative");
}

#[test]
fn absent_keys_are_empty_lists_and_others_of_the_wrong_type() {
    let mut db = db();
    assert_eq!(db.ask("LLEN none"), ":0");
    assert_eq!(db.ask("LRANGE none 0 -1"), "[]");
    assert_eq!(db.ask("LINDEX none not-a-number"), "nil");
    assert!(db.ask("HGET small f").starts_with("-WRONGTYPE"));
}

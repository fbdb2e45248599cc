//! Sets.
use crate::support::{strings, Db, Key};
use redtool_format::encodings::intset;
use redtool_format::rdb::{string, ValueType};

fn numbers(from: i64, to: i64, step: usize) -> Vec<u8> {
    let (mut blob, mut payload) = (Vec::new(), Vec::new());
    intset::write(&mut blob, &(from..to).step_by(step).collect::<Vec<_>>());
    string::write_raw(&mut payload, &blob);
    payload
}

/// Keys small and big.
pub fn keys() -> Vec<Key> {
    let big: Vec<String> = (0..3000).map(|n| format!("m{n}")).collect();
    vec![
        ("ints", ValueType::SetIntset, numbers(-5, 20, 5)),
        ("big-ints", ValueType::SetIntset, numbers(0, 10_000, 2)),
        ("words", ValueType::Set, strings(4, ["a", "b", "5", "m7"])),
        ("big", ValueType::Set, strings(big.len(), &big)),
    ]
}

fn db() -> Db {
    Db::new(&keys())
}

#[test]
fn membership_is_told_in_every_form() {
    let mut db = db();
    assert_eq!(db.ask("SMISMEMBER ints -5 5 6 05 a"), "[:1 :1 :0 :0 :0]");
    assert_eq!(db.ask("SMISMEMBER big-ints 9998 9999 0"), "[:1 :0 :1]");
    assert_eq!(db.ask("SMISMEMBER words 5 m7 x"), "[:1 :1 :0]");
    assert_eq!(db.ask("SMISMEMBER big m0 m2999 m3000"), "[:1 :1 :0]");
    assert_eq!(db.ask("SMISMEMBER none a b"), "[:0 :0]");
    assert_eq!(db.ask("SCARD big-ints"), ":5000");
    assert_eq!(db.ask("SMEMBERS ints"), "[-5 0 5 10 15]");
    assert_eq!(db.ask_sorted("SMEMBERS big").len(), 3000);
}

#[test]
fn sets_are_combined_across_forms() {
    let mut db = db();
    assert_eq!(db.ask_sorted("SINTER big words"), ["m7"]);
    assert_eq!(db.ask_sorted("SINTER ints big-ints"), ["0", "10"]);
    assert_eq!(db.ask("SINTER big none"), "[]");
    assert_eq!(db.ask_sorted("SDIFF words big ints"), ["a", "b"]);
    assert_eq!(db.ask("SDIFF none words"), "[]");
    assert_eq!(db.ask_sorted("SUNION words ints none").len(), 8);
    assert_eq!(db.ask("SINTERCARD 2 ints big-ints LIMIT 1"), ":1");
    assert_eq!(db.ask("SINTERCARD 0 ints"), "-ERR numkeys should be greater than 0");
    let mut db = db.resp3();
    assert_eq!(db.ask("SINTER words words big"), "~[m7]");
}

#[test]
fn a_scan_gives_every_member_once() {
    let mut db = db();
    for key in ["ints", "words", "big-ints", "big"] {
        let mut seen = db.scan_all("SSCAN", key, "COUNT 33");
        seen.sort();
        assert_eq!(seen, db.ask_sorted(&format!("SMEMBERS {key}")));
    }
}

#[test]
fn random_members_are_members() {
    let mut db = db();
    for (key, len) in [("ints", 5), ("big-ints", 5000), ("words", 4), ("big", 3000)] {
        let mut picked = db.ask_sorted(&format!("SRANDMEMBER {key} 4"));
        picked.dedup();
        assert_eq!(picked.len(), 4.min(len));
        assert_eq!(db.ask_sorted(&format!("SRANDMEMBER {key} -17")).len(), 17);
        let one = db.ask(&format!("SRANDMEMBER {key}"));
        assert_eq!(db.ask(&format!("SISMEMBER {key} {one}")), ":1");
    }
    assert_eq!(db.ask("SRANDMEMBER none"), "nil");
    assert_eq!(db.ask("SRANDMEMBER none 3"), "[]");
}

//! SCAN, KEYS and RANDOMKEY while keys are written.
use super::support::{show, Db};
use super::writable::HOMES;
use redtool_format::resp::Value;
use std::collections::BTreeMap;

/// One page: the next cursor, the keys.
fn page(db: &mut Db, cursor: &str, count: &str) -> (String, Vec<String>) {
    let reply = db.call(&[b"SCAN", cursor.as_bytes(), b"COUNT", count.as_bytes()]);
    let Value::Array(reply) = reply else { panic!("not an array") };
    let [Value::Bulk(next), Value::Array(keys)] = &reply[..] else { panic!("not a page") };
    (String::from_utf8(next.clone()).unwrap(), keys.iter().map(show).collect())
}

#[test]
fn a_scan_gives_every_key_that_is_there_all_the_time() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        for n in 0..500 {
            db.ask(&format!("SET stays:{n} v"));
            db.ask(&format!("SET goes:{n} v"));
        }
        let (mut seen, mut cursor, mut n) = (BTreeMap::new(), "0".to_string(), 0);
        loop {
            let (next, keys) = page(db, &cursor, "7");
            keys.into_iter().for_each(|key| *seen.entry(key).or_insert(0) += 1);
            assert!(next.len() < 10, "{home:?}: {next} is no small cursor");
            for _ in 0..9 {
                n += 1;
                db.ask(&format!("DEL goes:{n}"));
                db.ask(&format!("SET stays:{} other", n % 500));
                if n < 2000 {
                    db.ask(&format!("SET comes:{n} v"));
                }
            }
            if n % 4 == 0 {
                db.engine.dataset().save().unwrap();
            }
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        let stayed = seen.iter().filter(|(key, _)| key.starts_with("\"stays:"));
        assert_eq!(stayed.clone().count(), 500, "{home:?}");
        assert!(stayed.clone().all(|(_, times)| *times == 1), "{home:?}: a key came twice");
    }
}

#[test]
fn a_scan_goes_on_over_a_flush() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        db.ask("DEBUG POPULATE 100 key");
        let (cursor, keys) = page(db, "0", "10");
        assert_eq!(keys.len(), 10);
        db.ask("FLUSHALL");
        assert_eq!(page(db, &cursor, "10"), ("0".to_string(), Vec::new()), "{home:?}");
        db.ask("DEBUG POPULATE 50 key");
        let (mut next, mut left) = (cursor, 50);
        while next != "0" || left == 50 {
            next = page(db, &next, "10").0;
            left -= 1;
            assert!(left > 0, "{home:?}: the scan does not end");
        }
        assert_eq!(page(db, "0", "100").1.len(), 50);
    }
}

#[test]
fn keys_and_random_keys_are_those_that_are_there() {
    for home in HOMES {
        let mut written = home.open();
        let db = &mut written.db;
        assert_eq!(db.ask("RANDOMKEY"), "nil");
        db.ask("DEBUG POPULATE 300 key");
        for n in 0..297 {
            db.ask(&format!("DEL key:{n}"));
        }
        let mut drawn = BTreeMap::new();
        (0..200).for_each(|_| *drawn.entry(db.ask("RANDOMKEY")).or_insert(0) += 1);
        let drawn: Vec<String> = drawn.into_keys().collect();
        assert_eq!(drawn, ["\"key:297\"", "\"key:298\"", "\"key:299\""], "{home:?}");
        db.expect(&[("KEYS *9", "[\"key:299\"]"), ("KEYS x*", "[]")]);
    }
}

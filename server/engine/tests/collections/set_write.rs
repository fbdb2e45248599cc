//! Sets written: the same random commands get the same replies from a redis-server and leave the
//! same values, with the encodings of Redis 7.2.
use crate::redis::{Pair, Random, Redis};
use crate::support::{events, items, show, Db};
use redtool_format::resp::Value;
use std::collections::BTreeSet;

/// A maker of commands.
struct Maker(Random);

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.0.below(n)
    }

    fn key(&mut self) -> String {
        match self.below(60) {
            0 => "string".into(),
            n => format!("s{}", n % 6),
        }
    }

    /// Of some keys the members are integers alone, of others rarely so.
    fn member(&mut self, key: &str) -> String {
        match (key, self.below(40)) {
            (_, 0) => "m".repeat(60 + self.below(10)),
            (_, 1) => (self.0 .0 as i64 >> self.below(60)).to_string(),
            ("s0" | "s1" | "s2", 2) if self.below(8) > 0 => "7".into(),
            ("s0" | "s1" | "s2", 2) => "007".into(),
            ("s0" | "s1" | "s2", _) => format!("{}", self.below(700) as i64 - 300),
            (_, 3..=12) => format!("{}", self.below(100)),
            _ => format!("m{}", self.below(150)),
        }
    }

    fn command(&mut self) -> Vec<String> {
        let key = self.key();
        let mut args: Vec<String> = Vec::new();
        match self.below(20) {
            0..=8 => {
                args.extend(["SADD".into(), key.clone()]);
                let count = [1, 1, 2, 5, 40, 200][self.below(6)];
                args.extend((0..count).map(|_| self.member(&key)));
            }
            9..=11 => {
                args.extend(["SREM".into(), key.clone()]);
                let count = [1, 1, 3, 60][self.below(4)];
                args.extend((0..count).map(|_| self.member(&key)));
            }
            12..=13 => {
                let member = self.member(&key);
                args.extend(["SMOVE".into(), key, self.key(), member]);
            }
            14..=17 => {
                let name = ["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"][self.below(3)];
                args.extend([name.into(), key]);
                args.extend((0..1 + self.below(3)).map(|_| self.key()));
            }
            18 => args.extend(["SPOP".into(), key, "100000".into()]),
            _ => args.extend(["DEL".into(), key]),
        }
        args
    }
}

/// The reply of a redis-server to a command written with spaces.
fn asked(redis: &mut Redis, line: &str) -> String {
    show(&redis.call(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>()))
}

/// Both have the same members, in an encoding that goes with the other's.
fn compare(pair: &mut Pair) {
    for n in 0..6 {
        pair.ask_line(&format!("DEBUG DIGEST-VALUE s{n}"));
        pair.ask_line(&format!("SCARD s{n}"));
        let line = format!("OBJECT ENCODING s{n}");
        let theirs = asked(&mut pair.redis, &line);
        let ours = pair.redtool.ask(&line);
        // 7.0 knows no listpacks of sets.
        let as_theirs = if ours == "listpack" { "hashtable" } else { &ours };
        assert_eq!(as_theirs, theirs, "{line}");
        let members = asked(&mut pair.redis, &format!("SCARD s{n}"));
        if ours == "listpack" {
            assert!(members[1..].parse::<usize>().unwrap() <= 128, "{line}: {members}");
        }
    }
}

fn agrees(redtool: Db, seed: u64, steps: usize) {
    let Some(redis) = Redis::start() else { return };
    let mut pair = Pair { redis, redtool };
    let mut random = Maker(Random(seed));
    pair.ask_line("SET string x");
    for step in 0..steps {
        let command = random.command();
        if command[0] == "SPOP" {
            // Members come in any order.
            let words: Vec<&[u8]> = command.iter().map(|word| word.as_bytes()).collect();
            let theirs = pair.redis.call(&words);
            let ours = pair.redtool.call(&command.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(sorted(&ours), sorted(&theirs), "{command:?}");
        } else {
            pair.ask(&command);
        }
        if step % 50 == 49 {
            compare(&mut pair);
        }
    }
}

fn sorted(reply: &Value) -> Vec<String> {
    let mut shown: Vec<String> = match reply {
        Value::Array(_) | Value::Set(_) => items(reply).iter().map(show).collect(),
        other => vec![show(other)],
    };
    shown.sort();
    shown
}

#[test]
fn random_writes_in_memory_agree_with_redis_server() {
    agrees(Db::writable(&[]), 1, 6000);
    agrees(Db::writable(&[]), 2, 6000);
}

#[test]
fn random_writes_over_a_store_agree_with_redis_server() {
    let (folder, db) = Db::over_lmdb(&[]);
    agrees(db, 3, 6000);
    drop(folder);
}

fn add(db: &mut Db, key: &str, members: impl Iterator<Item = String>) {
    for chunk in members.collect::<Vec<_>>().chunks(400) {
        db.ask(&format!("SADD {key} {}", chunk.join(" ")));
    }
}

#[test]
fn what_is_popped_was_there_and_is_gone() {
    let mut db = Db::writable(&[]);
    for (size, prefix) in [(10, ""), (10, "m"), (2000, ""), (2000, "m"), (9000, "")] {
        for count in [0, 1, 3, size / 2, size - size / 10, size - 1, size, size + 5] {
            let all: BTreeSet<String> = (0..size).map(|n| format!("{prefix}{n}")).collect();
            add(&mut db, "k", all.iter().cloned());
            db.ask("EXPIRE k 100");
            let popped = db.ask_sorted(&format!("SPOP k {count}"));
            assert_eq!(popped.len(), count.min(size));
            let left = db.ask_sorted("SMEMBERS k");
            assert_eq!(db.ask("SCARD k"), format!(":{}", left.len()));
            assert_eq!(popped.len() + left.len(), size);
            assert!(popped.into_iter().chain(left).collect::<BTreeSet<_>>() == all);
            if count < size {
                assert_eq!(db.ask("TTL k"), ":100");
            }
            db.ask("DEL k");
        }
    }
    assert_eq!(db.ask("SPOP k"), "nil");
    assert_eq!(db.ask("SPOP k 3"), "[]");
    assert_eq!(db.ask("SPOP k -1"), "-ERR value is out of range, must be positive");
    assert_eq!(db.ask("SPOP k 1 2"), "-ERR syntax error");
}

#[test]
fn encodings_are_those_of_7_2() {
    let mut db = Db::writable(&[]);
    let numbers = |range: std::ops::Range<i32>| range.map(|n| n.to_string());
    add(&mut db, "ints", numbers(0..512));
    assert_eq!(db.ask("OBJECT ENCODING ints"), "intset");
    db.ask("SADD words a 1 2");
    assert_eq!(db.ask("OBJECT ENCODING words"), "listpack");
    add(&mut db, "words", numbers(0..127));
    assert_eq!(db.ask("OBJECT ENCODING words"), "listpack");
    db.ask("SADD words b");
    assert_eq!(db.ask("OBJECT ENCODING words"), "hashtable");
    // So many at a time are not looked at one by one.
    let many: Vec<String> = numbers(0..600).collect();
    db.ask(&format!("SADD many {}", many.join(" ")));
    db.ask(&format!("SADD same {}", vec!["a"; 129].join(" ")));
    assert_eq!(db.ask("OBJECT ENCODING many"), "hashtable");
    assert_eq!(db.ask("OBJECT ENCODING same"), "hashtable");
    // What is left of a table, when it is little, is a new set.
    db.ask("SPOP many 590");
    assert_eq!(db.ask("OBJECT ENCODING many"), "listpack");
    // A result of integers alone is an intset, unless others were in it on the way.
    db.ask("SINTERSTORE x words words");
    assert_eq!(db.ask("OBJECT ENCODING x"), "hashtable");
    db.ask("SINTERSTORE x words ints");
    assert_eq!(db.ask("OBJECT ENCODING x"), "intset");
    db.ask("SADD few a 1 2");
    db.ask("SADD out a");
    db.ask("SADD out2 a");
    db.ask("SDIFFSTORE x few out");
    assert_eq!(db.ask("OBJECT ENCODING x"), "intset");
    db.ask("SDIFFSTORE x few out out2");
    assert_eq!(db.ask("OBJECT ENCODING x"), "intset");
    db.ask("SDIFFSTORE x few out out2 out out2 out");
    assert_eq!(db.ask("OBJECT ENCODING x"), "listpack");
    db.ask("SUNIONSTORE x ints ints");
    assert_eq!(db.ask("OBJECT ENCODING x"), "intset");
    db.ask("CONFIG SET set-max-intset-entries 100000");
    add(&mut db, "wide", (0..20_000).map(|n| (n * 1_000_003i64).to_string()));
    assert_eq!(db.ask("OBJECT ENCODING wide"), "intset");
    assert_eq!(db.ask("SISMEMBER wide 13000039"), ":1");
}

#[test]
fn events_come_in_the_order_of_redis() {
    let mut db = Db::writable(&[]);
    let heard = events(
        &mut db,
        &[
            "SADD a 1 2 3",
            "SADD a 1",
            "SREM a 1 x",
            "SREM a x",
            "SMOVE a b 2",
            "SMOVE a b 3",
            "SMOVE a b 3",
            "SPOP b",
            "SPOP b 5",
            "SADD a x",
            "SUNIONSTORE c a",
            "SINTERSTORE c a none",
            "SINTERSTORE c a none",
            "SDIFFSTORE c a none",
            "SINTERSTORE a a c",
        ],
    );
    let expected = [
        "sadd a",
        "srem a",
        "srem a",
        "sadd b",
        "srem a",
        "del a",
        "sadd b",
        "spop b",
        "spop b",
        "del b",
        "sadd a",
        "sunionstore c",
        "del c",
        "sdiffstore c",
        "sinterstore a",
    ];
    assert_eq!(heard, expected);
}

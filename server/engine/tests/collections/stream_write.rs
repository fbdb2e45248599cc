//! Streams written: messages, groups, claims, waiting; in one record and in segments, in memory and
//! over LMDB.
use crate::redis::Redis;
use crate::support::{show, Db, NOW_MS};
use redtool_format::resp::Value;

/// A reproducible source of choices.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// An id near the newest.
    fn id(&mut self, newest: usize) -> String {
        match self.below(15) {
            0 => self.of(&["0", "-", "+", "$", "x", "0-0", "9999999"]).into(),
            _ => format!("{}-{}", (newest + 2).saturating_sub(self.below(120)), self.below(3)),
        }
    }

    fn trim(&mut self, newest: usize) -> String {
        let operator = self.of(&["", "= ", "~ "]);
        match self.below(2) {
            0 => format!("MAXLEN {operator}{}", self.of(&["0", "10", "100", "250", "-1"])),
            _ => format!("MINID {operator}{}", self.id(newest)),
        }
    }

    fn message(&mut self) -> String {
        match self.below(8) {
            0 => format!("f {}", "x".repeat(self.below(3000))),
            1 => "other 12 more -0".into(),
            _ => format!("f {} g v", self.below(1_000_000)),
        }
    }

    fn command(&mut self, newest: &mut usize) -> String {
        let (key, group) = (self.of(&["a", "b", "c"]), self.of(&["g", "h"]));
        let consumer = self.of(&["x", "y", "z"]);
        let (id, other) = (self.id(*newest), self.id(*newest));
        match self.below(40) {
            0..=12 => {
                *newest += self.below(3);
                let seq = self.of(&["*", "*", "0", "1"]);
                let trim =
                    if self.below(12) == 0 { self.trim(*newest) + " " } else { String::new() };
                format!("XADD {key} {trim}{newest}-{seq} {}", self.message())
            }
            13 => format!("XTRIM {key} {}", self.trim(*newest)),
            14..=16 => format!("XDEL {key} {id} {other}"),
            17 => format!("XSETID {key} {newest}-99 {}", self.of(&["", "ENTRIESADDED 900", "x"])),
            18 => format!("XGROUP CREATE {key} {group} {} MKSTREAM", self.of(&["0", "$"])),
            19 => format!("XGROUP SETID {key} {group} {id} ENTRIESREAD {}", self.below(9)),
            20 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
            21 => format!("XGROUP CREATECONSUMER {key} {group} {consumer}"),
            22..=27 => {
                let options = self.of(&["COUNT 3 ", "COUNT 50 ", "NOACK ", ""]);
                let from = self.of(&[">", ">", ">", "0"]);
                format!("XREADGROUP GROUP {group} {consumer} {options}STREAMS {key} {from}")
            }
            28..=31 => format!("XACK {key} {group} {id} {other}"),
            32 | 33 => {
                let options = self.of(&["", "FORCE", "JUSTID", "RETRYCOUNT 7", "IDLE 50"]);
                format!("XCLAIM {key} {group} {consumer} 0 {id} {other} {options}")
            }
            34 | 35 => {
                let idle = self.of(&["0", "99999999"]);
                format!("XAUTOCLAIM {key} {group} {consumer} {idle} {id} COUNT {}", self.below(9))
            }
            36 => format!("XPENDING {key} {group}"),
            37 => format!("XREAD COUNT 3 STREAMS {key} {}", self.of(&["0", "$", "9-1", "x"])),
            38 => format!("XINFO GROUPS {key}"),
            _ => self.of(&["DEL c", "PERSIST a", "EXPIRE a 1000", "XLEN b", "TYPE a"]).into(),
        }
    }
}

/// A reply without what is not the same on two servers: moments, and what only 7.2 has.
fn timeless(value: &Value) -> Value {
    let name = |value: &Value| match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    };
    let Value::Array(items) = value else { return value.clone() };
    let mut kept: Vec<Value> = Vec::new();
    let mut skips = false;
    for item in items {
        if std::mem::take(&mut skips) {
            continue;
        }
        match name(item).as_str() {
            "seen-time" | "active-time" | "idle" | "inactive" | "lag" => skips = true,
            _ => kept.push(timeless(item)),
        }
    }
    // Pending entries: id, perhaps the consumer, moment, count.
    let n = kept.len();
    let is_int = |value: &Value| matches!(value, Value::Int(_));
    if (3..=4).contains(&n) && is_int(&kept[n - 1]) && is_int(&kept[n - 2]) {
        kept.remove(n - 2);
    }
    Value::Array(kept)
}

/// Key, group and consumer of a command that reads or claims. 7.2 makes such a consumer in any
/// case,
/// 7.0 only when it gets something, so it is made before.
fn reader(command: &str) -> Option<(&str, &str, &str)> {
    let words: Vec<&str> = command.split(' ').collect();
    match *words.first()? {
        "XCLAIM" | "XAUTOCLAIM" => Some((words[1], words[2], words[3])),
        "XREADGROUP" => Some((words[words.len() - 2], words[2], words[3])),
        _ => None,
    }
}

/// Plays random commands to both sides; returns what was compared.
fn play(db: &mut Db, redis: &mut Redis, seed: u64, count: usize) -> Vec<(String, String)> {
    let (mut random, mut newest) = (Random(seed), 1);
    let mut differing = Vec::new();
    let mut compare = |db: &mut Db, redis: &mut Redis, command: &str| {
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let theirs = show(&timeless(&redis.call(&bytes)));
        let ours = show(&timeless(&db.call(&words)));
        if ours != theirs {
            differing.push((format!("{command}: {ours}"), theirs));
        }
    };
    for step in 0..count {
        let command = random.command(&mut newest);
        if let Some((key, group, consumer)) = reader(&command) {
            let made = format!("XGROUP CREATECONSUMER {key} {group} {consumer}");
            compare(db, redis, &made);
        }
        compare(db, redis, &command);
        if step % 40 == 0 {
            for key in ["a", "b", "c"] {
                compare(db, redis, &format!("XINFO STREAM {key} FULL COUNT 0"));
                compare(db, redis, &format!("DEBUG DIGEST-VALUE {key}"));
            }
        }
        if step % 333 == 0 {
            db.save();
        }
    }
    differing
}

#[test]
fn random_commands_have_the_replies_of_redis_in_memory() {
    let Some(mut redis) = Redis::start() else { return };
    assert_eq!(play(&mut Db::writable(&[]), &mut redis, 5, 4000), []);
}

#[test]
fn random_commands_have_the_replies_of_redis_over_lmdb() {
    let Some(mut redis) = Redis::start() else { return };
    let (_folder, mut db) = Db::over_lmdb(&[]);
    assert_eq!(play(&mut db, &mut redis, 6, 3000), []);
}

#[test]
fn ids_follow_the_clock_and_the_newest_message() {
    let mut db = Db::writable(&[]);
    assert_eq!(db.ask("XADD s * f v"), format!("{NOW_MS}-0"));
    assert_eq!(db.ask("XADD s * f v"), format!("{NOW_MS}-1"));
    assert_eq!(db.ask(&format!("XADD s {}-5 f v", NOW_MS + 9)), format!("{}-5", NOW_MS + 9));
    assert_eq!(db.ask("XADD s * f v"), format!("{}-6", NOW_MS + 9));
    assert!(db.ask("XADD s 1-1 f v").contains("equal or smaller than the target stream top item"));
    assert_eq!(db.ask("XADD none NOMKSTREAM * f v"), "nil");
    assert_eq!(db.ask("EXISTS none"), ":0");
}

#[test]
fn a_big_pending_list_is_written_to_the_record_only_when_someone_looks() {
    let mut db = Db::writable(&[]);
    for n in 1..=3000 {
        db.ask(&format!("XADD s {n} f v"));
    }
    db.ask("XGROUP CREATE s g 0");
    db.ask("XREADGROUP GROUP g amy STREAMS s >");
    assert_eq!(db.ask("XACK s g 1 2 3 4000"), ":3");
    assert_eq!(db.ask("XADD s 3001 f v"), "3001-0");
    let info = db.ask("XINFO GROUPS s");
    assert!(info.contains("pending :2997"), "{info}");
    assert_eq!(db.ask("XLEN s"), ":3001");
    let whole = db.ask("XINFO STREAM s FULL COUNT 0");
    // What does not know streams looks at the record.
    assert_eq!(db.ask("DUMP s"), db.ask("DUMP s"));
    assert_eq!(db.ask("XINFO STREAM s FULL COUNT 0"), whole);
    assert_eq!(db.ask("XACK s g 4"), ":1");
    assert_eq!(db.ask("EXPIRE s 100"), ":1");
    assert_eq!(db.ask("XPENDING s g - + 1"), "[[5-0 amy :0 :1]]");
    assert_eq!(db.ask("TTL s"), ":100");
    assert_eq!(db.ask("DEL s"), ":1");
    assert_eq!(db.ask("XADD s 1 f v"), "1-0");
    assert_eq!(db.ask("XINFO GROUPS s"), "[]");
}

#[test]
fn what_was_acknowledged_is_in_the_store_after_a_save() {
    let (folder, mut db) = Db::over_lmdb(&[]);
    for n in 1..=3000 {
        db.ask(&format!("XADD s {n} f v"));
    }
    db.ask("XGROUP CREATE s g 0");
    db.ask("XREADGROUP GROUP g amy STREAMS s >");
    db.save();
    db.ask("XACK s g 1 2 3");
    db.ask("XADD s 3001 f v");
    db.save();
    let whole = db.ask("XINFO STREAM s FULL COUNT 0");
    drop(db);
    assert_eq!(Db::reopened(&folder).ask("XINFO STREAM s FULL COUNT 0"), whole);
}

#[test]
fn readers_wait_for_messages() {
    let mut db = Db::writable(&[]);
    db.ask("XADD s 1 f v");
    let (mut one, mut two) = (db.another(), db.another().resp3());
    assert!(one.call_or_wait(&["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]).is_none());
    assert!(two.call_or_wait(&["XREAD", "BLOCK", "9", "STREAMS", "n", "s", "0", "$"]).is_none());
    db.ask("XADD s 2 f w");
    assert_eq!(one.mail(), "[[s [[2-0 [f w]]]]]");
    assert_eq!(two.mail(), "{s=[[2-0 [f w]]]}");
    assert!(one.call_or_wait(&["XREAD", "BLOCK", "5", "STREAMS", "s", "$"]).is_none());
    assert_eq!(show(&one.time_out()), "nil");
    assert_eq!(db.ask("XREAD STREAMS s +"), "[[s [[2-0 [f w]]]]]");
    assert_eq!(db.ask("MULTI"), "+OK");
    db.ask("XREAD BLOCK 0 STREAMS s $");
    assert_eq!(db.ask("EXEC"), "[nil]");
}

#[test]
fn a_group_that_goes_away_ends_the_wait_with_an_error() {
    let wait = ["XREADGROUP", "GROUP", "g", "amy", "BLOCK", "0", "STREAMS", "s", ">"];
    for (command, error) in [
        ("DEL s", "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"),
        ("XGROUP DESTROY s g", "-NOGROUP No such key 's' or consumer group 'g' in"),
        ("SET s 1", "-WRONGTYPE Operation against"),
        ("FLUSHALL", "-NOGROUP No such key"),
        ("XADD s 5 f v", "[[s [[5-0 [f v]]]]]"),
    ] {
        let mut db = Db::writable(&[]);
        db.ask("XGROUP CREATE s g $ MKSTREAM");
        let (mut reader, mut plain) = (db.another(), db.another());
        assert!(plain.call_or_wait(&["XREAD", "BLOCK", "0", "STREAMS", "s", "9"]).is_none());
        assert!(reader.call_or_wait(&wait).is_none());
        db.ask(command);
        let reply = reader.mail();
        assert!(reply.starts_with(error), "{command}: {reply}");
        assert_eq!(plain.mail(), "", "{command}");
    }
}

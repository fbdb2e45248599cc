//! Hashes written: the same random commands get the same replies from a redis-server and leave the
//! same values. Fields that expire are of Redis 7.4; what is said of them is written here.
use crate::hash;
use crate::redis::{Pair, Random, Redis};
use crate::support::{events, show, Db, NOW_MS};

/// A maker of commands.
struct Maker(Random);

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.0.below(n)
    }

    fn key(&mut self) -> String {
        match self.below(60) {
            0 => "string".into(),
            n => format!("h{}", n % 5),
        }
    }

    fn field(&mut self) -> String {
        match self.below(40) {
            0 => "f".repeat(60 + self.below(10)),
            1 => String::new(),
            2..=12 => format!("{}", self.below(30)),
            _ => format!("f{}", self.below(300)),
        }
    }

    /// A number as somebody writes it, or what is none.
    fn float(&mut self) -> String {
        let digits = |maker: &mut Self, most: usize| -> String {
            (0..maker.below(most)).map(|_| char::from(b'0' + maker.below(10) as u8)).collect()
        };
        let sign = ["", "", "-", "+"][self.below(4)];
        let (whole, fraction) = (digits(self, 12), digits(self, 25));
        match self.below(12) {
            0 => ["inf", "-inf", "nan", "x", "", " 1", "1e5000", "0x10", "1e-5000", "."]
                [self.below(10)]
            .into(),
            1 => format!("{sign}{whole}.{fraction}e{}", self.below(9000) as i64 - 4500),
            2 | 3 => format!("{sign}{whole}.{fraction}e{}", self.below(60) as i64 - 30),
            4 => format!("{sign}0x{whole}.{fraction}p{}", self.below(200) as i64 - 100),
            5 | 6 => format!("{sign}{whole}"),
            7 => format!("{sign}{whole}{}", digits(self, 30)),
            _ => format!("{sign}{whole}.{fraction}"),
        }
    }

    fn value(&mut self) -> String {
        match self.below(12) {
            0 => "v".repeat(60 + self.below(10)),
            1 => (self.0 .0 as i64 >> self.below(60)).to_string(),
            2 => self.float(),
            3 => String::new(),
            4..=7 => format!("{}", self.below(1000) as i64 - 500),
            _ => format!("value {}", self.below(1000)),
        }
    }

    fn command(&mut self) -> Vec<String> {
        let key = self.key();
        let mut args: Vec<String> = Vec::new();
        match self.below(24) {
            0..=7 => {
                args.extend([["HSET", "HMSET"][self.below(2)].into(), key]);
                for _ in 0..[1, 1, 2, 3, 60][self.below(5)] {
                    args.extend([self.field(), self.value()]);
                }
                if self.below(20) == 0 {
                    args.push("odd".into());
                }
            }
            8 => args.extend(["HSETNX".into(), key, self.field(), self.value()]),
            9..=12 => {
                args.extend(["HDEL".into(), key]);
                args.extend((0..[1, 1, 3, 60][self.below(4)]).map(|_| self.field()));
            }
            13..=15 => args.extend(["HINCRBY".into(), key, self.field(), self.value()]),
            16..=18 => args.extend(["HINCRBYFLOAT".into(), key, self.field(), self.float()]),
            19 => args.extend(["HGET".into(), key, self.field()]),
            20 => args.extend(["INCRBYFLOAT".into(), "n".into(), self.float()]),
            21 => args.extend(["SET".into(), "n".into(), self.value()]),
            22 => args.extend(["HGET".into(), key, self.field()]),
            _ if self.below(4) == 0 => args.extend(["DEL".into(), key]),
            _ => args.extend(["HLEN".into(), key]),
        }
        args
    }
}

/// The replies to a command are the same to the last digit.
fn ask(pair: &mut Pair, args: &[String]) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let words: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let theirs = show(&pair.redis.call(&words));
    assert_eq!(show(&pair.redtool.call(&args)), theirs, "{args:?}");
}

fn agrees(redtool: Db, seed: u64, steps: usize) {
    let Some(redis) = Redis::start() else { return };
    let mut pair = Pair { redis, redtool };
    let mut random = Maker(Random(seed));
    pair.ask_line("SET string x");
    for step in 0..steps {
        ask(&mut pair, &random.command());
        if step % 50 == 49 {
            for key in ["h0", "h1", "h2", "h3", "h4", "n"] {
                pair.ask_line(&format!("DEBUG DIGEST-VALUE {key}"));
                pair.ask_line(&format!("OBJECT ENCODING {key}"));
            }
        }
    }
}

#[test]
fn random_writes_in_memory_agree_with_redis_server() {
    agrees(Db::writable(&[]), 1, 8000);
    agrees(Db::writable(&[]), 2, 8000);
}

#[test]
fn random_writes_over_a_store_agree_with_redis_server() {
    let (folder, db) = Db::over_lmdb(&[]);
    agrees(db, 3, 8000);
    drop(folder);
}

#[test]
fn sums_of_floats_agree_with_redis_server_to_the_last_digit() {
    let Some(redis) = Redis::start() else { return };
    let mut pair = Pair { redis, redtool: Db::writable(&[]) };
    let mut random = Maker(Random(5));
    for step in 0..20_000 {
        if step % 3 == 0 {
            ask(&mut pair, &["SET".into(), "n".into(), random.float()]);
        }
        ask(&mut pair, &["INCRBYFLOAT".into(), "n".into(), random.float()]);
    }
}

/// A hash of so many fields, in one listpack or in segments.
fn filled(db: &mut Db, key: &str, fields: usize) {
    for n in 0..fields {
        db.ask(&format!("HSET {key} f{n} {n}"));
    }
}

#[test]
fn fields_get_times_on_conditions() {
    for (fields, encoding) in [(3, "listpackex"), (5000, "hashtable")] {
        let mut db = Db::writable(&[]);
        filled(&mut db, "h", fields);
        let at = |seconds: i64| NOW_MS / 1000 + seconds;
        let after = [
            ("HEXPIRE h 100 FIELDS 2 f0 none", "[:1 :-2]"),
            ("HEXPIRE h 50 NX FIELDS 2 f0 f1", "[:0 :1]"),
            ("HEXPIRE h 60 XX FIELDS 2 f1 f2", "[:1 :0]"),
            ("HEXPIRE h 70 GT FIELDS 3 f0 f1 f2", "[:0 :1 :0]"),
            ("HPEXPIRE h 90000 LT FIELDS 3 f0 f1 f2", "[:1 :0 :1]"),
            ("HTTL h FIELDS 4 f0 f1 f2 f3", "[:90 :70 :90 :-"),
            ("HPERSIST h FIELDS 4 f0 f0 none f1", "[:1 :-1 :-2 :1]"),
            ("HGET h f1", "1"),
            ("HINCRBY h f2 5", ":7"),
            ("HINCRBYFLOAT h f2 0.5", "7.5"),
            ("HTTL h FIELDS 2 f1 f2", "[:-1 :90]"),
            ("HSET h f2 again", ":0"),
            ("HTTL h FIELDS 1 f2", "[:-1]"),
            ("HEXPIRE h 0 FIELDS 2 f1 f1", "[:2 :-2]"),
            ("HPEXPIREAT h 1 FIELDS 1 f0", "[:2]"),
        ];
        for (command, reply) in after {
            assert!(db.ask(command).starts_with(reply), "{command}: {}", db.ask(command));
        }
        assert_eq!(db.ask("OBJECT ENCODING h"), encoding);
        assert_eq!(db.ask(&format!("HEXPIREAT h {} FIELDS 1 f2", at(7))), "[:1]");
        assert_eq!(db.ask("HEXPIRETIME h FIELDS 1 f2"), format!("[:{}]", at(7)));
        assert_eq!(db.ask("HLEN h"), format!(":{}", fields - 2));
        assert_eq!(db.ask("HDEL h f2"), ":1");
    }
}

#[test]
fn a_hash_whose_last_field_is_over_is_gone() {
    let mut db = Db::writable(&[]);
    db.ask("HSET h a 1 b 2");
    assert_eq!(db.ask("HEXPIRE h 0 FIELDS 2 a b"), "[:2 :2]");
    assert_eq!(db.ask("EXISTS h"), ":0");
    assert_eq!(db.ask("HEXPIRE h 10 FIELDS 2 a b"), "[:-2 :-2]");
    assert_eq!(db.ask("HPERSIST h FIELDS 1 a"), "[:-2]");
}

#[test]
fn arguments_are_refused_in_the_words_of_7_4() {
    let mut db = Db::writable(&[]);
    db.ask("SET s x");
    db.ask("HSET h a 1");
    let table = [
        ("HEXPIRE s x FIELDS 1 a", "-WRONGTYPE"),
        ("HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer"),
        ("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0"),
        ("HEXPIRE h 70368744178 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command"),
        ("HPEXPIREAT h 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hpexpireat'"),
        ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time"),
        ("HEXPIRE h 10 FIELD 1 a", "-ERR Mandatory argument FIELDS is missing"),
        ("HEXPIRE h 10 NX XX FIELDS 1 a", "-ERR Mandatory argument FIELDS is missing"),
        ("HEXPIRE h 10 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0"),
        ("HEXPIRE h 10 FIELDS 2 a", "-ERR The `numfields` parameter must match"),
        ("HEXPIRE h 10 NX FIELDS 1", "-ERR The `numfields` parameter must match"),
        ("HEXPIRE h 10 FIELDS 1", "-ERR wrong number of arguments"),
        ("HPERSIST h FIELDS 0 a", "-ERR Number of fields must be a positive integer"),
        ("HPEXPIREAT h 70368744177663 FIELDS 1 a", "[:1]"),
    ];
    for (command, reply) in table {
        let said = db.ask(command);
        assert!(said.starts_with(reply), "{command}: {said}");
    }
}

#[test]
fn what_has_run_out_is_absent_for_writes_and_goes() {
    let mut db = Db::writable(&hash::keys());
    for (key, gone, stays) in [("ttl", "gone", "stays"), ("big-ttl", "f0", "f1")] {
        assert_eq!(db.ask(&format!("HDEL {key} {gone}")), ":0");
        assert_eq!(db.ask(&format!("HSETNX {key} {stays} x")), ":0");
        assert_eq!(db.ask(&format!("HEXPIRE {key} 10 FIELDS 1 {gone}")), "[:-2]");
        assert_eq!(db.ask(&format!("HSET {key} {gone} new")), ":1");
        assert_eq!(db.ask(&format!("HTTL {key} FIELDS 1 {gone}")), "[:-1]");
        assert_eq!(db.ask(&format!("HINCRBY {key} {gone}2 3")), ":3");
    }
    assert_eq!(db.ask("HINCRBY big-ttl f2 3"), ":3");
    db.cron();
    assert_eq!(db.ask("HLEN big-ttl"), ":1003");
    // What is left of the dataset's own is in no field's way.
    assert_eq!(db.ask("HKEYS ttl"), "[going stays gone gone2]");
}

#[test]
fn events_come_in_the_order_of_redis() {
    let mut db = Db::writable(&hash::keys());
    let heard = events(
        &mut db,
        &[
            "HSET a x 1 y 2",
            "HMSET a z 1",
            "HSETNX a z 1",
            "HSETNX a w 1",
            "HINCRBY a x 1",
            "HINCRBYFLOAT a x 1",
            "HEXPIRE a 10 FIELDS 1 x",
            "HEXPIRE a 10 FIELDS 1 none",
            "HPERSIST a FIELDS 1 x",
            "HPERSIST a FIELDS 1 x",
            "HDEL a none",
            "HDEL a x",
            "HEXPIRE a 0 FIELDS 3 y z w",
            "HSET ttl stays 2",
            "HDEL ttl going stays",
        ],
    );
    let expected = [
        "hset a",
        "hset a",
        "hset a",
        "hincrby a",
        "hincrbyfloat a",
        "hexpire a",
        "hpersist a",
        "hdel a",
        "hdel a",
        "del a",
        "hexpired ttl",
        "hset ttl",
        "hdel ttl",
        "del ttl",
    ];
    assert_eq!(heard, expected);
}

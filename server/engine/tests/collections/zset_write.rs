//! Sorted sets and positions written: the same random commands, small sets and big ones, get the
//! same replies from a redis-server and leave the same values.
use crate::redis::{Pair, Random, Redis};
use crate::support::{events, strings, Db, Key};
use redtool_format::rdb::ValueType;

impl Random {
    fn key(&mut self) -> String {
        format!("z{}", self.below(5))
    }

    fn member(&mut self) -> String {
        match self.below(30) {
            0 => "m".repeat(70 + self.below(3)),
            1 => String::new(),
            2..=9 => format!("{}", self.below(40) as i64 - 20),
            _ => format!("member:{}", self.below(60)),
        }
    }

    fn score(&mut self) -> String {
        match self.below(20) {
            0 => self.of(&["inf", "-inf", "+inf", "-0", "0", "1e300", "-1e300", "9e18"]).into(),
            1 => self.of(&["nan", "x", "", "1e400", "0x10", " 1"]).into(),
            2..=7 => format!("{}", self.below(2000) as f64 / 16.0 - 60.0),
            8 => format!("{}", self.below(1000) as f64 / 7.0),
            _ => format!("{}", self.below(20) as i64 - 10),
        }
    }

    fn bound(&mut self) -> String {
        let open = self.of(&["", "", "("]);
        format!("{open}{}", self.score())
    }

    fn lex(&mut self) -> String {
        let member = self.member();
        match self.below(12) {
            0 => "-".into(),
            1 => "+".into(),
            2 => member,
            3..=7 => format!("({member}"),
            _ => format!("[{member}"),
        }
    }

    fn number(&mut self) -> String {
        self.of(&["0", "1", "2", "3", "5", "10", "-1", "-2", "-5", "100", "x"]).into()
    }

    fn coordinates(&mut self) -> [String; 2] {
        let mut degrees =
            |span: usize| format!("{}", self.below(span) as f64 / 50.0 - span as f64 / 100.0);
        [degrees(18_000), degrees(8_700)]
    }

    fn words(&mut self, words: &[&str], out: &mut Vec<String>) {
        for word in words {
            if self.below(6) == 0 {
                out.push((*word).into());
            }
        }
    }

    fn zadd(&mut self) -> Vec<String> {
        let mut args = vec!["ZADD".into(), self.key()];
        self.words(&["NX", "XX", "GT", "LT", "CH", "INCR"], &mut args);
        let start = self.below(60);
        let pairs = if args.len() < 4 { 1 + self.below(6) } else { 1 };
        for n in 0..pairs {
            args.push(self.score());
            args.push(if pairs > 1 { format!("member:{}", start + n) } else { self.member() });
        }
        args
    }

    fn remove_or_pop(&mut self) -> Vec<String> {
        let key = self.key();
        match self.below(9) {
            0 | 1 => vec!["ZREM".into(), key, self.member(), self.member()],
            2 => vec!["ZREMRANGEBYRANK".into(), key, self.number(), self.number()],
            3 => vec!["ZREMRANGEBYSCORE".into(), key, self.bound(), self.bound()],
            4 => vec!["ZREMRANGEBYLEX".into(), "lex".into(), self.lex(), self.lex()],
            5 => vec![self.of(&["ZPOPMIN", "ZPOPMAX"]).into(), key],
            6 => vec![self.of(&["ZPOPMIN", "ZPOPMAX"]).into(), key, self.number()],
            7 => {
                let mut args = vec!["ZMPOP".into(), "2".into(), key, self.key()];
                args.push(self.of(&["MIN", "MAX", "x"]).into());
                if self.below(2) == 0 {
                    args.extend(["COUNT".into(), self.number()]);
                }
                args
            }
            _ => {
                let name = self.of(&["BZPOPMIN", "BZPOPMAX"]);
                vec![name.into(), "none".into(), key, self.key(), "0.001".into()]
            }
        }
    }

    fn store(&mut self) -> Vec<String> {
        if self.below(3) == 0 {
            let mut args = vec!["ZRANGESTORE".into(), self.key(), self.key()];
            match self.below(3) {
                0 => args.extend([self.number(), self.number()]),
                1 => args.extend([self.bound(), self.bound(), "BYSCORE".into()]),
                _ => {
                    args[2] = "lex".into();
                    args.extend([self.lex(), self.lex(), "BYLEX".into()]);
                }
            }
            self.words(&["REV", "WITHSCORES"], &mut args);
            if self.below(3) == 0 {
                args.extend(["LIMIT".into(), self.number(), self.number()]);
            }
            return args;
        }
        let name = self.of(&["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]);
        let keys = 1 + self.below(3);
        let mut args = vec![name.into(), self.key(), keys.to_string()];
        for _ in 0..keys {
            let key = if self.below(5) == 0 { "set".into() } else { self.key() };
            args.push(key);
        }
        if self.below(3) == 0 {
            args.push("WEIGHTS".into());
            (0..keys).for_each(|_| args.push(self.score()));
        }
        if self.below(3) == 0 {
            args.extend(["AGGREGATE".into(), self.of(&["SUM", "MIN", "MAX", "x"]).into()]);
        }
        args
    }

    fn geo(&mut self) -> Vec<String> {
        let [lon, lat] = self.coordinates();
        let unit = self.of(&["m", "km", "mi", "ft"]).to_string();
        let radius = self.below(3_000_000).to_string();
        let member = format!("p{}", self.below(80));
        let mut args: Vec<String> = match self.below(8) {
            0..=3 => {
                let mut args = vec!["GEOADD".into(), "geo".into()];
                self.words(&["NX", "XX", "CH"], &mut args);
                args.extend([lon, lat, member]);
                return args;
            }
            4 => vec!["GEORADIUS".into(), "geo".into(), lon, lat, radius, unit],
            5 => vec!["GEORADIUSBYMEMBER".into(), "geo".into(), member, radius, unit],
            _ => {
                let mut args = vec!["GEOSEARCHSTORE".into(), self.key(), "geo".into()];
                match self.below(2) {
                    0 => args.extend(["FROMMEMBER".into(), member]),
                    _ => args.extend(["FROMLONLAT".into(), lon, lat]),
                }
                match self.below(2) {
                    0 => args.extend(["BYRADIUS".into(), radius, unit]),
                    _ => args.extend(["BYBOX".into(), radius.clone(), radius, unit]),
                }
                self.words(&["STOREDIST"], &mut args);
                args
            }
        };
        self.words(&["WITHDIST", "ASC", "DESC", "ANY"], &mut args);
        if self.below(2) == 0 {
            args.extend(["COUNT".into(), (self.below(9)).to_string()]);
        }
        if args[0].starts_with("GEORADIUS") && self.below(3) > 0 {
            args.extend([self.of(&["STORE", "STOREDIST"]).into(), self.key()]);
        }
        args
    }

    fn other(&mut self) -> Vec<String> {
        let key = self.key();
        match self.below(7) {
            0 => vec!["DEL".into(), key],
            1 => vec!["SET".into(), key, "text".into()],
            2 => vec!["ZADD".into(), "lex".into(), "0".into(), self.member()],
            3 => vec!["ZINCRBY".into(), key, self.score(), self.member()],
            4 => vec!["PEXPIRE".into(), key, "10000000".into()],
            5 => vec!["ZRANK".into(), key, self.member()],
            _ => vec!["ZCOUNT".into(), key, self.bound(), self.bound()],
        }
    }

    fn command(&mut self) -> Vec<String> {
        match self.below(20) {
            0..=8 => self.zadd(),
            9..=12 => self.remove_or_pop(),
            13 => self.store(),
            14 => self.geo(),
            _ => self.other(),
        }
    }

    /// Many members at once, more or fewer than fit into one record.
    fn many(&mut self) -> Vec<String> {
        let mut args = vec!["ZADD".into(), self.key()];
        let start = self.below(2000);
        let scores = [1, 3, 1000][self.below(3)];
        for n in 0..200 + self.below(1500) {
            args.push((self.below(scores) as f64 / 4.0).to_string());
            args.push(format!("member:{}", start + n));
        }
        args
    }
}

impl Pair {
    /// The keys' values, encodings and some ranks.
    fn compare(&mut self, random: &mut Random) {
        for key in ["z0", "z1", "z2", "z3", "z4", "lex", "geo"] {
            self.ask_line(&format!("DEBUG DIGEST-VALUE {key}"));
            self.ask_line(&format!("OBJECT ENCODING {key}"));
            if self.ask_line(&format!("TYPE {key}")) != "+zset" {
                continue;
            }
            self.ask_line(&format!("ZRANGE {key} 0 -1 WITHSCORES"));
            for _ in 0..3 {
                let member = random.member();
                for name in ["ZRANK", "ZREVRANK", "ZSCORE"] {
                    self.ask(&[name.into(), key.into(), member.clone()]);
                }
                self.ask(&["ZCOUNT".into(), key.into(), random.bound(), random.bound()]);
            }
        }
    }
}

/// The set that is combined with sorted sets.
fn set() -> Vec<Key> {
    vec![("set", ValueType::Set, strings(3, ["member:1", "member:2", "x"]))]
}

fn agrees(redtool: Db, resp3: bool, seed: u64, steps: usize) {
    let Some(redis) = Redis::start() else { return };
    let mut pair = Pair { redis, redtool };
    if resp3 {
        pair.redis.call(&[b"HELLO", b"3"]);
        pair.redtool = pair.redtool.resp3();
    }
    let mut random = Random(seed);
    pair.ask_line("CONFIG SET zset-max-listpack-entries 30");
    pair.redis.call(&[b"SADD", b"set", b"member:1", b"member:2", b"x"]);
    for step in 0..steps {
        let command = if step % 400 == 399 { random.many() } else { random.command() };
        pair.ask(&command);
        if step % 100 == 99 {
            pair.compare(&mut random);
        }
    }
    pair.compare(&mut random);
}

#[test]
fn random_writes_in_memory_agree_with_redis_server() {
    agrees(Db::writable(&set()), false, 1, 10_000);
    agrees(Db::writable(&set()), true, 2, 5_000);
}

#[test]
fn random_writes_over_a_store_agree_with_redis_server() {
    let (folder, db) = Db::over_lmdb(&set());
    agrees(db, false, 3, 5_000);
    drop(folder);
}

#[test]
fn waiting_pops_are_served_by_the_write_that_they_wait_for() {
    let mut db = Db::writable(&set());
    let mut other = db.another();
    assert!(db.call_or_wait(&["BZPOPMIN", "a", "b", "0"]).is_none());
    assert_eq!(other.ask("SET b x"), "+OK");
    assert_eq!(other.ask("DEL b"), ":1");
    assert_eq!(other.ask("ZADD b 3 x 1 y"), ":2");
    assert_eq!(db.mail(), "[b y 1]");
    assert!(db.call_or_wait(&["BZMPOP", "0", "2", "a", "c", "MAX", "COUNT", "5"]).is_none());
    assert_eq!(other.ask("ZUNIONSTORE c 1 b"), ":1");
    assert_eq!(db.mail(), "[c [[x 3]]]");
    assert_eq!(other.ask("EXISTS c"), ":0");
    assert_eq!(db.ask("BZPOPMAX b -1"), "-ERR timeout is negative");
    assert_eq!(db.ask("BZPOPMAX b x"), "-ERR timeout is not a float or out of range");
    assert_eq!(db.ask("BZPOPMAX none b 0"), "[b x 3]");
}

#[test]
fn events_come_in_the_order_of_redis() {
    let mut db = Db::writable(&set());
    let heard = events(
        &mut db,
        &[
            "ZADD a 1 x 2 y 3 z",
            "ZADD a NX 5 x",
            "ZINCRBY a 1 x",
            "ZRANGESTORE b a 0 -1",
            "ZUNIONSTORE c 2 a b",
            "ZINTERSTORE c 2 a none",
            "ZPOPMIN a",
            "ZREM a x y z",
            "ZREMRANGEBYRANK b 0 -1",
            "GEOADD g 1 1 p",
            "GEOSEARCHSTORE h g FROMLONLAT 1 1 BYRADIUS 9 km",
            "GEORADIUS g 1 1 9 km STORE h",
            "ZREMRANGEBYSCORE h 0 inf",
        ],
    );
    let expected = [
        "zadd a",
        "zincr a",
        "zrangestore b",
        "zunionstore c",
        "del c",
        "zpopmin a",
        "zrem a",
        "del a",
        "zremrangebyrank b",
        "del b",
        "zadd g",
        "geosearchstore h",
        "georadiusstore h",
        "zremrangebyscore h",
        "del h",
    ];
    assert_eq!(heard, expected);
}

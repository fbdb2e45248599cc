//! Lists written: the same random commands, small lists and big ones, get the same replies from a
//! redis-server and leave the same values; and what it does not tell: encodings of Redis 7.2,
//! events, who is served.
use crate::list::keys;
use crate::redis::{Pair, Random, Redis};
use crate::support::{events, Db};

fn key(random: &mut Random) -> String {
    format!("l{}", random.below(4))
}

fn element(random: &mut Random) -> String {
    match random.below(60) {
        0 => "L".repeat(8150 + random.below(100)),
        1..=4 => "m".repeat(random.below(900)),
        5 => String::new(),
        6..=25 => format!("{}", random.below(60) as i64 - 20),
        _ => format!("element:{}", random.below(40)),
    }
}

fn number(random: &mut Random) -> String {
    match random.below(8) {
        0 => random.of(&["x", "", "1000000", "-1000000", "9223372036854775807"]).into(),
        _ => format!("{}", random.below(300) as i64 - 100),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_string).collect()
}

fn push(random: &mut Random) -> Vec<String> {
    let name = random.of(&["LPUSH", "RPUSH", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]);
    let mut args = vec![name.to_string(), key(random)];
    let count = if random.below(25) == 0 { 300 } else { 1 + random.below(6) };
    args.extend((0..count).map(|_| element(random)));
    args
}

fn pop(random: &mut Random) -> Vec<String> {
    let side = random.of(&["LEFT", "RIGHT", "left", "UP"]);
    let (a, b) = (key(random), key(random));
    match random.below(8) {
        0..=2 => vec![random.of(&["LPOP", "RPOP"]).into(), a],
        3 => vec![random.of(&["LPOP", "RPOP"]).into(), a, number(random)],
        4 => words(&format!("LMPOP 2 {a} {b} {side} COUNT {}", 1 + random.below(40))),
        5 => words(&format!("BLMPOP 0.001 2 {a} {b} {side}")),
        6 => words(&format!("{} none {a} 0.001", random.of(&["BLPOP", "BRPOP"]))),
        _ => words(&format!("{} {a} 5 6", random.of(&["LPOP", "RPOP"]))),
    }
}

fn change(random: &mut Random) -> Vec<String> {
    let (a, b) = (key(random), key(random));
    let sides = [(); 2].map(|()| random.of(&["LEFT", "RIGHT"]));
    match random.below(12) {
        0 | 1 => vec!["LSET".into(), a, number(random), element(random)],
        2 | 3 => {
            let place = random.of(&["BEFORE", "AFTER", "after", "IN"]).to_string();
            vec!["LINSERT".into(), a, place, element(random), element(random)]
        }
        4..=6 => {
            let count = format!("{}", random.below(7) as i64 - 3);
            vec!["LREM".into(), a, count, element(random)]
        }
        7 => words(&format!("LTRIM {a} {} {}", number(random), number(random))),
        8 => words(&format!("LTRIM {a} {} -{}", random.below(9), random.below(9))),
        9 => words(&format!("LMOVE {a} {b} {} {}", sides[0], sides[1])),
        10 => words(&format!("RPOPLPUSH {a} {b}")),
        _ => words(&format!("BLMOVE {a} {b} {} {} 0.001", sides[0], sides[1])),
    }
}

fn command(random: &mut Random) -> Vec<String> {
    match random.below(30) {
        0..=11 => push(random),
        12..=17 => pop(random),
        18..=26 => change(random),
        27 => vec!["LPOS".into(), key(random), element(random)],
        28 => words(&format!("LINDEX {} {}", key(random), number(random))),
        _ if random.below(9) == 0 => words(&format!("SET {} text", key(random))),
        _ if random.below(3) == 0 => words(&format!("DEL {}", key(random))),
        _ => words(&format!("LRANGE {} {} {}", key(random), number(random), number(random))),
    }
}

fn agrees(redtool: Db, resp3: bool, seed: u64, steps: usize) {
    let Some(redis) = Redis::start() else { return };
    let mut pair = Pair { redis, redtool };
    if resp3 {
        pair.redis.call(&[b"HELLO", b"3"]);
        pair.redtool = pair.redtool.resp3();
    }
    let mut random = Random(seed);
    for step in 0..steps {
        let command = command(&mut random);
        pair.ask(&command);
        if step % 50 == 49 {
            for key in ["l0", "l1", "l2", "l3"] {
                pair.ask_line(&format!("DEBUG DIGEST-VALUE {key}"));
                if pair.ask_line(&format!("TYPE {key}")) == "+list" {
                    pair.ask_line(&format!("LLEN {key}"));
                    pair.ask_line(&format!("LINDEX {key} -1"));
                }
            }
        }
    }
}

#[test]
fn random_writes_in_memory_agree_with_redis_server() {
    agrees(Db::writable(&[]), false, 1, 10_000);
    agrees(Db::writable(&[]), true, 2, 5_000);
}

#[test]
fn random_writes_over_a_store_agree_with_redis_server() {
    let (folder, db) = Db::over_lmdb(&[]);
    agrees(db, false, 3, 5_000);
    drop(folder);
}

#[test]
fn imported_lists_are_changed_at_both_ends_and_inside() {
    let (folder, over_store) = Db::over_lmdb(&keys());
    for mut db in [Db::writable(&keys()), over_store] {
        assert_eq!(db.ask("LPUSH big head"), ":5001");
        assert_eq!(db.ask("LINDEX big 4321"), "element-4320");
        assert_eq!(db.ask("LINSERT big BEFORE element-3 new"), ":5002");
        assert_eq!(db.ask("LINSERT big AFTER element-4990 new"), ":5003");
        assert_eq!(db.ask("LRANGE big 3 5"), "[element-2 new element-3]");
        assert_eq!(db.ask("LRANGE big 4991 4994"), "[element-4989 element-4990 new element-4991]");
        assert_eq!(db.ask("LREM big 0 new"), ":2");
        assert_eq!(db.ask("LINDEX big 4321"), "element-4320");
        assert_eq!(db.ask("LPOP big 2"), "[head element-0]");
        assert_eq!(db.ask("RPOP big 2"), "[element-4999 element-4998]");
        assert_eq!(db.ask("LTRIM big 2000 2001"), "+OK");
        assert_eq!(db.ask("LRANGE big 0 -1"), "[element-2001 element-2002]");
        assert_eq!(db.ask("OBJECT ENCODING big"), "listpack");
        assert_eq!(db.ask("LINSERT plain AFTER a c"), ":4");
        assert_eq!(db.ask("LSET plain 2 x"), "+OK");
        assert_eq!(db.ask("LRANGE plain 0 -1"), "[a c x b]");
    }
    drop(folder);
}

#[test]
fn the_encoding_is_that_of_redis_7_2() {
    let mut db = Db::writable(&[]);
    let long = "x".repeat(4096);
    let with_long = ["RPUSH", "l", "a", "b", "c", &long];
    db.ask("CONFIG SET list-max-listpack-size -1");
    for (shrink, encoding) in
        [("RPOP l", "listpack"), ("LTRIM l 0 1", "listpack"), ("LPOP l", "quicklist")]
    {
        db.ask("DEL l");
        db.call(&with_long);
        assert_eq!(db.ask("OBJECT ENCODING l"), "quicklist");
        db.ask(shrink);
        assert_eq!(db.ask("OBJECT ENCODING l"), encoding, "{shrink}");
    }
    db.ask("DEL l");
    db.ask("RPUSH l a b");
    for change in [&["LSET", "l", "0", &long][..], &["LINSERT", "l", "AFTER", "b", &long]] {
        db.call(change);
        assert_eq!(db.ask("OBJECT ENCODING l"), "quicklist");
        db.ask("LSET l -1 c");
        db.ask("LSET l 0 c");
    }
    db.ask("CONFIG SET list-max-listpack-size 3");
    for shrink in ["RPOP l 3", "LREM l 3 a", "LTRIM l 1 1"] {
        db.ask("DEL l");
        db.ask("RPUSH l a a a");
        assert_eq!(db.ask("OBJECT ENCODING l"), "listpack");
        db.ask("RPUSH l d");
        assert_eq!(db.ask("OBJECT ENCODING l"), "quicklist");
        db.ask(shrink);
        assert_eq!(db.ask("OBJECT ENCODING l"), "listpack", "{shrink}");
    }
}

#[test]
fn who_waits_longest_is_served_and_what_is_moved_serves_others() {
    let mut db = Db::writable(&[]);
    let (mut first, mut second, mut third) = (db.another(), db.another(), db.another());
    assert!(first.call_or_wait(&["BLPOP", "a", "b", "0"]).is_none());
    assert!(second.call_or_wait(&["BRPOP", "b", "0"]).is_none());
    assert_eq!(db.ask("RPUSH b 1 2 3"), ":3");
    assert_eq!((first.mail(), second.mail()), ("[b 1]".into(), "[b 3]".into()));
    assert_eq!(db.ask("LRANGE b 0 -1"), "[2]");

    assert!(first.call_or_wait(&["BLMOVE", "x", "y", "LEFT", "RIGHT", "0"]).is_none());
    assert!(second.call_or_wait(&["BRPOPLPUSH", "y", "z", "0"]).is_none());
    assert!(third.call_or_wait(&["BLMPOP", "0", "1", "z", "LEFT", "COUNT", "9"]).is_none());
    assert_eq!(db.ask("LPUSH x e"), ":1");
    assert_eq!((first.mail(), second.mail()), ("e".into(), "e".into()));
    assert_eq!(third.mail(), "[z [e]]");
    assert_eq!(db.ask("EXISTS x y z"), ":0");
}

#[test]
fn a_list_that_is_gone_again_serves_nobody() {
    let mut db = Db::writable(&[]);
    let mut waiting = db.another();
    assert!(waiting.call_or_wait(&["BLPOP", "a", "0"]).is_none());
    for command in ["MULTI", "LPUSH a 1", "DEL a", "SET a x", "EXEC", "DEL a"] {
        db.ask(command);
    }
    assert_eq!(waiting.mail(), "");
    for command in ["MULTI", "LPUSH a 1", "LPUSH a 2", "BLPOP none 0", "BLMOVE none a LEFT LEFT 0"]
    {
        db.ask(command);
    }
    assert_eq!(db.ask("EXEC"), "[:1 :2 nil nil]");
    assert_eq!(waiting.mail(), "[a 2]");

    assert!(waiting.call_or_wait(&["BLMOVE", "s", "t", "LEFT", "LEFT", "0"]).is_none());
    db.ask("SET t text");
    assert_eq!(db.ask("LPUSH s 1"), ":1");
    assert!(waiting.mail().starts_with("-WRONGTYPE"));
    assert_eq!(db.ask("LRANGE s 0 -1"), "[1]");
}

#[test]
fn timeouts_are_refused_in_the_words_of_redis() {
    let mut db = Db::writable(&[]);
    for (timeout, words) in [
        ("-1", "timeout is negative"),
        ("x", "timeout is not a float or out of range"),
        ("inf", "timeout is out of range"),
        ("0x7FFFFFFFFFFFFFF", "timeout is out of range"),
    ] {
        assert_eq!(db.ask(&format!("BLPOP none {timeout}")), format!("-ERR {words}"));
        assert_eq!(db.ask(&format!("BRPOPLPUSH none x {timeout}")), format!("-ERR {words}"));
    }
}

#[test]
fn events_come_in_the_order_of_redis() {
    let mut db = Db::writable(&[]);
    let heard = events(
        &mut db,
        &[
            "RPUSH a 1 2 3 4 5",
            "LPUSHX none 1",
            "LINSERT a AFTER 1 x",
            "LINSERT a AFTER none x",
            "LSET a 0 y",
            "LREM a 0 none",
            "LREM a 0 x",
            "LTRIM a 0 -1",
            "LMOVE a b LEFT RIGHT",
            "LMOVE b b LEFT RIGHT",
            "RPOPLPUSH b a",
            "LPOP a 2",
            "LMPOP 1 a RIGHT COUNT 9",
            "LPUSH a 1",
            "LREM a 0 1",
            "LPUSH a 1",
            "LTRIM a 5 6",
        ],
    );
    let expected = "rpush a,linsert a,lset a,lrem a,ltrim a,rpush b,lpop a,rpush b,lpop b,\
                    lpush a,rpop b,del b,lpop a,rpop a,del a,lpush a,lrem a,del a,lpush a,\
                    ltrim a,del a";
    assert_eq!(heard.join(","), expected);
}

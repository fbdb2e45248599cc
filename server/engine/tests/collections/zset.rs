//! Sorted sets.
use crate::support::{items, scored, show, strings, Db, Key};
use redtool_format::rdb::ValueType;

/// Scores 0, 0, 0, 1, 1, 1, …: many members share one.
fn big() -> Vec<u8> {
    scored((0..6000).map(|n| (format!("member-{n:04}"), f64::from(n / 3))))
}

/// Keys small and big.
pub fn keys() -> Vec<Key> {
    let inf = f64::INFINITY;
    let small = [("low", -inf), ("a", 1.0), ("b", 1.5), ("c", 2.0), ("d", 2.0), ("high", inf)];
    let other = [("b", 10.0), ("c", 20.0), ("x", 0.1)];
    vec![
        ("small", ValueType::Zset2, scored(small)),
        ("other", ValueType::Zset2, scored(other)),
        ("big", ValueType::Zset2, big()),
        ("lex", ValueType::Zset2, scored(["a", "b", "bb", "c", "d"].map(|m| (m, 0.0)))),
        ("big-lex", ValueType::Zset2, scored((0..3000).map(|n| (format!("w{n:04}"), 7.0)))),
        ("set", ValueType::Set, strings(2, ["b", "x"])),
    ]
}

fn db() -> Db {
    Db::new(&keys())
}

#[test]
fn ranks_and_scores_agree_with_the_order() {
    let mut db = db();
    for n in [0, 1, 2, 3, 1023, 1024, 1025, 3000, 4974, 4977, 5998, 5999] {
        let member = format!("member-{n:04}");
        assert_eq!(db.ask(&format!("ZRANK big {member}")), format!(":{n}"));
        assert_eq!(db.ask(&format!("ZREVRANK big {member}")), format!(":{}", 5999 - n));
        assert_eq!(db.ask(&format!("ZRANGE big {n} {n}")), format!("[{member}]"));
        assert_eq!(
            db.ask(&format!("ZREVRANGE big {} {}", 5999 - n, 5999 - n)),
            format!("[{member}]")
        );
        assert_eq!(db.ask(&format!("ZSCORE big {member}")), format!("{}", n / 3));
    }
    assert_eq!(db.ask("ZRANK small c WITHSCORE"), "[:3 2]");
    assert_eq!(db.ask("ZRANK small none WITHSCORE"), "nil");
    assert_eq!(db.ask("ZRANK small c OTHER"), "-ERR syntax error");
    assert_eq!(
        db.ask("ZRANK small c WITHSCORE x"),
        "-ERR wrong number of arguments for 'zrank' command"
    );
    assert_eq!(db.ask("ZMSCORE small low none b"), "[-inf nil 1.5]");
}

#[test]
fn ranges_by_score_open_and_close_their_ends() {
    let mut db = db();
    assert_eq!(db.ask("ZRANGEBYSCORE small 1.5 2"), "[b c d]");
    assert_eq!(db.ask("ZRANGEBYSCORE small (1.5 +inf WITHSCORES"), "[c 2 d 2 high inf]");
    assert_eq!(db.ask("ZREVRANGEBYSCORE small (inf (1"), "[d c b]");
    assert_eq!(db.ask("ZRANGE small (inf 1 BYSCORE REV LIMIT 1 2"), "[c b]");
    assert_eq!(db.ask("ZRANGEBYSCORE small -inf inf LIMIT -1 5"), "[]");
    assert_eq!(db.ask("ZCOUNT small 1 (2"), ":2");
    assert_eq!(db.ask("ZCOUNT big 1000 1001"), ":6");
    assert_eq!(db.ask("ZCOUNT big (1000 1999"), ":2997");
    assert_eq!(db.ask("ZCOUNT big 5 1"), ":0");
    assert_eq!(db.ask("ZRANGEBYSCORE big 1000 1000"), "[member-3000 member-3001 member-3002]");
    assert_eq!(db.ask("ZREVRANGEBYSCORE big 1000 0 LIMIT 3 1"), "[member-2999]");
    assert_eq!(db.ask("ZCOUNT small a 1"), "-ERR min or max is not a float");
}

#[test]
fn ranges_by_text_open_and_close_their_ends() {
    let mut db = db();
    assert_eq!(db.ask("ZRANGEBYLEX lex - +"), "[a b bb c d]");
    assert_eq!(db.ask("ZRANGEBYLEX lex [b (c"), "[b bb]");
    assert_eq!(db.ask("ZREVRANGEBYLEX lex (d (a LIMIT 0 2"), "[c bb]");
    assert_eq!(db.ask("ZLEXCOUNT lex [b +"), ":4");
    assert_eq!(db.ask("ZRANGEBYLEX big-lex [w1500 (w1503"), "[w1500 w1501 w1502]");
    assert_eq!(db.ask("ZREVRANGEBYLEX big-lex + [w2998"), "[w2999 w2998]");
    assert_eq!(db.ask("ZLEXCOUNT big-lex (w0999 [w2000"), ":1001");
    assert_eq!(db.ask("ZRANGEBYLEX lex b c"), "-ERR min or max not valid string range item");
}

#[test]
fn conflicting_options_are_refused_in_redis_words() {
    let mut db = db();
    let limit = "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX";
    assert_eq!(db.ask("ZRANGE small 0 -1 LIMIT 0 1"), limit);
    let scores = "-ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    assert_eq!(db.ask("ZRANGE lex - + BYLEX WITHSCORES"), scores);
    assert_eq!(db.ask("ZREVRANGE small 0 -1 REV"), "-ERR syntax error");
}

#[test]
fn sorted_sets_and_sets_are_combined_with_weights() {
    let mut db = db();
    assert_eq!(db.ask("ZINTER 2 small other WITHSCORES"), "[b 11.5 c 22]");
    assert_eq!(db.ask("ZINTER 2 other set WEIGHTS 2 10 WITHSCORES"), "[x 10.2 b 30]");
    assert_eq!(db.ask("ZUNION 2 other set AGGREGATE MAX WITHSCORES"), "[x 1 b 10 c 20]");
    assert_eq!(db.ask("ZDIFF 2 other set WITHSCORES"), "[c 20]");
    assert_eq!(db.ask("ZINTERCARD 2 other small LIMIT 1"), ":1");
    assert_eq!(db.ask("ZUNION 0 a"), "-ERR at least 1 input key is needed for 'zunion' command");
    let mut db = db.resp3();
    assert_eq!(db.ask("ZINTER 2 small other WITHSCORES"), "[[b ,11.5] [c ,22]]");
}

#[test]
fn a_scan_gives_every_member_with_its_score() {
    let mut db = db();
    let pairs = db.scan_all("ZSCAN", "big", "COUNT 50");
    assert_eq!(pairs.len(), 12_000);
    for pair in pairs.chunks(2) {
        assert_eq!(db.ask(&format!("ZSCORE big {}", pair[0])), pair[1]);
    }
    assert_eq!(db.ask("ZSCAN other 0"), "[0 [x 0.1 b 10 c 20]]");
}

#[test]
fn random_members_come_with_their_scores() {
    let mut db = db();
    for key in ["small", "big"] {
        let reply = db.call(&["ZRANDMEMBER", key, "5", "WITHSCORES"]);
        let shown: Vec<String> = items(&reply).iter().map(show).collect();
        assert_eq!(shown.len(), 10);
        for pair in shown.chunks(2) {
            assert_eq!(db.ask(&format!("ZSCORE {key} {}", pair[0])), pair[1]);
        }
    }
}

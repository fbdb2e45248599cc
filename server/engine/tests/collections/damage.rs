//! Damaged records: whatever the bytes, a command gives one whole reply, and it never panics.
use crate::support::Db;
use crate::{hash, list, set, stream, zset};

const COMMANDS: &[&str] = &[
    "LRANGE {} 0 -1",
    "LINDEX {} -2",
    "LINDEX {} 3000",
    "LPOS {} a RANK -1",
    "HGETALL {}",
    "HGET {} field-7",
    "HLEN {}",
    "HSCAN {} 0 COUNT 5",
    "HRANDFIELD {} 3 WITHVALUES",
    "HTTL {} FIELDS 1 going",
    "SMEMBERS {}",
    "SISMEMBER {} 5",
    "SRANDMEMBER {} -3",
    "SSCAN {} 77 COUNT 5",
    "SINTER {} {}",
    "ZRANGE {} 0 -1",
    "ZRANGE {} 3000 3005 REV WITHSCORES",
    "ZRANK {} b",
    "ZREVRANK {} member-4000",
    "ZCOUNT {} 1 (900",
    "ZRANGEBYLEX {} [w1 +",
    "ZUNION 1 {} WITHSCORES",
    "ZSCAN {} 0",
    "GEOPOS {} b",
    "GEOSEARCH {} FROMLONLAT 1 1 BYBOX 1 900 km",
    "XRANGE {} - +",
    "XREVRANGE {} 150 0",
    "XPENDING {} g",
    "XPENDING {} g - + 9",
    "XINFO STREAM {} FULL",
    "XINFO GROUPS {}",
    "XREAD STREAMS {} 1-1",
];

/// A generator of numbers that is the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// Changes, drops or adds a byte here and there; of big values only now and then.
fn alter(numbers: &mut Numbers, value: &mut Vec<u8>) {
    if value.is_empty() || numbers.below(3) == 0 {
        return;
    }
    // The head of a value holds what steers the rest, so it is hit more often.
    let reach = if numbers.below(2) == 0 { value.len().min(40) } else { value.len() };
    let at = numbers.below(reach);
    match numbers.below(4) {
        0 => value.truncate(at),
        1 => value[at] = numbers.below(256) as u8,
        2 => value[at] ^= 1 << numbers.below(8),
        _ => value.insert(at, 0xff),
    }
}

#[test]
fn a_damaged_record_is_answered_with_one_whole_reply() {
    let all = [list::keys(), hash::keys(), set::keys(), zset::keys(), stream::keys()];
    for seed in 0..60 {
        let mut numbers = Numbers(seed);
        for keys in &all {
            let mut db = Db::altered(keys, |value| alter(&mut numbers, value));
            for (key, ..) in keys {
                for command in COMMANDS {
                    db.ask(&command.replace("{}", key));
                }
            }
        }
    }
}

//! Damaged records: every command answers, with a value or an error, and none panics.
use super::support::{strings, Builder};
use redtool_engine::types::sample::Random;
use redtool_format::rdb::ValueType;

const COMMANDS: &[&str] = &[
    "GET text",
    "STRLEN text",
    "GETRANGE text 0 -1",
    "LCS text long",
    "BITCOUNT long",
    "BITPOS long 1",
    "PFCOUNT text long",
    "MGET text long list",
    "TYPE set",
    "TTL text",
    "OBJECT ENCODING hash",
    "OBJECT REFCOUNT text",
    "DUMP set",
    "DUMP hash",
    "DEBUG DIGEST-VALUE text list set hash",
    "DEBUG OBJECT set",
    "MEMORY USAGE set",
    "SORT set ALPHA",
    "SORT list BY hash->f GET *->f",
    "KEYS *",
    "SCAN 0 TYPE set",
    "RANDOMKEY",
    "DEBUG DIGEST",
];

#[test]
fn damaged_records_are_answered() {
    let many: Vec<String> = (0..3000).map(|n| format!("member {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut random = Random::seeded(7);
    for _ in 0..150 {
        let mut db = Builder::default()
            .string("text", b"text")
            .string("long", &b"ab".repeat(300))
            .list("list", &["a", "b", "3"])
            .hash("hash", &["f", "v", "g", "2"])
            .key(0, b"set", None, ValueType::Set, &strings(&many))
            .alter(|record| {
                if record.is_empty() || random.below(2) == 0 {
                    return;
                }
                // Most damage is put where structure is: at the beginning.
                let reach = if random.below(2) == 0 { 12 } else { record.len() };
                let at = random.below(record.len().min(reach) as u64) as usize;
                match random.below(3) {
                    0 => record.truncate(at),
                    1 => record[at] ^= 1 << random.below(8),
                    _ => record[at] = random.draw() as u8,
                }
            })
            .open();
        for command in COMMANDS {
            db.ask(command);
        }
    }
}

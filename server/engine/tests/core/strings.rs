//! Strings, bitmaps, HyperLogLog.
use super::support::{Builder, Db};
use redtool_engine::types::sample::Random;
use redtool_format::rdb::{payload, string, ValueType};
use redtool_format::resp::Value;
use redtool_format::Cursor;
use redtool_store::layout::PIECE_BYTES;

fn db() -> Db {
    Builder::default()
        .string("text", b"hello world")
        .string("number", b"-42")
        .string("long", "ab".repeat(500).as_bytes())
        .string("empty", b"")
        .string("bits", &[0b0100_0001, 0xff, 0x00])
        .string("ones", &[0xff, 0xff])
        .string("a", b"ohmytext")
        .string("b", b"mynewtext")
        .list("list", &["x"])
        .open()
}

#[test]
fn get_gives_every_form_of_a_string() {
    let mut db = db();
    db.expect(&[
        ("GET text", "\"hello world\""),
        ("get number", "\"-42\""),
        ("GET nokey", "nil"),
        ("GET empty", "\"\""),
        ("GET list", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("MGET number list nokey", "[\"-42\" nil nil]"),
        ("STRLEN number", ":3"),
        ("STRLEN long", ":1000"),
        ("STRLEN nokey", ":0"),
    ]);
    assert_eq!(db.ask("GET long"), format!("\"{}\"", "ab".repeat(500)));
}

#[test]
fn getrange_counts_from_both_ends() {
    db().expect(&[
        ("GETRANGE text 0 4", "\"hello\""),
        ("GETRANGE text -5 -1", "\"world\""),
        ("GETRANGE text -1 -5", "\"\""),
        ("GETRANGE text 5 2", "\"\""),
        ("GETRANGE text -100 1", "\"he\""),
        ("GETRANGE text 8 9223372036854775807", "\"rld\""),
        ("GETRANGE number 0 0", "\"-\""),
        ("GETRANGE nokey 0 -1", "\"\""),
        ("SUBSTR text 0 0", "\"h\""),
        ("GETRANGE text a 1", "-ERR value is not an integer or out of range"),
    ]);
}

#[test]
fn lcs_gives_text_length_and_ranges() {
    db().expect(&[
        ("LCS a b", "\"mytext\""),
        ("LCS a b LEN", ":6"),
        ("LCS a b IDX", "[\"matches\" [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] \"len\" :6]"),
        (
            "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
            "[\"matches\" [[[:4 :7] [:5 :8] :4]] \"len\" :6]",
        ),
        ("LCS a nokey", "\"\""),
        ("LCS a list", "-ERR The specified keys must contain string values"),
        ("LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX."),
        ("LCS a b MINMATCHLEN", "-ERR syntax error"),
    ]);
}

#[test]
fn bits_are_counted_and_found_by_byte_and_by_bit() {
    db().expect(&[
        ("GETBIT bits 1", ":1"),
        ("GETBIT bits 0", ":0"),
        ("GETBIT bits 4294967295", ":0"),
        ("GETBIT bits 4294967296", "-ERR bit offset is not an integer or out of range"),
        ("BITCOUNT bits", ":10"),
        ("BITCOUNT bits 0 0", ":2"),
        ("BITCOUNT bits 5 30 BIT", ":9"),
        ("BITCOUNT bits -1 -2", ":0"),
        ("BITCOUNT nokey x y", "-ERR value is not an integer or out of range"),
        ("BITPOS bits 1", ":1"),
        ("BITPOS bits 0 1", ":16"),
        ("BITPOS bits 1 16 -1 BIT", ":-1"),
        ("BITPOS ones 0", ":16"),
        ("BITPOS ones 0 0 -1", ":-1"),
        ("BITPOS nokey 0", ":0"),
        ("BITPOS nokey 1", ":-1"),
        ("BITPOS bits 2", "-ERR The bit argument must be 1 or 0."),
        ("BITFIELD_RO bits GET u8 0 GET i8 #1 GET u4 20", "[:65 :-1 :0]"),
        ("BITFIELD_RO bits SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
        ("BITFIELD_RO bits", "[]"),
    ]);
}

/// A sparse HyperLogLog: the header with a stale count, then these opcodes.
fn sparse(opcodes: &[u8]) -> Vec<u8> {
    [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80", opcodes].concat()
}

#[test]
fn pfcount_estimates_and_believes_a_fresh_count() {
    let mut cached = sparse(&[0x7f, 0xff]);
    cached[8..16].copy_from_slice(&77u64.to_le_bytes());
    let mut db = Builder::default()
        .string("none", &sparse(&[0x7f, 0xff]))
        // Register 0 is 1; registers 100 and 101 are 3; all others are 0.
        .string("three", &sparse(&[0x80, 0x40, 0x62, 0x80 | 2 << 2 | 1, 0x7f, 0x99]))
        .string("cached", &cached)
        .string("short", &sparse(&[0x80]))
        .string("text", b"text")
        .open();
    db.expect(&[
        ("PFCOUNT none", ":0"),
        ("PFCOUNT three", ":3"),
        ("PFCOUNT cached", ":77"),
        ("PFCOUNT cached none", ":0"),
        ("PFCOUNT three none nokey", ":3"),
        ("PFCOUNT short", "-INVALIDOBJ Corrupted HLL object detected"),
        ("PFCOUNT text", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
    ]);
}

/// Bytes in which every place can be told from its neighbours.
fn long_text(len: usize) -> Vec<u8> {
    let mut random = Random::seeded(3);
    (0..len).map(|_| random.draw() as u8 & 0x7f).collect()
}

/// Each command on a string in pieces, on the same bytes packed into pieces, and on a string that
/// lies in its record whole: the same reply from all.
#[test]
fn a_string_in_pieces_answers_as_one_in_its_record() {
    let (text, even) = (long_text(3 * PIECE_BYTES + 77), vec![0x55; 2 * PIECE_BYTES + 1]);
    let mut db = Builder::default()
        .string("text:pieces", &text)
        .whole_string("text:whole", &text)
        .string("even:pieces", &even)
        .whole_string("even:whole", &even)
        .string("small", b"tail")
        .open();
    let edges = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 76];
    let mut commands: Vec<String> = ["GET", "STRLEN", "DUMP", "DEBUG DIGEST-VALUE"]
        .map(|name| format!("{name} KEY"))
        .into_iter()
        .chain(["BITCOUNT KEY".into(), "OBJECT ENCODING KEY".into(), "MGET KEY small".into()])
        .chain(["PFCOUNT KEY".into(), "LCS KEY KEY".into(), "TYPE KEY".into()])
        .collect();
    for start in edges {
        commands.push(format!("GETBIT KEY {}", start * 8 + 7));
        commands.push(format!(
            "BITFIELD_RO KEY GET i64 {} GET u7 {}",
            start * 8 - start % 7,
            start
        ));
        for end in edges.map(|end| end as i64).into_iter().chain([-1, -2, 1 << 40]) {
            commands.push(format!("GETRANGE KEY {start} {end}"));
            commands.push(format!("BITCOUNT KEY {start} {end}"));
            commands.push(format!("BITCOUNT KEY {} {end} BIT", start * 8 + 3));
            commands.push(format!("BITPOS KEY 1 {start} {end}"));
            commands.push(format!("BITPOS KEY 0 {start} {end} BIT"));
        }
    }
    for name in ["text", "even"] {
        for command in &commands {
            let [pieces, whole] = ["pieces", "whole"]
                .map(|form| db.ask(&command.replace("KEY", &format!("{name}:{form}"))));
            // DUMP of even bytes is LZF, cut at other places.
            if command == "DUMP KEY" && name == "even" {
                continue;
            }
            // Not assert_eq: a reply may be too long to print.
            assert!(pieces == whole, "{command} {name}");
        }
    }
}

#[test]
fn the_bits_of_a_string_in_pieces_are_found_behind_pieces_without() {
    let mut zeros = vec![0; 3 * PIECE_BYTES];
    zeros[2 * PIECE_BYTES + 5] = 0x10;
    let ones = vec![0xff; 2 * PIECE_BYTES];
    let mut db = Builder::default().string("zeros", &zeros).string("ones", &ones).open();
    let first = (2 * PIECE_BYTES + 5) * 8 + 3;
    assert_eq!(db.ask("BITPOS zeros 1"), format!(":{first}"));
    assert_eq!(db.ask(&format!("BITPOS zeros 1 {}", first / 8 + 1)), ":-1");
    assert_eq!(db.ask("BITCOUNT zeros"), ":1");
    assert_eq!(db.ask("BITPOS ones 0"), format!(":{}", ones.len() * 8));
    assert_eq!(db.ask("BITPOS ones 0 0 -1"), ":-1");
    assert_eq!(db.ask("SETBIT ones 0 0").split(' ').next(), Some("-READONLY"));
}

#[test]
fn the_dump_of_a_string_in_pieces_is_one_that_decodes() {
    let even = vec![b'e'; 2 * PIECE_BYTES + 1];
    let mut db = Builder::default().string("even", &even).open();
    let Value::Bulk(dumped) = db.call(&[b"DUMP", b"even"]) else { panic!("no payload") };
    assert!(dumped.len() < even.len() / 50, "{}", dumped.len());
    let parsed = payload::parse(&dumped).unwrap();
    let value = string::read(&mut Cursor::new(parsed.payload)).unwrap();
    assert!(value.to_vec().unwrap() == even);
}

#[test]
fn a_module_value_in_pieces_tells_its_type() {
    // The id of "graphdata" version 1, then a string of the module's, then the end.
    let mut payload = vec![0x81];
    payload.extend_from_slice(&0x82b6a985d6ad6801_u64.to_be_bytes());
    payload.push(5);
    string::write_raw(&mut payload, &long_text(2 * PIECE_BYTES));
    payload.push(0);
    let mut db = Builder::default().key(0, b"m", None, ValueType::Module2, &payload).open();
    db.expect(&[
        ("TYPE m", "+graphdata"),
        ("SCAN 0 TYPE graphdata", "[\"0\" [\"m\"]]"),
        ("OBJECT ENCODING m", "\"raw\""),
    ]);
}

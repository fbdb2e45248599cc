//! Hostile bytes: valid blobs, damaged thousands of times by a seeded generator, never break a
//! decoder, and validation and walking always agree on what they see.
mod invariants;

use redtool_format::encodings::{intset, listpack, stream, ziplist, Item};
use redtool_format::lzf;
use std::path::Path;

const ROUNDS: usize = 20_000;

/// A small linear congruence: the same damage on every run.
struct Damage(u64);

impl Damage {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % end.max(1)
    }

    /// Bytes that mean something in one encoding or another, or any.
    fn byte(&mut self) -> u8 {
        const TELLING: [u8; 16] = [
            0, 1, 0x7f, 0x80, 0xbf, 0xc0, 0xd0, 0xe0, 0xf0, 0xf1, 0xf4, 0xf5, 0xfd, 0xfe, 0xff, 31,
        ];
        match self.below(2) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.below(256) as u8,
        }
    }

    fn hurt(&mut self, blob: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(blob.len());
            match self.below(6) {
                0 => blob[at..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
                1 | 2 => blob[at..].iter_mut().take(1).for_each(|byte| *byte = self.byte()),
                3 => blob.insert(at, self.byte()),
                4 => drop(blob.drain(at..blob.len().min(at + 1 + self.below(4)))),
                _ => blob.extend_from_within(at..blob.len().min(at + self.below(16))),
            }
        }
    }

    /// Calls `check` with each seed, whole and then damaged.
    fn for_each(&mut self, seeds: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
        seeds.iter().for_each(|seed| check(seed));
        for round in 0..ROUNDS {
            let mut blob = seeds[round % seeds.len()].clone();
            self.hurt(&mut blob);
            check(&blob);
        }
    }
}

const NUMBERS: [i64; 12] =
    [0, 12, 13, -1, 127, -4096, 5000, -40_000, 8_000_000, -9_000_000, 1 << 40, i64::MIN];

fn sample_items(long: &[u8]) -> Vec<Item<'_>> {
    let strings = [&b""[..], b"a", b"12x", &long[..64], &long[..260], long];
    let numbers = NUMBERS.into_iter().map(Item::Int);
    numbers.chain(strings.into_iter().map(Item::Str)).collect()
}

#[test]
fn damaged_listpacks_are_refused_or_read_consistently() {
    let long = vec![b'x'; 5000];
    let mut builder = listpack::Builder::new();
    let mut seeds = vec![builder.finish().to_vec()];
    for item in sample_items(&long) {
        builder.push_item(item);
        seeds.push(builder.finish().to_vec());
    }
    Damage(1).for_each(&seeds, |blob| {
        invariants::listpack(blob);
        invariants::listpack(&invariants::framed_listpack(
            blob.strip_suffix(b"\xff").unwrap_or(blob),
        ));
    });
}

#[test]
fn damaged_ziplists_are_refused_or_read_consistently() {
    let long = vec![b'x'; 20_000];
    let mut seeds = Vec::new();
    for small_ints in [false, true] {
        let mut builder = ziplist::Builder::new(small_ints);
        for item in sample_items(&long) {
            builder.push_item(item);
            seeds.push(builder.finish().to_vec());
        }
    }
    Damage(2).for_each(&seeds, |blob| {
        invariants::ziplist(blob);
        invariants::ziplist(&invariants::framed_ziplist(
            blob.strip_suffix(b"\xff").unwrap_or(blob),
        ));
    });
}

#[test]
fn damaged_zipmaps_are_refused_or_read_consistently() {
    let mut long = b"\x01\x01f\xfe\x2c\x01\0\0\x02".to_vec();
    long.resize(long.len() + 302, b'v');
    long.push(0xff);
    let seeds = [b"\x02\x01f\x01\x02vxx\x01g\0\0\xff".to_vec(), b"\0\xff".to_vec(), long];
    Damage(3).for_each(&seeds, invariants::zipmap);
}

#[test]
fn damaged_intsets_are_refused_or_read_consistently() {
    let seeds = [&[1i64, 2, 3][..], &[-70_000, 5, 70_000], &[i64::MIN, 0, i64::MAX]].map(|set| {
        let mut out = Vec::new();
        intset::write(&mut out, set);
        out
    });
    Damage(4).for_each(&seeds, invariants::intset);
}

#[test]
fn damaged_stream_nodes_are_refused_or_read_consistently() {
    let mut builder = stream::Builder::new();
    let mut seeds = Vec::new();
    for n in 0..6 {
        let id = stream::StreamId { ms: 5 + n / 2, seq: n % 2 };
        let names = [Item::Str(b"f"), Item::Str(b"g"), Item::Int(7)];
        let fields: Vec<_> =
            names.into_iter().take(n as usize % 4).map(|name| (name, Item::Int(-1))).collect();
        builder.push(id, n == 3, &fields);
        seeds.push(builder.finish().to_vec());
    }
    Damage(5).for_each(&seeds, |blob| {
        invariants::stream_node(blob);
        let body = blob.strip_suffix(b"\xff").unwrap_or(blob);
        invariants::stream_node(&invariants::framed_listpack(body));
    });
}

#[test]
fn damaged_lzf_data_is_refused_or_decodes_as_checked() {
    let texts = [b"abc".repeat(10), b"a".repeat(5000), br#"{"id":1,"name":"x"},"#.repeat(40)];
    let seeds = texts.map(|text| {
        let mut out = Vec::new();
        assert!(lzf::compress(&text, usize::MAX, &mut out));
        out
    });
    let lens = [30, 5000, 800, 0, 29, 31, 10_000];
    Damage(6).for_each(&seeds, |data| {
        lens.iter().for_each(|len| invariants::lzf_data(data, *len));
        invariants::lzf_round_trip(data);
    });
}

#[test]
fn damaged_numbers_are_refused_or_read() {
    let seeds = [&b"12345678"[..], b"-9223372036854775808", b"0x1.8p-1074", b"1.5e+300", b"-inf"];
    Damage(7).for_each(&seeds.map(<[u8]>::to_vec), invariants::numbers);
}

/// Every fixture dump of at most 8 kB.
fn small_dumps(folder: &Path, dumps: &mut Vec<Vec<u8>>) {
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            small_dumps(&path, dumps);
        } else if path.extension().is_some_and(|extension| extension == "rdb") {
            dumps.push(std::fs::read(&path).unwrap());
        }
    }
    dumps.retain(|dump| dump.len() <= 8192);
}

#[test]
fn damaged_files_are_refused_or_walked_to_their_end() {
    let mut seeds = Vec::new();
    small_dumps(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures")), &mut seeds);
    assert!(seeds.len() > 20, "{} small dumps among the fixtures", seeds.len());
    Damage(9).for_each(&seeds, invariants::frame::file);
}

#[test]
fn damaged_requests_arrive_the_same_however_they_are_cut() {
    let seeds = [
        &b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n"[..],
        b"*0\r\n\r\nGET k\r\nSET 'a b' \"\\x41\\n\"\r\n",
        b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\n*1\r\n$4\r\nPING\r\n",
        b"PING\nPING\r\n*-1\r\n*1\r\n$-1\r\n",
    ];
    Damage(10).for_each(&seeds.map(<[u8]>::to_vec), invariants::frame::requests);
}

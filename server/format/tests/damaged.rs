//! Damaged dumps: each is loaded or refused within a second, and what a real server loads is
//! loaded.
mod common;

use common::{bytes, damaged};
use redtool_format::crc64::crc64;
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::{Reader, Record};
use redtool_format::{ErrorKind, Result};
use serde_json::Value;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Reads a file as a server loads it, checking each value.
fn load(file: &[u8], depth: Depth) -> Result<()> {
    let mut reader = Reader::new(file)?;
    let mut checker = Checker::default();
    let mut seen = HashSet::new();
    while let Some(record) = reader.next_record()? {
        if let Record::Key(key) = record {
            let checked =
                checker.check(key.value_type, key.payload, reader.templates(), depth, &mut |_| {});
            checked.map_err(|error| error.at(key.payload_offset))?;
            let name = key.key.to_vec().map_err(|error| error.at(key.offset))?;
            if !seen.insert((key.db, name)) {
                return Err(redtool_format::FormatError::corrupt(key.offset, "key is there twice"));
            }
        }
    }
    let trailer = reader.trailer()?;
    trailer.check(crc64(&file[..trailer.covered_bytes]))
}

fn server_loads(row: &Value) -> bool {
    row["oracle"]["redis-unstable"]["load"] == "ok"
}

/// What that server loads and a strict reader refuses.
const STRICTER: [(&str, &[&str]); 3] = [
    (
        "an encoding byte (c0-ff) where a length is expected: the server takes its low bits",
        &["v6/len-0244.rdb", "v11/len-0356.rdb", "v11/flip-0045.rdb"],
    ),
    (
        "a version with spaces or other bytes in it: the server reads as many digits as there are",
        &[
            "v6/version-0338.rdb",
            "v6/version-0339.rdb",
            "v11/version-0482.rdb",
            "v11/version-0483.rdb",
            "v11/flip-0147.rdb",
        ],
    ),
    (
        "LZF data that says it decodes to nothing: the server takes its decoder's 0 for success",
        &["v6/lzf-0455.rdb", "v11/lzf-0588.rdb"],
    ),
];

fn stricter(row: &Value) -> bool {
    STRICTER.iter().any(|(_, files)| files.iter().any(|file| row["file"] == *file))
}

#[test]
fn every_damaged_file_is_loaded_or_refused_at_once_and_in_its_place() {
    for row in damaged() {
        let file = bytes(&row["bytes"]);
        for depth in [Depth::Always, Depth::Deep] {
            let start = Instant::now();
            if let Err(error) = load(&file, depth) {
                assert!(error.offset <= file.len() as u64, "{}: {error}", row["file"]);
            }
            assert!(start.elapsed() < Duration::from_secs(1), "{}", row["file"]);
        }
    }
}

#[test]
fn what_a_server_loads_is_loaded() {
    let mut wrong = Vec::new();
    for row in damaged().iter().filter(|row| server_loads(row)) {
        let loaded = load(&bytes(&row["bytes"]), Depth::Always);
        if loaded.is_err() != stricter(row) {
            wrong.push(format!("{} {} {:?}", row["file"], row["detail"], loaded));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_file_that_ends_early_is_refused() {
    for row in damaged().iter().filter(|row| row["kind"] == "trunc") {
        assert!(load(&bytes(&row["bytes"]), Depth::Always).is_err(), "{}", row["file"]);
    }
}

#[test]
fn a_stale_checksum_is_told_as_such() {
    let rows = damaged();
    for row in rows.iter().filter(|row| row["kind"] == "crc") {
        let loaded = load(&bytes(&row["bytes"]), Depth::Always);
        assert_eq!(loaded.is_ok(), server_loads(row), "{}", row["file"]);
        if let Err(error) = loaded {
            assert!(matches!(error.kind, ErrorKind::Checksum | ErrorKind::Truncated));
        }
    }
}

//! The fixtures of the project: files, their truth, and the damaged files. See
//! `fixtures/README.md`.
#![allow(dead_code)]
use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The folder of all fixtures.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// Every dump that stands beside its truth, in order of their names.
pub fn dumps() -> Vec<PathBuf> {
    let mut dumps = Vec::new();
    for server in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if server.is_dir() {
            let files = fs::read_dir(server).unwrap().map(|entry| entry.unwrap().path());
            dumps.extend(files.filter(|file| file.extension().is_some_and(|end| end == "rdb")));
        }
    }
    dumps.sort();
    assert!(dumps.len() > 150, "{} fixtures only", dumps.len());
    dumps
}

/// The truth of a dump: its server line, then its keys.
pub fn truth(dump: &Path) -> (Value, Vec<Value>) {
    let plain = dump.with_extension("truth.jsonl");
    let text = match fs::read_to_string(&plain) {
        Ok(text) => text,
        Err(_) => gunzip(&dump.with_extension("truth.jsonl.gz")),
    };
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.next().unwrap(), lines.collect())
}

/// The rows of `corrupt.jsonl.gz`.
pub fn damaged() -> Vec<Value> {
    let text = gunzip(&folder().join("corrupt.jsonl.gz"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn gunzip(file: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Bytes as the truth writes them.
pub fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return base64(text);
    }
    let mut plain = Vec::new();
    let packed = base64(value["zb64"].as_str().unwrap());
    ZlibDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
    plain
}

fn base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for digit in digits {
        held = held << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    out
}

//! Any bytes as what a client sends, whole and cut into pieces.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| invariants::frame::requests(data));

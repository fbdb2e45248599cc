//! Any bytes as an RDB file.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| invariants::frame::file(data));

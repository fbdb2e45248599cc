//! Any bytes through LZF and back.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| invariants::lzf_round_trip(data));

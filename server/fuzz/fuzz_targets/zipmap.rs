//! Any bytes as a zipmap.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| invariants::zipmap(data));

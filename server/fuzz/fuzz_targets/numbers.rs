//! Any bytes as a number, and as the bits of a double.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| invariants::numbers(data));

//! Any bytes as a listpack, and framed so that more than the frame is reached.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| {
    invariants::listpack(data);
    invariants::listpack(&invariants::framed_listpack(data));
});

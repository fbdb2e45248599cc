//! Any bytes as a ziplist, and framed so that more than the frame is reached.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| {
    invariants::ziplist(data);
    invariants::ziplist(&invariants::framed_ziplist(data));
});

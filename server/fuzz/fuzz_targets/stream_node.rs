//! Any bytes as a stream node, and framed so that more than the frame is reached.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| {
    invariants::stream_node(data);
    invariants::stream_node(&invariants::framed_listpack(data));
});

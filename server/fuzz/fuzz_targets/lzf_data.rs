//! Any bytes as LZF data, with a stated length before them.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_fuzz::invariants;

fuzz_target!(|data: &[u8]| {
    if let Some((len, data)) = data.split_first_chunk() {
        invariants::lzf_data(data, usize::from(u16::from_le_bytes(*len)));
    }
});

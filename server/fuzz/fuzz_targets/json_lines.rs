//! Any text as a line of JSON lines: refused with its place, or read as an entry whose value is
//! sound.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_format::rdb::check::{check, Depth};
use redtool_transfer::text::read::line::Parsed;
use redtool_transfer::text::read::values::Hands;

fuzz_target!(|text: &str| {
    let mut parsed = Parsed::default();
    match parsed.read(text.as_bytes(), 0, &mut Hands::new(true)) {
        Err((fault, _)) => assert!(fault.at <= text.len()),
        Ok(()) => {
            for entry in parsed.entries() {
                let value = &entry.value;
                let (value_type, payload) = (value.value_type, value.payload);
                check(value_type, payload, value.templates, Depth::Always, &mut |_| {}).unwrap();
            }
        }
    }
});

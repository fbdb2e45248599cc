//! Any bytes as a value: the first byte chooses the type, the rest is the payload.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redtool_format::rdb::ValueType;
use redtool_fuzz::value_invariants;

fuzz_target!(|data: &[u8]| {
    if let Some((choice, payload)) = data.split_first() {
        let value_type = ValueType::ALL[usize::from(*choice) % ValueType::ALL.len()];
        value_invariants::value(value_type, payload);
    }
});

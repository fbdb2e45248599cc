//! What the targets check is written once, beside the tests of the format crate.
#[path = "../../format/tests/invariants/mod.rs"]
pub mod invariants;

#[path = "../../format/tests/invariants/value.rs"]
pub mod value_invariants;

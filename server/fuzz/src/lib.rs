//! What the targets check is written once, beside the tests of the format crate.
#[path = "../../format/tests/invariants/mod.rs"]
pub mod invariants;

//! The frame and the values, written for a [`Target`](super::target::Target).
//!
//! Writing a key takes two steps. [`plan`](plan::plan) looks at the value, no deeper than it must,
//! and says which type it takes and what is lost; [`write_value`](convert::write_value) then
//! appends it. A value that the target loads as it is costs nothing in the first step and one copy
//! in the second.
//!
//! | module | holds |
//! |---|---|
//! | [`out`] | where the bytes go: a vector, or a file with a checksum |
//! | [`plan`] | which type a value takes, and what is lost |
//! | [`convert`] | one value, rewritten as planned |
//! | [`element`] | values written element by element, node by node |
//! | [`repack`] | one packed encoding into another |
//! | [`record`] | a key record: attributes, type, key, value |
//! | [`file`] | the whole file: magic, AUX, functions, databases, checksum |
pub mod convert;
mod each;
pub mod element;
pub mod file;
pub mod out;
pub mod plan;
pub mod record;
pub mod repack;

pub use convert::{convert_value, write_value, Converted};
pub use element::{ElementWriter, Node};
pub use file::{FileWriter, Origin};
pub use out::{Out, WriteError};
pub use plan::{plan, Fate, Plan, Value};
pub use record::{write_key, write_key_header, Attributes};

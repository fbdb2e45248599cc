//! The RDB file. `rdb-format` facts: magic and version first, then type numbers mean what that
//! dialect says.
//!
//! | module | holds |
//! |---|---|
//! | [`types`] | the table of value types, the dialects |
//! | [`length`] | lengths |
//! | [`string`] | strings in their raw, integer and LZF forms |
//! | [`reader`] | the frame: opcodes and key records, nothing decoded |
//! | [`skip`] | finding the end of a value: the raw level |
//! | [`module`] | module ids and framed module values |
//! | [`value`] | the elements of a value: the logical level |
//! | [`check`] | validation of a value: what servers always check, and the deep checks |
//! | [`stream`] | stream metadata: groups, consumers, pending entries |
//! | [`loss`] | what a target cannot take, in words |
//! | [`counters`] | stream counters that the first stream form lacks |
//! | [`target`] | server versions, what each can load, what would be lost |
//! | [`writer`] | the frame and the values, written for a target |
//! | [`payload`] | DUMP payloads |
pub mod check;
pub mod counters;
pub mod length;
pub mod loss;
pub mod module;
pub mod payload;
pub mod reader;
pub mod skip;
pub mod stream;
pub mod string;
pub mod target;
pub mod types;
pub mod value;
pub mod writer;

pub use reader::{KeyRecord, Reader, Record};
pub use string::Str;
pub use types::{Dialect, Kind, ValueType};

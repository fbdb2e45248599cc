//! Streams of entries from a source through a filter into a target: convert, diff, verify.
//!
//! | module | holds |
//! |---|---|
//! | [`input`] | any input as one mapped slice |
//! | [`staged`] | outputs that appear only when complete |
//! | [`rdb_file`] | an RDB file walked, its checksum verified |
//! | [`workers`] | a file walked, its keys handed to threads |
//! | [`duplicates`] | keys that are there twice |
//! | [`runs`] | an RDB file as sorted records |
//! | [`import`] | RDB → store |
//! | [`source`] | any dataset opened: its notes, its entries |
//! | [`export`] | any source → RDB |
//! | [`diff`] | what differs between two datasets |
//! | [`verify`] | checking a whole dataset |
//! | [`filter`] | which keys |
//! | [`account`] | what became of them |
//! | [`meter`] | progress and cancellation |
//! | [`error`] | what can go wrong, and where |
pub mod account;
pub mod diff;
pub mod duplicates;
pub mod error;
pub mod export;
pub mod filter;
pub mod import;
pub mod input;
pub mod meter;
pub mod rdb_file;
pub mod runs;
pub mod source;
pub mod staged;
pub mod verify;
pub mod workers;

pub use account::Account;
pub use error::{Error, Kind as ErrorKind, Result};
pub use filter::Filter;
pub use meter::Meter;

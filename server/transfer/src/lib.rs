//! Streams of entries from a source through a filter into a target: convert, diff, verify.
//!
//! | module | holds |
//! |---|---|
//! | [`input`] | any input as one mapped slice |
//! | [`staged`] | outputs that appear only when complete |
//! | [`rdb_file`] | an RDB file walked, its checksum verified |
//! | [`workers`] | a file walked, its keys handed to threads |
//! | [`dumper`] | dumps of a dataset that is being served |
//! | [`duplicates`] | keys that are there twice |
//! | [`runs`] | an RDB file as sorted records |
//! | [`source`] | any dataset opened: its notes, its entries |
//! | [`remote`] | datasets that a service keeps: tables of DynamoDB |
//! | [`selection`] | which entries are taken, and how they are changed |
//! | [`transform`] | the changes |
//! | [`job`] | how a source is read into a target |
//! | [`failures`] | entries that could not be written |
//! | [`sink`] | what takes entries |
//! | [`convert`] | any dataset → any other: which path |
//! | [`merge`] | several datasets → one |
//! | [`split`] | one dataset → several |
//! | [`import`] | any source → store |
//! | [`copy`] | store → store |
//! | [`export`] | entries → RDB |
//! | [`diff`] | what differs between two datasets |
//! | [`verify`] | checking a whole dataset |
//! | [`filter`] | which keys |
//! | [`account`] | what became of them |
//! | [`ordered`] | work handed out in order, taken back in order |
//! | [`tables`] | datasets as Arrow record batches |
//! | [`text`] | datasets as text: JSON lines, JSON, CSV, commands |
//! | [`meter`] | progress and cancellation |
//! | [`error`] | what can go wrong, and where |
pub mod account;
pub mod convert;
pub mod copy;
pub mod diff;
pub mod dumper;
pub mod duplicates;
pub mod error;
pub mod export;
pub mod failures;
pub mod filter;
pub mod import;
pub mod input;
pub mod job;
pub mod merge;
pub mod meter;
pub mod ordered;
pub mod rdb_file;
pub mod remote;
pub mod runs;
pub mod selection;
pub mod sink;
pub mod source;
pub mod split;
pub mod staged;
pub mod tables;
pub mod text;
pub mod transform;
pub mod verify;
pub mod workers;

pub use account::Account;
pub use dumper::RdbDumper;
pub use error::{Error, Kind as ErrorKind, Result};
pub use filter::Filter;
pub use job::Job;
pub use meter::Meter;
pub use selection::Selection;
pub use source::{Place, Source};
pub use transform::Transform;

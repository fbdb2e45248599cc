//! Bytes and their meaning: the RDB file and its packed encodings, LZF, CRC-64, RESP frames.
//!
//! This crate does no I/O and has no policy. It is given slices and gives back values that borrow
//! from them. It never trusts a length, never panics on input, and never allocates on the word of a
//! length field.
//!
//! | module | holds |
//! |---|---|
//! | [`error`] | one error type: what, where (byte offset), which kind |
//! | [`cursor`] | checked reading from a slice |
//! | [`number`] | integers as Redis writes them |
//! | [`double`] | doubles as Redis writes them |
//! | [`crc64`] | the checksum of RDB files and DUMP payloads |
//! | [`slot`] | the Redis Cluster slot of a key |
//! | [`lzf`] | the compression of RDB strings |
//! | [`encodings`] | listpack, ziplist, zipmap, intset, stream nodes |
//! | [`rdb`] | the file: frame, value types, reading, writing, DUMP payloads |
//! | [`resp`] | RESP2 and RESP3: parsing requests, writing replies |
#![forbid(unsafe_code)]

pub mod crc64;
pub mod cursor;
pub mod double;
pub mod encodings;
pub mod error;
pub mod lzf;
pub mod number;
pub mod rdb;
pub mod resp;
pub mod slot;

pub use cursor::Cursor;
pub use error::{ErrorKind, FormatError, Result};

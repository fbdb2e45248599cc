//! The packed encodings inside RDB values, one file each.
//!
//! Every reader here takes a blob, gives items that borrow from it, and survives any bytes. Two
//! depths of checking: `parse` does what every Redis does on load ("always" in the format
//! reference), `validate` also what Redis does under `sanitize-dump-payload yes` ("deep").
pub mod intset;
pub mod item;
pub mod listpack;
pub mod stream;
pub mod ziplist;
pub mod zipmap;

pub use item::{IntBuf, Item};

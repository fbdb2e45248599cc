//! RESP2 and RESP3: parsing requests, writing replies, reading replies.
//!
//! | module | holds |
//! |---|---|
//! | [`writer`] | replies appended to a connection's output buffer |
//! | [`request`] | commands parsed from a connection's input buffer, nothing copied |
//! | [`reply`] | replies as values, for whoever speaks as a client |
pub mod reply;
pub mod request;
pub mod writer;

pub use reply::{parse_reply, Value};
pub use request::{Limits, Parsed, Parser};
pub use writer::Writer;

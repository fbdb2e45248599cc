//! The commands, a file a group. Each ends with its rows.
pub mod bitmap;
pub mod config;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod lcs;
pub mod list;
pub mod set;
pub mod stream;
mod stream_id;
mod stream_info;
mod stream_pending;
pub mod string;
pub mod writes;
pub mod zset;
mod zset_algebra;
mod zset_range;

//! Reading the values of each kind, whatever their encoding and place: one file a kind, used by the
//! commands of the same stem.
pub mod geo;
pub mod hash;
pub mod list;
pub mod set;
pub mod stream;
pub mod zset;

//! Reading the values of each kind, whatever their encoding and place: one file a kind, used by the
//! commands of the same stem.
//!
//! A collection lies in its object record as one packed blob, or in the table of segments as runs
//! of listpacks (see [`redtool_store::layout`]). Each kind opens either form from its
//! [`Object`](redtool_store::Object), and gives length, point lookups, and walks that hand every
//! element to a function. A walk never holds more than one segment, and a point lookup in a
//! segmented collection is one seek.
//!
//! | module | holds |
//! |---|---|
//! | [`segments`] | seeking and walking the segments of one collection |
//! | [`groups`] | elements found by their first item: packed, or segments by hash |
//! | [`groups_write`] | such elements put and removed |
//! | [`sample`] | random picks: of places, and of a number of elements of a walk |
//! | [`limits`] | when a collection leaves its packed encoding |
//! | [`loaded`] | the encoding of a value that was loaded, under other limits than the usual |
//! | [`rank`] | counts before each segment of big sorted sets, cached |
//! | [`string`] [`list`] [`hash`] [`set`] [`zset`] [`stream`] | the kinds |
//! | [`zset_write`] `zset_scores` | sorted sets changed, and their segments by score |
//! | [`list_write`] [`list_runs`] [`list_run`] | lists changed: small ones, and in segments |
//! | [`string_write`] [`hash_write`] [`set_write`] | strings, hashes, sets written |
//! | [`stream_groups`] | consumer groups, decoded |
//! | [`stream_write`] [`stream_cache`] `stream_nodes` | streams written; those newer than stored |
//! | [`hyperloglog`] [`hyperloglog_sparse`] | HyperLogLogs in strings |
//! | [`geo`] | geohash arithmetic on the scores of sorted sets |
pub mod geo;
pub mod groups;
pub mod groups_write;
pub mod hash;
pub mod hash_write;
pub mod hyperloglog;
pub mod hyperloglog_sparse;
pub mod limits;
pub mod list;
pub mod list_limit;
pub mod list_run;
pub mod list_runs;
pub mod list_write;
pub mod loaded;
pub mod rank;
pub mod sample;
pub mod segments;
pub mod set;
pub mod set_write;
pub mod stream;
pub mod stream_cache;
pub mod stream_groups;
mod stream_nodes;
pub mod stream_write;
pub mod string;
pub mod string_write;
pub mod zset;
mod zset_scores;
pub mod zset_write;

use crate::error::Error;
use redtool_format::rdb::string::{self as rdb_string, Str};
use redtool_format::Cursor;
use redtool_store::StoreError;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// The result of reading a value.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether a walk goes on after an element.
pub type Flow = ControlFlow<()>;
/// Go on.
pub const ON: Flow = ControlFlow::Continue(());
/// The walk ends here.
pub const STOP: Flow = ControlFlow::Break(());

/// Direction of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Toward the end.
    Forward,
    /// Toward the beginning.
    Backward,
}

/// The bytes of a blob, borrowed when they lie in the record as they are.
pub fn decode(blob: Str<'_>) -> Result<Cow<'_, [u8]>> {
    match blob {
        Str::Raw(bytes) => Ok(Cow::Borrowed(bytes)),
        other => Ok(Cow::Owned(other.to_vec()?)),
    }
}

/// The payload that is one blob.
pub(crate) fn only_blob(payload: &[u8]) -> Result<Cow<'_, [u8]>> {
    decode(rdb_string::read(&mut Cursor::new(payload))?)
}

/// A walk gave another number of elements than the record states, so a reply that began with that
/// number is wrong.
pub(crate) fn expect_count(given: u64, stated: u64) -> Result<()> {
    if given != stated {
        return Err(corrupt(&format!("a record states {stated} elements and {given} were found")));
    }
    Ok(())
}

/// A record contradicts the layout.
#[cold]
pub(crate) fn corrupt(what: &str) -> Error {
    Error::Store(StoreError::Corrupt(what.to_string()))
}

//! What takes the entries of a transfer, whatever it makes of them.
use crate::account::Account;
use crate::error::Result;
use crate::meter::Meter;
use crate::source::{Entry, Opening};
use redtool_format::rdb::target::Loss;
use std::collections::BTreeMap;

/// Takes entries: `begin`, then every entry, then `finish`. Dropped before that it leaves nothing
/// that could be taken for a whole dataset.
pub trait Sink {
    /// Takes what stands outside keys.
    fn begin(&mut self, opening: &Opening) -> Result<()>;
    /// Takes an entry, and counts it as written or skipped.
    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()>;
    /// Ends the dataset, synced.
    fn finish(self: Box<Self>, meter: &Meter) -> Result<Written>;
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// What the target could not take, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// Size of what was written; 0 when that is for the disk to tell.
    pub bytes: u64,
}

//! Progress and cancellation, shared between the thread that works and the one that shows it.
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far the work is, and whether it is to stop.
#[derive(Debug, Default)]
pub struct Meter {
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
    keys: AtomicU64,
    cancelled: AtomicBool,
}

impl Meter {
    /// Nothing done yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much there is to do.
    pub fn set_total(&self, bytes: u64) {
        self.total_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Notes progress, a few thousand keys at a time; an error when the work is to stop.
    pub fn advance(&self, bytes: u64, keys: u64) -> Result<()> {
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.keys.fetch_add(keys, Ordering::Relaxed);
        self.check()
    }

    /// An error when the work is to stop.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::cancelled());
        }
        Ok(())
    }

    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Bytes done, bytes in all (0: unknown), keys.
    pub fn read(&self) -> (u64, u64, u64) {
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (load(&self.done_bytes), load(&self.total_bytes), load(&self.keys))
    }
}

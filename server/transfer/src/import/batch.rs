//! Batches of records on their way from a builder to the appender.
use crate::error::{Error, Result};
use redtool_store::build::Sink;
use redtool_store::{Bulk, StoreError, Table};
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender};

/// A batch is handed over when it holds this much.
const BATCH_BYTES: usize = 1 << 18;
const BATCH_RECORDS: usize = 1024;

/// Records on their way to the appender.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    records: Vec<(Table, Range<usize>, Range<usize>)>,
    pub(super) source_bytes: u64,
    pub(super) keys: u64,
    /// Whether the chunk of keys that it belongs to ends here.
    pub(super) ends_chunk: bool,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.source_bytes = 0;
        self.keys = 0;
        self.ends_chunk = false;
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES || self.records.len() >= BATCH_RECORDS
    }

    fn push(&mut self, table: Table, key: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.records.push((table, start..middle, middle..self.bytes.len()));
    }

    pub(super) fn append_to(&self, bulk: &mut dyn Bulk) -> Result<()> {
        for (table, key, value) in &self.records {
            bulk.append(*table, &self.bytes[key.clone()], &self.bytes[value.clone()])?;
        }
        Ok(())
    }
}

/// The builder's end of the exchange.
pub(super) struct Outlet {
    full: SyncSender<Batch>,
    spare: Receiver<Batch>,
    pub(super) batch: Batch,
}

impl Outlet {
    /// Hands batches to `full` and takes emptied ones from `spare`.
    pub(super) fn new(full: SyncSender<Batch>, spare: Receiver<Batch>) -> Self {
        Self { full, spare, batch: Batch::default() }
    }

    /// Ends a chunk of keys.
    pub(super) fn end_chunk(&mut self) -> Result<()> {
        self.batch.ends_chunk = true;
        self.hand_over()
    }

    fn hand_over(&mut self) -> Result<()> {
        let next = self.spare.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        // The appender is gone only after an error of its own, which is the one reported.
        self.full.send(batch).map_err(|_| Error::cancelled())
    }
}

impl Sink for Outlet {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> redtool_store::Result<()> {
        self.batch.push(table, key, value);
        if self.batch.is_full() {
            self.hand_over().map_err(|_| StoreError::Stopped)?;
        }
        Ok(())
    }
}

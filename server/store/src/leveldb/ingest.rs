//! Bulk load into an empty store: its files are written here, and LevelDB opens them afterwards.
//!
//! LevelDB's own way (see [`super::bulk`]) leads through a log, a memory table and one thread that
//! does all the rest. A load needs none of that: records come in the order of their keys, so that
//! they are collected, a file's worth for each of the store's tables at a time, and other threads
//! make a file of each (see [`super::pool`]); the end is a manifest that names them.
//!
//! ```text
//! begin    close LevelDB: its empty database stays in the directory, with its CURRENT
//!          take the lock that it let go, so that nobody opens the directory
//! append   NNNNNN.ldb, from the first number that no file has on
//! finish   the files are on the disk; a manifest; CURRENT names it
//!          let go of the lock, and have LevelDB open the directory
//! ```
//! Before CURRENT is replaced the directory is the empty database, and LevelDB removes the files
//! that its manifest does not name; afterwards it lacks the layout record, as any dataset that is
//! not synced. Neither is opened as a dataset.
use super::directory::{self, Lock};
use super::manifest;
use super::pool::{Job, Pool};
use super::table::Form;
use super::{check_sizes, records, LevelDbStore, Options};
use crate::contract::{Bulk, Table};
use crate::error::{Result, StoreError};
use std::path::Path;
use std::sync::atomic::Ordering;

/// Bytes of records a file, where the options do not want less: enough that the files of a large
/// dataset are not too many, and little enough that one of each table in memory is not too much.
const FILE_BYTES: usize = 8 << 20;

pub(super) struct TableBulk<'s> {
    store: &'s LevelDbStore,
    outputs: [Output; 4],
    pool: Pool,
    file_bytes: usize,
    log_number: u64,
    /// Of the next file.
    number: u64,
    /// Let go when the threads of a load that is given up have ended: fields go in this order.
    lock: Lock,
}

/// Records of a table for which there is no file yet.
struct Output {
    records: Vec<u8>,
    last_key: Vec<u8>,
}

impl<'s> TableBulk<'s> {
    /// Begins a load into the directory of a store that has closed it.
    pub fn new(store: &'s LevelDbStore) -> Result<Self> {
        let lock = Lock::take(&store.path)?;
        let io = |source| io_error(&store.path, source);
        let log_number = directory::free_number(&store.path).map_err(io)?;
        let most = store.options.max_file_size.unwrap_or(FILE_BYTES);
        let file_bytes = most.min(FILE_BYTES);
        let pool = Pool::new(&store.path, form(&store.options), file_bytes).map_err(io)?;
        // What is not written to takes no memory.
        let outputs = [(); 4]
            .map(|()| Output { records: Vec::with_capacity(file_bytes), last_key: Vec::new() });
        Ok(Self { store, lock, outputs, pool, file_bytes, log_number, number: log_number + 1 })
    }

    /// Has a file made of what was collected for a table.
    fn send(&mut self, table: Table) -> Result<()> {
        let spare = self.pool.spare();
        let records = std::mem::replace(&mut self.outputs[table as usize].records, spare);
        let job = Job { number: self.number, prefix: super::prefix(table), records };
        self.number += 1;
        self.pool.send(job).map_err(|source| io_error(&self.store.path, source))
    }
}

impl Bulk for TableBulk<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        check_sizes(&self.store.path, key, value)?;
        let output = &self.outputs[table as usize];
        if key <= output.last_key.as_slice() {
            return Err(StoreError::Backend("bulk load out of key order".into()));
        }
        let bytes = records::HEADER_BYTES + key.len() + value.len();
        if output.records.len() + bytes > self.file_bytes && !output.records.is_empty() {
            self.send(table)?;
        }
        let Output { records, last_key } = &mut self.outputs[table as usize];
        last_key.clear();
        last_key.extend_from_slice(key);
        records.reserve(bytes);
        records.extend_from_slice(&records::header(key, value));
        records.extend_from_slice(key);
        records.extend_from_slice(value);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        for table in Table::ALL {
            if !self.outputs[table as usize].records.is_empty() {
                self.send(table)?;
            }
        }
        let Self { store, lock, pool, outputs, log_number, number, .. } = *self;
        drop(outputs);
        let io = |source| io_error(&store.path, source);
        let tables = pool.finish().map_err(io)?;
        if !tables.is_empty() {
            manifest::install(&store.path, &tables, (log_number, number)).map_err(io)?;
        }
        drop(lock);
        store.reopen()?;
        store.open_loads.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

fn form(options: &Options) -> Form {
    Form {
        block_bytes: options.block_size,
        restart_interval: usize::try_from(options.block_restart_interval).unwrap_or(1).max(1),
        snappy: options.snappy,
    }
}

fn io_error(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { path: path.display().to_string(), source }
}

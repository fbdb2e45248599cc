//! Builders: records made in file order, while the bytes are at hand, and sorted run by run.
use super::arena::Arena;
use super::entry::{self, Entry};
use super::order::RunOrder;
use crate::account::Account;
use crate::error::{Error, Result};
use crate::source::Entry as Incoming;
use redtool_store::build::{Built, Incoming as Recorded, Recorder, Sink};
use redtool_store::meta::DbCounts;
use redtool_store::object::write_expire_key;
use redtool_store::spill::SpillBytes;
use redtool_store::{StoreError, Table};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

/// A run is sorted when its entries take this much.
const RUN_BYTES: usize = 16 << 20;
/// The least that a builder gets when many share.
const RUN_MIN_BYTES: usize = 1 << 20;
/// Sorted entries are written in pieces of about this size.
const WRITE_BYTES: usize = 1 << 20;

/// Turns records into sorted runs.
pub struct Builder {
    recorder: Recorder,
    arena: Arena,
    order: RunOrder,
    sorted: Vec<u8>,
    output: RunFile,
    blob: SpillBytes,
    key: Vec<u8>,
    expire_key: Vec<u8>,
    run_bytes: usize,
    keys: u64,
    dbs: BTreeMap<u32, DbCounts>,
}

/// Sorted runs one after the other in an unlinked file.
pub struct RunFile {
    file: Option<File>,
    written: u64,
    ranges: Vec<Range<u64>>,
}

/// What a builder leaves.
pub struct Runs {
    /// Sorted runs in a file, and where each lies.
    pub file: Option<(File, Vec<Range<u64>>)>,
    /// The only run, in memory.
    pub only: Vec<u8>,
    /// Segments.
    pub blob: SpillBytes,
}

impl Builder {
    /// A builder that has nothing yet.
    pub fn new() -> Result<Self> {
        Self::sharing(1)
    }

    /// One of several at the same time, which share the memory.
    pub fn sharing(builders: usize) -> Result<Self> {
        let run_bytes = (RUN_BYTES / builders.max(1)).max(RUN_MIN_BYTES);
        Ok(Self {
            recorder: Recorder::new(0),
            arena: Arena::new(run_bytes)?,
            order: RunOrder::default(),
            sorted: Vec::new(),
            output: RunFile { file: None, written: 0, ranges: Vec::new() },
            blob: SpillBytes::new(),
            key: Vec::new(),
            expire_key: Vec::new(),
            run_bytes,
            keys: 0,
            dbs: BTreeMap::new(),
        })
    }

    /// Makes the records of an entry; counts it as written or skipped.
    pub fn add(&mut self, entry: &Incoming<'_>, account: &mut Account) -> Result<()> {
        let mut key = std::mem::take(&mut self.key);
        let built = self.build(entry, &mut key);
        self.key = key;
        match built? {
            Built::Empty => account.skipped.add(entry.value.value_type.kind()),
            Built::Key(kind) => {
                account.written.add(kind);
                self.keys += 1;
                let expires = entry.attributes.expire_at_ms.is_some();
                self.dbs.entry(entry.db).or_default().add(kind, expires);
            }
        }
        if self.arena.bytes().len() >= self.run_bytes {
            self.end_run()?;
        }
        Ok(())
    }

    fn build(&mut self, entry: &Incoming<'_>, scratch: &mut Vec<u8>) -> Result<Built> {
        let key = entry.key.decode(scratch).map_err(|e| entry.error(e))?;
        let value = &entry.value;
        let attributes = &entry.attributes;
        let record = Recorded {
            db: entry.db,
            key,
            expire_at_ms: attributes.expire_at_ms,
            idle_s: attributes.idle_s,
            freq: attributes.freq,
            meta: attributes.meta,
            value_type: value.value_type,
            payload: value.payload,
        };
        self.recorder.set_next_id(0);
        let mut collect = Collect {
            arena: &mut self.arena,
            order: &mut self.order,
            blob: &mut self.blob,
            blob_start: None,
            source_offset: entry.record_offset,
            expire_at_ms: attributes.expire_at_ms,
            expire_key: &mut self.expire_key,
            segment: Vec::new(),
        };
        self.recorder
            .build(&record, value.templates, &mut collect)
            .map_err(|e| Error::store(e, entry.offset.unwrap_or(0), entry.db, key))
    }

    /// Sorts the run in the making and writes it.
    fn end_run(&mut self) -> Result<()> {
        let mut sorted = std::mem::take(&mut self.sorted);
        let start = self.output.written;
        let arena = self.arena.bytes();
        for place in self.order.sort(arena) {
            sorted.extend_from_slice(&arena[place]);
            if sorted.len() >= WRITE_BYTES {
                self.output.write(&sorted)?;
                sorted.clear();
            }
        }
        self.output.write(&sorted)?;
        sorted.clear();
        self.sorted = sorted;
        self.output.ranges.push(start..self.output.written);
        self.arena.clear();
        Ok(())
    }

    /// Ends the last run and gives everything up, with counters per db and the number of keys. A
    /// single run stays in memory.
    pub fn finish(mut self) -> Result<(Runs, BTreeMap<u32, DbCounts>, u64)> {
        let mut only = Vec::new();
        if self.output.file.is_some() {
            self.end_run()?;
        } else {
            let arena = self.arena.bytes();
            only.reserve_exact(arena.len());
            for place in self.order.sort(arena) {
                only.extend_from_slice(&arena[place]);
            }
        }
        let file = self.output.file.map(|file| (file, self.output.ranges));
        Ok((Runs { file, only, blob: self.blob }, self.dbs, self.keys))
    }
}

impl RunFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let dir = std::env::temp_dir();
        let error = |e: std::io::Error| temporary(&dir, &e);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile().map_err(error)?),
        };
        file.write_all(bytes).map_err(error)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// An error about the temporary directory.
pub fn temporary(dir: &Path, error: &std::io::Error) -> Error {
    Error::io(dir, error).hint("set TMPDIR to a file system with room for the dataset")
}

/// Takes the records of one key.
struct Collect<'b> {
    arena: &'b mut Arena,
    order: &'b mut RunOrder,
    blob: &'b mut SpillBytes,
    blob_start: Option<u64>,
    source_offset: u64,
    expire_at_ms: Option<i64>,
    expire_key: &'b mut Vec<u8>,
    segment: Vec<u8>,
}

/// Notes an entry and writes it.
#[inline]
fn push(arena: &mut Arena, order: &mut RunOrder, entry: &Entry<'_>) -> redtool_store::Result<()> {
    let (at, len) = (arena.bytes().len(), entry.size_bytes());
    let room = arena.grow(len).map_err(|e| StoreError::Backend(e.to_string()))?;
    entry.write(room);
    order.push(entry, at as u32, len as u32);
    Ok(())
}

impl Sink for Collect<'_> {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> redtool_store::Result<()> {
        if table == Table::Segments {
            self.blob_start.get_or_insert(self.blob.len() as u64);
            self.segment.clear();
            entry::write_segment(&mut self.segment, key, value);
            return self.blob.extend_from_slice(&self.segment);
        }
        let blob = self.blob_start.map(|start| (start, self.blob.len() as u64 - start));
        let source_offset = self.source_offset;
        push(self.arena, self.order, &Entry { table, key, value, source_offset, blob })?;
        if let Some(at_ms) = self.expire_at_ms {
            self.expire_key.clear();
            write_expire_key(self.expire_key, at_ms, key);
            let (table, key, value) = (Table::Expires, &self.expire_key[..], &[][..]);
            let entry = Entry { table, key, value, source_offset: 0, blob: None };
            push(self.arena, self.order, &entry)?;
        }
        Ok(())
    }
}

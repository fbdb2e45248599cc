//! Datasets as Arrow record batches, for whoever writes tables: a row a key, or a row an element.
//!
//! The columns are those of CSV ([`text::csv`](crate::text::csv)), with types of their own; bytes
//! stay bytes. A value too large for a cell is no part of the table: it is counted as lost, and so
//! refused unless that is fine.
//!
//! | module | holds |
//! |---|---|
//! | [`columns`] | the two schemas, and batches in the making |
//! | [`elements`] | rows of the elements of a value |
pub mod columns;
mod elements;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::sink::{Sink, Written};
use crate::source::{Entry, Opening};
use crate::text::{value, Scratch};
use arrow_array::RecordBatch;
use columns::{Elements, Keys};
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::value::count;
use redtool_format::rdb::writer::WriteError;
use redtool_format::rdb::{string, Kind as KeyKind};
use redtool_format::{Cursor, FormatError};
use std::collections::BTreeMap;

/// A batch is handed on when it holds this much …
const BATCH_BYTES: usize = 8 << 20;
/// … or this many rows.
const BATCH_ROWS: usize = 1 << 16;
/// The largest value of a cell: what a reader holds several of at a time.
pub const CELL_MAX_BYTES: usize = 16 << 20;

/// Takes batches.
pub type Emit = Box<dyn FnMut(RecordBatch) -> Result<()> + Send>;

enum Batch {
    Keys(Keys),
    Elements(Elements),
}

/// Makes batches of entries.
pub struct TableSink {
    batch: Batch,
    emit: Emit,
    lossy: bool,
    losses: BTreeMap<Loss, u64>,
    scratch: Scratch,
    cell: Vec<u8>,
    bytes: u64,
}

impl TableSink {
    /// Hands batches to `emit`; `elements` makes a row an element, `lossy` leaves out what is too
    /// large.
    pub fn new(emit: Emit, elements: bool, lossy: bool) -> Self {
        let batch = match elements {
            true => Batch::Elements(Elements::default()),
            false => Batch::Keys(Keys::default()),
        };
        let (scratch, cell) = (Scratch::default(), Vec::new());
        Self { batch, emit, lossy, losses: BTreeMap::new(), scratch, cell, bytes: 0 }
    }

    /// The schema of what such a sink makes.
    pub fn schema(elements: bool) -> arrow_schema::SchemaRef {
        match elements {
            true => columns::elements_schema(),
            false => columns::keys_schema(),
        }
    }

    fn key_row(&mut self, entry: &Entry<'_>) -> std::result::Result<(), WriteError> {
        let Batch::Keys(keys) = &mut self.batch else { return Ok(()) };
        let value = &entry.value;
        let encoding = entry.encoding(&mut self.scratch.visit)?;
        let elements = count(value.value_type, value.payload)?;
        self.cell.clear();
        let fits;
        if value.value_type.kind() == KeyKind::String {
            let text = string::read(&mut Cursor::new(value.payload))?;
            fits = text.len() <= CELL_MAX_BYTES;
            if fits {
                self.cell.extend_from_slice(text.decode(&mut self.scratch.text)?);
            }
        } else if value.payload.len() <= CELL_MAX_BYTES {
            let fields = value::survey(value, &mut self.scratch)?;
            value::write(value, fields, &mut self.scratch, &mut self.cell)?;
            fits = self.cell.len() <= CELL_MAX_BYTES;
        } else {
            fits = false;
        }
        if !fits {
            *self.losses.entry(Loss::WholeValue).or_insert(0) += 1;
        }
        let key = entry.key.decode(&mut self.scratch.key)?;
        keys.push(&columns::Key {
            db: entry.db,
            key,
            kind: value.value_type.kind().name(),
            encoding: encoding.name(),
            expire_at_ms: entry.attributes.expire_at_ms,
            elements,
            bytes: value.payload.len() as u64,
            value: fits.then_some(&self.cell),
        });
        Ok(())
    }

    fn element_rows(&mut self, entry: &Entry<'_>) -> Result<()> {
        let Self { batch, emit, losses, scratch, cell, bytes, .. } = self;
        let Batch::Elements(batch) = batch else { return Ok(()) };
        let at = |error: FormatError| entry.error(error);
        let key = entry.key.decode(&mut scratch.key).map_err(at)?;
        let mut hand_on = |batch: RecordBatch| {
            *bytes += batch.get_array_memory_size() as u64;
            emit(batch)
        };
        let mut rows = elements::Rows::new(entry, key, cell, batch, &mut hand_on);
        let visited = rows.visit(&mut scratch.visit);
        let too_large = rows.too_large();
        if too_large > 0 {
            *losses.entry(Loss::WholeValue).or_insert(0) += too_large;
        }
        visited
    }

    fn hand_on(&mut self, least_rows: usize, least_bytes: usize) -> Result<()> {
        let batch = match &mut self.batch {
            Batch::Keys(keys) if keys.is_full(least_rows, least_bytes) => keys.finish(),
            Batch::Elements(rows) if rows.is_full(least_rows, least_bytes) => rows.finish(),
            _ => return Ok(()),
        };
        let batch = batch.map_err(arrow_error)?;
        self.bytes += batch.get_array_memory_size() as u64;
        (self.emit)(batch)
    }
}

/// Columns of one length and type cannot fail to make a batch.
fn arrow_error(error: arrow_schema::ArrowError) -> Error {
    Error::new(Kind::Store, error.to_string())
}

impl Sink for TableSink {
    fn begin(&mut self, _: &Opening) -> Result<()> {
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()> {
        match self.batch {
            Batch::Elements(_) => self.element_rows(entry)?,
            Batch::Keys(_) => self.key_row(entry).map_err(|error| entry.write_error(error))?,
        }
        account.written.add(entry.value.value_type.kind());
        self.hand_on(BATCH_ROWS, BATCH_BYTES)
    }

    fn finish(mut self: Box<Self>, _: &Meter) -> Result<Written> {
        self.hand_on(1, 0)?;
        if let (Some(count), false) = (self.losses.get(&Loss::WholeValue), self.lossy) {
            let limit = CELL_MAX_BYTES >> 20;
            let what = format!("{count} values are larger than a cell may be ({limit} MiB)");
            let hint = "--elements gives each element a row; --lossy leaves these values out";
            return Err(Error::new(Kind::Loss, what).hint(hint));
        }
        Ok(Written { losses: self.losses, bytes: self.bytes })
    }
}

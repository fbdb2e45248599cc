//! Rows of the elements of a value. A string is one row, a stream entry one a field; a module's
//! value is one row of JSON. Groups and other metadata of streams are no elements.
use super::columns::{Element, Elements};
use super::{arrow_error, BATCH_BYTES, BATCH_ROWS, CELL_MAX_BYTES};
use crate::error::{Error, Result};
use crate::source::Entry;
use crate::text::{value, Scratch as TextScratch};
use arrow_array::RecordBatch;
use redtool_format::encodings::stream::Message;
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{visit_with, Scratch, Visitor};
use redtool_format::rdb::ValueType;
use redtool_format::FormatError;

/// Makes the rows of one value.
pub(super) struct Rows<'r> {
    entry: &'r Entry<'r>,
    key: &'r [u8],
    cell: &'r mut Vec<u8>,
    batch: &'r mut Elements,
    emit: &'r mut dyn FnMut(RecordBatch) -> Result<()>,
    index: u64,
    too_large: u64,
}

pub(super) enum Stopped {
    Format(FormatError),
    Other(Error),
}

impl From<FormatError> for Stopped {
    fn from(error: FormatError) -> Self {
        Stopped::Format(error)
    }
}

type Visit = std::result::Result<(), Stopped>;

impl<'r> Rows<'r> {
    /// Rows of `entry` go into `batch`, which goes to `emit` when it is full.
    pub fn new(
        entry: &'r Entry<'r>,
        key: &'r [u8],
        cell: &'r mut Vec<u8>,
        batch: &'r mut Elements,
        emit: &'r mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Self {
        Self { entry, key, cell, batch, emit, index: 0, too_large: 0 }
    }

    /// Makes them.
    pub fn visit(&mut self, scratch: &mut Scratch) -> Result<()> {
        let entry = self.entry;
        let value = &entry.value;
        visit_with(scratch, value.value_type, value.payload, value.templates, self).map_err(
            |stopped| match stopped {
                Stopped::Format(error) => entry.error(error),
                Stopped::Other(error) => error,
            },
        )
    }

    /// Elements that were too large for a cell.
    pub fn too_large(&self) -> u64 {
        self.too_large
    }

    fn push(&mut self, mut element: Element<'_>) -> Visit {
        for cell in [&mut element.field, &mut element.value] {
            if cell.is_some_and(|bytes| bytes.len() > CELL_MAX_BYTES) {
                self.too_large += 1;
                *cell = None;
            }
        }
        element.expire_at_ms = element.expire_at_ms.or(self.entry.attributes.expire_at_ms);
        let kind = self.entry.value.value_type.kind().name();
        self.batch.push(self.entry.db, self.key, kind, element);
        if self.batch.is_full(BATCH_ROWS, BATCH_BYTES) {
            let batch = self.batch.finish().map_err(|e| Stopped::Other(arrow_error(e)))?;
            (self.emit)(batch).map_err(Stopped::Other)?;
        }
        Ok(())
    }
}

impl Visitor for Rows<'_> {
    type Error = Stopped;

    fn string(&mut self, value: &[u8]) -> Visit {
        self.push(Element { value: Some(value), ..Element::default() })
    }

    fn list_item(&mut self, item: &[u8]) -> Visit {
        let index = self.index;
        self.index += 1;
        self.push(Element { index: Some(index), value: Some(item), ..Element::default() })
    }

    fn set_member(&mut self, member: &[u8]) -> Visit {
        self.push(Element { value: Some(member), ..Element::default() })
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Visit {
        self.push(Element { value: Some(member), score: Some(score), ..Element::default() })
    }

    fn hash_field(&mut self, name: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Visit {
        let (field, value) = (Some(name), Some(value));
        self.push(Element { field, value, expire_at_ms, ..Element::default() })
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Visit {
        let (mut name_text, mut value_text) = (IntBuf::new(), IntBuf::new());
        for (name, value) in &message.fields {
            let id = Some(message.id.to_string());
            let field = Some(name.bytes(&mut name_text));
            let value = Some(value.bytes(&mut value_text));
            self.push(Element { id, field, value, ..Element::default() })?;
        }
        Ok(())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> Visit {
        Ok(())
    }

    fn opaque(&mut self, _: ValueType, payload: &[u8]) -> Visit {
        if payload.len() > CELL_MAX_BYTES {
            self.too_large += 1;
            return self.push(Element::default());
        }
        let mut cell = std::mem::take(self.cell);
        cell.clear();
        let (value, fields) = (&self.entry.value, value::Fields::default());
        let written = value::write(value, fields, &mut TextScratch::default(), &mut cell);
        let pushed = written
            .map_err(|error| Stopped::Other(self.entry.write_error(error)))
            .and_then(|()| self.push(Element { value: Some(&cell), ..Element::default() }));
        *self.cell = cell;
        pushed
    }
}

//! Two values of one key compared, cheapest first: the same bytes; the same segments; the same
//! elements.
use super::elements;
use super::sides::{Held, Item};
use super::{DiffKind, Difference, Side};
use crate::error::{Error, Result};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::ValueType;
use redtool_store::build::{Built, Incoming, Recorder, Sink};
use redtool_store::object::split_record_key;
use redtool_store::spill::SpillBytes;
use redtool_store::{read, Body, Object, Reader, Table};

/// Compares values; keeps scratch memory between them.
pub struct Comparer<'a> {
    templates_a: Option<&'a Templates>,
    templates_b: Option<&'a Templates>,
    tolerance_ms: i64,
    recorder: Recorder,
    none: Templates,
}

impl<'a> Comparer<'a> {
    /// For entries of these two sides.
    pub fn new(a: &Side<'a>, b: &Side<'a>, tolerance_ms: i64) -> Self {
        let templates = |side: &Side<'a>| match side {
            Side::Rdb(index) => Some(&index.walked.notes.templates),
            Side::Store(_) => None,
        };
        Self {
            templates_a: templates(a),
            templates_b: templates(b),
            tolerance_ms,
            recorder: Recorder::new(0),
            none: Templates::new(),
        }
    }

    /// What differs of one key: nothing, or its type, or its value and its expiry.
    pub fn compare(
        &mut self,
        a: &Item<'_>,
        b: &Item<'_>,
        reader_a: Option<&dyn Reader>,
        reader_b: Option<&dyn Reader>,
    ) -> Result<Vec<Difference>> {
        let mut found = Vec::new();
        let (kind_a, kind_b) = (a.value_type.kind(), b.value_type.kind());
        if kind_a != kind_b {
            let detail = format!("{} != {}", kind_a.name(), kind_b.name());
            found.push(a.difference(DiffKind::Type, detail, None));
            return Ok(found);
        }
        if !self.same_value(a, b, reader_a, reader_b)? {
            let (x, y) = (self.value(a, reader_a, true)?, self.value(b, reader_b, false)?);
            if let Some((path, detail)) = self.first_difference(a, b, x, y)? {
                found.push(a.difference(DiffKind::Value, detail, path));
            }
        }
        if !near(a.expire_at_ms, b.expire_at_ms, self.tolerance_ms) {
            let detail = format!("{} != {}", moment(a.expire_at_ms), moment(b.expire_at_ms));
            found.push(a.difference(DiffKind::Expiry, detail, None));
        }
        Ok(found)
    }

    /// Whether the values are the same as they are stored; false says nothing.
    fn same_value(
        &mut self,
        a: &Item<'_>,
        b: &Item<'_>,
        reader_a: Option<&dyn Reader>,
        reader_b: Option<&dyn Reader>,
    ) -> Result<bool> {
        let (inline_a, inline_b) = (inline(a)?, inline(b)?);
        if let (Some(x), Some(y)) = (inline_a, inline_b) {
            return Ok(a.value_type == b.value_type && x == y);
        }
        match (inline_a, inline_b) {
            (Some(payload), None) => self.same_segments(a, payload, b, reader_b),
            (None, Some(payload)) => self.same_segments(b, payload, a, reader_a),
            _ => Ok(false),
        }
    }

    /// Builds the segments that `item` would have and compares them with those that are stored for
    /// `stored`.
    fn same_segments(
        &mut self,
        item: &Item<'_>,
        payload: &[u8],
        stored: &Item<'_>,
        reader: Option<&dyn Reader>,
    ) -> Result<bool> {
        let (Held::Record(record), Some(reader)) = (&stored.value, reader) else {
            return Ok(false);
        };
        let object = Object::parse(record)?;
        let Body::Segmented { id, .. } = object.body else { return Ok(false) };
        let mut sink = Compare { reader, same: true, object: Vec::new() };
        let (db, _) = split_record_key(&item.record_key)?;
        let entry = Incoming {
            db,
            key: &item.key,
            expire_at_ms: object.expire_at_ms,
            idle_s: object.idle_s.map(u64::from),
            freq: object.freq,
            meta: object.meta,
            value_type: item.value_type,
            payload,
        };
        self.recorder.set_next_id(id);
        let templates = self.templates_a.or(self.templates_b).unwrap_or(&self.none);
        let built = self.recorder.build(&entry, templates, &mut sink);
        let built = built.map_err(|e| Error::store(e, item.offset(), db, &item.key))?;
        Ok(matches!(built, Built::Key(_)) && sink.same && sink.object == record.as_ref())
    }

    /// The value as (type, payload, templates).
    fn value<'v>(
        &self,
        item: &'v Item<'_>,
        reader: Option<&dyn Reader>,
        first: bool,
    ) -> Result<Owned<'v>> {
        let templates = if first { self.templates_a } else { self.templates_b };
        match (&item.value, reader) {
            (Held::Record(record), Some(reader)) => {
                let object = Object::parse(record)?;
                let mut buf = SpillBytes::new();
                let (value_type, borrowed) = match object.body {
                    Body::Inline(payload) => (object.value_type, Some(payload)),
                    Body::Segmented { .. } => {
                        let (value_type, _) = read::payload(reader, &object, &mut buf, false)?;
                        (value_type, None)
                    }
                };
                Ok(Owned { value_type, borrowed, buf, templates: None })
            }
            (Held::Payload(payload, _), _) => Ok(Owned {
                value_type: item.value_type,
                borrowed: Some(payload),
                buf: SpillBytes::new(),
                templates: templates.cloned(),
            }),
            (Held::Record(_), None) => {
                Err(Error::new(crate::error::Kind::Store, "a store side without a reader"))
            }
        }
    }

    fn first_difference(
        &mut self,
        a: &Item<'_>,
        b: &Item<'_>,
        x: Owned<'_>,
        y: Owned<'_>,
    ) -> Result<Option<(Option<String>, String)>> {
        let left = elements::Side {
            value_type: x.value_type,
            payload: x.payload(),
            templates: x.templates.as_ref().unwrap_or(&self.none),
        };
        let right = elements::Side {
            value_type: y.value_type,
            payload: y.payload(),
            templates: y.templates.as_ref().unwrap_or(&self.none),
        };
        let (db, _) = split_record_key(&a.record_key)?;
        elements::first_difference(&left, &right, self.tolerance_ms).map_err(|error| {
            let (in_a, error) = error;
            let item = if in_a { a } else { b };
            Error::store(error, item.offset(), db, &item.key)
        })
    }
}

/// A value put together or borrowed.
struct Owned<'v> {
    value_type: ValueType,
    borrowed: Option<&'v [u8]>,
    buf: SpillBytes,
    templates: Option<Templates>,
}

impl Owned<'_> {
    fn payload(&self) -> &[u8] {
        self.borrowed.unwrap_or_else(|| self.buf.as_slice())
    }
}

impl Item<'_> {
    fn offset(&self) -> usize {
        match self.value {
            Held::Payload(_, offset) => offset,
            Held::Record(_) => 0,
        }
    }
}

/// Compares what is built with what is stored.
struct Compare<'r> {
    reader: &'r dyn Reader,
    same: bool,
    object: Vec<u8>,
}

impl Sink for Compare<'_> {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> redtool_store::Result<()> {
        if table == Table::Objects {
            self.object = value.to_vec();
        } else if self.same {
            self.same = self.reader.get(table, key)?.is_some_and(|stored| stored == value);
        }
        Ok(())
    }
}

fn inline<'v>(item: &'v Item<'_>) -> Result<Option<&'v [u8]>> {
    match &item.value {
        Held::Payload(payload, _) => Ok(Some(payload)),
        Held::Record(record) => match Object::parse(record)?.body {
            Body::Inline(payload) => Ok(Some(payload)),
            Body::Segmented { .. } => Ok(None),
        },
    }
}

fn near(a: Option<i64>, b: Option<i64>, tolerance_ms: i64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.abs_diff(b) <= tolerance_ms.unsigned_abs(),
        (a, b) => a == b,
    }
}

fn moment(at_ms: Option<i64>) -> String {
    at_ms.map_or("no expiry".into(), |at_ms| at_ms.to_string())
}

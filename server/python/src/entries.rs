//! Entries as Python values, read from a store one after the other.
//!
//! The iterator keeps the record key it came to and reads on from there, so it holds no cursor
//! between two steps.
use crate::errors::raise;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySet};
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{visit, Templates, Visitor};
use redtool_format::rdb::writer::Value;
use redtool_format::rdb::{module, Kind, ValueType};
use redtool_format::Cursor;
use redtool_store::object::{record_key, split_record_key};
use redtool_store::spill::SpillBytes;
use redtool_store::{read, Object, Reader, Store, StoreError, Table};
use redtool_transfer::Filter;
use std::sync::{Arc, Mutex, PoisonError};

/// A snapshot, and the record key to go on from; None at the end.
type Place = (Box<dyn Reader>, Option<Vec<u8>>);

/// Walks the entries of a store.
#[pyclass(frozen)]
pub struct Entries {
    reader: Mutex<Place>,
    _store: Arc<dyn Store>,
    filter: Filter,
    values: bool,
}

impl Entries {
    /// From the first entry on.
    pub fn new(
        py: Python<'_>,
        store: Arc<dyn Store>,
        filter: Filter,
        values: bool,
    ) -> PyResult<Self> {
        let reader = store.reader().map_err(|e| raise(py, e.into()))?;
        Ok(Self { reader: Mutex::new((reader, Some(Vec::new()))), _store: store, filter, values })
    }
}

#[pymethods]
impl Entries {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyDict>>> {
        let mut guard = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (reader, place) = &mut *guard;
        let Some(from) = place.take() else { return Ok(None) };
        let store_error = |e: StoreError| raise(py, e.into());
        let mut cursor = reader.seek(Table::Objects, &from).map_err(store_error)?;
        while let Some((key, record)) = cursor.next().map_err(store_error)? {
            let object = Object::parse(&record).map_err(store_error)?;
            let (db, _) = split_record_key(&key).map_err(store_error)?;
            let name = object.key(&key).map_err(store_error)?;
            if !self.filter.passes(db, name, object.kind, object.expire_at_ms) {
                continue;
            }
            let entry = entry(py, &**reader, db, name, &object, self.values)?;
            let mut next = key.into_owned();
            next.push(0);
            drop(cursor);
            *place = Some(next);
            return Ok(Some(entry));
        }
        Ok(None)
    }
}

/// One entry, unless it is absent or expired.
pub fn one(
    py: Python<'_>,
    store: &dyn Store,
    db: u32,
    key: &[u8],
    now_ms: i64,
) -> PyResult<Option<Py<PyDict>>> {
    let store_error = |e: StoreError| raise(py, e.into());
    let reader = store.reader().map_err(store_error)?;
    let found = reader.get(Table::Objects, &record_key(db, key)).map_err(store_error)?;
    let Some(record) = found else { return Ok(None) };
    let object = Object::parse(&record).map_err(store_error)?;
    if object.is_expired(now_ms) {
        return Ok(None);
    }
    entry(py, &*reader, db, key, &object, true).map(Some)
}

fn entry(
    py: Python<'_>,
    reader: &dyn Reader,
    db: u32,
    key: &[u8],
    object: &Object<'_>,
    values: bool,
) -> PyResult<Py<PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("db", db)?;
    dict.set_item("key", PyBytes::new(py, key))?;
    dict.set_item("type", object.kind.name())?;
    dict.set_item("encoding", object.encoding.name())?;
    dict.set_item("expire_at_ms", object.expire_at_ms)?;
    dict.set_item("idle_s", object.idle_s)?;
    dict.set_item("freq", object.freq)?;
    if !values {
        dict.set_item("value", py.None())?;
        return Ok(dict.unbind());
    }
    let mut buf = SpillBytes::new();
    let (value_type, payload) = read::payload(reader, object, &mut buf, false)
        .map_err(|e| raise(py, redtool_transfer::Error::store(e, 0, db, key)))?;
    let value = Value { value_type, payload, templates: &Templates::new() };
    let (value, field_expire_ms) = value_of(py, &value).map_err(|error| match error {
        BuildError::Python(error) => error,
        BuildError::Format(error) => {
            raise(py, redtool_transfer::Error::store(error.into(), 0, db, key))
        }
    })?;
    if field_expire_ms.is_some() {
        dict.set_item("field_expire_ms", field_expire_ms)?;
    }
    dict.set_item("value", value)?;
    Ok(dict.unbind())
}

/// A value as Python has it, and of a hash the expiries of its fields.
pub fn value_of<'py>(
    py: Python<'py>,
    value: &Value<'_>,
) -> Result<(Bound<'py, PyAny>, Option<Bound<'py, PyDict>>), BuildError> {
    let kind = value.value_type.kind();
    let mut build = Build::new(py, kind)?;
    visit(value.value_type, value.payload, value.templates, &mut build)?;
    let field_expire_ms = (kind == Kind::Hash).then(|| build.field_expire_ms.clone());
    Ok((build.value(), field_expire_ms))
}

/// Why there is no Python value.
pub enum BuildError {
    /// The payload cannot be decoded.
    Format(redtool_format::FormatError),
    /// Python cannot hold it.
    Python(PyErr),
}

impl From<redtool_format::FormatError> for BuildError {
    fn from(error: redtool_format::FormatError) -> Self {
        BuildError::Format(error)
    }
}

impl From<PyErr> for BuildError {
    fn from(error: PyErr) -> Self {
        BuildError::Python(error)
    }
}

/// Builds the Python value of one entry.
struct Build<'py> {
    py: Python<'py>,
    kind: Kind,
    one: Option<Bound<'py, PyAny>>,
    list: Bound<'py, PyList>,
    set: Bound<'py, PySet>,
    dict: Bound<'py, PyDict>,
    field_expire_ms: Bound<'py, PyDict>,
}

impl<'py> Build<'py> {
    fn new(py: Python<'py>, kind: Kind) -> PyResult<Self> {
        Ok(Self {
            py,
            kind,
            one: None,
            list: PyList::empty(py),
            set: PySet::empty(py)?,
            dict: PyDict::new(py),
            field_expire_ms: PyDict::new(py),
        })
    }

    fn bytes(&self, bytes: &[u8]) -> Bound<'py, PyBytes> {
        PyBytes::new(self.py, bytes)
    }

    fn value(self) -> Bound<'py, PyAny> {
        match self.kind {
            Kind::String => self.one.unwrap_or_else(|| self.py.None().into_bound(self.py)),
            Kind::List | Kind::Zset => self.list.into_any(),
            Kind::Set => self.set.into_any(),
            Kind::Hash | Kind::Stream | Kind::Module | Kind::Array => self.dict.into_any(),
        }
    }

    fn groups(&self, meta: &StreamMeta) -> PyResult<Bound<'py, PyList>> {
        let groups = PyList::empty(self.py);
        let mut sorted: Vec<_> = meta.groups.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        for group in sorted {
            let dict = PyDict::new(self.py);
            dict.set_item("name", self.bytes(&group.name))?;
            dict.set_item("last_delivered_id", group.last_id.to_string())?;
            dict.set_item("entries_read", group.entries_read)?;
            let pel = PyList::empty(self.py);
            for p in &group.pel {
                let owner = p.consumer.and_then(|n| group.consumers.get(n));
                let owner = self.bytes(owner.map_or(b"", |c| &c.name[..]));
                pel.append((p.id.to_string(), owner, p.delivered_at_ms, p.deliveries))?;
            }
            dict.set_item("pel", pel)?;
            let consumers = PyList::empty(self.py);
            let mut by_name: Vec<_> = group.consumers.iter().collect();
            by_name.sort_by(|a, b| a.name.cmp(&b.name));
            for consumer in by_name {
                let one = PyDict::new(self.py);
                one.set_item("name", self.bytes(&consumer.name))?;
                one.set_item("seen_time_ms", consumer.seen_at_ms)?;
                one.set_item("active_time_ms", consumer.active_at_ms)?;
                let ids: Vec<_> = consumer.pending.iter().map(ToString::to_string).collect();
                one.set_item("pel", ids)?;
                consumers.append(one)?;
            }
            dict.set_item("consumers", consumers)?;
            groups.append(dict)?;
        }
        Ok(groups)
    }
}

type Built = Result<(), BuildError>;

impl Visitor for Build<'_> {
    type Error = BuildError;

    fn string(&mut self, value: &[u8]) -> Built {
        self.one = Some(self.bytes(value).into_any());
        Ok(())
    }

    fn list_item(&mut self, item: &[u8]) -> Built {
        Ok(self.list.append(self.bytes(item))?)
    }

    fn set_member(&mut self, member: &[u8]) -> Built {
        Ok(self.set.add(self.bytes(member))?)
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Built {
        Ok(self.list.append((self.bytes(member), score))?)
    }

    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Built {
        self.dict.set_item(self.bytes(field), self.bytes(value))?;
        if let Some(at_ms) = expire_at_ms {
            self.field_expire_ms.set_item(self.bytes(field), at_ms)?;
        }
        Ok(())
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Built {
        let fields = PyList::empty(self.py);
        for (field, value) in &message.fields {
            fields.append(self.bytes(&field.to_vec()))?;
            fields.append(self.bytes(&value.to_vec()))?;
        }
        Ok(self.list.append((message.id.to_string(), fields))?)
    }

    fn stream_meta(&mut self, meta: &StreamMeta) -> Built {
        self.dict.set_item("length", meta.length)?;
        self.dict.set_item("entries_added", meta.entries_added)?;
        self.dict.set_item("last_id", meta.last_id.to_string())?;
        self.dict.set_item("first_id", meta.first_id.to_string())?;
        self.dict.set_item("max_deleted_id", meta.max_deleted_id.to_string())?;
        self.dict.set_item("entries", &self.list)?;
        self.dict.set_item("groups", self.groups(meta)?)?;
        Ok(())
    }

    fn opaque(&mut self, value_type: ValueType, payload: &[u8]) -> Built {
        let mut name = value_type.kind().name().to_owned();
        if value_type == ValueType::Module2 {
            let id = redtool_format::rdb::length::read_plain(&mut Cursor::new(payload))?;
            name = module::name(id).0;
        }
        self.dict.set_item("module", name)?;
        self.dict.set_item("payload", self.bytes(payload))?;
        Ok(())
    }
}

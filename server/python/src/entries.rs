//! Entries as Python values, read from a store one after the other.
//!
//! The iterator keeps some records and the place it came to, and reads on from there, so it holds
//! no cursor between two steps.
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
use redtool_store::{read, Body, Object, Reader, Store, StoreError, Table};
use redtool_transfer::Filter;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Records read ahead, and bytes of them, at most.
const AHEAD_RECORDS: usize = 64;
const AHEAD_BYTES: usize = 1 << 20;

/// A record's key, and the record.
type Record = (Vec<u8>, Vec<u8>);

/// A snapshot, and how far it has been read.
struct Place {
    reader: Box<dyn Reader>,
    /// Records that have been read and not been given.
    ahead: VecDeque<Record>,
    /// Where to go on; None at the end.
    next: Option<Vec<u8>>,
}

/// Walks the entries of a store.
#[pyclass(frozen)]
pub struct Entries {
    place: Mutex<Place>,
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
        let reader = py.detach(|| store.reader()).map_err(|e| raise(py, e.into()))?;
        let place = Place { reader, ahead: VecDeque::new(), next: Some(Vec::new()) };
        Ok(Self { place: Mutex::new(place), _store: store, filter, values })
    }
}

#[pymethods]
impl Entries {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyDict>>> {
        // Without the interpreter: a store may be far away, and ask for credentials on the way.
        let read = py.detach(|| {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            let next = place.next(&self.filter).map_err(|e| (e, None))?;
            let read = next.map(|(record_key, record)| {
                Read::new(&*place.reader, &record_key, &record, self.values)
            });
            read.transpose()
        });
        match read.map_err(|(error, at)| told(py, error, at))? {
            Some(read) => read.entry(py).map(Some),
            None => Ok(None),
        }
    }
}

impl Place {
    /// The next record that passes.
    fn next(&mut self, filter: &Filter) -> Result<Option<Record>, StoreError> {
        loop {
            while let Some((record_key, record)) = self.ahead.pop_front() {
                let object = Object::parse(&record)?;
                let (db, _) = split_record_key(&record_key)?;
                let name = object.key(&record_key)?;
                if filter.passes(db, name, object.kind, object.expire_at_ms) {
                    return Ok(Some((record_key, record)));
                }
            }
            let Some(from) = self.next.take() else { return Ok(None) };
            let mut cursor = self.reader.seek(Table::Objects, &from)?;
            let mut bytes = 0;
            while self.ahead.len() < AHEAD_RECORDS && bytes < AHEAD_BYTES {
                let Some((record_key, record)) = cursor.next()? else { break };
                bytes += record.len();
                self.ahead.push_back((record_key.into_owned(), record.into_owned()));
            }
            let last = self.ahead.back();
            self.next = last.map(|(record_key, _)| self.reader.place_after(record_key));
        }
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
    let read = py.detach(|| {
        let untold = |error: StoreError| (error, None);
        let reader = store.reader().map_err(untold)?;
        let record_key = record_key(db, key);
        let found = reader.get(Table::Objects, &record_key).map_err(untold)?;
        let Some(record) = found else { return Ok(None) };
        if Object::parse(&record).map_err(untold)?.is_expired(now_ms) {
            return Ok(None);
        }
        Read::new(&*reader, &record_key, &record, true).map(Some)
    });
    match read.map_err(|(error, at)| told(py, error, at))? {
        Some(read) => read.entry(py).map(Some),
        None => Ok(None),
    }
}

/// The db and key that an error is about.
type At = Option<(u32, Vec<u8>)>;

fn told(py: Python<'_>, error: StoreError, at: At) -> PyErr {
    let error = match at {
        Some((db, key)) => redtool_transfer::Error::store(error, 0, db, &key),
        None => error.into(),
    };
    raise(py, error)
}

/// An entry read, and not yet made into Python values.
struct Read {
    record_key: Vec<u8>,
    record: Vec<u8>,
    /// The value, where it is asked for and not in the record.
    value: Option<(ValueType, SpillBytes)>,
    values: bool,
}

impl Read {
    fn new(
        reader: &dyn Reader,
        record_key: &[u8],
        record: &[u8],
        values: bool,
    ) -> Result<Self, (StoreError, At)> {
        let untold = |error: StoreError| (error, None);
        let object = Object::parse(record).map_err(untold)?;
        let mut value = None;
        if values && matches!(object.body, Body::Segmented { .. }) {
            let mut buf = SpillBytes::new();
            let read = read::payload(reader, &object, &mut buf, false);
            let value_type = read.map(|(value_type, _)| value_type).map_err(|error| {
                let db = split_record_key(record_key).map_or(0, |(db, _)| db);
                let key = object.key(record_key).unwrap_or_default();
                (error, Some((db, key.to_vec())))
            })?;
            value = Some((value_type, buf));
        }
        Ok(Self { record_key: record_key.to_vec(), record: record.to_vec(), value, values })
    }

    fn entry(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let store_error = |e: StoreError| raise(py, e.into());
        let object = Object::parse(&self.record).map_err(store_error)?;
        let (db, _) = split_record_key(&self.record_key).map_err(store_error)?;
        let key = object.key(&self.record_key).map_err(store_error)?;
        let dict = PyDict::new(py);
        dict.set_item("db", db)?;
        dict.set_item("key", PyBytes::new(py, key))?;
        dict.set_item("type", object.kind.name())?;
        dict.set_item("encoding", object.encoding.name())?;
        dict.set_item("expire_at_ms", object.expire_at_ms)?;
        dict.set_item("idle_s", object.idle_s)?;
        dict.set_item("freq", object.freq)?;
        if !self.values {
            dict.set_item("value", py.None())?;
            return Ok(dict.unbind());
        }
        let (value_type, payload) = match (&self.value, object.body) {
            (Some((value_type, buf)), _) => (*value_type, buf.as_slice()),
            (None, Body::Inline(payload)) => (object.value_type, payload),
            (None, Body::Segmented { .. }) => (object.value_type, &[][..]),
        };
        let value = Value { value_type, payload, templates: &Templates::new() };
        let (value, field_expire_ms) = value_of(py, &value).map_err(|error| match error {
            BuildError::Python(error) => error,
            BuildError::Format(error) => told(py, error.into(), Some((db, key.to_vec()))),
        })?;
        if field_expire_ms.is_some() {
            dict.set_item("field_expire_ms", field_expire_ms)?;
        }
        dict.set_item("value", value)?;
        Ok(dict.unbind())
    }
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

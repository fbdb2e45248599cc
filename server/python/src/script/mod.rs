//! `--map script.py`: each entry given to a Python function, and what it gives back written.
//!
//! The function is called with a `redtool.Entry` and returns one (a changed copy, or itself), None
//! (the entry is left out), or an iterable of entries. Calls hold the GIL, so they come one after
//! the other; it is let go of while an entry is written, since a writer may have to wait for
//! another thread that wants to call the function.
//!
//! A value that comes back equal keeps its payload: its encoding, and what Python does not see of
//! it. Another one is written as [`value`] says. An empty collection is no entry.
mod stream;
mod value;

use crate::entries::{value_of, BuildError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use redtool_format::rdb::writer::{Attributes, Value};
use redtool_format::rdb::{Kind, Str, ValueType};
use redtool_transfer::source::Entry;
use redtool_transfer::transform::payload::Payload;
use redtool_transfer::transform::Script;
use redtool_transfer::{Error, ErrorKind, Result};

/// A Python function as a script.
pub struct PythonScript {
    function: Py<PyAny>,
}

/// An entry that the function gave.
struct Made {
    db: u32,
    key: Vec<u8>,
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
    /// None: that of the entry it was given.
    value: Option<(ValueType, Payload)>,
}

/// What the function returned.
enum Answer {
    None,
    One(Option<Made>),
    Several(Py<PyAny>),
}

/// Why an answer makes no entry.
enum Wrong {
    /// Python's own error.
    Python(PyErr),
    /// A sentence.
    Said(String),
    /// The payload in the source is damaged.
    Format(redtool_format::FormatError),
    /// The new payload could not be kept.
    Io(std::io::Error),
}

impl From<PyErr> for Wrong {
    fn from(error: PyErr) -> Self {
        Wrong::Python(error)
    }
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Wrong::Io(error)
    }
}

impl From<BuildError> for Wrong {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Format(error) => Wrong::Format(error),
            BuildError::Python(error) => Wrong::Python(error),
        }
    }
}

impl From<redtool_format::rdb::writer::WriteError> for Wrong {
    fn from(error: redtool_format::rdb::writer::WriteError) -> Self {
        match error {
            redtool_format::rdb::writer::WriteError::Format(error) => Wrong::Format(error),
            redtool_format::rdb::writer::WriteError::Io(error) => Wrong::Io(error),
        }
    }
}

fn said<T>(sentence: impl Into<String>) -> std::result::Result<T, Wrong> {
    Err(Wrong::Said(sentence.into()))
}

impl PythonScript {
    /// Calls `function`.
    pub fn new(function: Py<PyAny>) -> Self {
        Self { function }
    }

    fn answer(&self, py: Python<'_>, entry: &Entry<'_>) -> std::result::Result<Answer, Wrong> {
        let class = py.import("redtool.results")?.getattr("Entry")?;
        let given = given(&class, entry)?;
        let answer = self.function.bind(py).call1((given,))?;
        if answer.is_none() {
            return Ok(Answer::None);
        }
        if answer.is_instance(&class)? {
            return made(&answer, entry).map(Answer::One);
        }
        if answer.is_instance_of::<PyBytes>() || answer.is_instance_of::<PyString>() {
            return said(not_an_entry(&answer));
        }
        match answer.try_iter() {
            Ok(several) => Ok(Answer::Several(several.into_any().unbind())),
            Err(_) => said(not_an_entry(&answer)),
        }
    }

    /// The next of several; None at their end.
    fn next(
        &self,
        py: Python<'_>,
        several: &Py<PyAny>,
        entry: &Entry<'_>,
    ) -> std::result::Result<Option<Option<Made>>, Wrong> {
        let Some(item) = several.bind(py).try_iter()?.next() else { return Ok(None) };
        let item = item?;
        let class = py.import("redtool.results")?.getattr("Entry")?;
        match item.is_instance(&class)? {
            true => made(&item, entry).map(Some),
            false => said(not_an_entry(&item)),
        }
    }

    /// An error about an entry, with the place in the script.
    fn failed(&self, py: Python<'_>, entry: &Entry<'_>, wrong: Wrong) -> Error {
        let function = self.function.bind(py);
        let explained = match wrong {
            Wrong::Format(error) => return entry.error(error),
            Wrong::Io(error) => return Error::io(&std::env::temp_dir(), &error),
            Wrong::Python(error) => {
                explain(py, "raised", error.into_value(py).bind(py).as_any(), function)
            }
            Wrong::Said(what) => {
                explain(py, "refused", PyString::new(py, &what).as_any(), function)
            }
        };
        let (message, hint) = explained.unwrap_or_else(|error| (error.to_string(), String::new()));
        let mut error = Error::new(ErrorKind::Script, message).hint(hint);
        (error.db, error.key) = (Some(entry.db), entry.key.to_vec().ok());
        error
    }
}

/// Message and hint, as `redtool.transforms` words them.
fn explain(
    py: Python<'_>,
    how: &str,
    what: &Bound<'_, PyAny>,
    function: &Bound<'_, PyAny>,
) -> PyResult<(String, String)> {
    py.import("redtool.transforms")?.getattr(how)?.call1((what, function))?.extract()
}

fn not_an_entry(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    format!("it gave an object of type {name}, not an Entry, None or several entries")
}

impl Script for PythonScript {
    fn call(
        &self,
        entry: &Entry<'_>,
        each: &mut dyn FnMut(&Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let answer = Python::attach(|py| {
            self.answer(py, entry).map_err(|wrong| self.failed(py, entry, wrong))
        })?;
        match answer {
            Answer::None | Answer::One(None) => Ok(()),
            Answer::One(Some(made)) => each(&made.entry(entry)),
            Answer::Several(several) => loop {
                let next = Python::attach(|py| {
                    self.next(py, &several, entry).map_err(|wrong| self.failed(py, entry, wrong))
                })?;
                match next {
                    None => return Ok(()),
                    Some(None) => {}
                    Some(Some(made)) => each(&made.entry(entry))?,
                }
            },
        }
    }
}

impl Made {
    /// As an entry in place of the one that the function was given.
    fn entry<'a>(&'a self, given: &'a Entry<'a>) -> Entry<'a> {
        let attributes = Attributes {
            expire_at_ms: self.expire_at_ms,
            idle_s: self.idle_s,
            freq: self.freq,
            meta: given.attributes.meta,
        };
        let mut entry = Entry { db: self.db, key: Str::Raw(&self.key), attributes, ..*given };
        if let Some((value_type, payload)) = &self.value {
            let templates = given.value.templates;
            let payload = payload.as_slice();
            entry.value = Value { value_type: *value_type, payload, templates };
            (entry.encoding, entry.offset) = (None, None);
        }
        entry
    }
}

/// The entry as the function gets it.
fn given<'py>(
    class: &Bound<'py, PyAny>,
    entry: &Entry<'_>,
) -> std::result::Result<Bound<'py, PyAny>, Wrong> {
    let py = class.py();
    let key = entry.key.to_vec().map_err(Wrong::Format)?;
    let (value, field_expire_ms) = value_of(py, &entry.value)?;
    let dict = PyDict::new(py);
    dict.set_item("db", entry.db)?;
    dict.set_item("key", PyBytes::new(py, &key))?;
    dict.set_item("type", entry.value.value_type.kind().name())?;
    dict.set_item("encoding", entry.encoding.map_or("", |encoding| encoding.name()))?;
    dict.set_item("value", value)?;
    dict.set_item("expire_at_ms", entry.attributes.expire_at_ms)?;
    dict.set_item("idle_s", entry.attributes.idle_s)?;
    dict.set_item("freq", entry.attributes.freq)?;
    dict.set_item("field_expire_ms", field_expire_ms)?;
    Ok(class.call((), Some(&dict))?)
}

/// An entry of the function's; None when nothing is left of it.
fn made(object: &Bound<'_, PyAny>, entry: &Entry<'_>) -> std::result::Result<Option<Made>, Wrong> {
    let db: u32 = field(object, "db", "a whole number from 0 to 2147483647")?;
    if i32::try_from(db).is_err() {
        return said(format!("db {db} is not a whole number from 0 to 2147483647"));
    }
    let made = Made {
        db,
        key: value::bytes(&object.getattr("key")?, "the key")?.to_vec(),
        expire_at_ms: field(object, "expire_at_ms", "Unix milliseconds or None")?,
        idle_s: field(object, "idle_s", "seconds or None")?,
        freq: field(object, "freq", "a number to 255 or None")?,
        value: None,
    };
    let name: String = field(object, "type", "the name of a type")?;
    let Some(kind) = Kind::from_name(&name) else {
        return said(format!("{name:?} is no type"));
    };
    let new = object.getattr("value")?;
    let expiries = object.getattr("field_expire_ms")?;
    if kind == entry.value.value_type.kind() {
        let (old, old_expiries) = value_of(object.py(), &entry.value)?;
        let no_expiries = PyDict::new(object.py());
        let now = if expiries.is_none() { no_expiries.as_any() } else { &expiries };
        if new.eq(old)? && now.eq(old_expiries.as_ref().unwrap_or(&no_expiries))? {
            return Ok(Some(made));
        }
    }
    let written = value::write(kind, &new, &expiries)?;
    Ok(written.map(|value| Made { value: Some(value), ..made }))
}

/// A field of an entry, or a sentence about what it is not.
fn field<'py, T>(
    object: &Bound<'py, PyAny>,
    name: &str,
    what: &str,
) -> std::result::Result<T, Wrong>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    let value = object.getattr(name)?;
    let extracted = value.extract::<T>().ok();
    match extracted {
        Some(extracted) => Ok(extracted),
        None => said(format!("{name} is {}, not {what}", value.repr()?)),
    }
}

//! Errors as exceptions of `redtool.errors`, raised with their place.
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use redtool_transfer::{Error, ErrorKind};

fn class_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Truncated => "TruncatedError",
        ErrorKind::Corrupt => "CorruptError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Checksum => "ChecksumError",
        ErrorKind::NotFound => "DatasetNotFoundError",
        ErrorKind::Exists => "TargetExistsError",
        ErrorKind::DiskFull => "DiskFullError",
        ErrorKind::Loss => "LossError",
        ErrorKind::Closed => "OutputClosedError",
        ErrorKind::Store => "StoreError",
        ErrorKind::Usage => "UsageError",
        ErrorKind::Script => "ScriptError",
        ErrorKind::Cancelled => "RedtoolError",
    }
}

/// The exception for an error.
pub fn raise(py: Python<'_>, mut error: Error) -> PyErr {
    // Messages of the store name their file first, as the exception's path does.
    if let Some((path, rest)) = error.message.split_once(": ") {
        let is_path = path.starts_with('/') || path.starts_with("dynamodb://");
        if error.path.is_none() && is_path {
            (error.path, error.message) = (Some(path.into()), rest.to_owned());
        }
    }
    build(py, &error).unwrap_or_else(|failed| failed)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let kwargs = PyDict::new(py);
    kwargs.set_item("offset", error.offset)?;
    kwargs.set_item("db", error.db)?;
    kwargs.set_item("key", error.key.as_ref().map(|key| PyBytes::new(py, key)))?;
    kwargs.set_item("hint", error.hint.as_deref())?;
    kwargs.set_item("path", error.path.as_deref())?;
    let class = py.import("redtool.errors")?.getattr(class_of(error.kind))?;
    Ok(PyErr::from_value(class.call((error.message.as_str(),), Some(&kwargs))?))
}

/// An exception of `redtool.errors` with a message and a hint only.
pub fn plain(py: Python<'_>, class: &str, message: &str, hint: Option<&str>) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let kwargs = PyDict::new(py);
        kwargs.set_item("hint", hint)?;
        let class = py.import("redtool.errors")?.getattr(class)?;
        Ok(PyErr::from_value(class.call((message,), Some(&kwargs))?))
    };
    build().unwrap_or_else(|failed| failed)
}

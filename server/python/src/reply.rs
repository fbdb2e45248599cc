//! RESP3 replies as Python values.
use crate::errors::plain;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySet};
use redtool_format::resp::Value;

/// The value of a reply. An error reply is raised at the top and an exception instance inside.
pub fn to_python(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    match value {
        Value::Error(text) => Err(response_error(py, text)),
        other => convert(py, other),
    }
}

fn response_error(py: Python<'_>, text: &[u8]) -> PyErr {
    plain(py, "ResponseError", &String::from_utf8_lossy(text), None)
}

fn convert(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Error(text) => response_error(py, text).into_value(py).into_any(),
        Value::Simple(bytes) | Value::Bulk(bytes) => PyBytes::new(py, bytes).into_any().unbind(),
        Value::Verbatim(_, bytes) => PyBytes::new(py, bytes).into_any().unbind(),
        Value::BigNumber(digits) => PyBytes::new(py, digits).into_any().unbind(),
        Value::Int(n) => n.into_pyobject(py)?.into_any().unbind(),
        Value::Double(x) => x.into_pyobject(py)?.into_any().unbind(),
        Value::Bool(b) => b.into_pyobject(py)?.to_owned().into_any().unbind(),
        Value::Null => py.None(),
        Value::Array(items) | Value::Push(items) => {
            PyList::new(py, all(py, items)?)?.into_any().unbind()
        }
        Value::Set(items) => match PySet::new(py, all(py, items)?) {
            Ok(set) => set.into_any().unbind(),
            // A set of lists: Python's sets hold only what can be hashed.
            Err(_) => PyList::new(py, all(py, items)?)?.into_any().unbind(),
        },
        Value::Map(pairs) => {
            let dict = PyDict::new(py);
            for (key, value) in pairs {
                dict.set_item(convert(py, key)?, convert(py, value)?)?;
            }
            dict.into_any().unbind()
        }
    })
}

fn all(py: Python<'_>, items: &[Value]) -> PyResult<Vec<Py<PyAny>>> {
    items.iter().map(|item| convert(py, item)).collect()
}

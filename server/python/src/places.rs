//! Where datasets are, as Python names them: `(scheme, place, options)`.
use pyo3::prelude::*;
use pyo3::types::PyDict;
use redtool_transfer::Place;
use std::path::PathBuf;

/// A dataset's url as `toolkit/redtool/urls.py` makes it.
pub struct Url {
    /// Scheme, path and tuning.
    pub place: Place,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Url {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let (scheme, path, options): (String, PathBuf, Bound<'py, PyDict>) = object.extract()?;
        let tuning = options.extract::<std::collections::BTreeMap<String, String>>()?;
        Ok(Self { place: Place { scheme, path, tuning: tuning.into_iter().collect() } })
    }
}

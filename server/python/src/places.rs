//! Where datasets are, as Python names them: `(scheme, place, options)`.
use pyo3::prelude::*;
use pyo3::types::PyDict;
use redtool_store::credentials::{Credentials, Keys, SharedCredentials};
use redtool_transfer::Place;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// The option that is no text: a function that gives the credentials for a table.
const CREDENTIALS: &str = "credentials";

/// A dataset's url as `toolkit/redtool/urls.py` makes it.
pub struct Url {
    /// Scheme, path and tuning.
    pub place: Place,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Url {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let (scheme, path, options): (String, PathBuf, Bound<'py, PyDict>) = object.extract()?;
        let mut place = Place::new(&scheme, &path);
        for (name, value) in options {
            let name: String = name.extract()?;
            if name == CREDENTIALS {
                let asked = PyCredentials(value.unbind());
                place.credentials = Some(SharedCredentials(Arc::new(asked)));
            } else {
                place.tuning.push((name, value.extract()?));
            }
        }
        place.tuning.sort();
        Ok(Self { place })
    }
}

/// A Python function that gives credentials: access key, secret key, session token, and when they
/// end in Unix seconds.
struct PyCredentials(Py<PyAny>);

type Given = (String, String, Option<String>, Option<f64>);

impl Credentials for PyCredentials {
    fn credentials(&self) -> Result<Keys, String> {
        let ask = |py: Python<'_>| self.0.call0(py)?.extract::<Given>(py);
        let asked = Python::try_attach(|py| ask(py).map_err(|error| words(py, &error)));
        let Some(asked) = asked else { return Err("the program is ending".into()) };
        let (access_key, secret_key, session_token, until) = asked?;
        let until = until.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let expires_at = until.and_then(|since| UNIX_EPOCH.checked_add(since));
        Ok(Keys { access_key, secret_key, session_token, expires_at })
    }
}

/// What an exception says, and what to do about it.
fn words(py: Python<'_>, error: &PyErr) -> String {
    let value = error.value(py);
    let text = |name: &str| value.getattr(name).ok()?.extract::<String>().ok();
    let message = text("message").unwrap_or_else(|| value.to_string());
    match text("hint") {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    }
}

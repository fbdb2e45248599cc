//! Dictionaries of options, read strictly: what is absent has its default, what is unknown is an
//! error.
use crate::errors::raise;
use crate::script::PythonScript;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use redtool_engine::clock::system_ms;
use redtool_transfer::filter::{Conditions, Portion, Sample, Ttl};
use redtool_transfer::transform::mask::{Masking, Parts, Scope};
use redtool_transfer::transform::{Changes, Expiry, Retime, Script};
use redtool_transfer::{Filter, Transform};
use std::sync::Arc;

/// Refuses options that a call does not have.
pub fn check_known(options: &Bound<'_, PyDict>, known: &[&str]) -> PyResult<()> {
    for name in options.keys() {
        let name: String = name.extract()?;
        if !known.contains(&name.as_str()) {
            return Err(PyValueError::new_err(format!("unknown option {name:?}")));
        }
    }
    Ok(())
}

/// An option; None when it is absent or None.
pub fn get<'py, T>(options: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    match options.get_item(name)? {
        Some(value) if !value.is_none() => value.extract::<T>().map(Some).map_err(Into::into),
        _ => Ok(None),
    }
}

/// A yes or no.
pub fn flag(options: &Bound<'_, PyDict>, name: &str, default: bool) -> PyResult<bool> {
    Ok(get(options, name)?.unwrap_or(default))
}

/// The filter in `options["filters"]`.
pub fn filter(options: &Bound<'_, PyDict>) -> PyResult<Filter> {
    let filters: Option<Bound<'_, PyDict>> = get(options, "filters")?;
    let Some(filters) = filters else { return Ok(Filter::default()) };
    check_known(
        &filters,
        &[
            "keys",
            "exclude_keys",
            "regex",
            "exclude_regex",
            "types",
            "exclude_types",
            "dbs",
            "exclude_dbs",
            "ttl",
            "sample",
            "seed",
            "slots",
            "bucket",
        ],
    )?;
    let include = conditions(&filters, "")?;
    let exclude = conditions(&filters, "exclude_")?;
    let ttl = ttl(&filters)?;
    let portion = portion(&filters)?;
    Filter::new(include, ttl, exclude)
        .and_then(|filter| filter.of_portion(portion))
        .map_err(|e| raise(options.py(), e))
}

fn portion(filters: &Bound<'_, PyDict>) -> PyResult<Portion> {
    let seed = get(filters, "seed")?.unwrap_or(0);
    let sample: Option<(u64, u64)> = get(filters, "sample")?;
    Ok(Portion {
        sample: sample.map(|(part, whole)| Sample { part, whole, seed }),
        slots: get(filters, "slots")?.unwrap_or_default(),
        bucket: get(filters, "bucket")?,
    })
}

fn conditions(filters: &Bound<'_, PyDict>, prefix: &str) -> PyResult<Conditions> {
    let name = |rest: &str| format!("{prefix}{rest}");
    Ok(Conditions {
        keys: get(filters, &name("keys"))?.unwrap_or_default(),
        regex: get(filters, &name("regex"))?.unwrap_or_default(),
        types: get(filters, &name("types"))?.unwrap_or_default(),
        dbs: get(filters, &name("dbs"))?.unwrap_or_default(),
    })
}

fn ttl(filters: &Bound<'_, PyDict>) -> PyResult<Option<Ttl>> {
    let Some(value) = get::<Bound<'_, PyAny>>(filters, "ttl")? else { return Ok(None) };
    if let Ok(word) = value.extract::<String>() {
        return match word.as_str() {
            "none" => Ok(Some(Ttl::None)),
            "any" => Ok(Some(Ttl::Any)),
            _ => Err(PyValueError::new_err(format!("unknown ttl {word:?}"))),
        };
    }
    let (min_ms, max_ms): (Option<i64>, Option<i64>) = value.extract()?;
    Ok(Some(Ttl::Between { min_ms, max_ms, now_ms: system_ms() }))
}

/// The transform in `options["transforms"]`.
pub fn transform(options: &Bound<'_, PyDict>) -> PyResult<Transform> {
    let given: Option<Bound<'_, PyDict>> = get(options, "transforms")?;
    let Some(given) = given else { return Ok(Transform::default()) };
    check_known(
        &given,
        &[
            "script",
            "rename",
            "rename_regex",
            "map_db",
            "ttl",
            "ttl_default",
            "mask",
            "mask_parts",
            "mask_secret",
        ],
    )?;
    let script: Option<Py<PyAny>> = get(&given, "script")?;
    let changes = Changes {
        script: script.map(|function| -> Arc<dyn Script> { Arc::new(PythonScript::new(function)) }),
        rename: get(&given, "rename")?.unwrap_or_default(),
        rename_regex: get(&given, "rename_regex")?.unwrap_or_default(),
        dbs: get(&given, "map_db")?.unwrap_or_default(),
        retime: Retime { expiry: expiry(&given)?, default_ms: get(&given, "ttl_default")? },
        mask: masking(&given)?,
        lossy: flag(options, "lossy", false)?,
    };
    Transform::new(changes).map_err(|e| raise(options.py(), e))
}

fn expiry(given: &Bound<'_, PyDict>) -> PyResult<Expiry> {
    let Some((what, ms)) = get::<(String, i64)>(given, "ttl")? else { return Ok(Expiry::Keep) };
    match what.as_str() {
        "drop" => Ok(Expiry::Drop),
        "set" => Ok(Expiry::Set(ms)),
        "shift" => Ok(Expiry::Shift(ms)),
        _ => Err(PyValueError::new_err(format!("unknown change of ttl {what:?}"))),
    }
}

fn masking(given: &Bound<'_, PyDict>) -> PyResult<Option<Masking>> {
    let Some(scopes) = get::<Vec<(String, Option<Vec<u8>>)>>(given, "mask")? else {
        return Ok(None);
    };
    let scope = |(what, glob): (String, Option<Vec<u8>>)| match what.as_str() {
        "values" => Ok(Scope { values: true, keys: false, glob }),
        "keys" => Ok(Scope { values: false, keys: true, glob }),
        "all" => Ok(Scope { values: true, keys: true, glob }),
        _ => Err(PyValueError::new_err(format!("unknown mask {what:?}"))),
    };
    let parts = match get::<String>(given, "mask_parts")?.as_deref() {
        None => Parts::All,
        Some("digits") => Parts::Digits,
        Some(regex) => Parts::Matching(regex.to_owned()),
    };
    Ok(Some(Masking {
        scopes: scopes.into_iter().map(scope).collect::<PyResult<_>>()?,
        parts,
        secret: get(given, "mask_secret")?.unwrap_or_default(),
    }))
}

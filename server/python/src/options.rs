//! Dictionaries of options, read strictly: what is absent has its default, what is unknown is an
//! error.
use crate::errors::raise;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use redtool_engine::clock::system_ms;
use redtool_transfer::filter::{Conditions, Portion, Sample, Ttl};
use redtool_transfer::Filter;

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

//! The verbs that make datasets of others: convert, merge, split. Each is one call into the core.
use crate::errors::plain;
use crate::options::{check_known, filter, flag, get, transform};
use crate::places::Url;
use crate::verbs::account;
use crate::work;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use redtool_engine::clock::system_ms;
use redtool_format::rdb::target::{Loss, Target};
use redtool_transfer::convert::{convert as transfer, Converted, Goal};
use redtool_transfer::failures::Failures;
use redtool_transfer::merge::{merge as transfer_all, OnConflict};
use redtool_transfer::split::{split as transfer_parts, Part};
use redtool_transfer::text::forms::TextOptions;
use redtool_transfer::{Error, Job, Place, Selection, Source};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Options that all three take.
const COMMON: &[&str] = &[
    "filters",
    "transforms",
    "checksum",
    "target",
    "rdb_version",
    "lossy",
    "force",
    "compress",
    "dead_letters",
    "replace",
    "elements",
    "template",
];

fn known(options: &Bound<'_, PyDict>, more: &[&str]) -> PyResult<()> {
    let known: Vec<_> = COMMON.iter().chain(more).copied().collect();
    check_known(options, &known)
}

/// How a source is read.
pub fn job(options: &Bound<'_, PyDict>) -> PyResult<Job> {
    let (filter, transform) = (filter(options)?, transform(options)?);
    let mut job = Job::of(Selection { filter, transform });
    job.checksum = flag(options, "checksum", true)?;
    if let Some(path) = get::<PathBuf>(options, "dead_letters")? {
        job.failures = Arc::new(Failures::into_file(&path));
    }
    Ok(job)
}

fn goal(
    py: Python<'_>,
    place: Place,
    sources: &[&Place],
    options: &Bound<'_, PyDict>,
) -> PyResult<Goal> {
    let names: Vec<_> = sources.iter().map(|source| source.path.to_string_lossy()).collect();
    Ok(Goal {
        place,
        source: names.join(", "),
        force: flag(options, "force", false)?,
        target: target_of(py, options)?,
        lossy: flag(options, "lossy", false)?,
        compress: flag(options, "compress", true)?,
        now_ms: system_ms(),
        text: TextOptions {
            replace: flag(options, "replace", false)?,
            elements: flag(options, "elements", false)?,
            template: get(options, "template")?,
        },
    })
}

/// The form asked for; None: the source's own.
fn target_of(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Option<Target>> {
    let usage = |message: String, hint| plain(py, "UsageError", &message, hint);
    let server: String = get(options, "target")?.unwrap_or_default();
    let version: Option<u32> = get(options, "rdb_version")?;
    match (server.as_str(), version) {
        ("", None) => Ok(None),
        ("", Some(version)) => {
            Target::from_version(version).map(Some).map_err(|e| usage(e.to_string(), None))
        }
        (server, _) => Target::from_server(server).map(Some).ok_or_else(|| {
            usage(format!("unknown server {server:?}"), Some("like redis-6.2, redis-7.2, valkey-9"))
        }),
    }
}

/// Copies the entries of `source` into a new dataset at `target`.
#[pyfunction]
pub fn convert(
    py: Python<'_>,
    source: Url,
    target: Url,
    options: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Py<PyDict>> {
    known(options, &[])?;
    let (job, goal) = (job(options)?, goal(py, target.place, &[&source.place], options)?);
    let start = Instant::now();
    let done = work::run(py, progress.as_ref(), move |meter| {
        transfer(&Source::open(&source.place, meter)?, &goal, &job, meter)
    })?;
    let dict = answer(py, &done)?;
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    Ok(dict.unbind())
}

/// Merges the entries of `sources` into a new dataset at `target`.
#[pyfunction]
pub fn merge(
    py: Python<'_>,
    sources: Vec<Url>,
    target: Url,
    options: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Py<PyDict>> {
    known(options, &["on_conflict"])?;
    let word: String = get(options, "on_conflict")?.unwrap_or_else(|| "fail".into());
    let on_conflict = match word.as_str() {
        "fail" => OnConflict::Fail,
        "first" => OnConflict::First,
        "last" => OnConflict::Last,
        "newest" => OnConflict::Newest,
        _ => {
            let message = format!("unknown conflict policy {word:?}");
            let hint = Some("fail, first, last or newest");
            return Err(plain(py, "UsageError", &message, hint));
        }
    };
    let places: Vec<_> = sources.iter().map(|source| &source.place).collect();
    let (job, goal) = (job(options)?, goal(py, target.place, &places, options)?);
    let start = Instant::now();
    let merged = work::run(py, progress.as_ref(), move |meter| {
        let open = |url: &Url| Source::open(&url.place, meter);
        let sources: Vec<_> = sources.iter().map(open).collect::<Result<_, _>>()?;
        transfer_all(&sources, &goal, on_conflict, &job, meter)
    })?;
    let dict = answer(py, &merged.converted)?;
    dict.set_item("conflicts", merged.conflicts)?;
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    Ok(dict.unbind())
}

/// Splits the entries of `source` into new datasets, each with the filters of what it takes.
#[pyfunction]
pub fn split(
    py: Python<'_>,
    source: Url,
    parts: Vec<(Url, Bound<'_, PyDict>)>,
    options: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Py<PyDict>> {
    known(options, &[])?;
    let job = job(options)?;
    let parts = parts
        .into_iter()
        .map(|(url, takes)| {
            check_known(&takes, &["filters"])?;
            let goal = goal(py, url.place, &[&source.place], options)?;
            Ok(Part { filter: filter(&takes)?, goal })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let start = Instant::now();
    let (done, bytes_read) = work::run(py, progress.as_ref(), move |meter| {
        let source = Source::open(&source.place, meter)?;
        let done = transfer_parts(&source, &parts, &job, meter)?;
        Ok((done, source.size_bytes()))
    })?;
    let made = PyList::empty(py);
    for part in &done.parts {
        made.append(answer(py, part)?)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("account", account(py, &done.account)?)?;
    dict.set_item("parts", made)?;
    set_losses(&dict, &done.losses)?;
    dict.set_item("failures", failures(py, &done.failures)?)?;
    dict.set_item("bytes_read", bytes_read)?;
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    Ok(dict.unbind())
}

/// What was made, as a dictionary.
pub fn answer<'py>(py: Python<'py>, done: &Converted) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("account", account(py, &done.account)?)?;
    set_losses(&dict, &done.losses)?;
    dict.set_item("bytes_read", done.bytes_read)?;
    dict.set_item("bytes_written", done.bytes_written)?;
    dict.set_item("failures", failures(py, &done.failures)?)?;
    Ok(dict)
}

fn set_losses(dict: &Bound<'_, PyDict>, losses: &BTreeMap<Loss, u64>) -> PyResult<()> {
    let counts: BTreeMap<_, _> = losses.iter().map(|(loss, n)| (loss.name(), *n)).collect();
    dict.set_item("losses", counts)?;
    let warnings: Vec<_> = losses.iter().map(|(loss, n)| loss.sentence(*n)).collect();
    dict.set_item("warnings", warnings)
}

fn failures<'py>(py: Python<'py>, errors: &[Error]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for error in errors {
        let one = PyDict::new(py);
        one.set_item("error", &error.message)?;
        one.set_item("offset", error.offset)?;
        one.set_item("db", error.db)?;
        one.set_item("key", error.key.as_ref().map(|key| PyBytes::new(py, key)))?;
        list.append(one)?;
    }
    Ok(list)
}

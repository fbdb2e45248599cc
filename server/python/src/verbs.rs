//! The verbs that look: each one call into the core. Those that make datasets are in
//! [`convert`](crate::convert).
use crate::errors::raise;
use crate::options::{check_known, filter, flag, get};
use crate::places::Url;
use crate::work;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use redtool_format::rdb::{module, Dialect, Kind};
use redtool_format::Cursor;
use redtool_store::meta::DbCounts;
use redtool_transfer::account::PerKind;
use redtool_transfer::diff::{diff as compare, DiffKind, Options as DiffOptions};
use redtool_transfer::import::library_name;
use redtool_transfer::input::{sniff_file, Content};
use redtool_transfer::rdb_file::Checksum;
use redtool_transfer::verify::{salvage, verify as check, Options as VerifyOptions, Report};
use redtool_transfer::{Account, Error, ErrorKind, Filter, Job, Meter, Selection, Source};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// What lies at `path`, by content.
#[pyfunction]
pub fn sniff(py: Python<'_>, path: PathBuf) -> PyResult<&'static str> {
    Ok(match sniff_file(&path).map_err(|e| raise(py, e))? {
        Content::Rdb => "rdb",
        Content::Gzip => "rdb.gz",
        Content::Zstd => "rdb.zst",
        Content::Lmdb => "lmdb",
        Content::LevelDb => "leveldb",
        Content::Aof => "aof",
        Content::JsonLines => "jsonl",
        Content::Unknown => "unknown",
    })
}

/// Differences kept for `emit`.
const DIFFERENCES: usize = 100_000;

/// Compares by meaning.
#[pyfunction]
pub fn diff(
    py: Python<'_>,
    a: Url,
    b: Url,
    options: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
    emit: Option<Py<PyAny>>,
) -> PyResult<Py<PyDict>> {
    check_known(options, &["filters", "ttl_tolerance_ms", "checksum"])?;
    let filter = filter(options)?;
    let checksum = flag(options, "checksum", true)?;
    let ttl_tolerance_ms = get(options, "ttl_tolerance_ms")?.unwrap_or(0);
    let start = Instant::now();
    let mut job = Job::of(Selection::of(filter));
    job.checksum = checksum;
    let summary = work::run(py, progress.as_ref(), move |meter| {
        let (a, b) = (Source::open(&a.place, meter)?, Source::open(&b.place, meter)?);
        let options = DiffOptions { job, ttl_tolerance_ms, limit: DIFFERENCES };
        compare(&a, &b, &options, meter)
    })?;
    if let Some(emit) = emit {
        let list = PyList::empty(py);
        for difference in &summary.differences {
            let dict = PyDict::new(py);
            dict.set_item("kind", difference.kind.name())?;
            dict.set_item("db", difference.db)?;
            dict.set_item("key", PyBytes::new(py, &difference.key))?;
            dict.set_item("type", difference.type_name)?;
            dict.set_item("detail", &difference.detail)?;
            dict.set_item("path", difference.path.as_deref())?;
            list.append(dict)?;
        }
        emit.call1(py, (list,))?;
    }
    let dict = PyDict::new(py);
    dict.set_item("same", summary.same)?;
    use DiffKind::{Expiry, Extra, Missing, Type, Value};
    for kind in [Missing, Extra, Type, Value, Expiry] {
        dict.set_item(kind.name(), summary.count(kind))?;
    }
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    Ok(dict.unbind())
}

/// Walks the whole dataset and checks it.
#[pyfunction]
pub fn verify(
    py: Python<'_>,
    source: Url,
    options: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Py<PyDict>> {
    check_known(options, &["filters", "deep", "checksum", "salvage", "force"])?;
    let (out, force) = (get::<Url>(options, "salvage")?, flag(options, "force", false)?);
    let filter = filter(options)?;
    let (deep, checksum) = (flag(options, "deep", false)?, flag(options, "checksum", true)?);
    let start = Instant::now();
    let (report, bytes) = work::run(py, progress.as_ref(), move |meter| {
        let source = Source::open(&source.place, meter)?;
        let options = VerifyOptions { deep, checksum, filter: &filter };
        let report = match &out {
            None => check(&source, &options, meter)?,
            Some(out) => salvage_to(&source, out, force, &options, meter)?,
        };
        Ok((report, source.size_bytes()))
    })?;
    let dict = PyDict::new(py);
    dict.set_item("ok", report.problems.is_empty())?;
    dict.set_item("account", account(py, &report.account)?)?;
    let problems = PyList::empty(py);
    for problem in &report.problems {
        let one = PyDict::new(py);
        one.set_item("offset", problem.offset)?;
        one.set_item("db", problem.db)?;
        one.set_item("key", problem.key.as_ref().map(|key| PyBytes::new(py, key)))?;
        one.set_item("what", &problem.message)?;
        problems.append(one)?;
    }
    dict.set_item("problems", problems)?;
    let warnings: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
    dict.set_item("warnings", warnings)?;
    dict.set_item("checksum", checksum_name(report.checksum))?;
    dict.set_item("version", report.header.map_or(1, |header| header.version))?;
    dict.set_item("dialect", report.header.map_or("", |header| dialect_name(header.dialect)))?;
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    dict.set_item("bytes_read", bytes)?;
    Ok(dict.unbind())
}

fn salvage_to(
    source: &Source,
    out: &Url,
    force: bool,
    options: &VerifyOptions<'_>,
    meter: &Meter,
) -> Result<Report, Error> {
    match (source, out.place.scheme.as_str()) {
        (Source::Rdb(file), "rdb") => salvage(file, &out.place.path, force, options, meter),
        (Source::Rdb(_), _) => {
            let error = Error::new(ErrorKind::Usage, "what is salvaged is written as an RDB file");
            Err(error.hint("--salvage OUT.rdb, then 'redtool import OUT.rdb'"))
        }
        (Source::Store(..) | Source::Jsonl(_), _) => {
            Err(Error::new(ErrorKind::Usage, "only RDB files are salvaged"))
        }
    }
}

fn checksum_name(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::Ok => "ok",
        Checksum::None => "none",
        Checksum::Skipped => "skipped",
        Checksum::Bad => "bad",
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Redis => "redis",
        Dialect::Valkey => "valkey",
    }
}

/// Header and counts.
#[pyfunction]
pub fn info(py: Python<'_>, source: Url, options: &Bound<'_, PyDict>) -> PyResult<Py<PyDict>> {
    check_known(options, &["checksum"])?;
    let checksum = flag(options, "checksum", false)?;
    let scheme = source.place.scheme.clone();
    let (opening, account, size) = work::run(py, None, move |meter| {
        let source = Source::open(&source.place, meter)?;
        let filter = Filter::default();
        let opening = source.survey(checksum, &filter, meter)?;
        let account = count_kinds(&source, meter)?;
        Ok((opening, account, source.size_bytes()))
    })?;
    let dict = PyDict::new(py);
    dict.set_item("scheme", scheme)?;
    dict.set_item("size_bytes", size)?;
    dict.set_item("version", opening.header.map_or(1, |header| header.version))?;
    dict.set_item("dialect", opening.header.map_or("", |header| dialect_name(header.dialect)))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let aux: BTreeMap<_, _> =
        opening.notes.aux.iter().map(|(name, value)| (text(name), text(value))).collect();
    dict.set_item("aux", aux)?;
    let functions: Vec<_> =
        opening.notes.functions.iter().map(|source| text(&library_name(source))).collect();
    dict.set_item("functions", functions)?;
    let mut modules: Vec<String> = opening
        .notes
        .module_aux
        .iter()
        .filter_map(|bytes| redtool_format::rdb::length::read_plain(&mut Cursor::new(bytes)).ok())
        .map(|id| module::name(id).0)
        .collect();
    modules.sort();
    modules.dedup();
    dict.set_item("modules", modules)?;
    let dbs = PyDict::new(py);
    for (db, keys, expires) in &opening.dbs {
        let one = PyDict::new(py);
        one.set_item("keys", keys)?;
        one.set_item("expires", expires)?;
        dbs.set_item(db, one)?;
    }
    dict.set_item("dbs", dbs)?;
    dict.set_item("types", per_kind(py, &account)?)?;
    Ok(dict.unbind())
}

fn count_kinds(source: &Source, meter: &Meter) -> Result<PerKind, Error> {
    let mut kinds = PerKind::default();
    match source {
        Source::Rdb(file) => {
            file.walk(meter, |record| {
                kinds.add(record.value_type.kind());
                Ok(())
            })?;
        }
        Source::Jsonl(lines) => lines.each(meter, |entry| {
            kinds.add(entry.value.value_type.kind());
            Ok(())
        })?,
        Source::Store(store, _) => {
            let meta = redtool_store::meta::Meta::load(&*store.reader()?)?;
            for (_, counts) in &meta.dbs {
                for (n, more) in kinds.0.iter_mut().zip(counts.kinds) {
                    *n += more;
                }
            }
        }
    }
    Ok(kinds)
}

/// Puts `dbs` and `types` of a store's counters into a dictionary.
pub fn put_counts(
    py: Python<'_>,
    dict: &Bound<'_, PyDict>,
    counts: &[(u32, DbCounts)],
) -> PyResult<()> {
    let dbs = PyDict::new(py);
    let mut kinds = PerKind::default();
    for (db, counts) in counts {
        let one = PyDict::new(py);
        one.set_item("keys", counts.keys)?;
        one.set_item("expires", counts.expires)?;
        dbs.set_item(db, one)?;
        for kind in Kind::ALL {
            kinds.0[kind as usize] += counts.kinds[kind as usize];
        }
    }
    dict.set_item("dbs", dbs)?;
    dict.set_item("types", per_kind(py, &kinds)?)
}

/// An account as a dictionary of dictionaries.
pub fn account<'py>(py: Python<'py>, account: &Account) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("read", per_kind(py, &account.read)?)?;
    dict.set_item("written", per_kind(py, &account.written)?)?;
    dict.set_item("filtered", per_kind(py, &account.filtered)?)?;
    dict.set_item("skipped", per_kind(py, &account.skipped)?)?;
    dict.set_item("failed", per_kind(py, &account.failed)?)?;
    Ok(dict)
}

fn per_kind<'py>(py: Python<'py>, kinds: &PerKind) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (kind, n) in kinds.iter() {
        dict.set_item(kind.name(), n)?;
    }
    Ok(dict)
}

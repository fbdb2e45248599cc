//! The verbs: each one call into the core.
use crate::errors::{plain, raise};
use crate::options::{check_known, filter, flag, get};
use crate::work;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use redtool_engine::clock::system_ms;
use redtool_format::rdb::target::Target;
use redtool_format::rdb::{module, Dialect, Kind};
use redtool_format::Cursor;
use redtool_store::lmdb::LmdbStore;
use redtool_store::meta::DbCounts;
use redtool_store::Store;
use redtool_transfer::account::PerKind;
use redtool_transfer::diff::{diff as compare, DiffKind, Options as DiffOptions, Side};
use redtool_transfer::export::{export, Options as ExportOptions};
use redtool_transfer::import::{import, library_name, Options as ImportOptions};
use redtool_transfer::input::{sniff_file, Content};
use redtool_transfer::rdb_file::{Checksum, RdbFile};
use redtool_transfer::runs::{self, Sorted};
use redtool_transfer::source::Source;
use redtool_transfer::staged::Staged;
use redtool_transfer::verify::{salvage, verify as check, Options as VerifyOptions, Report};
use redtool_transfer::{Account, Error, ErrorKind, Filter, Meter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Url = (String, PathBuf);

/// What lies at `path`, by content.
#[pyfunction]
pub fn sniff(py: Python<'_>, path: PathBuf) -> PyResult<&'static str> {
    Ok(match sniff_file(&path).map_err(|e| raise(py, e))? {
        Content::Rdb => "rdb",
        Content::Gzip => "rdb.gz",
        Content::Zstd => "rdb.zst",
        Content::Lmdb => "lmdb",
        Content::Aof => "aof",
        Content::Unknown => "unknown",
    })
}

struct Converted {
    account: Account,
    losses: BTreeMap<&'static str, u64>,
    warnings: Vec<String>,
    bytes_read: u64,
    bytes_written: u64,
}

struct ConvertOptions {
    filter: Filter,
    checksum: bool,
    target: Option<Target>,
    lossy: bool,
    force: bool,
    compress: bool,
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
    check_known(
        options,
        &["filters", "checksum", "target", "rdb_version", "lossy", "force", "compress"],
    )?;
    let chosen = ConvertOptions {
        filter: filter(options)?,
        checksum: flag(options, "checksum", true)?,
        target: target_of(py, options)?,
        lossy: flag(options, "lossy", false)?,
        force: flag(options, "force", false)?,
        compress: flag(options, "compress", true)?,
    };
    let start = Instant::now();
    let done = work::run(py, progress.as_ref(), move |meter| {
        let from = Source::open(&source.0, &source.1, meter)?;
        match target.0.as_str() {
            "rdb" => to_rdb(&from, &target.1, &chosen, meter),
            "lmdb" => to_lmdb(&from, &target.1, &chosen, meter),
            other => {
                Err(Error::new(ErrorKind::Usage, format!("{other:?} cannot be written to a file")))
            }
        }
    })?;
    let dict = PyDict::new(py);
    dict.set_item("account", account(py, &done.account)?)?;
    dict.set_item("losses", done.losses)?;
    dict.set_item("warnings", done.warnings)?;
    dict.set_item("bytes_read", done.bytes_read)?;
    dict.set_item("bytes_written", done.bytes_written)?;
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    dict.set_item("failures", PyList::empty(py))?;
    Ok(dict.unbind())
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

fn to_rdb(
    source: &Source,
    path: &Path,
    options: &ConvertOptions,
    meter: &Meter,
) -> Result<Converted, Error> {
    let target = options.target.map_or_else(|| source.own_target(), Ok)?;
    let staged = Staged::new(path, options.force)?;
    let exported =
        export(source, staged.create()?, staged.path(), &export_options(options, target), meter)
            .map_err(|error| staged.named(error))?;
    staged.commit()?;
    Ok(Converted {
        account: exported.account,
        warnings: exported.losses.iter().map(|(loss, n)| loss.sentence(*n)).collect(),
        losses: exported.losses.iter().map(|(loss, n)| (loss.name(), *n)).collect(),
        bytes_read: source.size_bytes(),
        bytes_written: exported.bytes_written,
    })
}

fn export_options(options: &ConvertOptions, target: Target) -> ExportOptions<'_> {
    ExportOptions {
        target,
        checksum: options.checksum,
        filter: &options.filter,
        lossy: options.lossy,
        compress: options.compress,
        now_ms: system_ms(),
    }
}

fn to_lmdb(
    source: &Source,
    path: &Path,
    options: &ConvertOptions,
    meter: &Meter,
) -> Result<Converted, Error> {
    let staged = Staged::new(path, options.force)?;
    let Source::Rdb(file) = source else { return store_to_lmdb(source, staged, options, meter) };
    let account = import_into(file, &staged, &options.filter, options.checksum, meter)?;
    finish_lmdb(source, staged, account)
}

fn import_into(
    file: &RdbFile,
    staged: &Staged,
    filter: &Filter,
    checksum: bool,
    meter: &Meter,
) -> Result<Account, Error> {
    let named = |error| staged.named(error);
    let store = LmdbStore::create(staged.path()).map_err(|e| named(e.into()))?;
    let options = ImportOptions { checksum, filter };
    let imported = import(file, &store, &options, meter).map_err(named)?;
    Store::sync(&store).map_err(|e| named(e.into()))?;
    Ok(imported.account)
}

/// A store into a store, through an RDB of the newest form in a temporary file: sorted and packed
/// anew.
fn store_to_lmdb(
    source: &Source,
    staged: Staged,
    options: &ConvertOptions,
    meter: &Meter,
) -> Result<Converted, Error> {
    let between =
        tempfile::NamedTempFile::new().map_err(|e| Error::io(&std::env::temp_dir(), &e))?;
    let file = between.reopen().map_err(|e| Error::io(between.path(), &e))?;
    let whole = Target { version: 15, dialect: Dialect::Redis };
    let exported = export(source, file, between.path(), &export_options(options, whole), meter)?;
    let rdb = RdbFile::open(between.path(), meter)?;
    let imported = import_into(&rdb, &staged, &Filter::default(), true, meter)?;
    let mut account = exported.account;
    account.written = imported.written;
    account.skipped = imported.skipped;
    finish_lmdb(source, staged, account)
}

fn finish_lmdb(source: &Source, staged: Staged, account: Account) -> Result<Converted, Error> {
    let bytes_written = std::fs::metadata(staged.path()).map_or(0, |meta| meta.len());
    staged.commit()?;
    Ok(Converted {
        account,
        losses: BTreeMap::new(),
        warnings: Vec::new(),
        bytes_read: source.size_bytes(),
        bytes_written,
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
    let summary = work::run(py, progress.as_ref(), move |meter| {
        let (a, b) = (Source::open(&a.0, &a.1, meter)?, Source::open(&b.0, &b.1, meter)?);
        meter.set_total(2 * (a.size_bytes() + b.size_bytes()));
        let sorted_a = sorted(&a, checksum, &filter, meter)?;
        let sorted_b = sorted(&b, checksum, &filter, meter)?;
        let limit = DIFFERENCES;
        let options = DiffOptions { filter: &filter, ttl_tolerance_ms, limit };
        compare(&side(&a, sorted_a.as_ref())?, &side(&b, sorted_b.as_ref())?, &options, meter)
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

fn sorted(
    source: &Source,
    checksum: bool,
    filter: &Filter,
    meter: &Meter,
) -> Result<Option<Sorted>, Error> {
    match source {
        Source::Rdb(file) => runs::sort(file, checksum, filter, meter).map(Some),
        Source::Store(..) => Ok(None),
    }
}

fn side<'a>(source: &'a Source, sorted: Option<&'a Sorted>) -> Result<Side<'a>, Error> {
    match (source, sorted) {
        (Source::Store(store, _), _) => Ok(Side::Store(&**store)),
        (Source::Rdb(_), Some(sorted)) => Ok(Side::Rdb(sorted)),
        (Source::Rdb(_), None) => Err(Error::new(ErrorKind::Store, "a file that is not sorted")),
    }
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
        let source = Source::open(&source.0, &source.1, meter)?;
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
    (scheme, out): &Url,
    force: bool,
    options: &VerifyOptions<'_>,
    meter: &Meter,
) -> Result<Report, Error> {
    match (source, scheme.as_str()) {
        (Source::Rdb(file), "rdb") => salvage(file, out, force, options, meter),
        (Source::Rdb(_), _) => {
            let error = Error::new(ErrorKind::Usage, "what is salvaged is written as an RDB file");
            Err(error.hint("--salvage OUT.rdb, then 'redtool import OUT.rdb'"))
        }
        (Source::Store(..), _) => {
            Err(Error::new(ErrorKind::Usage, "only RDB files are salvaged, not stores"))
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
    let (scheme, path) = source;
    let opened_scheme = scheme.clone();
    let (opening, account, size) = work::run(py, None, move |meter| {
        let source = Source::open(&opened_scheme, &path, meter)?;
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

fn account<'py>(py: Python<'py>, account: &Account) -> PyResult<Bound<'py, PyDict>> {
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

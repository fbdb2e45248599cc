//! An open dataset: commands answered by the embedded engine.
//!
//! An RDB is opened through a store made of it: in memory while the dump is small, else an unlinked
//! LMDB file in the temporary directory. So there is one way to read a key, and its memory is
//! bounded.
use crate::entries;
use crate::errors::{plain, raise};
use crate::options::{check_known, filter, flag, get};
use crate::places::Url;
use crate::{reply, work};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use redtool_engine::{Clock, Engine, Session};
use redtool_format::resp::Writer;
use redtool_store::lmdb::LmdbStore;
use redtool_store::memory::MemoryStore;
use redtool_store::{schemes, Store};
use redtool_transfer::import::import;
use redtool_transfer::{Error, Job, Meter, Place, RdbDumper, Source};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Dumps up to this size are opened in memory.
const MEMORY_MAX_BYTES: u64 = 8 << 20;

/// An open dataset.
#[pyclass(frozen)]
pub struct Dataset {
    open: Mutex<Option<Open>>,
}

struct Open {
    dataset: Arc<redtool_engine::Dataset>,
    engine: Engine,
    session: Session,
}

/// The store of a dataset; what is none becomes one.
fn open_store(
    place: &Place,
    checksum: bool,
    temp_dir: Option<PathBuf>,
    meter: &Meter,
) -> Result<Arc<dyn Store>, Error> {
    let source = match Source::open(place, meter)? {
        Source::Store(store, _) => return Ok(store),
        other => other,
    };
    let store: Arc<dyn Store> = if source.size_bytes() <= MEMORY_MAX_BYTES {
        Arc::new(MemoryStore::new())
    } else {
        Arc::new(temporary_store(temp_dir)?)
    };
    import(&source, &*store, &Job { checksum, ..Job::default() }, meter)?;
    Ok(store)
}

/// The store of a dataset that is to be changed. What is no store is copied into memory, as is one
/// of which only a copy is to change.
fn open_writable(
    place: &Place,
    copy: bool,
    checksum: bool,
    meter: &Meter,
) -> Result<Arc<dyn Store>, Error> {
    if let Some(kind) = schemes::find(&place.scheme).filter(|_| !copy) {
        return Ok((kind.open)(&place.path, &place.tuning)?);
    }
    let source = Source::open(place, meter)?;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    import(&source, &*store, &Job { checksum, ..Job::default() }, meter)?;
    Ok(store)
}

/// The store of a dataset, with all that was written to it.
fn readable(py: Python<'_>, dataset: &redtool_engine::Dataset) -> PyResult<Arc<dyn Store>> {
    if !dataset.readonly() {
        if dataset.store().scheme() == "memory" {
            let message = "a dataset in memory that takes writes has no entries to be read";
            return Err(plain(py, "UsageError", message, Some("ask it by commands")));
        }
        py.detach(|| dataset.save_changes()).map_err(|e| raise(py, e.into()))?;
    }
    Ok(Arc::clone(dataset.store()))
}

/// An LMDB store whose file has no name any more: it goes when the process does.
fn temporary_store(temp_dir: Option<PathBuf>) -> Result<LmdbStore, Error> {
    let dir = temp_dir.unwrap_or_else(std::env::temp_dir);
    let file = tempfile::Builder::new()
        .prefix("redtool-")
        .suffix(".lmdb")
        .tempfile_in(&dir)
        .map_err(|e| Error::io(&dir, &e))?;
    let store = LmdbStore::create(file.path())?;
    file.close().map_err(|e| Error::io(&dir, &e))?;
    Ok(store)
}

fn clock(options: &Bound<'_, PyDict>) -> PyResult<Clock> {
    let Some(value) = get::<Bound<'_, PyAny>>(options, "clock")? else { return Ok(Clock::Now) };
    if let Ok(at_ms) = value.extract::<i64>() {
        return Ok(Clock::Fixed(at_ms));
    }
    match value.extract::<String>()?.as_str() {
        "now" => Ok(Clock::Now),
        "dump" => Ok(Clock::Dump),
        other => {
            let message = format!("unknown clock {other:?}");
            Err(plain(options.py(), "UsageError", &message, Some("now, dump, or a time")))
        }
    }
}

#[pymethods]
impl Dataset {
    #[new]
    fn new(py: Python<'_>, source: Url, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let known = ["clock", "databases", "checksum", "temp_dir", "writable", "copy", "saved_as"];
        check_known(options, &known)?;
        let (writable, copy) = (flag(options, "writable", false)?, flag(options, "copy", false)?);
        let clock = clock(options)?;
        let databases = get(options, "databases")?.unwrap_or(16);
        let checksum = flag(options, "checksum", true)?;
        let temp_dir: Option<PathBuf> = get(options, "temp_dir")?;
        let saved_as: Option<PathBuf> = get(options, "saved_as")?;
        let open = work::run(py, None, move |meter| {
            let store = match writable {
                true => open_writable(&source.place, copy, checksum, meter)?,
                false => open_store(&source.place, checksum, temp_dir, meter)?,
            };
            let options = redtool_engine::Options { clock, readonly: !writable, databases };
            let dataset = redtool_engine::Dataset::open(store, options)?;
            let dataset = Arc::new(dataset.with_dumps(Arc::<RdbDumper>::default(), saved_as));
            let engine = Engine::new(Arc::clone(&dataset))?;
            let session = Session::embedded(dataset.state());
            Ok(Open { dataset, engine, session })
        })?;
        Ok(Self { open: Mutex::new(Some(open)) })
    }

    fn execute(&self, py: Python<'_>, db: u32, args: Vec<Vec<u8>>) -> PyResult<Py<PyAny>> {
        let bytes = self.run(py, db, &args, true)?;
        match redtool_format::resp::parse_reply(&bytes) {
            Ok(Some((value, _))) => reply::to_python(py, &value),
            Ok(None) => Ok(py.None()),
            Err(error) => Err(raise(py, Error::format(error, 0, None))),
        }
    }

    fn execute_raw(
        &self,
        py: Python<'_>,
        db: u32,
        args: Vec<Vec<u8>>,
        resp3: bool,
    ) -> PyResult<Py<PyBytes>> {
        let bytes = self.run(py, db, &args, resp3)?;
        Ok(PyBytes::new(py, &bytes).unbind())
    }

    fn entries(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<entries::Entries> {
        check_known(options, &["filters", "values"])?;
        let filter = filter(options)?;
        let values = flag(options, "values", true)?;
        let dataset = self.shared(py)?;
        entries::Entries::new(py, readable(py, &dataset)?, filter, values)
    }

    fn entry(&self, py: Python<'_>, db: u32, key: Vec<u8>) -> PyResult<Option<Py<PyDict>>> {
        let dataset = self.shared(py)?;
        entries::one(py, &*readable(py, &dataset)?, db, &key, dataset.clock().now_ms())
    }

    fn counts(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let dataset = self.shared(py)?;
        let dbs = py.detach(|| dataset.keyspace().space.meta().dbs.clone());
        let dict = PyDict::new(py);
        crate::verbs::put_counts(py, &dict, &dbs)?;
        Ok(dict.unbind())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.lock().take();
        let saved = py.detach(move || match open {
            Some(open) if !open.dataset.readonly() => open.dataset.save_at_end(),
            _ => Ok(()),
        });
        saved.map_err(|e| raise(py, e.into()))
    }
}

impl Dataset {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a server serves.
    pub fn shared(&self, py: Python<'_>) -> PyResult<Arc<redtool_engine::Dataset>> {
        self.with(py, |open| Ok(Arc::clone(&open.dataset)))
    }

    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut Open) -> PyResult<T>) -> PyResult<T> {
        match &mut *self.lock() {
            Some(open) => f(open),
            None => Err(plain(py, "RedtoolError", "the dataset is closed", None)),
        }
    }

    /// One command's reply. A panic of a command is an error reply, and the engine is made anew.
    fn run(&self, py: Python<'_>, db: u32, args: &[Vec<u8>], resp3: bool) -> PyResult<Vec<u8>> {
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        py.detach(|| {
            let mut guard = self.lock();
            let Some(open) = &mut *guard else { return Ok(None) };
            open.session.select(db);
            open.session.set_resp3(resp3);
            let mut out = Writer::new();
            out.set_resp3(resp3);
            let (engine, session) = (&mut open.engine, &mut open.session);
            let run = std::panic::AssertUnwindSafe(|| engine.execute(session, &args, &mut out));
            if std::panic::catch_unwind(run).is_err() {
                open.engine = Engine::new(Arc::clone(&open.dataset))?;
                out = Writer::new();
                out.error("ERR internal error, please report it");
            }
            Ok(Some(std::mem::take(out.buffer())))
        })
        .map_err(|e: redtool_store::StoreError| raise(py, e.into()))?
        .ok_or_else(|| plain(py, "RedtoolError", "the dataset is closed", None))
    }
}

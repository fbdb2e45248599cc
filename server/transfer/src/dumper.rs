//! Dumps of a dataset that is being served, for the engine, which knows no file.
//!
//! A dump takes the oldest form from [`FORMS`] on that holds everything, so that the servers which
//! this one could be taken for can load it; which form that was is remembered for the next one.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::export::{Options, RdbSink};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::sink::Sink;
use crate::source::Source;
use crate::staged::Staged;
use redtool_engine::{clock, Dumper};
use redtool_format::rdb::target::Target;
use redtool_format::rdb::Dialect;
use redtool_store::Store;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;

/// RDB versions: of Redis 7.0, 7.2 and 7.4.
const FORMS: [u32; 3] = [10, 11, 12];

/// Writes RDB files.
#[derive(Debug, Default)]
pub struct RdbDumper {
    form: AtomicUsize,
}

impl RdbDumper {
    /// Writes a store into files that `create` makes, until one holds everything.
    fn write(
        &self,
        store: Arc<dyn Store>,
        path: &Path,
        functions_only: bool,
        create: impl Fn() -> Result<File>,
    ) -> Result<u64> {
        let source = Source::Store(store, 0);
        let first = self.form.load(Relaxed);
        for (form, version) in FORMS.into_iter().enumerate().skip(first) {
            let target = Target::nearest(Dialect::Redis, version);
            let now_ms = clock::system_ms();
            let options = Options { target, lossy: false, compress: true, now_ms };
            let sink = Box::new(RdbSink::new(create()?, path, options));
            match pump(&source, sink, functions_only) {
                Err(error) if error.kind == Kind::Loss && form + 1 < FORMS.len() => {}
                done => {
                    self.form.store(form, Relaxed);
                    return done;
                }
            }
        }
        Err(Error::new(Kind::Loss, "no form of a dump holds everything"))
    }

    fn save_as(&self, store: Arc<dyn Store>, path: &Path) -> Result<()> {
        let staged = Staged::new(path, true)?;
        let written = self.write(store, staged.path(), false, || staged.create());
        written.map_err(|error| staged.named(error))?;
        staged.commit()
    }

    fn spool_into(&self, store: Arc<dyn Store>, functions_only: bool) -> Result<(File, u64)> {
        let folder = std::env::temp_dir();
        let of_folder = |error: std::io::Error| Error::io(&folder, &error);
        let mut spool = tempfile::tempfile_in(&folder).map_err(of_folder)?;
        let create = || {
            spool.set_len(0).map_err(of_folder)?;
            let mut file = spool.try_clone().map_err(of_folder)?;
            // Both have one place, and a file that was given up has moved it.
            file.seek(SeekFrom::Start(0)).map_err(of_folder)?;
            Ok(file)
        };
        let bytes = self.write(store, &folder, functions_only, create)?;
        spool.seek(SeekFrom::Start(0)).map_err(of_folder)?;
        Ok((spool, bytes))
    }
}

/// Gives a store to a sink; how many bytes it has written.
fn pump(source: &Source, mut sink: Box<RdbSink>, functions_only: bool) -> Result<u64> {
    let (meter, filter, mut account) = (Meter::new(), Filter::default(), Account::default());
    let mut opening = source.survey(false, &filter, &meter)?;
    // What an older dump said of itself is not so of this one.
    opening.notes.aux.clear();
    if functions_only {
        opening.notes.module_aux.clear();
    }
    sink.begin(&opening)?;
    if !functions_only {
        source.each(&opening, &filter, &mut account, &meter, |entry, account| {
            sink.entry(entry, account)
        })?;
    }
    Ok(sink.finish(&meter)?.bytes)
}

fn sentence(error: &Error) -> String {
    match &error.path {
        Some(path) => format!("{path}: {error}"),
        None => error.to_string(),
    }
}

impl Dumper for RdbDumper {
    fn save(&self, store: Arc<dyn Store>, path: &Path) -> std::result::Result<(), String> {
        self.save_as(store, path).map_err(|error| sentence(&error))
    }

    fn spool(
        &self,
        store: Arc<dyn Store>,
        functions_only: bool,
    ) -> std::result::Result<(File, u64), String> {
        self.spool_into(store, functions_only).map_err(|error| sentence(&error))
    }
}

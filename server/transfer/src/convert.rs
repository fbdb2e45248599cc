//! Any dataset → any other: which path is taken between which two.
//!
//! | from | to | path |
//! |---|---|---|
//! | ordered store | store | records copied as they are ([`copy`](crate::copy)) |
//! | file | store | records made on all cores, sorted, appended ([`import`](crate::import)) |
//! | any | store | the same on one core |
//! | file | text | encoded on all cores, written in the order of the file ([`text`](crate::text)) |
//! | any | text | the same on one core |
//! | any | RDB | entry by entry, values untouched where they fit ([`export`](crate::export)) |
//!
//! Whatever is made appears under its name when it is complete ([`staged`](crate::staged)).
use crate::account::Account;
use crate::copy;
use crate::duplicates::Distinct;
use crate::error::{Error, Kind, Result};
use crate::export::{self, RdbSink};
use crate::import::{import, StoreSink};
use crate::input::STDIN;
use crate::job::Job;
use crate::meter::Meter;
use crate::rdb_file::{Checksum, RdbFile};
use crate::remote;
use crate::sink::{Sink, Written};
use crate::source::{size_of, Opening, Place, Source};
use crate::staged::Staged;
use crate::text::forms::{form_of, TextOptions};
use crate::text::parallel::write_file;
use crate::text::sink::{Output as TextOutput, TextSink};
use redtool_format::rdb::target::{Loss, Target};
use redtool_format::rdb::Dialect;
use redtool_store::schemes::{self, Home};
use redtool_store::{memory, Store};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is made, and how.
#[derive(Debug, Clone)]
pub struct Goal {
    /// Where.
    pub place: Place,
    /// Replace what is there.
    pub force: bool,
    /// The form of an RDB file; none: the source's own.
    pub target: Option<Target>,
    /// Write although something is lost.
    pub lossy: bool,
    /// LZF strings in an RDB file.
    pub compress: bool,
    /// What time it is.
    pub now_ms: i64,
    /// What only text forms ask.
    pub text: TextOptions,
    /// What it is made of, for those who find it unfinished.
    pub source: String,
}

/// What was made.
#[derive(Debug, Default)]
pub struct Converted {
    /// What became of the keys.
    pub account: Account,
    /// What the target could not take, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// Bytes of the source.
    pub bytes_read: u64,
    /// Bytes of the target.
    pub bytes_written: u64,
    /// The first entries that were set aside.
    pub failures: Vec<Error>,
}

impl Converted {
    /// Adds what the changes of entries had to leave out.
    pub fn add_losses(&mut self, job: &Job) {
        for (loss, count) in job.selection.transform.take_losses() {
            *self.losses.entry(loss).or_insert(0) += count;
        }
    }
}

/// Copies the entries of `source` into a new dataset.
pub fn convert(source: &Source, goal: &Goal, job: &Job, meter: &Meter) -> Result<Converted> {
    let mut converted = match to_stdout(source, goal, job, meter)? {
        Some(converted) => converted,
        None => to_place(source, goal, job, meter)?,
    };
    converted.bytes_read = source.size_bytes();
    converted.add_losses(job);
    converted.failures = job.failures.finish()?;
    Ok(converted)
}

fn to_place(source: &Source, goal: &Goal, job: &Job, meter: &Meter) -> Result<Converted> {
    let output = Output::new(goal)?;
    match output.store(goal)? {
        Some(store) => to_store(source, output, store, job, meter),
        None => to_file(source, goal, output, job, meter),
    }
}

/// A dataset in the making, which gets its name when it is complete.
pub enum Output {
    /// A file or directory, under another name until then.
    Staged(Staged),
    /// A dataset of this process.
    Memory(PathBuf, Arc<dyn Store>),
    /// A table of a service. It has its name from the start, and cannot be opened before it is
    /// complete; the next run of the same conversion goes on with what is there of it.
    Table(Arc<dyn Store>),
}

impl Output {
    /// Refuses what is there already, unless it is to be replaced.
    pub fn new(goal: &Goal) -> Result<Self> {
        let Place { scheme, path, tuning, .. } = &goal.place;
        if remote::is_remote(scheme) {
            if goal.force {
                let error = Error::new(Kind::Usage, "a table is not replaced");
                return Err(error.hint("delete it, or name another one"));
            }
            return remote::begin(&goal.place, &goal.source).map(Self::Table);
        }
        let Some(kind) = schemes::find(scheme) else {
            return Staged::new(path, goal.force).map(Self::Staged);
        };
        match kind.home {
            Home::File => Staged::new(path, goal.force).map(Self::Staged),
            Home::Directory => Staged::directory(path, goal.force).map(Self::Staged),
            Home::Process if path.as_os_str().is_empty() => {
                let error = Error::new(Kind::Usage, "a dataset in memory that nobody could open");
                Err(error.hint("give it a name, like memory:work"))
            }
            Home::Process if memory::exists(path) && !goal.force => {
                let message = format!("memory:{}: already exists", path.display());
                Err(Error::new(Kind::Exists, message).hint("force replaces it"))
            }
            Home::Process => Ok(Self::Memory(path.clone(), (kind.create)(path, tuning)?)),
        }
    }

    /// The new, empty store of a goal that is one.
    fn store(&self, goal: &Goal) -> Result<Option<Arc<dyn Store>>> {
        match self {
            Output::Memory(_, store) | Output::Table(store) => Ok(Some(Arc::clone(store))),
            Output::Staged(staged) => {
                let Some(kind) = schemes::find(&goal.place.scheme) else { return Ok(None) };
                let made = (kind.create)(staged.path(), &goal.place.tuning);
                self.named(made.map_err(Error::from)).map(Some)
            }
        }
    }

    /// The file to write, and where it is.
    fn file(&self) -> Result<(File, &Path)> {
        match self {
            Output::Staged(staged) => Ok((staged.create()?, staged.path())),
            Output::Memory(..) | Output::Table(_) => {
                Err(Error::new(Kind::Usage, "this place is for stores"))
            }
        }
    }

    /// Bytes on the disk.
    fn size_bytes(&self) -> u64 {
        match self {
            Output::Staged(staged) => size_of(staged.path()),
            Output::Memory(..) | Output::Table(_) => 0,
        }
    }

    /// An error told of the name that it will have.
    pub fn named<T>(&self, outcome: Result<T>) -> Result<T> {
        match self {
            Output::Staged(staged) => outcome.map_err(|error| staged.named(error)),
            Output::Memory(..) | Output::Table(_) => outcome,
        }
    }

    /// Gives the complete output its name.
    pub fn commit(self, account: Account, written: Written) -> Result<Converted> {
        let Written { losses, bytes } = written;
        let bytes_written = if bytes == 0 { self.size_bytes() } else { bytes };
        match self {
            Output::Staged(staged) => staged.commit()?,
            Output::Memory(name, store) => memory::publish(&name, store),
            Output::Table(_) => {}
        }
        Ok(Converted { account, losses, bytes_written, ..Converted::default() })
    }
}

/// What writes the entries for a goal into its output; `sinks` are open at the same time.
pub fn sink_of(
    goal: &Goal,
    output: &Output,
    sinks: usize,
    origin: impl Fn() -> Result<(Dialect, u32)>,
) -> Result<Box<dyn Sink>> {
    if let Some(store) = output.store(goal)? {
        return Ok(Box::new(StoreSink::new(store, origin()?, sinks)?));
    }
    if let Some(form) = form_of(goal, &origin)? {
        let (file, path) = output.file()?;
        return Ok(Box::new(TextSink::new(form, TextOutput::File(file), path, goal.lossy)));
    }
    goal.place.no_tuning()?;
    match goal.place.scheme.as_str() {
        "rdb" => {
            let own = || origin().map(|(dialect, version)| Target::nearest(dialect, version));
            let target = goal.target.map_or_else(own, Ok)?;
            let Goal { lossy, compress, now_ms, .. } = *goal;
            let options = export::Options { target, lossy, compress, now_ms };
            let (file, path) = output.file()?;
            Ok(Box::new(RdbSink::new(file, path, options)))
        }
        other => Err(Error::new(Kind::Usage, format!("no dataset can be written to {other:?}"))),
    }
}

fn to_file(
    source: &Source,
    goal: &Goal,
    output: Output,
    job: &Job,
    meter: &Meter,
) -> Result<Converted> {
    let origin = || source.origin();
    let done = if let Some(form) = form_of(goal, origin)? {
        let (file, path) = output.file()?;
        let sink = TextSink::new(form, TextOutput::File(file), path, goal.lossy);
        write_text(source, sink, job, meter)
    } else {
        sink_of(goal, &output, 1, origin).and_then(|sink| pump(source, sink, job, meter))
    };
    let (account, written) = output.named(done)?;
    output.commit(account, written)
}

/// Text goes to stdout as it is made.
fn to_stdout(source: &Source, goal: &Goal, job: &Job, meter: &Meter) -> Result<Option<Converted>> {
    if goal.place.path.as_os_str() != STDIN {
        return Ok(None);
    }
    let Some(form) = form_of(goal, || source.origin())? else { return Ok(None) };
    let sink = TextSink::new(form, TextOutput::Stdout, Path::new("stdout"), goal.lossy);
    let (account, Written { losses, bytes: bytes_written }) = write_text(source, sink, job, meter)?;
    Ok(Some(Converted { account, losses, bytes_written, ..Converted::default() }))
}

/// On all cores where that is possible.
fn write_text(
    source: &Source,
    mut sink: TextSink,
    job: &Job,
    meter: &Meter,
) -> Result<(Account, Written)> {
    match source {
        Source::Rdb(file) if !may_repeat(source, job) => {
            let account = match write_at_once(file, &mut sink, job, meter)? {
                Some(account) => account,
                None => {
                    let opening = survey(source, job, meter)?;
                    sink.begin(&opening)?;
                    write_file(file, &opening, (job, false), &mut sink, meter)?.0
                }
            };
            Ok((account, Box::new(sink).finish(meter)?))
        }
        _ => pump(source, Box::new(sink), job, meter),
    }
}

/// Writes a file without a look at all of it before, as long as nothing stands behind its keys that
/// belongs to the beginning. None when it did, or when the file is damaged: what is wrong with it
/// is best told by looking before.
fn write_at_once(
    file: &RdbFile,
    sink: &mut TextSink,
    job: &Job,
    meter: &Meter,
) -> Result<Option<Account>> {
    if !sink.can_begin_anew() || job.failures.takes() || !job.selection.transform.is_empty() {
        return Ok(None);
    }
    let Ok(Some(notes)) = file.glance() else { return Ok(None) };
    meter.set_total(file.bytes().len() as u64);
    let checksum = Checksum::Skipped;
    let header = Some(file.reader()?.header());
    let opening = Opening { notes, header, dbs: Vec::new(), checksum };
    sink.begin(&opening)?;
    match write_file(file, &opening, (job, job.checksum), sink, meter) {
        Ok((account, notes)) if opening.notes.is_all_of(&notes) => return Ok(Some(account)),
        Ok(_) => {}
        Err(error) if error.kind.is_damage() => {}
        Err(error) => return Err(error),
    }
    sink.begin_anew()?;
    Ok(None)
}

/// Whether a key may come twice.
fn may_repeat(source: &Source, job: &Job) -> bool {
    job.selection.transform.may_collide() || matches!(source, Source::Jsonl(_))
}

/// What a sink is told before the first entry.
fn survey(source: &Source, job: &Job, meter: &Meter) -> Result<Opening> {
    let passes = if matches!(source, Source::Rdb(_)) { 2 } else { 1 };
    meter.set_total(passes * source.size_bytes());
    let mut opening = source.survey(job.checksum, &job.selection.filter, meter)?;
    if !job.selection.transform.is_empty() {
        // What was counted is not what will be written.
        opening.dbs.clear();
    }
    job.selection.transform.change_notes(&mut opening.notes)?;
    Ok(opening)
}

/// Gives every entry of a source to a sink, in which no key may be twice.
pub fn pump(
    source: &Source,
    mut sink: Box<dyn Sink>,
    job: &Job,
    meter: &Meter,
) -> Result<(Account, Written)> {
    if may_repeat(source, job) {
        sink = Box::new(Distinct::new(sink));
    }
    let opening = survey(source, job, meter)?;
    let mut account = Account::default();
    sink.begin(&opening)?;
    source.each_changed(&opening, job, &mut account, meter, |entry, account| {
        sink.entry(entry, account)
    })?;
    Ok((account, sink.finish(meter)?))
}

fn to_store(
    source: &Source,
    output: Output,
    store: Arc<dyn Store>,
    job: &Job,
    meter: &Meter,
) -> Result<Converted> {
    let account = output.named(match source {
        Source::Store(from, size) if copy::fits(job) && from.reader()?.is_ordered() => {
            meter.set_total(*size);
            let by_key = matches!(output, Output::Table(_));
            copy::copy(&**from, &*store, by_key, *size, meter)
        }
        _ => import(source, &*store, job, meter).map(|imported| imported.account),
    })?;
    output.named(store.sync().map_err(Error::from))?;
    drop(store);
    output.commit(account, Written::default())
}

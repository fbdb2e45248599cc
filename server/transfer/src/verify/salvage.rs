//! Every whole key of a damaged RDB file, written to a new one.
//!
//! Records are read in order. Where one cannot be read there is a hole: it is told, and reading
//! goes on where records start again (see [`resync`](super::resync)). A record is written only when
//! the next one could be read as well: a wrong length makes a value swallow the records after it,
//! which shows where it ends; then they are looked for inside it. A value that can be passed over
//! but is not sound is a hole of one key.
//!
//! No key is written twice. Those written are known by a 64-bit hash of db and key, kept in memory
//! (about 16 bytes a key); that two of 100 million keys share one has a chance of 1 in 3000.
use super::file::value_error;
use super::resync::Search;
use super::{keep, Options, Report};
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, RdbFile};
use crate::staged::Staged;
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::{Header, KeyRecord, Reader, Record};
use redtool_format::rdb::target::{Loss, Target};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{
    plan, write_key, Attributes, Fate, FileWriter, Plan, Value, WriteError,
};
use redtool_format::FormatError;
use redtool_store::object::record_key;
use redtool_store::segment::element_hash;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;

/// Keys between two looks at the meter.
const METER_KEYS: u64 = 4096;

/// Writes every whole key of `file` to `out`, an RDB file of the same version or the nearest that
/// is written. In the report written keys are those in `out`, and problems are the holes.
pub fn salvage(
    file: &RdbFile,
    out: &Path,
    force: bool,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Report> {
    meter.set_total(file.bytes().len() as u64);
    let staged = Staged::new(out, force)?;
    let sink = staged.create()?;
    let mut reader = file.reader()?;
    let Header { dialect, version } = reader.header();
    let target = Target::nearest(dialect, version);
    let mut salvager = Salvager {
        file,
        options,
        report: Report { header: Some(reader.header()), ..Report::new() },
        out: Output { path: out, writer: FileWriter::new(sink, target), db: None, hint: (0, 0) },
        search: Search::new(file.bytes().len()),
        seen: Seen::default(),
        checker: Checker::default(),
        scratch: Vec::new(),
        losses: BTreeMap::new(),
        pending: None,
        holes: 0,
    };
    salvager.run(&mut reader, meter)?;
    let Salvager { mut report, out: Output { writer, .. }, losses, .. } = salvager;
    for (loss, count) in losses {
        keep(&mut report.warnings, Error::new(Kind::Loss, loss.sentence(count)));
    }
    let finished = writer.finish().and_then(|(sink, _)| sink.sync_all());
    finished.map_err(|e| Error::io(out, &e))?;
    staged.commit()?;
    Ok(report)
}

/// Hashes of the keys written.
#[derive(Default)]
pub(super) struct Seen(HashSet<u64>);

impl Seen {
    pub(super) fn hash(db: u32, key: &[u8]) -> u64 {
        element_hash(&record_key(db, key))
    }

    pub(super) fn has(&self, hash: u64) -> bool {
        self.0.contains(&hash)
    }
}

struct Output<'a> {
    path: &'a Path,
    writer: FileWriter<File>,
    db: Option<u32>,
    /// Keys and expiries that the source announces for the db that follows.
    hint: (u64, u64),
}

impl Output<'_> {
    fn done<T>(&self, result: io::Result<T>) -> Result<T> {
        result.map_err(|e| Error::io(self.path, &e))
    }

    fn key(
        &mut self,
        record: &KeyRecord<'_>,
        value: &Value<'_>,
        plan: &Plan,
    ) -> std::result::Result<bool, WriteError> {
        if self.db != Some(record.db) {
            let (keys, expires) = std::mem::take(&mut self.hint);
            self.writer.select_db(record.db, keys, expires).map_err(WriteError::Io)?;
            self.db = Some(record.db);
        }
        let (attributes, target) = (Attributes::from(record), *self.writer.target());
        if matches!(plan.fate, Fate::Same(_)) {
            return write_key(
                record.key,
                &attributes,
                value,
                plan,
                &target,
                true,
                &mut self.writer,
            );
        }
        // A value that turns out to be damaged while it is rewritten must leave nothing behind.
        let mut rewritten = Vec::new();
        let wrote = write_key(record.key, &attributes, value, plan, &target, true, &mut rewritten)?;
        self.writer.raw(&rewritten).map_err(WriteError::Io)?;
        Ok(wrote)
    }
}

struct Salvager<'a> {
    file: &'a RdbFile,
    options: &'a Options<'a>,
    report: Report,
    out: Output<'a>,
    search: Search,
    seen: Seen,
    checker: Checker,
    scratch: Vec<u8>,
    losses: BTreeMap<Loss, u64>,
    /// Read, and not yet written.
    pending: Option<KeyRecord<'a>>,
    holes: u64,
}

impl<'a> Salvager<'a> {
    fn run(&mut self, reader: &mut Reader<'a>, meter: &Meter) -> Result<()> {
        let (mut keys, mut metered) = (0, 0);
        loop {
            let start = reader.pos();
            match reader.next_record() {
                Ok(Some(Record::Key(record))) => {
                    self.settle(reader.templates())?;
                    self.pending = Some(record);
                    keys += 1;
                    if keys % METER_KEYS == 0 {
                        meter.advance((reader.pos() - metered) as u64, METER_KEYS)?;
                        metered = reader.pos();
                    }
                }
                Ok(Some(other)) => {
                    self.settle(reader.templates())?;
                    self.note(&other, start)?;
                }
                Ok(None) => {
                    self.settle(reader.templates())?;
                    return self.end(reader, meter);
                }
                Err(error) => {
                    if !self.cross(reader, start, error, meter)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Tells a hole and goes on behind it; false when nothing follows.
    fn cross(
        &mut self,
        reader: &mut Reader<'a>,
        start: usize,
        error: FormatError,
        meter: &Meter,
    ) -> Result<bool> {
        let bytes = self.file.bytes();
        let context = reader.context();
        let error = self.file.error(error, 0, Some(context.clone()));
        self.holes += 1;
        if let Some(swallower) = self.pending {
            let inside = swallower.offset + 1..start;
            let place = (swallower.db, &self.seen);
            let found = self.search.find(bytes, reader, inside, start, place, meter)?;
            if let Some(next) = found {
                self.pending = None;
                self.swallowed(&swallower, next)?;
                reader.resume_at(next, swallower.db);
                return Ok(true);
            }
        }
        self.settle(reader.templates())?;
        let (behind, place) = (start + 1..bytes.len(), (context.db, &self.seen));
        let found = self.search.find(bytes, reader, behind, start, place, meter)?;
        self.hole(error, start, found.unwrap_or(bytes.len()))?;
        if let Some(next) = found {
            reader.resume_at(next, context.db);
        }
        Ok(found.is_some())
    }

    fn hole(&mut self, mut error: Error, start: usize, end: usize) -> Result<()> {
        error.message = format!("{}; bytes {start} to {end} are lost", error.message);
        error.offset.get_or_insert(start as u64);
        error.hint = None;
        self.report.problem(error)
    }

    /// A key whose value is so long by mistake that other records lie in it.
    fn swallowed(&mut self, record: &KeyRecord<'a>, next: usize) -> Result<()> {
        let what = "a wrong length makes the value reach into the records after it";
        let error = FormatError::corrupt(0, what);
        if self.admit(record)? {
            self.report.account.failed.add(record.value_type.kind());
        }
        self.hole(value_error(record, error), record.offset, next)
    }

    /// Whether a key passes the filter; one that does not decode does not.
    fn admit(&mut self, record: &KeyRecord<'a>) -> Result<bool> {
        let Self { options, report, scratch, .. } = self;
        match admit(record, options.filter, &mut report.account, scratch) {
            Ok(passes) => Ok(passes),
            Err(error) => {
                self.failed(record, self.file.error(error, record.key_offset, None))?;
                Ok(false)
            }
        }
    }

    fn failed(&mut self, record: &KeyRecord<'a>, error: Error) -> Result<()> {
        self.holes += 1;
        self.report.account.failed.add(record.value_type.kind());
        let end = record.payload_offset + record.payload.len();
        self.hole(error, record.offset, end)
    }

    /// Checks and writes the record that waits.
    fn settle(&mut self, templates: &Templates) -> Result<()> {
        let Some(record) = self.pending.take() else { return Ok(()) };
        if !self.admit(&record)? {
            return Ok(());
        }
        let hash = match record.key.decode(&mut self.scratch) {
            Ok(key) => Seen::hash(record.db, key),
            Err(error) => {
                return self.failed(&record, self.file.error(error, record.key_offset, None));
            }
        };
        if let Err(error) = self.sound(&record, templates)? {
            return self.failed(&record, value_error(&record, error));
        }
        if !self.seen.0.insert(hash) {
            let error = FormatError::corrupt(0, "the key is there twice");
            return self.failed(&record, value_error(&record, error));
        }
        self.write(&record, templates)
    }

    /// What every server checks; a deep check finds more to tell, and what it finds is kept.
    fn sound(
        &mut self,
        record: &KeyRecord<'a>,
        templates: &Templates,
    ) -> Result<std::result::Result<(), FormatError>> {
        let Self { checker, report, options, .. } = self;
        let mut check = |depth, warnings: &mut Vec<Error>| {
            let mut warn = |e| keep(warnings, value_error(record, e));
            checker.check(record.value_type, record.payload, templates, depth, &mut warn)
        };
        let always = check(Depth::Always, &mut report.warnings);
        if always.is_ok() && options.deep {
            if let Err(error) = check(Depth::Deep, &mut Vec::new()) {
                report.problem(value_error(record, error))?;
            }
        }
        Ok(always)
    }

    fn write(&mut self, record: &KeyRecord<'a>, templates: &Templates) -> Result<()> {
        let (value, target) = (Value::of(record, templates), *self.out.writer.target());
        // The moment matters only where field expiries cannot be kept, which is nowhere here.
        let planned = match plan(&value, &target, i64::MIN) {
            Ok(planned) => planned,
            Err(error) => return self.failed(record, value_error(record, error)),
        };
        for loss in planned.losses.union(Attributes::from(record).losses(&target)).iter() {
            *self.losses.entry(loss).or_insert(0) += 1;
        }
        let kind = record.value_type.kind();
        match self.out.key(record, &value, &planned) {
            Ok(true) => self.report.account.written.add(kind),
            Ok(false) => self.report.account.skipped.add(kind),
            Err(WriteError::Format(error)) => {
                return self.failed(record, value_error(record, error))
            }
            Err(WriteError::Io(error)) => return Err(Error::io(self.out.path, &error)),
        }
        Ok(())
    }

    /// Passes on what stands outside keys, in its place.
    fn note(&mut self, record: &Record<'_>, start: usize) -> Result<()> {
        match self.pass_on(record) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => self.out.done(Err(error)),
            Err(error) => {
                self.holes += 1;
                self.report.problem(self.file.error(error, start, None))
            }
        }
    }

    fn pass_on(&mut self, record: &Record<'_>) -> std::result::Result<io::Result<()>, FormatError> {
        let Output { writer, hint, .. } = &mut self.out;
        let (taken, loss) = match record {
            Record::Aux { name, value } => {
                return Ok(writer.aux(&name.to_vec()?, &value.to_vec()?));
            }
            Record::Function(source) => (writer.function(&source.to_vec()?, true), Loss::Function),
            Record::ModuleAux(bytes) => (writer.module_aux(bytes), Loss::ModuleAux),
            Record::ResizeDb { keys, expires } => {
                // A server makes room for so many keys at once: no more than the file can hold.
                let most = self.file.bytes().len() as u64 / 3;
                *hint = ((*keys).min(most), (*expires).min(most));
                return Ok(Ok(()));
            }
            Record::Key(_) | Record::SelectDb(_) | Record::Note { .. } => return Ok(Ok(())),
        };
        if matches!(taken, Ok(false)) {
            *self.losses.entry(loss).or_insert(0) += 1;
        }
        Ok(taken.map(|_| ()))
    }

    /// The checksum cannot be right when there are holes, so then it is no problem of its own.
    fn end(&mut self, reader: &Reader<'_>, meter: &Meter) -> Result<()> {
        let trailer = match reader.trailer() {
            Ok(trailer) => trailer,
            Err(error) => return self.report.problem(self.file.error(error, 0, None)),
        };
        if !self.options.checksum {
            return Ok(());
        }
        if matches!(trailer.crc, None | Some(0)) {
            self.report.checksum = Checksum::None;
            return Ok(());
        }
        let sum = self.file.sum(trailer.covered_bytes, meter)?;
        self.report.checksum = Checksum::Ok;
        match trailer.check(sum.value()) {
            Ok(()) => Ok(()),
            Err(error) if self.holes == 0 => self.report.problem(self.file.error(error, 0, None)),
            Err(_) => {
                self.report.checksum = Checksum::Bad;
                Ok(())
            }
        }
    }
}

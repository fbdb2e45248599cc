//! Checking a whole dataset: frame and checksum of a file, records and counters of a store; deep,
//! every value too.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::index::Index;
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, RdbFile};
use crate::source::Source;
use redtool_format::rdb::check::{check, Depth};
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::value::Templates;
use redtool_store::meta::Meta;
use redtool_store::Store;
use std::collections::BTreeMap;

/// Problems and warnings kept; all are counted.
const KEPT: usize = 1000;

/// How to check.
pub struct Options<'a> {
    /// Every value too.
    pub deep: bool,
    /// Verify the checksum.
    pub checksum: bool,
    /// Which keys.
    pub filter: &'a Filter,
}

/// What was found.
pub struct Report {
    /// What became of the keys: written are those that are sound.
    pub account: Account,
    /// What is wrong.
    pub problems: Vec<Error>,
    /// What is odd but loads.
    pub warnings: Vec<Error>,
    /// The state of the checksum.
    pub checksum: Checksum,
    /// The header of a file.
    pub header: Option<Header>,
}

impl Report {
    fn new() -> Self {
        Self {
            account: Account::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
            checksum: Checksum::Skipped,
            header: None,
        }
    }

    fn problem(&mut self, error: Error) -> Result<()> {
        if error.kind == Kind::Cancelled {
            return Err(error);
        }
        if error.kind == Kind::Checksum {
            self.checksum = Checksum::Bad;
        }
        if self.problems.len() < KEPT {
            self.problems.push(error);
        }
        Ok(())
    }
}

/// Checks a dataset.
pub fn verify(source: &Source, options: &Options<'_>, meter: &Meter) -> Result<Report> {
    match source {
        Source::Rdb(file) => verify_file(file, options, meter),
        Source::Store(store, _) => verify_store(source, &**store, options, meter),
    }
}

fn verify_file(file: &RdbFile, options: &Options<'_>, meter: &Meter) -> Result<Report> {
    let mut report = Report::new();
    meter.set_total(file.bytes().len() as u64 * if options.deep { 2 } else { 1 });
    report.header = Some(file.reader()?.header());
    let (mut account, mut scratch) = (Account::default(), Vec::new());
    let walked = file.walk_and_check(options.checksum, meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if admit(&record, options.filter, &mut account, &mut scratch).map_err(at)? {
            account.written.add(record.value_type.kind());
        }
        Ok(())
    });
    report.account = account;
    match walked {
        Ok((walked, checksum)) => {
            report.checksum = checksum;
            if options.deep {
                deepen(file, &walked.notes.templates, options, meter, &mut report)?;
            }
        }
        Err(error) => report.problem(error)?,
    }
    Ok(report)
}

/// Checks every value, and that no key is there twice.
fn deepen(
    file: &RdbFile,
    templates: &Templates,
    options: &Options<'_>,
    meter: &Meter,
    report: &mut Report,
) -> Result<()> {
    let (mut account, mut scratch) = (Account::default(), Vec::new());
    let mut found = Vec::new();
    let mut warnings = Vec::new();
    file.walk(meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if !admit(&record, options.filter, &mut account, &mut scratch).map_err(at)? {
            return Ok(());
        }
        let kind = record.value_type.kind();
        let place = |e: redtool_format::FormatError| {
            let key = record.key.to_vec().unwrap_or_default();
            Error::store(e.into(), record.payload_offset, record.db, &key)
        };
        let mut warn = |e| {
            if warnings.len() < KEPT {
                warnings.push(place(e));
            }
        };
        match check(record.value_type, record.payload, templates, Depth::Deep, &mut warn) {
            Ok(()) => account.written.add(kind),
            Err(error) => {
                account.failed.add(kind);
                if found.len() < KEPT {
                    found.push(place(error));
                }
            }
        }
        Ok(())
    })?;
    report.account = account;
    report.problems.extend(found);
    report.warnings = warnings;
    let mut ignored = Account::default();
    if let Err(error) = Index::build(file, false, options.filter, &mut ignored, meter) {
        report.problem(error)?;
    }
    Ok(())
}

fn verify_store(
    source: &Source,
    store: &dyn Store,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Report> {
    let mut report = Report::new();
    meter.set_total(source.size_bytes());
    let opening = source.survey(false, options.filter, meter)?;
    let templates = Templates::new();
    let mut account = Account::default();
    let mut found = Vec::new();
    let mut dbs: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let walked = source.each(&opening, options.filter, &mut account, meter, |entry, account| {
        let kind = entry.value.value_type.kind();
        let counts = dbs.entry(entry.db).or_default();
        counts.0 += 1;
        counts.1 += u64::from(entry.attributes.expire_at_ms.is_some());
        let depth = if options.deep { Depth::Deep } else { Depth::Always };
        let value = &entry.value;
        match check(value.value_type, value.payload, &templates, depth, &mut |_| {}) {
            Ok(()) => account.written.add(kind),
            Err(error) => {
                account.failed.add(kind);
                if found.len() < KEPT {
                    found.push(entry.error(error));
                }
            }
        }
        Ok(())
    });
    report.account = account;
    report.problems = found;
    match walked {
        Err(error) => report.problem(error)?,
        Ok(()) if options.filter.is_empty() => counters(store, &dbs, &mut report)?,
        Ok(()) => {}
    }
    Ok(report)
}

/// The counters of a store agree with what is there.
fn counters(
    store: &dyn Store,
    found: &BTreeMap<u32, (u64, u64)>,
    report: &mut Report,
) -> Result<()> {
    let meta = Meta::load(&*store.reader()?)?;
    let stated: BTreeMap<u32, (u64, u64)> =
        meta.dbs.iter().map(|(db, counts)| (*db, (counts.keys, counts.expires))).collect();
    if &stated != found {
        let message =
            format!("counters per db (keys, expires) are {stated:?}, but {found:?} are there");
        report.problem(Error::new(Kind::Corrupt, message))?;
    }
    Ok(())
}

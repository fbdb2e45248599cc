//! An RDB file: walked from end to end while its checksum is computed. Deep: the walker notes each
//! key, so that none is there twice, and hands the records to threads that check the values.
use super::{keep, Options, Report};
use crate::account::Account;
use crate::duplicates::Duplicates;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, RdbFile, Walked};
use crate::workers::{self, Queue};
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::KeyRecord;
use redtool_format::rdb::value::Templates;
use redtool_format::FormatError;

/// Threads that check values, at most: more than the walker can feed would be idle.
const MOST_CHECKERS: usize = 8;

pub(super) fn verify(file: &RdbFile, options: &Options<'_>, meter: &Meter) -> Result<Report> {
    let mut report = Report::new();
    let walks = if options.deep { 1 + file.template_walks()? } else { 1 };
    meter.set_total(walks * file.bytes().len() as u64);
    report.header = Some(file.reader()?.header());
    let walked = if options.deep {
        deep(file, options, meter, &mut report)?
    } else {
        shallow(file, options, meter, &mut report)
    };
    match walked {
        Ok((_, checksum)) => report.checksum = checksum,
        Err(error) => report.problem(error)?,
    }
    Ok(report)
}

fn shallow(
    file: &RdbFile,
    options: &Options<'_>,
    meter: &Meter,
    report: &mut Report,
) -> Result<(Walked, Checksum)> {
    let (account, mut scratch) = (&mut report.account, Vec::new());
    file.walk_and_check(options.checksum, meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if admit(&record, options.filter, account, &mut scratch).map_err(at)? {
            account.written.add(record.value_type.kind());
        }
        Ok(())
    })
}

/// Checks every value, and that no key is there twice.
fn deep(
    file: &RdbFile,
    options: &Options<'_>,
    meter: &Meter,
    report: &mut Report,
) -> Result<Result<(Walked, Checksum)>> {
    let templates = match file.templates(meter) {
        Ok(templates) => templates,
        Err(error) => return Ok(Err(error)),
    };
    let mut duplicates = Duplicates::default();
    let pass = (options.checksum, options.filter);
    let work = |queue: &Queue<'_>| check_all(queue, &templates);
    let mut scratch = Vec::new();
    let see = |record: &KeyRecord<'_>| {
        let at = |e| Error::format(e, record.key_offset, None);
        let key = record.key.decode(&mut scratch).map_err(at)?;
        duplicates.see(record.db, key, record.offset as u64)
    };
    let outcome = workers::walk(file, pass, meter, MOST_CHECKERS, work, see)?;
    report.account = outcome.account;
    for checked in outcome.given {
        report.account.merge(&checked.account);
        report.problems.extend(checked.problems);
        report.warnings.extend(checked.warnings);
    }
    for list in [&mut report.problems, &mut report.warnings] {
        list.sort_by_key(|error| error.offset);
        list.truncate(super::KEPT);
    }
    let twice = duplicates.groups().next().and_then(|group| group.get(1));
    if let Some(again) = twice {
        let mut error = Error::new(Kind::Corrupt, "the key is there twice");
        error.offset = Some(again.mark);
        report.problem(error)?;
    }
    Ok(outcome.walked)
}

/// What a checking thread found.
#[derive(Default)]
struct Checked {
    /// Sound and failed keys; the walker counts those read.
    account: Account,
    problems: Vec<Error>,
    warnings: Vec<Error>,
}

fn check_all(queue: &Queue<'_>, templates: &Templates) -> Checked {
    let mut checked = Checked::default();
    let mut checker = Checker::default();
    let mut batch = Vec::new();
    while let Some(next) = queue.next(batch) {
        batch = next;
        for record in &batch {
            checked.check(&mut checker, record, templates);
        }
    }
    checked
}

impl Checked {
    fn check(&mut self, checker: &mut Checker, record: &KeyRecord<'_>, templates: &Templates) {
        let Self { account, problems, warnings } = self;
        let kind = record.value_type.kind();
        let mut warn = |e| keep(warnings, value_error(record, e));
        match checker.check(record.value_type, record.payload, templates, Depth::Deep, &mut warn) {
            Ok(()) => account.written.add(kind),
            Err(error) => {
                account.failed.add(kind);
                keep(problems, value_error(record, error));
            }
        }
    }
}

/// An error inside a value, with its place in the file.
pub(super) fn value_error(record: &KeyRecord<'_>, error: FormatError) -> Error {
    let key = record.key.to_vec().unwrap_or_default();
    Error::store(error.into(), record.payload_offset, record.db, &key)
}

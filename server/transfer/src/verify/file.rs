//! An RDB file: walked from end to end while its checksum is computed. Deep: one thread walks again
//! and hands out records, another checks the values; then that no key is there twice.
use super::{keep, Options, Report};
use crate::account::Account;
use crate::duplicates;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::rdb_file::{admit, RdbFile};
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::KeyRecord;
use redtool_format::rdb::value::Templates;
use redtool_format::FormatError;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};

/// A batch is handed over when it holds so many records …
const BATCH_RECORDS: usize = 512;
/// … or so many bytes of values.
const BATCH_BYTES: usize = 1 << 20;
/// Batches under way at most; their records only borrow the map.
const BATCHES: usize = 8;

type Batch<'a> = Vec<KeyRecord<'a>>;

pub(super) fn verify(file: &RdbFile, options: &Options<'_>, meter: &Meter) -> Result<Report> {
    let mut report = Report::new();
    let passes = if options.deep { 3 } else { 1 };
    meter.set_total(passes * file.bytes().len() as u64);
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
    let mut walker = Account::default();
    let (full, batches) = sync_channel(BATCHES);
    let checked = std::thread::scope(|scope| {
        let checking = scope.spawn(move || check_all(batches, templates));
        let walked = hand_out(file, options, &mut walker, meter, full);
        let checked =
            checking.join().map_err(|_| Error::new(Kind::Store, "the checking thread failed"))?;
        walked.map(|()| checked)
    })?;
    report.account = walker;
    report.account.merge(&checked.account);
    for problem in checked.problems {
        report.problem(problem)?;
    }
    report.warnings = checked.warnings;
    if let Some(error) = duplicates::find(file, options.filter, meter)? {
        report.problem(error)?;
    }
    Ok(())
}

fn hand_out<'a>(
    file: &'a RdbFile,
    options: &Options<'_>,
    account: &mut Account,
    meter: &Meter,
    full: SyncSender<Batch<'a>>,
) -> Result<()> {
    // The receiver goes only when its thread has failed, which is what will be told.
    let gone = |_| Error::new(Kind::Store, "the checking thread failed");
    let (mut batch, mut bytes, mut scratch) = (Batch::new(), 0, Vec::new());
    file.walk(meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if admit(&record, options.filter, account, &mut scratch).map_err(at)? {
            batch.push(record);
            bytes += record.payload.len();
        }
        if batch.len() >= BATCH_RECORDS || bytes >= BATCH_BYTES {
            bytes = 0;
            full.send(std::mem::take(&mut batch)).map_err(gone)?;
        }
        Ok(())
    })?;
    full.send(batch).map_err(gone)
}

/// What the checking thread found.
#[derive(Default)]
struct Checked {
    /// Sound and failed keys; the walker counts those read.
    account: Account,
    problems: Vec<Error>,
    warnings: Vec<Error>,
}

fn check_all(batches: Receiver<Batch<'_>>, templates: &Templates) -> Checked {
    let mut checked = Checked::default();
    let mut checker = Checker::default();
    for batch in batches {
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

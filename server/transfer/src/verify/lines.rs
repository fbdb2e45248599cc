//! JSON lines: every line read, which is as deep as one can look; no key twice.
use super::{Options, Report};
use crate::duplicates::Duplicates;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::text::read::JsonLines;

pub(super) fn verify(lines: &JsonLines, options: &Options<'_>, meter: &Meter) -> Result<Report> {
    let mut report = Report::new();
    report.checksum = crate::rdb_file::Checksum::None;
    meter.set_total(lines.bytes().len() as u64);
    let (mut seen, mut scratch) = (Duplicates::default(), Vec::new());
    let account = &mut report.account;
    let walked = lines.each(meter, |entry| {
        let kind = entry.value.value_type.kind();
        account.read.add(kind);
        if !entry.passes(options.filter, &mut scratch)? {
            account.filtered.add(kind);
            return Ok(());
        }
        account.written.add(kind);
        let key = entry.key.decode(&mut scratch).map_err(|e| entry.error(e))?;
        seen.see(entry.db, key, entry.record_offset)
    });
    if let Err(error) = walked {
        report.problem(error)?;
    }
    if let Some(again) = seen.groups().next().and_then(|group| group.get(1)) {
        let mut error = Error::new(Kind::Corrupt, "the key is there twice");
        error.offset = Some(again.mark);
        report.problem(error)?;
    }
    Ok(report)
}

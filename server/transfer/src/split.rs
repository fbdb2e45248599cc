//! One dataset → several, in one walk: each entry goes to the part whose filter it passes.
use crate::account::Account;
use crate::convert::{sink_of, Converted, Goal, Output};
use crate::duplicates::Distinct;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::job::Job;
use crate::meter::Meter;
use crate::sink::Sink;
use crate::source::{Entry, Source};
use redtool_format::rdb::target::Loss;
use std::collections::BTreeMap;

/// One of the datasets to make.
pub struct Part {
    /// Which entries.
    pub filter: Filter,
    /// What is made of them.
    pub goal: Goal,
}

/// What was split.
pub struct Split {
    /// What became of the keys of the source; filtered are also those that no part takes.
    pub account: Account,
    /// What was made, in the order of the parts. Their accounts tell what was written to each.
    pub parts: Vec<Converted>,
    /// What the changes of entries had to leave out. What targets could not take is with the parts.
    pub losses: BTreeMap<Loss, u64>,
    /// The first entries that were set aside.
    pub failures: Vec<Error>,
}

struct Open<'a> {
    part: &'a Part,
    output: Output,
    sink: Box<dyn Sink>,
    account: Account,
}

/// Splits a dataset. No part appears before all are complete.
pub fn split(source: &Source, parts: &[Part], job: &Job, meter: &Meter) -> Result<Split> {
    meter.set_total(2 * source.size_bytes());
    let mut opening = source.survey(job.checksum, &job.selection.filter, meter)?;
    // Counted for the whole, not for the parts.
    opening.dbs.clear();
    job.selection.transform.change_notes(&mut opening.notes)?;
    let mut open = Vec::new();
    for part in parts {
        let output = Output::new(&part.goal)?;
        let mut sink = sink_of(&part.goal, &output, parts.len(), || source.origin())?;
        if job.selection.transform.may_collide() {
            sink = Box::new(Distinct::new(sink));
        }
        output.named(sink.begin(&opening))?;
        open.push(Open { part, output, sink, account: Account::default() });
    }
    let (mut account, mut scratch) = (Account::default(), Vec::new());
    source.each_changed(&opening, job, &mut account, meter, |entry, account| {
        match part_of(entry, &mut open, &mut scratch)? {
            Some(part) => {
                part.account.read.add(entry.value.value_type.kind());
                part.output.named(part.sink.entry(entry, &mut part.account))?;
            }
            None => account.filtered.add(entry.value.value_type.kind()),
        }
        Ok(())
    })?;
    let mut complete = Vec::new();
    for Open { output, sink, account, .. } in open {
        let written = output.named(sink.finish(meter))?;
        complete.push((output, account, written));
    }
    let mut made = Vec::new();
    for (output, of_part, written) in complete {
        account.written.merge(&of_part.written);
        account.skipped.merge(&of_part.skipped);
        made.push(output.commit(of_part, written)?);
    }
    let losses = job.selection.transform.take_losses();
    Ok(Split { account, parts: made, losses, failures: job.failures.finish()? })
}

/// The part that takes an entry. Two that both would are a mistake that would double keys.
fn part_of<'o, 'p>(
    entry: &Entry<'_>,
    open: &'o mut [Open<'p>],
    scratch: &mut Vec<u8>,
) -> Result<Option<&'o mut Open<'p>>> {
    let kind = entry.value.value_type.kind();
    let key = entry.key.decode(scratch).map_err(|e| entry.error(e))?;
    let expire_at_ms = entry.attributes.expire_at_ms;
    let takes = |open: &Open<'_>| open.part.filter.passes(entry.db, key, kind, expire_at_ms);
    let mut taking = open.iter_mut().filter(|open| takes(open));
    let first = taking.next();
    if taking.next().is_some() {
        let mut error = Error::new(Kind::Usage, "two of the parts take the key");
        (error.db, error.key) = (Some(entry.db), Some(key.to_vec()));
        return Err(error);
    }
    Ok(first)
}

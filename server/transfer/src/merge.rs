//! Several datasets → one, in which every key is there once.
//!
//! The sources are walked twice: first all keys are noted by their hashes, which are sorted, and
//! what is there more than once is decided; then the entries are written, without those that gave
//! way. So memory does not grow with the datasets, and values stay untouched. Both walks must meet
//! the same keys: a script that gives others the second time, or a store that somebody changes
//! meanwhile, ends the merge.
use crate::account::Account;
use crate::convert::{sink_of, Converted, Goal, Output};
use crate::duplicates::Duplicates;
use crate::error::{Error, Kind, Result};
use crate::import::library_name;
use crate::job::Job;
use crate::meter::Meter;
use crate::rdb_file::Notes;
use crate::source::{Entry, Opening, Source};
use redtool_store::spill::SpillVec;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bits of a mark that number an entry within its source.
const ENTRY_BITS: u32 = 48;
/// Sources at most: what is left of a mark.
const MOST_SOURCES: usize = 1 << 16;

/// Which entry stays when a key is in several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// None: it is an error.
    Fail,
    /// That of the source named first.
    First,
    /// That of the source named last.
    Last,
    /// That of the dump taken last; of two taken in the same second, that named last.
    Newest,
}

/// What was merged.
pub struct Merged {
    /// What was made.
    pub converted: Converted,
    /// Entries that gave way to others of their key.
    pub conflicts: u64,
}

/// Merges the sources into a new dataset.
pub fn merge(
    sources: &[Source],
    goal: &Goal,
    on_conflict: OnConflict,
    job: &Job,
    meter: &Meter,
) -> Result<Merged> {
    if sources.len() > MOST_SOURCES {
        let what = format!("{} sources are too many at once", sources.len());
        return Err(Error::new(Kind::Usage, what));
    }
    meter.set_total(3 * sources.iter().map(Source::size_bytes).sum::<u64>());
    let openings: Vec<_> = sources
        .iter()
        .map(|source| source.survey(job.checksum, &job.selection.filter, meter))
        .collect::<Result<_>>()?;
    let ranks = ranks(&openings, on_conflict);
    let (losers, met) = losers(sources, &openings, (&ranks, on_conflict), job, meter)?;
    let Some(first) = sources.first() else {
        return Err(Error::new(Kind::Usage, "no source is named"));
    };
    let output = Output::new(goal)?;
    let mut sink = sink_of(goal, &output, 1, || first.origin())?;
    let mut opening = merged_opening(&openings, &ranks, on_conflict)?;
    // The first walk told of the same.
    job.selection.transform.take_losses();
    job.selection.transform.change_notes(&mut opening.notes)?;
    sink.begin(&opening)?;
    let mut account = Account::default();
    let mut left = losers.as_slice().iter().copied().peekable();
    for (number, (source, opening)) in sources.iter().zip(&openings).enumerate() {
        let mut mark = (number as u64) << ENTRY_BITS;
        let mut keys = Keys::default();
        source.each_changed(opening, job, &mut account, meter, |entry, account| {
            keys.meet(entry)?;
            mark += 1;
            if left.next_if_eq(&(mark - 1)).is_some() {
                account.skipped.add(entry.value.value_type.kind());
                return Ok(());
            }
            sink.entry(entry, account)
        })?;
        if met.get(number) != Some(&keys.sum) {
            return Err(changed(number, job));
        }
    }
    let written = output.named(sink.finish(meter))?;
    let mut converted = output.commit(account, written)?;
    converted.bytes_read = sources.iter().map(Source::size_bytes).sum();
    converted.add_losses(job);
    converted.failures = job.failures.finish()?;
    Ok(Merged { converted, conflicts: losers.len() as u64 })
}

/// The keys of a source, in their order, in one number.
#[derive(Default)]
struct Keys {
    sum: u64,
    scratch: Vec<u8>,
}

impl Keys {
    /// Adds the key of an entry, and gives it.
    fn meet<'k>(&'k mut self, entry: &Entry<'k>) -> Result<&'k [u8]> {
        let key = entry.key.decode(&mut self.scratch).map_err(|e| entry.error(e))?;
        self.sum = xxh3_64_with_seed(key, self.sum.wrapping_add(u64::from(entry.db)));
        Ok(key)
    }
}

fn changed(number: usize, job: &Job) -> Error {
    let what = format!("source {} had other keys the second time it was read", number + 1);
    match job.selection.transform.has_script() {
        true => Error::new(Kind::Script, what)
            .hint("a merge calls the script twice: it must give the same of the same entry"),
        false => Error::new(Kind::Store, what).hint("merge what nobody writes to"),
    }
}

/// For each source a number; of several entries that of the greatest stays.
fn ranks(openings: &[Opening], on_conflict: OnConflict) -> Vec<(i64, i64)> {
    let rank = |(n, opening): (usize, &Opening)| {
        let n = n as i64;
        match on_conflict {
            OnConflict::First => (0, -n),
            OnConflict::Fail | OnConflict::Last => (0, n),
            OnConflict::Newest => (opening.notes.ctime_s().unwrap_or(i64::MIN), n),
        }
    };
    openings.iter().enumerate().map(rank).collect()
}

/// The marks of entries that give way, ascending; and what the keys of each source add up to.
fn losers(
    sources: &[Source],
    openings: &[Opening],
    (ranks, on_conflict): (&[(i64, i64)], OnConflict),
    job: &Job,
    meter: &Meter,
) -> Result<(SpillVec<u64>, Vec<u64>)> {
    let mut seen = Duplicates::default();
    let mut met = Vec::new();
    // What this walk sets aside and counts, the one that writes does again.
    let mut ignored = Account::default();
    let looking = Job::looking(job);
    for (number, (source, opening)) in sources.iter().zip(openings).enumerate() {
        let mut mark = (number as u64) << ENTRY_BITS;
        let mut keys = Keys::default();
        source.each_changed(opening, &looking, &mut ignored, meter, |entry, _| {
            seen.see(entry.db, keys.meet(entry)?, mark)?;
            mark += 1;
            Ok(())
        })?;
        met.push(keys.sum);
    }
    let source_of = |mark: u64| (mark >> ENTRY_BITS) as usize;
    let mut losers = SpillVec::new();
    for group in seen.groups() {
        let twice = group.windows(2).find(|two| source_of(two[0].mark) == source_of(two[1].mark));
        if let Some([_, again]) = twice {
            return Err(name(sources, openings, job, again.mark, "the key is there twice")?);
        }
        if on_conflict == OnConflict::Fail {
            let n = group.len();
            let what = format!("the key is in {n} of the sources");
            let error = name(sources, openings, job, group[0].mark, &what)?;
            return Err(error.hint("--on-conflict first, last or newest says which stays"));
        }
        let stays = group.iter().max_by_key(|seen| ranks[source_of(seen.mark)]);
        for other in group.iter().filter(|seen| Some(seen.mark) != stays.map(|s| s.mark)) {
            losers.push(other.mark)?;
        }
    }
    losers.sort_by(u64::cmp);
    Ok((losers, met))
}

/// An error about the entry with this mark, found by walking to it once more.
fn name(
    sources: &[Source],
    openings: &[Opening],
    job: &Job,
    mark: u64,
    what: &str,
) -> Result<Error> {
    let number = (mark >> ENTRY_BITS) as usize;
    let wanted = mark & ((1 << ENTRY_BITS) - 1);
    let mut error = Error::new(Kind::Corrupt, what);
    let (mut n, mut ignored) = (0, Account::default());
    let (looking, meter) = (Job::looking(job), Meter::new());
    sources[number].each_changed(
        &openings[number],
        &looking,
        &mut ignored,
        &meter,
        |entry, _| {
            if n == wanted {
                error.db = Some(entry.db);
                error.key = entry.key.to_vec().ok();
            }
            n += 1;
            Ok(())
        },
    )?;
    Ok(error)
}

/// What stands outside keys, of all sources together: fields of the dump that counts most, all
/// module data, each function library once.
fn merged_opening(
    openings: &[Opening],
    ranks: &[(i64, i64)],
    on_conflict: OnConflict,
) -> Result<Opening> {
    let mut order: Vec<_> = openings.iter().zip(ranks).collect();
    order.sort_by_key(|(_, rank)| **rank);
    let mut notes = Notes::default();
    let mut libraries: BTreeMap<Vec<u8>, &Vec<u8>> = BTreeMap::new();
    for (opening, _) in &order {
        for source in &opening.notes.functions {
            let name = library_name(source);
            let text = String::from_utf8_lossy(&name).into_owned();
            let before = libraries.insert(name, source);
            if on_conflict == OnConflict::Fail && before.is_some_and(|before| before != source) {
                let what = format!("the function library {text:?} differs between the sources");
                let error = Error::new(Kind::Corrupt, what);
                return Err(error.hint("--on-conflict first, last or newest says which stays"));
            }
        }
    }
    for opening in openings {
        for record in &opening.notes.module_aux {
            if !notes.module_aux.contains(record) {
                notes.module_aux.push(record.clone());
            }
        }
    }
    notes.functions = libraries.into_values().cloned().collect();
    let last = order.last().map(|(opening, _)| *opening);
    notes.aux = last.map(|opening| opening.notes.aux.clone()).unwrap_or_default();
    let header = last.and_then(|opening| opening.header);
    let checksum = last.map_or(crate::rdb_file::Checksum::None, |opening| opening.checksum);
    Ok(Opening { notes, header, dbs: Vec::new(), checksum })
}

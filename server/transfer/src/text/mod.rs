//! Datasets as text: any source, entry by entry, in one of several forms.
//!
//! A [`Form`] says how an entry looks; [`write_text`] does the rest. The keys of an RDB file are
//! encoded in batches on all cores and written in file order, those of other sources on one thread
//! while another writes. Nothing is held whole: a form passes on what it has between elements.
//!
//! | module | holds |
//! |---|---|
//! | [`batch`] | entries of one batch encoded, counted, failures set aside |
//! | [`json`] | strings, bytes and numbers as JSON |
//! | [`value`] | values as JSON |
//! | [`envelope`] | an entry as one JSON object |
//! | [`jsonl`] | JSON lines: one entry a line, nothing lost |
//! | [`documents`] | one JSON document a db |
//! | [`csv`] | a row a key, or a row an element |
//! | [`keys`] | a line a key, by a template |
//! | [`commands`] | RESP commands that make the dataset anew |
//! | [`restore`] | RESTORE commands with DUMP payloads |
pub mod batch;
pub mod envelope;
pub mod json;
pub mod jsonl;
pub mod value;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::ordered::{self, Hand, Lane};
use crate::rdb_file::{admit, Checksum, RdbFile};
use crate::source::{Entry, Opening, Source};
use batch::{Encoder, Part, Pool, Tally};
use redtool_format::rdb::reader::KeyRecord;
use redtool_format::rdb::target::{Loss, Losses};
use redtool_format::rdb::value::Scratch as VisitScratch;
use redtool_format::rdb::writer::{Attributes, Out, Value, WriteError};
use redtool_store::spill::SpillBytes;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Keys handed to a worker at a time at most.
const BATCH_KEYS: usize = 256;
/// Bytes of values after which a batch is handed over.
const BATCH_BYTES: usize = 1 << 18;

/// One text form of a dataset.
pub trait Form: Sync {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// What stands before the first entry; what of the notes cannot be said is counted.
    fn head(
        &self,
        opening: &Opening,
        losses: &mut BTreeMap<Loss, u64>,
        out: &mut Vec<u8>,
    ) -> Result<()>;

    /// What stands before an entry of `db`; `before` is the db of the entry before it.
    fn between(&self, _before: Option<u32>, _db: u32, _out: &mut Vec<u8>) {}

    /// An entry. Nothing may have been passed on when it is not written.
    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError>;

    /// What stands after the last entry; `last` is its db.
    fn tail(&self, _tally: &Tally, _last: Option<u32>, _out: &mut Vec<u8>) {}
}

/// What a form made of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Whether anything was written.
    pub written: bool,
    /// What the form has no words for.
    pub losses: Losses,
}

impl Done {
    /// Written, nothing lost.
    pub const WRITTEN: Done = Done { written: true, losses: Losses::NONE };
    /// Passed over, as a server would while loading.
    pub const SKIPPED: Done = Done { written: false, losses: Losses::NONE };
}

/// Room that forms use from entry to entry.
#[derive(Default)]
pub struct Scratch {
    /// For visits of values.
    pub visit: VisitScratch,
    /// The key, decoded.
    pub key: Vec<u8>,
    /// Text in the making.
    pub text: Vec<u8>,
    /// A value whose length must be known first.
    pub value: SpillBytes,
}

/// A step between filter and form: calls its second argument with what is to be written in place
/// of the entry, or does not call it.
pub type Prepare<'p> =
    dyn Fn(&Entry<'_>, &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<()> + Sync + 'p;

/// Takes an entry that could not be encoded, and why; without one the first such ends the work.
pub type SetAside<'p> = dyn Fn(&Entry<'_>, &Error) -> Result<()> + Sync + 'p;

/// How to write.
pub struct Options<'a> {
    /// Verify the source's checksum.
    pub checksum: bool,
    /// Which keys.
    pub filter: &'a Filter,
    /// Write although something is lost.
    pub lossy: bool,
    /// A step between filter and form.
    pub prepare: Option<&'a Prepare<'a>>,
    /// Where entries that cannot be encoded go.
    pub set_aside: Option<&'a SetAside<'a>>,
}

/// What was written.
pub struct Written {
    /// What became of the keys.
    pub account: Account,
    /// What the form could not say, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// The state of the source's checksum.
    pub checksum: Checksum,
    /// Bytes of text.
    pub bytes_written: u64,
}

/// What all threads look at.
struct Job<'a> {
    form: &'a dyn Form,
    options: &'a Options<'a>,
    opening: &'a Opening,
    meter: &'a Meter,
    pool: Pool,
}

/// Writes `source` in `form` to `out`; `path` is what messages call it.
pub fn write_text(
    source: &Source,
    form: &dyn Form,
    out: &mut dyn Write,
    path: &Path,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Written> {
    let passes = if matches!(source, Source::Rdb(_)) { 2 } else { 1 };
    meter.set_total(passes * source.size_bytes());
    let opening = source.survey(options.checksum, options.filter, meter)?;
    let mut losses = BTreeMap::new();
    let mut head = Vec::new();
    form.head(&opening, &mut losses, &mut head)?;
    refuse(form, options, &losses)?;
    let mut writer = Writer { form, out, path, tally: Tally::default(), last: None, bytes: 0 };
    writer.tally.losses = losses;
    writer.write(&head)?;
    let job = Job { form, options, opening: &opening, meter, pool: Pool::default() };
    let read = match source {
        Source::Rdb(file) => from_file(file, &job, &mut writer),
        _ => from_entries(source, &job, &mut writer),
    }?;
    writer.tally.account.merge(&read);
    writer.finish(opening.checksum)
}

fn refuse(form: &dyn Form, options: &Options<'_>, losses: &BTreeMap<Loss, u64>) -> Result<()> {
    if losses.is_empty() || options.lossy {
        return Ok(());
    }
    let list: Vec<_> = losses.iter().map(|(loss, count)| loss.sentence(*count)).collect();
    let message = format!("{} cannot hold everything: {}", form.name(), list.join("; "));
    Err(Error::new(Kind::Loss, message).hint("--lossy writes it all the same"))
}

type Batch<'f> = Vec<KeyRecord<'f>>;

/// Batches of records to workers that encode them.
fn from_file<'f>(
    file: &'f RdbFile,
    job: &Job<'_>,
    writer: &mut Writer<'_>,
) -> Result<Account> {
    let produce = |hand: &Hand<Batch<'f>, Part>| {
        let mut account = Account::default();
        let (mut batch, mut bytes, mut scratch) = (Batch::new(), 0, Vec::new());
        file.walk(job.meter, |record| {
            let at = |e| file.error(e, record.offset, None);
            if !admit(&record, job.options.filter, &mut account, &mut scratch).map_err(at)? {
                return Ok(());
            }
            bytes += record.payload.len();
            batch.push(record);
            if batch.len() >= BATCH_KEYS || bytes >= BATCH_BYTES {
                bytes = 0;
                hand.give(std::mem::replace(&mut batch, Batch::with_capacity(BATCH_KEYS)))?;
            }
            Ok(())
        })?;
        hand.give(batch)?;
        Ok(account)
    };
    let work = |scratch: &mut Scratch, batch: Batch<'f>, lane: &Lane<Part>| {
        let mut encoder = Encoder::new(job.form, job.options, &job.pool, lane, scratch);
        for record in &batch {
            encoder.entry(&entry_of(record, job.opening))?;
        }
        encoder.finish()
    };
    let take = |part| writer.take(part, &job.pool);
    ordered::run(ordered::cores(), produce, Scratch::default, work, take)
}

fn entry_of<'a>(record: &KeyRecord<'a>, opening: &'a Opening) -> Entry<'a> {
    Entry {
        db: record.db,
        key: record.key,
        attributes: Attributes::from(record),
        value: Value::of(record, &opening.notes.templates),
        encoding: None,
        offset: Some(record.payload_offset),
    }
}

/// One thread reads and encodes.
fn from_entries(source: &Source, job: &Job<'_>, writer: &mut Writer<'_>) -> Result<Account> {
    let produce = |hand: &Hand<(), Part>| {
        let mut account = Account::default();
        let mut scratch = Scratch::default();
        hand.make(|lane| {
            let mut encoder =
                Encoder::new(job.form, job.options, &job.pool, lane, &mut scratch);
            source.each(job.opening, job.options.filter, &mut account, job.meter, |entry, _| {
                encoder.entry(entry)
            })?;
            encoder.finish()
        })?;
        Ok(account)
    };
    let take = |part| writer.take(part, &job.pool);
    ordered::run(0, produce, || (), |(), (), _| Ok(()), take)
}

/// Writes parts in order.
struct Writer<'a> {
    form: &'a dyn Form,
    out: &'a mut dyn Write,
    path: &'a Path,
    tally: Tally,
    /// The db of the last entry.
    last: Option<u32>,
    bytes: u64,
}

impl Writer<'_> {
    fn take(&mut self, part: Part, pool: &Pool) -> Result<()> {
        if let Some(db) = part.first_db {
            let mut between = Vec::new();
            self.form.between(self.last, db, &mut between);
            self.write(&between)?;
        }
        self.write(&part.bytes)?;
        pool.give_back(part.bytes);
        if let Some(tally) = part.tally {
            self.last = tally.last_db.or(self.last);
            self.tally.merge(&tally);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::io(self.path, &e))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self, checksum: Checksum) -> Result<Written> {
        let mut tail = Vec::new();
        self.form.tail(&self.tally, self.last, &mut tail);
        self.write(&tail)?;
        self.out.flush().map_err(|e| Error::io(self.path, &e))?;
        let Tally { account, losses, .. } = self.tally;
        Ok(Written { account, losses, checksum, bytes_written: self.bytes })
    }
}

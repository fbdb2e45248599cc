//! An RDB file as text, on all cores: one thread finds the keys, others encode batches of them, and
//! this one writes in the order of the file.
use super::batch::{Chunks, Encoder, Part, Pool};
use super::sink::TextSink;
use super::Scratch;
use crate::account::Account;
use crate::error::Result;
use crate::job::{Hands, Job};
use crate::meter::Meter;
use crate::ordered::{self, Hand, Lane};
use crate::rdb_file::{admit, Notes, RdbFile};
use crate::source::{Entry, Opening};
use redtool_format::rdb::reader::KeyRecord;
use redtool_format::rdb::writer::Out;

/// Keys handed to a worker at a time at most.
const BATCH_KEYS: usize = 256;
/// Bytes of values after which a batch is handed over.
const BATCH_BYTES: usize = 1 << 18;

type Batch<'f> = Vec<KeyRecord<'f>>;

/// Writes every entry of `file` that passes to `sink`, which was begun; with `sum` the checksum is
/// verified meanwhile. Gives also what was found outside keys.
pub fn write_file<'f>(
    file: &'f RdbFile,
    opening: &Opening,
    (job, sum): (&Job, bool),
    sink: &mut TextSink,
    meter: &Meter,
) -> Result<(Account, Notes)> {
    let (form, lossy) = sink.form();
    let pool = Pool::default();
    let produce = |hand: &Hand<Batch<'f>, Part>| walk(file, (job, sum), meter, hand);
    let state = || (Hands::default(), Scratch::default());
    let work = |state: &mut (Hands, Scratch), batch: Batch<'f>, lane: &Lane<Part>| {
        let (hands, scratch) = state;
        let (mut encoder, mut account) = (Encoder::new(&*form, lossy), Account::default());
        let mut chunks = Chunks::new(lane, &pool);
        for record in &batch {
            let entry = Entry::of(record, &opening.notes.templates);
            job.give(&entry, hands, &mut account, &mut |entry, account| {
                match encoder.tally.last_db {
                    None => chunks.first_db = Some(entry.db),
                    before => form.between(before, entry.db, chunks.buf()),
                }
                encoder.entry(entry, scratch, &mut chunks, account)
            })?;
        }
        chunks.end(encoder.tally, account)
    };
    let mut account = Account::default();
    let take = |part: Part| {
        sink.part(&part)?;
        if let Some(end) = part.end {
            sink.encoded(&end.0);
            account.merge(&end.1);
        }
        pool.give_back(part.bytes);
        Ok(())
    };
    let (read, notes) = ordered::run(ordered::cores(), produce, state, work, take)?;
    account.merge(&read);
    Ok((account, notes))
}

fn walk<'f>(
    file: &'f RdbFile,
    (job, sum): (&Job, bool),
    meter: &Meter,
    hand: &Hand<Batch<'f>, Part>,
) -> Result<(Account, Notes)> {
    let mut account = Account::default();
    let (mut batch, mut bytes, mut scratch) = (Batch::new(), 0, Vec::new());
    let (walked, _) = file.walk_and_check(sum, meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if !admit(&record, &job.selection.filter, &mut account, &mut scratch).map_err(at)? {
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
    Ok((account, walked.notes))
}

//! The entries of one batch encoded: chunks of text sent on, counts kept, failures set aside.
use super::{Done, Form, Options, Scratch};
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::ordered::Lane;
use crate::source::Entry;
use redtool_format::rdb::target::{Loss, Losses};
use redtool_format::rdb::writer::{Out, WriteError};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

/// A chunk is sent on when it holds this much.
const CHUNK_BYTES: usize = 1 << 17;
/// Chunks kept to be filled again; larger ones are given up.
const POOLED: usize = 16;

/// What a batch sends to the writer.
pub struct Part {
    /// The db of the first entry of the batch, with its first part.
    pub first_db: Option<u32>,
    /// Text.
    pub bytes: Vec<u8>,
    /// What was counted, with its last part.
    pub tally: Option<Box<Tally>>,
}

/// What became of the entries.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Keys by what became of them; those read and filtered are counted elsewhere.
    pub account: Account,
    /// What the form could not say, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// Keys and keys with an expiry that were written, per db.
    pub dbs: BTreeMap<u32, (u64, u64)>,
    /// The db of the last entry that was written.
    pub last_db: Option<u32>,
}

impl Tally {
    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.account.merge(&other.account);
        for (loss, count) in &other.losses {
            *self.losses.entry(*loss).or_insert(0) += count;
        }
        for (db, (keys, expires)) in &other.dbs {
            let counts = self.dbs.entry(*db).or_insert((0, 0));
            counts.0 += keys;
            counts.1 += expires;
        }
    }

    fn written(&mut self, entry: &Entry<'_>) {
        self.account.written.add(entry.value.value_type.kind());
        let counts = self.dbs.entry(entry.db).or_insert((0, 0));
        counts.0 += 1;
        counts.1 += u64::from(entry.attributes.expire_at_ms.is_some());
        self.last_db = Some(entry.db);
    }
}

/// Chunks that were written, to be filled again.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    fn take(&self) -> Vec<u8> {
        let pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        pooled.unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4))
    }

    /// Takes a chunk back.
    pub fn give_back(&self, mut chunk: Vec<u8>) {
        if chunk.capacity() > 2 * CHUNK_BYTES || chunk.capacity() == 0 {
            return;
        }
        chunk.clear();
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pooled.len() < POOLED {
            pooled.push(chunk);
        }
    }
}

/// Text on its way into a lane.
struct Chunks<'a> {
    lane: &'a Lane<Part>,
    pool: &'a Pool,
    chunk: Vec<u8>,
    first_db: Option<u32>,
    /// Chunks sent.
    sent: u64,
}

impl Chunks<'_> {
    fn send(&mut self, tally: Option<Box<Tally>>) -> Result<()> {
        let bytes = std::mem::take(&mut self.chunk);
        self.sent += 1;
        self.lane.send(Part { first_db: self.first_db.take(), bytes, tally })
    }
}

impl Out for Chunks<'_> {
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.chunk.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.send(None).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        self.chunk = self.pool.take();
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            self.chunk.extend_from_slice(piece);
            self.spill()?;
        }
        Ok(())
    }
}

/// Encodes the entries of a batch.
pub struct Encoder<'a> {
    form: &'a dyn Form,
    options: &'a Options<'a>,
    scratch: &'a mut Scratch,
    chunks: Chunks<'a>,
    tally: Tally,
}

impl<'a> Encoder<'a> {
    /// An encoder that sends to `lane`.
    pub fn new(
        form: &'a dyn Form,
        options: &'a Options<'a>,
        pool: &'a Pool,
        lane: &'a Lane<Part>,
        scratch: &'a mut Scratch,
    ) -> Self {
        let chunks = Chunks { lane, pool, chunk: pool.take(), first_db: None, sent: 0 };
        Self { form, options, scratch, chunks, tally: Tally::default() }
    }

    /// An entry of the source, through the step that prepares it.
    pub fn entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        let Some(prepare) = self.options.prepare else {
            return self.encode(entry);
        };
        let mut kept = false;
        prepare(entry, &mut |prepared| {
            kept = true;
            self.encode(prepared)
        })?;
        if !kept {
            self.tally.account.filtered.add(entry.value.value_type.kind());
        }
        Ok(())
    }

    fn encode(&mut self, entry: &Entry<'_>) -> Result<()> {
        let (start, sent) = (self.chunks.chunk.len(), self.chunks.sent);
        match self.tally.last_db {
            None => self.chunks.first_db = Some(entry.db),
            before => self.form.between(before, entry.db, &mut self.chunks.chunk),
        }
        let done = match self.form.entry(entry, self.scratch, &mut self.chunks) {
            Ok(done) => self.judge(entry, done),
            Err(WriteError::Format(error)) => Err(entry.error(error)),
            // The writer has stopped, and says why.
            Err(WriteError::Io(_)) => return Err(Error::cancelled()),
        };
        match done {
            Ok(true) => {
                self.tally.written(entry);
                self.chunks.spill().map_err(|_| Error::cancelled())
            }
            Ok(false) => {
                self.take_back(start);
                self.tally.account.skipped.add(entry.value.value_type.kind());
                Ok(())
            }
            Err(error) if sent == self.chunks.sent => self.set_aside(entry, start, error),
            Err(error) => Err(error),
        }
    }

    /// Whether an entry counts as written; an error when something is lost that must not be.
    fn judge(&mut self, entry: &Entry<'_>, done: Done) -> Result<bool> {
        if done.losses != Losses::NONE {
            self.lose(entry, done.losses)?;
        }
        Ok(done.written)
    }

    #[cold]
    fn lose(&mut self, entry: &Entry<'_>, losses: Losses) -> Result<()> {
        if !self.options.lossy {
            let list: Vec<_> = losses.iter().map(|loss| loss.sentence(1)).collect();
            let name = self.form.name();
            let message = format!("{name} cannot hold everything: {}", list.join("; "));
            let mut error = Error::new(Kind::Loss, message).hint("--lossy writes it all the same");
            (error.db, error.key) = (Some(entry.db), Some(entry.key.to_vec().unwrap_or_default()));
            return Err(error);
        }
        for loss in losses.iter() {
            *self.tally.losses.entry(loss).or_insert(0) += 1;
        }
        Ok(())
    }

    #[cold]
    fn set_aside(&mut self, entry: &Entry<'_>, start: usize, error: Error) -> Result<()> {
        let Some(set_aside) = self.options.set_aside else { return Err(error) };
        self.take_back(start);
        self.tally.account.failed.add(entry.value.value_type.kind());
        set_aside(entry, &error)
    }

    /// As if the entry that began at `start` had not been there.
    fn take_back(&mut self, start: usize) {
        self.chunks.chunk.truncate(start);
        if self.tally.last_db.is_none() {
            self.chunks.first_db = None;
        }
    }

    /// Sends what is left.
    pub fn finish(mut self) -> Result<()> {
        let tally = std::mem::take(&mut self.tally);
        self.chunks.send(Some(Box::new(tally)))
    }
}

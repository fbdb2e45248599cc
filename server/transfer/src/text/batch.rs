//! Entries encoded and counted, wherever the text goes; and the chunks of a batch on their way to
//! the thread that writes.
use super::{Form, Scratch};
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
pub const CHUNK_BYTES: usize = 1 << 17;
/// Chunks kept to be filled again; larger ones are given up.
const POOLED: usize = 16;

/// What was written, counted.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// What the form could not say, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// Keys and keys with an expiry per db.
    pub dbs: BTreeMap<u32, (u64, u64)>,
    /// The db of the last entry.
    pub last_db: Option<u32>,
}

impl Tally {
    /// Adds what was counted behind it.
    pub fn merge(&mut self, other: &Self) {
        for (loss, count) in &other.losses {
            *self.losses.entry(*loss).or_insert(0) += count;
        }
        for (db, (keys, expires)) in &other.dbs {
            let counts = self.dbs.entry(*db).or_insert((0, 0));
            counts.0 += keys;
            counts.1 += expires;
        }
        self.last_db = other.last_db.or(self.last_db);
    }

    fn written(&mut self, entry: &Entry<'_>) {
        let counts = self.dbs.entry(entry.db).or_insert((0, 0));
        counts.0 += 1;
        counts.1 += u64::from(entry.attributes.expire_at_ms.is_some());
        self.last_db = Some(entry.db);
    }
}

/// Encodes entries one after the other.
pub struct Encoder<'f> {
    form: &'f dyn Form,
    lossy: bool,
    /// What was written so far.
    pub tally: Tally,
}

impl<'f> Encoder<'f> {
    /// For entries in `form`; `lossy` when it is fine that something is lost.
    pub fn new(form: &'f dyn Form, lossy: bool) -> Self {
        Self { form, lossy, tally: Tally::default() }
    }

    /// Appends an entry and counts it as written or skipped.
    pub fn entry(
        &mut self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
        account: &mut Account,
    ) -> Result<()> {
        let kind = entry.value.value_type.kind();
        let done = self.form.entry(entry, scratch, out).map_err(|error| match error {
            WriteError::Format(error) => entry.error(error),
            WriteError::Io(error) => gone(&error),
        })?;
        if done.losses != Losses::NONE {
            self.lose(entry, done.losses)?;
        }
        if done.written {
            account.written.add(kind);
            self.tally.written(entry);
        } else {
            account.skipped.add(kind);
        }
        Ok(())
    }

    #[cold]
    fn lose(&mut self, entry: &Entry<'_>, losses: Losses) -> Result<()> {
        if !self.lossy {
            let list: Vec<_> = losses.iter().map(|loss| loss.sentence(1)).collect();
            let mut error = refused(self.form, &list);
            (error.db, error.key) = (Some(entry.db), Some(entry.key.to_vec().unwrap_or_default()));
            return Err(error);
        }
        for loss in losses.iter() {
            *self.tally.losses.entry(loss).or_insert(0) += 1;
        }
        Ok(())
    }
}

/// Losses that nobody said are fine.
pub fn refused(form: &dyn Form, list: &[String]) -> Error {
    let message = format!("{} cannot hold everything: {}", form.name(), list.join("; "));
    Error::new(Kind::Loss, message).hint("--lossy writes it all the same")
}

/// The output does not take any more. The one who writes it knows why, and tells it first.
fn gone(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::cancelled(),
        _ => Error::new(Kind::Store, error.to_string()),
    }
}

/// What a batch sends to the writer.
pub struct Part {
    /// The db of the first entry of the batch, with its first part.
    pub first_db: Option<u32>,
    /// Text.
    pub bytes: Vec<u8>,
    /// What was counted, with its last part.
    pub end: Option<Box<(Tally, Account)>>,
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

/// The text of a batch on its way into a lane.
pub struct Chunks<'a> {
    lane: &'a Lane<Part>,
    pool: &'a Pool,
    chunk: Vec<u8>,
    /// The db of the first entry.
    pub first_db: Option<u32>,
}

impl<'a> Chunks<'a> {
    /// Nothing yet.
    pub fn new(lane: &'a Lane<Part>, pool: &'a Pool) -> Self {
        Self { lane, pool, chunk: pool.take(), first_db: None }
    }

    /// Sends what is left, and what was counted.
    pub fn end(mut self, tally: Tally, account: Account) -> Result<()> {
        self.send(Some(Box::new((tally, account))))
    }

    fn send(&mut self, end: Option<Box<(Tally, Account)>>) -> Result<()> {
        let bytes = std::mem::take(&mut self.chunk);
        self.lane.send(Part { first_db: self.first_db.take(), bytes, end })
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

//! Entries → an RDB file for a chosen target.
//!
//! This thread converts and encodes; another sums and writes. They exchange chunks, so that no
//! value is held whole unless it must be rewritten as one packed blob.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::sink::{Sink, Written};
use crate::source::{Entry, Opening};
use redtool_format::rdb::target::{Loss, Losses, Target};
use redtool_format::rdb::writer::{plan, write_key, Fate, FileWriter, Origin, Out, WriteError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::thread::JoinHandle;

/// A chunk is handed over when it holds this much.
const CHUNK_BYTES: usize = 1 << 18;
/// Chunks under way at most: bounds memory.
const CHUNKS: usize = 8;

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// For which server.
    pub target: Target,
    /// Write although something is lost.
    pub lossy: bool,
    /// LZF strings where that pays (strings that are LZF in the source stay so).
    pub compress: bool,
    /// Hash fields that expired before this are left out where their expiry cannot be kept.
    pub now_ms: i64,
}

enum Message {
    Db(u32, u64, u64),
    Records(Vec<u8>),
    /// Everything was sent; without it the file is not ended.
    End,
}

/// The writer has ended before its time; it knows why.
struct Gone;

/// Writes entries to an RDB file.
pub struct RdbSink {
    options: Options,
    path: PathBuf,
    file: Option<File>,
    writing: Option<(SyncSender<Message>, JoinHandle<io::Result<u64>>)>,
    /// Keys and keys with an expiry per db, where that is known beforehand.
    dbs: Vec<(u32, u64, u64)>,
    chunk: Vec<u8>,
    db: Option<u32>,
    losses: BTreeMap<Loss, u64>,
}

impl RdbSink {
    /// Writes to `file` (new, under a temporary name), which is at `path`.
    pub fn new(file: File, path: &Path, options: Options) -> Self {
        Self {
            options,
            path: path.to_owned(),
            file: Some(file),
            writing: None,
            dbs: Vec::new(),
            chunk: Vec::new(),
            db: None,
            losses: BTreeMap::new(),
        }
    }

    fn head(&mut self, file: File, opening: &Opening) -> io::Result<FileWriter<File>> {
        let mut writer = FileWriter::new(file, self.options.target);
        let notes = &opening.notes;
        let text = |name| notes.aux(name).and_then(|value| std::str::from_utf8(value).ok());
        writer.origin(&Origin {
            version: text("redis-ver").or_else(|| text("valkey-ver")).unwrap_or("7.2.0"),
            created_at_s: notes.ctime_s().unwrap_or(self.options.now_ms / 1000),
            used_memory_bytes: text("used-mem").and_then(|n| n.parse().ok()).unwrap_or(0),
        })?;
        for record in &notes.module_aux {
            if !writer.module_aux(record)? {
                self.count(Loss::ModuleAux.into());
            }
        }
        for source in &notes.functions {
            if !writer.function(source, self.options.compress)? {
                self.count(Loss::Function.into());
            }
        }
        Ok(writer)
    }

    fn select(&mut self, db: u32) -> std::result::Result<(), Gone> {
        self.flush()?;
        self.db = Some(db);
        let hint = self.dbs.iter().find(|(n, _, _)| *n == db);
        let (_, keys, expires) = hint.copied().unwrap_or_default();
        self.send(Message::Db(db, keys, expires))
    }

    fn count(&mut self, losses: Losses) {
        for loss in losses.iter() {
            *self.losses.entry(loss).or_insert(0) += 1;
        }
    }

    fn flush(&mut self) -> std::result::Result<(), Gone> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        let chunk = std::mem::replace(&mut self.chunk, next);
        self.send(Message::Records(chunk))
    }

    fn send(&self, message: Message) -> std::result::Result<(), Gone> {
        let sent = self.writing.as_ref().map(|(full, _)| full.send(message));
        sent.and_then(std::result::Result::ok).ok_or(Gone)
    }

    /// The writer's own trouble (a full disk) is why this thread could not go on.
    fn why(&mut self, _: Gone) -> Error {
        match self.join() {
            Err(error) => error,
            Ok(_) => Error::new(Kind::Store, "the writer stopped"),
        }
    }

    /// Waits for the writer; gives the size of the file.
    fn join(&mut self) -> Result<u64> {
        let Some((full, thread)) = self.writing.take() else {
            return Err(Error::new(Kind::Store, "the writer was not started"));
        };
        drop(full);
        let outcome =
            thread.join().map_err(|_| Error::new(Kind::Store, "the writer thread failed"))?;
        outcome.map_err(|e| Error::io(&self.path, &e))
    }

    fn refuse_losses(&self) -> Result<()> {
        if self.losses.is_empty() || self.options.lossy {
            return Ok(());
        }
        let list: Vec<_> = self.losses.iter().map(|(loss, count)| loss.sentence(*count)).collect();
        let name = self.options.target.name();
        let message = format!("{name} cannot hold everything: {}", list.join("; "));
        Err(Error::new(Kind::Loss, message).hint("--lossy writes it all the same"))
    }
}

impl Sink for RdbSink {
    fn begin(&mut self, opening: &Opening) -> Result<()> {
        let Some(file) = self.file.take() else {
            return Err(Error::new(Kind::Store, "the file was begun before"));
        };
        let writer = self.head(file, opening).map_err(|e| Error::io(&self.path, &e))?;
        self.dbs.clone_from(&opening.dbs);
        let (full, chunks) = sync_channel(CHUNKS);
        self.writing = Some((full, std::thread::spawn(move || write_all(writer, chunks))));
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()> {
        if self.db != Some(entry.db) {
            self.select(entry.db).map_err(|gone| self.why(gone))?;
        }
        let Options { target, compress, now_ms, .. } = self.options;
        let kind = entry.value.value_type.kind();
        let planned = plan(&entry.value, &target, now_ms).map_err(|e| entry.error(e))?;
        self.count(planned.losses.union(entry.attributes.losses(&target)));
        if let Fate::Impossible | Fate::Expired = planned.fate {
            account.skipped.add(kind);
            return Ok(());
        }
        let (key, attributes, value) = (entry.key, &entry.attributes, &entry.value);
        match write_key(key, attributes, value, &planned, &target, compress, self) {
            Ok(_) => account.written.add(kind),
            Err(WriteError::Format(error)) => return Err(entry.error(error)),
            Err(WriteError::Io(_)) => return Err(self.why(Gone)),
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &Meter) -> Result<Written> {
        let sent = self.flush().and_then(|()| self.send(Message::End));
        sent.map_err(|gone| self.why(gone))?;
        let bytes = self.join()?;
        self.refuse_losses()?;
        Ok(Written { losses: std::mem::take(&mut self.losses), bytes })
    }
}

fn write_all(mut writer: FileWriter<File>, chunks: Receiver<Message>) -> io::Result<u64> {
    let mut ended = false;
    for message in chunks {
        match message {
            Message::Db(db, keys, expires) => writer.select_db(db, keys, expires)?,
            Message::Records(records) => writer.raw(&records)?,
            Message::End => ended = true,
        }
    }
    if !ended {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let (file, bytes) = writer.finish()?;
    file.sync_all()?;
    Ok(bytes)
}

impl Out for RdbSink {
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush().map_err(|Gone| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
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

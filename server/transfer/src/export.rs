//! Any source → an RDB file for a chosen target.
//!
//! One thread reads, converts and encodes; another sums and writes. They exchange chunks, so that
//! no value is held whole unless it must be rewritten as one packed blob.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::Checksum;
use crate::source::{Entry, Opening, Source};
use redtool_format::rdb::target::{Loss, Losses, Target};
use redtool_format::rdb::writer::{plan, write_key, Fate, FileWriter, Origin, Out, WriteError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};

/// A chunk is handed over when it holds this much.
const CHUNK_BYTES: usize = 1 << 18;
/// Chunks under way at most: bounds memory.
const CHUNKS: usize = 8;

/// How to write.
pub struct Options<'a> {
    /// For which server.
    pub target: Target,
    /// Verify the source's checksum.
    pub checksum: bool,
    /// Which keys.
    pub filter: &'a Filter,
    /// Write although something is lost.
    pub lossy: bool,
    /// LZF strings where that pays (strings that are LZF in the source stay so).
    pub compress: bool,
    /// Hash fields that expired before this are left out where their expiry cannot be kept.
    pub now_ms: i64,
}

/// What was written.
pub struct Exported {
    /// What became of the keys.
    pub account: Account,
    /// What the target could not take, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// The state of the source's checksum.
    pub checksum: Checksum,
    /// Size of the file.
    pub bytes_written: u64,
}

enum Message {
    Db(u32, u64, u64),
    Records(Vec<u8>),
    /// Everything was sent; without it the file is not ended.
    End,
}

/// Writes `source` to `file` (new, under a temporary name), synced.
pub fn export(
    source: &Source,
    file: File,
    path: &Path,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Exported> {
    let passes = if matches!(source, Source::Rdb(_)) { 2 } else { 1 };
    meter.set_total(passes * source.size_bytes());
    let opening = source.survey(options.checksum, options.filter, meter)?;
    let mut writer = FileWriter::new(file, options.target);
    let mut losses = BTreeMap::new();
    let io = |e: io::Error| Error::io(path, &e);
    head(&mut writer, &opening, options, &mut losses).map_err(io)?;
    let (full, chunks) = sync_channel(CHUNKS);
    std::thread::scope(|scope| {
        let written = scope.spawn(move || write_all(writer, chunks));
        let mut encoder =
            Encoder { options, opening: &opening, full, chunk: Vec::new(), db: None, losses };
        let encoded = encoder.run(source, meter);
        let (account, losses) = match encoded {
            Ok(account) => (account, std::mem::take(&mut encoder.losses)),
            Err(error) => {
                drop(encoder);
                // The writer's own trouble (a full disk) is why the encoder could not go on.
                return match written.join() {
                    Ok(Err(e)) if e.kind() != io::ErrorKind::Interrupted => Err(io(e)),
                    _ => Err(error),
                };
            }
        };
        drop(encoder);
        let written =
            written.join().map_err(|_| Error::new(Kind::Store, "the writer thread failed"))?;
        let bytes_written = written.map_err(io)?;
        refuse_losses(&losses, options)?;
        Ok(Exported { account, losses, checksum: opening.checksum, bytes_written })
    })
}

fn refuse_losses(losses: &BTreeMap<Loss, u64>, options: &Options<'_>) -> Result<()> {
    if losses.is_empty() || options.lossy {
        return Ok(());
    }
    let list: Vec<_> = losses.iter().map(|(loss, count)| loss.sentence(*count)).collect();
    let message = format!("{} cannot hold everything: {}", options.target.name(), list.join("; "));
    Err(Error::new(Kind::Loss, message).hint("--lossy writes it all the same"))
}

fn head(
    writer: &mut FileWriter<File>,
    opening: &Opening,
    options: &Options<'_>,
    losses: &mut BTreeMap<Loss, u64>,
) -> io::Result<()> {
    let notes = &opening.notes;
    let text = |name| notes.aux(name).and_then(|value| std::str::from_utf8(value).ok());
    writer.origin(&Origin {
        version: text("redis-ver").or_else(|| text("valkey-ver")).unwrap_or("7.2.0"),
        created_at_s: notes.ctime_s().unwrap_or(options.now_ms / 1000),
        used_memory_bytes: text("used-mem").and_then(|n| n.parse().ok()).unwrap_or(0),
    })?;
    for record in &notes.module_aux {
        if !writer.module_aux(record)? {
            *losses.entry(Loss::ModuleAux).or_insert(0) += 1;
        }
    }
    for source in &notes.functions {
        if !writer.function(source, options.compress)? {
            *losses.entry(Loss::Function).or_insert(0) += 1;
        }
    }
    Ok(())
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

struct Encoder<'a> {
    options: &'a Options<'a>,
    opening: &'a Opening,
    full: SyncSender<Message>,
    chunk: Vec<u8>,
    db: Option<u32>,
    losses: BTreeMap<Loss, u64>,
}

impl Encoder<'_> {
    fn run(&mut self, source: &Source, meter: &Meter) -> Result<Account> {
        let mut account = Account::default();
        let opening = self.opening;
        source.each(opening, self.options.filter, &mut account, meter, |entry, account| {
            self.entry(entry, account)
        })?;
        self.flush().map_err(gone)?;
        self.send(Message::End).map_err(gone)?;
        Ok(account)
    }

    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()> {
        if self.db != Some(entry.db) {
            self.select(entry.db).map_err(gone)?;
        }
        let Options { target, compress, now_ms, .. } = *self.options;
        let kind = entry.value.value_type.kind();
        let planned = plan(&entry.value, &target, now_ms).map_err(|e| entry.error(e))?;
        self.count(planned.losses.union(entry.attributes.losses(&target)));
        match planned.fate {
            Fate::Impossible => account.skipped.add(kind),
            Fate::Expired => account.skipped.add(kind),
            Fate::Same(_) | Fate::Rewritten(_) => {
                let written = write_key(
                    entry.key,
                    &entry.attributes,
                    &entry.value,
                    &planned,
                    &target,
                    compress,
                    self,
                );
                written.map_err(|error| match error {
                    WriteError::Format(error) => entry.error(error),
                    WriteError::Io(_) => gone(()),
                })?;
                account.written.add(kind);
            }
        }
        Ok(())
    }

    fn select(&mut self, db: u32) -> std::result::Result<(), ()> {
        self.flush()?;
        self.db = Some(db);
        let hint = self.opening.dbs.iter().find(|(n, _, _)| *n == db);
        let (_, keys, expires) = hint.copied().unwrap_or_default();
        self.send(Message::Db(db, keys, expires))
    }

    fn count(&mut self, losses: Losses) {
        for loss in losses.iter() {
            *self.losses.entry(loss).or_insert(0) += 1;
        }
    }

    fn flush(&mut self) -> std::result::Result<(), ()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        let chunk = std::mem::replace(&mut self.chunk, next);
        self.send(Message::Records(chunk))
    }

    fn send(&self, message: Message) -> std::result::Result<(), ()> {
        self.full.send(message).map_err(|_| ())
    }
}

/// The writer is gone; why is told by the writer.
fn gone(_: ()) -> Error {
    Error::new(Kind::Store, "the writer stopped")
}

impl Out for Encoder<'_> {
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush().map_err(|()| io::Error::from(io::ErrorKind::BrokenPipe))?;
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

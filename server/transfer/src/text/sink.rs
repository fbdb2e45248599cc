//! Text to a file or to stdout, entry by entry.
use super::batch::{refused, Encoder, Part, Tally, CHUNK_BYTES};
use super::{Form, Scratch};
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::sink::{Sink, Written};
use crate::source::{Entry, Opening};
use redtool_format::rdb::writer::Out;
use redtool_store::writeback;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The system is asked to write to the disk in steps of this size.
const WRITEBACK_BYTES: u64 = 8 << 20;

/// Where text goes.
pub enum Output {
    /// A new file, synced at the end.
    File(File),
    /// As it is made, to whoever reads.
    Stdout,
}

/// Writes entries as text.
pub struct TextSink {
    form: Arc<dyn Form>,
    lossy: bool,
    scratch: Scratch,
    tally: Tally,
    stream: Stream,
}

/// The output, and what is still to be written to it.
struct Stream {
    output: Output,
    path: PathBuf,
    chunk: Vec<u8>,
    bytes: u64,
    /// Of those, bytes that the system was asked to write to the disk.
    begun_bytes: u64,
    /// Why it cannot be written to any more.
    broken: Option<Error>,
}

impl TextSink {
    /// Writes `form` to `output`, which messages call `path`; `lossy` when it is fine that
    /// something is lost.
    pub fn new(form: Arc<dyn Form>, output: Output, path: &Path, lossy: bool) -> Self {
        let (path, chunk) = (path.to_owned(), Vec::new());
        let stream = Stream { output, path, chunk, bytes: 0, begun_bytes: 0, broken: None };
        Self { form, lossy, scratch: Scratch::default(), tally: Tally::default(), stream }
    }

    /// The form, and whether losses are fine.
    pub fn form(&self) -> (Arc<dyn Form>, bool) {
        (Arc::clone(&self.form), self.lossy)
    }

    /// Whether what was written can be taken back.
    pub fn can_begin_anew(&self) -> bool {
        matches!(self.stream.output, Output::File(_))
    }

    /// Takes back what was written to a file.
    pub fn begin_anew(&mut self) -> Result<()> {
        self.tally = Tally::default();
        self.stream.rewind()
    }

    /// Writes what was encoded elsewhere.
    pub fn part(&mut self, part: &Part) -> Result<()> {
        if let Some(db) = part.first_db {
            self.form.between(self.tally.last_db, db, &mut self.stream.chunk);
        }
        self.stream.flush()?;
        self.stream.write(&part.bytes)
    }

    /// Counts what was encoded elsewhere.
    pub fn encoded(&mut self, tally: &Tally) {
        self.tally.merge(tally);
    }
}

impl Sink for TextSink {
    fn begin(&mut self, opening: &Opening) -> Result<()> {
        let Self { form, lossy, tally, stream, .. } = self;
        form.head(opening, &mut tally.losses, &mut stream.chunk)?;
        if !tally.losses.is_empty() && !*lossy {
            let list: Vec<_> =
                tally.losses.iter().map(|(loss, count)| loss.sentence(*count)).collect();
            return Err(refused(&**form, &list));
        }
        stream.flush()
    }

    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()> {
        let Self { form, lossy, scratch, tally, stream } = self;
        form.between(tally.last_db, entry.db, &mut stream.chunk);
        let mut encoder = Encoder::new(&**form, *lossy);
        std::mem::swap(tally, &mut encoder.tally);
        let encoded = encoder.entry(entry, scratch, stream, account);
        std::mem::swap(tally, &mut encoder.tally);
        if let Some(error) = stream.broken.take() {
            return Err(error);
        }
        encoded?;
        if stream.chunk.len() >= CHUNK_BYTES {
            stream.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &Meter) -> Result<Written> {
        self.form.tail(&self.tally, self.tally.last_db, &mut self.stream.chunk);
        self.stream.flush()?;
        let synced = match &self.stream.output {
            Output::File(file) => file.sync_all(),
            Output::Stdout => io::stdout().flush(),
        };
        synced.map_err(|e| Error::io(&self.stream.path, &e))?;
        Ok(Written { losses: self.tally.losses, bytes: self.stream.bytes })
    }
}

impl Stream {
    fn flush(&mut self) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        let written = self.write(&chunk);
        chunk.clear();
        self.chunk = chunk;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.output {
            Output::File(file) => file.write_all(bytes),
            Output::Stdout => write_to_stdout(bytes),
        };
        self.bytes += bytes.len() as u64;
        if self.bytes - self.begun_bytes >= WRITEBACK_BYTES {
            if let Output::File(file) = &self.output {
                writeback::start(file.as_raw_fd(), self.begun_bytes, WRITEBACK_BYTES);
            }
            self.begun_bytes = self.bytes;
        }
        written.map_err(|e| Error::io(&self.path, &e))
    }

    fn rewind(&mut self) -> Result<()> {
        self.chunk.clear();
        (self.bytes, self.begun_bytes) = (0, 0);
        match &mut self.output {
            Output::File(file) => {
                file.set_len(0).and_then(|()| file.rewind()).map_err(|e| Error::io(&self.path, &e))
            }
            Output::Stdout => Err(Error::new(Kind::Store, "what went to stdout is gone")),
        }
    }
}

/// Past the buffer that the standard library has for lines.
fn write_to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

impl Out for Stream {
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.chunk.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.flush().map_err(|error| {
            self.broken = Some(error);
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            self.chunk.extend_from_slice(piece);
            self.spill()?;
        }
        Ok(())
    }
}

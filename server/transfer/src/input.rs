//! Inputs as one slice of bytes: a mapped file; or a pipe, gzip or zstd stream, first spooled into
//! an unlinked temporary file that is then mapped.
//!
//! One slice means one parser, values that are never copied to be looked at, and memory that is the
//! page cache's. A stream costs disk space for that, never memory.
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use memmap2::Mmap;
use redtool_store::leveldb::is_leveldb;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

/// The path that means standard input.
pub const STDIN: &str = "-";

/// What a file holds, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An RDB file.
    Rdb,
    /// gzip of something.
    Gzip,
    /// zstd of something.
    Zstd,
    /// An LMDB file.
    Lmdb,
    /// A LevelDB directory.
    LevelDb,
    /// RESP commands: an append-only file.
    Aof,
    /// JSON lines.
    JsonLines,
    /// Something else.
    Unknown,
}

/// Tells what a file holds from its first bytes (24 are enough).
pub fn sniff(start: &[u8]) -> Content {
    /// LMDB's magic in the meta page, after the page header of 16 or 24 bytes.
    const LMDB_MAGIC: [u8; 4] = 0xBEEF_C0DE_u32.to_le_bytes();
    match start {
        [b'R', b'E', b'D', b'I', b'S', ..] | [b'V', b'A', b'L', b'K', b'E', b'Y', ..] => {
            Content::Rdb
        }
        [0x1f, 0x8b, ..] => Content::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Content::Zstd,
        [b'*', b'0'..=b'9', ..] => Content::Aof,
        _ if start.trim_ascii_start().first() == Some(&b'{') => Content::JsonLines,
        _ if start.get(16..20) == Some(&LMDB_MAGIC) || start.get(24..28) == Some(&LMDB_MAGIC) => {
            Content::Lmdb
        }
        _ => Content::Unknown,
    }
}

/// The content of the file, or of the directory of a store, at `path`.
pub fn sniff_file(path: &Path) -> Result<Content> {
    if is_leveldb(path) {
        return Ok(Content::LevelDb);
    }
    if path.is_dir() {
        let mut error = Error::new(Kind::Usage, "a directory, but not a LevelDB store");
        error.path = Some(path.display().to_string().into());
        return Err(error);
    }
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    let mut start = Vec::new();
    file.take(28).read_to_end(&mut start).map_err(|e| Error::io(path, &e))?;
    Ok(sniff(&start))
}

/// A whole input, mapped.
pub struct Input {
    map: Option<Mmap>,
}

impl Input {
    /// Opens `path` (`-`: standard input), decompressing by content.
    pub fn open(path: &Path, meter: &Meter) -> Result<Self> {
        if path.as_os_str() == STDIN {
            return Self::spool(path, Box::new(std::io::stdin().lock()), meter);
        }
        let file = File::open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Kind::NotFound, format!("{}: no such file", path.display()))
            }
            _ => Error::io(path, &e),
        })?;
        let meta = file.metadata().map_err(|e| Error::io(path, &e))?;
        if meta.is_dir() {
            return Err(Error::new(Kind::Usage, format!("{}: a directory", path.display())));
        }
        if !meta.is_file() {
            return Self::spool(path, Box::new(file), meter);
        }
        match sniff_file(path)? {
            Content::Gzip | Content::Zstd => Self::spool(path, Box::new(file), meter),
            _ => Self::map(path, &file),
        }
    }

    fn map(path: &Path, file: &File) -> Result<Self> {
        if file.metadata().map_err(|e| Error::io(path, &e))?.len() == 0 {
            return Ok(Self { map: None });
        }
        // SAFETY: dumps are written once and renamed into place; a file cut while it is mapped is a
        // bus error, as for every mapping reader, and the README says so.
        let map = unsafe { Mmap::map(file) }.map_err(|e| Error::io(path, &e))?;
        Ok(Self { map: Some(map) })
    }

    /// Reads a stream to its end into a temporary file.
    fn spool(path: &Path, stream: Box<dyn Read + '_>, meter: &Meter) -> Result<Self> {
        let mut stream = BufReader::with_capacity(1 << 16, stream);
        let start = std::io::BufRead::fill_buf(&mut stream).map_err(|e| Error::io(path, &e))?;
        let mut decoded: Box<dyn Read + '_> = match sniff(start) {
            Content::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stream)),
            Content::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(stream)
                    .map_err(|e| Error::io(path, &e))?,
            ),
            _ => Box::new(stream),
        };
        let spool_error = |e: &std::io::Error| {
            Error::io(&std::env::temp_dir(), e).hint("set TMPDIR to a file system with more room")
        };
        let mut spool = tempfile::tempfile().map_err(|e| spool_error(&e))?;
        let mut chunk = vec![0; 1 << 18];
        loop {
            meter.check()?;
            let n = match decoded.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(compressed(path, &e)),
            };
            spool.write_all(&chunk[..n]).map_err(|e| spool_error(&e))?;
        }
        Self::map(path, &spool)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }

    /// Has the bytes there before they are looked at: one call instead of a page fault every few
    /// pages.
    #[cfg(target_os = "linux")]
    pub fn populate(&self, start: usize, len: usize) {
        if let Some(map) = &self.map {
            // A hint: where it is not taken nothing is wrong.
            map.advise_range(memmap2::Advice::PopulateRead, start, len).unwrap_or_default();
        }
    }

    /// Nothing to do here: the bytes come when they are looked at.
    #[cfg(not(target_os = "linux"))]
    pub fn populate(&self, _start: usize, _len: usize) {}
}

/// A stream that does not decompress is a damaged file, not a system error.
fn compressed(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::new(
            Kind::Truncated,
            format!("{}: the compressed stream ends early", path.display()),
        ),
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => Error::new(
            Kind::Corrupt,
            format!("{}: the compressed stream is damaged: {error}", path.display()),
        ),
        _ => Error::io(path, error),
    }
}

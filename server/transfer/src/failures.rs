//! Entries that could not be written, set aside in a dead-letter file so that the others are.
//!
//! One JSON line an entry, with the value's bytes as they lie in the source, so that nothing of it
//! is lost and whoever knows better can try again:
//! ```text
//! {"db":0,"key":"k","error":"…","offset":1234,"rdb_type":16,"payload":"<base64>"}
//! ```
//! A key that is not UTF-8 is `{"base64":"…"}`.
use crate::error::{Error, Kind, Result};
use crate::source::Entry;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use base64::Engine;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Failures kept in memory for the report; all are in the file.
const KEPT: usize = 1000;

/// Where entries go that cannot be written.
#[derive(Default)]
pub enum Failures {
    /// The first one ends the work.
    #[default]
    Strict,
    /// They are passed over: another walk tells of them.
    Ignored,
    /// They are written to a file.
    Letters(Letters),
}

/// A dead-letter file.
pub struct Letters {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// Made with the first letter.
    file: Option<BufWriter<File>>,
    kept: Vec<Error>,
}

impl Failures {
    /// Set aside in a file at `path`, which is made when there is something to set aside.
    pub fn into_file(path: &Path) -> Self {
        Self::Letters(Letters { path: path.to_owned(), open: Mutex::default() })
    }

    /// Passed over.
    pub fn ignored() -> Self {
        Self::Ignored
    }

    /// Whether failures are set aside.
    #[inline]
    pub fn takes(&self) -> bool {
        !matches!(self, Failures::Strict)
    }

    /// Sets an entry aside, or says why the work ends.
    pub fn set_aside(&self, entry: &Entry<'_>, error: &Error) -> Result<()> {
        let of_entry = matches!(error.kind, Kind::Corrupt | Kind::Truncated | Kind::Unsupported);
        let letters = match self {
            Failures::Letters(letters) if of_entry => letters,
            Failures::Ignored if of_entry => return Ok(()),
            _ => return Err(error.clone()),
        };
        let io = |e: io::Error| Error::io(&letters.path, &e);
        let mut open = letters.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.file.is_none() {
            open.file = Some(BufWriter::new(File::create(&letters.path).map_err(io)?));
        }
        if let Some(file) = &mut open.file {
            write_letter(file, entry, error).map_err(io)?;
        }
        if open.kept.len() < KEPT {
            open.kept.push(error.clone());
        }
        Ok(())
    }

    /// Has the file on the disk; gives the first failures.
    pub fn finish(&self) -> Result<Vec<Error>> {
        let Failures::Letters(letters) = self else { return Ok(Vec::new()) };
        let mut open = letters.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { file, kept } = std::mem::take(&mut *open);
        if let Some(file) = file {
            let io = |e: io::Error| Error::io(&letters.path, &e);
            file.into_inner().map_err(|e| io(e.into_error()))?.sync_all().map_err(io)?;
        }
        Ok(kept)
    }
}

fn write_letter(out: &mut impl Write, entry: &Entry<'_>, error: &Error) -> io::Result<()> {
    let key = entry.key.to_vec().unwrap_or_default();
    let key = match std::str::from_utf8(&key) {
        Ok(text) => serde_json::json!(text),
        Err(_) => serde_json::json!({ "base64": STANDARD.encode(&key) }),
    };
    let error_text = serde_json::json!(error.message);
    write!(out, "{{\"db\":{},\"key\":{key},\"error\":{error_text}", entry.db)?;
    if let Some(offset) = error.offset {
        write!(out, ",\"offset\":{offset}")?;
    }
    write!(out, ",\"rdb_type\":{},\"payload\":\"", entry.value.value_type.number())?;
    let mut encoder = EncoderWriter::new(&mut *out, &STANDARD);
    encoder.write_all(entry.value.payload)?;
    encoder.finish()?;
    drop(encoder);
    out.write_all(b"\"}\n")
}

//! RESTORE commands: a DUMP payload a key.
//!
//! ```text
//! RESTORE k 1767225600000 <type, value, version, CRC-64> REPLACE ABSTTL IDLETIME 16383
//! RESTORE k 86400000      …                              before 5.0: the time that is left
//! ```
//! A value that is too large for one argument goes as the commands that make it.
use super::commands::request::{array, bulk, head, long_bulk};
use super::commands::{is_empty, select, Dialect};
use super::{Done, Form, Scratch};
use crate::error::Result;
use crate::source::{Entry, Opening};
use crate::text::read::payload::Payload;
use redtool_format::crc64::{crc64, Crc64};
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::writer::{plan, write_value, Fate, Out, WriteError};
use redtool_format::rdb::ValueType;
use std::collections::BTreeMap;

/// Version and checksum.
const FOOTER_BYTES: usize = 10;
/// A checksum has a cost of its own, so a small value has one and not three.
const SUMMED_AT_ONCE_BYTES: usize = 1 << 14;
/// `proto-max-bulk-len`, as servers have it by default.
const ARGUMENT_MAX_BYTES: usize = 512 << 20;

/// The form.
pub struct Restore(pub Dialect);

impl Form for Restore {
    fn name(&self) -> &str {
        "restore"
    }

    fn head(
        &self,
        opening: &Opening,
        losses: &mut BTreeMap<Loss, u64>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.0.head(opening, losses, out);
        Ok(())
    }

    fn between(&self, before: Option<u32>, db: u32, out: &mut Vec<u8>) {
        select(before, db, out);
    }

    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError> {
        if is_empty(&entry.value)? {
            return Ok(Done::SKIPPED);
        }
        let restored = restore(entry, self.0, scratch, out)?;
        if restored.too_large {
            return self.0.entry(entry, scratch, out);
        }
        Ok(restored.done)
    }
}

/// What became of a key that was to be restored.
pub struct Restored {
    /// Whether it was written, and what is lost.
    pub done: Done,
    /// It was not, because no server takes an argument of its size.
    pub too_large: bool,
}

/// Appends the RESTORE of one key.
pub fn restore(
    entry: &Entry<'_>,
    dialect: Dialect,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> std::result::Result<Restored, WriteError> {
    let planned = plan(&entry.value, &dialect.target, dialect.now_ms)?;
    let losses = planned.losses.union(entry.attributes.losses(&dialect.target));
    let mut rewritten = std::mem::take(&mut scratch.value);
    let (value_type, payload) = match planned.fate {
        Fate::Same(value_type) => (value_type, entry.value.payload),
        Fate::Rewritten(value_type) => {
            rewritten.begin();
            write_value(&entry.value, &planned, true, &mut rewritten)?;
            rewritten.end(None)?;
            (value_type, Payload::bytes(&rewritten))
        }
        Fate::Expired | Fate::Impossible => {
            let done = Done { written: false, losses };
            return Ok(Restored { done, too_large: false });
        }
    };
    let too_large = payload.len() > ARGUMENT_MAX_BYTES - FOOTER_BYTES - 1;
    if !too_large {
        write(entry, dialect, (value_type, payload), &mut scratch.key, out)?;
    }
    scratch.value = rewritten;
    Ok(Restored { done: Done { written: !too_large, losses }, too_large })
}

fn write(
    entry: &Entry<'_>,
    dialect: Dialect,
    (value_type, payload): (ValueType, &[u8]),
    key: &mut Vec<u8>,
    out: &mut dyn Out,
) -> std::result::Result<(), WriteError> {
    let Dialect { target, replace, now_ms } = dialect;
    let attributes = &entry.attributes;
    // What came with 5.0: absolute expiries, idle times, frequencies.
    let knows = target.takes_lru_lfu();
    let aged = knows && (attributes.idle_s.is_some() || attributes.freq.is_some());
    let absolute = knows && attributes.expire_at_ms.is_some();
    let args = 4 + usize::from(replace) + usize::from(absolute) + 2 * usize::from(aged);
    let ttl_ms = match attributes.expire_at_ms {
        None => 0,
        Some(at_ms) if absolute => at_ms.max(1),
        Some(at_ms) => at_ms.saturating_sub(now_ms).max(1),
    };
    let mut digits = itoa::Buffer::new();
    let buf = out.buf();
    array(buf, args);
    bulk(buf, b"RESTORE");
    long_bulk(out, entry.key.decode(key)?)?;
    bulk(out.buf(), digits.format(ttl_ms).as_bytes());
    head(out.buf(), b'$', 1 + payload.len() + FOOTER_BYTES);
    write_payload(value_type, payload, target.version, out)?;
    let buf = out.buf();
    buf.extend_from_slice(b"\r\n");
    if replace {
        bulk(buf, b"REPLACE");
    }
    if absolute {
        bulk(buf, b"ABSTTL");
    }
    if let Some(idle_s) = attributes.idle_s.filter(|_| knows) {
        bulk(buf, b"IDLETIME");
        bulk(buf, digits.format(idle_s).as_bytes());
    } else if let Some(freq) = attributes.freq.filter(|_| knows) {
        bulk(buf, b"FREQ");
        bulk(buf, digits.format(freq).as_bytes());
    }
    Ok(out.spill()?)
}

/// Type, value, version and checksum; a large value is passed on as it is.
fn write_payload(
    value_type: ValueType,
    payload: &[u8],
    version: u16,
    out: &mut dyn Out,
) -> std::io::Result<()> {
    let version = version.to_le_bytes();
    if payload.len() <= SUMMED_AT_ONCE_BYTES {
        let buf = out.buf();
        let start = buf.len();
        buf.push(value_type.number());
        buf.extend_from_slice(payload);
        buf.extend_from_slice(&version);
        let sum = crc64(&buf[start..]);
        buf.extend_from_slice(&sum.to_le_bytes());
        return Ok(());
    }
    let mut sum = Crc64::new();
    for piece in [&[value_type.number()], payload, &version] {
        sum.update(piece);
    }
    out.buf().push(value_type.number());
    out.bytes(payload)?;
    let buf = out.buf();
    buf.extend_from_slice(&version);
    buf.extend_from_slice(&sum.value().to_le_bytes());
    Ok(())
}

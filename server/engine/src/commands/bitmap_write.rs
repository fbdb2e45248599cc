//! Bits of strings, written: SETBIT, BITOP. A bit beyond the end makes the string longer.
use super::bitmap::{bit_offset, bits_of, lookup};
use crate::args;
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::Group::Bitmap;
use crate::command::{write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, OW, RO, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::STRING;
use crate::types::string::StringValue;
use crate::types::Result;
use crate::write::Writing;
use redtool_store::layout::PIECE_BYTES;
use redtool_store::Encoding;

impl Writing<'_> {
    /// Makes the string of a key, which may be absent, at least so long, and `raw`, and tells
    /// nobody; whether it was shorter.
    pub(super) fn make_bits(&mut self, key: &[u8], len: u64) -> Result<bool> {
        let old = self.string_facts(key)?;
        let (old_len, is_raw) = old.unwrap_or((0, true));
        if old.is_none() || old_len < len {
            self.write_range(key, len, b"")?;
        } else if !is_raw {
            let value = self.string(key)?.unwrap_or_default();
            let expire_at_ms = self.edit_expiry(key)?.and_then(|(_, expire_at_ms)| expire_at_ms);
            self.put_string_as(key, &value, Encoding::Raw, expire_at_ms)?;
        }
        Ok(old.is_none() || old_len < len)
    }

    /// Length of the string at a key, and whether it is `raw`; None when the key is absent.
    fn string_facts(&mut self, key: &[u8]) -> Result<Option<(u64, bool)>> {
        self.with_string(key, |object, value| {
            Ok((value.len() as u64, object.encoding == Encoding::Raw))
        })
    }
}

fn setbit(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    const NO_BIT: Error = Error::fixed("ERR bit is not an integer or out of range");
    let (key, offset) = (args[1], bit_offset(args[2], None)?);
    let bit = match args::int(args[3]) {
        Ok(bit @ 0..=1) => bit as u8,
        _ => return Err(NO_BIT),
    };
    let at = offset / 8;
    let has_grown = ws.make_bits(key, at + 1)?;
    let old = {
        let view = ws.view();
        let found = lookup(&view, key)?;
        let byte = bits_of(&view, found.as_ref())?.bytes(at as usize..at as usize + 1)?;
        byte.first().copied().unwrap_or(0)
    };
    let mask = 0x80 >> (offset % 8);
    let new = if bit == 1 { old | mask } else { old & !mask };
    if new != old {
        ws.write_range(key, at, &[new])?;
    }
    if new != old || has_grown {
        ws.changed(key, STRING, "setbit");
    }
    ws.out.int(i64::from(old & mask != 0));
    Ok(())
}

/// The operations of BITOP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BitOperation {
    And,
    Or,
    Xor,
    Not,
}

impl BitOperation {
    fn parse(arg: &[u8]) -> Result<Self> {
        match arg.to_ascii_lowercase().as_slice() {
            b"and" => Ok(BitOperation::And),
            b"or" => Ok(BitOperation::Or),
            b"xor" => Ok(BitOperation::Xor),
            b"not" => Ok(BitOperation::Not),
            _ => Err(Error::SYNTAX),
        }
    }

    /// Combines a part with the same part of another string, which may be shorter: with zeros.
    fn combine(self, part: &mut [u8], other: &[u8]) {
        let (both, beyond) = part.split_at_mut(other.len().min(part.len()));
        let pairs = both.iter_mut().zip(other);
        match self {
            BitOperation::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                beyond.fill(0);
            }
            BitOperation::Or => pairs.for_each(|(byte, other)| *byte |= other),
            BitOperation::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            BitOperation::Not => {}
        }
    }
}

fn bitop(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let operation = BitOperation::parse(args[1])?;
    let (target, sources) = (args[2], &args[3..]);
    if operation == BitOperation::Not && sources.len() != 1 {
        return Err(Error::fixed("ERR BITOP NOT must be called with a single source key."));
    }
    let result = operate(ws, operation, sources)?;
    let len = result.len() as i64;
    if len > 0 {
        ws.put_string_as(target, &result, Encoding::Raw, None)?;
        ws.changed(target, STRING, "set");
    } else {
        ws.delete(target)?;
    }
    ws.out.int(len);
    Ok(())
}

/// The result, which is as long as the longest string, made part by part.
fn operate(ws: &mut Writing<'_>, operation: BitOperation, keys: &[&[u8]]) -> Result<Vec<u8>> {
    let view = ws.view();
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.push(lookup(&view, key)?);
    }
    let mut sources: Vec<StringValue<'_>> = Vec::with_capacity(keys.len());
    for found in &found {
        sources.push(bits_of(&view, found.as_ref())?);
    }
    let len = sources.iter().map(StringValue::len).max().unwrap_or(0);
    let Some((first, others)) = sources.split_first() else { return Ok(Vec::new()) };
    let mut result = Vec::new();
    for start in (0..len).step_by(PIECE_BYTES) {
        let end = (start + PIECE_BYTES).min(len);
        first.append(start..end, &mut result)?;
        result.resize(end, 0);
        let part = &mut result[start..end];
        if operation == BitOperation::Not {
            part.iter_mut().for_each(|byte| *byte = !*byte);
        }
        for other in others {
            operation.combine(part, &other.bytes(start..end)?);
        }
    }
    Ok(result)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("bitop", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 2),
          KeySpec::range(RO | ACCESS, 3, -1, 1)], Bitmap, "2.6.0", bitop)
        .args("operation destkey:key key:key#1...")
        .docs("O(N)", "Bitwise operation over strings, stored."),
    write_row("setbit", 4, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Bitmap, "2.2.0", setbit)
        .args("key offset:integer value:integer")
        .docs("O(1)", "Sets one bit of a string."),
];

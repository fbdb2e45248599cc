//! A key record: attributes, type, key, value.
//!
//! ```text
//! [fc i64 ms] [f8 idle length | f9 freq u8, from version 9]  type  key  value
//! fc 00d8c32cbb030000 f8 7fff 00 0165 0176   expires 4102444800000, idle 16383 s, string "e" = "v"
//! f9 c8 00 0165 0176                         LFU counter 200
//! ```
//! Key records depend on nothing before them, so that threads may write them in chunks of their own
//! ([`FileWriter::raw`](super::file::FileWriter::raw)).
use super::super::reader::KeyRecord;
use super::super::string::{self, Str};
use super::super::target::{Loss, Losses, Target};
use super::super::types::ValueType;
use super::super::{length, value::Templates};
use super::convert::write_value;
use super::out::{Out, Result};
use super::plan::{Fate, Plan, Value};

const EXPIRETIME_MS: u8 = 252;
const FREQ: u8 = 249;
const IDLE: u8 = 248;

/// What a record says of a key beside its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// Absolute expiry in Unix ms.
    pub expire_at_ms: Option<i64>,
    /// LRU idle time in seconds.
    pub idle_s: Option<u64>,
    /// LFU counter; not written beside an idle time.
    pub freq: Option<u8>,
    /// Key metadata of Redis 8.6. No target that is written takes it.
    pub meta: Option<&'a [u8]>,
}

impl<'a> From<&KeyRecord<'a>> for Attributes<'a> {
    fn from(record: &KeyRecord<'a>) -> Self {
        Self {
            expire_at_ms: record.expire_at_ms,
            idle_s: record.idle_s,
            freq: record.freq,
            meta: record.meta,
        }
    }
}

impl<'a> Value<'a> {
    /// The value of a record read from a file.
    pub fn of(record: &KeyRecord<'a>, templates: &'a Templates) -> Self {
        Self { value_type: record.value_type, payload: record.payload, templates }
    }
}

impl Attributes<'_> {
    /// What of them `target` cannot take.
    #[inline]
    pub fn losses(&self, target: &Target) -> Losses {
        let mut losses = Losses::NONE;
        let aged = self.idle_s.is_some() || self.freq.is_some();
        losses.insert_if(aged && !target.takes_lru_lfu(), Loss::LruLfu);
        losses.insert_if(self.meta.is_some(), Loss::KeyMeta);
        losses
    }
}

/// Appends everything of a record before the value, for a value of `value_type`; `compress` lets a
/// long raw key be LZF.
#[inline]
pub fn write_key_header(
    out: &mut Vec<u8>,
    key: Str<'_>,
    attributes: &Attributes<'_>,
    value_type: ValueType,
    target: &Target,
    compress: bool,
) {
    if let Some(at_ms) = attributes.expire_at_ms {
        out.push(EXPIRETIME_MS);
        out.extend_from_slice(&at_ms.to_le_bytes());
    }
    if target.takes_lru_lfu() {
        if let Some(idle_s) = attributes.idle_s {
            out.push(IDLE);
            length::write(out, idle_s);
        } else if let Some(freq) = attributes.freq {
            out.extend_from_slice(&[FREQ, freq]);
        }
    }
    out.push(value_type.number());
    match key {
        Str::Raw(bytes) => string::write(out, bytes, compress),
        other => string::write_str(out, other),
    }
}

/// Appends the record of a key whose value has been planned. Nothing is appended, and false given,
/// when the value has expired or has no form.
pub fn write_key<O: Out>(
    key: Str<'_>,
    attributes: &Attributes<'_>,
    value: &Value<'_>,
    plan: &Plan,
    target: &Target,
    compress: bool,
    out: &mut O,
) -> Result<bool> {
    let (Fate::Same(value_type) | Fate::Rewritten(value_type)) = plan.fate else {
        return Ok(false);
    };
    write_key_header(out.buf(), key, attributes, value_type, target, compress);
    write_value(value, plan, compress, out)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(attributes: Attributes<'_>, version: u32) -> Vec<u8> {
        let target = Target::from_version(version).unwrap();
        let mut out = Vec::new();
        write_key_header(&mut out, Str::Raw(b"e"), &attributes, ValueType::String, &target, true);
        out
    }

    #[test]
    fn attributes_are_the_worked_examples() {
        let expiring = Attributes {
            expire_at_ms: Some(4_102_444_800_000),
            idle_s: Some(16383),
            ..Attributes::default()
        };
        let expected = b"\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\xf8\x7f\xff\x00\x01e";
        assert_eq!(record(expiring, 9), expected);
        let frequent = Attributes { freq: Some(200), ..Attributes::default() };
        assert_eq!(record(frequent, 80), b"\xf9\xc8\x00\x01e");
    }

    #[test]
    fn ages_are_a_loss_before_version_9() {
        let aged = Attributes { idle_s: Some(1), ..Attributes::default() };
        assert_eq!(record(aged, 8), b"\x00\x01e");
        let losses = |version| aged.losses(&Target::from_version(version).unwrap());
        assert!(losses(8).contains(Loss::LruLfu));
        assert!(losses(9).is_empty());
    }
}

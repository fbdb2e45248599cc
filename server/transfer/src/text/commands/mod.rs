//! RESP commands that make the dataset anew: what `redis-cli --pipe` loads into any server.
//!
//! ```text
//! SELECT 0
//! DEL k                                        with `replace`
//! SET k v                                      RPUSH, SADD, ZADD, HSET: 64 elements a command
//! PEXPIREAT k 1767225600000
//! HPEXPIREAT k 1767225600000 FIELDS 1 f        where the server knows field expiries
//! XADD …  XSETID …  XGROUP CREATE …  XCLAIM …  streams, groups and pending entries ([`stream`])
//! RESTORE k 0 …                                what no other command can say: module values
//! ```
//! What commands cannot say at all, idle times and frequencies, is a loss. The times at which
//! consumers were seen become that of loading, as when a server loads its own log.
pub mod request;
pub mod stream;

use super::restore::{restore, Restored};
use super::{json, Done, Form, Scratch};
use crate::error::Result;
use crate::source::{Entry, Opening};
use redtool_format::double;
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::target::{Loss, Losses, Target};
use redtool_format::rdb::value::{count, visit_with, Visitor};
use redtool_format::rdb::writer::{Out, Value, WriteError};
use redtool_format::rdb::{Kind, ValueType};
use redtool_format::FormatError;
use request::{array, bulk, long_bulk, request, Elements};
use std::collections::BTreeMap;

type Visit = std::result::Result<(), WriteError>;

/// An empty collection takes at most so many bytes.
const EMPTY_MAX_BYTES: usize = 32;

/// For which server commands are.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Its generation: which commands it knows, and which payloads.
    pub target: Target,
    /// Keys that are there are replaced.
    pub replace: bool,
    /// Hash fields that expired before this are left out where their expiry cannot be kept.
    pub now_ms: i64,
}

/// The form.
pub struct Commands(pub Dialect);

impl Form for Commands {
    fn name(&self) -> &str {
        "resp"
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
        self.0.entry(entry, scratch, out)
    }
}

/// `SELECT db`, when it is another.
pub fn select(before: Option<u32>, db: u32, out: &mut Vec<u8>) {
    if before != Some(db) {
        request(out, &[b"SELECT", itoa::Buffer::new().format(db).as_bytes()]);
    }
}

/// Whether a collection has no elements: servers have no such keys.
pub fn is_empty(value: &Value<'_>) -> std::result::Result<bool, FormatError> {
    let collection =
        matches!(value.value_type.kind(), Kind::List | Kind::Set | Kind::Zset | Kind::Hash);
    let small = value.payload.len() <= EMPTY_MAX_BYTES;
    Ok(collection && small && count(value.value_type, value.payload)? == 0)
}

impl Dialect {
    /// Function libraries; what modules keep outside keys has no command.
    pub fn head(self, opening: &Opening, losses: &mut BTreeMap<Loss, u64>, out: &mut Vec<u8>) {
        let notes = &opening.notes;
        for source in &notes.functions {
            if self.target.takes_functions() {
                request(out, &[b"FUNCTION", b"LOAD", b"REPLACE", source]);
            } else {
                *losses.entry(Loss::Function).or_insert(0) += 1;
            }
        }
        if !notes.module_aux.is_empty() {
            *losses.entry(Loss::ModuleAux).or_insert(0) += notes.module_aux.len() as u64;
        }
    }

    /// The commands that make one key.
    pub fn entry(
        self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError> {
        if is_empty(&entry.value)? {
            return Ok(Done::SKIPPED);
        }
        let attributes = &entry.attributes;
        let mut losses = Losses::NONE;
        let kind = entry.value.value_type.kind();
        if matches!(kind, Kind::Module | Kind::Array)
            || kind == Kind::Stream && !stream::sayable(&entry.value, scratch)?
        {
            let Restored { done, .. } = restore(entry, self, scratch, out)?;
            return Ok(done);
        }
        losses.insert_if(attributes.idle_s.is_some() || attributes.freq.is_some(), Loss::LruLfu);
        losses.insert_if(attributes.meta.is_some(), Loss::KeyMeta);
        let mut key = std::mem::take(&mut scratch.key);
        let written = self.with_key(entry, entry.key.decode(&mut key)?, scratch, out);
        scratch.key = key;
        let (written, lost) = written?;
        Ok(Done { written, losses: losses.union(lost) })
    }

    fn with_key(
        self,
        entry: &Entry<'_>,
        key: &[u8],
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<(bool, Losses), WriteError> {
        if self.replace {
            array(out.buf(), 2);
            bulk(out.buf(), b"DEL");
            long_bulk(out, key)?;
        }
        let value = &entry.value;
        let name: &[u8] = match value.value_type.kind() {
            Kind::List => b"RPUSH",
            Kind::Set => b"SADD",
            Kind::Zset => b"ZADD",
            Kind::Hash => b"HSET",
            Kind::Stream | Kind::String | Kind::Module | Kind::Array => b"",
        };
        let Scratch { visit, text, .. } = scratch;
        let elements = Elements::new(out, name, key, text);
        let mut commands = Writer {
            dialect: self,
            key,
            elements,
            fields: Vec::new(),
            losses: Losses::NONE,
            first_form: value.value_type == ValueType::Stream,
            messages: 0,
            digits: Vec::new(),
        };
        visit_with(visit, value.value_type, value.payload, value.templates, &mut commands)?;
        commands.flush()?;
        let (written, losses) = (commands.elements.commands > 0, commands.losses);
        if let Some(at_ms) = entry.attributes.expire_at_ms.filter(|_| written) {
            array(out.buf(), 3);
            bulk(out.buf(), b"PEXPIREAT");
            long_bulk(out, key)?;
            bulk(out.buf(), itoa::Buffer::new().format(at_ms).as_bytes());
        }
        Ok((written, losses))
    }
}

/// Writes the commands of one key.
struct Writer<'o> {
    dialect: Dialect,
    key: &'o [u8],
    elements: Elements<'o>,
    /// Names and expiries of fields whose HSET is not written yet.
    fields: Vec<(Vec<u8>, i64)>,
    losses: Losses,
    /// The stream does not say its counters.
    first_form: bool,
    messages: u64,
    digits: Vec<u8>,
}

impl Writer<'_> {
    /// A command of its own.
    fn command(&mut self, args: &[&[u8]]) -> Visit {
        self.elements.commands += 1;
        array(self.elements.out.buf(), args.len());
        for arg in args {
            long_bulk(self.elements.out, arg)?;
        }
        Ok(self.elements.out.spill()?)
    }

    fn flush(&mut self) -> Visit {
        self.elements.flush()?;
        for (field, at_ms) in std::mem::take(&mut self.fields) {
            let at_ms = at_ms.to_string();
            let key = self.key;
            self.command(&[b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", b"1", &field])?;
        }
        Ok(())
    }
}

impl Visitor for Writer<'_> {
    type Error = WriteError;

    fn string(&mut self, value: &[u8]) -> Visit {
        self.command(&[b"SET", self.key, value])
    }

    #[inline]
    fn list_item(&mut self, item: &[u8]) -> Visit {
        Ok(self.elements.add([item])?)
    }

    #[inline]
    fn set_member(&mut self, member: &[u8]) -> Visit {
        Ok(self.elements.add([member])?)
    }

    #[inline]
    fn zset_member(&mut self, member: &[u8], score: f64) -> Visit {
        if score.is_nan() {
            return Err(FormatError::corrupt(0, "no command takes the score \"nan\"").into());
        }
        self.digits.clear();
        // 17 digits are read right by every server, the shortest text as well; it is shorter.
        double::write_shortest(&mut self.digits, score);
        Ok(self.elements.add([&self.digits, member])?)
    }

    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Visit {
        let takes = self.dialect.target.takes_field_ttls();
        match expire_at_ms {
            None => {}
            Some(at_ms) if takes => self.fields.push((field.to_vec(), at_ms)),
            Some(at_ms) => {
                self.losses.insert(Loss::FieldTtl);
                if at_ms <= self.dialect.now_ms {
                    return Ok(());
                }
            }
        }
        self.elements.add([field, value])?;
        if self.elements.is_flushed() {
            self.flush()?;
        }
        Ok(())
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Visit {
        self.messages += 1;
        self.add_message(message)
    }

    fn stream_meta(&mut self, meta: &StreamMeta) -> Visit {
        self.meta(meta)
    }

    fn opaque(&mut self, _: ValueType, _: &[u8]) -> Visit {
        Ok(())
    }
}

/// Decimal digits.
fn digits(n: impl itoa::Integer) -> Vec<u8> {
    let mut text = Vec::new();
    json::int(&mut text, n);
    text
}

//! Comma-separated values: a row a key, or a row an element.
//!
//! ```text
//! db,key,type,encoding,expire_at_ms,elements,bytes,value
//! 0,user:1,hash,listpack,,1,17,"{""name"":""Ada""}"
//!
//! db,key,type,index,field,score,value,expire_at_ms
//! 0,user:1,hash,,name,,Ada,
//! 0,board,zset,,,7,ann,
//! ```
//! Strings stand there as text, bytes that are not UTF-8 as `\xNN`; collections as JSON. A string
//! of no bytes is `""`, what is not there is nothing. `bytes` is the size of the value in a dump,
//! `index` the place in a list or the id of a stream entry, which has a row a field. In a row an
//! element, `expire_at_ms` is that of the field, else that of the key. Quotes are those of RFC
//! 4180, lines end with a line feed.
use super::value;
use super::{json, Done, Form, Scratch};
use crate::error::Result;
use crate::source::{Entry, Opening};
use memchr::memchr;
use redtool_format::encodings::stream::Message;
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::value::{count, visit_with, Visitor};
use redtool_format::rdb::writer::{Out, WriteError};
use redtool_format::rdb::{string, Kind, ValueType};
use redtool_format::{double, Cursor};
use std::collections::BTreeMap;
use std::io;

/// Text is passed on in pieces of about this size.
const PIECE_BYTES: usize = 1 << 15;

/// The form.
pub struct Csv {
    /// A row an element instead of a row a key.
    pub elements: bool,
}

impl Form for Csv {
    fn name(&self) -> &str {
        "csv"
    }

    fn head(&self, _: &Opening, _: &mut BTreeMap<Loss, u64>, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(match self.elements {
            true => b"db,key,type,index,field,score,value,expire_at_ms\n",
            false => b"db,key,type,encoding,expire_at_ms,elements,bytes,value\n",
        });
        Ok(())
    }

    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError> {
        match self.elements {
            true => element_rows(entry, scratch, out)?,
            false => key_row(entry, scratch, out)?,
        }
        Ok(Done::WRITTEN)
    }
}

/// `db,key,type,`
fn begin_row(
    entry: &Entry<'_>,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> std::result::Result<(), WriteError> {
    json::int(out.buf(), entry.db);
    out.buf().push(b',');
    field(out, entry.key.decode(&mut scratch.key)?)?;
    let buf = out.buf();
    buf.push(b',');
    buf.extend_from_slice(entry.value.value_type.kind().name().as_bytes());
    buf.push(b',');
    Ok(())
}

fn key_row(
    entry: &Entry<'_>,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> std::result::Result<(), WriteError> {
    begin_row(entry, scratch, out)?;
    let value = &entry.value;
    let encoding = entry.encoding(&mut scratch.visit)?;
    let buf = out.buf();
    buf.extend_from_slice(encoding.name().as_bytes());
    buf.push(b',');
    if let Some(at_ms) = entry.attributes.expire_at_ms {
        json::int(buf, at_ms);
    }
    buf.push(b',');
    json::int(buf, count(value.value_type, value.payload)?);
    buf.push(b',');
    json::int(buf, value.payload.len());
    buf.push(b',');
    if value.value_type.kind() == Kind::String {
        let string = string::read(&mut Cursor::new(value.payload))?;
        field(out, string.decode(&mut scratch.text)?)?;
    } else {
        json_field(entry, scratch, out)?;
    }
    out.buf().push(b'\n');
    Ok(())
}

/// The value as JSON in quotes.
fn json_field(
    entry: &Entry<'_>,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> std::result::Result<(), WriteError> {
    out.buf().push(b'"');
    let fields = value::survey(&entry.value, scratch)?;
    let mut doubled = Doubled { out, text: std::mem::take(&mut scratch.text) };
    doubled.text.clear();
    let written = value::write(&entry.value, fields, scratch, &mut doubled);
    let passed_on = doubled.pass_on();
    scratch.text = doubled.text;
    written?;
    passed_on?;
    out.buf().push(b'"');
    Ok(())
}

/// Text whose quotes are doubled on the way.
struct Doubled<'o> {
    out: &'o mut dyn Out,
    text: Vec<u8>,
}

impl Doubled<'_> {
    fn pass_on(&mut self) -> io::Result<()> {
        double_quotes(self.out.buf(), &self.text);
        self.text.clear();
        self.out.spill()
    }
}

impl Out for Doubled<'_> {
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.text.len() < PIECE_BYTES {
            return Ok(());
        }
        self.pass_on()
    }
}

fn double_quotes(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Appends bytes as text, in quotes where that must be.
fn field(out: &mut dyn Out, bytes: &[u8]) -> io::Result<()> {
    let special = |byte: &u8| matches!(byte, b'"' | b',' | b'\n' | b'\r');
    let quoted = bytes.is_empty() || bytes.iter().any(special);
    if quoted {
        out.buf().push(b'"');
    }
    for chunk in bytes.utf8_chunks() {
        for piece in chunk.valid().as_bytes().chunks(PIECE_BYTES) {
            double_quotes(out.buf(), piece);
            out.spill()?;
        }
        for byte in chunk.invalid() {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.buf().extend_from_slice(&[b'\\', b'x', high, low]);
        }
        out.spill()?;
    }
    if quoted {
        out.buf().push(b'"');
    }
    Ok(())
}

fn element_rows(
    entry: &Entry<'_>,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> std::result::Result<(), WriteError> {
    let mut prefix = std::mem::take(&mut scratch.text);
    prefix.clear();
    let begun = begin_row(entry, scratch, &mut prefix);
    let value = &entry.value;
    let visited = begun.and_then(|()| {
        if matches!(value.value_type.kind(), Kind::Module | Kind::Array) {
            out.buf().extend_from_slice(&prefix);
            out.buf().extend_from_slice(b",,,");
            json_field(entry, scratch, out)?;
            end_row(out, entry.attributes.expire_at_ms)?;
            return Ok(());
        }
        let expire_at_ms = entry.attributes.expire_at_ms;
        let mut rows = Rows { out, prefix: &prefix, expire_at_ms, index: 0 };
        let Scratch { visit, .. } = scratch;
        visit_with(visit, value.value_type, value.payload, value.templates, &mut rows)
    });
    scratch.text = prefix;
    visited
}

/// `,expire_at_ms` and the line's end.
fn end_row(out: &mut dyn Out, expire_at_ms: Option<i64>) -> io::Result<()> {
    let buf = out.buf();
    buf.push(b',');
    if let Some(at_ms) = expire_at_ms {
        json::int(buf, at_ms);
    }
    buf.push(b'\n');
    out.spill()
}

/// Writes a row an element.
struct Rows<'o> {
    out: &'o mut dyn Out,
    prefix: &'o [u8],
    expire_at_ms: Option<i64>,
    index: u64,
}

type Visit = std::result::Result<(), WriteError>;

impl Rows<'_> {
    /// A row of a value that has nothing beside it.
    fn row(&mut self, value: &[u8]) -> Visit {
        self.out.buf().extend_from_slice(self.prefix);
        self.out.buf().extend_from_slice(b",,,");
        field(self.out, value)?;
        Ok(end_row(self.out, self.expire_at_ms)?)
    }
}

impl Visitor for Rows<'_> {
    type Error = WriteError;

    fn string(&mut self, value: &[u8]) -> Visit {
        self.row(value)
    }

    fn list_item(&mut self, item: &[u8]) -> Visit {
        let buf = self.out.buf();
        buf.extend_from_slice(self.prefix);
        json::int(buf, self.index);
        buf.extend_from_slice(b",,,");
        self.index += 1;
        field(self.out, item)?;
        Ok(end_row(self.out, self.expire_at_ms)?)
    }

    fn set_member(&mut self, member: &[u8]) -> Visit {
        self.row(member)
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Visit {
        let buf = self.out.buf();
        buf.extend_from_slice(self.prefix);
        buf.extend_from_slice(b",,");
        double::write_shortest(buf, score);
        buf.push(b',');
        field(self.out, member)?;
        Ok(end_row(self.out, self.expire_at_ms)?)
    }

    fn hash_field(&mut self, name: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Visit {
        self.out.buf().extend_from_slice(self.prefix);
        self.out.buf().push(b',');
        field(self.out, name)?;
        self.out.buf().extend_from_slice(b",,");
        field(self.out, value)?;
        Ok(end_row(self.out, expire_at_ms.or(self.expire_at_ms))?)
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Visit {
        let (mut name_text, mut value_text) = (IntBuf::new(), IntBuf::new());
        for (name, value) in &message.fields {
            let buf = self.out.buf();
            buf.extend_from_slice(self.prefix);
            json::int(buf, message.id.ms);
            buf.push(b'-');
            json::int(buf, message.id.seq);
            buf.push(b',');
            field(self.out, name.bytes(&mut name_text))?;
            self.out.buf().extend_from_slice(b",,");
            field(self.out, value.bytes(&mut value_text))?;
            end_row(self.out, self.expire_at_ms)?;
        }
        Ok(())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> Visit {
        Ok(())
    }

    fn opaque(&mut self, _: ValueType, _: &[u8]) -> Visit {
        Ok(())
    }
}

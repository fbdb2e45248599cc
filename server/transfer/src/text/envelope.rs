//! An entry as one JSON object.
//!
//! ```text
//! {"db":0,"key":"user:1","type":"hash","encoding":"listpack","expire_at_ms":1767225600000,
//!  "idle_s":5,"freq":7,"meta":"…","field_expire_at_ms":{"code":1767225600000},
//!  "value":{"name":"Ada","code":"77"}}                                        on one line
//! ```
//! `encoding` is what OBJECT ENCODING says once the value is loaded. What an entry does not have is
//! left out. `meta` is the key metadata of Redis 8.6 in base64.
use super::value;
use super::{json, Scratch};
use crate::source::Entry;
use redtool_format::rdb::writer::{Out, WriteError};
use redtool_format::rdb::Str;

/// Appends an entry; with its db or without.
pub fn write(
    entry: &Entry<'_>,
    with_db: bool,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> Result<(), WriteError> {
    let buf = out.buf();
    if with_db {
        buf.extend_from_slice(b"{\"db\":");
        json::int(buf, entry.db);
        buf.extend_from_slice(b",\"key\":");
    } else {
        buf.extend_from_slice(b"{\"key\":");
    }
    write_key(entry.key, scratch, out)?;
    let value = &entry.value;
    let encoding = entry.encoding(&mut scratch.visit)?;
    let buf = out.buf();
    buf.extend_from_slice(b",\"type\":");
    json::quoted(buf, value.value_type.kind().name().as_bytes());
    buf.extend_from_slice(b",\"encoding\":");
    json::quoted(buf, encoding.name().as_bytes());
    write_attributes(entry, out)?;
    let fields = value::survey(value, scratch)?;
    if fields.expiring {
        value::member(out.buf(), "field_expire_at_ms");
        value::write_field_expiries(value, fields, scratch, out)?;
    }
    value::member(out.buf(), "value");
    value::write(value, fields, scratch, out)?;
    out.buf().push(b'}');
    Ok(())
}

fn write_key(key: Str<'_>, scratch: &mut Scratch, out: &mut dyn Out) -> Result<(), WriteError> {
    Ok(json::bytes(out, key.decode(&mut scratch.key)?)?)
}

fn write_attributes(entry: &Entry<'_>, out: &mut dyn Out) -> Result<(), WriteError> {
    let attributes = &entry.attributes;
    let buf = out.buf();
    if let Some(at_ms) = attributes.expire_at_ms {
        value::member(buf, "expire_at_ms");
        json::int(buf, at_ms);
    }
    if let Some(idle_s) = attributes.idle_s {
        value::member(buf, "idle_s");
        json::int(buf, idle_s);
    }
    if let Some(freq) = attributes.freq {
        value::member(buf, "freq");
        json::int(buf, freq);
    }
    if let Some(meta) = attributes.meta {
        value::member(buf, "meta");
        json::base64_string(out, meta)?;
    }
    Ok(())
}

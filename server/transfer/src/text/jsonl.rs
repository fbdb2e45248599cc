//! JSON lines: a header, one line an entry, a trailer. Nothing is lost: [`super::read`] makes the
//! same dataset of it.
//!
//! ```text
//! {"redtool":"jsonl 1","rdb_version":"REDIS 11","aux":[["redis-ver","7.2.6"],…],
//!  "functions":["#!lua name=…"],"module_aux":["…base64…"]}
//! {"db":0,"key":"a","type":"string","encoding":"embstr","value":"1"}
//! {"end":true,"keys":1,"dbs":{"0":{"keys":1,"expires":0}}}
//! ```
//! The trailer is how a reader knows that nothing was cut off. Header and trailer may be missing in
//! what `grep` or `jq` leave of a file.
use super::batch::Tally;
use super::{envelope, json, value, Done, Form, Scratch};
use crate::error::Result;
use crate::source::{Entry, Opening};
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::writer::{Out, WriteError};
use redtool_format::rdb::Dialect;
use std::collections::BTreeMap;

/// What the header says of the form; a reader refuses any other.
pub const VERSION: &str = "jsonl 1";

/// The form.
pub struct JsonLines {
    /// Of which RDB version the dataset is, or came from.
    pub origin: (Dialect, u32),
}

impl Form for JsonLines {
    fn name(&self) -> &str {
        "jsonl"
    }

    fn head(
        &self,
        opening: &Opening,
        _: &mut BTreeMap<Loss, u64>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        // A vector takes all that is written to it.
        write_header(opening, self.origin, out).unwrap_or_default();
        Ok(())
    }

    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError> {
        envelope::write(entry, true, scratch, out)?;
        out.buf().push(b'\n');
        Ok(Done::WRITTEN)
    }

    fn tail(&self, tally: &Tally, _: Option<u32>, out: &mut Vec<u8>) {
        let keys: u64 = tally.dbs.values().map(|(keys, _)| keys).sum();
        out.extend_from_slice(b"{\"end\":true,\"keys\":");
        json::int(out, keys);
        value::member(out, "dbs");
        for (n, (db, (keys, expires))) in tally.dbs.iter().enumerate() {
            out.extend_from_slice(if n == 0 { b"{\"" } else { b",\"" });
            json::int(out, *db);
            out.extend_from_slice(b"\":{\"keys\":");
            json::int(out, *keys);
            out.extend_from_slice(b",\"expires\":");
            json::int(out, *expires);
            out.push(b'}');
        }
        out.extend_from_slice(if tally.dbs.is_empty() { b"{}}\n" } else { b"}}\n" });
    }
}

fn write_header(
    opening: &Opening,
    (dialect, version): (Dialect, u32),
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    let notes = &opening.notes;
    let magic = match dialect {
        Dialect::Redis => "REDIS",
        Dialect::Valkey => "VALKEY",
    };
    out.extend_from_slice(b"{\"redtool\":");
    json::quoted(out, VERSION.as_bytes());
    value::member(out, "rdb_version");
    json::quoted(out, format!("{magic} {version}").as_bytes());
    list(out, "aux", &notes.aux, |out, (name, value)| {
        out.push(b'[');
        json::bytes(out, name)?;
        out.push(b',');
        json::bytes(out, value)?;
        out.push(b']');
        Ok(())
    })?;
    list(out, "functions", &notes.functions, |out, source| json::bytes(out, source))?;
    list(out, "module_aux", &notes.module_aux, |out, aux| json::base64_string(out, aux))?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn list<T>(
    out: &mut Vec<u8>,
    name: &str,
    items: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> std::io::Result<()>,
) -> std::io::Result<()> {
    value::member(out, name);
    out.push(b'[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(b']');
    Ok(())
}

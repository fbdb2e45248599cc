//! JSON documents, one a db:
//! ```text
//! {"db":0,"entries":[
//! {"key":"a","type":"string","encoding":"embstr","value":"1"},
//! {"key":"b","type":"set","encoding":"intset","value":["1","2"]}
//! ]}
//! ```
//! Entries are those of JSON lines without their db. A file that comes back to a db has another
//! document for it.
use super::batch::Tally;
use super::{envelope, json, Done, Form, Scratch};
use crate::error::Result;
use crate::source::{Entry, Opening};
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::writer::{Out, WriteError};
use std::collections::BTreeMap;

/// The form.
pub struct Documents;

impl Form for Documents {
    fn name(&self) -> &str {
        "json"
    }

    fn head(&self, _: &Opening, _: &mut BTreeMap<Loss, u64>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn between(&self, before: Option<u32>, db: u32, out: &mut Vec<u8>) {
        match before {
            Some(before) if before == db => return out.extend_from_slice(b",\n"),
            Some(_) => out.extend_from_slice(b"\n]}\n"),
            None => {}
        }
        out.extend_from_slice(b"{\"db\":");
        json::int(out, db);
        out.extend_from_slice(b",\"entries\":[\n");
    }

    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError> {
        envelope::write(entry, false, scratch, out)?;
        Ok(Done::WRITTEN)
    }

    fn tail(&self, _: &Tally, last: Option<u32>, out: &mut Vec<u8>) {
        if last.is_some() {
            out.extend_from_slice(b"\n]}\n");
        }
    }
}

//! Builders: each turns its share of the keys, chunk by chunk, into records.
use super::batch::Outlet;
use super::{library_name, CHUNK_KEYS};
use crate::account::Account;
use crate::error::{Error, Result};
use crate::index::{Index, Place};
use crate::rdb_file::{Notes, RdbFile};
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::Dialect;
use redtool_store::build::{Built, Incoming, Recorder};
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::object::write_expire_key;
use redtool_store::spill::SpillVec;
use redtool_store::{Bulk, Table};
use std::collections::BTreeMap;

/// An expiry on its way into the index: sorted by time, then by place in key order.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Expiry {
    at_ms: i64,
    ordinal: u64,
}

/// What has been built so far.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) account: Account,
    dbs: BTreeMap<u32, DbCounts>,
    expiries: SpillVec<Expiry>,
}

impl Builder {
    /// Builds every `of`-th chunk of keys, beginning with chunk number `nth`.
    pub(super) fn build_share(
        &mut self,
        file: &RdbFile,
        index: &Index<'_>,
        (nth, of): (usize, usize),
        out: &mut Outlet,
    ) -> Result<()> {
        let mut recorder = Recorder::new(0);
        let mut scratch = Vec::new();
        let chunks = index.places().chunks(CHUNK_KEYS).enumerate().skip(nth).step_by(of);
        for (chunk, places) in chunks {
            for (at, place) in places.iter().enumerate() {
                let number = chunk * CHUNK_KEYS + at;
                index.prefetch(number);
                let ordinal = number as u64 + 1;
                recorder.set_next_id(ordinal);
                self.build_one(file, index, (place, ordinal), &mut recorder, &mut scratch, out)?;
            }
            out.end_chunk()?;
        }
        Ok(())
    }

    fn build_one(
        &mut self,
        file: &RdbFile,
        index: &Index<'_>,
        (place, ordinal): (&Place, u64),
        recorder: &mut Recorder,
        scratch: &mut Vec<u8>,
        out: &mut Outlet,
    ) -> Result<()> {
        let record = index.record(place)?;
        let key = record.key.decode(scratch).map_err(|e| file.error(e, record.offset, None))?;
        let entry = Incoming {
            db: record.db,
            key,
            expire_at_ms: record.expire_at_ms,
            idle_s: record.idle_s,
            freq: record.freq,
            meta: record.meta,
            value_type: record.value_type,
            payload: record.payload,
        };
        let built = recorder
            .build(&entry, &index.walked.notes.templates, out)
            .map_err(|e| Error::store(e, record.payload_offset, record.db, key))?;
        out.batch.source_bytes +=
            (record.payload_offset - record.offset + record.payload.len()) as u64;
        out.batch.keys += 1;
        match built {
            Built::Empty => self.account.skipped.add(record.value_type.kind()),
            Built::Key(kind) => {
                self.account.written.add(kind);
                let counts = self.counts(record.db);
                counts.keys += 1;
                counts.kinds[kind as usize] += 1;
                if let Some(at_ms) = record.expire_at_ms {
                    counts.expires += 1;
                    self.expiries.push(Expiry { at_ms, ordinal })?;
                }
            }
        }
        Ok(())
    }

    fn counts(&mut self, db: u32) -> &mut DbCounts {
        self.dbs.entry(db).or_default()
    }

    /// Takes in what another builder has counted.
    pub(super) fn merge(&mut self, other: Builder) -> Result<()> {
        self.account.merge(&other.account);
        for (db, counts) in other.dbs {
            self.counts(db).merge(&counts);
        }
        for expiry in other.expiries.as_slice() {
            self.expiries.push(*expiry)?;
        }
        Ok(())
    }

    /// Appends the expiry index.
    pub(super) fn append_expires(&mut self, index: &Index<'_>, bulk: &mut dyn Bulk) -> Result<()> {
        self.expiries.sort_by(|a, b| (a.at_ms, a.ordinal).cmp(&(b.at_ms, b.ordinal)));
        let (mut scratch, mut record_key) = (Vec::new(), Vec::new());
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for same in self.expiries.as_slice().chunk_by(|a, b| a.at_ms == b.at_ms) {
            keys.clear();
            for expiry in same {
                record_key.clear();
                let place = &index.places()[expiry.ordinal as usize - 1];
                index.write_record_key(place, &mut scratch, &mut record_key)?;
                let mut key = Vec::with_capacity(8 + record_key.len());
                write_expire_key(&mut key, expiry.at_ms, &record_key);
                keys.push(key);
            }
            // Already in order but for keys so long that their index keys end in a hash.
            keys.sort();
            for key in &keys {
                bulk.append(Table::Expires, key, b"")?;
            }
        }
        Ok(())
    }

    /// What the store knows about itself.
    pub(super) fn meta(&self, notes: &Notes, header: Header, next_id: u64) -> Meta {
        let magic = match header.dialect {
            Dialect::Redis => "REDIS",
            Dialect::Valkey => "VALKEY",
        };
        Meta {
            dbs: self.dbs.iter().map(|(db, counts)| (*db, *counts)).collect(),
            aux: notes.aux.clone(),
            functions: notes
                .functions
                .iter()
                .map(|source| (library_name(source), source.clone()))
                .collect(),
            module_aux: notes.module_aux.clone(),
            rdb_version: Some(format!("{magic} {}", header.version).into_bytes()),
            next_id,
        }
    }
}

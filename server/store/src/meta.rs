//! Records of the meta table: what a dataset knows about itself.
use crate::contract::{Reader, Table};
use crate::error::Result;
use redtool_format::rdb::Kind;
use redtool_format::Cursor;

/// Counters of a db.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DbCounts {
    /// Keys.
    pub keys: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// Keys per kind, by the kind's number.
    pub kinds: [u64; 8],
}

/// What a dataset knows about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Counters per db that has keys, ascending.
    pub dbs: Vec<(u32, DbCounts)>,
    /// AUX fields of the dump it came from.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    /// Function libraries: name and source.
    pub functions: Vec<(Vec<u8>, Vec<u8>)>,
    /// Module data outside keys.
    pub module_aux: Vec<Vec<u8>>,
    /// The version of the dump it came from, `REDIS 11`.
    pub rdb_version: Option<Vec<u8>>,
    /// The next free segment id.
    pub next_id: u64,
}

const DB: &[u8] = b"db";
const AUX: &[u8] = b"aux:";
const FUNCTION: &[u8] = b"function:";
const MODULE_AUX: &[u8] = b"module-aux:";
/// Key of the record that holds the next free segment id.
pub const NEXT_ID: &[u8] = b"next-id";
const RDB_VERSION: &[u8] = b"rdb-version";

impl Meta {
    /// The records, in key order.
    pub fn records(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let key = |prefix: &[u8], rest: &[u8]| [prefix, rest].concat();
        let mut records: Vec<_> = self
            .dbs
            .iter()
            .map(|(db, counts)| (key(DB, &db.to_be_bytes()), counts.to_bytes()))
            .collect();
        let mut seen = std::collections::BTreeMap::new();
        for (name, value) in &self.aux {
            // A field may be there twice; the last one counts, as for servers.
            seen.insert(key(AUX, &name[..name.len().min(400)]), value.clone());
        }
        for (name, source) in &self.functions {
            seen.insert(key(FUNCTION, &name[..name.len().min(400)]), source.clone());
        }
        for (i, bytes) in self.module_aux.iter().enumerate() {
            seen.insert(key(MODULE_AUX, &(i as u32).to_be_bytes()), bytes.clone());
        }
        records.extend(seen);
        records.push((NEXT_ID.to_vec(), self.next_id.to_le_bytes().to_vec()));
        records.extend(self.rdb_version.clone().map(|version| (RDB_VERSION.to_vec(), version)));
        records.sort();
        records
    }

    /// Reads the records.
    pub fn load(reader: &dyn Reader) -> Result<Self> {
        let mut meta = Self::default();
        let mut cursor = reader.seek(Table::Meta, b"")?;
        while let Some((key, value)) = cursor.next()? {
            meta.take(&key, &value)?;
        }
        Ok(meta)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if let Some(name) = key.strip_prefix(AUX) {
            self.aux.push((name.to_vec(), value.to_vec()));
        } else if let Some(name) = key.strip_prefix(FUNCTION) {
            self.functions.push((name.to_vec(), value.to_vec()));
        } else if key.starts_with(MODULE_AUX) {
            self.module_aux.push(value.to_vec());
        } else if key == NEXT_ID {
            self.next_id = Cursor::new(value).u64_le()?;
        } else if key == RDB_VERSION {
            self.rdb_version = Some(value.to_vec());
        } else if let Some(db) = key.strip_prefix(DB) {
            self.dbs.push((Cursor::new(db).u32_be()?, DbCounts::from_bytes(value)?));
        }
        Ok(())
    }

    /// Keys in all dbs.
    pub fn keys(&self) -> u64 {
        self.dbs.iter().map(|(_, counts)| counts.keys).sum()
    }

    /// The counters of a db.
    pub fn db(&self, db: u32) -> DbCounts {
        self.dbs.iter().find(|(n, _)| *n == db).map(|(_, counts)| *counts).unwrap_or_default()
    }

    /// The value of an AUX field.
    pub fn aux(&self, name: &str) -> Option<&[u8]> {
        self.aux.iter().find(|(n, _)| n == name.as_bytes()).map(|(_, value)| &value[..])
    }
}

impl DbCounts {
    /// Counts a key.
    pub fn add(&mut self, kind: Kind, expires: bool) {
        self.keys += 1;
        self.kinds[kind as usize] += 1;
        self.expires += u64::from(expires);
    }

    /// No longer counts a key.
    pub fn subtract(&mut self, kind: Kind, expires: bool) {
        let less = |count: &mut u64, by: bool| *count = count.saturating_sub(u64::from(by));
        less(&mut self.keys, true);
        less(&mut self.kinds[kind as usize], true);
        less(&mut self.expires, expires);
    }

    /// Adds other counters.
    pub fn merge(&mut self, other: &DbCounts) {
        self.keys += other.keys;
        self.expires += other.expires;
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            *mine += theirs;
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.keys, self.expires].into_iter().chain(self.kinds);
        numbers.flat_map(u64::to_le_bytes).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        let (keys, expires) = (cursor.u64_le()?, cursor.u64_le()?);
        let mut kinds = [0; 8];
        for kind in &mut kinds {
            *kind = cursor.u64_le()?;
        }
        Ok(Self { keys, expires, kinds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Store;

    #[test]
    fn what_is_written_is_read() {
        let counts = DbCounts { keys: 3, expires: 1, kinds: [1, 0, 2, 0, 0, 0, 0, 0] };
        let meta = Meta {
            dbs: vec![(0, counts), (15, counts)],
            aux: vec![(b"ctime".to_vec(), b"1".to_vec())],
            functions: vec![(b"lib".to_vec(), b"#!lua name=lib".to_vec())],
            module_aux: vec![vec![1, 2]],
            rdb_version: Some(b"REDIS 11".to_vec()),
            next_id: 7,
        };
        let store = crate::memory::MemoryStore::new();
        let mut writer = store.writer().unwrap();
        for (key, value) in meta.records() {
            writer.put(Table::Meta, &key, &value).unwrap();
        }
        writer.commit().unwrap();
        assert_eq!(Meta::load(&*store.reader().unwrap()).unwrap(), meta);
    }
}

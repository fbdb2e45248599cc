//! A store opened as Redis databases: counters, functions and facts about the dump, read once from
//! the table Meta.
//!
//! | key of Meta | value |
//! |---|---|
//! | `layout` | `redtool 1` |
//! | `db` + number u32 BE | keys u64 LE, expires u64 LE, then keys of each [`Kind`] as u64 LE |
//! | `aux:` + name | the value of an aux field |
//! | `function:` + library name | its source |
//! | `source` | what it was imported from |
//! | `ctime` | when the dump was taken, Unix seconds in ASCII |
use crate::clock::Clock;
use crate::error::Error;
use crate::scan::Cursors;
use crate::server::ServerState;
use crate::types::rank::RankCache;
use redtool_format::rdb::Kind;
use redtool_store::{Reader, Store, StoreError, Table};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Databases a server has at least.
pub const DATABASES: u32 = 16;

/// How to open.
#[derive(Debug, Clone)]
pub struct Options {
    /// What time it is.
    pub clock: Clock,
    /// Refuse write commands.
    pub readonly: bool,
    /// At least this many databases.
    pub databases: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { clock: Clock::Now, readonly: true, databases: DATABASES }
    }
}

/// Counters of one database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys, expired ones that are still there included.
    pub keys: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// Keys of each kind, by the kind's number.
    pub by_kind: [u64; 8],
}

/// A named value of the dump: name, bytes.
pub type Named = (Vec<u8>, Vec<u8>);

/// A store as Redis databases, shared by every engine of a server.
pub struct Dataset {
    store: Arc<dyn Store>,
    clock: Clock,
    databases: u32,
    readonly: bool,
    counts: BTreeMap<u32, Counts>,
    aux: Vec<Named>,
    functions: Vec<Named>,
    source: Option<Vec<u8>>,
    ctime_s: Option<i64>,
    state: Arc<ServerState>,
    cursors: Cursors,
    ranks: RankCache,
}

impl Dataset {
    /// Reads the facts of a store.
    pub fn open(store: Arc<dyn Store>, options: Options) -> Result<Self, StoreError> {
        let mut dataset = Self {
            clock: options.clock,
            databases: options.databases.max(DATABASES),
            readonly: options.readonly,
            counts: BTreeMap::new(),
            aux: Vec::new(),
            functions: Vec::new(),
            source: None,
            ctime_s: None,
            state: Arc::new(ServerState::new()),
            cursors: Cursors::default(),
            ranks: RankCache::default(),
            store: Arc::clone(&store),
        };
        let reader = store.reader()?;
        dataset.read_meta(&*reader)?;
        if options.clock == Clock::Dump {
            let seconds = dataset.ctime_s.ok_or_else(|| {
                StoreError::Foreign("the dataset does not tell when the dump was taken".into())
            })?;
            dataset.clock = Clock::Fixed(seconds.saturating_mul(1000));
        }
        Ok(dataset)
    }

    fn read_meta(&mut self, reader: &dyn Reader) -> Result<(), StoreError> {
        let mut records = reader.seek(Table::Meta, b"")?;
        while let Some((key, value)) = records.next()? {
            if *key == *b"aux:ctime" {
                self.ctime_s = redtool_format::number::parse_i64(&value);
            }
            if let Some(name) = key.strip_prefix(b"aux:") {
                self.aux.push((name.to_vec(), value.to_vec()));
            } else if let Some(name) = key.strip_prefix(b"function:") {
                self.functions.push((name.to_vec(), value.to_vec()));
            } else if *key == *b"source" {
                self.source = Some(value.to_vec());
            } else if let Some(&[a, b, c, d]) = key.strip_prefix(b"db") {
                let db = u32::from_be_bytes([a, b, c, d]);
                self.counts.insert(db, read_counts(db, &value)?);
                self.databases = self.databases.max(db.saturating_add(1));
            }
        }
        Ok(())
    }

    /// The records.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
    /// What time it is; never [`Clock::Dump`].
    pub fn clock(&self) -> Clock {
        self.clock
    }
    /// Number of databases: the data's, at least 16.
    pub fn databases(&self) -> u32 {
        self.databases
    }
    /// Whether write commands are refused.
    pub fn readonly(&self) -> bool {
        self.readonly
    }
    /// Counters of a database.
    pub fn counts(&self, db: u32) -> Counts {
        self.counts.get(&db).copied().unwrap_or_default()
    }
    /// Databases that have counters, with them.
    pub fn all_counts(&self) -> impl Iterator<Item = (u32, Counts)> + '_ {
        self.counts.iter().map(|(db, counts)| (*db, *counts))
    }
    /// Aux fields of the dump.
    pub fn aux(&self) -> &[Named] {
        &self.aux
    }
    /// Function libraries: name, source.
    pub fn functions(&self) -> &[Named] {
        &self.functions
    }
    /// What the dataset was imported from.
    pub fn source(&self) -> Option<&[u8]> {
        self.source.as_deref()
    }
    /// When the dump was taken, Unix seconds.
    pub fn ctime_s(&self) -> Option<i64> {
        self.ctime_s
    }
    /// State shared by the server's connections.
    pub fn state(&self) -> &Arc<ServerState> {
        &self.state
    }
    /// Unfinished scans.
    pub fn cursors(&self) -> &Cursors {
        &self.cursors
    }
    /// Counts of big sorted sets, for ranks.
    pub fn ranks(&self) -> &RankCache {
        &self.ranks
    }
}

fn read_counts(db: u32, value: &[u8]) -> Result<Counts, StoreError> {
    let mut cursor = redtool_format::Cursor::new(value);
    let mut read = || -> redtool_format::Result<Counts> {
        let mut counts =
            Counts { keys: cursor.u64_le()?, expires: cursor.u64_le()?, by_kind: [0; 8] };
        for kind in Kind::ALL {
            counts.by_kind[kind as usize] = cursor.u64_le()?;
        }
        Ok(counts)
    };
    read().map_err(|error| StoreError::Corrupt(format!("counters of database {db}: {error}")))
}

impl From<&StoreError> for Error {
    fn from(error: &StoreError) -> Self {
        Error::text(format!("ERR the dataset cannot be read: {error}"))
    }
}

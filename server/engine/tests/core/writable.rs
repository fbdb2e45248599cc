//! Datasets that are written: in memory, over LMDB and over LevelDB.
use super::support::{Builder, Db, NOW_MS};
use redtool_engine::{Clock, Dataset, Options};
use redtool_store::leveldb::{self, LevelDbStore};
use redtool_store::lmdb::LmdbStore;
use redtool_store::memory::MemoryStore;
use redtool_store::Store;
use std::sync::Arc;
use tempfile::TempDir;

/// Where the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    Memory,
    Lmdb,
    LevelDb,
}

/// All of them.
pub const HOMES: [Home; 3] = [Home::Memory, Home::Lmdb, Home::LevelDb];

/// A connection to an empty dataset that may be written, and the folder that goes with it.
pub struct Written {
    pub db: Db,
    _folder: TempDir,
}

impl Home {
    fn store(self, folder: &TempDir) -> Arc<dyn Store> {
        let path = folder.path().join("x");
        match self {
            Home::Memory => Arc::new(MemoryStore::new()),
            Home::Lmdb => {
                LmdbStore::create(&path).unwrap().sync().unwrap();
                Arc::new(LmdbStore::open(&path).unwrap())
            }
            Home::LevelDb => {
                let options = leveldb::Options::default();
                LevelDbStore::create(&path, &options).unwrap().sync().unwrap();
                Arc::new(LevelDbStore::open(&path, &options).unwrap())
            }
        }
    }

    /// Opens an empty dataset here, on this clock.
    pub fn at(self, clock: Clock) -> Written {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { clock, readonly: false, ..Options::default() };
        let dataset = Dataset::open(self.store(&folder), options).unwrap();
        Written { db: Db::over(Arc::new(dataset)), _folder: folder }
    }

    /// Opens an empty dataset here, at [`NOW_MS`].
    pub fn open(self) -> Written {
        self.at(Clock::Fixed(NOW_MS))
    }
}

/// Runs commands in every home and compares their replies.
pub fn expect_everywhere(table: &[(&str, &str)]) {
    for home in HOMES {
        let mut written = home.open();
        for (number, (command, reply)) in table.iter().enumerate() {
            assert_eq!(written.db.ask(command), *reply, "{home:?}, command {number}: {command}");
            if number % 3 == 2 {
                written.db.engine.dataset().save().unwrap();
            }
        }
    }
}

/// The payload that DUMP gives of a value made of commands.
pub fn dumped(builder: Builder, key: &str) -> Vec<u8> {
    match builder.open().call(&[b"DUMP", key.as_bytes()]) {
        redtool_format::resp::Value::Bulk(payload) => payload,
        other => panic!("no payload: {other:?}"),
    }
}

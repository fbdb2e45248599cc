//! A store opened as Redis databases: counters, functions and facts about the dump, read once from
//! the table Meta.
//!
//! What the records of Meta are is told by [`redtool_store::meta`].
use crate::clock::Clock;
use crate::dump::{Dumper, Jobs};
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::peer::Dialer;
use crate::save_points::{self, SavePoints};
use crate::scan::Cursors;
use crate::server::{lock, ServerState};
use crate::types::rank::RankCache;
use redtool_format::rdb::ValueType;
use redtool_store::memory::MemoryStore;
use redtool_store::meta::Meta;
use redtool_store::{Object, Reader, Space, Store, StoreError, Table};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::Duration;

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

/// A named value of the dump: name, bytes.
pub type Named = (Vec<u8>, Vec<u8>);

/// A store as Redis databases, shared by every engine of a server.
pub struct Dataset {
    store: Arc<dyn Store>,
    clock: Clock,
    databases: u32,
    readonly: bool,
    meta: Meta,
    source: Option<Vec<u8>>,
    ctime_s: Option<i64>,
    state: Arc<ServerState>,
    cursors: Cursors,
    ranks: RankCache,
    keyspace: Mutex<Keyspace>,
    /// Held by the one that saves.
    pub(crate) saving: Mutex<()>,
    /// Who writes dumps.
    dumper: Option<Arc<dyn Dumper>>,
    /// The dump that a dataset in memory is saved as.
    dump_path: Option<PathBuf>,
    /// That is asked for, or under way.
    pub(crate) is_dumping: AtomicBool,
    /// Dumps that are asked for.
    pub(crate) jobs: Jobs,
    /// Who connects to other servers, once there is a server.
    dialer: OnceLock<Box<dyn Dialer>>,
}

/// Expired keys removed before others get their turn.
const EXPIRED_AT_ONCE: usize = 64;
/// Rounds of that a time.
const EXPIRED_ROUNDS: usize = 64;
/// Rounds of evictions a time.
const EVICTED_ROUNDS: usize = 64;

impl Dataset {
    /// Reads the facts of a store.
    pub fn open(store: Arc<dyn Store>, options: Options) -> Result<Self, StoreError> {
        let reader = store.reader()?;
        let meta = Meta::load(&*reader)?;
        let named = |name: &[u8]| -> Result<Option<Vec<u8>>, StoreError> {
            Ok(reader.get(Table::Meta, name)?.map(|value| value.into_owned()))
        };
        let source = named(b"source")?;
        let ctime = named(b"ctime")?.or_else(|| meta.aux("ctime").map(<[u8]>::to_vec));
        let ctime_s = ctime.and_then(|text| redtool_format::number::parse_i64(&text));
        let clock = match (options.clock, ctime_s) {
            (Clock::Dump, Some(seconds)) => Clock::Fixed(seconds.saturating_mul(1000)),
            (Clock::Dump, None) => {
                let what = "the dataset does not tell when the dump was taken";
                return Err(StoreError::Foreign(what.into()));
            }
            (clock, _) => clock,
        };
        let highest = meta.dbs.iter().map(|(db, _)| db.saturating_add(1)).max().unwrap_or(0);
        let databases = options.databases.max(DATABASES).max(highest);
        let state = Arc::new(ServerState::new());
        state.set_config("databases", databases.to_string());
        let (keyspace, store) = match options.readonly || store.scheme() != "memory" {
            true => {
                let space = Space::over_view(Arc::clone(&store), reader, meta.clone());
                (Keyspace::new(space, Arc::clone(&state)), store)
            }
            false => {
                // What it was copied from goes, unless somebody else has it.
                let keyspace = copied(&*reader, &meta, Arc::clone(&state))?;
                (keyspace, Arc::new(MemoryStore::new()) as Arc<dyn Store>)
            }
        };
        Ok(Self {
            keyspace: Mutex::new(keyspace),
            saving: Mutex::new(()),
            dumper: None,
            dump_path: None,
            is_dumping: AtomicBool::new(false),
            jobs: Jobs::default(),
            dialer: OnceLock::new(),
            store,
            clock,
            databases,
            readonly: options.readonly,
            meta,
            source,
            ctime_s,
            state,
            cursors: Cursors::default(),
            ranks: RankCache::default(),
        })
    }

    /// The same, of which dumps can be made. One in memory that is written is saved as the dump
    /// `path`, an absolute one, if there is one.
    #[must_use]
    pub fn with_dumps(mut self, dumper: Arc<dyn Dumper>, path: Option<PathBuf>) -> Self {
        if let Some(path) = &path {
            let text =
                |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
            self.state.set_config("dir", text(path.parent().map(Path::as_os_str)));
            self.state.set_config("dbfilename", text(path.file_name()));
            self.state.set_config("save", save_points::DEFAULT);
            let points = SavePoints::parse(save_points::DEFAULT).unwrap_or_default();
            self.keyspace().saves.points = points;
        }
        self.dumper = Some(dumper);
        self.dump_path = path;
        self
    }

    /// Lets commands connect to other servers. The first one who says how is heard.
    pub fn set_dialer(&self, dialer: Box<dyn Dialer>) {
        self.dialer.get_or_init(|| dialer);
    }

    /// Who connects to other servers.
    pub(crate) fn dialer(&self) -> Option<&dyn Dialer> {
        self.dialer.get().map(|dialer| &**dialer)
    }

    /// Who writes dumps of it.
    pub(crate) fn dumper(&self) -> Option<&dyn Dumper> {
        self.dumper.as_deref()
    }

    /// The dump that it is saved as.
    pub(crate) fn dump_path(&self) -> Option<&Path> {
        self.dump_path.as_deref()
    }

    /// The records and those who must hear of their changes, for one command (or one transaction)
    /// at a time.
    pub fn keyspace(&self) -> MutexGuard<'_, Keyspace> {
        lock(&self.keyspace)
    }

    /// Whether so much waits to be saved that writers have to wait too.
    #[inline]
    pub(crate) fn must_save(keys: &Keyspace) -> bool {
        keys.space.waiting_bytes() > keys.most_waiting_bytes() && keys.saves.error.is_none()
    }

    /// What is to be done ten times a second: removes keys that have run out, and those that there
    /// is no room for.
    pub fn cron(&self) -> Result<(), StoreError> {
        for _ in 0..EXPIRED_ROUNDS {
            let mut keys = self.keyspace();
            if !keys.active_expire
                || keys.expire_due(self.clock.now_ms(), EXPIRED_AT_ONCE)? < EXPIRED_AT_ONCE
            {
                break;
            }
        }
        let mut rounds = 0;
        while rounds < EVICTED_ROUNDS && self.keyspace().make_room().map_err(Error::into_store)? {
            rounds += 1;
        }
        Ok(())
    }

    /// The same; none while a script takes longer than others should wait for.
    #[inline]
    pub(crate) fn keyspace_unless_busy(&self) -> Option<MutexGuard<'_, Keyspace>> {
        self.keyspace_now().or_else(|| self.await_keyspace())
    }

    /// The same, if nobody has it.
    #[inline]
    fn keyspace_now(&self) -> Option<MutexGuard<'_, Keyspace>> {
        match self.keyspace.try_lock() {
            Ok(keys) => Some(keys),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    #[cold]
    fn await_keyspace(&self) -> Option<MutexGuard<'_, Keyspace>> {
        /// Between two looks at whether the one who has it is a script that goes on and on.
        const LOOK: Duration = Duration::from_micros(50);
        while !self.state.running.is_busy() {
            if let Some(keys) = self.keyspace_now() {
                return Some(keys);
            }
            std::thread::sleep(LOOK);
        }
        None
    }

    /// What the dataset knew about itself when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
    /// The store.
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
    /// Aux fields of the dump.
    pub fn aux(&self) -> &[Named] {
        &self.meta.aux
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

/// The records of a store, copied into memory to be changed there.
fn copied(
    reader: &dyn Reader,
    known: &Meta,
    state: Arc<ServerState>,
) -> Result<Keyspace, StoreError> {
    let mut keyspace = Keyspace::new(Space::in_memory(), state);
    let Keyspace { space, field_expires, .. } = &mut keyspace;
    let next_id = known.next_id.max(1);
    *space.meta_mut() = Meta { dbs: Vec::new(), next_id, ..known.clone() };
    let mut objects = reader.seek(Table::Objects, b"")?;
    while let Some((key, record)) = objects.next()? {
        space.put_object(&key, &record)?;
        let object = Object::parse(&record);
        if object.is_ok_and(|object| object.value_type == ValueType::HashListpackEx) {
            field_expires.note_written(&key);
        }
    }
    let mut segments = reader.seek(Table::Segments, b"")?;
    while let Some((key, value)) = segments.next()? {
        space.put_segment(&key, value.into_owned());
    }
    Ok(keyspace)
}

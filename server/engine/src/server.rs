//! State shared by the connections of a server: clients, counters, configuration.
//!
//! Counters are kept per engine (one writer each, no contention) and summed when INFO asks.
use crate::busy::Running;
use crate::client_memory::{ClientMemory, Share};
use crate::clock::{system_ms, system_us};
use crate::mail::Mailbox;
use crate::slowlog::SlowLog;
use std::collections::BTreeMap;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU16, AtomicU32, AtomicU64, AtomicU8, AtomicUsize,
    Ordering::Relaxed,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Locks, whatever happened to another thread that held the lock: the data is counters and names.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Facts a connection shows in CLIENT LIST. The connection's own thread writes, any thread reads.
#[derive(Debug, Default)]
pub struct ClientInfo {
    /// CLIENT ID.
    pub id: u64,
    /// Peer and local address as `ip:port`; empty for an embedded session.
    pub addr: String,
    /// Local address.
    pub laddr: String,
    /// File descriptor, -1 when there is none.
    pub fd: i64,
    /// Connected at, Unix ms.
    pub since_ms: i64,
    /// Last command at, Unix ms.
    pub last_ms: AtomicI64,
    /// Selected database.
    pub db: AtomicU32,
    /// 2 or 3.
    pub resp: AtomicU16,
    /// Commands queued by MULTI, -1 outside.
    pub queued: AtomicI64,
    /// The last command: its index in [`crate::table`] plus one, and 65536 times the same of its
    /// subcommand.
    pub last_command: AtomicU32,
    /// Commands run.
    pub commands: AtomicU64,
    /// CLIENT NO-EVICT.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH.
    pub no_touch: AtomicBool,
    /// Bytes waiting in the request buffer.
    pub query_bytes: AtomicU64,
    /// Bytes waiting in the reply buffer.
    pub reply_bytes: AtomicU64,
    /// Set by CLIENT KILL: the network layer closes the connection at its next chance.
    pub killed: AtomicBool,
    /// Names the client gave.
    pub names: Mutex<ClientNames>,
    /// What waits to be sent to it unasked.
    pub mailbox: Mailbox,
    /// Channels, patterns and sharded channels that it listens to.
    pub subscriptions: [AtomicUsize; 3],
    /// CLIENT TRACKING: 0 off, else its letters of CLIENT LIST as bits: t 1, B 2.
    pub tracking: AtomicU8,
    /// The client that gets its invalidations.
    pub redirect: AtomicU64,
    /// That client is gone.
    pub broken_redirect: AtomicBool,
    /// A command of it waits for keys.
    pub is_waiting: AtomicBool,
    /// MONITOR.
    pub is_monitor: AtomicBool,
    /// Memory beside the buffers.
    pub memory: Share,
}

/// A listener that leaves so much unread is disconnected (client-output-buffer-limit pubsub).
const MAIL_MAX_BYTES: usize = 32 << 20;

impl ClientInfo {
    /// Sends a message that is encoded already.
    pub fn post(&self, message: &[u8]) {
        if self.mailbox.push(message) > MAIL_MAX_BYTES {
            self.kill();
        }
    }

    /// Has the connection closed.
    pub fn kill(&self) {
        self.killed.store(true, Relaxed);
        self.mailbox.ring();
    }

    /// Whether it listens to anything.
    pub fn is_listening(&self) -> bool {
        self.subscriptions.iter().any(|topics| topics.load(Relaxed) > 0)
    }
}

/// Names a client gives itself.
#[derive(Debug, Default, Clone)]
pub struct ClientNames {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Vec<u8>,
}

/// Counters of one engine; only its thread adds.
#[derive(Debug)]
pub struct Counters {
    commands: Box<[CommandCounters]>,
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    /// Ticks of the clock when a command ended that was read together with the next; 0 for none.
    pub(crate) ended: AtomicU64,
    /// Bytes received; the network layer adds.
    pub input_bytes: AtomicU64,
    /// Bytes sent; the network layer adds.
    pub output_bytes: AtomicU64,
}

/// Counters of one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Calls.
    pub calls: AtomicU64,
    /// Nanoseconds of all calls.
    pub ns: AtomicU64,
    /// Calls refused before running.
    pub rejected: AtomicU64,
    /// Calls that ended in an error.
    pub failed: AtomicU64,
    /// Calls that took up to 2^n microseconds, and longer than the bucket before.
    pub buckets: [AtomicU64; BUCKETS],
}

/// Buckets of the histogram of a command: up to about half an hour.
pub const BUCKETS: usize = 32;

impl CommandCounters {
    /// Counts a call that took so long.
    #[inline]
    pub fn count(&self, ns: u64, failed: bool) {
        add(&self.calls, 1);
        add(&self.ns, ns);
        if failed {
            add(&self.failed, 1);
        }
        let us = ns.div_ceil(1000).max(1);
        let bucket = (64 - (us - 1).leading_zeros()) as usize;
        add(&self.buckets[bucket.min(BUCKETS - 1)], 1);
    }
}

/// Adds to a counter that only this thread writes.
#[inline]
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}

impl Counters {
    fn new() -> Self {
        let mut commands = Vec::new();
        commands.resize_with(crate::table::len(), CommandCounters::default);
        Self {
            commands: commands.into_boxed_slice(),
            hits: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
        }
    }

    /// Counts a lookup.
    #[inline]
    pub fn keyspace(&self, hit: bool) {
        add(if hit { &self.hits } else { &self.misses }, 1);
    }

    /// Counts an error reply.
    pub fn error(&self) {
        add(&self.errors, 1);
    }

    /// Counters of the command with this index in the table.
    #[inline]
    pub fn command(&self, index: usize) -> Option<&CommandCounters> {
        self.commands.get(index)
    }

    fn reset(&self) {
        for counters in &self.commands {
            for counter in [&counters.calls, &counters.ns, &counters.rejected, &counters.failed]
                .into_iter()
                .chain(&counters.buckets)
            {
                counter.store(0, Relaxed);
            }
        }
        for counter in
            [&self.hits, &self.misses, &self.errors, &self.input_bytes, &self.output_bytes]
        {
            counter.store(0, Relaxed);
        }
    }
}

/// Sums over all engines.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs)]
pub struct Totals {
    pub hits: u64,
    pub misses: u64,
    pub errors: u64,
    pub commands: u64,
    pub input_bytes: u64,
    pub output_bytes: u64,
}

/// Sums of one command.
#[derive(Debug, Default, Clone, Copy)]
#[allow(missing_docs)]
pub struct CommandTotals {
    pub calls: u64,
    pub usec: u64,
    pub rejected: u64,
    pub failed: u64,
    pub buckets: [u64; BUCKETS],
}

/// What the connections of a server share.
#[derive(Debug)]
pub struct ServerState {
    started: Instant,
    started_us: i64,
    run_id: String,
    next_client_id: AtomicU64,
    clients: Mutex<BTreeMap<u64, Arc<ClientInfo>>>,
    counters: Mutex<Vec<Arc<Counters>>>,
    config: Mutex<BTreeMap<String, String>>,
    password: Mutex<Option<Vec<u8>>>,
    /// The script that is running.
    pub running: Running,
    /// Memory that clients take.
    pub client_memory: ClientMemory,
    /// Commands that took long.
    pub slow: SlowLog,
    errors: Mutex<BTreeMap<String, u64>>,
    monitors: Mutex<Vec<Arc<ClientInfo>>>,
    has_monitors: AtomicBool,
    paused_until_ms: AtomicI64,
    pause_all: AtomicBool,
    /// Connections accepted; the network layer adds.
    pub connections: AtomicU64,
    /// Connections refused by a limit; the network layer adds.
    pub rejected_connections: AtomicU64,
    /// Port the server listens on, 0 for none.
    pub port: AtomicU32,
    /// The server is a cluster of one node that owns every slot.
    pub cluster_enabled: AtomicBool,
    /// Set by SHUTDOWN: the network layer stops.
    pub shutdown: AtomicBool,
    /// SHUTDOWN NOSAVE: a dataset in memory is not saved at the end.
    pub ends_unsaved: AtomicBool,
}

impl Default for ServerState {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerState {
    /// A server that starts now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            started_us: system_us(),
            run_id: new_run_id(),
            next_client_id: AtomicU64::new(1),
            clients: Mutex::default(),
            counters: Mutex::default(),
            config: Mutex::new(crate::commands::config::defaults()),
            password: Mutex::new(None),
            running: Running::default(),
            client_memory: ClientMemory::default(),
            slow: SlowLog::default(),
            errors: Mutex::default(),
            monitors: Mutex::default(),
            has_monitors: AtomicBool::new(false),
            paused_until_ms: AtomicI64::new(0),
            pause_all: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            rejected_connections: AtomicU64::new(0),
            port: AtomicU32::new(0),
            cluster_enabled: AtomicBool::new(false),
            shutdown: AtomicBool::new(false),
            ends_unsaved: AtomicBool::new(false),
        }
    }

    /// Seconds since the start.
    pub fn uptime_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
    /// Unix seconds of the start.
    pub fn started_s(&self) -> i64 {
        self.started_us / 1_000_000
    }
    /// Forty hexadecimal digits, new at every start.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Enters a client into the table.
    pub fn register(&self, addr: String, laddr: String, fd: i64) -> Arc<ClientInfo> {
        let now = system_ms();
        let info = Arc::new(ClientInfo {
            id: self.next_client_id.fetch_add(1, Relaxed),
            addr,
            laddr,
            fd,
            since_ms: now,
            last_ms: AtomicI64::new(now),
            resp: AtomicU16::new(2),
            queued: AtomicI64::new(-1),
            ..ClientInfo::default()
        });
        lock(&self.clients).insert(info.id, Arc::clone(&info));
        info
    }
    /// Removes a client from the table.
    pub fn unregister(&self, id: u64) {
        if let Some(client) = lock(&self.clients).remove(&id) {
            self.client_memory.forget(&client);
        }
    }
    /// The clients, by id.
    pub fn clients(&self) -> Vec<Arc<ClientInfo>> {
        lock(&self.clients).values().cloned().collect()
    }
    /// Counts an error reply by the word it begins with.
    pub fn count_error(&self, text: &str) {
        let code = text.split(' ').next().unwrap_or_default();
        *lock(&self.errors).entry(code.to_string()).or_default() += 1;
    }
    /// Error replies by the word they begin with.
    pub fn errors(&self) -> Vec<(String, u64)> {
        lock(&self.errors).iter().map(|(code, count)| (code.clone(), *count)).collect()
    }
    /// The client of an id.
    pub fn client(&self, id: u64) -> Option<Arc<ClientInfo>> {
        lock(&self.clients).get(&id).cloned()
    }
    /// Shows every command from now on to a client.
    pub fn add_monitor(&self, client: &Arc<ClientInfo>) {
        client.is_monitor.store(true, Relaxed);
        lock(&self.monitors).push(Arc::clone(client));
        self.has_monitors.store(true, Relaxed);
    }
    /// No longer shows them to a client.
    pub fn remove_monitor(&self, client: &ClientInfo) {
        if client.is_monitor.swap(false, Relaxed) {
            let mut monitors = lock(&self.monitors);
            monitors.retain(|other| other.id != client.id);
            self.has_monitors.store(!monitors.is_empty(), Relaxed);
        }
    }
    /// Clients that are shown every command; cheap when there are none.
    #[inline]
    pub fn monitors(&self) -> Option<Vec<Arc<ClientInfo>>> {
        self.has_monitors.load(Relaxed).then(|| lock(&self.monitors).clone())
    }
    /// Holds commands back (only those that write, or all) until a moment, Unix ms. A longer pause
    /// is not made shorter, a harder one not softer.
    pub fn pause(&self, until_ms: i64, all: bool) {
        self.pause_all.fetch_or(all, Relaxed);
        self.paused_until_ms.fetch_max(until_ms, Relaxed);
    }
    /// Holds nothing back any more.
    pub fn unpause(&self) {
        self.paused_until_ms.store(0, Relaxed);
        self.pause_all.store(false, Relaxed);
    }
    /// Until when commands are held back, Unix ms, and whether all are; None when none are.
    #[inline]
    pub fn paused(&self) -> Option<(i64, bool)> {
        let until_ms = self.paused_until_ms.load(Relaxed);
        if until_ms == 0 {
            return None;
        }
        if until_ms <= system_ms() {
            self.unpause();
            return None;
        }
        Some((until_ms, self.pause_all.load(Relaxed)))
    }
    /// Number of clients.
    pub fn client_count(&self) -> usize {
        lock(&self.clients).values().filter(|client| client.fd >= 0).count()
    }

    /// Counters for a new engine.
    pub fn new_counters(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::new());
        lock(&self.counters).push(Arc::clone(&counters));
        counters
    }
    /// Sums over all engines.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for counters in lock(&self.counters).iter() {
            totals.hits += counters.hits.load(Relaxed);
            totals.misses += counters.misses.load(Relaxed);
            totals.errors += counters.errors.load(Relaxed);
            totals.input_bytes += counters.input_bytes.load(Relaxed);
            totals.output_bytes += counters.output_bytes.load(Relaxed);
            totals.commands += counters.commands.iter().map(|c| c.calls.load(Relaxed)).sum::<u64>();
        }
        totals
    }
    /// Sums of the command with this index in the table.
    pub fn command_totals(&self, index: usize) -> CommandTotals {
        let mut sum = CommandTotals::default();
        let mut ns = 0;
        for counters in lock(&self.counters).iter() {
            let Some(command) = counters.command(index) else { continue };
            sum.calls += command.calls.load(Relaxed);
            sum.rejected += command.rejected.load(Relaxed);
            sum.failed += command.failed.load(Relaxed);
            ns += command.ns.load(Relaxed);
            for (sum, bucket) in sum.buckets.iter_mut().zip(&command.buckets) {
                *sum += bucket.load(Relaxed);
            }
        }
        sum.usec = ns / 1000;
        sum
    }
    /// CONFIG RESETSTAT.
    pub fn reset_counters(&self) {
        for counters in lock(&self.counters).iter() {
            counters.reset();
        }
        lock(&self.errors).clear();
        self.connections.store(0, Relaxed);
        self.rejected_connections.store(0, Relaxed);
        self.client_memory.reset();
    }

    /// Asks connections for a password from now on; for none, when it is empty.
    pub fn set_password(&self, password: &[u8]) {
        *lock(&self.password) = (!password.is_empty()).then(|| password.to_vec());
    }
    /// Whether no password is asked for.
    pub fn is_open(&self) -> bool {
        lock(&self.password).is_none()
    }
    /// Whether a password opens the server. The time it takes does not tell how much of it was
    /// right.
    pub fn admits(&self, given: &[u8]) -> bool {
        match &*lock(&self.password) {
            None => true,
            Some(password) => {
                let differing = password.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
                password.len() == given.len() && differing == 0
            }
        }
    }

    /// Sets what CONFIG GET says.
    pub fn set_config(&self, name: &str, value: impl Into<String>) {
        lock(&self.config).insert(name.to_string(), value.into());
    }
    /// What CONFIG GET says.
    pub fn config(&self, name: &str) -> Option<String> {
        lock(&self.config).get(name).cloned()
    }
    /// Everything CONFIG GET knows.
    pub fn all_config(&self) -> Vec<(String, String)> {
        lock(&self.config).iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Forty hexadecimal digits from the process' random hash keys and the time.
fn new_run_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let mut id = String::new();
    while id.len() < 40 {
        id.push_str(&format!("{:016x}", RandomState::new().hash_one(system_us())));
    }
    id.truncate(40);
    id
}

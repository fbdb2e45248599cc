//! State shared by the connections of a server: clients, counters, configuration.
use crate::busy::Running;
use crate::client_memory::{ClientMemory, Share};
use crate::clock::{system_ms, system_us};
use crate::counters::{CommandTotals, Counters, Totals};
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
    /// Bytes of requests that were read, the one being answered included.
    pub query_bytes: AtomicU64,
    /// Bytes of replies that wait to be sent.
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

/// Kinds of errors that are counted apart; the others are counted together.
const ERROR_CODES: usize = 128;
/// A listener that leaves so much unread is disconnected (client-output-buffer-limit pubsub).
const MAIL_MAX_BYTES: usize = 32 << 20;

impl ClientInfo {
    /// Sends a message that is encoded already.
    pub fn post(&self, message: &[u8]) {
        if self.mailbox.push(message) > MAIL_MAX_BYTES {
            self.kill();
        }
    }

    /// Notes the bytes of requests and of replies; the network layer knows them.
    #[inline]
    pub fn note_bytes(&self, query: usize, reply: usize) {
        self.query_bytes.store(query as u64, Relaxed);
        self.reply_bytes.store(reply as u64, Relaxed);
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
    /// Dumps sent by SYNC and PSYNC.
    pub full_syncs: AtomicU64,
    /// latency-tracking: how long calls take is kept as a histogram.
    pub tracks_latency: Arc<AtomicBool>,
    /// maxclients: connections at once.
    pub clients_max: AtomicUsize,
    /// maxclients can be set to this: as many as the system has files for.
    pub clients_limit: AtomicUsize,
    /// timeout: seconds after which an idle client is disconnected; 0 is never.
    pub timeout_s: AtomicU64,
    /// tcp-keepalive: seconds between probes of new connections; 0 sends none.
    pub keepalive_s: AtomicU64,
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
            full_syncs: AtomicU64::new(0),
            tracks_latency: Arc::new(AtomicBool::new(true)),
            clients_max: AtomicUsize::new(10_000),
            clients_limit: AtomicUsize::new(usize::MAX),
            timeout_s: AtomicU64::new(0),
            keepalive_s: AtomicU64::new(300),
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
        let mut code = text.split(' ').next().unwrap_or_default();
        let mut errors = lock(&self.errors);
        // Scripts make up words of their own.
        if errors.len() >= ERROR_CODES && !errors.contains_key(code) {
            code = "ERRORSTATS_OVERFLOW";
        }
        *errors.entry(code.to_string()).or_default() += 1;
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
        let counters = Arc::new(Counters::new(Arc::clone(&self.tracks_latency)));
        lock(&self.counters).push(Arc::clone(&counters));
        counters
    }
    /// Sums over all engines.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        lock(&self.counters).iter().for_each(|counters| counters.add_to(&mut totals));
        totals
    }
    /// Sums of the command in this place.
    pub fn command_totals(&self, place: usize) -> CommandTotals {
        let mut sum = CommandTotals::default();
        lock(&self.counters).iter().for_each(|counters| counters.add_command_to(place, &mut sum));
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
        self.full_syncs.store(0, Relaxed);
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

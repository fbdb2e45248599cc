//! State of one connection.
use crate::blocked::Waiter;
use crate::server::{lock, ClientInfo, ServerState};
use crate::tracking::Tracking;
use crate::watch::Watching;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Instant;

/// A connection, or an embedded user. It stands in the client table while it lives.
#[derive(Debug)]
pub struct Session {
    /// CLIENT ID.
    pub id: u64,
    /// Selected database; set it with [`Session::select`].
    pub db: u32,
    /// Whether the client asked for RESP3; the engine sets the reply writer to it before every
    /// command.
    pub resp3: bool,
    /// Whether the client gave the password, or none is asked for.
    pub authenticated: bool,
    /// The connection is to be closed once the reply is sent.
    pub close_after_reply: bool,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// Commands queued since MULTI; set it with [`Session::set_transaction`].
    pub transaction: Option<Transaction>,
    /// WATCH.
    pub watching: Option<Watching>,
    /// CLIENT TRACKING.
    pub tracking: Option<Box<Tracking>>,
    /// A command that waits for keys: no other runs before it has been answered.
    pub waiting: Option<Waiting>,
    /// REPLCONF.
    pub replica: Replica,
    /// What CLIENT LIST shows.
    pub info: Arc<ClientInfo>,
    state: Arc<ServerState>,
    /// It stands in for a session of another thread, and is not its owner.
    is_proxy: bool,
}

/// A command that waits.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Until when; for ever without.
    pub until: Option<Instant>,
}

/// What a client has told with REPLCONF.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replica {
    /// It is a server, and would follow what changes after the dump.
    pub is_server: bool,
    /// It wants a dump and nothing after it.
    pub dump_only: bool,
    /// Of the dump only the functions.
    pub functions_only: bool,
}

/// CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replies {
    /// As usual.
    #[default]
    On,
    /// None until ON.
    Off,
    /// SKIP was just called: none for this call.
    SkipNext,
    /// None for the command after SKIP.
    Skip,
}

/// Commands queued since MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Whole requests, in order.
    pub queue: Vec<Vec<Vec<u8>>>,
    /// A command was refused while queueing: EXEC aborts.
    pub aborted: bool,
    /// One of the commands writes.
    pub writes: bool,
    /// One of them needs memory.
    pub needs_memory: bool,
    /// Bytes of the requests.
    pub bytes: usize,
}

impl Session {
    /// Enters a connection into the client table; addresses as `ip:port`.
    pub fn new(state: &Arc<ServerState>, addr: String, laddr: String, fd: i64) -> Self {
        let info = state.register(addr, laddr, fd);
        Self::of_client(state, info)
    }

    /// Stands in for the session of a client whose command waits.
    pub fn proxy(state: &Arc<ServerState>, waiter: &Waiter) -> Self {
        let mut session = Self::of_client(state, Arc::clone(&waiter.client));
        session.is_proxy = true;
        session.authenticated = true;
        (session.db, session.resp3) = (waiter.db, waiter.resp3);
        session
    }

    fn of_client(state: &Arc<ServerState>, info: Arc<ClientInfo>) -> Self {
        Self {
            id: info.id,
            db: 0,
            resp3: false,
            authenticated: state.is_open(),
            close_after_reply: false,
            replies: Replies::On,
            transaction: None,
            watching: None,
            tracking: None,
            waiting: None,
            replica: Replica::default(),
            info,
            state: Arc::clone(state),
            is_proxy: false,
        }
    }

    /// A session without a connection; it needs no password.
    pub fn embedded(state: &Arc<ServerState>) -> Self {
        let mut session = Self::new(state, String::new(), String::new(), -1);
        session.authenticated = true;
        session
    }

    /// Selects a database.
    pub fn select(&mut self, db: u32) {
        self.db = db;
        self.info.db.store(db, Relaxed);
    }

    /// Chooses the protocol.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
        self.info.resp.store(if resp3 { 3 } else { 2 }, Relaxed);
    }

    /// Begins or ends a transaction.
    pub fn set_transaction(&mut self, transaction: Option<Transaction>) {
        self.info.queued.store(if transaction.is_some() { 0 } else { -1 }, Relaxed);
        self.transaction = transaction;
    }

    /// RESET: what a new connection has, apart from its id and the client library's name.
    pub fn reset(&mut self) {
        self.select(0);
        self.set_resp3(false);
        self.set_transaction(None);
        self.watching = None;
        self.replica = Replica::default();
        self.authenticated = self.state.is_open();
        self.info.no_evict.store(false, Relaxed);
        self.info.no_touch.store(false, Relaxed);
        lock(&self.info.names).name.clear();
    }

    /// What it shares with others.
    pub(crate) fn state(&self) -> &ServerState {
        &self.state
    }

    /// Whether CLIENT KILL asked for the end of this connection.
    pub fn is_killed(&self) -> bool {
        self.info.killed.load(Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_proxy {
            self.state.unregister(self.id);
        }
    }
}

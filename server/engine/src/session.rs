//! State of one connection.
use crate::server::{ClientInfo, ServerState};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

/// A connection, or an embedded user. It stands in the client table while it lives.
#[derive(Debug)]
pub struct Session {
    /// CLIENT ID.
    pub id: u64,
    /// Selected database.
    pub db: u32,
    /// Whether the client asked for RESP3.
    pub resp3: bool,
    /// The connection is to be closed once the reply is sent.
    pub close_after_reply: bool,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// Commands queued since MULTI.
    pub transaction: Option<Transaction>,
    /// WATCH was called: on a dataset that nobody writes, EXEC never fails because of it.
    pub watching: bool,
    /// What CLIENT LIST shows.
    pub info: Arc<ClientInfo>,
    state: Arc<ServerState>,
}

/// CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replies {
    /// As usual.
    #[default]
    On,
    /// None until ON.
    Off,
    /// None for the next command.
    SkipNext,
    /// None for this command, which is the one after SKIP.
    Skip,
}

/// Commands queued since MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Whole requests, in order.
    pub queue: Vec<Vec<Vec<u8>>>,
    /// A command was refused while queueing: EXEC aborts.
    pub aborted: bool,
}

impl Session {
    /// Enters a connection into the client table; addresses as `ip:port`.
    pub fn new(state: &Arc<ServerState>, addr: String, laddr: String, fd: i64) -> Self {
        let info = state.register(addr, laddr, fd);
        Self {
            id: info.id,
            db: 0,
            resp3: false,
            close_after_reply: false,
            replies: Replies::On,
            transaction: None,
            watching: false,
            info,
            state: Arc::clone(state),
        }
    }

    /// A session without a connection.
    pub fn embedded(state: &Arc<ServerState>) -> Self {
        Self::new(state, String::new(), String::new(), -1)
    }

    /// Selects a database.
    pub fn select(&mut self, db: u32) {
        self.db = db;
        self.info.db.store(db, Relaxed);
    }

    /// Chooses the protocol; the writer of the connection has to be told too.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
        self.info.resp.store(if resp3 { 3 } else { 2 }, Relaxed);
    }

    /// Whether CLIENT KILL asked for the end of this connection.
    pub fn is_killed(&self) -> bool {
        self.info.killed.load(Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.state.unregister(self.id);
    }
}

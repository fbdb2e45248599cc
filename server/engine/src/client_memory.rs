//! Memory that clients take: their unexecuted requests, unsent replies, queued commands, and what
//! they watch and listen to. It counts against `maxmemory`; beyond `maxmemory-clients` the clients
//! that take most of it are disconnected.
//!
//! A connection reckons its own share anew at the end of its turn, and so the sum is kept without
//! looking at the others.
use crate::server::{ClientInfo, ServerState};
use crate::session::Session;
use std::cmp::Reverse;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// Memory of a connection that does nothing, about.
const IDLE_BYTES: u64 = 2048;
/// Memory of a watched key, a channel, a prefix, about.
const ITEM_BYTES: usize = 80;
/// A lower limit would leave nobody a connection to make it higher.
const LEAST_LIMIT_BYTES: u64 = 128 << 10;

/// What one client takes beside its buffers.
#[derive(Debug, Default)]
pub struct Share {
    /// Bytes of commands queued by MULTI.
    pub queued: AtomicU64,
    /// Bytes of what it watches and listens to.
    kept: AtomicU64,
    /// What of all is in the sum.
    counted: AtomicU64,
}

/// What all clients take.
#[derive(Debug, Default)]
pub struct ClientMemory {
    total: AtomicU64,
    /// 0 is no limit.
    limit: AtomicU64,
    evicted: AtomicU64,
}

impl ClientMemory {
    /// Bytes of all clients.
    pub fn total_bytes(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Clients that were disconnected.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.evicted.store(0, Relaxed);
    }

    fn replace(&self, info: &ClientInfo, bytes: u64) {
        // Mostly nothing has changed, which costs nothing.
        if info.memory.counted.load(Relaxed) == bytes {
            return;
        }
        let before = info.memory.counted.swap(bytes, AcqRel);
        if before != bytes {
            self.total.fetch_add(bytes.wrapping_sub(before), AcqRel);
        }
    }

    /// A client is gone.
    pub fn forget(&self, info: &ClientInfo) {
        self.replace(info, 0);
    }
}

impl ClientInfo {
    /// Memory that the client takes.
    pub fn memory_bytes(&self) -> u64 {
        let waiting = self.query_bytes.load(Relaxed) + self.reply_bytes.load(Relaxed);
        let Share { queued, kept, .. } = &self.memory;
        IDLE_BYTES + waiting + queued.load(Relaxed) + kept.load(Relaxed)
    }
}

impl Session {
    /// Reckons anew what the connection takes, of which so much are requests and replies that wait.
    /// When all take too much, those that take most are closed, it may be this one.
    pub fn note_memory(&self, query_bytes: usize, reply_bytes: usize) {
        self.info.note_bytes(query_bytes, reply_bytes);
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.bytes);
        let watched = self.watching.as_ref().map_or(0, |watching| watching.keys.len());
        let prefixes = self.tracking.as_ref().map_or(0, |tracking| tracking.prefixes.len());
        let heard: usize = self.info.subscriptions.iter().map(|topics| topics.load(Relaxed)).sum();
        let share = &self.info.memory;
        share.queued.store(queued as u64, Relaxed);
        share.kept.store(((watched + prefixes + heard) * ITEM_BYTES) as u64, Relaxed);
        if !self.is_killed() {
            self.state().client_memory.replace(&self.info, self.info.memory_bytes());
            self.state().evict_clients();
        }
    }
}

impl ServerState {
    /// Clients may take so much memory from now on; 0 is no limit.
    pub fn limit_clients(&self, bytes: u64) {
        let limit = if bytes == 0 { 0 } else { bytes.max(LEAST_LIMIT_BYTES) };
        self.client_memory.limit.store(limit, Relaxed);
        self.evict_clients();
    }

    #[inline]
    fn evict_clients(&self) {
        let ClientMemory { total, limit, .. } = &self.client_memory;
        let limit = limit.load(Relaxed);
        if limit != 0 && total.load(Acquire) >= limit {
            self.evict_largest(limit);
        }
    }

    #[cold]
    fn evict_largest(&self, limit: u64) {
        let mut clients = self.clients();
        clients.retain(|client| client.fd >= 0 && !client.no_evict.load(Relaxed));
        clients.sort_by_key(|client| Reverse(client.memory.counted.load(Relaxed)));
        for client in clients {
            if self.client_memory.total_bytes() < limit {
                return;
            }
            client.kill();
            self.client_memory.forget(&client);
            self.client_memory.evicted.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_largest_go_until_the_rest_fits_and_the_spared_stay() {
        let state = Arc::new(ServerState::new());
        let sessions = [300_000, 200_000, 100_000, 400_000].map(|bytes| {
            let session = Session::new(&state, String::new(), String::new(), 1);
            session.note_memory(bytes, 0);
            session
        });
        sessions[3].info.no_evict.store(true, Relaxed);
        assert_eq!(state.client_memory.total_bytes(), 1_000_000 + 4 * IDLE_BYTES);
        state.limit_clients(800_000);
        let killed = sessions.iter().map(Session::is_killed);
        assert_eq!(killed.collect::<Vec<_>>(), [true, false, false, false]);
        assert_eq!(state.client_memory.evicted(), 1);
        drop(sessions);
        assert_eq!(state.client_memory.total_bytes(), 0);
    }
}

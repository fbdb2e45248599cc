//! Clients that wait for keys: BLPOP and its kin, XREAD BLOCK, WAIT.
//!
//! A command that finds nothing and may wait leaves a [`Waiter`] here. A write that could serve it
//! marks its key ready; when the command (or the whole transaction) that wrote has ended, the
//! engine runs the waiting commands of the ready keys again, in the order in which they came. One
//! that still finds nothing goes on waiting; of one that answers, the reply goes into the client's
//! mailbox.
use crate::server::ClientInfo;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

/// A command that waits.
#[derive(Debug, Clone)]
pub struct Waiter {
    /// The client.
    pub client: Arc<ClientInfo>,
    /// The database selected when it began.
    pub db: u32,
    /// Whether the reply is in RESP3.
    pub resp3: bool,
    /// The whole request.
    pub request: Vec<Vec<u8>>,
    /// Record keys it waits for.
    pub keys: Vec<Vec<u8>>,
    /// The reply when the time is over, encoded.
    pub timeout_reply: Vec<u8>,
    /// CLIENT PAUSE holds it back: it has not been run, and waits for no key.
    pub is_held: bool,
    /// A key that goes away ends the wait with an error too (XREADGROUP).
    pub wakes_when_gone: bool,
}

/// Those that wait.
#[derive(Debug, Default)]
pub struct Blocked {
    waiters: HashMap<u64, Waiter>,
    by_key: HashMap<Vec<u8>, VecDeque<u64>>,
    ready: VecDeque<Vec<u8>>,
}

impl Blocked {
    /// Begins to wait.
    pub fn add(&mut self, waiter: Waiter) {
        let id = waiter.client.id;
        waiter.client.is_waiting.store(true, Relaxed);
        for key in &waiter.keys {
            let queue = self.by_key.entry(key.clone()).or_default();
            if !queue.contains(&id) {
                queue.push_back(id);
            }
        }
        self.waiters.insert(id, waiter);
    }

    /// Ends a client's wait; what it waited with.
    pub fn remove(&mut self, client: u64) -> Option<Waiter> {
        let waiter = self.waiters.remove(&client)?;
        waiter.client.is_waiting.store(false, Relaxed);
        for key in &waiter.keys {
            if let Some(queue) = self.by_key.get_mut(key) {
                queue.retain(|id| *id != client);
                if queue.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        Some(waiter)
    }

    /// Number of clients that wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Whether this client waits.
    pub fn waits(&self, client: u64) -> bool {
        self.waiters.contains_key(&client)
    }

    /// Whether this client waits for keys.
    pub fn waits_for_keys(&self, client: u64) -> bool {
        self.waiters.get(&client).is_some_and(|waiter| !waiter.is_held)
    }

    /// Clients whose commands are held back.
    pub fn held(&self) -> Vec<Arc<ClientInfo>> {
        let held = self.waiters.values().filter(|waiter| waiter.is_held);
        held.map(|waiter| Arc::clone(&waiter.client)).collect()
    }

    /// A key may serve those who wait for it.
    #[inline]
    pub fn signal(&mut self, record_key: &[u8]) {
        if !self.by_key.is_empty() && self.by_key.contains_key(record_key) {
            self.mark_ready(record_key);
        }
    }

    /// A key is gone or of another type: only those who wait for its end are served.
    #[inline]
    pub fn signal_gone(&mut self, record_key: &[u8]) {
        if self.by_key.is_empty() {
            return;
        }
        let Some(queue) = self.by_key.get(record_key) else { return };
        let wakes = |id: &u64| self.waiters.get(id).is_some_and(|waiter| waiter.wakes_when_gone);
        if queue.iter().any(wakes) {
            self.mark_ready(record_key);
        }
    }

    fn mark_ready(&mut self, record_key: &[u8]) {
        if !self.ready.iter().any(|ready| ready == record_key) {
            self.ready.push_back(record_key.to_vec());
        }
    }

    /// The next ready key (its record key) and those who wait for it, in their order.
    #[inline]
    pub fn next_ready(&mut self) -> Option<(Vec<u8>, Vec<Waiter>)> {
        let key = self.ready.pop_front()?;
        let queue = self.by_key.get(&key).cloned().unwrap_or_default();
        let waiters = queue.iter().filter_map(|id| self.waiters.get(id).cloned()).collect();
        Some((key, waiters))
    }

    /// Keys that someone waits for.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.by_key.keys().cloned().collect()
    }
}

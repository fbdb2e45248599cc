//! CLIENT TRACKING: who must be told that a key it may have kept a copy of has changed.
//!
//! A tracking client is remembered under each key it reads, and told once when that changes; in
//! broadcasting mode it is told of every change under its prefixes. Messages go to the client
//! itself (RESP3) or to the one it has redirected them to.
use crate::pubsub;
use crate::server::{ClientInfo, ServerState};
use crate::types::sample::Random;
use hashbrown::hash_table::{Entry, HashTable};
use redtool_format::resp::Writer;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

/// Which reads are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All.
    All,
    /// That of the command after CLIENT CACHING YES.
    OptIn,
    /// All but that of the command after CLIENT CACHING NO.
    OptOut,
    /// None: every change under the prefixes is told.
    Broadcast,
}

/// How a session tracks.
#[derive(Debug)]
pub struct Tracking {
    /// Which reads are remembered.
    pub mode: Mode,
    /// Of broadcasting mode; an empty one means every key.
    pub prefixes: Vec<Vec<u8>>,
    /// CLIENT CACHING, for the next command.
    pub caching: Option<bool>,
    /// How it is told.
    pub listener: Listener,
}

impl Tracking {
    /// Whether the keys that a command reads are to be remembered.
    pub fn remembers(&self) -> bool {
        match self.mode {
            Mode::All => true,
            Mode::OptIn => self.caching == Some(true),
            Mode::OptOut => self.caching != Some(false),
            Mode::Broadcast => false,
        }
    }
}

/// A tracking client, and how it is told.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The client.
    pub client: Arc<ClientInfo>,
    /// The one that is told in its stead.
    pub redirect: Option<u64>,
    /// It is not told of its own changes.
    pub no_loop: bool,
}

type Listeners = BTreeMap<u64, Listener>;

/// What is remembered. A client that has ended leaves its id under the keys that it read, which
/// costs nobody a walk over them: an id without a listener is told nothing.
#[derive(Debug)]
pub struct Remembered {
    /// Those whose reads are remembered.
    readers: Listeners,
    keys: ReadKeys,
    prefixes: BTreeMap<Vec<u8>, Listeners>,
    most_keys: usize,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            readers: Listeners::new(),
            keys: ReadKeys::default(),
            prefixes: BTreeMap::new(),
            most_keys: MOST_KEYS,
        }
    }
}

/// Keys that were read, and the ids of those who did.
#[derive(Debug, Default)]
struct ReadKeys {
    table: HashTable<(Box<[u8]>, BTreeSet<u64>)>,
    hasher: RandomState,
    random: Random,
    /// How often a client stands under a key.
    items: usize,
    /// Bytes of the keys.
    bytes: usize,
}

impl ReadKeys {
    /// Memory of a key, and of a client under it, beside its bytes, about.
    const KEY_BYTES: usize = 64;
    const ITEM_BYTES: usize = 128;

    fn add(&mut self, key: &[u8], client: u64) {
        let hasher = &self.hasher;
        let found = self.table.entry(
            hasher.hash_one(key),
            |(other, _)| **other == *key,
            |(other, _)| hasher.hash_one(&**other),
        );
        match found {
            Entry::Occupied(mut found) => {
                self.items += usize::from(found.get_mut().1.insert(client));
            }
            Entry::Vacant(place) => {
                place.insert((key.into(), BTreeSet::from([client])));
                self.items += 1;
                self.bytes += key.len();
            }
        }
    }

    fn remove(&mut self, key: &[u8]) -> Option<BTreeSet<u64>> {
        let hash = self.hasher.hash_one(key);
        let found = self.table.find_entry(hash, |(other, _)| **other == *key).ok()?;
        let ((key, clients), _) = found.remove();
        self.items -= clients.len();
        self.bytes -= key.len();
        Some(clients)
    }

    fn clear(&mut self) {
        self.table.clear();
        (self.items, self.bytes) = (0, 0);
    }

    /// One of the keys, chosen by chance.
    fn any(&mut self) -> Option<Box<[u8]>> {
        let buckets = self.table.num_buckets();
        let start = self.random.below(buckets as u64) as usize;
        let mut all = (start..buckets).chain(0..start);
        all.find_map(|bucket| self.table.get_bucket(bucket)).map(|(key, _)| key.clone())
    }
}

/// Beyond so many keys (tracking-table-max-keys; 0 is no limit) some are let go, by telling that
/// they may have changed.
const MOST_KEYS: usize = 1_000_000;

impl Remembered {
    /// Whether nobody tracks anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys.table.is_empty() && self.prefixes.is_empty()
    }

    /// Keys remembered, clients under them, and prefixes.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.keys.table.len(), self.keys.items, self.prefixes.len())
    }

    /// Memory that the keys take, about.
    pub fn bytes(&self) -> usize {
        let ReadKeys { table, items, bytes, .. } = &self.keys;
        bytes + table.len() * ReadKeys::KEY_BYTES + items * ReadKeys::ITEM_BYTES
    }

    /// So many keys are remembered from now on.
    pub fn limit(&mut self, most: usize, state: &ServerState) {
        self.most_keys = most;
        self.let_go(state);
    }

    /// Lets keys go while there are too many.
    fn let_go(&mut self, state: &ServerState) {
        while self.most_keys != 0 && self.keys.table.len() > self.most_keys {
            let Some(victim) = self.keys.any() else { return };
            self.tell_readers(&victim, 0, state);
        }
    }

    /// A client's reads are remembered from now on.
    pub fn listen(&mut self, listener: &Listener) {
        self.readers.insert(listener.client.id, listener.clone());
    }

    /// A client has read a key.
    pub fn read(&mut self, key: &[u8], client: u64, state: &ServerState) {
        self.keys.add(key, client);
        self.let_go(state);
    }

    /// A client begins to broadcast under a prefix.
    pub fn broadcast(&mut self, prefix: &[u8], listener: &Listener) {
        let listeners = self.prefixes.entry(prefix.to_vec()).or_default();
        listeners.insert(listener.client.id, listener.clone());
    }

    /// A client no longer tracks.
    pub fn forget(&mut self, client: u64) {
        for listeners in self.prefixes.values_mut() {
            listeners.remove(&client);
        }
        self.prefixes.retain(|_, listeners| !listeners.is_empty());
        self.readers.remove(&client);
        if self.readers.is_empty() {
            self.keys.clear();
        }
    }

    /// A key has changed, by a client (0: by its time).
    pub fn changed(&mut self, key: &[u8], by: u64, state: &ServerState) {
        self.tell_readers(key, by, state);
        for (prefix, listeners) in &self.prefixes {
            if key.starts_with(prefix) {
                tell_change(listeners.values(), key, by, state);
            }
        }
    }

    /// Those who have read a key are told, and forgotten with it.
    fn tell_readers(&mut self, key: &[u8], by: u64, state: &ServerState) {
        if let Some(ids) = self.keys.remove(key) {
            let readers = ids.iter().filter_map(|id| self.readers.get(id));
            tell_change(readers, key, by, state);
        }
    }

    /// Every key is gone.
    pub fn flushed(&mut self, state: &ServerState) {
        let mut all = self.readers.clone();
        for listeners in self.prefixes.values() {
            all.extend(listeners.iter().map(|(id, listener)| (*id, listener.clone())));
        }
        self.keys.clear();
        all.values().for_each(|listener| tell(listener, None, state));
    }
}

/// Tells clients that a key has changed, but not the one that did it and does not want to know.
fn tell_change<'l>(
    listeners: impl Iterator<Item = &'l Listener>,
    key: &[u8],
    by: u64,
    state: &ServerState,
) {
    let is_meant = |listener: &&Listener| !(listener.no_loop && listener.client.id == by);
    listeners.filter(is_meant).for_each(|listener| tell(listener, Some(key), state));
}

/// Sends an invalidation; without a key, of all keys.
fn tell(listener: &Listener, key: Option<&[u8]>, state: &ServerState) {
    let Some(target) = listener.redirect else {
        if listener.client.resp.load(Relaxed) == 3 {
            listener.client.post(&invalidation(key, true));
        }
        return;
    };
    match state.client(target) {
        Some(target) => {
            let resp3 = target.resp.load(Relaxed) == 3;
            if resp3 || target.is_listening() {
                target.post(&invalidation(key, resp3));
            }
        }
        None => {
            listener.client.broken_redirect.store(true, Relaxed);
            if listener.client.resp.load(Relaxed) == 3 {
                let id = target.to_string();
                let words = [&b"tracking-redir-broken"[..], id.as_bytes()];
                listener.client.post(&pubsub::encode(&words, true));
            }
        }
    }
}

fn invalidation(key: Option<&[u8]>, resp3: bool) -> Vec<u8> {
    let mut out = Writer::new();
    out.set_resp3(resp3);
    if resp3 {
        out.push(2);
        out.bulk(b"invalidate");
    } else {
        out.push(3);
        out.bulk(b"message");
        out.bulk(b"__redis__:invalidate");
    }
    match key {
        Some(key) => {
            out.array(1);
            out.bulk(key);
        }
        None => out.null(),
    }
    std::mem::take(out.buffer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_ended_is_told_nothing_and_the_last_leaves_nothing() {
        let (state, mut remembered) = (ServerState::new(), Remembered::default());
        let [gone, there] = [(); 2].map(|()| {
            let client = state.register(String::new(), String::new(), -1);
            client.resp.store(3, Relaxed);
            let listener = Listener { client, redirect: None, no_loop: false };
            remembered.listen(&listener);
            remembered.read(b"k", listener.client.id, &state);
            listener.client
        });
        remembered.forget(gone.id);
        remembered.changed(b"k", 0, &state);
        assert!(gone.mailbox.take().pushes.is_empty());
        assert_eq!(there.mailbox.take().pushes, invalidation(Some(b"k"), true));
        remembered.read(b"k", there.id, &state);
        remembered.forget(there.id);
        assert!(remembered.is_empty());
        assert_eq!((remembered.bytes(), remembered.counts()), (0, (0, 0, 0)));
    }

    #[test]
    fn beyond_the_limit_readers_are_told_of_keys_that_did_not_change() {
        let (state, mut remembered) = (ServerState::new(), Remembered::default());
        let client = state.register(String::new(), String::new(), -1);
        client.resp.store(3, Relaxed);
        remembered.listen(&Listener {
            client: Arc::clone(&client),
            redirect: None,
            no_loop: false,
        });
        for n in 0..100u32 {
            remembered.read(&n.to_be_bytes(), client.id, &state);
        }
        remembered.limit(10, &state);
        assert_eq!(remembered.counts(), (10, 10, 0));
        let told = invalidation(Some(&[0; 4]), true).len() * 90;
        assert_eq!(client.mailbox.take().pushes.len(), told);
        remembered.limit(0, &state);
        remembered.read(b"another", client.id, &state);
        assert_eq!(remembered.counts().0, 11);
    }
}

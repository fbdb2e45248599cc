//! Who listens to which channel.
//!
//! Messages are written once a protocol and put into the mailboxes of the listeners. A client is
//! known by its [`ClientInfo`], whose counters say how many channels of each kind it listens to.
use crate::glob;
use crate::server::ClientInfo;
use redtool_format::resp::Writer;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

/// Listeners by id.
type Listeners = BTreeMap<u64, Arc<ClientInfo>>;

/// What a client can listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A channel.
    Channel,
    /// Every channel that matches a pattern.
    Pattern,
    /// A channel of a slot.
    Shard,
}

/// The listeners of a server.
#[derive(Debug, Default)]
pub struct PubSub {
    topics: [HashMap<Vec<u8>, Listeners>; 3],
}

impl PubSub {
    /// Adds a listener; whether it is new.
    pub fn subscribe(&mut self, topic: Topic, name: &[u8], client: &Arc<ClientInfo>) -> bool {
        let listeners = self.topics[topic as usize].entry(name.to_vec()).or_default();
        let is_new = listeners.insert(client.id, Arc::clone(client)).is_none();
        if is_new {
            client.subscriptions[topic as usize].fetch_add(1, Relaxed);
        }
        is_new
    }

    /// Removes a listener; whether it was one.
    pub fn unsubscribe(&mut self, topic: Topic, name: &[u8], client: &ClientInfo) -> bool {
        let Some(listeners) = self.topics[topic as usize].get_mut(name) else { return false };
        let removed = listeners.remove(&client.id).is_some();
        if listeners.is_empty() {
            self.topics[topic as usize].remove(name);
        }
        if removed {
            client.subscriptions[topic as usize].fetch_sub(1, Relaxed);
        }
        removed
    }

    /// What a client listens to.
    pub fn of_client(&self, topic: Topic, client: &ClientInfo) -> Vec<Vec<u8>> {
        if client.subscriptions[topic as usize].load(Relaxed) == 0 {
            return Vec::new();
        }
        let heard = |(name, listeners): (&Vec<u8>, &Listeners)| {
            listeners.contains_key(&client.id).then(|| name.clone())
        };
        self.topics[topic as usize].iter().filter_map(heard).collect()
    }

    /// A client is gone.
    pub fn forget(&mut self, client: &ClientInfo) {
        for topic in [Topic::Channel, Topic::Pattern, Topic::Shard] {
            for name in self.of_client(topic, client) {
                self.unsubscribe(topic, &name, client);
            }
        }
    }

    /// Whether nobody listens to anything.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.topics.iter().all(HashMap::is_empty)
    }

    /// Sends a message to all who listen to a channel; how many there were.
    pub fn publish(&self, channel: &[u8], message: &[u8]) -> usize {
        let mut sent = 0;
        if let Some(listeners) = self.topics[Topic::Channel as usize].get(channel) {
            let words = [&b"message"[..], channel, message];
            sent += send(listeners.values(), &words);
        }
        for (pattern, listeners) in &self.topics[Topic::Pattern as usize] {
            if glob::matches(pattern, channel, false) {
                let words = [&b"pmessage"[..], pattern, channel, message];
                sent += send(listeners.values(), &words);
            }
        }
        sent
    }

    /// Sends a message to all who listen to a channel of a slot.
    pub fn publish_sharded(&self, channel: &[u8], message: &[u8]) -> usize {
        match self.topics[Topic::Shard as usize].get(channel) {
            Some(listeners) => send(listeners.values(), &[b"smessage", channel, message]),
            None => 0,
        }
    }

    /// The names that somebody listens to, with how many do.
    pub fn names(&self, topic: Topic) -> impl Iterator<Item = (&[u8], usize)> {
        self.topics[topic as usize].iter().map(|(name, all)| (&name[..], all.len()))
    }

    /// Listeners of one name.
    pub fn listeners(&self, topic: Topic, name: &[u8]) -> usize {
        self.topics[topic as usize].get(name).map_or(0, BTreeMap::len)
    }
}

/// Puts a push of these words into the mailboxes.
fn send<'c>(clients: impl Iterator<Item = &'c Arc<ClientInfo>>, words: &[&[u8]]) -> usize {
    let mut encoded: [Option<Vec<u8>>; 2] = [None, None];
    let mut sent = 0;
    for client in clients {
        let resp3 = client.resp.load(Relaxed) == 3;
        let bytes = encoded[usize::from(resp3)].get_or_insert_with(|| encode(words, resp3));
        client.post(bytes);
        sent += 1;
    }
    sent
}

/// A push of bulk strings.
pub fn encode(words: &[&[u8]], resp3: bool) -> Vec<u8> {
    let mut out = Writer::new();
    out.set_resp3(resp3);
    out.push(words.len());
    for word in words {
        out.bulk(word);
    }
    std::mem::take(out.buffer())
}

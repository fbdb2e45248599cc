//! Stream nodes: a listpack of messages relative to a master id.
use super::listpack::Iter as Items;
use super::Item;
use crate::error::Result;

/// A stream id; orders as Redis orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds.
    pub ms: u64,
    /// Sequence within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// 0-0.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The largest id.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };
    /// From 16 bytes, both halves big-endian.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let (ms, seq) = bytes.split_at(8);
        let half = |half: &[u8]| half.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        Self { ms: half(ms), seq: half(seq) }
    }
    /// To 16 bytes, both halves big-endian.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// A node: master id, listpack, and its master entry read.
#[derive(Clone)]
pub struct Node<'a> {
    /// The id that messages are relative to.
    pub master_id: StreamId,
    /// Live messages, by the master entry.
    pub live: u64,
    /// Deleted messages still in place, by the master entry.
    pub deleted: u64,
    /// Names of the master's fields.
    pub fields: Vec<Item<'a>>,
    _items: Items<'a>,
}

/// One message of a node.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// Its id.
    pub id: StreamId,
    /// Whether it is marked deleted.
    pub deleted: bool,
    /// (field, value) pairs in order.
    pub fields: Vec<(Item<'a>, Item<'a>)>,
}

impl<'a> Node<'a> {
    /// Reads the master entry.
    pub fn parse(master_id: StreamId, listpack: &'a [u8]) -> Result<Self> {
        let _ = (master_id, listpack);
        todo!()
    }
    /// Messages in order, deleted ones included (marked).
    pub fn messages(&self) -> Messages<'a> {
        todo!()
    }
    /// Deep validation: counts, terminator, lp-count of each message.
    pub fn validate(&self) -> Result<()> {
        todo!()
    }
}

/// Walks the messages of a node.
#[derive(Clone)]
pub struct Messages<'a> {
    _items: Items<'a>,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

//! Building a stream node, as a server does: the first message is the master.
use super::{StreamId, FLAG_DELETED, FLAG_SAME_FIELDS};
use crate::encodings::listpack;
use crate::encodings::Item;

/// Builds the listpack of a node. Messages must come in ascending order of ids.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    /// The finished node.
    node: listpack::Builder,
    /// Entries of the messages, to stand behind the master entry.
    body: listpack::Builder,
    /// Field names of the master entry.
    names: listpack::Builder,
    master_id: StreamId,
    live: i64,
    deleted: i64,
}

impl Builder {
    /// A node without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a message; the first one's id and field names become the master's.
    pub fn push(&mut self, id: StreamId, deleted: bool, fields: &[(Item<'_>, Item<'_>)]) {
        if self.is_empty() {
            self.master_id = id;
            fields.iter().for_each(|(name, _)| self.names.push_item(*name));
        }
        let same = self.has_master_fields(fields);
        let flags = if deleted { FLAG_DELETED } else { 0 };
        let (ms, seq) = id.difference_from(self.master_id);
        let count = fields.len() as i64;
        self.body.push_int(flags | if same { FLAG_SAME_FIELDS } else { 0 });
        self.body.push_int(ms);
        self.body.push_int(seq);
        if !same {
            self.body.push_int(count);
        }
        for (name, value) in fields {
            if !same {
                self.body.push_item(*name);
            }
            self.body.push_item(*value);
        }
        self.body.push_int(if same { count + 3 } else { 2 * count + 4 });
        *(if deleted { &mut self.deleted } else { &mut self.live }) += 1;
    }

    fn has_master_fields(&self, fields: &[(Item<'_>, Item<'_>)]) -> bool {
        if self.names.count() != fields.len() {
            return false;
        }
        let mut probe = listpack::Builder::new();
        fields.iter().for_each(|(name, _)| probe.push_item(*name));
        probe.encoded() == self.names.encoded()
    }

    /// The id that the node is stored under: that of the first message.
    pub fn master_id(&self) -> StreamId {
        self.master_id
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Number of messages, deleted ones included.
    pub fn count(&self) -> usize {
        (self.live + self.deleted) as usize
    }

    /// Size of the finished blob so far, to within a few bytes.
    pub fn size_bytes(&self) -> usize {
        // The master entry's three counts and its terminator.
        const MASTER_BYTES: usize = 16;
        self.body.size_bytes() + self.names.encoded().len() + MASTER_BYTES
    }

    /// Completes the node and gives its listpack.
    pub fn finish(&mut self) -> &[u8] {
        self.node.clear();
        self.node.push_int(self.live);
        self.node.push_int(self.deleted);
        self.node.push_int(self.names.count() as i64);
        self.node.push_encoded(self.names.encoded(), self.names.count());
        self.node.push_int(0);
        self.node.push_encoded(self.body.encoded(), self.body.count());
        self.node.finish()
    }

    /// Empties the builder, keeping its memory.
    pub fn clear(&mut self) {
        self.body.clear();
        self.names.clear();
        (self.live, self.deleted) = (0, 0);
    }
}

//! Stream nodes: a listpack of messages relative to a master id, which is the node's key.
//!
//! ```text
//! master:   live count | deleted count | F | F field names | 0
//! message:  flags | ms - master.ms | seq - master.seq |
//!           F values (flag 2: the master's fields)  or  n | n × (field, value) |
//!           number of entries of this message before this one: F + 3 or 2n + 4
//!
//! 37000000 1600                                   listpack of 55 bytes, 22 entries; master id 5-0
//! 02 01  01 01  01 01  8166 02  00 01             2 live, 1 deleted, 1 field "f", 0
//! 02 01  00 01  00 01  8176 02  04 01             same fields, +0, +0, "v", 4         5-0 f v
//! 03 01  00 01  03 01  8177 02  04 01             deleted, same fields, +0, +3, "w", 4
//! 00 01  01 01  01 01  01 01  8167 02  01 01  06 01  ff      +1, +1, 1 field, "g", 1, 6   6-1 g 1
//! ```
//! Differences are signed 64-bit numbers and wrap: a message may precede its master id. Deleted
//! messages (flag 1) stay in place until the whole node goes.
mod builder;
pub mod edit;
mod id;

pub use builder::Builder;
pub use id::StreamId;

use super::listpack::{self, Listpack};
use super::Item;
use crate::error::{FormatError, Result};

const FLAG_DELETED: i64 = 1;
const FLAG_SAME_FIELDS: i64 = 2;

/// A node: master id, listpack, and its master entry read.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// The id that messages are relative to.
    pub master_id: StreamId,
    /// Live messages, by the master entry.
    pub live: u64,
    /// Deleted messages still in place, by the master entry.
    pub deleted: u64,
    /// Names of the master's fields.
    pub fields: Vec<Item<'a>>,
    listpack: Listpack<'a>,
    messages: Messages<'a>,
}

/// One message of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
        let listpack = Listpack::parse(listpack)?;
        let mut items = listpack.iter();
        let live = read_count(&mut items, "live messages")?;
        let deleted = read_count(&mut items, "deleted messages")?;
        let field_count = read_count(&mut items, "master fields")?;
        let names = items.clone();
        let mut fields = Vec::new();
        for _ in 0..field_count {
            fields.push(read_item(&mut items)?);
        }
        read_item(&mut items)?;
        let messages = Messages { master_id, names, field_count, items };
        Ok(Self { master_id, live, deleted, fields, listpack, messages })
    }

    /// Messages in order, deleted ones included (marked).
    pub fn messages(&self) -> Messages<'a> {
        self.messages.clone()
    }

    /// Deep validation: the listpack itself, counts, terminator, entry count of each message.
    pub fn validate(&self) -> Result<()> {
        self.validate_each(|_| ())
    }

    /// Deep validation that also hands on each message, deleted ones included.
    pub fn validate_each(&self, mut each: impl FnMut(&Message<'a>)) -> Result<()> {
        self.listpack.validate()?;
        self.validate_terminator()?;
        let (mut live, mut deleted) = (0, 0);
        let (mut messages, mut message) = (self.messages(), Message::default());
        while let Some(tail) = messages.next_into(&mut message) {
            tail?.validate(&message)?;
            each(&message);
            *(if message.deleted { &mut deleted } else { &mut live }) += 1;
        }
        if (live, deleted) != (self.live, self.deleted) {
            let what = format!(
                "stream node of {live} live and {deleted} deleted messages says {} and {}",
                self.live, self.deleted
            );
            return Err(FormatError::corrupt(0, what));
        }
        Ok(())
    }

    /// The master entry ends with a zero.
    fn validate_terminator(&self) -> Result<()> {
        let mut items = self.messages.names.clone();
        items.advance(self.fields.len())?;
        let at = items.offset();
        match read_item(&mut items)?.as_int() {
            Some(0) => Ok(()),
            _ => Err(FormatError::corrupt(at, "stream master entry does not end with 0")),
        }
    }
}

/// Walks the messages of a node. Ends after an error.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    master_id: StreamId,
    /// Stands before the master's field names.
    names: listpack::Iter<'a>,
    field_count: u64,
    items: listpack::Iter<'a>,
}

/// How a message ends: what only deep validation looks at.
struct Tail<'a> {
    same_fields: bool,
    /// Where the entry count lies.
    offset: usize,
    entry_count: Item<'a>,
}

impl<'a> Messages<'a> {
    /// Byte offset in the node's listpack of the next message.
    pub fn offset(&self) -> usize {
        self.items.offset()
    }

    /// Like `next`, but into a message whose memory is used again.
    pub fn read_into(&mut self, message: &mut Message<'a>) -> Option<Result<()>> {
        self.next_into(message).map(|result| result.map(|_| ()))
    }

    fn next_into(&mut self, message: &mut Message<'a>) -> Option<Result<Tail<'a>>> {
        if self.items.is_at_end() {
            return None;
        }
        let result = self.message(message);
        if result.is_err() {
            self.items.end();
        }
        Some(result)
    }

    fn message(&mut self, message: &mut Message<'a>) -> Result<Tail<'a>> {
        let items = &mut self.items;
        let flags = read_int(items, "message flags")?;
        let ms = read_int(items, "message milliseconds")?;
        let seq = read_int(items, "message sequence")?;
        message.id = self.master_id.moved_by(ms, seq);
        message.deleted = flags & FLAG_DELETED != 0;
        message.fields.clear();
        let same_fields = flags & FLAG_SAME_FIELDS != 0;
        if same_fields {
            let mut names = self.names.clone();
            for _ in 0..self.field_count {
                message.fields.push((read_item(&mut names)?, read_item(items)?));
            }
        } else {
            for _ in 0..read_count(items, "message fields")? {
                message.fields.push((read_item(items)?, read_item(items)?));
            }
        }
        let offset = items.offset();
        Ok(Tail { same_fields, offset, entry_count: read_item(items)? })
    }
}

impl Tail<'_> {
    fn validate(&self, message: &Message<'_>) -> Result<()> {
        let fields = message.fields.len() as i64;
        let want = if self.same_fields { fields + 3 } else { 2 * fields + 4 };
        if self.entry_count.as_int() == Some(want) {
            return Ok(());
        }
        let what = format!("message {} does not end with its entry count {want}", message.id);
        Err(FormatError::corrupt(self.offset, what))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut message = Message::default();
        self.read_into(&mut message).map(|result| result.map(|()| message))
    }
}

#[inline]
fn read_item<'a>(items: &mut listpack::Iter<'a>) -> Result<Item<'a>> {
    let at = items.offset();
    items.next().unwrap_or_else(|| Err(FormatError::corrupt(at, "stream node ends too early")))
}

#[inline]
fn read_int(items: &mut listpack::Iter<'_>, what: &str) -> Result<i64> {
    let at = items.offset();
    let number = read_item(items)?.as_int();
    number.ok_or_else(|| FormatError::corrupt(at, format!("stream node: {what} not a number")))
}

fn read_count(items: &mut listpack::Iter<'_>, what: &str) -> Result<u64> {
    let at = items.offset();
    let count = read_int(items, what)?;
    u64::try_from(count)
        .map_err(|_| FormatError::corrupt(at, format!("stream node: {count} {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blob drawn in the header of this file.
    const EXAMPLE: &[u8] = b"\x37\0\0\0\x16\0\x02\x01\x01\x01\x01\x01\x81f\x02\0\x01\
        \x02\x01\0\x01\0\x01\x81v\x02\x04\x01\
        \x03\x01\0\x01\x03\x01\x81w\x02\x04\x01\
        \0\x01\x01\x01\x01\x01\x01\x01\x81g\x02\x01\x01\x06\x01\xff";
    const MASTER: StreamId = StreamId { ms: 5, seq: 0 };

    fn message<'a>(ms: u64, seq: u64, deleted: bool, field: (&'a str, Item<'a>)) -> Message<'a> {
        let fields = vec![(Item::Str(field.0.as_bytes()), field.1)];
        Message { id: StreamId { ms, seq }, deleted, fields }
    }

    fn example() -> [Message<'static>; 3] {
        [
            message(5, 0, false, ("f", Item::Str(b"v"))),
            message(5, 3, true, ("f", Item::Str(b"w"))),
            message(6, 1, false, ("g", Item::Int(1))),
        ]
    }

    #[test]
    fn the_worked_example_reads_as_described() {
        let node = Node::parse(MASTER, EXAMPLE).unwrap();
        node.validate().unwrap();
        assert_eq!((node.live, node.deleted), (2, 1));
        assert_eq!(node.fields, [Item::Str(b"f")]);
        assert_eq!(node.messages().collect::<Result<Vec<_>>>().unwrap(), example());
    }

    #[test]
    fn the_builder_writes_what_a_server_would() {
        let mut builder = Builder::new();
        for round in 0..2 {
            for message in example() {
                builder.push(message.id, message.deleted, &message.fields);
            }
            assert_eq!(builder.master_id(), MASTER);
            assert!(builder.size_bytes().abs_diff(EXAMPLE.len()) < 16);
            assert_eq!(builder.finish(), EXAMPLE, "round {round}");
            builder.clear();
        }
    }

    #[test]
    fn a_message_may_precede_its_master() {
        let mut builder = Builder::new();
        let fields = [(Item::Str(b"f"), Item::Int(1))];
        let ids = [StreamId { ms: 9, seq: 9 }, StreamId { ms: 8, seq: 0 }, StreamId::MAX];
        ids.iter().for_each(|id| builder.push(*id, false, &fields));
        let node = Node::parse(ids[0], builder.finish()).unwrap();
        node.validate().unwrap();
        let read: Vec<_> = node.messages().map(|message| message.unwrap().id).collect();
        assert_eq!(read, ids);
    }

    #[test]
    fn lies_are_found_by_validate_and_do_not_stop_a_walk() {
        for (at, byte, offset) in [(6, 3, 0), (8, 0, 0), (15, 7, 15), (26, 5, 26), (52, 4, 52)] {
            let mut blob = EXAMPLE.to_vec();
            blob[at] = byte;
            let node = Node::parse(MASTER, &blob).unwrap();
            assert_eq!(node.validate().unwrap_err().offset, offset, "byte {at}");
            assert_eq!(node.messages().filter(Result::is_ok).count(), 3);
        }
    }

    #[test]
    fn messages_cut_short_are_refused_with_their_place_and_end_the_walk() {
        let mut blob = EXAMPLE.to_vec();
        blob[45] = 9;
        let node = Node::parse(MASTER, &blob).unwrap();
        let results: Vec<_> = node.messages().collect();
        assert_eq!(results.len(), 3);
        assert_eq!(results[2].as_ref().unwrap_err().offset, 54);
        assert_eq!(node.validate().unwrap_err().offset, 54);
        blob[10] = 100;
        assert!(Node::parse(MASTER, &blob).is_err());
    }
}

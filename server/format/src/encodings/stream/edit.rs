//! Changing a stream node in place: messages appended, marked deleted, counted, as a server does.
//!
//! The node's master id is not in its listpack, so every function is told it. What is changed is
//! found by walking the entries; no message is decoded.
use super::{read_count, read_int, StreamId, FLAG_DELETED, FLAG_SAME_FIELDS};
use crate::encodings::listpack::edit::{self, New};
use crate::encodings::listpack::{Iter, Listpack};
use crate::error::Result;
use std::ops::Range;

/// Where a message is in its node.
#[derive(Debug, Clone)]
pub struct Place {
    /// The message's id.
    pub id: StreamId,
    /// Whether it is marked deleted.
    pub deleted: bool,
    flags: i64,
    /// The entry of its flags.
    entry: Range<usize>,
}

/// Walks the messages of a node without decoding them. Ends after an error.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    master_id: StreamId,
    field_count: usize,
    items: Iter<'a>,
}

/// The messages of a node, one place after the other.
pub fn places(master_id: StreamId, node: &[u8]) -> Result<Places<'_>> {
    let mut items = Listpack::parse(node)?.iter();
    read_count(&mut items, "live messages")?;
    read_count(&mut items, "deleted messages")?;
    let field_count = as_len(read_count(&mut items, "master fields")?);
    items.advance(field_count.saturating_add(1))?;
    Ok(Places { master_id, field_count, items })
}

fn as_len(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Places<'_> {
    fn place(&mut self) -> Result<Place> {
        let items = &mut self.items;
        let start = items.offset();
        let flags = read_int(items, "message flags")?;
        let entry = start..items.offset();
        let ms = read_int(items, "message milliseconds")?;
        let seq = read_int(items, "message sequence")?;
        let values = match flags & FLAG_SAME_FIELDS {
            0 => as_len(read_count(items, "message fields")?).saturating_mul(2),
            _ => self.field_count,
        };
        // The values, and the number of entries behind them.
        items.advance(values.saturating_add(1))?;
        let id = self.master_id.moved_by(ms, seq);
        Ok(Place { id, deleted: flags & FLAG_DELETED != 0, flags, entry })
    }
}

impl Iterator for Places<'_> {
    type Item = Result<Place>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.items.is_at_end() {
            return None;
        }
        let place = self.place();
        if place.is_err() {
            self.items.end();
        }
        Some(place)
    }
}

/// Live and deleted messages, by the master entry.
pub fn counts(node: &[u8]) -> Result<(u64, u64)> {
    let mut items = Listpack::parse(node)?.iter();
    Ok((read_count(&mut items, "live messages")?, read_count(&mut items, "deleted messages")?))
}

/// Marks messages deleted, which were live, and counts them so. The places are those of this node,
/// ascending.
pub fn delete(node: &mut Vec<u8>, gone: &[Place]) -> Result<()> {
    // From the last, so that the places before it stay right whatever the entries' sizes.
    for place in gone.iter().rev() {
        edit::splice(node, place.entry.clone(), 1, &[New::Int(place.flags | FLAG_DELETED)]);
    }
    let mut items = Listpack::parse(node)?.iter();
    let live = read_int(&mut items, "live messages")?;
    let deleted = read_int(&mut items, "deleted messages")?;
    let (end, gone) = (items.offset(), gone.len() as i64);
    let counts = [New::Int(live.saturating_sub(gone)), New::Int(deleted.saturating_add(gone))];
    edit::splice(node, edit::START..end, 2, &counts);
    Ok(())
}

/// A node of one message: its fields and values in turn.
pub fn first(fields: &[&[u8]]) -> Vec<u8> {
    let count = (fields.len() / 2) as i64;
    let names = fields.iter().step_by(2).map(|name| New::Text(name));
    let values = fields.iter().skip(1).step_by(2).map(|value| New::Text(value));
    let mut entries = Vec::with_capacity(fields.len() + 8);
    entries.extend([New::Int(1), New::Int(0), New::Int(count)]);
    entries.extend(names);
    entries.extend([New::Int(0), New::Int(FLAG_SAME_FIELDS), New::Int(0), New::Int(0)]);
    entries.extend(values);
    entries.push(New::Int(count + 3));
    let bytes = entries.iter().map(|entry| entry.max_bytes()).sum::<usize>();
    let mut node = edit::empty();
    node.reserve(bytes);
    edit::push(&mut node, &entries);
    node
}

/// Appends a message: its fields and values in turn.
pub fn append(
    node: &mut Vec<u8>,
    master_id: StreamId,
    id: StreamId,
    fields: &[&[u8]],
) -> Result<()> {
    let mut items = Listpack::parse(node)?.iter();
    let live = read_int(&mut items, "live messages")?;
    let live_end = items.offset();
    items.advance(1)?;
    let count = (fields.len() / 2) as i64;
    let mut same = read_int(&mut items, "master fields")? == count;
    for name in fields.iter().step_by(2) {
        same = same && items.next().transpose()?.is_some_and(|item| item.eq_bytes(name));
    }
    let (ms, seq) = id.difference_from(master_id);
    let mut entries = Vec::with_capacity(fields.len() + 5);
    entries.push(New::Int(if same { FLAG_SAME_FIELDS } else { 0 }));
    entries.extend([New::Int(ms), New::Int(seq)]);
    if same {
        entries.extend(fields.iter().skip(1).step_by(2).map(|value| New::Text(value)));
        entries.push(New::Int(count + 3));
    } else {
        entries.push(New::Int(count));
        entries.extend(fields.iter().map(|text| New::Text(text)));
        entries.push(New::Int(2 * count + 4));
    }
    edit::push(node, &entries);
    edit::splice(node, edit::START..live_end, 1, &[New::Int(live.saturating_add(1))]);
    Ok(())
}

/// The id of the last message of a node, deleted or not.
pub fn last_id(master_id: StreamId, node: &[u8]) -> Result<Option<StreamId>> {
    if let Some(id) = last_id_from_end(master_id, node) {
        return Ok(Some(id));
    }
    let mut last = None;
    for place in places(master_id, node)? {
        last = Some(place?.id);
    }
    Ok(last)
}

/// The same from behind, by the number that ends a message; None where the numbers lie.
fn last_id_from_end(master_id: StreamId, node: &[u8]) -> Option<StreamId> {
    let mut items = Listpack::parse(node).ok()?.iter_rev();
    let entries = usize::try_from(items.next()?.ok()?.as_int()?).ok()?;
    let mut ids = items.skip(entries.checked_sub(3)?);
    let seq = ids.next()?.ok()?.as_int()?;
    let ms = ids.next()?.ok()?.as_int()?;
    Some(master_id.moved_by(ms, seq))
}

#[cfg(test)]
mod tests {
    use super::super::{Builder, Node};
    use super::*;
    use crate::encodings::Item;

    const MASTER: StreamId = StreamId { ms: 5, seq: 0 };

    /// Messages of three forms, in the order of their ids.
    fn messages() -> Vec<(StreamId, Vec<&'static [u8]>)> {
        let form = |n: u64| -> Vec<&'static [u8]> {
            match n % 3 {
                0 => vec![b"f", b"v"],
                1 => vec![b"f", b"12", b"g", b""],
                _ => vec![b"f", b"-7"],
            }
        };
        (0..300).map(|n| (StreamId { ms: 5 + n / 2, seq: n % 2 }, form(n))).collect()
    }

    #[test]
    fn what_is_appended_and_deleted_is_what_a_builder_writes() {
        let (mut node, mut gone) = (Vec::new(), Vec::new());
        for (id, fields) in messages() {
            match node.is_empty() {
                true => node = first(&fields),
                false => append(&mut node, MASTER, id, &fields).unwrap(),
            }
            assert_eq!(last_id(MASTER, &node).unwrap(), Some(id));
        }
        for place in places(MASTER, &node).unwrap().map(Result::unwrap) {
            if place.id.seq == 1 {
                gone.push(place);
            }
        }
        delete(&mut node, &gone).unwrap();
        assert_eq!(counts(&node).unwrap(), (150, 150));
        Node::parse(MASTER, &node).unwrap().validate().unwrap();
        let mut builder = Builder::new();
        for (id, fields) in messages() {
            let item = |text: &'static [u8]| match crate::number::parse_i64(text) {
                Some(n) => Item::Int(n),
                None => Item::Str(text),
            };
            let pairs: Vec<_> =
                fields.chunks(2).map(|pair| (item(pair[0]), item(pair[1]))).collect();
            builder.push(id, id.seq == 1, &pairs);
        }
        assert_eq!(node, builder.finish());
    }

    #[test]
    fn a_node_cut_short_is_refused() {
        let node = first(&[b"f", b"v"]);
        let mut short = node.clone();
        let end = short.len() - 3;
        edit::remove(&mut short, end..end + 2, 1);
        assert!(places(MASTER, &short[..4]).is_err());
        assert!(places(MASTER, &edit::empty()).is_err());
        assert!(append(&mut edit::empty(), MASTER, MASTER, &[b"f", b"v"]).is_err());
    }
}

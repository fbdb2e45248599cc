//! The consumer groups of a stream, decoded: what commands of groups look at and change.
//!
//! A group's pending entries are in order of their ids, each with the number of the consumer that
//! holds it; a consumer knows the ids it holds. So reading, acknowledging and claiming an entry
//! cost the logarithm of their number. A consumer keeps its number while it lives; the order in
//! which consumers (and groups) are shown and stored is that of their names, as in Redis.
use super::stream::StreamMeta;
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::stream as metadata;
use std::collections::{BTreeMap, BTreeSet};

/// The groups of a stream by name.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    by_name: BTreeMap<Vec<u8>, Group>,
}

/// A consumer group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Last delivered id.
    pub last_id: StreamId,
    /// Entries read; None = unknown.
    pub entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    /// Those at the numbers in `free` are gone.
    consumers: Vec<Consumer>,
    by_name: BTreeMap<Vec<u8>, usize>,
    free: Vec<usize>,
    /// Entries without an owner in the order of the NACK zone (type 27).
    nack: Vec<StreamId>,
}

/// A pending entry.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    /// Unix ms of the last delivery.
    pub delivered_at_ms: i64,
    /// Times delivered.
    pub deliveries: u64,
    /// Number of the consumer that holds it.
    pub consumer: Option<usize>,
}

/// A consumer.
#[derive(Debug, Clone, Default)]
pub struct Consumer {
    /// Name.
    pub name: Vec<u8>,
    /// Unix ms last seen.
    pub seen_at_ms: i64,
    /// Unix ms of the last successful read or claim; None = never.
    pub active_at_ms: Option<i64>,
    /// Ids of its pending entries.
    pub pending: BTreeSet<StreamId>,
}

impl Groups {
    /// Of groups as they are stored.
    pub fn of(stored: Vec<metadata::Group>) -> Self {
        let named =
            |mut group: metadata::Group| (std::mem::take(&mut group.name), Group::of(group));
        Self { by_name: stored.into_iter().map(named).collect() }
    }

    /// As they are stored.
    pub fn stored(&self) -> Vec<metadata::Group> {
        self.by_name.iter().map(|(name, group)| group.stored(name)).collect()
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// A group.
    pub fn get(&self, name: &[u8]) -> Option<&Group> {
        self.by_name.get(name)
    }

    /// A group, to be changed.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.by_name.get_mut(name)
    }

    /// Names and groups, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.by_name.iter().map(|(name, group)| (name.as_slice(), group))
    }

    /// Adds a group; false when there is one of this name.
    pub fn create(&mut self, name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> bool {
        let is_new = !self.by_name.contains_key(name);
        if is_new {
            let group = Group { last_id, entries_read, ..Group::default() };
            self.by_name.insert(name.to_vec(), group);
        }
        is_new
    }

    /// Removes a group; whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        self.by_name.remove(name).is_some()
    }
}

impl Group {
    fn of(stored: metadata::Group) -> Self {
        let pending = stored.pel.iter().map(|entry| {
            let (delivered_at_ms, deliveries) = (entry.delivered_at_ms, entry.deliveries);
            (entry.id, Pending { delivered_at_ms, deliveries, consumer: entry.consumer })
        });
        let consumers = stored.consumers.into_iter().map(|consumer| Consumer {
            name: consumer.name,
            seen_at_ms: consumer.seen_at_ms,
            active_at_ms: consumer.active_at_ms,
            pending: BTreeSet::new(),
        });
        let mut group = Self {
            last_id: stored.last_id,
            entries_read: stored.entries_read,
            pending: pending.collect(),
            consumers: consumers.collect(),
            nack: stored.nack,
            ..Self::default()
        };
        // An entry is held by the consumer that says so last, and by no other.
        for (id, entry) in &group.pending {
            if let Some(holder) = entry.consumer.and_then(|at| group.consumers.get_mut(at)) {
                holder.pending.insert(*id);
            }
        }
        let names = group.consumers.iter().enumerate();
        group.by_name = names.map(|(at, consumer)| (consumer.name.clone(), at)).collect();
        group
    }

    fn stored(&self, name: &[u8]) -> metadata::Group {
        let mut places = vec![None; self.consumers.len()];
        let mut consumers = Vec::with_capacity(self.by_name.len());
        for (place, (at, consumer)) in self.numbered().enumerate() {
            places[at] = Some(place);
            consumers.push(metadata::Consumer {
                name: consumer.name.clone(),
                seen_at_ms: consumer.seen_at_ms,
                active_at_ms: consumer.active_at_ms,
                pending: consumer.pending.iter().copied().collect(),
            });
        }
        let place = |number: usize| places.get(number).copied().flatten();
        let pel = self.pending.iter().map(|(id, entry)| metadata::Pending {
            id: *id,
            delivered_at_ms: entry.delivered_at_ms,
            deliveries: entry.deliveries,
            consumer: entry.consumer.and_then(place),
        });
        metadata::Group {
            name: name.to_vec(),
            last_id: self.last_id,
            entries_read: self.entries_read,
            pel: pel.collect(),
            consumers,
            nack: self.nack.clone(),
        }
    }

    /// Consumers and their numbers, in the order of their names.
    fn numbered(&self) -> impl Iterator<Item = (usize, &Consumer)> {
        self.by_name.values().filter_map(|at| Some((*at, self.consumers.get(*at)?)))
    }

    /// The consumers, in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.numbered().map(|(_, consumer)| consumer)
    }

    /// Number of consumers.
    pub fn consumer_count(&self) -> usize {
        self.by_name.len()
    }

    /// The pending entries, ascending by id.
    pub fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    /// The consumer that holds an entry.
    pub fn holder(&self, entry: &Pending) -> Option<&Consumer> {
        self.consumers.get(entry.consumer?)
    }

    /// A consumer.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(*self.by_name.get(name)?)
    }

    /// The number of a consumer, and whether it had to be made.
    pub fn consumer_or_new(&mut self, name: &[u8], now_ms: i64) -> (usize, bool) {
        if let Some(number) = self.by_name.get(name) {
            return (*number, false);
        }
        let consumer = Consumer { name: name.to_vec(), seen_at_ms: now_ms, ..Consumer::default() };
        let number = match self.free.pop() {
            Some(number) => {
                self.consumers[number] = consumer;
                number
            }
            None => {
                self.consumers.push(consumer);
                self.consumers.len() - 1
            }
        };
        self.by_name.insert(name.to_vec(), number);
        (number, true)
    }

    /// A consumer by its number, to be changed.
    pub fn numbered_mut(&mut self, number: usize) -> Option<&mut Consumer> {
        self.consumers.get_mut(number)
    }

    /// Removes a consumer and its pending entries: how many they were.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.by_name.remove(name)?;
        let consumer = std::mem::take(self.consumers.get_mut(number)?);
        self.free.push(number);
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Removes a pending entry, wherever it is; whether it was there.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(entry) = self.pending.remove(&id) else { return false };
        self.take_from(id, entry.consumer);
        true
    }

    /// Gives a pending entry to a consumer, a new one or one that somebody holds.
    pub fn give(&mut self, id: StreamId, number: usize, delivered_at_ms: i64, deliveries: u64) {
        let entry = Pending { delivered_at_ms, deliveries, consumer: Some(number) };
        let before = self.pending.insert(id, entry);
        match before {
            Some(before) if before.consumer == entry.consumer => return,
            Some(before) => self.take_from(id, before.consumer),
            None => {}
        }
        if let Some(consumer) = self.consumers.get_mut(number) {
            consumer.pending.insert(id);
        }
    }

    fn take_from(&mut self, id: StreamId, holder: Option<usize>) {
        match holder.and_then(|number| self.consumers.get_mut(number)) {
            Some(consumer) => {
                consumer.pending.remove(&id);
            }
            None => self.nack.retain(|other| *other != id),
        }
    }

    /// Counts a message that is read for the first time: the group moves on to it.
    pub fn read(&mut self, head: &StreamMeta, id: StreamId) {
        self.entries_read = match self.entries_read {
            Some(read) if !has_deletions_after(head, id) => Some(read.wrapping_add(1)),
            known if head.entries_added == 0 => known,
            _ => read_up_to(head, id),
        };
        self.last_id = id;
    }

    /// Messages not read by the group; None when it cannot be told.
    pub fn lag(&self, head: &StreamMeta) -> Option<u64> {
        if head.entries_added == 0 {
            return Some(0);
        }
        let read = match self.entries_read {
            Some(read) if !has_deletions_after(head, self.last_id) => Some(read),
            _ => read_up_to(head, self.last_id),
        };
        read.map(|read| head.entries_added.wrapping_sub(read))
    }
}

/// Whether a message at or after `id`, and not before the first that is left, was deleted.
fn has_deletions_after(meta: &StreamMeta, id: StreamId) -> bool {
    meta.length > 0
        && meta.max_deleted_id != StreamId::MIN
        && meta.first_id <= meta.max_deleted_id
        && id <= meta.max_deleted_id
}

/// How many messages had been added when the one with this id was; None when it cannot be told.
fn read_up_to(meta: &StreamMeta, id: StreamId) -> Option<u64> {
    let (added, left) = (meta.entries_added, meta.length);
    if added == 0 {
        return Some(0);
    }
    if left == 0 && id <= meta.last_id {
        return Some(added);
    }
    if id != StreamId::MIN && id < meta.max_deleted_id {
        return None;
    }
    if id >= meta.last_id {
        return (id == meta.last_id).then_some(added);
    }
    if meta.max_deleted_id == StreamId::MIN || meta.max_deleted_id < meta.first_id {
        if id < meta.first_id {
            return Some(added.wrapping_sub(left));
        }
        if id == meta.first_id {
            return Some(added.wrapping_sub(left).wrapping_add(1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    #[test]
    fn a_lag_is_null_when_deletions_hide_it() {
        let mut meta =
            StreamMeta { length: 3, last_id: id(5), first_id: id(1), ..Default::default() };
        meta.entries_added = 5;
        let group = |last_id, entries_read| Group { last_id, entries_read, ..Default::default() };
        assert_eq!(group(id(2), Some(2)).lag(&meta), Some(3));
        assert_eq!(group(id(2), None).lag(&meta), None);
        assert_eq!(group(id(5), None).lag(&meta), Some(0));
        meta.max_deleted_id = id(3);
        assert_eq!(group(id(2), Some(2)).lag(&meta), None);
        assert_eq!(group(id(4), Some(4)).lag(&meta), Some(1));
    }

    #[test]
    fn entries_move_between_consumers_and_are_stored_as_they_were() {
        let mut groups = Groups::default();
        assert!(groups.create(b"g", id(0), None) && !groups.create(b"g", id(1), None));
        let group = groups.get_mut(b"g").unwrap();
        let (zoe, _) = group.consumer_or_new(b"zoe", 1);
        let (amy, is_new) = group.consumer_or_new(b"amy", 2);
        assert!(is_new && group.consumer_or_new(b"amy", 2) == (amy, false));
        (1..=6).for_each(|ms| group.give(id(ms), zoe, 10, 1));
        (2..=3).for_each(|ms| group.give(id(ms), amy, 20, 2));
        assert!(group.acknowledge(id(1)) && !group.acknowledge(id(1)));
        let stored = groups.stored();
        assert_eq!(stored[0].pel.len(), 5);
        let names: Vec<_> = stored[0].consumers.iter().map(|c| c.name.as_slice()).collect();
        assert_eq!(names, [b"amy", b"zoe"]);
        assert_eq!(stored[0].consumers[0].pending, [id(2), id(3)]);
        assert_eq!(stored[0].pel[0].consumer, Some(0));
        let mut again = Groups::of(stored.clone());
        assert_eq!(again.stored(), stored);
        let group = again.get_mut(b"g").unwrap();
        assert_eq!(group.remove_consumer(b"zoe"), Some(3));
        assert_eq!(group.remove_consumer(b"zoe"), None);
        group.consumer_or_new(b"ben", 3);
        assert_eq!(group.pending().keys().copied().collect::<Vec<_>>(), [id(2), id(3)]);
        let stored = again.stored();
        assert_eq!(Groups::of(stored.clone()).stored(), stored);
    }

    #[test]
    fn an_entry_without_an_owner_leaves_the_nack_zone_when_it_is_claimed() {
        let entry = metadata::Pending { id: id(1), ..Default::default() };
        let stored = metadata::Group {
            name: b"g".to_vec(),
            pel: vec![entry],
            nack: vec![id(1)],
            ..Default::default()
        };
        let mut groups = Groups::of(vec![stored]);
        let group = groups.get_mut(b"g").unwrap();
        let (amy, _) = group.consumer_or_new(b"amy", 1);
        group.give(id(1), amy, 5, 1);
        let stored = groups.stored();
        assert!(stored[0].nack.is_empty() && stored[0].pel[0].consumer == Some(0));
    }
}

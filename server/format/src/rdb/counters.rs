//! Stream counters that the first stream form (type 15) does not hold, as servers since 7.0
//! complete them while loading: nothing is known of deleted messages, so the live ones count as all
//! that were ever added, and a group's position is known only at the ends of the stream.
use super::stream::StreamMeta;
use crate::encodings::stream::StreamId;
use std::cmp::Ordering;

/// Completes `meta`, read from the first form, for nodes that hold `live` messages from `first` on.
/// Some 5.0 pre-releases state a length that is not that of the nodes; the nodes are right.
pub fn complete(meta: &mut StreamMeta, live: u64, first: Option<StreamId>) {
    meta.length = live;
    meta.first_id = first.unwrap_or_default();
    meta.entries_added = live;
    meta.max_deleted_id = StreamId::MIN;
    for i in 0..meta.groups.len() {
        meta.groups[i].entries_read = entries_read(meta, meta.groups[i].last_id);
    }
}

/// Whether a server that loads `meta` from the first form comes to other counters.
pub fn would_change(meta: &StreamMeta) -> bool {
    meta.entries_added != meta.length
        || meta.max_deleted_id != StreamId::MIN
        || meta.groups.iter().any(|group| group.entries_read != entries_read(meta, group.last_id))
}

/// How many messages a group that stands at `at` has read; None where it cannot be told.
fn entries_read(meta: &StreamMeta, at: StreamId) -> Option<u64> {
    if meta.entries_added == 0 {
        return Some(0);
    }
    match (at.cmp(&meta.last_id), at.cmp(&meta.first_id)) {
        (Ordering::Equal, _) => Some(meta.entries_added),
        (Ordering::Greater, _) | (_, Ordering::Greater) => None,
        (_, Ordering::Less) => Some(meta.entries_added.saturating_sub(meta.length)),
        (_, Ordering::Equal) => Some(meta.entries_added.saturating_sub(meta.length) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::Group;
    use super::*;

    #[test]
    fn a_group_is_known_at_the_ends_of_the_stream_only() {
        let id = |ms| StreamId { ms, seq: 0 };
        let groups = [0, 1, 2, 5, 6].map(|ms| Group { last_id: id(ms), ..Group::default() });
        let mut meta =
            StreamMeta { last_id: id(5), groups: groups.to_vec(), ..StreamMeta::default() };
        complete(&mut meta, 3, Some(id(1)));
        let read: Vec<_> = meta.groups.iter().map(|group| group.entries_read).collect();
        assert_eq!(read, [Some(0), Some(1), None, Some(3), None]);
        assert!(!would_change(&meta));
        meta.groups[2].entries_read = Some(2);
        assert!(would_change(&meta));
    }
}

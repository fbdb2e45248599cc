//! A space answers as a map does, whatever it is over and whenever its changes are saved.
use super::*;
use crate::lmdb::LmdbStore;
use crate::memory::MemoryStore;
use crate::object::{record_key, Body, Encoding, Object};
use crate::segment::{hash_key, list_key};
use redtool_format::rdb::{Kind, ValueType};
use std::collections::BTreeMap;

pub(super) fn record(expire_at_ms: Option<i64>, n: u32) -> Vec<u8> {
    let text = format!("\x05{n:05}");
    let object = Object {
        kind: Kind::String,
        value_type: ValueType::String,
        encoding: Encoding::Embstr,
        expire_at_ms,
        idle_s: None,
        freq: None,
        long_key: None,
        meta: None,
        count: 1,
        body: Body::Inline(text.as_bytes()),
    };
    let mut record = Vec::new();
    object.write(&mut record);
    record
}

fn all(space: &dyn Reader, table: Table) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut walk = space.seek(table, b"").unwrap();
    while let Some((key, value)) = walk.next().unwrap() {
        assert!(found.insert(key.into_owned(), value.into_owned()).is_none(), "met twice");
    }
    found
}

/// Random writes, changes set apart and written at any moment: the space always answers as a map.
fn follows_a_map(mut space: Space, reopen: Option<&dyn Fn() -> Space>) {
    let mut map: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> = BTreeMap::new();
    let mut frozen = None;
    let mut random = 7u64;
    for step in 0..6000u32 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = (random >> 33) as u32;
        let key = record_key(draw % 3, format!("key:{}", draw / 3 % 200).as_bytes());
        match draw % 10 {
            0..=5 => {
                let at = draw.is_multiple_of(4).then_some(1000 + i64::from(draw % 500));
                space.put_object(&key, &record(at, step)).unwrap();
                map.insert(key, (record(at, step), at));
            }
            6..=8 => {
                assert_eq!(space.delete_object(&key).unwrap(), map.remove(&key).is_some());
            }
            _ if step % 97 == 0 => {
                space.swap(0, 1).unwrap();
                map = std::mem::take(&mut map)
                    .into_iter()
                    .map(|(mut key, value)| {
                        key[3] = [1, 0, 2][usize::from(key[3])];
                        (key, value)
                    })
                    .collect();
            }
            _ if step % 301 == 0 => {
                space.clear();
                map.clear();
            }
            _ if step % 5 == 0 => {
                space.clear_db(2).unwrap();
                map.retain(|key, _| key[3] != 2);
            }
            _ => match frozen.take() {
                None => frozen = space.freeze(),
                Some(changes) => {
                    Frozen::write(&changes).unwrap();
                    space.thaw().unwrap();
                }
            },
        }
        if step % 50 == 0 {
            agrees(&space, &map);
        }
    }
    ends_well(space, map, frozen, reopen);
}

/// Everything saved, expired in order, and opened anew.
fn ends_well(
    mut space: Space,
    map: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>,
    frozen: Option<Frozen>,
    reopen: Option<&dyn Fn() -> Space>,
) {
    if let Some(changes) = frozen {
        changes.write().unwrap();
        space.thaw().unwrap();
    }
    if let Some(changes) = space.freeze() {
        changes.write().unwrap();
        space.thaw().unwrap();
    }
    agrees(&space, &map);
    let mut due: Vec<_> =
        map.iter().filter(|(_, (_, at))| at.is_some_and(|at| at < 1250)).collect();
    due.sort_by_key(|(key, (_, at))| (*at, key.to_vec()));
    for (key, _) in due {
        let expired = space.next_expired(1250).unwrap().unwrap();
        assert_eq!(&expired, key);
        space.remove(&expired).unwrap();
    }
    assert_eq!(space.next_expired(1250).unwrap(), None);
    if let Some(reopen) = reopen {
        space.freeze().unwrap().write().unwrap();
        space.thaw().unwrap();
        let (before, meta) = (all(&space, Table::Objects), space.meta().clone());
        drop(space);
        let again = reopen();
        assert_eq!(all(&again, Table::Objects), before);
        assert_eq!(again.meta().dbs, meta.dbs);
    }
}

fn agrees(space: &Space, map: &BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>) {
    let found = all(space, Table::Objects);
    assert!(found.iter().eq(map.iter().map(|(key, (record, _))| (key, record))));
    for db in 0..3u32 {
        let of_db = map.iter().filter(|(key, _)| key.starts_with(&db.to_be_bytes()));
        let expires = of_db.clone().filter(|(_, (_, at))| at.is_some()).count() as u64;
        let counts = space.meta().db(db);
        assert_eq!((counts.keys, counts.expires), (of_db.count() as u64, expires), "db {db}");
    }
}

#[test]
fn memory_answers_as_a_map() {
    follows_a_map(Space::in_memory(), None);
}

#[test]
fn changes_over_a_store_answer_as_a_map() {
    follows_a_map(Space::over(Arc::new(MemoryStore::new())).unwrap(), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.lmdb");
    let store = LmdbStore::create(&path).unwrap();
    let mut writer = store.writer().unwrap();
    writer.put(Table::Meta, META_LAYOUT, LAYOUT_NAME).unwrap();
    writer.commit().unwrap();
    Store::sync(&store).unwrap();
    drop(store);
    let open = || Space::over(Arc::new(LmdbStore::open(&path).unwrap())).unwrap();
    follows_a_map(open(), Some(&open));
}

#[test]
fn segments_are_changed_in_place_whatever_layer_they_are_in() {
    for mut space in [Space::in_memory(), Space::over(Arc::new(MemoryStore::new())).unwrap()] {
        let id = space.new_id();
        assert_ne!(space.new_id(), id);
        for round in 0..6u64 {
            for position in 0..10 {
                let key = list_key(id, position);
                let Some(mut value) = space.segment_mut(&key).unwrap() else {
                    space.put_segment(&key, vec![position as u8]);
                    continue;
                };
                value.push(round as u8);
            }
            space.delete_segment(&list_key(id, round));
            if let Some(changes) = space.freeze() {
                if round % 2 == 0 {
                    changes.write().unwrap();
                    space.thaw().unwrap();
                }
            }
        }
        let found = all_of(&space, id);
        assert_eq!(found.len(), 9);
        assert_eq!(found[&list_key(id, 9)[..].to_vec()], [9, 1, 2, 3, 4, 5]);
        let mut back = space.seek_back(Table::Segments, &list_key(id, 7)).unwrap();
        assert_eq!(*back.next().unwrap().unwrap().0, list_key(id, 7)[..]);
        drop(back);
        let (key, value) = space.floor_segment_mut(&list_key(id, 100)).unwrap().unwrap();
        assert_eq!((&*key, &value[..]), (&list_key(id, 9)[..], &[9, 1, 2, 3, 4, 5][..]));
        drop(value);
        assert!(space.floor_segment_mut(&hash_key(id, 100)).unwrap().is_none());
        space.delete_segments(id).unwrap();
        assert!(all_of(&space, id).is_empty());
    }
}

#[test]
fn the_segment_below_a_place_is_found_whatever_layer_it_is_in() {
    for mut space in [Space::in_memory(), Space::over(Arc::new(MemoryStore::new())).unwrap()] {
        let ids = [space.new_id(), space.new_id()];
        let (mut map, mut frozen) = (BTreeMap::new(), None);
        let mut random = 11u64;
        for step in 0..3000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = random >> 33;
            let key = list_key(ids[draw as usize % 2], draw / 2 % 40);
            match draw / 80 % 8 {
                0..=2 => {
                    space.put_segment(&key, step.to_be_bytes().to_vec());
                    map.insert(key.to_vec(), step.to_be_bytes().to_vec());
                }
                3..=5 => {
                    space.delete_segment(&key);
                    map.remove(&key[..]);
                }
                6 => match frozen.take() {
                    None => frozen = space.freeze(),
                    Some(changes) => {
                        Frozen::write(&changes).unwrap();
                        space.thaw().unwrap();
                    }
                },
                _ => {
                    let found = space.floor_segment_mut(&key).unwrap();
                    let found = found.map(|(floor, value)| (floor.into_owned(), value.clone()));
                    let of_id = map.range(key[..9].to_vec()..=key.to_vec()).next_back();
                    assert_eq!(found, of_id.map(|(key, value)| (key.clone(), value.clone())));
                }
            }
            let found = space.floor(Table::Segments, &key).unwrap();
            let found = found.filter(|(floor, _)| floor.starts_with(&key[..9]));
            let of_id = map.range(key[..9].to_vec()..=key.to_vec()).next_back();
            let found = found.map(|(floor, value)| (floor.into_owned(), value.into_owned()));
            assert_eq!(found, of_id.map(|(key, value)| (key.clone(), value.clone())));
        }
    }
}

#[test]
fn a_segment_gets_another_key_whatever_layer_it_is_in() {
    for mut space in [Space::in_memory(), Space::over(Arc::new(MemoryStore::new())).unwrap()] {
        let id = space.new_id();
        space.put_segment(&list_key(id, 100), vec![1]);
        space.put_segment(&list_key(id, 50), vec![2]);
        for step in 0..12u64 {
            let (old, new) = (list_key(id, 100 - step), list_key(id, 99 - step));
            space.rename_segment(&old, &new).unwrap();
            space.rename_segment(&old, &list_key(id, 7)).unwrap();
            let found = all_of(&space, id);
            let expected = [(list_key(id, 50).to_vec(), vec![2]), (new.to_vec(), vec![1])];
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
            if step % 5 == 2 {
                if let Some(changes) = space.freeze() {
                    changes.write().unwrap();
                }
            }
            if step % 5 == 4 {
                space.thaw().unwrap();
            }
        }
    }
}

fn all_of(space: &Space, id: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut walk = space.seek(Table::Segments, &id.to_be_bytes()).unwrap();
    let mut found = BTreeMap::new();
    while let Some((key, value)) = walk.next().unwrap() {
        found.insert(key.into_owned(), value.into_owned());
    }
    found
}

#[test]
fn a_walk_goes_on_behind_every_key_the_empty_one_too() {
    for mut space in [Space::in_memory(), Space::over(Arc::new(MemoryStore::new())).unwrap()] {
        for db in [0, 1, 7] {
            for n in 0..30 {
                let name = n.to_string();
                let key = record_key(db, name.trim_start_matches('0').as_bytes());
                space.put_object(&key, &record(None, n)).unwrap();
            }
        }
        let (mut met, mut place) = (BTreeMap::new(), Vec::new());
        while let Some((key, value)) = space.seek(Table::Objects, &place).unwrap().next().unwrap() {
            place = space.place_after(&key);
            assert!(met.insert(key.into_owned(), value.into_owned()).is_none(), "met twice");
        }
        assert_eq!((&met, met.len()), (&all(&space, Table::Objects), 90));
        let first = space.first_place(7);
        assert!(space.seek(Table::Objects, &first).unwrap().next().unwrap().unwrap().0[3] == 7);
    }
}

#[test]
fn a_long_key_expires_too() {
    for mut space in [Space::in_memory(), Space::over(Arc::new(MemoryStore::new())).unwrap()] {
        let long = record_key(1, &[b'k'; 600]);
        space.put_object(&long, &record(Some(5), 1)).unwrap();
        space.put_object(&record_key(1, &[b'k'; 499]), &record(Some(6), 1)).unwrap();
        assert_eq!(space.next_expired(6).unwrap(), Some(long.clone()));
        space.remove(&long).unwrap();
        assert_eq!(space.next_expired(6).unwrap(), None);
        assert_eq!(space.next_expired(7).unwrap(), Some(record_key(1, &[b'k'; 499])));
    }
}

/// What a space in memory held, of one table.
type Held = BTreeMap<Vec<u8>, Vec<u8>>;

/// The segments of every value that has any.
fn all_segments(space: &Space) -> Held {
    (1..20u64).flat_map(|id| all_of(space, id)).collect()
}

/// One of the writes that there are, to a few keys, so that the same ones change again and again.
fn write_any(space: &mut Space, n: u64) {
    // One of the keys is the empty one.
    let name = (n / 7 % 40).to_string();
    let key = record_key((n % 3) as u32, name.trim_start_matches('0').as_bytes());
    let id = n / 5 % 19 + 1;
    match n % 11 {
        0..=3 => drop(space.put_object(&key, &record(n.is_multiple_of(2).then_some(5), n as u32))),
        4 => drop(space.delete_object(&key)),
        5 => space.put_segment(&list_key(id, n % 9), vec![n as u8; 3]),
        6 => space.delete_segment(&list_key(id, n % 9)),
        7 => drop(space.rename_segment(&list_key(id, n % 9), &list_key(id, n % 8))),
        8 => {
            if let Ok(Some((_, mut value))) = space.floor_segment_mut(&list_key(id, n % 12)) {
                value.push(1);
            }
        }
        9 if n.is_multiple_of(20) => drop(space.delete_segments(id)),
        10 if n.is_multiple_of(50) => drop(space.swap(0, 1)),
        10 if n % 1200 == 1 => space.clear(),
        _ => {
            if let Ok(Some(record)) = space.object_mut(&key) {
                record[record.len() - 1] = b'0' + (n % 10) as u8;
            }
        }
    }
}

/// Reads the objects of the moment a few at a time, with writes in between.
fn read_past(space: &mut Space, mut write: impl FnMut(&mut Space)) -> Held {
    let (mut found, mut place) = (Held::new(), Vec::new());
    loop {
        let walk = PastWalk { table: Table::Objects, from: &place, after: true, back: false };
        let batch = space.past_records(&walk, 30);
        let Some((last, _)) = batch.last() else { return found };
        place = place_behind(last);
        for (key, value) in batch {
            assert_eq!(space.past_record(Table::Objects, &key), Some(&value[..]));
            assert!(found.insert(key, value).is_none(), "met twice");
        }
        write(space);
    }
}

/// Reads the segments of a value, one at a time.
fn past_segments(space: &Space, id: u64, back: bool) -> Vec<OwnedRecord> {
    let (mut found, mut after) = (Vec::new(), false);
    let mut place = id.to_be_bytes().to_vec();
    if back {
        place.extend([0xff; 12]);
    }
    loop {
        let walk = PastWalk { table: Table::Segments, from: &place, after, back };
        let Some(record) = space.past_records(&walk, 1).pop() else { return found };
        place.clone_from(&record.0);
        after = true;
        found.push(record);
    }
}

#[test]
fn a_space_in_memory_is_read_as_it_was_while_it_is_written() {
    let mut space = Space::in_memory();
    let mut random = 1u64;
    let mut write = |space: &mut Space| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
        write_any(space, random >> 33);
    };
    for _ in 0..20 {
        (0..300).for_each(|_| write(&mut space));
        let (objects, segments) = (all(&space, Table::Objects), all_segments(&space));
        space.begin_past();
        assert_eq!(read_past(&mut space, |space| (0..20).for_each(|_| write(space))), objects);
        let mut found = Held::new();
        for id in 1..20u64 {
            found.extend(past_segments(&space, id, false));
            let back = past_segments(&space, id, true);
            assert!(back.into_iter().rev().eq(past_segments(&space, id, false)));
        }
        assert_eq!(found, segments);
        for (key, value) in &segments {
            assert_eq!(space.past_record(Table::Segments, key), Some(&value[..]));
        }
        space.end_past();
        assert!(read_past(&mut space, |_| ()).is_empty());
    }
}

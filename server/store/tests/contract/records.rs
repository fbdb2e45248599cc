//! Promises about records: order, snapshots, transactions, bulk load. Bytes only, no layout.
use crate::dataset::table;
use crate::homes::Home;
use redtool_store::layout::MAX_KEY_BYTES;
use redtool_store::{Cursor, Reader, Store, Table};
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Numbers that are the same in every run.
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }

    /// A key of any length; many begin alike.
    fn key(&mut self) -> Vec<u8> {
        let len = match self.below(4) {
            0 => 1 + self.below(3),
            1 => 1 + self.below(MAX_KEY_BYTES as u64),
            _ => 4 + self.below(12),
        };
        let bytes = [0, 1, b'a', b'b', 0xff];
        (0..len).map(|_| bytes[self.below(5) as usize]).collect()
    }

    /// A value, empty now and then, larger than a page now and then.
    fn value(&mut self) -> Vec<u8> {
        let len = match self.below(20) {
            0 => 0,
            1 => 3000 + self.below(9000),
            _ => self.below(60),
        };
        vec![self.below(256) as u8; len as usize]
    }
}

/// Puts records in a transaction.
pub fn put<'a>(store: &dyn Store, records: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
    let mut writer = store.writer().unwrap();
    for (key, value) in records {
        writer.put(Table::Objects, key, value).unwrap();
    }
    writer.commit().unwrap();
}

/// The value of a key, as a new reader sees it.
pub fn value(store: &dyn Store, key: &[u8]) -> Option<Vec<u8>> {
    let reader = store.reader().unwrap();
    let found = reader.get(Table::Objects, key).unwrap().map(|value| value.into_owned());
    found
}

fn keys(cursor: Box<dyn Cursor<'_> + '_>, at_most: usize) -> Vec<Vec<u8>> {
    let mut cursor = cursor;
    let mut keys = Vec::new();
    while keys.len() < at_most {
        let Some((key, _)) = cursor.next().unwrap() else {
            assert!(cursor.next().unwrap().is_none(), "a walk that has ended began again");
            break;
        };
        keys.push(key.into_owned());
    }
    keys
}

/// Random changes, committed now and then; after each commit a walk from anywhere, forward and
/// backward, gives what an ordered map gives.
pub fn are_in_byte_order_from_any_place_in_both_directions<H: Home>() {
    let (home, mut numbers) = (H::new(), Numbers(7));
    let store = home.writable();
    let mut models: BTreeMap<usize, Model> = BTreeMap::new();
    for round in 0..12 {
        let mut writer = store.writer().unwrap();
        for _ in 0..300 {
            let here = Table::ALL[1 + numbers.below(3) as usize];
            let model = models.entry(here as usize).or_default();
            let key = numbers.key();
            // Later rounds take away more than they add, to the end of tables without a record.
            if numbers.below(12) < round {
                let some = model.range(key.clone()..).next().map(|(key, _)| key.clone());
                let key = some.unwrap_or(key);
                let was_there = model.remove(&key).is_some();
                assert_eq!(writer.delete(here, &key).unwrap(), was_there);
            } else {
                let value = numbers.value();
                writer.put(here, &key, &value).unwrap();
                model.insert(key, value);
            }
        }
        writer.commit().unwrap();
        for here in &Table::ALL[1..] {
            let model = models.entry(*here as usize).or_default();
            compare(&*store.reader().unwrap(), *here, model, &mut numbers);
        }
    }
}

fn compare(reader: &dyn Reader, here: Table, model: &Model, numbers: &mut Numbers) {
    assert!(table(reader, here).into_iter().eq(model.clone()));
    let places = (0..100).map(|_| numbers.key());
    let ends = [Vec::new(), vec![0], vec![0xff; 600]];
    let present = model.keys().step_by(7).cloned();
    for from in places.chain(ends).chain(present) {
        let forward = keys(reader.seek(here, &from).unwrap(), 5);
        assert!(forward.iter().eq(model.range(from.clone()..).map(|(key, _)| key).take(5)));
        let back = keys(reader.seek_back(here, &from).unwrap(), 5);
        assert!(back.iter().eq(model.range(..=from.clone()).rev().map(|(key, _)| key).take(5)));
        let floor = reader.floor(here, &from).unwrap();
        let floor = floor.map(|(key, value)| (key.into_owned(), value.into_owned()));
        let expected = model.range(..=from.clone()).next_back();
        assert_eq!(floor, expected.map(|(key, value)| (key.clone(), value.clone())));
        let found = reader.get(here, &from).unwrap();
        assert_eq!(found.as_deref(), model.get(&from).map(|value| &value[..]));
    }
    let whole_way_back = keys(reader.seek_back(here, &[0xff; 600]).unwrap(), usize::MAX);
    assert!(whole_way_back.iter().eq(model.keys().rev()));
}

pub fn of_a_transaction_are_seen_by_it_at_once<H: Home>() {
    let home = H::new();
    let store = home.writable();
    put(&*store, [(&b"kept"[..], &b"1"[..]), (b"gone", b"1"), (b"changed", b"1")]);
    let mut writer = store.writer().unwrap();
    writer.put(Table::Objects, b"new", b"2").unwrap();
    writer.put(Table::Objects, b"changed", b"2").unwrap();
    assert!(writer.delete(Table::Objects, b"gone").unwrap());
    assert!(!writer.delete(Table::Objects, b"gone").unwrap());
    assert!(!writer.delete(Table::Objects, b"never").unwrap());
    let seen = |key: &[u8]| writer.get(Table::Objects, key).unwrap();
    assert_eq!(seen(b"new").as_deref(), Some(&b"2"[..]));
    assert_eq!(seen(b"changed").as_deref(), Some(&b"2"[..]));
    assert_eq!(seen(b"kept").as_deref(), Some(&b"1"[..]));
    assert_eq!((seen(b"gone"), seen(b"never")), (None, None));
    assert_eq!(writer.get(Table::Expires, b"new").unwrap(), None, "in another table");
    assert_eq!(value(&*store, b"changed").as_deref(), Some(&b"1"[..]), "before the commit");
    assert_eq!(value(&*store, b"new"), None, "before the commit");
    writer.commit().unwrap();
    assert_eq!(value(&*store, b"changed").as_deref(), Some(&b"2"[..]));
    assert_eq!(value(&*store, b"gone"), None);
}

pub fn of_a_transaction_given_up_are_nowhere<H: Home>() {
    let home = H::new();
    let store = home.writable();
    put(&*store, [(&b"k"[..], &b"1"[..])]);
    let mut writer = store.writer().unwrap();
    writer.put(Table::Objects, b"k", b"2").unwrap();
    writer.put(Table::Objects, b"other", b"2").unwrap();
    drop(writer);
    assert_eq!(value(&*store, b"k").as_deref(), Some(&b"1"[..]));
    assert_eq!(value(&*store, b"other"), None);
    put(&*store, [(&b"k"[..], &b"3"[..])]);
    assert_eq!(value(&*store, b"k").as_deref(), Some(&b"3"[..]));
}

/// Not even when a walk is under way, and when so much changes that pages are used again.
pub fn of_a_snapshot_do_not_change<H: Home>() {
    let home = H::new();
    let store = home.writable();
    let keys: Vec<Vec<u8>> = (0..500).map(|i| format!("key{i:04}").into_bytes()).collect();
    let fill = |text: &[u8]| put(&*store, keys.iter().map(|key| (&key[..], text)));
    fill(b"old");
    let reader = store.reader().unwrap();
    let mut walk = reader.seek(Table::Objects, b"").unwrap();
    walk.next().unwrap();
    for round in 0..20u8 {
        fill(&[round; 40]);
        let mut writer = store.writer().unwrap();
        writer.delete(Table::Objects, &keys[usize::from(round)]).unwrap();
        writer.put(Table::Objects, &[b"a", &keys[7][..]].concat(), b"new").unwrap();
        writer.commit().unwrap();
    }
    for key in &keys[1..] {
        let (found, text) = walk.next().unwrap().unwrap();
        assert_eq!((&*found, &*text), (&key[..], &b"old"[..]));
    }
    assert!(walk.next().unwrap().is_none());
    for key in &keys {
        let found = reader.get(Table::Objects, key).unwrap();
        assert_eq!(found.as_deref(), Some(&b"old"[..]));
    }
    assert_eq!(value(&*store, &keys[400]).as_deref(), Some(&[19; 40][..]), "a new reader");
}

pub fn are_read_by_many_threads_at_once<H: Home>() {
    let home = H::new();
    let store = home.writable();
    put(&*store, [(&b"k"[..], &b"v"[..])]);
    // More than the 126 readers that an LMDB file has room for unless it is asked for more.
    let readers: Vec<_> = (0..300).map(|_| store.reader().unwrap()).collect();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for reader in readers {
            threads.push(scope.spawn(move || {
                let found = reader.get(Table::Objects, b"k").unwrap();
                found.map(|value| value.into_owned())
            }));
        }
        for thread in threads {
            assert_eq!(thread.join().unwrap().as_deref(), Some(&b"v"[..]));
        }
    });
}

/// Two loads, one behind the other, with several commits' worth of bytes in each.
pub fn of_a_bulk_load_go_behind_what_is_there<H: Home>() {
    let home = H::new();
    let store = home.create();
    let key = |i: u32| [&b"k"[..], &i.to_be_bytes()].concat();
    let text = |i: u32| vec![i as u8; 3000];
    for part in [0..6000, 6000..9000] {
        let mut bulk = store.bulk().unwrap();
        for i in part {
            bulk.append(Table::Objects, &key(i), &text(i)).unwrap();
            bulk.append(Table::Expires, &key(i), b"").unwrap();
        }
        bulk.finish().unwrap();
    }
    let reader = store.reader().unwrap();
    assert!(table(&*reader, Table::Objects).into_iter().eq((0..9000).map(|i| (key(i), text(i)))));
    assert_eq!(table(&*reader, Table::Expires).len(), 9000);
}

pub fn out_of_order_are_refused_by_a_bulk_load<H: Home>() {
    let home = H::new();
    let store = home.create();
    let mut bulk = store.bulk().unwrap();
    bulk.append(Table::Objects, b"m", b"1").unwrap();
    assert!(bulk.append(Table::Objects, b"m", b"2").is_err(), "the same key again");
    assert!(bulk.append(Table::Objects, b"l", b"2").is_err(), "a smaller key");
    bulk.append(Table::Expires, b"a", b"").unwrap();
    bulk.append(Table::Objects, b"n", b"1").unwrap();
    bulk.finish().unwrap();
    let mut bulk = store.bulk().unwrap();
    assert!(bulk.append(Table::Objects, b"n", b"2").is_err(), "the last key that is there");
    assert!(bulk.append(Table::Objects, b"a", b"2").is_err(), "smaller than what is there");
    bulk.append(Table::Objects, b"o", b"1").unwrap();
    bulk.finish().unwrap();
    let expected = [b"m", b"n", b"o"].map(|key| (key.to_vec(), b"1".to_vec()));
    assert_eq!(table(&*store.reader().unwrap(), Table::Objects), expected);
}

/// Keys have 1 to [`MAX_KEY_BYTES`] bytes; others are never found.
pub fn with_keys_of_the_longest_length_are_kept<H: Home>() {
    let home = H::new();
    let store = home.writable();
    let mut key = vec![b'k'; MAX_KEY_BYTES];
    put(&*store, [(&key[..], &b"longest"[..])]);
    assert_eq!(value(&*store, &key).as_deref(), Some(&b"longest"[..]));
    assert_eq!(value(&*store, &key[..MAX_KEY_BYTES - 1]), None);
    key.push(b'k');
    assert_eq!(value(&*store, &key), None);
    assert_eq!(value(&*store, b""), None);
}

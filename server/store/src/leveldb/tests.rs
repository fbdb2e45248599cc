//! Promises of a load that writes LevelDB's files: LevelDB, which verifies all it reads, finds in
//! them what was loaded, and goes on from there.
use super::*;
use crate::contract::{Cursor, Reader, Store};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// A directory for a store, with the options that are used there.
struct Home {
    folder: TempDir,
    options: Options,
}

impl Home {
    fn new(options: Options) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), options }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("x.leveldb")
    }

    fn create(&self) -> LevelDbStore {
        LevelDbStore::create(&self.path(), &self.options).unwrap()
    }

    fn open(&self) -> LevelDbStore {
        LevelDbStore::open(&self.path(), &self.options).unwrap()
    }

    /// Loads records in files and syncs; the store is closed then.
    fn load(&self, records: &[(Table, &Records)]) {
        let store = self.create();
        let mut bulk = store.bulk().unwrap();
        assert!(lock(&store.db).is_none(), "the load goes through LevelDB");
        for (table, records) in records {
            for (key, value) in *records {
                bulk.append(*table, key, value).unwrap();
            }
        }
        bulk.finish().unwrap();
        store.sync().unwrap();
    }

    fn tables(&self) -> usize {
        let names = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|end| end == "ldb")).count()
    }
}

fn collect<'r>(mut walk: Box<dyn Cursor<'r> + 'r>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((key, value)) = walk.next().unwrap() {
        found.push((key.into_owned(), value.into_owned()));
    }
    found
}

/// Both walks, every record by its key, and keys beside them.
fn check(reader: &dyn Reader, table: Table, records: &Records) {
    let pairs = || records.iter().map(|(key, value)| (key.clone(), value.clone()));
    assert!(collect(reader.seek(table, b"").unwrap()).into_iter().eq(pairs()));
    let back = collect(reader.seek_back(table, &[0xff; 600]).unwrap());
    assert!(back.into_iter().eq(pairs().rev()));
    for (key, value) in records {
        assert!(reader.get(table, key).unwrap().as_deref() == Some(value));
        for absent in [&key[..key.len() - 1], &[key, &[0][..]].concat()] {
            let expected = records.get(absent).map(Vec::as_slice);
            assert!(reader.get(table, absent).unwrap().as_deref() == expected);
        }
    }
}

/// Loads, reads, changes, reads after another opening.
fn holds(options: Options, records: &Records) {
    let home = Home::new(options);
    home.load(&[(Table::Objects, records), (Table::Segments, records)]);
    let store = home.open();
    check(&*store.reader().unwrap(), Table::Objects, records);
    check(&*store.reader().unwrap(), Table::Segments, records);
    let mut changed = records.clone();
    let mut writer = store.writer().unwrap();
    for (at, key) in records.keys().enumerate().filter(|(at, _)| at % 3 != 0) {
        if at % 3 == 1 {
            assert!(writer.delete(Table::Objects, key).unwrap());
            changed.remove(key);
        } else {
            writer.put(Table::Objects, key, b"new").unwrap();
            changed.insert(key.clone(), b"new".to_vec());
        }
    }
    writer.commit().unwrap();
    check(&*store.reader().unwrap(), Table::Objects, &changed);
    // Merges what was written with the loaded tables.
    store.db().unwrap().compact();
    check(&*store.reader().unwrap(), Table::Objects, &changed);
    drop(store);
    let store = home.open();
    check(&*store.reader().unwrap(), Table::Objects, &changed);
    check(&*store.reader().unwrap(), Table::Segments, records);
}

/// Numbers without an order (xorshift).
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |last| {
        let mut next = *last;
        next ^= next << 13;
        next ^= next >> 7;
        Some(next ^ next << 17)
    })
}

/// Bytes that nothing compresses.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    numbers(seed).flat_map(u64::to_le_bytes).take(len).collect()
}

fn text(key: impl ToString, value: impl ToString) -> (Vec<u8>, Vec<u8>) {
    (key.to_string().into_bytes(), value.to_string().into_bytes())
}

#[test]
fn nothing_and_one_record_are_loaded() {
    holds(Options::default(), &Records::new());
    holds(Options::default(), &[text("key", "value")].into());
    holds(Options::default(), &[text("k", "")].into());
}

#[test]
fn many_records_are_loaded_in_one_file_and_in_many() {
    let records = || numbers(7).take(100_000).map(|n| text(n, format!("value of {n}").repeat(3)));
    holds(Options::default(), &records().collect());
    let small = Options { max_file_size: Some(1 << 20), ..Options::default() };
    holds(small, &records().collect());
}

#[test]
fn keys_that_begin_alike_and_long_ones_are_loaded() {
    let records = (1..511).map(|len| (vec![b'k'; len], vec![len as u8; len]));
    holds(Options::default(), &records.clone().collect());
    let form = Options {
        snappy: false,
        block_size: 1 << 10,
        block_restart_interval: 1,
        ..Options::default()
    };
    holds(form, &records.collect());
    let whole = Options { block_restart_interval: 1024, ..Options::default() };
    holds(whole, &(0..3000).map(|i| text(i, i)).collect());
}

#[test]
fn large_and_incompressible_values_are_loaded() {
    let mut records: Records =
        (0..200u64).map(|i| (noise(i + 1, 24), noise(i + 9, 5000))).collect();
    records.insert(b"large".to_vec(), vec![b'x'; 3_000_000]);
    records.insert(b"larger".to_vec(), noise(3, 12_000_000));
    records.insert(b"largest".to_vec(), vec![0; 20_000_000]);
    holds(Options::default(), &records);
}

/// Objects come with their segments and expiry records between them.
#[test]
fn tables_are_loaded_side_by_side_and_stay_as_they_are() {
    let home = Home::new(Options { max_file_size: Some(1 << 20), ..Options::default() });
    let records: Records =
        (0..20_000u64).map(|i| (i.to_be_bytes().into(), noise(i + 1, 200))).collect();
    let store = home.create();
    let mut bulk = store.bulk().unwrap();
    for (key, value) in &records {
        for table in Table::ALL {
            bulk.append(table, key, value).unwrap();
        }
    }
    bulk.finish().unwrap();
    store.sync().unwrap();
    let loaded = home.tables();
    assert!(loaded > 16, "{loaded} files");
    let mut expected = records.clone();
    expected.insert(layout::META_LAYOUT.to_vec(), layout::LAYOUT_NAME.to_vec());
    drop(store);
    let store = home.open();
    for table in Table::ALL {
        let expected = if table == Table::Meta { &expected } else { &records };
        check(&*store.reader().unwrap(), table, expected);
    }
    assert_eq!(home.tables(), loaded, "opening has nothing to merge");
}

#[test]
fn a_load_that_is_open_keeps_everyone_out_and_one_given_up_for_good() {
    let home = Home::new(Options::default());
    let store = home.create();
    let mut bulk = store.bulk().unwrap();
    bulk.append(Table::Objects, b"k", b"v").unwrap();
    assert!(words::is_in_use(&check_unused(&home.path()).unwrap_err()));
    let other = LevelDbStore::open_read_only(&home.path(), &home.options);
    assert!(words::is_in_use(&other.err().unwrap()));
    for refused in [store.reader().err(), store.writer().err(), store.bulk().err()] {
        assert!(refused.unwrap().to_string().contains("has not finished"));
    }
    drop(bulk);
    assert!(store.sync().is_err() && store.reader().is_err());
    check_unused(&home.path()).unwrap();
}

/// A reader's view must not be closed under it, and filters are LevelDB's.
#[test]
fn a_store_that_is_read_or_has_filters_is_loaded_through_leveldb() {
    let home = Home::new(Options::default());
    let store = home.create();
    let reader = store.reader().unwrap();
    let mut bulk = store.bulk().unwrap();
    bulk.append(Table::Objects, b"k", b"v").unwrap();
    bulk.finish().unwrap();
    assert_eq!(reader.get(Table::Objects, b"k").unwrap(), None);
    let home = Home::new(Options { bloom_bits: Some(10), ..Options::default() });
    let store = home.create();
    let bulk = store.bulk().unwrap();
    assert!(store.reader().is_ok());
    bulk.finish().unwrap();
}

/// Whatever the load says, it says with the directory's name, and it ends.
#[test]
fn a_file_that_cannot_be_written_is_an_error_of_the_load() {
    let append = |bulk: &mut dyn Bulk| {
        (0..40_000u64).try_for_each(|i| bulk.append(Table::Objects, &i.to_be_bytes(), &[7; 2000]))
    };
    let home = Home::new(Options::default());
    let store = home.create();
    let mut bulk = store.bulk().unwrap();
    fs::remove_dir_all(home.path()).unwrap();
    let error = append(&mut *bulk).unwrap_err();
    assert!(
        matches!(&error, StoreError::Io { path, source }
        if *path == home.path().display().to_string()
            && source.kind() == std::io::ErrorKind::NotFound),
        "{error}"
    );
    assert!(bulk.finish().is_err() && store.sync().is_err());
    // With its last file, too.
    let home = Home::new(Options::default());
    let store = home.create();
    let mut bulk = store.bulk().unwrap();
    bulk.append(Table::Objects, b"k", b"v").unwrap();
    fs::remove_dir_all(home.path()).unwrap();
    assert!(bulk.finish().unwrap_err().to_string().contains("x.leveldb: No such file"));
    assert!(store.sync().is_err() && store.reader().is_err());
}

/// Until CURRENT is replaced LevelDB knows nothing of the files, and takes them away.
#[test]
fn without_a_manifest_the_directory_is_as_it_was_made() {
    let home = Home::new(Options::default());
    let store = home.create();
    let free = directory::free_number(&home.path()).unwrap();
    let mut bulk = store.bulk().unwrap();
    bulk.append(Table::Objects, b"k", b"v").unwrap();
    // A log's number, the table's, the manifest's.
    fs::create_dir(home.path().join(format!("MANIFEST-{:06}", free + 2))).unwrap();
    assert!(bulk.finish().unwrap_err().to_string().contains("x.leveldb: "));
    assert!(store.sync().is_err());
    drop(store);
    assert_eq!(home.tables(), 1);
    let refused = LevelDbStore::open(&home.path(), &home.options).err().unwrap();
    assert!(refused.to_string().contains("not a redtool store"), "{refused}");
    assert_eq!(home.tables(), 0);
}

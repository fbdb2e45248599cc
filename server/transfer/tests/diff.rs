//! A dump compared: with what was imported from it nothing differs, and what was changed is told.
use redtool_format::crc64::crc64;
use redtool_store::memory::MemoryStore;
use redtool_store::Table;
use redtool_transfer::diff::{diff, DiffKind, Options, Summary};
use redtool_transfer::import::import;
use redtool_transfer::{Job, Meter, Place, Source};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn dumps() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut found: Vec<_> = fixtures
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|folder| folder.read_dir().unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "rdb"))
        .collect();
    found.sort();
    assert!(found.len() > 50, "the fixtures are there");
    found
}

fn imported(file: &Source) -> Source {
    let store = MemoryStore::new();
    import(file, &store, &Job::default(), &Meter::new()).unwrap();
    Source::Store(Arc::new(store), 0)
}

fn compared(a: &Source, b: &Source) -> Summary {
    let options = Options { job: Job::default(), ttl_tolerance_ms: 0, limit: 10 };
    diff(a, b, &options, &Meter::new()).unwrap()
}

fn open(path: &Path) -> Source {
    Source::open(&Place::new("rdb", path), &Meter::new()).unwrap()
}

/// A version 9 file of these records.
fn file_of(records: &[u8]) -> Source {
    let mut bytes = [b"REDIS0009", records, b"\xff"].concat();
    let crc = crc64(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    open(file.path())
}

#[test]
fn a_dump_is_the_same_as_what_was_imported_from_it() {
    for path in dumps() {
        let file = open(&path);
        let store = imported(&file);
        let summary = compared(&file, &store);
        assert_eq!(summary.counts, [0; 5], "{}: {:?}", path.display(), summary.differences);
        let objects = {
            let Source::Store(store, _) = &store else { unreachable!("it was imported") };
            let reader = store.reader().unwrap();
            let mut cursor = reader.seek(Table::Objects, b"").unwrap();
            std::iter::from_fn(|| cursor.next().unwrap().map(|_| ())).count()
        };
        assert_eq!(summary.same, objects as u64, "{}", path.display());
    }
}

#[test]
fn the_same_data_of_two_servers_is_the_same() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    for theme in ["sets", "hashes"] {
        let dump = |server: &str| open(&fixtures.join(server).join(format!("{theme}.rdb")));
        let store = imported(&dump("redis-7.0.15"));
        let summary = compared(&dump("redis-3.2.13"), &store);
        assert_eq!(summary.counts, [0; 5], "{theme}: {:?}", summary.differences);
    }
}

/// Records of the two sides, and the one difference.
fn one_difference(a: &[u8], b: &[u8]) -> (DiffKind, Option<String>, String) {
    let store = imported(&file_of(b));
    let summary = compared(&file_of(a), &store);
    assert_eq!(summary.counts.iter().sum::<u64>(), 1, "{:?}", summary.differences);
    let found = summary.differences.into_iter().next().unwrap();
    assert_eq!(found.key, b"k");
    (found.kind, found.path, found.detail)
}

#[test]
fn each_kind_of_difference_is_told_with_the_first_element() {
    let string = one_difference(b"\x00\x01k\x01a", b"\x00\x01k\x01b");
    assert_eq!(string, (DiffKind::Value, None, "\"a\" != \"b\"".into()));
    let list = one_difference(b"\x01\x01k\x02\x01a\x01b", b"\x01\x01k\x02\x01a\x01c");
    assert_eq!(list.1.as_deref(), Some("index 1"));
    let set = one_difference(b"\x02\x01k\x02\x01a\x01b", b"\x02\x01k\x01\x01a");
    assert_eq!(set.1.as_deref(), Some("member \"b\""));
    let zset = one_difference(
        b"\x05\x01k\x01\x01m\0\0\0\0\0\0\xf0\x3f",
        b"\x05\x01k\x01\x01m\0\0\0\0\0\0\0\x40",
    );
    assert_eq!(zset.1.as_deref(), Some("member \"m\""));
    assert!(zset.2.contains("score 1 != score 2"), "{}", zset.2);
    let hash = one_difference(b"\x04\x01k\x01\x01f\x01v", b"\x04\x01k\x01\x01f\x01w");
    assert_eq!(hash.1.as_deref(), Some("field \"f\""));
    assert_eq!(one_difference(b"\x00\x01k\x01a", b"\x02\x01k\x01\x01a").0, DiffKind::Type);
    let expiring = b"\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x00\x01k\x01a";
    assert_eq!(one_difference(expiring, b"\x00\x01k\x01a").0, DiffKind::Expiry);
    assert_eq!(one_difference(b"\x00\x01k\x01a", b"").0, DiffKind::Missing);
    assert_eq!(one_difference(b"", b"\x00\x01k\x01a").0, DiffKind::Extra);
}

#[test]
fn order_and_encoding_do_not_count() {
    let one = file_of(b"\x02\x01k\x02\x01a\x01b");
    let other = imported(&file_of(b"\x02\x01k\x02\x01b\x01a"));
    assert_eq!(compared(&one, &other).same, 1);
    let raw = file_of(b"\x00\x01k\x0212");
    let number = imported(&file_of(b"\x00\x01k\xc0\x0c"));
    assert_eq!(compared(&raw, &number).same, 1);
}

#[test]
fn a_key_that_is_there_twice_is_refused_with_its_place() {
    let file = file_of(b"\x00\x01k\x01a\x00\x01l\x01a\x00\x01k\x01b");
    let imported = import(&file, &MemoryStore::new(), &Job::default(), &Meter::new());
    let options = Options { job: Job::default(), ttl_tolerance_ms: 0, limit: 10 };
    let compared = diff(&file, &file, &options, &Meter::new());
    for error in [imported.err().unwrap(), compared.err().unwrap()] {
        assert!(error.message.contains("twice"), "{error}");
        assert_eq!(error.key.as_deref(), Some(&b"k"[..]));
    }
}

//! What verify and salvage promise: sound datasets are sound however they are held, damage is told
//! with its place, and every key that is whole is saved.
use redtool_format::rdb::reader::{KeyRecord, Reader, Record};
use redtool_format::rdb::string;
use redtool_store::layout::PIECE_BYTES;
use redtool_store::memory::MemoryStore;
use redtool_store::object::write_expire_key;
use redtool_store::segment::piece_key;
use redtool_store::{Body, Object, Store, Table};
use redtool_transfer::import::import;
use redtool_transfer::rdb_file::{Checksum, RdbFile};
use redtool_transfer::source::Source;
use redtool_transfer::verify::{salvage, verify, Options, Report};
use redtool_transfer::{ErrorKind, Filter, Job, Meter};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Key = (u32, Vec<u8>);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn fixtures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()) {
        if directory.is_dir() {
            let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
            found.extend(files.filter(|path| path.extension().is_some_and(|ext| ext == "rdb")));
        }
    }
    found.sort();
    assert!(found.len() > 50);
    found
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(root().join(name)).unwrap()
}

fn check(source: &Source, deep: bool) -> Report {
    let filter = Filter::default();
    let options = Options { deep, checksum: true, filter: &filter };
    verify(source, &options, &Meter::new()).unwrap()
}

fn open(path: &Path) -> RdbFile {
    RdbFile::open(path, &Meter::new()).unwrap()
}

fn imported(path: &Path) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    import(&Source::Rdb(open(path)), &*store, &Job::default(), &Meter::new()).unwrap();
    store
}

fn assert_sound(report: &Report, what: &str) {
    let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, [""; 0], "{what}");
    assert!(report.account.adds_up(), "{what}");
    assert_eq!(report.account.failed.total(), 0, "{what}");
}

/// The key records of a sound file.
fn records(file: &[u8]) -> Vec<KeyRecord<'_>> {
    let mut reader = Reader::new(file).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        if let Record::Key(record) = record {
            records.push(record);
        }
    }
    records
}

fn name(record: &KeyRecord<'_>) -> Key {
    (record.db, record.key.to_vec().unwrap())
}

fn end(record: &KeyRecord<'_>) -> usize {
    record.payload_offset + record.payload.len()
}

struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// Salvages `bytes`: the report and the keys saved. What is saved is a sound dataset.
    fn salvage(&self, bytes: &[u8], what: &str) -> (Report, BTreeSet<Key>) {
        let (damaged, out) =
            (self.directory.path().join("damaged.rdb"), self.directory.path().join("out.rdb"));
        fs::write(&damaged, bytes).unwrap();
        let filter = Filter::default();
        let options = Options { deep: false, checksum: true, filter: &filter };
        let report = salvage(&open(&damaged), &out, true, &options, &Meter::new()).unwrap();
        assert!(report.account.adds_up(), "{what}");
        let saved = fs::read(&out).unwrap();
        let keys: Vec<_> = records(&saved).iter().map(name).collect();
        assert_eq!(keys.len() as u64, report.account.written.total(), "{what}");
        let set: BTreeSet<_> = keys.iter().cloned().collect();
        assert_eq!(set.len(), keys.len(), "{what}: a key is there twice");
        assert_sound(&check(&Source::Rdb(open(&out)), false), what);
        (report, set)
    }
}

#[test]
fn every_fixture_is_sound_as_a_file_and_as_a_store() {
    for path in fixtures() {
        let file = Source::Rdb(open(&path));
        let store = Source::Store(imported(&path), 0);
        for deep in [false, true] {
            let what = format!("{} deep {deep}", path.display());
            assert_sound(&check(&file, deep), &what);
            assert_sound(&check(&store, deep), &format!("{what}, imported"));
        }
    }
}

#[test]
fn every_cut_is_told_with_its_place_and_the_keys_before_it_are_saved() {
    let bench = Bench::new();
    for source in ["redis-7.2.6/tiny.rdb", "redis-7.2.6/multidb.rdb", "redis-2.4.18/tiny.rdb"] {
        let whole = fixture(source);
        let records = records(&whole);
        for cut in 9..whole.len() {
            let what = format!("{source} cut at {cut}");
            let (report, saved) = bench.salvage(&whole[..cut], &what);
            let before = records.iter().filter(|record| end(record) <= cut);
            assert_eq!(saved, before.map(name).collect(), "{what}");
            assert!(!report.problems.is_empty(), "{what}");
            for problem in &report.problems {
                assert!(problem.offset.is_some_and(|offset| offset <= cut as u64), "{what}");
            }
        }
    }
}

#[test]
fn a_byte_changed_inside_a_value_costs_no_other_key() {
    let bench = Bench::new();
    for source in ["redis-7.2.6/tiny.rdb", "redis-6.2.16/mixed.rdb", "redis-7.4.1/mixed.rdb"] {
        let whole = fixture(source);
        let records = records(&whole);
        // The middle of a shorter value may be its length, and a wrong length may make sense.
        for damaged in records.iter().filter(|record| record.payload.len() > 4) {
            for bits in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[damaged.payload_offset + damaged.payload.len() / 2] ^= bits;
                let key = name(damaged);
                let what = format!("{source} {key:?} ({:?}) {bits:x}", damaged.value_type);
                let (report, mut saved) = bench.salvage(&bytes, &what);
                assert!(!report.problems.is_empty(), "{what}");
                assert!(report.checksum != Checksum::Ok, "{what}");
                saved.insert(key);
                assert_eq!(saved, records.iter().map(name).collect(), "{what}");
            }
        }
    }
}

#[test]
fn any_changed_byte_is_survived() {
    let bench = Bench::new();
    let whole = fixture("redis-7.2.6/tiny.rdb");
    let all: BTreeSet<_> = records(&whole).iter().map(name).collect();
    let mut lost = 0;
    for at in 9..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let (report, saved) = bench.salvage(&bytes, &format!("byte {at}"));
        assert!(!report.problems.is_empty(), "byte {at}");
        lost += all.difference(&saved).count();
    }
    // One changed byte costs one key, seldom more.
    assert!(lost < whole.len() * 3 / 2, "{lost} keys lost by {} changes", whole.len());
}

#[test]
fn a_wrong_checksum_alone_costs_nothing_and_is_one_problem() {
    let bench = Bench::new();
    let whole = fixture("redis-7.2.6/mixed.rdb");
    let mut bytes = whole.clone();
    bytes[whole.len() - 1] ^= 1;
    let (report, saved) = bench.salvage(&bytes, "checksum");
    assert_eq!(report.problems.len(), 1);
    assert_eq!((report.problems[0].kind, report.checksum), (ErrorKind::Checksum, Checksum::Bad));
    assert_eq!(saved, records(&whole).iter().map(name).collect());
}

/// What stands outside keys.
fn notes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(bytes).unwrap();
    let mut notes = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        match record {
            Record::Function(source) => notes.push(source.to_vec().unwrap()),
            Record::ModuleAux(bytes) => notes.push(bytes.to_vec()),
            Record::Aux { name, value } => {
                notes.push([name.to_vec().unwrap(), value.to_vec().unwrap()].concat());
            }
            _ => {}
        }
    }
    notes
}

#[test]
fn functions_and_module_data_are_saved_too() {
    let bench = Bench::new();
    for name in ["functions", "modules_aux2"] {
        let whole = fixture(&format!("redis-7.2.6/{name}.rdb"));
        bench.salvage(&whole, name);
        let saved = fs::read(bench.directory.path().join("out.rdb")).unwrap();
        assert_eq!(notes(&saved), notes(&whole), "{name}");
    }
}

#[test]
fn every_fixture_is_salvaged_whole() {
    let bench = Bench::new();
    for path in fixtures() {
        let whole = fs::read(&path).unwrap();
        let what = path.display().to_string();
        let (report, saved) = bench.salvage(&whole, &what);
        assert_sound(&report, &what);
        let skipped = report.account.skipped.total() as usize;
        assert_eq!(saved.len() + skipped, records(&whole).len(), "{what}");
    }
}

#[test]
fn an_existing_target_is_replaced_only_by_force() {
    let directory = tempfile::tempdir().unwrap();
    let (damaged, out) = (directory.path().join("a.rdb"), directory.path().join("b.rdb"));
    fs::write(&damaged, fixture("redis-7.2.6/tiny.rdb")).unwrap();
    fs::write(&out, b"mine").unwrap();
    let filter = Filter::default();
    let options = Options { deep: false, checksum: true, filter: &filter };
    let refused = salvage(&open(&damaged), &out, false, &options, &Meter::new()).err().unwrap();
    assert_eq!(refused.kind, ErrorKind::Exists);
    assert_eq!(fs::read(&out).unwrap(), b"mine");
}

/// Verifies the store of a fixture after a change: what is told.
fn after(
    change: impl FnOnce(&mut dyn redtool_store::Writer, &dyn redtool_store::Reader),
) -> String {
    let store = imported(&root().join("redis-7.2.6/zsets.rdb"));
    let reader = store.reader().unwrap();
    let mut writer = store.writer().unwrap();
    change(&mut *writer, &*reader);
    writer.commit().unwrap();
    let report = check(&Source::Store(store, 0), false);
    report.problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The first segment of a family.
fn segment(reader: &dyn redtool_store::Reader, family: u8) -> Vec<u8> {
    let mut cursor = reader.seek(Table::Segments, b"").unwrap();
    while let Some((key, _)) = cursor.next().unwrap() {
        if key[8] == family {
            return key.into_owned();
        }
    }
    panic!("no segment of this family");
}

#[test]
fn a_store_without_contradictions_is_sound() {
    assert_eq!(after(|_, _| ()), "");
}

#[test]
fn segments_too_many_and_too_few_are_told() {
    let told = after(|writer, _| writer.put(Table::Segments, &[0xff; 17], b"").unwrap());
    assert!(told.contains("which no key has"), "{told}");
    let told = after(|writer, reader| {
        writer.delete(Table::Segments, &segment(reader, b'h')).unwrap();
    });
    assert!(told.contains("'h' segments hold") && told.contains("key"), "{told}");
}

#[test]
fn pieces_of_a_long_string_that_do_not_fit_are_told() {
    let told = |change: &dyn Fn(&mut dyn redtool_store::Writer)| {
        let store = long_string();
        let mut writer = store.writer().unwrap();
        change(&mut *writer);
        writer.commit().unwrap();
        let report = check(&Source::Store(store, 0), true);
        report.problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let key = |piece: usize| piece_key(1, (piece * PIECE_BYTES) as u64);
    assert_eq!(told(&|_| ()), "");
    let lost = told(&|writer| assert!(writer.delete(Table::Segments, &key(1)).unwrap()));
    assert!(lost.contains("the piece of 65520 bytes at offset 65520 is not there"), "{lost}");
    assert!(lost.contains("key \"text\""), "{lost}");
    let more =
        told(&|writer| writer.put(Table::Segments, &piece_key(1, 131_139), b"more").unwrap());
    assert!(more.contains("its pieces hold 131143 bytes, not 131139"), "{more}");
    let apart = told(&|writer| writer.put(Table::Segments, &piece_key(1, 200_000), b"").unwrap());
    assert!(apart.contains("piece of 0 bytes at offset 200000 does not belong"), "{apart}");
}

/// A store whose only key is a string of two whole pieces and 99 bytes.
fn long_string() -> Arc<MemoryStore> {
    let mut dump = b"REDIS0012\xfe\0\0\x04text".to_vec();
    string::write_raw(&mut dump, &vec![b't'; 2 * PIECE_BYTES + 99]);
    dump.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("long.rdb");
    fs::write(&path, dump).unwrap();
    imported(&path)
}

#[test]
fn an_expiry_index_that_is_off_is_told() {
    let told = after(|writer, _| {
        let mut key = Vec::new();
        write_expire_key(&mut key, 1, b"\0\0\0\0nobody");
        writer.put(Table::Expires, &key, b"").unwrap();
    });
    assert!(told.contains("the expiry index has"), "{told}");
    let told = after(|writer, reader| {
        let mut cursor = reader.seek(Table::Objects, b"").unwrap();
        while let Some((key, record)) = cursor.next().unwrap() {
            let mut object = Object::parse(&record).unwrap();
            if matches!(object.body, Body::Inline(_)) && object.expire_at_ms.is_none() {
                object.expire_at_ms = Some(4_102_444_800_000);
                let mut changed = Vec::new();
                object.write(&mut changed);
                return writer.put(Table::Objects, &key, &changed).unwrap();
            }
        }
    });
    assert!(told.contains("not in the expiry index"), "{told}");
    assert!(told.contains("the counters of db"), "{told}");
}

//! What a LevelDB store refuses to open, and the sentence it says: what and where. A directory that
//! is not LevelDB's is left as it was, with nothing new in it.
use crate::dataset::{everything, load, Key};
use crate::homes::{DurableHome, Home, LevelDb};
use crate::value::Value;
use redtool_store::layout::{LAYOUT_NAME, META_LAYOUT};
use redtool_store::leveldb::{is_leveldb, LevelDbStore, Options};
use redtool_store::{StoreError, Table};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file below a folder and what it holds.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match fs::read(&path) {
            Ok(bytes) => found.push((path, bytes)),
            Err(_) => found.extend(files(&path)),
        }
    }
    found.sort();
    found
}

/// Opened in either way, it is refused with a sentence that names the directory and says `what`.
fn is_refused(home: &LevelDb, what: &str) -> StoreError {
    let mut last = None;
    for open in [DurableHome::open_read_only, DurableHome::open] {
        let error = open(home).err().unwrap_or_else(|| panic!("opened, not {what:?}"));
        let (said, path) = (error.to_string(), home.path().display().to_string());
        assert!(said.starts_with(&path) && said.contains(what), "{said}, not {what:?}");
        assert!(!said.contains('\n'), "{said}");
        last = Some(error);
    }
    last.unwrap()
}

/// Refused, and not touched.
fn is_passed_over(home: &LevelDb, what: &str) {
    let before = files(home.folder());
    is_refused(home, what);
    assert_eq!(files(home.folder()), before, "{what}");
}

fn dataset(home: &LevelDb) {
    let store = home.create();
    let text = |i: u32| Value::String(vec![i as u8; 300]).plain();
    load(&*store, &(0..200).map(|i| Key::new(format!("{i}"), text(i))).collect::<Vec<_>>());
}

#[test]
fn a_missing_directory_is_refused_and_not_made() {
    let home = LevelDb::new();
    is_passed_over(&home, "No such file");
    assert!(!home.path().exists() && !is_leveldb(&home.path()));
}

#[test]
fn a_file_is_refused() {
    let home = LevelDb::new();
    fs::write(home.path(), b"REDIS0011").unwrap();
    is_passed_over(&home, "not a directory");
}

#[test]
fn a_directory_of_someone_else_is_refused() {
    let home = LevelDb::new();
    fs::create_dir(home.path()).unwrap();
    is_passed_over(&home, "not a LevelDB directory");
    fs::write(home.path().join("notes.txt"), b"mine").unwrap();
    is_passed_over(&home, "not a LevelDB directory");
    fs::write(home.path().join("CURRENT"), b"events").unwrap();
    is_passed_over(&home, "CURRENT does not name a manifest");
}

#[test]
fn a_leveldb_of_someone_else_is_refused() {
    let home = LevelDb::new();
    let store = home.create();
    let mut writer = store.writer().unwrap();
    writer.put(Table::Objects, b"key", b"value").unwrap();
    writer.commit().unwrap();
    drop(store);
    is_refused(&home, "not a redtool store");
}

#[test]
fn another_layout_is_refused_and_a_newer_one_called_so() {
    for (name, what) in [
        (&b"redtool 99"[..], "layout \"redtool 99\" is newer than this redtool"),
        (b"redtool 100", "newer"),
        (b"redtool 0", "unknown layout"),
        (b"other 2", "unknown layout"),
        (b"", "unknown layout"),
    ] {
        let home = LevelDb::new();
        dataset(&home);
        let store = home.open().unwrap();
        let mut writer = store.writer().unwrap();
        let before = writer.get(Table::Meta, META_LAYOUT).unwrap();
        assert_eq!(before.as_deref(), Some(LAYOUT_NAME));
        writer.put(Table::Meta, META_LAYOUT, name).unwrap();
        writer.commit().unwrap();
        drop(store);
        is_refused(&home, what);
    }
}

/// In this process; LevelDB's lock between processes says the same.
#[test]
fn a_directory_in_use_is_refused_and_free_afterwards() {
    let home = LevelDb::new();
    dataset(&home);
    let store = home.open_read_only().unwrap();
    let reader = store.reader().unwrap();
    is_refused(&home, "in use");
    drop(store);
    is_refused(&home, "in use");
    assert!(reader.get(Table::Meta, META_LAYOUT).unwrap().is_some(), "a reader holds it open");
    drop(reader);
    home.open().unwrap();
}

#[test]
fn a_directory_in_use_by_another_process_is_refused() {
    const NAME: &str = "leveldb_refusals::a_directory_in_use_by_another_process_is_refused";
    const FOLDER: &str = "REDTOOL_CONTRACT_LOCKED";
    if let Ok(folder) = std::env::var(FOLDER) {
        is_refused(&LevelDb::inside(Path::new(&folder)), "in use");
        return;
    }
    let home = LevelDb::new();
    dataset(&home);
    let _store = home.open().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap());
    let ran = other.args(["--exact", NAME]).env(FOLDER, home.folder()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}

/// The files of LevelDB's whose names end so.
fn named(home: &LevelDb, end: &str) -> Vec<PathBuf> {
    let all = files(&home.path()).into_iter().map(|(path, _)| path);
    all.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

#[test]
fn damage_is_told_and_not_passed_over() {
    let home = LevelDb::new();
    dataset(&home);
    // The load's only table, which is of objects; what the dataset knows of itself is in another.
    let table = &named(&home, ".ldb")[0];
    let mut bytes = fs::read(table).unwrap();
    bytes[100] ^= 1;
    fs::write(table, bytes).unwrap();
    let store = home.open_read_only().unwrap();
    let reader = store.reader().unwrap();
    // LevelDB itself would go on behind the damage.
    for walk in [reader.seek(Table::Objects, b""), reader.seek_back(Table::Objects, &[0xff; 9])] {
        let mut walk = walk.unwrap();
        let error = loop {
            match walk.next() {
                Ok(record) => assert!(record.is_some(), "a walk has passed over damage"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, StoreError::Corrupt(what) if what.contains("damaged")), "{error}");
    }
    let first = redtool_store::object::record_key(0, b"0");
    assert!(matches!(reader.get(Table::Objects, &first), Err(StoreError::Corrupt(_))));
    drop((reader, store));
    fs::remove_file(table).unwrap();
    assert!(matches!(is_refused(&home, "missing files"), StoreError::Corrupt(_)));
}

#[test]
fn a_damaged_log_is_told_and_not_passed_over() {
    let home = LevelDb::new();
    dataset(&home);
    let store = home.open().unwrap();
    let mut writer = store.writer().unwrap();
    writer.put(Table::Objects, b"a", &[7; 100_000]).unwrap();
    writer.commit().unwrap();
    drop(store);
    for log in named(&home, ".log") {
        let mut bytes = fs::read(&log).unwrap();
        if let Some(byte) = bytes.get_mut(50_000) {
            *byte ^= 1;
        }
        fs::write(log, bytes).unwrap();
    }
    assert!(matches!(is_refused(&home, "damaged"), StoreError::Corrupt(_)));
    let lenient = Options { paranoid_checks: false, ..Options::default() };
    assert!(LevelDbStore::open_read_only(&home.path(), &lenient).is_ok());
}

/// Root may write everywhere, so the test runs itself again as nobody.
#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    const NAME: &str = "leveldb_refusals::a_directory_that_cannot_be_written_is_refused";
    const FOLDER: &str = "REDTOOL_CONTRACT_UNWRITABLE_LEVELDB";
    const NOBODY: u32 = 65534;
    if let Ok(folder) = std::env::var(FOLDER) {
        let error = is_refused(&LevelDb::inside(Path::new(&folder)), "Permission denied");
        assert!(error.is_no_permission());
        return;
    }
    let home = LevelDb::new();
    dataset(&home);
    let mode = |mode| {
        fs::set_permissions(home.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o555);
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", NAME]).env(FOLDER, home.folder()).uid(NOBODY).gid(NOBODY);
    match again.output() {
        Ok(ran) => assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout)),
        Err(error) => eprintln!("{NAME}: skipped, nobody may not run it: {error}"),
    }
    mode(0o755);
    assert_eq!(everything(&*home.open().unwrap())[Table::Objects as usize].len(), 200);
}

//! What an LMDB store refuses to open, and the sentence it says: what and where. What is refused is
//! left as it was, with nothing new beside it.
use crate::dataset::{everything, load, Key};
use crate::homes::{DurableHome, Home, Lmdb};
use crate::value::Value;
use redtool_store::layout::META_LAYOUT;
use redtool_store::Table;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const LMDB_MAGIC: [u8; 4] = 0xbeef_c0de_u32.to_le_bytes();

/// A folder's files and what they hold. Beside an LMDB file its lock file may appear.
fn files(home: &Lmdb) -> Vec<(OsString, Option<Vec<u8>>)> {
    let entries = fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name(), fs::read(entry.path()).ok())).collect();
    if fs::read(home.path()).is_ok_and(|file| file.get(16..20) == Some(&LMDB_MAGIC[..])) {
        files.retain(|(name, _)| name != "x.lmdb-lock");
    }
    files.sort();
    files
}

/// Opened in either way, it is refused with a sentence that names the file and says `what`.
fn is_refused(home: &Lmdb, what: &str) {
    for open in [DurableHome::open_read_only, DurableHome::open] {
        let before = files(home);
        let error = open(home).err().unwrap_or_else(|| panic!("opened, not {what:?}"));
        let (error, path) = (error.to_string(), home.path().display().to_string());
        assert!(error.starts_with(&path) && error.contains(what), "{error}, not {what:?}");
        assert!(!error.contains('\n'), "{error}");
        assert_eq!(files(home), before, "{what}");
    }
}

fn dataset(home: &Lmdb) -> Vec<u8> {
    let store = home.create();
    let text = |i: u32| Value::String(vec![i as u8; 300]).plain();
    load(&*store, &(0..200).map(|i| Key::new(format!("{i}"), text(i))).collect::<Vec<_>>());
    drop(store);
    fs::read(home.path()).unwrap()
}

#[test]
fn a_missing_file_is_refused_and_not_made() {
    is_refused(&Lmdb::new(), "No such file");
}

#[test]
fn an_empty_file_is_refused() {
    let home = Lmdb::new();
    fs::write(home.path(), b"").unwrap();
    is_refused(&home, "an empty file");
}

#[test]
fn a_directory_is_refused() {
    let home = Lmdb::new();
    fs::create_dir(home.path()).unwrap();
    is_refused(&home, "not a file");
}

/// Opening one would wait for a writer that never comes.
#[test]
fn a_pipe_is_refused() {
    let home = Lmdb::new();
    let made = Command::new("mkfifo").arg(home.path()).status();
    assert!(made.unwrap().success());
    let error = home.open_read_only().err().unwrap().to_string();
    assert!(error.contains("not a file"), "{error}");
}

#[test]
fn what_is_no_lmdb_file_is_refused() {
    let others: [&[u8]; 4] =
        [b"x", b"REDIS0011\xfa\x09redis-ver\x057.2.4", &[0; 8192], &[0xff; 20_000]];
    for bytes in others {
        let home = Lmdb::new();
        fs::write(home.path(), bytes).unwrap();
        is_refused(&home, "not an LMDB file");
    }
}

/// The meta pages that LMDB makes for an empty environment of a data format.
fn empty_environment(version: u32) -> Vec<u8> {
    const PAGE_BYTES: usize = 4096;
    let mut file = Vec::new();
    for page in 0..2u64 {
        let start = file.len();
        file.extend_from_slice(&page.to_le_bytes());
        file.extend_from_slice(&[0, 0, 8, 0, 0, 0, 0, 0]);
        file.extend_from_slice(&LMDB_MAGIC);
        file.extend_from_slice(&version.to_le_bytes());
        file.extend_from_slice(&0u64.to_le_bytes());
        file.extend_from_slice(&(1u64 << 20).to_le_bytes());
        let mut free_db = [0; 48];
        free_db[..4].copy_from_slice(&(PAGE_BYTES as u32).to_le_bytes());
        free_db[4] = 8;
        free_db[40..].fill(0xff);
        let mut main_db = [0; 48];
        main_db[40..].fill(0xff);
        file.extend_from_slice(&[free_db, main_db].concat());
        file.extend_from_slice(&1u64.to_le_bytes());
        file.extend_from_slice(&page.to_le_bytes());
        file.resize(start + PAGE_BYTES, 0);
    }
    file
}

#[test]
fn an_lmdb_file_of_someone_else_is_refused() {
    let home = Lmdb::new();
    fs::write(home.path(), empty_environment(1)).unwrap();
    is_refused(&home, "an LMDB file, but not a redtool one");
}

#[test]
fn an_lmdb_file_of_another_data_format_is_refused() {
    let home = Lmdb::new();
    fs::write(home.path(), empty_environment(2)).unwrap();
    is_refused(&home, "data format");
}

/// A redtool file whose layout record says `name`, or is not there.
fn with_layout(name: Option<&[u8]>) -> Lmdb {
    let home = Lmdb::new();
    dataset(&home);
    let store = home.open().unwrap();
    let mut writer = store.writer().unwrap();
    match name {
        Some(name) => writer.put(Table::Meta, META_LAYOUT, name).unwrap(),
        None => assert!(writer.delete(Table::Meta, META_LAYOUT).unwrap()),
    }
    writer.commit().unwrap();
    drop(store);
    home
}

#[test]
fn a_newer_layout_is_refused() {
    is_refused(&with_layout(Some(b"redtool 2")), "\"redtool 2\" is newer than this redtool");
    is_refused(&with_layout(Some(b"redtool 10")), "\"redtool 10\" is newer than this redtool");
}

#[test]
fn a_layout_of_another_name_is_refused() {
    for name in [&b""[..], b"redtool", b"redtool 1 ", b"redtool 01", b"redtool x", b"other 1"] {
        is_refused(&with_layout(Some(name)), "not a redtool store");
    }
}

#[test]
fn a_store_without_a_layout_is_refused() {
    is_refused(&with_layout(None), "not a redtool store");
}

/// Wherever the file is cut: no bus error, and no dataset that lacks its end.
#[test]
fn a_truncated_file_is_refused() {
    let whole = dataset(&Lmdb::new());
    let home = Lmdb::new();
    let lengths = (1..whole.len()).step_by(1000).chain((4096..whole.len()).step_by(4096));
    for len in lengths.chain([whole.len() - 1]) {
        fs::write(home.path(), &whole[..len]).unwrap();
        // Without its first two pages whole it may not even be known as LMDB's.
        let what = if len < 2 * 4096 { "file" } else { "the file is truncated" };
        is_refused(&home, what);
    }
    fs::write(home.path(), &whole).unwrap();
    assert!(home.open_read_only().is_ok());
}

/// Root may write anywhere, so there the test runs itself again as nobody.
#[test]
fn a_dataset_in_a_folder_that_cannot_be_written_is_read() {
    const NAME: &str = "refusals::a_dataset_in_a_folder_that_cannot_be_written_is_read";
    const FOLDER: &str = "REDTOOL_CONTRACT_UNWRITABLE";
    const NOBODY: u32 = 65534;
    if let Ok(folder) = std::env::var(FOLDER) {
        return is_read_where_nothing_can_be_written(&Lmdb::inside(Path::new(&folder)));
    }
    let home = Lmdb::new();
    dataset(&home);
    let mode = |mode| fs::set_permissions(home.folder(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    if fs::write(home.folder().join("probe"), b"").is_err() {
        is_read_where_nothing_can_be_written(&home);
    } else {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", NAME]).env(FOLDER, home.folder()).uid(NOBODY).gid(NOBODY);
        match again.output() {
            Ok(ran) => assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout)),
            Err(error) => eprintln!("{NAME}: skipped, nobody may not run it: {error}"),
        }
    }
    mode(0o755);
}

fn is_read_where_nothing_can_be_written(home: &Lmdb) {
    assert!(fs::write(home.folder().join("probe"), b"").is_err());
    let records = everything(&*home.open_read_only().unwrap());
    assert_eq!(records[Table::Objects as usize].len(), 200);
    let error = home.open().err().unwrap();
    assert!(error.is_no_permission(), "{error}");
}

//! What the tests of text forms share.
pub mod random;

use redtool_transfer::convert::{convert as transfer, Goal};
use redtool_transfer::{Job, Meter, Place, Source};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Every dump among the fixtures.
pub fn dumps() -> Vec<PathBuf> {
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

pub fn open(scheme: &str, path: &Path) -> Source {
    Source::open(&Place::new(scheme, path), &Meter::new()).unwrap()
}

/// A new file of another format.
pub fn convert(source: &Source, scheme: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let goal = Goal {
        source: String::new(),
        place: Place::new(scheme, file.path()),
        force: true,
        target: None,
        lossy: true,
        compress: true,
        now_ms: 1_767_225_600_000,
        text: Default::default(),
    };
    let done = transfer(source, &goal, &Job::default(), &Meter::new()).unwrap();
    assert!(done.account.adds_up());
    file
}

pub fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A file of this text.
pub fn lines_of(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Reads a line of any bytes, and what it was read as.
pub fn read_bytes(line: &[u8]) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(line).unwrap();
    let (job, meter) = (Job::default(), Meter::new());
    let Ok(source) = Source::open(&Place::new("jsonl", file.path()), &meter) else { return };
    let Ok(opening) = source.survey(true, &job.selection.filter, &meter) else { return };
    let mut account = Default::default();
    let read = source.each(&opening, &job.selection.filter, &mut account, &meter, |_, _| Ok(()));
    if read.is_ok() {
        convert(&source, "jsonl");
    }
}

//! Promises of stores that outlive a process: reopening, crashes.
//!
//! The crashes are real: the test binary runs itself, the other process says on its standard output
//! how far it is and waits, and is killed there (SIGKILL: nothing of its own runs any more).
use crate::dataset::{everything, load, load_unsynced, meaning, Key};
use crate::homes::DurableHome;
use crate::records::{put, value, Numbers};
use crate::value::{stream, zset, Value};
use redtool_format::rdb::value::Templates;
use redtool_store::{Store, Table};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tells the victim in which folder to work.
const FOLDER: &str = "REDTOOL_CONTRACT_FOLDER";
/// Tells the victim what to do there.
const DEED: &str = "REDTOOL_CONTRACT_DEED";

fn dataset() -> Vec<Key> {
    let text = |i: u32| format!("element {i}").into_bytes();
    let mut keys = vec![
        Key::new("list", Value::List((0..5000).map(text).collect()).plain()),
        Key::new("zset", zset((0..5000).map(|i| (text(i), f64::from(i)))).plain()),
        Key::new("stream", stream(5000).plain()),
        Key::new("", Value::String(vec![7; 3_000_000]).plain()),
    ];
    for i in 0..20_000 {
        let expire_at_ms = (i % 2 == 0).then_some(1_900_000_000_000 + i64::from(i));
        let key = Key::new(format!("key:{i}"), Value::String(vec![i as u8; 700]).plain());
        keys.push(Key { db: i % 3, expire_at_ms, ..key });
    }
    keys
}

pub fn what_was_synced_is_there_when_opened_again<H: DurableHome>() {
    let home = H::new();
    let store = home.create();
    load(&*store, &dataset());
    let (before, meant) = (everything(&*store), meaning(&*store));
    drop(store);
    for _ in 0..2 {
        let store = home.open_read_only().unwrap();
        assert!(everything(&*store) == before);
        assert!(meaning(&*store) == meant);
        drop(store);
        drop(home.open().unwrap());
    }
}

/// Much is added, more is taken away, and the file is opened anew after every commit.
pub fn changes_over_many_openings_are_all_there<H: DurableHome>() {
    let (home, mut numbers) = (H::new(), Numbers(3));
    drop(home.writable());
    let mut model = BTreeMap::<Vec<u8>, Vec<u8>>::new();
    for round in 0..60u64 {
        let store = home.open().unwrap();
        let mut writer = store.writer().unwrap();
        for _ in 0..numbers.below(200) {
            let key = numbers.below(300).to_be_bytes().to_vec();
            if numbers.below(60) < round {
                assert_eq!(
                    writer.delete(Table::Objects, &key).unwrap(),
                    model.remove(&key).is_some()
                );
            } else {
                let text = vec![round as u8; numbers.below(20_000) as usize];
                writer.put(Table::Objects, &key, &text).unwrap();
                model.insert(key, text);
            }
        }
        writer.commit().unwrap();
        drop(store);
        let store = home.open_read_only().unwrap();
        assert!(everything(&*store)[Table::Objects as usize].iter().cloned().eq(model.clone()));
    }
}

/// A load that ends before its sync has made no dataset, wherever it ended.
pub fn a_load_given_up_is_refused<H: DurableHome>() {
    for deed in Deed::LOADS {
        let home = H::new();
        let store = home.create();
        deed.run(&*store, &mut |_| ());
        drop(store);
        for opened in [home.open_read_only(), home.open()] {
            let error = opened.err().unwrap_or_else(|| panic!("{deed:?} opens")).to_string();
            assert!(error.contains("not a redtool store"), "{error}");
        }
    }
    let home = H::new();
    let store = home.create();
    Deed::LoadHalf.run(&*store, &mut |_| ());
    assert!(store.sync().is_err(), "half a load is not to be synced");
    drop(store);
    assert!(home.open_read_only().is_err());
}

pub fn a_load_that_was_killed_is_refused<H: DurableHome>() {
    for deed in Deed::LOADS {
        let home = H::new();
        kill(&mut victim_of::<H>(home.folder(), deed));
        for opened in [home.open_read_only(), home.open()] {
            let error = opened.err().unwrap_or_else(|| panic!("{deed:?} opens")).to_string();
            assert!(error.contains("not a redtool store"), "{error}");
        }
    }
}

pub fn a_kill_between_two_commits_leaves_the_first_whole<H: DurableHome>() {
    let home = H::new();
    let store = home.create();
    load(&*store, &dataset());
    drop(store);
    kill(&mut victim_of::<H>(home.folder(), Deed::Change));
    let store = home.open().unwrap();
    for i in 0..5000u32 {
        assert_eq!(value(&*store, &i.to_be_bytes()).as_deref(), Some(&b"first"[..]));
    }
    assert_eq!(value(&*store, b"second"), None);
    put(&*store, [(&b"third"[..], &b"3"[..])]);
    assert_eq!(value(&*store, b"third").as_deref(), Some(&b"3"[..]), "the dead writer has let go");
}

pub fn a_store_opened_for_reading_takes_no_changes<H: DurableHome>() {
    let home = H::new();
    let store = home.create();
    load(&*store, &dataset());
    let before = everything(&*store);
    drop(store);
    let store = home.open_read_only().unwrap();
    assert!(store.writer().is_err());
    assert!(store.bulk().is_err());
    assert!(everything(&*store) == before);
}

pub fn a_load_over_a_dataset_is_refused_and_the_dataset_stays<H: DurableHome>() {
    let home = H::new();
    let store = home.create();
    load(&*store, &dataset());
    let before = everything(&*store);
    drop(store);
    let error = home.try_create().err().expect("made over a dataset").to_string();
    assert!(error.contains("exists"), "{error}");
    assert!(everything(&*home.open().unwrap()) == before);
}

/// What a victim does until it is killed.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Makes a store.
    Create,
    /// Loads, to the middle of a batch behind some that were committed.
    LoadHalf,
    /// Loads all records, and what the dataset knows about itself; does not sync.
    LoadAll,
    /// Commits one transaction, and leaves another in the middle.
    Change,
}

impl Deed {
    const LOADS: [Deed; 3] = [Deed::Create, Deed::LoadHalf, Deed::LoadAll];

    fn named(name: &str) -> Deed {
        let all = [Deed::Create, Deed::LoadHalf, Deed::LoadAll, Deed::Change];
        all.into_iter().find(|deed| format!("{deed:?}") == name).unwrap()
    }

    /// Does it; `wait` is called where it is to be killed.
    fn run(self, store: &dyn Store, wait: &mut dyn FnMut(Deed)) {
        match self {
            Deed::Create => wait(self),
            Deed::LoadHalf => {
                let mut bulk = store.bulk().unwrap();
                for i in 0..30_000u32 {
                    bulk.append(Table::Objects, &i.to_be_bytes(), &[1; 1000]).unwrap();
                }
                wait(self);
            }
            Deed::LoadAll => {
                load_unsynced(store, &dataset(), &Templates::default());
                wait(self);
            }
            Deed::Change => {
                let keys: Vec<_> = (0..5000u32).map(u32::to_be_bytes).collect();
                put(store, keys.iter().map(|key| (&key[..], &b"first"[..])));
                let mut writer = store.writer().unwrap();
                writer.put(Table::Objects, b"second", &[2; 100_000]).unwrap();
                keys.iter().for_each(|key| {
                    writer.put(Table::Objects, key, b"second").unwrap();
                });
                wait(self);
            }
        }
    }
}

/// The line by which a victim says that it is where it is to be killed.
fn ready(deed: Deed) -> String {
    format!("ready to die: {deed:?}")
}

/// The body of the victim's process; nothing in any other.
pub fn victim<H: DurableHome>() {
    let (Ok(folder), Ok(deed)) = (std::env::var(FOLDER), std::env::var(DEED)) else { return };
    let (home, deed) = (H::inside(Path::new(&folder)), Deed::named(&deed));
    let store = match deed {
        Deed::Change => home.open().unwrap(),
        _ => home.create(),
    };
    deed.run(&*store, &mut |deed| {
        let mut out = std::io::stdout();
        writeln!(out, "\n{}", ready(deed)).unwrap();
        out.flush().unwrap();
        // Ends only when the killer is gone without having killed.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
}

/// Starts a victim, and comes back when it is where it is to be killed.
fn victim_of<H: DurableHome>(folder: &Path, deed: Deed) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{}::victim", H::TESTS), "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(DEED, format!("{deed:?}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let waited = lines.map(Result::unwrap).find(|line| *line == ready(deed));
    assert!(waited.is_some(), "the victim ended by itself: {:?}", child.wait());
    child
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

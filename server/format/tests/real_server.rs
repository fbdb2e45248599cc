//! Files written for versions 6 to 10 are loaded by a real redis-server, which then holds the data
//! it holds after loading the original. Passed over, with a message, where there is no redis-server
//! that loads version 10.
mod common;

use redtool_format::rdb::reader::{Reader, Record};
use redtool_format::rdb::target::{Loss, Target};
use redtool_format::rdb::writer::{plan, write_key, Attributes, FileWriter, Origin, Value};
use redtool_format::rdb::ValueType;
use redtool_format::resp::{parse_reply, Value as Reply};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

/// A server of its own, in a folder of its own, ended with the test.
struct Server {
    process: Child,
    folder: std::path::PathBuf,
    stream: UnixStream,
}

impl Server {
    fn start() -> Option<Server> {
        let folder = env::temp_dir().join(format!("redtool-targets-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("socket");
        let mut process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--dbfilename", "f.rdb"])
            .args(["--sanitize-dump-payload", "yes", "--enable-debug-command", "yes"])
            .arg("--dir")
            .arg(&folder)
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(stream) = UnixStream::connect(&socket) {
                return Some(Server { process, folder, stream });
            }
            let ended = process.try_wait().ok()?.is_some();
            if ended || Instant::now() > deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn call(&mut self, line: &str) -> Reply {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(read > 0, "the server ended at {line}");
            bytes.extend_from_slice(&piece[..read]);
            if let Some((reply, _)) = parse_reply(&bytes).unwrap() {
                return reply;
            }
        }
    }

    /// The digest of everything in a file, once loaded.
    fn digest_of(&mut self, file: &[u8], place: &str) -> Vec<u8> {
        fs::write(self.folder.join("f.rdb"), file).unwrap();
        assert_eq!(self.call("DEBUG RELOAD NOSAVE"), Reply::Simple(b"OK".to_vec()), "{place}");
        match self.call("DEBUG DIGEST") {
            Reply::Simple(digest) => digest,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A dump written anew for a version, and whether every key is in it.
fn rewritten(file: &[u8], version: u32, compress: bool) -> (Vec<u8>, bool) {
    let target = Target::from_version(version).unwrap();
    let mut writer = FileWriter::new(Vec::new(), target);
    let origin = Origin { version: "7.0.15", created_at_s: 1_700_000_000, used_memory_bytes: 1 };
    writer.origin(&origin).unwrap();
    let mut reader = Reader::new(file).unwrap();
    let mut whole = true;
    while let Some(record) = reader.next_record().unwrap() {
        match record {
            Record::SelectDb(db) => writer.select_db(db, 1, 0).unwrap(),
            Record::Function(source) => {
                writer.function(&source.to_vec().unwrap(), compress).unwrap();
            }
            Record::Key(key) => {
                let value = Value::of(&key, reader.templates());
                let plan = plan(&value, &target, 0).unwrap();
                let lost = plan.value_type().is_none() || plan.losses.contains(Loss::FieldTtl);
                whole &= !lost;
                let attributes = Attributes::from(&key);
                write_key(key.key, &attributes, &value, &plan, &target, compress, &mut writer)
                    .unwrap();
            }
            _ => {}
        }
    }
    (writer.finish().unwrap().0, whole)
}

/// Dumps that the server cannot hold: of modules it does not have.
fn needs_module(dump: &Path) -> bool {
    dump.to_string_lossy().contains("modules")
}

#[test]
fn a_real_server_loads_what_is_written_and_holds_the_same_data() {
    let Some(mut server) = Server::start() else {
        eprintln!("passed over: no redis-server that can be started");
        return;
    };
    let mut compared = 0;
    for dump in common::dumps().into_iter().filter(|dump| !needs_module(dump)) {
        let file = fs::read(&dump).unwrap();
        let expected = match Reader::new(&file).unwrap().header().version {
            ..=10 => server.digest_of(&file, &dump.display().to_string()),
            _ if !truth_tells_digest(&file) => {
                server.digest_of(&rewritten(&file, 10, false).0, &dump.display().to_string())
            }
            _ => truth_digest(&dump),
        };
        for (version, compress) in [(6, true), (7, false), (8, true), (9, true), (10, true)] {
            let place = format!("{} as version {version}", dump.display());
            let (bytes, whole) = rewritten(&file, version, compress);
            let digest = server.digest_of(&bytes, &place);
            assert!(digest == expected || !whole, "{place}");
            compared += usize::from(whole && digest != [b'0'; 40]);
        }
    }
    assert!(compared > 400, "{compared} digests of whole data sets were equal");
}

/// The digest that the server which wrote the dump gave for its data.
fn truth_digest(dump: &Path) -> Vec<u8> {
    common::truth(dump).0["debug_digest"].as_str().unwrap().as_bytes().to_vec()
}

/// Whether an older server gives the digest that the writing server gave. Not when keys have
/// expired since, and not for sorted sets of separate elements: it digests scores as 17 digits.
fn truth_tells_digest(file: &[u8]) -> bool {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut reader = Reader::new(file).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        let Record::Key(key) = record else { continue };
        let expired = key.expire_at_ms.is_some_and(|at_ms| at_ms < now_ms);
        if expired || key.value_type == ValueType::Zset2 {
            return false;
        }
    }
    true
}

//! A redis-server of its own, to be asked the same; None where none is installed.
use crate::support::{show, Db};
use redtool_format::resp::{parse_reply, Value};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A server on a socket in a directory of its own.
pub struct Redis {
    process: Child,
    dir: PathBuf,
    stream: Option<UnixStream>,
    bytes: Vec<u8>,
}

impl Redis {
    /// Starts one.
    pub fn start() -> Option<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("redtool-peer-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).ok()?;
        let process = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--unixsocket",
                "s",
                "--enable-debug-command",
                "yes",
            ])
            .arg("--dir")
            .arg(&dir)
            .current_dir(&dir)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let mut redis = Self { process, dir, stream: None, bytes: Vec::new() };
        redis.connect();
        Some(redis)
    }

    fn connect(&mut self) {
        for _ in 0..200 {
            if let Ok(stream) = UnixStream::connect(self.dir.join("s")) {
                stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                self.stream = Some(stream);
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not answer");
    }

    /// Runs a command.
    pub fn call(&mut self, args: &[&[u8]]) -> Value {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        let stream = self.stream.as_mut().unwrap();
        stream.write_all(&request).unwrap();
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some((value, len)) = parse_reply(&self.bytes).unwrap() {
                self.bytes.drain(..len);
                return value;
            }
            let n = stream.read(&mut chunk).unwrap();
            assert!(n > 0, "the server hung up");
            self.bytes.extend_from_slice(&chunk[..n]);
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A reply with numbers in one spelling: 7.0 shows doubles with 17 digits.
fn plain(value: &Value) -> String {
    let number = |text: &str| match text.parse::<f64>() {
        Ok(number) => format!("{number}"),
        Err(_) => text.to_string(),
    };
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" "))
        }
        Value::Bulk(bytes) => number(&String::from_utf8_lossy(bytes)),
        other => show(other),
    }
}

/// A redis-server and a dataset that are asked the same.
pub struct Pair {
    pub redis: Redis,
    pub redtool: Db,
}

impl Pair {
    /// The reply to a command, which is that of both.
    pub fn ask(&mut self, args: &[String]) -> String {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let bytes: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let expected = plain(&self.redis.call(&bytes));
        let found = match self.redtool.call_or_wait(&args) {
            Some(value) => plain(&value),
            None => plain(&self.redtool.time_out()),
        };
        assert_eq!(found, expected, "{args:?}");
        expected
    }

    /// The same for a command written with spaces.
    pub fn ask_line(&mut self, line: &str) -> String {
        self.ask(&line.split(' ').map(str::to_string).collect::<Vec<_>>())
    }
}

/// A reproducible source of choices.
pub struct Random(pub u64);

impl Random {
    /// A number below this one.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    /// One of these.
    pub fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

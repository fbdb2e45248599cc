//! A redis-server of its own, to be compared with; none where none is installed.
use redtool_format::resp::{parse_reply, Value};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A server on a socket in a directory of its own.
pub struct Server {
    process: Child,
    dir: PathBuf,
}

impl Server {
    /// Starts one.
    pub fn start() -> Option<Self> {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("redtool-real-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).ok()?;
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket", "s"])
            .args(["--enable-debug-command", "yes", "--dir"])
            .arg(&dir)
            .current_dir(&dir)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { process, dir })
    }

    /// A connection to it.
    pub fn connect(&self) -> Client {
        for _ in 0..200 {
            if let Ok(stream) = UnixStream::connect(self.dir.join("s")) {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                return Client { stream, bytes: Vec::new() };
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A connection.
pub struct Client {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Client {
    /// Sends a request.
    pub fn send(&mut self, args: &[&[u8]]) {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).unwrap();
    }

    /// The next reply.
    pub fn receive(&mut self) -> Value {
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some((value, len)) = parse_reply(&self.bytes).unwrap() {
                self.bytes.drain(..len);
                return value;
            }
            let n = self.stream.read(&mut chunk).unwrap();
            assert!(n > 0, "the server hung up");
            self.bytes.extend_from_slice(&chunk[..n]);
        }
    }

    /// Runs a command of these arguments.
    pub fn call(&mut self, args: &[&[u8]]) -> Value {
        self.send(args);
        self.receive()
    }

    /// Runs a command written with spaces; the reply as text.
    pub fn ask(&mut self, command: &str) -> String {
        let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        super::support::show(&self.call(&args))
    }
}

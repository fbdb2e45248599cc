//! A redis-server of its own, to be compared with; none where none is installed.
use redtool_format::resp::Writer;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
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
        let number = STARTED.fetch_add(1, Relaxed);
        let name = format!("redtool-redis-{}-{number}", std::process::id());
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
    pub fn stream(&self) -> UnixStream {
        for _ in 0..200 {
            if let Ok(stream) = UnixStream::connect(self.dir.join("s")) {
                stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                return stream;
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

/// A request of these arguments.
pub fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = Writer::new();
    out.request(args);
    std::mem::take(out.buffer())
}

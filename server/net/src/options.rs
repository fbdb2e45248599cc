//! What a server can be told, with Redis' names and defaults where Redis has them.
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How to serve. `Options::default()` is a server on loopback, on any free port.
#[derive(Debug, Clone)]
pub struct Options {
    /// Addresses or host names; `*` and `::*` are all of IPv4 and IPv6, and a leading `-` marks an
    /// address that may be missing on this machine, as in redis.conf.
    pub bind: Vec<String>,
    /// TCP port; 0 takes any free one, `None` serves no TCP.
    pub port: Option<u16>,
    /// Path of a Unix socket to serve as well.
    pub unixsocket: Option<PathBuf>,
    /// Permissions of that socket, such as 0o700; `None` leaves them to the umask.
    pub unixsocketperm: Option<u32>,
    /// Event loops, each a thread with its own engine; 0 takes one a core.
    pub threads: usize,
    /// Listen beyond loopback although nothing asks for a password.
    pub insecure: bool,
    /// Answer as a cluster of one node that owns every slot.
    pub cluster_enabled: bool,
    /// Connections at once; lowered when the system allows fewer open files.
    pub maxclients: usize,
    /// Seconds without a command after which a client is disconnected; 0 is never.
    pub timeout_s: u64,
    /// Seconds between TCP keepalive probes; 0 sends none.
    pub tcp_keepalive_s: u64,
    /// Bytes of requests that one client may have waiting, an unfinished command included.
    pub client_query_buffer_limit_bytes: usize,
    /// Bytes of replies that one client may leave unread before its next command has to wait.
    pub client_output_pause_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: vec!["127.0.0.1".into(), "-::1".into()],
            port: Some(0),
            unixsocket: None,
            unixsocketperm: None,
            threads: 0,
            insecure: false,
            cluster_enabled: false,
            maxclients: 10_000,
            timeout_s: 0,
            tcp_keepalive_s: 300,
            client_query_buffer_limit_bytes: 1 << 30,
            client_output_pause_bytes: 32 << 20,
        }
    }
}

impl Options {
    /// How many event loops these options mean on this machine.
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            chosen => chosen,
        }
    }
}

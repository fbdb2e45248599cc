//! Where the server listens: addresses resolved, checked against promise 5 (loopback unless the
//! user spells out otherwise), bound, and cleaned up.
use crate::error::ServeError;
use crate::options::Options;
use mio::net::{TcpListener, UnixListener};
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Connections that may wait to be accepted; Redis' `tcp-backlog`.
const BACKLOG: i32 = 511;
/// How often a free port of the first address may turn out to be taken on a further one.
const PORT_TRIES: usize = 16;

/// The sockets of a server before it runs.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub tcp: Vec<TcpListener>,
    pub unix: Option<(UnixListener, SocketFile)>,
}

/// The file of a Unix socket, removed when the server is done with it.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl SocketFile {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been removed by hand; there is nothing left to do then.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listeners {
    /// Binds everything that the options name, or nothing.
    pub fn bind(options: &Options) -> Result<Self, ServeError> {
        let mut listeners = Listeners::default();
        if let Some(port) = options.port {
            let targets = resolve_all(options)?;
            listeners.tcp = bind_tcp(&targets, port)?;
        }
        if let Some(path) = &options.unixsocket {
            listeners.unix = Some(bind_unix(path, options.unixsocketperm)?);
        }
        if listeners.tcp.is_empty() && listeners.unix.is_none() {
            return Err(ServeError::Nowhere);
        }
        Ok(listeners)
    }

    /// Where it listens: `127.0.0.1:6379`, `[::1]:6379`, or the path of a Unix socket.
    pub fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<String> = self
            .tcp
            .iter()
            .filter_map(|listener| Some(listener.local_addr().ok()?.to_string()))
            .collect();
        addresses.extend(self.unix.iter().map(|(_, file)| file.0.display().to_string()));
        addresses
    }
}

/// One address to bind; `optional` when the machine may lack it.
#[derive(Debug, Clone, Copy)]
struct Target {
    ip: IpAddr,
    optional: bool,
}

fn resolve_all(options: &Options) -> Result<Vec<Target>, ServeError> {
    let mut targets: Vec<Target> = Vec::new();
    for text in &options.bind {
        let (name, optional) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.as_str(), false),
        };
        for ip in resolve(name)? {
            if !options.insecure && !ip.to_canonical().is_loopback() {
                return Err(ServeError::Exposed { address: ip.to_string() });
            }
            if !targets.iter().any(|known| known.ip == ip) {
                targets.push(Target { ip, optional });
            }
        }
    }
    Ok(targets)
}

fn resolve(name: &str) -> Result<Vec<IpAddr>, ServeError> {
    match name {
        "*" => return Ok(vec![Ipv4Addr::UNSPECIFIED.into()]),
        "::*" => return Ok(vec![Ipv6Addr::UNSPECIFIED.into()]),
        _ => {}
    }
    if let Ok(ip) = name.parse() {
        return Ok(vec![ip]);
    }
    let failed = |why: String| ServeError::Address { text: name.to_owned(), why };
    let found = (name, 0u16).to_socket_addrs().map_err(|error| failed(error.to_string()))?;
    let ips: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    match ips.is_empty() {
        true => Err(failed("the name has no address".into())),
        false => Ok(ips),
    }
}

/// Binds all targets to one port. With port 0 the first target's choice must be free on all.
fn bind_tcp(targets: &[Target], port: u16) -> Result<Vec<TcpListener>, ServeError> {
    let mut tries = if port == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match bind_tcp_once(targets, port) {
            Err(ServeError::Listen { source, .. })
                if tries > 0 && source.kind() == io::ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
    }
}

fn bind_tcp_once(targets: &[Target], mut port: u16) -> Result<Vec<TcpListener>, ServeError> {
    let mut listeners = Vec::with_capacity(targets.len());
    for target in targets {
        let address = SocketAddr::new(target.ip, port);
        match listen_tcp(address) {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |bound| bound.port());
                listeners.push(listener);
            }
            Err(error) if target.optional && is_missing(&error) => {}
            Err(source) => {
                return Err(ServeError::Listen { address: address.to_string(), source });
            }
        }
    }
    Ok(listeners)
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // So that `*` and `::*` can be bound side by side.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Whether the machine simply has no such address or no such family.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn bind_unix(path: &Path, mode: Option<u32>) -> Result<(UnixListener, SocketFile), ServeError> {
    let failed =
        |source: io::Error| ServeError::Listen { address: path.display().to_string(), source };
    remove_stale(path).map_err(failed)?;
    let address = socket2::SockAddr::unix(path).map_err(failed)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
    socket.bind(&address).map_err(failed)?;
    let file = SocketFile(path.to_owned());
    if let Some(mode) = mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    socket.listen(BACKLOG).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok((UnixListener::from_std(socket.into()), file))
}

/// Removes the socket of a server that is gone. Anything else stays, and stops the start.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the path exists and is no socket",
        ));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(bind: &str) -> Options {
        Options { bind: vec![bind.into()], ..Options::default() }
    }

    #[test]
    fn beyond_loopback_is_refused_unless_spelled_out() {
        for bind in ["*", "::*", "0.0.0.0", "192.0.2.1", "::", "::ffff:192.0.2.1", "-192.0.2.1"] {
            let refused = Listeners::bind(&options(bind)).unwrap_err();
            assert!(matches!(refused, ServeError::Exposed { .. }), "{bind}: {refused}");
            assert!(refused.hint().is_some_and(|hint| hint.contains("--insecure")));
        }
    }

    #[test]
    fn all_addresses_share_one_port() {
        let listeners = Listeners::bind(&options("127.0.0.1")).unwrap();
        let first = listeners.tcp[0].local_addr().unwrap().port();
        assert_ne!(first, 0);
        let both =
            Options { bind: vec!["127.0.0.1".into(), "127.0.0.2".into()], ..Options::default() };
        let listeners = Listeners::bind(&both).unwrap();
        let ports: Vec<u16> =
            listeners.tcp.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert_eq!(ports[0], ports[1]);
    }

    #[test]
    fn a_missing_address_is_skipped_only_when_marked() {
        let bind = vec!["127.0.0.1".into(), "-192.0.2.1".into()];
        let marked = Options { bind, insecure: true, ..Options::default() };
        assert_eq!(Listeners::bind(&marked).unwrap().tcp.len(), 1);
        let plain = Options { insecure: true, ..options("192.0.2.1") };
        let error = Listeners::bind(&plain).unwrap_err();
        assert_eq!(error.hint(), Some("this machine has no such address"));
    }

    #[test]
    fn an_address_in_use_is_a_sentence_with_a_hint() {
        let first = Listeners::bind(&options("127.0.0.1")).unwrap();
        let port = Some(first.tcp[0].local_addr().unwrap().port());
        let error = Listeners::bind(&Options { port, ..options("127.0.0.1") }).unwrap_err();
        assert!(error.to_string().starts_with("cannot listen on 127.0.0.1:"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("another port")));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_or_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redtool.sock");
        let unix = Options { port: None, unixsocket: Some(path.clone()), ..Options::default() };
        let first = Listeners::bind(&unix).unwrap();
        assert!(Listeners::bind(&unix).unwrap_err().to_string().contains("cannot listen on"));
        let (listener, file) = first.unix.unwrap();
        drop(listener);
        std::mem::forget(file);
        assert!(path.exists());
        drop(Listeners::bind(&unix).unwrap());
        assert!(!path.exists(), "the socket goes with the server");
        fs::write(&path, "notes").unwrap();
        assert!(Listeners::bind(&unix).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"notes");
    }
}

//! Why a server does not start: a sentence, and a hint about the way out.
use std::fmt;
use std::io;

/// What keeps a server from starting.
#[derive(Debug)]
pub enum ServeError {
    /// The address would open the dataset to the network, and nothing asks for a password.
    Exposed {
        /// The address as it was resolved.
        address: String,
    },
    /// The text is no address.
    Address {
        /// What the user wrote.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system does not let us listen there.
    Listen {
        /// Where.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// Neither a TCP port nor a Unix socket was asked for, or no address could be used.
    Nowhere,
    /// The system refused something else that a server needs.
    System {
        /// What was being done: "start a thread".
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The engine cannot read the dataset.
    Engine(String),
}

impl ServeError {
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| ServeError::System { doing, source }
    }

    /// What the user can do about it, when that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ServeError::Exposed { .. } => {
                Some("bind to 127.0.0.1, or spell out --insecure if the network is trusted")
            }
            ServeError::Address { .. } => {
                Some("write an IP address or a host name without a port, such as 127.0.0.1")
            }
            ServeError::Listen { source, .. } => listen_hint(source.kind()),
            ServeError::Nowhere => Some("give a port, or the path of a Unix socket"),
            ServeError::System { .. } => Some("look at the limits of this process (ulimit -a)"),
            ServeError::Engine(_) => None,
        }
    }
}

fn listen_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::AddrInUse => {
            Some("another server listens there: stop it, or choose another port (0 takes any)")
        }
        io::ErrorKind::PermissionDenied => {
            Some("ports below 1024 and some folders are the administrator's: choose another")
        }
        io::ErrorKind::AddrNotAvailable => Some("this machine has no such address"),
        io::ErrorKind::NotFound => Some("the folder of the socket does not exist"),
        _ => None,
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Exposed { address } => write!(
                f,
                "refusing to listen on {address}: beyond loopback the dataset would be open to \
                 the network without a password"
            ),
            ServeError::Address { text, why } => write!(f, "{text:?} is no address: {why}"),
            ServeError::Listen { address, source } => {
                write!(f, "cannot listen on {address}: {source}")
            }
            ServeError::Nowhere => f.write_str("there is no address to listen on"),
            ServeError::System { doing, source } => write!(f, "cannot {doing}: {source}"),
            ServeError::Engine(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServeError::Listen { source, .. } | ServeError::System { source, .. } => Some(source),
            _ => None,
        }
    }
}

//! The thread that accepts connections and deals them out.
//!
//! Each goes to the event loop that has the fewest, in turn among equals: fifty clients are split
//! evenly, which the kernel's own choice (`SO_REUSEPORT`, by a hash of the addresses) does not do.
use crate::listen::{Listeners, SocketFile};
use crate::shared::{Shared, StopAtEnd};
use crate::stream::Stream;
use crate::worker::{Incoming, EVENTS, TICK, WAKER};
use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::Arc;

/// The words Redis turns a client away with.
const FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// Accepts for all event loops.
pub(crate) struct Acceptor {
    poll: Poll,
    tcp: Vec<TcpListener>,
    unix: Option<(UnixListener, SocketFile)>,
    workers: Vec<Sender<Incoming>>,
    shared: Arc<Shared>,
    /// The event loop after the one that got the last connection.
    next: usize,
}

impl Acceptor {
    /// Registers the listeners with `poll`.
    pub fn new(
        poll: Poll,
        mut listeners: Listeners,
        workers: Vec<Sender<Incoming>>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        for (index, listener) in listeners.tcp.iter_mut().enumerate() {
            poll.registry().register(listener, Token(index), Interest::READABLE)?;
        }
        if let Some((listener, _)) = &mut listeners.unix {
            let token = Token(listeners.tcp.len());
            poll.registry().register(listener, token, Interest::READABLE)?;
        }
        let Listeners { tcp, unix } = listeners;
        Ok(Self { poll, tcp, unix, workers, shared, next: 0 })
    }

    /// Accepts until the server stops.
    pub fn run(mut self) -> io::Result<()> {
        let _stop = StopAtEnd(Arc::clone(&self.shared));
        let mut events = Events::with_capacity(EVENTS);
        let mut again = false;
        while !self.shared.is_stopping() {
            // News of a waiting connection comes once; what could not be accepted is tried again.
            let timeout = again.then_some(TICK);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            if again || events.iter().any(|event| event.token() != WAKER) {
                again = self.accept_all().is_err();
            }
        }
        Ok(())
    }

    /// Accepts all that wait. An error: some may be left, to be tried again.
    fn accept_all(&mut self) -> io::Result<()> {
        for index in 0..self.tcp.len() {
            while let Some((stream, peer)) = accepted(self.tcp[index].accept())? {
                let laddr = stream.local_addr().map_or_else(|_| String::new(), |a| a.to_string());
                self.hand_over(Incoming {
                    stream: Stream::Tcp(stream),
                    addr: peer.to_string(),
                    laddr,
                });
            }
        }
        while let Some((listener, file)) = &self.unix {
            let Some((stream, _)) = accepted(listener.accept())? else {
                break;
            };
            let addr = format!("{}:0", file.path().display());
            self.hand_over(Incoming {
                stream: Stream::Unix(stream),
                addr: addr.clone(),
                laddr: addr,
            });
        }
        Ok(())
    }

    fn hand_over(&mut self, mut incoming: Incoming) {
        let state = &self.shared.state;
        if self.shared.live_total() >= state.clients_max.load(Ordering::Relaxed) {
            state.rejected_connections.fetch_add(1, Ordering::Relaxed);
            // A courtesy: whoever does not take it at once is turned away without.
            let _ = incoming.stream.write(FULL);
            return;
        }
        state.connections.fetch_add(1, Ordering::Relaxed);
        let index = self.least_loaded();
        self.next = (index + 1) % self.workers.len();
        self.shared.live[index].fetch_add(1, Ordering::Relaxed);
        if self.workers[index].send(incoming).is_ok() {
            // Waking writes to a counter of the kernel, which fails for no loop that lives.
            let _ = self.shared.wakers[index].wake();
        }
    }

    fn least_loaded(&self) -> usize {
        let count = self.workers.len();
        (0..count)
            .map(|offset| (self.next + offset) % count)
            .min_by_key(|&index| self.shared.live[index].load(Ordering::Relaxed))
            .unwrap_or(0)
    }
}

/// Sorts the outcomes of accept: a connection, none waiting, or trouble, which is nearly always a
/// shortage of file descriptors and is tried again at the next tick.
fn accepted<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(connection) => Ok(Some(connection)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

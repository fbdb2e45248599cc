//! An event loop: one thread, one engine, its share of the connections.
//!
//! A round: wait for news, give each connection with news a turn, then those that were not finished
//! in the round before, send the short replies of all, then take over new connections. Ten times a
//! second the loop looks for connections that CLIENT KILL has marked or that were idle for too
//! long.
use crate::connection::{Bench, Connection, Turn};
use crate::execute::Execute;
use crate::shared::{Shared, StopAtEnd};
use crate::stream::Stream;
use mio::{Events, Poll, Token};
use redtool_engine::clock::system_ms;
use redtool_engine::Session;
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The token of a thread's waker; connections count from 0.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// News taken at once.
pub(crate) const EVENTS: usize = 1024;
/// So many replies may wait for the end of a round, so that none waits long.
const MOST_DEFERRED: usize = 64;
/// How often marked and idle connections are looked for.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// How long a stopping server waits for clients to take their last replies.
const DRAIN: Duration = Duration::from_secs(2);

/// A connection on its way to its event loop.
pub(crate) struct Incoming {
    pub stream: Stream,
    pub addr: String,
    pub laddr: String,
}

/// An event loop.
pub(crate) struct Worker<E> {
    index: usize,
    poll: Poll,
    bench: Bench<E>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Connections that have more to do although no news is due.
    unfinished: Vec<usize>,
    /// Connections whose replies wait for the end of the round.
    deferred: Vec<usize>,
    /// When commands that wait for keys are to be answered; some may have been.
    waits: BTreeSet<(Instant, usize)>,
    incoming: Receiver<Incoming>,
    shared: Arc<Shared>,
    next_tick: Instant,
}

impl<E: Execute> Worker<E> {
    pub fn new(
        index: usize,
        poll: Poll,
        bench: Bench<E>,
        incoming: Receiver<Incoming>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            index,
            poll,
            bench,
            connections: Vec::new(),
            free: Vec::new(),
            unfinished: Vec::new(),
            deferred: Vec::new(),
            waits: BTreeSet::new(),
            incoming,
            shared,
            next_tick: Instant::now(),
        }
    }

    /// Serves until the server stops. An error is the event loop's own, no client's.
    pub fn run(mut self) -> io::Result<()> {
        let _stop = StopAtEnd(Arc::clone(&self.shared));
        let mut events = Events::with_capacity(EVENTS);
        while !self.shared.is_stopping() {
            self.wait(&mut events)?;
            self.bench.now_ms = system_ms();
            for event in &events {
                if event.token() != WAKER {
                    self.serve(event.token().0, event.is_read_closed());
                }
            }
            for index in std::mem::take(&mut self.unfinished) {
                self.serve(index, false);
            }
            for index in self.shared.take_rung(self.index) {
                self.serve(index, false);
            }
            self.end_waits();
            self.flush();
            self.accept_incoming();
            self.tick();
            if self.shared.state.shutdown.load(Ordering::Relaxed) {
                self.shared.stop();
            }
        }
        self.drain(&mut events)
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = if !self.unfinished.is_empty() {
            Some(Duration::ZERO)
        } else if let Some((until, _)) = self.waits.first() {
            Some(until.saturating_duration_since(Instant::now()).min(TICK))
        } else if self.free.len() == self.connections.len() {
            None
        } else {
            Some(TICK)
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }

    /// Gives a connection its turn. It may be gone, or be another one than was meant: a turn
    /// without news does no harm.
    fn serve(&mut self, index: usize, hung_up: bool) {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return;
        };
        let turn = connection.turn(&mut self.bench, hung_up);
        if let Some(until) = connection.waits_until() {
            self.waits.insert((until, index));
        }
        if turn != Turn::Close && connection.is_deferred() {
            self.deferred.push(index);
        }
        self.settle(index, turn);
        if self.deferred.len() >= MOST_DEFERRED {
            self.flush();
        }
    }

    /// Answers commands that waited for keys for as long as they were told to.
    fn end_waits(&mut self) {
        let now = Instant::now();
        while let Some((_, index)) = self.waits.first().copied().filter(|(at, _)| *at <= now) {
            self.waits.pop_first();
            if let Some(Some(connection)) = self.connections.get_mut(index) {
                connection.time_out(&mut self.bench, now);
                self.serve(index, false);
            }
        }
    }

    /// Sends the replies that wait for the end of the round.
    fn flush(&mut self) {
        for n in 0..self.deferred.len() {
            let index = self.deferred[n];
            if let Some(Some(connection)) = self.connections.get_mut(index) {
                let turn = connection.flush(&mut self.bench);
                self.settle(index, turn);
            }
        }
        self.deferred.clear();
    }

    /// Does what a connection wants after its turn.
    fn settle(&mut self, index: usize, turn: Turn) {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return;
        };
        let rewatched = match connection.wants_writable() {
            Some(wants) if turn != Turn::Close => {
                let registry = self.poll.registry();
                connection.stream().rewatch(registry, Token(index), wants)
            }
            _ => Ok(()),
        };
        match turn {
            _ if rewatched.is_err() => self.close(index),
            Turn::Close => self.close(index),
            Turn::Again => self.unfinished.push(index),
            Turn::Wait => {}
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(mut connection) = self.connections.get_mut(index).and_then(Option::take) {
            connection.forget(&self.bench);
            connection.close();
            self.free.push(index);
            self.shared.live[self.index].fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn accept_incoming(&mut self) {
        while let Ok(incoming) = self.incoming.try_recv() {
            self.adopt(incoming);
        }
    }

    fn adopt(&mut self, incoming: Incoming) {
        let Incoming { mut stream, addr, laddr } = incoming;
        let index = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let tuned = stream.tune(self.shared.tcp_keepalive_s);
        let watched = tuned.and_then(|()| stream.watch(self.poll.registry(), Token(index), false));
        if watched.is_err() {
            // The peer is gone already, or the system is out of something.
            self.free.push(index);
            self.shared.live[self.index].fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let session = Session::new(&self.shared.state, addr, laddr, i64::from(stream.fd()));
        session.info.mailbox.set_bell(self.shared.bell(self.index, index));
        self.connections[index] = Some(Connection::new(stream, session));
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        let oldest_ms = match self.shared.timeout_ms {
            0 => i64::MIN,
            timeout_ms => self.bench.now_ms - timeout_ms,
        };
        for index in 0..self.connections.len() {
            let Some(connection) = &self.connections[index] else { continue };
            let session = connection.session();
            if session.is_killed() || session.info.last_ms.load(Ordering::Relaxed) < oldest_ms {
                self.close(index);
            }
        }
    }

    /// Answers what has arrived, waits a little for clients to take it, closes.
    fn drain(&mut self, events: &mut Events) -> io::Result<()> {
        self.accept_incoming();
        for index in 0..self.connections.len() {
            self.serve(index, false);
            if let Some(Some(connection)) = self.connections.get_mut(index) {
                connection.end();
            }
        }
        self.flush();
        let deadline = Instant::now() + DRAIN;
        loop {
            for index in 0..self.connections.len() {
                if matches!(&self.connections[index], Some(open) if open.is_drained()) {
                    self.close(index);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.free.len() == self.connections.len() {
                return Ok(());
            }
            match self.poll.poll(events, Some(left.min(TICK))) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.serve(event.token().0, event.is_read_closed());
            }
            self.flush();
        }
    }
}

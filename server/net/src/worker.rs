//! An event loop: one thread, one engine, its share of the connections.
//!
//! A round: wait for news, give each connection with news a turn, then those that were not finished
//! in the round before and those whose bells have rung, send the short replies of all, take over
//! new connections, then end the waits whose time is over. Ten times a second the loop looks for
//! connections that CLIENT KILL has marked or that were idle for too long.
//!
//! While a script runs for long, the loop works inside the turn of the script's connection
//! ([`busy`]): the other connections get their turns with an engine that answers BUSY. So nothing
//! of the loop is borrowed while a connection has its turn, and that connection itself is out of
//! the list.
use crate::bench::Bench;
use crate::connection::{Connection, Turn};
use crate::execute::Execute;
use crate::options::Options;
use crate::shared::{Shared, StopAtEnd};
use crate::stream::Stream;
use mio::{Events, Poll, Registry, Token};
use redtool_engine::busy::{self, Busy};
use redtool_engine::clock::system_ms;
use redtool_engine::counters::Counters;
use redtool_engine::{ServerState, Session};
use std::cell::{Cell, RefCell};
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
    poll: RefCell<Poll>,
    registry: Registry,
    bench: RefCell<Bench<E>>,
    /// Answers while a script runs.
    busy: RefCell<Bench<Busy>>,
    places: RefCell<Places>,
    incoming: Receiver<Incoming>,
    shared: Arc<Shared>,
    next_tick: Cell<Instant>,
}

/// The connections, and who is to be served.
#[derive(Default)]
struct Places {
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Connections that have more to do although no news is due.
    unfinished: Vec<usize>,
    /// Connections whose replies wait for the end of the round.
    deferred: Vec<usize>,
    /// When commands that wait for keys are to be answered; some may have been.
    waits: BTreeSet<(Instant, usize)>,
    /// A connection that has its turn, and is not in its place.
    running: Option<usize>,
}

impl Places {
    fn is_empty(&self) -> bool {
        self.free.len() == self.connections.len()
    }
}

impl<E: Execute> Worker<E> {
    pub fn new(
        index: usize,
        poll: Poll,
        (engine, counters): (E, Arc<Counters>),
        options: &Options,
        incoming: Receiver<Incoming>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let state: &Arc<ServerState> = &shared.state;
        let busy = Bench::new(Busy::new(Arc::clone(state)), Arc::clone(&counters), options);
        Ok(Self {
            index,
            registry: poll.registry().try_clone()?,
            poll: RefCell::new(poll),
            bench: RefCell::new(Bench::new(engine, counters, options)),
            busy: RefCell::new(busy),
            places: RefCell::default(),
            incoming,
            shared,
            next_tick: Cell::new(Instant::now()),
        })
    }

    /// Serves until the server stops. An error is the event loop's own, no client's.
    pub fn run(self) -> io::Result<()> {
        let _stop = StopAtEnd(Arc::clone(&self.shared));
        busy::with_server(&|| self.serve_others(), || self.run_loop())
    }

    fn run_loop(&self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.shared.is_stopping() {
            self.wait(&mut events, self.timeout())?;
            self.round(&self.bench, &events);
            self.end_waits();
            if self.shared.state.shutdown.load(Ordering::Relaxed) {
                self.shared.stop();
            }
        }
        self.drain(&mut events)
    }

    /// Serves all connections but the one whose script is running. An error of the event loop will
    /// come again where it can be told.
    fn serve_others(&self) {
        let mut events = Events::with_capacity(EVENTS);
        if self.wait(&mut events, Some(Duration::ZERO)).is_ok() {
            self.round(&self.busy, &events);
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let places = self.places.borrow();
        if !places.unfinished.is_empty() {
            Some(Duration::ZERO)
        } else if let Some((until, _)) = places.waits.first() {
            Some(until.saturating_duration_since(Instant::now()).min(TICK))
        } else if places.is_empty() {
            None
        } else {
            Some(TICK)
        }
    }

    fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.borrow_mut().poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }

    fn round<X: Execute>(&self, bench: &RefCell<Bench<X>>, events: &Events) {
        bench.borrow_mut().now_ms = system_ms();
        for event in events {
            if event.token() != WAKER {
                self.serve(bench, event.token().0, event.is_read_closed());
            }
        }
        let unfinished = std::mem::take(&mut self.places.borrow_mut().unfinished);
        for index in unfinished {
            self.serve(bench, index, false);
        }
        for index in self.shared.take_rung(self.index) {
            self.serve(bench, index, false);
        }
        self.flush(bench);
        self.accept_incoming();
        self.tick(bench);
    }

    /// Gives a connection its turn. It may be gone, or be another one than was meant: a turn
    /// without news does no harm.
    fn serve<X: Execute>(&self, bench: &RefCell<Bench<X>>, index: usize, hung_up: bool) {
        let Some((mut connection, outer)) = self.take(index) else { return };
        let turn = {
            let mut bench = bench.borrow_mut();
            connection.turn(&mut bench, hung_up)
        };
        let is_full = {
            let mut places = self.places.borrow_mut();
            places.running = outer;
            if let Some(until) = connection.waits_until() {
                places.waits.insert((until, index));
            }
            if turn != Turn::Close && connection.is_deferred() {
                places.deferred.push(index);
            }
            places.deferred.len() >= MOST_DEFERRED
        };
        self.settle(bench, index, connection, turn);
        if is_full {
            self.flush(bench);
        }
    }

    /// Takes a connection out of its place, for its turn; and which one had its turn before. News
    /// of the one whose script is running are kept for later.
    fn take(&self, index: usize) -> Option<(Connection, Option<usize>)> {
        let mut places = self.places.borrow_mut();
        if places.running == Some(index) {
            if !places.unfinished.contains(&index) {
                places.unfinished.push(index);
            }
            return None;
        }
        let connection = places.connections.get_mut(index)?.take()?;
        Some((connection, places.running.replace(index)))
    }

    /// Answers commands that waited for keys for as long as they were told to.
    fn end_waits(&self) {
        let now = Instant::now();
        loop {
            let due = {
                let mut places = self.places.borrow_mut();
                match places.waits.first().copied().filter(|(at, _)| *at <= now) {
                    Some(first) => places.waits.remove(&first).then_some(first.1),
                    None => None,
                }
            };
            let Some(index) = due else { return };
            if let Some((mut connection, outer)) = self.take(index) {
                connection.time_out(&mut self.bench.borrow_mut(), now);
                let mut places = self.places.borrow_mut();
                places.running = outer;
                places.connections[index] = Some(connection);
            }
            self.serve(&self.bench, index, false);
            self.flush(&self.bench);
        }
    }

    /// Sends the replies that wait for the end of the round.
    fn flush<X: Execute>(&self, bench: &RefCell<Bench<X>>) {
        let deferred = std::mem::take(&mut self.places.borrow_mut().deferred);
        for index in deferred {
            if let Some((mut connection, outer)) = self.take(index) {
                let turn = connection.flush(&mut bench.borrow_mut());
                self.places.borrow_mut().running = outer;
                self.settle(bench, index, connection, turn);
            }
        }
    }

    /// Does what a connection wants after its turn, and puts it back.
    fn settle<X: Execute>(
        &self,
        bench: &RefCell<Bench<X>>,
        index: usize,
        mut connection: Connection,
        turn: Turn,
    ) {
        let rewatched = match connection.wants_writable() {
            Some(wants) if turn != Turn::Close => {
                connection.stream().rewatch(&self.registry, Token(index), wants)
            }
            _ => Ok(()),
        };
        if rewatched.is_err() || turn == Turn::Close {
            return self.end(bench, index, connection);
        }
        let mut places = self.places.borrow_mut();
        places.connections[index] = Some(connection);
        if turn == Turn::Again {
            places.unfinished.push(index);
        }
    }

    /// Ends a connection that is out of its place.
    fn end<X: Execute>(&self, bench: &RefCell<Bench<X>>, index: usize, mut connection: Connection) {
        connection.forget(&bench.borrow());
        connection.close();
        self.places.borrow_mut().free.push(index);
        self.shared.live[self.index].fetch_sub(1, Ordering::Relaxed);
    }

    fn close<X: Execute>(&self, bench: &RefCell<Bench<X>>, index: usize) {
        let taken = self.places.borrow_mut().connections.get_mut(index).and_then(Option::take);
        if let Some(connection) = taken {
            self.end(bench, index, connection);
        }
    }

    fn accept_incoming(&self) {
        while let Ok(incoming) = self.incoming.try_recv() {
            self.adopt(incoming);
        }
    }

    fn adopt(&self, incoming: Incoming) {
        let Incoming { mut stream, addr, laddr } = incoming;
        let mut places = self.places.borrow_mut();
        let index = places.free.pop().unwrap_or_else(|| {
            places.connections.push(None);
            places.connections.len() - 1
        });
        let tuned = stream.tune(self.shared.state.keepalive_s.load(Ordering::Relaxed));
        let watched = tuned.and_then(|()| stream.watch(&self.registry, Token(index), false));
        if watched.is_err() {
            // The peer is gone already, or the system is out of something.
            places.free.push(index);
            self.shared.live[self.index].fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let session = Session::new(&self.shared.state, addr, laddr, i64::from(stream.fd()));
        session.info.mailbox.set_bell(self.shared.bell(self.index, index));
        places.connections[index] = Some(Connection::new(stream, session));
    }

    fn tick<X: Execute>(&self, bench: &RefCell<Bench<X>>) {
        let now = Instant::now();
        if now < self.next_tick.get() {
            return;
        }
        self.next_tick.set(now + TICK);
        let oldest_ms = match self.shared.state.timeout_s.load(Ordering::Relaxed) {
            0 => i64::MIN,
            timeout_s => {
                let timeout_ms = i64::try_from(timeout_s.saturating_mul(1000));
                bench.borrow().now_ms - timeout_ms.unwrap_or(i64::MAX)
            }
        };
        let is_over = |connection: &Option<Connection>| {
            connection.as_ref().is_some_and(|connection| {
                let session = connection.session();
                let idle = session.info.last_ms.load(Ordering::Relaxed) < oldest_ms;
                // Those that listen or wait are not idle.
                let may_be_idle = session.waiting.is_some() || session.info.is_listening();
                session.is_killed() || (idle && !may_be_idle)
            })
        };
        let over: Vec<usize> = {
            let places = self.places.borrow();
            let all = places.connections.iter().enumerate();
            all.filter(|(_, connection)| is_over(connection)).map(|(index, _)| index).collect()
        };
        over.into_iter().for_each(|index| self.close(bench, index));
    }

    /// Answers what has arrived, waits a little for clients to take it, closes.
    fn drain(&self, events: &mut Events) -> io::Result<()> {
        self.accept_incoming();
        let count = self.places.borrow().connections.len();
        for index in 0..count {
            self.serve(&self.bench, index, false);
            if let Some(Some(connection)) = self.places.borrow_mut().connections.get_mut(index) {
                connection.end();
            }
        }
        self.flush(&self.bench);
        let deadline = Instant::now() + DRAIN;
        loop {
            let is_drained = |index: &usize| {
                let places = self.places.borrow();
                places.connections[*index].as_ref().is_some_and(Connection::is_drained)
            };
            let drained: Vec<usize> = (0..count).filter(is_drained).collect();
            drained.into_iter().for_each(|index| self.close(&self.bench, index));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.places.borrow().is_empty() {
                return Ok(());
            }
            self.wait(events, Some(left.min(TICK)))?;
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.serve(&self.bench, event.token().0, event.is_read_closed());
            }
            self.flush(&self.bench);
        }
    }
}

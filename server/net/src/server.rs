//! A server from start to stop.
use crate::acceptor::Acceptor;
use crate::dial::Tcp;
use crate::error::ServeError;
use crate::execute::Execute;
use crate::keep::{dump, keep};
use crate::listen::Listeners;
use crate::options::Options;
use crate::shared::Shared;
use crate::worker::{Worker, WAKER};
use mio::{Poll, Waker};
use redtool_engine::counters::Counters;
use redtool_engine::{Dataset, Engine, ServerState};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// File descriptors kept back for listeners, event loops and the store; Redis keeps as many.
const RESERVED_FILES: usize = 32;

type Thread = JoinHandle<io::Result<()>>;

/// A running server. It stops when it is dropped.
pub struct Server {
    addresses: Vec<String>,
    port: Option<u16>,
    shared: Arc<Shared>,
    threads: Mutex<Vec<Thread>>,
    /// A dataset that is to be saved at the end.
    kept: Option<Arc<Dataset>>,
}

/// Stops a server from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// Asks the server to stop, and returns at once.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Server {
    /// Listens and serves, on threads of its own. When it returns, clients can connect.
    pub fn start(dataset: Arc<Dataset>, mut options: Options) -> Result<Self, ServeError> {
        let state = Arc::clone(dataset.state());
        dataset.set_dialer(Box::new(Tcp));
        if options.threads == 0 && !dataset.readonly() {
            // Commands run one after the other; a second thread would mostly wait for the first.
            options.threads = 1;
        }
        let mut engines = Vec::new();
        for _ in 0..options.thread_count() {
            let engine = Engine::new(Arc::clone(&dataset))
                .map_err(|error| ServeError::Engine(error.to_string()))?;
            let counters = Arc::clone(engine.counters());
            engines.push((engine, counters));
        }
        let mut server = Self::start_with(engines, state, options)?;
        server.beside("redtool-dump", &dataset, dump)?;
        if !dataset.readonly() {
            server.beside("redtool-keep", &dataset, |dataset, shared| keep(dataset, shared))?;
            server.kept = Some(dataset);
        }
        Ok(server)
    }

    /// Starts a thread that works on the dataset while it is served.
    fn beside(
        &mut self,
        name: &str,
        dataset: &Arc<Dataset>,
        work: fn(&Arc<Dataset>, &Shared) -> io::Result<()>,
    ) -> Result<(), ServeError> {
        let (dataset, shared) = (Arc::clone(dataset), Arc::clone(&self.shared));
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        threads.push(spawn(name.into(), move || work(&dataset, &shared))?);
        Ok(())
    }

    /// The same over anything that answers requests.
    pub(crate) fn start_with<E: Execute>(
        engines: Vec<(E, Arc<Counters>)>,
        state: Arc<ServerState>,
        mut options: Options,
    ) -> Result<Self, ServeError> {
        options.maxclients = allow_files(options.maxclients);
        let listeners = Listeners::bind(&options)?;
        let port = listeners.tcp.first().and_then(|l| Some(l.local_addr().ok()?.port()));
        publish(&state, &options, port);
        let polls = new_polls(engines.len() + 1).map_err(ServeError::system("watch sockets"))?;
        let shared = Arc::new(new_shared(state, &polls)?);
        let mut server = Self {
            addresses: listeners.addresses(),
            port,
            shared: Arc::clone(&shared),
            threads: Mutex::default(),
            kept: None,
        };
        server.spawn_all(engines, listeners, polls, &options)?;
        Ok(server)
    }

    fn spawn_all<E: Execute>(
        &mut self,
        engines: Vec<(E, Arc<Counters>)>,
        listeners: Listeners,
        mut polls: Vec<Poll>,
        options: &Options,
    ) -> Result<(), ServeError> {
        let shared = &self.shared;
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut workers = Vec::new();
        let accepting = polls.pop().ok_or(ServeError::Nowhere)?;
        for (index, (engine, poll)) in engines.into_iter().zip(polls).enumerate() {
            let (sender, incoming) = mpsc::channel();
            workers.push(sender);
            let worker = Worker::new(index, poll, engine, options, incoming, Arc::clone(shared))
                .map_err(ServeError::system("watch sockets"))?;
            threads.push(spawn(format!("redtool-loop-{index}"), move || worker.run())?);
        }
        let acceptor = Acceptor::new(accepting, listeners, workers, Arc::clone(shared))
            .map_err(ServeError::system("watch sockets"))?;
        threads.push(spawn("redtool-accept".into(), move || acceptor.run())?);
        Ok(())
    }

    /// Where it listens: `127.0.0.1:6379`, `[::1]:6379`, or the path of a Unix socket.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The TCP port, when it serves one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// A handle that stops it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Stops accepting, answers what has been read, closes every connection, and returns when all
    /// threads have ended.
    pub fn stop(&self) -> Result<(), ServeError> {
        self.shared.stop();
        self.wait()
    }

    /// Returns when the server has ended: by [`Server::stop`], a [`Stopper`], or SHUTDOWN.
    pub fn wait(&self) -> Result<(), ServeError> {
        // A second caller waits for the lock, and so for the same end.
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        for thread in threads.drain(..) {
            let ended = thread.join().unwrap_or_else(|_| {
                Err(io::Error::other("a thread of the server ended by a panic, see above"))
            });
            outcome = outcome.and(ended.map_err(ServeError::system("go on serving")));
        }
        if let Some(dataset) = &self.kept {
            let saved =
                dataset.save_at_end().map_err(|error| ServeError::Engine(error.to_string()));
            outcome = outcome.and(saved);
        }
        outcome
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever wants to know how it ended calls `stop`.
        let _ = self.stop();
    }
}

fn spawn(
    name: String,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<Thread, ServeError> {
    Builder::new().name(name).spawn(run).map_err(ServeError::system("start a thread"))
}

fn new_polls(count: usize) -> io::Result<Vec<Poll>> {
    (0..count).map(|_| Poll::new()).collect()
}

fn new_shared(state: Arc<ServerState>, polls: &[Poll]) -> Result<Shared, ServeError> {
    let wakers: io::Result<Vec<Waker>> =
        polls.iter().map(|poll| Waker::new(poll.registry(), WAKER)).collect();
    Ok(Shared {
        state,
        live: polls.iter().skip(1).map(|_| AtomicUsize::new(0)).collect(),
        rung: polls.iter().map(|_| Mutex::default()).collect(),
        wakers: wakers.map_err(ServeError::system("watch sockets"))?,
        stopping: AtomicBool::new(false),
    })
}

/// Tells INFO and CONFIG GET what was chosen.
fn publish(state: &ServerState, options: &Options, port: Option<u16>) {
    state.shutdown.store(false, Ordering::Relaxed);
    state.ends_unsaved.store(false, Ordering::Relaxed);
    state.cluster_enabled.store(options.cluster_enabled, Ordering::Relaxed);
    state.clients_max.store(options.maxclients, Ordering::Relaxed);
    state.clients_limit.store(most_clients(), Ordering::Relaxed);
    state.timeout_s.store(options.timeout_s, Ordering::Relaxed);
    state.keepalive_s.store(options.tcp_keepalive_s, Ordering::Relaxed);
    state.port.store(u32::from(port.unwrap_or(0)), Ordering::Relaxed);
    let unixsocket = options.unixsocket.as_ref().map(|path| path.display().to_string());
    for (name, value) in [
        ("cluster-enabled", if options.cluster_enabled { "yes" } else { "no" }.into()),
        ("port", port.unwrap_or(0).to_string()),
        ("bind", options.bind.join(" ")),
        ("unixsocket", unixsocket.unwrap_or_default()),
        ("unixsocketperm", format!("{:o}", options.unixsocketperm.unwrap_or(0))),
        ("maxclients", options.maxclients.to_string()),
        ("timeout", options.timeout_s.to_string()),
        ("tcp-keepalive", options.tcp_keepalive_s.to_string()),
        ("client-query-buffer-limit", options.client_query_buffer_limit_bytes.to_string()),
    ] {
        state.set_config(name, value);
    }
}

/// Raises the limit of open files as far as needed and allowed; how many clients that leaves.
fn allow_files(maxclients: usize) -> usize {
    use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
    let wanted = (maxclients + RESERVED_FILES) as u64;
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX).min(wanted);
    if limit.current.is_none_or(|current| current >= wanted) {
        return maxclients;
    }
    let raised = Rlimit { current: Some(allowed), maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => allowed,
        Err(_) => limit.current.unwrap_or(wanted),
    };
    usize::try_from(files).unwrap_or(maxclients).saturating_sub(RESERVED_FILES).max(1)
}

/// How many clients the limit of open files leaves as it is.
fn most_clients() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let files = limit.current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    files.saturating_sub(RESERVED_FILES).max(1)
}

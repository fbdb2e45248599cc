//! What the threads of one server share: limits, the wish to stop, and the means to wake each
//! other.
use mio::Waker;
use redtool_engine::mail::Bell;
use redtool_engine::ServerState;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by all threads of a server.
pub(crate) struct Shared {
    pub state: Arc<ServerState>,
    /// One a worker: connections it has, those on their way to it included.
    pub live: Vec<AtomicUsize>,
    pub wakers: Vec<Waker>,
    /// One a worker: connections that have mail, or are to be looked at.
    pub rung: Vec<Mutex<Vec<usize>>>,
    pub stopping: AtomicBool,
}

impl Shared {
    /// A bell of a worker's connection.
    pub fn bell(self: &Arc<Self>, worker: usize, connection: usize) -> Bell {
        let shared = Arc::downgrade(self);
        Arc::new(move || {
            let Some(shared) = shared.upgrade() else { return };
            let is_first = {
                let mut rung = lock(&shared.rung[worker]);
                rung.push(connection);
                rung.len() == 1
            };
            if is_first {
                // Waking writes to a counter of the kernel, which fails for no loop that lives.
                let _ = shared.wakers[worker].wake();
            }
        })
    }

    /// Connections of a worker whose bells have rung.
    pub fn take_rung(&self, worker: usize) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.rung[worker]))
    }

    /// Asks every thread to finish what it has read and to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for waker in &self.wakers {
            // Waking writes to a counter of the kernel, which fails for no loop that lives.
            let _ = waker.wake();
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Connections of the whole server.
    pub fn live_total(&self) -> usize {
        self.live.iter().map(|live| live.load(Ordering::Relaxed)).sum()
    }
}

/// Stops the whole server when a thread ends for whatever reason, so that none is missed silently.
pub(crate) struct StopAtEnd(pub Arc<Shared>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Locks, whatever happened to another thread that held the lock: what is in it is a list.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

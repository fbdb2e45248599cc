//! SIGTERM and SIGINT: the first stops the server cleanly, a second ends the process at once.
use crate::error::ServeError;
use crate::server::Server;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::thread;

/// Exit status of a process that a signal has ended, before the signal's number is added.
const SIGNAL_STATUS: i32 = 128;

impl Server {
    /// Serves until SIGTERM, SIGINT, SHUTDOWN or a [`Stopper`](crate::Stopper); `Ok` is a clean
    /// end.
    ///
    /// `on_ready` is called when signals are waited for. A second signal while connections are
    /// being closed exits the process with 128 + its number.
    pub fn run_until_signal(&self, on_ready: impl FnOnce()) -> Result<(), ServeError> {
        let mut signals =
            Signals::new([SIGTERM, SIGINT]).map_err(ServeError::system("watch for signals"))?;
        let handle = signals.handle();
        let stopper = self.stopper();
        let watcher = thread::Builder::new()
            .name("redtool-signals".into())
            .spawn(move || {
                let mut signals = signals.forever();
                if signals.next().is_some() {
                    stopper.stop();
                }
                if let Some(signal) = signals.next() {
                    std::process::exit(SIGNAL_STATUS + signal);
                }
            })
            .map_err(ServeError::system("start a thread"))?;
        on_ready();
        let outcome = self.wait();
        handle.close();
        // The watcher holds nothing that could be lost.
        let _ = watcher.join();
        outcome
    }
}

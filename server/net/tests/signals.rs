//! SIGTERM ends a server cleanly. Alone in its file: signals are the whole process'.
mod common;

use common::{ask, connect, options, read_to_end, serve, GET, NIL};
use signal_hook::consts::SIGTERM;
use std::sync::atomic::AtomicBool;
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

#[test]
fn sigterm_closes_the_connections_and_returns() {
    // A handler of the test's own, so that a signal before the server's is not deadly.
    signal_hook::flag::register(SIGTERM, Arc::new(AtomicBool::new(false))).unwrap();
    let server = Arc::new(serve(options()));
    let mut client = connect(&server);
    ask(&mut client, GET, NIL);
    let (sender, ended) = mpsc::channel();
    let running = Arc::clone(&server);
    thread::spawn(move || sender.send(running.run_until_signal(|| ()).is_ok()));
    // Most often the server's handler stands by then; if not, the signal is raised again.
    thread::sleep(Duration::from_millis(200));
    let mut outcome = Err(mpsc::RecvTimeoutError::Timeout);
    for _ in 0..3 {
        signal_hook::low_level::raise(SIGTERM).unwrap();
        outcome = ended.recv_timeout(Duration::from_secs(4));
        if outcome.is_ok() {
            break;
        }
    }
    assert_eq!(outcome, Ok(true));
    assert_eq!(read_to_end(&mut client), b"");
}

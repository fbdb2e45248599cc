//! What one client can take: memory, connections, time.
mod common;

use common::{ask, connect, expect, options, read_to_end, request, serve, unknown, GET, NIL};
use redtool_net::Options;
use std::io::{ErrorKind, Write};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of replies held for all clients, as CLIENT LIST would show them.
fn held_bytes(server_state: &redtool_engine::ServerState) -> u64 {
    use std::sync::atomic::Ordering::Relaxed;
    let clients = server_state.clients();
    clients.iter().map(|client| client.reply_bytes.load(Relaxed)).sum()
}

#[test]
fn a_slow_reader_pauses_and_takes_no_memory() {
    let dataset = common::dataset();
    let pause = 256 << 10;
    let limits = Options {
        client_output_pause_bytes: pause,
        client_query_buffer_limit_bytes: 1 << 20,
        ..options()
    };
    let server = redtool_net::Server::start(std::sync::Arc::clone(&dataset), limits).unwrap();
    let mut slow = connect(&server);
    let mut bystander = connect(&server);
    let mut sender = slow.try_clone().unwrap();
    sender.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let one = request(&[b"NOPE", &[b'x'; 120]]);
    let batch = one.repeat(100);
    let mut sent = 0;
    // The server stops reading at last, and the sockets fill up.
    let stuck = loop {
        match sender.write(&batch[sent % one.len()..]) {
            Ok(n) => sent += n,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "the server reads without end");
        ask(&mut bystander, GET, NIL);
    };
    assert!(matches!(stuck.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stuck}");
    assert!(held_bytes(dataset.state()) < pause as u64 + (1 << 20));
    // Nothing is lost: once it reads, all is answered.
    let reply = unknown("NOPE", &[&"x".repeat(120)]);
    for _ in 0..sent / one.len() {
        expect(&mut slow, &reply);
    }
    sender.set_write_timeout(None).unwrap();
    sender.write_all(&one[sent % one.len()..]).unwrap();
    if sent % one.len() != 0 {
        expect(&mut slow, &reply);
    }
    ask(&mut slow, GET, NIL);
}

#[test]
fn an_oversized_request_ends_the_connection() {
    let server = serve(Options { client_query_buffer_limit_bytes: 1 << 20, ..options() });
    let mut client = connect(&server);
    let _ = client.write_all(&request(&[b"SET", b"k", &vec![0; 4 << 20]]));
    assert_eq!(read_to_end(&mut client), b"");
    ask(&mut connect(&server), GET, NIL);
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = serve(Options { maxclients: 3, ..options() });
    let mut clients: Vec<_> = (0..3).map(|_| connect(&server)).collect();
    for client in &mut clients {
        ask(client, GET, NIL);
    }
    assert_eq!(read_to_end(&mut connect(&server)), b"-ERR max number of clients reached\r\n");
    clients.pop();
    // The place is free again as soon as the server has noticed.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut next = connect(&server);
        let _ = next.write_all(GET);
        let mut reply = [0; 5];
        if std::io::Read::read_exact(&mut next, &mut reply).is_ok() && reply == NIL {
            break;
        }
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_idle_client_is_disconnected_and_a_busy_one_is_not() {
    let server = serve(Options { timeout_s: 1, ..options() });
    let mut idle = connect(&server);
    let mut busy = connect(&server);
    ask(&mut idle, GET, NIL);
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1500) {
        ask(&mut busy, GET, NIL);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(read_to_end(&mut idle), b"");
    ask(&mut busy, GET, NIL);
}

//! From start to stop: many clients, half-closed sockets, Unix sockets, shutdown under load.
mod common;

use common::{ask, connect, dataset, expect, options, read_to_end, serve, GET, NIL};
use redtool_net::{Options, ServeError, Server};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn many_clients_are_served_at_once() {
    let server = serve(options());
    let mut clients: Vec<_> = (0..400).map(|_| connect(&server)).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.write_all(GET).unwrap();
        }
        for client in &mut clients {
            expect(client, NIL);
        }
        // Half of them leave and others take their places.
        clients.truncate(200);
        clients.extend((0..200).map(|_| connect(&server)));
    }
}

#[test]
fn clients_are_counted_while_they_are_connected() {
    let dataset = dataset();
    let server = Server::start(dataset.clone(), options()).unwrap();
    let mut clients: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    for client in &mut clients {
        ask(client, GET, NIL);
    }
    let table = dataset.state().clients();
    assert_eq!(table.len(), 20);
    let local = clients[0].local_addr().unwrap().to_string();
    let shown = table.iter().find(|info| info.addr == local).expect("the client is listed");
    assert_eq!(shown.laddr, server.addresses()[0]);
    assert!(shown.fd > 0);
    assert_eq!(dataset.state().connections.load(Ordering::Relaxed), 20);
    drop(clients);
    wait_until(|| dataset.state().client_count() == 0);
    let totals = dataset.state().totals();
    assert_eq!(totals.input_bytes, 20 * GET.len() as u64);
    assert_eq!(totals.output_bytes, 20 * NIL.len() as u64);
}

#[test]
fn a_killed_client_is_disconnected() {
    let dataset = dataset();
    let server = Server::start(dataset.clone(), options()).unwrap();
    let mut client = connect(&server);
    ask(&mut client, GET, NIL);
    for info in dataset.state().clients() {
        info.killed.store(true, Ordering::Relaxed);
    }
    assert_eq!(read_to_end(&mut client), b"");
}

#[test]
fn a_half_closed_client_gets_its_replies() {
    let server = serve(options());
    for count in [1, 1000, 100_000] {
        let mut client = connect(&server);
        let mut sender = client.try_clone().unwrap();
        let writing = thread::spawn(move || {
            sender.write_all(&GET.repeat(count)).unwrap();
            sender.shutdown(Shutdown::Write).unwrap();
        });
        let replies = read_to_end(&mut client);
        assert_eq!(replies.len(), count * NIL.len());
        writing.join().unwrap();
    }
}

#[test]
fn a_client_that_vanishes_harms_nobody() {
    let server = serve(options());
    let mut bystander = connect(&server);
    for _ in 0..100 {
        let mut client = connect(&server);
        client.write_all(&GET.repeat(10_000)).unwrap();
        drop(client);
        ask(&mut bystander, GET, NIL);
    }
}

#[test]
fn a_unix_socket_serves_and_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let server = serve(Options {
        port: None,
        unixsocket: Some(path.clone()),
        unixsocketperm: Some(0o700),
        ..options()
    });
    assert_eq!(server.addresses(), [path.display().to_string()]);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut client = UnixStream::connect(&path).unwrap();
    ask(&mut client, GET, NIL);
    let mut sender = client.try_clone().unwrap();
    let writing = thread::spawn(move || sender.write_all(&GET.repeat(100_000)).unwrap());
    for _ in 0..100_000 {
        expect(&mut client, NIL);
    }
    writing.join().unwrap();
    server.stop().unwrap();
    assert_eq!(read_to_end(&mut client), b"");
    assert!(!path.exists());
}

#[test]
fn stopping_answers_what_has_arrived_and_closes() {
    let server = serve(options());
    let mut clients: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    for client in &mut clients {
        ask(client, GET, NIL);
        client.write_all(&GET.repeat(100)).unwrap();
    }
    server.stop().unwrap();
    for client in &mut clients {
        assert_eq!(read_to_end(client), NIL.repeat(100));
    }
    assert!(TcpStream::connect(&server.addresses()[0]).is_err());
}

#[test]
fn stopping_under_load_is_prompt() {
    let server = serve(options());
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let mut client = connect(&server);
            thread::spawn(move || {
                let batch = GET.repeat(1000);
                let mut replies = vec![0; NIL.len() * 1000];
                while client.write_all(&batch).is_ok() && client.read_exact(&mut replies).is_ok() {}
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    server.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    for client in busy {
        client.join().unwrap();
    }
}

#[test]
fn a_client_that_does_not_read_cannot_hold_up_the_stop() {
    let server = serve(options());
    let mut client = connect(&server);
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let batch = common::request(&[b"NOPE", &[b'x'; 120]]).repeat(1000);
    for _ in 0..500 {
        if client.write_all(&batch).is_err() {
            break;
        }
    }
    let started = Instant::now();
    server.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn shutdown_in_the_shared_state_ends_the_server() {
    let dataset = dataset();
    let server = Server::start(dataset.clone(), options()).unwrap();
    let mut client = connect(&server);
    ask(&mut client, GET, NIL);
    // As the command SHUTDOWN does while it is executed.
    dataset.state().shutdown.store(true, Ordering::Relaxed);
    ask(&mut client, GET, NIL);
    server.wait().unwrap();
    assert_eq!(read_to_end(&mut client), b"");
}

#[test]
fn a_port_in_use_is_refused_with_a_sentence() {
    let server = serve(options());
    let taken = Options { port: server.port(), ..options() };
    let error = Server::start(dataset(), taken).err().expect("two servers on one port");
    assert!(matches!(error, ServeError::Listen { .. }));
    assert!(error.to_string().starts_with("cannot listen on 127.0.0.1:"), "{error}");
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        thread::sleep(Duration::from_millis(5));
    }
}

//! What a command asks of its connection: to be silent, to speak RESP3, to end, to end another.
mod common;

use common::{ask, connect, expect, options, read_to_end, serve, GET, NIL};
use std::io::Write;

#[test]
fn client_reply_off_is_silent_until_on() {
    let server = serve(options());
    let mut client = connect(&server);
    client.write_all(b"CLIENT REPLY OFF\r\nPING\r\nNOPE\r\n").unwrap();
    client.write_all(b"PING\r\nCLIENT REPLY ON\r\nPING\r\n").unwrap();
    expect(&mut client, b"+OK\r\n+PONG\r\n");
}

#[test]
fn client_reply_skip_leaves_out_one_reply() {
    let server = serve(options());
    let mut client = connect(&server);
    ask(&mut client, b"CLIENT REPLY SKIP\r\nPING a\r\nPING b\r\n", b"$1\r\nb\r\n");
    client.write_all(b"CLIENT REPLY SKIP\r\n").unwrap();
    client.write_all(b"CLIENT REPLY SKIP\r\nPING c\r\n").unwrap();
    ask(&mut client, b"PING d\r\n", b"$1\r\nd\r\n");
}

#[test]
fn quit_answers_and_ends_and_what_follows_is_not_executed() {
    let server = serve(options());
    let mut client = connect(&server);
    client.write_all(b"PING\r\nQUIT\r\nPING\r\n").unwrap();
    assert_eq!(read_to_end(&mut client), b"+PONG\r\n+OK\r\n");
}

#[test]
fn resp3_holds_until_reset() {
    let server = serve(options());
    let mut client = connect(&server);
    client.write_all(b"HELLO 3\r\nPING end\r\n").unwrap();
    let mut hello = Vec::new();
    while !hello.ends_with(b"$3\r\nend\r\n") {
        let mut byte = [0];
        expect_some(&mut client, &mut byte);
        hello.extend(byte);
    }
    assert_eq!(hello[0], b'%');
    ask(&mut client, GET, b"_\r\n");
    ask(&mut client, b"RESET\r\n", b"+RESET\r\n");
    ask(&mut client, GET, NIL);
}

fn expect_some(client: &mut impl std::io::Read, byte: &mut [u8]) {
    client.read_exact(byte).unwrap();
}

#[test]
fn client_kill_ends_another_connection_or_its_own_after_the_reply() {
    let server = serve(options());
    let mut killer = connect(&server);
    let mut victim = connect(&server);
    ask(&mut victim, b"PING\r\n", b"+PONG\r\n");
    let addr = victim.local_addr().unwrap();
    ask(&mut killer, format!("CLIENT KILL ADDR {addr}\r\n").as_bytes(), b":1\r\n");
    assert_eq!(read_to_end(&mut victim), b"");
    let addr = killer.local_addr().unwrap();
    ask(&mut killer, format!("CLIENT KILL ADDR {addr} SKIPME no\r\n").as_bytes(), b":1\r\n");
    assert_eq!(read_to_end(&mut killer), b"");
}

#[test]
fn shutdown_ends_the_server_without_a_reply() {
    let server = serve(options());
    let mut client = connect(&server);
    client.write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    assert_eq!(read_to_end(&mut client), b"");
    server.wait().unwrap();
}

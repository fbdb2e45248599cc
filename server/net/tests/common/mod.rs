//! A server over an empty dataset, and a client that speaks bytes.
//!
//! The tests need two replies only: `GET` of a missing key (`$-1`), and the error for a command
//! that does not exist, which repeats the beginning of its arguments.
#![allow(dead_code)]
use redtool_engine::{Dataset, Options as DatasetOptions};
use redtool_format::resp::Writer;
use redtool_net::{Options, Server};
use redtool_store::memory::MemoryStore;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// `GET k` and its reply.
pub const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
/// What it answers.
pub const NIL: &[u8] = b"$-1\r\n";

/// A dataset without keys.
pub fn dataset() -> Arc<Dataset> {
    let store = Arc::new(MemoryStore::new());
    Arc::new(Dataset::open(store, DatasetOptions::default()).expect("an empty dataset opens"))
}

/// Options for a test: IPv4 loopback, two threads.
pub fn options() -> Options {
    Options { bind: vec!["127.0.0.1".into()], threads: 2, ..Options::default() }
}

/// A server.
pub fn serve(options: Options) -> Server {
    Server::start(dataset(), options).expect("the server starts")
}

/// A connection to it; a read that gets nothing for ten seconds fails the test.
pub fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.addresses()[0]).expect("the server accepts");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads exactly these bytes.
pub fn expect(stream: &mut impl Read, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).unwrap_or_else(|error| {
        panic!("{error} instead of {:?}", String::from_utf8_lossy(expected))
    });
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
}

/// Sends a request and reads its reply.
pub fn ask(stream: &mut (impl Read + Write), request: &[u8], expected: &[u8]) {
    stream.write_all(request).unwrap();
    expect(stream, expected);
}

/// Everything up to the end of the connection.
pub fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => all,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => all,
        Err(error) => panic!("the connection is not closed: {error}"),
    }
}

/// A request as RESP.
pub fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = Writer::new();
    out.request(args);
    std::mem::take(out.buffer())
}

/// The reply to a command that does not exist.
pub fn unknown(name: &str, args: &[&str]) -> Vec<u8> {
    let shown: String = args.iter().map(|arg| format!("'{arg}' ")).collect();
    format!("-ERR unknown command '{name}', with args beginning with: {shown}\r\n").into_bytes()
}

//! A connection to a redis-server.
use crate::redis_server::request;
use redtool_format::resp::{parse_reply, Value};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// A connection.
pub struct Client {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Client {
    /// Over this stream.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, bytes: Vec::new() }
    }

    /// Sends a request.
    pub fn send(&mut self, args: &[&[u8]]) {
        self.stream.write_all(&request(args)).unwrap();
    }

    /// The next reply.
    pub fn receive(&mut self) -> Value {
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some((value, len)) = parse_reply(&self.bytes).unwrap() {
                self.bytes.drain(..len);
                return value;
            }
            let n = self.stream.read(&mut chunk).unwrap();
            assert!(n > 0, "the server hung up");
            self.bytes.extend_from_slice(&chunk[..n]);
        }
    }

    /// Runs a command of these arguments.
    pub fn call(&mut self, args: &[&[u8]]) -> Value {
        self.send(args);
        self.receive()
    }
}

//! The RESP server over a dataset: sockets, event loops, connections. Knows no command.
//!
//! One thread accepts and deals connections out; each event loop has a thread, an epoll and an
//! [`Engine`](redtool_engine::Engine) of its own, and shares nothing with the others while it
//! serves.
//!
//! | module | holds |
//! |---|---|
//! | [`server`] | start, stop, wait |
//! | [`signals`] | SIGTERM and SIGINT |
//! | [`options`] | what a server can be told |
//! | [`error`] | why it does not start |
//! | `keep` | saving, dumps, and removing expired keys |
//! | `listen` | addresses, the loopback rule |
//! | `acceptor` | accepting, maxclients, dealing out |
//! | `worker` | an event loop |
//! | `connection` | reading, executing, writing; limits |
//! | `dial` | connections to other servers |
//! | `execute` | the engine behind a guard against panics |
//! | `bench` | what the connections of a loop share |
//! | `backlog` | bytes that wait |
//! | `stream` | a socket, TCP or Unix |
//! | `shared` | what the threads share |
#![forbid(unsafe_code)]

mod acceptor;
mod backlog;
mod bench;
mod connection;
mod dial;
pub mod error;
mod execute;
mod keep;
mod listen;
pub mod options;
pub mod server;
mod shared;
pub mod signals;
mod stream;
mod worker;

pub use error::ServeError;
pub use options::Options;
pub use server::{Server, Stopper};

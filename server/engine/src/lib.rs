//! Redis data types and commands over a [`Store`](redtool_store::Store). Knows no socket.
//!
//! A command is a row ([`Command`]) at the foot of the file of its group; [`table`] concatenates
//! the rows, and everything that is said about a command (COMMAND, COMMAND DOCS, arity, the
//! READONLY refusal, keys) comes from its row. One thread has one [`Engine`]; all engines of a
//! server share a [`Dataset`].
//!
//! | module | holds |
//! |---|---|
//! | [`engine`] | executing one request: lookup, arity, refusal, reply |
//! | [`command`] | what a row says |
//! | [`keyspec`] | where the keys of a command are |
//! | [`table`] | all rows, found by name |
//! | [`context`] | what a running command sees: lookup of keys, the reply |
//! | [`args`] | arguments parsed, with Redis' error texts |
//! | [`error`] | errors a command answers with |
//! | [`keys`] | walking the keys of a database |
//! | [`value`] | whole values of any kind: elements, DUMP payloads |
//! | [`digest`] | DEBUG DIGEST |
//! | [`sha1`] | SHA-1 |
//! | [`process`] | what the system says about the process |
//! | [`scan`] | SCAN cursors and options |
//! | [`glob`] | glob patterns |
//! | [`dataset`] | a store opened as Redis databases |
//! | [`clock`] | what time it is for expiry |
//! | [`session`] | state of one connection |
//! | [`server`] | state shared by connections: clients, counters, configuration |
//! | [`commands`] | the commands, a file a group |
//! | [`types`] | reading the values of each kind |
#![forbid(unsafe_code)]

pub mod args;
pub mod clock;
pub mod command;
pub mod commands;
pub mod context;
pub mod dataset;
pub mod digest;
pub mod engine;
pub mod error;
pub mod glob;
pub mod keys;
pub mod keyspec;
pub mod process;
pub mod scan;
pub mod server;
pub mod session;
pub mod sha1;
pub mod table;
pub mod types;
pub mod value;

pub use clock::Clock;
pub use command::Command;
pub use context::{Context, Found};
pub use dataset::{Dataset, Options};
pub use engine::Engine;
pub use error::{Error, Outcome};
pub use server::ServerState;
pub use session::Session;

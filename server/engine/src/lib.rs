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
//! | [`keyspace`] | what commands share that write |
//! | [`uses`], [`eviction`] | how keys are used, and which go when there is no room |
//! | [`client_memory`] | what clients take, and which go when that is too much |
//! | [`mail`] | what reaches a connection unasked |
//! | [`monitor`] | MONITOR |
//! | [`notify`] | keyspace notifications |
//! | [`syntax`] | the arguments of a command, as COMMAND DOCS describes them |
//! | [`table`] | all rows, found by name |
//! | [`context`] | what a running command sees: lookup of keys, the reply |
//! | [`args`] | arguments parsed, with Redis' error texts |
//! | [`blocked`] | commands that wait for keys |
//! | [`error`] | errors a command answers with |
//! | [`keys`] | walking the keys of a database |
//! | [`value`] | whole values of any kind: elements, DUMP payloads |
//! | [`watch`] | WATCH |
//! | [`write`] | what a command sees that may change the dataset |
//! | [`digest`] | DEBUG DIGEST |
//! | [`dump`] | dumps: who asks for one, who makes it |
//! | `saving` | making a dataset durable |
//! | `snapshot` | a dataset in memory as it was at one moment |
//! | [`field_expiry`] | fields of hashes that run out |
//! | [`long_double`] | the numbers of INCRBYFLOAT |
//! | [`edit`] | an object on its way from one record to the next |
//! | [`sha1`] | SHA-1 |
//! | [`slowlog`] | commands that took long |
//! | [`peer`] | other servers, as a command talks to them |
//! | [`process`] | what the system says about the process |
//! | [`pubsub`] | who listens to which channel |
//! | [`record_key`] | record keys without allocation |
//! | [`scan`] | SCAN cursors and options |
//! | [`glob`] | glob patterns |
//! | [`dataset`] | a store opened as Redis databases |
//! | [`busy`] | a script that runs for long |
//! | [`clock`] | what time it is for expiry |
//! | `ticks` | how long commands take, and when keys were last used |
//! | [`session`] | state of one connection |
//! | [`script`] | what a script may call, how long it may take |
//! | [`server`] | state shared by connections: clients, counters, configuration |
//! | [`lua`] | the Lua interpreter of EVAL and FUNCTION; knows no dataset |
//! | [`commands`] | the commands, a file a group |
//! | [`tracking`] | CLIENT TRACKING |
//! | [`types`] | the values of each kind, read and written |
//!
//! ## Which Redis
//! Replies are those of Redis 7.2. Where 7.0 answers otherwise:
//!
//! | | 7.2, and here | 7.0 |
//! |---|---|---|
//! | OBJECT ENCODING of a small list | `listpack` | `quicklist` |
//! | OBJECT ENCODING of a small set that is not all integers | `listpack` | `hashtable` |
//! | BITCOUNT, BITPOS with wrong arguments | told before the key is looked at | after |
//! | ZRANK, ZREVRANK | take WITHSCORE | do not |
//! | CLIENT SETINFO, CLIENT NO-TOUCH, WAITAOF, CLUSTER MYSHARDID | there | not |
//! | CLIENT LIST | ends with `lib-name` and `lib-ver` | does not |
//! | doubles in RESP2 | shortest text that reads back | 17 digits |
//! | DUMP | RDB version 11 | 10 |
//!
//! And where both answer otherwise than this engine, beside what a read-only dataset must refuse:
//!
//! | | here | Redis |
//! |---|---|---|
//! | SCAN with a cursor that was never given | `ERR invalid cursor` | some place |
//! | SORT without STORE, of a read-only dataset | runs | `READONLY` |
//! | COMMAND DOCS | own summaries, no history; arguments as in 7.0 | history, display texts |
//! | MEMORY USAGE | bytes of the key's records | bytes in memory |
//! | PFCOUNT | never changes the value | keeps the count in it |
//! | SORT ALPHA BY, elements of equal weight | in the order they had | in any |
#![forbid(unsafe_code)]

pub mod args;
pub mod blocked;
pub mod busy;
pub mod client_memory;
pub mod clock;
pub mod command;
pub mod commands;
pub mod context;
pub mod counters;
pub mod dataset;
pub mod digest;
pub mod dump;
pub mod edit;
pub mod engine;
pub mod error;
pub mod eviction;
pub mod field_expiry;
pub mod glob;
mod in_place;
pub mod keys;
pub mod keyspace;
pub mod keyspec;
pub mod long_double;
pub mod lua;
pub mod mail;
pub mod monitor;
pub mod notify;
pub mod peer;
pub mod process;
pub mod pubsub;
pub mod record_key;
mod save_points;
mod saving;
pub mod scan;
pub mod script;
pub mod server;
pub mod session;
pub mod sha1;
pub mod slowlog;
mod snapshot;
pub mod syntax;
pub mod table;
mod ticks;
pub mod tracking;
pub mod types;
pub mod uses;
pub mod value;
pub mod watch;
pub mod write;

pub use clock::Clock;
pub use command::Command;
pub use context::{Context, Found};
pub use dataset::{Dataset, Options};
pub use dump::Dumper;
pub use engine::Engine;
pub use error::{Error, Outcome};
pub use server::ServerState;
pub use session::Session;
pub use write::Writing;

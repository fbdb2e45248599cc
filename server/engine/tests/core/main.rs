//! The engine from a client's side: commands of strings and keys, the connection, transactions, the
//! table of commands.
mod connection;
mod damage;
mod debug;
mod keyspace;
mod lockstep;
mod real;
#[path = "../shared/redis_client.rs"]
mod redis_client;
#[path = "../shared/redis_server.rs"]
mod redis_server;
mod rows;
mod strings;
mod support;
mod walks;
mod whole;
mod writable;
mod written;

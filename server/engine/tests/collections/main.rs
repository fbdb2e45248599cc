//! Commands over collections, asked as a client asks and compared as a client sees the replies.
//!
//! Every kind is tested small, as one packed blob, and big, as segments: the same questions must
//! have the same answers.
mod damage;
mod geo;
mod hash;
mod hash_write;
mod list;
mod list_write;
mod redis;
#[path = "../shared/redis_client.rs"]
mod redis_client;
#[path = "../shared/redis_server.rs"]
mod redis_server;
mod set;
mod set_write;
mod stream;
mod stream_write;
mod support;
mod zset;
mod zset_write;

//! The Lua 5.1 of EVAL and FUNCTION, as Redis 7.2 presents it. Knows no dataset: what a script asks
//! of the server goes through [`Host`].
//!
//! | module | holds |
//! |---|---|
//! | [`host`] | what a script reaches outside; the run that is under way |
//! | [`interpreter`] | scripts and functions run, within their limits |
//! | [`scripts`] | the script cache, by SHA-1 and by text |
//! | [`libraries`] | the libraries of FUNCTION LOAD |
//! | [`shebang`] | the line `#!lua name=… flags=…`, and the flags |
//! | `sandbox` | the globals that scripts see; `guard.lua` and `wrappers.lua` are its Lua part |
//! | `api` | `redis.call`, `redis.log` and the others |
//! | `register` | `redis.register_function` |
//! | `to_lua`, `to_resp` | replies as Lua values, and back |
//! | `raise` | errors: thrown in Rust, caught in Lua |
//! | `args` | arguments of functions, with the texts of Lua's auxiliary library |
//! | `random` | `math.random` |
//! | `json`, `msgpack`, `structs`, `bits` | the libraries cjson, cmsgpack, struct, bit |
//!
//! ## What keeps a script in
//! No name that reaches files, processes, other chunks' environments or bytecode is there. Tables
//! that scripts share are seen through empty ones, whose metatable reads the real table and refuses
//! to write; functions that would go past a metatable (`rawset`, `table.insert`, `setmetatable`)
//! know them. Text only is compiled, with the collector stopped, since Lua 5.1 frees the name of a
//! chunk that it still parses. `unpack` gets a range that fits the stack, a pattern a length that
//! fits the machine's. Memory is bounded by the allocator, time by a hook that asks the host and
//! whose verdict no `pcall` can catch.
mod api;
mod args;
mod bits;
pub mod host;
pub mod interpreter;
mod json;
pub mod libraries;
mod msgpack;
mod raise;
mod random;
mod register;
mod sandbox;
pub mod scripts;
pub mod shebang;
mod structs;
mod to_lua;
mod to_resp;

pub use host::{Host, Verdict};
pub use interpreter::{Interpreter, Limits};
pub use libraries::{Library, LibraryFunction};
pub use scripts::Script;
pub use shebang::Flags;

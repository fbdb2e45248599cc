//! What a script reaches outside of the interpreter, and the run that is under way.
//!
//! Functions that scripts call live as long as the interpreter, the host only as long as a run. So
//! the run is left in a thread-local place while Lua executes, and taken from there by
//! [`with_run`]; outside of a run nothing is there and scripts' calls fail.
use std::time::{Duration, Instant};

use mlua::Error;
use scoped_tls_hkt::scoped_thread_local;

use super::raise::Thrown;

/// What the server does for a script.
pub trait Host {
    /// Executes a command and appends its one reply to `out`, in RESP3 when `resp3`, else in RESP2.
    /// What the command or the script's permissions refuse is an error reply, with its code.
    fn call(&mut self, args: &[&[u8]], resp3: bool, out: &mut Vec<u8>);

    /// `redis.log` with a level from 0 (debug) to 3 (warning).
    fn log(&mut self, level: u8, text: &[u8]);

    /// `redis.set_repl`: bit 0, writes that follow go to the log; bit 1, to replicas.
    fn set_replication(&mut self, _targets: u8) {}

    /// `redis.acl_check_cmd`: may the user run this? None when there is no such command, or not
    /// with so many arguments.
    fn may_call(&mut self, args: &[&[u8]]) -> Option<bool>;

    /// Asked every [`TICK_INSTRUCTIONS`] instructions. A server answers its other clients here with
    /// BUSY once the run takes too long.
    fn tick(&mut self, elapsed: Duration) -> Verdict;
}

/// Instructions of Lua's machine between two ticks.
pub const TICK_INSTRUCTIONS: u32 = 100_000;

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Continue,
    /// SCRIPT KILL or FUNCTION KILL was asked for.
    Kill,
    /// The time allowed to FUNCTION LOAD is over.
    Timeout,
}

/// A function that a library registers while it is loaded.
pub(super) struct Registered {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: super::Flags,
    /// Where the callback is kept on Lua's side.
    pub slot: u64,
}

/// What a run keeps in Rust.
pub(super) struct State {
    /// `redis.setresp(3)` was called.
    pub resp3: bool,
    pub started: Instant,
    /// Functions registered so far; None when the run is not FUNCTION LOAD.
    pub registered: Option<Vec<Registered>>,
    /// The last reply of a command; kept for its room.
    pub reply: Vec<u8>,
}

impl State {
    pub fn new(reply: Vec<u8>) -> Self {
        State { resp3: false, started: Instant::now(), registered: None, reply }
    }
}

/// A host with the state of its run, whatever the host's type.
pub(super) trait Running {
    fn parts(&mut self) -> (&mut dyn Host, &mut State);
}

/// A run under way.
pub(super) struct Run<'h> {
    pub host: &'h mut dyn Host,
    pub state: State,
}

impl Running for Run<'_> {
    fn parts(&mut self) -> (&mut dyn Host, &mut State) {
        (&mut *self.host, &mut self.state)
    }
}

scoped_thread_local!(static mut CURRENT: for<'a> &'a mut (dyn Running + 'a));

/// Makes `run` the one under way while `body` executes.
pub(super) fn enter<R>(run: &mut Run<'_>, body: impl FnOnce() -> R) -> R {
    CURRENT.set(run, body)
}

/// Uses the run under way.
pub(super) fn with_run<R>(
    body: impl FnOnce(&mut dyn Host, &mut State) -> mlua::Result<R>,
) -> mlua::Result<R> {
    if !CURRENT.is_set() {
        return Err(Error::external(Thrown::reply("ERR the server is not reachable from here")));
    }
    CURRENT.with(|run| {
        let (host, state) = run.parts();
        body(host, state)
    })
}

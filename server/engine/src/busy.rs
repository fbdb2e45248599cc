//! A script that runs for long: what others are told meanwhile, and how it is stopped.
//!
//! The thread that runs a script holds the keyspace. From time to time the script lets it serve the
//! other connections ([`serve`]) with [`Busy`] in place of an engine: an engine that knows the few
//! commands that may be run now, and answers everything else with BUSY. Other threads find the
//! keyspace taken and answer likewise.
use crate::args;
use crate::command::flag;
use crate::error::Error;
use crate::server::{lock, ClientInfo, ServerState};
use crate::session::Session;
use crate::table;
use redtool_format::resp::Writer;
use scoped_tls_hkt::scoped_thread_local;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

scoped_thread_local!(static SERVER: for<'a> &'a (dyn Fn() + 'a));

/// Makes `serve` known as what serves the other connections of this thread, while `body` runs.
pub fn with_server<R>(serve: &dyn Fn(), body: impl FnOnce() -> R) -> R {
    SERVER.set(serve, body)
}

/// Serves the other connections of this thread, if it has some.
pub(crate) fn serve() {
    if SERVER.is_set() {
        SERVER.with(|serve| serve());
    }
}

/// The script that is running.
#[derive(Debug, Default)]
pub struct Running {
    script: Mutex<Option<Script>>,
    /// It has taken longer than others should wait.
    is_busy: AtomicBool,
    /// It is to be stopped.
    kill: AtomicBool,
    /// Clients that have gone meanwhile.
    gone: Mutex<Vec<Arc<ClientInfo>>>,
}

/// What is told of a running script.
#[derive(Debug, Clone)]
pub struct Script {
    /// The name of the function; of a script of EVAL nothing.
    pub function: Option<Vec<u8>>,
    /// The command that runs it.
    pub request: Vec<Vec<u8>>,
    /// When it began.
    pub started: Instant,
    /// It has written, and cannot be stopped without leaving half of its work.
    pub has_written: bool,
}

impl Running {
    /// A script begins.
    pub fn begin(&self, script: Script) {
        self.kill.store(false, Relaxed);
        *lock(&self.script) = Some(script);
    }

    /// The script has ended.
    pub fn end(&self) {
        *lock(&self.script) = None;
        self.is_busy.store(false, Relaxed);
        self.kill.store(false, Relaxed);
    }

    /// The script has written.
    pub fn note_write(&self) {
        if let Some(script) = &mut *lock(&self.script) {
            script.has_written = true;
        }
    }

    /// From now on others are told that the server is busy.
    pub fn set_busy(&self) {
        self.is_busy.store(true, Relaxed);
    }

    /// Whether others are told that the server is busy.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.is_busy.load(Relaxed)
    }

    /// Whether the script is to be stopped.
    pub fn is_killed(&self) -> bool {
        self.kill.load(Relaxed)
    }

    /// Clients that have gone while a script was running, to be forgotten.
    pub fn take_gone(&self) -> Vec<Arc<ClientInfo>> {
        std::mem::take(&mut *lock(&self.gone))
    }

    /// What is running.
    pub fn script(&self) -> Option<Script> {
        lock(&self.script).clone()
    }

    /// SCRIPT KILL, or FUNCTION KILL: has the script stopped, if it may be.
    pub fn kill(&self, function: bool) -> Result<(), Error> {
        let Some(script) = self.script() else {
            return Err(Error::fixed("NOTBUSY No scripts in execution right now."));
        };
        if script.function.is_some() != function {
            return Err(self.error());
        }
        if script.has_written {
            return Err(Error::fixed(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. \
                 You can either wait the script termination or kill the server in a hard way using \
                 the SHUTDOWN NOSAVE command.",
            ));
        }
        self.kill.store(true, Relaxed);
        Ok(())
    }

    /// What others are told.
    pub fn error(&self) -> Error {
        let is_function = self.script().is_some_and(|script| script.function.is_some());
        Error::fixed(match is_function {
            true => {
                "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN \
                 NOSAVE."
            }
            false => {
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN \
                 NOSAVE."
            }
        })
    }
}

/// Answers in place of an engine while a script runs.
pub struct Busy {
    state: Arc<ServerState>,
}

impl Busy {
    /// For the connections of this server.
    pub fn new(state: Arc<ServerState>) -> Self {
        Self { state }
    }

    /// Answers a request.
    pub fn execute(&self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        out.set_resp3(session.resp3);
        match answer(&self.state, session, args) {
            Ok(()) => out.simple("OK"),
            Err(error) => out.error(&error.to_string()),
        }
    }

    /// A connection has ended: it is forgotten when the script has ended.
    pub fn forget(&self, session: &Session) {
        lock(&self.state.running.gone).push(Arc::clone(&session.info));
    }
}

/// Runs one of the few commands that are run while a script runs; all others are refused.
pub(crate) fn answer(
    state: &ServerState,
    session: &mut Session,
    args: &[&[u8]],
) -> Result<(), Error> {
    let is = |at: usize, word: &str| args.get(at).is_some_and(|arg| args::is(arg, word));
    let may_run = args
        .first()
        .and_then(|name| table::find(name))
        .is_some_and(|(_, row)| session.authenticated || row.is(flag::NO_AUTH));
    if !may_run {
        return Err(Error::NO_AUTH);
    }
    if is(0, "script") && is(1, "kill") {
        return state.running.kill(false);
    }
    if is(0, "function") && is(1, "kill") {
        return state.running.kill(true);
    }
    if is(0, "shutdown") && is(1, "nosave") {
        // The script cannot go on, whatever it has written: it is what is not saved.
        state.running.kill.store(true, Relaxed);
        state.ends_unsaved.store(true, Relaxed);
        state.shutdown.store(true, Relaxed);
        session.close_after_reply = true;
        return Ok(());
    }
    if is(0, "quit") {
        session.close_after_reply = true;
        return Ok(());
    }
    if let Some(transaction) = &mut session.transaction {
        transaction.aborted = true;
    }
    Err(state.running.error())
}

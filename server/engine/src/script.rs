//! Scripts between the commands that run them and the interpreter: what a script may call, how long
//! it may take, and what the others are told meanwhile.
use crate::busy::{self, Script as Begun};
use crate::command::Command;
use crate::context::Expired;
use crate::counters::Counters;
use crate::dataset::Dataset;
use crate::engine;
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::lua::{Flags, Host, Interpreter, Limits, Verdict};
use crate::session::Session;
use crate::write::Writing;
use redtool_format::resp::Writer;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// How a script is run.
pub struct Terms<'a> {
    /// It is run by a command of the `_RO` kind.
    pub read_only: bool,
    /// The function that is called; of a script of EVAL nothing.
    pub function: Option<&'a [u8]>,
    /// What it declares.
    pub flags: Flags,
    /// The whole request.
    pub request: &'a [&'a [u8]],
}

impl Terms<'_> {
    /// Refuses a script whose declaration does not fit how it is run.
    pub fn check(&self, ws: &Writing<'_>) -> Result<(), Error> {
        if self.flags.has(Flags::COMPATIBLE) {
            return Ok(());
        }
        let writes = !self.flags.has(Flags::NO_WRITES);
        if self.flags.has(Flags::NO_CLUSTER)
            && ws.dataset.state().cluster_enabled.load(std::sync::atomic::Ordering::Relaxed)
        {
            return Err(Error::fixed(
                "ERR Can not run script on cluster, 'no-cluster' flag is set.",
            ));
        }
        if writes && self.read_only {
            return Err(Error::fixed(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        if writes && ws.dataset.readonly() {
            return Err(Error::fixed(
                "READONLY Can not run script with write flag on readonly replica.",
            ));
        }
        let allowed = self.flags.has(Flags::ALLOW_OOM) || !writes;
        match ws.keys.eviction.is_full && !allowed {
            true if ws.may_wait => Err(engine::OOM),
            true => Err(Error::fixed(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > \
                 'maxmemory'",
            )),
            false => Ok(()),
        }
    }
}

/// The interpreter of a keyspace, made when it is first needed, with the libraries of the dataset.
pub fn take_interpreter(ws: &mut Writing<'_>) -> Result<Box<Interpreter>, Error> {
    if let Some(interpreter) = ws.keys.lua.take() {
        return Ok(interpreter);
    }
    let interpreter = Interpreter::new(Limits::default());
    let mut interpreter = Box::new(interpreter.map_err(|text| Error::text(format!("ERR {text}")))?);
    for (name, source) in &ws.keys.space.meta().functions {
        if let Err(error) = interpreter.load_library(&mut Loading::new(), source, true) {
            let (name, error) = (String::from_utf8_lossy(name), String::from_utf8_lossy(&error));
            eprintln!("redtool: the function library {name} of the dataset is left out: {error}");
        }
    }
    Ok(interpreter)
}

/// What a library reaches while it is loaded: nothing of the dataset.
pub struct Loading {
    started: Instant,
}

/// A library may take so long to load.
const LOAD_MAX: Duration = Duration::from_millis(500);

impl Loading {
    /// Begins now.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for Loading {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for Loading {
    fn call(&mut self, _: &[&[u8]], _: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"-ERR redis.call can only be called inside a script invocation\r\n");
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        log(level, text);
    }

    fn may_call(&mut self, _: &[&[u8]]) -> Option<bool> {
        None
    }

    fn tick(&mut self, _: Duration) -> Verdict {
        match self.started.elapsed() > LOAD_MAX {
            true => Verdict::Timeout,
            false => Verdict::Continue,
        }
    }
}

/// `redis.log`: notices and warnings go to stderr, as the server's own.
fn log(level: u8, text: &[u8]) {
    const NOTICE: u8 = 2;
    if level >= NOTICE {
        eprintln!("redtool: script: {}", String::from_utf8_lossy(text));
    }
}

/// What a running script reaches.
pub struct Caller<'a> {
    keys: &'a mut Keyspace,
    dataset: &'a Dataset,
    session: &'a mut Session,
    command: &'static Command,
    counters: &'a Counters,
    now_ms: i64,
    expired: &'a RefCell<Vec<Expired>>,
    terms: &'a Terms<'a>,
    db: u32,
    has_written: bool,
    is_busy: bool,
    /// What a command answered with last, of all errors.
    last_error: Option<Vec<u8>>,
}

impl<'a> Caller<'a> {
    /// Of the command that runs the script; and where its reply goes.
    pub fn new<'w: 'a>(ws: &'a mut Writing<'w>, terms: &'a Terms<'a>) -> (Self, &'a mut Writer) {
        // One time for the whole script, whatever it calls.
        let now_ms = ws.now_ms();
        let caller = Self {
            keys: ws.keys,
            dataset: ws.dataset,
            db: ws.session.db,
            session: ws.session,
            command: ws.command,
            counters: ws.counters,
            now_ms,
            expired: ws.expired,
            terms,
            has_written: false,
            is_busy: false,
            last_error: None,
        };
        (caller, ws.out)
    }

    /// The script has ended: what has changed for its sake is put back.
    /// The error that a command answered with last, if one did.
    pub fn end(self) -> Option<Vec<u8>> {
        self.session.select(self.db);
        if !self.is_busy {
            return self.last_error;
        }
        let running = &self.dataset.state().running;
        running.end();
        for client in running.take_gone() {
            self.keys.blocked.remove(client.id);
            self.keys.pubsub.forget(&client);
            self.keys.remembered.forget(client.id);
            self.dataset.state().remove_monitor(&client);
        }
        self.last_error
    }

    fn writing<'b>(&'b mut self, out: &'b mut Writer) -> Writing<'b> {
        Writing {
            keys: self.keys,
            dataset: self.dataset,
            session: self.session,
            out,
            command: self.command,
            counters: self.counters,
            may_wait: false,
            is_scripted: true,
            waits: false,
            is_retry: false,
            now_ms: Cell::new(Some(self.now_ms)),
            expired: self.expired,
        }
    }
}

impl Host for Caller<'_> {
    fn call(&mut self, args: &[&[u8]], resp3: bool, out: &mut Vec<u8>) {
        let (mut writer, mark) = (Writer::new(), out.len());
        std::mem::swap(writer.buffer(), out);
        writer.set_resp3(resp3);
        let Terms { read_only, flags, .. } = self.terms;
        let may = engine::Calls {
            write: !read_only && !flags.has(Flags::NO_WRITES),
            exceed: self.has_written || flags.has(Flags::ALLOW_OOM),
        };
        let mut ws = self.writing(&mut writer);
        let wrote = engine::call_from_script(&mut ws, args, may);
        if wrote && !self.has_written {
            self.has_written = true;
            self.dataset.state().running.note_write();
        }
        std::mem::swap(writer.buffer(), out);
        if let [b'-', text @ .., b'\r', b'\n'] = &out[mark..] {
            self.last_error = Some(text.to_vec());
        }
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        log(level, text);
    }

    fn may_call(&mut self, args: &[&[u8]]) -> Option<bool> {
        engine::is_call(args).then_some(true)
    }

    fn tick(&mut self, elapsed: Duration) -> Verdict {
        let running = &self.dataset.state().running;
        if !self.is_busy {
            if elapsed.as_millis() < u128::from(self.keys.limits.script_ms) {
                return Verdict::Continue;
            }
            self.is_busy = true;
            running.begin(Begun {
                function: self.terms.function.map(<[u8]>::to_vec),
                request: self.terms.request.iter().map(|word| word.to_vec()).collect(),
                started: Instant::now().checked_sub(elapsed).unwrap_or_else(Instant::now),
                has_written: self.has_written,
            });
            running.set_busy();
        }
        busy::serve();
        match running.is_killed() {
            true => Verdict::Kill,
            false => Verdict::Continue,
        }
    }
}

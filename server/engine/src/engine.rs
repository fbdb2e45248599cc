//! Executing one request. One engine a thread; it holds a view of the store.
//!
//! Checks come in Redis' order: unknown command, unknown subcommand, number of arguments, login,
//! the READONLY refusal, then queueing when MULTI was called. When a command fails after it has
//! written part of its reply (a damaged record met half-way), the part is taken back and the error
//! stands alone.
mod admit;
mod run;
mod waits;

pub(crate) use self::admit::is_call;
pub(crate) use self::run::{call_from_script, Calls};

use self::admit::{exec_aborted, Admitted};
use self::run::{check_room, measured, note_last, note_slow, run_alone};
use crate::busy;
use crate::command::{flag, Command, Run};
use crate::context::{Context, Expired};
use crate::counters::Counters;
use crate::dataset::Dataset;
use crate::error::{Error, Outcome};
use crate::keys::is_record_alive;
use crate::keyspace::Keyspace;
use crate::monitor;
use crate::session::{Session, Transaction};
use crate::table::Recent;
use crate::watch::Watching;
use crate::write::Writing;
use redtool_format::resp::Writer;
use redtool_store::object::write_record_key;
use redtool_store::{Reader, StoreError, Table};
use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::{Arc, MutexGuard};

/// Runs commands over a dataset, on one thread.
pub struct Engine {
    /// A view of its own, of a dataset that nobody changes.
    reader: Option<Box<dyn Reader>>,
    /// Records are looked for where it helps to know of several at once: in a store.
    expects: bool,
    counters: Arc<Counters>,
    dataset: Arc<Dataset>,
    /// Room for the record keys that are expected.
    key_buf: RefCell<Vec<u8>>,
    /// The command that was looked for last.
    recent: RefCell<Recent>,
    /// Keys that a command has found to have run out.
    expired: RefCell<Vec<Expired>>,
}

/// The refusal of commands that write.
pub(crate) const READONLY: Error =
    Error::fixed("READONLY You can't write against a read only replica.");

/// The refusal of commands that need memory.
pub(crate) const OOM: Error =
    Error::fixed("OOM command not allowed when used memory > 'maxmemory'.");

/// Keys that can be expected at a time.
pub const EXPECTED_KEYS: usize = 16;

impl Engine {
    /// Opens a view of the dataset's store.
    pub fn new(dataset: Arc<Dataset>) -> Result<Self, StoreError> {
        let reader = if dataset.readonly() { Some(dataset.store().reader()?) } else { None };
        let counters = dataset.state().new_counters();
        let expects = reader.is_some() || dataset.keyspace().space.is_durable();
        Ok(Self {
            reader,
            expects,
            counters,
            dataset,
            key_buf: RefCell::default(),
            expired: RefCell::default(),
            recent: RefCell::default(),
        })
    }

    /// The dataset.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Counters of this engine.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Replaces the view by one of the store as it is now.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        if self.reader.is_some() {
            self.reader = Some(self.dataset.store().reader()?);
        }
        Ok(())
    }

    /// Requests that were read together follow: each is timed from the end of the one before.
    #[inline]
    pub fn begin(&self) {
        self.counters.ended.store(0, Relaxed);
    }

    /// Whether [`Engine::expect`] is of use.
    #[inline]
    pub fn wants_expected(&self) -> bool {
        self.expects
    }

    /// Says which keys the requests that follow will ask for; see [`Reader::expect`]. Those beyond
    /// [`EXPECTED_KEYS`] are left out.
    pub fn expect(&self, session: &Session, keys: &[&[u8]]) {
        match &self.reader {
            Some(reader) => self.expect_in(&**reader, session.db, keys),
            None if self.expects => {
                if let Some(keyspace) = self.dataset.keyspace_unless_busy() {
                    self.expect_in(&keyspace.space, session.db, keys);
                }
            }
            None => {}
        }
    }

    fn expect_in(&self, reader: &dyn Reader, db: u32, keys: &[&[u8]]) {
        let mut record_keys = self.key_buf.borrow_mut();
        record_keys.clear();
        let mut ends = [0; EXPECTED_KEYS];
        for (key, end) in keys.iter().zip(&mut ends) {
            write_record_key(&mut record_keys, db, key);
            *end = record_keys.len();
        }
        let mut expected: [&[u8]; EXPECTED_KEYS] = [&[]; EXPECTED_KEYS];
        let mut start = 0;
        for (key, end) in expected.iter_mut().zip(ends).take(keys.len()) {
            *key = &record_keys[start..end];
            start = end;
        }
        reader.expect(Table::Objects, &expected[..keys.len().min(EXPECTED_KEYS)]);
    }

    /// Executes a request (its first argument is the command's name) and appends the reply.
    pub fn execute(&mut self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        if args.is_empty() {
            return;
        }
        out.set_resp3(session.resp3);
        if session.transaction.is_some() {
            self.execute_in_transaction(session, args, out);
        } else {
            self.execute_now(session, args, out);
        }
    }

    fn execute_now(&self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        let mark = out.buffer().len();
        let outcome = match self.admit(session, args) {
            Ok(admitted) => self.run(session, admitted, args, out),
            Err(error) => {
                // An EXEC that is refused ends the watch, even without MULTI.
                if args[0].eq_ignore_ascii_case(b"exec") {
                    session.watching = None;
                }
                Err(error)
            }
        };
        if let Err(error) = outcome {
            self.fail(mark, &error, out);
        }
    }

    /// Runs a command that was admitted: beside others when it reads what nobody changes, else
    /// alone.
    #[inline]
    fn run(
        &self,
        session: &mut Session,
        admitted: Admitted,
        args: &[&[u8]],
        out: &mut Writer,
    ) -> Outcome {
        if self.is_held(session, admitted.command, args) {
            return Ok(());
        }
        if let Some(monitors) = self.dataset.state().monitors() {
            monitor::show(&monitors, session, admitted.command, args, false);
        }
        if let (Some(reader), Run::Read(run) | Run::Both(run, _)) =
            (&self.reader, admitted.command.run)
        {
            let mut context = Context {
                reader: &**reader,
                meta: self.dataset.meta(),
                keys: None,
                dataset: &self.dataset,
                session,
                out,
                command: admitted.command,
                counters: &self.counters,
                is_scripted: false,
                expired: &self.expired,
                now_ms: Cell::new(None),
            };
            note_last(context.session, admitted);
            let (outcome, ns) =
                measured(&self.counters, admitted.place(), false, |_| run(&mut context, args));
            note_slow(self.dataset.state(), context.session, admitted.command, args, ns);
            // Nobody may remove them here.
            self.expired.borrow_mut().clear();
            return outcome;
        }
        let Some(mut keys) = self.dataset.keyspace_unless_busy() else {
            busy::answer(self.dataset.state(), session, args)?;
            out.simple("OK");
            return Ok(());
        };
        keys.make_room()?;
        if admitted.command.is(flag::WRITE) {
            let room = self.with_room(keys, admitted.command.is(flag::DENYOOM));
            keys = room.inspect_err(|_| self.counters.reject(admitted.place()))?;
        }
        let mut writing = self.writing(&mut keys, session, out, admitted.command);
        let outcome = run_alone(&mut writing, admitted, args);
        self.serve_ready(&mut keys);
        outcome
    }

    /// The keyspace for something that writes, once there is room for it: waits until changes are
    /// saved, when too many are not.
    #[inline]
    fn with_room<'d>(
        &'d self,
        mut keys: MutexGuard<'d, Keyspace>,
        needs_memory: bool,
    ) -> Result<MutexGuard<'d, Keyspace>, Error> {
        if Dataset::must_save(&keys) {
            drop(keys);
            self.dataset.save()?;
            keys = self.dataset.keyspace();
        }
        check_room(&keys, needs_memory, true)?;
        Ok(keys)
    }

    fn writing<'a>(
        &'a self,
        keys: &'a mut Keyspace,
        session: &'a mut Session,
        out: &'a mut Writer,
        command: &'static Command,
    ) -> Writing<'a> {
        let session_is_connected = session.info.fd >= 0;
        Writing {
            keys,
            dataset: &self.dataset,
            session,
            out,
            command,
            counters: &self.counters,
            // Nobody is there to be answered later.
            may_wait: session_is_connected,
            is_scripted: false,
            waits: false,
            is_retry: false,
            expired: &self.expired,
            now_ms: Cell::new(None),
        }
    }

    /// A connection has ended: it no longer waits, watches or listens.
    pub fn forget(&self, session: &mut Session) {
        session.watching = None;
        self.dataset.state().remove_monitor(&session.info);
        let tracks = session.tracking.take().is_some();
        if session.waiting.is_some() || tracks || session.info.is_listening() {
            let mut keys = self.dataset.keyspace();
            keys.blocked.remove(session.id);
            keys.pubsub.forget(&session.info);
            if tracks {
                keys.remembered.forget(session.id);
            }
        }
    }

    /// Takes back what was written since `mark` and replies with the error.
    #[cold]
    fn fail(&self, mark: usize, error: &Error, out: &mut Writer) {
        let text = error.to_string();
        if !matches!(error, Error::Counted(_)) {
            self.counters.error();
            self.dataset.state().count_error(&text);
        }
        out.buffer().truncate(mark);
        out.error(&text);
    }

    /// Queues a command after MULTI, or ends the transaction.
    #[cold]
    fn execute_in_transaction(&self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        let mark = out.buffer().len();
        let admitted = match self.admit(session, args) {
            Ok(admitted) => admitted,
            Err(error) => {
                let is_exec = args[0].eq_ignore_ascii_case(b"exec");
                if is_exec {
                    session.set_transaction(None);
                    session.watching = None;
                } else if let Some(transaction) = &mut session.transaction {
                    transaction.aborted = true;
                }
                return self.fail(mark, &error, out);
            }
        };
        match admitted.command.name {
            "exec" if self.is_held(session, admitted.command, args) => {}
            "exec" => {
                let place = admitted.place();
                let run = |_| self.run_queue(session, out);
                if let (Err(error), _) = measured(&self.counters, place, true, run) {
                    self.fail(mark, &error, out);
                }
            }
            "discard" | "multi" | "watch" | "quit" | "reset" => {
                if let Err(error) = self.run(session, admitted, args, out) {
                    self.fail(mark, &error, out);
                }
            }
            _ => self.queue(session, admitted.command, args, out),
        }
    }

    fn queue(&self, session: &mut Session, command: &Command, args: &[&[u8]], out: &mut Writer) {
        let Some(transaction) = &mut session.transaction else { return };
        if command.is(flag::NO_MULTI) {
            transaction.aborted = true;
            let error = Error::fixed("ERR Command not allowed inside a transaction");
            return self.fail(out.buffer().len(), &error, out);
        }
        // The queue takes memory, whatever is in it. A script that goes on and on has the keyspace.
        let keys = self.dataset.keyspace_unless_busy();
        let room = keys.map_or(Ok(()), |mut keys| {
            keys.make_room()?;
            check_room(&keys, true, command.is(flag::WRITE))
        });
        if let Err(error) = room {
            transaction.aborted = true;
            return self.fail(out.buffer().len(), &error, out);
        }
        transaction.writes |= command.is(flag::WRITE);
        transaction.needs_memory |= command.is(flag::DENYOOM);
        transaction.bytes += args.iter().map(|arg| arg.len() + size_of::<Vec<u8>>()).sum::<usize>();
        transaction.queue.push(args.iter().map(|arg| arg.to_vec()).collect());
        session.info.queued.store(transaction.queue.len() as i64, Relaxed);
        out.simple("QUEUED");
    }

    /// Whether a watched key has changed, or has run out and nobody has removed it yet.
    fn has_changed(&self, keys: &Keyspace, watching: &Watching) -> bool {
        let now_ms = self.dataset.clock().now_ms();
        let has_run_out = |(record_key, was_expired): &(Vec<u8>, bool)| {
            let record = keys.space.get(Table::Objects, record_key).ok().flatten();
            !was_expired
                && record.is_some_and(|record| {
                    is_record_alive(&record, || now_ms).is_ok_and(|alive| !alive)
                })
        };
        watching.touched.load(Acquire) || watching.keys.iter().any(has_run_out)
    }

    /// The keyspace for the commands of a transaction; they are not asked again whether there is
    /// room.
    fn keyspace_for(&self, transaction: &Transaction) -> Result<MutexGuard<'_, Keyspace>, Error> {
        let mut keys = self.dataset.keyspace();
        keys.make_room()?;
        if transaction.writes {
            let room = self.with_room(keys, transaction.needs_memory);
            keys = room.map_err(|error| exec_aborted(&error))?;
        }
        if transaction.aborted {
            let previous = "EXECABORT Transaction discarded because of previous errors.";
            return Err(Error::fixed(previous));
        }
        Ok(keys)
    }

    /// EXEC.
    fn run_queue(&self, session: &mut Session, out: &mut Writer) -> Outcome {
        let transaction = session.transaction.take().unwrap_or_default();
        session.set_transaction(None);
        let watching = session.watching.take();
        let mut keys = self.keyspace_for(&transaction)?;
        if watching.is_some_and(|watching| self.has_changed(&keys, &watching)) {
            out.null_array();
            return Ok(());
        }
        out.array(transaction.queue.len());
        for request in &transaction.queue {
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            let mark = out.buffer().len();
            // A command before it may have changed the protocol (HELLO).
            out.set_resp3(session.resp3);
            let outcome = self.admit(session, &args).and_then(|admitted| {
                if let Some(monitors) = self.dataset.state().monitors() {
                    monitor::show(&monitors, session, admitted.command, &args, false);
                }
                let mut writing = self.writing(&mut keys, session, out, admitted.command);
                writing.may_wait = false;
                run_alone(&mut writing, admitted, &args)
            });
            if let Err(error) = outcome {
                self.fail(mark, &error, out);
            }
        }
        self.serve_ready(&mut keys);
        Ok(())
    }
}

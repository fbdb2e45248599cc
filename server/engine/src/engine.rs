//! Executing one request. One engine a thread; it holds a view of the store.
//!
//! Checks come in Redis' order: unknown command, unknown subcommand, number of arguments, then the
//! READONLY refusal. When a command fails after it has written part of its reply (a damaged record
//! met half-way), the part is taken back and the error stands alone.
use crate::args::shown;
use crate::command::{flag, Command};
use crate::context::Context;
use crate::dataset::Dataset;
use crate::error::{Error, Outcome};
use crate::server::{add, Counters, TIMED_EVERY};
use crate::session::Session;
use crate::table;
use redtool_format::resp::Writer;
use redtool_store::{Reader, StoreError};
use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Instant;

/// Runs commands over a dataset, on one thread.
pub struct Engine {
    reader: Box<dyn Reader>,
    counters: Arc<Counters>,
    dataset: Arc<Dataset>,
}

pub(crate) const READONLY: Error =
    Error::fixed("READONLY You can't write against a read only replica.");

impl Engine {
    /// Opens a view of the dataset's store.
    pub fn new(dataset: Arc<Dataset>) -> Result<Self, StoreError> {
        let reader = dataset.store().reader()?;
        let counters = dataset.state().new_counters();
        Ok(Self { reader, counters, dataset })
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
        self.reader = self.dataset.store().reader()?;
        Ok(())
    }

    /// Executes a request (its first argument is the command's name) and appends the reply.
    pub fn execute(&mut self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        let Some(name) = args.first() else { return };
        let mark = out.buffer().len();
        let Some((index, row)) = table::find(name) else {
            self.counters.error();
            return out.error(&unknown_command(args).to_string());
        };
        let outcome = match self.admit(row, args) {
            Ok(command) => self.run(session, index, command, args, out),
            Err(error) => {
                if let Some(counters) = self.counters.command(index) {
                    add(&counters.rejected, 1);
                }
                Err(error)
            }
        };
        if let Err(error) = outcome {
            self.counters.error();
            out.buffer().truncate(mark);
            out.error(&error.to_string());
        }
    }

    /// The row to run, or why not.
    #[inline]
    fn admit(&self, row: &'static Command, args: &[&[u8]]) -> Result<&'static Command, Error> {
        let mut command = row;
        if !row.subcommands.is_empty() && args.len() > 1 {
            command = table::find_subcommand(row, args[1])
                .ok_or_else(|| unknown_subcommand(row, args[1]))?;
        }
        if !command.accepts(args.len()) {
            return Err(wrong_arity(row, command));
        }
        if command.is(flag::WRITE) && self.dataset.readonly() {
            return Err(READONLY);
        }
        Ok(command)
    }

    #[inline]
    fn run(
        &self,
        session: &mut Session,
        index: usize,
        command: &'static Command,
        args: &[&[u8]],
        out: &mut Writer,
    ) -> Outcome {
        session.info.last_command.store(index as u32 + 1, Relaxed);
        let mut context = Context {
            reader: &*self.reader,
            dataset: &self.dataset,
            session,
            out,
            command,
            counters: &self.counters,
            now_ms: Cell::new(None),
        };
        let Some(counters) = self.counters.command(index) else {
            return (command.run)(&mut context, args);
        };
        let calls = counters.calls.load(Relaxed);
        counters.calls.store(calls + 1, Relaxed);
        let started = (calls % TIMED_EVERY == 0).then(Instant::now);
        let outcome = (command.run)(&mut context, args);
        if let Some(started) = started {
            add(&counters.timed_calls, 1);
            add(&counters.timed_ns, started.elapsed().as_nanos() as u64);
        }
        if outcome.is_err() {
            add(&counters.failed, 1);
        }
        outcome
    }
}

/// Redis names the command and the beginning of its arguments, at most 128 bytes of each.
fn unknown_command(args: &[&[u8]]) -> Error {
    let mut shown_args = String::new();
    for arg in &args[1..] {
        if shown_args.len() >= 128 {
            break;
        }
        shown_args.push_str(&format!("'{}' ", shown(arg, 128 - shown_args.len())));
    }
    let name = shown(args[0], 128);
    Error::text(format!("ERR unknown command '{name}', with args beginning with: {shown_args}"))
}

fn unknown_subcommand(row: &Command, name: &[u8]) -> Error {
    let parent = row.name.to_ascii_uppercase();
    Error::text(format!("ERR unknown subcommand '{}'. Try {parent} HELP.", shown(name, 128)))
}

fn wrong_arity(row: &Command, command: &Command) -> Error {
    let name = match std::ptr::eq(row, command) {
        true => row.name.to_string(),
        false => format!("{}|{}", row.name, command.name),
    };
    Error::text(format!("ERR wrong number of arguments for '{name}' command"))
}

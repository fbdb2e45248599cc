//! Whether a request may be run at all. Checks come in Redis' order: unknown command, unknown
//! subcommand, number of arguments, login, the rules of the connection and of a cluster, the
//! READONLY refusal.
use super::{Engine, READONLY};
use crate::args::shown;
use crate::command::{flag, Command};
use crate::counters::Counters;
use crate::error::{Error, Outcome};
use crate::keyspec::find_keys;
use crate::session::Session;
use crate::table;
use redtool_format::slot;
use std::sync::atomic::Ordering::Relaxed;

/// A command admitted to run: its row, and where the row stands in the table.
#[derive(Clone, Copy)]
pub(super) struct Admitted {
    pub command: &'static Command,
    pub index: usize,
    /// Number of the subcommand, counted from 1; 0 when the command itself is meant.
    pub sub: usize,
}

impl Admitted {
    /// Where it is counted.
    #[inline]
    pub fn place(self) -> usize {
        table::place(self.index, self.sub)
    }
}

const CROSS_SLOT: Error = Error::fixed("CROSSSLOT Keys in request don't hash to the same slot");

/// Whether the keys of a command are of more than one slot.
#[cold]
pub(super) fn crosses_slots(command: &Command, args: &[&[u8]]) -> bool {
    let mut slots = find_keys(command, args).into_iter().map(|(key, _)| slot::of(key));
    slots.next().is_some_and(|first| slots.any(|slot| slot != first))
}

/// Whether a client that listens in RESP2 may run a command.
fn may_listen(row: &Command) -> bool {
    const NAMES: [&str; 9] = [
        "subscribe",
        "unsubscribe",
        "psubscribe",
        "punsubscribe",
        "ssubscribe",
        "sunsubscribe",
        "ping",
        "quit",
        "reset",
    ];
    NAMES.contains(&row.name)
}

#[cold]
fn only_listening(row: &Command, command: &Command) -> Error {
    let name = match std::ptr::eq(row, command) {
        true => row.name.to_string(),
        false => format!("{}|{}", row.name, command.name),
    };
    Error::text(format!(
        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context"
    ))
}

/// Redis' words when EXEC itself is refused.
#[cold]
pub(super) fn exec_aborted(error: &Error) -> Error {
    let text = error.to_string();
    let reason = text.strip_prefix("ERR ").unwrap_or(&text);
    Error::text(format!("EXECABORT Transaction discarded because of: {reason}"))
}

/// The command that is meant, which may be a subcommand.
#[inline]
fn resolve(index: usize, row: &'static Command, args: &[&[u8]]) -> Result<Admitted, Error> {
    if row.subcommands.is_empty() || args.len() < 2 {
        return Ok(Admitted { command: row, index, sub: 0 });
    }
    let (sub, command) =
        table::find_subcommand(row, args[1]).ok_or_else(|| unknown_subcommand(row, args[1]))?;
    Ok(Admitted { command, index, sub: sub + 1 })
}

/// Subcommand and number of arguments.
#[inline]
fn admit_row(index: usize, row: &'static Command, args: &[&[u8]]) -> Result<Admitted, Error> {
    let admitted = resolve(index, row, args)?;
    match admitted.command.accepts(args.len()) {
        true => Ok(admitted),
        false => Err(wrong_arity(row, admitted.command)),
    }
}

/// Redis names the command and the beginning of its arguments, at most 128 bytes of each.
#[cold]
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

#[cold]
fn unknown_subcommand(row: &Command, name: &[u8]) -> Error {
    let parent = row.name.to_ascii_uppercase();
    Error::text(format!("ERR unknown subcommand '{}'. Try {parent} HELP.", shown(name, 128)))
}

#[cold]
fn wrong_arity(row: &Command, command: &Command) -> Error {
    let name = match std::ptr::eq(row, command) {
        true => row.name.to_string(),
        false => format!("{}|{}", row.name, command.name),
    };
    Error::text(format!("ERR wrong number of arguments for '{name}' command"))
}

/// The row of a command that a script calls, or why not.
pub(super) fn admit_call(counters: &Counters, args: &[&[u8]]) -> Result<Admitted, Error> {
    let unknown = Error::fixed("ERR Unknown Redis command called from script");
    let Some((index, row)) = args.first().and_then(|name| table::find(name)) else {
        return Err(unknown);
    };
    let admitted = resolve(index, row, args).map_err(|_| unknown)?;
    let refused = if !admitted.command.accepts(args.len()) {
        "ERR Wrong number of args calling Redis command from script"
    } else if admitted.command.is(flag::NOSCRIPT) {
        "ERR This Redis command is not allowed from script"
    } else {
        return Ok(admitted);
    };
    counters.reject(admitted.place());
    Err(Error::fixed(refused))
}

/// Whether this is a command, with a number of arguments that it takes.
pub(crate) fn is_call(args: &[&[u8]]) -> bool {
    let row = args.first().and_then(|name| table::find(name));
    row.is_some_and(|(index, row)| admit_row(index, row, args).is_ok())
}

impl Engine {
    /// The row to run, or why not.
    #[inline]
    pub(super) fn admit(&self, session: &Session, args: &[&[u8]]) -> Result<Admitted, Error> {
        let (index, row) =
            self.recent.borrow_mut().find(args[0]).ok_or_else(|| unknown_command(args))?;
        let admitted = resolve(index, row, args)?;
        self.check(session, row, admitted.command, args).map_err(|error| {
            self.counters.reject(admitted.place());
            match row.name {
                "exec" => exec_aborted(&error),
                _ => error,
            }
        })?;
        Ok(admitted)
    }

    #[inline]
    fn check(
        &self,
        session: &Session,
        row: &'static Command,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Outcome {
        if !command.accepts(args.len()) {
            Err(wrong_arity(row, command))
        } else if !session.authenticated && !command.is(flag::NO_AUTH) {
            Err(Error::NO_AUTH)
        } else if !session.resp3 && session.info.is_listening() && !may_listen(row) {
            Err(only_listening(row, command))
        } else if self.dataset.state().cluster_enabled.load(Relaxed) && crosses_slots(command, args)
        {
            Err(CROSS_SLOT)
        } else if command.is(flag::WRITE) && !command.refuses_writes && self.dataset.readonly() {
            Err(READONLY)
        } else {
            Ok(())
        }
    }
}

//! A command that was admitted is run: counted, timed, and what it has left behind dealt with.
use super::admit::{admit_call, crosses_slots, Admitted};
use super::{OOM, READONLY};
use crate::command::{flag, Command, Run};
use crate::context::Expired;
use crate::counters::Counters;
use crate::error::{Error, Outcome};
use crate::keys::is_record_alive;
use crate::keyspace::Keyspace;
use crate::keyspec::find_keys;
use crate::monitor;
use crate::notify::class;
use crate::server::ServerState;
use crate::session::Session;
use crate::ticks;
use crate::write::Writing;
use redtool_store::{Reader, Table};
use std::sync::atomic::Ordering::Relaxed;

/// What a script may do at this point.
pub(crate) struct Calls {
    /// It may write.
    pub write: bool,
    /// It may take memory that is not there: it has been allowed to, or cannot be stopped half-way.
    pub exceed: bool,
}

/// Runs a command that a script calls, and replies, with an error too; whether it may have written.
pub(crate) fn call_from_script(ws: &mut Writing<'_>, args: &[&[u8]], may: Calls) -> bool {
    let mark = ws.out.buffer().len();
    let outcome = admit_call(ws.counters, args).and_then(|admitted| {
        check_call(ws, admitted.command, args, may)
            .inspect_err(|_| ws.counters.reject(admitted.place()))?;
        if let Some(monitors) = ws.dataset.state().monitors() {
            monitor::show(&monitors, ws.session, admitted.command, args, true);
        }
        ws.command = admitted.command;
        run_alone(ws, admitted, args).map(|()| admitted.command.is(flag::WRITE))
    });
    outcome.unwrap_or_else(|error| {
        let text = error.to_string();
        ws.counters.error();
        ws.dataset.state().count_error(&text);
        ws.out.buffer().truncate(mark);
        ws.out.error(&text);
        false
    })
}

/// Refuses what a script may not do now.
fn check_call(ws: &Writing<'_>, command: &'static Command, args: &[&[u8]], may: Calls) -> Outcome {
    let writes = command.is(flag::WRITE);
    if writes && !may.write {
        return Err(Error::fixed("ERR Write commands are not allowed from read-only scripts."));
    }
    if writes && ws.dataset.readonly() && !command.refuses_writes {
        return Err(READONLY);
    }
    check_room(ws.keys, command.is(flag::DENYOOM) && !may.exceed, writes)?;
    let in_cluster = ws.dataset.state().cluster_enabled.load(Relaxed);
    if in_cluster && crosses_slots(command, args) {
        return Err(Error::fixed(
            "ERR Script attempted to access keys that do not hash to the same slot",
        ));
    }
    Ok(())
}

/// Refuses what needs memory when there is no more, and what writes when the store takes no
/// changes.
#[inline]
pub(super) fn check_room(keys: &Keyspace, needs_memory: bool, writes: bool) -> Outcome {
    if needs_memory && keys.eviction.is_full {
        return Err(OOM);
    }
    match writes {
        true => keys.saves.check(keys.space.is_durable()),
        false => Ok(()),
    }
}

/// Runs an admitted command with the keyspace in hand.
#[inline]
pub(super) fn run_alone(writing: &mut Writing<'_>, admitted: Admitted, args: &[&[u8]]) -> Outcome {
    note_last(writing.session, admitted);
    let counters = writing.counters;
    writing.keys.settle_for(writing.session.db, admitted.command, args)?;
    let is_inner = writing.is_scripted;
    let (outcome, ns) = measured(counters, admitted.place(), is_inner, |started| {
        writing.keys.begin_uses(started, is_use(admitted.command, writing.session));
        match admitted.command.run {
            Run::Read(run) => run(&mut writing.view(), args),
            Run::Write(run) | Run::Both(_, run) => run(writing, args),
        }
    });
    writing.keys.end_uses();
    note_slow(writing.dataset.state(), writing.session, admitted.command, args, ns);
    if !writing.expired.borrow().is_empty() {
        remove_expired(writing)?;
    }
    if writing.session.tracking.is_some() {
        remember(writing, admitted.command, args);
    }
    outcome
}

/// Whether a command uses the keys that it looks at: they are idle no more.
#[inline]
fn is_use(command: &Command, session: &Session) -> bool {
    let spares = session.info.no_touch.load(Relaxed) && command.name != "touch";
    !(command.is_onlooker || spares)
}

/// Removes the keys that a command has found to have run out.
#[cold]
fn remove_expired(writing: &mut Writing<'_>) -> Outcome {
    let expired = std::mem::take(&mut *writing.expired.borrow_mut());
    if writing.dataset.readonly() {
        return Ok(());
    }
    for Expired { record_key, missed } in expired {
        let record = writing.keys.space.get(Table::Objects, &record_key)?;
        let is_over = record.map(|r| is_record_alive(&r, || writing.now_ms())).transpose()?;
        if is_over == Some(false) {
            writing.keys.expire(&record_key)?;
        }
        if let Some(key) = missed {
            writing.keys.notify(class::KEY_MISS, "keymiss", writing.session.db, &key);
        }
    }
    Ok(())
}

/// Remembers the keys that a tracking client has read.
#[cold]
fn remember(writing: &mut Writing<'_>, command: &'static Command, args: &[&[u8]]) {
    let Some(tracking) = &mut writing.session.tracking else { return };
    if command.is(flag::READONLY) && tracking.remembers() {
        for (key, _) in find_keys(command, args) {
            writing.keys.remembered.read(key, tracking.listener.client.id, &writing.keys.state);
        }
    }
    if command.name != "caching" {
        tracking.caching = None;
    }
}

#[inline]
pub(super) fn note_last(session: &Session, admitted: Admitted) {
    let Admitted { index, sub, .. } = admitted;
    session.info.last_command.store((index + 1 + (sub << 16)) as u32, Relaxed);
}

/// Runs a command, which is given the ticks at its start, counts and times the call; how many
/// nanoseconds it took. Of commands that were read together, each counts from the end of the one
/// before: the clock is looked at once.
#[inline]
pub(super) fn measured(
    counters: &Counters,
    place: usize,
    is_inner: bool,
    run: impl FnOnce(u64) -> Outcome,
) -> (Outcome, u64) {
    let started = match counters.ended.load(Relaxed) {
        0 => ticks::now(),
        _ if is_inner => ticks::now(),
        ended => ended,
    };
    let outcome = run(started);
    let ended = ticks::now();
    let ns = ticks::ns_between(started, ended);
    counters.ended.store(ended, Relaxed);
    counters.count(place, ns, outcome.is_err());
    (outcome, ns)
}

/// Notes a command when it took long.
#[inline]
pub(super) fn note_slow(
    state: &ServerState,
    session: &Session,
    command: &Command,
    args: &[&[u8]],
    ns: u64,
) {
    if state.slow.is_slow(ns) {
        let log = command.flags & flag::SKIP_SLOWLOG == 0;
        state.slow.note(&session.info, args, ns, command.is(flag::FAST), log);
    }
}

//! Commands that wait: for keys, or for the end of CLIENT PAUSE.
use super::run::run_alone;
use super::Engine;
use crate::blocked::Waiter;
use crate::clock::system_ms;
use crate::command::{flag, Command, Group};
use crate::keyspace::Keyspace;
use crate::session::{Session, Waiting};
use crate::table;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;
use redtool_store::{object, Reader, Table};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Engine {
    /// Runs the commands that wait for keys which have become ready.
    #[inline]
    pub(super) fn serve_ready(&self, keys: &mut Keyspace) {
        while let Some((record_key, waiters)) = keys.blocked.next_ready() {
            for waiter in waiters {
                // Served already, perhaps by this very loop, by another key.
                let waits = keys.blocked.waits(waiter.client.id);
                if waits && (waiter.wakes_when_gone || is_of_kind(keys, &record_key, &waiter)) {
                    self.try_again(keys, &waiter);
                }
            }
        }
    }

    #[cold]
    fn try_again(&self, keys: &mut Keyspace, waiter: &Waiter) {
        let mut session = Session::proxy(self.dataset.state(), waiter);
        let mut out = Writer::new();
        out.set_resp3(waiter.resp3);
        let request: Vec<&[u8]> = waiter.request.iter().map(Vec::as_slice).collect();
        let waits = match self.admit(&session, &request) {
            Ok(admitted) => {
                let mut writing = self.writing(keys, &mut session, &mut out, admitted.command);
                writing.is_retry = true;
                let outcome = run_alone(&mut writing, admitted, &request);
                let waits = writing.waits;
                if let Err(error) = outcome {
                    self.fail(0, &error, &mut out);
                }
                waits
            }
            Err(error) => {
                self.fail(0, &error, &mut out);
                false
            }
        };
        if !waits {
            keys.blocked.remove(waiter.client.id);
            waiter.client.mailbox.reply(std::mem::take(out.buffer()));
        }
    }

    /// The time of a session's waiting command is over: its reply, unless it has been answered in
    /// the meantime. One that was held back is run.
    pub fn time_out(&mut self, session: &mut Session) -> Option<Vec<u8>> {
        let waiter = self.dataset.keyspace().blocked.remove(session.id)?;
        session.waiting = None;
        if !waiter.is_held {
            return Some(waiter.timeout_reply);
        }
        let request: Vec<&[u8]> = waiter.request.iter().map(Vec::as_slice).collect();
        let mut out = Writer::new();
        self.execute(session, &request, &mut out);
        Some(std::mem::take(out.buffer()))
    }

    /// Whether CLIENT PAUSE holds a command back: if so it is kept, to be run later.
    #[inline]
    pub(super) fn is_held(&self, session: &mut Session, command: &Command, args: &[&[u8]]) -> bool {
        match self.dataset.state().paused() {
            None => false,
            Some((until_ms, all)) => self.hold(session, command, args, until_ms, all),
        }
    }

    #[cold]
    fn hold(
        &self,
        session: &mut Session,
        command: &Command,
        args: &[&[u8]],
        until_ms: i64,
        all: bool,
    ) -> bool {
        let writes = command.is(flag::WRITE)
            || matches!(command.name, "publish" | "spublish" | "pfcount" | "eval" | "evalsha")
            || (command.name == "exec" && session.transaction.as_ref().is_some_and(|t| t.writes));
        let is_client = args[0].eq_ignore_ascii_case(b"client");
        if is_client || session.info.fd < 0 || !(all || writes) {
            return false;
        }
        let left_ms = until_ms.saturating_sub(system_ms()).max(0) as u64;
        let until = Instant::now() + Duration::from_millis(left_ms);
        session.waiting = Some(Waiting { until: Some(until) });
        self.dataset.keyspace().blocked.add(Waiter {
            client: Arc::clone(&session.info),
            db: session.db,
            resp3: session.resp3,
            request: args.iter().map(|arg| arg.to_vec()).collect(),
            keys: Vec::new(),
            timeout_reply: Vec::new(),
            is_held: true,
            wakes_when_gone: false,
        });
        true
    }
}

/// Whether a key holds what a command waits for. It may be gone again, or have become something
/// else, since it was told to be ready.
fn is_of_kind(keys: &Keyspace, record_key: &[u8], waiter: &Waiter) -> bool {
    let Ok(Some(record)) = keys.space.get(Table::Objects, record_key) else { return false };
    let kind = object::kind(&record);
    let command = waiter.request.first().and_then(|name| table::find(name));
    match command.map(|(_, row)| row.group) {
        Some(Group::List) => kind == Some(Kind::List),
        Some(Group::SortedSet) => kind == Some(Kind::Zset),
        Some(Group::Stream) => kind == Some(Kind::Stream),
        _ => true,
    }
}

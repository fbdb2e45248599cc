//! What the network layer asks of the engine, and what it keeps a panic from doing.
use redtool_engine::busy::Busy;
use redtool_engine::{Engine, Session};
use redtool_format::resp::Writer;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Answers requests, on one thread.
pub(crate) trait Execute: Send + 'static {
    /// Executes one request and appends its reply.
    fn execute(&mut self, session: &mut Session, args: &[&[u8]], out: &mut Writer);
    /// Requests that were read together follow.
    fn begin(&self);
    /// Whether it helps to know which keys the next requests will ask for.
    fn wants_expected(&self) -> bool;
    /// Says which keys the next requests will probably ask for.
    fn expect(&self, session: &Session, keys: &[&[u8]]);
    /// The reply of a waiting command whose time is over; None when it has been answered.
    fn time_out(&mut self, session: &mut Session) -> Option<Vec<u8>>;
    /// A connection has ended.
    fn forget(&self, session: &mut Session);
    /// Puts itself in order after a panic inside `execute`.
    fn recover(&mut self);
}

impl Execute for Engine {
    #[inline]
    fn execute(&mut self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        Engine::execute(self, session, args, out);
    }

    fn begin(&self) {
        Engine::begin(self);
    }

    fn wants_expected(&self) -> bool {
        Engine::wants_expected(self)
    }

    fn expect(&self, session: &Session, keys: &[&[u8]]) {
        Engine::expect(self, session, keys);
    }

    fn time_out(&mut self, session: &mut Session) -> Option<Vec<u8>> {
        Engine::time_out(self, session)
    }

    fn forget(&self, session: &mut Session) {
        Engine::forget(self, session);
    }

    fn recover(&mut self) {
        // The old view goes on serving when the store gives no new one.
        let _ = self.refresh();
    }
}

/// No wait ends while a script runs.
impl Execute for Busy {
    fn execute(&mut self, session: &mut Session, args: &[&[u8]], out: &mut Writer) {
        Busy::execute(self, session, args, out);
    }

    fn begin(&self) {}

    fn wants_expected(&self) -> bool {
        false
    }

    fn expect(&self, _: &Session, _: &[&[u8]]) {}

    fn time_out(&mut self, _: &mut Session) -> Option<Vec<u8>> {
        None
    }

    fn forget(&self, session: &mut Session) {
        Busy::forget(self, session);
    }

    fn recover(&mut self) {}
}

/// Executes one request; a panic becomes an error reply.
///
/// A panic is a bug of ours, and it is met by one request of one client. Ending the thread would
/// end every other connection on it, which is why it is caught here: the half-written reply is
/// taken back, the client told, the engine renewed. The message of the panic stands on stderr
/// already. Unwind safety is asserted because nothing half-changed survives: the writer is cut back
/// to where it was, the session's fields are each valid by themselves, the engine opens a new view.
pub(crate) fn execute_guarded<E: Execute>(
    engine: &mut E,
    session: &mut Session,
    args: &[&[u8]],
    out: &mut Writer,
) {
    let mark = out.buffer().len();
    let outcome = catch_unwind(AssertUnwindSafe(|| engine.execute(session, args, out)));
    if outcome.is_err() {
        out.buffer().truncate(mark);
        out.error("ERR internal error: the command failed unexpectedly; the server goes on");
        session.transaction = None;
        engine.recover();
    }
}

/// A list of arguments whose memory is used again for every request.
#[derive(Debug, Default)]
pub(crate) struct ArgList(Vec<&'static [u8]>);

impl ArgList {
    /// Collects arguments and runs something on them.
    #[inline]
    pub fn with<'a, R>(
        &mut self,
        args: impl Iterator<Item = &'a [u8]>,
        run: impl FnOnce(&[&[u8]]) -> R,
    ) -> R {
        let mut list: Vec<&'a [u8]> = reuse(std::mem::take(&mut self.0));
        list.extend(args);
        let result = run(&list);
        // A command of a million arguments is no reason to keep room for the next.
        if list.capacity() <= 1024 {
            self.0 = reuse(list);
        }
        result
    }
}

/// The memory of a list for references of another lifetime. Nothing is in the list when it changes
/// its type, and the collection happens in place: no allocation, no copy.
#[inline]
fn reuse<'b>(mut list: Vec<&[u8]>) -> Vec<&'b [u8]> {
    list.clear();
    list.into_iter().map(|_| -> &'b [u8] { &[] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use redtool_engine::ServerState;
    use std::sync::Arc;

    struct Fragile {
        recovered: usize,
    }

    impl Execute for Fragile {
        fn execute(&mut self, _: &mut Session, args: &[&[u8]], out: &mut Writer) {
            out.simple("half");
            assert!(args[0] != b"BUG", "a bug in a command");
        }
        fn begin(&self) {}
        fn wants_expected(&self) -> bool {
            false
        }
        fn expect(&self, _: &Session, _: &[&[u8]]) {}
        fn time_out(&mut self, _: &mut Session) -> Option<Vec<u8>> {
            None
        }
        fn forget(&self, _: &mut Session) {}
        fn recover(&mut self) {
            self.recovered += 1;
        }
    }

    #[test]
    fn a_panic_in_a_command_is_an_error_reply() {
        let mut session = Session::embedded(&Arc::new(ServerState::new()));
        let (mut engine, mut out) = (Fragile { recovered: 0 }, Writer::new());
        for name in [&b"PING"[..], b"BUG", b"PING"] {
            execute_guarded(&mut engine, &mut session, &[name], &mut out);
        }
        let text = String::from_utf8_lossy(out.buffer()).into_owned();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "+half", "+half"));
        assert!(lines[1].starts_with("-ERR internal error"), "{text}");
        assert_eq!(engine.recovered, 1);
    }

    #[test]
    fn the_argument_list_is_allocated_once() {
        let mut args = ArgList::default();
        let text = String::from("GET key");
        args.with(text.as_bytes().split(|b| *b == b' '), |list| assert_eq!(list.len(), 2));
        let before = (args.0.as_ptr(), args.0.capacity());
        args.with([&b"PING"[..]].into_iter(), |list| assert_eq!(list, [b"PING"]));
        assert_eq!(before, (args.0.as_ptr(), args.0.capacity()));
    }
}

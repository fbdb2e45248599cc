//! One client: bytes in, requests executed, bytes out.
//!
//! A turn reads what the socket holds, parses the whole pipeline from that one buffer, executes it
//! into one output buffer and writes once. Short replies wait until the others with news had their
//! turns: a client with many connections is then woken once and not once a connection. Both
//! buffers belong to the event loop; a connection keeps bytes of its own only while a request is
//! incomplete or replies wait, so ten thousand idle connections cost next to nothing.
//!
//! Limits:
//! - More unsent replies than `client_output_pause_bytes`: execution pauses until they drain, so a
//!   slow reader takes no memory. Its requests are still read, for a client that sends its whole
//!   pipeline before it reads the first reply would otherwise wait for us as we wait for it.
//! - More waiting requests than `client_query_buffer_limit_bytes`: while execution is paused, no
//!   more is read; otherwise it is one oversized request, and the connection is closed as in Redis.
use crate::backlog::Backlog;
use crate::bench::Bench;
use crate::execute::{execute_guarded, Execute};
use crate::stream::Stream;
use redtool_engine::engine::EXPECTED_KEYS;
use redtool_engine::mail::SentFile;
use redtool_engine::session::Replies;
use redtool_engine::Session;
use redtool_format::resp::{Parsed, Parser, Writer};
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Reads before other connections get their turn.
const READS_PER_TURN: usize = 8;
/// Pieces of a file that are sent before other connections get their turn.
const SENDS_PER_TURN: usize = 4;
/// Replies are sent in pieces of about this size while a long pipeline is still running.
const FLUSH_BYTES: usize = 256 * 1024;
/// Replies up to this size wait for the end of the round.
const DEFER_BYTES: usize = 16 * 1024;
/// Room that the shared output buffer keeps.
const KEEP_OUT_BYTES: usize = 1024 * 1024;
/// Input thrown away before closing, so that the close does not overtake the last reply.
const DISCARD_BYTES: usize = 1024 * 1024;

/// What a connection wants after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing until the socket has news.
    Wait,
    /// Another turn, after the others had theirs.
    Again,
    /// Its end.
    Close,
}

/// A client's connection.
pub(crate) struct Connection {
    stream: Stream,
    session: Session,
    parser: Parser,
    /// Requests read and not executed.
    requests: Backlog,
    /// Replies not yet sent.
    replies: Backlog,
    /// What is sent after the replies, before the connection ends.
    file: Option<SentFile>,
    /// Replies wait for the end of the round, not for the client.
    deferred: bool,
    /// The peer has closed its side, perhaps behind bytes that are still to be read.
    hung_up: bool,
    /// All it sent is read. What of it can be executed still is.
    read_to_end: bool,
    /// No further request is read or executed; the connection ends when its replies are sent.
    ending: bool,
    /// Whether the event loop tells when the socket takes more bytes.
    watches_writable: bool,
}

impl Connection {
    pub fn new(stream: Stream, session: Session) -> Self {
        Self {
            stream,
            session,
            parser: Parser::default(),
            requests: Backlog::default(),
            replies: Backlog::default(),
            file: None,
            deferred: false,
            hung_up: false,
            read_to_end: false,
            ending: false,
            watches_writable: false,
        }
    }

    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether the event loop's interest in writing has to change, and to what.
    pub fn wants_writable(&mut self) -> Option<bool> {
        let wants = !self.replies.is_empty() && !self.deferred;
        let changed = wants != self.watches_writable;
        self.watches_writable = wants;
        changed.then_some(wants)
    }

    /// Whether all replies are sent.
    pub fn is_drained(&self) -> bool {
        self.replies.is_empty() && self.file.is_none()
    }

    /// Accepts no further request.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Reads, executes, writes. `hung_up`: the event loop says that the peer has closed its side.
    pub fn turn<E: Execute>(&mut self, bench: &mut Bench<E>, hung_up: bool) -> Turn {
        if self.session.is_killed() {
            return Turn::Close;
        }
        self.hung_up |= hung_up;
        // An error of the socket means that there is nobody left to tell about it.
        let turn = self.try_turn(bench).unwrap_or(Turn::Close);
        // What is sent at the end of the round does not wait for the client.
        let unsent = if self.deferred { 0 } else { self.replies.len() };
        self.session.note_memory(self.requests.len(), unsent);
        match turn {
            Turn::Wait if self.is_over() => Turn::Close,
            turn => turn,
        }
    }

    /// Whether replies wait for [`Connection::flush`].
    pub fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Sends what the turn has left for the end of the round.
    pub fn flush<E>(&mut self, bench: &mut Bench<E>) -> Turn {
        let sent = self.send_waiting(bench);
        self.session.info.note_bytes(self.requests.len(), self.replies.len());
        match sent {
            Ok(()) if !self.is_over() => self.turn_after_sending(),
            _ => Turn::Close,
        }
    }

    /// More of a file can be sent, when others had their turns.
    fn turn_after_sending(&self) -> Turn {
        match self.file.is_some() && self.replies.is_empty() {
            true => Turn::Again,
            false => Turn::Wait,
        }
    }

    /// Until when the command that waits for keys waits.
    pub fn waits_until(&self) -> Option<Instant> {
        self.session.waiting.and_then(|waiting| waiting.until)
    }

    /// The time of a command that waits may be over: its reply is that it is.
    pub fn time_out<E: Execute>(&mut self, bench: &mut Bench<E>, now: Instant) {
        if self.waits_until().is_some_and(|until| until <= now) {
            if let Some(reply) = bench.engine.time_out(&mut self.session) {
                self.replies.push(&reply);
            }
        }
    }

    /// The connection has ended: nobody needs to tell it anything.
    pub fn forget<E: Execute>(&mut self, bench: &Bench<E>) {
        bench.engine.forget(&mut self.session);
    }

    /// Puts what is in the mailbox behind the replies so far.
    #[cold]
    fn take_mail<E: Execute>(
        engine: &mut E,
        session: &mut Session,
        out: &mut Writer,
    ) -> Option<SentFile> {
        let mail = session.info.mailbox.take();
        if mail.go_on {
            out.buffer().extend(engine.time_out(session).unwrap_or_default());
        }
        if let Some(reply) = mail.reply {
            session.waiting = None;
            if session.replies == Replies::On {
                out.buffer().extend_from_slice(&reply);
            }
        }
        out.buffer().extend_from_slice(&mail.pushes);
        mail.file
    }

    fn try_turn<E: Execute>(&mut self, bench: &mut Bench<E>) -> io::Result<Turn> {
        self.send_waiting(bench)?;
        if self.session.info.mailbox.has_mail() && self.file.is_none() {
            self.file = Self::take_mail(&mut bench.engine, &mut self.session, &mut bench.out);
            self.send(bench)?;
        }
        if self.turn_after_sending() == Turn::Again {
            return Ok(Turn::Again);
        }
        if !self.requests.is_empty() && self.may_execute(bench) {
            self.execute_waiting(bench)?;
        }
        for _ in 0..READS_PER_TURN {
            if !self.may_read(bench) {
                return Ok(Turn::Wait);
            }
            let n = match self.stream.read(&mut bench.input) {
                Ok(0) => {
                    self.read_to_end = true;
                    return Ok(Turn::Wait);
                }
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Turn::Wait),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.take(bench, n)?;
            // A short read has emptied the socket: what comes later is news of its own.
            if n < bench.input.len() && !self.hung_up {
                return Ok(Turn::Wait);
            }
        }
        Ok(Turn::Again)
    }

    fn is_over(&self) -> bool {
        (self.ending || self.read_to_end) && self.is_drained()
    }

    fn may_read<E>(&self, bench: &Bench<E>) -> bool {
        let has_room = self.requests.len() < bench.query_limit_bytes || self.may_execute(bench);
        has_room && !self.ending && !self.read_to_end
    }

    fn may_execute<E>(&self, bench: &Bench<E>) -> bool {
        !self.ending
            && self.session.waiting.is_none()
            && self.file.is_none()
            && self.replies.len() < bench.output_pause_bytes
    }

    /// Deals with the first `n` bytes of the loop's input buffer.
    fn take<E: Execute>(&mut self, bench: &mut Bench<E>, n: usize) -> io::Result<()> {
        count(&bench.counters.input_bytes, n);
        self.session.info.last_ms.store(bench.now_ms, Relaxed);
        if !self.requests.is_empty() {
            self.requests.push(&bench.input[..n]);
            if !self.may_execute(bench) {
                return Ok(());
            }
            self.execute_waiting(bench)?;
            return match self.requests.len() > bench.query_limit_bytes && self.may_execute(bench) {
                true => Err(ErrorKind::InvalidData.into()),
                false => Ok(()),
            };
        }
        let input = std::mem::take(&mut bench.input);
        let consumed = self.execute_all(bench, &input[..n]);
        if let Ok(consumed) = consumed {
            self.requests.push(&input[consumed..n]);
        }
        bench.input = input;
        consumed.map(|_| ())
    }

    /// Executes requests that were read before.
    fn execute_waiting<E: Execute>(&mut self, bench: &mut Bench<E>) -> io::Result<()> {
        let mut requests = std::mem::take(&mut self.requests);
        let consumed = self.execute_all(bench, requests.as_slice())?;
        requests.consume(consumed);
        self.requests = requests;
        Ok(())
    }

    /// Executes the complete requests at the start of `input`; how many bytes they are.
    fn execute_all<E: Execute>(&mut self, bench: &mut Bench<E>, input: &[u8]) -> io::Result<usize> {
        self.session.info.note_bytes(input.len(), self.replies.len());
        let mut rest = input;
        // How much of the rest is no news to the engine.
        let mut announced = 0;
        let expects = bench.engine.wants_expected();
        bench.engine.begin();
        bench.out.set_resp3(self.session.resp3);
        while self.may_execute(bench) {
            match self.parser.parse(rest) {
                Parsed::Complete { consumed } => {
                    if expects && announced == 0 && consumed < rest.len() {
                        announced = self.announce(bench, rest);
                    }
                    self.execute_one(bench, rest);
                    rest = &rest[consumed..];
                    announced = announced.saturating_sub(consumed);
                }
                Parsed::Incomplete { .. } => break,
                Parsed::Error(text) => {
                    bench.out.error(&format!("ERR {text}"));
                    self.ending = true;
                }
            }
            if bench.out.buffer().len() >= FLUSH_BYTES {
                self.send(bench)?;
            }
        }
        self.send(bench)?;
        if self.session.is_killed() {
            self.ending = true;
        }
        Ok(input.len() - rest.len())
    }

    /// Tells the engine what the next requests of a pipeline will ask for; how many bytes they are.
    /// What stands behind a command's name is nearly always a key, and of no harm when it is not.
    fn announce<E: Execute>(&self, bench: &mut Bench<E>, input: &[u8]) -> usize {
        let Bench { engine, ahead, .. } = bench;
        let mut keys: [&[u8]; EXPECTED_KEYS] = [&[]; EXPECTED_KEYS];
        let (mut count, mut covered) = (0, 0);
        ahead.reset();
        while count < EXPECTED_KEYS {
            let rest = &input[covered..];
            let Parsed::Complete { consumed } = ahead.parse(rest) else { break };
            if let Some(key) = ahead.plain_arg(rest, 1) {
                keys[count] = key;
                count += 1;
            }
            covered += consumed;
        }
        engine.expect(&self.session, &keys[..count]);
        covered
    }

    /// Executes the request that the parser has found at the start of `input`.
    #[inline]
    fn execute_one<E: Execute>(&mut self, bench: &mut Bench<E>, input: &[u8]) {
        if self.parser.is_empty() {
            return;
        }
        let Self { parser, session, ending, file, .. } = self;
        let Bench { engine, out, args, .. } = bench;
        args.with(parser.args(input), |args| {
            if is_http(args[0]) {
                // A browser was tricked into talking to us; Redis, too, hangs up without a word.
                *ending = true;
                return;
            }
            let mark = out.buffer().len();
            execute_guarded(engine, session, args, out);
            if session.replies != Replies::On {
                withhold(session, out, mark);
            }
            if session.info.mailbox.has_mail() {
                *file = Self::take_mail(engine, session, out);
            }
            *ending |= session.close_after_reply;
        });
    }

    /// Sends what the batch has written, after what was waiting.
    fn send<E>(&mut self, bench: &mut Bench<E>) -> io::Result<()> {
        let waiting_bytes = self.replies.len() + bench.out.buffer().len();
        if waiting_bytes <= DEFER_BYTES && (self.deferred || self.replies.is_empty()) {
            self.deferred = waiting_bytes > 0;
            self.replies.push(bench.out.buffer());
            bench.out.buffer().clear();
            return Ok(());
        }
        if self.deferred {
            self.send_waiting(bench)?;
        }
        let out = bench.out.buffer();
        let outcome = match self.replies.is_empty() {
            true => self.stream.write_some(out),
            false => Ok(0),
        };
        let sent = outcome.as_ref().map_or(out.len(), |sent| *sent);
        if sent < out.len() {
            self.replies.adopt(out, sent);
        }
        // Whatever happened, the next connection finds the shared buffer empty.
        out.clear();
        if out.capacity() > KEEP_OUT_BYTES {
            *out = Vec::new();
        }
        count(&bench.counters.output_bytes, outcome?);
        Ok(())
    }

    /// Sends more of what the client was too slow to take, and of a file.
    fn send_waiting<E>(&mut self, bench: &mut Bench<E>) -> io::Result<()> {
        self.deferred = false;
        for _ in 0..SENDS_PER_TURN {
            if self.replies.is_empty() {
                self.load()?;
            }
            if self.replies.is_empty() {
                return Ok(());
            }
            let sent = self.stream.write_some(self.replies.as_slice())?;
            count(&bench.counters.output_bytes, sent);
            self.replies.consume(sent);
            if !self.replies.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes the next bytes of the file that is sent; after the last the connection ends.
    fn load(&mut self) -> io::Result<()> {
        let Some(sent) = &mut self.file else { return Ok(()) };
        let mut chunk = sent.next_bytes(FLUSH_BYTES)?;
        if sent.left_bytes == 0 {
            self.file = None;
            self.ending = true;
        }
        self.replies.adopt(&mut chunk, 0);
        Ok(())
    }

    /// Ends the connection. Bytes left unread would turn the close into a reset, which can destroy
    /// the last reply on its way: what has arrived is read and thrown away first.
    pub fn close(mut self) {
        if self.stream.shutdown_write().is_err() {
            return;
        }
        let mut sink = [0; 4096];
        let mut discarded = 0;
        while discarded < DISCARD_BYTES {
            match self.stream.read(&mut sink) {
                Ok(n) if n > 0 => discarded += n,
                _ => return,
            }
        }
    }
}

/// CLIENT REPLY OFF and SKIP: takes the reply back, and moves SKIP on to the next command.
#[cold]
fn withhold(session: &mut Session, out: &mut Writer, mark: usize) {
    out.buffer().truncate(mark);
    session.replies = match session.replies {
        Replies::SkipNext => Replies::Skip,
        Replies::Skip => Replies::On,
        other => other,
    };
}

/// Whether the command is the start of an HTTP request.
#[inline]
fn is_http(name: &[u8]) -> bool {
    match name.len() {
        4 => name.eq_ignore_ascii_case(b"post"),
        5 => name.eq_ignore_ascii_case(b"host:"),
        _ => false,
    }
}

/// Adds to a counter of this thread's engine: nobody else adds, so no locked instruction is needed.
fn count(counter: &AtomicU64, n: usize) {
    counter.store(counter.load(Relaxed).wrapping_add(n as u64), Relaxed);
}

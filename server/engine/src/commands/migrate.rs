//! MIGRATE: keys moved to another server, or copied.
//!
//! Each goes as a RESTORE, in the form of Redis 7.0 where that loses nothing. As in Redis, other
//! clients wait until the other server has answered: a key that has gone is there, and one that is
//! here has not gone.
use crate::args;
use crate::command::flag::WRITE;
use crate::command::Group::Generic;
use crate::command::{category, write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspace::Keyspace;
use crate::keyspec::access::{ACCESS, DELETE, INCOMPLETE, RW};
use crate::keyspec::KeySpec;
use crate::peer::Peer;
use crate::types::Result;
use crate::value;
use crate::write::Writing;
use redtool_format::rdb::payload;
use redtool_format::rdb::target::Target;
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{convert_value, Converted, Fate, Value, WriteError};
use redtool_format::rdb::Dialect;
use redtool_store::Object;
use std::io::ErrorKind;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The RDB version of Redis 7.0.
const OLD_VERSION: u32 = 10;

/// What the arguments say.
struct Wish<'a> {
    keys: Vec<&'a [u8]>,
    copy: bool,
    replace: bool,
    /// The arguments of AUTH.
    auth: Vec<&'a [u8]>,
    db: i64,
    timeout: Duration,
}

impl<'a> Wish<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self> {
        let mut wish = Self {
            keys: vec![args[3]],
            copy: false,
            replace: false,
            auth: Vec::new(),
            db: 0,
            timeout: Duration::ZERO,
        };
        let mut rest = &args[6..];
        while let [word, after @ ..] = rest {
            rest = after;
            match (word.to_ascii_lowercase().as_slice(), after) {
                (b"copy", _) => wish.copy = true,
                (b"replace", _) => wish.replace = true,
                (b"auth", [password, after @ ..]) => {
                    wish.auth = vec![password];
                    rest = after;
                }
                (b"auth2", [user, password, after @ ..]) => {
                    wish.auth = vec![user, password];
                    rest = after;
                }
                (b"keys", keys) => {
                    if !args[3].is_empty() {
                        return Err(Error::fixed(
                            "ERR When using MIGRATE KEYS option, the key argument must be set to \
                             the empty string",
                        ));
                    }
                    wish.keys = keys.to_vec();
                    break;
                }
                _ => return Err(Error::SYNTAX),
            }
        }
        let timeout_ms = args::int(args[5])?;
        wish.db = args::int(args[4])?;
        let timeout_ms = if timeout_ms <= 0 { 1000 } else { timeout_ms };
        wish.timeout = Duration::from_millis(timeout_ms.unsigned_abs());
        Ok(wish)
    }
}

/// The words for a connection that does not do what it should.
fn trouble(doing: &str) -> Error {
    Error::text(format!("IOERR error or timeout {doing} to target instance"))
}

fn connect(ws: &Writing<'_>, args: &[&[u8]], wish: &Wish<'_>) -> Result<Peer> {
    const NOT_REACHED: Error = Error::fixed("IOERR error or timeout connecting to the client");
    let Some(dialer) = ws.dataset.dialer() else {
        return Err(Error::fixed("ERR MIGRATE needs a server"));
    };
    let host = String::from_utf8_lossy(args[1]);
    let port = u16::try_from(args::int(args[2])?).map_err(|_| NOT_REACHED)?;
    dialer.dial(&host, port, wish.timeout).map(Peer::new).map_err(|error| match error.kind() {
        // Redis hears of a refusal when it writes.
        ErrorKind::ConnectionRefused => trouble("writing"),
        _ => NOT_REACHED,
    })
}

/// The payload of a value, in the old form where that holds everything.
fn payload_of(keys: &Keyspace, object: &Object<'_>, now_ms: i64) -> Result<Vec<u8>> {
    let target = Target::nearest(Dialect::Redis, OLD_VERSION);
    value::dump(&keys.space, object, |value_type, bytes, version| {
        let templates = Templates::new();
        let value = Value { value_type, payload: bytes, templates: &templates };
        let (mut body, mut out) = (Vec::new(), Vec::new());
        let converted = convert_value(&value, &target, true, now_ms, &mut body);
        match converted.map_err(unwritten)? {
            Converted { fate: Fate::Same(form) | Fate::Rewritten(form), losses }
                if losses.is_empty() =>
            {
                payload::write(&mut out, form, &body, OLD_VERSION as u16);
            }
            _ => payload::write(&mut out, value_type, bytes, version),
        }
        Ok(out)
    })?
}

fn unwritten(error: WriteError) -> Error {
    match error {
        WriteError::Format(error) => error.into(),
        WriteError::Io(error) => Error::text(format!("ERR {error}")),
    }
}

/// Sends the RESTORE of a key, which is there.
fn send_key(ws: &mut Writing<'_>, peer: &mut Peer, wish: &Wish<'_>, key: &[u8]) -> Outcome {
    let (now_ms, db) = (ws.now_ms(), ws.db());
    let found = ws.with_object(db, key, |keys, object| {
        let ttl_ms = object.expire_at_ms.map_or(0, |at_ms| (at_ms - now_ms).max(1));
        Ok((ttl_ms.to_string(), payload_of(keys, object, now_ms)?))
    })?;
    let Some((ttl_ms, payload)) = found else { return Ok(()) };
    let restore: &[u8] = match ws.dataset.state().cluster_enabled.load(Relaxed) {
        true => b"RESTORE-ASKING",
        false => b"RESTORE",
    };
    let mut request = vec![restore, key, ttl_ms.as_bytes(), &payload];
    if wish.replace {
        request.push(b"REPLACE");
    }
    peer.send(&request).map_err(|_| trouble("writing"))
}

/// Logs in and selects the database; how many replies that makes.
fn greet(peer: &mut Peer, wish: &Wish<'_>) -> std::io::Result<usize> {
    if !wish.auth.is_empty() {
        peer.send(&[&[&b"AUTH"[..]], &wish.auth[..]].concat())?;
    }
    peer.send(&[b"SELECT", wish.db.to_string().as_bytes()])?;
    Ok(1 + usize::from(!wish.auth.is_empty()))
}

/// Reads the replies. What has arrived goes from here, unless it is only copied.
fn take_replies(
    ws: &mut Writing<'_>,
    peer: &mut Peer,
    greetings: usize,
    sent: &[&[u8]],
    copy: bool,
) -> Outcome {
    let mut refused = None;
    for _ in 0..greetings {
        let reply = peer.reply().map_err(|_| trouble("reading"))?;
        refused = refused.or(reply.err());
    }
    let is_refused = refused.is_some();
    for key in sent {
        match peer.reply().map_err(|_| trouble("reading"))? {
            Ok(()) if !copy && !is_refused => drop(ws.delete(key)?),
            Ok(()) => {}
            Err(text) => refused = refused.or(Some(text)),
        }
    }
    match refused {
        Some(text) => Err(Error::text(format!("ERR Target instance replied with error: {text}"))),
        None => Ok(()),
    }
}

fn migrate(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let wish = Wish::parse(args)?;
    let mut sent = Vec::new();
    for key in &wish.keys {
        if ws.exists(key)? {
            sent.push(*key);
        }
    }
    if sent.is_empty() {
        ws.out.simple("NOKEY");
        return Ok(());
    }
    let mut peer = connect(ws, args, &wish)?;
    let greetings = greet(&mut peer, &wish).map_err(|_| trouble("writing"))?;
    for key in &sent {
        send_key(ws, &mut peer, &wish, key)?;
    }
    take_replies(ws, &mut peer, greetings, &sent, wish.copy)?;
    ws.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("migrate", -6, WRITE,
        &[KeySpec::at(RW | ACCESS | DELETE, 3),
          KeySpec::all_after(RW | ACCESS | DELETE | INCOMPLETE, "KEYS", -2, 0)],
        Generic, "2.6.0", migrate)
        .args("host port:integer key_or_empty_string:<key|empty_string=''> destination-db:integer \
               timeout:integer [COPY@3.0.0] [REPLACE@3.0.0] \
               [authentication:<[AUTH password@4.0.7] \
               | [AUTH2 username_password:(username password)@6.0.0]>] [KEYS key:key#1...@3.0.6]")
        .docs("O(N)", "Moves keys to another server.")
        .acl(category::DANGEROUS | category::KEYSPACE).tips(&["nondeterministic_output"]),
];

//! When keys expire: EXPIRE and its kin, PERSIST, and the options EX, PX, EXAT, PXAT of others.
use crate::args;
use crate::command::flag::{FAST, WRITE};
use crate::command::Group::Generic;
use crate::command::{write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::GENERIC;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::number;
use redtool_format::rdb::Kind;

/// What options say about an expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expiration {
    /// Nothing.
    #[default]
    None,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// A time that is no time: told when all options are read.
    Invalid,
    /// A time that is no number: told then, too.
    NotInteger,
    /// Unix ms.
    At(i64),
}

impl Expiration {
    /// Refuses a time that is none.
    pub fn check(self, command: &str) -> Result<()> {
        match self {
            Expiration::NotInteger => Err(Error::NOT_INTEGER),
            Expiration::Invalid => Err(invalid(command)),
            _ => Ok(()),
        }
    }
}

fn invalid(command: &str) -> Error {
    Error::text(format!("ERR invalid expire time in '{command}' command"))
}

/// Options about an expiry as they are read: one of them, though it may be repeated.
#[derive(Debug, Default)]
pub struct ExpirationReader<'a> {
    word: Option<&'a [u8]>,
    given: Expiration,
}

impl<'a> ExpirationReader<'a> {
    /// Reads one option, and its argument from `rest`.
    pub fn read(&mut self, ws: &Writing<'_>, word: &'a [u8], rest: &mut &[&'a [u8]]) -> Result<()> {
        if self.word.is_some_and(|before| !before.eq_ignore_ascii_case(word)) {
            return Err(Error::SYNTAX);
        }
        self.word = Some(word);
        let (is_relative, unit_ms) = match word.to_ascii_lowercase().as_slice() {
            b"keepttl" => {
                self.given = Expiration::Keep;
                return Ok(());
            }
            b"persist" => {
                self.given = Expiration::Persist;
                return Ok(());
            }
            b"ex" => (true, 1000),
            b"px" => (true, 1),
            b"exat" => (false, 1000),
            b"pxat" => (false, 1),
            _ => return Err(Error::SYNTAX),
        };
        let [time, tail @ ..] = *rest else { return Err(Error::SYNTAX) };
        *rest = tail;
        self.given = time_of(ws, time, is_relative, unit_ms);
        Ok(())
    }

    /// What they say.
    pub fn given(&self) -> Expiration {
        self.given
    }
}

/// The moment that an argument of EX and its kin means.
fn time_of(ws: &Writing<'_>, time: &[u8], is_relative: bool, unit_ms: i64) -> Expiration {
    let base_ms = if is_relative { ws.now_ms() } else { 0 };
    let Some(time) = number::parse_i64(time) else { return Expiration::NotInteger };
    let at_ms = time.checked_mul(unit_ms).filter(|_| time > 0);
    at_ms.and_then(|at| at.checked_add(base_ms)).map_or(Expiration::Invalid, Expiration::At)
}

impl Writing<'_> {
    /// Kind and expiry of a key that is there.
    pub fn edit_expiry(&mut self, key: &[u8]) -> Result<Option<(Kind, Option<i64>)>> {
        let db = self.session.db;
        self.with_object(db, key, |_, object| Ok((object.kind, object.expire_at_ms)))
    }

    /// Changes the expiry of a key that is there, and tells nobody.
    pub fn set_expiry(&mut self, key: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        self.change_header(self.session.db, key, |object| {
            object.expire_at_ms = expire_at_ms;
            true
        })
    }
}

/// Conditions of EXPIRE.
#[derive(Debug, Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(words: &[&[u8]]) -> Result<Self> {
        let mut given = Conditions::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => given.nx = true,
                b"xx" => given.xx = true,
                b"gt" => given.gt = true,
                b"lt" => given.lt = true,
                _ => {
                    let word = args::shown(word, 128);
                    return Err(Error::text(format!("ERR Unsupported option {word}")));
                }
            }
        }
        if given.nx && (given.xx || given.gt || given.lt) {
            return Err(Error::fixed(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if given.gt && given.lt {
            return Err(Error::fixed("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(given)
    }

    fn allow(&self, old_ms: Option<i64>, new_ms: i64) -> bool {
        match old_ms {
            Some(old) => !(self.nx || (self.gt && new_ms <= old) || (self.lt && new_ms >= old)),
            None => !(self.xx || self.gt),
        }
    }
}

/// EXPIRE and its kin. The time is in units of `unit_ms`, from now on when it is relative.
fn set_time(ws: &mut Writing<'_>, args: &[&[u8]], is_relative: bool, unit_ms: i64) -> Outcome {
    let key = args[1];
    let conditions = Conditions::parse(&args[3..])?;
    let time = args::int(args[2])?;
    let base_ms = if is_relative { ws.now_ms() } else { 0 };
    let at_ms = time.checked_mul(unit_ms).and_then(|at| at.checked_add(base_ms));
    let Some(at_ms) = at_ms else { return Err(invalid(ws.command.name)) };
    let Some((_, old_ms)) = ws.edit_expiry(key)? else {
        ws.out.int(0);
        return Ok(());
    };
    if !conditions.allow(old_ms, at_ms) {
        ws.out.int(0);
        return Ok(());
    }
    if at_ms <= ws.now_ms() {
        ws.delete(key)?;
    } else {
        ws.set_expiry(key, Some(at_ms))?;
        ws.changed(key, GENERIC, "expire");
    }
    ws.out.int(1);
    Ok(())
}

fn expire(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    set_time(ws, args, true, 1000)
}

fn pexpire(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    set_time(ws, args, true, 1)
}

fn expireat(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    set_time(ws, args, false, 1000)
}

fn pexpireat(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    set_time(ws, args, false, 1)
}

fn persist(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let had_expiry = ws.edit_expiry(args[1])?.is_some_and(|(_, at_ms)| at_ms.is_some());
    if had_expiry {
        ws.set_expiry(args[1], None)?;
        ws.changed(args[1], GENERIC, "persist");
    }
    ws.out.int(i64::from(had_expiry));
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("expire", -3, WRITE | FAST, &[KeySpec::at(RW | UPDATE, 1)], Generic, "1.0.0", expire)
        .args("key seconds:integer [condition:<NX|XX|GT|LT>@7.0.0]")
        .docs("O(1)", "Sets an expiry in seconds from now."),
    write_row("pexpire", -3, WRITE | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Generic, "2.6.0", pexpire)
        .args("key milliseconds:integer [condition:<NX|XX|GT|LT>@7.0.0]")
        .docs("O(1)", "Sets an expiry in milliseconds from now."),
    write_row("expireat", -3, WRITE | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Generic, "1.2.0", expireat)
        .args("key unix-time-seconds:unix-time [condition:<NX|XX|GT|LT>@7.0.0]")
        .docs("O(1)", "Sets an expiry as Unix seconds."),
    write_row("pexpireat", -3, WRITE | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Generic, "2.6.0", pexpireat)
        .args("key unix-time-milliseconds:unix-time [condition:<NX|XX|GT|LT>@7.0.0]")
        .docs("O(1)", "Sets an expiry as Unix milliseconds."),
    write_row("persist", 2, WRITE | FAST, &[KeySpec::at(RW | UPDATE, 1)], Generic, "2.2.0", persist)
        .args("key")
        .docs("O(1)", "Removes the expiry of a key."),
];

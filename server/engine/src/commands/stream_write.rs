//! Messages of streams added and removed: XADD, XTRIM, XDEL, XSETID.
use crate::args;
use crate::command::flag::{DENYOOM, FAST, WRITE};
use crate::command::Group::Stream;
use crate::command::{write_row, Command};
use crate::commands::stream::reply_id;
use crate::commands::stream_id::{parse_added, parse_exact, Added};
use crate::error::{Error, Outcome};
use crate::keyspace::Keyspace;
use crate::keyspec::access::{DELETE, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::STREAM;
use crate::record_key::RecordKey;
use crate::types::limits::Limits;
use crate::types::stream::id_after;
use crate::types::stream_write::{StreamEdit, Trim, TrimTo};
use crate::types::Result;
use crate::write::Writing;
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::Kind;
use redtool_store::Body;

/// The stream at a key, to be changed; None when the key is absent.
fn open(ws: &mut Writing<'_>, key: &[u8]) -> Result<Option<StreamEdit>> {
    enum Place {
        Cache(u64),
        Record(StreamEdit),
    }
    let place = ws.with_object(ws.session.db, key, |keys, object| match object.body {
        _ if object.kind != Kind::Stream => Err(Error::WRONG_TYPE),
        Body::Segmented { id, .. } if keys.streams.get(id).is_some() => Ok(Place::Cache(id)),
        _ => StreamEdit::read(&keys.space, object).map(Place::Record),
    })?;
    Ok(match place {
        None => None,
        Some(Place::Cache(id)) => ws.keys.streams.take(id),
        Some(Place::Record(stream)) => Some(stream),
    })
}

/// Writes a changed stream back, or keeps it in the cache.
fn close(
    keys: &mut Keyspace,
    record_key: &RecordKey,
    key: &[u8],
    opened_id: Option<u64>,
    mut stream: StreamEdit,
) -> Outcome {
    let has_record = stream.id().is_some() && stream.id() == opened_id;
    if stream.is_stale && !(has_record && stream.is_kept()) {
        stream.write(&mut keys.space, &mut keys.scratch, record_key, key)?;
    }
    match stream.id() {
        Some(id) if stream.is_kept() => {
            keys.streams.put(&mut keys.space, id, [record_key, key], stream)
        }
        Some(id) => {
            keys.streams.forget(id);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Changes the stream at a key by `f`; None when the key is absent.
pub(crate) fn change<T>(
    ws: &mut Writing<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Writing<'_>, &mut StreamEdit) -> Result<T>,
) -> Result<Option<T>> {
    let record_key = RecordKey::new(ws.session.db, key);
    let Some(mut stream) = open(ws, key)? else { return Ok(None) };
    let opened_id = stream.id();
    let outcome = f(ws, &mut stream);
    // What was changed before an error is changed.
    close(ws.keys, &record_key, key, opened_id, stream)?;
    outcome.map(Some)
}

/// The same for a command that, to Redis, only reads the key: that it is absent counts as a miss.
pub(crate) fn change_read<T>(
    ws: &mut Writing<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Writing<'_>, &mut StreamEdit) -> Result<T>,
) -> Result<Option<T>> {
    let outcome = change(ws, key, f)?;
    if outcome.is_none() {
        ws.view().lookup(key)?;
    }
    Ok(outcome)
}

/// Makes a stream at a key where nothing is, once `f` has done its work without an error.
pub(crate) fn create<T>(
    ws: &mut Writing<'_>,
    key: &[u8],
    f: impl FnOnce(&mut Writing<'_>, &mut StreamEdit) -> Result<T>,
) -> Result<T> {
    let record_key = RecordKey::new(ws.session.db, key);
    let mut stream = StreamEdit::new();
    let done = f(ws, &mut stream)?;
    ws.tell_new(ws.session.db, key);
    close(ws.keys, &record_key, key, None, stream)?;
    Ok(done)
}

/// Tells of a change that is none of the messages: to those who listen, not to those who watch.
pub(crate) fn tell(ws: &mut Writing<'_>, key: &[u8], event: &str) {
    ws.keys.dirty += 1;
    ws.keys.notify(STREAM, event, ws.session.db, key);
}

/// The options of XADD and XTRIM.
struct Options {
    makes_stream: bool,
    trim: Option<Trim>,
    /// The argument at which they end: the id of XADD.
    end: usize,
}

const TWO_TRIMS: Error =
    Error::fixed("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");

const LIMIT_WITHOUT_TILDE: Error =
    Error::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");

impl Options {
    fn parse(args: &[&[u8]], limits: &Limits, is_add: bool) -> Result<Self> {
        let mut options = Self { makes_stream: true, trim: None, end: 2 };
        let mut limit = None;
        while let Some(word) = args.get(options.end) {
            let rest = &args[options.end + 1..];
            let is_trim = args::is(word, "maxlen") || args::is(word, "minid");
            if is_add && *word == b"*" {
                break;
            } else if is_trim && !rest.is_empty() {
                if options.trim.is_some() {
                    return Err(TWO_TRIMS);
                }
                let (trim, taken) = parse_trim(word, rest)?;
                options.trim = Some(trim);
                options.end += 1 + taken;
            } else if args::is(word, "limit") && !rest.is_empty() {
                let given = args::int(rest[0])?;
                let error = Error::fixed("ERR The LIMIT argument must be >= 0.");
                limit = Some(u64::try_from(given).map_err(|_| error)?);
                options.end += 2;
            } else if is_add && args::is(word, "nomkstream") {
                options.makes_stream = false;
                options.end += 1;
            } else if is_add {
                parse_added(word)?;
                break;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        options.set_limit(limit, limits, is_add)?;
        Ok(options)
    }

    fn set_limit(&mut self, limit: Option<u64>, limits: &Limits, is_add: bool) -> Outcome {
        let Some(trim) = &mut self.trim else {
            return match limit {
                Some(1..) => Err(Error::fixed(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                Some(0) if is_add => Err(LIMIT_WITHOUT_TILDE),
                _ if is_add => Ok(()),
                _ => Err(Error::fixed(
                    "ERR syntax error, XTRIM must be called with a trimming strategy",
                )),
            };
        };
        trim.limit = match limit {
            Some(_) if !trim.approximate => return Err(LIMIT_WITHOUT_TILDE),
            Some(limit) => limit,
            None if !trim.approximate => 0,
            // As much as a hundred nodes hold.
            None => match (limits.stream_node_entries as u64).saturating_mul(100) {
                0 => 10_000,
                limit => limit.min(1_000_000),
            },
        };
        Ok(())
    }
}

/// Reads `[=|~] threshold` after MAXLEN or MINID; how many arguments that were.
fn parse_trim(word: &[u8], rest: &[&[u8]]) -> Result<(Trim, usize)> {
    let (approximate, taken) = match rest {
        [b"~", _, ..] => (true, 2),
        [b"=", _, ..] => (false, 2),
        _ => (false, 1),
    };
    let threshold = rest[taken - 1];
    let to = if args::is(word, "maxlen") {
        let error = Error::fixed("ERR The MAXLEN argument must be >= 0.");
        TrimTo::Length(u64::try_from(args::int(threshold)?).map_err(|_| error)?)
    } else {
        TrimTo::Id(parse_exact(threshold, 0)?)
    };
    Ok((Trim { to, approximate, limit: 0 }, taken))
}

/// An id, or one of the ends.
pub(crate) fn parse_end_id(text: &[u8]) -> Result<StreamId> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => parse_exact(text, 0),
    }
}

/// The id of a message to be added.
fn next_id(ws: &Writing<'_>, last: StreamId, asked: Added) -> Result<StreamId> {
    if last == StreamId::MAX {
        return Err(Error::fixed(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let id = match asked {
        Added::Now => {
            let now = StreamId { ms: u64::try_from(ws.now_ms()).unwrap_or(0), seq: 0 };
            Some(now).filter(|now| *now > last).or_else(|| id_after(last))
        }
        Added::At(ms) if ms == last.ms => last.seq.checked_add(1).map(|seq| StreamId { ms, seq }),
        Added::At(ms) => Some(StreamId { ms, seq: 0 }),
        Added::Exactly(id) => Some(id),
    };
    id.filter(|id| *id > last).ok_or(Error::fixed(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))
}

fn xadd(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, limits) = (args[1], ws.keys.limits);
    let options = Options::parse(args, &limits, true)?;
    let fields = args.get(options.end + 1..).unwrap_or_default();
    if fields.is_empty() || fields.len() % 2 == 1 {
        return Err(Error::fixed("ERR wrong number of arguments for 'xadd' command"));
    }
    let asked = parse_added(args[options.end])?;
    if matches!(asked, Added::Exactly(StreamId::MIN)) {
        return Err(Error::fixed("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let add = |ws: &mut Writing<'_>, stream: &mut StreamEdit| {
        let id = next_id(ws, stream.head.last_id, asked)?;
        let space = &mut ws.keys.space;
        stream.append(space, &limits, id, fields)?;
        let trimmed = match &options.trim {
            Some(trim) => stream.trim(space, trim)?,
            None => 0,
        };
        Ok((id, trimmed))
    };
    let (id, trimmed) = match change(ws, key, add)? {
        Some(added) => added,
        None if options.makes_stream => create(ws, key, add)?,
        None => {
            ws.out.null();
            return Ok(());
        }
    };
    reply_id(ws.out, id);
    ws.changed(key, STREAM, "xadd");
    if trimmed > 0 {
        ws.keys.notify(STREAM, "xtrim", ws.session.db, key);
    }
    ws.keys.blocked.signal(&RecordKey::new(ws.session.db, key));
    Ok(())
}

/// Tells of so many messages that are gone, and replies with their number.
fn removed(ws: &mut Writing<'_>, key: &[u8], event: &str, count: u64) {
    if count > 0 {
        ws.changed(key, STREAM, event);
        ws.keys.dirty += count - 1;
    }
    ws.out.int(count as i64);
}

fn xtrim(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(args, &ws.keys.limits, false)?;
    let Some(trim) = options.trim else { return Err(Error::SYNTAX) };
    let count =
        change(ws, args[1], |ws, stream| stream.trim(&mut ws.keys.space, &trim))?.unwrap_or(0);
    removed(ws, args[1], "xtrim", count);
    Ok(())
}

fn xdel(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let count = change(ws, args[1], |ws, stream| {
        let ids = args[2..].iter().map(|id| parse_exact(id, 0)).collect::<Result<Vec<_>>>()?;
        let (mut count, mut first_gone) = (0, false);
        for id in ids {
            if stream.delete(&mut ws.keys.space, id)? {
                first_gone |= id == stream.head.first_id;
                stream.head.max_deleted_id = stream.head.max_deleted_id.max(id);
                count += 1;
            }
        }
        if first_gone || (count > 0 && stream.head.length == 0) {
            stream.find_first(&ws.keys.space)?;
        }
        Ok(count)
    })?;
    removed(ws, args[1], "xdel", count.unwrap_or(0));
    Ok(())
}

/// Reads the options of XSETID: entries added, the largest deleted id.
fn parse_setid(id: StreamId, mut rest: &[&[u8]]) -> Result<(Option<u64>, Option<StreamId>)> {
    let (mut added, mut deleted) = (None, None);
    while let [word, tail @ ..] = rest {
        rest = match tail {
            [number, tail @ ..] if args::is(word, "entriesadded") => {
                let error = Error::fixed("ERR entries_added must be positive");
                added = Some(u64::try_from(args::int(number)?).map_err(|_| error)?);
                tail
            }
            [given, tail @ ..] if args::is(word, "maxdeletedid") => {
                let given = parse_exact(given, 0)?;
                if id < given {
                    return Err(Error::fixed(
                        "ERR The ID specified in XSETID is smaller than the provided \
                         max_deleted_entry_id",
                    ));
                }
                deleted = Some(given).filter(|given| *given != StreamId::MIN);
                tail
            }
            _ => return Err(Error::SYNTAX),
        };
    }
    Ok((added, deleted))
}

fn xsetid(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let id = parse_exact(args[2], 0)?;
    let (added, deleted) = parse_setid(id, &args[3..])?;
    let found = change(ws, args[1], |ws, stream| {
        if id < stream.head.max_deleted_id {
            return Err(Error::fixed(
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
            ));
        }
        if stream.last_message(&ws.keys.space)?.is_some_and(|last| id < last) {
            return Err(Error::fixed(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        let head = &mut stream.head;
        if head.length > 0 && added.is_some_and(|added| head.length > added) {
            return Err(Error::fixed(
                "ERR The entries_added specified in XSETID is smaller than the target stream \
                 length",
            ));
        }
        head.last_id = id;
        head.entries_added = added.unwrap_or(head.entries_added);
        head.max_deleted_id = deleted.unwrap_or(head.max_deleted_id);
        stream.is_stale = true;
        Ok(())
    })?;
    found.ok_or(Error::NO_SUCH_KEY)?;
    tell(ws, args[1], "xsetid");
    ws.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("xadd", -5, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", xadd)
        .args("key [NOMKSTREAM@6.2.0] [trim:(strategy:<MAXLEN|MINID@6.2.0> \
               [operator:<equal='='|approximately='~'>] threshold [LIMIT count:integer@6.2.0])] \
               id_or_auto:<auto_id='*'|id> field_value:(field value)...")
        .docs("O(1)", "Appends a message.").tips(&["nondeterministic_output"]),
    write_row("xdel", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Stream, "5.0.0", xdel)
        .args("key id...")
        .docs("O(1)", "Removes messages."),
    write_row("xsetid", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", xsetid)
        .args("key last-id [ENTRIESADDED entries_added:integer@7.0.0] \
               [MAXDELETEDID max_deleted_entry_id@7.0.0]")
        .docs("O(1)", "Sets the last id of a stream."),
    write_row("xtrim", -4, WRITE, &[KeySpec::at(RW | DELETE, 1)], Stream, "5.0.0", xtrim)
        .args("key trim:(strategy:<MAXLEN|MINID@6.2.0> [operator:<equal='='|approximately='~'>] \
               threshold [LIMIT count:integer@6.2.0])")
        .docs("O(N)", "Removes the oldest messages.").tips(&["nondeterministic_output"]),
];

//! RESTORE: a key from the payload of a DUMP.
//!
//! A payload of any RDB type of any server this one reads is taken. It is checked as a dump is that
//! is imported: version, checksum, and the structure of the value down to its elements; what is
//! damaged leaves no trace.
use crate::args;
use crate::command::flag::{ASKING, DENYOOM, WRITE};
use crate::command::Group::{Generic, Server};
use crate::command::{category, write_row, Command};
use crate::edit::{from_payload, Edit, OwnedBody};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{OW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::GENERIC;
use crate::record_key::RecordKey;
use crate::types::{loaded, Result};
use crate::write::Writing;
use redtool_format::rdb::payload::{self, DumpPayload};
use redtool_format::rdb::{Kind, ValueType};
use redtool_store::StoreError;

const BAD_FORMAT: Error = Error::fixed("ERR Bad data format");

/// What RESTORE was asked for beside the value.
#[derive(Debug, Default)]
struct Options {
    replace: bool,
    /// The time to live is a time.
    is_absolute: bool,
    idle_s: Option<u32>,
    freq: Option<u8>,
}

impl Options {
    fn parse(words: &[&[u8]]) -> Result<Self> {
        const NO_IDLE_TIME: Error = Error::fixed("ERR Invalid IDLETIME value, must be >= 0");
        const NO_FREQ: Error = Error::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");
        let mut options = Options::default();
        let mut rest = words;
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "replace") {
                options.replace = true;
            } else if args::is(word, "absttl") {
                options.is_absolute = true;
            } else if let [number, after @ ..] = after {
                rest = after;
                if args::is(word, "idletime") && options.freq.is_none() {
                    let idle_s = u64::try_from(args::int(number)?).map_err(|_| NO_IDLE_TIME)?;
                    options.idle_s = Some(u32::try_from(idle_s).unwrap_or(u32::MAX));
                } else if args::is(word, "freq") && options.idle_s.is_none() {
                    let freq = u8::try_from(args::int(number)?).map_err(|_| NO_FREQ)?;
                    options.freq = Some(freq);
                } else {
                    return Err(Error::SYNTAX);
                }
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    const BUSY: Error = Error::fixed("BUSYKEY Target key name already exists.");
    const NO_TTL: Error = Error::fixed("ERR Invalid TTL value, must be >= 0");
    let key = args[1];
    let options = Options::parse(&args[4..])?;
    if !options.replace && ws.exists(key)? {
        return Err(BUSY);
    }
    let ttl_ms = args::int(args[2])?;
    if ttl_ms < 0 {
        return Err(NO_TTL);
    }
    let value = payload::parse(args[3]).map_err(|error| Error::fixed(error.reply()))?;
    let now_ms = ws.now_ms();
    let expire_at_ms = match (ttl_ms, options.is_absolute) {
        (0, _) => None,
        (at_ms, true) => Some(at_ms),
        (ttl_ms, false) => Some(now_ms.saturating_add(ttl_ms)),
    };
    put(ws, key, &value, expire_at_ms)?;
    if expire_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
        ws.out.simple("OK");
        return Ok(());
    }
    // Only what the policy goes by is kept.
    let by_freq = ws.keys.eviction.counts();
    let idle_s = options.idle_s.filter(|_| !by_freq);
    ws.mark_use(ws.session.db, key, idle_s, options.freq.filter(|_| by_freq))?;
    ws.changed(key, GENERIC, "restore");
    ws.out.simple("OK");
    Ok(())
}

/// Stores the value of a payload at a key; one that is expired already removes the key instead.
fn put(
    ws: &mut Writing<'_>,
    key: &[u8],
    value: &DumpPayload<'_>,
    expire_at_ms: Option<i64>,
) -> Outcome {
    let mut edit = load(ws, value.value_type, value.payload)?.ok_or(BAD_FORMAT)?;
    if expire_at_ms.is_some_and(|at_ms| at_ms <= ws.now_ms()) {
        if let OwnedBody::Segmented { id, .. } = edit.body {
            ws.keys.space.delete_segments(id)?;
        }
        ws.delete(key)?;
        return Ok(());
    }
    edit.expire_at_ms = expire_at_ms;
    edit.meta = value.meta.map(<[u8]>::to_vec);
    let record_key = RecordKey::new(ws.session.db, key);
    ws.keys.blocked.signal_gone(&record_key);
    ws.tell_new(ws.session.db, key);
    ws.keys.save(&record_key, key, edit)?;
    Ok(())
}

/// The object of a payload, as a server with these limits loads it; None for a collection without
/// elements.
pub(super) fn load(
    ws: &mut Writing<'_>,
    value_type: ValueType,
    payload: &[u8],
) -> Result<Option<Edit>> {
    let limits = &ws.keys.limits;
    match from_payload(value_type, payload, &mut ws.keys.space) {
        Ok(Some(edit)) if edit.kind == Kind::List => {
            loaded::list(&mut ws.keys.space, limits, value_type, payload, edit).map(Some)
        }
        Ok(Some(mut edit)) => {
            edit.encoding = loaded::encoding(limits, value_type, payload, &edit)?;
            Ok(Some(edit))
        }
        Err(Error::Store(StoreError::Format(_) | StoreError::Corrupt(_))) => Err(BAD_FORMAT),
        other => other,
    }
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("restore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1)], Generic, "2.6.0", restore)
        .args("key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] \
               [IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]")
        .docs("O(1)", "Creates a key from a serialized value.")
        .acl(category::DANGEROUS | category::KEYSPACE),
    write_row("restore-asking", -4, WRITE | DENYOOM | ASKING,
        &[KeySpec::at(OW | UPDATE, 1)], Server, "3.0.0", restore)
        .args("key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] \
               [IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]")
        .internal()
        .docs("O(1)", "RESTORE while a slot moves.").acl(category::DANGEROUS | category::KEYSPACE),
];

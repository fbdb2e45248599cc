//! What DEBUG does to a dataset: RELOAD, POPULATE.
use super::restore::load;
use crate::args;
use crate::error::{Error, Outcome};
use crate::keys::{is_alive, Keys};
use crate::record_key::RecordKey;
use crate::types::Result;
use crate::value;
use crate::write::Writing;
use redtool_format::rdb::ValueType;
use redtool_store::{Object, Reader, Table};

/// RELOAD: every value is written as a dump holds it, and what was written is loaded. Whether keys
/// are flushed before does not matter, since the same ones are loaded.
pub fn reload(ws: &mut Writing<'_>, words: &[&[u8]]) -> Outcome {
    const UNKNOWN: Error =
        Error::fixed("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    const NO_FILE: Error =
        Error::fixed("ERR Error trying to load the RDB dump, check server logs.");
    let mut flushes = true;
    for word in words {
        if args::is(word, "nosave") {
            return Err(NO_FILE);
        } else if args::is(word, "noflush") {
            flushes = false;
        } else if !args::is(word, "merge") {
            return Err(UNKNOWN);
        }
    }
    if flushes {
        ws.tell_of_flush(None)?;
    }
    let dbs: Vec<u32> = ws.keys.space.meta().dbs.iter().map(|(db, _)| *db).collect();
    for db in dbs {
        for record_key in record_keys(&ws.keys.space, db)? {
            reload_key(ws, db, &record_key)?;
        }
    }
    ws.out.simple("OK");
    Ok(())
}

fn record_keys(reader: &dyn Reader, db: u32) -> Result<Vec<Vec<u8>>> {
    let (mut walk, mut keys) = (Keys::new(reader, db, b"")?, Vec::new());
    while let Some(key) = walk.next()? {
        keys.push(key.place().to_vec());
    }
    Ok(keys)
}

/// A key on its way through a dump.
struct Saved {
    name: Vec<u8>,
    value_type: ValueType,
    payload: Vec<u8>,
    meta: Option<Vec<u8>>,
    expire_at_ms: Option<i64>,
    idle_s: Option<u32>,
    freq: Option<u8>,
}

fn save_key(ws: &Writing<'_>, record_key: &[u8]) -> Result<Option<Saved>> {
    let space = &ws.keys.space;
    let Some(record) = space.get(Table::Objects, record_key)? else { return Ok(None) };
    let object = Object::parse(&record)?;
    if !is_alive(&object, ws.now_ms()) {
        return Ok(None);
    }
    let (value_type, payload) =
        value::dump(space, &object, |value_type, bytes, _| (value_type, bytes.to_vec()))?;
    let (idle_s, freq) = ws.keys.attributes(record_key, &record, &object);
    Ok(Some(Saved {
        name: object.key(record_key)?.to_vec(),
        value_type,
        payload,
        meta: object.meta.map(<[u8]>::to_vec),
        expire_at_ms: object.expire_at_ms,
        idle_s,
        freq,
    }))
}

/// Loads one key again; one that is expired is not.
fn reload_key(ws: &mut Writing<'_>, db: u32, record_key: &[u8]) -> Outcome {
    let saved = save_key(ws, record_key)?;
    let loaded = match &saved {
        Some(saved) => load(ws, saved.value_type, &saved.payload)?,
        None => None,
    };
    let (Some(saved), Some(mut edit)) = (saved, loaded) else {
        ws.keys.space.remove(record_key)?;
        return Ok(());
    };
    edit.expire_at_ms = saved.expire_at_ms;
    edit.meta = saved.meta;
    ws.save_in(db, &saved.name, edit)?;
    ws.mark_use(db, &saved.name, saved.idle_s, saved.freq)
}

impl Writing<'_> {
    /// Notes how long the value of a key was idle, or how often it was used.
    pub(super) fn mark_use(
        &mut self,
        db: u32,
        key: &[u8],
        idle_s: Option<u32>,
        freq: Option<u8>,
    ) -> Outcome {
        self.change_header(db, key, |object| {
            let before = (object.idle_s, object.freq);
            (object.idle_s, object.freq) = (idle_s, freq);
            before != (idle_s, freq)
        })?;
        let used = self.keys.use_of(idle_s, freq);
        self.keys.space.set_used(&RecordKey::new(db, key), used);
        Ok(())
    }
}

/// POPULATE count [prefix] [size]: strings that are not there yet.
pub fn populate(ws: &mut Writing<'_>, count: &[u8], rest: &[&[u8]]) -> Outcome {
    let count = args::positive(count)?;
    let prefix = rest.first().copied().unwrap_or(b"key");
    let size = rest.get(1).map(|size| args::int_between(size, 0, 512 << 20)).transpose()?;
    for n in 0..count {
        let key = [prefix, format!(":{n}").as_bytes()].concat();
        if ws.exists(&key)? {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if let Some(size) = size {
            value.resize(size as usize, 0);
        }
        ws.put_string(&key, &value, None)?;
        ws.changed(&key, 0, "");
    }
    ws.out.simple("OK");
    Ok(())
}

//! Keys removed: DEL, UNLINK, FLUSHDB, FLUSHALL. What moves them is in [`super::moves`].
use crate::args;
use crate::command::flag::{FAST, WRITE};
use crate::command::Group::{Generic, Server};
use crate::command::{category, write_row, Command};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{DELETE, RM};
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::types::Result;
use crate::write::Writing;

fn del(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let mut removed = 0;
    for key in &args[1..] {
        removed += i64::from(ws.delete(key)?);
    }
    ws.out.int(removed);
    Ok(())
}

fn unlink(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    del(ws, args)
}

/// ASYNC and SYNC mean the same here: what is removed is removed at once.
fn check_flush(args: &[&[u8]]) -> Result<()> {
    match args {
        [_] => Ok(()),
        [_, word] if args::is(word, "async") || args::is(word, "sync") => Ok(()),
        _ => Err(Error::SYNTAX),
    }
}

impl Writing<'_> {
    /// Keys that are watched or waited for are about to go: those of one db, or all.
    pub(super) fn tell_of_flush(&mut self, db: Option<u32>) -> Result<()> {
        use redtool_store::{Reader, Table};
        self.keys.remembered.flushed(&self.keys.state);
        let mut keys = self.keys.watched.keys();
        keys.extend(self.keys.blocked.keys());
        for key in keys {
            let is_meant = db.is_none_or(|db| key.starts_with(&db.to_be_bytes()));
            if is_meant && self.keys.space.get(Table::Objects, &key)?.is_some() {
                self.keys.watched.touch(&key, false);
                self.keys.blocked.signal_gone(&key);
            }
        }
        Ok(())
    }
}

fn flushdb(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    check_flush(args)?;
    let db = ws.session.db;
    ws.tell_of_flush(Some(db))?;
    ws.keys.dirty += ws.keys.space.meta().db(db).keys;
    ws.keys.space.clear_db(db)?;
    ws.out.simple("OK");
    Ok(())
}

fn flushall(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    check_flush(args)?;
    ws.tell_of_flush(None)?;
    ws.keys.dirty += ws.keys.space.meta().keys();
    ws.keys.space.clear();
    ws.out.simple("OK");
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("del", -2, WRITE, &[KeySpec::range(RM | DELETE, 1, -1, 1)], Generic, "1.0.0", del)
        .args("key...")
        .docs("O(N)", "Deletes keys.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    write_row("unlink", -2, WRITE | FAST,
        &[KeySpec::range(RM | DELETE, 1, -1, 1)], Generic, "4.0.0", unlink)
        .args("key...")
        .docs("O(1)", "Deletes keys, freeing memory in the background.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    write_row("flushdb", -1, WRITE, NO_KEYS, Server, "1.0.0", flushdb)
        .args("[async:<ASYNC@4.0.0|SYNC@6.2.0>]")
        .docs("O(N)", "Removes all keys of the database.")
        .acl(category::DANGEROUS | category::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    write_row("flushall", -1, WRITE, NO_KEYS, Server, "1.0.0", flushall)
        .args("[async:<ASYNC@4.0.0|SYNC@6.2.0>]")
        .docs("O(N)", "Removes all keys of all databases.")
        .acl(category::DANGEROUS | category::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
];

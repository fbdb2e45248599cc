//! ZRANGESTORE, ZUNIONSTORE, ZINTERSTORE and ZDIFFSTORE: what others would reply, stored.
use super::zset_algebra::{combined, Operation};
use super::zset_range::collected;
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::Group::SortedSet;
use crate::command::{write_row, Command};
use crate::error::Outcome;
use crate::keyspec::access::{ACCESS, OW, RO, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::ZSET;
use crate::types::zset_write::{self, Members};
use crate::types::Result;
use crate::write::Writing;

impl Writing<'_> {
    /// Puts a sorted set of these members at a key, whatever was there; no members remove the key.
    /// How many there are.
    pub(crate) fn store_members(
        &mut self,
        key: &[u8],
        members: &Members,
        event: &str,
    ) -> Result<usize> {
        // An expired key is told of first.
        self.exists(key)?;
        match zset_write::build(&mut self.keys.space, &self.keys.limits, members)? {
            Some(edit) => {
                self.save_in(self.session.db, key, edit)?;
                self.changed(key, ZSET, event);
            }
            None => {
                self.delete(key)?;
            }
        }
        Ok(members.len())
    }
}

fn store(ws: &mut Writing<'_>, key: &[u8], members: &Members, event: &str) -> Outcome {
    let stored = ws.store_members(key, members, event)?;
    ws.out.int(stored as i64);
    Ok(())
}

fn zrangestore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let members = collected(&mut ws.view(), &args[1..])?;
    store(ws, args[1], &members, "zrangestore")
}

fn combine(ws: &mut Writing<'_>, args: &[&[u8]], operation: Operation, event: &str) -> Outcome {
    let members = combined(&mut ws.view(), &args[1..], operation)?;
    store(ws, args[1], &members, event)
}

fn zunionstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    combine(ws, args, Operation::Union, "zunionstore")
}

fn zinterstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    combine(ws, args, Operation::Inter, "zinterstore")
}

fn zdiffstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    combine(ws, args, Operation::Diff, "zdiffstore")
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("zrangestore", -5, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::at(RO | ACCESS, 2)], SortedSet, "6.2.0", zrangestore)
        .args("dst:key src:key#1 min max [sortby:<BYSCORE|BYLEX>] [REV] \
               [LIMIT offset_count:(offset:integer count:integer)]")
        .docs("O(log(N)+M)", "Members of a range, stored."),
    write_row("zunionstore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::counted(RO | ACCESS, 2)], SortedSet, "2.0.0", zunionstore)
        .args("destination:key numkeys:integer key:key#1... [WEIGHTS weight:integer...] \
               [AGGREGATE aggregate:<SUM|MIN|MAX>]")
        .docs("O(N)+O(M log(M))", "Union of sorted sets, stored."),
    write_row("zinterstore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::counted(RO | ACCESS, 2)], SortedSet, "2.0.0", zinterstore)
        .args("destination:key numkeys:integer key:key#1... [WEIGHTS weight:integer...] \
               [AGGREGATE aggregate:<SUM|MIN|MAX>]")
        .docs("O(N*K)+O(M*log(M))", "Intersection of sorted sets, stored."),
    write_row("zdiffstore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::counted(RO | ACCESS, 2)], SortedSet, "6.2.0", zdiffstore)
        .args("destination:key numkeys:integer key:key#1...")
        .docs("O(L + (N-K)log(N))", "Difference of sorted sets, stored."),
];

//! Commands that write: rows only, so that they are known, checked and refused as a read-only Redis
//! refuses them.
use super::sort::sort;
use crate::command::flag::{ADMIN, ASKING, BLOCKING, DENYOOM, FAST, WRITE};
use crate::command::Group::{Bitmap, Generic, Hash, HyperLogLog, Server, Set, Stream, String};
use crate::command::flag::{ADMIN, ASKING, BLOCKING, DENYOOM, FAST, NOSCRIPT, WRITE};
use crate::command::Group::{Bitmap, Generic, Geo, HyperLogLog, Server, SortedSet, Stream};
use crate::command::flag::{ADMIN, ASKING, DENYOOM, FAST, WRITE};
use crate::command::Group::{Bitmap, Generic, Hash, HyperLogLog, Server, Set, String};
use crate::command::flag::{BLOCKING, DENYOOM, FAST, NOSCRIPT, WRITE};
use crate::command::Group::{Generic, Geo, Hash, List, Set, SortedSet, Stream, String};
use crate::command::{category, row, Command};
use crate::context::Context;
use crate::engine::READONLY;
use crate::error::Outcome;
use crate::keyspec::access::{ACCESS, DELETE, INCOMPLETE, INSERT, OW, RO, RW, UPDATE};
use crate::keyspec::KeySpec;

/// The function of a command that this milestone's datasets never run.
pub fn refused(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(READONLY)
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("bitfield", -2, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | UPDATE | VARIABLE, 1)], Bitmap, "3.2.0", refused)
        .args("key [operation:<GET encoding_offset:(encoding offset:integer) \
               | write:([OVERFLOW wrap_sat_fail:<WRAP|SAT|FAIL>] write_operation:<\
                    SET encoding_offset_value:(encoding offset:integer value:integer) \
                  | INCRBY encoding_offset_increment:(encoding offset:integer increment:integer)\
               >)>...]")
        .docs("O(1)", "Reads and writes integers of any width in a string."),
    row("bitop", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 2),
          KeySpec::range(RO | ACCESS, 3, -1, 1)], Bitmap, "2.6.0", refused)
        .args("operation destkey:key key:key#1...")
        .docs("O(N)", "Bitwise operation over strings, stored."),
    row("copy", -3, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1), KeySpec::at(OW | UPDATE, 2)], Generic, "6.2.0", refused)
        .args("source:key destination:key#1 [DB destination-db:integer] [REPLACE]")
        .docs("O(N)", "Copies a value to another key."),
    row("hdel", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Hash, "2.0.0", refused)
        .args("key field...")
        .docs("O(N)", "Removes fields."),
    row("hincrby", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Hash, "2.0.0", refused)
        .args("key field increment:integer")
        .docs("O(1)", "Adds a number to a field."),
    row("hincrbyfloat", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Hash, "2.6.0", refused)
        .args("key field increment:double")
        .docs("O(1)", "Adds a floating point number to a field."),
    row("hmset", -4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Hash, "2.0.0", refused)
        .args("key field_value:(field value)...")
        .deprecated("4.0.0", "HSET with several fields")
        .docs("O(N)", "Sets several fields."),
    row("hset", -4, WRITE | DENYOOM | FAST, &[KeySpec::at(RW | UPDATE, 1)], Hash, "2.0.0", refused)
        .args("key field_value:(field value)...")
        .docs("O(1)", "Sets fields."),
    row("hsetnx", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], Hash, "2.0.0", refused)
        .args("key field value")
        .docs("O(1)", "Sets a field unless it exists."),
    row("incrbyfloat", 3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], String, "2.6.0", refused)
        .args("key increment:double")
        .docs("O(1)", "Adds a floating point number."),
    row("blmove", 6, WRITE | DENYOOM | NOSCRIPT | BLOCKING,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], List, "6.2.0", refused)
        .args("source:key destination:key#1 wherefrom:<LEFT|RIGHT> whereto:<LEFT|RIGHT> \
               timeout:double")
        .docs("O(1)", "Moves an element between lists, waiting for one."),
    row("blmpop", -5, WRITE | BLOCKING,
        &[KeySpec::counted(RW | ACCESS | DELETE, 2)], List, "7.0.0", refused)
        .args("timeout:double numkeys:integer key... where:<LEFT|RIGHT> [COUNT count:integer]")
        .docs("O(N+M)", "Pops elements from the first list that has some, waiting."),
    row("blpop", -3, WRITE | NOSCRIPT | BLOCKING,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], List, "2.0.0", refused)
        .args("key... timeout:double")
        .docs("O(N)", "Pops the head of the first list that has one, waiting."),
    row("brpop", -3, WRITE | NOSCRIPT | BLOCKING,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], List, "2.0.0", refused)
        .args("key... timeout:double")
        .docs("O(N)", "Pops the tail of the first list that has one, waiting."),
    row("brpoplpush", 4, WRITE | DENYOOM | NOSCRIPT | BLOCKING,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(RW | INSERT, 2)], List, "2.2.0", refused)
        .args("source:key destination:key#1 timeout:double")
        .deprecated("6.2.0", "BLMOVE with RIGHT and LEFT")
        .docs("O(1)", "Moves a tail to another list's head, waiting."),
    row("bzmpop", -5, WRITE | BLOCKING,
        &[KeySpec::counted(RW | ACCESS | DELETE, 2)], SortedSet, "7.0.0", refused)
        .args("timeout:double numkeys:integer key... where:<MIN|MAX> [COUNT count:integer]")
        .docs("O(K)+O(M*log(N))", "Pops members from the first sorted set that has some, waiting."),
    row("bzpopmax", -3, WRITE | NOSCRIPT | BLOCKING | FAST,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], SortedSet, "5.0.0", refused)
        .args("key... timeout:double")
        .docs("O(log(N))", "Pops the highest member, waiting."),
    row("bzpopmin", -3, WRITE | NOSCRIPT | BLOCKING | FAST,
        &[KeySpec::range(RW | ACCESS | DELETE, 1, -2, 1)], SortedSet, "5.0.0", refused)
        .args("key... timeout:double")
        .docs("O(log(N))", "Pops the lowest member, waiting."),
    row("geoadd", -5, WRITE | DENYOOM, &[KeySpec::at(RW | UPDATE, 1)], Geo, "3.2.0", refused)
        .args("key [condition:<NX|XX>@6.2.0] [change=CH@6.2.0] \
               longitude_latitude_member:(longitude:double latitude:double member)...")
        .docs("O(log(N))", "Adds members with coordinates."),
    row("georadius", -6, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1),
          KeySpec::after(OW | UPDATE, "STORE", 6),
          KeySpec::after(OW | UPDATE, "STOREDIST", 6)], Geo, "3.2.0", refused)
        .args("key longitude:double latitude:double radius:double unit:<M|KM|FT|MI> [WITHCOORD] \
               [WITHDIST] [WITHHASH] [count:(COUNT count:integer [ANY@6.2.0])] [order:<ASC|DESC>] \
               [STORE key:key#1] [STOREDIST key:key#2]")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS")
        .docs("O(N+log(M))", "Members within a radius of a point, stored if asked."),
    row("georadiusbymember", -5, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1),
          KeySpec::after(OW | UPDATE, "STORE", 5),
          KeySpec::after(OW | UPDATE, "STOREDIST", 5)], Geo, "3.2.0", refused)
        .args("key member radius:double unit:<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
               [count:(COUNT count:integer [ANY])] [order:<ASC|DESC>] [STORE key:key#1] \
               [STOREDIST key:key#2]")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS and FROMMEMBER")
        .docs("O(N+log(M))", "Members within a radius of a member, stored if asked."),
    row("geosearchstore", -8, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1), KeySpec::at(RO | ACCESS, 2)], Geo, "6.2.0", refused)
        .args("destination:key source:key#1 from:<FROMMEMBER member \
               | FROMLONLAT longitude_latitude:(longitude:double latitude:double)> \
               by:<circle:(BYRADIUS radius:double unit:<M|KM|FT|MI>) \
               | box:(BYBOX width:double height:double unit:<M|KM|FT|MI>)> [order:<ASC|DESC>] \
               [count:(COUNT count:integer [ANY])] [STOREDIST]")
        .docs("O(N+log(M))", "Members within a circle or box, stored."),
    row("migrate", -6, WRITE,
        &[KeySpec::at(RW | ACCESS | DELETE, 3),
          KeySpec::all_after(RW | ACCESS | DELETE | INCOMPLETE, "KEYS", -2, 0)],
        Generic, "2.6.0", refused)
        .args("host port:integer key_or_empty_string:<key|empty_string=''> destination-db:integer \
               timeout:integer [COPY@3.0.0] [REPLACE@3.0.0] \
               [authentication:<[AUTH password@4.0.7] \
               | [AUTH2 username_password:(username password)@6.0.0]>] [KEYS key:key#1...@3.0.6]")
        .docs("O(N)", "Moves keys to another server.")
        .acl(category::DANGEROUS | category::KEYSPACE).tips(&["nondeterministic_output"]),
    row("move", 3, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Generic, "1.0.0", refused)
        .args("key db:integer")
        .docs("O(1)", "Moves a key to another database."),
    row("pfadd", -2, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], HyperLogLog, "2.8.9", refused)
        .args("key [element...]")
        .docs("O(1)", "Adds elements to a HyperLogLog."),
    row("pfdebug", 3, WRITE | DENYOOM | ADMIN,
        &[KeySpec::at(RW | ACCESS, 2)], HyperLogLog, "2.8.9", refused)
        .args("subcommand key")
        .internal()
        .docs("O(N)", "Internals of a HyperLogLog."),
    row("pfmerge", -2, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | INSERT, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], HyperLogLog, "2.8.9", refused)
        .args("destkey:key sourcekey:key#1...")
        .docs("O(N)", "Merges HyperLogLogs into one."),
    row("rename", 3, WRITE,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(OW | UPDATE, 2)], Generic, "1.0.0", refused)
        .args("key newkey:key#1")
        .docs("O(1)", "Renames a key."),
    row("renamenx", 3, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1),
          KeySpec::at(OW | INSERT, 2)], Generic, "1.0.0", refused)
        .args("key newkey:key#1")
        .docs("O(1)", "Renames a key unless the new name exists."),
    row("restore", -4, WRITE | DENYOOM, &[KeySpec::at(OW | UPDATE, 1)], Generic, "2.6.0", refused)
        .args("key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] \
               [IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]")
        .docs("O(1)", "Creates a key from a serialized value.")
        .acl(category::DANGEROUS | category::KEYSPACE),
    row("restore-asking", -4, WRITE | DENYOOM | ASKING,
        &[KeySpec::at(OW | UPDATE, 1)], Server, "3.0.0", refused)
        .args("key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] \
               [IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]")
        .internal()
        .docs("O(1)", "RESTORE while a slot moves.").acl(category::DANGEROUS | category::KEYSPACE),
    row("setbit", 4, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], Bitmap, "2.2.0", refused)
        .args("key offset:integer value:integer")
        .docs("O(1)", "Sets one bit of a string."),
    row("sort", -2, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1),
          KeySpec::unknown(RO | ACCESS),
          KeySpec::unknown(OW | UPDATE)], Generic, "1.0.0", sort)
        .args("key [BY pattern:pattern#1] [LIMIT offset_count:(offset:integer count:integer)] \
               [GET pattern:pattern#1]... [order:<ASC|DESC>] [sorting=ALPHA] \
               [STORE destination:key#2]")
        .docs("O(N+M*log(M))", "Elements of a list, set or sorted set in order, stored if asked.")
        .acl(category::DANGEROUS | category::LIST | category::SET | category::SORTEDSET)
        .refuses_writes(),
    row("swapdb", 3, WRITE | FAST, NO_KEYS, Server, "4.0.0", refused)
        .args("index1:integer index2:integer")
        .docs("O(N)", "Exchanges two databases.").acl(category::DANGEROUS | category::KEYSPACE),
    row("rpop", -2, WRITE | FAST, &[KeySpec::at(RW | ACCESS | DELETE, 1)], List, "1.0.0", refused)
        .args("key [count:integer@6.2.0]")
        .docs("O(N)", "Pops elements from the tail."),
    row("rpoplpush", 3, WRITE | DENYOOM,
          KeySpec::at(RW | INSERT, 2)], List, "1.2.0", refused)
        .args("source:key destination:key#1")
        .deprecated("6.2.0", "LMOVE with RIGHT and LEFT")
        .docs("O(1)", "Moves a tail to another list's head."),
    row("rpush", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], List, "1.0.0", refused)
        .args("key element...")
        .docs("O(1)", "Adds elements at the tail."),
    row("rpushx", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | INSERT, 1)], List, "2.2.0", refused)
        .args("key element...")
        .docs("O(1)", "Adds elements at the tail of a list that exists."),
    row("sadd", -3, WRITE | DENYOOM | FAST, &[KeySpec::at(RW | INSERT, 1)], Set, "1.0.0", refused)
        .args("key member...")
        .docs("O(1)", "Adds members."),
    row("sdiffstore", -3, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], Set, "1.0.0", refused)
        .args("destination:key key:key#1...")
        .docs("O(N)", "Difference of sets, stored."),
    row("sinterstore", -3, WRITE | DENYOOM,
        &[KeySpec::at(RW | UPDATE, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], Set, "1.0.0", refused)
        .args("destination:key key:key#1...")
        .docs("O(N*M)", "Intersection of sets, stored."),
    row("smove", 4, WRITE | FAST,
          KeySpec::at(RW | INSERT, 2)], Set, "1.0.0", refused)
        .args("source:key destination:key#1 member")
        .docs("O(1)", "Moves a member to another set."),
    row("spop", -2, WRITE | FAST, &[KeySpec::at(RW | ACCESS | DELETE, 1)], Set, "1.0.0", refused)
        .args("key [count:integer@3.2.0]")
        .docs("O(N)", "Removes random members and gives them.").tips(&["nondeterministic_output"]),
    row("srem", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Set, "1.0.0", refused)
        .args("key member...")
        .docs("O(N)", "Removes members."),
    row("sunionstore", -3, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], Set, "1.0.0", refused)
        .args("destination:key key:key#1...")
        .docs("O(N)", "Union of sets, stored."),
    row("xack", -4, WRITE | FAST, &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", refused)
        .args("key group id...")
        .docs("O(1)", "Acknowledges messages of a group."),
    row("xadd", -5, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", refused)
        .args("key [NOMKSTREAM@6.2.0] [trim:(strategy:<MAXLEN|MINID@6.2.0> \
               [operator:<equal='='|approximately='~'>] threshold [LIMIT count:integer@6.2.0])] \
               id_or_auto:<auto_id='*'|id> field_value:(field value)...")
        .docs("O(1)", "Appends a message.").tips(&["nondeterministic_output"]),
    row("xautoclaim", -6, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Stream, "6.2.0", refused)
        .args("key group consumer min-idle-time start [COUNT count:integer] [JUSTID]")
        .docs("O(1)", "Takes over pending messages that waited too long.")
        .tips(&["nondeterministic_output"]),
    row("xclaim", -6, WRITE | FAST, &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", refused)
        .args("key group consumer min-idle-time id... [IDLE ms:integer] \
               [TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] \
               [LASTID id]")
        .docs("O(log N)", "Takes over pending messages.").tips(&["nondeterministic_output"]),
    row("xdel", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], Stream, "5.0.0", refused)
        .args("key id...")
        .docs("O(1)", "Removes messages."),
    row("xreadgroup", -7, WRITE | BLOCKING,
        &[KeySpec::all_after(RO | ACCESS, "STREAMS", 4, 2)], Stream, "5.0.0", refused)
        .args("GROUP group_consumer:(group consumer) [COUNT count:integer] \
               [BLOCK milliseconds:integer] [NOACK] STREAMS streams:(key... id...)")
        .docs("O(N)", "Messages of several streams for a consumer of a group."),
    row("xsetid", -3, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], Stream, "5.0.0", refused)
        .args("key last-id [ENTRIESADDED entries_added:integer@7.0.0] \
               [MAXDELETEDID max_deleted_entry_id@7.0.0]")
        .docs("O(1)", "Sets the last id of a stream."),
    row("xtrim", -4, WRITE, &[KeySpec::at(RW | DELETE, 1)], Stream, "5.0.0", refused)
        .args("key trim:(strategy:<MAXLEN|MINID@6.2.0> [operator:<equal='='|approximately='~'>] \
               threshold [LIMIT count:integer@6.2.0])")
        .docs("O(N)", "Removes the oldest messages.").tips(&["nondeterministic_output"]),
    row("zadd", -4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | UPDATE, 1)], SortedSet, "1.2.0", refused)
        .args("key [condition:<NX|XX>@3.0.2] [comparison:<GT|LT>@6.2.0] [change=CH@3.0.2] \
               [increment=INCR@3.0.2] score_member:(score:double member)...")
        .docs("O(log(N))", "Adds members with scores."),
    row("zdiffstore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::counted(RO | ACCESS, 2)], SortedSet, "6.2.0", refused)
        .args("destination:key numkeys:integer key:key#1...")
        .docs("O(L + (N-K)log(N))", "Difference of sorted sets, stored."),
    row("zincrby", 4, WRITE | DENYOOM | FAST,
        &[KeySpec::at(RW | ACCESS | UPDATE, 1)], SortedSet, "1.2.0", refused)
        .args("key increment:integer member")
        .docs("O(log(N))", "Adds to the score of a member."),
    row("zinterstore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::counted(RO | ACCESS, 2)], SortedSet, "2.0.0", refused)
        .args("destination:key numkeys:integer key:key#1... [WEIGHTS weight:integer...] \
               [AGGREGATE aggregate:<SUM|MIN|MAX>]")
        .docs("O(N*K)+O(M*log(M))", "Intersection of sorted sets, stored."),
    row("zmpop", -4, WRITE,
        &[KeySpec::counted(RW | ACCESS | DELETE, 1)], SortedSet, "7.0.0", refused)
        .args("numkeys:integer key... where:<MIN|MAX> [COUNT count:integer]")
        .docs("O(K)+O(M*log(N))", "Pops members from the first sorted set that has some."),
    row("zpopmax", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], SortedSet, "5.0.0", refused)
        .args("key [count:integer]")
        .docs("O(log(N)*M)", "Pops the highest members."),
    row("zpopmin", -2, WRITE | FAST,
        &[KeySpec::at(RW | ACCESS | DELETE, 1)], SortedSet, "5.0.0", refused)
        .args("key [count:integer]")
        .docs("O(log(N)*M)", "Pops the lowest members."),
    row("zrangestore", -5, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1), KeySpec::at(RO | ACCESS, 2)], SortedSet, "6.2.0", refused)
        .args("dst:key src:key#1 min max [sortby:<BYSCORE|BYLEX>] [REV] \
               [LIMIT offset_count:(offset:integer count:integer)]")
        .docs("O(log(N)+M)", "Members of a range, stored."),
    row("zrem", -3, WRITE | FAST, &[KeySpec::at(RW | DELETE, 1)], SortedSet, "1.2.0", refused)
        .args("key member...")
        .docs("O(M*log(N))", "Removes members."),
    row("zremrangebylex", 4, WRITE, &[KeySpec::at(RW | DELETE, 1)], SortedSet, "2.8.9", refused)
        .args("key min max")
        .docs("O(log(N)+M)", "Removes members between two texts."),
    row("zremrangebyrank", 4, WRITE, &[KeySpec::at(RW | DELETE, 1)], SortedSet, "2.0.0", refused)
        .args("key start:integer stop:integer")
        .docs("O(log(N)+M)", "Removes members between two ranks."),
    row("zremrangebyscore", 4, WRITE, &[KeySpec::at(RW | DELETE, 1)], SortedSet, "1.2.0", refused)
        .args("key min:double max:double")
        .docs("O(log(N)+M)", "Removes members between two scores."),
    row("zunionstore", -4, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::counted(RO | ACCESS, 2)], SortedSet, "2.0.0", refused)
        .args("destination:key numkeys:integer key:key#1... [WEIGHTS weight:integer...] \
               [AGGREGATE aggregate:<SUM|MIN|MAX>]")
        .docs("O(N)+O(M log(M))", "Union of sorted sets, stored."),
];

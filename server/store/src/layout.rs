//! The record layout, version 1.
//!
//! Four tables (in an LMDB file, four named databases): objects, segments, expires, meta. Integers
//! in keys are big-endian (so that byte order is number order), in values little-endian. RDB
//! lengths, strings and payloads are drawn in `format/src/rdb/` (`length`, `string`, `stream`, and
//! the table in `types`), packed blobs in `format/src/encodings/` (`listpack`, its `entry`,
//! `intset`, `stream`). `tests/layout` reads stores by these documents alone, through py-lmdb.
//!
//! ## In LevelDB
//! LevelDB has one ordered space of keys, in which each key of a table stands behind a byte:
//! ```text
//! e expires    o objects    s segments    ~ meta         `~layout` is the meta record `layout`
//! ```
//! The comparator is LevelDB's own (bytes), blocks are plain or compressed with snappy, and a bloom
//! filter is LevelDB's own, so any LevelDB reads the directory.
//!
//! ## objects: one record a key
//! ```text
//! key    db u32 BE · key bytes                      (up to 511 bytes in all; see long keys)
//! value  kind u8            0 string, 1 list, 2 set, 3 zset, 4 hash, 5 module, 6 stream, 7 array
//!        flags u8           the bits below
//!        value type u8      the RDB type number
//!        encoding u8        what OBJECT ENCODING says: 0 raw, 1 int, 2 embstr, 3 listpack,
//!                           4 quicklist, 5 intset, 6 hashtable, 7 skiplist, 8 listpackex,
//!                           9 stream, 10 raw (opaque)
//!        [expire_at_ms i64]     flags bit 0
//!        [idle_s u32]           flags bit 1
//!        [freq u8]              flags bit 2
//!        [len u32 · key bytes]  flags bit 3: long key, the whole key
//!        [len u32 · bytes]      flags bit 5: key metadata (RDB opcode 243), opaque
//!        count                  RDB length: items, members, fields, messages; absent for
//!                               strings and opaque values
//!        [id u64]               flags bit 4: segmented
//!        payload                inline: the RDB payload of the value type (in a dump, what
//!                               follows the key); segmented streams: the RDB payload after
//!                               the nodes, or its length, u64 (it is never so short itself);
//!                               segmented strings and opaque values: the length of the whole,
//!                               u64; other segmented values: nothing
//! ```
//! Example: db 3, hash `user:1` = {f: v} expiring at 4102444800000, small:
//! ```text
//! key    00000003 757365723a31
//! value  04 01 10 03  00d8c32cbb030000  01  0d 0d000000 0200 81 66 02 81 76 02 ff
//!        hash, has expiry, HashListpack, listpack; expiry; 1 field; RDB string of 13 bytes, which
//!        are the listpack
//! ```
//! A long key (db and key of 511 bytes or more) has the record key `db · first 491 bytes · XXH3-128
//! of the key, BE` (511 bytes in all, which no short key has) and keeps the whole key in its
//! record.
//!
//! Inline payloads are of these types only: String 0; ListQuicklist2 18; SetIntset 11,
//! SetListpack 20; ZsetListpack 17; HashListpack 16, HashListpackEx 25; Stream3 21, Stream5 27; and
//! as opaque bytes ModulePreGa 6, Module2 7, Array 28. Blobs keep the form (raw, LZF) they came in.
//! Scores in an inline listpack are text or integers, in order of score, then member. The first i64
//! of a HashListpackEx means nothing: servers let it go out of date, and the listpack's times are
//! absolute.
//!
//! ## expires and meta
//! ```text
//! expires  key    expire_at_ms u64 BE (sign bit flipped) · the object's record key
//!                 (a record key over 503 bytes: its first 487 and its XXH3-128, BE)
//!          value  empty
//! meta     layout              "redtool 1"; not there before the import is complete
//!          db · u32 BE         of a db with keys: keys u64 · keys with expiry u64 · 8 × u64 keys
//!                              per kind, in the order of their numbers
//!          aux: · name         value (of a name, here and below, the first 400 bytes)
//!          function: · name    source
//!          module-aux: · u32 BE  RDB bytes after the opcode
//!          next-id             u64, the next free segment id
//!          rdb-version         the version of the file imported, as text
//! ```
//!
//! ## segments: big collections as runs of listpacks, long strings in pieces
//! ```text
//! key    id u64 BE · family u8 · order key
//! string, opaque, stream metadata
//!        'b'  offset u64 BE of the first byte         the bytes
//! list   'l'  position u64 BE of the first element (2^63 for the head of a fresh list), contiguous
//!             value: 01 + bytes (one plain element) or 02 + listpack
//! set    'h'  hash u64 BE of the first element        listpack m,m,…
//! hash   'h'  hash u64 BE of the first field          listpack f,v,… or f,v,ms,… when the
//!                                                     type is HashListpackEx (ms absolute, 0 =
//!                                                     none)
//! zset   'h'  hash u64 BE of the first member         listpack m,score,…
//!        'z'  score order key u64 BE · separator      listpack m,score,… by score, then member
//! stream 's'  ms u64 BE · seq u64 BE (master id)      the node's listpack
//! ```
//! Value types are as inline, SetListpack for all sets. An id belongs to one value; ids start at 1.
//! Hash = XXH3-64, seed 0, of the element's bytes as a string; elements of an 'h' run are in
//! ascending hash order and elements of equal hash are never split over two segments. Scores in
//! segments are eight bytes, IEEE-754 little-endian, as a string entry. The score order key of a
//! double: its bits, with all bits flipped if negative, else the sign bit set; -0 is stored as 0.
//! The separator is the shortest prefix of the first member that is greater than the last member of
//! the segment before when both have the same score, and empty otherwise: so the segment that may
//! hold (score, member) is the last one whose key is not greater than order key · member (which may
//! be cut to 511 bytes: no segment ends where a separator would make its key longer). Members that
//! were removed since leave separators as they are, which is still true of them: greater than the
//! last member of that score before, not greater than the first one behind.
//!
//! A string longer than 65520 bytes is cut into pieces of so many bytes (the last one has the
//! rest), never compressed, so that a byte's piece is known without looking: offset - offset mod
//! 65520. An opaque value is cut in the same way when its RDB payload is longer, and a segmented
//! stream's RDB payload after the nodes; the pieces hold that payload. (Stores may hold longer ones
//! in the object record: they were not always cut.)
//! Example: db 0, string `s` of 100000 bytes, the value with the id 7:
//! ```text
//! objects   00000000 73                       00 10 00 00  0700000000000000 a086010000000000
//!                                             string, segmented, String, raw; id; length
//! segments  0000000000000007 62 0000000000000000      its first 65520 bytes
//!           0000000000000007 62 000000000000fff0      the other 34480
//! ```

use crate::error::StoreError;

/// Length of the longest record key (LMDB's limit).
pub const MAX_KEY_BYTES: usize = 511;
/// Values whose payload is larger are segmented.
pub const INLINE_MAX_BYTES: usize = 8 * 1024 + 64;
/// A segment is closed when its listpack reaches this size …
pub const SEGMENT_BYTES: usize = 4000;
/// … or holds this many elements.
pub const SEGMENT_ELEMENTS: usize = 128;
/// Longer strings and opaque values are cut into pieces of so many bytes: sixteen pages of LMDB,
/// which puts a header of 16 bytes before them.
pub const PIECE_BYTES: usize = 16 * 4096 - 16;
/// Position of the head of a freshly built list.
pub const LIST_ORIGIN: u64 = 1 << 63;

/// Meta record that names the layout.
pub const META_LAYOUT: &[u8] = b"layout";
/// Its value for the layout described here.
pub const LAYOUT_NAME: &[u8] = b"redtool 1";

/// Refuses a store of no layout, or of one that this version does not know.
pub fn check_layout(path: &std::path::Path, found: Option<&[u8]>) -> crate::Result<()> {
    let path = path.display();
    match found {
        Some(LAYOUT_NAME) => Ok(()),
        Some(name) if is_newer(name) => {
            let name = String::from_utf8_lossy(name);
            Err(StoreError::Foreign(format!("{path}: layout {name:?} is newer than this redtool")))
        }
        Some(name) => {
            let name = String::from_utf8_lossy(name);
            let what = format!("{path}: not a redtool store: unknown layout {name:?}");
            Err(StoreError::Foreign(what))
        }
        None => Err(StoreError::Foreign(format!(
            "{path}: not a redtool store, or one whose import did not end: no layout record"
        ))),
    }
}

/// Whether a layout's name is this one's with a greater number.
fn is_newer(name: &[u8]) -> bool {
    let number = |name: &[u8]| -> Option<u32> {
        let digits = std::str::from_utf8(name.strip_prefix(b"redtool ")?).ok()?;
        // Only as it is written: no sign, no leading zero.
        digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
    };
    number(name) > number(LAYOUT_NAME)
}

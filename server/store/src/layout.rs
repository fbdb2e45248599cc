//! The record layout, version 1.
//!
//! Four tables. Integers in keys are big-endian (so that byte order is number order), in values
//! little-endian.
//!
//! ## objects: one record a key
//! ```text
//! key    db u32 BE · key bytes                      (up to 511 bytes in all; see long keys)
//! value  kind u8 · flags u8 · value type u8 · encoding u8
//!        [expire_at_ms i64]     flags bit 0
//!        [idle_s u32]           flags bit 1
//!        [freq u8]              flags bit 2
//!        [len u32 · key bytes]  flags bit 3: long key, the whole key
//!        [len u32 · bytes]      flags bit 5: key metadata (RDB opcode 243), opaque
//!        count                  RDB length; absent for strings and opaque values
//!        [id u64]               flags bit 4: segmented
//!        payload                inline: the RDB payload of the value type (in a dump, what
//!                               follows the key); segmented streams: the RDB payload after
//!                               the nodes; other segmented values: nothing
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
//! Inline payloads are of these types only: String; ListQuicklist2; SetIntset, SetListpack;
//! ZsetListpack; HashListpack, HashListpackEx; Stream3, Stream5; and as opaque bytes Module2,
//! Array. Blobs keep the form (raw, LZF) they came in.
//!
//! ## expires and meta
//! ```text
//! expires  key    expire_at_ms u64 BE (sign bit flipped) · the object's record key
//!                 (a record key over 503 bytes: its first 487 and its XXH3-128, BE)
//!          value  empty
//! meta     layout              "redtool 1"
//!          db · u32 BE         keys u64 · keys with expiry u64 · 8 × u64 keys per kind (string
//!                              list set zset hash module stream array)
//!          aux: · name         value
//!          function: · name    source
//!          module-aux: · u32 BE  RDB bytes after the opcode
//!          next-id             u64, the next free segment id
//!          rdb-version         the version of the file imported, as text
//! ```
//!
//! ## segments: big collections as runs of listpacks
//! ```text
//! key    id u64 BE · family u8 · order key
//! list   'l'  position u64 BE of the first element (2^63 for the head of a fresh list), contiguous
//!             value: 01 + bytes (one plain element) or 02 + listpack
//! set    'h'  hash u64 BE of the first element        listpack m,m,…
//! hash   'h'  hash u64 BE of the first field          listpack f,v,… or f,v,ms,… when the
//!                                                     type is HashListpackEx (0 = none)
//! zset   'h'  hash u64 BE of the first member         listpack m,score,…
//!        'z'  score order key u64 BE · separator      listpack m,score,… by score, then member
//! stream 's'  ms u64 BE · seq u64 BE (master id)      the node's listpack
//! ```
//! Hash = XXH3-64, seed 0, of the element's bytes as a string; elements of an 'h' run are in
//! ascending hash order and elements of equal hash are never split over two segments. Scores in
//! segments are eight bytes, IEEE-754 little-endian, as a string entry. The score order key of a
//! double: its bits, with all bits flipped if negative, else the sign bit set; -0 is stored as 0.
//! The separator is the shortest prefix of the first member that is greater than the last member of
//! the segment before when both have the same score, and empty otherwise: so the segment that may
//! hold (score, member) is the last one whose key is not greater than order key · member.

use crate::error::StoreError;

/// Length of the longest record key (LMDB's limit).
pub const MAX_KEY_BYTES: usize = 511;
/// Values whose payload is larger are segmented.
pub const INLINE_MAX_BYTES: usize = 8 * 1024 + 64;
/// A segment is closed when its listpack reaches this size …
pub const SEGMENT_BYTES: usize = 4000;
/// … or holds this many elements.
pub const SEGMENT_ELEMENTS: usize = 128;
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

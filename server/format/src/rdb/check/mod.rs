//! Validation of one value.
//!
//! Servers check a value at two depths: some rules hold at any setting ([`Depth::Always`]), some
//! only under `sanitize-dump-payload yes` ([`Depth::Deep`]). What they accept although no server
//! writes it (an unsorted sorted set, a stream length that is off) goes to `warn`.
//!
//! | rule | depth |
//! |---|---|
//! | string encodings, length bytes, LZF output; every frame of a packed blob | always |
//! | duplicates: set, sorted set (plain), zipmap, ziplists, hashes too big to be packed | always |
//! | duplicates: small plain hashes, listpacks | deep |
//! | scores: text that is no number, NaN (types 3, 5) | always |
//! | ziplist and zipmap: everything | always |
//! | intset order; listpack count, backlens, entries, odd number | deep |
//! | quicklist: container, empty PLAIN node | always |
//! | field expiries: range in type 24 | always |
//! | field expiries: order, range, text in types 23 and 25 | deep |
//! | streams: node keys, empty nodes, pending lists | always |
//! | streams: master entry, lp-counts, pending entries without an owner | deep |
//! | no elements, bytes left over, order, odd scores, hints and counts that are off | warning |
//!
//! A blob is walked once. LZF strings are checked without decoding; only LZF blobs of packed
//! encodings are decoded, into scratch room that the [`Checker`] keeps.
mod distinct;
mod packed;
mod plain;
mod stream;
mod template;

use super::skip::skip_value;
use super::types::ValueType;
use super::value::{blob, Scratch, Templates};
use crate::cursor::Cursor;
use crate::encodings::stream::StreamId;
use crate::error::{FormatError, Result};
use distinct::Distinct;
use packed::Shape;

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What every server refuses at any setting.
    Always,
    /// Also what servers refuse under `sanitize-dump-payload yes`.
    Deep,
}

/// Checks values; keeps its working memory between them.
#[derive(Debug, Default)]
pub struct Checker {
    scratch: Scratch,
    names: Distinct,
    master_ids: Vec<StreamId>,
}

/// One check in progress.
struct Check<'c> {
    scratch: &'c mut Scratch,
    names: &'c mut Distinct,
    master_ids: &'c mut Vec<StreamId>,
    deep: bool,
    warn: &'c mut dyn FnMut(FormatError),
}

/// Checks a value; offsets in errors are relative to `payload`. Things servers accept although they
/// are odd go to `warn`. For many values keep a [`Checker`].
pub fn check(
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
    depth: Depth,
    warn: &mut dyn FnMut(FormatError),
) -> Result<()> {
    Checker::default().check(value_type, payload, templates, depth, warn)
}

impl Checker {
    /// Checks a value; see [`check`].
    pub fn check(
        &mut self,
        value_type: ValueType,
        payload: &[u8],
        templates: &Templates,
        depth: Depth,
        warn: &mut dyn FnMut(FormatError),
    ) -> Result<()> {
        self.names.clear();
        let mut cursor = Cursor::new(payload);
        let mut check = Check {
            scratch: &mut self.scratch,
            names: &mut self.names,
            master_ids: &mut self.master_ids,
            deep: depth == Depth::Deep,
            warn,
        };
        check.value(&mut cursor, value_type, templates)?;
        if cursor.remaining() > 0 && value_type != ValueType::ModulePreGa {
            let what = format!("{} bytes after the value", cursor.remaining());
            warn(FormatError::corrupt(cursor.pos(), what));
        }
        let value = &payload[..cursor.pos()];
        self.names.finish(&mut self.scratch, value_type, value, templates)
    }
}

impl Check<'_> {
    fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        value_type: ValueType,
        templates: &Templates,
    ) -> Result<()> {
        use ValueType::*;
        match value_type {
            String => blob::check_text(cursor),
            List => plain::list(self, cursor),
            Set => plain::set(self, cursor),
            Zset | Zset2 => plain::zset(self, cursor, value_type),
            Hash | HashMetadataRc | HashMetadata | ValkeyHash2 => {
                plain::hash(self, cursor, value_type)
            }
            HashZipmap => packed::zipmap(self, cursor),
            SetIntset => packed::intset(self, cursor),
            ListZiplist => packed::ziplist(self, cursor, Shape::List),
            ZsetZiplist => packed::ziplist(self, cursor, Shape::Zset),
            HashZiplist => packed::ziplist(self, cursor, Shape::Hash),
            SetListpack => packed::listpack(self, cursor, Shape::Set),
            ZsetListpack => packed::listpack(self, cursor, Shape::Zset),
            HashListpack => packed::listpack(self, cursor, Shape::Hash),
            HashListpackExRc => packed::listpack(self, cursor, Shape::HashEx { min: None }),
            HashListpackEx => {
                let min = Some(cursor.i64_le()?);
                packed::listpack(self, cursor, Shape::HashEx { min })
            }
            ListQuicklist => packed::quicklist(self, cursor),
            ListQuicklist2 => packed::quicklist2(self, cursor),
            Stream | Stream2 | Stream3 | Stream4 | Stream5 => {
                stream::stream(self, cursor, value_type)
            }
            HashTemplateListpackDump | HashTemplateListpack | HashTemplateDump | HashTemplate => {
                template::hash(self, cursor, value_type, templates)
            }
            Module2 | Array => skip_value(cursor, value_type, templates),
            ModulePreGa => Ok(()),
        }
    }

    /// Reports something that servers accept.
    #[cold]
    fn odd(&mut self, offset: usize, what: impl Into<std::string::String>) {
        (self.warn)(FormatError::corrupt(offset, what));
    }

    /// A collection without elements: RESTORE refuses it, a server that loads a file skips the key.
    #[inline]
    fn elements(&mut self, count: usize) {
        if count == 0 {
            self.odd(0, "value has no elements");
        }
    }
}

//! The logical level: the elements of a value, whatever its encoding.
//!
//! A value is visited in place: plain elements are handed on from the payload, packed blobs are
//! walked where they lie, and only LZF is decoded first, one string or blob at a time into a reused
//! [`Scratch`]. Nothing is allocated per element, and no value is ever held whole.
//!
//! A visit fails where the bytes cannot be understood. What can be understood but ought not to be
//! there (a member twice, a wrong order) is for [`super::check`] to say.
//!
//! | module | holds |
//! |---|---|
//! | [`blob`] | a string of the payload as bytes, and the place of errors inside it |
//! | [`plain`] | element by element: types 0-5, 22, 24, Valkey's 22 |
//! | [`packed`] | one blob or a chain of blobs: 9-14, 16-18, 20, 23, 25 |
//! | [`stream`] | 15, 19, 21, 26, 27 |
//! | [`template`] | hashes whose field names lie elsewhere: 29-32 |
//! | [`score`] | scores as text |
//! | [`count`] | the number of elements without visiting them |
pub(super) mod blob;
mod count;
pub(super) mod packed;
pub(super) mod plain;
pub(super) mod score;
pub(super) mod stream;
pub(super) mod template;

use super::skip::skip_value;
use super::stream::StreamMeta;
use super::types::ValueType;
use crate::cursor::Cursor;
use crate::encodings::stream::{Message, StreamId};
use crate::error::{FormatError, Result};

pub use count::count;
pub use score::read as read_score;

/// Receives the elements of one value. Only the methods of the value's kind are called.
pub trait Visitor {
    /// Why a visit stops early; a format error must convert into it.
    type Error: From<FormatError>;
    /// The number of elements (a hint: what the value states), before the first element.
    fn count(&mut self, _elements: u64) -> std::result::Result<(), Self::Error> {
        Ok(())
    }
    /// The string.
    fn string(&mut self, value: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A list item, from the head.
    fn list_item(&mut self, item: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A set member.
    fn set_member(&mut self, member: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A sorted set member, in file order. The score of a packed form may be NaN, as in servers.
    fn zset_member(&mut self, member: &[u8], score: f64) -> std::result::Result<(), Self::Error>;
    /// A hash field, with its own absolute expiry.
    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> std::result::Result<(), Self::Error>;
    /// A stream node as it lies in the file, before its messages; give false to pass over the
    /// messages.
    fn stream_node(
        &mut self,
        _master: StreamId,
        _listpack: &[u8],
    ) -> std::result::Result<bool, Self::Error> {
        Ok(true)
    }
    /// A live stream message.
    fn stream_message(&mut self, message: &Message<'_>) -> std::result::Result<(), Self::Error>;
    /// The metadata of a stream, after its messages.
    fn stream_meta(&mut self, meta: &StreamMeta) -> std::result::Result<(), Self::Error>;
    /// A value carried as opaque bytes (module values, arrays).
    fn opaque(
        &mut self,
        value_type: ValueType,
        payload: &[u8],
    ) -> std::result::Result<(), Self::Error>;
}

/// The field names of hash templates announced in a file (Redis 8.10), by id.
pub type Templates = std::collections::BTreeMap<u64, Vec<Vec<u8>>>;

/// Room for what must be decoded before it can be handed on; keep one for many visits.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Keys, members, blobs.
    pub(super) first: Vec<u8>,
    /// Values beside a field.
    pub(super) second: Vec<u8>,
}

/// Visits the elements of the value of type `value_type` whose bytes are `payload` (exactly: bytes
/// left over are an error). Offsets in format errors count from the start of the payload.
pub fn visit<V: Visitor>(
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
    visitor: &mut V,
) -> std::result::Result<(), V::Error> {
    visit_with(&mut Scratch::default(), value_type, payload, templates, visitor)
}

/// Like [`visit`], with scratch room that is kept between values.
pub fn visit_with<V: Visitor>(
    scratch: &mut Scratch,
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
    visitor: &mut V,
) -> std::result::Result<(), V::Error> {
    use ValueType::*;
    let mut cursor = Cursor::new(payload);
    let c = &mut cursor;
    match value_type {
        String => plain::string(c, scratch, visitor)?,
        List => plain::list(c, scratch, visitor)?,
        Set => plain::set(c, scratch, visitor)?,
        Zset | Zset2 => plain::zset(c, scratch, value_type, visitor)?,
        Hash | HashMetadataRc | HashMetadata | ValkeyHash2 => {
            plain::hash(c, scratch, value_type, visitor)?
        }
        HashZipmap => packed::zipmap(c, scratch, visitor)?,
        ListZiplist => packed::ziplist_list(c, scratch, visitor)?,
        ZsetZiplist => packed::ziplist_zset(c, scratch, visitor)?,
        HashZiplist => packed::ziplist_hash(c, scratch, visitor)?,
        SetIntset => packed::intset(c, scratch, visitor)?,
        HashListpack => packed::listpack_hash(c, scratch, visitor)?,
        ZsetListpack => packed::listpack_zset(c, scratch, visitor)?,
        SetListpack => packed::listpack_set(c, scratch, visitor)?,
        HashListpackExRc | HashListpackEx => {
            packed::listpack_hash_ex(c, scratch, value_type, visitor)?
        }
        ListQuicklist => packed::quicklist(c, scratch, visitor)?,
        ListQuicklist2 => packed::quicklist2(c, scratch, visitor)?,
        Stream | Stream2 | Stream3 | Stream4 | Stream5 => {
            stream::stream(c, scratch, value_type, visitor)?
        }
        HashTemplateListpackDump | HashTemplateListpack | HashTemplateDump | HashTemplate => {
            template::hash(c, scratch, value_type, templates, visitor)?
        }
        // Its end cannot be found, but in a DUMP payload it is known.
        ModulePreGa => return visitor.opaque(value_type, payload),
        Module2 | Array => {
            skip_value(c, value_type, templates)?;
            end(c)?;
            return visitor.opaque(value_type, payload);
        }
    }
    Ok(end(c)?)
}

/// A value fills its payload.
pub(super) fn end(cursor: &Cursor<'_>) -> Result<()> {
    match cursor.remaining() {
        0 => Ok(()),
        left => Err(FormatError::corrupt(cursor.pos(), format!("{left} bytes after the value"))),
    }
}

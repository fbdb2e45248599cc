//! What OBJECT ENCODING says of a value that was loaded: the store knows it for the usual limits,
//! this for others.
use super::limits::Limits;
use super::list_write::ListEdit;
use super::Result;
use crate::edit::{is_packed, Edit};
use crate::error::Error;
use redtool_format::encodings::stream::Message;
use redtool_format::number;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{self, Templates, Visitor};
use redtool_format::rdb::{length, Kind, ValueType};
use redtool_format::Cursor;
use redtool_store::{Encoding, Space};

/// The encoding of an object that was made of a payload. Servers look at the lengths of elements
/// only when these arrive one by one.
pub fn encoding(
    limits: &Limits,
    value_type: ValueType,
    payload: &[u8],
    edit: &Edit,
) -> Result<Encoding> {
    let is_collection = matches!(edit.kind, Kind::Set | Kind::Hash | Kind::Zset);
    if !is_collection || *limits == Limits::default() {
        return Ok(edit.encoding);
    }
    let mut seen = Seen { longest_bytes: 0, all_int: true };
    if !is_packed(value_type) {
        value::visit(value_type, payload, &Templates::new(), &mut seen)?;
    } else if edit.kind == Kind::Set {
        seen.all_int = value_type == ValueType::SetIntset;
    }
    let fits =
        |entries: usize, bytes: usize| edit.count <= entries as u64 && seen.longest_bytes <= bytes;
    Ok(match edit.kind {
        Kind::Zset if fits(limits.zset_entries, limits.zset_value_bytes) => Encoding::Listpack,
        Kind::Zset => Encoding::Skiplist,
        Kind::Set if seen.all_int && edit.count <= limits.set_intset_entries as u64 => {
            Encoding::Intset
        }
        Kind::Set if seen.all_int && value_type == ValueType::SetIntset => Encoding::Hashtable,
        Kind::Set if fits(limits.set_entries, limits.set_value_bytes) => Encoding::Listpack,
        Kind::Hash if fits(limits.hash_entries, limits.hash_value_bytes) => match edit.value_type {
            ValueType::HashListpackEx => Encoding::ListpackEx,
            _ => Encoding::Listpack,
        },
        _ => Encoding::Hashtable,
    })
}

/// A list that was made of a payload: one node that is small enough is a listpack.
pub fn list(
    space: &mut Space,
    limits: &Limits,
    value_type: ValueType,
    payload: &[u8],
    mut edit: Edit,
) -> Result<Edit> {
    if limits.list_size == Limits::default().list_size {
        return Ok(edit);
    }
    let has_nodes = matches!(value_type, ValueType::ListQuicklist | ValueType::ListQuicklist2);
    let nodes = if has_nodes { length::read_plain(&mut Cursor::new(payload))? } else { 1 };
    edit.encoding = if nodes == 1 { Encoding::Listpack } else { Encoding::Quicklist };
    let mut list = ListEdit::new(space, Some(edit), limits.list_size);
    list.grows_by(0, 0)?;
    Ok(list.edit)
}

/// What the limits are about.
struct Seen {
    longest_bytes: usize,
    all_int: bool,
}

impl Seen {
    fn see(&mut self, bytes: &[u8]) -> Result<()> {
        self.longest_bytes = self.longest_bytes.max(bytes.len());
        Ok(())
    }
}

impl Visitor for Seen {
    type Error = Error;
    crate::value::never_called! {
        string(&[u8]);
        list_item(&[u8]);
        stream_message(&Message<'_>);
        stream_meta(&StreamMeta);
        opaque(ValueType, &[u8]);
    }
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.all_int &= number::parse_i64(member).is_some();
        self.see(member)
    }
    fn zset_member(&mut self, member: &[u8], _: f64) -> Result<()> {
        self.see(member)
    }
    fn hash_field(&mut self, field: &[u8], value: &[u8], _: Option<i64>) -> Result<()> {
        self.see(field)?;
        self.see(value)
    }
}

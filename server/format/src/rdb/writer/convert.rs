//! One value, rewritten as planned.
//!
//! Packed values are taken apart and packed anew, item by item; big ones go element by element from
//! the payload to the output, so that only the output's own buffer is in memory. The nodes of
//! streams are the same in all forms: they are copied, and the metadata after them is written anew.
use super::super::stream;
use super::super::string;
use super::super::target::{Loss, Losses, Target};
use super::super::types::ValueType;
use super::each::{each_element, Element};
use super::element::{ElementWriter, Node};
use super::out::{Out, Result};
use super::plan::{has_expired, plan, skip_stream_nodes, Fate, Nodes, Plan, Value, PLAIN};
use super::repack::{self, Pairs};
use crate::cursor::Cursor;
use crate::encodings::listpack::{self, Listpack};
use crate::encodings::{ziplist, Item};
use crate::error::FormatError;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Converted {
    /// What became of the value; nothing was appended when it has no type.
    pub fate: Fate,
    /// What the target could not take.
    pub losses: Losses,
}

/// Plans and appends in one step, where the type need not be known before the payload.
pub fn convert_value<O: Out>(
    value: &Value<'_>,
    target: &Target,
    compress: bool,
    now_ms: i64,
    out: &mut O,
) -> Result<Converted> {
    let plan = plan(value, target, now_ms)?;
    write_value(value, &plan, compress, out)?;
    Ok(Converted { fate: plan.fate, losses: plan.losses })
}

/// Appends `value` in the form that `plan` found for it; appends nothing when there is none.
#[inline]
pub fn write_value<O: Out>(
    value: &Value<'_>,
    plan: &Plan,
    compress: bool,
    out: &mut O,
) -> Result<()> {
    match plan.fate {
        Fate::Same(_) => Ok(out.bytes(value.payload)?),
        Fate::Rewritten(to) => rewrite(value, plan, to, compress, out),
        Fate::Expired | Fate::Impossible => Ok(()),
    }
}

fn rewrite<O: Out>(
    value: &Value<'_>,
    plan: &Plan,
    to: ValueType,
    compress: bool,
    out: &mut O,
) -> Result<()> {
    use ValueType::*;
    match (value.value_type, to) {
        (HashListpack, HashZiplist) | (ZsetListpack, ZsetZiplist) | (SetListpack, SetIntset) => {
            repack_blob(value, to, compress, out)
        }
        (_, HashListpack) => {
            pack_hash(value, plan, Pairs::Listpack(listpack::Builder::new()), compress, out)
        }
        (_, HashZiplist) => {
            pack_hash(value, plan, Pairs::Ziplist(ziplist::Builder::new(true)), compress, out)
        }
        (ListQuicklist, ListZiplist) => copy_only_node(value, out),
        (ListQuicklist2, ListQuicklist | ListZiplist) => {
            rewrite_nodes(value, plan, to, compress, out)
        }
        (_, Stream | Stream2 | Stream3 | Stream4) => rewrite_stream(value, to, compress, out),
        _ => {
            let mut writer = ElementWriter::new(out, to, compress);
            writer.begin_expiring(plan.elements, plan.min_expire_ms)?;
            write_elements(value, plan, &mut writer)
        }
    }
}

/// A listpack into a ziplist or an intset.
fn repack_blob<O: Out>(
    value: &Value<'_>,
    to: ValueType,
    compress: bool,
    out: &mut O,
) -> Result<()> {
    let mut scratch = Vec::new();
    let blob = string::read(&mut Cursor::new(value.payload))?;
    let listpack = Listpack::parse(blob.decode(&mut scratch)?)?;
    if to == ValueType::SetIntset {
        let mut intset = Vec::new();
        repack::listpack_into_intset(listpack, &mut intset)?;
        string::write(out.buf(), &intset, compress);
    } else {
        let mut ziplist = ziplist::Builder::new(true);
        repack::listpack_into_ziplist(listpack, &mut ziplist)?;
        string::write(out.buf(), ziplist.finish(), compress);
    }
    Ok(out.spill()?)
}

/// A small hash with field TTLs into a packed one without.
fn pack_hash<O: Out>(
    value: &Value<'_>,
    plan: &Plan,
    mut pairs: Pairs,
    compress: bool,
    out: &mut O,
) -> Result<()> {
    each_element(value, |element| {
        if let Element::Field(field, value, at_ms) = element {
            if !has_expired(at_ms, plan.drop_expired_ms) {
                pairs.push(field);
                pairs.push(value);
            }
        }
        Ok::<(), FormatError>(())
    })?;
    string::write(out.buf(), pairs.finish(), compress);
    Ok(out.spill()?)
}

/// A quicklist of one ziplist is that ziplist behind its count.
fn copy_only_node<O: Out>(value: &Value<'_>, out: &mut O) -> Result<()> {
    for node in Nodes::read(value.value_type, value.payload)? {
        string::write_str(out.buf(), node?.1);
    }
    Ok(out.spill()?)
}

fn rewrite_nodes<O: Out>(
    value: &Value<'_>,
    plan: &Plan,
    to: ValueType,
    compress: bool,
    out: &mut O,
) -> Result<()> {
    let mut writer = ElementWriter::new(out, to, compress);
    if to == ValueType::ListQuicklist {
        writer.begin(plan.elements)?;
    }
    for node in Nodes::read(value.value_type, value.payload)? {
        let (container, string) = node?;
        writer.node(match container {
            PLAIN => Node::Plain(string),
            _ => Node::Packed(string),
        })?;
    }
    Ok(())
}

fn rewrite_stream<O: Out>(
    value: &Value<'_>,
    to: ValueType,
    compress: bool,
    out: &mut O,
) -> Result<()> {
    let mut cursor = Cursor::new(value.payload);
    skip_stream_nodes(&mut cursor)?;
    let nodes_bytes = cursor.pos();
    let meta = stream::read(&mut cursor, value.value_type)?;
    out.bytes(&value.payload[..nodes_bytes])?;
    ElementWriter::new(out, to, compress).stream_meta(&meta)
}

fn write_elements<O: Out>(
    value: &Value<'_>,
    plan: &Plan,
    writer: &mut ElementWriter<'_, O>,
) -> Result<()> {
    each_element(value, |element| match element {
        Element::Item(item) => writer.item(Item::Str(item)),
        Element::Member(member, score) => writer.member(Item::Str(member), score),
        Element::Field(_, _, at_ms) if has_expired(at_ms, plan.drop_expired_ms) => Ok(()),
        Element::Field(field, value, at_ms) => {
            writer.field(Item::Str(field), Item::Str(value), at_ms)
        }
    })
}

impl Converted {
    /// Whether the whole value is lost.
    pub fn is_lost(&self) -> bool {
        self.losses.contains(Loss::WholeValue)
    }
}

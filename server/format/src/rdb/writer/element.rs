//! Values written element by element, for whoever holds elements rather than a payload. Lists and
//! streams go node by node.
//!
//! [`Target::element_type`](super::super::target::Target::element_type) names the type; its number
//! and the key must be written before. The count comes first in every form, so it must be known and
//! kept.
//!
//! ```text
//! List, Set      count × string
//! Zset, Zset2    count × (string, ASCII double | f64)
//! Hash           count × (string, string)
//! HashMetadata   i64 earliest, count × (t, string, string)   t: 0 none, else expiry - earliest + 1
//! ValkeyHash2    count × (string, string, i64 expiry or -1)
//! ListQuicklist  count × ziplist            ListQuicklist2   count × (container, string)
//! Stream*        count × (id, listpack), then the metadata
//! ```
use super::super::length;
use super::super::stream::{self, StreamMeta};
use super::super::string::{self, Str};
use super::super::types::ValueType;
use super::out::{Out, Result};
use super::plan::{FIELD_EXPIRE_MAX_MS, PACKED, PLAIN};
use super::repack;
use crate::double;
use crate::encodings::listpack::Listpack;
use crate::encodings::stream::StreamId;
use crate::encodings::{ziplist, IntBuf, Item};

/// A string longer than this is not compressed, since that takes its length in memory.
const COMPRESS_MAX_BYTES: usize = 1 << 20;

/// A node of a list.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    /// One element.
    Plain(Str<'a>),
    /// A listpack of elements.
    Packed(Str<'a>),
}

/// Writes one value of a chosen type.
pub struct ElementWriter<'o, O: Out> {
    out: &'o mut O,
    value_type: ValueType,
    compress: bool,
    earliest_ms: i64,
    scratch: Vec<u8>,
    ziplist: Option<ziplist::Builder>,
}

impl<'o, O: Out> ElementWriter<'o, O> {
    /// A writer for a value of `value_type`, one of those in the module's head; `compress` lets
    /// long strings be LZF.
    pub fn new(out: &'o mut O, value_type: ValueType, compress: bool) -> Self {
        Self { out, value_type, compress, earliest_ms: 0, scratch: Vec::new(), ziplist: None }
    }

    /// States how many elements (lists of nodes and streams: nodes) will follow.
    pub fn begin(&mut self, count: u64) -> Result<()> {
        self.begin_expiring(count, 0)
    }

    /// The same for a hash whose fields expire, at `earliest_ms` or later.
    pub fn begin_expiring(&mut self, count: u64, earliest_ms: i64) -> Result<()> {
        let buf = self.out.buf();
        if self.value_type == ValueType::HashMetadata {
            self.earliest_ms = earliest_ms;
            buf.extend_from_slice(&earliest_ms.to_le_bytes());
        }
        length::write(buf, count);
        Ok(self.out.spill()?)
    }

    /// A list item or a set member.
    #[inline]
    pub fn item(&mut self, item: Item<'_>) -> Result<()> {
        self.write_item(item)?;
        Ok(self.out.spill()?)
    }

    /// A sorted set member.
    #[inline]
    pub fn member(&mut self, member: Item<'_>, score: f64) -> Result<()> {
        self.write_item(member)?;
        let buf = self.out.buf();
        match self.value_type {
            ValueType::Zset => write_ascii_double(buf, score),
            _ => buf.extend_from_slice(&score.to_le_bytes()),
        }
        Ok(self.out.spill()?)
    }

    /// A hash field; its expiry is dropped where the form has none.
    #[inline]
    pub fn field(
        &mut self,
        field: Item<'_>,
        value: Item<'_>,
        expire_at_ms: Option<i64>,
    ) -> Result<()> {
        if self.value_type == ValueType::HashMetadata {
            let ttl = expire_at_ms.map_or(0, |at_ms| since(self.earliest_ms, at_ms));
            length::write(self.out.buf(), ttl);
        }
        self.write_item(field)?;
        self.write_item(value)?;
        if self.value_type == ValueType::ValkeyHash2 {
            self.out.buf().extend_from_slice(&expire_at_ms.unwrap_or(-1).to_le_bytes());
        }
        Ok(self.out.spill()?)
    }

    /// A long string goes to what is behind the buffer, piece by piece and as it is.
    #[inline]
    fn write_item(&mut self, item: Item<'_>) -> Result<()> {
        match item {
            Item::Str(bytes) if bytes.len() > COMPRESS_MAX_BYTES => {
                length::write(self.out.buf(), bytes.len() as u64);
                self.out.bytes(bytes)?;
            }
            Item::Str(bytes) => string::write(self.out.buf(), bytes, self.compress),
            Item::Int(n) => match i32::try_from(n) {
                Ok(n) => string::write_str(self.out.buf(), Str::Int(n)),
                Err(_) => string::write_raw(self.out.buf(), item.bytes(&mut IntBuf::new())),
            },
        }
        Ok(())
    }

    /// A node of a list.
    pub fn node(&mut self, node: Node<'_>) -> Result<()> {
        match self.value_type {
            ValueType::ListQuicklist2 => self.quicklist_node(node),
            ValueType::ListQuicklist | ValueType::ListZiplist => self.ziplist_node(node),
            _ => self.node_items(node),
        }
    }

    fn quicklist_node(&mut self, node: Node<'_>) -> Result<()> {
        let (container, string) = match node {
            Node::Plain(string) => (PLAIN, string),
            Node::Packed(string) => (PACKED, string),
        };
        length::write(self.out.buf(), container);
        self.string(string)
    }

    fn ziplist_node(&mut self, node: Node<'_>) -> Result<()> {
        let ziplist = self.ziplist.get_or_insert_with(|| ziplist::Builder::new(true));
        ziplist.clear();
        match node {
            Node::Plain(string) => ziplist.push(string.decode(&mut self.scratch)?),
            Node::Packed(string) => {
                let listpack = Listpack::parse(string.decode(&mut self.scratch)?)?;
                repack::listpack_into_ziplist(listpack, ziplist)?;
            }
        }
        string::write(self.out.buf(), ziplist.finish(), self.compress);
        Ok(self.out.spill()?)
    }

    fn node_items(&mut self, node: Node<'_>) -> Result<()> {
        match node {
            Node::Plain(string) => self.string(string),
            Node::Packed(string) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                for item in Listpack::parse(string.decode(&mut scratch)?)?.iter() {
                    self.item(item?)?;
                }
                self.scratch = scratch;
                Ok(())
            }
        }
    }

    /// A string; a compressed one stays as it is.
    fn string(&mut self, string: Str<'_>) -> Result<()> {
        match string {
            Str::Raw(bytes) if !self.compress || bytes.len() > COMPRESS_MAX_BYTES => {
                length::write(self.out.buf(), bytes.len() as u64);
                Ok(self.out.bytes(bytes)?)
            }
            Str::Raw(bytes) => {
                string::write(self.out.buf(), bytes, true);
                Ok(self.out.spill()?)
            }
            other => {
                string::write_str(self.out.buf(), other);
                Ok(self.out.spill()?)
            }
        }
    }

    /// A node of a stream: the id that its messages are relative to, and its listpack.
    pub fn stream_node(&mut self, master_id: StreamId, listpack: Str<'_>) -> Result<()> {
        string::write_raw(self.out.buf(), &master_id.to_bytes());
        self.string(listpack)
    }

    /// The metadata of a stream, after its nodes.
    pub fn stream_meta(&mut self, meta: &StreamMeta) -> Result<()> {
        stream::write(self.out.buf(), meta, self.value_type);
        Ok(self.out.spill()?)
    }
}

/// An expiry as type 24 has it: 1 is the earliest.
fn since(earliest_ms: i64, at_ms: i64) -> u64 {
    at_ms.min(FIELD_EXPIRE_MAX_MS).saturating_sub(earliest_ms).max(0) as u64 + 1
}

/// The score of type 3: a length byte and text of up to 17 digits, or 253 NaN, 254 +inf, 255 -inf.
fn write_ascii_double(out: &mut Vec<u8>, x: f64) {
    if x.is_nan() {
        return out.push(253);
    }
    if x.is_infinite() {
        return out.push(if x > 0.0 { 254 } else { 255 });
    }
    let at = out.len();
    out.push(0);
    double::write_17_digits(out, x);
    out[at] = (out.len() - at - 1) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        value_type: ValueType,
        write: impl FnOnce(&mut ElementWriter<'_, Vec<u8>>),
    ) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut ElementWriter::new(&mut out, value_type, true));
        out
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn a_hash_of_type_4_is_the_worked_example() {
        let hash = written(ValueType::Hash, |w| {
            w.begin(2).unwrap();
            w.field(Item::Str(b"a"), Item::Int(1), None).unwrap();
            w.field(Item::Str(b"b"), Item::Str(b"two"), None).unwrap();
        });
        assert_eq!(hash, hex("02 0161 c001 0162 0374776f"));
    }

    #[test]
    fn field_ttls_are_relative_to_the_earliest_in_type_24() {
        let hash = written(ValueType::HashMetadata, |w| {
            w.begin_expiring(2, 4_102_444_800_000).unwrap();
            let xs = b"xxxx".repeat(24);
            let value = [&b"@"[..], &xs].concat();
            w.field(Item::Str(b"a"), Item::Str(&value), None).unwrap();
            w.field(Item::Str(b"b"), Item::Int(2), Some(4_102_444_800_000)).unwrap();
        });
        assert!(hash.starts_with(&hex("00d8c32cbb030000 02 00 0161")));
        assert!(hash.ends_with(&hex("01 0162 c002")));
    }

    #[test]
    fn field_ttls_are_absolute_in_valkeys_form() {
        let hash = written(ValueType::ValkeyHash2, |w| {
            w.begin(2).unwrap();
            w.field(Item::Str(b"F1"), Item::Str(b"V1"), Some(0x022e_7178_7038)).unwrap();
            w.field(Item::Str(b"F3"), Item::Str(b"V3"), None).unwrap();
        });
        assert_eq!(hash, hex("02 024631 025631 387078712e020000 024633 025633 ffffffffffffffff"));
    }

    #[test]
    fn scores_are_text_in_type_3_and_binary_in_type_5() {
        let scores = |w: &mut ElementWriter<'_, Vec<u8>>| {
            w.begin(3).unwrap();
            for score in [0.1, f64::INFINITY, f64::NEG_INFINITY] {
                w.member(Item::Str(b"m"), score).unwrap();
            }
        };
        let text = written(ValueType::Zset, scores);
        let expected = "03 016d 13302e3130303030303030303030303030303031 016dfe 016dff";
        assert_eq!(text, hex(expected));
        assert_eq!(written(ValueType::Zset2, scores)[3..11], 0.1f64.to_le_bytes());
    }
}

//! What OBJECT ENCODING says of a value: the encoding that a server with the default limits of
//! Redis 7.2 has it in after loading.
use super::limit;
use crate::object::Encoding;
use redtool_format::encodings::listpack;
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::string::{self, Str};
use redtool_format::rdb::value::{count, visit_with, Scratch, Templates, Visitor};
use redtool_format::rdb::{length, Kind, ValueType};
use redtool_format::{number, Cursor, FormatError};

type Result<T> = std::result::Result<T, FormatError>;

/// Above so many elements every set, hash and sorted set is a table.
const PACKED_MAX_ENTRIES: u64 = limit::HASH_ENTRIES as u64;
/// Container of a list node that is a listpack.
const PACKED: u64 = 2;

/// What the limits are about, seen in a walk over elements.
pub(super) struct Seen {
    /// The longest element.
    pub longest_bytes: usize,
    /// Every member is an integer.
    pub all_int: bool,
    /// A field has an expiry.
    pub any_ttl: bool,
}

/// The encoding of a value as it lies in a file, found without storing it: no more is looked at
/// than the answer needs.
pub fn encoding(
    value_type: ValueType,
    payload: &[u8],
    templates: &Templates,
    scratch: &mut Scratch,
) -> Result<Encoding> {
    use ValueType::*;
    match value_type {
        String => Ok(of_string(string::read(&mut Cursor::new(payload))?)),
        SetIntset | SetListpack | ZsetListpack | HashListpack | HashListpackEx => {
            Ok(of_packed(value_type, count(value_type, payload)? as usize))
        }
        ListQuicklist2 => one_small_node(payload).map(of_list),
        ListZiplist | ListQuicklist | List => {
            let small = value_type != ListQuicklist || one_node(payload)?;
            let mut items = Survey::new();
            if small && payload.len() <= limit::LIST_NODE_BYTES {
                visit_with(scratch, value_type, payload, templates, &mut items)?;
            }
            Ok(of_list(small && items.fit_a_node()))
        }
        Stream | Stream2 | Stream3 | Stream4 | Stream5 => Ok(Encoding::Stream),
        Module2 | Array | ModulePreGa => Ok(Encoding::Opaque),
        _ => {
            let elements = count(value_type, payload)?;
            let mut survey = Survey::new();
            if elements <= PACKED_MAX_ENTRIES {
                visit_with(scratch, value_type, payload, templates, &mut survey)?;
            }
            Ok(of_elements(value_type, elements as usize, &survey.seen))
        }
    }
}

pub(super) fn of_string(value: Str<'_>) -> Encoding {
    match value {
        Str::Int(_) => Encoding::Int,
        Str::Raw(bytes) if bytes.len() <= 20 && number::parse_i64(bytes).is_some() => Encoding::Int,
        _ if value.len() <= limit::EMBSTR_BYTES => Encoding::Embstr,
        _ => Encoding::Raw,
    }
}

/// What a server makes of a packed blob while loading: it looks at the count alone.
pub(super) fn of_packed(value_type: ValueType, count: usize) -> Encoding {
    use ValueType::*;
    let (most, packed, otherwise) = match value_type {
        SetIntset => (limit::SET_INTSET_ENTRIES, Encoding::Intset, Encoding::Hashtable),
        SetListpack => (limit::SET_LISTPACK_ENTRIES, Encoding::Listpack, Encoding::Hashtable),
        ZsetListpack => (limit::ZSET_ENTRIES, Encoding::Listpack, Encoding::Skiplist),
        HashListpackEx => (limit::HASH_ENTRIES, Encoding::ListpackEx, Encoding::Hashtable),
        _ => (limit::HASH_ENTRIES, Encoding::Listpack, Encoding::Hashtable),
    };
    if count > most {
        otherwise
    } else {
        packed
    }
}

/// What a server makes of elements that it packs, or not, while loading.
pub(super) fn of_elements(value_type: ValueType, count: usize, seen: &Seen) -> Encoding {
    use ValueType::*;
    // Servers look at the lengths of elements only when these arrive one by one.
    let packed = matches!(
        value_type,
        HashZiplist
            | ZsetZiplist
            | HashListpack
            | ZsetListpack
            | SetListpack
            | HashListpackEx
            | HashListpackExRc
    );
    let short = packed || seen.longest_bytes <= limit::VALUE_BYTES;
    match value_type.kind() {
        Kind::Zset if short && count <= limit::ZSET_ENTRIES => Encoding::Listpack,
        Kind::Zset => Encoding::Skiplist,
        Kind::Set if seen.all_int && count <= limit::SET_INTSET_ENTRIES => Encoding::Intset,
        Kind::Set if short && count <= limit::SET_LISTPACK_ENTRIES => Encoding::Listpack,
        Kind::Hash if short && count <= limit::HASH_ENTRIES => {
            if seen.any_ttl {
                Encoding::ListpackEx
            } else {
                Encoding::Listpack
            }
        }
        _ => Encoding::Hashtable,
    }
}

fn of_list(small: bool) -> Encoding {
    if small {
        Encoding::Listpack
    } else {
        Encoding::Quicklist
    }
}

fn one_node(payload: &[u8]) -> Result<bool> {
    Ok(length::read_plain(&mut Cursor::new(payload))? == 1)
}

fn one_small_node(payload: &[u8]) -> Result<bool> {
    let mut cursor = Cursor::new(payload);
    let nodes = length::read_plain(&mut cursor)?;
    let packed = nodes == 1 && length::read_plain(&mut cursor)? == PACKED;
    Ok(packed && string::read(&mut cursor)?.len() <= limit::LIST_NODE_BYTES)
}

/// Looks over the elements of a value.
struct Survey {
    seen: Seen,
    /// The items of a list, packed as a server would.
    items: listpack::Builder,
}

impl Survey {
    fn new() -> Self {
        let seen = Seen { longest_bytes: 0, all_int: true, any_ttl: false };
        Self { seen, items: listpack::Builder::new() }
    }

    fn fit_a_node(&self) -> bool {
        self.items.count() > 0 && self.items.size_bytes() <= limit::LIST_NODE_BYTES
    }

    fn see(&mut self, bytes: &[u8]) {
        self.seen.longest_bytes = self.seen.longest_bytes.max(bytes.len());
    }
}

impl Visitor for Survey {
    type Error = FormatError;

    fn string(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn list_item(&mut self, item: &[u8]) -> Result<()> {
        if self.items.size_bytes() <= limit::LIST_NODE_BYTES {
            self.items.push(item);
        }
        Ok(())
    }

    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.seen.all_int &= number::parse_i64(member).is_some();
        self.see(member);
        Ok(())
    }

    fn zset_member(&mut self, member: &[u8], _: f64) -> Result<()> {
        self.see(member);
        Ok(())
    }

    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        self.see(field);
        self.see(value);
        self.seen.any_ttl |= expire_at_ms.is_some();
        Ok(())
    }

    fn stream_message(&mut self, _: &Message<'_>) -> Result<()> {
        Ok(())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> Result<()> {
        Ok(())
    }

    fn opaque(&mut self, _: ValueType, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

//! Values as JSON.
//!
//! | type | JSON |
//! |---|---|
//! | string | a string |
//! | list, set | an array of strings |
//! | zset | an array of `[member, score]`, in the order of the source |
//! | hash | an object; an array of `[field, value]` when a field's name is not UTF-8 |
//! | stream | `{"entries":[[id,[field,value,…]],…],"length":…,…,"groups":[…]}` |
//! | module, array | `{"module":name,"rdb_type":n,"base64":…}` |
//!
//! The expiries of hash fields are a value of their own, in the form that the hash has.
use super::batch::CHUNK_BYTES;
use super::json;
use super::Scratch;
use redtool_format::encodings::stream::{Message, StreamId};
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::stream::{Consumer, Group, StreamMeta};
use redtool_format::rdb::value::{visit_with, Visitor};
use redtool_format::rdb::writer::{Out, Value, WriteError};
use redtool_format::rdb::{counters, length, module, Kind, ValueType};
use redtool_format::Cursor;

type Result<T> = std::result::Result<T, WriteError>;

/// A payload up to this size is written without passing anything on, so that what was written can
/// be taken back.
const SMALL_BYTES: usize = 1 << 16;

/// What must be known of a hash before it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields {
    /// A field has a name that is no UTF-8.
    pub binary: bool,
    /// A field has an expiry.
    pub expiring: bool,
}

/// Looks over the fields of a hash. Of a small hash whose fields cannot expire nothing is looked
/// at: its names are seen when they are written.
pub fn survey(value: &Value<'_>, scratch: &mut Scratch) -> Result<Fields> {
    use ValueType::*;
    let may_expire = matches!(
        value.value_type,
        HashMetadataRc | HashListpackExRc | HashMetadata | HashListpackEx | ValkeyHash2
    );
    let large = value.payload.len() > SMALL_BYTES;
    if value.value_type.kind() != Kind::Hash || !(may_expire || large) {
        return Ok(Fields::default());
    }
    let mut looked = Look(Fields::default());
    visit(value, scratch, &mut looked)?;
    Ok(looked.0)
}

/// Appends the value.
pub fn write(
    value: &Value<'_>,
    fields: Fields,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> Result<()> {
    let kind = value.value_type.kind();
    let small = value.payload.len() <= SMALL_BYTES;
    if kind == Kind::Hash && small && !fields.binary {
        let start = out.buf().len();
        let mut elements =
            Elements::new(out, value.value_type, Fields::default(), Part::Value, false);
        visit(value, scratch, &mut elements)?;
        if !elements.met_binary {
            elements.end()?;
            return Ok(());
        }
        drop(elements);
        out.buf().truncate(start);
        return write(value, Fields { binary: true, ..fields }, scratch, out);
    }
    let mut elements = Elements::new(out, value.value_type, fields, Part::Value, true);
    visit(value, scratch, &mut elements)?;
    elements.end()
}

/// Appends the expiries of those fields of a hash that have one.
pub fn write_field_expiries(
    value: &Value<'_>,
    fields: Fields,
    scratch: &mut Scratch,
    out: &mut dyn Out,
) -> Result<()> {
    let mut elements = Elements::new(out, value.value_type, fields, Part::Expiries, true);
    visit(value, scratch, &mut elements)?;
    elements.end()
}

fn visit<V: Visitor<Error = WriteError>>(
    value: &Value<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Result<()> {
    visit_with(&mut scratch.visit, value.value_type, value.payload, value.templates, visitor)
}

/// Looks at names and expiries only.
struct Look(Fields);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Value,
    Expiries,
}

/// Writes elements with what stands between them.
struct Elements<'o> {
    out: &'o mut dyn Out,
    /// The buffer of `out`, which has another meanwhile: it is asked for once, and not for every
    /// comma.
    buf: Vec<u8>,
    value_type: ValueType,
    pairs: bool,
    part: Part,
    /// Text may be passed on between elements.
    passes_on: bool,
    empty: bool,
    met_binary: bool,
    messages: u64,
}

impl<'o> Elements<'o> {
    fn new(
        out: &'o mut dyn Out,
        value_type: ValueType,
        fields: Fields,
        part: Part,
        passes_on: bool,
    ) -> Self {
        let pairs = fields.binary;
        let opening: &[u8] = match value_type.kind() {
            Kind::Hash if !pairs => b"{",
            Kind::List | Kind::Set | Kind::Zset | Kind::Hash => b"[",
            Kind::Stream => b"{\"entries\":[",
            Kind::String | Kind::Module | Kind::Array => b"",
        };
        let mut buf = std::mem::take(out.buf());
        buf.extend_from_slice(opening);
        let (empty, met_binary, messages) = (true, false, 0);
        Self { out, buf, value_type, pairs, part, passes_on, empty, met_binary, messages }
    }

    /// Does what only the output itself can do.
    fn outside<T>(&mut self, act: impl FnOnce(&mut dyn Out) -> T) -> T {
        std::mem::swap(self.out.buf(), &mut self.buf);
        let done = act(self.out);
        std::mem::swap(self.out.buf(), &mut self.buf);
        done
    }

    fn end(mut self) -> Result<()> {
        let closing: &[u8] = match self.value_type.kind() {
            Kind::Hash if !self.pairs => b"}",
            Kind::List | Kind::Set | Kind::Zset | Kind::Hash => b"]",
            Kind::Stream => b"}",
            Kind::String | Kind::Module | Kind::Array => b"",
        };
        self.buf.extend_from_slice(closing);
        Ok(())
    }

    #[inline]
    fn comma(&mut self) {
        if !self.empty {
            self.buf.push(b',');
        }
        self.empty = false;
    }

    #[inline]
    fn spill(&mut self) -> Result<()> {
        if self.passes_on && self.buf.len() >= CHUNK_BYTES {
            self.outside(|out| out.spill())?;
        }
        Ok(())
    }

    #[inline]
    fn item(&mut self, item: &[u8]) -> Result<()> {
        self.comma();
        self.bytes(item)?;
        self.spill()
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() <= json::SHORT_BYTES {
            json::short(&mut self.buf, bytes);
        } else if self.passes_on {
            self.outside(|out| json::bytes(out, bytes))?;
        } else {
            // A vector keeps all it is given.
            json::bytes(&mut self.buf, bytes)?;
        }
        Ok(())
    }

    /// The name of a field and what stands after it.
    #[inline]
    fn name(&mut self, field: &[u8]) -> Result<()> {
        self.comma();
        if self.pairs {
            self.buf.push(b'[');
            self.bytes(field)?;
            self.buf.push(b',');
            return Ok(());
        }
        let start = self.buf.len();
        self.bytes(field)?;
        // Only what is no UTF-8 begins with a brace.
        self.met_binary |= !self.passes_on && self.buf.get(start) == Some(&b'{');
        self.buf.push(b':');
        Ok(())
    }

    #[inline]
    fn close_pair(&mut self) -> Result<()> {
        if self.pairs {
            self.buf.push(b']');
        }
        self.spill()
    }
}

impl Drop for Elements<'_> {
    fn drop(&mut self) {
        std::mem::swap(self.out.buf(), &mut self.buf);
    }
}

impl Visitor for Elements<'_> {
    type Error = WriteError;

    #[inline]
    fn string(&mut self, value: &[u8]) -> Result<()> {
        self.bytes(value)
    }

    #[inline]
    fn list_item(&mut self, item: &[u8]) -> Result<()> {
        self.item(item)
    }

    #[inline]
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.item(member)
    }

    #[inline]
    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<()> {
        self.comma();
        self.buf.push(b'[');
        self.bytes(member)?;
        let buf = &mut self.buf;
        buf.push(b',');
        json::double(buf, score);
        buf.push(b']');
        self.spill()
    }

    #[inline]
    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        match (self.part, expire_at_ms) {
            (Part::Expiries, None) => return Ok(()),
            (Part::Expiries, Some(at_ms)) => {
                self.name(field)?;
                json::int(&mut self.buf, at_ms);
            }
            (Part::Value, _) => {
                self.name(field)?;
                self.bytes(value)?;
            }
        }
        self.close_pair()
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Result<()> {
        self.comma();
        self.messages += 1;
        let buf = &mut self.buf;
        buf.push(b'[');
        stream_id(buf, message.id);
        buf.extend_from_slice(b",[");
        let mut text = IntBuf::new();
        for (n, (field, value)) in message.fields.iter().enumerate() {
            if n > 0 {
                self.buf.push(b',');
            }
            self.bytes(field.bytes(&mut text))?;
            self.buf.push(b',');
            self.bytes(value.bytes(&mut text))?;
        }
        self.buf.extend_from_slice(b"]]");
        self.spill()
    }

    /// The length is the number of messages: some old files state another. What the first form
    /// does not say is what a server completes it with.
    fn stream_meta(&mut self, meta: &StreamMeta) -> Result<()> {
        let length = self.messages;
        let mut completed;
        let meta = if self.value_type == ValueType::Stream {
            completed = meta.clone();
            counters::complete(&mut completed, length, Some(meta.first_id));
            &completed
        } else {
            meta
        };
        let buf = &mut self.buf;
        buf.extend_from_slice(b"],\"length\":");
        json::int(buf, length);
        for (name, id) in [
            ("last_id", meta.last_id),
            ("first_id", meta.first_id),
            ("max_deleted_id", meta.max_deleted_id),
        ] {
            member(buf, name);
            stream_id(buf, id);
        }
        member(buf, "entries_added");
        json::int(buf, meta.entries_added);
        if let Some(idmp) = &meta.idmp {
            member(buf, "idmp");
            self.outside(|out| json::base64_string(out, idmp))?;
        }
        member(&mut self.buf, "groups");
        self.buf.push(b'[');
        for (n, group) in meta.groups.iter().enumerate() {
            self.empty = n == 0;
            self.comma();
            self.group(group)?;
        }
        self.buf.push(b']');
        self.spill()
    }

    fn opaque(&mut self, value_type: ValueType, payload: &[u8]) -> Result<()> {
        let mut cursor = Cursor::new(payload);
        let buf = &mut self.buf;
        buf.extend_from_slice(b"{\"module\":");
        match length::read_plain(&mut cursor) {
            Ok(id) if value_type.kind() == Kind::Module => {
                json::quoted(buf, module::name(id).0.as_bytes());
            }
            _ => buf.extend_from_slice(b"null"),
        }
        member(buf, "rdb_type");
        json::int(buf, value_type.number());
        member(buf, "base64");
        self.outside(|out| json::base64_string(out, payload))?;
        self.buf.push(b'}');
        self.spill()
    }
}

impl Elements<'_> {
    fn group(&mut self, group: &Group) -> Result<()> {
        self.buf.extend_from_slice(b"{\"name\":");
        self.bytes(&group.name)?;
        let buf = &mut self.buf;
        member(buf, "last_id");
        stream_id(buf, group.last_id);
        member(buf, "entries_read");
        match group.entries_read {
            Some(n) => json::int(buf, n),
            None => buf.extend_from_slice(b"null"),
        }
        member(buf, "pending");
        buf.push(b'[');
        for (n, entry) in group.pel.iter().enumerate() {
            let buf = &mut self.buf;
            buf.extend_from_slice(if n > 0 { b",[" } else { b"[" });
            stream_id(buf, entry.id);
            buf.push(b',');
            json::int(buf, entry.delivered_at_ms);
            buf.push(b',');
            json::int(buf, entry.deliveries);
            buf.push(b']');
            self.spill()?;
        }
        self.buf.extend_from_slice(b"],\"consumers\":[");
        for (n, consumer) in group.consumers.iter().enumerate() {
            self.empty = n == 0;
            self.comma();
            self.consumer(consumer)?;
        }
        self.buf.push(b']');
        if !group.nack.is_empty() {
            member(&mut self.buf, "nack");
            self.ids(&group.nack)?;
        }
        self.buf.push(b'}');
        self.spill()
    }

    fn consumer(&mut self, consumer: &Consumer) -> Result<()> {
        self.buf.extend_from_slice(b"{\"name\":");
        self.bytes(&consumer.name)?;
        let buf = &mut self.buf;
        member(buf, "seen_at_ms");
        json::int(buf, consumer.seen_at_ms);
        member(buf, "active_at_ms");
        match consumer.active_at_ms {
            Some(at_ms) => json::int(buf, at_ms),
            None => buf.extend_from_slice(b"null"),
        }
        member(buf, "pending");
        self.ids(&consumer.pending)?;
        self.buf.push(b'}');
        self.spill()
    }

    fn ids(&mut self, ids: &[StreamId]) -> Result<()> {
        self.buf.push(b'[');
        for (n, id) in ids.iter().enumerate() {
            let buf = &mut self.buf;
            if n > 0 {
                buf.push(b',');
            }
            stream_id(buf, *id);
            self.spill()?;
        }
        self.buf.push(b']');
        Ok(())
    }
}

/// A comma, the name of a member, a colon.
pub fn member(buf: &mut Vec<u8>, name: &str) {
    buf.extend_from_slice(b",\"");
    buf.extend_from_slice(name.as_bytes());
    buf.extend_from_slice(b"\":");
}

fn stream_id(buf: &mut Vec<u8>, id: StreamId) {
    buf.push(b'"');
    json::int(buf, id.ms);
    buf.push(b'-');
    json::int(buf, id.seq);
    buf.push(b'"');
}

impl Visitor for Look {
    type Error = WriteError;

    fn string(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn list_item(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn set_member(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn zset_member(&mut self, _: &[u8], _: f64) -> Result<()> {
        Ok(())
    }

    fn hash_field(&mut self, field: &[u8], _: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        self.0.binary |= std::str::from_utf8(field).is_err();
        self.0.expiring |= expire_at_ms.is_some();
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

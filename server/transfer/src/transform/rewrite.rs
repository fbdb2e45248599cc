//! A value rewritten element by element: masked, its field expiries changed.
//!
//! It takes the plainest type of its kind, which every server packs as it likes when it loads it:
//! 0, 1, 2, 5, 4; Valkey's 22 for a hash whose fields expire, since its expiries are absolute and
//! need no look ahead. A stream keeps its type and its nodes.
use super::mask::{Mask, Room};
use super::payload::Payload;
use super::ttl::Retime;
use crate::error::{Error, Kind, Result};
use crate::source::Entry;
use redtool_format::encodings::stream::{self, Message, StreamId};
use redtool_format::encodings::{IntBuf, Item};
use redtool_format::rdb::stream::{StreamMeta, IDMP_UNUSED};
use redtool_format::rdb::target::{Loss, Losses};
use redtool_format::rdb::value::{self, visit_with, Visitor};
use redtool_format::rdb::writer::{ElementWriter, Out, WriteError};
use redtool_format::rdb::{length, module, string, Kind as KeyKind, Str, ValueType};
use redtool_format::{Cursor, FormatError};
use std::io;

/// Strings up to this many bytes may be written in a form of their own (integers are short).
const SHORT_BYTES: usize = 32;

/// What is done to a value.
pub(super) struct Job<'t> {
    pub(super) mask: Option<&'t Mask>,
    pub(super) retime: &'t Retime,
    pub(super) lossy: bool,
}

impl Job<'_> {
    /// Whether a value of this type is rewritten at all.
    pub(super) fn touches(&self, value_type: ValueType) -> bool {
        self.mask.is_some() || self.retime.touches(value_type)
    }

    /// The type that a value takes.
    fn target(&self, value_type: ValueType) -> ValueType {
        match value_type.kind() {
            KeyKind::String => ValueType::String,
            KeyKind::List => ValueType::List,
            KeyKind::Set => ValueType::Set,
            KeyKind::Zset => ValueType::Zset2,
            KeyKind::Hash if self.retime.leaves_field_ttls(value_type) => ValueType::ValkeyHash2,
            KeyKind::Hash => ValueType::Hash,
            KeyKind::Stream | KeyKind::Module | KeyKind::Array => value_type,
        }
    }
}

/// Rewrites the value of an entry into `payload`. Gives its type, or none when it cannot be masked
/// and that is fine, and what is lost.
pub(super) fn rewrite(
    entry: &Entry<'_>,
    job: &Job<'_>,
    room: &mut Room,
    scratch: &mut value::Scratch,
    payload: &mut Payload,
) -> Result<(Option<ValueType>, Losses)> {
    payload.clear();
    let target = job.target(entry.value.value_type);
    let mut losses = Losses::NONE;
    losses.insert_if(job.mask.is_some() && entry.attributes.meta.is_some(), Loss::KeyMeta);
    if !losses.is_empty() && !job.lossy {
        return Err(refused(entry, "key metadata cannot be masked", "--lossy leaves it out"));
    }
    let mut writing = Writing { job, target, room, payload, elements: 0, losses };
    let value = &entry.value;
    match visit_with(scratch, value.value_type, value.payload, value.templates, &mut writing) {
        Ok(()) => {}
        Err(Stop::Format(error)) => return Err(entry.error(error)),
        Err(Stop::Io(error)) => return Err(Error::io(&std::env::temp_dir(), &error)),
        Err(Stop::Opaque(_)) if job.lossy => return Ok((None, Loss::Unmasked.into())),
        Err(Stop::Opaque(what)) => {
            let what = format!("{what} cannot be masked");
            return Err(refused(entry, &what, "--lossy leaves out what cannot be masked"));
        }
    }
    let (elements, losses) = (writing.elements, writing.losses);
    let counted = target != ValueType::String;
    payload
        .finish(counted.then_some(elements))
        .map_err(|error| Error::io(&std::env::temp_dir(), &error))?;
    Ok((Some(target), losses))
}

fn refused(entry: &Entry<'_>, what: &str, hint: &str) -> Error {
    let mut error = Error::new(Kind::Loss, what).hint(hint);
    (error.db, error.key) = (Some(entry.db), entry.key.to_vec().ok());
    error
}

/// Why a visit ends early.
enum Stop {
    Format(FormatError),
    Io(io::Error),
    /// What the value is.
    Opaque(String),
}

impl From<FormatError> for Stop {
    fn from(error: FormatError) -> Self {
        Stop::Format(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Format(error) => Stop::Format(error),
            WriteError::Io(error) => Stop::Io(error),
        }
    }
}

struct Writing<'w> {
    job: &'w Job<'w>,
    target: ValueType,
    room: &'w mut Room,
    payload: &'w mut Payload,
    elements: u64,
    losses: Losses,
}

type Written = std::result::Result<(), Stop>;

impl Writing<'_> {
    /// What a field, member or item becomes.
    fn masked<'o>(&mut self, bytes: &'o [u8], out: &'o mut Vec<u8>) -> &'o [u8] {
        let Some(mask) = self.job.mask else { return bytes };
        out.clear();
        mask.string(bytes, self.room, out);
        out
    }

    fn masked_vec(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.masked(bytes, &mut Vec::new()).to_vec()
    }

    fn writer(&mut self) -> ElementWriter<'_, Payload> {
        self.elements += 1;
        ElementWriter::new(self.payload, self.target, false)
    }

    /// Masks the names that a stream's metadata holds, and drops what cannot be masked.
    fn mask_meta(&mut self, meta: &StreamMeta) -> std::result::Result<StreamMeta, Stop> {
        let mut meta = meta.clone();
        for group in &mut meta.groups {
            group.name = self.masked_vec(&group.name);
            for consumer in &mut group.consumers {
                consumer.name = self.masked_vec(&consumer.name);
            }
        }
        let history = meta.idmp.take().filter(|idmp| idmp[..] != IDMP_UNUSED);
        if history.is_some() && !self.job.lossy {
            return Err(Stop::Opaque("the deduplication history of a stream".into()));
        }
        self.losses.insert_if(history.is_some(), Loss::Idmp);
        Ok(meta)
    }
}

impl Visitor for Writing<'_> {
    type Error = Stop;

    /// A long string goes piece by piece: it may be most of a gigabyte.
    fn string(&mut self, value: &[u8]) -> Written {
        let Some(mask) = self.job.mask else { return Ok(()) };
        if value.len() <= SHORT_BYTES {
            let mut out = Vec::with_capacity(SHORT_BYTES);
            mask.string(value, self.room, &mut out);
            string::write(self.payload.buf(), &out, false);
            return Ok(());
        }
        length::write(self.payload.buf(), value.len() as u64);
        let payload = &mut *self.payload;
        mask.pieces(value, self.room, &mut |piece| payload.bytes(piece))?;
        Ok(())
    }

    fn list_item(&mut self, item: &[u8]) -> Written {
        self.set_member(item)
    }

    fn set_member(&mut self, member: &[u8]) -> Written {
        let mut out = std::mem::take(&mut self.room.first);
        let masked = Item::Str(self.masked(member, &mut out));
        let written = self.writer().item(masked);
        self.room.first = out;
        Ok(written?)
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Written {
        let mut out = std::mem::take(&mut self.room.first);
        let masked = Item::Str(self.masked(member, &mut out));
        let written = self.writer().member(masked, score);
        self.room.first = out;
        Ok(written?)
    }

    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Written {
        let expire_at_ms = self.job.retime.of_field(expire_at_ms);
        let mut field_out = std::mem::take(&mut self.room.first);
        let mut value_out = std::mem::take(&mut self.room.second);
        let field = Item::Str(self.masked(field, &mut field_out));
        let value = Item::Str(self.masked(value, &mut value_out));
        let written = self.writer().field(field, value, expire_at_ms);
        (self.room.first, self.room.second) = (field_out, value_out);
        Ok(written?)
    }

    /// Deleted messages stay in place, masked too.
    fn stream_node(
        &mut self,
        master: StreamId,
        listpack: &[u8],
    ) -> std::result::Result<bool, Stop> {
        let node = stream::Node::parse(master, listpack)?;
        let mut builder = stream::Builder::new();
        let (mut messages, mut message) = (node.messages(), Message::default());
        let mut text = IntBuf::new();
        while let Some(read) = messages.read_into(&mut message) {
            read?;
            let mut masked = Vec::with_capacity(message.fields.len());
            for (name, value) in &message.fields {
                let name = self.masked_vec(name.bytes(&mut text));
                masked.push((name, self.masked_vec(value.bytes(&mut text))));
            }
            let fields: Vec<_> =
                masked.iter().map(|(name, value)| (Item::Str(name), Item::Str(value))).collect();
            builder.push(message.id, message.deleted, &fields);
        }
        if !builder.is_empty() {
            let master = builder.master_id();
            self.writer().stream_node(master, Str::Raw(builder.finish()))?;
        }
        Ok(false)
    }

    fn stream_message(&mut self, _: &Message<'_>) -> Written {
        Ok(())
    }

    fn stream_meta(&mut self, meta: &StreamMeta) -> Written {
        let meta = self.mask_meta(meta)?;
        Ok(ElementWriter::new(self.payload, self.target, false).stream_meta(&meta)?)
    }

    fn opaque(&mut self, value_type: ValueType, payload: &[u8]) -> Written {
        let what = match value_type {
            ValueType::Module2 => {
                let id = length::read_plain(&mut Cursor::new(payload))?;
                format!("a value of module {}", module::name(id).0)
            }
            other => format!("a value of type {}", other.kind().name()),
        };
        Err(Stop::Opaque(what))
    }
}

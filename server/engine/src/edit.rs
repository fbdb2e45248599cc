//! An object on its way from one record to the next.
use crate::types::{list_write, only_blob, Result};
use redtool_format::encodings::listpack::edit as listpack;
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::{string, Kind, ValueType};
use redtool_store::build::{Incoming, Recorder, Sink};
use redtool_store::layout::INLINE_MAX_BYTES;
use redtool_store::{Body, Encoding, Object, Space, Table};

/// An object being changed. Its record is written by [`crate::write::Writing::finish`].
#[derive(Debug, Clone)]
pub struct Edit {
    /// What a client sees.
    pub kind: Kind,
    /// The type of the payload.
    pub value_type: ValueType,
    /// The reply of OBJECT ENCODING.
    pub encoding: Encoding,
    /// Absolute expiry, Unix ms.
    pub expire_at_ms: Option<i64>,
    /// Key metadata, opaque.
    pub meta: Option<Vec<u8>>,
    /// Elements; 1 for strings and opaque values.
    pub count: u64,
    /// Where the value is.
    pub body: OwnedBody,
}

/// Where a value is.
#[derive(Debug, Clone)]
pub enum OwnedBody {
    /// The blob of a packed collection (SetIntset, SetListpack, ZsetListpack, HashListpack,
    /// HashListpackEx without its first eight bytes; of ListQuicklist2 the nodes, made one):
    /// decoded, as it may be changed.
    Packed(Vec<u8>),
    /// The RDB payload of anything else.
    Payload(Vec<u8>),
    /// In segments.
    Segmented {
        /// Their id.
        id: u64,
        /// What the record holds behind the id.
        tail: Vec<u8>,
    },
}

/// Whether a type's payload is one blob.
pub fn is_packed(value_type: ValueType) -> bool {
    use ValueType::*;
    matches!(value_type, SetIntset | SetListpack | ZsetListpack | HashListpack | HashListpackEx)
}

/// Bytes before the blob of a hash with field TTLs.
const MIN_BYTES: usize = 8;

impl Edit {
    /// A new object of a packed kind, without elements.
    pub fn packed(value_type: ValueType, encoding: Encoding) -> Self {
        Self::new(value_type, encoding, 0, OwnedBody::Packed(listpack::empty()))
    }

    /// A new object.
    pub fn new(value_type: ValueType, encoding: Encoding, count: u64, body: OwnedBody) -> Self {
        let kind = value_type.kind();
        Self { kind, value_type, encoding, expire_at_ms: None, meta: None, count, body }
    }

    /// Of a record.
    pub fn of(object: &Object<'_>) -> Result<Self> {
        Self::in_room(object, Vec::new())
    }

    /// The same, with room for the blob that is there already.
    pub fn in_room(object: &Object<'_>, mut room: Vec<u8>) -> Result<Self> {
        let body = match object.body {
            Body::Inline(payload) if is_packed(object.value_type) => {
                let blob = match object.value_type {
                    ValueType::HashListpackEx => payload.get(MIN_BYTES..).unwrap_or_default(),
                    _ => payload,
                };
                room.clear();
                room.extend_from_slice(&only_blob(blob)?);
                OwnedBody::Packed(room)
            }
            Body::Inline(payload) if object.value_type == ValueType::ListQuicklist2 => {
                OwnedBody::Packed(list_write::packed(payload)?)
            }
            Body::Inline(payload) => OwnedBody::Payload(payload.to_vec()),
            Body::Segmented { id, tail } => OwnedBody::Segmented { id, tail: tail.to_vec() },
        };
        Ok(Self {
            kind: object.kind,
            value_type: object.value_type,
            encoding: object.encoding,
            expire_at_ms: object.expire_at_ms,
            meta: object.meta.map(<[u8]>::to_vec),
            count: object.count,
            body,
        })
    }

    /// Whether its key is to be removed: of what has no elements, only a stream stays.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.kind != Kind::Stream
    }

    /// Moves a packed value that has outgrown its record into segments.
    pub fn settle(&mut self, space: &mut Space) -> Result<()> {
        let OwnedBody::Packed(blob) = &self.body else { return Ok(()) };
        if blob.len() <= INLINE_MAX_BYTES {
            return Ok(());
        }
        let mut payload = Vec::with_capacity(blob.len() + 16);
        self.write_payload(blob, &mut payload);
        (self.value_type, self.count, self.body) =
            match from_payload(self.value_type, &payload, space)? {
                Some(built) => (built.value_type, built.count, built.body),
                None => (self.value_type, 0, OwnedBody::Packed(listpack::empty())),
            };
        Ok(())
    }

    fn write_payload(&self, blob: &[u8], out: &mut Vec<u8>) {
        if self.value_type == ValueType::HashListpackEx {
            out.extend_from_slice(&0i64.to_le_bytes());
        }
        if self.value_type == ValueType::ListQuicklist2 {
            out.extend_from_slice(&list_write::ONE_PACKED_NODE);
        }
        string::write_raw(out, blob);
    }

    /// Appends the record. The whole key, when it is a long one.
    pub fn write(&self, long_key: Option<&[u8]>, out: &mut Vec<u8>) {
        let body = match &self.body {
            // Written behind the header.
            OwnedBody::Packed(_) => Body::Inline(&[]),
            OwnedBody::Payload(payload) => Body::Inline(payload),
            OwnedBody::Segmented { id, tail } => Body::Segmented { id: *id, tail },
        };
        let object = Object {
            kind: self.kind,
            value_type: self.value_type,
            encoding: self.encoding,
            expire_at_ms: self.expire_at_ms,
            idle_s: None,
            freq: None,
            long_key,
            meta: self.meta.as_deref(),
            count: self.count,
            body,
        };
        object.write(out);
        if let OwnedBody::Packed(blob) = &self.body {
            self.write_payload(blob, out);
        }
    }
}

/// Takes what a [`Recorder`] makes: segments go into the space, the object is kept.
struct Taken<'s> {
    space: &'s mut Space,
    object: Vec<u8>,
}

impl Sink for Taken<'_> {
    fn record(&mut self, table: Table, key: &[u8], value: &[u8]) -> redtool_store::Result<()> {
        match table {
            Table::Objects => self.object = value.to_vec(),
            _ => self.space.put_segment(key, value.to_vec()),
        }
        Ok(())
    }
}

/// The object of a value given as an RDB payload of any type (as RESTORE has it), its segments
/// already stored; None for a collection without elements. The payload is checked.
pub fn from_payload(
    value_type: ValueType,
    payload: &[u8],
    space: &mut Space,
) -> Result<Option<Edit>> {
    let mut recorder = Recorder::new(space.meta().next_id);
    let entry = Incoming {
        db: 0,
        key: b"",
        expire_at_ms: None,
        idle_s: None,
        freq: None,
        meta: None,
        value_type,
        payload,
    };
    let first_id = recorder.next_id();
    let mut taken = Taken { space, object: Vec::new() };
    let built = recorder.build(&entry, &Templates::new(), &mut taken);
    let object = taken.object;
    space.meta_mut().next_id = recorder.next_id();
    if let Err(error) = built {
        // Of a value that is damaged further on, segments may have been stored.
        for id in first_id..recorder.next_id() {
            space.delete_segments(id)?;
        }
        return Err(error.into());
    }
    match object.is_empty() {
        true => Ok(None),
        false => Ok(Some(Edit::of(&Object::parse(&object)?)?)),
    }
}

//! What must hold for the bytes of any value: no panic, an end, and levels that agree.
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::check::{check, Depth};
use redtool_format::rdb::skip::skip_value;
use redtool_format::rdb::stream::{self, StreamMeta};
use redtool_format::rdb::value::{count, visit, Templates, Visitor};
use redtool_format::rdb::{Kind, ValueType};
use redtool_format::{Cursor, FormatError, Result};

/// The templates that the values of types 30 and 32 may refer to.
pub fn templates() -> Templates {
    Templates::from([(7, vec![b"a".to_vec(), b"bb".to_vec()])])
}

/// A value at all its levels: raw, logical, counted, checked at both depths.
pub fn value(value_type: ValueType, payload: &[u8]) {
    let templates = templates();
    let mut cursor = Cursor::new(payload);
    let skipped = skip_value(&mut cursor, value_type, &templates).map(|()| cursor.pos());
    let mut seen = Seen::default();
    let visited = visit(value_type, payload, &templates, &mut seen);
    let counted = count(value_type, payload);
    let always = checked(value_type, payload, Depth::Always);
    let deep = checked(value_type, payload, Depth::Deep);
    if value_type == ValueType::ModulePreGa {
        return;
    }
    if visited.is_ok() {
        assert_eq!(skipped, Ok(payload.len()), "what is visited can be passed over");
    }
    if deep.is_ok() {
        assert_eq!(always, Ok(()), "the deep check refuses all that the other does");
        assert!(skipped.is_ok(), "what is checked can be passed over");
    }
    if deep.is_ok() && skipped == Ok(payload.len()) {
        assert_eq!(visited, Ok(()), "what is checked can be visited");
        assert_eq!(counted, Ok(seen.elements), "and has as many elements as it counts");
    }
    if let Some(meta) = seen.meta.filter(|meta| meta.ownerless().next().is_none()) {
        stream_meta(&meta, value_type);
    }
}

fn checked(value_type: ValueType, payload: &[u8], depth: Depth) -> Result<()> {
    let mut within = true;
    let mut warn = |odd: FormatError| within &= odd.offset <= payload.len() as u64;
    let checked = check(value_type, payload, &templates(), depth, &mut warn);
    if let Err(error) = &checked {
        within &= error.offset <= payload.len() as u64;
    }
    assert!(within, "{checked:?} and all warnings lie in the payload");
    checked
}

/// Metadata that was read is written so that it reads the same.
fn stream_meta(meta: &StreamMeta, value_type: ValueType) {
    assert_eq!(value_type.kind(), Kind::Stream);
    let mut out = Vec::new();
    stream::write(&mut out, meta, value_type);
    let mut again = stream::read(&mut Cursor::new(&out), value_type).unwrap();
    if value_type == ValueType::Stream {
        again.first_id = meta.first_id;
    }
    assert_eq!(again, *meta);
}

#[derive(Default)]
struct Seen {
    elements: u64,
    meta: Option<StreamMeta>,
}

impl Visitor for Seen {
    type Error = FormatError;

    fn string(&mut self, _value: &[u8]) -> Result<()> {
        self.elements += 1;
        Ok(())
    }
    fn list_item(&mut self, item: &[u8]) -> Result<()> {
        self.string(item)
    }
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.string(member)
    }
    fn zset_member(&mut self, member: &[u8], _score: f64) -> Result<()> {
        self.string(member)
    }
    fn hash_field(&mut self, field: &[u8], _value: &[u8], _expire: Option<i64>) -> Result<()> {
        self.string(field)
    }
    fn stream_message(&mut self, _message: &Message<'_>) -> Result<()> {
        self.elements += 1;
        Ok(())
    }
    fn stream_meta(&mut self, meta: &StreamMeta) -> Result<()> {
        self.meta = Some(meta.clone());
        Ok(())
    }
    fn opaque(&mut self, _value_type: ValueType, _payload: &[u8]) -> Result<()> {
        Ok(())
    }
}

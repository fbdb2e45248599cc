//! Two objects of one key compared, cheapest first: the same bytes; the same segments; the same
//! elements.
use super::elements;
use super::sides::{BlobReader, Held, Item};
use super::{DiffKind, Difference};
use crate::error::{Error, Result};
use redtool_format::rdb::value::Templates;
use redtool_store::object::split_record_key;
use redtool_store::spill::SpillBytes;
use redtool_store::{read, Body, Object, Reader, Table};

/// Length of the id that segment keys start with.
const ID_BYTES: usize = 8;

/// What differs of one key: nothing, or its type, or its value and its expiry.
pub fn compare(a: &Item<'_>, b: &Item<'_>, tolerance_ms: i64) -> Result<Vec<Difference>> {
    let left = Object::parse(&a.record)?;
    if a.record == b.record && matches!(left.body, Body::Inline(_)) {
        return Ok(Vec::new());
    }
    let right = Object::parse(&b.record)?;
    let mut found = Vec::new();
    if left.kind != right.kind {
        let detail = format!("{} != {}", left.kind.name(), right.kind.name());
        found.push(a.difference(DiffKind::Type, detail, None)?);
        return Ok(found);
    }
    if let Some((path, detail)) = value_difference((a, &left), (b, &right), tolerance_ms)? {
        found.push(a.difference(DiffKind::Value, detail, path)?);
    }
    if !near(left.expire_at_ms, right.expire_at_ms, tolerance_ms) {
        let detail = format!("{} != {}", moment(left.expire_at_ms), moment(right.expire_at_ms));
        found.push(a.difference(DiffKind::Expiry, detail, None)?);
    }
    Ok(found)
}

type Holder<'i, 'r, 'o> = (&'i Item<'r>, &'i Object<'o>);

fn value_difference(
    a: Holder<'_, '_, '_>,
    b: Holder<'_, '_, '_>,
    tolerance_ms: i64,
) -> Result<Option<(Option<String>, String)>> {
    if a.1.value_type == b.1.value_type {
        if let (Body::Inline(x), Body::Inline(y)) = (a.1.body, b.1.body) {
            if x == y {
                return Ok(None);
            }
        }
    }
    let (blob_a, blob_b) = (blob_reader(a.0), blob_reader(b.0));
    let (reader_a, reader_b) = (reader(a.0, &blob_a), reader(b.0, &blob_b));
    if same_segments((reader_a, a.1), (reader_b, b.1))? {
        return Ok(None);
    }
    let (mut buf_a, mut buf_b) = (SpillBytes::new(), SpillBytes::new());
    let in_a = |e| placed(e, a.0);
    let in_b = |e| placed(e, b.0);
    let (type_a, payload_a) = read::payload(reader_a, a.1, &mut buf_a, false).map_err(in_a)?;
    let (type_b, payload_b) = read::payload(reader_b, b.1, &mut buf_b, false).map_err(in_b)?;
    let templates = Templates::new();
    let side = |value_type, payload| elements::Side { value_type, payload, templates: &templates };
    let found = elements::first_difference(
        &side(type_a, payload_a),
        &side(type_b, payload_b),
        tolerance_ms,
    );
    found.map_err(|(first, error)| placed(error, if first { a.0 } else { b.0 }))
}

fn blob_reader<'r>(item: &Item<'r>) -> BlobReader<'r> {
    match item.held {
        Held::Blob(blob) => BlobReader::new(blob),
        Held::Store(_) => BlobReader::new(&[]),
    }
}

fn reader<'a>(item: &Item<'a>, blob: &'a BlobReader<'_>) -> &'a dyn Reader {
    match item.held {
        Held::Store(reader) => reader,
        Held::Blob(_) => blob,
    }
}

/// Whether both are segmented and their segments are the same; false says nothing.
fn same_segments(
    (reader_a, a): (&dyn Reader, &Object<'_>),
    (reader_b, b): (&dyn Reader, &Object<'_>),
) -> Result<bool> {
    let (Body::Segmented { id: id_a, tail: tail_a }, Body::Segmented { id: id_b, tail: tail_b }) =
        (a.body, b.body)
    else {
        return Ok(false);
    };
    if a.value_type != b.value_type || a.count != b.count || tail_a != tail_b {
        return Ok(false);
    }
    let (id_a, id_b) = (id_a.to_be_bytes(), id_b.to_be_bytes());
    let mut left = reader_a.seek(Table::Segments, &id_a)?;
    let mut right = reader_b.seek(Table::Segments, &id_b)?;
    loop {
        let x = left.next()?.filter(|(key, _)| key.starts_with(&id_a));
        let y = right.next()?.filter(|(key, _)| key.starts_with(&id_b));
        match (x, y) {
            (None, None) => return Ok(true),
            (Some(x), Some(y)) if x.0[ID_BYTES..] == y.0[ID_BYTES..] && x.1 == y.1 => {}
            _ => return Ok(false),
        }
    }
}

#[cold]
fn placed(error: redtool_store::StoreError, item: &Item<'_>) -> Error {
    let (db, key) = split_record_key(&item.record_key).unwrap_or((0, &item.record_key));
    Error::store(error, 0, db, key)
}

fn near(a: Option<i64>, b: Option<i64>, tolerance_ms: i64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.abs_diff(b) <= tolerance_ms.unsigned_abs(),
        (a, b) => a == b,
    }
}

fn moment(at_ms: Option<i64>) -> String {
    at_ms.map_or("no expiry".into(), |at_ms| at_ms.to_string())
}

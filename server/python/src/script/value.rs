//! A Python value as an RDB payload.
//!
//! | type | Python | RDB type |
//! |---|---|---|
//! | string | bytes | 0 |
//! | list | an iterable of bytes | 1 |
//! | set | an iterable of bytes, each once | 2 |
//! | zset | pairs of bytes and number, or a dict of them | 5 |
//! | hash | a dict of bytes; `field_expire_ms` a dict of Unix ms | 4, Valkey's 22 with expiries |
//! | stream | a dict as `entries()` gives it | 21, 27 with pending entries that nobody owns |
//!
//! Text is taken for its UTF-8 bytes. What has no elements is no value.
use super::stream;
use super::{said, Wrong};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use redtool_format::encodings::Item;
use redtool_format::rdb::writer::{ElementWriter, Out};
use redtool_format::rdb::{string, Kind, ValueType};
use redtool_transfer::transform::payload::Payload;
use std::collections::HashSet;

pub(super) type Written<T> = std::result::Result<T, Wrong>;

/// Writes a value of this kind; None when it has no elements.
pub(super) fn write(
    kind: Kind,
    value: &Bound<'_, PyAny>,
    expiries: &Bound<'_, PyAny>,
) -> Written<Option<(ValueType, Payload)>> {
    let mut payload = Payload::default();
    payload.clear();
    if kind == Kind::String {
        string::write(payload.buf(), bytes(value, "a string's value")?, false);
        payload.finish(None)?;
        return Ok(Some((ValueType::String, payload)));
    }
    let (value_type, count) = match kind {
        Kind::List => items(value, ValueType::List, &mut payload)?,
        Kind::Set => items(value, ValueType::Set, &mut payload)?,
        Kind::Zset => members(value, &mut payload)?,
        Kind::Hash => fields(value, expiries, &mut payload)?,
        Kind::Stream => stream::write(value, &mut payload)?,
        _ => return said(format!("a {} cannot be changed or made by a script", kind.name())),
    };
    if count == 0 && kind != Kind::Stream {
        return Ok(None);
    }
    payload.finish(Some(count))?;
    Ok(Some((value_type, payload)))
}

/// The bytes of a bytes or str.
pub(super) fn bytes<'a>(object: &'a Bound<'_, PyAny>, what: &str) -> Written<&'a [u8]> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes());
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes());
    }
    said(format!("{what} is of type {}, not bytes", object.get_type().name()?))
}

fn iterate<'py>(
    value: &Bound<'py, PyAny>,
    what: &str,
) -> Written<Bound<'py, pyo3::types::PyIterator>> {
    let lone = value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyString>();
    match value.try_iter() {
        Ok(items) if !lone => Ok(items),
        _ => said(format!("the value of a {what} is of type {}", value.get_type().name()?)),
    }
}

/// Elements that must differ.
#[derive(Default)]
struct Distinct(HashSet<Vec<u8>>);

impl Distinct {
    fn see(&mut self, element: &[u8]) -> Written<()> {
        match self.0.insert(element.to_vec()) {
            true => Ok(()),
            false => said(format!("{:?} is there twice", String::from_utf8_lossy(element))),
        }
    }
}

fn items(
    value: &Bound<'_, PyAny>,
    value_type: ValueType,
    payload: &mut Payload,
) -> Written<(ValueType, u64)> {
    let kind = value_type.kind();
    let (mut seen, mut count) = (Distinct::default(), 0);
    for item in iterate(value, kind.name())? {
        let item = item?;
        let item = bytes(&item, &format!("an element of a {}", kind.name()))?;
        if kind == Kind::Set {
            seen.see(item)?;
        }
        ElementWriter::new(payload, value_type, false).item(Item::Str(item))?;
        count += 1;
    }
    Ok((value_type, count))
}

fn members(value: &Bound<'_, PyAny>, payload: &mut Payload) -> Written<(ValueType, u64)> {
    let pairs = match value.cast::<PyDict>() {
        Ok(dict) => dict.items().into_any(),
        Err(_) => value.clone(),
    };
    let (mut seen, mut count) = (Distinct::default(), 0);
    for pair in iterate(&pairs, "zset")? {
        let pair = pair?;
        let Ok((member, score)) = pair.extract::<(Bound<'_, PyAny>, f64)>() else {
            return said(format!("{} is no pair of member and score", pair.repr()?));
        };
        let member = bytes(&member, "a member of a zset")?;
        if score.is_nan() {
            return said("a score is not a number");
        }
        seen.see(member)?;
        ElementWriter::new(payload, ValueType::Zset2, false).member(Item::Str(member), score)?;
        count += 1;
    }
    Ok((ValueType::Zset2, count))
}

fn fields(
    value: &Bound<'_, PyAny>,
    expiries: &Bound<'_, PyAny>,
    payload: &mut Payload,
) -> Written<(ValueType, u64)> {
    let Ok(dict) = value.cast::<PyDict>() else {
        return said(format!("the value of a hash is of type {}", value.get_type().name()?));
    };
    let expiries = match expiries.cast::<PyDict>() {
        Ok(expiries) => expiries.clone(),
        Err(_) if expiries.is_none() => PyDict::new(value.py()),
        Err(_) => return said("field_expire_ms is no dict"),
    };
    let value_type = if expiries.is_empty() { ValueType::Hash } else { ValueType::ValkeyHash2 };
    let (mut seen, mut count, mut expiring) = (Distinct::default(), 0, 0);
    for (field, value) in dict {
        let expire_at_ms = match expiries.get_item(&field)? {
            Some(at_ms) => Some(field_expiry(&at_ms)?),
            None => None,
        };
        let (field, value) = (bytes(&field, "a field")?, bytes(&value, "the value of a field")?);
        seen.see(field)?;
        let (field, value) = (Item::Str(field), Item::Str(value));
        ElementWriter::new(payload, value_type, false).field(field, value, expire_at_ms)?;
        count += 1;
        expiring += usize::from(expire_at_ms.is_some());
    }
    if expiring < expiries.len() {
        return said("field_expire_ms names a field that is not in the hash");
    }
    Ok((value_type, count))
}

fn field_expiry(at_ms: &Bound<'_, PyAny>) -> Written<i64> {
    match at_ms.extract::<i64>() {
        Ok(ms) if (0..1 << 48).contains(&ms) => Ok(ms),
        _ => said(format!("{} is no expiry of a field in Unix milliseconds", at_ms.repr()?)),
    }
}

/// A tuple or list of exactly so many objects.
pub(super) fn tuple<'py>(
    object: &Bound<'py, PyAny>,
    len: usize,
    what: &str,
) -> Written<Vec<Bound<'py, PyAny>>> {
    let parts: Vec<Bound<'py, PyAny>> = match object.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().collect(),
        Err(_) => iterate(object, what)?.collect::<PyResult<_>>()?,
    };
    match parts.len() == len {
        true => Ok(parts),
        false => said(format!("{} is no {what}", object.repr()?)),
    }
}

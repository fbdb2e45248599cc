//! Hashes of Redis 8.10 whose field names lie elsewhere (types 29-32): in a record of the file, or
//! in DUMP payloads before the values.
//!
//! ```text
//! 29  names · str listpack: an integer to ignore, then the values
//! 30  str listpack: the template id, then the values
//! 31  names · one str per field
//! 32  len template id · one str per field
//! names: len form; 0: str listpack of names, 1: len count, count × str
//! ```
use super::super::length::{read_count, read_plain};
use super::super::skip::unknown_template;
use super::super::string;
use super::super::types::ValueType;
use super::blob::{text, Blob};
use super::packed::partner;
use super::{Scratch, Templates, Visitor};
use crate::cursor::Cursor;
use crate::encodings::listpack::{self, Listpack};
use crate::encodings::IntBuf;
use crate::error::{FormatError, Result};

/// The result of a visit.
type Visit<V> = std::result::Result<(), <V as Visitor>::Error>;

pub(in crate::rdb) fn hash<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    value_type: ValueType,
    templates: &Templates,
    visitor: &mut V,
) -> Visit<V> {
    let mut name_blob = Vec::new();
    match value_type {
        ValueType::HashTemplateListpack => packed_values(cursor, scratch, None, templates, visitor),
        ValueType::HashTemplateListpackDump => {
            let names = Names::read(cursor, &mut name_blob)?;
            packed_values(cursor, scratch, Some(names), templates, visitor)
        }
        ValueType::HashTemplate => {
            let start = cursor.pos();
            let id = read_plain(cursor)?;
            let names = Names::of_template(templates, start, id)?;
            plain_values(cursor, scratch, names, visitor)
        }
        _ => {
            let names = Names::read(cursor, &mut name_blob)?;
            plain_values(cursor, scratch, names, visitor)
        }
    }
}

fn plain_values<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    mut names: Names<'_>,
    visitor: &mut V,
) -> Visit<V> {
    visitor.count(names.count()?)?;
    let mut name_text = IntBuf::new();
    while let Some(name) = names.next(&mut scratch.first, &mut name_text)? {
        visitor.hash_field(name, text(cursor, &mut scratch.second)?, None)?;
    }
    Ok(())
}

/// Without `names` the first entry says which template has them.
fn packed_values<'n, V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    names: Option<Names<'n>>,
    templates: &'n Templates,
    visitor: &mut V,
) -> Visit<V> {
    let start = cursor.pos();
    let blob = Blob::read(cursor, &mut scratch.second)?;
    let mut values = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?.iter();
    let first = partner(&blob, values.next())?.as_int();
    let mut names = match names {
        Some(names) => names,
        None => {
            let id = first.and_then(|id| u64::try_from(id).ok());
            let id = id.ok_or_else(|| blob.corrupt("hash template id is not a number"))?;
            Names::of_template(templates, start, id)?
        }
    };
    visitor.count(names.count()?)?;
    let (mut name_text, mut value_text) = (IntBuf::new(), IntBuf::new());
    while let Some(name) = names.next(&mut scratch.first, &mut name_text)? {
        let value = partner(&blob, values.next())?;
        visitor.hash_field(name, value.bytes(&mut value_text), None)?;
    }
    match values.next() {
        None => Ok(()),
        Some(_) => Err(blob.corrupt("more values than the hash template has fields").into()),
    }
}

/// Field names in the order of the values.
enum Names<'n> {
    Listpack(Blob<'n>, listpack::Iter<'n>),
    Strings(Cursor<'n>, usize),
    Template(&'n [Vec<u8>]),
}

impl<'n> Names<'n> {
    fn of_template(templates: &'n Templates, offset: usize, id: u64) -> Result<Self> {
        let names = templates.get(&id).ok_or_else(|| unknown_template(offset, id))?;
        Ok(Names::Template(names))
    }

    /// The names part of a DUMP form; the cursor passes it.
    fn read<'a: 'n>(cursor: &mut Cursor<'a>, name_blob: &'n mut Vec<u8>) -> Result<Self> {
        let start = cursor.pos();
        match read_plain(cursor)? {
            0 => {
                let blob = Blob::read(cursor, name_blob)?;
                let names = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?;
                // Skipping believes the header about the number of names, so it must be right.
                names.validate().map_err(|e| blob.place(e))?;
                Ok(Names::Listpack(blob, names.iter()))
            }
            1 => {
                let count = read_count(cursor, 1)?;
                let names = Names::Strings(cursor.clone(), count);
                (0..count).try_for_each(|_| string::skip(cursor))?;
                Ok(names)
            }
            form => {
                let what = format!("hash template names in unknown form {form}");
                Err(FormatError::corrupt(start, what))
            }
        }
    }

    fn count(&self) -> Result<u64> {
        match self {
            Names::Listpack(blob, names) => {
                names.clone().try_fold(0, |n, name| name.map(|_| n + 1)).map_err(|e| blob.place(e))
            }
            Names::Strings(_, count) => Ok(*count as u64),
            Names::Template(names) => Ok(names.len() as u64),
        }
    }

    fn next<'b>(
        &mut self,
        scratch: &'b mut Vec<u8>,
        name_text: &'b mut IntBuf,
    ) -> Result<Option<&'b [u8]>>
    where
        'n: 'b,
    {
        match self {
            Names::Listpack(blob, names) => match names.next() {
                Some(name) => Ok(Some(name.map_err(|e| blob.place(e))?.bytes(name_text))),
                None => Ok(None),
            },
            Names::Strings(_, 0) => Ok(None),
            Names::Strings(cursor, left) => {
                *left -= 1;
                text(cursor, scratch).map(Some)
            }
            Names::Template(names) => {
                let Some((name, rest)) = names.split_first() else { return Ok(None) };
                *names = rest;
                Ok(Some(name))
            }
        }
    }
}

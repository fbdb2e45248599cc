//! The raw level: finding the end of a value without decoding it.
//!
//! No value carries its own size, so the walk goes string by string; it reads lengths only and
//! touches no element's bytes. Counts are not trusted: the walk ends with the input.
use super::length;
use super::module;
use super::stream;
use super::string;
use super::types::ValueType;
use super::value::Templates;
use crate::cursor::Cursor;
use crate::error::{FormatError, Result};

/// Moves the cursor past the value of type `value_type`; `templates` gives the widths of types 30
/// and 32.
#[inline]
pub fn skip_value(
    cursor: &mut Cursor<'_>,
    value_type: ValueType,
    templates: &Templates,
) -> Result<()> {
    use ValueType::*;
    match value_type {
        String | HashZipmap | ListZiplist | SetIntset | ZsetZiplist | HashZiplist
        | HashListpack | ZsetListpack | SetListpack | HashListpackExRc | HashTemplateListpack => {
            string::skip(cursor)
        }
        List | Set | ListQuicklist => repeat(cursor, |c| string::skip(c)),
        Hash => repeat(cursor, |c| skip_strings(c, 2)),
        Zset => repeat(cursor, |c| string::skip(c).and_then(|()| skip_ascii_double(c))),
        Zset2 => repeat(cursor, |c| string::skip(c).and_then(|()| c.skip(8))),
        ListQuicklist2 => repeat(cursor, |c| length::read_plain(c).and_then(|_| string::skip(c))),
        Stream | Stream2 | Stream3 | Stream4 | Stream5 => {
            repeat(cursor, |c| skip_strings(c, 2))?;
            stream::skip(cursor, value_type)
        }
        ModulePreGa => Err(FormatError::unsupported(
            cursor.pos(),
            "module value of a 4.0 pre-release (type 6), which only its module can frame",
        )),
        Module2 => length::read_plain(cursor).and_then(|_| module::skip_opcodes(cursor)),
        HashMetadataRc => {
            repeat(cursor, |c| length::read_plain(c).and_then(|_| skip_strings(c, 2)))
        }
        HashMetadata => {
            cursor.skip(8)?;
            repeat(cursor, |c| length::read_plain(c).and_then(|_| skip_strings(c, 2)))
        }
        HashListpackEx => cursor.skip(8).and_then(|()| string::skip(cursor)),
        ValkeyHash2 => repeat(cursor, |c| skip_strings(c, 2).and_then(|()| c.skip(8))),
        Array => skip_array(cursor),
        HashTemplateListpackDump => skip_names(cursor).and_then(|_| string::skip(cursor)),
        HashTemplateDump => {
            let fields = skip_names(cursor)?;
            skip_strings(cursor, fields)
        }
        HashTemplate => {
            let start = cursor.pos();
            let id = length::read_plain(cursor)?;
            let names = templates.get(&id).ok_or_else(|| unknown_template(start, id))?;
            skip_strings(cursor, names.len() as u64)
        }
    }
}

/// The error for a value that refers to a template its file did not announce.
#[cold]
pub(super) fn unknown_template(offset: usize, id: u64) -> FormatError {
    FormatError::corrupt(offset, format!("hash template {id} was not announced"))
}

fn repeat<'a>(
    cursor: &mut Cursor<'a>,
    mut skip_one: impl FnMut(&mut Cursor<'a>) -> Result<()>,
) -> Result<()> {
    let count = length::read_count(cursor, 1)?;
    for _ in 0..count {
        skip_one(cursor)?;
    }
    Ok(())
}

fn skip_strings(cursor: &mut Cursor<'_>, n: u64) -> Result<()> {
    for _ in 0..n {
        string::skip(cursor)?;
    }
    Ok(())
}

/// Type 3 scores: a length byte and characters, or 253 NaN, 254 +inf, 255 -inf.
fn skip_ascii_double(cursor: &mut Cursor<'_>) -> Result<()> {
    match cursor.u8()? {
        253..=255 => Ok(()),
        n => cursor.skip(usize::from(n)),
    }
}

/// The names part of types 29 and 31; gives their number.
fn skip_names(cursor: &mut Cursor<'_>) -> Result<u64> {
    let start = cursor.pos();
    match length::read_plain(cursor)? {
        0 => {
            let mut scratch = Vec::new();
            let blob = string::read(cursor)?;
            let blob = blob.decode(&mut scratch).map_err(|e| e.at(start))?;
            let names = crate::encodings::listpack::Listpack::parse(blob);
            Ok(names.and_then(|names| names.count()).map_err(|e| e.at(start))? as u64)
        }
        1 => {
            let count = length::read_count(cursor, 1)? as u64;
            skip_strings(cursor, count)?;
            Ok(count)
        }
        n => Err(FormatError::corrupt(start, format!("hash template names in unknown form {n}"))),
    }
}

fn skip_array(cursor: &mut Cursor<'_>) -> Result<()> {
    let count = length::read_count(cursor, 1)?;
    if length::read_plain(cursor)? == 1 {
        length::read_plain(cursor)?;
    }
    for _ in 0..count {
        length::read_plain(cursor)?;
        let start = cursor.pos();
        match length::read_plain(cursor)? {
            0 | 3 => string::skip(cursor)?,
            1 | 2 => cursor.skip(8)?,
            n => return Err(FormatError::corrupt(start, format!("unknown array element tag {n}"))),
        }
    }
    Ok(())
}

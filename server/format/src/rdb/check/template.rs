//! Hashes whose field names lie elsewhere: a visit finds whether names and values fit together; the
//! deep check also walks the listpacks.
use super::super::length::read_plain;
use super::super::types::ValueType;
use super::super::value::blob::Blob;
use super::super::value::template;
use super::super::value::Templates;
use super::distinct::Names;
use super::Check;
use crate::cursor::Cursor;
use crate::encodings::listpack::Listpack;
use crate::error::Result;

pub(super) fn hash(
    check: &mut Check<'_>,
    cursor: &mut Cursor<'_>,
    value_type: ValueType,
    templates: &Templates,
) -> Result<()> {
    if check.deep {
        listpacks(check, &mut cursor.clone(), value_type)?;
    }
    let mut fields = 0;
    let mut names = Names(|name: &[u8]| {
        check.names.add(name);
        fields += 1;
    });
    template::hash(cursor, check.scratch, value_type, templates, &mut names)?;
    check.elements(fields);
    Ok(())
}

fn listpacks(check: &mut Check<'_>, cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<()> {
    let of_names = match value_type {
        ValueType::HashTemplateListpackDump | ValueType::HashTemplateDump => {
            read_plain(&mut cursor.clone())? == 0
        }
        _ => false,
    };
    if of_names {
        read_plain(cursor)?;
        listpack(check, cursor)?;
    }
    match value_type {
        ValueType::HashTemplateListpack => listpack(check, cursor),
        ValueType::HashTemplateListpackDump if of_names => listpack(check, cursor),
        _ => Ok(()),
    }
}

fn listpack(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let blob = Blob::read(cursor, &mut check.scratch.first)?;
    let listpack = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?;
    listpack.validate().map_err(|e| blob.place(e))
}

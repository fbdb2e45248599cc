//! Values that lie element by element.
use super::super::length::read_count;
use super::super::types::ValueType;
use super::super::value::blob::{check_text, text};
use super::super::value::plain::Expiries;
use super::super::value::score;
use super::Check;
use crate::cursor::Cursor;
use crate::error::Result;

/// Servers keep a smaller hash packed while they load it, and look for duplicates there only when
/// they sanitize. This is the largest default of `hash-max-listpack-entries`.
const PACKED_HASH_FIELDS: usize = 512;

pub(super) fn list(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let count = read_count(cursor, 1)?;
    check.elements(count);
    (0..count).try_for_each(|_| check_text(cursor))
}

pub(super) fn set(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let count = read_count(cursor, 1)?;
    check.elements(count);
    check.names.expect(count);
    for _ in 0..count {
        check.names.add(text(cursor, &mut check.scratch.first)?);
    }
    Ok(())
}

pub(super) fn zset(
    check: &mut Check<'_>,
    cursor: &mut Cursor<'_>,
    value_type: ValueType,
) -> Result<()> {
    let count = read_count(cursor, 2)?;
    check.elements(count);
    check.names.expect(count);
    for _ in 0..count {
        check.names.add(text(cursor, &mut check.scratch.first)?);
        score::read(cursor, value_type)?;
    }
    Ok(())
}

pub(super) fn hash(
    check: &mut Check<'_>,
    cursor: &mut Cursor<'_>,
    value_type: ValueType,
) -> Result<()> {
    let expiries = Expiries::read(cursor, value_type)?;
    let count = read_count(cursor, 2)?;
    check.elements(count);
    check.names.expect(count);
    let named = check.deep || count > PACKED_HASH_FIELDS;
    for _ in 0..count {
        expiries.before_field(cursor)?;
        if named {
            check.names.add(text(cursor, &mut check.scratch.first)?);
        } else {
            check_text(cursor)?;
        }
        check_text(cursor)?;
        expiries.after_value(cursor)?;
    }
    Ok(())
}

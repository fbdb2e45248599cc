//! Values that lie element by element: types 0-5, the hashes with field expiries 22 and 24, and
//! Valkey's 22.
use super::super::length::{read_count, read_plain};
use super::super::types::ValueType;
use super::blob::text;
use super::score;
use super::{Scratch, Visitor};
use crate::cursor::Cursor;
use crate::error::{FormatError, Result};

/// The result of a visit.
type Visit<V> = std::result::Result<(), <V as Visitor>::Error>;

/// The largest field expiry that servers keep.
pub(in crate::rdb) const FIELD_EXPIRY_MAX_MS: i64 = (1 << 48) - 1;

pub(super) fn string<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    visitor.count(1)?;
    visitor.string(text(cursor, &mut scratch.first)?)
}

pub(super) fn list<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let count = read_count(cursor, 1)?;
    visitor.count(count as u64)?;
    for _ in 0..count {
        visitor.list_item(text(cursor, &mut scratch.first)?)?;
    }
    Ok(())
}

pub(super) fn set<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    visitor: &mut V,
) -> Visit<V> {
    let count = read_count(cursor, 1)?;
    visitor.count(count as u64)?;
    for _ in 0..count {
        visitor.set_member(text(cursor, &mut scratch.first)?)?;
    }
    Ok(())
}

pub(super) fn zset<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    value_type: ValueType,
    visitor: &mut V,
) -> Visit<V> {
    let count = read_count(cursor, 2)?;
    visitor.count(count as u64)?;
    for _ in 0..count {
        let member = text(cursor, &mut scratch.first)?;
        visitor.zset_member(member, score::read(cursor, value_type)?)?;
    }
    Ok(())
}

pub(super) fn hash<V: Visitor>(
    cursor: &mut Cursor<'_>,
    scratch: &mut Scratch,
    value_type: ValueType,
    visitor: &mut V,
) -> Visit<V> {
    let expiries = Expiries::read(cursor, value_type)?;
    let count = read_count(cursor, 2)?;
    visitor.count(count as u64)?;
    for _ in 0..count {
        let before = expiries.before_field(cursor)?;
        let field = text(cursor, &mut scratch.first)?;
        let value = text(cursor, &mut scratch.second)?;
        visitor.hash_field(field, value, before.or(expiries.after_value(cursor)?))?;
    }
    Ok(())
}

/// Where the field expiries of a plain hash stand and how they count.
#[derive(Debug, Clone, Copy)]
pub(in crate::rdb) enum Expiries {
    /// Type 4.
    None,
    /// Redis 22, before the field: absolute, 0 for none.
    Absolute,
    /// Type 24, before the field: 0 for none, else this base plus it less one. Unlike in type 25
    /// the stated minimum is arithmetic, not a hint.
    Relative(i64),
    /// Valkey 22, after the value: absolute, -1 for none.
    Trailing,
}

impl Expiries {
    /// The form of `value_type`, reading the minimum that stands before the count of type 24.
    #[inline]
    pub fn read(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<Self> {
        match value_type {
            ValueType::HashMetadataRc => Ok(Expiries::Absolute),
            ValueType::HashMetadata => read_base(cursor).map(Expiries::Relative),
            ValueType::ValkeyHash2 => Ok(Expiries::Trailing),
            _ => Ok(Expiries::None),
        }
    }

    /// Reads the expiry that stands before a field, if the form has it there.
    #[inline]
    pub fn before_field(self, cursor: &mut Cursor<'_>) -> Result<Option<i64>> {
        let min = match self {
            Expiries::None | Expiries::Trailing => return Ok(None),
            Expiries::Absolute => 1,
            Expiries::Relative(min) => min,
        };
        let start = cursor.pos();
        match read_plain(cursor)? {
            0 => Ok(None),
            t => i64::try_from(t)
                .ok()
                .and_then(|t| min.checked_add(t - 1))
                .filter(|at_ms| (0..=FIELD_EXPIRY_MAX_MS).contains(at_ms))
                .map(Some)
                .ok_or_else(|| FormatError::corrupt(start, "field expiry is out of range")),
        }
    }

    /// Reads the expiry that stands after a value, if the form has it there.
    #[inline]
    pub fn after_value(self, cursor: &mut Cursor<'_>) -> Result<Option<i64>> {
        if !matches!(self, Expiries::Trailing) {
            return Ok(None);
        }
        let start = cursor.pos();
        match cursor.i64_le()? {
            -1 => Ok(None),
            at_ms if at_ms >= 0 => Ok(Some(at_ms)),
            at_ms => Err(FormatError::corrupt(start, format!("field expiry {at_ms} is negative"))),
        }
    }
}

/// Reads the smallest field expiry of type 24; a hash whose fields have none left may state the
/// first value out of range.
fn read_base(cursor: &mut Cursor<'_>) -> Result<i64> {
    let start = cursor.pos();
    let min = cursor.i64_le()?;
    if !(0..=FIELD_EXPIRY_MAX_MS + 1).contains(&min) {
        let what = format!("smallest field expiry {min} is out of range");
        return Err(FormatError::corrupt(start, what));
    }
    Ok(min)
}

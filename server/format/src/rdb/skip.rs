//! The raw level: finding the end of a value without decoding it.
use super::types::ValueType;
use crate::cursor::Cursor;
use crate::error::Result;

/// Moves the cursor past the value of type `value_type`.
pub fn skip_value(cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<()> {
    let _ = (cursor, value_type);
    todo!()
}

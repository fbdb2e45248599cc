//! Modules.
use crate::cursor::Cursor;
use crate::error::Result;

/// The nine-character name and the encoding version in a 64-bit module id.
pub fn name(id: u64) -> (String, u16) {
    let _ = id;
    todo!()
}

/// Passes over module opcodes up to and including EOF.
pub fn skip_opcodes(cursor: &mut Cursor<'_>) -> Result<()> {
    let _ = cursor;
    todo!()
}

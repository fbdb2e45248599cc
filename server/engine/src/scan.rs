//! SCAN: cursors and options.
//!
//! Keys are in byte order, so a place in the walk is a key, but a cursor must be a 64-bit number.
//! The table gives each place a number and keeps the last [`CURSORS`] of them; a number that it
//! does not know (any more) is an error, since starting over silently would repeat or lose keys.
use crate::args;
use crate::error::Error;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many unfinished scans are remembered.
pub const CURSORS: usize = 65536;

/// Where unfinished scans stand.
#[derive(Debug, Default)]
pub struct Cursors(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    next: u64,
    places: HashMap<u64, Vec<u8>>,
}

impl Cursors {
    /// Remembers a record key (the database is part of it) and gives its cursor.
    pub fn remember(&self, record_key: &[u8]) -> u64 {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.next += 1;
        let id = table.next;
        table.places.insert(id, record_key.to_vec());
        let oldest = id.saturating_sub(CURSORS as u64);
        table.places.remove(&oldest);
        id
    }

    /// The record key of a cursor. It stays known, as a client may repeat a call.
    pub fn place(&self, cursor: u64) -> Option<Vec<u8>> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.places.get(&cursor).cloned()
    }
}

/// The cursor argument of the SCAN family, read as `strtoul` reads it: nothing at all is 0, and a
/// negative number wraps around.
pub fn parse_cursor(arg: &[u8]) -> Result<u64, Error> {
    const INVALID: Error = Error::fixed("ERR invalid cursor");
    let (negative, digits) = match args::until_nul(arg) {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(INVALID);
    }
    let text = std::str::from_utf8(digits).map_err(|_| INVALID)?;
    let number: u64 = text.parse().map_err(|_| INVALID)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

/// Options of the SCAN family.
#[derive(Debug, Default)]
pub struct ScanOptions<'a> {
    /// MATCH; None also for `*`.
    pub pattern: Option<&'a [u8]>,
    /// COUNT.
    pub count: Option<u64>,
    /// TYPE (SCAN only).
    pub type_name: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options after the cursor; `TYPE` is known to SCAN only.
    pub fn parse(args: &[&'a [u8]], with_type: bool) -> Result<Self, Error> {
        let mut options = ScanOptions::default();
        for pair in args.chunks(2) {
            let [name, value] = *pair else { return Err(Error::SYNTAX) };
            if args::is(name, "count") {
                let count = args::int(value)?;
                if count < 1 {
                    return Err(Error::SYNTAX);
                }
                options.count = Some(count.unsigned_abs());
            } else if args::is(name, "match") {
                options.pattern = (value != b"*").then_some(value);
            } else if args::is(name, "type") && with_type {
                options.type_name = Some(value);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    /// COUNT, 10 by default.
    pub fn count(&self) -> usize {
        usize::try_from(self.count.unwrap_or(10)).unwrap_or(usize::MAX)
    }

    /// Whether an element passes MATCH.
    pub fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| crate::glob::matches(pattern, element, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_servers_read_it() {
        for (text, cursor) in [("", 0), ("0", 0), ("+7", 7), ("007", 7), ("-1", u64::MAX)] {
            assert_eq!(parse_cursor(text.as_bytes()).ok(), Some(cursor), "{text}");
        }
        for text in ["-", "+", " 1", "1 ", "1a", "18446744073709551616"] {
            assert!(parse_cursor(text.as_bytes()).is_err(), "{text}");
        }
    }
}

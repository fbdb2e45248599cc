//! Places in a walk over the objects of a dataset in memory.
//!
//! ```text
//! nothing            before all objects
//! [db]               before the first object of a db
//! [db][key] 00       behind an object, which need not be there; its key may be empty
//! ```
use crate::object::split_record_key;

/// The place behind an object.
pub fn place_behind(record_key: &[u8]) -> Vec<u8> {
    [record_key, &[0]].concat()
}

/// The db of a place, and the key that it is behind.
pub(super) fn read_place(place: &[u8]) -> (u32, Option<&[u8]>) {
    match split_record_key(place) {
        Ok((db, [key @ .., _])) => (db, Some(key)),
        Ok((db, [])) => (db, None),
        Err(_) => (0, None),
    }
}

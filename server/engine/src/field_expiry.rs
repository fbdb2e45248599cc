//! Fields of hashes that run out, removed in their time and unasked.
//!
//! In memory only: which hashes have fields with an expiry, and when each is to be looked at next.
//! A hash comes in when one of its fields is given an expiry, or when it is written and was not
//! known (it came from a store, or under another name). Until it is looked at, fields that have run
//! out are there but hidden.
use crate::edit::Edit;
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::notify::class;
use crate::types::hash_write;
use crate::types::Result;
use hashbrown::HashMap;
use redtool_format::rdb::ValueType;
use redtool_store::{Object, Reader, StoreError, Table};
use std::collections::BTreeSet;

/// Hashes by the time at which a field of theirs runs out.
#[derive(Debug, Default)]
pub struct FieldExpires {
    due: BTreeSet<(i64, Box<[u8]>)>,
    known: HashMap<Box<[u8]>, i64>,
}

/// Of a big hash so many fields are walked for each millisecond that it is then left alone.
const FIELDS_A_MS: u64 = 100;
/// A hash that could have fields with an expiry, and has none, is left alone for so long.
const IDLE_MS: i64 = 60_000;

impl FieldExpires {
    /// A field of the hash with this record key runs out at this time.
    pub fn note(&mut self, record_key: &[u8], at_ms: i64) {
        match self.known.get_mut(record_key) {
            Some(known_ms) if *known_ms <= at_ms => return,
            Some(known_ms) => {
                self.due.remove(&(*known_ms, record_key.into()));
                *known_ms = at_ms;
            }
            None => {
                self.known.insert(record_key.into(), at_ms);
            }
        }
        self.due.insert((at_ms, record_key.into()));
    }

    /// A hash has been written: when it is not known it is looked at soon.
    pub fn note_written(&mut self, record_key: &[u8]) {
        if !self.known.contains_key(record_key) {
            self.note(record_key, i64::MIN);
        }
    }

    /// Two databases have changed places.
    pub fn swap(&mut self, a: u32, b: u32) {
        let (a, b) = (a.to_be_bytes(), b.to_be_bytes());
        for (mut record_key, at_ms) in std::mem::take(&mut self.known) {
            if let Some(db) = record_key.first_chunk_mut() {
                *db = if *db == a {
                    b
                } else if *db == b {
                    a
                } else {
                    *db
                };
            }
            self.known.insert(record_key, at_ms);
        }
        self.due =
            self.known.iter().map(|(record_key, at_ms)| (*at_ms, record_key.clone())).collect();
    }

    /// Takes out a hash of which a field has run out.
    fn next_due(&mut self, now_ms: i64) -> Option<Box<[u8]>> {
        if self.due.first()?.0 >= now_ms {
            return None;
        }
        let (_, record_key) = self.due.pop_first()?;
        self.known.remove(&record_key);
        Some(record_key)
    }
}

impl Keyspace {
    /// Removes the expired fields of at most so many hashes; how many were looked at.
    pub fn expire_fields(
        &mut self,
        now_ms: i64,
        most: usize,
    ) -> std::result::Result<usize, StoreError> {
        for done in 0..most {
            match self.field_expires.next_due(now_ms) {
                Some(record_key) => self.sweep_fields(&record_key, now_ms).map_err(in_store)?,
                None => return Ok(done),
            }
        }
        Ok(most)
    }

    /// Removes the expired fields of a hash, if it is still one.
    fn sweep_fields(&mut self, record_key: &[u8], now_ms: i64) -> Result<()> {
        let Some(record) = self.space.get(Table::Objects, record_key)? else { return Ok(()) };
        let object = Object::parse(&record)?;
        if object.value_type != ValueType::HashListpackEx {
            return Ok(());
        }
        let name = object.key(record_key)?.to_vec();
        let mut edit = Edit::of(&object)?;
        drop(record);
        let pause_ms = (edit.count / FIELDS_A_MS) as i64;
        let not_before_ms = now_ms.saturating_add(pause_ms);
        let swept = hash_write::drop_all_expired(&mut self.space, &mut edit, now_ms)?;
        if edit.count > 0 {
            let at_ms = swept.next_at_ms.unwrap_or(now_ms.saturating_add(IDLE_MS));
            self.field_expires.note(record_key, at_ms.max(not_before_ms));
        }
        if swept.dropped == 0 {
            return Ok(());
        }
        let is_left = self.save(record_key, &name, edit)?;
        self.dirty += swept.dropped - 1;
        self.touch(record_key, &name, 0);
        let db = record_key.first_chunk().map_or(0, |db| u32::from_be_bytes(*db));
        self.notify(class::HASH, "hexpired", db, &name);
        if !is_left {
            self.notify(class::GENERIC, "del", db, &name);
        }
        Ok(())
    }
}

/// Nobody has asked for anything, so what goes wrong is the store's fault.
fn in_store(error: Error) -> StoreError {
    match error {
        Error::Store(error) => error,
        other => StoreError::Corrupt(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_due_at_its_earliest_time_and_once() {
        let mut expires = FieldExpires::default();
        for at_ms in [30, 10, 20] {
            expires.note(b"a", at_ms);
        }
        expires.note(b"b", 15);
        expires.note_written(b"b");
        expires.note_written(b"c");
        assert_eq!(expires.next_due(10).as_deref(), Some(&b"c"[..]));
        assert_eq!(expires.next_due(10), None);
        assert_eq!(expires.next_due(11).as_deref(), Some(&b"a"[..]));
        assert_eq!(expires.next_due(99).as_deref(), Some(&b"b"[..]));
        assert_eq!(expires.next_due(99), None);
    }

    #[test]
    fn a_hash_is_found_in_the_database_that_it_is_in() {
        let mut expires = FieldExpires::default();
        let keys = [b"\0\0\0\x01a", b"\0\0\0\x02b", b"\0\0\0\x03c"];
        keys.iter().zip(1..).for_each(|(key, at_ms)| expires.note(&key[..], at_ms));
        expires.swap(2, 1);
        for key in [b"\0\0\0\x02a", b"\0\0\0\x01b", b"\0\0\0\x03c"] {
            assert_eq!(expires.next_due(9).as_deref(), Some(&key[..]));
        }
    }
}

//! Keys whose time has come, found through the expiry index.
use super::{Home, Space};
use crate::contract::{Cursor, Reader, Table};
use crate::error::{Result, StoreError};
use crate::layout::MAX_KEY_BYTES;
use crate::object::Header;
use crate::segment::key_hash;

impl Space {
    /// The record key of a key that is expired at `now_ms`, the first of all in time.
    pub fn next_expired(&mut self, now_ms: i64) -> Result<Option<Vec<u8>>> {
        loop {
            let Some(index_key) = self.first_expiry()? else { return Ok(None) };
            let Some((at_ms, record_key)) = index_key.split_first_chunk::<8>() else {
                return Err(StoreError::Corrupt("a key of the expiry index is too short".into()));
            };
            let at_ms = (u64::from_be_bytes(*at_ms) ^ 1 << 63) as i64;
            if at_ms >= now_ms {
                return Ok(None);
            }
            if let Some(record_key) = self.expiring(record_key, at_ms)? {
                return Ok(Some(record_key));
            }
            // The index says what no object says.
            self.index(&index_key, false);
        }
    }

    fn first_expiry(&self) -> Result<Option<Vec<u8>>> {
        match &self.home {
            Home::Memory(memory) => Ok(memory.expires.first().map(|key| key.to_vec())),
            Home::Store(layers) => {
                Ok(layers.walk(Table::Expires, b"", true)?.next()?.map(|(key, _)| key.into_owned()))
            }
        }
    }

    /// The record key that an entry of the expiry index is about, which may hold only a hash of it.
    fn expiring(&self, shown: &[u8], at_ms: i64) -> Result<Option<Vec<u8>>> {
        let expires = |record: &[u8]| Header::of(record).and_then(|header| header.expire_at_ms);
        let record = self.get(Table::Objects, shown)?;
        if record.is_some_and(|record| expires(&record) == Some(at_ms)) {
            return Ok(Some(shown.to_vec()));
        }
        let Some((prefix, hash)) = shown.split_last_chunk::<16>() else { return Ok(None) };
        if shown.len() != MAX_KEY_BYTES - 8 {
            return Ok(None);
        }
        let ordered = self.is_ordered();
        let mut walk = self.seek(Table::Objects, if ordered { prefix } else { &prefix[..4] })?;
        while let Some((record_key, record)) = walk.next()? {
            if key_hash(&record_key).to_be_bytes() == *hash && expires(&record) == Some(at_ms) {
                return Ok(Some(record_key.into_owned()));
            }
            if !record_key.starts_with(if ordered { prefix } else { &prefix[..4] }) {
                break;
            }
        }
        Ok(None)
    }
}

//! Keys that are in a file twice, found by their hashes: 24 bytes a key, in memory while they are
//! few and in a mapped temporary file when they are many. Two keys of one 128-bit hash are one.
use crate::error::{Error, Kind, Result};
use redtool_format::rdb::reader::KeyRecord;
use redtool_store::object::write_record_key;
use redtool_store::segment::key_hash;
use redtool_store::spill::SpillVec;

/// Keys seen so far.
#[derive(Default)]
pub struct Duplicates {
    seen: SpillVec<Seen>,
    scratch: Vec<u8>,
    record_key: Vec<u8>,
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Seen {
    hash: [u64; 2],
    offset: u64,
}

impl Duplicates {
    /// Notes a key.
    pub fn see(&mut self, record: &KeyRecord<'_>) -> Result<()> {
        let at = |e| Error::format(e, record.key_offset, None);
        let key = record.key.decode(&mut self.scratch).map_err(at)?;
        self.record_key.clear();
        write_record_key(&mut self.record_key, record.db, key);
        let hash = key_hash(&self.record_key);
        let hash = [(hash >> 64) as u64, hash as u64];
        Ok(self.seen.push(Seen { hash, offset: record.offset as u64 })?)
    }

    /// One that is there twice, as an error at its second record.
    pub fn find(mut self) -> Option<Error> {
        self.seen.sort_by(|a, b| (a.hash, a.offset).cmp(&(b.hash, b.offset)));
        let twice = self.seen.as_slice().windows(2).find(|pair| pair[0].hash == pair[1].hash)?;
        let mut error = Error::new(Kind::Corrupt, "the key is there twice");
        error.offset = Some(twice[1].offset);
        Some(error)
    }
}

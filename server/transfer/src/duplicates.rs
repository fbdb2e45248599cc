//! Keys that are in a file twice, found by their hashes: 24 bytes a key, in memory while they are
//! few and in a mapped temporary file when they are many. Two keys of one 128-bit hash are one.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::{admit, RdbFile};
use redtool_store::object::write_record_key;
use redtool_store::segment::key_hash;
use redtool_store::spill::SpillVec;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Seen {
    hash: [u64; 2],
    offset: u64,
}

/// The first key that is there twice, as an error at its second record.
pub fn find(file: &RdbFile, filter: &Filter, meter: &Meter) -> Result<Option<Error>> {
    let mut seen = SpillVec::new();
    let (mut scratch, mut record_key) = (Vec::new(), Vec::new());
    file.walk(meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if admit(&record, filter, &mut Account::default(), &mut scratch).map_err(at)? {
            let key = record.key.decode(&mut scratch).map_err(at)?;
            record_key.clear();
            write_record_key(&mut record_key, record.db, key);
            let hash = key_hash(&record_key);
            let hash = [(hash >> 64) as u64, hash as u64];
            seen.push(Seen { hash, offset: record.offset as u64 })?;
        }
        Ok(())
    })?;
    seen.sort_by(|a, b| (a.hash, a.offset).cmp(&(b.hash, b.offset)));
    let twice = seen.as_slice().windows(2).find(|pair| pair[0].hash == pair[1].hash);
    Ok(twice.map(|pair| {
        let mut error = Error::new(Kind::Corrupt, "the key is there twice");
        error.offset = Some(pair[1].offset);
        error
    }))
}

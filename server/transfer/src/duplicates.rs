//! Keys that are there twice, found by their hashes: 24 bytes a key, in memory while they are few
//! and in a mapped temporary file when they are many. Two keys of one 128-bit hash are one.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::sink::{Sink, Written};
use crate::source::{Entry, Opening};
use redtool_store::object::{split_record_key, write_record_key};
use redtool_store::segment::key_hash;
use redtool_store::spill::{SpillBytes, SpillVec};

/// Keys seen so far.
#[derive(Default)]
pub struct Duplicates {
    seen: SpillVec<Seen>,
    record_key: Vec<u8>,
}

/// A key that was seen.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Seen {
    hash: [u64; 2],
    /// What it was noted with.
    pub mark: u64,
}

impl Duplicates {
    /// Notes a key, with something that tells it from others of its name.
    pub fn see(&mut self, db: u32, key: &[u8], mark: u64) -> Result<()> {
        self.record_key.clear();
        write_record_key(&mut self.record_key, db, key);
        let hash = key_hash(&self.record_key);
        let hash = [(hash >> 64) as u64, hash as u64];
        Ok(self.seen.push(Seen { hash, mark })?)
    }

    /// Those of one name beside each other, in the order of their marks; names that were seen once
    /// are not among them.
    pub fn groups(&mut self) -> impl Iterator<Item = &[Seen]> {
        self.seen.sort_by(|a, b| (a.hash, a.mark).cmp(&(b.hash, b.mark)));
        let groups = self.seen.as_slice().chunk_by(|a, b| a.hash == b.hash);
        groups.filter(|group| group.len() > 1)
    }
}

/// A sink that refuses to end when two of the keys it was given were the same. For targets that do
/// not notice by themselves.
pub struct Distinct {
    sink: Box<dyn Sink>,
    seen: Duplicates,
    /// Record keys, each after its length (u16).
    names: SpillBytes,
    scratch: Vec<u8>,
}

impl Distinct {
    /// Looks at what goes into `sink`.
    pub fn new(sink: Box<dyn Sink>) -> Self {
        let (seen, names, scratch) = (Duplicates::default(), SpillBytes::new(), Vec::new());
        Self { sink, seen, names, scratch }
    }

    fn check(&mut self) -> Result<()> {
        let Some(first) = self.seen.groups().next().and_then(|group| group.first()) else {
            return Ok(());
        };
        let name = &self.names.as_slice()[first.mark as usize..];
        let mut error = Error::new(Kind::Corrupt, "two keys became one");
        if let Some((length, rest)) = name.split_first_chunk::<2>() {
            let length = usize::from(u16::from_le_bytes(*length));
            let (db, key) = split_record_key(&rest[..length])?;
            (error.db, error.key) = (Some(db), Some(key.to_vec()));
        }
        Err(error.hint("rename them so that they stay apart, or leave some out with a filter"))
    }
}

impl Sink for Distinct {
    fn begin(&mut self, opening: &Opening) -> Result<()> {
        self.sink.begin(opening)
    }

    fn entry(&mut self, entry: &Entry<'_>, account: &mut Account) -> Result<()> {
        let key = entry.key.decode(&mut self.scratch).map_err(|e| entry.error(e))?;
        self.seen.see(entry.db, key, self.names.len() as u64)?;
        let record_key = &self.seen.record_key;
        self.names.extend_from_slice(&(record_key.len() as u16).to_le_bytes())?;
        self.names.extend_from_slice(record_key)?;
        self.sink.entry(entry, account)
    }

    fn finish(mut self: Box<Self>, meter: &Meter) -> Result<Written> {
        self.check()?;
        self.sink.finish(meter)
    }
}

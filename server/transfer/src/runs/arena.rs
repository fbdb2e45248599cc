//! The memory a run is made in: entries one after the other, sorted by copying from all over it, so
//! it lies in huge pages where the system has some to give.
use crate::error::{Error, Result};
use memmap2::MmapMut;
use std::path::Path;

/// What is lent on top of what a run is meant to take, for the entry that fills it.
const SLACK_BYTES: usize = 1 << 20;

/// Grows by whole entries up to what was asked for, or beyond for a huge one.
pub struct Arena {
    map: MmapMut,
    len: usize,
}

impl Arena {
    /// Room for `bytes` and a usual entry more.
    pub fn new(bytes: usize) -> Result<Self> {
        Ok(Self { map: map(bytes + SLACK_BYTES)?, len: 0 })
    }

    /// The entries.
    pub fn bytes(&self) -> &[u8] {
        &self.map[..self.len]
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The next `bytes` bytes, to be written by the caller.
    #[inline]
    pub fn grow(&mut self, bytes: usize) -> Result<&mut [u8]> {
        let start = self.len;
        if bytes > self.map.len() - start {
            let mut larger = map(start + bytes + SLACK_BYTES)?;
            larger[..start].copy_from_slice(self.bytes());
            self.map = larger;
        }
        self.len = start + bytes;
        Ok(&mut self.map[start..start + bytes])
    }
}

fn map(bytes: usize) -> Result<MmapMut> {
    let map = MmapMut::map_anon(bytes).map_err(|e| Error::io(Path::new("memory"), &e))?;
    // Ordinary pages do as well, only slower.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_larger_than_the_room_gets_more() {
        let mut arena = Arena::new(10).unwrap();
        arena.grow(3).unwrap().copy_from_slice(b"abc");
        arena.grow(2 * SLACK_BYTES).unwrap().fill(b'x');
        assert_eq!(&arena.bytes()[..4], b"abcx");
        assert_eq!(arena.bytes().len(), 3 + 2 * SLACK_BYTES);
        arena.clear();
        assert!(arena.bytes().is_empty());
    }
}

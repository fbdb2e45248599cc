//! A vector of plain data that moves from memory into a file when it grows large, so that sorting
//! the places of a hundred million elements takes page cache and disk, not anonymous memory.
use crate::error::{Result, StoreError};
use memmap2::MmapMut;
use std::fs::File;

/// Bytes kept in memory; more goes into an unlinked temporary file, mapped.
const MEMORY_MAX_BYTES: usize = 16 << 20;

/// Grows by pushing; read and sorted as a slice.
pub struct SpillVec<T> {
    memory: Vec<T>,
    spilled: Option<Spilled>,
    len: usize,
}

/// Bytes of a value being put together.
pub type SpillBytes = SpillVec<u8>;

struct Spilled {
    file: File,
    map: MmapMut,
}

impl<T: bytemuck::Pod> SpillVec<T> {
    /// Empty.
    pub fn new() -> Self {
        Self { memory: Vec::new(), spilled: None, len: 0 }
    }

    /// Appends.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<()> {
        let size = std::mem::size_of::<T>();
        if self.spilled.is_none() && self.len * size < MEMORY_MAX_BYTES {
            self.memory.push(item);
        } else {
            self.push_spilled(item)?;
        }
        self.len += 1;
        Ok(())
    }

    fn push_spilled(&mut self, item: T) -> Result<()> {
        let size = std::mem::size_of::<T>();
        let end = (self.len + 1) * size;
        if self.spilled.as_ref().is_none_or(|spilled| spilled.map.len() < end) {
            self.grow(end * 2)?;
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.map[end - size..end].copy_from_slice(bytemuck::bytes_of(&item));
        }
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<()> {
        let io =
            |source| StoreError::Io { path: std::env::temp_dir().display().to_string(), source };
        let file = match self.spilled.take() {
            Some(spilled) => spilled.file,
            None => tempfile::tempfile().map_err(io)?,
        };
        // Reserved for real, so that a full disk is an error here and not a bus error at a later
        // write.
        allocate(&file, bytes as u64).map_err(io)?;
        // SAFETY: the file is unlinked and ours alone, so nobody truncates it under the map.
        let mut map = unsafe { MmapMut::map_mut(&file) }.map_err(io)?;
        if !self.memory.is_empty() {
            let held = bytemuck::cast_slice(&self.memory);
            map[..held.len()].copy_from_slice(held);
            self.memory = Vec::new();
        }
        self.spilled = Some(Spilled { file, map });
        Ok(())
    }

    /// Appends many.
    pub fn extend_from_slice(&mut self, items: &[T]) -> Result<()> {
        let size = std::mem::size_of::<T>();
        if self.spilled.is_none() && (self.len + items.len()) * size <= MEMORY_MAX_BYTES {
            self.memory.extend_from_slice(items);
        } else {
            let (start, end) = (self.len * size, (self.len + items.len()) * size);
            if self.spilled.as_ref().is_none_or(|spilled| spilled.map.len() < end) {
                self.grow(end * 2)?;
            }
            if let Some(spilled) = &mut self.spilled {
                spilled.map[start..end].copy_from_slice(bytemuck::cast_slice(items));
            }
        }
        self.len += items.len();
        Ok(())
    }

    /// Forgets the items; a file that was spilled into is given up.
    pub fn clear(&mut self) {
        self.memory.clear();
        self.spilled = None;
        self.len = 0;
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        match &self.spilled {
            Some(spilled) => {
                &bytemuck::cast_slice(&spilled.map[..self.len * std::mem::size_of::<T>()])
                    [..self.len]
            }
            None => &self.memory,
        }
    }

    /// The items, to change or sort.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.spilled {
            Some(spilled) => {
                bytemuck::cast_slice_mut(&mut spilled.map[..self.len * std::mem::size_of::<T>()])
            }
            None => &mut self.memory,
        }
    }

    /// Sorts in place.
    pub fn sort_by(&mut self, compare: impl FnMut(&T, &T) -> std::cmp::Ordering) {
        self.as_mut_slice().sort_unstable_by(compare);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T: bytemuck::Pod> Default for SpillVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open for the call.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, bytes as libc::off_t) } {
        0 => Ok(()),
        code => Err(std::io::Error::from_raw_os_error(code)),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(file: &File, bytes: u64) -> std::io::Result<()> {
    file.set_len(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_there_before_and_after_the_spill() {
        let mut items = SpillVec::new();
        let n = (MEMORY_MAX_BYTES / 8 + 1000) as u64;
        for i in 0..n {
            items.push(n - i).unwrap();
        }
        assert!(items.spilled.is_some());
        items.sort_by(u64::cmp);
        assert!(items.as_slice().iter().copied().eq(1..=n));
    }
}

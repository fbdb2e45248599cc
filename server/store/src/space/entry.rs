//! An object in memory, in one allocation behind a pointer of one word, with what is known of its
//! uses ([`super::uses`]), which may be changed while it is read.
//!
//! ```text
//! record length u32 · uses u32 · key length u16, filled to 4 bytes · key bytes · object record
//! ```
use super::bytes::allocated;
use std::alloc::{alloc, dealloc, handle_alloc_error, Layout};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

#[repr(C)]
struct Header {
    record_bytes: u32,
    used: AtomicU32,
    key_bytes: u16,
}

const HEADER_BYTES: usize = size_of::<Header>();

/// A key and its record.
pub(super) struct Entry(NonNull<Header>);

// SAFETY: an entry alone has its allocation, of which a shared reference changes only an atomic.
unsafe impl Send for Entry {}
// SAFETY: the same.
unsafe impl Sync for Entry {}

impl Entry {
    /// A key, of at most [`MAX_KEY_BYTES`](crate::layout::MAX_KEY_BYTES), with its record, of less
    /// than 4 GB, and its uses.
    pub fn new(key: &[u8], record: &[u8], used: u32) -> Self {
        debug_assert!(key.len() <= crate::layout::MAX_KEY_BYTES);
        debug_assert!(u32::try_from(record.len()).is_ok());
        let header = Header {
            record_bytes: record.len() as u32,
            used: AtomicU32::new(used),
            key_bytes: key.len() as u16,
        };
        // As the header tells them, so that no later read can go beyond the allocation.
        let key = &key[..usize::from(header.key_bytes)];
        let record = &record[..header.record_bytes as usize];
        let layout = layout_of(key.len() + record.len());
        // SAFETY: the layout is not of no bytes: the header has some.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout);
        };
        // SAFETY: the allocation is aligned for the header and has room for it, the key and the
        // record, one behind the other; nothing else is in it yet.
        unsafe {
            start.cast::<Header>().write(header);
            let place = start.as_ptr().add(HEADER_BYTES);
            place.copy_from_nonoverlapping(key.as_ptr(), key.len());
            place.add(key.len()).copy_from_nonoverlapping(record.as_ptr(), record.len());
        }
        Self(start.cast())
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: every entry begins with a header, which lives as long as the entry.
        unsafe { self.0.as_ref() }
    }

    /// Where the key begins.
    #[inline]
    fn start(&self) -> *mut u8 {
        // SAFETY: the allocation goes on behind the header, or ends there.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEADER_BYTES) }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        // SAFETY: `new` has put so many bytes there.
        unsafe { slice::from_raw_parts(self.start(), usize::from(self.header().key_bytes)) }
    }

    /// The record.
    #[inline]
    pub fn record(&self) -> &[u8] {
        let Header { record_bytes, key_bytes, .. } = self.header();
        // SAFETY: `new` has put so many bytes there, behind the key.
        unsafe {
            let start = self.start().add(usize::from(*key_bytes));
            slice::from_raw_parts(start, *record_bytes as usize)
        }
    }

    /// The record, to be changed in place.
    #[inline]
    pub fn record_mut(&mut self) -> &mut [u8] {
        let Header { record_bytes, key_bytes, .. } = self.header();
        // SAFETY: as in `record`; nobody else has a reference to the entry.
        unsafe {
            let start = self.start().add(usize::from(*key_bytes));
            slice::from_raw_parts_mut(start, *record_bytes as usize)
        }
    }

    /// Its uses, as a word.
    #[inline]
    pub fn used(&self) -> u32 {
        self.header().used.load(Relaxed)
    }

    /// Notes another word of uses.
    #[inline]
    pub fn set_used(&self, used: u32) {
        self.header().used.store(used, Relaxed);
    }

    /// Where it is, which no other entry is while it lives.
    #[inline]
    pub fn place(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Memory that it takes.
    #[inline]
    pub fn bytes(&self) -> usize {
        allocated(HEADER_BYTES + self.key_and_record_bytes())
    }

    #[inline]
    fn key_and_record_bytes(&self) -> usize {
        let Header { record_bytes, key_bytes, .. } = self.header();
        usize::from(*key_bytes) + *record_bytes as usize
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let layout = layout_of(self.key_and_record_bytes());
        // SAFETY: `new` has allocated it with this layout.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) }
    }
}

/// The layout of an entry with so many bytes of key and record.
fn layout_of(bytes: usize) -> Layout {
    Layout::from_size_align(HEADER_BYTES + bytes, align_of::<Header>())
        .unwrap_or_else(|_| handle_alloc_error(Layout::new::<Header>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        for (key, record) in [(&b""[..], &b""[..]), (b"k", b""), (b"", b"r"), (b"key", b"record")] {
            let mut entry = Entry::new(key, record, 7);
            assert_eq!((entry.key(), entry.record(), entry.used()), (key, record, 7));
            assert_eq!(entry.bytes(), allocated(12 + key.len() + record.len()));
            entry.record_mut().fill(b'x');
            assert_eq!((entry.record(), entry.used()), (&vec![b'x'; record.len()][..], 7));
            entry.set_used(9);
            assert_eq!((entry.key(), entry.used()), (key, 9));
        }
    }
}

//! A hint to the processor that bytes of a map will be needed soon.
//!
//! Import reads records in key order, which is random order in the file: every record is a cache
//! and a TLB miss. Asked for some records ahead, the bytes arrive while others are being built.

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Asks for `len` bytes from `at` on; past the end of `bytes` nothing is asked for.
#[inline]
pub fn prefetch(bytes: &[u8], at: usize, len: usize) {
    let end = at.saturating_add(len).min(bytes.len());
    for line in (at..end).step_by(LINE_BYTES) {
        touch(&bytes[line]);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn touch(byte: &u8) {
    use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
    // SAFETY: a prefetch reads nothing into the program, and the address is a valid one.
    unsafe { _mm_prefetch(std::ptr::from_ref(byte).cast(), _MM_HINT_T0) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn touch(_: &u8) {}

//! Reading ahead: bytes that will be needed soon, asked for together.
//!
//! Nothing depends on what is read, so the processor waits for all of it at once, and not for one
//! cache line after the other when their turn comes.
use std::hint::black_box;

const CACHE_LINE_BYTES: usize = 64;

/// Has the cache lines of these bytes there.
#[inline]
pub fn fetch<'b>(bytes: impl Iterator<Item = &'b u8>) {
    black_box(bytes.fold(0, |sum, byte| sum ^ byte));
}

/// A byte of each cache line.
#[inline]
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &u8> {
    bytes.iter().step_by(CACHE_LINE_BYTES)
}

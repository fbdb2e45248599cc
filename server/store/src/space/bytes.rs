//! How much memory records take: what the allocator (mimalloc) sets apart for them, as far as can
//! be told without asking it.
use std::ops::{Deref, DerefMut};

/// Memory that an allocation of so many bytes takes. Sizes are rounded up: to 16 bytes up to 64,
/// beyond to a quarter of the power of two below.
#[inline]
pub(super) fn allocated(bytes: usize) -> usize {
    let unit = match bytes {
        0..=8 => return 8,
        9..=64 => 16,
        _ => 1 << ((bytes - 1).ilog2() - 2),
    };
    (bytes + unit - 1) & !(unit - 1)
}

/// A segment that may be changed. What it has grown by is counted when it is let go.
pub struct SegmentMut<'s> {
    value: &'s mut Vec<u8>,
    /// What it could hold before.
    capacity: usize,
    total: Option<&'s mut usize>,
}

impl<'s> SegmentMut<'s> {
    /// Of a value that is part of a total.
    #[inline]
    pub(super) fn new(value: &'s mut Vec<u8>, total: &'s mut usize) -> Self {
        Self { capacity: value.capacity(), value, total: Some(total) }
    }

    /// Of a value that is part of no total: one that stands outside a space.
    pub fn uncounted(value: &'s mut Vec<u8>) -> Self {
        Self { capacity: value.capacity(), value, total: None }
    }
}

impl Drop for SegmentMut<'_> {
    #[inline]
    fn drop(&mut self) {
        let (before, now) = (self.capacity, self.value.capacity());
        if let (true, Some(total)) = (before != now, &mut self.total) {
            **total = (**total + allocated(now)).saturating_sub(allocated(before));
        }
    }
}

impl Deref for SegmentMut<'_> {
    type Target = Vec<u8>;
    #[inline]
    fn deref(&self) -> &Vec<u8> {
        self.value
    }
}

impl DerefMut for SegmentMut<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_allocator() {
        for (bytes, taken) in [(1, 8), (9, 16), (64, 64), (65, 80), (81, 96), (129, 160)] {
            assert_eq!(allocated(bytes), taken);
        }
        assert_eq!((allocated(128), allocated(4097), allocated(1 << 20)), (128, 5120, 1 << 20));
    }

    #[test]
    fn what_a_segment_grows_by_is_counted() {
        let (mut value, mut total) = (Vec::with_capacity(16), 100);
        SegmentMut::new(&mut value, &mut total).reserve_exact(64);
        assert_eq!((value.capacity(), total), (64, 148));
        SegmentMut::new(&mut value, &mut total).shrink_to(0);
        assert_eq!(total, 148 - 64 + 8);
    }
}

//! `math.random`: the generator of `lrand48`, so that scripts see the same numbers on every
//! machine, as in Redis.
use std::sync::atomic::{AtomicU64, Ordering};

/// The state that a program which never seeded starts with.
const UNSEEDED: u64 = 0x1234_abcd_330e;
const MULTIPLIER: u64 = 0x5_deec_e66d;
const MASK: u64 = (1 << 48) - 1;
/// What the 31 bits are divided by.
const MAX: f64 = i32::MAX as f64;

/// 48 bits of state. One thread at a time runs scripts.
pub(super) struct Random(AtomicU64);

impl Random {
    pub fn new() -> Self {
        Random(AtomicU64::new(UNSEEDED))
    }

    pub fn seed(&self, seed: i32) {
        self.0.store(u64::from(seed as u32) << 16 | 0x330e, Ordering::Relaxed);
    }

    /// From 0 to below 1.
    pub fn next(&self) -> f64 {
        let state = self.0.load(Ordering::Relaxed).wrapping_mul(MULTIPLIER).wrapping_add(11) & MASK;
        self.0.store(state, Ordering::Relaxed);
        ((state >> 17) % i32::MAX as u64) as f64 / MAX
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_are_those_of_redis() {
        let random = Random::new();
        random.seed(77);
        let numbers = [random.next(), random.next()].map(|number| (number * 100.0) as i64 + 1);
        assert_eq!(numbers, [23, 1]);
        random.seed(5);
        let numbers = [0; 3].map(|_| (random.next() * 100.0) as i64 + 1);
        assert_eq!(numbers, [53, 28, 79]);
    }
}

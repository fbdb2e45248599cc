//! Random numbers to choose by.
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A xorshift generator: fast, and good enough to pick elements.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator with a seed of the operating system's randomness.
    pub fn new() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// A generator that always gives the same numbers.
    pub fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

/// The same, shared: whoever draws at the same time may draw the same number.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Default for Dice {
    fn default() -> Self {
        Self(AtomicU64::new(Random::new().0))
    }
}

impl Dice {
    /// The next number.
    pub fn draw(&self) -> u64 {
        let mut random = Random(self.0.load(Relaxed));
        let number = random.draw();
        self.0.store(random.0, Relaxed);
        number
    }

    /// A number below `bound`; 0 when that is 0.
    pub fn below(&self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }
}

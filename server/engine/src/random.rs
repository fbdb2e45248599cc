//! Random numbers for commands that pick at random: quick, seeded by the process, not for secrets.
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
}

/// The next random number (splitmix64).
pub fn next() -> u64 {
    STATE.with(|state| {
        let seed = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(seed);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    })
}

/// A random number below `bound`, which must not be 0 (0 gives 0).
pub fn below(bound: u64) -> u64 {
    (u128::from(next()) * u128::from(bound) >> 64) as u64
}

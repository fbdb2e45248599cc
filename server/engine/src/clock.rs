//! What time it is: expiries are computed against this clock and no other.
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    Now,
    /// The moment the dump was taken; [`crate::Dataset::open`] turns it into `Fixed`.
    Dump,
    /// A frozen moment, Unix ms.
    Fixed(i64),
}

impl Clock {
    /// Unix ms of this clock.
    pub fn now_ms(self) -> i64 {
        match self {
            Clock::Fixed(ms) => ms,
            Clock::Now | Clock::Dump => system_ms(),
        }
    }
}

/// Unix ms of the system's clock.
pub fn system_ms() -> i64 {
    system_us() / 1000
}

/// Unix microseconds of the system's clock.
pub fn system_us() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

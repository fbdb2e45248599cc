//! Waiting: how long before another try, and how long so that a limit of write capacity is kept.
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The first wait; each one after it is twice as long, up to the longest.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(10);
/// Tries of a request that the service throttles, in a row without any progress.
pub const THROTTLED_TRIES: u32 = 14;
/// Tries of a request that does not get through.
pub const FAILED_TRIES: u32 = 7;

/// A random number; not one to keep a secret with.
pub fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// What a failed request is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Too much was asked for: wait, then ask again.
    Throttled,
    /// It did not get through: ask again.
    Failed,
    /// Asking again gives the same answer.
    Nothing,
}

/// Tries of one request.
#[derive(Debug, Default)]
pub struct Tries {
    made: u32,
}

impl Tries {
    /// How long to wait before the next try; None when it is time to give up.
    pub fn wait(&mut self, worth: Worth) -> Option<Duration> {
        let most = match worth {
            Worth::Throttled => THROTTLED_TRIES,
            Worth::Failed => FAILED_TRIES,
            Worth::Nothing => return None,
        };
        self.made += 1;
        (self.made < most).then(|| jitter(backoff(self.made - 1)))
    }

    /// Something came of the last one.
    pub fn progress(&mut self) {
        self.made = 0;
    }
}

fn backoff(tries: u32) -> Duration {
    FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST)
}

/// Anything from half of it to all of it, so that requests that failed together are not repeated
/// together.
fn jitter(wait: Duration) -> Duration {
    wait / 2 + wait.mul_f64((random() % 1024) as f64 / 2048.0)
}

/// A bucket of write capacity units that fills at a steady rate and may be overdrawn: who overdraws
/// it waits until it is filled again.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A bucket that holds what flows in within a second.
    pub fn new(per_second: f64, now: Instant) -> Self {
        let per_second = per_second.max(f64::MIN_POSITIVE);
        Self { per_second, state: Mutex::new((per_second, now)) }
    }

    /// Takes units; how long to wait before using them.
    pub fn take(&self, units: f64, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, at) = &mut *state;
        let flowed = now.saturating_duration_since(*at).as_secs_f64() * self.per_second;
        *level = (*level + flowed).min(self.per_second) - units;
        *at = now;
        let seconds = (-*level / self.per_second).clamp(0.0, 3600.0);
        Duration::from_secs_f64(seconds)
    }

    /// Puts back what was taken too much; less than nothing takes more.
    pub fn give_back(&self, units: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += units;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_end() {
        let mut tries = Tries::default();
        let waits: Vec<_> = std::iter::from_fn(|| tries.wait(Worth::Throttled)).collect();
        assert_eq!(waits.len() as u32, THROTTLED_TRIES - 1);
        assert!(waits[0] <= FIRST && waits.last().is_some_and(|last| *last >= LONGEST / 2));
        assert!(waits.iter().all(|wait| *wait <= LONGEST));
        assert_eq!(Tries::default().wait(Worth::Nothing), None);
    }

    #[test]
    fn a_bucket_lets_through_its_rate() {
        let start = Instant::now();
        let bucket = Bucket::new(10.0, start);
        assert_eq!(bucket.take(10.0, start), Duration::ZERO);
        assert_eq!(bucket.take(5.0, start), Duration::from_millis(500));
        assert_eq!(
            bucket.take(5.0, start + Duration::from_millis(500)),
            Duration::from_millis(500)
        );
        bucket.give_back(5.0);
        assert_eq!(bucket.take(0.0, start + Duration::from_millis(500)), Duration::ZERO);
        // What is not used is not saved up.
        assert_eq!(bucket.take(10.0, start + Duration::from_secs(100)), Duration::ZERO);
        assert_eq!(bucket.take(10.0, start + Duration::from_secs(100)), Duration::from_secs(1));
    }
}

//! The processor's counter of ticks, which tells how long a command takes and when a key was last
//! used: the system's clock costs as much as a GET.
use std::sync::LazyLock;

static CLOCK: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// Ticks of a unit in which the last use of a key is kept, as a power of two: about a tenth of
/// a second, so that some years can be told.
const USE_SHIFT: u32 = 28;
/// Units have 31 bits.
const USE_MASK: u32 = u32::MAX >> 1;
/// A key may be idle for so many units; what looks longer is a use that another core has seen
/// before this one.
const MAX_IDLE: u32 = USE_MASK / 2;

/// Ticks until now.
#[inline]
pub(crate) fn now() -> u64 {
    CLOCK.raw()
}

/// Nanoseconds between two moments.
#[inline]
pub(crate) fn ns_between(start: u64, end: u64) -> u64 {
    CLOCK.delta_as_nanos(start, end)
}

/// A moment as the last use of a key; never 0.
#[inline]
pub(crate) fn as_use(ticks: u64) -> u32 {
    ((ticks >> USE_SHIFT) as u32 & USE_MASK).max(1)
}

/// Milliseconds that have gone by since a use.
pub(crate) fn idle_ms(used: u32) -> u64 {
    match as_use(now()).wrapping_sub(used) & USE_MASK {
        units @ 0..=MAX_IDLE => ns_between(0, u64::from(units) << USE_SHIFT) / 1_000_000,
        _ => 0,
    }
}

/// The use that was so many seconds ago, or as long ago as can be told.
pub(crate) fn use_before(idle_s: u32) -> u32 {
    let unit_ns = ns_between(0, 1 << USE_SHIFT).max(1);
    let units = (u64::from(idle_s) * 1_000_000_000).div_ceil(unit_ns).min(u64::from(MAX_IDLE));
    (as_use(now()).wrapping_sub(units as u32) & USE_MASK).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_as_long_ago_as_was_said() {
        for seconds in [0, 1, 1000, 1_000_000] {
            assert_eq!(idle_ms(use_before(seconds)) / 1000, u64::from(seconds));
        }
        assert!(idle_ms(use_before(u32::MAX)) / 1000 > 10_000_000);
    }
}

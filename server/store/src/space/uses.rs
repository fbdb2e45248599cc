//! When an object was last used, or how often it is: a word an object, which tells which of both.
//!
//! ```text
//! 0                          it was not used since it was loaded
//! 0 | time:31                the time of its last use, in units of the caller's, not 0
//! 1 | 0:7 minute:16 count:8  how often it is used, as Redis' LFU counts, and until when
//! ```
//! A count is the logarithm of uses: the higher it is, the less likely a use makes it one more. It
//! loses one for each period of some minutes. `minute` is when that was last reckoned with.
use super::entry::Entry;
use crate::object::Object;
use crate::random::Dice;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What is known of the uses of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// None since it was loaded.
    Never,
    /// The last one was at this time, in units of the caller's: 31 bits, not 0.
    At(u32),
    /// So often.
    Counted {
        /// The minute until which the count was reckoned.
        minute: u16,
        /// The count.
        count: u8,
    },
}

const IS_COUNT: u32 = 1 << 31;

impl Use {
    pub(super) fn of_word(word: u32) -> Self {
        match word {
            0 => Use::Never,
            word if word & IS_COUNT == 0 => Use::At(word),
            word => Use::Counted { minute: (word >> 8) as u16, count: word as u8 },
        }
    }

    pub(super) fn word(self) -> u32 {
        match self {
            Use::Never => 0,
            Use::At(time) => time & !IS_COUNT,
            Use::Counted { minute, count } => IS_COUNT | u32::from(minute) << 8 | u32::from(count),
        }
    }
}

/// How uses are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counting {
    /// The present minute.
    pub minute: u16,
    /// The minute when counting began: objects that nobody has used since have their counts from
    /// then.
    pub since_minute: u16,
    /// Minutes after which a count loses one; 0 is never (lfu-decay-time).
    pub decay_min: u32,
    /// How much less likely each count makes the next (lfu-log-factor).
    pub log_factor: u32,
}

impl Counting {
    /// The count of a new object, which so is not the first to go.
    pub const NEW: u8 = 5;

    /// The present count of an object, of which the record says how often it was used when it was
    /// loaded.
    pub fn count(&self, used: Use, record: &[u8]) -> u8 {
        let (minute, count) = match used {
            Use::Counted { minute, count } => (minute, count),
            _ => {
                let held = Object::parse(record).ok().and_then(|object| object.freq);
                (self.since_minute, held.unwrap_or(Self::NEW))
            }
        };
        let minutes = u32::from(self.minute.wrapping_sub(minute));
        let lost = minutes.checked_div(self.decay_min).unwrap_or(0);
        count.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
    }

    /// The same after one more use.
    fn count_used(&self, used: Use, record: &[u8], random: u64) -> u8 {
        let count = self.count(used, record);
        let above = u64::from(count.saturating_sub(Self::NEW));
        let one_in = above * u64::from(self.log_factor) + 1;
        count.saturating_add(u8::from(random.is_multiple_of(one_in)))
    }
}

/// How uses of objects are noted.
#[derive(Default)]
pub(super) struct Uses {
    /// The time; 0: what happens is no use, unless uses are counted.
    now: u32,
    counts: bool,
    counting: Counting,
    /// Where the entry is that was counted last: what a command does to one object is one use.
    last: AtomicUsize,
    pub dice: Dice,
}

impl Uses {
    /// What happens from now on are uses at this time; 0: they are no uses.
    #[inline]
    pub fn set_now(&mut self, now: u32) {
        self.now = now;
        self.counts = false;
    }

    /// What happens from now on are uses, which are counted.
    pub fn count(&mut self, counting: Counting) {
        self.now = 0;
        self.counts = true;
        self.counting = counting;
        self.last = AtomicUsize::new(0);
    }

    /// An object is used.
    #[inline]
    pub fn note(&self, entry: &Entry) {
        if self.now != 0 {
            entry.set_used(self.now);
        } else if self.counts {
            self.note_count(entry);
        }
    }

    #[cold]
    fn note_count(&self, entry: &Entry) {
        if self.last.swap(entry.place(), Relaxed) != entry.place() {
            let used = Use::of_word(entry.used());
            let count = self.counting.count_used(used, entry.record(), self.dice.draw());
            entry.set_used(Use::Counted { minute: self.counting.minute, count }.word());
        }
    }

    /// The word of a new object.
    #[inline]
    pub fn of_new(&self) -> u32 {
        match self.counts {
            true => Use::Counted { minute: self.counting.minute, count: Counting::NEW }.word(),
            false => self.now,
        }
    }

    /// An entry has taken the place of another, or is new: it is used already.
    #[inline]
    pub fn note_moved(&self, entry: &Entry) {
        if self.counts {
            self.last.store(entry.place(), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_it_was_written() {
        let counted = Use::Counted { minute: 65_535, count: 255 };
        for used in [Use::Never, Use::At(1), Use::At(u32::MAX >> 1), counted] {
            assert_eq!(Use::of_word(used.word()), used);
        }
    }

    #[test]
    fn a_count_decays_also_over_the_end_of_the_minutes() {
        let counting = Counting { minute: 3, since_minute: 65_534, decay_min: 2, log_factor: 10 };
        let used = Use::Counted { minute: 65_533, count: 9 };
        assert_eq!(counting.count(used, b""), 6);
        assert_eq!(counting.count(Use::Never, b""), 3);
        assert_eq!(Counting { decay_min: 0, ..counting }.count(used, b""), 9);
        assert_eq!(Counting { minute: 9_000, ..counting }.count(used, b""), 0);
    }

    #[test]
    fn a_use_counts_the_less_the_more_there_were() {
        let (dice, counting) =
            (Dice::default(), Counting { log_factor: 10, ..Counting::default() });
        let after = |uses: u32, counting: Counting| {
            (0..uses).fold(Counting::NEW, |count, _| {
                counting.count_used(Use::Counted { minute: 0, count }, b"", dice.draw())
            })
        };
        assert_eq!(after(1, counting), 6);
        // Redis' own table (redis.conf): about 10 after 100 uses, 18 after 1000.
        assert!((7..=14).contains(&after(100, counting)));
        assert!((14..=23).contains(&after(1000, counting)));
        assert_eq!(after(300, Counting { log_factor: 0, ..counting }), 255);
    }
}

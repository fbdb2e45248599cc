//! When keys in memory were last used, or how often they are: what OBJECT IDLETIME and OBJECT FREQ
//! tell, and eviction goes by.
use crate::clock::system_ms;
use crate::eviction::By;
use crate::keyspace::Keyspace;
use crate::ticks;
use redtool_store::space::{Counting, Use};
use redtool_store::Object;

/// The present minute, of those that counts of uses are kept with.
pub fn minute() -> u16 {
    (system_ms() / 60_000) as u16
}

impl Keyspace {
    /// The keys that a command looks at, which began at this tick, are used; or they are not.
    #[inline]
    pub fn begin_uses(&mut self, started: u64, is_use: bool) {
        if self.eviction.counts() {
            self.begin_counting(is_use);
        } else {
            self.space.set_now(if is_use { ticks::as_use(started) } else { 0 });
        }
    }

    #[cold]
    fn begin_counting(&mut self, is_use: bool) {
        self.eviction.counting.minute = minute();
        match is_use {
            true => self.space.count_uses(self.eviction.counting),
            false => self.space.set_now(0),
        }
    }

    /// What is looked at from now on is not used.
    #[inline]
    pub fn end_uses(&mut self) {
        self.space.set_now(0);
    }

    /// Milliseconds since a key was used: since its last use here, else since the dump was loaded,
    /// with the idle seconds that it held.
    pub fn idle_ms(&self, used: Use, held_s: impl FnOnce() -> u32) -> u64 {
        match used {
            Use::Never => (u64::from(held_s()) + self.state.uptime_s()) * 1000,
            Use::At(time) => ticks::idle_ms(time),
            Use::Counted { minute: then, .. } => u64::from(minute().wrapping_sub(then)) * 60_000,
        }
    }

    /// How often a key is used, as the policy counts; None when it does not.
    pub fn freq(&self, used: Use, record: &[u8]) -> Option<u8> {
        let counting = Counting { minute: minute(), ..self.eviction.counting };
        self.eviction.counts().then(|| counting.count(used, record))
    }

    /// What a dump would hold of the uses of a key: what the policy goes by, else what it held.
    pub fn attributes(
        &self,
        record_key: &[u8],
        record: &[u8],
        object: &Object<'_>,
    ) -> (Option<u32>, Option<u8>) {
        let held = (object.idle_s, object.freq);
        match (self.space.used(record_key), self.eviction.policy().by) {
            (Some(used), By::Lfu) => (None, self.freq(used, record)),
            (Some(used), By::Lru) => {
                let idle_s = self.idle_ms(used, || held.0.unwrap_or(0)) / 1000;
                (Some(u32::try_from(idle_s).unwrap_or(u32::MAX)), None)
            }
            _ => held,
        }
    }

    /// Writes into a record what a dump would hold of the uses of its key. A record that cannot be
    /// read stays as it is.
    pub fn write_uses(&self, record_key: &[u8], record: &mut Vec<u8>) {
        if !matches!(self.eviction.policy().by, By::Lru | By::Lfu) {
            return;
        }
        let mut written = Vec::with_capacity(record.len() + 8);
        if let Ok(mut object) = Object::parse(record) {
            (object.idle_s, object.freq) = self.attributes(record_key, record, &object);
            object.write(&mut written);
            *record = written;
        }
    }

    /// The use of a key that is idle for so long, or used so often, as the policy goes.
    pub fn use_of(&self, idle_s: Option<u32>, freq: Option<u8>) -> Use {
        match self.eviction.counts() {
            true => {
                let count = freq.unwrap_or(Counting::NEW);
                Use::Counted { minute: minute(), count }
            }
            false => Use::At(ticks::use_before(idle_s.unwrap_or(0))),
        }
    }
}

//! Eviction: what goes when a dataset in memory is larger than `maxmemory` allows, before each
//! command, by the policies of Redis.
//!
//! As in Redis, the best key to go by LRU and LFU is not searched but sampled: some keys are chosen
//! by chance, and the best of them and of those chosen before ([`Pool`]) goes. By TTL it is known:
//! the first of the expiry index. Of a dataset in a store nothing is evicted, for that would be the
//! only copy.
use crate::keyspace::Keyspace;
use crate::notify::class;
use crate::types::Result;
use crate::uses;
use redtool_store::object::may_expire;
use redtool_store::space::{Counting, Use};
use redtool_store::{Object, Reader, Table};
use std::time::{Duration, Instant};

/// What keys go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// None goes.
    Nothing,
    /// The one that was not used for the longest time.
    Lru,
    /// The one that is used the least.
    Lfu,
    /// Any.
    Random,
    /// The one that expires first.
    Ttl,
}

/// Which keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Only those with an expiry.
    pub volatile: bool,
    /// Which of them first.
    pub by: By,
}

const fn policy(volatile: bool, by: By) -> Policy {
    Policy { volatile, by }
}

/// The values of `maxmemory-policy`.
const POLICIES: [(&str, Policy); 8] = [
    ("volatile-lru", policy(true, By::Lru)),
    ("volatile-lfu", policy(true, By::Lfu)),
    ("volatile-random", policy(true, By::Random)),
    ("volatile-ttl", policy(true, By::Ttl)),
    ("allkeys-lru", policy(false, By::Lru)),
    ("allkeys-lfu", policy(false, By::Lfu)),
    ("allkeys-random", policy(false, By::Random)),
    ("noeviction", policy(false, By::Nothing)),
];

/// Their names.
pub const POLICY_NAMES: [&str; POLICIES.len()] = {
    let mut names = [""; POLICIES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = POLICIES[at].0;
        at += 1;
    }
    names
};

impl Default for Policy {
    fn default() -> Self {
        policy(false, By::Nothing)
    }
}

impl Policy {
    /// The policy of a name.
    pub fn named(name: &str) -> Option<Self> {
        let found = POLICIES.iter().find(|(other, _)| *other == name);
        found.map(|(_, policy)| *policy)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = POLICIES.iter().find(|(_, policy)| *policy == self);
        found.map_or("noeviction", |(name, _)| name)
    }
}

/// What the process takes when it holds nothing: Redis' own share, so that what is set for one
/// leaves as much room in the other.
pub const BASE_BYTES: usize = 1 << 20;
/// Changes that wait to be saved may take so much memory, whatever is set.
const WAITING_MAX_BYTES: usize = 256 << 20;
/// Candidates are chosen at most so often for one that goes; the first time finds one, if any.
const MOST_ROUNDS: usize = 4;
/// Keys that go between two looks at the clock.
const AT_ONCE: usize = 16;

/// What eviction goes by, and what it has done.
#[derive(Debug)]
pub struct Eviction {
    policy: Policy,
    /// maxmemory-samples
    pub samples: usize,
    /// maxmemory-eviction-tenacity: 0 to 100
    pub tenacity: u32,
    /// How uses are counted; the minutes of now and since when are kept here.
    pub counting: Counting,
    /// Keys that went.
    pub evicted_keys: u64,
    /// There was no room before this command, and nothing to evict.
    pub is_full: bool,
    /// Since when there is too little room.
    exceeded_since: Option<Instant>,
    exceeded_before: Duration,
    pool: Pool,
}

impl Default for Eviction {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            samples: 5,
            tenacity: 10,
            counting: Counting { decay_min: 1, log_factor: 10, ..Counting::default() },
            evicted_keys: 0,
            is_full: false,
            exceeded_since: None,
            exceeded_before: Duration::ZERO,
            pool: Pool::default(),
        }
    }
}

impl Eviction {
    /// Which keys go.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Whether uses are counted.
    #[inline]
    pub fn counts(&self) -> bool {
        self.policy.by == By::Lfu
    }

    /// Keys go by another policy from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        if policy.by == By::Lfu && !self.counts() {
            self.counting.since_minute = uses::minute();
        }
        self.policy = policy;
        self.pool.candidates.clear();
    }

    /// For how long there has been too little room: in all, and now.
    pub fn exceeded(&self) -> (Duration, Duration) {
        let now = self.exceeded_since.map_or(Duration::ZERO, |since| since.elapsed());
        (self.exceeded_before + now, now)
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        self.evicted_keys = 0;
        self.exceeded_before = Duration::ZERO;
        self.exceeded_since = None;
    }

    fn note(&mut self, room: Room) {
        self.is_full = room == Room::None;
        match (room, self.exceeded_since) {
            (Room::Enough, Some(since)) => {
                self.exceeded_before += since.elapsed();
                self.exceeded_since = None;
            }
            (Room::Later | Room::None, None) => self.exceeded_since = Some(Instant::now()),
            _ => {}
        }
    }

    /// How long keys may be evicted before a command is run.
    fn most_time(&self) -> Duration {
        match self.tenacity {
            easy @ 0..=10 => Duration::from_micros(50 * u64::from(easy)),
            hard @ 11..=99 => Duration::from_micros(500).mul_f64(1.15f64.powi(hard as i32 - 10)),
            _ => Duration::MAX,
        }
    }
}

/// Whether there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    /// There will be, when more keys have gone.
    Later,
    None,
}

/// The best candidates that were met so far: the higher the score, the sooner they go.
#[derive(Debug, Default)]
struct Pool {
    candidates: Vec<(u64, Vec<u8>)>,
}

impl Pool {
    const SIZE: usize = 16;

    /// Takes a candidate when it is better than the worst.
    fn offer(&mut self, score: u64, record_key: impl FnOnce() -> Vec<u8>) {
        let is_full = self.candidates.len() == Self::SIZE;
        if is_full && self.candidates[0].0 >= score {
            return;
        }
        let at = self.candidates.partition_point(|(other, _)| *other < score);
        self.candidates.insert(at, (score, record_key()));
        if is_full {
            self.candidates.remove(0);
        }
    }
}

impl Keyspace {
    /// Memory that is held against `maxmemory`.
    pub fn used_bytes(&self) -> usize {
        let clients = self.state.client_memory.total_bytes() as usize;
        BASE_BYTES + self.space.bytes() + clients + self.remembered.bytes()
    }

    /// Changes that wait to be saved may take so much memory: of a store, they are what `maxmemory`
    /// limits.
    #[inline]
    pub fn most_waiting_bytes(&self) -> usize {
        match self.limits.memory_bytes {
            0 => WAITING_MAX_BYTES,
            most => most.clamp(BASE_BYTES, WAITING_MAX_BYTES),
        }
    }

    /// Evicts keys until there is as much room as `maxmemory` asks for, or for as long as a command
    /// may be held up; whether more have to go. Whether there was room is kept in [`Eviction`].
    #[inline]
    pub fn make_room(&mut self) -> Result<bool> {
        match self.limits.memory_bytes {
            0 => Ok(false),
            _ => self.make_room_now(),
        }
    }

    #[cold]
    fn make_room_now(&mut self) -> Result<bool> {
        let room = self.evict_some()?;
        self.eviction.note(room);
        Ok(room == Room::Later)
    }

    /// Clients may take what `maxmemory-clients` allows, which may be a share of `maxmemory`.
    pub fn limit_clients(&self) {
        let all = self.limits.memory_bytes as u64;
        let most = match self.limits.client_bytes {
            percent @ ..0 => all / 100 * percent.unsigned_abs(),
            bytes => bytes as u64,
        };
        self.state.limit_clients(most);
    }

    fn has_room(&self) -> bool {
        self.used_bytes() <= self.limits.memory_bytes
    }

    fn evict_some(&mut self) -> Result<Room> {
        if self.space.is_durable() || self.has_room() || self.state.paused().is_some() {
            return Ok(Room::Enough);
        }
        let (started, most_time) = (Instant::now(), self.eviction.most_time());
        loop {
            for _ in 0..AT_ONCE {
                match self.victim()? {
                    Some(record_key) => self.evict(&record_key)?,
                    None => return Ok(Room::None),
                }
                if self.has_room() {
                    return Ok(Room::Enough);
                }
            }
            if started.elapsed() > most_time {
                return Ok(Room::Later);
            }
        }
    }

    fn evict(&mut self, record_key: &[u8]) -> Result<()> {
        if self.take_away(record_key, class::EVICTED)? {
            self.eviction.evicted_keys += 1;
        }
        Ok(())
    }

    /// The record key of what goes next.
    fn victim(&mut self) -> Result<Option<Vec<u8>>> {
        let Policy { volatile, by } = self.eviction.policy;
        let found = match by {
            By::Nothing => return Ok(None),
            By::Ttl => None,
            By::Random => self.any(volatile),
            By::Lru | By::Lfu => self.best(volatile)?,
        };
        match found {
            None if volatile => Ok(self.space.next_expired(i64::MAX)?),
            found => Ok(found),
        }
    }

    fn any(&self, volatile: bool) -> Option<Vec<u8>> {
        let mut found = None;
        self.space.sample(volatile, 1, &mut |sampled| {
            found = Some(sampled.record_key());
        });
        found
    }

    /// The best of some that are chosen now and those chosen before; None when there is none to
    /// choose.
    fn best(&mut self, volatile: bool) -> Result<Option<Vec<u8>>> {
        self.eviction.counting.minute = uses::minute();
        for _ in 0..MOST_ROUNDS {
            let mut pool = std::mem::take(&mut self.eviction.pool);
            let mut is_any = false;
            self.space.sample(volatile, self.eviction.samples, &mut |sampled| {
                is_any = true;
                let score = self.score(sampled.used, sampled.record);
                pool.offer(score, || sampled.record_key());
            });
            let best = self.pop_best(&mut pool, volatile);
            self.eviction.pool = pool;
            if let (best @ Some(_), _) | (best, false) = (best?, is_any) {
                return Ok(best);
            }
        }
        Ok(None)
    }

    /// The best candidate that is still there, and was not used since.
    fn pop_best(&self, pool: &mut Pool, volatile: bool) -> Result<Option<Vec<u8>>> {
        while let Some((score, record_key)) = pool.candidates.pop() {
            let Some(record) = self.space.get(Table::Objects, &record_key)? else { continue };
            let used = self.space.used(&record_key).unwrap_or(Use::Never);
            if (!volatile || may_expire(&record)) && self.score(used, &record) >= score {
                return Ok(Some(record_key));
            }
        }
        Ok(None)
    }

    fn score(&self, used: Use, record: &[u8]) -> u64 {
        match self.eviction.counts() {
            true => u64::from(u8::MAX - self.eviction.counting.count(used, record)),
            false => self.idle_ms(used, || {
                Object::parse(record).ok().and_then(|object| object.idle_s).unwrap_or(0)
            }),
        }
    }
}

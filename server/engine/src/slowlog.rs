//! Commands that took long: the log of SLOWLOG, and the events of LATENCY.
use crate::clock::system_ms;
use crate::server::{lock, ClientInfo};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::Mutex;

/// Words of a command that are kept …
const MOST_WORDS: usize = 32;
/// … and bytes of each.
const MOST_BYTES: usize = 128;
/// Samples of a latency event.
const SAMPLES: usize = 160;

/// An entry of the slow log.
#[derive(Debug, Clone)]
pub struct Slow {
    /// Its number.
    pub id: u64,
    /// When, Unix seconds.
    pub at_s: i64,
    /// How long it took.
    pub duration_us: u64,
    /// The command, cut.
    pub words: Vec<Vec<u8>>,
    /// Whose it was.
    pub addr: String,
    /// The client's name.
    pub name: Vec<u8>,
}

/// Samples of an event, one a second at most: Unix seconds, milliseconds; and the longest ever.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// The samples, oldest first.
    pub samples: VecDeque<(i64, u64)>,
    /// The longest ever, in ms.
    pub max_ms: u64,
}

/// What is measured of long commands.
#[derive(Debug)]
pub struct SlowLog {
    /// From how many microseconds on a command is logged; negative: never.
    pub slower_than_us: AtomicI64,
    /// Entries that are kept.
    pub max_len: AtomicI64,
    /// From how many milliseconds on a command is an event; 0: never.
    pub latency_threshold_ms: AtomicI64,
    next_id: AtomicU64,
    entries: Mutex<VecDeque<Slow>>,
    events: Mutex<BTreeMap<&'static str, Event>>,
}

impl Default for SlowLog {
    fn default() -> Self {
        Self {
            slower_than_us: AtomicI64::new(10_000),
            max_len: AtomicI64::new(128),
            latency_threshold_ms: AtomicI64::new(0),
            next_id: AtomicU64::new(0),
            entries: Mutex::default(),
            events: Mutex::default(),
        }
    }
}

impl SlowLog {
    /// Whether a command that took so long is of interest.
    #[inline]
    pub fn is_slow(&self, ns: u64) -> bool {
        let slower_than_us = self.slower_than_us.load(Relaxed);
        let threshold_ms = self.latency_threshold_ms.load(Relaxed);
        (slower_than_us >= 0 && ns >= slower_than_us as u64 * 1000)
            || (threshold_ms > 0 && ns >= threshold_ms as u64 * 1_000_000)
    }

    /// Notes a slow command; `is_fast`: it is one that ought to be quick.
    #[cold]
    pub fn note(&self, client: &ClientInfo, args: &[&[u8]], ns: u64, is_fast: bool, log: bool) {
        let slower_than_us = self.slower_than_us.load(Relaxed);
        if log && slower_than_us >= 0 && ns / 1000 >= slower_than_us as u64 {
            self.log(client, args, ns / 1000);
        }
        let threshold_ms = self.latency_threshold_ms.load(Relaxed);
        if threshold_ms > 0 && ns / 1_000_000 >= threshold_ms as u64 {
            let name = if is_fast { "fast-command" } else { "command" };
            self.sample(name, ns / 1_000_000);
        }
    }

    fn log(&self, client: &ClientInfo, args: &[&[u8]], duration_us: u64) {
        let slow = Slow {
            id: self.next_id.fetch_add(1, Relaxed),
            at_s: system_ms() / 1000,
            duration_us,
            words: cut(args),
            addr: client.addr.clone(),
            name: lock(&client.names).name.clone(),
        };
        let mut entries = lock(&self.entries);
        entries.push_front(slow);
        entries.truncate(usize::try_from(self.max_len.load(Relaxed)).unwrap_or(0));
    }

    /// Adds a sample of an event.
    pub fn sample(&self, name: &'static str, ms: u64) {
        let now_s = system_ms() / 1000;
        let mut events = lock(&self.events);
        let event = events.entry(name).or_default();
        event.max_ms = event.max_ms.max(ms);
        match event.samples.back_mut() {
            Some((at_s, longest)) if *at_s == now_s => *longest = (*longest).max(ms),
            _ => event.samples.push_back((now_s, ms)),
        }
        if event.samples.len() > SAMPLES {
            event.samples.pop_front();
        }
    }

    /// The newest entries.
    pub fn newest(&self, count: usize) -> Vec<Slow> {
        lock(&self.entries).iter().take(count).cloned().collect()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes the entries.
    pub fn clear(&self) {
        lock(&self.entries).clear();
    }

    /// The events, by name.
    pub fn events(&self) -> BTreeMap<&'static str, Event> {
        lock(&self.events).clone()
    }

    /// Forgets events: those of these names, or all; how many there were.
    pub fn reset_events(&self, names: &[&[u8]]) -> usize {
        let mut events = lock(&self.events);
        let before = events.len();
        events.retain(|name, _| {
            !(names.is_empty() || names.iter().any(|n| n.eq_ignore_ascii_case(name.as_bytes())))
        });
        before - events.len()
    }
}

/// The words of a command, cut to what is kept.
fn cut(args: &[&[u8]]) -> Vec<Vec<u8>> {
    let kept = if args.len() > MOST_WORDS { MOST_WORDS - 1 } else { args.len() };
    let mut words: Vec<Vec<u8>> = args[..kept].iter().map(|word| cut_word(word)).collect();
    if args.len() > kept {
        words.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
    }
    words
}

fn cut_word(word: &[u8]) -> Vec<u8> {
    match word.len() > MOST_BYTES {
        false => word.to_vec(),
        true => {
            let more = format!("... ({} more bytes)", word.len() - MOST_BYTES);
            [&word[..MOST_BYTES], more.as_bytes()].concat()
        }
    }
}

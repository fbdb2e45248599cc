//! Counters of calls, lookups and bytes: kept per engine, with one writer each and no contention,
//! and summed when INFO asks. Commands and subcommands have a place each
//! ([`crate::table::place`]).
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

/// Counters of one engine; only its thread adds.
#[derive(Debug)]
pub struct Counters {
    commands: Box<[CommandCounters]>,
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    /// Ticks of the clock when a command ended that was read together with the next; 0 for none.
    pub(crate) ended: AtomicU64,
    /// Bytes received; the network layer adds.
    pub input_bytes: AtomicU64,
    /// Bytes sent; the network layer adds.
    pub output_bytes: AtomicU64,
    /// Whether histograms are kept (latency-tracking).
    has_histograms: Arc<AtomicBool>,
}

/// Counters of one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Calls.
    pub calls: AtomicU64,
    /// Nanoseconds of all calls.
    pub ns: AtomicU64,
    /// Calls refused before running.
    pub rejected: AtomicU64,
    /// Calls that ended in an error.
    pub failed: AtomicU64,
    /// Calls that took up to 2^n microseconds, and longer than the bucket before.
    pub buckets: [AtomicU64; BUCKETS],
}

/// Buckets of the histogram of a command: up to about half an hour.
pub const BUCKETS: usize = 32;

impl CommandCounters {
    /// Counts a call that took so long; in the histogram too, if it is kept.
    #[inline]
    pub fn count(&self, ns: u64, failed: bool, in_histogram: bool) {
        add(&self.calls, 1);
        add(&self.ns, ns);
        if failed {
            add(&self.failed, 1);
        }
        if !in_histogram {
            return;
        }
        let us = ns.div_ceil(1000).max(1);
        let bucket = (64 - (us - 1).leading_zeros()) as usize;
        add(&self.buckets[bucket.min(BUCKETS - 1)], 1);
    }
}

/// Adds to a counter that only this thread writes.
#[inline]
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(n), Relaxed);
}

impl Counters {
    /// Counters at zero, which keep histograms as long as this is so.
    pub fn new(has_histograms: Arc<AtomicBool>) -> Self {
        let mut commands = Vec::new();
        commands.resize_with(crate::table::places(), CommandCounters::default);
        Self {
            commands: commands.into_boxed_slice(),
            hits: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            has_histograms,
        }
    }

    /// Counts a call of the command in this place that took so long.
    #[inline]
    pub fn count(&self, place: usize, ns: u64, failed: bool) {
        if let Some(counters) = self.commands.get(place) {
            counters.count(ns, failed, self.has_histograms.load(Relaxed));
        }
    }

    /// Counts a call of the command in this place that was not run.
    #[cold]
    pub fn reject(&self, place: usize) {
        if let Some(counters) = self.commands.get(place) {
            add(&counters.rejected, 1);
        }
    }

    /// Counts a lookup.
    #[inline]
    pub fn keyspace(&self, hit: bool) {
        add(if hit { &self.hits } else { &self.misses }, 1);
    }

    /// Counts an error reply.
    pub fn error(&self) {
        add(&self.errors, 1);
    }

    /// Adds all of them to the sums of a server.
    pub(crate) fn add_to(&self, totals: &mut Totals) {
        totals.hits += self.hits.load(Relaxed);
        totals.misses += self.misses.load(Relaxed);
        totals.errors += self.errors.load(Relaxed);
        totals.input_bytes += self.input_bytes.load(Relaxed);
        totals.output_bytes += self.output_bytes.load(Relaxed);
        totals.commands += self.commands.iter().map(|c| c.calls.load(Relaxed)).sum::<u64>();
    }

    /// Adds those of the command in this place to its sums.
    pub(crate) fn add_command_to(&self, place: usize, sum: &mut CommandTotals) {
        let Some(command) = self.commands.get(place) else { return };
        sum.calls += command.calls.load(Relaxed);
        sum.rejected += command.rejected.load(Relaxed);
        sum.failed += command.failed.load(Relaxed);
        sum.ns += command.ns.load(Relaxed);
        for (sum, bucket) in sum.buckets.iter_mut().zip(&command.buckets) {
            *sum += bucket.load(Relaxed);
        }
    }

    pub(crate) fn reset(&self) {
        for counters in &self.commands {
            for counter in [&counters.calls, &counters.ns, &counters.rejected, &counters.failed]
                .into_iter()
                .chain(&counters.buckets)
            {
                counter.store(0, Relaxed);
            }
        }
        for counter in
            [&self.hits, &self.misses, &self.errors, &self.input_bytes, &self.output_bytes]
        {
            counter.store(0, Relaxed);
        }
    }
}

/// Sums over all engines.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs)]
pub struct Totals {
    pub hits: u64,
    pub misses: u64,
    pub errors: u64,
    pub commands: u64,
    pub input_bytes: u64,
    pub output_bytes: u64,
}

/// Sums of one command.
#[derive(Debug, Default, Clone, Copy)]
#[allow(missing_docs)]
pub struct CommandTotals {
    pub calls: u64,
    pub ns: u64,
    pub rejected: u64,
    pub failed: u64,
    pub buckets: [u64; BUCKETS],
}

impl CommandTotals {
    /// Calls in the histogram.
    pub fn timed(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The upper end of the bucket in which this share of the calls ends.
    pub fn percentile_us(&self, share: f64) -> u64 {
        let wanted = (self.timed() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted.max(1)
        });
        1 << found.unwrap_or(0)
    }
}

//! A file walked once, the keys that pass handed to workers in batches: what import, diff and deep
//! verification do. The walker only finds where things lie; workers do what costs, on all cores.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, RdbFile, Walked};
use redtool_format::rdb::reader::KeyRecord;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys handed to a worker at a time.
const BATCH_KEYS: usize = 256;
/// Batches waiting for a worker at most; their records only borrow the file.
const BATCHES: usize = 8;

/// Records that only borrow the file.
pub type Batch<'a> = Vec<KeyRecord<'a>>;

/// Where workers take their batches.
pub struct Queue<'a> {
    batches: Mutex<Receiver<Batch<'a>>>,
    /// Batches worked off, to be filled again.
    spent: Mutex<Vec<Batch<'a>>>,
    failed: AtomicBool,
}

impl<'a> Queue<'a> {
    /// The next batch for the one worked off; none when the file is at its end or a worker has
    /// failed.
    pub fn next(&self, spent: Batch<'a>) -> Option<Batch<'a>> {
        lock(&self.spent).push(spent);
        let batch = self.receive()?;
        if self.failed.load(Ordering::Relaxed) {
            self.drain();
            return None;
        }
        Some(batch)
    }

    /// Ends the work of all. What is left is taken and dropped, so that the walker is not kept
    /// waiting.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
        self.drain();
    }

    fn receive(&self) -> Option<Batch<'a>> {
        lock(&self.batches).recv().ok()
    }

    fn drain(&self) {
        while self.receive().is_some() {}
    }
}

/// Ends the work of all when its thread panics: nobody is left waiting for it.
struct Watch<'q, 'a>(&'q Queue<'a>);

impl Drop for Watch<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a walk with workers gave.
pub struct Outcome<T> {
    /// What the walk found, or where it failed: cancelled when a worker did.
    pub walked: Result<(Walked, Checksum)>,
    /// Keys read and filtered.
    pub account: Account,
    /// What each worker gave.
    pub given: Vec<T>,
}

/// Walks the file, at most `most` workers beside; `see` is called with each key that passes, in
/// file order, before a worker has it.
pub fn walk<'a, T: Send>(
    file: &'a RdbFile,
    (checksum, filter): (bool, &Filter),
    meter: &Meter,
    most: usize,
    work: impl Fn(&Queue<'a>) -> T + Sync,
    see: impl FnMut(&KeyRecord<'a>) -> Result<()>,
) -> Result<Outcome<T>> {
    let (full, batches) = sync_channel(BATCHES);
    let queue = Queue {
        batches: Mutex::new(batches),
        spent: Mutex::default(),
        failed: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let watched = || {
            let _watch = Watch(&queue);
            work(&queue)
        };
        let threads: Vec<_> = (0..cores.min(most)).map(|_| scope.spawn(watched)).collect();
        let mut account = Account::default();
        let mut hand_out = HandOut { full, queue: &queue, batch: Batch::new() };
        let walked = hand_out.walk(file, (checksum, filter), &mut account, meter, see);
        drop(hand_out);
        // All are waited for before one is looked at: a panic left alone is the scope's own.
        let joined: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        let given: std::result::Result<_, _> = joined.into_iter().collect();
        let given = given.map_err(|_| Error::new(Kind::Store, "a worker thread failed"))?;
        Ok(Outcome { walked, account, given })
    })
}

struct HandOut<'q, 'a> {
    full: SyncSender<Batch<'a>>,
    queue: &'q Queue<'a>,
    batch: Batch<'a>,
}

impl<'a> HandOut<'_, 'a> {
    fn walk(
        &mut self,
        file: &'a RdbFile,
        (checksum, filter): (bool, &Filter),
        account: &mut Account,
        meter: &Meter,
        mut see: impl FnMut(&KeyRecord<'a>) -> Result<()>,
    ) -> Result<(Walked, Checksum)> {
        let mut scratch = Vec::new();
        let walked = file.walk_and_check(checksum, meter, |record| {
            let at = |e| file.error(e, record.offset, None);
            if !admit(&record, filter, account, &mut scratch).map_err(at)? {
                return Ok(());
            }
            see(&record)?;
            self.batch.push(record);
            if self.batch.len() == BATCH_KEYS {
                self.send()?;
            }
            Ok(())
        });
        // What was read before damage is looked at as well.
        self.send()?;
        walked
    }

    fn send(&mut self) -> Result<()> {
        let mut next = lock(&self.queue.spent).pop().unwrap_or_default();
        next.clear();
        next.reserve(BATCH_KEYS);
        let batch = std::mem::replace(&mut self.batch, next);
        if self.queue.failed.load(Ordering::Relaxed) || self.full.send(batch).is_err() {
            // The worker that failed says why.
            return Err(Error::cancelled());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn mixed() -> RdbFile {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/mixed_v10.rdb");
        RdbFile::open(Path::new(path), &Meter::new()).unwrap()
    }

    fn walk_with<T: Send>(work: impl Fn(&Queue<'_>) -> T + Sync) -> Result<Outcome<T>> {
        let (file, filter, meter) = (mixed(), Filter::default(), Meter::new());
        walk(&file, (true, &filter), &meter, 4, |queue| work(queue), |_| Ok(()))
    }

    #[test]
    fn every_key_goes_to_one_worker() {
        let outcome = walk_with(|queue| {
            let (mut batch, mut keys) = (Vec::new(), 0);
            while let Some(next) = queue.next(batch) {
                batch = next;
                keys += batch.len();
            }
            keys
        })
        .unwrap();
        let keys = outcome.walked.unwrap().0.keys;
        assert_eq!(outcome.given.iter().sum::<usize>() as u64, keys);
        assert_eq!(outcome.account.read.total(), keys);
    }

    #[test]
    fn a_worker_that_panics_is_an_error_and_no_hang() {
        let outcome = walk_with(|queue| {
            queue.next(Vec::new());
            panic!("a bug in a worker");
        });
        assert_eq!(outcome.err().unwrap().message, "a worker thread failed");
    }

    #[test]
    fn a_worker_that_fails_ends_the_walk() {
        let outcome = walk_with(|queue| queue.fail()).unwrap();
        // A file this short may be walked before the failure is seen.
        let cancelled = |e: Error| e.kind == Kind::Cancelled;
        assert!(outcome.walked.err().is_none_or(cancelled));
    }
}

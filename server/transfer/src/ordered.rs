//! Work handed out in order, done on all cores, taken back in order.
//!
//! ```text
//! producer ── batch 0, 1, 2 … ──> workers ── parts, a lane for each batch ──> taker
//!    └────────────────── the lanes, in the order of the batches ──────────────┘
//! ```
//! Each batch has a small bounded lane of its own for what is made of it. The taker empties the
//! lanes one after the other, so that what comes out has the order of what went in, a batch of any
//! size streams, and memory holds at most [`LANES`] lanes of [`PARTS`] parts. The batch whose lane
//! is being emptied is always in work, because batches are taken in order: nothing waits for ever.
//!
//! A failure travels in its lane, so that the first in the order of the batches is the one told.
//! When the taker stops, whoever sends to it is told that it is gone, and all end.
use crate::error::{Error, Kind, Result};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Batches under way at most.
pub const LANES: usize = 6;
/// Parts that wait in a lane at most.
pub const PARTS: usize = 4;

enum Message<M> {
    Part(M),
    Done,
    Failed(Error),
}

/// Where what is made of a batch goes.
pub struct Lane<M>(SyncSender<Message<M>>);

impl<M> Lane<M> {
    /// Hands over a part; an error when nobody takes it any more.
    pub fn send(&self, part: M) -> Result<()> {
        self.message(Message::Part(part))
    }

    /// Ends the lane: everything was sent, or why it was not.
    fn end(&self, result: Result<()>) {
        let last = match result {
            Ok(()) => Message::Done,
            Err(error) => Message::Failed(error),
        };
        // Nobody is there to be told: the taker knows better why it stopped.
        self.message(last).unwrap_or_default();
    }

    fn message(&self, message: Message<M>) -> Result<()> {
        self.0.send(message).map_err(|_| Error::cancelled())
    }
}

/// Hands batches out.
pub struct Hand<B, M> {
    lanes: SyncSender<Receiver<Message<M>>>,
    batches: SyncSender<(B, Lane<M>)>,
}

impl<B, M> Hand<B, M> {
    /// Hands a batch to the next worker that is free; an error when the work has ended early.
    pub fn give(&self, batch: B) -> Result<()> {
        let lane = self.lane()?;
        self.batches.send((batch, lane)).map_err(|_| Error::cancelled())
    }

    /// Does the work of a batch here.
    pub fn make(&self, make: impl FnOnce(&Lane<M>) -> Result<()>) -> Result<()> {
        let lane = self.lane()?;
        lane.end(make(&lane));
        Ok(())
    }

    fn lane(&self) -> Result<Lane<M>> {
        let (parts, lane) = sync_channel(PARTS);
        self.lanes.send(lane).map_err(|_| Error::cancelled())?;
        Ok(Lane(parts))
    }
}

/// As many workers as there are cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

type Queue<B, M> = Mutex<Receiver<(B, Lane<M>)>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `produce` on a thread, `work` on `workers` threads, each with a `state` of its own, and
/// `take` here. Gives what `produce` gives, or the first error: the taker's or a worker's before
/// the producer's.
pub fn run<B: Send, M: Send, P: Send, S>(
    workers: usize,
    produce: impl FnOnce(&Hand<B, M>) -> Result<P> + Send,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, B, &Lane<M>) -> Result<()> + Sync,
    take: impl FnMut(M) -> Result<()>,
) -> Result<P> {
    let (lanes, ordered) = sync_channel(LANES);
    let (batches, queue) = sync_channel(LANES);
    let queue: Queue<B, M> = Mutex::new(queue);
    let hand = Hand { lanes, batches };
    std::thread::scope(|scope| {
        let producer = scope.spawn(move || produce(&hand));
        let work_off = || work_off(&queue, &state, &work);
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work_off)).collect();
        let taken = take_all(ordered, take);
        // The producer may wait for a worker, and no worker may be left.
        while lock(&queue).recv().is_ok() {}
        let produced = producer.join();
        // All are waited for before one is looked at: a panic left alone is the scope's own.
        let joined: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        taken?;
        if joined.iter().any(std::result::Result::is_err) {
            return Err(panicked());
        }
        produced.unwrap_or_else(|_| Err(panicked()))
    })
}

fn work_off<B, M, S>(
    queue: &Queue<B, M>,
    state: &impl Fn() -> S,
    work: &impl Fn(&mut S, B, &Lane<M>) -> Result<()>,
) {
    let mut state = state();
    loop {
        let next = lock(queue).recv();
        let Ok((batch, lane)) = next else { return };
        lane.end(work(&mut state, batch, &lane));
    }
}

fn take_all<M>(
    lanes: Receiver<Receiver<Message<M>>>,
    mut take: impl FnMut(M) -> Result<()>,
) -> Result<()> {
    for lane in lanes {
        loop {
            match lane.recv() {
                Ok(Message::Part(part)) => take(part)?,
                Ok(Message::Done) => break,
                Ok(Message::Failed(error)) => return Err(error),
                // Whoever filled it ended without a word.
                Err(_) => return Err(panicked()),
            }
        }
    }
    Ok(())
}

fn panicked() -> Error {
    Error::new(Kind::Store, "a worker thread failed")
        .hint("this is a bug in redtool; please report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers handed out, each made into as many parts as it says modulo 40.
    fn counted(
        most: u64,
        work: impl Fn(u64) -> Result<u64> + Sync,
        take: impl FnMut(u64) -> Result<()>,
    ) -> Result<u64> {
        let produce = |hand: &Hand<u64, u64>| {
            (0..most).try_for_each(|n| hand.give(n))?;
            Ok(most)
        };
        let work = |_: &mut (), n: u64, lane: &Lane<u64>| {
            let n = work(n)?;
            (0..n % 40).try_for_each(|_| lane.send(n))
        };
        run(3, produce, || (), work, take)
    }

    #[test]
    fn parts_come_out_in_the_order_of_their_batches() {
        let mut taken = Vec::new();
        let most = counted(1000, Ok, |n| {
            taken.push(n);
            Ok(())
        });
        assert_eq!(most.unwrap(), 1000);
        let expected = (0..1000u64).flat_map(|n| std::iter::repeat_n(n, (n % 40) as usize));
        assert!(taken.into_iter().eq(expected));
    }

    #[test]
    fn the_first_failure_in_order_is_the_one_told() {
        let fail = |n| match n {
            50.. => Err(Error::new(Kind::Corrupt, format!("batch {n}"))),
            n => Ok(n),
        };
        let error = counted(100_000, fail, |_| Ok(())).unwrap_err();
        assert_eq!(error.message, "batch 50");
    }

    #[test]
    fn a_taker_that_stops_ends_everything() {
        let stop = |n| if n < 10 { Ok(()) } else { Err(Error::new(Kind::DiskFull, "full")) };
        assert_eq!(counted(100_000, Ok, stop).unwrap_err().kind, Kind::DiskFull);
    }

    #[test]
    fn workers_that_panic_are_an_error_and_no_hang() {
        let panic = |n| if n < 5 { Ok(n) } else { panic!("a bug in a worker") };
        let error = counted(100_000, panic, |_| Ok(())).unwrap_err();
        assert_eq!(error.message, "a worker thread failed");
    }

    #[test]
    fn the_producer_s_own_failure_is_told_when_nothing_else_failed() {
        let mut taken = 0;
        let produce = |hand: &Hand<u64, u64>| -> Result<()> {
            hand.give(7)?;
            hand.make(|lane| lane.send(8))?;
            Err(Error::new(Kind::Truncated, "the input ends"))
        };
        let work = |_: &mut (), n, lane: &Lane<u64>| lane.send(n);
        let result = run(
            1,
            produce,
            || (),
            work,
            |n| {
                taken += n;
                Ok(())
            },
        );
        assert_eq!((result.unwrap_err().kind, taken), (Kind::Truncated, 15));
    }
}

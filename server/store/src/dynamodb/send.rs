//! Sending items: batches of them by BatchWriteItem, many under way at once, each sent again until
//! all of it is stored.
//!
//! An object that has segments or chunks is sent when all of those are stored. A key counts as
//! stored when its object is.
use super::item::Item;
use super::link::{Calls, Link};
use super::pace::Tries;
use crate::error::{Result, StoreError};
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, WriteRequest};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;

/// Items of one BatchWriteItem, by its rules.
const BATCH_ITEMS: usize = 25;
/// Bytes of one; its rules allow 16 MB, but many are under way at once.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes that a write capacity unit pays for.
const WCU_BYTES: usize = 1024;

/// Sends items in batches.
pub struct Sender {
    link: Arc<Link>,
    shared: Arc<Shared>,
    /// One for each request under way.
    room: Arc<Semaphore>,
    batch: Batch,
}

/// What it took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Items stored.
    pub items: u64,
    /// Write capacity units, as the service told.
    pub wcu: f64,
    /// Requests that were sent again, whole or in part.
    pub retries: u64,
}

#[derive(Default)]
struct Batch {
    requests: Vec<WriteRequest>,
    tags: Vec<Tag>,
    bytes: usize,
    wcu: usize,
}

/// What an item is to its key.
pub enum Tag {
    /// One of the parts that the object waits for.
    Part(Arc<Parts>),
    /// The object: with it the key of this number is stored.
    Key(u64),
    /// Outside keys.
    Meta,
}

/// A key some of whose items are not stored yet.
pub struct Parts {
    number: u64,
    /// Parts not stored, and one more until all have been given.
    missing: AtomicUsize,
    object: Mutex<Option<Item>>,
}

impl Parts {
    /// Of the key with this number.
    pub fn new(number: u64) -> Arc<Self> {
        Arc::new(Self { number, missing: AtomicUsize::new(1), object: Mutex::default() })
    }

    /// What is sent last.
    pub fn set_object(&self, item: Item) {
        *lock(&self.object) = Some(item);
    }
}

/// What the sender and its tasks share.
#[derive(Default)]
struct Shared {
    /// Objects whose parts are all stored.
    ready: Mutex<Vec<(u64, Item)>>,
    stored: Mutex<Stored>,
    error: Mutex<Option<StoreError>>,
    spent: Mutex<Spent>,
}

/// Keys stored: all before `next`, and those in `beyond`.
#[derive(Default)]
struct Stored {
    next: u64,
    beyond: BTreeSet<u64>,
}

impl Stored {
    fn add(&mut self, number: u64) {
        self.beyond.insert(number);
        while self.beyond.remove(&self.next) {
            self.next += 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sender {
    /// Keys are numbered from `first` on.
    pub fn new(link: &Arc<Link>, first: u64) -> Self {
        let shared = Shared::default();
        lock(&shared.stored).next = first;
        Self {
            link: Arc::clone(link),
            shared: Arc::new(shared),
            room: Arc::new(Semaphore::new(link.parallel)),
            batch: Batch::default(),
        }
    }

    /// All keys with a smaller number are stored.
    pub fn stored(&self) -> u64 {
        lock(&self.shared.stored).next
    }

    /// What it took until now.
    pub fn spent(&self) -> Spent {
        *lock(&self.shared.spent)
    }

    /// Sends a part of a key.
    pub fn part(&mut self, item: Item, parts: &Arc<Parts>) -> Result<()> {
        parts.missing.fetch_add(1, Ordering::AcqRel);
        self.send(item, Tag::Part(Arc::clone(parts)))
    }

    /// All parts of a key have been given.
    pub fn parts_given(&mut self, parts: &Parts) -> Result<()> {
        self.shared.part_stored(parts);
        self.send_ready().map(|_| ())
    }

    /// Sends an item, and objects whose parts have been stored in the meantime.
    pub fn send(&mut self, item: Item, tag: Tag) -> Result<()> {
        self.push(item, tag)?;
        self.send_ready().map(|_| ())
    }

    /// Puts an item into the batch, which goes when it is full.
    fn push(&mut self, item: Item, tag: Tag) -> Result<()> {
        let bytes = item.size_bytes();
        if !self.batch.requests.is_empty() && self.batch.bytes + bytes > BATCH_BYTES {
            self.flush()?;
        }
        self.batch.bytes += bytes;
        self.batch.wcu += bytes.div_ceil(WCU_BYTES);
        self.batch.requests.push(item.request());
        self.batch.tags.push(tag);
        if self.batch.requests.len() == BATCH_ITEMS {
            self.flush()?;
        }
        Ok(())
    }

    /// Waits until everything given is stored.
    pub fn settle(&mut self) -> Result<()> {
        loop {
            self.flush()?;
            let all = u32::try_from(self.link.parallel).unwrap_or(u32::MAX);
            let permits = self.link.wait(self.room.acquire_many(all))?;
            drop(permits);
            self.check()?;
            if !self.send_ready()? {
                return Ok(());
            }
        }
    }

    /// Sends objects whose parts are stored; whether there were any.
    fn send_ready(&mut self) -> Result<bool> {
        let ready = std::mem::take(&mut *lock(&self.shared.ready));
        let any = !ready.is_empty();
        for (number, item) in ready {
            self.push(item, Tag::Key(number))?;
        }
        Ok(any)
    }

    /// Sends the batch as soon as there is room.
    fn flush(&mut self) -> Result<()> {
        self.check()?;
        if self.batch.requests.is_empty() {
            return Ok(());
        }
        let Ok(permit) = self.link.wait(Arc::clone(&self.room).acquire_owned())? else {
            return Err(self.link.calls.trouble("the import was given up"));
        };
        let batch = std::mem::take(&mut self.batch);
        let (calls, shared) = (Arc::clone(&self.link.calls), Arc::clone(&self.shared));
        self.link.handle()?.spawn(async move {
            match write(&calls, &shared, batch.requests, batch.wcu as f64).await {
                Ok(()) => batch.tags.iter().for_each(|tag| shared.stored(tag)),
                Err(error) => shared.fail(error),
            }
            drop(permit);
        });
        Ok(())
    }

    /// What went wrong with an earlier batch.
    fn check(&self) -> Result<()> {
        match lock(&self.shared.error).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn stored(&self, tag: &Tag) {
        match tag {
            Tag::Part(parts) => self.part_stored(parts),
            Tag::Key(number) => lock(&self.stored).add(*number),
            Tag::Meta => {}
        }
    }

    fn part_stored(&self, parts: &Parts) {
        if parts.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            if let Some(object) = lock(&parts.object).take() {
                lock(&self.ready).push((parts.number, object));
            }
        }
    }

    /// Keeps the first error.
    fn fail(&self, error: StoreError) {
        lock(&self.error).get_or_insert(error);
    }
}

/// Sends a batch until all of it is stored.
async fn write(
    calls: &Calls,
    shared: &Shared,
    mut requests: Vec<WriteRequest>,
    mut wcu: f64,
) -> Result<()> {
    let mut tries = Tries::default();
    loop {
        if let Some(bucket) = &calls.bucket {
            let wait = bucket.take(wcu, Instant::now());
            tokio::time::sleep(wait).await;
        }
        let before = requests.len();
        let request = calls
            .client
            .batch_write_item()
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .request_items(calls.table(), requests.clone());
        match request.send().await {
            Ok(answer) => {
                let used = answer.consumed_capacity().iter().filter_map(|used| used.capacity_units);
                let used = used.sum::<f64>();
                correct(calls, wcu, used);
                requests = answer.unprocessed_items.and_then(one_table).unwrap_or_default();
                let stored = before.saturating_sub(requests.len());
                shared.spend(stored as u64, used);
                if requests.is_empty() {
                    return Ok(());
                }
                wcu *= requests.len() as f64 / before as f64;
                if stored > 0 {
                    tries.progress();
                }
                calls.undone(&mut tries).await?;
            }
            Err(error) => calls.failed(&error, &mut tries).await?,
        }
        lock(&shared.spent).retries += 1;
    }
}

impl Shared {
    fn spend(&self, items: u64, wcu: f64) {
        let mut spent = lock(&self.spent);
        spent.items += items;
        spent.wcu += wcu;
    }
}

/// Tells the bucket what was really used; a service that does not tell used what was expected.
fn correct(calls: &Calls, expected: f64, used: f64) {
    if let Some(bucket) = calls.bucket.as_ref().filter(|_| used > 0.0) {
        bucket.give_back(expected - used);
    }
}

/// What was left undone; there is one table only.
fn one_table(tables: HashMap<String, Vec<WriteRequest>>) -> Option<Vec<WriteRequest>> {
    tables.into_values().find(|requests| !requests.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::import::meta_item;

    #[test]
    fn keys_count_as_stored_when_all_before_them_are() {
        let mut stored = Stored { next: 5, ..Stored::default() };
        stored.add(7);
        stored.add(6);
        assert_eq!(stored.next, 5);
        stored.add(5);
        assert_eq!((stored.next, stored.beyond.len()), (8, 0));
    }

    #[test]
    fn an_object_is_ready_when_its_last_part_is_stored() {
        let shared = Shared::default();
        let parts = Parts::new(3);
        parts.missing.fetch_add(1, Ordering::AcqRel);
        parts.set_object(meta_item(b"x", Vec::new()));
        shared.part_stored(&parts);
        assert!(lock(&shared.ready).is_empty());
        shared.part_stored(&parts);
        assert_eq!(lock(&shared.ready).len(), 1);
    }
}

//! Reading a whole table by a parallel scan.
//!
//! Each segment of the scan is read by a task of its own, a few pages ahead. Within a segment the
//! items of one key come together and in the order of their sort keys: the object, then its
//! segments. Pages are taken from the segments in turn, so that two scans of a table that nobody
//! changes give the same order; but a value that goes on in the next page is followed to its end
//! first, so that it comes in one piece.
use super::item::{binary, Content, Found, OBJECT_SK, PK, SEGMENT};
use super::link::{Calls, Link};
use super::query::{each_chunk, whole};
use crate::error::{Result, StoreError};
use crate::object::{Body, Object};
use crate::spill::SpillBytes;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Pages that a segment may be ahead.
const PAGES_AHEAD: usize = 2;
/// Length of the shortest record key: a db number.
const SHORTEST_KEY: usize = 4;

/// What is done with the records of a table.
pub trait Visit {
    /// What can go wrong.
    type Error: From<StoreError>;
    /// An object.
    fn object(&mut self, record_key: &[u8], record: &[u8]) -> std::result::Result<(), Self::Error>;
    /// A segment of the object before, with its key as in other stores.
    fn segment(&mut self, key: &[u8], value: &[u8]) -> std::result::Result<(), Self::Error>;
}

/// Gives every record to `visit`.
pub fn scan_all<V: Visit>(
    link: &Link,
    segments: usize,
    visit: &mut V,
) -> std::result::Result<(), V::Error> {
    let mut scan = Scan::start(link, segments.max(1))?;
    let mut open = vec![Value::default(); segments.max(1)];
    let mut turns: VecDeque<usize> = (0..segments.max(1)).collect();
    let mut buf = SpillBytes::new();
    while let Some(segment) = turns.pop_front() {
        let Some(page) = scan.next(segment)? else { break };
        let value = &mut open[segment];
        for found in page.items {
            value.take(link, found, &mut buf, visit)?;
        }
        match (page.is_last, value.id) {
            (true, _) => {}
            (false, Some(_)) => turns.push_front(segment),
            (false, None) => turns.push_back(segment),
        }
    }
    Ok(())
}

/// The value that a segment of the scan is at.
#[derive(Clone, Default)]
struct Value {
    record_key: Vec<u8>,
    /// The id of its segments, where it has some.
    id: Option<u64>,
}

impl Value {
    fn take<V: Visit>(
        &mut self,
        link: &Link,
        found: Found,
        buf: &mut SpillBytes,
        visit: &mut V,
    ) -> std::result::Result<(), V::Error> {
        if found.pk != self.record_key {
            self.id = None;
        }
        if found.pk.len() < SHORTEST_KEY {
            return Ok(());
        }
        if found.sk == OBJECT_SK {
            return self.object(link, found, buf, visit);
        }
        match (found.sk.split_first(), self.id) {
            (Some((&SEGMENT, key)), Some(id)) if key.starts_with(&id.to_be_bytes()) => {
                let key = key.to_vec();
                visit.segment(&key, &whole(link, found)?)
            }
            // Chunks are fetched by their head; other segments are what another import has left.
            _ => Ok(()),
        }
    }

    fn object<V: Visit>(
        &mut self,
        link: &Link,
        found: Found,
        buf: &mut SpillBytes,
        visit: &mut V,
    ) -> std::result::Result<(), V::Error> {
        let record = match &found.content {
            Content::Whole(record) => record,
            Content::Head { generation, chunks } => {
                buf.clear();
                let cut = (*generation, *chunks);
                each_chunk(link, &found.pk, cut, |piece| buf.extend_from_slice(piece))?;
                buf.as_slice()
            }
        };
        self.id = match Object::parse(record).map(|object| object.body) {
            Ok(Body::Segmented { id, .. }) => Some(id),
            // A damaged record is for `visit` to refuse.
            _ => None,
        };
        self.record_key.clone_from(&found.pk);
        visit.object(&found.pk, record)
    }
}

/// A page of a segment.
struct Page {
    segment: usize,
    items: Vec<Found>,
    is_last: bool,
}

/// Tasks that read segments, and their pages.
struct Scan {
    tasks: Vec<JoinHandle<()>>,
    room: Vec<Arc<Semaphore>>,
    pages: UnboundedReceiver<Result<Page>>,
    /// Pages of segments that have to wait.
    waiting: VecDeque<Page>,
}

impl Scan {
    fn start(link: &Link, segments: usize) -> Result<Self> {
        let (full, pages) = unbounded_channel();
        let room: Vec<_> = (0..segments).map(|_| Arc::new(Semaphore::new(PAGES_AHEAD))).collect();
        let handle = link.handle()?;
        let tasks = room.iter().enumerate().map(|(segment, room)| {
            let calls = Arc::clone(&link.calls);
            let which = (segment, segments);
            handle.spawn(read_segment(calls, which, Arc::clone(room), full.clone()))
        });
        let tasks = tasks.collect();
        Ok(Self { tasks, room, pages, waiting: VecDeque::new() })
    }

    /// The next page of a segment.
    fn next(&mut self, segment: usize) -> Result<Option<Page>> {
        let is_wanted = |page: &Page| page.segment == segment;
        let place = self.waiting.iter().position(is_wanted);
        let mut page = place.and_then(|place| self.waiting.remove(place));
        while page.is_none() {
            match self.pages.blocking_recv() {
                Some(read) => {
                    let read = read?;
                    if is_wanted(&read) {
                        page = Some(read);
                    } else {
                        self.waiting.push_back(read);
                    }
                }
                None => return Ok(None),
            }
        }
        if let Some(page) = &page {
            self.room[page.segment].add_permits(1);
        }
        Ok(page)
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn read_segment(
    calls: Arc<Calls>,
    (segment, segments): (usize, usize),
    room: Arc<Semaphore>,
    full: UnboundedSender<Result<Page>>,
) {
    let mut start = None;
    loop {
        // The semaphore is never closed.
        if let Ok(permit) = room.acquire().await {
            permit.forget();
        }
        let page = read_page(&calls, (segment, segments), start).await;
        let next;
        let page = match page {
            Ok((items, after)) => {
                next = after;
                Ok(Page { segment, items, is_last: next.is_none() })
            }
            Err(error) => {
                next = None;
                Err(error)
            }
        };
        // Nobody listens any more when the scan was given up.
        if full.send(page).is_err() || next.is_none() {
            return;
        }
        start = next;
    }
}

type PageAndNext = (Vec<Found>, Option<super::item::Attributes>);

async fn read_page(
    calls: &Calls,
    (segment, segments): (usize, usize),
    start: Option<super::item::Attributes>,
) -> Result<PageAndNext> {
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let request = calls
        .client
        .scan()
        .table_name(calls.table())
        .consistent_read(true)
        // Chunks are fetched by their heads.
        .filter_expression("NOT begins_with(sk, :c)")
        .expression_attribute_values(":c", binary([super::item::CHUNK]))
        // A scan of one segment is a plain one.
        .set_segment((segments > 1).then(|| number(segment)))
        .set_total_segments((segments > 1).then(|| number(segments)))
        .set_exclusive_start_key(start);
    let answer = calls.ask(|| request.clone().send()).await?;
    let items = answer.items.unwrap_or_default();
    let items = items.into_iter().map(Found::from).collect::<Result<_>>()?;
    Ok((items, answer.last_evaluated_key.filter(|key| key.contains_key(PK))))
}

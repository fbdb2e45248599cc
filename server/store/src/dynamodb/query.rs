//! Reading runs of items: the records of one partition in order, all objects in the table's order,
//! the chunks of a value.
//!
//! Pages are asked for when they are needed, the first ones small: most walks over segments end
//! after one.
use super::item::{
    binary, chunk_sk, key, Attributes, Content, Found, CHUNK, OBJECT_SK, PK, SEGMENT, SK,
};
use super::link::{Calls, Link};
use super::pace::Tries;
use super::reader::Homes;
use crate::contract::{Bytes, Cursor};
use crate::error::{Result, StoreError};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many times more items the next page has.
const GROWTH: i32 = 8;
/// Pages of so many items are limited by their bytes alone: 1 MB.
const LARGEST_PAGE: i32 = 10_000;
/// Chunks asked for at a time, and requests for them under way at once.
const CHUNKS_A_REQUEST: u32 = 2;
const CHUNK_REQUESTS: usize = 8;
/// After every sort key there is.
const AFTER_ALL: &[u8] = &[0xff];

/// Items by their keys, in no order; what is not there is left out.
pub fn batch_get(
    link: &Link,
    asked: HashMap<String, KeysAndAttributes>,
) -> Result<Vec<Attributes>> {
    link.wait(async {
        let (mut found, mut asked, mut tries) = (Vec::new(), asked, Tries::default());
        while !asked.is_empty() {
            let request = link.calls.client.batch_get_item().set_request_items(Some(asked.clone()));
            let answer = link.calls.ask(|| request.clone().send()).await?;
            let items: Vec<_> =
                answer.responses.into_iter().flat_map(HashMap::into_values).flatten().collect();
            asked = answer.unprocessed_keys.unwrap_or_default();
            if items.is_empty() && !asked.is_empty() {
                link.calls.undone(&mut tries).await?;
            }
            found.extend(items);
        }
        Ok(found)
    })?
}

/// The whole value of an item, put together if it is cut.
pub fn whole(link: &Link, found: Found) -> Result<Vec<u8>> {
    match found.content {
        Content::Whole(value) => Ok(value),
        Content::Head { generation, chunks } => {
            let mut value = Vec::new();
            each_chunk(link, &found.pk, (generation, chunks), |piece| {
                value.extend_from_slice(piece);
                Ok(())
            })?;
            Ok(value)
        }
    }
}

/// Gives the chunks of a head, generation and number, to `each` in order.
pub fn each_chunk(
    link: &Link,
    pk: &[u8],
    (generation, chunks): (u64, u32),
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut under_way = VecDeque::new();
    let mut starts = (0..chunks).step_by(CHUNKS_A_REQUEST as usize);
    loop {
        while under_way.len() < CHUNK_REQUESTS {
            let Some(start) = starts.next() else { break };
            let range = (start, chunks.min(start + CHUNKS_A_REQUEST));
            let (calls, pk) = (Arc::clone(&link.calls), pk.to_vec());
            under_way.push_back(link.handle()?.spawn(some_chunks(calls, pk, generation, range)));
        }
        let Some(next) = under_way.pop_front() else { return Ok(()) };
        let pieces = link.wait(next)?.map_err(|e| link.calls.trouble(e))??;
        for piece in pieces {
            each(&piece)?;
        }
    }
}

async fn some_chunks(
    calls: Arc<Calls>,
    pk: Vec<u8>,
    generation: u64,
    (start, end): (u32, u32),
) -> Result<Vec<Vec<u8>>> {
    let mut query = Query {
        pk,
        from: Some(chunk_sk(generation, start)),
        to: Some(chunk_sk(generation, end - 1)),
        forward: true,
        limit: LARGEST_PAGE,
        next: None,
    };
    let mut pieces = Vec::new();
    while let Some(page) = query.page(&calls).await? {
        for found in page {
            let expected = chunk_sk(generation, start.saturating_add(pieces.len() as u32));
            match found.content {
                Content::Whole(piece) if found.sk == expected => pieces.push(piece),
                _ => return Err(missing_chunk(&query.pk, generation)),
            }
        }
        if query.next.is_none() {
            break;
        }
    }
    if pieces.len() as u32 == end - start {
        Ok(pieces)
    } else {
        Err(missing_chunk(&query.pk, generation))
    }
}

#[cold]
fn missing_chunk(pk: &[u8], generation: u64) -> StoreError {
    let pk = super::item::hex(pk);
    StoreError::Corrupt(format!("a chunk of generation {generation:016x} is missing: pk {pk}"))
}

/// A question for the items of one partition between two sort keys, both included.
pub struct Query {
    pk: Vec<u8>,
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
    forward: bool,
    limit: i32,
    next: Option<Attributes>,
}

impl Query {
    /// The next page; the last one leaves no `next`.
    async fn page(&mut self, calls: &Calls) -> Result<Option<Vec<Found>>> {
        let condition = match (&self.from, &self.to) {
            (None, None) => "pk = :pk",
            (Some(_), None) => "pk = :pk AND sk >= :from",
            (None, Some(_)) => "pk = :pk AND sk <= :to",
            (Some(from), Some(to)) if from > to => return Ok(None),
            (Some(_), Some(_)) => "pk = :pk AND sk BETWEEN :from AND :to",
        };
        let values =
            [(":pk", Some(&self.pk)), (":from", self.from.as_ref()), (":to", self.to.as_ref())];
        let values = values
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), binary(value?.as_slice()))))
            .collect();
        let request = calls
            .client
            .query()
            .table_name(calls.table())
            .consistent_read(true)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(self.forward)
            .limit(self.limit)
            .set_exclusive_start_key(self.next.take());
        let answer = calls.ask(|| request.clone().send()).await?;
        self.next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        self.limit = self.limit.saturating_mul(GROWTH).min(LARGEST_PAGE);
        answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Found::from)
            .collect::<Result<_>>()
            .map(Some)
    }
}

/// A walk over the records of one partition.
pub struct RecordCursor {
    link: Arc<Link>,
    query: Query,
    /// Bytes of the sort key before the record's key.
    kind_bytes: usize,
    page: VecDeque<Found>,
    ended: bool,
}

impl RecordCursor {
    /// The segments of a value from (`forward`) or up to a segment's key.
    pub fn segments(link: &Arc<Link>, pk: &[u8], id: u64, place: &[u8], forward: bool) -> Self {
        let sk = |key: &[u8]| [&[SEGMENT], key].concat();
        // No segment's key is an id alone, so these lie between the values.
        let first = sk(&id.to_be_bytes());
        let last = match id.checked_add(1) {
            Some(next) => sk(&next.to_be_bytes()),
            None => vec![SEGMENT + 1],
        };
        let place = sk(place);
        let (from, to, limit) =
            if forward { (place.max(first), last, GROWTH) } else { (first, place.min(last), 1) };
        Self::new(link, pk, (Some(from), Some(to)), forward, limit, 1)
    }

    /// The meta records from (`forward`) or up to a key.
    pub fn meta(link: &Arc<Link>, place: &[u8], forward: bool) -> Self {
        let place = (!place.is_empty()).then(|| place.to_vec());
        let bounds = if forward { (place, None) } else { (None, place) };
        Self::new(link, super::item::META_PK, bounds, forward, LARGEST_PAGE, 0)
    }

    fn new(
        link: &Arc<Link>,
        pk: &[u8],
        (from, to): (Option<Vec<u8>>, Option<Vec<u8>>),
        forward: bool,
        limit: i32,
        kind_bytes: usize,
    ) -> Self {
        let query = Query { pk: pk.to_vec(), from, to, forward, limit, next: None };
        let page = VecDeque::new();
        Self { link: Arc::clone(link), query, kind_bytes, page, ended: false }
    }
}

impl<'r> Cursor<'r> for RecordCursor {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        loop {
            if let Some(mut found) = self.page.pop_front() {
                if self.kind_bytes == 0 && is_chunk(&found.sk) {
                    continue;
                }
                let record_key = found.sk.split_off(self.kind_bytes);
                let value = whole(&self.link, found)?;
                return Ok(Some((Cow::Owned(record_key), Cow::Owned(value))));
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.link.wait(self.query.page(&self.link.calls))??;
            self.ended = self.query.next.is_none();
            self.page.extend(page.into_iter().flatten());
        }
    }
}

/// Whether a sort key of the meta partition is a chunk's: no meta record's key has its form.
fn is_chunk(sk: &[u8]) -> bool {
    sk.len() == chunk_sk(0, 0).len() && sk.first() == Some(&CHUNK)
}

/// A walk over all objects, in the table's own order.
pub struct ObjectCursor<'r> {
    link: Arc<Link>,
    homes: &'r RefCell<Homes>,
    next: Option<Attributes>,
    limit: i32,
    page: VecDeque<Found>,
    ended: bool,
}

impl<'r> ObjectCursor<'r> {
    /// From the object after that with the record key `after`; from the first one if it is empty.
    pub fn new(link: &Arc<Link>, homes: &'r RefCell<Homes>, after: &[u8]) -> Self {
        let next = (!after.is_empty()).then(|| key(after, AFTER_ALL));
        let page = VecDeque::new();
        Self { link: Arc::clone(link), homes, next, limit: 64, page, ended: false }
    }

    fn read_page(&mut self) -> Result<()> {
        let calls = &self.link.calls;
        let request = calls
            .client
            .scan()
            .table_name(calls.table())
            .consistent_read(true)
            .filter_expression("#sk = :o")
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":o", binary(OBJECT_SK))
            .limit(self.limit)
            .set_exclusive_start_key(self.next.take());
        let answer = self.link.wait(calls.ask(|| request.clone().send()))??;
        self.next = answer.last_evaluated_key.filter(|key| key.contains_key(PK));
        self.ended = self.next.is_none();
        self.limit = self.limit.saturating_mul(GROWTH).min(LARGEST_PAGE);
        for item in answer.items.unwrap_or_default() {
            self.page.push_back(Found::from(item)?);
        }
        Ok(())
    }
}

impl<'r> Cursor<'r> for ObjectCursor<'r> {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        loop {
            if let Some(mut found) = self.page.pop_front() {
                let pk = std::mem::take(&mut found.pk);
                let record = whole(&self.link, Found { pk: pk.clone(), ..found })?;
                self.homes.borrow_mut().remember(&pk, &record);
                return Ok(Some((Cow::Owned(pk), Cow::Owned(record))));
            }
            if self.ended {
                return Ok(None);
            }
            self.read_page()?;
        }
    }
}

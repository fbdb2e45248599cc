//! Reading by key.
//!
//! A segment lies under the key of its object, which its own key does not tell. So a reader
//! remembers which ids the objects it has handed out have, and answers for segments of those.
use super::item::{key, segment_sk, Content, Found, META_PK, OBJECT_SK};
use super::link::Link;
use super::query::{batch_get, whole, ObjectCursor, RecordCursor};
use crate::contract::{Bytes, Cursor, Reader, Table};
use crate::error::{Result, StoreError};
use crate::object::{Body, Object};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// How many objects' ids are remembered.
const HOMES: usize = 65_536;
/// Keys of one BatchGetItem, by its rules.
const BATCH_KEYS: usize = 100;
/// Keys fetched ahead at most.
const AHEAD_KEYS: usize = 1000;

/// Under which keys the segments of the objects read lately lie.
#[derive(Default)]
pub struct Homes {
    by_id: HashMap<u64, Arc<[u8]>>,
    order: VecDeque<u64>,
}

impl Homes {
    /// Remembers the id of an object's record, if it has one.
    pub fn remember(&mut self, record_key: &[u8], record: &[u8]) {
        let Ok(Object { body: Body::Segmented { id, .. }, .. }) = Object::parse(record) else {
            return;
        };
        if self.by_id.insert(id, record_key.into()).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > HOMES {
            if let Some(oldest) = self.order.pop_front() {
                self.by_id.remove(&oldest);
            }
        }
    }

    /// The id that a segment's key starts with, and the record key of its object.
    fn of(&self, segment: &[u8]) -> Result<(u64, Arc<[u8]>)> {
        let id = segment.first_chunk::<8>().map(|id| u64::from_be_bytes(*id));
        let found = id.and_then(|id| Some((id, Arc::clone(self.by_id.get(&id)?))));
        found.ok_or_else(|| {
            let what = "segments were asked for before their object was";
            StoreError::Backend(format!("DynamoDB: {what} ({})", super::item::hex(segment)))
        })
    }
}

/// Reads a table. It is no snapshot: what is written meanwhile is seen, each item as it is when it
/// is read.
pub struct DynamoReader {
    link: Arc<Link>,
    homes: RefCell<Homes>,
    ahead: RefCell<HashMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl DynamoReader {
    /// A reader of the table.
    pub fn new(link: Arc<Link>) -> Self {
        Self { link, homes: RefCell::default(), ahead: RefCell::default() }
    }

    fn item(&self, pk: &[u8], sk: &[u8]) -> Result<Option<Vec<u8>>> {
        let calls = &self.link.calls;
        let request = calls
            .client
            .get_item()
            .table_name(calls.table())
            .set_key(Some(key(pk, sk)))
            .consistent_read(true);
        let answer = self.link.wait(calls.ask(|| request.clone().send()))??;
        let found = answer.item.map(Found::from).transpose()?;
        found.map(|found| whole(&self.link, found)).transpose()
    }

    fn object(&self, record_key: &[u8]) -> Result<Option<Vec<u8>>> {
        let record = match self.ahead.borrow_mut().remove(record_key) {
            Some(record) => record,
            None => self.item(record_key, OBJECT_SK)?,
        };
        if let Some(record) = &record {
            self.homes.borrow_mut().remember(record_key, record);
        }
        Ok(record)
    }

    /// Fetches objects together; those in chunks are left for when they are asked for.
    fn fetch(&self, keys: &[&[u8]]) -> Result<()> {
        let mut asked = KeysAndAttributes::builder().consistent_read(true);
        for record_key in keys {
            asked = asked.keys(key(*record_key, OBJECT_SK));
        }
        let asked = asked.build().map_err(|e| self.link.calls.trouble(e))?;
        let asked = HashMap::from([(self.link.calls.table().to_owned(), asked)]);
        let items = batch_get(&self.link, asked)?;
        let mut ahead = self.ahead.borrow_mut();
        ahead.extend(keys.iter().map(|record_key| (record_key.to_vec(), None)));
        for item in items {
            let found = Found::from(item)?;
            match found.content {
                Content::Whole(record) => ahead.insert(found.pk, Some(record)),
                Content::Head { .. } => ahead.remove(&found.pk),
            };
        }
        Ok(())
    }
}

impl Reader for DynamoReader {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        if key.is_empty() {
            return Ok(None);
        }
        let value = match table {
            Table::Meta => self.item(META_PK, key)?,
            Table::Objects => self.object(key)?,
            Table::Segments => {
                let (_, home) = self.homes.borrow().of(key)?;
                self.item(&home, &segment_sk(key))?
            }
            Table::Expires => None,
        };
        Ok(value.map(Cow::Owned))
    }

    fn expect(&self, table: Table, keys: &[&[u8]]) {
        let mut seen = HashSet::new();
        let keys: Vec<&[u8]> =
            keys.iter().copied().filter(|key| !key.is_empty() && seen.insert(*key)).collect();
        self.ahead.borrow_mut().clear();
        if table != Table::Objects || keys.len() < 2 {
            return;
        }
        for some in keys[..keys.len().min(AHEAD_KEYS)].chunks(BATCH_KEYS) {
            // What goes wrong now is told when the record is asked for.
            if self.fetch(some).is_err() {
                self.ahead.borrow_mut().clear();
                return;
            }
        }
    }

    fn seek(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        match table {
            Table::Meta => Ok(Box::new(RecordCursor::meta(&self.link, from, true))),
            Table::Objects => Ok(Box::new(ObjectCursor::new(&self.link, &self.homes, from))),
            Table::Segments => {
                let (id, home) = self.homes.borrow().of(from)?;
                Ok(Box::new(RecordCursor::segments(&self.link, &home, id, from, true)))
            }
            Table::Expires => Ok(Box::new(Nothing)),
        }
    }

    fn seek_back(&self, table: Table, from: &[u8]) -> Result<Box<dyn Cursor<'_> + '_>> {
        match table {
            Table::Meta => Ok(Box::new(RecordCursor::meta(&self.link, from, false))),
            Table::Objects => {
                Err(self.link.calls.trouble("the keys of a table have no order to go back in"))
            }
            Table::Segments => {
                let (id, home) = self.homes.borrow().of(from)?;
                Ok(Box::new(RecordCursor::segments(&self.link, &home, id, from, false)))
            }
            Table::Expires => Ok(Box::new(Nothing)),
        }
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn place_after(&self, record_key: &[u8]) -> Vec<u8> {
        record_key.to_vec()
    }
}

/// A walk over no records.
struct Nothing;

impl<'r> Cursor<'r> for Nothing {
    fn next(&mut self) -> Result<Option<(Bytes<'r>, Bytes<'r>)>> {
        Ok(None)
    }
}

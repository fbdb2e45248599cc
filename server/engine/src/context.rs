//! What a running command sees: the keys of its database, the session, the reply.
use crate::command::Command;
use crate::counters::Counters;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::keys::{find, is_record_alive};
use crate::keyspace::Keyspace;
use crate::notify::class;
use crate::record_key::RecordKey;
use crate::session::Session;
use crate::types::stream_cache::StreamCache;
use crate::types::string::StringValue;
use redtool_format::encodings::Item;
use redtool_format::lzf;
use redtool_format::rdb::string::Str;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;
use redtool_store::meta::Meta;
use redtool_store::object;
use redtool_store::{Bytes, Object, Reader};
use std::cell::{Cell, RefCell};

/// A command's view of the world. `'a` is the life of the request: what [`Context::lookup`] gives
/// borrows from the reader, not from the context, so replies can be written while a value is being
/// walked.
pub struct Context<'a> {
    /// The records.
    pub reader: &'a dyn Reader,
    /// What the dataset knows about itself: counters as they are now.
    pub meta: &'a Meta,
    /// What the commands of a server that is written share; None where nobody writes.
    pub keys: Option<&'a Keyspace>,
    /// The dataset they belong to.
    pub dataset: &'a Dataset,
    /// The connection.
    pub session: &'a mut Session,
    /// The reply.
    pub out: &'a mut Writer,
    /// The row being run (of a subcommand, the subcommand's).
    pub command: &'static Command,
    /// Counters of this engine.
    pub counters: &'a Counters,
    /// A script calls it.
    pub is_scripted: bool,
    /// Keys that were found to have run out, to be removed when the command has ended.
    pub(crate) expired: &'a RefCell<Vec<Expired>>,
    pub(crate) now_ms: Cell<Option<i64>>,
}

/// A key that was found to have run out.
pub struct Expired {
    pub(crate) record_key: Vec<u8>,
    /// The key, when it was missed, which is told once it is gone.
    pub(crate) missed: Option<Vec<u8>>,
}

/// A live key.
pub struct Found<'a> {
    record: Bytes<'a>,
}

impl Found<'_> {
    /// Its record, read.
    #[inline]
    pub fn object(&self) -> Result<Object<'_>, Error> {
        Ok(Object::parse(&self.record)?)
    }

    /// The record itself.
    pub fn record(&self) -> &[u8] {
        &self.record
    }
}

impl<'a> Context<'a> {
    /// The time for this whole command, Unix ms of the dataset's clock; read when first asked for.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        match self.now_ms.get() {
            Some(now) => now,
            None => {
                let now = self.dataset.clock().now_ms();
                self.now_ms.set(Some(now));
                now
            }
        }
    }

    /// The key in the selected database; an expired key is absent. Counts a keyspace hit or miss,
    /// and tells of the latter.
    #[inline]
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Found<'a>>, Error> {
        let found = self.lookup_counted(key)?;
        if found.is_none() {
            self.tell_miss(key);
        }
        Ok(found)
    }

    /// The same, and tells nobody.
    #[inline]
    pub fn lookup_counted(&self, key: &[u8]) -> Result<Option<Found<'a>>, Error> {
        let found = self.lookup_in(self.session.db, key)?;
        self.counters.keyspace(found.is_some());
        Ok(found)
    }

    /// Tells that a key was not there, if somebody wants to know.
    fn tell_miss(&self, key: &[u8]) {
        let Some(keys) = self.keys.filter(|keys| keys.events & class::KEY_MISS != 0) else {
            return;
        };
        let db = self.session.db;
        match self.expired.borrow_mut().last_mut() {
            Some(last) if last.record_key == *RecordKey::new(db, key) => {
                last.missed = Some(key.to_vec());
            }
            _ => keys.notify(class::KEY_MISS, "keymiss", db, key),
        }
    }

    /// The key in a given database, without counting.
    #[inline]
    pub fn lookup_in(&self, db: u32, key: &[u8]) -> Result<Option<Found<'a>>, Error> {
        let record_key = RecordKey::new(db, key);
        let Some(record) = find(self.reader, &record_key, key)? else { return Ok(None) };
        if !is_record_alive(&record, || self.now_ms())? {
            let expired = Expired { record_key: record_key.to_vec(), missed: None };
            self.expired.borrow_mut().push(expired);
            return Ok(None);
        }
        Ok(Some(Found { record }))
    }

    /// Streams that are newer than their records.
    pub fn streams(&self) -> Option<&'a StreamCache> {
        self.keys.map(|keys| &keys.streams)
    }

    /// The key, which must be absent or of this kind.
    #[inline]
    pub fn lookup_kind(&self, key: &[u8], kind: Kind) -> Result<Option<Found<'a>>, Error> {
        let found = self.lookup(key)?;
        match &found {
            Some(value) if object::kind(&value.record) != Some(kind) => Err(Error::WRONG_TYPE),
            _ => Ok(found),
        }
    }

    /// Replies with one element of a packed encoding, as a bulk string.
    #[inline]
    pub fn reply_item(&mut self, item: Item<'_>) {
        match item {
            Item::Str(bytes) => self.out.bulk(bytes),
            Item::Int(n) => self.out.bulk_int(n),
        }
    }

    /// Replies with a string in any of its forms, as a bulk string.
    #[inline]
    pub fn reply_string(&mut self, value: &StringValue<'_>) -> Result<(), Error> {
        // Half a reply is taken back when the data turns out to be damaged.
        match value {
            StringValue::Inline(Str::Raw(bytes)) => self.out.bulk(bytes),
            StringValue::Inline(Str::Int(n)) => self.out.bulk_int(i64::from(*n)),
            StringValue::Inline(Str::Lzf { data, len }) => {
                self.out.bulk_with(*len, |out| lzf::append(data, *len, out))?;
            }
            StringValue::Pieces(_) => {
                let len = value.len();
                self.out.bulk_with(len, |out| value.append(0..len, out))?;
            }
        }
        Ok(())
    }
}

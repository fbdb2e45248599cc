//! What the commands of a server that is written share, and only one of them has at a time: the
//! records, and everybody who must hear of changes.
use crate::blocked::Blocked;
use crate::command::{flag, Command, Run};
use crate::edit::{Edit, OwnedBody};
use crate::error::Error;
use crate::eviction::Eviction;
use crate::field_expiry::FieldExpires;
use crate::keys::find;
use crate::lua::Interpreter;
use crate::notify::class;
use crate::pubsub::PubSub;
use crate::record_key::RecordKey;
use crate::saving::Saves;
use crate::server::ServerState;
use crate::tracking::Remembered;
use crate::types::limits::Limits;
use crate::types::stream_cache::StreamCache;
use crate::types::Result;
use crate::watch::Watched;
use redtool_format::rdb::{Kind, ValueType};
use redtool_store::object::is_long_key;
use redtool_store::space::{Frozen, OwnedRecord};
use redtool_store::{Bytes, Object, Reader, Space, StoreError, Table};
use std::sync::Arc;

/// Commands that change expiry, or remove keys, and take no notice of a value.
const HEADER_WRITERS: [&str; 7] =
    ["del", "expire", "expireat", "persist", "pexpire", "pexpireat", "unlink"];

/// The records of all databases, and those who wait for, watch or listen to them.
pub struct Keyspace {
    /// The records.
    pub space: Space,
    /// The server, whose clients are told.
    pub state: Arc<ServerState>,
    /// Streams that are newer than their records. See [`Keyspace::settle`].
    pub streams: StreamCache,
    /// Changes since the last save.
    pub dirty: u64,
    /// WATCH.
    pub watched: Watched,
    /// CLIENT TRACKING.
    pub remembered: Remembered,
    /// Commands that wait.
    pub blocked: Blocked,
    /// Channels.
    pub pubsub: PubSub,
    /// Classes of events that are notified.
    pub events: u32,
    /// When a collection leaves its packed encoding.
    pub limits: Limits,
    /// Keys that ran out, and were removed.
    pub expired_keys: u64,
    /// What goes when there is no room.
    pub eviction: Eviction,
    /// Hashes whose fields run out.
    pub field_expires: FieldExpires,
    /// Keys are removed in their time, unasked (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: bool,
    /// How saving goes.
    pub saves: Saves,
    /// The moment that a dump which is asked for is to be of.
    pub moment: Option<Moment>,
    /// What runs scripts, once there was one; out while it runs one.
    pub lua: Option<Box<Interpreter>>,
    /// Room for a record in the making.
    pub scratch: Vec<u8>,
    /// Room for a blob to be changed.
    pub spare: Vec<u8>,
}

/// A moment of a dataset in memory, which its space remembers.
pub struct Moment {
    /// What the dataset knew about itself.
    pub meta: Vec<OwnedRecord>,
    /// Changes that had not been saved.
    pub dirty: u64,
}

impl Keyspace {
    /// Of these records.
    pub fn new(space: Space, state: Arc<ServerState>) -> Self {
        Self {
            space,
            state,
            streams: StreamCache::default(),
            dirty: 0,
            watched: Watched::default(),
            remembered: Remembered::default(),
            blocked: Blocked::default(),
            pubsub: PubSub::default(),
            events: 0,
            limits: Limits::default(),
            expired_keys: 0,
            eviction: Eviction::default(),
            field_expires: FieldExpires::default(),
            active_expire: true,
            saves: Saves::default(),
            moment: None,
            lua: None,
            scratch: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// The record of a key, were it expired.
    #[inline]
    pub fn record(&self, record_key: &RecordKey, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        find(&self.space, record_key, key)
    }

    /// Writes the records that are older than what commands see. To be called before the records
    /// of this keyspace are walked or copied as a whole, other than by a command.
    pub fn settle(&mut self) -> Result<()> {
        self.streams.write_all(&mut self.space)
    }

    /// Has the space in memory remember how everything is now.
    pub fn begin_moment(&mut self) -> Result<Moment> {
        self.settle()?;
        self.space.begin_past();
        Ok(Moment { meta: self.space.meta().records(), dirty: self.dirty })
    }

    /// Forgets a moment of which no dump has been begun.
    pub fn forget_moment(&mut self) {
        if self.moment.take().is_some() {
            self.space.end_past();
        }
    }

    /// Sets the changes apart, to be written into the store; see [`Space::freeze`].
    pub fn freeze(&mut self) -> std::result::Result<Option<Frozen>, StoreError> {
        self.settle().map_err(Error::into_store)?;
        Ok(self.space.freeze())
    }

    /// Writes the old records that a command, which is not one of streams, is about to meet: those
    /// of its arguments, or of all keys when it has no keys.
    #[inline]
    pub fn settle_for(&mut self, db: u32, command: &Command, args: &[&[u8]]) -> Result<()> {
        if self.streams.is_empty() {
            return Ok(());
        }
        self.settle_met(db, command, args)
    }

    fn settle_met(&mut self, db: u32, command: &Command, args: &[&[u8]]) -> Result<()> {
        use crate::command::Group;
        let Self { streams, space, .. } = self;
        let is_read = matches!(command.run, Run::Read(_));
        match command.group {
            Group::Stream | Group::Connection | Group::PubSub | Group::Transactions => Ok(()),
            // Kind and expiry are right in an old record.
            Group::Generic if is_read && command.is(flag::FAST) => Ok(()),
            Group::Generic if HEADER_WRITERS.contains(&command.name) => Ok(()),
            Group::Scripting => Ok(()),
            _ if command.keys.is_empty() => streams.settle_all(space),
            _ => args
                .iter()
                .skip(1)
                .try_for_each(|arg| streams.settle(space, &RecordKey::new(db, arg), is_read)),
        }
    }

    /// A key has changed, by a client.
    #[inline]
    pub fn touch(&mut self, record_key: &[u8], key: &[u8], by: u64) {
        self.dirty += 1;
        self.watched.touch(record_key, false);
        if !self.remembered.is_empty() {
            self.remembered.changed(key, by, &self.state);
        }
    }

    /// Tells of an event, if somebody wants to know.
    #[inline]
    pub fn notify(&self, of: u32, event: &str, db: u32, key: &[u8]) {
        if self.events & of != 0 {
            self.notify_listeners(event, db, key);
        }
    }

    fn notify_listeners(&self, event: &str, db: u32, key: &[u8]) {
        if self.pubsub.is_silent() {
            return;
        }
        if self.events & class::KEYSPACE != 0 {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            self.pubsub.publish(&channel, event.as_bytes());
        }
        if self.events & class::KEYEVENT != 0 {
            self.pubsub.publish(format!("__keyevent@{db}__:{event}").as_bytes(), key);
        }
    }

    /// Removes a key that has run out.
    pub fn expire(&mut self, record_key: &[u8]) -> std::result::Result<(), StoreError> {
        if self.take_away(record_key, class::EXPIRED)? {
            self.expired_keys += 1;
        }
        Ok(())
    }

    /// Removes a key that no client has removed, and tells of it as of an event of this class;
    /// whether it was there.
    pub fn take_away(
        &mut self,
        record_key: &[u8],
        of: u32,
    ) -> std::result::Result<bool, StoreError> {
        // The key's own name, which a long one has in its record.
        let name = match self.space.get(Table::Objects, record_key)? {
            Some(record) => Object::parse(&record)?.key(record_key)?.to_vec(),
            None => return Ok(false),
        };
        let is_expired = of == class::EXPIRED;
        self.space.remove(record_key)?;
        self.dirty += 1;
        self.watched.touch(record_key, is_expired);
        if !self.remembered.is_empty() {
            self.remembered.changed(&name, 0, &self.state);
        }
        self.blocked.signal_gone(record_key);
        let db = record_key.first_chunk().map_or(0, |db| u32::from_be_bytes(*db));
        self.notify(of, if is_expired { "expired" } else { "evicted" }, db, &name);
        Ok(true)
    }

    /// Removes keys that have run out, and fields of hashes, at most so many; how many there were.
    pub fn expire_due(
        &mut self,
        now_ms: i64,
        most: usize,
    ) -> std::result::Result<usize, StoreError> {
        for done in 0..most {
            match self.space.next_expired(now_ms)? {
                Some(record_key) => self.expire(&record_key)?,
                None => return self.expire_fields(now_ms, most - done).map(|more| done + more),
            }
        }
        Ok(most)
    }

    /// Of an object that is no longer needed, the room is: for the next one.
    pub fn give_back(&mut self, edit: Edit) {
        if let OwnedBody::Packed(blob) = edit.body {
            self.spare = blob;
        }
    }

    /// Writes an object to its record, or removes it when it has no elements, and tells nobody but
    /// those who wait for its key. Whatever else was at the key goes, with its segments. Whether
    /// the object is still there.
    pub fn save(&mut self, record_key: &[u8], key: &[u8], mut edit: Edit) -> Result<bool> {
        if edit.is_empty() {
            if let OwnedBody::Segmented { id, .. } = edit.body {
                self.space.delete_segments(id)?;
            }
            self.space.delete_object(record_key)?;
            self.blocked.signal_gone(record_key);
            return Ok(false);
        }
        edit.settle(&mut self.space)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        edit.write(is_long_key(key).then_some(key), &mut scratch);
        let outcome = self.space.put_object(record_key, &scratch);
        self.scratch = scratch;
        let new_id = match edit.body {
            OwnedBody::Segmented { id, .. } => Some(id),
            _ => None,
        };
        if let Some(old_id) = outcome?.filter(|old_id| Some(*old_id) != new_id) {
            self.space.delete_segments(old_id)?;
        }
        if edit.value_type == ValueType::HashListpackEx {
            self.field_expires.note_written(record_key);
        }
        let kind = edit.kind;
        self.give_back(edit);
        match kind {
            Kind::List | Kind::Zset | Kind::Stream => self.blocked.signal(record_key),
            // Whoever waits for a stream of this key is told that it is of another type.
            _ => self.blocked.signal_gone(record_key),
        }
        Ok(true)
    }
}

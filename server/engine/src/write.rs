//! What a running command sees that may change the dataset: alone with it, for as long as it runs.
//!
//! A write goes like this: [`Writing::edit`] reads the object of a key into an [`Edit`] (an expired
//! key is removed first, and told of), the functions of [`crate::types`] change it and its
//! segments, [`Writing::finish`] writes it back, or removes it when it has become empty, and tells
//! those who watch, wait and listen.
use crate::blocked::Waiter;
use crate::command::Command;
use crate::context::{Context, Expired};
use crate::counters::Counters;
use crate::dataset::Dataset;
use crate::edit::Edit;
use crate::error::Error;
use crate::keys::is_record_alive;
use crate::keyspace::Keyspace;
use crate::notify::class;
use crate::record_key::RecordKey;
use crate::session::{Session, Waiting};
use crate::types::Result;
use redtool_format::rdb::Kind;
use redtool_format::resp::Writer;
use redtool_store::Object;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A command's view of the world, which it may change.
pub struct Writing<'a> {
    /// The records, and who must hear of changes.
    pub keys: &'a mut Keyspace,
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
    /// The command may wait for keys: it is not part of a transaction or a script.
    pub may_wait: bool,
    /// The command is called by a script.
    pub is_scripted: bool,
    /// The command found nothing and waits.
    pub(crate) waits: bool,
    /// The command has waited, and is run again because a key is ready.
    pub(crate) is_retry: bool,
    pub(crate) expired: &'a RefCell<Vec<Expired>>,
    pub(crate) now_ms: Cell<Option<i64>>,
}

impl Writing<'_> {
    /// The time for this whole command, Unix ms of the dataset's clock.
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

    /// The selected database.
    #[inline]
    pub fn db(&self) -> u32 {
        self.session.db
    }

    /// The same world, to be read: what commands that only read see.
    #[inline]
    pub fn view(&mut self) -> Context<'_> {
        Context {
            reader: &self.keys.space,
            meta: self.keys.space.meta(),
            keys: Some(self.keys),
            dataset: self.dataset,
            session: self.session,
            out: self.out,
            command: self.command,
            counters: self.counters,
            is_scripted: self.is_scripted,
            expired: self.expired,
            now_ms: self.now_ms.clone(),
        }
    }

    /// Hands the record of a key to `read`; None when the key is absent. An expired key is removed,
    /// and absent.
    #[inline]
    pub fn with_record<T>(
        &mut self,
        db: u32,
        key: &[u8],
        read: impl FnOnce(&Keyspace, &[u8]) -> Result<T>,
    ) -> Result<Option<T>> {
        let record_key = RecordKey::new(db, key);
        match self.keys.record(&record_key, key)? {
            None => return Ok(None),
            Some(record) if is_record_alive(&record, || self.now_ms())? => {
                return read(self.keys, &record).map(Some);
            }
            Some(_) => {}
        }
        self.keys.expire(&record_key)?;
        Ok(None)
    }

    /// The same with the object of a key.
    #[inline]
    pub fn with_object<T>(
        &mut self,
        db: u32,
        key: &[u8],
        read: impl FnOnce(&Keyspace, &Object<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.with_record(db, key, |keys, record| read(keys, &Object::parse(record)?))
    }

    /// Writes the record of a key anew, with another header, and tells nobody. Nothing is done when
    /// the key is absent, or `change` says that there is no change.
    pub fn change_header(
        &mut self,
        db: u32,
        key: &[u8],
        change: impl FnOnce(&mut Object<'_>) -> bool,
    ) -> Result<()> {
        let record_key = RecordKey::new(db, key);
        let mut scratch = std::mem::take(&mut self.keys.scratch);
        scratch.clear();
        if let Some(record) = self.keys.record(&record_key, key)? {
            let mut object = Object::parse(&record)?;
            if change(&mut object) {
                object.write(&mut scratch);
            }
        }
        if !scratch.is_empty() {
            self.keys.space.put_object(&record_key, &scratch)?;
        }
        self.keys.scratch = scratch;
        Ok(())
    }

    /// Whether a key is there.
    pub fn exists(&mut self, key: &[u8]) -> Result<bool> {
        self.exists_in(self.session.db, key)
    }

    /// Whether a key is there, in a database.
    pub fn exists_in(&mut self, db: u32, key: &[u8]) -> Result<bool> {
        Ok(self.with_record(db, key, |_, _| Ok(()))?.is_some())
    }

    /// The object of a key, to be changed; None when the key is absent. It must be of this kind.
    pub fn edit(&mut self, key: &[u8], kind: Kind) -> Result<Option<Edit>> {
        match self.edit_any(key)? {
            Some(edit) if edit.kind != kind => Err(Error::WRONG_TYPE),
            found => Ok(found),
        }
    }

    /// The same for one of several keys that a command waits for: when it is run again because one
    /// is ready, another that is of a different kind is passed over.
    pub fn edit_one_of(&mut self, key: &[u8], kind: Kind) -> Result<Option<Edit>> {
        match self.edit_any(key)? {
            Some(edit) if edit.kind == kind => Ok(Some(edit)),
            Some(_) if !self.is_retry => Err(Error::WRONG_TYPE),
            _ => Ok(None),
        }
    }

    /// The object of a key, to be changed, whatever it is.
    pub fn edit_any(&mut self, key: &[u8]) -> Result<Option<Edit>> {
        self.edit_in(self.session.db, key)
    }

    /// The object of a key in a database.
    pub fn edit_in(&mut self, db: u32, key: &[u8]) -> Result<Option<Edit>> {
        let room = std::mem::take(&mut self.keys.spare);
        self.with_object(db, key, |_, object| Edit::in_room(object, room))
    }

    /// Writes an object back and tells of the change; one without elements is removed, and that is
    /// told too. Whether it is still there.
    pub fn finish(&mut self, key: &[u8], edit: Edit, of: u32, event: &str) -> Result<bool> {
        let db = self.session.db;
        let is_left = self.save_in(db, key, edit)?;
        self.changed(key, of, event);
        if !is_left {
            self.keys.notify(class::GENERIC, "del", db, key);
        }
        Ok(is_left)
    }

    /// Writes an object back, or removes it when it has no elements, and tells nobody but those who
    /// wait for its key. Whatever else was at the key goes, with its segments. Whether the object
    /// is still there.
    pub fn save_in(&mut self, db: u32, key: &[u8], edit: Edit) -> Result<bool> {
        if !edit.is_empty() {
            self.tell_if_new(db, key)?;
        }
        self.keys.save(&RecordKey::new(db, key), key, edit)
    }

    /// A key is about to be put: if somebody wants to know, that an expired one is gone, and that
    /// nothing is there.
    #[inline]
    pub fn tell_if_new(&mut self, db: u32, key: &[u8]) -> Result<()> {
        if self.keys.events & (class::NEW | class::EXPIRED) != 0 && !self.exists_in(db, key)? {
            self.tell_new(db, key);
        }
        Ok(())
    }

    /// Tells of a key that is new, or takes the place of one that was removed for it.
    pub fn tell_new(&mut self, db: u32, key: &[u8]) {
        self.keys.notify(class::NEW, "new", db, key);
    }

    /// Removes a key and its value, telling nobody but those who wait for its end; whether it was
    /// there. An expired key counts as absent.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool> {
        if !self.exists(key)? {
            return Ok(false);
        }
        let record_key = RecordKey::new(self.session.db, key);
        self.keys.space.remove(&record_key)?;
        self.keys.blocked.signal_gone(&record_key);
        Ok(true)
    }

    /// Removes a key and tells of it; whether it was there.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let removed = self.remove(key)?;
        if removed {
            self.changed(key, class::GENERIC, "del");
        }
        Ok(removed)
    }

    /// The command found nothing: it waits for the keys, until the time is over (for ever without
    /// a time), and is run again whenever one of them may serve it. Where a command may not wait,
    /// and when the time is over, the reply is `timeout_reply` gives, which is encoded by now.
    pub fn wait_for(
        &mut self,
        args: &[&[u8]],
        keys: &[&[u8]],
        timeout: Option<Duration>,
        wakes_when_gone: bool,
        timeout_reply: fn(&mut Writer),
    ) {
        if !self.may_wait {
            return timeout_reply(self.out);
        }
        self.waits = true;
        if self.is_retry {
            return;
        }
        let mut out = Writer::new();
        out.set_resp3(self.session.resp3);
        timeout_reply(&mut out);
        let db = self.session.db;
        self.keys.blocked.add(Waiter {
            client: Arc::clone(&self.session.info),
            db,
            resp3: self.session.resp3,
            request: args.iter().map(|arg| arg.to_vec()).collect(),
            keys: keys.iter().map(|key| RecordKey::new(db, key).to_vec()).collect(),
            timeout_reply: std::mem::take(out.buffer()),
            is_held: false,
            wakes_when_gone,
        });
        let until = timeout.map(|timeout| Instant::now() + timeout);
        self.session.waiting = Some(Waiting { until });
    }

    /// A key of the selected database has changed: those who watch it are told, and of the event
    /// those who listen.
    #[inline]
    pub fn changed(&mut self, key: &[u8], of: u32, event: &str) {
        self.changed_in(self.session.db, key, of, event);
    }

    /// A key has changed in a database.
    pub fn changed_in(&mut self, db: u32, key: &[u8], of: u32, event: &str) {
        self.keys.touch(&RecordKey::new(db, key), key, self.session.id);
        self.keys.notify(of, event, db, key);
    }
}

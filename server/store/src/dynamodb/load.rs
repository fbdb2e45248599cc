//! Writing a whole table.
//!
//! One thread gives keys, each an object and then its segments. An import that was stopped goes on
//! when the same one is run again: the keys that are stored are read again and not sent, and their
//! sum is compared, so that another dataset is not taken for the rest of the first one. To send
//! items again that were stored gives the same items: ids and generations are hashes of the key and
//! the import's own number. Keys must not be given twice.
use super::import::{begin, end, meta_item, save, Import};
use super::item::{segment_sk, ttl_s, Content, Item, CHUNK_BYTES, OBJECT_SK};
use super::link::Link;
use super::send::{Parts, Sender, Spent, Tag};
use super::Config;
use crate::error::{Result, StoreError};
use crate::object::{Body, Object};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Time between two notes of how far the import has come.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// Writes a dataset into a table.
pub struct Loader {
    link: Arc<Link>,
    sender: Sender,
    /// As it was when this run began.
    import: Import,
    /// The key whose segments are being given.
    open: Option<Open>,
    /// Keys given, those that were stored before included.
    keys: u64,
    /// Sum of all given.
    sum: u64,
    /// The sum after each of the last keys, from the first one on that was not noted as stored.
    sums: VecDeque<u64>,
    noted_at: Instant,
}

/// A meta record: key, value.
pub type Record = (Vec<u8>, Vec<u8>);

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loaded {
    /// Keys in the table.
    pub keys: u64,
    /// Of those, keys that an earlier run of the same import had stored.
    pub resumed_keys: u64,
    /// What this run took.
    pub spent: Spent,
}

struct Open {
    record_key: Vec<u8>,
    id: u64,
    ttl_s: Option<i64>,
    state: State,
}

/// How a key is stored.
enum State {
    /// It was, by an earlier run.
    Stored,
    /// By one item, which has been given.
    Whole,
    /// By several.
    Parts(Arc<Parts>),
}

impl Loader {
    /// Begins an import into an empty table, or goes on with the one that `source` has begun there:
    /// a text that is the same for the same keys in the same order. `total` is how many keys there
    /// will be, 0 when that is not known.
    pub fn begin(config: Config, source: &[u8], total: u64) -> Result<Self> {
        let link = Arc::new(Link::new(config)?);
        Self::on(link, source, total)
    }

    /// The same with a connection that is there.
    pub fn on(link: Arc<Link>, source: &[u8], total: u64) -> Result<Self> {
        let import = begin(&link, source, total)?;
        Ok(Self {
            sender: Sender::new(&link, import.keys),
            open: None,
            keys: 0,
            sum: import.epoch,
            sums: VecDeque::new(),
            noted_at: Instant::now(),
            import,
            link,
        })
    }

    /// Keys that an earlier run has stored. They are given again, first, and not sent.
    pub fn resumed_keys(&self) -> u64 {
        self.import.keys
    }

    /// How many keys are stored whole, from the first on; those of an earlier run included.
    pub fn acknowledged(&self) -> u64 {
        self.sender.stored()
    }

    /// Gives an object. If it is segmented, [`Loader::segment`] gives its segments before the next
    /// object; the id in the record and in their keys may be any.
    pub fn object(&mut self, record_key: &[u8], record: &[u8]) -> Result<()> {
        self.close_key()?;
        let mut object = Object::parse(record)?;
        let mut written = Vec::with_capacity(record.len());
        object.set_id(0);
        object.write(&mut written);
        self.add(record_key);
        self.add(&written);
        let id = self.derived(record_key, b"");
        let ttl_s = object.expire_at_ms.filter(|_| self.link.native_ttl).map(ttl_s);
        let is_segmented = matches!(object.body, Body::Segmented { .. });
        let number = self.keys;
        self.keys += 1;
        let state = match is_segmented || written.len() > CHUNK_BYTES {
            _ if number < self.import.keys => State::Stored,
            true => State::Parts(Parts::new(number)),
            false => State::Whole,
        };
        self.open = Some(Open { record_key: record_key.to_vec(), id, ttl_s, state });
        if is_segmented {
            object.set_id(id);
            written.clear();
            object.write(&mut written);
        }
        self.send_object(Item {
            pk: record_key.to_vec(),
            sk: OBJECT_SK.to_vec(),
            content: Content::Whole(written),
            expire_at_ms: object.expire_at_ms,
            ttl_s,
        })
    }

    /// Sends an object that is all there is of its key, or keeps it until the rest is stored.
    fn send_object(&mut self, item: Item) -> Result<()> {
        match self.open.as_ref().map(|open| &open.state) {
            Some(State::Whole) => self.sender.send(item, Tag::Key(self.keys - 1)),
            Some(State::Parts(parts)) => {
                let parts = Arc::clone(parts);
                let item = self.cut(item, &parts)?;
                parts.set_object(item);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Gives a segment of the object given last, with its key as in other stores.
    pub fn segment(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let (Some(open), Some((_, order))) = (&self.open, key.split_first_chunk::<8>()) else {
            return Err(StoreError::Corrupt("a segment without an object".into()));
        };
        let parts = match &open.state {
            State::Stored => None,
            State::Parts(parts) => Some(Arc::clone(parts)),
            State::Whole => {
                return Err(StoreError::Corrupt("a segment of an object without any".into()))
            }
        };
        let (id, ttl_s) = (open.id.to_be_bytes(), open.ttl_s);
        let item = parts.map(|parts| {
            let content = Content::Whole(value.to_vec());
            let (pk, sk) = (open.record_key.clone(), segment_sk(&[&id, order].concat()));
            (Item { pk, sk, content, expire_at_ms: None, ttl_s }, parts)
        });
        self.add(order);
        self.add(value);
        if let Some((item, parts)) = item {
            let item = self.cut(item, &parts)?;
            self.sender.part(item, &parts)?;
        }
        Ok(())
    }

    /// Waits until all keys are stored.
    pub fn settle(&mut self) -> Result<()> {
        self.close_key()?;
        if self.keys < self.import.keys {
            return Err(self.another());
        }
        self.sender.settle()?;
        if self.acknowledged() != self.keys {
            let (stored, keys) = (self.acknowledged(), self.keys);
            let what = format!("{keys} keys were given and {stored} stored; please report this");
            return Err(self.link.calls.trouble(what));
        }
        Ok(())
    }

    /// Waits until everything is stored, then stores what the dataset knows about itself: now it is
    /// one.
    pub fn finish(mut self, meta: impl IntoIterator<Item = Record>) -> Result<Loaded> {
        self.settle()?;
        for (name, value) in meta {
            let item = meta_item(&name, value);
            let generation = self.derived(&item.pk, &item.sk);
            let sender = &mut self.sender;
            let item = item.cut(generation, |piece| sender.send(piece, Tag::Meta))?;
            sender.send(item, Tag::Meta)?;
        }
        self.sender.settle()?;
        end(&self.link)?;
        let spent = self.sender.spent();
        Ok(Loaded { keys: self.keys, resumed_keys: self.import.keys, spent })
    }

    /// Stores how far the import has come: done by itself every few seconds, and worth doing when
    /// it is interrupted.
    pub fn note(&mut self) -> Result<()> {
        self.noted_at = Instant::now();
        let keys = self.acknowledged();
        // Sums are there of the last keys, up to the last one that has been given whole.
        let given = self.keys - u64::from(self.open.is_some());
        let before = given - self.sums.len() as u64;
        let passed = usize::try_from(keys.saturating_sub(before)).unwrap_or(usize::MAX);
        match self.sums.drain(..passed.min(self.sums.len())).next_back() {
            Some(sum) => save(&self.link, &Import { keys, sum, ..self.import.clone() }),
            None => Ok(()),
        }
    }

    /// A number of this import's for a record: the id of a value, the generation of chunks.
    fn derived(&self, pk: &[u8], sk: &[u8]) -> u64 {
        let hash = crate::segment::key_hash(&[&self.import.epoch.to_be_bytes(), sk, pk].concat());
        (hash as u64).max(1)
    }

    fn add(&mut self, bytes: &[u8]) {
        self.sum = xxh3_64_with_seed(bytes, self.sum);
    }

    /// Sends the chunks of an item that needs them; gives what is left to send.
    fn cut(&mut self, item: Item, parts: &Arc<Parts>) -> Result<Item> {
        let generation = self.derived(&item.pk, &item.sk);
        item.cut(generation, |piece| self.sender.part(piece, parts))
    }

    /// All of the key has been given.
    fn close_key(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        match open.state {
            State::Stored if self.keys == self.import.keys && self.sum != self.import.sum => {
                return Err(self.another());
            }
            State::Stored => return Ok(()),
            State::Whole => {}
            State::Parts(parts) => self.sender.parts_given(&parts)?,
        }
        self.sums.push_back(self.sum);
        if self.noted_at.elapsed() > NOTE_EVERY {
            self.note()?;
        }
        Ok(())
    }

    #[cold]
    fn another(&self) -> StoreError {
        StoreError::Foreign(format!(
            "{}: the table holds the first {} keys of an import, and they are not the first ones \
             of this; delete the table, or import what was begun",
            self.link.calls.place(),
            self.import.keys
        ))
    }
}

//! How entries are changed on their way from a source to a target.
//!
//! The steps come in one order, whatever the order of the options, and each sees what the one
//! before it made:
//!
//! | step | changes |
//! |---|---|
//! | script | anything: one entry may become none or several ([`Script`]) |
//! | [`rename`] | the key: by prefix, then by regular expression |
//! | db map | the db |
//! | [`ttl`] | the expiry of the key and of hash fields |
//! | [`mask`] | key and value: letters and digits become others |
//!
//! The mask is last, so that whatever is written has been masked.
//!
//! What no step touches stays at the raw level: a value that is not rewritten keeps its payload
//! and encoding. [`rewrite`] makes new payloads, element by element, in a [`payload`] that moves
//! into a temporary file when it grows. A transform is shared by all threads, each of which has a
//! [`Scratch`] of its own.
pub mod mask;
pub mod payload;
mod rename;
mod rewrite;
mod ttl;

use crate::error::{Error, Kind, Result};
use crate::rdb_file::Notes;
use crate::source::Entry;
use mask::{Mask, Masking};
use payload::Payload;
use redtool_format::rdb::target::{Loss, Losses};
use redtool_format::rdb::writer::Value;
use redtool_format::rdb::{value, Str};
use rename::Rename;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
pub use ttl::{Expiry, Retime};

/// Takes what became of an entry.
pub type Each<'e> = &'e mut (dyn FnMut(&Entry<'_>) -> Result<()> + 'e);

/// A function of the user's, called for each entry.
pub trait Script: Send + Sync {
    /// Gives what the function makes of an entry to `each`.
    fn call(&self, entry: &Entry<'_>, each: Each<'_>) -> Result<()>;
}

/// The changes as given.
#[derive(Default)]
pub struct Changes {
    /// A function of the user's.
    pub script: Option<Arc<dyn Script>>,
    /// Prefixes and what stands in their place; the first that fits counts.
    pub rename: Vec<(Vec<u8>, Vec<u8>)>,
    /// Regular expressions and what stands in place of what they match (`$1`, `${name}`); the
    /// first that is found counts.
    pub rename_regex: Vec<(String, Vec<u8>)>,
    /// Dbs and what they become.
    pub dbs: Vec<(u32, u32)>,
    /// Expiries.
    pub retime: Retime,
    /// What is masked, and with which secret.
    pub mask: Option<Masking>,
    /// Leave out what cannot be masked, rather than end there.
    pub lossy: bool,
}

/// Changes of entries.
#[derive(Default)]
pub struct Transform {
    script: Option<Arc<dyn Script>>,
    rename: Rename,
    dbs: BTreeMap<u32, u32>,
    retime: Retime,
    mask: Option<Mask>,
    lossy: bool,
    losses: Mutex<BTreeMap<Loss, u64>>,
}

/// Room for what is changed; one a thread.
#[derive(Default)]
pub struct Scratch {
    key: Vec<u8>,
    masked: Vec<u8>,
    room: mask::Room,
    visit: value::Scratch,
    payload: Payload,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// What the steps made of it was given on, if anything.
    Done,
    /// It cannot be masked and was left out, as was asked for.
    Lost,
}

impl Transform {
    /// Checks the changes; expressions that do not compile and dbs that are mapped twice are
    /// refused.
    pub fn new(changes: Changes) -> Result<Self> {
        let mut dbs = BTreeMap::new();
        for (from, to) in changes.dbs {
            if dbs.insert(from, to).is_some() {
                let what = format!("db {from} is mapped twice");
                return Err(Error::new(Kind::Usage, what));
            }
        }
        Ok(Self {
            script: changes.script,
            rename: Rename::new(changes.rename, changes.rename_regex)?,
            dbs,
            retime: changes.retime,
            mask: changes.mask.map(Mask::new).transpose()?,
            lossy: changes.lossy,
            losses: Mutex::default(),
        })
    }

    /// Whether a function of the user's is called.
    pub fn has_script(&self) -> bool {
        self.script.is_some()
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.script.is_none()
            && self.rename.is_empty()
            && self.dbs.is_empty()
            && self.retime.is_empty()
            && self.mask.is_none()
    }

    /// Whether two keys may become one, so that duplicates must be looked for.
    pub fn may_collide(&self) -> bool {
        self.script.is_some()
            || !self.rename.is_empty()
            || !self.dbs.is_empty()
            || self.mask.as_ref().is_some_and(Mask::may_collide)
    }

    /// What had to be left out since this was asked last, because it cannot be masked, and how
    /// often.
    pub fn take_losses(&self) -> BTreeMap<Loss, u64> {
        std::mem::take(&mut *self.losses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what stands outside keys: where values are masked, modules' own data may not go
    /// along, since nobody can tell what is in it.
    pub fn change_notes(&self, notes: &mut Notes) -> Result<()> {
        if notes.module_aux.is_empty() || !self.mask.as_ref().is_some_and(Mask::masks_values) {
            return Ok(());
        }
        if !self.lossy {
            let error = Error::new(Kind::Loss, "modules' auxiliary data cannot be masked");
            return Err(error.hint("--lossy leaves it out"));
        }
        for _ in notes.module_aux.drain(..) {
            self.count(Loss::ModuleAux.into());
        }
        Ok(())
    }

    /// Gives what becomes of the entry to `each`: it, changed, or what a script makes of it.
    pub fn apply(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&Entry<'_>) -> Result<()>,
    ) -> Result<Applied> {
        let Some(script) = &self.script else { return self.steps(entry, scratch, each) };
        let mut applied = Applied::Done;
        script.call(entry, &mut |made| {
            if self.steps(made, scratch, each)? == Applied::Lost {
                applied = Applied::Lost;
            }
            Ok(())
        })?;
        Ok(applied)
    }

    fn steps(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&Entry<'_>) -> Result<()>,
    ) -> Result<Applied> {
        let Scratch { key: decoded, masked, room, visit, payload } = scratch;
        let mut changed = Entry { ..*entry };
        changed.db = self.dbs.get(&entry.db).copied().unwrap_or(entry.db);
        changed.attributes.expire_at_ms = self.retime.of_key(entry.attributes.expire_at_ms);
        let mut mask = None;
        let renamed;
        if self.mask.is_some() || !self.rename.is_empty() {
            let key = entry.key.decode(decoded).map_err(|e| entry.error(e))?;
            renamed = self.rename.apply(key);
            changed.key = Str::Raw(&renamed);
            mask = self.mask.as_ref().filter(|mask| mask.masks_value_of(&renamed));
            if let Some(mask) = self.mask.as_ref().filter(|mask| mask.masks_key(&renamed)) {
                mask.key(&renamed, room, masked);
                changed.key = Str::Raw(masked);
            }
        }
        let job = rewrite::Job { mask, retime: &self.retime, lossy: self.lossy };
        if !job.touches(entry.value.value_type) {
            each(&changed)?;
            return Ok(Applied::Done);
        }
        let (value_type, lost) = rewrite::rewrite(entry, &job, room, visit, payload)?;
        self.count(lost);
        let Some(value_type) = value_type else { return Ok(Applied::Lost) };
        if mask.is_some() {
            changed.attributes.meta = None;
        }
        (changed.encoding, changed.offset) = (None, None);
        let templates = entry.value.templates;
        changed.value = Value { value_type, payload: payload.as_slice(), templates };
        each(&changed)?;
        Ok(Applied::Done)
    }

    fn count(&self, lost: Losses) {
        if lost.is_empty() {
            return;
        }
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        for loss in lost.iter() {
            *losses.entry(loss).or_insert(0) += 1;
        }
    }
}

//! Changes over a store, in layers: those since the last save, those that are being saved, and a
//! snapshot of the store below.
use super::bytes::SegmentMut;
use super::changes::{Changes, Merged};
use crate::contract::{Bytes, Cursor, Reader, Store, Table};
use crate::error::Result;
use std::borrow::Cow;
use std::sync::Arc;

/// Changes over a store.
pub(super) struct Layers {
    pub live: Changes,
    pub frozen: Option<Arc<Changes>>,
    pub base: Box<dyn Reader>,
    pub store: Arc<dyn Store>,
}

impl Layers {
    pub fn is_unchanged(&self) -> bool {
        self.frozen.is_none() && self.live.is_empty()
    }

    pub fn changes(&self) -> Vec<&Changes> {
        let mut layers = vec![&self.live];
        if !self.live.hides_older {
            layers.extend(self.frozen.as_deref());
        }
        layers
    }

    pub fn base(&self) -> Option<&dyn Reader> {
        let hidden =
            self.live.hides_older || self.frozen.as_ref().is_some_and(|frozen| frozen.hides_older);
        (!hidden).then_some(&*self.base)
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        match self.live.get(table, key) {
            Some(found) => Ok(found.map(Cow::Borrowed)),
            None => self.below(table, key),
        }
    }

    /// What a record would be without the newest changes.
    pub fn below(&self, table: Table, key: &[u8]) -> Result<Option<Bytes<'_>>> {
        if let (Some(frozen), false) = (&self.frozen, self.live.hides_older) {
            if let Some(found) = frozen.get(table, key) {
                return Ok(found.map(Cow::Borrowed));
            }
        }
        match self.base() {
            Some(base) => base.get(table, key),
            None => Ok(None),
        }
    }

    /// A record to be changed in place.
    pub fn changing(&mut self, table: Table, key: &[u8]) -> Result<Option<SegmentMut<'_>>> {
        self.bring(table, key)?;
        Ok(self.live.get_mut(table, key))
    }

    /// Has a record that is there stand among the newest changes, to be changed.
    pub fn bring(&mut self, table: Table, key: &[u8]) -> Result<()> {
        if self.live.get(table, key).is_none() {
            if let Some(value) = self.get(table, key)?.map(Cow::into_owned) {
                self.live.put(table, key, value);
            }
        }
        Ok(())
    }

    pub fn walk(&self, table: Table, from: &[u8], forward: bool) -> Result<Merged<'_>> {
        Merged::new(&self.changes(), self.base(), table, from, forward)
    }

    pub fn segment_keys(&self, id: u64) -> Result<Vec<Vec<u8>>> {
        let prefix = id.to_be_bytes();
        let mut keys = Vec::new();
        let mut walk = self.walk(Table::Segments, &prefix, true)?;
        while let Some((key, _)) = walk.next()? {
            if !key.starts_with(&prefix) {
                break;
            }
            keys.push(key.into_owned());
        }
        Ok(keys)
    }
}

//! Changes over a store, in layers: those since the last save, those that are being saved, and a
//! snapshot of the store below.
use super::bytes::SegmentMut;
use super::changes::{Changes, Merged};
use super::Found;
use crate::contract::{Bytes, Cursor, Reader, Record, Store, Table};
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
            if let Some(value) = self.below(table, key)?.map(Cow::into_owned) {
                self.live.put(table, key, value);
            }
        }
        Ok(())
    }

    /// The last record whose key is not greater, with its key.
    pub fn floor(&self, table: Table, key: &[u8]) -> Result<Option<Record<'_>>> {
        let mut nearest = self.live.floor(table, key);
        // Of records with the same key the newest counts.
        let is_nearer = |key: &[u8], nearest: Option<(&[u8], Option<&[u8]>)>| {
            nearest.is_none_or(|(nearest, _)| key > nearest)
        };
        if let (Some(frozen), false) = (&self.frozen, self.live.hides_older) {
            let found = frozen.floor(table, key);
            nearest = found.filter(|(key, _)| is_nearer(key, nearest)).or(nearest);
        }
        let below = match self.base() {
            Some(base) => base.floor(table, key)?.filter(|(key, _)| is_nearer(key, nearest)),
            None => None,
        };
        match (below, nearest) {
            (Some(below), _) => Ok(Some(below)),
            (None, Some((key, Some(value)))) => Ok(Some((key.into(), value.into()))),
            // Behind one that was removed any may be the next.
            (None, Some((_, None))) => self.walk(table, key, false)?.next(),
            (None, None) => Ok(None),
        }
    }

    /// The same, with its value to be changed in place, when its key begins like this.
    pub fn floor_mut(
        &mut self,
        table: Table,
        key: &[u8],
        prefix: &[u8],
    ) -> Result<Option<Found<'_>>> {
        let floor = self.floor(table, key)?.filter(|(floor, _)| floor.starts_with(prefix));
        let Some((floor, value)) = floor else { return Ok(None) };
        let value = match self.live.get(table, &floor) {
            Some(_) => None,
            None => Some(value.into_owned()),
        };
        let floor = floor.into_owned();
        let value = match value {
            Some(value) => Some(self.live.put_mut(table, &floor, value)),
            None => self.live.get_mut(table, &floor),
        };
        Ok(value.map(|value| (Cow::Owned(floor), value)))
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

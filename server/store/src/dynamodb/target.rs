//! A table to be made, as a store: what a transfer does with any new store makes one of these too.
//!
//! It is loaded by [`Bulk`], an object always before its segments; given its meta records in one
//! transaction; and synced, which makes it a dataset. Dropped before, it is an import that can be
//! gone on with.
use super::link::Link;
use super::load::{Loaded, Loader, Record};
use super::reader::DynamoReader;
use super::Config;
use crate::contract::{Bulk, Reader, Store, Table, Writer};
use crate::error::{Result, StoreError};
use crate::meta::NEXT_ID;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A table to be made.
pub struct DynamoTarget {
    link: Arc<Link>,
    state: Mutex<State>,
}

struct State {
    /// None when the dataset is complete.
    loader: Option<Loader>,
    is_loaded: bool,
    meta: Vec<Record>,
    loaded: Option<Loaded>,
}

impl DynamoTarget {
    /// Begins an import or goes on with one, as [`Loader::begin`] does.
    pub fn begin(config: Config, source: &[u8], total: u64) -> Result<Self> {
        let link = Arc::new(Link::new(config)?);
        let loader = Some(Loader::on(Arc::clone(&link), source, total)?);
        let state = State { loader, is_loaded: false, meta: Vec::new(), loaded: None };
        Ok(Self { link, state: Mutex::new(state) })
    }

    /// Keys that an earlier run of the import has stored.
    pub fn resumed_keys(&self) -> u64 {
        self.state().loader.as_ref().map_or(0, Loader::resumed_keys)
    }

    /// Notes how far the import has come, as it does by itself every few seconds.
    pub fn note(&self) -> Result<()> {
        self.state().loader()?.note()
    }

    /// What was written, once it is synced.
    pub fn loaded(&self) -> Option<Loaded> {
        self.state().loaded
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn loader(&mut self) -> Result<&mut Loader> {
        let ended = || StoreError::Backend("DynamoDB: the table is complete already".into());
        self.loader.as_mut().ok_or_else(ended)
    }
}

impl Store for DynamoTarget {
    fn scheme(&self) -> &'static str {
        "dynamodb"
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(DynamoReader::new(Arc::clone(&self.link))))
    }

    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(MetaWriter { target: self, records: Vec::new() }))
    }

    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        self.state().loader()?;
        Ok(Box::new(TargetBulk(self)))
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.state();
        if state.loaded.is_some() {
            return Ok(());
        }
        if !state.is_loaded {
            return Err(StoreError::Backend("a bulk load has not finished".into()));
        }
        let meta = std::mem::take(&mut state.meta);
        if let Some(loader) = state.loader.take() {
            state.loaded = Some(loader.finish(meta)?);
        }
        Ok(())
    }
}

struct TargetBulk<'t>(&'t DynamoTarget);

impl Bulk for TargetBulk<'_> {
    fn append(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let mut state = self.0.state();
        match table {
            Table::Objects => state.loader()?.object(key, value),
            Table::Segments => state.loader()?.segment(key, value),
            // A table has no expiry index.
            Table::Expires => Ok(()),
            Table::Meta => {
                state.meta.push((key.to_vec(), value.to_vec()));
                Ok(())
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let mut state = self.0.state();
        state.loader()?.settle()?;
        state.is_loaded = true;
        Ok(())
    }
}

/// Takes meta records; nothing else is changed in a table to be made.
struct MetaWriter<'t> {
    target: &'t DynamoTarget,
    records: Vec<Record>,
}

impl Writer for MetaWriter<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        if table != Table::Meta {
            return Err(self.target.link.calls.trouble("only meta records are written one by one"));
        }
        self.records.push((key.to_vec(), value.to_vec()));
        Ok(())
    }

    fn delete(&mut self, _: Table, _: &[u8]) -> Result<bool> {
        Err(self.target.link.calls.trouble("nothing is removed from a table to be made"))
    }

    fn get(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.records.iter().rev().find(|(name, _)| name == key);
        Ok(found.map(|(_, value)| value.clone()))
    }

    fn commit(mut self: Box<Self>) -> Result<()> {
        // Ids are not counted in a table, and any may be in use.
        for (_, value) in self.records.iter_mut().filter(|(name, _)| name == NEXT_ID) {
            *value = u64::MAX.to_le_bytes().to_vec();
        }
        self.target.state().meta.extend(self.records);
        Ok(())
    }
}

//! Making a dataset durable: changes into its store, or the whole of it into a dump.
use crate::clock::system_ms;
use crate::dataset::Dataset;
use crate::dump::no_dumper;
use crate::error::Error;
use crate::keyspace::Moment as Remembered;
use crate::server::lock;
use crate::snapshot::Snapshot;
use redtool_store::{Store, StoreError};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard};

/// A moment: alone with the saving, the dataset as it is then, and the changes that had not been
/// saved.
type Moment<'d> = (Option<MutexGuard<'d, ()>>, Arc<dyn Store>, u64);

impl Dataset {
    /// Makes everything written so far durable; commands go on meanwhile. Nothing is to be done
    /// for a dataset in memory that has no file.
    pub fn save(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(path) = self.dump_path() else { return self.save_changes() };
        let outcome = self.save_dump(path);
        self.is_dumping.store(false, Relaxed);
        outcome
    }

    /// The same at the end of a server, unless it has been done, or is not wanted.
    pub fn save_at_end(self: &Arc<Self>) -> Result<(), StoreError> {
        let is_saved = {
            let mut keys = self.keyspace();
            // What came after it is to be saved too.
            keys.forget_moment();
            keys.dirty == 0 && keys.saved_s > 0
        };
        if self.dump_path().is_some() && (is_saved || self.state().ends_unsaved.load(Relaxed)) {
            return Ok(());
        }
        self.save()
    }

    fn save_dump(self: &Arc<Self>, path: &Path) -> Result<(), StoreError> {
        let Some(dumper) = self.dumper() else { return Err(no_dumper()) };
        let (_alone, store, dirty) = self.moment()?;
        let outcome = dumper.save(store, path).map_err(StoreError::Backend);
        self.note_saved(&outcome, dirty);
        outcome
    }

    /// Writes the changes since the last time into the store, and waits until they are durable.
    ///
    /// When the store refuses them they are kept, and tried again the next time; until then
    /// commands that write are refused.
    pub fn save_changes(&self) -> Result<(), StoreError> {
        let _alone = lock(&self.saving);
        let (frozen, dirty) = {
            let mut keys = self.keyspace();
            (keys.freeze()?, keys.dirty)
        };
        let Some(frozen) = frozen else { return Ok(()) };
        let outcome = frozen.write();
        if outcome.is_ok() {
            self.keyspace().space.thaw()?;
        }
        self.note_saved(&outcome, dirty);
        outcome
    }

    fn note_saved(&self, outcome: &Result<(), StoreError>, dirty: u64) {
        let mut keys = self.keyspace();
        match outcome {
            Ok(()) => {
                keys.dirty -= dirty.min(keys.dirty);
                keys.saved_s = system_ms() / 1000;
                keys.save_error = None;
            }
            Err(error) => keys.save_error = Some(error.to_string()),
        }
    }

    /// The dataset as it is now, to be read while commands go on. What is in memory is remembered
    /// as long as the store is held; a store on disk is given as it is when its changes are saved.
    pub(crate) fn moment(self: &Arc<Self>) -> Result<Moment<'_>, StoreError> {
        if self.readonly() {
            return Ok((None, Arc::clone(self.store()), 0));
        }
        if self.keyspace().space.is_durable() {
            self.save_changes()?;
            return Ok((None, Arc::clone(self.store()), 0));
        }
        let alone = lock(&self.saving);
        let mut keys = self.keyspace();
        let Remembered { meta, dirty } = match keys.moment.take() {
            Some(begun) => begun,
            None => keys.begin_moment().map_err(Error::into_store)?,
        };
        drop(keys);
        Ok((Some(alone), Arc::new(Snapshot::new(Arc::clone(self), meta)), dirty))
    }
}

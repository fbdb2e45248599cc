//! Making a dataset durable: changes into its store, or the whole of it into a dump.
use crate::clock::system_ms;
use crate::dataset::Dataset;
use crate::dump::{no_dumper, Job};
use crate::error::{Error, Outcome};
use crate::keyspace::{Keyspace, Moment as Remembered};
use crate::save_points::{SavePoints, Standing};
use crate::server::lock;
use crate::snapshot::Snapshot;
use redtool_store::{Store, StoreError};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

/// A moment: alone with the saving, the dataset as it is then, and the changes that had not been
/// saved.
type Moment<'d> = (Option<MutexGuard<'d, ()>>, Arc<dyn Store>, u64);

/// How saving goes.
#[derive(Debug, Default)]
pub struct Saves {
    /// When a dataset in memory is saved unasked.
    pub points: SavePoints,
    /// When changes were last saved, Unix seconds; 0: not yet.
    pub saved_s: i64,
    /// How often a dump was saved.
    pub count: u64,
    /// Why the last changes could not be saved.
    pub error: Option<String>,
    /// When that was found, Unix seconds.
    failed_s: i64,
    /// It was while nobody waited for it.
    failed_unseen: bool,
    /// Commands go on writing nevertheless (stop-writes-on-bgsave-error no).
    goes_on: bool,
    /// Since when a dump has been in the making.
    pub begun: Option<Instant>,
    /// How long the last dump took, seconds.
    pub took_s: Option<u64>,
}

impl Saves {
    /// Notes how it ended.
    fn end(&mut self, error: Option<String>) {
        let now_s = system_ms() / 1000;
        if let Some(begun) = self.begun.take() {
            self.took_s = Some(begun.elapsed().as_secs());
            self.count += u64::from(error.is_none());
        }
        match error.is_none() {
            true => (self.saved_s, self.failed_unseen) = (now_s, false),
            false => self.failed_s = now_s,
        }
        self.error = error;
    }

    /// Whether commands go on writing when a dump in the background fails.
    pub fn set_goes_on(&mut self, goes_on: bool) {
        self.goes_on = goes_on;
    }

    /// Refuses to write more when changes could not be saved: into a store; or, as Redis refuses,
    /// in the background as a dump, when that is done unasked.
    #[inline]
    pub fn check(&self, is_durable: bool) -> Outcome {
        const FAILED: Error = Error::fixed(
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
             persist to disk. Commands that may modify the data set are disabled, because this \
             instance is configured to report errors during writes if RDB snapshotting fails \
             (stop-writes-on-bgsave-error option). Please check the Redis logs for details about \
             the RDB error.",
        );
        let dumps_unasked = !self.points.is_empty() && !self.goes_on;
        match &self.error {
            None => Ok(()),
            Some(error) if is_durable => {
                Err(Error::text(format!("MISCONF Errors writing to the store: {error}")))
            }
            Some(_) if self.failed_unseen && dumps_unasked => Err(FAILED),
            Some(_) => Ok(()),
        }
    }

    fn is_due(&self, changes: u64, started_s: i64, now_s: i64) -> bool {
        let since = |at_s: i64| now_s.saturating_sub(at_s).unsigned_abs();
        let failed_s = self.error.as_ref().map(|_| since(self.failed_s));
        let age_s = since(self.saved_s.max(started_s));
        self.points.is_due(&Standing { changes, age_s, failed_s })
    }
}

impl Dataset {
    /// Makes everything written so far durable; commands go on meanwhile. Nothing is to be done
    /// for a dataset in memory that has no file.
    pub fn save(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(path) = self.dump_path() else { return self.save_changes() };
        let outcome = self.save_dump(path);
        self.is_dumping.store(false, Relaxed);
        outcome
    }

    /// The same, while nobody waits for it.
    pub(crate) fn save_unseen(self: &Arc<Self>) -> Result<(), StoreError> {
        let outcome = self.save();
        if outcome.is_err() {
            self.keyspace().saves.failed_unseen = true;
        }
        outcome
    }

    /// Has everything saved, by a job. What is saved as a dump is as it is now, unless another dump
    /// is being made; at the end, as it is when no more commands come.
    pub(crate) fn ask(&self, keys: &mut Keyspace, job: Job) -> Result<(), Error> {
        if self.dump_path().is_some() && self.dumper().is_some() {
            self.is_dumping.store(true, Relaxed);
            if matches!(job, Job::Save(_)) && !keys.space.remembers() {
                keys.moment = Some(keys.begin_moment()?);
            }
        }
        self.jobs.add(job);
        Ok(())
    }

    /// Has a dataset in memory saved, when it is time to.
    pub fn save_when_due(&self) -> Result<(), StoreError> {
        if self.dump_path().is_none() || self.is_dumping.load(Relaxed) {
            return Ok(());
        }
        let mut keys = self.keyspace();
        let started_s = self.state().started_s();
        if !keys.saves.is_due(keys.dirty, started_s, system_ms() / 1000) {
            return Ok(());
        }
        self.ask(&mut keys, Job::Save(None)).map_err(Error::into_store)
    }

    /// The same at the end of a server, unless it has been done, or is not wanted.
    pub fn save_at_end(self: &Arc<Self>) -> Result<(), StoreError> {
        let is_saved = {
            let mut keys = self.keyspace();
            // What came after it is to be saved too.
            keys.forget_moment();
            keys.dirty == 0 && keys.saves.saved_s > 0
        };
        if self.dump_path().is_some() && (is_saved || self.state().ends_unsaved.load(Relaxed)) {
            return Ok(());
        }
        self.save()
    }

    fn save_dump(self: &Arc<Self>, path: &Path) -> Result<(), StoreError> {
        let Some(dumper) = self.dumper() else { return Err(no_dumper()) };
        self.keyspace().saves.begun = Some(Instant::now());
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
                keys.saves.end(None);
            }
            Err(error) => keys.saves.end(Some(error.to_string())),
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

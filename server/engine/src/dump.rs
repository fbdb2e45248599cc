//! Dumps of a dataset: who asks for one, and who makes it.
//!
//! The engine knows what is to be dumped, and when. How a dump is written is the [`Dumper`]'s,
//! which the layer above gives to the dataset. What is asked for waits here, and a thread of the
//! server makes one dump after the other ([`Dataset::dump_next`]).
use crate::dataset::Dataset;
use crate::server::{lock, ClientInfo};
use redtool_store::{Store, StoreError};
use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Writes dumps. An error is a sentence that names the file.
pub trait Dumper: Send + Sync {
    /// Puts a dump of a store at a path, whole and durable, or leaves there what was there.
    fn save(&self, store: Arc<dyn Store>, path: &Path) -> Result<(), String>;
    /// A dump in a file without a name, to be read from its beginning, and its bytes.
    fn spool(&self, store: Arc<dyn Store>, functions_only: bool) -> Result<(File, u64), String>;
}

/// What is asked for.
pub(crate) enum Job {
    /// Everything so far is to be durable, and this client waits for it.
    Save(Option<Arc<ClientInfo>>),
    /// The same; then the server ends, or if `forced` whatever comes of it.
    End { client: Arc<ClientInfo>, forced: bool },
    /// A dump is to be sent to this client, after these bytes.
    Send { client: Arc<ClientInfo>, head: Vec<u8>, functions_only: bool },
}

/// What waits to be done.
#[derive(Default)]
pub(crate) struct Jobs {
    waiting: Mutex<VecDeque<Job>>,
    news: Condvar,
}

impl Jobs {
    pub fn add(&self, job: Job) {
        lock(&self.waiting).push_back(job);
        self.news.notify_one();
    }

    /// The next one, if there is one within this time.
    fn next(&self, patience: Duration) -> Option<Job> {
        let waiting = lock(&self.waiting);
        let is_idle = |jobs: &mut VecDeque<Job>| jobs.is_empty();
        let waited = self.news.wait_timeout_while(waiting, patience, is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}

impl Dataset {
    /// Makes the next dump that is asked for, or saves; waits for a wish at most so long. An error
    /// is one that no client has been told.
    pub fn dump_next(self: &Arc<Self>, patience: Duration) -> Result<(), StoreError> {
        match self.jobs.next(patience) {
            None => Ok(()),
            Some(Job::Save(None)) => self.save_unseen(),
            Some(Job::Save(Some(client))) => {
                client.mailbox.reply(told(&self.save(), "ERR"));
                Ok(())
            }
            Some(Job::End { client, forced }) => {
                let outcome = self.save();
                if outcome.is_ok() || forced {
                    self.state().shutdown.store(true, Relaxed);
                    client.kill();
                    return outcome;
                }
                client.mailbox.reply(told(&outcome, "ERR Errors trying to SHUTDOWN:"));
                Ok(())
            }
            Some(Job::Send { client, head, functions_only }) => {
                match self.spool(functions_only) {
                    Ok((file, bytes)) => client.mailbox.send_file(head, file, bytes),
                    Err(error) => client.mailbox.reply(told(&Err(error), "ERR")),
                }
                Ok(())
            }
        }
    }

    /// A dump of the dataset as it is now.
    fn spool(self: &Arc<Self>, functions_only: bool) -> Result<(File, u64), StoreError> {
        let Some(dumper) = self.dumper() else { return Err(no_dumper()) };
        let (_alone, store, _) = self.moment()?;
        dumper.spool(store, functions_only).map_err(StoreError::Backend)
    }
}

/// Nobody knows how to write a dump.
pub(crate) fn no_dumper() -> StoreError {
    StoreError::Usage("this dataset cannot be dumped".into())
}

fn told(outcome: &Result<(), StoreError>, code: &str) -> Vec<u8> {
    match outcome {
        Ok(()) => b"+OK\r\n".to_vec(),
        Err(error) => format!("-{code} {error}\r\n").into_bytes(),
    }
}

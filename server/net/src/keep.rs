//! The threads of a dataset beside those that serve it: one saves changes once a second, and
//! removes keys whose time has come ten times a second; one makes the dumps that are asked for.
use crate::shared::Shared;
use redtool_engine::Dataset;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at expired keys, and at whether the server stops.
const CRON: Duration = Duration::from_millis(100);
/// Between two saves.
const SAVE: Duration = Duration::from_secs(1);

/// Works until the server stops. A store that refuses changes is no reason to end: the engine then
/// refuses commands that write, and the next try may succeed.
pub(crate) fn keep(dataset: &Dataset, shared: &Shared) -> io::Result<()> {
    let mut next_save = Instant::now() + SAVE;
    let mut was_well = true;
    while !shared.is_stopping() {
        std::thread::sleep(CRON);
        let cron = dataset.cron();
        let saved = if Instant::now() >= next_save {
            next_save = Instant::now() + SAVE;
            dataset.save_changes()
        } else {
            Ok(())
        };
        match cron.and(dataset.save_when_due()).and(saved) {
            Ok(()) => was_well = true,
            Err(error) if was_well => {
                was_well = false;
                eprintln!("redtool: changes cannot be saved: {error}; writes are refused");
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Makes dumps until the server stops. What fails is told the client that asked, or is told here.
pub(crate) fn dump(dataset: &Arc<Dataset>, shared: &Shared) -> io::Result<()> {
    while !shared.is_stopping() {
        if let Err(error) = dataset.dump_next(CRON) {
            eprintln!("redtool: the dataset cannot be saved: {error}");
        }
    }
    Ok(())
}

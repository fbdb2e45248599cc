//! The thread of a dataset that is written: it saves the changes once a second, and removes keys
//! whose time has come ten times a second.
use crate::shared::Shared;
use redtool_engine::Dataset;
use std::io;
use std::time::{Duration, Instant};

/// Between two looks at expired keys.
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
        let saved = if Instant::now() >= next_save || dataset.save_wanted() {
            next_save = Instant::now() + SAVE;
            dataset.save()
        } else {
            Ok(())
        };
        match cron.and(saved) {
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

//! WATCH: who must be told when a key changes.
//!
//! A session that watches owns one flag; the table holds it weakly under each key it watches, so a
//! session that ends leaves nothing to be cleaned but dead entries, which the next change of the
//! key drops.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// A session's flag: a key it watches has changed.
pub type Touched = Arc<AtomicBool>;

/// What a session watches.
#[derive(Debug, Default)]
pub struct Watching {
    /// Set when one of the keys changes.
    pub touched: Touched,
    /// Record keys, and whether each was expired already when the watch began.
    pub keys: Vec<(Vec<u8>, bool)>,
}

/// The watched keys, by their record keys.
#[derive(Debug, Default)]
pub struct Watched {
    keys: HashMap<Vec<u8>, Vec<Watcher>>,
}

#[derive(Debug)]
struct Watcher {
    flag: Weak<AtomicBool>,
    /// The key was expired already, and not removed: that it goes is no change.
    was_expired: bool,
}

impl Watched {
    /// Begins to watch a key.
    pub fn add(&mut self, record_key: &[u8], flag: &Touched, was_expired: bool) {
        let watchers = self.keys.entry(record_key.to_vec()).or_default();
        watchers.retain(|watcher| watcher.flag.strong_count() > 0);
        let there = |watcher: &Watcher| watcher.flag.as_ptr() == Arc::as_ptr(flag);
        if !watchers.iter().any(there) {
            watchers.push(Watcher { flag: Arc::downgrade(flag), was_expired });
        }
    }

    /// A key has changed; `expired`: by being removed in its time.
    #[inline]
    pub fn touch(&mut self, record_key: &[u8], expired: bool) {
        if !self.keys.is_empty() {
            self.touch_watched(record_key, expired);
        }
    }

    fn touch_watched(&mut self, record_key: &[u8], expired: bool) {
        let Some(watchers) = self.keys.get_mut(record_key) else { return };
        watchers.retain_mut(|watcher| {
            let Some(flag) = watcher.flag.upgrade() else { return false };
            if expired && watcher.was_expired {
                watcher.was_expired = false;
                return true;
            }
            flag.store(true, Ordering::Release);
            false
        });
        if watchers.is_empty() {
            self.keys.remove(record_key);
        }
    }

    /// The keys that are watched.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.keys.keys().cloned().collect()
    }
}

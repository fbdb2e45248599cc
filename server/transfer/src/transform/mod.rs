//! How entries are changed on their way.
use crate::error::Result;
use crate::source::Entry;

/// Changes of entries.
#[derive(Default)]
pub struct Transform {}

/// Room for what is changed; one a thread.
#[derive(Default)]
pub struct Scratch {}

impl Transform {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Whether two keys may become one.
    pub fn may_collide(&self) -> bool {
        false
    }

    /// Gives what becomes of the entry to `each`.
    pub fn apply(
        &self,
        entry: &Entry<'_>,
        _scratch: &mut Scratch,
        each: &mut dyn FnMut(&Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        each(entry)
    }
}

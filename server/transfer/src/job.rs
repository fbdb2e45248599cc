//! How a source is read into a target: what all paths have in common.
use crate::account::Account;
use crate::error::Result;
use crate::failures::Failures;
use crate::selection::Selection;
use crate::source::Entry;
use redtool_format::rdb::check::{Checker, Depth};
use std::sync::Arc;

/// How to read.
#[derive(Clone)]
pub struct Job {
    /// Verify the source's checksum.
    pub checksum: bool,
    /// Which entries, and how they are changed.
    pub selection: Arc<Selection>,
    /// Where entries go that cannot be written.
    pub failures: Arc<Failures>,
}

impl Default for Job {
    fn default() -> Self {
        Self::of(Selection::default())
    }
}

/// What a thread keeps between entries.
#[derive(Default)]
pub struct Hands {
    scratch: crate::transform::Scratch,
    checker: Checker,
}

impl Job {
    /// A job that ends at the first entry that cannot be written.
    pub fn of(selection: Selection) -> Self {
        let (selection, failures) = (Arc::new(selection), Arc::default());
        Self { checksum: true, selection, failures }
    }

    /// The same for a walk that only looks: what it cannot read is not told twice.
    #[must_use]
    pub fn looking(&self) -> Self {
        let failures =
            if self.failures.takes() { Failures::ignored() } else { Failures::default() };
        Self { failures: Arc::new(failures), ..self.clone() }
    }

    /// Changes an entry that passed the filter and gives what it became to `each`; what is damaged
    /// is set aside before, where that was asked for.
    ///
    /// A value is checked whole before any of it is written, so that no target needs to take back
    /// half an entry.
    #[inline]
    pub fn give(
        &self,
        entry: &Entry<'_>,
        hands: &mut Hands,
        account: &mut Account,
        each: &mut dyn FnMut(&Entry<'_>, &mut Account) -> Result<()>,
    ) -> Result<()> {
        if self.failures.takes() {
            let value = &entry.value;
            let depth = Depth::Deep;
            let checked = hands.checker.check(
                value.value_type,
                value.payload,
                value.templates,
                depth,
                &mut |_| {},
            );
            if let Err(error) = checked {
                account.failed.add(value.value_type.kind());
                return self.failures.set_aside(entry, &entry.error(error));
            }
        }
        self.selection.change(entry, &mut hands.scratch, account, each)
    }
}

//! What becomes of entries on their way: which are taken, and how they are changed. Every path from
//! a source to a target goes through here, so that every option works on all of them.
use crate::account::Account;
use crate::error::Result;
use crate::filter::Filter;
use crate::source::Entry;
use crate::transform::{Applied, Scratch, Transform};

/// Which entries, and how they are changed.
#[derive(Default)]
pub struct Selection {
    /// Which keys.
    pub filter: Filter,
    /// How what passes is changed.
    pub transform: Transform,
}

impl Selection {
    /// The keys of a filter, unchanged.
    pub fn of(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Gives what becomes of an entry that passed the filter to `each`.
    ///
    /// The account stays true per type: an entry that changes its type is counted as what it
    /// became, one that is dropped as filtered, one that cannot be masked as skipped, and what a
    /// script adds as read too.
    #[inline]
    pub fn change(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        account: &mut Account,
        each: &mut dyn FnMut(&Entry<'_>, &mut Account) -> Result<()>,
    ) -> Result<()> {
        if self.transform.is_empty() {
            return each(entry, account);
        }
        let kind = entry.value.value_type.kind();
        let mut given = 0;
        let applied = self.transform.apply(entry, scratch, &mut |changed| {
            let into = changed.value.value_type.kind();
            if given > 0 {
                account.read.add(into);
            } else if into != kind {
                account.read.recount(kind, into);
            }
            given += 1;
            each(changed, account)
        })?;
        match (given, applied) {
            (0, Applied::Lost) => account.skipped.add(kind),
            (0, Applied::Done) => account.filtered.add(kind),
            _ => {}
        }
        Ok(())
    }
}

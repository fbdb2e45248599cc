//! The account every verb ends with: read = written + filtered + skipped + failed, per kind.
use redtool_format::rdb::Kind;

/// Numbers of keys, one for each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerKind(pub [u64; 8]);

impl PerKind {
    /// One more of this kind.
    #[inline]
    pub fn add(&mut self, kind: Kind) {
        self.0[kind as usize] = self.0[kind as usize].wrapping_add(1);
    }

    /// One that was counted as `from`, here or in an account that this one is merged with, is a
    /// `to`.
    pub fn recount(&mut self, from: Kind, to: Kind) {
        self.0[from as usize] = self.0[from as usize].wrapping_sub(1);
        self.add(to);
    }

    /// All kinds together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The kinds that occur, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.0[kind as usize])).filter(|(_, n)| *n > 0)
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.wrapping_add(theirs);
        }
    }
}

/// What became of the keys that were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Keys in the source.
    pub read: PerKind,
    /// Keys in the target.
    pub written: PerKind,
    /// Keys that a filter kept out.
    pub filtered: PerKind,
    /// Keys passed over as a server would (collections without elements).
    pub skipped: PerKind,
    /// Keys that could not be written.
    pub failed: PerKind,
}

impl Account {
    /// Adds another account.
    pub fn merge(&mut self, other: &Self) {
        self.read.merge(&other.read);
        self.written.merge(&other.written);
        self.filtered.merge(&other.filtered);
        self.skipped.merge(&other.skipped);
        self.failed.merge(&other.failed);
    }

    /// Whether every key read is accounted for, kind by kind.
    pub fn adds_up(&self) -> bool {
        (0..self.read.0.len()).all(|i| {
            let after =
                self.written.0[i] + self.filtered.0[i] + self.skipped.0[i] + self.failed.0[i];
            self.read.0[i] == after
        })
    }
}

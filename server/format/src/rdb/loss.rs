//! What a target cannot take, named and counted: nothing is lost silently.
use std::fmt;

/// Something an entry or file holds that a target cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Loss {
    /// Hash fields' own expiries.
    FieldTtl,
    /// Stream counters (first id, max deleted, entries added, entries read).
    StreamCounters,
    /// Consumers' active time.
    ConsumerActive,
    /// Idempotent-producer history.
    Idmp,
    /// Ownerless (NACK) pending entries.
    Nack,
    /// LRU idle time or LFU frequency.
    LruLfu,
    /// Sub-second part of an expiry (RDB 1 and 2).
    ExpireMs,
    /// Key metadata (opcode 243).
    KeyMeta,
    /// A function library.
    Function,
    /// A module's auxiliary data.
    ModuleAux,
    /// The whole value: no form in the target.
    WholeValue,
    /// The whole value: nobody can tell what in it is to be masked.
    Unmasked,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Loss; 12] = [
        Loss::FieldTtl,
        Loss::StreamCounters,
        Loss::ConsumerActive,
        Loss::Idmp,
        Loss::Nack,
        Loss::LruLfu,
        Loss::ExpireMs,
        Loss::KeyMeta,
        Loss::Function,
        Loss::ModuleAux,
        Loss::WholeValue,
        Loss::Unmasked,
    ];

    /// A stable name for machine-readable reports.
    pub fn name(self) -> &'static str {
        match self {
            Loss::FieldTtl => "field_ttl",
            Loss::StreamCounters => "stream_counters",
            Loss::ConsumerActive => "consumer_active_time",
            Loss::Idmp => "idempotent_producers",
            Loss::Nack => "ownerless_pending",
            Loss::LruLfu => "lru_lfu",
            Loss::ExpireMs => "expire_ms",
            Loss::KeyMeta => "key_metadata",
            Loss::Function => "function",
            Loss::ModuleAux => "module_aux",
            Loss::WholeValue => "value",
            Loss::Unmasked => "unmasked",
        }
    }

    /// `412 hashes lose field TTLs`, `1 hash loses field TTLs`.
    pub fn sentence(self, count: u64) -> String {
        let (one, many, what) = self.words();
        match count {
            1 => format!("1 {one} {what}", what = what.0),
            n => format!("{n} {many} {what}", what = what.1),
        }
    }

    /// Who loses, one and many, and what: verb forms for one and many.
    fn words(self) -> (&'static str, &'static str, (&'static str, &'static str)) {
        match self {
            Loss::FieldTtl => ("hash", "hashes", ("loses field TTLs", "lose field TTLs")),
            Loss::StreamCounters => {
                let what =
                    ("loses its counters and group lag", "lose their counters and group lag");
                ("stream", "streams", what)
            }
            Loss::ConsumerActive => {
                let what = ("loses consumers' active times", "lose consumers' active times");
                ("stream", "streams", what)
            }
            Loss::Idmp => {
                let what = ("loses its deduplication history", "lose their deduplication history");
                ("stream", "streams", what)
            }
            Loss::Nack => {
                let what = (
                    "loses pending entries without an owner",
                    "lose pending entries without an owner",
                );
                ("stream", "streams", what)
            }
            Loss::LruLfu => {
                let what =
                    ("loses its idle time or frequency", "lose their idle time or frequency");
                ("key", "keys", what)
            }
            Loss::ExpireMs => {
                let what = ("expires on a whole second", "expire on a whole second");
                ("key", "keys", what)
            }
            Loss::KeyMeta => ("key", "keys", ("loses its metadata", "lose their metadata")),
            Loss::Function => {
                ("function library", "function libraries", ("is dropped", "are dropped"))
            }
            Loss::ModuleAux => (
                "module's auxiliary record",
                "modules' auxiliary records",
                ("is dropped", "are dropped"),
            ),
            Loss::WholeValue => {
                let what = (
                    "has no form in the target and is dropped",
                    "have no form in the target and are dropped",
                );
                ("value", "values", what)
            }
            Loss::Unmasked => {
                let what = ("cannot be masked and is dropped", "cannot be masked and are dropped");
                ("value", "values", what)
            }
        }
    }
}

/// A set of losses.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses(u16);

impl Losses {
    /// No loss.
    pub const NONE: Losses = Losses(0);

    /// Adds one.
    pub fn insert(&mut self, loss: Loss) {
        self.0 |= 1 << loss as u8;
    }

    /// Adds one if `lost`.
    pub fn insert_if(&mut self, lost: bool, loss: Loss) {
        if lost {
            self.insert(loss);
        }
    }

    /// Whether this one is among them.
    pub fn contains(self, loss: Loss) -> bool {
        self.0 & 1 << loss as u8 != 0
    }

    /// Whether nothing is lost.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets in one.
    #[must_use]
    pub fn union(self, other: Losses) -> Losses {
        Losses(self.0 | other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Loss> {
        Loss::ALL.into_iter().filter(move |loss| self.contains(*loss))
    }
}

impl From<Loss> for Losses {
    fn from(loss: Loss) -> Self {
        let mut losses = Losses::NONE;
        losses.insert(loss);
        losses
    }
}

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_agree_in_number() {
        assert_eq!(Loss::FieldTtl.sentence(412), "412 hashes lose field TTLs");
        assert_eq!(Loss::FieldTtl.sentence(1), "1 hash loses field TTLs");
        assert_eq!(Loss::Function.sentence(1), "1 function library is dropped");
        assert_eq!(Loss::Function.sentence(2), "2 function libraries are dropped");
    }

    #[test]
    fn a_set_holds_each_loss_by_itself() {
        for loss in Loss::ALL {
            let losses = Losses::from(loss);
            assert_eq!(losses.iter().collect::<Vec<_>>(), [loss]);
            assert!(losses.union(Losses::NONE).contains(loss));
        }
    }
}

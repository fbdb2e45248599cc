//! How large a list may be before it lies elsewhere and is called something else: the setting
//! `list-max-listpack-size`, and the record's own limit.
use super::list_run::PACKED_MAX_BYTES;
use redtool_store::layout::INLINE_MAX_BYTES;

/// A segmented list that shrinks to this goes back into its record.
pub const FOLDED_BYTES: usize = INLINE_MAX_BYTES / 2;
/// Smallest entry of a listpack.
const ENTRY_MIN_BYTES: u64 = 2;

/// How large a node may be: bytes and elements.
#[derive(Debug, Clone, Copy)]
pub struct NodeLimit {
    /// Bytes of its listpack.
    pub bytes: usize,
    /// Elements.
    pub elements: u64,
}

impl NodeLimit {
    /// Of a setting `list-max-listpack-size`.
    pub fn of(setting: i64) -> Self {
        match u64::try_from(setting) {
            Ok(elements) => Self { bytes: PACKED_MAX_BYTES, elements: elements.max(1) },
            Err(_) => {
                let level = setting.unsigned_abs().min(5);
                Self { bytes: 2048 << level, elements: u64::MAX }
            }
        }
    }

    /// What a list must fit into to become a listpack again.
    pub fn half(self, setting: i64) -> Self {
        match setting < 0 {
            true => Self { bytes: self.bytes / 2, ..self },
            false => Self { elements: self.elements / 2, ..self },
        }
    }
}

/// Whether so many elements may lie in so many bytes: most lists are known to be too large by their
/// length alone.
pub fn fits(count: u64, bytes: usize) -> bool {
    count <= bytes as u64 / ENTRY_MIN_BYTES
}

/// Whether a list of so many elements may be too small for segments or for a quicklist; `setting`
/// is `list-max-listpack-size`.
pub fn may_be_small(count: u64, setting: i64) -> bool {
    let limit = NodeLimit::of(setting).half(setting);
    fits(count, limit.bytes.max(FOLDED_BYTES))
}

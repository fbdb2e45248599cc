//! The record key of a key, without an allocation for keys of usual length.
use redtool_store::object::{is_long_key, write_record_key};
use std::ops::Deref;

/// Keys up to this length need no allocation.
const INLINE_BYTES: usize = 62;

/// A record key: `[db][key]`, or prefix and hash of a long one.
#[derive(Debug, Clone)]
pub struct RecordKey(Form);

#[derive(Debug, Clone)]
enum Form {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Heap { bytes: Vec<u8>, is_hashed: bool },
}

impl RecordKey {
    /// Of a key in a database.
    #[inline]
    pub fn new(db: u32, key: &[u8]) -> Self {
        let len = 4 + key.len();
        if len <= INLINE_BYTES {
            let mut bytes = [0; INLINE_BYTES];
            bytes[..4].copy_from_slice(&db.to_be_bytes());
            bytes[4..len].copy_from_slice(key);
            return Self(Form::Inline { len: len as u8, bytes });
        }
        let mut bytes = Vec::new();
        write_record_key(&mut bytes, db, key);
        Self(Form::Heap { bytes, is_hashed: is_long_key(key) })
    }

    /// Whether it holds only a hash of the key.
    #[inline]
    pub fn is_hashed(&self) -> bool {
        matches!(self.0, Form::Heap { is_hashed: true, .. })
    }
}

impl Deref for RecordKey {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Form::Heap { bytes, .. } => bytes,
        }
    }
}

//! Big collections changed where they stand: most changes leave their records as they are, but for
//! the number of their elements.
//!
//! [`Writing::held`] tells where the elements are, the functions of [`crate::types`] change the
//! segments, [`Writing::finish_big`] keeps the count and tells those who watch, wait and listen.
//! Whatever has an expiry, a long key or another encoding than usual for its size goes the way of
//! every object, through an [`Edit`].
use crate::edit::Edit;
use crate::error::Error;
use crate::record_key::RecordKey;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::rdb::{Kind, ValueType};
use redtool_store::object::Plain;
use redtool_store::{Encoding, Object};

/// Lists in segments.
pub const LIST: Plain = Plain::new(Kind::List, ValueType::ListQuicklist2, Encoding::Quicklist);
/// Sets in segments.
pub const SET: Plain = Plain::new(Kind::Set, ValueType::SetListpack, Encoding::Hashtable);
/// Hashes in segments, whose fields have no expiry.
pub const HASH: Plain = Plain::new(Kind::Hash, ValueType::HashListpack, Encoding::Hashtable);

/// A big collection.
#[derive(Debug)]
pub struct Big {
    /// Of its segments.
    pub id: u64,
    /// Its elements.
    pub count: u64,
}

/// A collection to be changed.
#[derive(Debug)]
pub enum Held {
    /// Where it stands.
    Big(Big),
    /// As an object that is written back.
    Object(Edit),
}

impl Writing<'_> {
    /// The collection at a key of the selected database, to be changed; None when the key is
    /// absent. It must be of this kind; a big one is one of this form.
    #[inline]
    pub fn held(&mut self, key: &[u8], kind: Kind, form: Plain) -> Result<Option<Held>> {
        let mut room = std::mem::take(&mut self.keys.spare);
        let found = self.with_record(self.session.db, key, |_, record| {
            if let Some((count, id)) = form.read(record) {
                return Ok(Held::Big(Big { id, count }));
            }
            let edit = Edit::in_room(&Object::parse(record)?, std::mem::take(&mut room))?;
            match edit.kind == kind {
                true => Ok(Held::Object(edit)),
                false => Err(Error::WRONG_TYPE),
            }
        });
        self.keys.spare = room;
        found
    }

    /// It has this many elements now, of which there must be some, and changed so often: those are
    /// told who watch, wait and listen.
    pub fn finish_big(
        &mut self,
        key: &[u8],
        Big { count, .. }: Big,
        (new_count, changes): (u64, u64),
        (of, event): (u32, &str),
    ) -> Result<()> {
        debug_assert!(new_count > 0);
        let record_key = RecordKey::new(self.session.db, key);
        if new_count != count {
            let record = self.keys.space.object_mut(&record_key)?;
            if !record.is_some_and(|record| Plain::set_count(record, new_count)) {
                self.change_header(self.session.db, key, |object| {
                    object.count = new_count;
                    true
                })?;
            }
            self.keys.blocked.signal(&record_key);
        }
        self.keys.touch(&record_key, key, self.session.id);
        self.keys.dirty = (self.keys.dirty + changes).saturating_sub(1);
        self.keys.notify(of, event, self.session.db, key);
        Ok(())
    }
}

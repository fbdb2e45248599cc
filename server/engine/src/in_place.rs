//! Values changed where they stand, when their records stay as they are but for a few bytes.
//!
//! - **Big collections**, whose records change in nothing but the number of their elements:
//!   [`Writing::held`] tells where the elements are, the functions of [`crate::types`] change the
//!   segments, [`Writing::finish_big`] keeps the count and tells those who watch, wait and listen.
//! - **Small values**, a part of which is replaced by one that takes as many bytes:
//!   [`Writing::add_in_place`], [`Writing::put_field_in_place`].
//!
//! Whatever has an expiry, a long key or another encoding than usual goes the way of every object,
//! through an [`Edit`].
use crate::edit::Edit;
use crate::error::Error;
use crate::record_key::RecordKey;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::encodings::listpack::edit::New;
use redtool_format::encodings::listpack::Listpack;
use redtool_format::rdb::{length, string, Kind, Str, ValueType};
use redtool_format::{number, Cursor};
use redtool_store::object::Plain;
use redtool_store::{Encoding, Object};

/// Lists in segments.
pub const LIST: Plain =
    Plain::segmented(Kind::List, ValueType::ListQuicklist2, Encoding::Quicklist);
/// Sets in segments.
pub const SET: Plain = Plain::segmented(Kind::Set, ValueType::SetListpack, Encoding::Hashtable);
/// Hashes in segments, whose fields have no expiry.
pub const HASH: Plain = Plain::segmented(Kind::Hash, ValueType::HashListpack, Encoding::Hashtable);

/// Small numbers.
const NUMBER: Plain = Plain::inline(Kind::String, ValueType::String, Encoding::Int);
/// Hashes of one listpack, whose fields have no expiry.
const SMALL_HASH: Plain = Plain::inline(Kind::Hash, ValueType::HashListpack, Encoding::Listpack);

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

    /// What the record of a key of the selected database holds behind a header of this form, to be
    /// changed in place.
    fn inline_mut(&mut self, key: &[u8], form: Plain) -> Result<Option<&mut [u8]>> {
        let record_key = RecordKey::new(self.session.db, key);
        let record = self.keys.space.object_mut(&record_key)?;
        Ok(record.and_then(|record| form.rest_mut(record)))
    }

    /// Adds to the number at a key, if the sum has as many digits, and tells nobody; the sum.
    pub fn add_in_place(&mut self, key: &[u8], by: i64) -> Result<Option<i64>> {
        let Some(payload) = self.inline_mut(key, NUMBER)? else { return Ok(None) };
        // The length of a short string is one byte.
        let Some((len, digits)) = payload.split_first_mut() else { return Ok(None) };
        if usize::from(*len) != digits.len() {
            return Ok(None);
        }
        let Some(sum) = number::parse_i64(digits).and_then(|old| old.checked_add(by)) else {
            return Ok(None);
        };
        let mut text = itoa::Buffer::new();
        let text = text.format(sum).as_bytes();
        if text.len() != digits.len() {
            return Ok(None);
        }
        digits.copy_from_slice(text);
        Ok(Some(sum))
    }

    /// Puts a field that a small hash has already, if the value takes as many bytes as the one that
    /// it replaces, and tells nobody; whether it did.
    pub fn put_field_in_place(&mut self, key: &[u8], field: &[u8], value: &[u8]) -> Result<bool> {
        let limits = self.keys.limits;
        if field.len().max(value.len()) > limits.hash_value_bytes {
            return Ok(false);
        }
        let mut entry = std::mem::take(&mut self.keys.scratch);
        entry.clear();
        New::Text(value).write(&mut entry);
        let place = match self.inline_mut(key, SMALL_HASH)? {
            Some(payload) => field_place(payload, field, limits.hash_entries)?,
            None => None,
        };
        let fits = place.as_ref().is_some_and(|place| place.len() == entry.len());
        if let (true, Some(place)) = (fits, place) {
            place.copy_from_slice(&entry);
        }
        self.keys.scratch = entry;
        Ok(fits)
    }
}

/// The entry of a field's value in the payload of a small hash that may have so many fields.
fn field_place<'p>(
    payload: &'p mut [u8],
    field: &[u8],
    most: usize,
) -> Result<Option<&'p mut [u8]>> {
    let mut cursor = Cursor::new(payload);
    let count = length::read_plain(&mut cursor)?;
    let Str::Raw(blob) = string::read(&mut cursor)? else { return Ok(None) };
    if count > most as u64 {
        return Ok(None);
    }
    let start = cursor.pos() - blob.len();
    let Some(mut rest) = Listpack::parse(blob)?.find_then(field, 2)? else { return Ok(None) };
    let from = rest.offset();
    rest.advance(1)?;
    let place = start + from..start + rest.offset();
    Ok(payload.get_mut(place))
}

//! The digest that DEBUG DIGEST gives: twenty bytes, equal for datasets with the same content
//! whatever their encodings and the order of sets, hashes and keys.
//!
//! ```text
//! xor(d, x) = d ^ SHA1(x)          order does not matter
//! mix(d, x) = SHA1(xor(d, x))      order matters
//!
//! dataset   for each database that has keys: mix(number u32 BE), then xor-ed with the digest of
//! each key key       mix(key), mix(type u32 BE), the value, and xor("!!expire!!") when it expires
//! string    mix(bytes)             list   mix(item) for each set       xor(member) for each   zset
//!   xor of: mix(member), mix(score as %.17g) hash      xor of: mix(field), mix(value), and
//! xor("!!hexpire!!") when the field expires stream    mix("ms.seq"), then mix(field), mix(value)
//! of each pair, for each message
//! ```
//! Digests of element pairs start at zero and enter the key's digest as the twenty bytes of an xor.
use crate::error::Error;
use crate::keys::{is_alive, Keys};
use crate::sha1::sha1;
use crate::value::visit;
use redtool_format::double;
use redtool_format::encodings::stream::Message;
use redtool_format::encodings::IntBuf;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::Visitor;
use redtool_format::rdb::ValueType;
use redtool_store::meta::Meta;
use redtool_store::object::split_record_key;
use redtool_store::{Object, Reader, Table};

/// A running digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest(pub [u8; 20]);

impl Digest {
    fn xor_raw(&mut self, other: [u8; 20]) {
        for (byte, other) in self.0.iter_mut().zip(other) {
            *byte ^= other;
        }
    }

    fn xor(&mut self, bytes: &[u8]) {
        self.xor_raw(sha1(bytes));
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = sha1(&self.0);
    }

    /// Adds a value, with its type and whether it expires.
    fn add_object(&mut self, reader: &dyn Reader, object: &Object<'_>) -> Result<(), Error> {
        self.mix(&u32::from(object.kind as u8).to_be_bytes());
        visit(reader, object, self)?;
        if object.expire_at_ms.is_some() {
            self.xor(b"!!expire!!");
        }
        Ok(())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The digest of a value, without its key: DEBUG DIGEST-VALUE.
pub fn of_value(reader: &dyn Reader, object: &Object<'_>) -> Result<Digest, Error> {
    let mut digest = Digest::default();
    digest.add_object(reader, object)?;
    Ok(digest)
}

/// The digest of all live keys: DEBUG DIGEST.
pub fn of_dataset(reader: &dyn Reader, meta: &Meta, now_ms: i64) -> Result<Digest, Error> {
    let mut total = Digest::default();
    let mut from = 0;
    while let Some(db) = next_db(reader, meta, from)? {
        add_database(&mut total, reader, db, now_ms)?;
        match db.checked_add(1) {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(total)
}

/// The first database from `from` on that has records; that is counted to have some, where records
/// are in no order.
fn next_db(reader: &dyn Reader, meta: &Meta, from: u32) -> Result<Option<u32>, Error> {
    if !reader.is_ordered() {
        return Ok(meta.dbs.iter().map(|(db, _)| *db).find(|db| *db >= from));
    }
    let record = reader.seek(Table::Objects, &from.to_be_bytes())?.next()?;
    let db = record.map(|(key, _)| split_record_key(&key).map(|(db, _)| db)).transpose()?;
    Ok(db)
}

fn add_database(
    total: &mut Digest,
    reader: &dyn Reader,
    db: u32,
    now_ms: i64,
) -> Result<(), Error> {
    let mut walk = Keys::new(reader, db, b"")?;
    let mut is_first = true;
    while let Some(key) = walk.next()? {
        let object = key.object()?;
        if !is_alive(&object, now_ms) {
            continue;
        }
        if std::mem::take(&mut is_first) {
            total.mix(&db.to_be_bytes());
        }
        let mut digest = Digest::default();
        digest.mix(key.name(&object));
        digest.add_object(reader, &object)?;
        total.xor(&digest.0);
    }
    Ok(())
}

impl Visitor for Digest {
    type Error = Error;

    fn string(&mut self, value: &[u8]) -> Result<(), Error> {
        self.mix(value);
        Ok(())
    }

    fn list_item(&mut self, item: &[u8]) -> Result<(), Error> {
        self.mix(item);
        Ok(())
    }

    fn set_member(&mut self, member: &[u8]) -> Result<(), Error> {
        self.xor(member);
        Ok(())
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<(), Error> {
        let mut text = Vec::new();
        double::write_17_digits(&mut text, score);
        let mut pair = Digest::default();
        pair.mix(member);
        pair.mix(&text);
        self.xor(&pair.0);
        Ok(())
    }

    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> Result<(), Error> {
        let mut pair = Digest::default();
        pair.mix(field);
        pair.mix(value);
        if expire_at_ms.is_some() {
            pair.xor(b"!!hexpire!!");
        }
        self.xor(&pair.0);
        Ok(())
    }

    fn stream_message(&mut self, message: &Message<'_>) -> Result<(), Error> {
        self.mix(format!("{}.{}", message.id.ms, message.id.seq).as_bytes());
        let mut text = IntBuf::new();
        for (field, value) in &message.fields {
            self.mix(field.bytes(&mut text));
            self.mix(value.bytes(&mut text));
        }
        Ok(())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> Result<(), Error> {
        Ok(())
    }

    fn opaque(&mut self, _: ValueType, payload: &[u8]) -> Result<(), Error> {
        self.mix(payload);
        Ok(())
    }
}

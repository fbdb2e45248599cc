//! Whole values of any kind: element by element, as the payload of DUMP.
//!
//! Commands of one kind read their values through [`crate::types`]; this is for those that take any
//! kind.
use crate::error::Error;
use crate::types::hash::Hash;
use redtool_format::rdb::value::{self, Templates, Visitor};
use redtool_format::rdb::ValueType;
use redtool_store::spill::SpillBytes;
use redtool_store::{read, Body, Object, Reader, Table};

/// The RDB version of payloads that this server makes: Redis 7.2's.
pub const RDB_VERSION: u16 = 11;

/// Gives every element of a value to a visitor; fields that have expired by themselves are among
/// them.
pub fn visit<V>(reader: &dyn Reader, object: &Object<'_>, visitor: &mut V) -> Result<(), V::Error>
where
    V: Visitor,
    V::Error: From<Error>,
{
    let mut buf = SpillBytes::new();
    let (value_type, payload) =
        read::payload(reader, object, &mut buf, false).map_err(Error::from)?;
    value::visit(value_type, payload, &Templates::new(), visitor)
}

/// Hands over the value as DUMP gives it, in a form that Redis 7.2 loads where there is one, else
/// of the first version that has it: its type, its bytes, that version.
pub fn dump<T>(
    reader: &dyn Reader,
    object: &Object<'_>,
    take: impl FnOnce(ValueType, &[u8], u16) -> T,
) -> Result<T, Error> {
    let mut buf = SpillBytes::new();
    let (value_type, payload) = read::payload(reader, object, &mut buf, true)?;
    let since = u16::try_from(value_type.since()).unwrap_or(RDB_VERSION);
    Ok(take(value_type, payload, since.max(RDB_VERSION)))
}

/// The value of one field of a hash.
pub fn hash_field(
    reader: &dyn Reader,
    object: &Object<'_>,
    field: &[u8],
    now_ms: i64,
) -> Result<Option<Vec<u8>>, Error> {
    Hash::open(reader, object, now_ms)?.get(field, |found| found.value.to_vec())
}

/// Bytes of a value's segments, keys included.
pub fn segment_bytes(reader: &dyn Reader, object: &Object<'_>) -> Result<u64, Error> {
    let Body::Segmented { id, .. } = object.body else { return Ok(0) };
    let prefix = id.to_be_bytes();
    let mut records = reader.seek(Table::Segments, &prefix)?;
    let mut total = 0;
    while let Some((key, segment)) = records.next()? {
        if !key.starts_with(&prefix) {
            break;
        }
        total += (key.len() + segment.len()) as u64;
    }
    Ok(total)
}

/// The methods of [`Visitor`] that are never called for the kinds at hand.
macro_rules! never_called {
    ($($name:ident($($arg:ty),*);)*) => {
        $(fn $name(&mut self $(, _: $arg)*) -> $crate::error::Outcome { Ok(()) })*
    };
}
pub(crate) use never_called;

//! A store without order: what is stated twice agrees, value by value.
//!
//! Such a store has no expiry index, keeps segments with their object, and takes those that no
//! object names for nothing.
use super::store::{keyed, split_segment_key, Agreement, Expected, Found, METER_RECORDS};
use crate::error::Result;
use redtool_store::meta::DbCounts;
use redtool_store::object::split_record_key;
use redtool_store::{Object, Reader, Store, Table};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

pub(super) fn check(agreement: &mut Agreement<'_>, store: &dyn Store) -> Result<()> {
    let mut dbs: BTreeMap<u32, DbCounts> = BTreeMap::new();
    let (mut records, mut ended) = (0, Ok(()));
    store.walk(&mut |record_key, record, reader| {
        records += 1;
        ended = one(agreement, record_key, record, reader, &mut dbs);
        if ended.is_ok() && records % METER_RECORDS == 0 {
            ended = agreement.meter.check();
        }
        if ended.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    ended?;
    agreement.counters(&dbs)
}

fn one(
    agreement: &mut Agreement<'_>,
    record_key: &[u8],
    record: &[u8],
    reader: &dyn Reader,
    dbs: &mut BTreeMap<u32, DbCounts>,
) -> Result<()> {
    let (db, _) = split_record_key(record_key)?;
    let object = Object::parse(record)?;
    dbs.entry(db).or_default().add(object.kind, object.expire_at_ms.is_some());
    let Some(expected) = Expected::of(reader, &object)? else { return Ok(()) };
    match segments(reader, &expected, agreement.deep)? {
        Ok(()) => Ok(()),
        Err(what) => agreement.report.problem(keyed(what, db, object.key(record_key)?)),
    }
}

/// What is wrong with the segments of a value, if anything is.
fn segments(
    reader: &dyn Reader,
    expected: &Expected,
    deep: bool,
) -> Result<std::result::Result<(), String>> {
    let prefix = expected.id.to_be_bytes();
    let mut cursor = reader.seek(Table::Segments, &prefix)?;
    let mut found = Found::default();
    while let Some((key, segment)) = cursor.next()? {
        if !key.starts_with(&prefix) {
            break;
        }
        let Some((_, family, order)) = split_segment_key(&key) else {
            return Ok(Err("a segment's key is too short".into()));
        };
        if let Err(what) = found.add(expected, family, order, &segment, deep) {
            return Ok(Err(what));
        }
    }
    Ok(found.agrees(expected))
}

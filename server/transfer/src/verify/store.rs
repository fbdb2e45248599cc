//! A store: every record reads, and what is stated twice agrees.
//!
//! | stated in | and in |
//! |---|---|
//! | an object's expiry | the expiry index, both ways |
//! | an object's count | its segments: elements of each family |
//! | a list segment's position | the positions and sizes of those before it |
//! | the length of what is in pieces | their offsets and sizes |
//! | a segment's id | an object that has it |
//! | counters per db | the objects |
use super::{by_value, keep, Options, Report};
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::meter::Meter;
use crate::source::Source;
use redtool_format::encodings::listpack::Listpack;
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::ValueType;
use redtool_store::meta::{DbCounts, Meta};
use redtool_store::object::{split_record_key, write_expire_key};
use redtool_store::pieces::{piece_at, Pieces};
use redtool_store::spill::SpillVec;
use redtool_store::{Body, Object, Reader, Store, StoreError, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Records between two looks at the meter.
pub(super) const METER_RECORDS: u64 = 4096;
/// Values told by name when something is wrong with their segments.
const NAMED: usize = 1000;

pub(super) fn verify(
    source: &Source,
    store: &dyn Store,
    options: &Options<'_>,
    meter: &Meter,
) -> Result<Report> {
    let mut report = Report::new();
    meter.set_total(source.size_bytes());
    if let Err(error) = values(source, options, meter, &mut report) {
        report.problem(error)?;
        return Ok(report);
    }
    if options.filter.is_empty() {
        let reader = store.reader()?;
        let mut agreement = Agreement { reader: &*reader, deep: options.deep, report, meter };
        let checked = match reader.is_ordered() {
            true => agreement.check(),
            false => by_value::check(&mut agreement, store),
        };
        if let Err(error) = checked {
            agreement.report.problem(error)?;
        }
        report = agreement.report;
    }
    Ok(report)
}

/// Every value reads.
fn values(
    source: &Source,
    options: &Options<'_>,
    meter: &Meter,
    report: &mut Report,
) -> Result<()> {
    let opening = source.survey(false, options.filter, meter)?;
    let depth = if options.deep { Depth::Deep } else { Depth::Always };
    let (templates, mut checker) = (Templates::new(), Checker::default());
    let Report { account, problems, .. } = report;
    source.each(&opening, options.filter, account, meter, |entry, account: &mut Account| {
        let value = &entry.value;
        let kind = value.value_type.kind();
        match checker.check(value.value_type, value.payload, &templates, depth, &mut |_| {}) {
            Ok(()) => account.written.add(kind),
            Err(error) => {
                account.failed.add(kind);
                keep(problems, entry.error(error));
            }
        }
        Ok(())
    })
}

/// What the segments of a value must come to.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Expected {
    pub id: u64,
    pub count: u64,
    /// What its pieces come to, if it has any.
    pub piece_bytes: u64,
    pub value_type: u64,
}

impl Expected {
    /// Of an object that has segments.
    pub(super) fn of(reader: &dyn Reader, object: &Object<'_>) -> Result<Option<Self>> {
        let Body::Segmented { id, .. } = object.body else { return Ok(None) };
        let value = Pieces::open(reader, object)?;
        let pieces = value.or(Pieces::of_metadata(reader, object)?);
        let piece_bytes = pieces.map_or(0, |pieces| pieces.len());
        let (count, value_type) = (object.count, object.value_type as u64);
        Ok(Some(Self { id, count, piece_bytes, value_type }))
    }
}

/// What they come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Elements of each family; of pieces, bytes.
    counts: BTreeMap<u8, u64>,
    /// The position after the last list segment.
    next_position: Option<u64>,
}

pub(super) struct Agreement<'a> {
    reader: &'a dyn Reader,
    pub deep: bool,
    pub report: Report,
    pub meter: &'a Meter,
}

impl Agreement<'_> {
    fn check(&mut self) -> Result<()> {
        let mut expected = SpillVec::new();
        let dbs = self.objects(&mut expected)?;
        self.expiry_index(dbs.values().map(|counts| counts.expires).sum())?;
        expected.sort_by(|a: &Expected, b| a.id.cmp(&b.id));
        let bad = self.segments(expected.as_slice())?;
        self.name(&bad)?;
        self.counters(&dbs)
    }

    /// Counts what is there, and collects the values that have segments.
    fn objects(&mut self, expected: &mut SpillVec<Expected>) -> Result<BTreeMap<u32, DbCounts>> {
        let mut dbs: BTreeMap<u32, DbCounts> = BTreeMap::new();
        let mut index_key = Vec::new();
        let mut cursor = self.reader.seek(Table::Objects, b"")?;
        let mut records = 0;
        while let Some((record_key, record)) = cursor.next()? {
            records += 1;
            if records % METER_RECORDS == 0 {
                self.meter.check()?;
            }
            let (db, _) = split_record_key(&record_key)?;
            let object = Object::parse(&record)?;
            dbs.entry(db).or_default().add(object.kind, object.expire_at_ms.is_some());
            if let Some(at_ms) = object.expire_at_ms {
                index_key.clear();
                write_expire_key(&mut index_key, at_ms, &record_key);
                if self.reader.get(Table::Expires, &index_key)?.is_none() {
                    let what = "the key's expiry is not in the expiry index";
                    self.report.problem(keyed(what.into(), db, object.key(&record_key)?))?;
                }
            }
            if let Some(value) = Expected::of(self.reader, &object)? {
                expected.push(value)?;
            }
        }
        Ok(dbs)
    }

    /// Every key with an expiry was found in the index, so equal numbers mean nothing else is.
    fn expiry_index(&mut self, expires: u64) -> Result<()> {
        let mut cursor = self.reader.seek(Table::Expires, b"")?;
        let mut entries = 0;
        while cursor.next()?.is_some() {
            entries += 1;
            if entries % METER_RECORDS == 0 {
                self.meter.check()?;
            }
        }
        if entries == expires {
            return Ok(());
        }
        let what = format!("the expiry index has {entries} entries for {expires} keys that expire");
        self.report.problem(Error::new(Kind::Corrupt, what))
    }

    /// Walks segments and values side by side, both in the order of their ids; gives the ids of
    /// values whose segments are wrong, with what is.
    fn segments(&mut self, expected: &[Expected]) -> Result<BTreeMap<u64, String>> {
        let (mut bad, mut orphans) = (BTreeMap::new(), BTreeSet::new());
        let (mut at, mut found, mut records) = (0, Found::default(), 0);
        let mut finish = |value: &Expected, found: Found| {
            if let Err(what) = found.agrees(value) {
                note(&mut bad, value.id, what);
            }
        };
        let mut cursor = self.reader.seek(Table::Segments, b"")?;
        let mut broken = BTreeMap::new();
        while let Some((key, segment)) = cursor.next()? {
            records += 1;
            if records % METER_RECORDS == 0 {
                self.meter.check()?;
            }
            let Some((id, family, order)) = split_segment_key(&key) else {
                let what = "a segment's key is too short";
                self.report.problem(Error::new(Kind::Corrupt, what))?;
                continue;
            };
            while at < expected.len() && expected[at].id < id {
                finish(&expected[at], std::mem::take(&mut found));
                at += 1;
            }
            let Some(value) = expected.get(at).filter(|value| value.id == id) else {
                orphans.insert(id);
                continue;
            };
            if let Err(what) = found.add(value, family, order, &segment, self.deep) {
                note(&mut broken, id, what);
            }
        }
        for value in &expected[at.min(expected.len())..] {
            finish(value, std::mem::take(&mut found));
        }
        for pair in expected.windows(2).filter(|pair| pair[0].id == pair[1].id) {
            note(&mut bad, pair[0].id, "shares its segments with another key".into());
        }
        // What is wrong with one segment says more than that the sum is wrong.
        bad.extend(broken);
        for id in orphans.into_iter().take(NAMED) {
            let what = format!("segments of the id {id}, which no key has");
            self.report.problem(Error::new(Kind::Corrupt, what))?;
        }
        Ok(bad)
    }

    /// Tells which keys have these ids.
    fn name(&mut self, bad: &BTreeMap<u64, String>) -> Result<()> {
        if bad.is_empty() {
            return Ok(());
        }
        let mut cursor = self.reader.seek(Table::Objects, b"")?;
        while let Some((record_key, record)) = cursor.next()? {
            let object = Object::parse(&record)?;
            let Body::Segmented { id, .. } = object.body else { continue };
            if let Some(what) = bad.get(&id) {
                let (db, _) = split_record_key(&record_key)?;
                self.report.problem(keyed(what.clone(), db, object.key(&record_key)?))?;
            }
        }
        Ok(())
    }

    /// The counters agree with what is there.
    pub fn counters(&mut self, found: &BTreeMap<u32, DbCounts>) -> Result<()> {
        let meta = Meta::load(self.reader)?;
        let stated: BTreeMap<u32, DbCounts> =
            meta.dbs.into_iter().filter(|(_, counts)| counts.keys > 0).collect();
        for db in stated.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            let [said, is] =
                [&stated, found].map(|counts| counts.get(db).copied().unwrap_or_default());
            if said != is {
                let what = format!(
                    "the counters of db {db} say {} keys, {} with an expiry; \
                     {} and {} are there (per type: {:?} and {:?})",
                    said.keys, said.expires, is.keys, is.expires, said.kinds, is.kinds
                );
                self.report.problem(Error::new(Kind::Corrupt, what))?;
            }
        }
        Ok(())
    }
}

impl Found {
    /// Counts a segment.
    pub fn add(
        &mut self,
        value: &Expected,
        family: u8,
        order: u64,
        segment: &[u8],
        deep: bool,
    ) -> std::result::Result<(), String> {
        let value_type = ValueType::from_code(value.value_type as u8);
        if family == b'b' && value.piece_bytes > 0 {
            return self.add_piece(value, order, segment.len() as u64);
        }
        let width = match (family, value_type) {
            (b'l', Some(ValueType::ListQuicklist2)) => 1,
            (b's', Some(ValueType::Stream3 | ValueType::Stream5)) => 0,
            (b'h', Some(ValueType::SetListpack)) => 1,
            (b'h', Some(ValueType::HashListpack)) => 2,
            (b'h', Some(ValueType::HashListpackEx)) => 3,
            (b'h' | b'z', Some(ValueType::ZsetListpack)) => 2,
            (_, _) => return Err(format!("a segment of family {family:?}, not its type's")),
        };
        let elements = match segment.split_first() {
            Some((1, _)) if family == b'l' => 1,
            Some((2, node)) if family == b'l' => elements(node, width, deep)?,
            _ if family == b'l' => return Err("a list segment in an unknown container".into()),
            _ => elements(segment, width, deep)?,
        };
        *self.counts.entry(family).or_default() += elements;
        if family == b'l' {
            if self.next_position.is_some_and(|position| position != order) {
                return Err("its list segments do not follow each other".into());
            }
            self.next_position = Some(order.wrapping_add(elements));
        }
        Ok(())
    }

    fn add_piece(
        &mut self,
        value: &Expected,
        offset: u64,
        bytes: u64,
    ) -> std::result::Result<(), String> {
        let sum = self.counts.entry(b'b').or_default();
        // A piece beyond the stated length makes the sum wrong, which is told there.
        if offset != *sum
            || (offset < value.piece_bytes && bytes != piece_at(offset, value.piece_bytes).1)
        {
            return Err(format!(
                "its piece of {bytes} bytes at offset {offset} does not belong there"
            ));
        }
        *sum += bytes;
        Ok(())
    }

    /// Whether that is what it must come to.
    pub fn agrees(&self, value: &Expected) -> std::result::Result<(), String> {
        let families: &[u8] = match ValueType::from_code(value.value_type as u8) {
            Some(ValueType::ListQuicklist2) => b"l",
            Some(ValueType::ZsetListpack) => b"hz",
            Some(ValueType::Stream3 | ValueType::Stream5) => b"s",
            Some(ValueType::SetListpack | ValueType::HashListpack | ValueType::HashListpackEx) => {
                b"h"
            }
            _ => b"",
        };
        let pieces = self.counts.get(&b'b').copied().unwrap_or(0);
        if pieces != value.piece_bytes {
            return Err(format!("its pieces hold {pieces} bytes, not {}", value.piece_bytes));
        }
        for family in families {
            let (is, said) = (self.counts.get(family).copied().unwrap_or(0), value.count);
            if is != said {
                let family = char::from(*family);
                return Err(format!("its '{family}' segments hold {is} elements, not {said}"));
            }
        }
        Ok(())
    }
}

/// Elements of a listpack: entries by `width`; 0: messages of a stream node.
fn elements(bytes: &[u8], width: u64, deep: bool) -> std::result::Result<u64, String> {
    let said = |e: redtool_format::FormatError| format!("a segment: {e}");
    let list = Listpack::parse(bytes).map_err(said)?;
    if deep {
        list.validate().map_err(said)?;
    }
    if width == 0 {
        let first = list.iter().next().transpose().map_err(said)?;
        let messages = first.and_then(|item| item.as_int()).and_then(|n| u64::try_from(n).ok());
        return messages.ok_or_else(|| "a stream node without its number of messages".into());
    }
    let entries = list.count().map_err(said)? as u64;
    if !entries.is_multiple_of(width) || entries == 0 {
        return Err(format!("a segment of {entries} entries, {width} an element"));
    }
    Ok(entries / width)
}

/// Id, family, and the number that starts the order key.
pub(super) fn split_segment_key(key: &[u8]) -> Option<(u64, u8, u64)> {
    let (id, rest) = key.split_first_chunk::<8>()?;
    let (family, rest) = rest.split_first()?;
    let (order, _) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*id), *family, u64::from_be_bytes(*order)))
}

fn note(bad: &mut BTreeMap<u64, String>, id: u64, what: String) {
    if bad.len() < NAMED {
        bad.entry(id).or_insert(what);
    }
}

pub(super) fn keyed(what: String, db: u32, key: &[u8]) -> Error {
    Error::store(StoreError::Corrupt(what), 0, db, key)
}

//! Where records go on after damage.
//!
//! Nothing in an RDB file marks the start of a record, so every offset is tried: records are read
//! from there, and it is believed when four can be read in a row, or fewer and then the end of the
//! file, which is EOF opcode and checksum exactly. The price is that fewer than four records
//! between two holes are lost with them, as are the last three before a cut that follows a hole.
//! With two in a row for four, more keys are lost, not fewer: records that are none swallow those
//! that are.
//!
//! A key counts when it and its value decode, nothing about the value is odd, the key was not there
//! yet, and its expiry lies within what clocks show.
//!
//! Work is bounded: what is read while trying is counted, and once that is [`BUDGET_PER_BYTE`]
//! times the file, records longer than [`WINDOW_BYTES`] are not found any more.
use super::salvage::Seen;
use crate::error::Result;
use crate::meter::Meter;
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::{KeyRecord, Reader, Record};
use redtool_format::rdb::ValueType;
use std::ops::Range;

/// Records in a row that are believed.
const CHAIN: usize = 4;
/// Bytes looked at while trying, for every byte of the file.
const BUDGET_PER_BYTE: u64 = 64;
/// How far is looked when the budget is used up.
const WINDOW_BYTES: usize = 1 << 16;
/// Offsets tried between two looks at the meter.
const METER_OFFSETS: usize = 1 << 16;
/// The year 5000 or so: no expiry is later.
const LATEST_MS: i64 = 1 << 47;
/// More databases than any server is set up with.
const DBS: u32 = 1 << 16;

const MODULE_AUX: u8 = 247;
const FUNCTION2: u8 = 245;

/// How often a start is given up for one that lies in its first record.
const SECOND_THOUGHTS: usize = 8;

/// Looks for records in bytes that may be anything.
pub(super) struct Search {
    checker: Checker,
    budget: u64,
    scratch: Vec<u8>,
    /// Hashes of the chain's keys.
    chain: Vec<u64>,
    /// Where its first records start; and where the last of these ends.
    starts: Vec<usize>,
}

impl Search {
    pub(super) fn new(file_bytes: usize) -> Self {
        Self {
            checker: Checker::default(),
            budget: BUDGET_PER_BYTE * file_bytes as u64,
            scratch: Vec::new(),
            chain: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Where records start in `places`, going on to beyond `beyond`: the first such offset, unless
    /// a whole chain lies inside the record there, which is a stray byte's then and has swallowed
    /// others. `reader` knows the db and the hash templates.
    pub(super) fn find(
        &mut self,
        file: &[u8],
        reader: &Reader<'_>,
        places: Range<usize>,
        beyond: usize,
        known: (u32, &Seen),
        meter: &Meter,
    ) -> Result<Option<usize>> {
        let Some(mut found) = self.first(file, reader, places, beyond, known, meter)? else {
            return Ok(None);
        };
        for _ in 0..SECOND_THOUGHTS {
            let Some(end) = self.starts.get(1).copied() else { break };
            let mut inside = found + 1..end;
            loop {
                let next = self.first(file, reader, inside.clone(), beyond, known, meter)?;
                let Some(next) = next else { return Ok(Some(found)) };
                if self.starts.get(CHAIN - 1).is_some_and(|last| *last < end) {
                    found = next;
                    break;
                }
                inside.start = next + 1;
            }
        }
        Ok(Some(found))
    }

    /// The first offset in `places` where records start that go on to beyond `beyond`.
    fn first(
        &mut self,
        file: &[u8],
        reader: &Reader<'_>,
        places: Range<usize>,
        beyond: usize,
        (db, seen): (u32, &Seen),
        meter: &Meter,
    ) -> Result<Option<usize>> {
        let dialect = reader.header().dialect;
        let may_start = |byte: u8| match byte {
            0..=241 => ValueType::from_number(byte, dialect).is_some(),
            FUNCTION2 | MODULE_AUX.. => true,
            _ => false,
        };
        let mut probe = reader.clone();
        for pos in places {
            if pos % METER_OFFSETS == 0 {
                meter.check()?;
            }
            if !file.get(pos).is_some_and(|byte| may_start(*byte)) {
                continue;
            }
            if self.budget == 0 {
                let end = file.len().min(pos.max(beyond) + WINDOW_BYTES);
                let Ok(window) = Reader::new(&file[..end]) else { return Ok(None) };
                probe = window;
            }
            probe.resume_at(pos, db);
            let (found, tainted) = self.chain(&mut probe, file.len(), beyond, seen);
            self.budget = self.budget.saturating_sub((probe.pos() - pos) as u64 + 1);
            if found {
                return Ok(Some(pos));
            }
            if tainted {
                probe = reader.clone();
            }
        }
        Ok(None)
    }

    /// Whether a chain starts where the probe stands, and whether the probe has learned a hash
    /// template on the way, which it must forget.
    fn chain(
        &mut self,
        probe: &mut Reader<'_>,
        file_bytes: usize,
        beyond: usize,
        seen: &Seen,
    ) -> (bool, bool) {
        let (mut tainted, mut records) = (false, 0);
        self.chain.clear();
        self.starts.clear();
        loop {
            if records <= CHAIN {
                self.starts.push(probe.pos());
            }
            if records >= CHAIN && probe.pos() > beyond {
                return (true, tainted);
            }
            let fits = match probe.next_record() {
                Ok(Some(Record::Key(record))) => self.is_sound(&record, probe, seen),
                Ok(Some(Record::SelectDb(db))) => db < DBS,
                Ok(Some(Record::Note { .. })) => {
                    tainted = true;
                    true
                }
                Ok(Some(Record::Aux { name, value })) => {
                    name.check().and_then(|()| value.check()).is_ok()
                }
                Ok(Some(Record::Function(source))) => source.check().is_ok(),
                Ok(Some(Record::ResizeDb { keys, expires })) => {
                    expires <= keys && keys <= file_bytes as u64
                }
                Ok(Some(Record::ModuleAux(_))) => true,
                Ok(None) => {
                    let ends = probe.trailer().is_ok_and(|trailer| trailer.end == file_bytes);
                    return (ends && probe.pos() > beyond, tainted);
                }
                Err(_) => false,
            };
            if !fits {
                return (false, tainted);
            }
            records += 1;
        }
    }

    fn is_sound(&mut self, record: &KeyRecord<'_>, probe: &Reader<'_>, seen: &Seen) -> bool {
        let Ok(key) = record.key.decode(&mut self.scratch) else { return false };
        let hash = Seen::hash(record.db, key);
        let in_time = record.expire_at_ms.is_none_or(|at_ms| (0..LATEST_MS).contains(&at_ms));
        if !in_time || seen.has(hash) || self.chain.iter().rev().take(CHAIN).any(|h| *h == hash) {
            return false;
        }
        self.chain.push(hash);
        let mut odd = false;
        let (value_type, payload) = (record.value_type, record.payload);
        let mut warn = |_| odd = true;
        let templates = probe.templates();
        let checked = self.checker.check(value_type, payload, templates, Depth::Always, &mut warn);
        checked.is_ok() && !odd
    }
}

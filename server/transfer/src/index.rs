//! The keys of an RDB file in record-key order, as places in the file.
//!
//! 40 bytes a key: db, the first 16 bytes of the key as a number, where the record lies. It is
//! sorted in memory while it is small and in a mapped temporary file when it is not ([`SpillVec`]),
//! first by db and those 16 bytes; keys that share them are told apart by the 16 bytes that follow,
//! and so on. No comparison reads the file.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, RdbFile, Walked};
use redtool_format::rdb::reader::KeyRecord;
use redtool_format::rdb::{string, ValueType};
use redtool_format::{Cursor, FormatError};
use redtool_store::object::{is_long_key, write_record_key};
use redtool_store::prefetch::prefetch;
use redtool_store::spill::SpillVec;
use std::cmp::Ordering;

/// A key's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Place {
    prefix: [u64; 2],
    /// Offset of the key string; the type byte stands before it.
    key_offset: u64,
    /// Offset of the first byte after the value.
    end: u64,
    db: u32,
    /// Attributes of the record that follow in `Index::attributes`, or [`NO_ATTRIBUTES`].
    attributes: u32,
}

const NO_ATTRIBUTES: u32 = u32::MAX;
/// Longer runs of equal prefixes are sorted on all cores.
const PARALLEL_RUN: usize = 1 << 14;
const PREFIX_BYTES: usize = 16;
/// How many records ahead bytes are asked for, and how many of them.
const AHEAD: usize = 24;
const AHEAD_BYTES: usize = 512;

/// Attributes of a key record, where it has any.
#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Attributes {
    expire_at_ms: i64,
    idle_s: u64,
    meta_offset: u64,
    meta_len: u32,
    freq: u8,
    has: u8,
    _pad: [u8; 2],
}

const HAS_EXPIRY: u8 = 1;
const HAS_IDLE: u8 = 2;
const HAS_FREQ: u8 = 4;
const HAS_META: u8 = 8;

/// The keys of a file, sorted.
pub struct Index<'a> {
    file: &'a RdbFile,
    places: SpillVec<Place>,
    attributes: SpillVec<Attributes>,
    /// What the walk found.
    pub walked: Walked,
    /// The state of the checksum.
    pub checksum: Checksum,
}

impl<'a> Index<'a> {
    /// Walks the file, keeping the keys that pass, and sorts them.
    pub fn build(
        file: &'a RdbFile,
        checksum: bool,
        filter: &Filter,
        account: &mut Account,
        meter: &Meter,
    ) -> Result<Self> {
        let mut places = SpillVec::new();
        let mut attributes = SpillVec::new();
        let mut scratch = Vec::new();
        let (walked, checksum) = file.walk_and_check(checksum, meter, |record| {
            let at = |e: FormatError| file.error(e, record.offset, None);
            if admit(&record, filter, account, &mut scratch).map_err(at)? {
                let key = record.key.decode(&mut scratch).map_err(at)?;
                let place = place(file, &record, key, &mut attributes)?;
                places.push(place)?;
            }
            Ok(())
        })?;
        let mut index = Self { file, places, attributes, walked, checksum };
        index.sort()?;
        Ok(index)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The places, in record-key order.
    pub fn places(&self) -> &[Place] {
        self.places.as_slice()
    }

    /// Asks for the start of the record that is `AHEAD` places after number `n`.
    #[inline]
    pub fn prefetch(&self, n: usize) {
        if let Some(place) = self.places().get(n + AHEAD) {
            let start = place.key_offset as usize - 1;
            prefetch(self.file.bytes(), start, (place.end as usize - start).min(AHEAD_BYTES));
        }
    }

    /// The record at a place.
    pub fn record(&self, place: &Place) -> Result<KeyRecord<'a>> {
        self.read(place).map_err(|e| self.file.error(e, 0, None))
    }

    fn read(&self, place: &Place) -> std::result::Result<KeyRecord<'a>, FormatError> {
        let file = self.file.bytes();
        let key_offset = place.key_offset as usize;
        let dialect = self.walked.header.dialect;
        let number = file[key_offset - 1];
        let value_type = ValueType::from_number(number, dialect).unwrap_or(ValueType::String);
        let mut cursor = Cursor::starting_at(file, key_offset);
        let key = string::read(&mut cursor)?;
        let payload_offset = cursor.pos();
        let attributes = match place.attributes {
            NO_ATTRIBUTES => Attributes::default(),
            n => self.attributes.as_slice()[n as usize],
        };
        let meta = attributes.meta_offset as usize..;
        Ok(KeyRecord {
            offset: key_offset - 1,
            db: place.db,
            expire_at_ms: (attributes.has & HAS_EXPIRY != 0).then_some(attributes.expire_at_ms),
            idle_s: (attributes.has & HAS_IDLE != 0).then_some(attributes.idle_s),
            freq: (attributes.has & HAS_FREQ != 0).then_some(attributes.freq),
            meta: (attributes.has & HAS_META != 0)
                .then(|| &file[meta][..attributes.meta_len as usize]),
            key,
            key_offset,
            value_type,
            payload: &file[payload_offset..place.end as usize],
            payload_offset,
        })
    }

    /// The expiry of a place, without reading its record.
    pub fn expire_at_ms(&self, place: &Place) -> Option<i64> {
        match place.attributes {
            NO_ATTRIBUTES => None,
            n => {
                let attributes = &self.attributes.as_slice()[n as usize];
                (attributes.has & HAS_EXPIRY != 0).then_some(attributes.expire_at_ms)
            }
        }
    }

    /// Appends the record key of a place.
    pub fn write_record_key(
        &self,
        place: &Place,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let key = self.key(place, scratch).map_err(|e| self.file.error(e, 0, None))?;
        write_record_key(out, place.db, key);
        Ok(())
    }

    fn key<'s>(
        &self,
        place: &Place,
        scratch: &'s mut Vec<u8>,
    ) -> std::result::Result<&'s [u8], FormatError>
    where
        'a: 's,
    {
        let mut cursor = Cursor::starting_at(self.file.bytes(), place.key_offset as usize);
        string::read(&mut cursor)?.decode(scratch)
    }

    fn sort(&mut self) -> Result<()> {
        use rayon::slice::ParallelSliceMut;
        let mut places = std::mem::take(&mut self.places);
        places.as_mut_slice().par_sort_unstable_by(by_prefix);
        let sorted = self.sort_runs(places.as_mut_slice(), PREFIX_BYTES);
        self.places = places;
        sorted
    }

    /// Sorts every run of equal prefixes by the bytes that follow; `depth` bytes are known to be
    /// equal in a run.
    fn sort_runs(&self, places: &mut [Place], depth: usize) -> Result<()> {
        for run in places.chunk_by_mut(|a, b| by_prefix(a, b) == Ordering::Equal) {
            if run.len() > 1 {
                self.sort_run(run, depth)?;
            }
        }
        Ok(())
    }

    fn sort_run(&self, run: &mut [Place], depth: usize) -> Result<()> {
        use rayon::slice::ParallelSliceMut;
        let mut scratch = Vec::new();
        let mut record_key = Vec::new();
        let mut all_ended = true;
        for place in run.iter_mut() {
            record_key.clear();
            self.write_record_key(place, &mut scratch, &mut record_key)?;
            let rest = record_key.get(DB_BYTES + depth..).unwrap_or(&[]);
            all_ended &= rest.is_empty();
            place.prefix = prefix(rest);
        }
        if all_ended {
            // Zero-padded prefixes are equal and no key goes on: they differ in trailing zero
            // bytes, or not at all.
            return self.sort_by_length(run);
        }
        if run.len() > PARALLEL_RUN {
            run.par_sort_unstable_by(by_prefix);
        } else {
            run.sort_unstable_by(by_prefix);
        }
        self.sort_runs(run, depth + PREFIX_BYTES)
    }

    fn sort_by_length(&self, run: &mut [Place]) -> Result<()> {
        let mut scratch = Vec::new();
        for place in run.iter_mut() {
            let key = self.key(place, &mut scratch).map_err(|e| self.file.error(e, 0, None))?;
            place.prefix = [key.len() as u64, 0];
        }
        run.sort_unstable_by_key(|place| (place.prefix, place.key_offset));
        match run.windows(2).find(|pair| pair[0].prefix == pair[1].prefix) {
            Some(pair) => Err(self.duplicate(&pair[1], &mut scratch)),
            None => Ok(()),
        }
    }

    #[cold]
    fn duplicate(&self, place: &Place, scratch: &mut Vec<u8>) -> Error {
        let mut error = Error::new(Kind::Corrupt, "the key is there twice");
        error.offset = Some(place.key_offset - 1);
        error.db = Some(place.db);
        error.key = self.key(place, scratch).ok().map(<[u8]>::to_vec);
        error
    }
}

const DB_BYTES: usize = 4;

fn by_prefix(a: &Place, b: &Place) -> Ordering {
    a.db.cmp(&b.db).then_with(|| a.prefix.cmp(&b.prefix))
}

/// The first 16 bytes as two numbers that order as the bytes do.
#[inline]
fn prefix(key: &[u8]) -> [u64; 2] {
    let mut bytes = [0; PREFIX_BYTES];
    let n = key.len().min(PREFIX_BYTES);
    bytes[..n].copy_from_slice(&key[..n]);
    let number = u128::from_be_bytes(bytes);
    [(number >> 64) as u64, number as u64]
}

fn place(
    file: &RdbFile,
    record: &KeyRecord<'_>,
    key: &[u8],
    attributes: &mut SpillVec<Attributes>,
) -> Result<Place> {
    let mut number = NO_ATTRIBUTES;
    let none = record.expire_at_ms.is_none()
        && record.idle_s.is_none()
        && record.freq.is_none()
        && record.meta.is_none();
    if !none {
        number = u32::try_from(attributes.len()).ok().filter(|n| *n != NO_ATTRIBUTES).ok_or_else(
            || Error::new(Kind::Unsupported, "more than four billion keys with attributes"),
        )?;
        attributes.push(attributes_of(file, record))?;
    }
    let mut record_key = Vec::new();
    let prefix = if is_long_key(key) {
        write_record_key(&mut record_key, record.db, key);
        prefix(&record_key[DB_BYTES..])
    } else {
        prefix(key)
    };
    let key_offset = record.key_offset as u64;
    let end = (record.payload_offset + record.payload.len()) as u64;
    Ok(Place { prefix, key_offset, end, db: record.db, attributes: number })
}

fn attributes_of(file: &RdbFile, record: &KeyRecord<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    let mut set = |bit, on: bool| attributes.has |= if on { bit } else { 0 };
    set(HAS_EXPIRY, record.expire_at_ms.is_some());
    set(HAS_IDLE, record.idle_s.is_some());
    set(HAS_FREQ, record.freq.is_some());
    set(HAS_META, record.meta.is_some());
    attributes.expire_at_ms = record.expire_at_ms.unwrap_or_default();
    attributes.idle_s = record.idle_s.unwrap_or_default();
    attributes.freq = record.freq.unwrap_or_default();
    if let Some(meta) = record.meta {
        // The metadata is a slice of the file, so its address tells its place.
        attributes.meta_offset = (meta.as_ptr() as usize - file.bytes().as_ptr() as usize) as u64;
        attributes.meta_len = meta.len() as u32;
    }
    attributes
}

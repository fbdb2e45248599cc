//! A dataset in memory as it was at one moment, while it goes on being changed.
//!
//! Records are changed in place, as always. Before one changes for the first time since that
//! moment, what it was is set apart here (nothing, when it was not there); so what was at the
//! moment is what is set apart, and the records themselves where nothing is. This costs a writer a
//! copy of what it changes, once, and a reader who comes back again and again nothing but the
//! place where it was: it reads some records at a time ([`Memory::past_records`]) and lets writers
//! in between.
//!
//! When the whole dataset is emptied, it goes here as it is, and there is nothing left to set
//! apart. When two databases are exchanged, that is noted: records are set apart under the number
//! that their database had at the moment.
use super::entry::Entry;
use super::memory::{id_of, Memory};
use super::place::read_place;
use super::table::{place_of, ObjectTable};
use super::{Home, Space};
use crate::contract::Table;
use crate::object::split_record_key;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::ops::Bound;

/// Where an object stands in a walk: its db, its place in the table, its key.
type Place = (u32, u64, Box<[u8]>);
/// Key and value of a record.
pub type OwnedRecord = (Vec<u8>, Vec<u8>);

/// What is to be read of a moment, and from where on.
pub struct PastWalk<'w> {
    /// Objects, or the segments of one value.
    pub table: Table,
    /// A [place](super::place), or the key of a segment, which need not be there.
    pub from: &'w [u8],
    /// The segment of that key is left out.
    pub after: bool,
    /// Back from the key. Objects are only walked forward.
    pub back: bool,
}

/// What was.
#[derive(Default)]
pub(super) struct Past {
    objects: BTreeMap<Place, Option<Box<[u8]>>>,
    segments: BTreeMap<Box<[u8]>, Option<Vec<u8>>>,
    /// Databases that were exchanged, in order.
    swaps: Vec<(u32, u32)>,
    /// All the rest, when it is not where it was any more.
    rest: Option<Box<Memory>>,
}

impl Past {
    /// An object is about to change.
    pub fn note_object(&mut self, db: u32, key: &[u8], record: Option<&[u8]>) {
        if self.rest.is_none() {
            let place = (self.db_then(db), place_of(key), key.into());
            self.objects.entry(place).or_insert_with(|| record.map(Into::into));
        }
    }

    /// A segment is about to change.
    pub fn note_segment(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.rest.is_none() && !self.segments.contains_key(key) {
            self.segments.insert(key.into(), value.map(<[u8]>::to_vec));
        }
    }

    /// Two databases are about to be exchanged.
    pub fn note_swap(&mut self, a: u32, b: u32) {
        if self.rest.is_none() {
            self.swaps.push((a, b));
        }
    }

    /// The whole dataset is gone: this is what was left of it.
    pub fn note_rest(&mut self, rest: Memory) {
        self.rest.get_or_insert_with(|| Box::new(rest));
    }

    /// The number that a database had.
    fn db_then(&self, now: u32) -> u32 {
        self.swaps.iter().rev().fold(now, |db, swap| other_of(db, *swap))
    }

    /// The number that a database has got.
    fn db_now(&self, then: u32) -> u32 {
        self.swaps.iter().fold(then, |db, swap| other_of(db, *swap))
    }

    fn object(&self, db: u32, key: &[u8]) -> Option<&Option<Box<[u8]>>> {
        self.objects.get(&(db, place_of(key), key.into()))
    }
}

fn other_of(db: u32, (a, b): (u32, u32)) -> u32 {
    match db {
        db if db == a => b,
        db if db == b => a,
        db => db,
    }
}

impl Space {
    /// Remembers a space in memory as it is now, until [`Space::end_past`]: one moment at a time.
    pub fn begin_past(&mut self) {
        if let Home::Memory(memory) = &mut self.home {
            memory.begin_past();
        }
    }

    /// Whether a moment is remembered.
    pub fn remembers(&self) -> bool {
        matches!(&self.home, Home::Memory(memory) if memory.past.is_some())
    }

    /// Forgets the moment.
    pub fn end_past(&mut self) {
        if let Home::Memory(memory) = &mut self.home {
            memory.end_past();
        }
    }

    /// A record, an object or a segment, of the moment that is remembered.
    pub fn past_record(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        match &self.home {
            Home::Memory(memory) => memory.past_record(table, key),
            Home::Store(_) => None,
        }
    }

    /// About so many bytes of records of the moment; none when that was all.
    pub fn past_records(&self, walk: &PastWalk<'_>, most_bytes: usize) -> Vec<OwnedRecord> {
        match &self.home {
            Home::Memory(memory) => memory.past_records(walk, most_bytes),
            Home::Store(_) => Vec::new(),
        }
    }
}

impl Memory {
    /// Remembers the moment; the one before it is forgotten.
    pub fn begin_past(&mut self) {
        self.past = Some(Box::default());
    }

    /// Nobody wants to know any more.
    pub fn end_past(&mut self) {
        self.past = None;
    }

    /// A record of the moment.
    pub fn past_record(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        let past = self.past.as_deref()?;
        let rest = past.rest.as_deref().unwrap_or(self);
        match table {
            Table::Objects => {
                let (db, key) = split_record_key(key).ok()?;
                match past.object(db, key) {
                    Some(record) => record.as_deref(),
                    None => rest.table(past.db_now(db))?.find(key).map(Entry::record),
                }
            }
            Table::Segments => match past.segments.get(key) {
                Some(value) => value.as_deref(),
                None => rest.segment(key),
            },
            Table::Meta | Table::Expires => None,
        }
    }

    /// Records of the moment, about `most_bytes` of them; none when that was all.
    pub fn past_records(&self, walk: &PastWalk<'_>, most_bytes: usize) -> Vec<OwnedRecord> {
        let Some(past) = self.past.as_deref() else { return Vec::new() };
        let mut batch = Batch { records: Vec::new(), left_bytes: most_bytes };
        match (walk.table, walk.back) {
            (Table::Objects, _) => self.past_objects(past, walk.from, &mut batch),
            (Table::Segments, back) => {
                let rest = past.rest.as_deref().unwrap_or(self);
                let mut now = rest.segments(walk.from, !back);
                let now = std::iter::from_fn(move || now.advance());
                let then = segments_then(past, walk);
                if back {
                    let now = now.map(|(key, value)| (Reverse(key), value));
                    let then = then.map(|(key, value)| (Reverse(key), value));
                    let both = overlaid(now, then);
                    batch.take(both.map(|(Reverse(key), value)| (key, value)), walk);
                } else {
                    batch.take(overlaid(now, then), walk);
                }
            }
            (Table::Meta | Table::Expires, _) => {}
        }
        batch.records
    }

    fn past_objects(&self, past: &Past, place: &[u8], batch: &mut Batch) {
        let rest = past.rest.as_deref().unwrap_or(self);
        let (first, behind) = read_place(place);
        let mut dbs: BTreeSet<u32> = rest.dbs().map(|db| past.db_then(db)).collect();
        dbs.extend(past.objects.keys().map(|(db, _, _)| *db));
        for db in dbs.range(first..) {
            let after = behind.filter(|_| *db == first);
            let table = rest.table(past.db_now(*db));
            for (key, record) in objects_of(past, table, *db, after) {
                if !batch.push([&db.to_be_bytes()[..], key].concat(), record) {
                    return;
                }
            }
        }
    }
}

/// What was set apart of the segments of a value.
fn segments_then<'p>(
    past: &'p Past,
    walk: &PastWalk<'_>,
) -> impl Iterator<Item = (&'p [u8], Option<&'p [u8]>)> {
    let bounds = match walk.back {
        false => (Bound::Included(walk.from), Bound::Unbounded),
        true => (Bound::Unbounded, Bound::Included(walk.from)),
    };
    let (mut then, back) = (past.segments.range::<[u8], _>(bounds), walk.back);
    let then = std::iter::from_fn(move || if back { then.next_back() } else { then.next() });
    let id = id_of(walk.from);
    let then = then.map(|(key, value)| (&key[..], value.as_deref()));
    then.take_while(move |(key, _)| id_of(key) == id)
}

/// The objects of one db, or those after a key.
fn objects_of<'p>(
    past: &'p Past,
    table: Option<&'p ObjectTable>,
    db: u32,
    after: Option<&[u8]>,
) -> impl Iterator<Item = (&'p [u8], &'p [u8])> {
    let start = match after {
        None => Bound::Included((db, 0, Box::default())),
        Some(key) => Bound::Excluded((db, place_of(key), key.into())),
    };
    let then = past.objects.range((start, Bound::Unbounded));
    let then = then.take_while(move |((other, _, _), _)| *other == db);
    let then = then.map(|((_, place, key), record)| ((*place, &key[..]), record.as_deref()));
    let mut walk = table.map(|table| table.walk(after));
    let now = std::iter::from_fn(move || walk.as_mut()?.advance());
    let now = now.map(|(key, record)| ((place_of(key), key), record));
    overlaid(now, then).map(|((_, key), record)| (key, record))
}

/// What is, with what was over it; both in the order of their places.
fn overlaid<'p, K: Ord>(
    now: impl Iterator<Item = (K, &'p [u8])>,
    then: impl Iterator<Item = (K, Option<&'p [u8]>)>,
) -> impl Iterator<Item = (K, &'p [u8])> {
    let (mut now, mut then) = (now.peekable(), then.peekable());
    std::iter::from_fn(move || loop {
        if let (key, Some(value)) = take_first(&mut now, &mut then)? {
            return Some((key, value));
        }
    })
}

fn take_first<'p, K: Ord>(
    now: &mut Peekable<impl Iterator<Item = (K, &'p [u8])>>,
    then: &mut Peekable<impl Iterator<Item = (K, Option<&'p [u8]>)>>,
) -> Option<(K, Option<&'p [u8]>)> {
    match (now.peek(), then.peek()) {
        (Some((a, _)), Some((b, _))) if a == b => {
            now.next();
            then.next()
        }
        (Some((a, _)), Some((b, _))) if b < a => then.next(),
        (None, _) => then.next(),
        _ => now.next().map(|(key, value)| (key, Some(value))),
    }
}

/// Records that were read.
struct Batch {
    records: Vec<OwnedRecord>,
    left_bytes: usize,
}

impl Batch {
    /// Takes segments of a walk while there is room.
    fn take<'p>(
        &mut self,
        records: impl Iterator<Item = (&'p [u8], &'p [u8])>,
        walk: &PastWalk<'_>,
    ) {
        for (key, value) in records.filter(|(key, _)| !walk.after || *key != walk.from) {
            if !self.push(key.to_vec(), value) {
                return;
            }
        }
    }

    /// Adds a record; whether there is room for another.
    fn push(&mut self, key: Vec<u8>, value: &[u8]) -> bool {
        let bytes = key.len() + value.len();
        self.records.push((key, value.to_vec()));
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
        self.left_bytes > 0
    }
}

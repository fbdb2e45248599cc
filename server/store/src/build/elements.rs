//! Sets, hashes and sorted sets that do not arrive as one small blob.
//!
//! Elements are not copied about: a value is a payload of plain elements (the file's own, or an
//! arena made from an older packed form), and what is sorted is places in it: (hash or score,
//! offset), 16 bytes an element.
use super::arena::Arena;
use super::encoding::{of_elements, Seen};
use super::{limit, Form, Ids, Incoming, Scratch, Sink};
use crate::contract::Table;
use crate::error::Result;
use crate::fetch::fetch;
use crate::layout::{INLINE_MAX_BYTES, SEGMENT_BYTES, SEGMENT_ELEMENTS};
use crate::object::Body;
use crate::segment::{
    element_hash, hash_key, score_order, separator_above, separator_fits, zset_key,
};
use crate::spill::SpillVec;
use redtool_format::encodings::{intset, listpack};
use redtool_format::rdb::string::{self, Str};
use redtool_format::rdb::value::{self, Templates};
use redtool_format::rdb::{length, Kind, ValueType};
use redtool_format::{double, number, Cursor, FormatError};

/// How the elements of a plain payload follow each other.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// `str`
    Set,
    /// `str` field, `str` value
    Hash,
    /// `len` absolute ms or 0, field, value
    HashRc,
    /// `len` t, field, value; expiry = min + t - 1, none when t = 0
    HashRelative { min_ms: i64 },
    /// field, value, i64 absolute ms or -1
    HashAbsolute,
    /// `str` member, ASCII double
    ZsetText,
    /// `str` member, f64
    Zset,
}

/// One element, raw.
struct Element<'a> {
    name: Str<'a>,
    value: Option<Str<'a>>,
    expire_at_ms: Option<i64>,
    score: f64,
}

/// Where an element is, and what it is sorted by.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Place {
    order: u64,
    offset: u64,
}

/// Elements whose bytes are asked for together.
const FETCHED_PLACES: usize = 32;

/// A payload of plain elements.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) shape: Shape,
    pub(super) payload: &'a [u8],
    pub(super) start: usize,
    pub(super) count: usize,
    /// Servers refuse NaN in scores that arrive one by one, and take it in packed ones.
    pub(super) nan_scores: bool,
}

/// What one walk over the elements finds.
struct Survey {
    places: SpillVec<Place>,
    packed_bytes: usize,
    longest_bytes: usize,
    all_int: bool,
    any_ttl: bool,
}

pub(super) fn build<'a>(
    entry: &Incoming<'a>,
    templates: &Templates,
    scratch: &'a mut Scratch,
    ids: &mut Ids<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<Form<'a>>> {
    let mut arena = Arena::default();
    let plain = match Plain::open(entry.value_type, entry.payload)? {
        Some(plain) => plain,
        None => {
            value::visit(entry.value_type, entry.payload, templates, &mut arena)?;
            arena.plain(entry.value_type.kind())
        }
    };
    if plain.count == 0 {
        return Ok(None);
    }
    let survey = plain.survey()?;
    let seen = Seen {
        longest_bytes: survey.longest_bytes,
        all_int: survey.all_int,
        any_ttl: survey.any_ttl,
    };
    let encoding = of_elements(entry.value_type, plain.count, &seen);
    let count = plain.count as u64;
    let (value_type, body) = if survey.packed_bytes <= INLINE_MAX_BYTES {
        let value_type = inline(&plain, survey, &mut scratch.payload)?;
        (value_type, Body::Inline(&scratch.payload))
    } else {
        let id = ids.id();
        (segments(&plain, survey, id, sink)?, Body::Segmented { id, tail: &[] })
    };
    Ok(Some(Form { value_type, encoding, count, body }))
}

impl<'a> Plain<'a> {
    /// The payload read where it lies, if its type holds plain elements.
    fn open(value_type: ValueType, payload: &'a [u8]) -> Result<Option<Self>> {
        let mut cursor = Cursor::new(payload);
        let shape = match value_type {
            ValueType::Set => Shape::Set,
            ValueType::Hash => Shape::Hash,
            ValueType::Zset => Shape::ZsetText,
            ValueType::Zset2 => Shape::Zset,
            ValueType::HashMetadataRc => Shape::HashRc,
            ValueType::HashMetadata => Shape::HashRelative { min_ms: cursor.i64_le()? },
            ValueType::ValkeyHash2 => Shape::HashAbsolute,
            _ => return Ok(None),
        };
        let count = length::read_count(&mut cursor, 1)?;
        Ok(Some(Self { shape, payload, start: cursor.pos(), count, nan_scores: false }))
    }

    fn element_at(&self, offset: usize) -> Result<Element<'a>> {
        self.element(&mut Cursor::starting_at(self.payload, offset))
    }

    /// The places in their order, the elements of the next few fetched together.
    fn fetched<'p>(&'p self, places: &'p [Place]) -> impl Iterator<Item = &'p Place> {
        places.chunks(FETCHED_PLACES).inspect(|places| self.fetch(places)).flatten()
    }

    /// Asks for elements together: they lie all over the payload.
    fn fetch(&self, places: &[Place]) {
        fetch(places.iter().filter_map(|place| self.payload.get(place.offset as usize)));
    }

    fn element(&self, cursor: &mut Cursor<'a>) -> Result<Element<'a>> {
        let before = match self.shape {
            Shape::HashRc => expiry(length::read_plain(cursor)?, 0),
            Shape::HashRelative { min_ms } => expiry(length::read_plain(cursor)?, min_ms - 1),
            _ => None,
        };
        let name = string::read(cursor)?;
        let hash = matches!(
            self.shape,
            Shape::Hash | Shape::HashRc | Shape::HashRelative { .. } | Shape::HashAbsolute
        );
        let value = if hash { Some(string::read(cursor)?) } else { None };
        let mut element = Element { name, value, expire_at_ms: before, score: 0.0 };
        match self.shape {
            Shape::HashAbsolute => {
                let at_ms = cursor.i64_le()?;
                element.expire_at_ms = (at_ms >= 0).then_some(at_ms);
            }
            Shape::Zset => element.score = self.score(cursor, ValueType::Zset2)?,
            Shape::ZsetText => element.score = self.score(cursor, ValueType::Zset)?,
            _ => {}
        }
        Ok(element)
    }

    fn score(&self, cursor: &mut Cursor<'_>, value_type: ValueType) -> Result<f64> {
        if self.nan_scores {
            return Ok(cursor.f64_le()?);
        }
        Ok(value::read_score(cursor, value_type)?)
    }

    /// Walks all elements once: their hashes, their sizes, what they have in common.
    fn survey(&self) -> Result<Survey> {
        let mut survey = Survey {
            places: SpillVec::new(),
            packed_bytes: 7,
            longest_bytes: 0,
            all_int: true,
            any_ttl: false,
        };
        let mut cursor = Cursor::starting_at(self.payload, self.start);
        let mut scratch = Vec::new();
        for _ in 0..self.count {
            let offset = cursor.pos();
            let element = self.element(&mut cursor)?;
            let name = element.name.decode(&mut scratch).map_err(|e| e.at(offset))?;
            let order = element_hash(name);
            survey.all_int &= number::parse_i64(name).is_some();
            survey.places.push(Place { order, offset: offset as u64 })?;
            survey.add(&element, offset)?;
        }
        super::no_rest(&cursor)?;
        survey.places.sort_by(|a, b| a.order.cmp(&b.order));
        self.refuse_duplicates(&survey.places)?;
        Ok(survey)
    }

    /// Elements of equal hash are neighbours now; equal names among them are an error.
    fn refuse_duplicates(&self, places: &SpillVec<Place>) -> Result<()> {
        let mut start = 0;
        let places = places.as_slice();
        while start < places.len() {
            let run = places[start..].iter().take_while(|p| p.order == places[start].order).count();
            if run > 1 {
                let mut names = Vec::with_capacity(run);
                for place in &places[start..start + run] {
                    names.push((
                        self.element_at(place.offset as usize)?.name.to_vec()?,
                        place.offset,
                    ));
                }
                names.sort();
                if let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    let name = std::string::String::from_utf8_lossy(&pair[1].0).into_owned();
                    let what = format!("element {name:?} is there twice");
                    return Err(FormatError::corrupt(pair[1].1 as usize, what).into());
                }
            }
            start += run;
        }
        Ok(())
    }
}

impl Survey {
    fn add(&mut self, element: &Element<'_>, offset: usize) -> Result<()> {
        /// Header and back length of a listpack entry, at most.
        const ENTRY_BYTES: usize = 7;
        let mut lens = [element.name.len(), 8];
        if let Some(value) = element.value {
            value.check().map_err(|e| e.at(offset))?;
            lens[1] = value.len();
            self.longest_bytes = self.longest_bytes.max(lens[1]);
        }
        self.longest_bytes = self.longest_bytes.max(lens[0]);
        self.any_ttl |= element.expire_at_ms.is_some();
        self.packed_bytes += lens.iter().map(|len| len + ENTRY_BYTES).sum::<usize>();
        Ok(())
    }
}

fn expiry(t: u64, base_ms: i64) -> Option<i64> {
    (t != 0).then(|| base_ms.saturating_add_unsigned(t))
}

/// Packs a small collection into the blob a server would keep.
fn inline(plain: &Plain<'_>, survey: Survey, out: &mut Vec<u8>) -> Result<ValueType> {
    out.clear();
    let kind = match plain.shape {
        Shape::Set => Kind::Set,
        Shape::Zset | Shape::ZsetText => Kind::Zset,
        _ => Kind::Hash,
    };
    let mut elements = Vec::with_capacity(plain.count);
    let mut cursor = Cursor::starting_at(plain.payload, plain.start);
    for _ in 0..plain.count {
        elements.push(plain.element(&mut cursor)?);
    }
    if kind == Kind::Set && survey.all_int && plain.count <= limit::SET_INTSET_ENTRIES {
        return inline_intset(&elements, out);
    }
    let mut packed = listpack::Builder::new();
    let value_type = match kind {
        Kind::Zset => inline_zset(&elements, &mut packed)?,
        Kind::Set => {
            let mut scratch = Vec::new();
            for element in &elements {
                packed.push(element.name.decode(&mut scratch)?);
            }
            ValueType::SetListpack
        }
        _ => inline_hash(&mut elements, survey.any_ttl, &mut packed, out)?,
    };
    string::write_raw(out, packed.finish());
    Ok(value_type)
}

fn inline_intset(elements: &[Element<'_>], out: &mut Vec<u8>) -> Result<ValueType> {
    let mut members = Vec::with_capacity(elements.len());
    let mut scratch = Vec::new();
    for element in elements {
        members.extend(number::parse_i64(element.name.decode(&mut scratch)?));
    }
    members.sort_unstable();
    let mut blob = Vec::new();
    intset::write(&mut blob, &members);
    string::write_raw(out, &blob);
    Ok(ValueType::SetIntset)
}

fn inline_zset(elements: &[Element<'_>], packed: &mut listpack::Builder) -> Result<ValueType> {
    let mut members = Vec::with_capacity(elements.len());
    for element in elements {
        members.push((score_order(element.score), element.name.to_vec()?, element.score));
    }
    members.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut score = Vec::new();
    for (_, member, value) in &members {
        packed.push(member);
        score.clear();
        double::write_shortest(&mut score, value + 0.0);
        packed.push(&score);
    }
    Ok(ValueType::ZsetListpack)
}

fn inline_hash(
    elements: &mut [Element<'_>],
    any_ttl: bool,
    packed: &mut listpack::Builder,
    out: &mut Vec<u8>,
) -> Result<ValueType> {
    if any_ttl {
        // Servers keep fields by expiry, those without one last.
        elements.sort_by_key(|element| element.expire_at_ms.unwrap_or(i64::MAX));
        let min_ms = elements.first().and_then(|element| element.expire_at_ms).unwrap_or(0);
        out.extend_from_slice(&min_ms.to_le_bytes());
    }
    let mut scratch = Vec::new();
    for element in elements {
        push_hash(packed, element, any_ttl, &mut scratch)?;
    }
    Ok(if any_ttl { ValueType::HashListpackEx } else { ValueType::HashListpack })
}

fn push_hash(
    packed: &mut listpack::Builder,
    element: &Element<'_>,
    any_ttl: bool,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    packed.push(element.name.decode(scratch)?);
    if let Some(value) = element.value {
        packed.push(value.decode(scratch)?);
    }
    if any_ttl {
        packed.push_int(element.expire_at_ms.unwrap_or(0));
    }
    Ok(())
}

/// Cuts a large collection into segments; gives the type that says what they hold.
fn segments(plain: &Plain<'_>, survey: Survey, id: u64, sink: &mut dyn Sink) -> Result<ValueType> {
    let Survey { mut places, any_ttl, .. } = survey;
    let mut packed = listpack::Builder::new();
    let mut scratch = Vec::new();
    let (mut first, mut last, mut held) = (0, 0, 0);
    for place in plain.fetched(places.as_slice()) {
        let full = held >= SEGMENT_ELEMENTS || packed.size_bytes() >= SEGMENT_BYTES;
        if held > 0 && full && place.order != last {
            sink.record(Table::Segments, &hash_key(id, first), packed.finish())?;
            packed.clear();
            held = 0;
        }
        if held == 0 {
            first = place.order;
        }
        last = place.order;
        held += 1;
        let element = plain.element_at(place.offset as usize)?;
        push_hash(&mut packed, &element, any_ttl, &mut scratch)?;
        if matches!(plain.shape, Shape::Zset | Shape::ZsetText) {
            packed.push_raw(&(element.score + 0.0).to_le_bytes());
        }
    }
    sink.record(Table::Segments, &hash_key(id, first), packed.finish())?;
    Ok(match plain.shape {
        Shape::Set => ValueType::SetListpack,
        Shape::Zset | Shape::ZsetText => {
            score_segments(plain, &mut places, id, sink)?;
            ValueType::ZsetListpack
        }
        _ if any_ttl => ValueType::HashListpackEx,
        _ => ValueType::HashListpack,
    })
}

/// The second family of a sorted set: its members by (score, member).
fn score_segments(
    plain: &Plain<'_>,
    places: &mut SpillVec<Place>,
    id: u64,
    sink: &mut dyn Sink,
) -> Result<()> {
    for places in places.as_mut_slice().chunks_mut(FETCHED_PLACES) {
        plain.fetch(places);
        for place in places {
            place.order = score_order(plain.element_at(place.offset as usize)?.score);
        }
    }
    let name = |place: &Place, scratch: &mut Vec<u8>| -> Vec<u8> {
        let element = plain.element_at(place.offset as usize);
        // Every element was decoded by the survey, so this cannot fail now.
        element
            .ok()
            .and_then(|e| e.name.decode(scratch).ok().map(<[u8]>::to_vec))
            .unwrap_or_default()
    };
    let mut scratch = Vec::new();
    places.sort_by(|a, b| {
        a.order.cmp(&b.order).then_with(|| name(a, &mut scratch).cmp(&name(b, &mut scratch)))
    });
    let mut packed = listpack::Builder::new();
    let mut key = zset_key(id, f64::NEG_INFINITY, b"");
    let (mut held, mut last_order, mut last_member) = (0, 0, Vec::new());
    for place in plain.fetched(places.as_slice()) {
        let element = plain.element_at(place.offset as usize)?;
        let member = element.name.decode(&mut scratch)?;
        let full = held >= SEGMENT_ELEMENTS || packed.size_bytes() >= SEGMENT_BYTES;
        let tie = held > 0 && place.order == last_order;
        let separator = if tie { separator_above(member, &last_member) } else { &[] };
        let starts = held == 0 || (full && separator_fits(separator));
        if held > 0 && starts {
            sink.record(Table::Segments, &key, packed.finish())?;
            packed.clear();
            held = 0;
        }
        if starts {
            key = zset_key(id, element.score, separator);
        }
        packed.push(member);
        packed.push_raw(&(element.score + 0.0).to_le_bytes());
        held += 1;
        last_order = place.order;
        last_member.clear();
        last_member.extend_from_slice(member);
    }
    sink.record(Table::Segments, &key, packed.finish())
}

//! One line, one entry: the members of the envelope in any order, each at most once, none unknown.
use super::pull::{Fault, Json, Result};
use super::values::{Hands, Packing};
use crate::source::Entry;
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{Attributes, Value};
use redtool_format::rdb::{Kind, Str, ValueType};
use redtool_store::spill::SpillBytes;
use std::ops::Range;

/// A value whose line is at most so long may be packed.
const PACKED_MAX_BYTES: usize = 1 << 16;

/// Entries read from a batch of lines.
#[derive(Default)]
pub struct Parsed {
    /// Keys, metadata and values.
    arena: Vec<u8>,
    entries: Vec<Line>,
    templates: Templates,
}

struct Line {
    db: u32,
    key: Range<usize>,
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
    meta: Option<Range<usize>>,
    value_type: ValueType,
    value: Held,
    /// Where the line is in the file.
    offset: usize,
}

enum Held {
    Arena(Range<usize>),
    Spilled(SpillBytes, usize),
}

/// The place of an error: what was read of the entry before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The db.
    pub db: Option<u32>,
    /// The key.
    pub key: Option<Vec<u8>>,
}

impl Parsed {
    /// Reads a line that begins at `offset` in the file. `text` must be UTF-8.
    pub fn read(
        &mut self,
        text: &[u8],
        offset: usize,
        hands: &mut Hands,
    ) -> std::result::Result<(), (Fault, Place)> {
        let start = self.arena.len();
        let mut envelope = Envelope::new(&mut self.arena, text);
        match envelope.read(hands) {
            Ok(value_type) => {
                let line = envelope.into_line(value_type, offset, hands);
                self.entries.push(line);
                Ok(())
            }
            Err(fault) => {
                let place = Place {
                    db: envelope.db,
                    key: envelope.key.clone().map(|range| envelope.arena[range].to_vec()),
                };
                self.arena.truncate(start);
                Err((fault, place))
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(|line| self.entry(line))
    }

    fn entry<'p>(&'p self, line: &'p Line) -> Entry<'p> {
        let payload = match &line.value {
            Held::Arena(range) => &self.arena[range.clone()],
            Held::Spilled(bytes, start) => &bytes.as_slice()[*start..],
        };
        Entry {
            db: line.db,
            key: Str::Raw(&self.arena[line.key.clone()]),
            attributes: Attributes {
                expire_at_ms: line.expire_at_ms,
                idle_s: line.idle_s,
                freq: line.freq,
                meta: line.meta.clone().map(|range| &self.arena[range]),
            },
            value: Value { value_type: line.value_type, payload, templates: &self.templates },
            // It follows from the value, which may have been edited.
            encoding: None,
            offset: Some(line.offset),
            record_offset: line.offset as u64,
        }
    }
}

/// A line being read.
struct Envelope<'a, 't> {
    arena: &'a mut Vec<u8>,
    json: Json<'t>,
    len: usize,
    db: Option<u32>,
    key: Option<Range<usize>>,
    kind: Option<Kind>,
    packing: Packing,
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
    meta: Option<Range<usize>>,
    expiries: Option<Json<'t>>,
    value: Option<Json<'t>>,
    /// The type of the value, once it has been read.
    value_type: Option<ValueType>,
    seen: Vec<&'t str>,
}

impl<'a, 't> Envelope<'a, 't> {
    fn new(arena: &'a mut Vec<u8>, text: &'t [u8]) -> Self {
        Self {
            arena,
            json: Json::new(text),
            len: text.len(),
            db: None,
            key: None,
            kind: None,
            packing: Packing::Plain,
            expire_at_ms: None,
            idle_s: None,
            freq: None,
            meta: None,
            expiries: None,
            value: None,
            value_type: None,
            seen: Vec::with_capacity(10),
        }
    }

    fn read(&mut self, hands: &mut Hands) -> Result<ValueType> {
        self.json.take(b'{', "the { of an entry")?;
        let mut first = true;
        while self.json.more(&mut first, b'}')? {
            let at = self.json.at();
            let name = self.json.name()?;
            if self.seen.contains(&name) {
                return Err(Json::fault_at(at, format!("{name:?} is there twice")));
            }
            self.seen.push(name);
            self.member(name, at, hands)?;
        }
        self.json.end()?;
        for (name, there) in [
            ("db", self.db.is_some()),
            ("key", self.key.is_some()),
            ("type", self.kind.is_some()),
            ("value", self.value.is_some()),
        ] {
            if !there {
                return Err(self.json.fault(format!("the entry has no {name:?}")));
            }
        }
        match self.value_type {
            Some(value_type) => Ok(value_type),
            None => self.value(hands),
        }
    }

    fn member(&mut self, name: &str, at: usize, hands: &mut Hands) -> Result<()> {
        let json = &mut self.json;
        match name {
            "db" => {
                let db: u32 = json.int()?;
                if db > i32::MAX as u32 {
                    return Err(Json::fault_at(at, format!("db {db} is out of range")));
                }
                self.db = Some(db);
            }
            "key" => {
                let start = self.arena.len();
                self.arena.extend_from_slice(json.bytes(&mut hands.first)?);
                self.key = Some(start..self.arena.len());
            }
            "type" => {
                let name = json.string(&mut hands.first)?;
                let kind = std::str::from_utf8(name).ok().and_then(Kind::from_name);
                self.kind = Some(kind.ok_or_else(|| unknown_type(at, name))?);
            }
            "encoding" => {
                self.packing = match json.string(&mut hands.first)? {
                    _ if self.len > PACKED_MAX_BYTES => Packing::Plain,
                    b"listpack" => Packing::Listpack,
                    b"intset" => Packing::Intset,
                    _ => Packing::Plain,
                };
            }
            "expire_at_ms" => self.expire_at_ms = Some(json.int()?),
            "idle_s" => self.idle_s = Some(json.int()?),
            "freq" => self.freq = Some(json.int()?),
            "meta" => {
                let start = self.arena.len();
                self.arena.extend_from_slice(json.base64(&mut hands.first)?);
                self.meta = Some(start..self.arena.len());
            }
            "field_expire_at_ms" => {
                self.expiries = Some(*json);
                json.skip()?;
                // Values read before know nothing of it.
                self.value_type = None;
            }
            "value" => {
                self.value = Some(*json);
                match self.kind {
                    Some(_) => self.value_type = Some(self.value(hands)?),
                    None => json.skip()?,
                }
            }
            other => return Err(unknown_member(at, other)),
        }
        Ok(())
    }

    /// Reads the value where it begins; goes on after it only when it is the next.
    fn value(&mut self, hands: &mut Hands) -> Result<ValueType> {
        let (Some(kind), Some(mut json)) = (self.kind, self.value) else {
            return Err(self.json.fault("the entry has no value"));
        };
        let is_next = json.at() == self.json.at();
        if self.expiries.is_some() && kind != Kind::Hash {
            return Err(json.fault("only hashes have \"field_expire_at_ms\""));
        }
        let packing = match (kind, self.packing) {
            (Kind::Set, packing) => packing,
            (Kind::Zset | Kind::Hash, Packing::Listpack) => Packing::Listpack,
            _ => Packing::Plain,
        };
        let value_type = hands.value(&mut json, kind, packing, self.expiries)?;
        if is_next {
            self.json = json;
        }
        Ok(value_type)
    }

    fn into_line(self, value_type: ValueType, offset: usize, hands: &mut Hands) -> Line {
        let value = match hands.payload.take_spilled() {
            Some((bytes, start)) => Held::Spilled(bytes, start),
            None => {
                let start = self.arena.len();
                self.arena.extend_from_slice(hands.payload.bytes());
                Held::Arena(start..self.arena.len())
            }
        };
        Line {
            db: self.db.unwrap_or_default(),
            key: self.key.unwrap_or_default(),
            expire_at_ms: self.expire_at_ms,
            idle_s: self.idle_s,
            freq: self.freq,
            meta: self.meta,
            value_type,
            value,
            offset,
        }
    }
}

#[cold]
fn unknown_type(at: usize, name: &[u8]) -> Fault {
    let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let name = String::from_utf8_lossy(name);
    Json::fault_at(at, format!("unknown type {name:?}; types are {}", known.join(", ")))
}

#[cold]
fn unknown_member(at: usize, name: &str) -> Fault {
    let what = match name {
        "redtool" => "a header in the middle: two files one after the other are no dataset",
        "end" => "a trailer in the middle: two files one after the other are no dataset",
        _ => return Json::fault_at(at, format!("{name:?} is no member of an entry")),
    };
    Json::fault_at(at, what)
}

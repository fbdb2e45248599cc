//! Values from JSON to RDB payloads, element by element.
//!
//! | type | payload |
//! |---|---|
//! | string | 0 |
//! | list | 18, nodes as servers fill them |
//! | set | 2; 11 or 20 when it is short and its `encoding` says so |
//! | zset | 5; 17 when it is short, ascending, and its `encoding` says so |
//! | hash | 4; 16 when it is short and its `encoding` says so; Valkey's 22 with field expiries |
//! | stream | 21, 26 or 27, the first that holds all of it |
//! | module, array | as they were |
//!
//! What is made is checked as `verify` checks it, so that a member twice or a broken module value
//! is refused here.
use super::fields::{FieldExpiries, FieldShape};
use super::payload::Payload;
use super::pull::{Fault, Json, Result};
use super::stream;
use super::strings::Text;
use redtool_format::encodings::{intset, listpack, Item};
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::skip::skip_value;
use redtool_format::rdb::string::{self, Str};
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{ElementWriter, Node, Out, WriteError};
use redtool_format::rdb::{Dialect, Kind, ValueType};
use redtool_format::{double, number, Cursor};

/// A list node is filled up to this size; a longer element has a node of its own.
const NODE_BYTES: usize = 8192;
/// What a listpack entry takes beside its bytes, at most.
const ENTRY_BYTES: usize = 16;

/// What is known of a value before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Element by element.
    Plain,
    /// In one listpack.
    Listpack,
    /// In an intset.
    Intset,
}

/// What a value is read with; kept from value to value.
#[derive(Default)]
pub struct Hands {
    /// The value.
    pub payload: Payload,
    /// A key, a member, a field.
    pub first: Text,
    /// A value beside a field.
    pub second: Text,
    /// LZF strings where that pays.
    pub(super) compress: bool,
    packed: listpack::Builder,
    integers: Vec<i64>,
    checker: Checker,
    templates: Templates,
    pub(super) messages: stream::Messages,
}

/// A trouble that is not the text's: a temporary file that cannot grow.
pub(super) fn trouble(at: usize) -> impl Fn(WriteError) -> Fault {
    move |error| Json::fault_at(at, error.to_string())
}

/// Where the value has turned out not to be of the packing that was tried.
type Tried = Option<ValueType>;

impl Hands {
    /// Hands that make strings LZF where that pays, if `compress`.
    pub fn new(compress: bool) -> Self {
        Self { compress, ..Self::default() }
    }

    /// Reads the value at `json` into the payload; gives its type. `expiries` is where those of
    /// hash fields are.
    pub fn value(
        &mut self,
        json: &mut Json<'_>,
        kind: Kind,
        packing: Packing,
        expiries: Option<Json<'_>>,
    ) -> Result<ValueType> {
        let start = *json;
        let value_type = match kind {
            Kind::String => self.string(json),
            Kind::List => self.list(json),
            Kind::Set => self.set(json, packing),
            Kind::Zset => self.zset(json, packing),
            Kind::Hash => self.hash(json, packing, expiries),
            Kind::Stream => stream::read(self, json).map(Some),
            Kind::Module | Kind::Array => self.opaque(json, kind),
        }?;
        match value_type {
            Some(value_type) => {
                self.check(start.at(), value_type)?;
                Ok(value_type)
            }
            None => {
                *json = start;
                self.value(json, kind, Packing::Plain, expiries)
            }
        }
    }

    fn check(&mut self, start: usize, value_type: ValueType) -> Result<()> {
        let depth = match value_type.kind() {
            Kind::String | Kind::List => return Ok(()),
            // Pending entries that nobody owns are odd, and may be there.
            Kind::Stream => Depth::Always,
            _ => Depth::Deep,
        };
        let (payload, templates) = (self.payload.bytes(), &self.templates);
        let checked = self.checker.check(value_type, payload, templates, depth, &mut |_| {});
        checked.map_err(|error| Json::fault_at(start, error.what))?;
        // What comes from base64 may be longer than it says.
        let mut cursor = Cursor::new(payload);
        let skipped = skip_value(&mut cursor, value_type, templates);
        match (skipped, value_type) {
            (_, ValueType::ModulePreGa) => Ok(()),
            (Ok(()), _) if cursor.remaining() == 0 => Ok(()),
            _ => Err(Json::fault_at(start, "bytes are left over after the value")),
        }
    }

    /// Ends a value of one string: a packed one, or a string.
    fn blob(&mut self, at: usize, value_type: ValueType) -> Result<Tried> {
        self.payload.end(None).map_err(|error| trouble(at)(error.into()))?;
        Ok(Some(value_type))
    }

    /// Ends a value of so many elements.
    fn counted(&mut self, at: usize, value_type: ValueType, count: u64) -> Result<Tried> {
        self.payload.end(Some(count)).map_err(|error| trouble(at)(error.into()))?;
        Ok(Some(value_type))
    }

    fn string(&mut self, json: &mut Json<'_>) -> Result<Tried> {
        let at = json.at();
        self.payload.begin();
        let bytes = json.bytes(&mut self.first)?;
        let mut writer = ElementWriter::new(&mut self.payload, ValueType::String, self.compress);
        writer.item(Item::Str(bytes)).map_err(trouble(at))?;
        self.blob(at, ValueType::String)
    }

    fn list(&mut self, json: &mut Json<'_>) -> Result<Tried> {
        let value_type = ValueType::ListQuicklist2;
        let Self { payload, first: text, packed, compress, .. } = self;
        let (mut first, mut nodes, at) = (true, 0, json.at());
        payload.begin();
        packed.clear();
        let mut writer = ElementWriter::new(payload, value_type, *compress);
        let mut end_node = |packed: &mut listpack::Builder, plain: Option<&[u8]>| {
            if packed.count() > 0 {
                writer.node(Node::Packed(Str::Raw(packed.finish())))?;
                packed.clear();
                nodes += 1;
            }
            if let Some(item) = plain {
                writer.node(Node::Plain(Str::Raw(item)))?;
                nodes += 1;
            }
            Ok(())
        };
        json.take(b'[', "the [ of a list")?;
        while json.more(&mut first, b']')? {
            let item = json.bytes(text)?;
            if item.len() > NODE_BYTES {
                end_node(packed, Some(item)).map_err(trouble(at))?;
                continue;
            }
            if packed.size_bytes() + item.len() + ENTRY_BYTES > NODE_BYTES {
                end_node(packed, None).map_err(trouble(at))?;
            }
            packed.push(item);
        }
        end_node(packed, None).map_err(trouble(at))?;
        self.counted(at, value_type, nodes)
    }

    fn set(&mut self, json: &mut Json<'_>, packing: Packing) -> Result<Tried> {
        let Self { payload, first: text, packed, integers, compress, .. } = self;
        let (mut first, mut members, at) = (true, 0, json.at());
        payload.begin();
        packed.clear();
        integers.clear();
        let mut writer = ElementWriter::new(payload, ValueType::Set, *compress);
        json.take(b'[', "the [ of a set")?;
        while json.more(&mut first, b']')? {
            let member = json.bytes(text)?;
            members += 1;
            match packing {
                Packing::Plain => writer.item(Item::Str(member)).map_err(trouble(at))?,
                Packing::Listpack => packed.push(member),
                Packing::Intset => match number::parse_i64(member) {
                    Some(member) => integers.push(member),
                    None => return Ok(None),
                },
            }
        }
        match packing {
            Packing::Plain => self.counted(at, ValueType::Set, members),
            Packing::Listpack => self.pack(at, ValueType::SetListpack),
            Packing::Intset => self.pack_integers(at),
        }
    }

    fn pack_integers(&mut self, at: usize) -> Result<Tried> {
        let Self { payload, integers, compress, .. } = self;
        integers.sort_unstable();
        let mut blob = Vec::new();
        intset::write(&mut blob, integers);
        string::write(payload.buf(), &blob, *compress);
        self.blob(at, ValueType::SetIntset)
    }

    fn pack(&mut self, at: usize, value_type: ValueType) -> Result<Tried> {
        string::write(self.payload.buf(), self.packed.finish(), self.compress);
        self.blob(at, value_type)
    }

    fn zset(&mut self, json: &mut Json<'_>, packing: Packing) -> Result<Tried> {
        let Self { payload, first: text, packed, compress, .. } = self;
        let (mut first, mut members, at) = (true, 0, json.at());
        let mut last = (f64::NEG_INFINITY, Vec::new());
        let mut digits = Vec::new();
        payload.begin();
        packed.clear();
        let mut writer = ElementWriter::new(payload, ValueType::Zset2, *compress);
        json.take(b'[', "the [ of a sorted set")?;
        while json.more(&mut first, b']')? {
            json.take(b'[', "[member, score]")?;
            let member = json.bytes(text)?;
            json.take(b',', "a comma before the score")?;
            let score_at = json.at();
            let score = json.double()?;
            json.take(b']', "the ] after a score")?;
            members += 1;
            if packing == Packing::Plain {
                if score.is_nan() {
                    let what = "score \"nan\" is possible in short packed sorted sets only";
                    return Err(Json::fault_at(score_at, what));
                }
                writer.member(Item::Str(member), score).map_err(trouble(at))?;
                continue;
            }
            // Servers believe the order of a packed one.
            let (last_score, last_member) = &mut last;
            if *last_score > score
                || *last_score == score && members > 1 && last_member[..] >= *member
            {
                return Ok(None);
            }
            *last_score = score;
            last_member.clear();
            last_member.extend_from_slice(member);
            digits.clear();
            double::write_shortest(&mut digits, score);
            packed.push(member);
            packed.push(&digits);
        }
        match packing {
            Packing::Plain => self.counted(at, ValueType::Zset2, members),
            _ => self.pack(at, ValueType::ZsetListpack),
        }
    }

    fn hash(
        &mut self,
        json: &mut Json<'_>,
        packing: Packing,
        expiries: Option<Json<'_>>,
    ) -> Result<Tried> {
        let Self { payload, first: text, second, packed, compress, .. } = self;
        let (mut first, mut count, at) = (true, 0, json.at());
        let pack = packing == Packing::Listpack && expiries.is_none();
        let value_type = if expiries.is_some() { ValueType::ValkeyHash2 } else { ValueType::Hash };
        payload.begin();
        packed.clear();
        let mut writer = ElementWriter::new(payload, value_type, *compress);
        let shape = FieldShape::open(json, "the { or [ of a hash")?;
        let mut expiries = expiries.map(FieldExpiries::open).transpose()?;
        while json.more(&mut first, shape.close())? {
            let field = shape.field(json, text)?;
            let value = json.bytes(second)?;
            shape.end_field(json)?;
            count += 1;
            if pack {
                packed.push(field);
                packed.push(value);
                continue;
            }
            let expire_at_ms = match &mut expiries {
                Some(expiries) => expiries.of(field)?,
                None => None,
            };
            let (field, value) = (Item::Str(field), Item::Str(value));
            writer.field(field, value, expire_at_ms).map_err(trouble(at))?;
        }
        if let Some(expiries) = expiries {
            expiries.end()?;
        }
        match pack {
            true => self.pack(at, ValueType::HashListpack),
            false => self.counted(at, value_type, count),
        }
    }

    /// `{"module":name,"rdb_type":n,"base64":…}`; the name is for people.
    fn opaque(&mut self, json: &mut Json<'_>, kind: Kind) -> Result<Tried> {
        let (mut first, mut number, at) = (true, None, json.at());
        let mut there = false;
        self.payload.begin();
        json.take(b'{', "{\"module\":…}")?;
        while json.more(&mut first, b'}')? {
            let name_at = json.at();
            match json.name()? {
                "module" => json.skip()?,
                "rdb_type" => number = Some(json.int::<u8>()?),
                "base64" if !there => {
                    there = true;
                    let bytes = json.base64(&mut self.first)?;
                    let wrote = Out::bytes(&mut self.payload, bytes);
                    wrote.map_err(|error| trouble(name_at)(error.into()))?;
                }
                name => {
                    let what = format!("{name:?} is no member of a module value, or twice there");
                    return Err(Json::fault_at(name_at, what));
                }
            }
        }
        let known = number.and_then(|number| ValueType::from_number(number, Dialect::Redis));
        match known.filter(|known| there && known.kind() == kind) {
            Some(value_type) => self.blob(at, value_type),
            None => {
                let what = format!("a {} value has \"rdb_type\" and \"base64\"", kind.name());
                Err(Json::fault_at(at, what))
            }
        }
    }
}

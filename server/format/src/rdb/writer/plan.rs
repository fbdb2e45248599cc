//! Which type a value takes in a target, and what exactly is lost, found without writing.
//!
//! Nothing is read of a value that the target loads as it is. Of others no more than the question
//! needs: the sizes of list nodes, the members of a packed set (are they all integers?), the
//! expiries of hash fields, the metadata of a stream.
use super::super::counters;
use super::super::length;
use super::super::stream;
use super::super::string::{self, Str};
use super::super::target::{Loss, Losses, Target};
use super::super::types::ValueType;
use super::super::value::{self, Templates};
use super::each::{each_element, Element};
use crate::cursor::Cursor;
use crate::encodings::listpack::Listpack;
use crate::error::{FormatError, Result};

/// A packed blob larger than this is not repacked: its ziplist might grow past what 32-bit sizes
/// hold. Servers keep theirs far below.
const PACKED_MAX_BYTES: usize = 1 << 30;

/// What a packed entry takes beside its bytes, at most.
const ENTRY_OVERHEAD_BYTES: usize = 10;

/// The latest expiry a Redis server takes for a hash field.
pub(super) const FIELD_EXPIRE_MAX_MS: i64 = (1 << 48) - 1;

/// A value as it lies in a file or payload.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    /// Its type.
    pub value_type: ValueType,
    /// Its bytes, exactly.
    pub payload: &'a [u8],
    /// The hash templates of its file.
    pub templates: &'a Templates,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its bytes are copied.
    Same(ValueType),
    /// It is rewritten as this type.
    Rewritten(ValueType),
    /// Nothing is left to write: all fields of the hash have expired. The key goes, as in any
    /// server.
    Expired,
    /// The target has no form for it.
    Impossible,
}

/// What becomes of a value, and what is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Its new form.
    pub fate: Fate,
    /// What the target cannot take of it.
    pub losses: Losses,
    /// Elements to be written, when it is rewritten element by element.
    pub(super) elements: u64,
    /// The earliest expiry of a hash field.
    pub(super) min_expire_ms: i64,
    /// Hash fields with an expiry up to this moment are left out.
    pub(super) drop_expired_ms: Option<i64>,
}

impl Plan {
    fn new(fate: Fate) -> Self {
        Self { fate, losses: Losses::NONE, elements: 0, min_expire_ms: 0, drop_expired_ms: None }
    }

    fn rewritten(value_type: ValueType, elements: u64) -> Self {
        Self { elements, ..Self::new(Fate::Rewritten(value_type)) }
    }

    /// The type that will be written, if anything will.
    pub fn value_type(&self) -> Option<ValueType> {
        match self.fate {
            Fate::Same(value_type) | Fate::Rewritten(value_type) => Some(value_type),
            Fate::Expired | Fate::Impossible => None,
        }
    }
}

/// Says what becomes of `value` in `target`. Hash fields that expired at `now_ms` or before are
/// left out where their expiry cannot be kept, since they would live for ever.
#[inline]
pub fn plan(value: &Value<'_>, target: &Target, now_ms: i64) -> Result<Plan> {
    match target.type_for(value.value_type) {
        Some(same) if same == value.value_type => Ok(Plan::new(Fate::Same(same))),
        Some(to) => plan_rewrite(value, to, target, now_ms),
        None => Ok(Plan { losses: Loss::WholeValue.into(), ..Plan::new(Fate::Impossible) }),
    }
}

fn plan_rewrite(value: &Value<'_>, to: ValueType, target: &Target, now_ms: i64) -> Result<Plan> {
    use ValueType::*;
    match value.value_type {
        SetListpack => plan_set(value, to),
        HashListpack | ZsetListpack => plan_packed(value, to, target),
        ListQuicklist | ListQuicklist2 => plan_list(value, to),
        Stream2 | Stream3 | Stream4 | Stream5 => plan_stream(value, to),
        HashMetadataRc | HashListpackExRc | HashMetadata | HashListpackEx | ValkeyHash2 => {
            plan_expiring_hash(value, to, target, now_ms)
        }
        _ => Ok(Plan::rewritten(to, survey(value, None)?.elements)),
    }
}

/// A packed set becomes an intset when all members are integers.
fn plan_set(value: &Value<'_>, to: ValueType) -> Result<Plan> {
    let mut scratch = Vec::new();
    let blob = string::read(&mut Cursor::new(value.payload))?;
    let listpack = Listpack::parse(blob.decode(&mut scratch)?)?;
    let mut members = 0;
    let mut integers = true;
    for member in listpack.iter() {
        integers &= member?.as_int().is_some();
        members += 1;
    }
    let to = if integers && members > 0 { ValueType::SetIntset } else { to };
    Ok(Plan::rewritten(to, members))
}

fn plan_packed(value: &Value<'_>, to: ValueType, target: &Target) -> Result<Plan> {
    let blob = string::read(&mut Cursor::new(value.payload))?;
    if blob.len() <= PACKED_MAX_BYTES {
        return Ok(Plan::rewritten(to, 0));
    }
    let to = target.element_type(value.value_type.kind(), false).unwrap_or(to);
    Ok(Plan::rewritten(to, survey(value, None)?.elements))
}

/// A list becomes a quicklist of ziplists, or one ziplist; or single elements when a node is too
/// large, or when there are many and the target knows no quicklist.
fn plan_list(value: &Value<'_>, to: ValueType) -> Result<Plan> {
    let mut nodes = 0;
    let mut largest = 0;
    for node in Nodes::read(value.value_type, value.payload)? {
        largest = largest.max(node?.1.len());
        nodes += 1;
    }
    match (largest <= PACKED_MAX_BYTES, nodes) {
        (true, 1) if to == ValueType::List => Ok(Plan::rewritten(ValueType::ListZiplist, 0)),
        (true, nodes) if to == ValueType::ListQuicklist => Ok(Plan::rewritten(to, nodes)),
        _ => Ok(Plan::rewritten(ValueType::List, value::count(value.value_type, value.payload)?)),
    }
}

fn plan_stream(value: &Value<'_>, to: ValueType) -> Result<Plan> {
    let mut cursor = Cursor::new(value.payload);
    skip_stream_nodes(&mut cursor)?;
    let meta = stream::read(&mut cursor, value.value_type)?;
    let mut losses = Losses::NONE;
    losses
        .insert_if(to == ValueType::Stream && counters::would_change(&meta), Loss::StreamCounters);
    let active = |group: &stream::Group| group.consumers.iter().any(|c| c.active_at_ms.is_some());
    losses.insert_if(
        to.number() < ValueType::Stream3.number() && meta.groups.iter().any(active),
        Loss::ConsumerActive,
    );
    let idmp_used = meta.idmp.as_deref().is_some_and(|idmp| idmp != stream::IDMP_UNUSED);
    losses.insert_if(to.number() < ValueType::Stream4.number() && idmp_used, Loss::Idmp);
    losses.insert_if(
        to.number() < ValueType::Stream5.number() && meta.ownerless().next().is_some(),
        Loss::Nack,
    );
    Ok(Plan { losses, ..Plan::rewritten(to, 0) })
}

fn plan_expiring_hash(
    value: &Value<'_>,
    to: ValueType,
    target: &Target,
    now_ms: i64,
) -> Result<Plan> {
    use ValueType::*;
    let keeps_ttls = target.takes_field_ttls();
    let fields = survey(value, (!keeps_ttls).then_some(now_ms))?;
    let large = fields.packed_bytes > PACKED_MAX_BYTES as u64;
    let to = if large || keeps_ttls && !fields.expiring { Hash } else { to };
    let fate = match fields.elements {
        0 if fields.expired => Fate::Expired,
        _ => Fate::Rewritten(to),
    };
    let mut losses = Losses::NONE;
    let too_late = fields.max_expire_ms > FIELD_EXPIRE_MAX_MS && to == HashMetadata;
    losses.insert_if(fields.expiring && (!keeps_ttls || too_late), Loss::FieldTtl);
    Ok(Plan {
        fate,
        losses,
        elements: fields.elements,
        min_expire_ms: fields.min_expire_ms.min(FIELD_EXPIRE_MAX_MS),
        drop_expired_ms: (!keeps_ttls).then_some(now_ms),
    })
}

/// Passes over the nodes of a stream value; the metadata follows.
pub(super) fn skip_stream_nodes(cursor: &mut Cursor<'_>) -> Result<()> {
    for _ in 0..length::read_count(cursor, 2)? {
        string::skip(cursor)?;
        string::skip(cursor)?;
    }
    Ok(())
}

/// Container of a list node: one plain element, or a packed run of them.
pub(super) const PLAIN: u64 = 1;
/// See [`PLAIN`].
pub(super) const PACKED: u64 = 2;

/// Walks the nodes of a list of type 14 or 18: container and string.
pub(super) struct Nodes<'a> {
    cursor: Cursor<'a>,
    left: usize,
    containers: bool,
}

impl<'a> Nodes<'a> {
    pub(super) fn read(value_type: ValueType, payload: &'a [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(payload);
        let containers = value_type == ValueType::ListQuicklist2;
        let left = length::read_count(&mut cursor, 1 + usize::from(containers))?;
        Ok(Self { cursor, left, containers })
    }

    fn read_node(&mut self) -> Result<(u64, Str<'a>)> {
        let start = self.cursor.pos();
        let container = match self.containers {
            true => length::read_plain(&mut self.cursor)?,
            false => PACKED,
        };
        if !matches!(container, PLAIN | PACKED) {
            let what = format!("list node in unknown container {container}");
            return Err(FormatError::corrupt(start, what));
        }
        Ok((container, string::read(&mut self.cursor)?))
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Result<(u64, Str<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let node = self.read_node();
        if node.is_err() {
            self.left = 0;
        }
        Some(node)
    }
}

/// What a walk over the elements found.
struct Survey {
    elements: u64,
    /// At most this many bytes when packed.
    packed_bytes: u64,
    /// A counted field has an expiry.
    expiring: bool,
    /// A field was left out.
    expired: bool,
    min_expire_ms: i64,
    max_expire_ms: i64,
}

fn survey(value: &Value<'_>, drop_expired_ms: Option<i64>) -> Result<Survey> {
    let mut survey = Survey {
        elements: 0,
        packed_bytes: 0,
        expiring: false,
        expired: false,
        min_expire_ms: i64::MAX,
        max_expire_ms: i64::MIN,
    };
    each_element(value, |element| {
        let Element::Field(field, value, expire_at_ms) = element else {
            survey.elements += 1;
            return Ok::<(), FormatError>(());
        };
        survey.field(field.len() + value.len(), expire_at_ms, drop_expired_ms);
        Ok(())
    })?;
    Ok(survey)
}

impl Survey {
    fn field(&mut self, bytes: usize, expire_at_ms: Option<i64>, drop_expired_ms: Option<i64>) {
        if has_expired(expire_at_ms, drop_expired_ms) {
            self.expired = true;
            return;
        }
        if let Some(at_ms) = expire_at_ms {
            self.expiring = true;
            self.min_expire_ms = self.min_expire_ms.min(at_ms);
            self.max_expire_ms = self.max_expire_ms.max(at_ms);
        }
        self.packed_bytes += (bytes + 2 * ENTRY_OVERHEAD_BYTES) as u64;
        self.elements += 1;
    }
}

/// Whether a field is to be left out: it expired, and its expiry cannot be kept.
pub(super) fn has_expired(expire_at_ms: Option<i64>, drop_expired_ms: Option<i64>) -> bool {
    match (expire_at_ms, drop_expired_ms) {
        (Some(at_ms), Some(now_ms)) => at_ms <= now_ms,
        _ => false,
    }
}

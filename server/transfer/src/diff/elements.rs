//! The elements of two values compared by meaning, and the first difference shown.
//!
//! Each side is visited into pairs of hashes, (name, content), 16 bytes an element, in memory or a
//! mapped temporary file. Ordered values (strings, lists, streams) have the position for a name.
//! The pairs are sorted by name and compared; the element that differs is then visited again to be
//! shown.
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{visit, Templates, Visitor};
use redtool_format::rdb::{Kind, ValueType};
use redtool_store::segment::element_hash;
use redtool_store::spill::SpillVec;
use redtool_store::StoreError;
use std::cmp::Ordering;

/// A value.
pub struct Side<'v> {
    /// Its type.
    pub value_type: ValueType,
    /// Its bytes.
    pub payload: &'v [u8],
    /// The hash templates of its file.
    pub templates: &'v Templates,
}

/// The name of the first differing element, and both sides of it; an error says whether it is of
/// the first side.
type Outcome = std::result::Result<Option<(Option<String>, String)>, (bool, StoreError)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Pair {
    name: u64,
    content: u64,
}

/// Longer texts are cut when shown.
const SHOWN_BYTES: usize = 80;
/// The name of a stream's metadata among its messages' positions.
const META: u64 = u64::MAX;

/// Finds the first element that differs.
pub fn first_difference(a: &Side<'_>, b: &Side<'_>, tolerance_ms: i64) -> Outcome {
    let left = pairs(a, tolerance_ms).map_err(|e| (true, e))?;
    let right = pairs(b, tolerance_ms).map_err(|e| (false, e))?;
    let Some((name, in_a, in_b)) = first(left.as_slice(), right.as_slice()) else {
        return Ok(None);
    };
    let show = |side: &Side<'_>, there: bool, first: bool| {
        if !there {
            return Ok(None);
        }
        shown(side, name, tolerance_ms).map_err(|e| (first, e))
    };
    let (x, y) = (show(a, in_a, true)?, show(b, in_b, false)?);
    let path = x.as_ref().or(y.as_ref()).and_then(|(path, _)| path.clone());
    let text = |side: Option<(Option<String>, String)>| side.map_or("absent".into(), |(_, t)| t);
    let (x, y) = (text(x), text(y));
    let detail = match &path {
        Some(path) => format!("{path}: {x} != {y}"),
        None => format!("{x} != {y}"),
    };
    Ok(Some((path, detail)))
}

fn pairs(side: &Side<'_>, tolerance_ms: i64) -> std::result::Result<SpillVec<Pair>, StoreError> {
    let mut collect = Collect::new(tolerance_ms, None);
    visit(side.value_type, side.payload, side.templates, &mut collect)?;
    if !matches!(side.value_type.kind(), Kind::String | Kind::List | Kind::Stream) {
        collect.pairs.sort_by(Pair::cmp);
    }
    Ok(collect.pairs)
}

/// The least name whose content differs, and on which sides it is.
fn first(a: &[Pair], b: &[Pair]) -> Option<(u64, bool, bool)> {
    let (mut i, mut j) = (0, 0);
    loop {
        match (a.get(i), b.get(j)) {
            (None, None) => return None,
            (Some(x), None) => return Some((x.name, true, false)),
            (None, Some(y)) => return Some((y.name, false, true)),
            (Some(x), Some(y)) => match x.name.cmp(&y.name) {
                Ordering::Less => return Some((x.name, true, false)),
                Ordering::Greater => return Some((y.name, false, true)),
                Ordering::Equal if x.content != y.content => return Some((x.name, true, true)),
                Ordering::Equal => (i, j) = (i + 1, j + 1),
            },
        }
    }
}

type Shown = Option<(Option<String>, String)>;

fn shown(side: &Side<'_>, name: u64, tolerance_ms: i64) -> std::result::Result<Shown, StoreError> {
    let mut collect = Collect::new(tolerance_ms, Some(name));
    visit(side.value_type, side.payload, side.templates, &mut collect)?;
    Ok(collect.shown)
}

struct Collect {
    pairs: SpillVec<Pair>,
    position: u64,
    tolerance_ms: i64,
    wanted: Option<u64>,
    shown: Shown,
    scratch: Vec<u8>,
}

impl Collect {
    fn new(tolerance_ms: i64, wanted: Option<u64>) -> Self {
        Self {
            pairs: SpillVec::new(),
            position: 0,
            tolerance_ms,
            wanted,
            shown: None,
            scratch: Vec::new(),
        }
    }

    /// Notes an element, or shows it when it is the one wanted.
    fn element(
        &mut self,
        name: u64,
        content: u64,
        show: impl FnOnce() -> (Option<String>, String),
    ) -> std::result::Result<(), StoreError> {
        match self.wanted {
            None => self.pairs.push(Pair { name, content }),
            Some(wanted) => {
                if wanted == name {
                    self.shown = Some(show());
                }
                Ok(())
            }
        }
    }

    fn next_position(&mut self) -> u64 {
        self.position += 1;
        self.position - 1
    }
}

impl Visitor for Collect {
    type Error = StoreError;

    fn string(&mut self, value: &[u8]) -> std::result::Result<(), StoreError> {
        self.element(0, element_hash(value), || (None, quoted(value)))
    }

    fn list_item(&mut self, item: &[u8]) -> std::result::Result<(), StoreError> {
        let position = self.next_position();
        self.element(position, element_hash(item), || {
            (Some(format!("index {position}")), quoted(item))
        })
    }

    fn set_member(&mut self, member: &[u8]) -> std::result::Result<(), StoreError> {
        self.element(element_hash(member), 0, || {
            (Some(format!("member {}", quoted(member))), "present".into())
        })
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> std::result::Result<(), StoreError> {
        let content = (score + 0.0).to_bits();
        self.element(element_hash(member), content, || {
            (Some(format!("member {}", quoted(member))), format!("score {score}"))
        })
    }

    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<i64>,
    ) -> std::result::Result<(), StoreError> {
        let mut content = element_hash(value);
        if let Some(at_ms) = expire_at_ms {
            // Under a tolerance only that there is an expiry counts.
            let at_ms = if self.tolerance_ms == 0 { at_ms } else { 0 };
            content ^= element_hash(&at_ms.to_le_bytes()).rotate_left(1);
        }
        self.element(element_hash(field), content, || {
            let ttl = expire_at_ms.map_or(String::new(), |at| format!(" expiring at {at}"));
            (Some(format!("field {}", quoted(field))), quoted(value) + &ttl)
        })
    }

    fn stream_message(&mut self, message: &Message<'_>) -> std::result::Result<(), StoreError> {
        let position = self.next_position();
        self.scratch.clear();
        self.scratch.extend_from_slice(&message.id.to_bytes());
        for (field, value) in &message.fields {
            for item in [field, value] {
                let bytes = item.to_vec();
                self.scratch.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                self.scratch.extend_from_slice(&bytes);
            }
        }
        let content = element_hash(&self.scratch);
        self.element(position, content, || {
            let fields: Vec<_> = message
                .fields
                .iter()
                .map(|(f, v)| format!("{} {}", quoted(&f.to_vec()), quoted(&v.to_vec())))
                .collect();
            (Some(format!("message {position}")), format!("{} {}", message.id, fields.join(" ")))
        })
    }

    fn stream_meta(&mut self, meta: &StreamMeta) -> std::result::Result<(), StoreError> {
        let text = metadata(meta);
        self.element(META, element_hash(text.as_bytes()), || {
            (Some("groups and last id".into()), cut(&text))
        })
    }

    fn opaque(
        &mut self,
        value_type: ValueType,
        payload: &[u8],
    ) -> std::result::Result<(), StoreError> {
        self.element(0, element_hash(payload), || {
            (None, format!("{} of {} bytes", value_type.name(), payload.len()))
        })
    }
}

/// What counts of a stream's metadata, as text: not when consumers were last seen, and not counters
/// that older forms lack.
fn metadata(meta: &StreamMeta) -> String {
    let mut text = format!("last id {}", meta.last_id);
    let mut groups: Vec<_> = meta.groups.iter().collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    for group in groups {
        text += &format!("; group {} at {}", quoted(&group.name), group.last_id);
        let mut consumers: Vec<_> = group.consumers.iter().map(|c| quoted(&c.name)).collect();
        consumers.sort();
        text += &format!(" consumers {}", consumers.join(" "));
        for pending in &group.pel {
            let owner = pending.consumer.and_then(|n| group.consumers.get(n));
            let owner = owner.map_or("nobody".into(), |consumer| quoted(&consumer.name));
            text += &format!(" pending {} of {owner} × {}", pending.id, pending.deliveries);
        }
    }
    text
}

fn quoted(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let dots = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
    format!("\"{}\"{dots}", shown.escape_ascii())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(2 * SHOWN_BYTES) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

//! Lists: inline, nodes of a quicklist; segmented, runs under the position of their first element.
//!
//! ```text
//! inline     len nodes · nodes × (len container, str)
//!            container 1: the str is the one element, 2: a listpack
//! segmented  [id]['l'][position] → 01 element | 02 listpack
//!            positions are contiguous, so index i is at first + i
//! ```
use super::segments::{Segment, Segments};
use super::{corrupt, decode, Direction, Flow, Result, ON};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::Item;
use redtool_format::rdb::{length, string};
use redtool_format::Cursor;
use redtool_store::{Body, Object, Reader};
use std::borrow::Cow;

const PLAIN: u64 = 1;
const PACKED: u64 = 2;

/// A list, opened.
pub struct List<'r> {
    form: Form<'r>,
    len: u64,
}

enum Form<'r> {
    Nodes(Vec<Node<'r>>),
    Segments { segments: Segments<'r>, first: u64 },
}

struct Node<'r> {
    form: u64,
    bytes: Cow<'r, [u8]>,
}

impl Node<'_> {
    fn part(&self) -> Result<Part<'_>> {
        Part::new(self.form, &self.bytes)
    }
}

/// A node or a segment.
enum Part<'b> {
    Plain(&'b [u8]),
    Packed(Listpack<'b>),
}

impl<'b> Part<'b> {
    fn new(form: u64, bytes: &'b [u8]) -> Result<Self> {
        match form {
            PLAIN => Ok(Part::Plain(bytes)),
            PACKED => Ok(Part::Packed(Listpack::parse(bytes)?)),
            _ => Err(corrupt("a list node is neither plain nor packed")),
        }
    }

    fn of_segment(segment: &'b Segment<'_>) -> Result<Self> {
        match segment.value.split_first() {
            Some((&form, bytes)) => Part::new(u64::from(form), bytes),
            None => Err(corrupt("a list segment is empty")),
        }
    }

    fn count(&self) -> Result<u64> {
        match self {
            Part::Plain(_) => Ok(1),
            Part::Packed(listpack) => Ok(listpack.count()? as u64),
        }
    }

    /// Hands over the elements after (before, going backward) the first `skip`.
    fn each(
        &self,
        skip: u64,
        direction: Direction,
        f: &mut impl FnMut(Item<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut hand = |items: &mut dyn Iterator<Item = redtool_format::Result<Item<'b>>>| {
            for item in items.skip(skip) {
                let flow = f(item?)?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            Ok(ON)
        };
        match (self, direction) {
            (Part::Plain(bytes), _) => hand(&mut std::iter::once(Ok(Item::Str(bytes)))),
            (Part::Packed(listpack), Direction::Forward) => hand(&mut listpack.iter()),
            (Part::Packed(listpack), Direction::Backward) => hand(&mut listpack.iter_rev()),
        }
    }
}

impl<'r> List<'r> {
    /// Opens a list.
    pub fn open(reader: &'r dyn Reader, object: &Object<'r>) -> Result<Self> {
        let form = match object.body {
            Body::Inline(payload) => Form::Nodes(read_nodes(payload)?),
            Body::Segmented { id, .. } => {
                let segments = Segments::new(reader, id, b'l');
                let first = segments.walk()?.advance()?;
                Form::Segments { segments, first: first.map_or(0, |segment| segment.order()) }
            }
        };
        Ok(Self { form, len: object.count })
    }

    /// Number of elements.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hands element number `index` to `f`; None past the end.
    pub fn index<T>(&self, index: u64, f: impl FnOnce(Item<'_>) -> T) -> Result<Option<T>> {
        let (mut f, mut found) = (Some(f), None);
        self.each(index, Direction::Forward, |item| {
            found = f.take().map(|f| f(item));
            Ok(super::STOP)
        })?;
        Ok(found)
    }

    /// Hands the elements from number `start` on, in this direction, to `f` until it stops.
    pub fn each(
        &self,
        start: u64,
        direction: Direction,
        mut f: impl FnMut(Item<'_>) -> Result<Flow>,
    ) -> Result<()> {
        if start >= self.len {
            return Ok(());
        }
        match (&self.form, direction) {
            (Form::Nodes(nodes), Direction::Forward) => {
                each_node(nodes.iter(), start, direction, &mut f)
            }
            (Form::Nodes(nodes), Direction::Backward) => {
                each_node(nodes.iter().rev(), self.len - 1 - start, direction, &mut f)
            }
            (Form::Segments { segments, first }, _) => {
                each_segment(segments, first.saturating_add(start), direction, &mut f)
            }
        }
    }
}

fn read_nodes(payload: &[u8]) -> Result<Vec<Node<'_>>> {
    let mut cursor = Cursor::new(payload);
    let count = length::read_plain(&mut cursor)?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        let form = length::read_plain(&mut cursor)?;
        nodes.push(Node { form, bytes: decode(string::read(&mut cursor)?)? });
    }
    Ok(nodes)
}

fn each_node<'n, 'r: 'n>(
    nodes: impl Iterator<Item = &'n Node<'r>>,
    mut skip: u64,
    direction: Direction,
    f: &mut impl FnMut(Item<'_>) -> Result<Flow>,
) -> Result<()> {
    for node in nodes {
        let part = node.part()?;
        let count = if skip > 0 { part.count()? } else { u64::MAX };
        if skip >= count {
            skip -= count;
            continue;
        }
        if part.each(skip, direction, f)?.is_break() {
            break;
        }
        skip = 0;
    }
    Ok(())
}

fn each_segment(
    segments: &Segments<'_>,
    position: u64,
    direction: Direction,
    f: &mut impl FnMut(Item<'_>) -> Result<Flow>,
) -> Result<()> {
    let mut walk = segments.walk_floor(&segments.key(position), direction)?;
    let mut at_floor = true;
    while let Some(segment) = walk.advance()? {
        let part = Part::of_segment(&segment)?;
        let offset = position.saturating_sub(segment.order());
        let skip = match (at_floor, direction) {
            (false, _) => 0,
            (true, Direction::Forward) => offset,
            (true, Direction::Backward) => (part.count()?.saturating_sub(1)).saturating_sub(offset),
        };
        at_floor = false;
        if part.each(skip, direction, f)?.is_break() {
            break;
        }
    }
    Ok(())
}

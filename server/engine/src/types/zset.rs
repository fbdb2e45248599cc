//! Sorted sets: members in the order of (score, member).
//!
//! ```text
//! inline     ZsetListpack: str = listpack m,s,…
//!            a score is an integer item or text ("1.5", "inf", "1e+22")
//! segmented  [id]['z'][score order][separator]     listpack m,s,…   in order
//!            [id]['h'][hash of the first member]   listpack m,s,…   in the order of hashes
//!            a score is eight bytes
//! ```
//! Every range is between two [`Edge`]s, places in the order. In segments an edge is found by one
//! seek; the rank of a place is the count before its segment (see [`rank`](super::rank)) and a walk
//! within it.
use super::groups::Groups;
use super::rank::{members_of, RankCache, RankTable};
use super::sample::{Pool, Random};
use super::segments::{Segment, Segments};
use super::{corrupt, only_blob, Direction, Flow, Result, ON, STOP};
use crate::edit::{Edit, OwnedBody};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::{IntBuf, Item};
use redtool_store::layout::MAX_KEY_BYTES;
use redtool_store::segment::score_order;
use redtool_store::{Body, Object, Reader};
use std::cmp::Ordering;
use std::sync::Arc;

/// A sorted set, opened.
pub struct Zset<'r> {
    /// By member: the one listpack of an inline set, or the 'h' segments.
    members: Groups<'r>,
    /// By score, when segmented.
    scores: Option<Scores<'r>>,
    len: u64,
    /// A scan gives it whole.
    is_packed: bool,
}

struct Scores<'r> {
    segments: Segments<'r>,
    ranks: &'r RankCache,
    id: u64,
}

/// A place between members.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edge<'e> {
    /// Before the first member.
    Start,
    /// After the last member.
    End,
    /// Before the first member with this score or more.
    BeforeScore(f64),
    /// After the last member with this score or less.
    AfterScore(f64),
    /// Before the first member that is not less than this one; all scores are taken to be equal.
    BeforeMember(&'e [u8]),
    /// After the last member that is not greater than this one; all scores are taken to be equal.
    AfterMember(&'e [u8]),
    /// Before this score and member.
    BeforeBoth(f64, &'e [u8]),
}

impl Edge<'_> {
    /// Whether a member lies behind this place.
    pub fn is_passed_by(&self, score: f64, member: Item<'_>) -> bool {
        let compare = |other: &[u8]| member.bytes(&mut IntBuf::new()).cmp(other);
        match self {
            Edge::Start => true,
            Edge::End => false,
            Edge::BeforeScore(edge) => score >= *edge,
            Edge::AfterScore(edge) => score > *edge,
            Edge::BeforeMember(edge) => compare(edge) != Ordering::Less,
            Edge::AfterMember(edge) => compare(edge) == Ordering::Greater,
            Edge::BeforeBoth(edge, other) => {
                score > *edge || (score == *edge && compare(other) != Ordering::Less)
            }
        }
    }
}

/// The score of a packed pair: an integer item, eight bytes in segments, text inline.
#[inline]
pub(super) fn packed_score(item: Item<'_>, binary: bool) -> Result<f64> {
    match item {
        Item::Int(n) => Ok(n as f64),
        Item::Str(bytes) if binary => match bytes.try_into() {
            Ok(bytes) => Ok(f64::from_le_bytes(bytes)),
            Err(_) => Err(corrupt("a score is not eight bytes long")),
        },
        Item::Str(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| corrupt("a score is not a number")),
    }
}

/// Hands the pairs of a listpack to `f`.
fn each_pair(
    blob: &[u8],
    binary: bool,
    direction: Direction,
    f: &mut impl FnMut(Item<'_>, f64) -> Result<Flow>,
) -> Result<Flow> {
    let listpack = Listpack::parse(blob)?;
    let (mut ahead, mut back) = (listpack.iter(), listpack.iter_rev());
    let mut next = || match direction {
        Direction::Forward => ahead.next(),
        Direction::Backward => back.next(),
    };
    while let Some(first) = next() {
        let second = next().ok_or_else(|| corrupt("a sorted set ends inside a pair"))??;
        let (member, score) = match direction {
            Direction::Forward => (first?, second),
            Direction::Backward => (second, first?),
        };
        let flow = f(member, packed_score(score, binary)?)?;
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ON)
}

impl<'r> Zset<'r> {
    /// Opens a sorted set; `ranks` keeps the counts of big ones.
    pub fn open(reader: &'r dyn Reader, object: &Object<'r>, ranks: &'r RankCache) -> Result<Self> {
        let (members, scores) = match object.body {
            Body::Inline(payload) => (Groups::packed(only_blob(payload)?, 2), None),
            Body::Segmented { id, .. } => (
                Groups::hashed(Segments::new(reader, id, b'h'), 2),
                Some(Scores { segments: Segments::new(reader, id, b'z'), ranks, id }),
            ),
        };
        let (len, is_packed) = (object.count, object.encoding.is_packed());
        Ok(Self { members, scores, len, is_packed })
    }

    /// Number of members.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One that is being changed.
    pub fn of_edit(reader: &'r dyn Reader, edit: &'r Edit, ranks: &'r RankCache) -> Result<Self> {
        let (members, scores) = match &edit.body {
            OwnedBody::Packed(blob) => (Groups::packed(blob.into(), 2), None),
            OwnedBody::Segmented { id, .. } => (
                Groups::hashed(Segments::new(reader, *id, b'h'), 2),
                Some(Scores { segments: Segments::new(reader, *id, b'z'), ranks, id: *id }),
            ),
            OwnedBody::Payload(_) => return Err(corrupt("a sorted set that is not packed")),
        };
        Ok(Self { members, scores, len: edit.count, is_packed: false })
    }

    fn blob(&self) -> &[u8] {
        self.members.blob().unwrap_or_default()
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Result<Option<f64>> {
        let binary = self.scores.is_some();
        self.members.find(member, |[_, score, _]| packed_score(score, binary))?.transpose()
    }

    /// The score of a pair as [`Pool`] gives it.
    pub fn pair_score(&self, score: Item<'_>) -> Result<f64> {
        packed_score(score, self.scores.is_some())
    }

    /// Rank and score of a member.
    pub fn rank(&self, member: &[u8]) -> Result<Option<(u64, f64)>> {
        match self.score(member)? {
            Some(score) => Ok(Some((self.position(Edge::BeforeBoth(score, member))?, score))),
            None => Ok(None),
        }
    }

    /// Number of members before an edge.
    pub fn position(&self, edge: Edge<'_>) -> Result<u64> {
        match (edge, &self.scores) {
            (Edge::Start, _) => Ok(0),
            (Edge::End, _) => Ok(self.len),
            (_, None) => count_before(self.blob(), false, edge),
            (_, Some(scores)) => scores.position(edge),
        }
    }

    /// Hands the members behind `edge`, in order, or those before it, in reverse order, to `f`
    /// until it stops.
    pub fn each_from(
        &self,
        edge: Edge<'_>,
        direction: Direction,
        mut f: impl FnMut(Item<'_>, f64) -> Result<Flow>,
    ) -> Result<()> {
        let ahead = direction == Direction::Forward;
        let mut there = false;
        let mut pass = |member: Item<'_>, score: f64| {
            there = there || edge.is_passed_by(score, member) == ahead;
            if there {
                f(member, score)
            } else {
                Ok(ON)
            }
        };
        match &self.scores {
            None => each_pair(self.blob(), false, direction, &mut pass).map(|_| ()),
            Some(scores) => scores.each(edge, direction, &mut pass),
        }
    }

    /// Hands the members from rank `start` on, in this direction, to `f` until it stops.
    pub fn each_from_rank(
        &self,
        start: u64,
        direction: Direction,
        mut f: impl FnMut(Item<'_>, f64) -> Result<Flow>,
    ) -> Result<()> {
        if start >= self.len {
            return Ok(());
        }
        let Some(scores) = &self.scores else {
            let skip = match direction {
                Direction::Forward => start,
                Direction::Backward => self.len - 1 - start,
            };
            return each_pair(self.blob(), false, direction, &mut skipping(skip, f)).map(|_| ());
        };
        scores.each_from_rank(start, self.len, direction, &mut f)
    }
}

/// A function that ignores the first `skip` members.
fn skipping(
    mut skip: u64,
    mut f: impl FnMut(Item<'_>, f64) -> Result<Flow>,
) -> impl FnMut(Item<'_>, f64) -> Result<Flow> {
    move |member, score| {
        if skip > 0 {
            skip -= 1;
            return Ok(ON);
        }
        f(member, score)
    }
}

fn count_before(blob: &[u8], binary: bool, edge: Edge<'_>) -> Result<u64> {
    let mut count = 0;
    let walked = each_pair(blob, binary, Direction::Forward, &mut |member, score| {
        if edge.is_passed_by(score, member) {
            return Ok(STOP);
        }
        count += 1;
        Ok(ON)
    });
    walked.map(|_| count)
}

/// The key whose floor holds the first member behind the edge and the last before it, or has them
/// beside it.
pub(super) fn edge_key(segments: &Segments<'_>, edge: Edge<'_>) -> Result<Vec<u8>> {
    let (order, member): (u64, &[u8]) = match edge {
        Edge::Start => (0, b""),
        Edge::End => (u64::MAX, b""),
        Edge::BeforeScore(score) => (score_order(score), b""),
        Edge::AfterScore(score) => (score_order(score).saturating_add(1), b""),
        Edge::BeforeMember(member) | Edge::AfterMember(member) => {
            (segments.walk()?.advance()?.map_or(0, |first| first.order()), member)
        }
        Edge::BeforeBoth(score, member) => (score_order(score), member),
    };
    let mut key = segments.key(order).to_vec();
    key.extend_from_slice(&member[..member.len().min(MAX_KEY_BYTES - key.len())]);
    Ok(key)
}

/// Ranks up to this far from either end are reached by walking, without a table.
const NEAR: u64 = 1024;

impl<'r> Scores<'r> {
    fn table(&self) -> Result<Arc<RankTable>> {
        self.ranks.table(self.id, &self.segments)
    }

    fn position(&self, edge: Edge<'_>) -> Result<u64> {
        match self.segments.floor(&edge_key(&self.segments, edge)?)? {
            Some(floor) => {
                Ok(self.table()?.before(&floor.key) + count_before(&floor.value, true, edge)?)
            }
            None => Ok(0),
        }
    }

    fn each(
        &self,
        edge: Edge<'_>,
        direction: Direction,
        f: &mut impl FnMut(Item<'_>, f64) -> Result<Flow>,
    ) -> Result<()> {
        let mut walk = match edge {
            Edge::Start | Edge::End => self.segments.walk_whole(direction)?,
            edge => self.segments.walk_floor(&edge_key(&self.segments, edge)?, direction)?,
        };
        while let Some(segment) = walk.advance()? {
            if each_pair(&segment.value, true, direction, f)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn each_from_rank(
        &self,
        start: u64,
        len: u64,
        direction: Direction,
        f: &mut impl FnMut(Item<'_>, f64) -> Result<Flow>,
    ) -> Result<()> {
        let near = match direction {
            Direction::Forward => start,
            Direction::Backward => len - 1 - start,
        };
        if near <= NEAR {
            return self.each_after(self.segments.walk_whole(direction)?, near, direction, f);
        }
        let table = self.table()?;
        let Some((key, before)) = table.at(start) else { return Ok(()) };
        let offset = start - before;
        let walk = self.segments.walk_floor(&key, direction)?;
        let skip = match direction {
            Direction::Forward => offset,
            Direction::Backward => {
                let here = self.segments.floor(&key)?.map_or(Ok(0), |here| members_of(&here))?;
                here.saturating_sub(1 + offset)
            }
        };
        self.each_after(walk, skip, direction, f)
    }

    /// Hands over what follows the first `skip` members of a walk.
    fn each_after(
        &self,
        mut walk: super::segments::Walk<'r>,
        mut skip: u64,
        direction: Direction,
        f: &mut impl FnMut(Item<'_>, f64) -> Result<Flow>,
    ) -> Result<()> {
        while let Some(segment) = walk.advance()? {
            let count = if skip > 0 { members_of(&segment)? } else { u64::MAX };
            if skip >= count {
                skip -= count;
                continue;
            }
            let flow = self.each_in(&segment, skip, direction, f)?;
            skip = 0;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn each_in(
        &self,
        segment: &Segment<'_>,
        skip: u64,
        direction: Direction,
        f: &mut impl FnMut(Item<'_>, f64) -> Result<Flow>,
    ) -> Result<Flow> {
        each_pair(&segment.value, true, direction, &mut skipping(skip, f))
    }
}

impl Pool for Zset<'_> {
    fn count(&self) -> Result<u64> {
        Ok(self.len)
    }

    fn is_big(&self) -> bool {
        self.scores.is_some()
    }

    fn each(&self, f: &mut dyn FnMut(super::groups::Group<'_>) -> Result<Flow>) -> Result<()> {
        self.members.each(f)
    }

    fn one(
        &self,
        random: &mut Random,
        f: &mut dyn FnMut(super::groups::Group<'_>) -> Result<()>,
    ) -> Result<()> {
        self.members.one(random, f)
    }
}

impl Zset<'_> {
    /// Hands some members and scores to `f` and gives the cursor to go on with; see
    /// [`Groups::scan`]. `text` is the score as an inline set holds it.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut f: impl FnMut(Item<'_>, f64, Option<Item<'_>>) -> Result<()>,
    ) -> Result<u64> {
        let inline = self.scores.is_none();
        let count = if self.is_packed { usize::MAX } else { count };
        self.members.scan(cursor, count, |[member, score, _]| {
            f(member, packed_score(score, !inline)?, inline.then_some(score))
        })
    }
}

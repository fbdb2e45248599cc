//! Elements of one to three items (a member; a member and its score; a field, its value, its
//! expiry) that are found by their first item: one packed listpack, or segments in the order of the
//! hash of the first item.
//!
//! A scan cursor of segments is a place in the hash order: the hash of the element to begin with.
//! Elements of equal hash are always given together, so a cursor stays right whatever is written
//! between two calls.
use super::sample::{Pool, Random};
use super::segments::{Segment, Segments};
use super::{corrupt, Flow, Result, ON};
use redtool_format::encodings::listpack::{Iter, Listpack};
use redtool_format::encodings::{IntBuf, Item};
use redtool_store::segment::element_hash;
use std::borrow::Cow;

/// One element; items past the width are 0.
pub type Group<'e> = [Item<'e>; 3];

/// The elements of a collection.
pub struct Groups<'r> {
    form: Form<'r>,
    width: usize,
}

enum Form<'r> {
    Packed(Cow<'r, [u8]>),
    Hashed(Segments<'r>),
}

/// Walks the groups of a listpack.
struct Walk<'b> {
    items: Iter<'b>,
    width: usize,
}

impl<'b> Iterator for Walk<'b> {
    type Item = Result<Group<'b>>;
    fn next(&mut self) -> Option<Self::Item> {
        let first = self.items.next()?;
        Some(
            first
                .map_err(Into::into)
                .and_then(|first| complete(first, &mut self.items, self.width)),
        )
    }
}

/// The group whose first item was read.
fn complete<'b>(first: Item<'b>, rest: &mut Iter<'b>, width: usize) -> Result<Group<'b>> {
    let mut group = [first, Item::Int(0), Item::Int(0)];
    for slot in &mut group[1..width] {
        *slot = rest.next().ok_or_else(|| corrupt("a listpack ends inside an element"))??;
    }
    Ok(group)
}

/// How many elements a scan has given, and may give.
struct Given {
    count: usize,
    most: usize,
    last_hash: Option<u64>,
}

impl Given {
    fn new(most: usize) -> Self {
        Self { count: 0, most, last_hash: None }
    }

    /// Whether an element of this hash is given with those before it, as it is from now on.
    fn has_room(&mut self, hash: u64) -> bool {
        if self.count >= self.most && self.last_hash != Some(hash) {
            return false;
        }
        self.count += 1;
        self.last_hash = Some(hash);
        true
    }
}

/// The same as [`Groups::scan`] of elements that lie in another order than that of their hashes.
pub(super) fn scan_unordered<'g>(
    groups: impl Iterator<Item = Result<Group<'g>>>,
    cursor: u64,
    count: usize,
    mut f: impl FnMut(Group<'_>) -> Result<()>,
) -> Result<u64> {
    if (cursor, count) == (0, usize::MAX) {
        for group in groups {
            f(group?)?;
        }
        return Ok(0);
    }
    let placed = groups.map(|group| group.map(|group| (hash_of(&group), group)));
    let mut placed = placed.collect::<Result<Vec<_>>>()?;
    placed.retain(|(hash, _)| *hash >= cursor);
    placed.sort_by_key(|(hash, _)| *hash);
    let mut given = Given::new(count);
    for (hash, group) in placed {
        if !given.has_room(hash) {
            return Ok(hash);
        }
        f(group)?;
    }
    Ok(0)
}

fn hash_of(group: &Group<'_>) -> u64 {
    element_hash(group[0].bytes(&mut IntBuf::new()))
}

impl<'r> Groups<'r> {
    /// Elements of `width` items in one listpack.
    pub fn packed(blob: Cow<'r, [u8]>, width: usize) -> Self {
        Self { form: Form::Packed(blob), width }
    }

    /// Elements of `width` items in segments ordered by hash.
    pub fn hashed(segments: Segments<'r>, width: usize) -> Self {
        Self { form: Form::Hashed(segments), width }
    }

    /// The listpack, when there is only one.
    pub fn blob(&self) -> Option<&[u8]> {
        match &self.form {
            Form::Packed(blob) => Some(blob),
            Form::Hashed(_) => None,
        }
    }

    fn walk<'b>(&self, blob: &'b [u8]) -> Result<Walk<'b>> {
        Ok(Walk { items: Listpack::parse(blob)?.iter(), width: self.width })
    }

    /// Hands the element that begins with `key` to `f`.
    pub fn find<T>(&self, key: &[u8], f: impl FnOnce(Group<'_>) -> T) -> Result<Option<T>> {
        match &self.form {
            Form::Packed(blob) => self.find_in(blob, key, f),
            Form::Hashed(segments) => match segments.of_hash(element_hash(key))? {
                Some(segment) => self.find_in(&segment.value, key, f),
                None => Ok(None),
            },
        }
    }

    fn find_in<T>(
        &self,
        blob: &[u8],
        key: &[u8],
        f: impl FnOnce(Group<'_>) -> T,
    ) -> Result<Option<T>> {
        match Listpack::parse(blob)?.find_then(key, self.width)? {
            Some(mut rest) => Ok(Some(f(complete(Item::Str(key), &mut rest, self.width)?))),
            None => Ok(None),
        }
    }

    /// Hands every element to `f` until it stops.
    pub fn each(&self, mut f: impl FnMut(Group<'_>) -> Result<Flow>) -> Result<()> {
        match &self.form {
            Form::Packed(blob) => self.each_in(blob, &mut f).map(|_| ()),
            Form::Hashed(segments) => segments.each(|segment| self.each_in(&segment.value, &mut f)),
        }
    }

    fn each_in(&self, blob: &[u8], f: &mut impl FnMut(Group<'_>) -> Result<Flow>) -> Result<Flow> {
        for group in self.walk(blob)? {
            let flow = f(group?)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ON)
    }

    /// Hands some elements to `f`, beginning at the place `cursor` (0: the beginning), and gives
    /// the place to go on from (0: the end was reached): about `count`.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut f: impl FnMut(Group<'_>) -> Result<()>,
    ) -> Result<u64> {
        let segments = match &self.form {
            Form::Packed(blob) => return scan_unordered(self.walk(blob)?, cursor, count, f),
            Form::Hashed(segments) => segments,
        };
        let mut given = Given::new(count);
        let mut walk = segments.walk_from(&segments.key(cursor))?;
        while let Some(segment) = walk.advance()? {
            for group in self.walk(&segment.value)? {
                let group = group?;
                let hash = hash_of(&group);
                if hash < cursor {
                    continue;
                }
                if !given.has_room(hash) {
                    return Ok(hash);
                }
                f(group)?;
            }
        }
        Ok(0)
    }

    fn random_in(
        &self,
        blob: &[u8],
        random: &mut Random,
        f: &mut dyn FnMut(Group<'_>) -> Result<()>,
    ) -> Result<()> {
        let listpack = Listpack::parse(blob)?;
        let picked = random.below((listpack.count()? / self.width) as u64) as usize;
        let mut items = listpack.iter();
        for _ in 0..picked * self.width {
            items.next().transpose()?;
        }
        match (Walk { items, width: self.width }).next() {
            Some(group) => f(group?),
            None => Ok(()),
        }
    }

    /// A segment at a random place of the hash order; hashes are spread evenly, so segments are as
    /// likely as they are full.
    fn random_segment(
        &self,
        segments: &Segments<'r>,
        random: &mut Random,
    ) -> Result<Option<Segment<'r>>> {
        segments.of_hash(random.draw())
    }
}

impl Pool for Groups<'_> {
    fn count(&self) -> Result<u64> {
        let mut len = 0;
        let mut add = |blob: &[u8]| -> Result<Flow> {
            len += (Listpack::parse(blob)?.count()? / self.width) as u64;
            Ok(ON)
        };
        match &self.form {
            Form::Packed(blob) => add(blob).map(|_| ())?,
            Form::Hashed(segments) => segments.each(|segment| add(&segment.value))?,
        }
        Ok(len)
    }

    fn is_big(&self) -> bool {
        matches!(self.form, Form::Hashed(_))
    }

    fn each(&self, f: &mut dyn FnMut(Group<'_>) -> Result<Flow>) -> Result<()> {
        Groups::each(self, f)
    }

    fn one(&self, random: &mut Random, f: &mut dyn FnMut(Group<'_>) -> Result<()>) -> Result<()> {
        match &self.form {
            Form::Packed(blob) => self.random_in(blob, random, f),
            Form::Hashed(segments) => match self.random_segment(segments, random)? {
                Some(segment) => self.random_in(&segment.value, random, f),
                None => Ok(()),
            },
        }
    }
}

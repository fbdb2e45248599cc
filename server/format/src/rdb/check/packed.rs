//! Values that are one packed blob, or a chain of them.
use super::super::length::read_count;
use super::super::value::blob::{check_text, Blob};
use super::super::value::packed::{read_container, PLAIN};
use super::super::value::plain::FIELD_EXPIRY_MAX_MS;
use super::super::value::score::Score;
use super::distinct::Distinct;
use super::Check;
use crate::cursor::Cursor;
use crate::encodings::intset::Intset;
use crate::encodings::listpack::Listpack;
use crate::encodings::ziplist::Ziplist;
use crate::encodings::zipmap::Zipmap;
use crate::encodings::{IntBuf, Item};
use crate::error::{FormatError, Result};
use crate::number;

/// Redis 7.4 itself states the smallest field expiry a millisecond late at times.
const MIN_TOLERANCE_MS: u64 = 1;

/// What the items of a packed sequence are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    List,
    Set,
    /// Member, score.
    Zset,
    /// Field, value.
    Hash,
    /// Field, value, absolute expiry in ms or 0; with the smallest one as the value states it.
    HashEx {
        min: Option<i64>,
    },
}

impl Shape {
    fn items_per_element(self) -> usize {
        match self {
            Shape::List | Shape::Set => 1,
            Shape::Zset | Shape::Hash => 2,
            Shape::HashEx { .. } => 3,
        }
    }
}

pub(super) fn zipmap(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let blob = Blob::read(cursor, &mut check.scratch.first)?;
    let zipmap = Zipmap::parse(blob.bytes).map_err(|e| blob.place(e))?;
    zipmap.validate().map_err(|e| blob.place(e))?;
    check.names.expect(blob.bytes.len() / 3);
    let mut pairs = 0;
    for pair in zipmap.iter() {
        check.names.add(pair.map_err(|e| blob.place(e))?.0);
        pairs += 1;
    }
    if pairs == 0 {
        return Err(blob.corrupt("zipmap is empty"));
    }
    Ok(())
}

pub(super) fn intset(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let blob = Blob::read(cursor, &mut check.scratch.first)?;
    let intset = Intset::parse(blob.bytes).map_err(|e| blob.place(e))?;
    if check.deep {
        intset.validate().map_err(|e| blob.place(e))?;
    }
    Ok(())
}

/// Servers since 7.0 convert ziplists while they load, and so check them whole at any setting.
pub(super) fn ziplist(check: &mut Check<'_>, cursor: &mut Cursor<'_>, shape: Shape) -> Result<()> {
    let blob = Blob::read(cursor, &mut check.scratch.first)?;
    let ziplist = Ziplist::parse(blob.bytes).map_err(|e| blob.place(e))?;
    let mut items = Items::new(shape, check.names, &blob);
    ziplist.validate().map_err(|e| blob.place(e))?;
    for item in ziplist.iter() {
        item.and_then(|item| items.item(item)).map_err(|e| blob.place(e))?;
    }
    let (count, odd) = items.end(&blob)?;
    let offset = blob.offset();
    check.elements(count);
    report(check, offset, odd);
    Ok(())
}

pub(super) fn listpack(check: &mut Check<'_>, cursor: &mut Cursor<'_>, shape: Shape) -> Result<()> {
    let blob = Blob::read(cursor, &mut check.scratch.first)?;
    let listpack = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?;
    if !check.deep {
        let empty = listpack.is_empty();
        check.elements(usize::from(!empty));
        return Ok(());
    }
    let mut items = Items::new(shape, check.names, &blob);
    listpack.validate_each(|item| items.item(item)).map_err(|e| blob.place(e))?;
    let (count, odd) = items.end(&blob)?;
    let offset = blob.offset();
    check.elements(count);
    report(check, offset, odd);
    Ok(())
}

pub(super) fn quicklist(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let mut elements = 0;
    for _ in 0..read_count(cursor, 1)? {
        let blob = Blob::read(cursor, &mut check.scratch.first)?;
        let ziplist = Ziplist::parse(blob.bytes).map_err(|e| blob.place(e))?;
        ziplist.validate().map_err(|e| blob.place(e))?;
        elements += ziplist.count().map_err(|e| blob.place(e))?;
    }
    check.elements(elements);
    Ok(())
}

pub(super) fn quicklist2(check: &mut Check<'_>, cursor: &mut Cursor<'_>) -> Result<()> {
    let mut empty = true;
    for _ in 0..read_count(cursor, 2)? {
        if read_container(cursor)? == PLAIN {
            let start = cursor.pos();
            if super::super::string::read(&mut cursor.clone())?.is_empty() {
                return Err(FormatError::corrupt(start, "PLAIN quicklist node is empty"));
            }
            check_text(cursor)?;
            empty = false;
            continue;
        }
        let blob = Blob::read(cursor, &mut check.scratch.first)?;
        let listpack = Listpack::parse(blob.bytes).map_err(|e| blob.place(e))?;
        empty &= listpack.is_empty();
        if check.deep {
            listpack.validate().map_err(|e| blob.place(e))?;
        }
    }
    check.elements(usize::from(!empty));
    Ok(())
}

/// What servers accept although no server writes it, each told once.
#[derive(Debug, Clone, Copy, Default)]
struct Odd {
    number_as_text: bool,
    order: bool,
    score: bool,
    min: bool,
}

fn report(check: &mut Check<'_>, offset: usize, odd: Odd) {
    let told = [
        (odd.number_as_text, "an integer is stored as text"),
        (odd.order, "sorted set is not in the order of its scores"),
        (odd.score, "a score is not a number"),
        (odd.min, "the stated smallest field expiry differs from the real one"),
    ];
    for (_, what) in told.into_iter().filter(|(is_so, _)| *is_so) {
        check.odd(offset, what);
    }
}

/// Judges the items of a packed sequence as they come.
struct Items<'c, 'b> {
    shape: Shape,
    names: &'c mut Distinct,
    text: IntBuf,
    /// Items of the current element that have come.
    part: usize,
    elements: usize,
    /// Member of the current element, and the element before it, of a sorted set.
    member: Item<'b>,
    before: Option<(f64, Item<'b>)>,
    /// The last and the smallest field expiry.
    expiry: i64,
    min: Option<i64>,
    odd: Odd,
}

impl<'c, 'b> Items<'c, 'b> {
    fn new(shape: Shape, names: &'c mut Distinct, blob: &Blob<'b>) -> Self {
        // An item takes two bytes at least.
        names.expect(blob.bytes.len() / 2 / shape.items_per_element());
        Self {
            shape,
            names,
            text: IntBuf::new(),
            part: 0,
            elements: 0,
            member: Item::Int(0),
            before: None,
            expiry: 0,
            min: None,
            odd: Odd::default(),
        }
    }

    #[inline]
    fn item(&mut self, item: Item<'b>) -> Result<()> {
        if let Item::Str(text) = item {
            self.odd.number_as_text |= number::parse_i64(text).is_some();
        }
        match (self.part, self.shape) {
            (_, Shape::List) => {}
            (0, _) => {
                self.names.add(item.bytes(&mut self.text));
                self.member = item;
            }
            (1, Shape::Zset) => self.score(item),
            (2, _) => self.expiry(item)?,
            _ => {}
        }
        self.part += 1;
        if self.part == self.shape.items_per_element() {
            self.part = 0;
            self.elements += 1;
        }
        Ok(())
    }

    fn score(&mut self, item: Item<'b>) {
        let parsed = Score::of_item(item);
        let score = parsed.value();
        self.odd.score |= !matches!(parsed, Score::Exact(_)) || score.is_nan();
        if let Some((before, member)) = self.before {
            let (mut left, mut right) = (IntBuf::new(), IntBuf::new());
            self.odd.order |= before > score
                || before == score && member.bytes(&mut left) > self.member.bytes(&mut right);
        }
        self.before = Some((score, self.member));
    }

    /// Field expiries ascend; fields without one (0) come last.
    fn expiry(&mut self, item: Item<'b>) -> Result<()> {
        let Item::Int(at_ms) = item else {
            return Err(FormatError::corrupt(0, "field expiry is not an integer"));
        };
        if !(0..=FIELD_EXPIRY_MAX_MS).contains(&at_ms) {
            let what = format!("field expiry {at_ms} is out of range");
            return Err(FormatError::corrupt(0, what));
        }
        if self.elements > 0 && at_ms != 0 && (self.expiry == 0 || at_ms < self.expiry) {
            return Err(FormatError::corrupt(0, "fields are not in the order of their expiry"));
        }
        if at_ms != 0 {
            self.min.get_or_insert(at_ms);
        }
        self.expiry = at_ms;
        Ok(())
    }

    /// The number of elements, and what was odd.
    fn end(mut self, blob: &Blob<'_>) -> Result<(usize, Odd)> {
        if self.part != 0 {
            return Err(blob.corrupt("the last element lacks its other part"));
        }
        if let Shape::HashEx { min: Some(stated) } = self.shape {
            self.odd.min = self.min.is_some_and(|min| min.abs_diff(stated) > MIN_TOLERANCE_MS);
        }
        Ok((self.elements, self.odd))
    }
}

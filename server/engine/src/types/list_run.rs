//! One run of a list's elements, as it lies in a segment: `01 element` or `02 listpack`; and the
//! entries of a listpack by number, from an end, by value.
use super::{corrupt, Direction, Result};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::Item;
use redtool_store::layout::{SEGMENT_BYTES, SEGMENT_ELEMENTS};
use std::ops::Range;

/// Longer elements are plain.
pub const PACKED_MAX_BYTES: usize = 8192;
/// The first byte of a run.
const PLAIN: u8 = 1;
const PACKED: u8 = 2;
/// Bytes of a run before its listpack.
pub const HEAD: usize = 1;

/// The elements of a run; None when it is one plain element.
pub fn listpack_of(run: &[u8]) -> Result<Option<Listpack<'_>>> {
    match run.split_first() {
        Some((&PACKED, blob)) => Ok(Some(Listpack::parse(blob)?)),
        Some((&PLAIN, _)) => Ok(None),
        _ => Err(corrupt("a list segment is neither plain nor packed")),
    }
}

/// Number of elements of a run.
pub fn count_of(run: &[u8]) -> Result<u64> {
    match listpack_of(run)? {
        Some(listpack) => Ok(listpack.count()? as u64),
        None => Ok(1),
    }
}

/// A run of one element.
pub fn new_run(element: &[u8]) -> Vec<u8> {
    if element.len() > PACKED_MAX_BYTES {
        return [&[PLAIN], element].concat();
    }
    let mut run = run_of(&listpack::empty());
    append(&mut run, element);
    run
}

/// A listpack as a run.
pub fn run_of(blob: &[u8]) -> Vec<u8> {
    [&[PACKED], blob].concat()
}

/// Adds an element behind the last of a packed run.
pub fn append(run: &mut Vec<u8>, element: &[u8]) {
    let end = run.len() - HEAD - 1;
    listpack::splice_behind(run, HEAD, end..end, 0, &[New::Text(element)]);
}

/// Whether a run at an end takes another element.
pub fn has_room(run: &[u8], element: &[u8]) -> Result<bool> {
    let Some(listpack) = listpack_of(run)? else { return Ok(false) };
    Ok(element.len() <= PACKED_MAX_BYTES
        && run.len() + element.len() <= SEGMENT_BYTES
        && listpack.count()? < SEGMENT_ELEMENTS)
}

/// The bytes of an entry of a listpack.
pub fn place_of(listpack: &Listpack<'_>, index: u64) -> Result<Range<usize>> {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let count = listpack.count()?;
    let missing = || corrupt("a listpack has fewer entries than it states");
    if index > count / 2 {
        let mut items = listpack.iter_rev();
        for _ in index + 1..count {
            items.next().transpose()?.ok_or_else(missing)?;
        }
        let end = items.offset();
        items.next().transpose()?.ok_or_else(missing)?;
        return Ok(items.offset()..end);
    }
    let mut items = listpack.iter();
    items.advance(index)?;
    let start = items.offset();
    match items.advance(1)? {
        1 => Ok(start..items.offset()),
        _ => Err(missing()),
    }
}

/// The entry at an end of a listpack, and its bytes.
pub fn at_end<'b>(listpack: &Listpack<'b>, end: Direction) -> Result<(Item<'b>, Range<usize>)> {
    let missing = || corrupt("a list without elements");
    match end {
        Direction::Forward => {
            let mut items = listpack.iter();
            let item = items.next().ok_or_else(missing)??;
            Ok((item, listpack::START..items.offset()))
        }
        Direction::Backward => {
            let mut items = listpack.iter_rev();
            let end = items.offset();
            let item = items.next().ok_or_else(missing)??;
            Ok((item, items.offset()..end))
        }
    }
}

/// The entries that equal an element, at most so many, from this end; their bytes, in this order.
pub fn matches(
    listpack: &Listpack<'_>,
    element: &[u8],
    most: u64,
    from: Direction,
) -> Result<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut items = listpack.iter();
    while !items.is_at_end() && (from == Direction::Backward || (found.len() as u64) < most) {
        let start = items.offset();
        let Some(item) = items.next() else { break };
        if item?.eq_bytes(element) {
            found.push(start..items.offset());
        }
    }
    if from == Direction::Backward {
        found.reverse();
        found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
    Ok(found)
}

/// Removes entries.
pub fn remove_places(record: &mut Vec<u8>, head: usize, mut places: Vec<Range<usize>>) {
    // The last first: the others stay where they are.
    places.sort_unstable_by_key(|place| std::cmp::Reverse(place.start));
    for place in places {
        listpack::splice_behind(record, head, place, 1, &[]);
    }
}

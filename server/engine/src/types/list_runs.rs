//! Lists in segments, changed: runs of elements under the position of their first one.
//!
//! ```text
//! [id]['l'][position] → 01 element | 02 listpack         positions are contiguous
//! ```
//! A push or a pop touches the run at that end, which at the head gets another key (its bytes stay
//! where they are). A change inside moves the positions of the shorter side by giving its runs
//! other keys. Runs are begun at the ends when one is full, and cut in the middle when they have
//! grown to twice that; an element too large for a listpack of ordinary size is a run of its own.
use super::list_run::{
    append, at_end, count_of, has_room, listpack_of, matches, new_run, place_of, remove_places,
    run_of, HEAD, PACKED_MAX_BYTES,
};
use super::segments::{order_of, Segment, Segments};
use super::{corrupt, Direction, Result};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::Item;
use redtool_store::layout::{LIST_ORIGIN, SEGMENT_BYTES, SEGMENT_ELEMENTS};
use redtool_store::segment::list_key;
use redtool_store::space::SegmentMut;
use redtool_store::Space;

/// The runs of one list.
pub struct Runs<'s> {
    space: &'s mut Space,
    id: u64,
}

/// Where an element is.
struct Place {
    /// Position of its run.
    run: u64,
    /// Number in the run.
    offset: u64,
}

impl<'s> Runs<'s> {
    /// The runs of the list with this id.
    pub fn new(space: &'s mut Space, id: u64) -> Self {
        Self { space, id }
    }

    fn segments(&self) -> Segments<'_> {
        Segments::new(self.space, self.id, b'l')
    }

    fn at(&self, end: Direction) -> Result<Option<Segment<'_>>> {
        self.segments().walk_whole(end)?.advance()
    }

    fn first(&self) -> Result<u64> {
        Ok(self.at(Direction::Forward)?.map_or(LIST_ORIGIN, |segment| segment.order()))
    }

    fn run(&mut self, position: u64) -> Result<SegmentMut<'_>> {
        let run = self.space.segment_mut(&list_key(self.id, position))?;
        run.ok_or_else(|| corrupt("a list segment is gone"))
    }

    fn put(&mut self, position: u64, run: Vec<u8>) {
        self.space.put_segment(&list_key(self.id, position), run);
    }

    fn remove(&mut self, position: u64) {
        self.space.delete_segment(&list_key(self.id, position));
    }

    fn rename(&mut self, from: u64, to: u64) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let (from, to) = (list_key(self.id, from), list_key(self.id, to));
        Ok(self.space.rename_segment(&from, &to)?)
    }

    /// Position and bytes of the run at an end, to be changed.
    fn end_run(&mut self, end: Direction) -> Result<Option<(u64, SegmentMut<'_>)>> {
        let family = *self.segments().prefix();
        let found = self.space.end_segment_mut(&family, end == Direction::Forward)?;
        Ok(found.map(|(key, run)| (order_of(&key), run)))
    }

    /// Adds elements at an end, one after the other.
    pub fn push(&mut self, end: Direction, mut elements: &[&[u8]]) -> Result<()> {
        while !elements.is_empty() {
            elements = self.push_some(end, elements)?;
        }
        Ok(())
    }

    /// Adds elements to the run at an end, as many as it takes, or the first to a new one; those
    /// that are left.
    fn push_some<'e, 'b>(
        &mut self,
        end: Direction,
        elements: &'e [&'b [u8]],
    ) -> Result<&'e [&'b [u8]]> {
        let Some((position, mut run)) = self.end_run(end)? else {
            self.put(LIST_ORIGIN, new_run(elements[0]));
            return Ok(&elements[1..]);
        };
        let mut taken = 0;
        while taken < elements.len() && has_room(&run, elements[taken])? {
            match end {
                Direction::Forward => {
                    let new = [New::Text(elements[taken])];
                    listpack::splice_behind(
                        &mut run,
                        HEAD,
                        listpack::START..listpack::START,
                        0,
                        &new,
                    );
                }
                Direction::Backward => append(&mut run, elements[taken]),
            }
            taken += 1;
        }
        if taken > 0 {
            drop(run);
            if end == Direction::Forward {
                self.rename(position, position.wrapping_sub(taken as u64))?;
            }
            return Ok(&elements[taken..]);
        }
        run.shrink_to_fit();
        let next = match end {
            Direction::Forward => position.wrapping_sub(1),
            Direction::Backward => position.wrapping_add(count_of(&run)?),
        };
        drop(run);
        self.put(next, new_run(elements[0]));
        Ok(&elements[1..])
    }

    /// Hands the element at an end to `f` and removes it.
    pub fn pop<T>(&mut self, end: Direction, f: impl FnOnce(Item<'_>) -> T) -> Result<T> {
        let Some((position, mut run)) = self.end_run(end)? else {
            return Err(corrupt("a list without elements"));
        };
        let Some(listpack) = listpack_of(&run)? else {
            let result = f(Item::Str(&run[HEAD..]));
            drop(run);
            self.remove(position);
            return Ok(result);
        };
        let (item, place) = at_end(&listpack, end)?;
        let result = f(item);
        listpack::splice_behind(&mut run, HEAD, place, 1, &[]);
        let is_empty = run.len() == HEAD + listpack::START + 1;
        drop(run);
        if is_empty {
            self.remove(position);
        } else if end == Direction::Forward {
            self.rename(position, position.wrapping_add(1))?;
        }
        Ok(result)
    }

    /// Removes so many elements at an end.
    pub fn drop(&mut self, end: Direction, mut elements: u64) -> Result<()> {
        while elements > 0 {
            let Some((position, count)) = self.counted(end)? else {
                return Err(corrupt("a list has fewer elements than its record states"));
            };
            if count <= elements {
                self.remove(position);
                elements -= count;
                continue;
            }
            let mut run = self.run(position)?;
            let Some(listpack) = listpack_of(&run)? else { break };
            let place = match end {
                Direction::Forward => listpack::START..place_of(&listpack, elements)?.start,
                Direction::Backward => {
                    place_of(&listpack, count - elements)?.start..run.len() - HEAD - 1
                }
            };
            listpack::splice_behind(&mut run, HEAD, place, elements as usize, &[]);
            drop(run);
            if end == Direction::Forward {
                self.rename(position, position.wrapping_add(elements))?;
            }
            break;
        }
        Ok(())
    }

    /// Position and number of elements of the run at an end.
    fn counted(&self, end: Direction) -> Result<Option<(u64, u64)>> {
        let Some(segment) = self.at(end)? else { return Ok(None) };
        Ok(Some((segment.order(), count_of(&segment.value)?)))
    }

    /// The run that holds element number `index`.
    fn find(&self, index: u64) -> Result<Place> {
        let position = self.first()?.wrapping_add(index);
        let segments = self.segments();
        let floor = segments.floor(&segments.key(position))?;
        let Some(run) = floor.map(|segment| segment.order()) else {
            return Err(corrupt("a list has fewer elements than its record states"));
        };
        Ok(Place { run, offset: position.wrapping_sub(run) })
    }

    /// Replaces element number `index`.
    pub fn set(&mut self, index: u64, element: &[u8]) -> Result<()> {
        let Place { run: position, offset } = self.find(index)?;
        let mut run = self.run(position)?;
        match listpack_of(&run)? {
            None => *run = new_run(element),
            Some(listpack) if element.len() <= PACKED_MAX_BYTES => {
                let place = place_of(&listpack, offset)?;
                listpack::splice_behind(&mut run, HEAD, place, 1, &[New::Text(element)]);
                drop(run);
                self.cut_if_big(position)?;
            }
            Some(_) => {
                let at = position.wrapping_add(offset);
                drop(run);
                self.cut(position, offset)?;
                self.cut(at, 1)?;
                self.put(at, new_run(element));
            }
        }
        Ok(())
    }

    /// Makes the element number `offset` of a run the first of another run. Nothing is done at the
    /// ends.
    fn cut(&mut self, position: u64, offset: u64) -> Result<()> {
        let mut run = self.run(position)?;
        let Some(listpack) = listpack_of(&run)? else { return Ok(()) };
        if offset == 0 || offset >= listpack.count()? as u64 {
            return Ok(());
        }
        let at = place_of(&listpack, offset)?.start;
        let mut blob = run.split_off(HEAD);
        let rest = listpack::split_off(&mut blob, at, offset as usize);
        *run = run_of(&blob);
        drop(run);
        self.put(position.wrapping_add(offset), run_of(&rest));
        Ok(())
    }

    fn cut_if_big(&mut self, position: u64) -> Result<()> {
        let run = self.run(position)?;
        let Some(listpack) = listpack_of(&run)? else { return Ok(()) };
        let count = listpack.count()?;
        let is_big = run.len() > 2 * SEGMENT_BYTES || count > 2 * SEGMENT_ELEMENTS;
        drop(run);
        if is_big {
            self.cut(position, count as u64 / 2)?;
        }
        Ok(())
    }

    /// Adds an element before number `index` of `len`.
    pub fn insert(&mut self, index: u64, len: u64, element: &[u8]) -> Result<()> {
        let Place { run: position, offset } = self.find(index)?;
        let mut run = self.run(position)?;
        let is_head_shorter = index < len - index;
        match listpack_of(&run)? {
            Some(listpack) if element.len() <= PACKED_MAX_BYTES => {
                let at = place_of(&listpack, offset)?.start;
                listpack::splice_behind(&mut run, HEAD, at..at, 0, &[New::Text(element)]);
                drop(run);
                self.make_room(position.wrapping_add(1), is_head_shorter)?;
                self.cut_if_big(position.wrapping_sub(u64::from(is_head_shorter)))
            }
            _ => {
                drop(run);
                self.cut(position, offset)?;
                let at = position.wrapping_add(offset);
                self.make_room(at, is_head_shorter)?;
                self.put(at.wrapping_sub(u64::from(is_head_shorter)), new_run(element));
                Ok(())
            }
        }
    }

    /// Moves the runs before a position down by one, or those from it on up.
    fn make_room(&mut self, position: u64, moves_head: bool) -> Result<()> {
        let segments = self.segments();
        let mut positions = Vec::new();
        let mut walk = match moves_head {
            true => segments.walk()?,
            false => segments.walk_back()?,
        };
        while let Some(segment) = walk.advance()? {
            if (segment.order() < position) != moves_head {
                break;
            }
            positions.push(segment.order());
        }
        drop(walk);
        for from in positions {
            let to = if moves_head { from.wrapping_sub(1) } else { from.wrapping_add(1) };
            self.rename(from, to)?;
        }
        Ok(())
    }

    /// The number of the first element that equals this one.
    pub fn index_of(&self, element: &[u8]) -> Result<Option<u64>> {
        let mut before = 0;
        let mut walk = self.segments().walk()?;
        while let Some(segment) = walk.advance()? {
            let found = match listpack_of(&segment.value)? {
                Some(listpack) => listpack.find(element, 1)?,
                None => (&segment.value[HEAD..] == element).then_some(0),
            };
            if let Some(index) = found {
                return Ok(Some(before + index as u64));
            }
            before += count_of(&segment.value)?;
        }
        Ok(None)
    }

    /// Removes the elements that equal this one, at most so many, from this end on; how many. The
    /// list has `len`.
    pub fn remove_equal(
        &mut self,
        element: &[u8],
        most: u64,
        from: Direction,
        len: u64,
    ) -> Result<u64> {
        let first = self.first()?;
        let touched = self.runs_with(element, most, from)?;
        let (Some(low), Some(high)) = (
            touched.iter().map(|(position, ..)| *position).min(),
            touched.iter().map(|(position, ..)| *position).max(),
        ) else {
            return Ok(0);
        };
        let high_count = count_of(&self.run(high)?)?;
        let behind = high.wrapping_add(high_count);
        let mut removed = 0;
        for (position, matching) in touched {
            removed += matching;
            self.remove_in(position, element, matching, from)?;
        }
        let (before, after) = (low.wrapping_sub(first), first.wrapping_add(len) - behind);
        if before < after {
            self.close_gaps(behind, Direction::Backward)?;
        } else {
            self.close_gaps(low, Direction::Forward)?;
        }
        Ok(removed)
    }

    /// The runs that hold such elements, and how many each.
    fn runs_with(&self, element: &[u8], mut most: u64, from: Direction) -> Result<Vec<(u64, u64)>> {
        let mut touched = Vec::new();
        let mut walk = self.segments().walk_whole(from)?;
        while let (true, Some(segment)) = (most > 0, walk.advance()?) {
            let matching = match listpack_of(&segment.value)? {
                Some(listpack) => matches(&listpack, element, most, from)?.len() as u64,
                None => u64::from(&segment.value[HEAD..] == element),
            };
            if matching > 0 {
                touched.push((segment.order(), matching));
                most -= matching;
            }
        }
        Ok(touched)
    }

    fn remove_in(&mut self, at: u64, element: &[u8], most: u64, from: Direction) -> Result<()> {
        let mut run = self.run(at)?;
        let is_left = match listpack_of(&run)? {
            Some(listpack) => {
                let places = matches(&listpack, element, most, from)?;
                remove_places(&mut run, HEAD, places);
                run.len() > HEAD + listpack::START + 1
            }
            None => false,
        };
        drop(run);
        if !is_left {
            self.remove(at);
        }
        Ok(())
    }

    /// Makes positions contiguous again: going forward, of the runs from a position on; going
    /// backward, of those before it.
    fn close_gaps(&mut self, position: u64, direction: Direction) -> Result<()> {
        let segments = self.segments();
        let mut moves = Vec::new();
        let mut expected = position;
        let mut walk = match direction {
            Direction::Forward => segments.walk_exactly_from(&segments.key(position))?,
            Direction::Backward => {
                segments.walk_back_from(&segments.key(position.wrapping_sub(1)))?
            }
        };
        while let Some(segment) = walk.advance()? {
            let count = count_of(&segment.value)?;
            if direction == Direction::Backward {
                expected = expected.wrapping_sub(count);
            }
            moves.push((segment.order(), expected));
            if direction == Direction::Forward {
                expected = expected.wrapping_add(count);
            }
        }
        drop(walk);
        for (from, to) in moves {
            self.rename(from, to)?;
        }
        Ok(())
    }

    /// Bytes of all elements as one listpack, when they are not more than so many.
    pub fn packed_bytes(&self, most: usize) -> Result<Option<usize>> {
        let mut bytes = listpack::START + 1;
        let mut walk = self.segments().walk()?;
        while let Some(segment) = walk.advance()? {
            bytes += match listpack_of(&segment.value)? {
                Some(listpack) => listpack.as_bytes().len() - listpack::START - 1,
                None => New::Raw(&segment.value[HEAD..]).max_bytes(),
            };
            if bytes > most {
                return Ok(None);
            }
        }
        Ok(Some(bytes))
    }

    /// All elements in one listpack.
    pub fn gather(&self) -> Result<Vec<u8>> {
        let mut blob = listpack::empty();
        let mut walk = self.segments().walk()?;
        while let Some(segment) = walk.advance()? {
            match listpack_of(&segment.value)? {
                Some(listpack) => listpack::join(&mut blob, listpack.as_bytes()),
                None => listpack::push(&mut blob, &[New::Text(&segment.value[HEAD..])]),
            }
        }
        Ok(blob)
    }

    /// Lays the elements of a listpack down as the runs of a list that has none yet.
    pub fn scatter(&mut self, mut blob: Vec<u8>) -> Result<()> {
        let mut position = LIST_ORIGIN;
        loop {
            let listpack = Listpack::parse(&blob)?;
            let mut items = listpack.iter();
            let mut count = 0;
            while !items.is_at_end()
                && count < SEGMENT_ELEMENTS
                && (count == 0 || items.offset() < SEGMENT_BYTES)
            {
                items.next().transpose()?;
                count += 1;
            }
            if count == 0 {
                return Ok(());
            }
            let (offset, is_last) = (items.offset(), items.is_at_end());
            let rest = listpack::split_off(&mut blob, offset, count);
            self.put(position, run_of(&blob));
            if is_last {
                return Ok(());
            }
            position = position.wrapping_add(count as u64);
            blob = rest;
        }
    }
}

/// Holds the runs of a list of `len` elements to the layout.
#[cfg(test)]
pub fn check(space: &Space, id: u64, len: u64) {
    let segments = Segments::new(space, id, b'l');
    let (mut walk, mut expected, mut found) = (segments.walk().unwrap(), None, 0);
    while let Some(segment) = walk.advance().unwrap() {
        let count = count_of(&segment.value).unwrap();
        assert!(count > 0, "an empty run");
        assert_eq!(expected.unwrap_or(segment.order()), segment.order(), "positions");
        if let Some(listpack) = listpack_of(&segment.value).unwrap() {
            listpack.validate().unwrap();
        }
        expected = Some(segment.order() + count);
        found += count;
    }
    assert_eq!(found, len);
}

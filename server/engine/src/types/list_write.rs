//! Lists changed: small ones as one listpack in their record, others in segments
//! ([`super::list_runs`]).
//!
//! What OBJECT ENCODING says is Redis 7.2's rule: a list is a `listpack` until what is pushed or
//! put into it would make one node too large by `list-max-listpack-size`, and is one again when,
//! after something was removed, it would fit into half a node.
use super::list_limit::{fits, NodeLimit, FOLDED_BYTES};
use super::list_run::{at_end, matches, place_of, remove_places};
use super::list_runs::Runs;
use super::{decode, Direction, Result};
use crate::edit::{Edit, OwnedBody};
use crate::types::corrupt;
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::encodings::Item;
use redtool_format::rdb::{length, string, ValueType};
use redtool_format::Cursor;
use redtool_store::layout::INLINE_MAX_BYTES;
use redtool_store::{Encoding, Space};

/// What stands before the one listpack of a small list: one node, packed.
pub const ONE_PACKED_NODE: [u8; 2] = [1, PACKED as u8];
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

/// The nodes of an inline list as one listpack.
pub fn packed(payload: &[u8]) -> Result<Vec<u8>> {
    let mut cursor = Cursor::new(payload);
    let nodes = length::read_plain(&mut cursor)?;
    let mut whole: Option<Vec<u8>> = None;
    for _ in 0..nodes {
        let form = length::read_plain(&mut cursor)?;
        let bytes = decode(string::read(&mut cursor)?)?;
        match (form, &mut whole) {
            (PLAIN, whole) => {
                let blob = whole.get_or_insert_with(listpack::empty);
                listpack::push(blob, &[New::Text(&bytes)]);
            }
            (PACKED, whole) => {
                Listpack::parse(&bytes)?;
                match whole {
                    Some(blob) => listpack::join(blob, &bytes),
                    None => *whole = Some(bytes.into_owned()),
                }
            }
            _ => return Err(corrupt("a list node is neither plain nor packed")),
        }
    }
    Ok(whole.unwrap_or_else(listpack::empty))
}

/// A list being changed.
pub struct ListEdit<'s> {
    space: &'s mut Space,
    /// The object. Its count is kept.
    pub edit: Edit,
    setting: i64,
}

impl<'s> ListEdit<'s> {
    /// An existing list, or a new one without elements; `setting` is `list-max-listpack-size`.
    pub fn new(space: &'s mut Space, edit: Option<Edit>, setting: i64) -> Self {
        let new = || Edit::packed(ValueType::ListQuicklist2, Encoding::Listpack);
        Self { space, edit: edit.unwrap_or_else(new), setting }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> u64 {
        self.edit.count
    }

    /// Elements are to be added: the encoding that they ask for, before any is there.
    pub fn grows(&mut self, elements: &[&[u8]]) -> Result<()> {
        self.grows_by(elements.iter().map(|element| element.len()).sum(), elements.len() as u64)
    }

    /// The same by their bytes and number.
    pub fn grows_by(&mut self, bytes: usize, elements: u64) -> Result<()> {
        if self.edit.encoding != Encoding::Listpack {
            return Ok(());
        }
        let limit = NodeLimit::of(self.setting);
        let fits = self.edit.count.saturating_add(elements) <= limit.elements
            && bytes <= limit.bytes
            && self.packed_bytes(limit.bytes - bytes)?.is_some();
        if !fits {
            self.edit.encoding = Encoding::Quicklist;
        }
        Ok(())
    }

    /// Elements were removed or replaced: a list that has become small is a listpack again, and
    /// goes back into its record.
    pub fn shrunk(&mut self) -> Result<()> {
        let limit = NodeLimit::of(self.setting).half(self.setting);
        let is_segmented = matches!(self.edit.body, OwnedBody::Segmented { .. });
        let may_change =
            self.edit.encoding == Encoding::Quicklist && self.edit.count <= limit.elements;
        let most = match (may_change, is_segmented) {
            (true, true) => limit.bytes.max(FOLDED_BYTES),
            (true, false) => limit.bytes,
            (false, true) => FOLDED_BYTES,
            (false, false) => return Ok(()),
        };
        if !fits(self.edit.count, most) || self.edit.count == 0 {
            return Ok(());
        }
        let Some(bytes) = self.packed_bytes(most)? else { return Ok(()) };
        if may_change && bytes <= limit.bytes {
            self.edit.encoding = Encoding::Listpack;
        }
        if is_segmented && bytes <= FOLDED_BYTES {
            if let Some(runs) = self.runs() {
                let blob = runs.gather()?;
                self.edit.body = OwnedBody::Packed(blob);
            }
        }
        Ok(())
    }

    /// Bytes of all elements as one listpack, when they are not more than so many.
    fn packed_bytes(&mut self, most: usize) -> Result<Option<usize>> {
        match &self.edit.body {
            OwnedBody::Packed(blob) => Ok(Some(blob.len()).filter(|bytes| *bytes <= most)),
            OwnedBody::Segmented { id, .. } => Runs::new(self.space, *id).packed_bytes(most),
            OwnedBody::Payload(_) => Err(neither()),
        }
    }

    fn runs(&mut self) -> Option<Runs<'_>> {
        match self.edit.body {
            OwnedBody::Segmented { id, .. } => Some(Runs::new(self.space, id)),
            _ => None,
        }
    }

    /// The listpack of a list that stays in its record when so many bytes are added; one that does
    /// not moves into segments.
    fn blob(&mut self, added_bytes: usize) -> Result<Option<&mut Vec<u8>>> {
        if let OwnedBody::Packed(blob) = &mut self.edit.body {
            if blob.len() + added_bytes > INLINE_MAX_BYTES {
                let blob = std::mem::take(blob);
                let id = self.space.new_id();
                Runs::new(self.space, id).scatter(blob)?;
                self.edit.body = OwnedBody::Segmented { id, tail: Vec::new() };
            }
        }
        match &mut self.edit.body {
            OwnedBody::Packed(blob) => {
                Listpack::parse(blob)?;
                Ok(Some(blob))
            }
            OwnedBody::Segmented { .. } => Ok(None),
            OwnedBody::Payload(_) => Err(neither()),
        }
    }

    /// Adds elements at an end, one after the other.
    pub fn push(&mut self, end: Direction, elements: &[&[u8]]) -> Result<()> {
        let mut left = elements;
        while let [element, rest @ ..] = left {
            let new = New::Text(element);
            let Some(blob) = self.blob(new.max_bytes())? else { break };
            match end {
                Direction::Forward => listpack::insert(blob, listpack::START, &[new]),
                Direction::Backward => listpack::push(blob, &[new]),
            }
            left = rest;
        }
        if let (false, Some(mut runs)) = (left.is_empty(), self.runs()) {
            runs.push(end, left)?;
        }
        self.edit.count += elements.len() as u64;
        Ok(())
    }

    /// Hands the element at an end to `f` and removes it.
    pub fn pop<T>(&mut self, end: Direction, f: impl FnOnce(Item<'_>) -> T) -> Result<T> {
        let result = match self.blob(0)? {
            Some(blob) => {
                let (item, place) = at_end(&Listpack::parse(blob)?, end)?;
                let result = f(item);
                listpack::remove(blob, place, 1);
                result
            }
            None => match self.runs() {
                Some(mut runs) => runs.pop(end, f)?,
                None => return Err(neither()),
            },
        };
        self.edit.count = self.edit.count.saturating_sub(1);
        Ok(result)
    }

    /// Removes so many elements at an end.
    pub fn drop(&mut self, end: Direction, elements: u64) -> Result<()> {
        let (elements, count) = (elements.min(self.edit.count), self.edit.count);
        if elements == 0 {
            return Ok(());
        }
        if let Some(blob) = self.blob(0)? {
            let listpack = Listpack::parse(blob)?;
            let place = match end {
                _ if elements == count => listpack::START..listpack::end(blob),
                Direction::Forward => listpack::START..place_of(&listpack, elements)?.start,
                Direction::Backward => {
                    place_of(&listpack, count - elements)?.start..listpack::end(blob)
                }
            };
            listpack::remove(blob, place, elements as usize);
        } else if let (true, Some(mut runs)) = (elements < count, self.runs()) {
            // When none is left the segments go with the record.
            runs.drop(end, elements)?;
        }
        self.edit.count -= elements;
        Ok(())
    }

    /// Replaces element number `index`, which is there.
    pub fn set(&mut self, index: u64, element: &[u8]) -> Result<()> {
        let new = New::Text(element);
        if let Some(blob) = self.blob(new.max_bytes())? {
            let place = place_of(&Listpack::parse(blob)?, index)?;
            listpack::splice(blob, place, 1, &[new]);
        } else if let Some(mut runs) = self.runs() {
            runs.set(index, element)?;
        }
        Ok(())
    }

    /// Adds an element before the first one that equals `pivot`, or behind it; whether there is
    /// one.
    pub fn insert(&mut self, pivot: &[u8], is_behind: bool, element: &[u8]) -> Result<bool> {
        let new = New::Text(element);
        let found = match self.blob(0)? {
            Some(blob) => match Listpack::parse(blob)?.find_place(pivot, 1)? {
                Some((place, _)) => Some(place),
                None => return Ok(false),
            },
            None => None,
        };
        if let (Some(place), Some(blob)) = (found, self.blob(new.max_bytes())?) {
            listpack::insert(blob, if is_behind { place.end } else { place.start }, &[new]);
            self.edit.count += 1;
            return Ok(true);
        }
        let len = self.edit.count;
        let Some(mut runs) = self.runs() else { return Err(neither()) };
        let Some(index) = runs.index_of(pivot)? else { return Ok(false) };
        match index + u64::from(is_behind) {
            0 => runs.push(Direction::Forward, &[element])?,
            index if index >= len => runs.push(Direction::Backward, &[element])?,
            index => runs.insert(index, len, element)?,
        }
        self.edit.count += 1;
        Ok(true)
    }

    /// Removes the elements that equal this one, at most so many, from this end on; how many.
    pub fn remove(&mut self, element: &[u8], most: u64, from: Direction) -> Result<u64> {
        let len = self.edit.count;
        let removed = if let Some(blob) = self.blob(0)? {
            let places = matches(&Listpack::parse(blob)?, element, most, from)?;
            let removed = places.len() as u64;
            remove_places(blob, 0, places);
            removed
        } else if let Some(mut runs) = self.runs() {
            runs.remove_equal(element, most, from, len)?
        } else {
            0
        };
        self.edit.count = len.saturating_sub(removed);
        Ok(removed)
    }
}

#[cold]
fn neither() -> crate::error::Error {
    corrupt("a list that is neither packed nor cut")
}

#[cfg(test)]
mod tests {
    use super::super::list::List;
    use super::super::list_runs::check;
    use super::super::ON;
    use super::*;
    use redtool_format::encodings::IntBuf;
    use redtool_store::Object;
    use std::collections::VecDeque;

    const DEFAULT: i64 = -2;

    fn all(space: &Space, edit: &Edit) -> Vec<Vec<u8>> {
        let mut record = Vec::new();
        edit.write(None, &mut record);
        let object = Object::parse(&record).unwrap();
        let list = List::open(space, &object).unwrap();
        let mut found = Vec::new();
        list.each(0, Direction::Forward, |item| {
            found.push(item.bytes(&mut IntBuf::new()).to_vec());
            Ok(ON)
        })
        .unwrap();
        if let OwnedBody::Segmented { id, .. } = edit.body {
            check(space, id, edit.count);
        }
        found
    }

    fn ends(draw: usize) -> Direction {
        if draw.is_multiple_of(2) {
            Direction::Forward
        } else {
            Direction::Backward
        }
    }

    /// One random change of both.
    fn change(list: &mut ListEdit<'_>, model: &mut VecDeque<Vec<u8>>, draw: usize, grows: bool) {
        let (end, what) = (ends(draw), draw / 2 % 16);
        let element = match draw % 97 {
            0 => vec![b'L'; 8000 + draw % 400],
            1..=8 => vec![b'm'; draw % 900],
            9..=40 => (draw % 50).to_string().into_bytes(),
            _ => format!("e{}", draw % 50).into_bytes(),
        };
        let index = draw / 31 % model.len().max(1);
        match what {
            _ if model.is_empty() || (grows && what < 8) => {
                let elements = vec![&element[..]; 1 + draw % 3];
                list.push(end, &elements).unwrap();
                for _ in elements {
                    match end {
                        Direction::Forward => model.push_front(element.clone()),
                        Direction::Backward => model.push_back(element.clone()),
                    }
                }
            }
            0..=8 => {
                let popped = list.pop(end, |item| item.to_vec()).unwrap();
                let wanted = match end {
                    Direction::Forward => model.pop_front(),
                    Direction::Backward => model.pop_back(),
                };
                assert_eq!(Some(popped), wanted);
            }
            9 => {
                let count = (draw / 7 % 200).min(model.len());
                let count = if grows { count / 8 } else { count };
                list.drop(end, count as u64).unwrap();
                match end {
                    Direction::Forward => drop(model.drain(..count)),
                    Direction::Backward => model.truncate(model.len() - count),
                }
            }
            10 | 11 => {
                list.set(index as u64, &element).unwrap();
                model[index] = element;
            }
            12 | 13 => {
                let (pivot, is_behind) = (model[index].clone(), (draw / 3).is_multiple_of(2));
                assert!(list.insert(&pivot, is_behind, &element).unwrap());
                let at = model.iter().position(|other| *other == pivot).unwrap();
                model.insert(at + usize::from(is_behind), element);
            }
            _ => remove_equal(list, model, index, draw),
        }
    }

    fn remove_equal(
        list: &mut ListEdit<'_>,
        model: &mut VecDeque<Vec<u8>>,
        index: usize,
        draw: usize,
    ) {
        let (element, from, most) = (model[index].clone(), ends(draw), 1 + draw / 11 % 5);
        let removed = list.remove(&element, most as u64, from).unwrap();
        let mut places: Vec<usize> = (0..model.len()).filter(|n| model[*n] == element).collect();
        if from == Direction::Backward {
            places.reverse();
        }
        places.truncate(most);
        assert_eq!(removed, places.len() as u64);
        places.sort_unstable_by(|a, b| b.cmp(a));
        for place in places {
            model.remove(place);
        }
    }

    #[test]
    fn changed_as_a_deque_is() {
        let mut space = Space::in_memory();
        let mut edit: Option<Edit> = None;
        let mut model = VecDeque::new();
        let mut random = 5u64;
        let mut was = [false; 2];
        for step in 0..12_000usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Grows, shrinks to nothing, and again.
            let grows = step % 6000 < 3500;
            let mut list = ListEdit::new(&mut space, edit.take(), DEFAULT);
            change(&mut list, &mut model, (random >> 33) as usize, grows);
            list.shrunk().unwrap();
            let left = list.edit;
            assert_eq!(left.count, model.len() as u64);
            if left.count > 0 && (step % 50 == 0 || model.len() < 200) {
                assert_eq!(all(&space, &left), *model.make_contiguous());
            }
            was[usize::from(matches!(left.body, OwnedBody::Segmented { .. }))] = true;
            edit = match (left.count, left.body.clone()) {
                (0, OwnedBody::Segmented { id, .. }) => {
                    space.delete_segments(id).unwrap();
                    None
                }
                _ => Some(left),
            };
        }
        assert_eq!(was, [true, true]);
    }

    #[test]
    fn the_encoding_follows_the_limit_of_a_node_and_half_of_it() {
        let mut space = Space::in_memory();
        let three: Vec<&[u8]> = vec![b"a", b"b", b"c"];
        let mut list = ListEdit::new(&mut space, None, 3);
        list.grows(&three).unwrap();
        list.push(Direction::Backward, &three).unwrap();
        assert_eq!(list.edit.encoding, Encoding::Listpack);
        list.grows(&[b"d"]).unwrap();
        list.push(Direction::Backward, &[b"d"]).unwrap();
        assert_eq!(list.edit.encoding, Encoding::Quicklist);
        for (left, encoding) in [(2, Encoding::Quicklist), (1, Encoding::Listpack)] {
            list.drop(Direction::Backward, list.len() - left).unwrap();
            list.shrunk().unwrap();
            assert_eq!(list.edit.encoding, encoding, "{left} left");
        }
        for (setting, bytes) in [(-1, 4096), (-2, 8192), (-5, 65536), (-9, 65536), (100, 8192)] {
            for (element, encoding) in [(0, Encoding::Listpack), (1, Encoding::Quicklist)] {
                let element = vec![b'x'; bytes - 7 + element];
                let mut list = ListEdit::new(&mut space, None, setting);
                list.grows(&[&element]).unwrap();
                assert_eq!(list.edit.encoding, encoding, "{setting}");
            }
        }
    }

    #[test]
    fn nodes_of_an_inline_list_are_read_as_one() {
        let mut payload = vec![3];
        for node in [&[1u64][..], &[2, 3]] {
            let mut blob = listpack::empty();
            node.iter().for_each(|n| listpack::push(&mut blob, &[New::Int(*n as i64)]));
            payload.push(PACKED as u8);
            string::write_raw(&mut payload, &blob);
        }
        payload.push(PLAIN as u8);
        string::write_raw(&mut payload, b"plain");
        let blob = packed(&payload).unwrap();
        let listpack = Listpack::parse(&blob).unwrap();
        listpack.validate().unwrap();
        let items: Vec<Vec<u8>> = listpack.iter().map(|item| item.unwrap().to_vec()).collect();
        assert_eq!(items, [&b"1"[..], b"2", b"3", b"plain"]);
        payload[1] = 3;
        assert!(packed(&payload).is_err());
    }
}

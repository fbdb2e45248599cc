//! Sets written.
//!
//! What OBJECT ENCODING says goes one way only, by the rules of Redis 7.2: intset, listpack, hash
//! table ([`encoding_with`]). How the members lie follows from them and their size: integers alone
//! stay an intset as long as it fits into the record, whatever the encoding says; anything else is
//! one listpack, or segments of them.
use super::groups_write;
use super::limits::Limits;
use super::Result;
use crate::edit::{Edit, OwnedBody};
use redtool_format::encodings::intset::{self, Intset};
use redtool_format::encodings::listpack::edit::{self as listpack, New};
use redtool_format::encodings::listpack::Listpack;
use redtool_format::number;
use redtool_format::rdb::ValueType;
use redtool_store::layout::INLINE_MAX_BYTES;
use redtool_store::{Encoding, Space};

/// An intset has at most so many members, whatever the setting says.
const INTSET_MOST: usize = 1 << 30;

/// A new set without members, in the form for one that `members` are about to be put into, of which
/// this is the first.
pub fn for_members(first: &[u8], members: usize, limits: &Limits) -> Edit {
    if number::parse_i64(first).is_some() && members <= limits.set_intset_entries {
        return of_encoding(Encoding::Intset);
    }
    match members <= limits.set_entries {
        true => of_encoding(Encoding::Listpack),
        false => of_encoding(Encoding::Hashtable),
    }
}

/// A new set without members that begins with this encoding.
pub fn of_encoding(encoding: Encoding) -> Edit {
    match encoding {
        Encoding::Intset => {
            Edit::new(ValueType::SetIntset, encoding, 0, OwnedBody::Packed(intset::edit::empty()))
        }
        other => Edit::packed(ValueType::SetListpack, other),
    }
}

/// So many members are about to be put into a set: it becomes a hash table at once when they are
/// too many for what it is.
pub fn expect(edit: &mut Edit, members: usize, limits: &Limits) {
    let most = match edit.encoding {
        Encoding::Intset => limits.set_intset_entries,
        Encoding::Listpack => limits.set_entries,
        _ => return,
    };
    if members > most {
        edit.encoding = Encoding::Hashtable;
    }
}

/// What a set looks like from outside while it grows.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The encoding.
    pub encoding: Encoding,
    /// Members.
    pub count: u64,
    /// Length of the longest integer as text.
    pub longest_int: usize,
}

/// The encoding of a set of this shape when a new member has been added.
pub fn encoding_with(shape: Shape, member: &[u8], is_int: bool, limits: &Limits) -> Encoding {
    let fits = shape.count < limits.set_entries as u64 && member.len() <= limits.set_value_bytes;
    match shape.encoding {
        Encoding::Intset if is_int => {
            let most = limits.set_intset_entries.min(INTSET_MOST) as u64;
            if shape.count < most {
                Encoding::Intset
            } else {
                Encoding::Hashtable
            }
        }
        Encoding::Intset if fits && shape.longest_int <= limits.set_value_bytes => {
            Encoding::Listpack
        }
        Encoding::Listpack if fits => Encoding::Listpack,
        _ => Encoding::Hashtable,
    }
}

/// Adds a member; whether it is new.
pub fn add(space: &mut Space, edit: &mut Edit, member: &[u8], limits: &Limits) -> Result<bool> {
    let int = number::parse_i64(member);
    let mut shape = Shape { encoding: edit.encoding, count: edit.count, longest_int: 0 };
    if edit.value_type == ValueType::SetIntset {
        match (int, &mut edit.body) {
            (Some(n), OwnedBody::Packed(blob)) => {
                let is_new = intset::edit::insert(blob, n)?;
                if is_new {
                    edit.encoding = encoding_with(shape, member, true, limits);
                    edit.count += 1;
                    settle(space, edit)?;
                }
                return Ok(is_new);
            }
            (_, OwnedBody::Packed(_)) => {
                shape.longest_int = longest_int(edit);
                into_listpack(space, edit)?;
            }
            _ => {}
        }
    }
    let text = int.map_or(New::Text(member), New::Int);
    let is_new = groups_write::put(space, edit, member, &[text])?;
    if is_new {
        edit.encoding = encoding_with(shape, member, int.is_some(), limits);
    }
    Ok(is_new)
}

/// Removes a member; whether it was there.
pub fn remove(space: &mut Space, edit: &mut Edit, member: &[u8]) -> Result<bool> {
    match (edit.value_type, &mut edit.body) {
        (ValueType::SetIntset, OwnedBody::Packed(blob)) => {
            let Some(n) = number::parse_i64(member) else { return Ok(false) };
            let removed = intset::edit::remove(blob, n)?;
            edit.count -= u64::from(removed && edit.count > 0);
            Ok(removed)
        }
        _ => groups_write::remove(space, edit, member, 1),
    }
}

/// A set of nothing but integers becomes an intset again, when it is small enough.
pub fn become_intset(edit: &mut Edit, limits: &Limits) -> Result<()> {
    if edit.count > limits.set_intset_entries.min(INTSET_MOST) as u64 {
        return Ok(());
    }
    edit.encoding = Encoding::Intset;
    let OwnedBody::Packed(blob) = &edit.body else { return Ok(()) };
    if edit.value_type == ValueType::SetIntset {
        return Ok(());
    }
    let mut members = Vec::with_capacity(edit.count.min(blob.len() as u64) as usize);
    for member in Listpack::parse(blob)?.iter() {
        members.extend(member?.as_int());
    }
    members.sort_unstable();
    let mut packed = Vec::new();
    intset::write(&mut packed, &members);
    (edit.value_type, edit.body) = (ValueType::SetIntset, OwnedBody::Packed(packed));
    Ok(())
}

/// An intset that has outgrown its record moves into segments, in which sets are listpacks.
fn settle(space: &mut Space, edit: &mut Edit) -> Result<()> {
    match &edit.body {
        OwnedBody::Packed(blob) if blob.len() > INLINE_MAX_BYTES => edit.settle(space),
        _ => Ok(()),
    }
}

/// Length in text of the longest member of an intset.
fn longest_int(edit: &Edit) -> usize {
    let OwnedBody::Packed(blob) = &edit.body else { return 0 };
    let Ok(intset) = Intset::parse(blob) else { return 0 };
    let ends = [intset.get(0), intset.get(intset.count() - 1)];
    ends.into_iter().map(|n| itoa::Buffer::new().format(n).len()).max().unwrap_or(0)
}

/// The same members, ascending, in a listpack.
fn into_listpack(space: &mut Space, edit: &mut Edit) -> Result<()> {
    let OwnedBody::Packed(blob) = &edit.body else { return Ok(()) };
    let mut packed = listpack::empty();
    if edit.count > 0 {
        for n in Intset::parse(blob)?.iter() {
            listpack::push(&mut packed, &[New::Int(n)]);
        }
    }
    (edit.value_type, edit.body) = (ValueType::SetListpack, OwnedBody::Packed(packed));
    settle(space, edit)
}

#[cfg(test)]
mod tests {
    use super::super::set::Set;
    use super::super::ON;
    use super::*;
    use redtool_format::encodings::IntBuf;
    use redtool_store::Object;
    use std::collections::BTreeSet;

    fn all(space: &Space, edit: &Edit) -> BTreeSet<Vec<u8>> {
        let (mut record, mut found) = (Vec::new(), BTreeSet::new());
        edit.write(None, &mut record);
        let set = Set::open(space, &Object::parse(&record).unwrap()).unwrap();
        set.each(|member| {
            assert!(found.insert(member.bytes(&mut IntBuf::new()).to_vec()));
            Ok(ON)
        })
        .unwrap();
        found
    }

    #[test]
    fn a_set_is_a_set_whatever_it_lies_in() {
        let limits = Limits { set_intset_entries: 6000, ..Limits::default() };
        for words_from in [100u64, 1500, 9000, 20_000] {
            let mut space = Space::in_memory();
            let mut edit = for_members(b"1", 1, &limits);
            let (mut model, mut random) = (BTreeSet::new(), 9u64);
            for step in 0..20_000u64 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let n = (random >> 33) % 12_000;
                let member = match step >= words_from && n % 3 == 0 {
                    true => format!("m{n}"),
                    false => format!("{}", n * n),
                }
                .into_bytes();
                if random >> 61 < if step < 12_000 { 7 } else { 1 } {
                    let is_new = add(&mut space, &mut edit, &member, &limits).unwrap();
                    assert_eq!(is_new, model.insert(member));
                } else {
                    let removed = remove(&mut space, &mut edit, &member).unwrap();
                    assert_eq!(removed, model.remove(&member));
                }
                assert_eq!(edit.count, model.len() as u64);
                if step % 997 == 0 && edit.count > 0 {
                    assert_eq!(all(&space, &edit), model);
                }
            }
            assert_eq!(all(&space, &edit), model);
        }
    }

    #[test]
    fn encodings_go_one_way_by_the_limits() {
        let limits = Limits::default();
        let mut space = Space::in_memory();
        let mut added = |from: Encoding, members: &[&str]| {
            let mut edit = of_encoding(from);
            for member in members {
                add(&mut space, &mut edit, member.as_bytes(), &limits).unwrap();
            }
            edit.encoding
        };
        let numbers: Vec<String> = (0..513).map(|n| n.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let long = "x".repeat(65);
        assert_eq!(added(Encoding::Intset, &numbers[..512]), Encoding::Intset);
        assert_eq!(added(Encoding::Intset, &numbers), Encoding::Hashtable);
        assert_eq!(
            added(Encoding::Intset, &[&numbers[..127], &["a"]].concat()),
            Encoding::Listpack
        );
        assert_eq!(
            added(Encoding::Intset, &[&numbers[..128], &["a"]].concat()),
            Encoding::Hashtable
        );
        assert_eq!(added(Encoding::Listpack, &numbers[..128]), Encoding::Listpack);
        assert_eq!(added(Encoding::Listpack, &numbers[..129]), Encoding::Hashtable);
        assert_eq!(added(Encoding::Listpack, &["a", &long]), Encoding::Hashtable);
        assert_eq!(added(Encoding::Intset, &["1", "a", "2"]), Encoding::Listpack);
    }
}

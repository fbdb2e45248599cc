//! Sets.
//!
//! ```text
//! inline     SetIntset: str = intset      SetListpack: str = listpack m,m,…
//! segmented  [id]['h'][hash of the first member]   listpack m,m,…   in the order of hashes
//! ```
use super::groups::{scan_unordered, Group, Groups};
use super::sample::{Pool, Random};
use super::segments::Segments;
use super::{only_blob, Flow, Result};
use redtool_format::encodings::intset::Intset;
use redtool_format::encodings::Item;
use redtool_format::number;
use redtool_format::rdb::ValueType;
use redtool_store::{Body, Object, Reader};
use std::borrow::Cow;

/// A set, opened.
pub struct Set<'r> {
    form: Form<'r>,
    len: u64,
    /// A scan gives it whole.
    is_packed: bool,
}

enum Form<'r> {
    Intset(Cow<'r, [u8]>),
    Groups(Groups<'r>),
}

impl<'r> Set<'r> {
    /// Opens a set.
    pub fn open(reader: &'r dyn Reader, object: &Object<'r>) -> Result<Self> {
        let form = match object.body {
            Body::Inline(payload) => {
                let blob = only_blob(payload)?;
                match object.value_type {
                    ValueType::SetIntset => Form::Intset(blob),
                    _ => Form::Groups(Groups::packed(blob, 1)),
                }
            }
            Body::Segmented { id, .. } => {
                Form::Groups(Groups::hashed(Segments::new(reader, id, b'h'), 1))
            }
        };
        Ok(Self { form, len: object.count, is_packed: object.encoding.is_packed() })
    }

    /// Number of members.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether this is a member.
    pub fn contains(&self, member: &[u8]) -> Result<bool> {
        match &self.form {
            Form::Intset(blob) => match number::parse_i64(member) {
                Some(n) => Ok(Intset::parse(blob)?.contains(n)),
                None => Ok(false),
            },
            Form::Groups(groups) => Ok(groups.find(member, |_| ())?.is_some()),
        }
    }

    /// Hands every member to `f` until it stops.
    pub fn each(&self, mut f: impl FnMut(Item<'_>) -> Result<Flow>) -> Result<()> {
        match &self.form {
            Form::Intset(blob) => {
                for n in Intset::parse(blob)?.iter() {
                    if f(Item::Int(n))?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Form::Groups(groups) => groups.each(|[member, ..]| f(member)),
        }
    }

    /// Hands some members to `f` and gives the cursor to go on with; see [`Groups::scan`].
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut f: impl FnMut(Item<'_>) -> Result<()>,
    ) -> Result<u64> {
        let count = if self.is_packed { usize::MAX } else { count };
        match &self.form {
            Form::Intset(blob) => {
                let members = Intset::parse(blob)?.iter().map(|n| Ok(alone(Item::Int(n))));
                scan_unordered(members, cursor, count, |[member, ..]| f(member))
            }
            Form::Groups(groups) => groups.scan(cursor, count, |[member, ..]| f(member)),
        }
    }
}

fn alone(member: Item<'_>) -> Group<'_> {
    [member, Item::Int(0), Item::Int(0)]
}

impl Pool for Set<'_> {
    fn count(&self) -> Result<u64> {
        Ok(self.len)
    }

    fn is_big(&self) -> bool {
        matches!(&self.form, Form::Groups(groups) if groups.is_big())
    }

    fn each(&self, f: &mut dyn FnMut(Group<'_>) -> Result<Flow>) -> Result<()> {
        Set::each(self, |member| f(alone(member)))
    }

    fn one(&self, random: &mut Random, f: &mut dyn FnMut(Group<'_>) -> Result<()>) -> Result<()> {
        match &self.form {
            Form::Intset(blob) => {
                let intset = Intset::parse(blob)?;
                let picked = random.below(intset.count() as u64) as usize;
                f(alone(Item::Int(intset.get(picked))))
            }
            Form::Groups(groups) => groups.one(random, f),
        }
    }
}

//! Sets made of others and stored: SINTERSTORE, SUNIONSTORE, SDIFFSTORE.
//!
//! The result is put together member by member, and the sources are read in batches between, so
//! that no more than a batch is held. Its encoding comes out as in Redis 7.2, which depends on the
//! way that Redis takes.
use crate::command::flag::{DENYOOM, WRITE};
use crate::command::Group::Set;
use crate::command::{write_row, Command};
use crate::context::{Context, Found};
use crate::error::Outcome;
use crate::keyspec::access::{ACCESS, OW, RO, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::SET;
use crate::types::set::Set as OpenSet;
use crate::types::set_write::{self, Shape};
use crate::types::Result;
use crate::write::Writing;
use redtool_format::encodings::IntBuf;
use redtool_format::number;
use redtool_format::rdb::Kind;
use redtool_store::Encoding;

/// What is made of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algebra {
    Inter,
    Union,
    Diff,
}

/// How the result is made.
struct Plan<'k> {
    algebra: Algebra,
    /// The sources, in the order in which they are taken.
    keys: Vec<&'k [u8]>,
    /// The encoding that the result begins with.
    begin: Encoding,
    /// Redis puts all members of the first set into the result, and takes out those of the others:
    /// the encoding is that of a set which had them all.
    had_all: bool,
    /// The source being read, and the place in it.
    source: usize,
    cursor: u64,
}

/// Members of a batch are about so many.
const BATCH: usize = 1024;

/// Some members, and whether each is of the result.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

impl Batch {
    fn push(&mut self, member: &[u8], is_kept: bool) {
        self.bytes.extend_from_slice(member);
        self.ends.push((self.bytes.len(), is_kept));
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let mut start = 0;
        self.ends.iter().map(move |(end, is_kept)| {
            let member = &self.bytes[start..*end];
            start = *end;
            (member, *is_kept)
        })
    }
}

impl<'k> Plan<'k> {
    /// Of sources that are absent or sets.
    fn new(ctx: &Context<'_>, keys: &[&'k [u8]], algebra: Algebra) -> Result<Self> {
        let found: Vec<Option<(u64, Encoding)>> = keys
            .iter()
            .map(|key| {
                let found = ctx.lookup_kind(key, Kind::Set)?;
                found.map(|found| found.object().map(|o| (o.count, o.encoding))).transpose()
            })
            .collect::<Result<_>>()?;
        let mut plan = Plan {
            algebra,
            keys: Vec::new(),
            begin: Encoding::Intset,
            had_all: false,
            source: 0,
            cursor: 0,
        };
        let there = || keys.iter().zip(&found).filter_map(|(key, found)| Some((*key, (*found)?)));
        match algebra {
            Algebra::Union => plan.keys = there().map(|(key, _)| key).collect(),
            Algebra::Inter if found.iter().all(Option::is_some) => {
                let mut sources: Vec<_> = there().collect();
                sources.sort_by_key(|(_, (len, _))| *len);
                if sources[0].1 .1 != Encoding::Intset {
                    plan.begin = Encoding::Listpack;
                }
                plan.keys = sources.into_iter().map(|(key, _)| key).collect();
            }
            Algebra::Diff if found[0].is_some() && !keys[1..].contains(&keys[0]) => {
                let first = found[0].map_or(0, |(len, _)| len);
                let one_by_one = first * there().count() as u64 / 2;
                plan.had_all = one_by_one > there().map(|(_, (len, _))| len).sum::<u64>();
                plan.keys = there().map(|(key, _)| key).collect();
            }
            _ => {}
        }
        Ok(plan)
    }

    /// Reads the next members; whether there were some to be read.
    fn fill(&mut self, ctx: &Context<'_>, batch: &mut Batch) -> Result<bool> {
        batch.bytes.clear();
        batch.ends.clear();
        let sources = if self.algebra == Algebra::Union { self.keys.len() } else { 1 };
        if self.source >= sources.min(self.keys.len()) {
            return Ok(false);
        }
        let found = self.keys[self.source..]
            .iter()
            .take(if self.algebra == Algebra::Union { 1 } else { usize::MAX })
            .map(|key| ctx.lookup_in(ctx.session.db, key))
            .collect::<Result<Vec<Option<Found<'_>>>>>()?;
        let sets = found
            .iter()
            .flatten()
            .map(|found| OpenSet::open(ctx.reader, &found.object()?))
            .collect::<Result<Vec<_>>>()?;
        let Some((set, others)) = sets.split_first() else { return Ok(false) };
        self.cursor = set.scan(self.cursor, BATCH, |member| {
            let mut buf = IntBuf::new();
            let bytes = member.bytes(&mut buf);
            let is_kept = self.algebra.keeps(others, bytes)?;
            if is_kept || self.had_all {
                batch.push(bytes, is_kept);
            }
            Ok(())
        })?;
        self.source += usize::from(self.cursor == 0);
        Ok(true)
    }
}

impl Algebra {
    /// Whether a member of the first set is of the result.
    fn keeps(self, others: &[OpenSet<'_>], member: &[u8]) -> Result<bool> {
        for other in others {
            if other.contains(member)? != (self == Algebra::Inter) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Makes the set that a plan says, and stores it at a key whatever was there.
fn store(ws: &mut Writing<'_>, args: &[&[u8]], algebra: Algebra, event: &str) -> Outcome {
    let (target, limits) = (args[1], ws.keys.limits);
    let mut plan = Plan::new(&ws.view(), &args[2..], algebra)?;
    let mut edit = set_write::of_encoding(plan.begin);
    let mut shape = Shape { encoding: plan.begin, count: 0, longest_int: 0 };
    let (mut only_ints, mut batch) = (true, Batch::default());
    while plan.fill(&ws.view(), &mut batch)? {
        for (member, is_kept) in batch.iter() {
            let is_int = number::parse_i64(member).is_some();
            if plan.had_all {
                shape.encoding = set_write::encoding_with(shape, member, is_int, &limits);
                shape.count += 1;
                shape.longest_int = shape.longest_int.max(if is_int { member.len() } else { 0 });
            }
            if is_kept {
                only_ints &= is_int;
                set_write::add(&mut ws.keys.space, &mut edit, member, &limits)?;
            }
        }
    }
    let count = edit.count;
    ws.out.int(count as i64);
    if count == 0 {
        ws.delete(target)?;
        return Ok(());
    }
    if plan.had_all {
        edit.encoding = shape.encoding;
    } else if algebra == Algebra::Inter && only_ints {
        set_write::become_intset(&mut edit, &limits)?;
    }
    ws.finish(target, edit, SET, event)?;
    Ok(())
}

fn sinterstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    store(ws, args, Algebra::Inter, "sinterstore")
}

fn sunionstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    store(ws, args, Algebra::Union, "sunionstore")
}

fn sdiffstore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    store(ws, args, Algebra::Diff, "sdiffstore")
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("sdiffstore", -3, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], Set, "1.0.0", sdiffstore)
        .args("destination:key key:key#1...")
        .docs("O(N)", "Difference of sets, stored."),
    write_row("sinterstore", -3, WRITE | DENYOOM,
        &[KeySpec::at(RW | UPDATE, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], Set, "1.0.0", sinterstore)
        .args("destination:key key:key#1...")
        .docs("O(N*M)", "Intersection of sets, stored."),
    write_row("sunionstore", -3, WRITE | DENYOOM,
        &[KeySpec::at(OW | UPDATE, 1),
          KeySpec::range(RO | ACCESS, 2, -1, 1)], Set, "1.0.0", sunionstore)
        .args("destination:key key:key#1...")
        .docs("O(N)", "Union of sets, stored."),
];

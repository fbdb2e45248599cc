//! SORT and SORT_RO.
//!
//! SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA]
//! [STORE destination]
//!
//! A pattern makes a key from an element: its first `*` becomes the element, and after `->` the
//! field of a hash is meant. `#` in GET is the element itself. BY without `*` keeps the order that
//! lists and sorted sets have by themselves. Texts are compared byte by byte, as Redis does in the
//! C locale; elements of equal weight by themselves.
use super::restore::load;
use crate::args;
use crate::command::flag::{DENYOOM, READONLY, WRITE};
use crate::command::Group::Generic;
use crate::command::{category, either_row, row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, OW, RO, UPDATE};
use crate::keyspec::KeySpec;
use crate::notify::class::LIST;
use crate::types::string::StringValue;
use crate::value::{self, never_called};
use crate::write::Writing;
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::Visitor;
use redtool_format::rdb::{length, string, Kind, ValueType};
use redtool_format::resp::Writer;
use std::cmp::Ordering;

/// SORT is a write command only for its STORE; without it, it runs on a read-only dataset.
fn sort_beside_others(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(&args[2..], true)?;
    match options.store {
        Some(_) => Err(crate::engine::READONLY),
        None => reply(ctx, args[1], &options),
    }
}

fn sort_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(&args[2..], false)?;
    reply(ctx, args[1], &options)
}

fn sort(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let options = Options::parse(&args[2..], true)?;
    let Some(target) = options.store else { return reply(&mut ws.view(), args[1], &options) };
    let view = ws.view();
    let chosen = run(&view, args[1], &options)?;
    let mut list = Vec::new();
    let count = chosen.len() * options.get.len().max(1);
    length::write(&mut list, count as u64);
    each_value(&view, &chosen, &options, |value| {
        string::write(&mut list, value.unwrap_or_default(), false);
    })?;
    store(ws, target, count, &list)?;
    ws.out.int(count as i64);
    Ok(())
}

/// Stores a list given as an RDB payload; one without elements removes the key.
fn store(ws: &mut Writing<'_>, target: &[u8], count: usize, payload: &[u8]) -> Outcome {
    match load(ws, ValueType::List, payload)? {
        Some(list) => {
            ws.save_in(ws.session.db, target, list)?;
            ws.changed(target, LIST, "sortstore");
            ws.keys.dirty += count as u64 - 1;
        }
        None => {
            ws.delete(target)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Options<'a> {
    by: Option<&'a [u8]>,
    /// Elements stay in the order they have: a BY without `*` was given, even if another followed.
    keeps_order: bool,
    get: Vec<&'a [u8]>,
    limit: Option<(i64, i64)>,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a [u8]], may_store: bool) -> Result<Self, Error> {
        let mut options = Options::default();
        let mut rest = args;
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "asc") {
                options.descending = false;
            } else if args::is(word, "desc") {
                options.descending = true;
            } else if args::is(word, "alpha") {
                options.alpha = true;
            } else if let ([offset, count, after @ ..], true) = (after, args::is(word, "limit")) {
                options.limit = Some((args::int(offset)?, args::int(count)?));
                rest = after;
            } else if let [value, after @ ..] = after {
                rest = after;
                if args::is(word, "by") {
                    options.by = Some(value);
                    options.keeps_order |= !value.contains(&b'*');
                } else if args::is(word, "get") {
                    options.get.push(value);
                } else if args::is(word, "store") && may_store {
                    options.store = Some(value);
                } else {
                    return Err(Error::SYNTAX);
                }
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// The elements that are asked for, in order.
fn run(ctx: &Context<'_>, key: &[u8], options: &Options<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let (mut elements, kind) = read_elements(ctx, key)?;
    if options.keeps_order && kind == Kind::Set && (options.store.is_some() || ctx.is_scripted) {
        // A set has no order of its own that could be kept in a list.
        elements.sort_unstable();
        if options.descending {
            elements.reverse();
        }
    } else if options.keeps_order {
        if options.descending {
            elements.reverse();
        }
    } else {
        elements = sorted(ctx, elements, options)?;
    }
    let range = range(options.limit, elements.len());
    elements.truncate(range.end);
    elements.drain(..range.start);
    Ok(elements)
}

/// Hands over what is given for each element: itself, or what each GET finds.
fn each_value(
    ctx: &Context<'_>,
    elements: &[Vec<u8>],
    options: &Options<'_>,
    mut take: impl FnMut(Option<&[u8]>),
) -> Outcome {
    for element in elements {
        if options.get.is_empty() {
            take(Some(element));
        }
        for pattern in &options.get {
            take(look_up_pattern(ctx, pattern, element)?.as_deref());
        }
    }
    Ok(())
}

fn reply(ctx: &mut Context<'_>, key: &[u8], options: &Options<'_>) -> Outcome {
    let chosen = run(ctx, key, options)?;
    let mut reply = Writer::new();
    reply.set_resp3(ctx.session.resp3);
    reply.array(chosen.len() * options.get.len().max(1));
    each_value(ctx, &chosen, options, |value| match value {
        Some(value) => reply.bulk(value),
        None => reply.null(),
    })?;
    ctx.out.buffer().append(reply.buffer());
    Ok(())
}

/// The part that LIMIT means; a negative count means all the rest.
fn range(limit: Option<(i64, i64)>, len: usize) -> std::ops::Range<usize> {
    let (offset, count) = limit.unwrap_or((0, -1));
    let start = usize::try_from(offset).unwrap_or(0).min(len);
    let count = usize::try_from(count).unwrap_or(len).min(len - start);
    start..start + count
}

/// The elements of a list, set or sorted set in their own order, and which of these it is.
fn read_elements(ctx: &Context<'_>, key: &[u8]) -> Result<(Vec<Vec<u8>>, Kind), Error> {
    let (mut elements, mut kind) = (Elements::default(), Kind::List);
    if let Some(found) = ctx.lookup(key)? {
        let object = found.object()?;
        kind = object.kind;
        if !matches!(object.kind, Kind::List | Kind::Set | Kind::Zset) {
            return Err(Error::WRONG_TYPE);
        }
        value::visit(ctx.reader, &object, &mut elements)?;
    }
    Ok((elements.0, kind))
}

#[derive(Default)]
struct Elements(Vec<Vec<u8>>);

impl Visitor for Elements {
    type Error = Error;
    never_called! {
        string(&[u8]);
        hash_field(&[u8], &[u8], Option<i64>);
        stream_message(&Message<'_>);
        stream_meta(&StreamMeta);
        opaque(ValueType, &[u8]);
    }
    fn list_item(&mut self, item: &[u8]) -> Result<(), Error> {
        self.0.push(item.to_vec());
        Ok(())
    }
    fn set_member(&mut self, member: &[u8]) -> Result<(), Error> {
        self.list_item(member)
    }
    fn zset_member(&mut self, member: &[u8], _: f64) -> Result<(), Error> {
        self.list_item(member)
    }
}

/// What an element is sorted by.
enum Weight {
    /// The element itself, as text.
    Element,
    /// The text at the key that BY names, None when there is no such key.
    Text(Option<Vec<u8>>),
    /// A number.
    Number(f64),
}

fn sorted(
    ctx: &Context<'_>,
    elements: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut weighed = Vec::with_capacity(elements.len());
    for element in elements {
        weighed.push((weigh(ctx, &element, options)?, element));
    }
    weighed.sort_by(|a, b| {
        let order = compare(a, b);
        if options.descending {
            order.reverse()
        } else {
            order
        }
    });
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

fn weigh(ctx: &Context<'_>, element: &[u8], options: &Options<'_>) -> Result<Weight, Error> {
    let text = match options.by {
        None if options.alpha => return Ok(Weight::Element),
        None => Some(element.to_vec()),
        Some(pattern) => look_up_pattern(ctx, pattern, element)?,
    };
    if options.alpha {
        return Ok(Weight::Text(text));
    }
    match text {
        None => Ok(Weight::Number(0.0)),
        Some(text) => number(&text)
            .map(Weight::Number)
            .ok_or(Error::fixed("ERR One or more scores can't be converted into double")),
    }
}

/// What strtod makes of a text, which ends at a NUL: white space before the number is skipped, an
/// empty text is 0.
fn number(text: &[u8]) -> Option<f64> {
    match text.split(|byte| *byte == 0).next() {
        None | Some([]) => Some(0.0),
        Some(text) => args::parse_double(text.trim_ascii_start()),
    }
}

fn compare(a: &(Weight, Vec<u8>), b: &(Weight, Vec<u8>)) -> Ordering {
    match (&a.0, &b.0) {
        (Weight::Number(x), Weight::Number(y)) => {
            x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(|| a.1.cmp(&b.1))
        }
        (Weight::Text(x), Weight::Text(y)) => x.cmp(y),
        _ => a.1.cmp(&b.1),
    }
}

/// The string that a pattern means for an element.
fn look_up_pattern(
    ctx: &Context<'_>,
    pattern: &[u8],
    element: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    if pattern == b"#" {
        return Ok(Some(element.to_vec()));
    }
    let Some(star) = pattern.iter().position(|byte| *byte == b'*') else { return Ok(None) };
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after.windows(2).position(|pair| pair == b"->");
    let (after, field) = match arrow {
        Some(at) if at + 2 < after.len() => (&after[..at], Some(&after[at + 2..])),
        _ => (after, None),
    };
    let key = [before, element, after].concat();
    let Some(found) = ctx.lookup(&key)? else { return Ok(None) };
    let object = found.object()?;
    match (object.kind, field) {
        (Kind::String, None) => {
            Ok(Some(StringValue::open(ctx.reader, &object)?.whole()?.into_owned()))
        }
        (Kind::Hash, Some(field)) => value::hash_field(ctx.reader, &object, field, ctx.now_ms()),
        _ => Ok(None),
    }
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("sort_ro", -2, READONLY,
        &[KeySpec::at(RO | ACCESS, 1), KeySpec::unknown(RO | ACCESS)], Generic, "7.0.0", sort_ro)
        .args("key [BY pattern:pattern#1] [LIMIT offset_count:(offset:integer count:integer)] \
               [GET pattern:pattern#1]... [order:<ASC|DESC>] [sorting=ALPHA]")
        .docs("O(N+M*log(M))", "Elements of a list, set or sorted set in order.")
        .acl(category::DANGEROUS | category::LIST | category::SET | category::SORTEDSET),
    either_row("sort", -2, WRITE | DENYOOM,
        &[KeySpec::at(RO | ACCESS, 1),
          KeySpec::unknown(RO | ACCESS),
          KeySpec::unknown(OW | UPDATE)], Generic, "1.0.0", (sort_beside_others, sort))
        .args("key [BY pattern:pattern#1] [LIMIT offset_count:(offset:integer count:integer)] \
               [GET pattern:pattern#1]... [order:<ASC|DESC>] [sorting=ALPHA] \
               [STORE destination:key#2]")
        .docs("O(N+M*log(M))", "Elements of a list, set or sorted set in order, stored if asked.")
        .acl(category::DANGEROUS | category::LIST | category::SET | category::SORTEDSET)
        .refuses_writes(),
];

//! Bits of strings, read. Bit 0 is the highest bit of byte 0; beyond the end every bit is 0.
use crate::args;
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::Bitmap;
use crate::command::{row, Command};
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::keyspec::READ_KEY;
use crate::types::string::StringValue;
use crate::types::{limits, ON, STOP};
use redtool_format::number;
use redtool_format::rdb::{Kind, Str};

/// Strings end here, so bits beyond cannot be asked for.
const STRING_MAX_BYTES: i64 = limits::STRING_MAX_BYTES as i64;

fn getbit(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let offset = bit_offset(args[2], None)?;
    let found = lookup(ctx, args[1])?;
    let byte = bits_of(ctx, found.as_ref())?.bytes(offset as usize / 8..offset as usize / 8 + 1)?;
    ctx.out.int(i64::from(bit_at(&byte, offset % 8)));
    Ok(())
}

fn bitcount(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let range = match args.len() {
        2 => None,
        4 => Some((args::int(args[2])?, args::int(args[3])?, Unit::Byte)),
        5 => Some((args::int(args[2])?, args::int(args[3])?, Unit::parse(args[4])?)),
        _ => return Err(Error::SYNTAX),
    };
    let found = lookup(ctx, args[1])?;
    let value = bits_of(ctx, found.as_ref())?;
    let bits = match range {
        None => bit_range(0, -1, value.len(), Unit::Byte),
        Some((start, end, _)) if start < 0 && end < 0 && start > end => None,
        Some((start, end, unit)) => bit_range(start, end, value.len(), unit),
    };
    let mut count = 0;
    if let Some((first, last)) = bits {
        value.each(first / 8..last / 8 + 1, |at, bytes| {
            let (first, last) = inside(first, last, at, bytes);
            count += count_ones(bytes, first, last);
            ON
        })?;
    }
    ctx.out.int(count);
    Ok(())
}

fn bitpos(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let wanted = match args::int(args[2])? {
        0 => false,
        1 => true,
        _ => return Err(Error::fixed("ERR The bit argument must be 1 or 0.")),
    };
    if args.len() > 6 {
        return Err(Error::SYNTAX);
    }
    let start = args.get(3).map_or(Ok(0), |arg| args::int(arg))?;
    let unit = args.get(5).map_or(Ok(Unit::Byte), |arg| Unit::parse(arg))?;
    let end = args.get(4).map_or(Ok(-1), |arg| args::int(arg))?;
    let Some(found) = lookup(ctx, args[1])? else {
        ctx.out.int(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let value = StringValue::open(ctx.reader, &found.object()?)?;
    let mut position = None;
    if let Some((first, last)) = bit_range(start, end, value.len(), unit) {
        position = first_bit(&value, wanted, first, last)?;
        // Without an explicit end the string goes on with zeros.
        let beyond = (!wanted && args.len() < 5).then_some(last + 1);
        position = position.or(beyond);
    }
    ctx.out.int(position.map_or(-1, |position| position as i64));
    Ok(())
}

pub(super) fn lookup<'a>(ctx: &Context<'a>, key: &[u8]) -> Result<Option<Found<'a>>, Error> {
    ctx.lookup_kind(key, Kind::String)
}

/// The string of a key, an empty one when it is not there.
pub(super) fn bits_of<'f>(
    ctx: &Context<'f>,
    found: Option<&'f Found<'_>>,
) -> Result<StringValue<'f>, Error> {
    match found {
        Some(found) => StringValue::open(ctx.reader, &found.object()?),
        None => Ok(StringValue::Inline(Str::Raw(b""))),
    }
}

/// The part of a range of bits that lies in `bytes`, which start at byte `at` of the string, as
/// bits of these.
fn inside(first: usize, last: usize, at: usize, bytes: &[u8]) -> (usize, usize) {
    let start = at * 8;
    (first.saturating_sub(start), (last - start).min(bytes.len() * 8 - 1))
}

/// The first bit of this value from `first` to `last`, both inside the string.
fn first_bit(
    value: &StringValue<'_>,
    wanted: bool,
    first: usize,
    last: usize,
) -> Result<Option<usize>, Error> {
    let mut found = None;
    value.each(first / 8..last / 8 + 1, |at, bytes| {
        let (first, last) = inside(first, last, at, bytes);
        found = find_bit(bytes, wanted, first, last).map(|bit| at * 8 + bit);
        if found.is_some() {
            STOP
        } else {
            ON
        }
    })?;
    Ok(found)
}

/// Whether indexes count bytes or bits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn parse(arg: &[u8]) -> Result<Self, Error> {
        if args::is(arg, "bit") {
            Ok(Unit::Bit)
        } else if args::is(arg, "byte") {
            Ok(Unit::Byte)
        } else {
            Err(Error::SYNTAX)
        }
    }
}

/// First and last bit that a range with Redis' negative indexes means in a string of `len` bytes.
fn bit_range(start: i64, end: i64, len: usize, unit: Unit) -> Option<(usize, usize)> {
    let total = match unit {
        Unit::Byte => len as i64,
        Unit::Bit => len as i64 * 8,
    };
    let from_end = |index: i64| if index < 0 { index.saturating_add(total).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end {
        return None;
    }
    let (start, end) = (start as usize, end as usize);
    Some(match unit {
        Unit::Byte => (start * 8, end * 8 + 7),
        Unit::Bit => (start, end),
    })
}

pub(super) fn bit_at(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|at| bytes.get(at)).copied().unwrap_or(0);
    byte >> (7 - offset % 8) & 1 == 1
}

/// Bits set from `first` to `last`, both inside the bytes.
fn count_ones(bytes: &[u8], first: usize, last: usize) -> i64 {
    let whole: u64 =
        bytes[first / 8..=last / 8].iter().map(|byte| u64::from(byte.count_ones())).sum();
    let before = bytes[first / 8] & !(0xffu8 >> (first % 8));
    let after = bytes[last / 8] & (0x7fu8 >> (last % 8));
    whole as i64 - i64::from(before.count_ones()) - i64::from(after.count_ones())
}

/// The first bit of this value from `first` to `last`, both inside the bytes.
fn find_bit(bytes: &[u8], wanted: bool, first: usize, last: usize) -> Option<usize> {
    let without = if wanted { 0x00 } else { 0xff };
    for at in first / 8..=last / 8 {
        if bytes[at] == without {
            continue;
        }
        let (low, high) = (first.max(at * 8), last.min(at * 8 + 7));
        if let Some(bit) = (low..=high).find(|bit| bit_at(bytes, *bit as u64) == wanted) {
            return Some(bit);
        }
    }
    None
}

/// A bit offset; with a field width, `#n` means the n-th field.
pub(super) fn bit_offset(arg: &[u8], field_bits: Option<u32>) -> Result<u64, Error> {
    const INVALID: Error = Error::fixed("ERR bit offset is not an integer or out of range");
    let (digits, scale) = match (arg, field_bits) {
        ([b'#', digits @ ..], Some(bits)) => (digits, i64::from(bits)),
        _ => (arg, 1),
    };
    let offset = number::parse_i64(digits).ok_or(INVALID)?.wrapping_mul(scale);
    if offset < 0 || offset >> 3 >= STRING_MAX_BYTES {
        return Err(INVALID);
    }
    Ok(offset.unsigned_abs())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("bitcount", -2, READONLY, READ_KEY, Bitmap, "2.6.0", bitcount)
        .args("key [index:(start:integer end:integer [index_unit:<BYTE|BIT>@7.0.0])]")
        .docs("O(N)", "Number of bits set in a string."),
    row("bitpos", -3, READONLY, READ_KEY, Bitmap, "2.8.7", bitpos)
        .args("key bit:integer \
               [index:(start:integer [end_index:(end:integer [index_unit:<BYTE|BIT>@7.0.0])])]")
        .docs("O(N)", "Position of the first bit that is set or clear."),
    row("getbit", 3, READONLY | FAST, READ_KEY, Bitmap, "2.2.0", getbit)
        .args("key offset:integer")
        .docs("O(1)", "One bit of a string."),
];

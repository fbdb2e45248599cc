//! Integers of any width in strings: BITFIELD, BITFIELD_RO.
use super::bitmap::{bit_at, bit_offset, bits_of, lookup};
use crate::args;
use crate::command::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::command::Group::Bitmap;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, RW, UPDATE, VARIABLE};
use crate::keyspec::{KeySpec, READ_KEY};
use crate::notify::class::STRING;
use crate::types::string::StringValue;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::number;

/// An integer of a bit field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    signed: bool,
    bits: u32,
    offset: u64,
}

impl Field {
    /// The least and the greatest number that fit.
    fn limits(&self) -> (i128, i128) {
        match self.signed {
            true => (-(1i128 << (self.bits - 1)), (1i128 << (self.bits - 1)) - 1),
            false => (0, (1i128 << self.bits) - 1),
        }
    }

    /// The bytes it lies in.
    fn bytes(&self) -> std::ops::Range<usize> {
        let end = self.offset + u64::from(self.bits);
        (self.offset / 8) as usize..end.div_ceil(8) as usize
    }

    fn read(&self, string: &StringValue<'_>) -> Result<i64> {
        let bytes = string.bytes(self.bytes())?;
        let mut value = 0u64;
        for at in 0..u64::from(self.bits) {
            value = value << 1 | u64::from(bit_at(&bytes, self.offset % 8 + at));
        }
        if self.signed && self.bits < 64 {
            let unused = 64 - self.bits;
            return Ok((value << unused) as i64 >> unused);
        }
        Ok(value as i64)
    }

    /// Puts the number into the bytes that it lies in.
    fn write(&self, number: i64, bytes: &mut [u8]) {
        for at in 0..u64::from(self.bits) {
            let place = self.offset % 8 + at;
            let bit = number >> (u64::from(self.bits) - 1 - at) & 1;
            if let Some(byte) = bytes.get_mut((place / 8) as usize) {
                let mask = 0x80 >> (place % 8);
                *byte = if bit == 1 { *byte | mask } else { *byte & !mask };
            }
        }
    }
}

/// What becomes of a number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    /// It loses its high bits.
    Wrap,
    /// It becomes the nearest one that fits.
    Saturate,
    /// It is not written.
    Fail,
}

impl Overflow {
    fn parse(arg: &[u8]) -> Result<Self> {
        match arg.to_ascii_lowercase().as_slice() {
            b"wrap" => Ok(Overflow::Wrap),
            b"sat" => Ok(Overflow::Saturate),
            b"fail" => Ok(Overflow::Fail),
            _ => Err(Error::fixed("ERR Invalid OVERFLOW type specified")),
        }
    }

    /// The number that is written, if one is.
    fn fit(self, field: &Field, number: i128) -> Option<i64> {
        let (least, greatest) = field.limits();
        if (least..=greatest).contains(&number) {
            return Some(number as i64);
        }
        match self {
            Overflow::Fail => None,
            Overflow::Saturate => Some(number.clamp(least, greatest) as i64),
            Overflow::Wrap => {
                Some(((number - least).rem_euclid(1i128 << field.bits) + least) as i64)
            }
        }
    }
}

/// What is asked of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// One operation.
struct Operation {
    field: Field,
    action: Action,
    overflow: Overflow,
}

/// Reads the operations.
fn parse(args: &[&[u8]]) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut rest = args;
    while let [word, after @ ..] = rest {
        let operands = match after.len() {
            2.. if args::is(word, "get") => 2,
            3.. if args::is(word, "set") || args::is(word, "incrby") => 3,
            1.. if args::is(word, "overflow") => {
                overflow = Overflow::parse(after[0])?;
                rest = &after[1..];
                continue;
            }
            _ => return Err(Error::SYNTAX),
        };
        let (signed, bits) = field_type(after[0])?;
        let offset = bit_offset(after[1], Some(bits))?;
        let action = match operands {
            2 => Action::Get,
            _ if args::is(word, "set") => Action::Set(args::int(after[2])?),
            _ => Action::Add(args::int(after[2])?),
        };
        operations.push(Operation { field: Field { signed, bits, offset }, action, overflow });
        rest = &after[operands..];
    }
    Ok(operations)
}

fn field_type(arg: &[u8]) -> Result<(bool, u32)> {
    const INVALID: Error = Error::fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. \
         Note that u64 is not supported but i64 is.",
    );
    let (signed, digits, most) = match arg {
        [b'i', digits @ ..] => (true, digits, 64),
        [b'u', digits @ ..] => (false, digits, 63),
        _ => return Err(INVALID),
    };
    match number::parse_i64(digits) {
        Some(bits) if (1..=most).contains(&bits) => Ok((signed, bits as u32)),
        _ => Err(INVALID),
    }
}

fn reads(operations: &[Operation]) -> bool {
    operations.iter().all(|operation| operation.action == Action::Get)
}

fn bitfield_ro(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let operations = parse(&args[2..])?;
    if !reads(&operations) {
        return Err(Error::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    reply_fields(ctx, args[1], &operations)
}

fn reply_fields(ctx: &mut Context<'_>, key: &[u8], operations: &[Operation]) -> Outcome {
    let found = lookup(ctx, key)?;
    let value = bits_of(ctx, found.as_ref())?;
    ctx.out.array(operations.len());
    for operation in operations {
        ctx.out.int(operation.field.read(&value)?);
    }
    Ok(())
}

fn bitfield(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (key, operations) = (args[1], parse(&args[2..])?);
    if reads(&operations) {
        return reply_fields(&mut ws.view(), key, &operations);
    }
    let written = operations.iter().filter(|operation| operation.action != Action::Get);
    let len = written.map(|operation| operation.field.bytes().end).max().unwrap_or(0);
    let mut changes = 0;
    let has_grown = ws.make_bits(key, len as u64)?;
    ws.out.array(operations.len());
    for operation in &operations {
        changes += match apply(ws, key, operation)? {
            Some(has_changed) => u64::from(has_changed || has_grown),
            None => 0,
        };
    }
    if changes > 0 {
        ws.changed(key, STRING, "setbit");
        ws.keys.dirty += changes - 1;
    }
    Ok(())
}

/// Does one operation and replies; whether it changed the field, if it wrote it.
fn apply(ws: &mut Writing<'_>, key: &[u8], operation: &Operation) -> Result<Option<bool>> {
    let Operation { field, action, overflow } = operation;
    let (old, mut bytes) = {
        let view = ws.view();
        let found = lookup(&view, key)?;
        let value = bits_of(&view, found.as_ref())?;
        (field.read(&value)?, value.bytes(field.bytes())?.into_owned())
    };
    let wanted = match *action {
        Action::Get => {
            ws.out.int(old);
            return Ok(None);
        }
        Action::Set(number) if field.signed => i128::from(number),
        Action::Set(number) => i128::from(number as u64),
        Action::Add(number) => i128::from(old) + i128::from(number),
    };
    let Some(new) = overflow.fit(field, wanted) else {
        ws.out.null();
        return Ok(None);
    };
    ws.out.int(if matches!(action, Action::Set(_)) { old } else { new });
    if new != old {
        field.write(new, &mut bytes);
        ws.write_range(key, field.bytes().start as u64, &bytes)?;
    }
    Ok(Some(new != old))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("bitfield_ro", -2, READONLY | FAST, READ_KEY, Bitmap, "6.0.0", bitfield_ro)
        .args("key [GET encoding_offset:(encoding offset:integer)]...")
        .docs("O(1)", "Reads integers of any width in a string."),
    write_row("bitfield", -2, WRITE | DENYOOM,
        &[KeySpec::at(RW | ACCESS | UPDATE | VARIABLE, 1)], Bitmap, "3.2.0", bitfield)
        .args("key [operation:<GET encoding_offset:(encoding offset:integer) \
               | write:([OVERFLOW wrap_sat_fail:<WRAP|SAT|FAIL>] write_operation:<\
                    SET encoding_offset_value:(encoding offset:integer value:integer) \
                  | INCRBY encoding_offset_increment:(encoding offset:integer increment:integer)\
               >)>...]")
        .docs("O(1)", "Reads and writes integers of any width in a string."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_wraps_saturates_or_fails() {
        let field = |text: &str| {
            let (signed, bits) = field_type(text.as_bytes()).unwrap();
            Field { signed, bits, offset: 3 }
        };
        let max = i128::from(i64::MAX);
        for (kind, number, wrapped, nearest) in [
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("u1", 3, 1, 1),
            ("i1", 1, -1, 0),
            ("i64", max + 1, i64::MIN, i64::MAX),
            ("i64", -max - 2, i64::MAX, i64::MIN),
            ("u63", i128::from(u64::MAX), i64::MAX, i64::MAX),
        ] {
            let field = field(kind);
            assert_eq!(Overflow::Wrap.fit(&field, number), Some(wrapped), "{kind} {number}");
            assert_eq!(Overflow::Saturate.fit(&field, number), Some(nearest), "{kind} {number}");
            assert_eq!(Overflow::Fail.fit(&field, number), None, "{kind} {number}");
            assert_eq!(Overflow::Fail.fit(&field, i128::from(nearest)), Some(nearest));
        }
    }
}

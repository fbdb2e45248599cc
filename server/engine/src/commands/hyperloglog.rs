//! HyperLogLog: strings that estimate how many different elements were added.
//!
//! ```text
//! "HYLL" · encoding u8 (0 dense, 1 sparse) · 3 unused bytes
//!         · cached count u64 LE (highest bit set: stale) · registers
//! dense   16384 registers of 6 bits, lowest bits first: 12288 bytes
//! sparse  00xxxxxx            x + 1 registers are 0
//!         01xxxxxx yyyyyyyy   xy + 1 registers are 0
//!         1vvvvvxx            x + 1 registers are v + 1
//! ```
//! The estimate is Ertl's (2017), in the order of operations Redis uses, so that the numbers are
//! the same.
use crate::command::flag::{ADMIN, READONLY};
use crate::command::Group::HyperLogLog;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, RW};
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::types::string::StringValue;
use redtool_format::rdb::Kind;

const REGISTERS: usize = 16384;
const HEADER_BYTES: usize = 16;
const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * 6 / 8;
/// No valid value is longer: a register takes two bytes at most. So more of a string need not be
/// read to refuse it.
const READ_BYTES: usize = HEADER_BYTES + 2 * REGISTERS + 2;
/// Registers hold at most this: 64 - 14 hash bits, plus one.
const RANK_MAX: usize = 51;

const CORRUPT: Error = Error::fixed("INVALIDOBJ Corrupted HLL object detected");
const INVALID: Error = Error::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");

fn pfcount(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let mut merged = vec![0u8; REGISTERS];
    let mut single = None;
    for key in &args[1..] {
        let Some(found) = ctx.lookup_kind(key, Kind::String)? else { continue };
        let value = StringValue::open(ctx.reader, &found.object()?)?;
        let bytes = value.bytes(0..READ_BYTES)?;
        check(&bytes)?;
        if args.len() == 2 {
            single = cached_count(&bytes);
        }
        if single.is_none() {
            merge(&bytes, &mut merged)?;
        }
    }
    let count = single.unwrap_or_else(|| estimate(&merged));
    ctx.out.int(count as i64);
    Ok(())
}

fn pfselftest(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let empty = vec![0u8; REGISTERS];
    if estimate(&empty) != 0 {
        return Err(Error::fixed("ERR the estimate of no element is not 0"));
    }
    ctx.out.simple("OK");
    Ok(())
}

fn check(bytes: &[u8]) -> Result<(), Error> {
    let valid = bytes.len() >= HEADER_BYTES
        && bytes.starts_with(b"HYLL")
        && (bytes[4] == 1 || bytes[4] == 0 && bytes.len() == DENSE_BYTES);
    if valid {
        Ok(())
    } else {
        Err(INVALID)
    }
}

/// The count in the header, unless it is stale.
fn cached_count(bytes: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
    (count >> 63 == 0).then_some(count)
}

/// Raises the registers to those of a checked value.
fn merge(bytes: &[u8], registers: &mut [u8]) -> Result<(), Error> {
    let body = &bytes[HEADER_BYTES..];
    if bytes[4] == 0 {
        for (index, register) in registers.iter_mut().enumerate() {
            *register = (*register).max(dense_register(body, index));
        }
        return Ok(());
    }
    merge_sparse(body, registers)
}

fn dense_register(body: &[u8], index: usize) -> u8 {
    let bit = index * 6;
    let low = u16::from(body[bit / 8]);
    let high = u16::from(body.get(bit / 8 + 1).copied().unwrap_or(0));
    ((low | high << 8) >> (bit % 8)) as u8 & 63
}

fn merge_sparse(body: &[u8], registers: &mut [u8]) -> Result<(), Error> {
    let mut rest = body;
    let mut at = 0;
    while let [opcode, after @ ..] = rest {
        rest = after;
        let low = usize::from(opcode & 0x3f);
        let (run, value) = match (opcode >> 6, after) {
            (0, _) => (low + 1, 0),
            (1, [next, after @ ..]) => {
                rest = after;
                ((low << 8 | usize::from(*next)) + 1, 0)
            }
            (1, []) => return Err(CORRUPT),
            _ => (usize::from(opcode & 3) + 1, (opcode >> 2 & 31) + 1),
        };
        let run = registers.get_mut(at..at + run).ok_or(CORRUPT)?;
        at += run.len();
        for register in run {
            *register = (*register).max(value);
        }
    }
    if at == REGISTERS {
        Ok(())
    } else {
        Err(CORRUPT)
    }
}

fn estimate(registers: &[u8]) -> u64 {
    const ALPHA_INFINITY: f64 = 0.721_347_520_444_481_7;
    let mut histogram = [0u32; 64];
    for register in registers {
        histogram[usize::from(register & 63)] += 1;
    }
    let m = REGISTERS as f64;
    let mut z = m * tau((m - f64::from(histogram[RANK_MAX])) / m);
    for count in histogram[1..RANK_MAX].iter().rev() {
        z = (z + f64::from(*count)) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA_INFINITY * m * m / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("pfcount", -2, READONLY,
        &[KeySpec::range(RW | ACCESS, 1, -1, 1)], HyperLogLog, "2.8.9", pfcount)
        .args("key...")
        .docs("O(1)", "Estimated number of different elements of HyperLogLogs."),
    row("pfselftest", 1, ADMIN, NO_KEYS, HyperLogLog, "2.8.9", pfselftest)
        .internal()
        .docs("O(N)", "Self-test of the HyperLogLog code."),
];

//! The sparse form of a HyperLogLog: runs of registers. What the bytes are is told by
//! [`super::hyperloglog`].
//!
//! Redis' own values are to be made byte for byte, so runs are cut and joined exactly where Redis
//! does it: a run is cut into up to three, and of the five runs from the one before on, neighbours
//! of equal value are joined as far as one byte can hold them. Runs of zeros are never joined.
use super::hyperloglog::{CORRUPT, HEADER_BYTES, REGISTERS};
use super::Result;

/// The greatest value a run can hold.
const VALUE_MAX: u8 = 32;
/// The longest run of a value.
const VALUE_RUN_MAX: usize = 4;
/// The longest run of zeros in one byte.
const ZERO_RUN_MAX: usize = 64;
/// Runs looked at to be joined.
const JOINED_RUNS: usize = 5;

/// What became of a register.
#[derive(Debug, PartialEq, Eq)]
pub enum Raised {
    /// It was as high already.
    No,
    /// It is higher now.
    Yes,
    /// It must be higher, and this form cannot hold it, or not in so few bytes.
    DoesNotFit,
}

/// A run, as it stands.
#[derive(Clone, Copy)]
struct Run {
    registers: usize,
    /// 0 for zeros.
    value: u8,
    bytes: usize,
}

impl Run {
    fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Run { registers: low + 1, value: 0, bytes: 1 },
            1 => {
                let next = usize::from(*bytes.get(1)?);
                Run { registers: (low << 8 | next) + 1, value: 0, bytes: 2 }
            }
            _ => {
                let registers = usize::from(first & 3) + 1;
                Run { registers, value: (first >> 2 & 31) + 1, bytes: 1 }
            }
        })
    }
}

/// Appends a run of zeros.
pub fn write_zeros(out: &mut Vec<u8>, registers: usize) {
    let len = registers - 1;
    if registers > ZERO_RUN_MAX {
        out.push(0x40 | (len >> 8) as u8);
    }
    out.push(len as u8);
}

fn value_run(value: u8, registers: usize) -> u8 {
    0x80 | (value - 1) << 2 | (registers - 1) as u8
}

/// Raises the registers to those of the runs, which must be of all registers.
pub fn merge(runs: &[u8], registers: &mut [u8]) -> Result<()> {
    let (mut rest, mut at) = (runs, 0);
    while !rest.is_empty() {
        let run = Run::read(rest).ok_or(CORRUPT)?;
        rest = &rest[run.bytes..];
        let covered = registers.get_mut(at..at + run.registers).ok_or(CORRUPT)?;
        at += run.registers;
        if run.value > 0 {
            covered.iter_mut().for_each(|register| *register = (*register).max(run.value));
        }
    }
    match at == REGISTERS {
        true => Ok(()),
        false => Err(CORRUPT),
    }
}

/// The runs as text: `z:10` for ten zeros in one byte, `Z:100` in two, `v:3,2` for two threes.
pub fn text(runs: &[u8]) -> String {
    let (mut rest, mut words) = (runs, Vec::new());
    while let Some(run) = Run::read(rest) {
        rest = &rest[run.bytes..];
        words.push(match (run.value, run.bytes) {
            (0, 1) => format!("z:{}", run.registers),
            (0, _) => format!("Z:{}", run.registers),
            (value, _) => format!("v:{value},{}", run.registers),
        });
    }
    words.join(" ")
}

/// Raises a register of a whole value, which may take at most so many bytes if it grows.
pub fn raise(bytes: &mut Vec<u8>, index: usize, rank: u8, max_bytes: usize) -> Result<Raised> {
    if rank > VALUE_MAX {
        return Ok(Raised::DoesNotFit);
    }
    let (mut before, mut at, mut first) = (HEADER_BYTES, HEADER_BYTES, 0);
    let run = loop {
        let run = bytes.get(at..).and_then(Run::read).ok_or(CORRUPT)?;
        if index < first + run.registers {
            break run;
        }
        before = at;
        at += run.bytes;
        first += run.registers;
    };
    if run.value >= rank {
        return Ok(Raised::No);
    }
    if run.registers == 1 && run.bytes == 1 {
        bytes[at] = value_run(rank, 1);
    } else {
        let (pieces, len) = cut(run, index - first, rank);
        if len > run.bytes && bytes.len() + len - run.bytes > max_bytes {
            return Ok(Raised::DoesNotFit);
        }
        bytes.splice(at..at + run.bytes, pieces[..len].iter().copied());
    }
    join(bytes, before);
    Ok(Raised::Yes)
}

/// A run with the register at `offset` in it raised: up to three runs, in up to five bytes.
fn cut(run: Run, offset: usize, rank: u8) -> ([u8; 5], usize) {
    let mut out = Vec::with_capacity(5);
    let keep = |out: &mut Vec<u8>, registers: usize| match (registers, run.value) {
        (0, _) => {}
        (_, 0) => write_zeros(out, registers),
        (_, value) => out.push(value_run(value, registers)),
    };
    keep(&mut out, offset);
    out.push(value_run(rank, 1));
    keep(&mut out, run.registers - offset - 1);
    let mut pieces = [0; 5];
    pieces[..out.len()].copy_from_slice(&out);
    (pieces, out.len())
}

/// Joins neighbours of equal value from the run at `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED_RUNS {
        let Some(run) = bytes.get(at..).and_then(Run::read) else { return };
        let next = bytes.get(at + run.bytes..).and_then(Run::read);
        if let (true, Some(next)) = (run.value > 0, next) {
            let registers = run.registers + next.registers;
            if next.value == run.value && registers <= VALUE_RUN_MAX {
                bytes[at] = value_run(run.value, registers);
                bytes.remove(at + 1);
                continue;
            }
        }
        at += run.bytes;
    }
}

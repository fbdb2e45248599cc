//! LZF, the compression of RDB strings.
//!
//! ```text
//! c < 32          literals: the next c + 1 bytes
//! c >= 32         match: run = c >> 5, if that is 7 plus the next byte, then plus 2 (3 to 264);
//!                 distance = ((c & 31) << 8 | next byte) + 1 back from the output's end
//!
//! 01 6161 e0 57 00 01 6161      "a" × 100:
//!     01 6161       two literals
//!     e0 57 00      7 + 87 + 2 = 96 bytes from distance 1: a match may overlap what it writes
//!     01 6161       two literals
//! ```
//! Distances are 1 to 8192. A match of three bytes stands for at most 264, so output is at most 88
//! times its input: a length beyond that is refused before any memory is taken. Compressed bytes
//! are never to be compared with those of another writer, only what they decode to.
//!
//! There is no frame and no end mark, so the compressed parts of a string, one after the other, are
//! its compressed form.
mod compress;
mod pieces;

pub use compress::compress;
pub use pieces::Pieces;

use crate::error::{FormatError, Result};

/// Literals a control byte can announce.
const MAX_LITERALS: usize = 32;
/// Bytes a match can stand for.
const MAX_MATCH: usize = 264;
/// How far back a match can lie.
const MAX_DISTANCE: usize = 1 << 13;
/// One compressed byte stands for at most this many (a match of three bytes for 264).
const MAX_RATIO: usize = 88;
/// Short copies move this many bytes at once where input and output have room for it.
const CHUNK: usize = 16;

/// One step of the compressed stream.
enum Op {
    /// Copy this many bytes of the input.
    Literals(usize),
    /// Copy `run` bytes from `distance` back in the output.
    Match { run: usize, distance: usize },
}

/// Reads the control bytes at `pos`, moving it behind them.
#[inline(always)]
fn read_op(data: &[u8], pos: &mut usize) -> Result<Op> {
    let control = usize::from(data[*pos]);
    if control < MAX_LITERALS {
        *pos += 1;
        return Ok(Op::Literals(control + 1));
    }
    let (run, low) = match data[*pos..] {
        [_, more, low, ..] if control >> 5 == 7 => {
            *pos += 3;
            (7 + usize::from(more) + 2, low)
        }
        [_, low, ..] if control >> 5 != 7 => {
            *pos += 2;
            ((control >> 5) + 2, low)
        }
        _ => return Err(truncated(data.len())),
    };
    Ok(Op::Match { run, distance: ((control & 31) << 8 | usize::from(low)) + 1 })
}

#[cold]
fn truncated(at: usize) -> FormatError {
    FormatError::corrupt(at, "LZF data ends inside an instruction")
}

#[cold]
fn too_long(at: usize, len: usize) -> FormatError {
    FormatError::corrupt(at, format!("LZF data decodes to more than the stated {len} bytes"))
}

#[cold]
fn too_short(at: usize, have: usize, len: usize) -> FormatError {
    FormatError::corrupt(at, format!("LZF data decodes to {have} bytes, {len} stated"))
}

#[cold]
fn before_start(at: usize) -> FormatError {
    FormatError::corrupt(at, "LZF match reaches before the start of the output")
}

fn check_ratio(data: &[u8], len: usize) -> Result<()> {
    if len > data.len().saturating_mul(MAX_RATIO) {
        let what = format!("{} LZF bytes cannot decode to {len}", data.len());
        return Err(FormatError::corrupt(0, what));
    }
    Ok(())
}

/// Checks that `data` decodes to exactly `len` bytes, without decoding.
pub fn check(data: &[u8], len: usize) -> Result<()> {
    check_ratio(data, len)?;
    let (mut pos, mut have) = (0, 0);
    // Which instruction comes next nobody can guess, so its numbers are computed without branching
    // on it; the last ones, too near to the end to be looked at as three bytes, take the plain way.
    while let Some([control, second, third]) = data.get(pos..).and_then(<[u8]>::first_chunk) {
        let control = usize::from(*control);
        let literals = usize::from(control < MAX_LITERALS);
        let long = usize::from(control >> 5 == 7);
        let low = usize::from(if long == 1 { *third } else { *second });
        let distance = ((control & 31) << 8 | low) + 1;
        let matched = (control >> 5) + 2 + long * usize::from(*second);
        let run = if literals == 1 { control + 1 } else { matched };
        if (literals == 0) & (distance > have) {
            return Err(before_start(pos));
        }
        if run > len - have {
            return Err(too_long(pos, len));
        }
        have += run;
        pos += if literals == 1 { control + 2 } else { 2 + long };
    }
    check_rest(data, len, pos, have)
}

fn check_rest(data: &[u8], len: usize, mut pos: usize, mut have: usize) -> Result<()> {
    while pos < data.len() {
        let at = pos;
        let run = match read_op(data, &mut pos)? {
            Op::Literals(run) => {
                pos += run;
                run
            }
            Op::Match { distance, .. } if distance > have => return Err(before_start(at)),
            Op::Match { run, .. } => run,
        };
        if run > len - have {
            return Err(too_long(at, len));
        }
        have += run;
    }
    if pos > data.len() {
        Err(truncated(data.len()))
    } else if have == len {
        Ok(())
    } else {
        Err(too_short(data.len(), have, len))
    }
}

/// Decodes `data` into `out` (cleared first); the output must be exactly `len` bytes.
pub fn decompress(data: &[u8], len: usize, out: &mut Vec<u8>) -> Result<()> {
    let result = check_ratio(data, len).and_then(|()| {
        // Growth is zeroed once; what a reused buffer already holds is simply overwritten.
        out.resize(len, 0);
        decode(data, out)
    });
    if result.is_err() {
        out.clear();
    }
    result
}

/// Decodes `data` behind what `out` holds; the output must be exactly `len` bytes.
pub fn append(data: &[u8], len: usize, out: &mut Vec<u8>) -> Result<()> {
    check_ratio(data, len)?;
    let start = out.len();
    out.resize(start + len, 0);
    let result = decode(data, &mut out[start..]);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn decode(data: &[u8], out: &mut [u8]) -> Result<()> {
    let (mut pos, mut have) = (0, 0);
    while pos < data.len() {
        let at = pos;
        match read_op(data, &mut pos)? {
            Op::Literals(run) => {
                if run > out.len() - have {
                    return Err(too_long(at, out.len()));
                }
                copy_literals(data, pos, out, have, run)?;
                pos += run;
                have += run;
            }
            Op::Match { run, distance } => {
                if distance > have {
                    return Err(before_start(at));
                }
                if run > out.len() - have {
                    return Err(too_long(at, out.len()));
                }
                copy_match(out, have, run, distance);
                have += run;
            }
        }
    }
    if have == out.len() {
        Ok(())
    } else {
        Err(too_short(data.len(), have, out.len()))
    }
}

/// Copies `run` literals from `data[from..]` to `out[to..]`, where there is room for them.
#[inline(always)]
fn copy_literals(data: &[u8], from: usize, out: &mut [u8], to: usize, run: usize) -> Result<()> {
    let chunk = (data.get(from..from + MAX_LITERALS), out.get_mut(to..to + MAX_LITERALS));
    if let (Some(source), Some(target)) = chunk {
        // A copy of constant size is two or four moves; what is beyond `run` is overwritten later.
        target.copy_from_slice(source);
        return Ok(());
    }
    let source = data.get(from..from + run).ok_or_else(|| truncated(data.len()))?;
    out[to..to + run].copy_from_slice(source);
    Ok(())
}

/// Repeats `run` bytes that lie `distance` before `to`, where there is room for them.
#[inline(always)]
fn copy_match(out: &mut [u8], to: usize, run: usize, distance: usize) {
    let from = to - distance;
    if distance >= CHUNK && run <= 2 * CHUNK && to + 2 * CHUNK <= out.len() {
        copy_chunk(out, from, to);
        if run > CHUNK {
            copy_chunk(out, from + CHUNK, to + CHUNK);
        }
        return;
    }
    if distance >= run {
        out.copy_within(from..from + run, to);
    } else if distance == 1 {
        let byte = out[from];
        out[to..to + run].fill(byte);
    } else {
        repeat(out, from, to, run);
    }
}

#[inline(always)]
fn copy_chunk(out: &mut [u8], from: usize, to: usize) {
    let mut chunk = [0; CHUNK];
    chunk.copy_from_slice(&out[from..from + CHUNK]);
    out[to..to + CHUNK].copy_from_slice(&chunk);
}

/// Writes a pattern shorter than the run: each copy doubles what there is to copy from.
fn repeat(out: &mut [u8], from: usize, to: usize, run: usize) {
    let end = to + run;
    let mut done = to;
    while done < end {
        let step = (done - from).min(end - done);
        out.copy_within(from..from + step, done);
        done += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(data: &[u8], len: usize) -> Result<Vec<u8>> {
        let mut out = b"left over from before".to_vec();
        let result = decompress(data, len, &mut out);
        assert_eq!(result.is_ok(), check(data, len).is_ok());
        assert!(result.is_ok() || out.is_empty());
        let mut appended = b"before".to_vec();
        assert_eq!(append(data, len, &mut appended), result);
        assert_eq!(appended, [&b"before"[..], &out].concat());
        result.map(|()| out)
    }

    #[test]
    fn the_worked_example_decodes_as_described() {
        let data = b"\x01aa\xe0\x57\0\x01aa";
        assert_eq!(decoded(data, 100).unwrap(), b"a".repeat(100));
        let data = b"\x03abca\xe0\x0f\x02\x01bc";
        assert_eq!(decoded(data, 30).unwrap(), b"abc".repeat(10));
    }

    #[test]
    fn every_distance_and_run_copies_as_byte_by_byte_would() {
        let seed: Vec<u8> = (0..96u8).map(|i| i.wrapping_mul(73)).collect();
        for distance in 1..=96 {
            for run in (3..=70).chain(260..=264) {
                let mut data = Vec::new();
                for part in seed.chunks(MAX_LITERALS) {
                    data.push(part.len() as u8 - 1);
                    data.extend_from_slice(part);
                }
                match run - 2 {
                    short @ 1..=6 => data.push((short as u8) << 5),
                    long => data.extend_from_slice(&[7 << 5, (long - 7) as u8]),
                }
                data.push(distance as u8 - 1);
                let mut want = seed.clone();
                (0..run).for_each(|_| want.push(want[want.len() - distance]));
                assert_eq!(decoded(&data, want.len()).unwrap(), want);
                data.extend_from_slice(&[0, b'!']);
                want.push(b'!');
                assert_eq!(decoded(&data, want.len()).unwrap(), want);
            }
        }
    }

    #[test]
    fn wrong_lengths_and_distances_are_refused_with_their_place() {
        let cases: [(&[u8], usize, u64); 7] = [
            (b"\x01aa\xe0\x57\0\x01aa", 99, 6),
            (b"\x01aa\xe0\x57\0\x01aa", 101, 9),
            (b"\x01aa\x20\x02", 5, 3),
            (b"\x01aa\xe0\x57", 98, 5),
            (b"\x01aa\x20", 5, 4),
            (b"\x05aa", 6, 3),
            (b"\0a", 177, 0),
        ];
        for (data, len, offset) in cases {
            assert_eq!(decoded(data, len).unwrap_err().offset, offset, "{data:?}");
            assert_eq!(check(data, len).unwrap_err(), decoded(data, len).unwrap_err());
        }
        assert_eq!(decoded(b"", 0).unwrap(), b"");
    }
}

//! The compressing half: one pass, greedy, a table of the last place of each three-byte prefix.
//!
//! The table belongs to the thread. A call uses and clears as much of it as suits its input, since
//! a small value must not pay for a large table. A cleared slot says "place 0", which needs no
//! special case: a candidate counts only if its bytes are those looked for.
use super::{MAX_DISTANCE, MAX_LITERALS, MAX_MATCH};
use std::cell::RefCell;

const MAX_TABLE_BITS: u32 = 14;
const MIN_TABLE_BITS: u32 = 8;
/// Places are 32-bit; longer inputs (which no RDB writer produces) stay uncompressed.
const MAX_INPUT_BYTES: usize = 1 << 30;
/// The shortest match: its prefix is what the table knows.
const MIN_MATCH: usize = 3;
/// After this many misses in a row the search steps faster by one byte, ...
const MISSES_PER_STEP: u32 = 128;
/// ... up to this many, so that incompressible input costs less and its end is still found.
const MAX_STEP: usize = 12;

thread_local! {
    static SLOTS: RefCell<Vec<u32>> = RefCell::new(vec![0; 1 << MAX_TABLE_BITS]);
}

/// Compresses `input` to the end of `out` when the result takes at most `max_bytes`; else leaves
/// `out` alone and gives false.
pub fn compress(input: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> bool {
    if input.len() > MAX_INPUT_BYTES {
        return false;
    }
    let start = out.len();
    let worst = input.len() + input.len().div_ceil(MAX_LITERALS);
    out.resize(start + max_bytes.min(worst), 0);
    let mut sink = Sink { out: &mut out[start..], len: 0 };
    let done = SLOTS.with_borrow_mut(|slots| {
        let mut places = Places::new(slots, input.len());
        encode(input, &mut places, &mut sink)
    });
    let written = sink.len;
    out.truncate(if done.is_some() { start + written } else { start });
    done.is_some()
}

/// `None` when the sink is full.
fn encode(input: &[u8], places: &mut Places<'_>, sink: &mut Sink<'_>) -> Option<()> {
    let mut done = 0;
    // Place 0 is known to a cleared table.
    let mut start = 1;
    while let Some((from, pos)) = places.next_match(input, start) {
        let run = match_length(input, from, pos);
        sink.literals(input, done, pos)?;
        sink.repeat(run, pos - from)?;
        done = pos + run;
        start = done;
        // The last two places of the match are enough to keep long repetitions going.
        places.note(input, done - 2);
        places.note(input, done - 1);
    }
    sink.literals(input, done, input.len())
}

/// Three bytes at `pos`, read as four with the last one cut off.
#[inline(always)]
fn prefix_at(input: &[u8], pos: usize) -> Option<u32> {
    let bytes = input.get(pos..pos + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes) << 8)
}

#[inline(always)]
fn match_length(input: &[u8], from: usize, pos: usize) -> usize {
    let max = MAX_MATCH.min(input.len() - pos);
    let (old, new) = (&input[from..from + max], &input[pos..pos + max]);
    let mut run = MIN_MATCH;
    while let (Some(a), Some(b)) = (word_at(old, run), word_at(new, run)) {
        if a != b {
            return run + ((a ^ b).trailing_zeros() / 8) as usize;
        }
        run += 8;
    }
    while run < max && old[run] == new[run] {
        run += 1;
    }
    run
}

#[inline(always)]
fn word_at(bytes: &[u8], pos: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(pos..pos + 8)?.try_into().ok()?))
}

/// Where each prefix was seen last.
struct Places<'s> {
    slots: &'s mut [u32],
    shift: u32,
}

impl<'s> Places<'s> {
    /// Clears what an input of this size needs: two to four slots a byte.
    fn new(slots: &'s mut [u32], input_bytes: usize) -> Self {
        let bits = input_bytes.checked_ilog2().unwrap_or(0) + 2;
        let bits = bits.clamp(MIN_TABLE_BITS, MAX_TABLE_BITS);
        let slots = &mut slots[..1 << bits];
        slots.fill(0);
        Self { slots, shift: 32 - bits }
    }

    /// The first match from `pos` on: where its bytes were before, and where they are again.
    ///
    /// A function of its own, so that this loop, where the time goes, has all registers.
    #[inline(never)]
    fn next_match(&mut self, input: &[u8], mut pos: usize) -> Option<(usize, usize)> {
        let mut step = 1;
        loop {
            for _ in 0..MISSES_PER_STEP {
                let prefix = prefix_at(input, pos)?;
                let from = self.swap(prefix, pos);
                if prefix_at(input, from) == Some(prefix) && pos - from <= MAX_DISTANCE {
                    return Some((from, pos));
                }
                pos += step;
            }
            step = MAX_STEP.min(step + 1);
        }
    }

    fn note(&mut self, input: &[u8], pos: usize) {
        if let Some(prefix) = prefix_at(input, pos) {
            self.swap(prefix, pos);
        }
    }

    /// Notes `pos` as the last place of the prefix and gives the one before it.
    #[inline(always)]
    fn swap(&mut self, prefix: u32, pos: usize) -> usize {
        let slot = (prefix.wrapping_mul(0x9e37_79b1) >> self.shift) as usize;
        std::mem::replace(&mut self.slots[slot], pos as u32) as usize
    }
}

/// A bounded output; its verbs give `None` when they do not fit.
struct Sink<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl Sink<'_> {
    #[inline(always)]
    fn literals(&mut self, input: &[u8], mut from: usize, to: usize) -> Option<()> {
        while from < to {
            let run = MAX_LITERALS.min(to - from);
            self.literal_run(input, from, run)?;
            from += run;
        }
        Some(())
    }

    #[inline(always)]
    fn literal_run(&mut self, input: &[u8], from: usize, run: usize) -> Option<()> {
        let wide = self.out.get_mut(self.len..self.len + 1 + MAX_LITERALS);
        if let (Some(room), Some(source)) = (wide, input.get(from..from + MAX_LITERALS)) {
            // A copy of constant size; what is beyond `run` is overwritten or cut off later.
            room[0] = run as u8 - 1;
            room[1..].copy_from_slice(source);
        } else {
            let room = self.out.get_mut(self.len..self.len + 1 + run)?;
            room[0] = run as u8 - 1;
            room[1..].copy_from_slice(&input[from..from + run]);
        }
        self.len += 1 + run;
        Some(())
    }

    #[inline(always)]
    fn repeat(&mut self, run: usize, distance: usize) -> Option<()> {
        let (run, distance) = (run - 2, distance - 1);
        let high = (distance >> 8) as u8;
        let low = distance as u8;
        if run < 7 {
            let room = self.out.get_mut(self.len..self.len + 2)?;
            room.copy_from_slice(&[(run as u8) << 5 | high, low]);
            self.len += 2;
        } else {
            let room = self.out.get_mut(self.len..self.len + 3)?;
            room.copy_from_slice(&[7 << 5 | high, (run - 7) as u8, low]);
            self.len += 3;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check, decompress};
    use super::*;

    fn round_trip(input: &[u8]) -> usize {
        let mut packed = b"kept".to_vec();
        assert!(compress(input, usize::MAX, &mut packed));
        let mut out = Vec::new();
        check(&packed[4..], input.len()).unwrap();
        decompress(&packed[4..], input.len(), &mut out).unwrap();
        assert!(out == input && packed.starts_with(b"kept"));
        packed.len() - 4
    }

    /// A small linear congruence, the same on every run.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn what_is_compressed_decodes_to_itself_at_every_length() {
        for len in 0..=300 {
            round_trip(&b"a".repeat(len));
            round_trip(&noise(len));
            round_trip(&b"{\"id\":17,\"name\":\"x\"},".repeat(20)[..len]);
        }
        assert!(round_trip(&b"a".repeat(100_000)) < 100_000 / 80);
    }

    #[test]
    fn distances_up_to_8192_are_used_and_no_longer_ones() {
        let noise = noise(8192 + 64);
        for (gap, shorter) in [(8192, true), (8193, false)] {
            let mut input = noise[..gap].to_vec();
            input.extend_from_slice(&noise[..64]);
            let plain = input.len() + input.len().div_ceil(MAX_LITERALS);
            assert_eq!(round_trip(&input) < plain - 16, shorter, "{gap}");
        }
    }

    #[test]
    fn what_does_not_fit_leaves_the_output_alone() {
        let input = b"abcabcabcabcabcabcabcabc!";
        let size = round_trip(input);
        for max in 0..size {
            let mut out = b"kept".to_vec();
            assert!(!compress(input, max, &mut out));
            assert_eq!(out, b"kept");
        }
        assert!(compress(input, size, &mut Vec::new()));
    }

    #[test]
    fn what_was_compressed_before_does_not_matter() {
        let (first, second) = (b"abcabcabcabcabcabc".repeat(40), b"xyzabcabcxyz".repeat(3));
        let alone = std::thread::spawn({
            let second = second.clone();
            move || round_trip(&second)
        });
        round_trip(&first);
        assert_eq!(round_trip(&second), alone.join().unwrap());
    }
}

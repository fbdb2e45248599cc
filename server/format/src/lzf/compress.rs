//! The compressing half: one pass, greedy, a table of the last place of each three-byte prefix.
//!
//! The table belongs to the thread and is never zeroed between calls: a place is stored as `base`
//! plus position, and each call moves `base` past the places of the one before. Small inputs use a
//! small part of the table, so that it stays in the nearest cache.
use super::{MAX_DISTANCE, MAX_LITERALS, MAX_MATCH};
use std::cell::RefCell;

const MAX_TABLE_BITS: u32 = 14;
const MIN_TABLE_BITS: u32 = 8;
/// Places are 32-bit; longer inputs (which no RDB writer produces) stay uncompressed.
const MAX_INPUT_BYTES: usize = 1 << 30;
/// The shortest match: its prefix is what the table knows.
const MIN_MATCH: usize = 3;
/// After this many misses in a row (as a power of two) the search steps faster by one, ...
const SKIP_BITS: usize = 7;
/// ... up to this many bytes, so that incompressible input costs less and its end is still found.
const MAX_SKIP: usize = 12;

thread_local! {
    static PLACES: RefCell<Places> = RefCell::new(Places::new());
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
    let done = PLACES.with_borrow_mut(|places| {
        let mut window = places.window(input.len());
        encode(input, &mut window, &mut sink)
    });
    let written = sink.len;
    out.truncate(if done.is_some() { start + written } else { start });
    done.is_some()
}

/// `None` when the sink is full.
fn encode(input: &[u8], places: &mut Window<'_>, sink: &mut Sink<'_>) -> Option<()> {
    let (mut pos, mut literals_from) = (0, 0);
    while let Some(prefix) = prefix_at(input, pos) {
        let candidate = places
            .swap(prefix, pos)
            .filter(|from| pos - from <= MAX_DISTANCE && prefix_at(input, *from) == Some(prefix));
        let Some(from) = candidate else {
            pos += MAX_SKIP.min(1 + ((pos - literals_from) >> SKIP_BITS));
            continue;
        };
        let run = match_length(input, from, pos);
        sink.literals(input, literals_from, pos)?;
        sink.repeat(run, pos - from)?;
        // The last two places of the match are enough to keep long repetitions going.
        for inside in [pos + run - 2, pos + run - 1] {
            if let Some(prefix) = prefix_at(input, inside) {
                places.swap(prefix, inside);
            }
        }
        pos += run;
        literals_from = pos;
    }
    sink.literals(input, literals_from, input.len())
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

/// Where each prefix was seen last, over all calls of this thread.
struct Places {
    slots: Vec<u32>,
    /// Stored values below it are of earlier calls.
    base: u32,
}

/// The table as one call sees it.
struct Window<'p> {
    slots: &'p mut [u32],
    shift: u32,
    base: u32,
}

impl Places {
    fn new() -> Self {
        Self { slots: vec![0; 1 << MAX_TABLE_BITS], base: 1 }
    }

    fn window(&mut self, input_bytes: usize) -> Window<'_> {
        let bits =
            (input_bytes.checked_ilog2().unwrap_or(0) + 2).clamp(MIN_TABLE_BITS, MAX_TABLE_BITS);
        let span = input_bytes as u32;
        if self.base.checked_add(span).is_none() {
            self.slots.fill(0);
            self.base = 1;
        }
        let base = self.base;
        self.base += span;
        Window { slots: &mut self.slots[..1 << bits], shift: 32 - bits, base }
    }
}

impl Window<'_> {
    /// Notes `pos` as the last place of the prefix and gives the one before it.
    #[inline(always)]
    fn swap(&mut self, prefix: u32, pos: usize) -> Option<usize> {
        let slot = (prefix.wrapping_mul(0x9e37_79b1) >> self.shift) as usize;
        let before = std::mem::replace(&mut self.slots[slot], self.base + pos as u32);
        before.checked_sub(self.base).map(|pos| pos as usize)
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
    fn places_of_earlier_calls_are_forgotten_even_when_the_base_wraps() {
        let mut places = Places::new();
        places.base = u32::MAX - 3;
        let prefix = prefix_at(b"abcd", 0).unwrap();
        for _ in 0..3 {
            let mut window = places.window(2);
            assert_eq!(window.swap(prefix, 0), None);
            assert_eq!(window.swap(prefix, 1), Some(0));
        }
    }
}

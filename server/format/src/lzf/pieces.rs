//! The decoding half for long strings: piece by piece, so that memory holds one piece and what a
//! match may reach back to, whatever the stated length.
use super::{before_start, check_ratio, read_op, too_long, too_short, truncated, Op, MAX_DISTANCE};
use crate::error::Result;

/// A string being decoded.
pub struct Pieces<'a> {
    data: &'a [u8],
    len: usize,
    /// Where the next instruction is.
    pos: usize,
    /// Bytes decoded so far.
    have: usize,
    /// The last of them.
    buf: Vec<u8>,
    /// Where in `buf` those start that were not given out.
    start: usize,
}

impl<'a> Pieces<'a> {
    /// Starts on `data`, which must decode to exactly `len` bytes.
    pub fn new(data: &'a [u8], len: usize) -> Result<Self> {
        check_ratio(data, len)?;
        Ok(Self { data, len, pos: 0, have: 0, buf: Vec::new(), start: 0 })
    }

    /// The next `bytes` bytes, or what is left of them; empty at the end. What was given out before
    /// an error is not to be trusted.
    pub fn next(&mut self, bytes: usize) -> Result<&[u8]> {
        let spent = self.start.saturating_sub(MAX_DISTANCE);
        self.buf.drain(..spent);
        self.start -= spent;
        while self.buf.len() - self.start < bytes && self.pos < self.data.len() {
            self.step()?;
        }
        if self.pos >= self.data.len() && self.have != self.len {
            return Err(too_short(self.data.len(), self.have, self.len));
        }
        let piece = self.start..self.buf.len().min(self.start + bytes);
        self.start = piece.end;
        Ok(&self.buf[piece])
    }

    fn step(&mut self) -> Result<()> {
        let at = self.pos;
        let op = read_op(self.data, &mut self.pos)?;
        let (Op::Literals(run) | Op::Match { run, .. }) = op;
        if run > self.len - self.have {
            return Err(too_long(at, self.len));
        }
        match op {
            Op::Literals(run) => {
                let end = self.pos + run;
                let literals = self.data.get(self.pos..end);
                let literals = literals.ok_or_else(|| truncated(self.data.len()))?;
                self.buf.extend_from_slice(literals);
                self.pos = end;
            }
            Op::Match { distance, .. } if distance > self.have => return Err(before_start(at)),
            Op::Match { run, distance } => self.repeat(run, distance),
        }
        self.have += run;
        Ok(())
    }

    /// Copies from `distance` back; each copy doubles what a run longer than that repeats.
    fn repeat(&mut self, mut run: usize, distance: usize) {
        let from = self.buf.len() - distance;
        while run > 0 {
            let step = run.min(self.buf.len() - from);
            self.buf.extend_from_within(from..from + step);
            run -= step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{compress, decompress};
    use super::*;

    fn in_pieces(data: &[u8], len: usize, piece: usize) -> Result<Vec<u8>> {
        let (mut pieces, mut whole) = (Pieces::new(data, len)?, Vec::new());
        loop {
            match pieces.next(piece)? {
                [] => return Ok(whole),
                bytes => whole.extend_from_slice(bytes),
            }
        }
    }

    #[test]
    fn pieces_come_to_the_whole_whatever_their_size() {
        let mut seed = 7u32;
        let text: Vec<u8> = (0..300_000u32)
            .map(|i| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if i / 5000 % 2 == 0 {
                    (seed >> 28) as u8
                } else {
                    (i % 7) as u8
                }
            })
            .collect();
        let mut data = Vec::new();
        assert!(compress(&text, text.len(), &mut data));
        for piece in [1, 1000, 8192, 65_520, 1 << 20] {
            assert!(in_pieces(&data, text.len(), piece).unwrap() == text, "{piece}");
        }
    }

    #[test]
    fn what_the_whole_refuses_the_pieces_refuse() {
        let cases: [(&[u8], usize); 8] = [
            (b"\x01aa\xe0\x57\0\x01aa", 99),
            (b"\x01aa\xe0\x57\0\x01aa", 101),
            (b"\x01aa\x20\x02", 5),
            (b"\x01aa\xe0\x57", 98),
            (b"\x01aa\x20", 5),
            (b"\x05aa", 6),
            (b"\0a", 177),
            (b"", 1),
        ];
        for (data, len) in cases {
            let whole = decompress(data, len, &mut Vec::new()).unwrap_err();
            assert_eq!(in_pieces(data, len, 2).unwrap_err(), whole, "{data:?}");
        }
    }

    #[test]
    fn compressed_parts_one_after_the_other_are_a_whole() {
        let text = b"the same text, the same text, again the same text".repeat(50);
        let mut data = Vec::new();
        for part in text.chunks(300) {
            assert!(compress(part, usize::MAX, &mut data));
        }
        assert!(in_pieces(&data, text.len(), 64).unwrap() == text);
    }
}

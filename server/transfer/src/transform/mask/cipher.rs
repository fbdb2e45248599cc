//! The permutation behind a mask: a Feistel network over the characters of a string that may
//! change, each in its own range.
//!
//! The characters, numbered within their ranges, are cut in two halves. Each round adds to one half
//! a keyed hash (BLAKE3) of the other, character by character modulo its range. Every round can be
//! undone, so different strings of one shape become different ones, and all of them stay in the
//! shape. Where a result is of another class (a number too large for 64 bits, bytes that happen to
//! be text) the network is applied again until it is not, which leaves a permutation of the class.
//!
//! A long string is permuted in pieces, each under the hash of what stands before it, so that it
//! needs no memory of its size and two long strings are alike only as far as they begin alike.
use super::shape::{classify, each_char, Class, Range};
use std::convert::Infallible;

/// What keys are derived for; another word would make another mask of the same secret.
const CONTEXT: &str = "redtool mask of keys and values, 1";
/// Bytes of a long string that are permuted together.
const PIECE_BYTES: usize = 1 << 14;
/// Rounds for strings of few characters, where each has little to say, and for others.
const ROUNDS: (u8, u8) = (8, 4);
/// Up to here they are few.
const FEW: usize = 16;
/// Bytes of hash for one character.
const WORD_BYTES: usize = 4;

/// A secret's permutation.
#[derive(Debug)]
pub(super) struct Cipher {
    key: [u8; 32],
}

/// What is used while strings are masked; one a thread.
#[derive(Debug, Default)]
pub struct Room {
    numbers: Vec<u32>,
    sizes: Vec<u32>,
    input: Vec<u8>,
    stream: Vec<u8>,
    again: Vec<u8>,
    piece: Vec<u8>,
    /// For whoever masks one string.
    pub(in crate::transform) first: Vec<u8>,
    /// And another beside it.
    pub(in crate::transform) second: Vec<u8>,
}

impl Cipher {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { key: blake3::derive_key(CONTEXT, secret) }
    }

    /// Appends what a string becomes to `out`.
    pub(super) fn mask(&self, bytes: &[u8], room: &mut Room, out: &mut Vec<u8>) {
        if bytes.len() <= PIECE_BYTES {
            return self.short(bytes, room, out);
        }
        let Ok(()) = self.long::<Infallible>(bytes, room, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        });
    }

    /// Gives what a string becomes to `each`, piece by piece.
    pub(super) fn pieces<E>(
        &self,
        bytes: &[u8],
        room: &mut Room,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if bytes.len() > PIECE_BYTES {
            return self.long(bytes, room, each);
        }
        let mut out = std::mem::take(&mut room.piece);
        out.clear();
        self.short(bytes, room, &mut out);
        let given = each(&out);
        room.piece = out;
        given
    }

    fn short(&self, bytes: &[u8], room: &mut Room, out: &mut Vec<u8>) {
        let class = classify(bytes);
        let start = out.len();
        self.piece(bytes, class, &[], room, out);
        while class != Class::Text || bytes.len() == 19 || bytes.len() == 20 {
            if classify(&out[start..]) == class {
                break;
            }
            let mut again = std::mem::take(&mut room.again);
            again.clear();
            again.extend_from_slice(&out[start..]);
            out.truncate(start);
            self.piece(&again, class, &[], room, out);
            room.again = again;
        }
    }

    fn long<E>(
        &self,
        bytes: &[u8],
        room: &mut Room,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let class = classify(bytes);
        let mut before = blake3::Hasher::new_keyed(&self.key);
        let mut out = std::mem::take(&mut room.piece);
        let (mut rest, mut given) = (bytes, Ok(()));
        while !rest.is_empty() && given.is_ok() {
            let (piece, after) = rest.split_at(end_of_piece(rest, class));
            out.clear();
            let tweak = before.finalize();
            self.piece(piece, class, tweak.as_bytes(), room, &mut out);
            given = each(&out);
            before.update(piece);
            rest = after;
        }
        room.piece = out;
        given
    }

    /// Appends what one piece becomes.
    fn piece(&self, bytes: &[u8], class: Class, tweak: &[u8], room: &mut Room, out: &mut Vec<u8>) {
        room.numbers.clear();
        room.sizes.clear();
        match std::str::from_utf8(bytes) {
            Ok(text) if class != Class::Binary => {
                each_char(text, |c, range| room.add(u32::from(c), range));
                self.permute(class, tweak, room);
                let mut numbers = room.numbers.iter();
                each_char(text, |c, range| put(out, c, range, &mut numbers));
            }
            _ => {
                let any = Some(Range { first: 0, size: 256 });
                bytes.iter().for_each(|byte| room.add(u32::from(*byte), any));
                self.permute(class, tweak, room);
                out.extend(room.numbers.iter().map(|number| *number as u8));
            }
        }
    }

    fn permute(&self, class: Class, tweak: &[u8], room: &mut Room) {
        let len = room.numbers.len();
        let half = len / 2;
        let rounds = if len <= FEW { ROUNDS.0 } else { ROUNDS.1 };
        for round in 0..rounds {
            let (known, changed) = match round % 2 {
                0 => (half..len, 0..half),
                _ => (0..half, half..len),
            };
            if changed.is_empty() {
                continue;
            }
            room.input.clear();
            room.input.extend_from_slice(&[round, class as u8]);
            room.input.extend_from_slice(&(len as u32).to_le_bytes());
            room.input.extend_from_slice(tweak);
            room.numbers[known].iter().for_each(|n| room.input.extend_from_slice(&n.to_le_bytes()));
            self.hash(&room.input, changed.len() * WORD_BYTES, &mut room.stream);
            let words = room.stream.chunks_exact(WORD_BYTES);
            let numbers = room.numbers[changed.clone()].iter_mut();
            for ((number, size), word) in numbers.zip(&room.sizes[changed]).zip(words) {
                let word = word.try_into().map_or(0, u32::from_le_bytes);
                *number = (*number + word % size) % size;
            }
        }
    }

    /// Fills `stream` with at least `bytes` of the keyed hash of `input`.
    fn hash(&self, input: &[u8], bytes: usize, stream: &mut Vec<u8>) {
        if bytes <= blake3::OUT_LEN {
            stream.clear();
            stream.extend_from_slice(blake3::keyed_hash(&self.key, input).as_bytes());
            return;
        }
        stream.resize(bytes, 0);
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(input).finalize_xof().fill(stream);
    }
}

impl Room {
    fn add(&mut self, code: u32, range: Option<Range>) {
        if let Some(Range { first, size }) = range {
            self.numbers.push(code - first);
            self.sizes.push(size);
        }
    }
}

/// Appends the character that stands in a character's place.
fn put(out: &mut Vec<u8>, c: char, range: Option<Range>, numbers: &mut std::slice::Iter<'_, u32>) {
    let moved = range.zip(numbers.as_slice().first()).and_then(|(range, number)| {
        numbers.next();
        char::from_u32(range.first + number)
    });
    out.extend_from_slice(moved.unwrap_or(c).encode_utf8(&mut [0; 4]).as_bytes());
}

/// Where a piece ends: a text is cut between characters.
fn end_of_piece(rest: &[u8], class: Class) -> usize {
    let end = rest.len().min(PIECE_BYTES);
    if class == Class::Binary || end == rest.len() {
        return end;
    }
    (end - 3..=end).rev().find(|at| rest[*at] & 0xc0 != 0x80).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn masked(secret: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Cipher::new(secret.as_bytes()).mask(bytes, &mut Room::default(), &mut out);
        out
    }

    fn all_distinct(inputs: impl Iterator<Item = Vec<u8>>) {
        let cipher = Cipher::new(b"s");
        let (mut room, mut seen, mut count) = (Room::default(), HashSet::new(), 0);
        for input in inputs {
            let mut out = Vec::new();
            cipher.mask(&input, &mut room, &mut out);
            assert_eq!(out.len(), input.len());
            assert_eq!(classify(&out), classify(&input), "{input:?} {out:?}");
            count += 1;
            assert!(seen.insert(out));
        }
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn every_short_string_becomes_another_one_of_its_own() {
        all_distinct((0..100_000).map(|n: i32| n.to_string().into_bytes()));
        all_distinct((0..10_000).map(|n: i32| (-n).to_string().into_bytes()));
        all_distinct((0..=u16::MAX).map(|n| n.to_be_bytes().to_vec()));
        all_distinct((0..=u8::MAX).map(|n| vec![n]));
        all_distinct(
            (0..26 * 26 * 26u32)
                .map(|n| [n % 26, n / 26 % 26, n / 676].iter().map(|n| b'a' + *n as u8).collect()),
        );
    }

    #[test]
    fn numbers_stay_in_64_bits_and_others_out_of_them() {
        let near = |n: u64| (0..500).map(move |i| (n + i).to_string().into_bytes());
        all_distinct(near(i64::MAX as u64 - 250));
        all_distinct((0..500).map(|i| (i64::MIN + i).to_string().into_bytes()));
    }

    #[test]
    fn shapes_stay() {
        let out = String::from_utf8(masked("s", b"Ann-Lee.42@example.org, 0.5")).unwrap();
        let shape: String = out
            .chars()
            .map(|c| match c {
                'a'..='z' => 'a',
                'A'..='Z' => 'A',
                '0'..='9' => '0',
                other => other,
            })
            .collect();
        assert_eq!(shape, "Aaa-Aaa.00@aaaaaaa.aaa, 0.0");
        let words = "Grüße, Мир 日本語 🎉";
        let out = String::from_utf8(masked("s", words.as_bytes())).unwrap();
        assert_ne!(out, words);
        assert!(out.chars().map(char::len_utf8).eq(words.chars().map(char::len_utf8)));
    }

    #[test]
    fn another_secret_makes_another_mask() {
        assert_eq!(masked("s", b"correct horse"), masked("s", b"correct horse"));
        assert_ne!(masked("s", b"correct horse"), masked("t", b"correct horse"));
        assert_eq!(masked("s", b""), b"");
    }

    #[test]
    fn long_strings_are_the_same_in_pieces_and_differ_from_where_they_differ() {
        for text in ["ä1".repeat(20_000).into_bytes(), b"\xff\0\x01".repeat(20_000)] {
            let whole = masked("s", &text);
            assert_eq!((whole.len(), classify(&whole)), (text.len(), classify(&text)));
            let (mut pieces, mut most) = (Vec::new(), 0);
            let given: Result<(), ()> =
                Cipher::new(b"s").pieces(&text, &mut Room::default(), &mut |piece| {
                    most = most.max(piece.len());
                    pieces.extend_from_slice(piece);
                    Ok(())
                });
            assert!(given.is_ok() && pieces == whole && most <= PIECE_BYTES);
            let equal = whole.chunks(3 * 1024).collect::<HashSet<_>>();
            assert!(equal.len() > whole.len() / 3072 / 2);
        }
    }
}

//! Zipmap: the small hash of Redis 2.0 to 2.4.
//!
//! ```text
//! count (254 or more: walk) | pairs | ff
//! pair: length, field, length, free, value, `free` unused bytes
//! length: one byte 0..253, or fe + u32 LE
//!
//! 01 01 66 01 00 76 ff
//!     one pair
//!     01 66      field of 1 byte, "f"
//!     01 00 76   value of 1 byte, no free bytes behind it, "v"
//! ```
//! 253 is an ordinary length: the escape is 254, whatever older documentation says. Free bytes are
//! left when a value was overwritten by a shorter one, and may hold anything.
use crate::error::{FormatError, Result};

const TERMINATOR: u8 = 0xff;
/// First byte of a length of five bytes; as a count: there are this many pairs or more.
const ESCAPE: u8 = 0xfe;

/// A zipmap; pairs are checked as they are reached.
#[derive(Debug, Clone, Copy)]
pub struct Zipmap<'a>(&'a [u8]);

/// Walks the pairs. Ends after an error.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    /// The blob without its terminator.
    body: &'a [u8],
    pos: usize,
}

impl<'a> Zipmap<'a> {
    /// Checks what can be checked without walking.
    #[inline]
    pub fn parse(blob: &'a [u8]) -> Result<Self> {
        match blob {
            [_, .., TERMINATOR] => Ok(Self(blob)),
            [_, _, ..] => Err(FormatError::corrupt(blob.len() - 1, "zipmap without terminator")),
            _ => Err(FormatError::corrupt(0, "zipmap shorter than its header")),
        }
    }

    /// The blob.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Number of pairs, by walking when the count byte is 254 or more.
    pub fn count(&self) -> Result<usize> {
        match self.0[0] {
            ESCAPE.. => self.walk_count(),
            stated => Ok(usize::from(stated)),
        }
    }

    fn walk_count(&self) -> Result<usize> {
        self.iter().try_fold(0, |count, pair| pair.map(|_| count + 1))
    }

    /// (field, value) pairs.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        Iter { body: &self.0[..self.0.len() - 1], pos: 1 }
    }

    /// Full validation: count, frame, end exactly at the end of the blob.
    pub fn validate(&self) -> Result<()> {
        let (count, stated) = (self.walk_count()?, self.0[0]);
        if stated < ESCAPE && usize::from(stated) != count {
            let what = format!("zipmap of {count} pairs says it has {stated}");
            return Err(FormatError::corrupt(0, what));
        }
        Ok(())
    }
}

impl<'a> Iter<'a> {
    /// Byte offset in the blob of the next pair.
    #[inline]
    pub fn offset(&self) -> usize {
        self.pos
    }

    fn pair(&mut self) -> Result<(&'a [u8], &'a [u8])> {
        let mut pos = std::mem::replace(&mut self.pos, self.body.len());
        let len = self.length(&mut pos)?;
        let field = self.bytes(&mut pos, len)?;
        let len = self.length(&mut pos)?;
        let free = usize::from(self.bytes(&mut pos, 1)?[0]);
        let value = self.bytes(&mut pos, len)?;
        self.bytes(&mut pos, free)?;
        self.pos = pos;
        Ok((field, value))
    }

    #[inline]
    fn length(&self, pos: &mut usize) -> Result<usize> {
        let at = *pos;
        match self.bytes(pos, 1)?[0] {
            ESCAPE => match *self.bytes(pos, 4)? {
                [a, b, c, d] => Ok(u32::from_le_bytes([a, b, c, d]) as usize),
                _ => Err(past_end(at)),
            },
            TERMINATOR => Err(FormatError::corrupt(at, "zipmap terminator before its end")),
            len => Ok(usize::from(len)),
        }
    }

    #[inline]
    fn bytes(&self, pos: &mut usize, len: usize) -> Result<&'a [u8]> {
        let rest = &self.body[*pos..];
        let bytes = rest.get(..len).ok_or_else(|| past_end(*pos))?;
        *pos += len;
        Ok(bytes)
    }
}

#[cold]
fn past_end(at: usize) -> FormatError {
    FormatError::corrupt(at, "zipmap pair reaches past the end")
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<(&'a [u8], &'a [u8])>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        (self.pos < self.body.len()).then(|| self.pair())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(blob: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
        Zipmap::parse(blob)?.iter().collect()
    }

    #[test]
    fn the_worked_example_reads_as_described() {
        let blob = b"\x01\x01f\x01\0v\xff";
        assert_eq!(pairs(blob).unwrap(), [(&b"f"[..], &b"v"[..])]);
        let zipmap = Zipmap::parse(blob).unwrap();
        zipmap.validate().unwrap();
        assert_eq!(zipmap.count(), Ok(1));
    }

    #[test]
    fn free_bytes_are_passed_over_even_when_they_look_like_an_end() {
        let blob = b"\x02\x01f\x01\x02v\xff\xff\x01g\0\0\xff";
        assert_eq!(pairs(blob).unwrap(), [(&b"f"[..], &b"v"[..]), (&b"g"[..], &b""[..])]);
        Zipmap::parse(blob).unwrap().validate().unwrap();
    }

    #[test]
    fn a_length_of_253_is_one_byte_and_254_is_the_escape() {
        for len in [253usize, 254, 300] {
            let mut blob = vec![1, 1, b'f'];
            match len {
                253 => blob.push(253),
                _ => {
                    blob.push(254);
                    blob.extend_from_slice(&(len as u32).to_le_bytes());
                }
            }
            blob.push(0);
            blob.extend(std::iter::repeat_n(b'v', len));
            blob.push(0xff);
            assert_eq!(pairs(&blob).unwrap()[0].1.len(), len);
            Zipmap::parse(&blob).unwrap().validate().unwrap();
        }
    }

    #[test]
    fn a_count_of_254_means_walk_and_a_lying_count_is_found() {
        for (count, ok) in [(254, true), (255, true), (1, true), (0, false), (2, false)] {
            let blob = [count, 1, b'f', 1, 0, b'v', 0xff];
            let zipmap = Zipmap::parse(&blob).unwrap();
            assert_eq!(zipmap.validate().is_ok(), ok, "{count}");
            assert!(!ok || zipmap.count() == Ok(1));
        }
    }

    #[test]
    fn pairs_past_the_end_are_refused_with_their_place() {
        let cases: [(&[u8], u64); 5] = [
            (b"\x01\x01f\x02\0v\xff", 5),
            (b"\x01\x01f\x01\x01v\xff", 6),
            (b"\x01\x01f\xff", 3),
            (b"\x01\xfe\x01\0\0\xff", 2),
            (b"\x01\xff\x01\xff", 1),
        ];
        for (blob, offset) in cases {
            assert_eq!(pairs(blob).unwrap_err().offset, offset, "{blob:?}");
        }
        assert!(Zipmap::parse(b"\x01\x01f\x01\0v").is_err());
        assert!(Zipmap::parse(b"\xff").is_err());
    }
}

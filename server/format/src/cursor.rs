//! Checked reading from a slice: every read either fits or is a [`FormatError`] with its place.
use crate::error::{FormatError, Result};

/// A position in a slice.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    buf: &'a [u8],
    pos: usize,
}

macro_rules! read_fixed {
    ($name:ident, $type:ty, $from:ident, $doc:literal) => {
        #[doc = $doc]
        #[inline]
        pub fn $name(&mut self) -> Result<$type> {
            Ok(<$type>::$from(self.array()?))
        }
    };
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `buf`.
    #[inline]
    pub fn new(buf: &'a [u8]) -> Self {
        Self { buf, pos: 0 }
    }

    /// Starts at byte `pos` of `buf`; a place past the end reads as the end.
    #[inline]
    pub fn starting_at(buf: &'a [u8], pos: usize) -> Self {
        Self { buf, pos: pos.min(buf.len()) }
    }

    /// The offset of the next byte.
    #[inline]
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// The slice being read, whole.
    #[inline]
    pub fn buf(&self) -> &'a [u8] {
        self.buf
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.buf.len() - self.pos
    }

    /// The bytes not yet read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        &self.buf[self.pos..]
    }

    /// The next byte without taking it.
    #[inline]
    pub fn peek(&self) -> Result<u8> {
        self.buf.get(self.pos).copied().ok_or_else(|| self.short(1))
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        let byte = self.peek()?;
        self.pos += 1;
        Ok(byte)
    }

    /// The next `n` bytes, borrowed.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.remaining() {
            return Err(self.short(n));
        }
        let bytes = &self.buf[self.pos..self.pos + n];
        self.pos += n;
        Ok(bytes)
    }

    /// The next `n` bytes where `n` comes from a 64-bit length field.
    #[inline]
    pub fn take_u64(&mut self, n: u64) -> Result<&'a [u8]> {
        match usize::try_from(n) {
            Ok(n) => self.take(n),
            Err(_) => Err(self.short(usize::MAX)),
        }
    }

    /// Passes over `n` bytes.
    #[inline]
    pub fn skip(&mut self, n: usize) -> Result<()> {
        self.take(n).map(|_| ())
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    read_fixed!(u16_le, u16, from_le_bytes, "Two bytes, little-endian.");
    read_fixed!(u32_le, u32, from_le_bytes, "Four bytes, little-endian.");
    read_fixed!(u64_le, u64, from_le_bytes, "Eight bytes, little-endian.");
    read_fixed!(i16_le, i16, from_le_bytes, "Two bytes, little-endian, signed.");
    read_fixed!(i32_le, i32, from_le_bytes, "Four bytes, little-endian, signed.");
    read_fixed!(i64_le, i64, from_le_bytes, "Eight bytes, little-endian, signed.");
    read_fixed!(f64_le, f64, from_le_bytes, "An IEEE-754 double, little-endian.");
    read_fixed!(u32_be, u32, from_be_bytes, "Four bytes, big-endian.");
    read_fixed!(u64_be, u64, from_be_bytes, "Eight bytes, big-endian.");

    #[cold]
    fn short(&self, want: usize) -> FormatError {
        let left = self.remaining();
        FormatError::truncated(self.pos, format!("input ends: {want} bytes wanted, {left} left"))
    }
}

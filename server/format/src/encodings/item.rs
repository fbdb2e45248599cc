//! One element of a packed encoding: bytes, or an integer that stands for its decimal text.
use crate::number;

/// An element of a listpack, ziplist or intset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A byte string.
    Str(&'a [u8]),
    /// An integer; its value as a string is the decimal text.
    Int(i64),
}

/// Room for the decimal text of any [`Item::Int`].
#[derive(Default)]
pub struct IntBuf(itoa::Buffer);

impl IntBuf {
    /// Empty room.
    pub fn new() -> Self {
        Self(itoa::Buffer::new())
    }
}

impl<'a> Item<'a> {
    /// The element as bytes; `buf` holds the text of an integer.
    #[inline]
    pub fn bytes<'b>(&self, buf: &'b mut IntBuf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Item::Str(bytes) => bytes,
            Item::Int(n) => buf.0.format(*n).as_bytes(),
        }
    }

    /// The element as owned bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes(&mut IntBuf::new()).to_vec()
    }

    /// The element as an integer, when it is one or is its canonical decimal text.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Item::Str(bytes) => number::parse_i64(bytes),
            Item::Int(n) => Some(*n),
        }
    }

    /// Length in bytes of the element as a string.
    pub fn len(&self) -> usize {
        match self {
            Item::Str(bytes) => bytes.len(),
            Item::Int(_) => self.bytes(&mut IntBuf::new()).len(),
        }
    }

    /// Whether the element is the zero-length string.
    pub fn is_empty(&self) -> bool {
        matches!(self, Item::Str(bytes) if bytes.is_empty())
    }

    /// Whether the element is this text, whose number (if it is the canonical text of one) is
    /// known: quicker than [`Item::eq_bytes`] where many elements are compared with one.
    #[inline(always)]
    pub fn is(self, text: &[u8], number: Option<i64>) -> bool {
        match self {
            // Names of one kind share their beginnings; their ends differ.
            Item::Str(bytes) => {
                bytes.len() == text.len() && bytes.last() == text.last() && bytes == text
            }
            Item::Int(n) => number == Some(n),
        }
    }

    /// Whether the element equals `other` as a string (1 and "1" are equal).
    #[inline]
    pub fn eq_bytes(&self, other: &[u8]) -> bool {
        match self {
            Item::Str(bytes) => *bytes == other,
            Item::Int(_) => self.bytes(&mut IntBuf::new()) == other,
        }
    }
}

//! Strings: in the object record, or in pieces when they are long. A range of a long one touches
//! the pieces it lies in and no others.
use super::{Flow, Result, ON};
use redtool_format::rdb::string::{self, Str};
use redtool_format::Cursor;
use redtool_store::pieces::Pieces;
use redtool_store::{Body, Object, Reader, StoreError};
use std::borrow::Cow;
use std::ops::Range;

/// The string that an object of kind String holds.
pub enum StringValue<'r> {
    /// As it lies in the record.
    Inline(Str<'r>),
    /// Too long for the record.
    Pieces(Pieces<'r>),
}

impl<'r> StringValue<'r> {
    /// Opens the string of an object.
    #[inline]
    pub fn open(reader: &'r dyn Reader, object: &Object<'r>) -> Result<Self> {
        match object.body {
            Body::Inline(payload) => {
                Ok(StringValue::Inline(string::read(&mut Cursor::new(payload))?))
            }
            Body::Segmented { .. } => match Pieces::open(reader, object)? {
                Some(pieces) => Ok(StringValue::Pieces(pieces)),
                None => Err(StoreError::Corrupt("a string in segments".into()).into()),
            },
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            StringValue::Inline(value) => value.len(),
            StringValue::Pieces(pieces) => usize::try_from(pieces.len()).unwrap_or(usize::MAX),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a range, which is cut to what there is: borrowed where they lie together.
    pub fn bytes(&self, range: Range<usize>) -> Result<Cow<'r, [u8]>> {
        let (start, end) = (range.start.min(self.len()), range.end.min(self.len()));
        match self {
            StringValue::Inline(Str::Raw(bytes)) => Ok(Cow::Borrowed(&bytes[start..end])),
            StringValue::Inline(value) => {
                let mut bytes = value.to_vec()?;
                bytes.truncate(end);
                bytes.drain(..start);
                Ok(Cow::Owned(bytes))
            }
            StringValue::Pieces(_) => {
                let mut bytes = Vec::new();
                self.append(start..end, &mut bytes)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// All of its bytes.
    pub fn whole(&self) -> Result<Cow<'r, [u8]>> {
        self.bytes(0..self.len())
    }

    /// Appends the bytes of a range to `out`.
    pub fn append(&self, range: Range<usize>, out: &mut Vec<u8>) -> Result<()> {
        if let StringValue::Pieces(pieces) = self {
            pieces.check_end()?;
        }
        out.reserve(range.end.min(self.len()).saturating_sub(range.start));
        self.each(range, |_, bytes| {
            out.extend_from_slice(bytes);
            ON
        })
    }

    /// Hands the bytes of a range to `f` part by part, each with its offset, until it stops.
    pub fn each(&self, range: Range<usize>, mut f: impl FnMut(usize, &[u8]) -> Flow) -> Result<()> {
        let StringValue::Pieces(pieces) = self else {
            let start = range.start;
            let bytes = self.bytes(range)?;
            if !bytes.is_empty() {
                let _ = f(start, &bytes);
            }
            return Ok(());
        };
        let mut at = range.start;
        let mut walk = pieces.range(range.start as u64..range.end as u64);
        while let Some(bytes) = walk.advance()? {
            if f(at, bytes).is_break() {
                break;
            }
            at += bytes.len();
        }
        Ok(())
    }
}

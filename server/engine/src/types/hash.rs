//! Hashes: field, value, and in the types with field TTLs an absolute expiry in ms (0: none).
//!
//! ```text
//! inline     HashListpack: str = listpack f,v,…
//!            HashListpackEx: i64 min, str = listpack f,v,ms,…
//! segmented  [id]['h'][hash of the first field]      the same triples or pairs
//! ```
//! A field that is expired at the time of the command is absent. The `min` of the inline form is
//! only a hint and is not used.
use super::groups::{Group, Groups};
use super::sample::{Pool, Random};
use super::segments::Segments;
use super::{only_blob, Flow, Result, ON, STOP};
use redtool_format::encodings::Item;
use redtool_format::rdb::ValueType;
use redtool_format::FormatError;
use redtool_store::{Body, Object, Reader};

/// A hash, opened at a moment.
pub struct Hash<'r> {
    groups: Groups<'r>,
    len: u64,
    /// A scan gives it whole.
    is_packed: bool,
    /// The moment, when fields may have an expiry.
    now_ms: Option<i64>,
}

/// A live field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'e> {
    /// Its name.
    pub name: Item<'e>,
    /// Its value.
    pub value: Item<'e>,
    /// Its own expiry, Unix ms.
    pub expire_at_ms: Option<i64>,
}

/// Bytes of the `min` before the listpack of a hash with field TTLs.
const MIN_BYTES: usize = 8;

impl<'r> Hash<'r> {
    /// Opens a hash; fields expired at `now_ms` are absent.
    pub fn open(reader: &'r dyn Reader, object: &Object<'r>, now_ms: i64) -> Result<Self> {
        let with_ttl = object.value_type == ValueType::HashListpackEx;
        let width = if with_ttl { 3 } else { 2 };
        let groups = match object.body {
            Body::Inline(payload) if with_ttl => {
                let blob = payload.get(MIN_BYTES..).ok_or_else(|| {
                    FormatError::truncated(payload.len(), "a hash with field TTLs ends early")
                })?;
                Groups::packed(only_blob(blob)?, width)
            }
            Body::Inline(payload) => Groups::packed(only_blob(payload)?, width),
            Body::Segmented { id, .. } => Groups::hashed(Segments::new(reader, id, b'h'), width),
        };
        let (len, is_packed) = (object.count, object.encoding.is_packed());
        Ok(Self { groups, len, is_packed, now_ms: with_ttl.then_some(now_ms) })
    }

    /// The field, unless it is expired.
    #[inline]
    fn live<'e>(&self, group: Group<'e>) -> Option<Field<'e>> {
        let [name, value, expiry] = group;
        let expire_at_ms = self.now_ms.and(expiry.as_int()).filter(|at| *at != 0);
        let expired = matches!((expire_at_ms, self.now_ms), (Some(at), Some(now)) if at < now);
        (!expired).then_some(Field { name, value, expire_at_ms })
    }

    /// Number of live fields. A hash with field TTLs is walked.
    pub fn live_fields(&self) -> Result<u64> {
        if self.now_ms.is_none() {
            return Ok(self.len);
        }
        let mut live = 0;
        self.each(|_| {
            live += 1;
            Ok(ON)
        })?;
        Ok(live)
    }

    /// Hands a field to `f`, if it is there.
    #[inline]
    pub fn get<T>(&self, name: &[u8], f: impl FnOnce(Field<'_>) -> T) -> Result<Option<T>> {
        let found = self.groups.find(name, |group| self.live(group).map(f))?;
        Ok(found.flatten())
    }

    /// Hands every field to `f` until it stops.
    pub fn each(&self, mut f: impl FnMut(Field<'_>) -> Result<Flow>) -> Result<()> {
        self.groups.each(|group| match self.live(group) {
            Some(field) => f(field),
            None => Ok(ON),
        })
    }

    /// Hands some fields to `f` and gives the cursor to go on with; see [`Groups::scan`].
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut f: impl FnMut(Field<'_>) -> Result<()>,
    ) -> Result<u64> {
        let count = if self.is_packed { usize::MAX } else { count };
        self.groups.scan(cursor, count, |group| match self.live(group) {
            Some(field) => f(field),
            None => Ok(()),
        })
    }

    /// One random field among the live ones of a hash with field TTLs: every one is equally likely
    /// after the walk.
    fn one_by_walk(
        &self,
        random: &mut Random,
        f: &mut dyn FnMut(Group<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut left = random.below(self.live_fields()?);
        Pool::each(self, &mut |group| {
            if left == 0 {
                f(group)?;
                return Ok(STOP);
            }
            left -= 1;
            Ok(ON)
        })
    }
}

impl Pool for Hash<'_> {
    fn count(&self) -> Result<u64> {
        self.live_fields()
    }

    fn is_big(&self) -> bool {
        self.now_ms.is_none() && self.groups.is_big()
    }

    fn each(&self, f: &mut dyn FnMut(Group<'_>) -> Result<Flow>) -> Result<()> {
        self.groups.each(|group| match self.live(group) {
            Some(_) => f(group),
            None => Ok(ON),
        })
    }

    fn one(&self, random: &mut Random, f: &mut dyn FnMut(Group<'_>) -> Result<()>) -> Result<()> {
        match self.now_ms {
            Some(_) => self.one_by_walk(random, f),
            None => self.groups.one(random, f),
        }
    }
}

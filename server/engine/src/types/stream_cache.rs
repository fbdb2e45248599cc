//! Streams that are newer in memory than their records say: their groups decoded, their counters.
//!
//! Only streams in segments are here, by the id of these, which no two values ever have. Of such a
//! stream the record keeps telling the truth about its kind, its expiry and its id; counters and
//! groups in it are old while [`StreamEdit::is_stale`]. Commands of streams look here first. Others
//! must not see an old record, so [`StreamCache::settle`] writes it before they run, and drops the
//! stream from here when they may write; and all are written before the records are set apart for a
//! store or walked as a whole. An entry whose record is gone, or has another id, is void.
use super::stream_write::StreamEdit;
use super::Result;
use redtool_format::rdb::Kind;
use redtool_store::{object, Reader, Space, Table};
use std::collections::HashMap;

/// So many streams are kept; beyond, all are written and none is kept.
const MOST_STREAMS: usize = 256;

/// The streams.
#[derive(Debug, Default)]
pub struct StreamCache {
    streams: HashMap<u64, Kept>,
}

#[derive(Debug)]
struct Kept {
    stream: StreamEdit,
    record_key: Vec<u8>,
    /// The whole key.
    key: Vec<u8>,
}

/// The id of the segments of the stream at a record key.
fn stream_id(space: &Space, record_key: &[u8]) -> Result<Option<u64>> {
    let Some(record) = space.get(Table::Objects, record_key)? else { return Ok(None) };
    match object::kind(&record) {
        Some(Kind::Stream) => Ok(object::segment_id(&record)?),
        _ => Ok(None),
    }
}

impl StreamCache {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The stream with segments of this id.
    pub fn get(&self, id: u64) -> Option<&StreamEdit> {
        Some(&self.streams.get(&id)?.stream)
    }

    /// Takes a stream out, to be changed and put back.
    pub fn take(&mut self, id: u64) -> Option<StreamEdit> {
        Some(self.streams.remove(&id)?.stream)
    }

    /// Keeps a stream.
    pub fn put(
        &mut self,
        space: &mut Space,
        record_key: &[u8],
        key: &[u8],
        stream: StreamEdit,
    ) -> Result<()> {
        let Some(id) = stream.id() else { return Ok(()) };
        if self.streams.len() >= MOST_STREAMS {
            self.settle_all(space)?;
        }
        let kept = Kept { stream, record_key: record_key.to_vec(), key: key.to_vec() };
        self.streams.insert(id, kept);
        Ok(())
    }

    /// Writes the record of the stream at a key, if it is old; the stream is not kept, unless the
    /// record is only to be read.
    pub fn settle(&mut self, space: &mut Space, record_key: &[u8], is_read: bool) -> Result<()> {
        let Some(id) = stream_id(space, record_key)? else { return Ok(()) };
        if let Some(kept) = self.streams.get_mut(&id) {
            kept.settle(space, id)?;
        }
        if !is_read {
            self.streams.remove(&id);
        }
        Ok(())
    }

    /// Writes all records that are old, and keeps no stream.
    pub fn settle_all(&mut self, space: &mut Space) -> Result<()> {
        for (id, mut kept) in std::mem::take(&mut self.streams) {
            kept.settle(space, id)?;
        }
        Ok(())
    }

    /// Writes all records that are old.
    pub fn write_all(&mut self, space: &mut Space) -> Result<()> {
        self.streams.iter_mut().try_for_each(|(id, kept)| kept.settle(space, *id))
    }
}

impl Kept {
    fn settle(&mut self, space: &mut Space, id: u64) -> Result<()> {
        if self.stream.is_stale && stream_id(space, &self.record_key)? == Some(id) {
            self.stream.write(space, &mut Vec::new(), &self.record_key, &self.key)?;
        }
        Ok(())
    }
}

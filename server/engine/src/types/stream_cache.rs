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
use hashbrown::HashMap;
use redtool_format::rdb::Kind;
use redtool_store::{object, Reader, Space, Table};

/// So many streams are kept; beyond, all are written and none is kept.
const MOST_STREAMS: usize = 256;

/// The streams.
#[derive(Debug, Default)]
pub struct StreamCache {
    streams: HashMap<u64, Kept>,
}

#[derive(Debug)]
struct Kept {
    /// None while it is being changed.
    stream: Option<StreamEdit>,
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
        self.streams.get(&id)?.stream.as_ref()
    }

    /// Takes a stream out, to be changed and put back, or forgotten.
    pub fn take(&mut self, id: u64) -> Option<StreamEdit> {
        self.streams.get_mut(&id)?.stream.take()
    }

    /// Keeps the stream with segments of this id.
    pub fn put(
        &mut self,
        space: &mut Space,
        id: u64,
        [record_key, key]: [&[u8]; 2],
        stream: StreamEdit,
    ) -> Result<()> {
        if let Some(kept) = self.streams.get_mut(&id).filter(|kept| kept.record_key == record_key) {
            kept.stream = Some(stream);
            return Ok(());
        }
        if self.streams.len() >= MOST_STREAMS {
            self.settle_all(space)?;
        }
        let (record_key, key) = (record_key.to_vec(), key.to_vec());
        self.streams.insert(id, Kept { stream: Some(stream), record_key, key });
        Ok(())
    }

    /// Keeps the stream with segments of this id no longer.
    pub fn forget(&mut self, id: u64) {
        if !self.streams.is_empty() {
            self.streams.remove(&id);
        }
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
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.is_stale) else {
            return Ok(());
        };
        if stream_id(space, &self.record_key)? == Some(id) {
            stream.write(space, &mut Vec::new(), &self.record_key, &self.key)?;
        }
        Ok(())
    }
}

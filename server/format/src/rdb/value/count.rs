//! The number of elements of a value, decoding as little as possible.
use super::super::length::{read_count, read_plain};
use super::super::string::{self, Str};
use super::super::types::ValueType;
use super::blob::Blob;
use super::packed::{read_container, PLAIN};
use super::stream::read_master_id;
use crate::cursor::Cursor;
use crate::encodings::intset::Intset;
use crate::encodings::listpack::Listpack;
use crate::encodings::stream::Node;
use crate::encodings::ziplist::Ziplist;
use crate::encodings::zipmap::Zipmap;
use crate::error::{FormatError, Result};

/// The number of elements of a value, decoding as little as possible (0 for opaque values, 1 for
/// strings).
///
/// A listpack or ziplist is believed about its own number; the number of a stream is that of the
/// live messages by its nodes, because pre-release files state a wrong one.
pub fn count(value_type: ValueType, payload: &[u8]) -> Result<u64> {
    use ValueType::*;
    let mut cursor = Cursor::new(payload);
    let c = &mut cursor;
    match value_type {
        String => Ok(1),
        ModulePreGa | Module2 | Array => Ok(0),
        List | Set | Zset | Hash | Zset2 | HashMetadataRc | ValkeyHash2 => read_plain(c),
        HashMetadata => c.skip(8).and_then(|()| read_plain(c)),
        HashZipmap => blob(c, |b| Zipmap::parse(b)?.count()),
        SetIntset => blob(c, |b| Ok(Intset::parse(b)?.count())),
        ListZiplist => ziplist(c),
        ZsetZiplist | HashZiplist => Ok(ziplist(c)? / 2),
        SetListpack => listpack(c),
        HashListpack | ZsetListpack => Ok(listpack(c)? / 2),
        HashListpackExRc => Ok(listpack(c)? / 3),
        HashListpackEx => c.skip(8).and_then(|()| Ok(listpack(c)? / 3)),
        ListQuicklist => quicklist(cursor),
        ListQuicklist2 => quicklist2(cursor),
        Stream | Stream2 | Stream3 | Stream4 | Stream5 => live_messages(c),
        HashTemplateListpack => Ok(listpack(c)?.saturating_sub(1)),
        HashTemplate => read_plain(c).and_then(|_| strings_left(c)),
        HashTemplateListpackDump | HashTemplateDump => template_names(c),
    }
}

/// Elements of a type 14 list: the sum over its ziplists.
pub(super) fn quicklist(mut cursor: Cursor<'_>) -> Result<u64> {
    let mut sum = 0;
    for _ in 0..read_count(&mut cursor, 1)? {
        sum += ziplist(&mut cursor)?;
    }
    Ok(sum)
}

/// Elements of a type 18 list: the sum over its nodes.
pub(super) fn quicklist2(mut cursor: Cursor<'_>) -> Result<u64> {
    let mut sum = 0;
    for _ in 0..read_count(&mut cursor, 2)? {
        if read_container(&mut cursor)? == PLAIN {
            string::skip(&mut cursor)?;
            sum += 1;
        } else {
            sum += listpack(&mut cursor)?;
        }
    }
    Ok(sum)
}

/// Where the number of items stands in the header of a ziplist and of a listpack.
const ZIPLIST_COUNT: usize = 8;
const LISTPACK_COUNT: usize = 4;
/// The number that means "count by walking".
const UNKNOWN: u16 = u16::MAX;

fn ziplist(cursor: &mut Cursor<'_>) -> Result<u64> {
    match header_count(&mut cursor.clone(), ZIPLIST_COUNT)? {
        Some(count) => string::skip(cursor).map(|()| count),
        None => blob(cursor, |b| Ziplist::parse(b)?.count()),
    }
}

fn listpack(cursor: &mut Cursor<'_>) -> Result<u64> {
    match header_count(&mut cursor.clone(), LISTPACK_COUNT)? {
        Some(count) => string::skip(cursor).map(|()| count),
        None => blob(cursor, |b| Listpack::parse(b)?.count()),
    }
}

/// The number in the header of a packed blob; of an LZF blob only the header is decoded.
fn header_count(cursor: &mut Cursor<'_>, at: usize) -> Result<Option<u64>> {
    let start = cursor.pos();
    let mut header = [0; ZIPLIST_COUNT + 2];
    let header = &mut header[..at + 2];
    let whole = match string::read(cursor)? {
        Str::Raw(bytes) => bytes.get(..at + 2).map(|bytes| header.copy_from_slice(bytes)),
        Str::Lzf { data, .. } => lzf_prefix(data, header),
        Str::Int(_) => None,
    };
    whole.ok_or_else(|| FormatError::corrupt(start, "blob ends inside its header"))?;
    let count = u16::from_le_bytes([header[at], header[at + 1]]);
    Ok((count != UNKNOWN).then_some(u64::from(count)))
}

/// Decodes the first bytes of LZF data, as many as `out` has room for.
fn lzf_prefix(data: &[u8], out: &mut [u8]) -> Option<()> {
    let mut data = data.iter().map(|byte| usize::from(*byte));
    let mut filled = 0;
    while filled < out.len() {
        let control = data.next()?;
        if control < 32 {
            for _ in 0..(control + 1).min(out.len() - filled) {
                out[filled] = data.next()? as u8;
                filled += 1;
            }
            continue;
        }
        let run = match control >> 5 {
            7 => 7 + data.next()?,
            short => short,
        } + 2;
        let distance = ((control & 31) << 8 | data.next()?) + 1;
        for _ in 0..run.min(out.len() - filled) {
            out[filled] = out[filled.checked_sub(distance)?];
            filled += 1;
        }
    }
    Some(())
}

fn blob(cursor: &mut Cursor<'_>, count: impl Fn(&[u8]) -> Result<usize>) -> Result<u64> {
    let mut scratch = Vec::new();
    let blob = Blob::read(cursor, &mut scratch)?;
    count(blob.bytes).map(|count| count as u64).map_err(|e| blob.place(e))
}

fn live_messages(cursor: &mut Cursor<'_>) -> Result<u64> {
    let mut scratch = Vec::new();
    let mut live: u64 = 0;
    for _ in 0..read_count(cursor, 2)? {
        let master_id = read_master_id(cursor, &mut scratch)?;
        let blob = Blob::read(cursor, &mut scratch)?;
        let node = Node::parse(master_id, blob.bytes).map_err(|e| blob.place(e))?;
        live = live.saturating_add(node.live);
    }
    Ok(live)
}

fn template_names(cursor: &mut Cursor<'_>) -> Result<u64> {
    match read_plain(cursor)? {
        0 => listpack(cursor),
        _ => read_plain(cursor),
    }
}

fn strings_left(cursor: &mut Cursor<'_>) -> Result<u64> {
    let mut count = 0;
    while cursor.remaining() > 0 {
        string::skip(cursor)?;
        count += 1;
    }
    Ok(count)
}

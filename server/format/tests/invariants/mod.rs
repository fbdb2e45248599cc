//! What must hold for any bytes, one function a decoder: no panic, an end, and depths that agree.
//!
//! The mutation tests beside this file and the fuzz targets (`server/fuzz`) call these functions.
//! Each takes the bytes as they come; a wrong answer is a failed assertion.
pub mod frame;

use redtool_format::encodings::intset::{self, Intset};
use redtool_format::encodings::listpack::{self, Listpack};
use redtool_format::encodings::stream::{self, Node, StreamId};
use redtool_format::encodings::ziplist::{self, Ziplist};
use redtool_format::encodings::zipmap::Zipmap;
use redtool_format::encodings::Item;
use redtool_format::{double, lzf, number, FormatError, Result};

/// A walk that fails must be refused by validation, at the same place or before it.
fn assert_refused(validated: &Result<()>, walked: &FormatError, blob: &[u8]) {
    let error = validated.as_ref().expect_err("validated, but cannot be walked");
    assert!(error.offset <= walked.offset && walked.offset <= blob.len() as u64);
}

/// The decimal text of an integer and the integer are one element.
fn texts(items: &[Item<'_>]) -> Vec<Vec<u8>> {
    items.iter().map(Item::to_vec).collect()
}

/// A listpack: walks from both ends, finds and gets agree once it is valid; it can be rebuilt.
pub fn listpack(blob: &[u8]) {
    let Ok(listpack) = Listpack::parse(blob) else { return };
    let validated = listpack.validate();
    let backward: Result<Vec<_>> = listpack.iter_rev().collect();
    let found = listpack.find(b"12", 2);
    let got = listpack.get(3);
    let items = match listpack.iter().collect::<Result<Vec<_>>>() {
        Ok(items) => items,
        Err(error) => return assert_refused(&validated, &error, blob),
    };
    assert!(found.is_ok(), "every item can be walked, so can every second one");
    if validated.is_err() {
        return;
    }
    assert_eq!(listpack.count(), Ok(items.len()));
    assert!(backward.unwrap().iter().rev().eq(items.iter()));
    assert_eq!(got, Ok(items.get(3).copied()));
    for (index, item) in items.iter().enumerate().take(20) {
        assert_eq!(listpack.get(index), Ok(Some(*item)));
        let first = listpack.find(&item.to_vec(), 1).unwrap().unwrap();
        assert!(first <= index && items[first].to_vec() == item.to_vec());
    }
    let mut builder = listpack::Builder::new();
    items.iter().for_each(|item| builder.push_item(*item));
    let rebuilt = Listpack::parse(builder.finish()).unwrap();
    rebuilt.validate().unwrap();
    let again = rebuilt.iter().collect::<Result<Vec<_>>>().unwrap();
    assert_eq!(texts(&again), texts(&items));
}

/// A ziplist: a walk and validation agree; it can be rebuilt for old and new readers.
pub fn ziplist(blob: &[u8]) {
    let Ok(ziplist) = Ziplist::parse(blob) else { return };
    let validated = ziplist.validate();
    let items = match ziplist.iter().collect::<Result<Vec<_>>>() {
        Ok(items) => items,
        Err(error) => return assert_refused(&validated, &error, blob),
    };
    if validated.is_err() {
        return;
    }
    assert_eq!(ziplist.count(), Ok(items.len()));
    for small_ints in [false, true] {
        let mut builder = ziplist::Builder::new(small_ints);
        items.iter().for_each(|item| builder.push_item(*item));
        let rebuilt = Ziplist::parse(builder.finish()).unwrap();
        rebuilt.validate().unwrap();
        let again = rebuilt.iter().collect::<Result<Vec<_>>>().unwrap();
        assert_eq!(texts(&again), texts(&items));
    }
}

/// A zipmap: a walk and validation agree.
pub fn zipmap(blob: &[u8]) {
    let Ok(zipmap) = Zipmap::parse(blob) else { return };
    let validated = zipmap.validate();
    match zipmap.iter().collect::<Result<Vec<_>>>() {
        Ok(pairs) if validated.is_ok() => assert_eq!(zipmap.count(), Ok(pairs.len())),
        Ok(_) => {}
        Err(error) => assert_refused(&validated, &error, blob),
    }
}

/// An intset: valid exactly when ascending; then it holds its members and can be rebuilt.
pub fn intset(blob: &[u8]) {
    let Ok(intset) = Intset::parse(blob) else { return };
    let members: Vec<i64> = intset.iter().collect();
    assert_eq!(members.len(), intset.count());
    let ascending = members.windows(2).all(|pair| pair[0] < pair[1]);
    assert_eq!(intset.validate().is_ok(), ascending);
    let _ = intset.contains(0);
    if !ascending {
        return;
    }
    assert!(members.iter().all(|member| intset.contains(*member)));
    let mut rebuilt = Vec::new();
    intset::write(&mut rebuilt, &members);
    assert!(rebuilt.len() <= blob.len());
    assert!(Intset::parse(&rebuilt).unwrap().iter().eq(members));
}

/// A stream node: a walk and validation agree, counts are those of the messages; it can be rebuilt.
pub fn stream_node(blob: &[u8]) {
    let Ok(node) = Node::parse(StreamId { ms: 5, seq: 0 }, blob) else { return };
    let validated = node.validate();
    let messages = match node.messages().collect::<Result<Vec<_>>>() {
        Ok(messages) => messages,
        Err(error) => {
            let refusal = validated.expect_err("validated, but cannot be walked");
            return assert!(refusal.offset.max(error.offset) <= blob.len() as u64);
        }
    };
    if validated.is_err() {
        return;
    }
    let deleted = messages.iter().filter(|message| message.deleted).count() as u64;
    assert_eq!((node.live, node.deleted), (messages.len() as u64 - deleted, deleted));
    let mut builder = stream::Builder::new();
    messages.iter().for_each(|message| builder.push(message.id, message.deleted, &message.fields));
    let master_id = builder.master_id();
    let rebuilt = Node::parse(master_id, builder.finish()).unwrap();
    rebuilt.validate().unwrap();
    for (again, message) in rebuilt.messages().map(Result::unwrap).zip(&messages) {
        assert_eq!((again.id, again.deleted), (message.id, message.deleted));
        let flat = |fields: &[(Item<'_>, Item<'_>)]| -> Vec<Vec<u8>> {
            fields.iter().flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect()
        };
        assert_eq!(flat(&again.fields), flat(&message.fields));
    }
}

/// LZF data with a stated length: checking and decoding agree, and take no more memory than stated.
pub fn lzf_data(data: &[u8], len: usize) {
    let mut out = Vec::new();
    let decoded = lzf::decompress(data, len, &mut out);
    assert_eq!(decoded, lzf::check(data, len));
    match decoded {
        Ok(()) => assert_eq!(out.len(), len),
        Err(error) => assert!(error.offset <= data.len() as u64 && out.is_empty()),
    }
}

/// Any bytes survive compression, within the room that was asked for.
pub fn lzf_round_trip(input: &[u8]) {
    let mut packed = Vec::new();
    assert!(lzf::compress(input, usize::MAX, &mut packed));
    let mut out = Vec::new();
    lzf::decompress(&packed, input.len(), &mut out).unwrap();
    assert_eq!(out, input);
    let mut tight = Vec::new();
    assert!(lzf::compress(input, packed.len(), &mut tight));
    assert!(packed.is_empty() || !lzf::compress(input, packed.len() - 1, &mut Vec::new()));
}

/// Text never panics as a number; eight bytes taken as a double survive as text.
pub fn numbers(text: &[u8]) {
    if let Some(n) = number::parse_i64(text) {
        assert_eq!(n.to_string().as_bytes(), text);
    }
    if let Some(x) = double::parse_argument(text) {
        assert!(!x.is_nan());
    }
    let Some(bits) = text.first_chunk() else { return };
    let x = f64::from_le_bytes(*bits);
    for write in [double::write_shortest, double::write_17_digits] {
        let mut out = Vec::new();
        write(&mut out, x);
        let read = double::parse(&out).unwrap();
        assert!(read.to_bits() == x.to_bits() || read.is_nan() && x.is_nan());
    }
}

/// The bytes with a frame that a listpack reader accepts: total size and terminator.
pub fn framed_listpack(blob: &[u8]) -> Vec<u8> {
    framed(blob, 6)
}

/// The bytes with a frame that a ziplist reader accepts: total size and terminator.
pub fn framed_ziplist(blob: &[u8]) -> Vec<u8> {
    framed(blob, 10)
}

fn framed(blob: &[u8], header_bytes: usize) -> Vec<u8> {
    let mut framed = blob.to_vec();
    framed.resize(blob.len().max(header_bytes), 0);
    framed.push(0xff);
    let total = framed.len() as u32;
    framed[..4].copy_from_slice(&total.to_le_bytes());
    framed
}

//! Records as items and back; the table is drawn in [`super`].
use crate::error::{Result, StoreError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use std::collections::HashMap;

/// Name of the partition key.
pub const PK: &str = "pk";
/// Name of the sort key.
pub const SK: &str = "sk";
/// The record's value.
pub const VALUE: &str = "v";
/// How many chunks a head has.
pub const CHUNKS: &str = "n";
/// Their generation.
pub const GENERATION: &str = "g";
/// Expiry in milliseconds.
pub const EXPIRE: &str = "e";
/// Expiry in seconds, for DynamoDB.
pub const TTL: &str = "ttl";

/// Partition key of meta records.
pub const META_PK: &[u8] = b"m";
/// Sort key of objects.
pub const OBJECT_SK: &[u8] = b"o";
/// First byte of sort keys of segments.
pub const SEGMENT: u8 = b's';
/// First byte of sort keys of chunks.
pub const CHUNK: u8 = b'c';

/// Length of a chunk; longer values are cut.
pub const CHUNK_BYTES: usize = 384 * 1024;
/// What an item takes beside its keys and value, at most: names of attributes and numbers.
const OVERHEAD_BYTES: usize = 64;

/// An item's attributes.
pub type Attributes = HashMap<String, AttributeValue>;

/// An item to be written.
#[derive(Debug)]
pub struct Item {
    /// Partition key.
    pub pk: Vec<u8>,
    /// Sort key.
    pub sk: Vec<u8>,
    /// Value.
    pub content: Content,
    /// When the object expires; objects only.
    pub expire_at_ms: Option<i64>,
    /// When DynamoDB may remove the item.
    pub ttl_s: Option<i64>,
}

/// What an item holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A value, or a piece of one.
    Whole(Vec<u8>),
    /// Where the pieces are.
    Head {
        /// What their sort keys start with.
        generation: u64,
        /// How many.
        chunks: u32,
    },
}

/// The sort key of a segment.
pub fn segment_sk(key: &[u8]) -> Vec<u8> {
    [&[SEGMENT], key].concat()
}

/// The sort key of a chunk.
pub fn chunk_sk(generation: u64, index: u32) -> Vec<u8> {
    let mut sk = Vec::with_capacity(13);
    sk.push(CHUNK);
    sk.extend_from_slice(&generation.to_be_bytes());
    sk.extend_from_slice(&index.to_be_bytes());
    sk
}

/// The second at which a millisecond has passed.
pub fn ttl_s(expire_at_ms: i64) -> i64 {
    expire_at_ms.saturating_add(999).div_euclid(1000).max(0)
}

impl Item {
    /// Gives the items of a record to `put`: its chunks if it needs them, then itself.
    pub fn cut(self, generation: u64, mut put: impl FnMut(Item) -> Result<()>) -> Result<Item> {
        let Content::Whole(value) = &self.content else { return Ok(self) };
        if value.len() <= CHUNK_BYTES {
            return Ok(self);
        }
        let mut chunks = 0;
        for piece in value.chunks(CHUNK_BYTES) {
            put(Item {
                pk: self.pk.clone(),
                sk: chunk_sk(generation, chunks),
                content: Content::Whole(piece.to_vec()),
                expire_at_ms: None,
                ttl_s: self.ttl_s,
            })?;
            chunks += 1;
        }
        Ok(Item { content: Content::Head { generation, chunks }, ..self })
    }

    /// About how large the service counts it.
    pub fn size_bytes(&self) -> usize {
        let value = match &self.content {
            Content::Whole(value) => value.len(),
            Content::Head { .. } => 0,
        };
        self.pk.len() + self.sk.len() + value + OVERHEAD_BYTES
    }

    /// Its attributes.
    pub fn attributes(self) -> Attributes {
        let mut map = HashMap::with_capacity(5);
        map.insert(PK.to_owned(), binary(self.pk));
        map.insert(SK.to_owned(), binary(self.sk));
        match self.content {
            Content::Whole(value) => {
                map.insert(VALUE.to_owned(), binary(value));
            }
            Content::Head { generation, chunks } => {
                map.insert(CHUNKS.to_owned(), number(i64::from(chunks)));
                map.insert(GENERATION.to_owned(), binary(generation.to_be_bytes()));
            }
        }
        if let Some(at_ms) = self.expire_at_ms {
            map.insert(EXPIRE.to_owned(), number(at_ms));
        }
        if let Some(at_s) = self.ttl_s {
            map.insert(TTL.to_owned(), number(at_s));
        }
        map
    }

    /// A request to put it.
    pub fn request(self) -> WriteRequest {
        // The only thing that `build` can miss is given.
        let put = PutRequest::builder().set_item(Some(self.attributes())).build().ok();
        WriteRequest::builder().set_put_request(put).build()
    }
}

/// An item read.
#[derive(Debug)]
pub struct Found {
    /// Partition key.
    pub pk: Vec<u8>,
    /// Sort key.
    pub sk: Vec<u8>,
    /// Value.
    pub content: Content,
}

impl Found {
    /// Reads an item. What is not of this layout is someone else's.
    pub fn from(mut item: Attributes) -> Result<Self> {
        let (pk, sk) = (take_binary(&mut item, PK)?, take_binary(&mut item, SK)?);
        let content = match item.get(CHUNKS) {
            Some(chunks) => head(chunks, item.get(GENERATION)),
            None => take_binary(&mut item, VALUE).ok().map(Content::Whole),
        };
        match content {
            Some(content) => Ok(Self { pk, sk, content }),
            None => Err(StoreError::Corrupt(format!(
                "an item has no value: pk {}, sk {}",
                hex(&pk),
                hex(&sk)
            ))),
        }
    }
}

fn head(chunks: &AttributeValue, generation: Option<&AttributeValue>) -> Option<Content> {
    let chunks = chunks.as_n().ok()?.parse().ok()?;
    let generation = generation?.as_b().ok()?.as_ref();
    let generation = u64::from_be_bytes(generation.try_into().ok()?);
    Some(Content::Head { generation, chunks })
}

/// The two keys of an item, as attributes.
pub fn key(pk: impl Into<Vec<u8>>, sk: impl Into<Vec<u8>>) -> Attributes {
    HashMap::from([(PK.to_owned(), binary(pk)), (SK.to_owned(), binary(sk))])
}

/// A binary attribute.
pub fn binary(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Takes a binary attribute out of an item.
fn take_binary(item: &mut Attributes, name: &str) -> Result<Vec<u8>> {
    match item.remove(name) {
        Some(AttributeValue::B(blob)) => Ok(blob.into_inner()),
        _ => Err(StoreError::Corrupt(format!("an item has no binary attribute {name:?}"))),
    }
}

/// Bytes as hexadecimal digits, as the table's document gives keys.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: Vec<u8>) -> Item {
        let content = Content::Whole(value);
        Item {
            pk: b"\0\0\0\0k".to_vec(),
            sk: b"o".to_vec(),
            content,
            expire_at_ms: None,
            ttl_s: None,
        }
    }

    fn cut(value: Vec<u8>) -> (Vec<Item>, Item) {
        let mut pieces = Vec::new();
        let head = item(value).cut(7, |piece| {
            pieces.push(piece);
            Ok(())
        });
        (pieces, head.unwrap())
    }

    #[test]
    fn a_value_that_fits_is_one_item() {
        let (pieces, whole) = cut(vec![1; CHUNK_BYTES]);
        assert!(pieces.is_empty());
        assert_eq!(whole.content, Content::Whole(vec![1; CHUNK_BYTES]));
    }

    #[test]
    fn a_longer_one_is_a_head_and_its_chunks_in_order() {
        let (pieces, head) = cut([vec![1; CHUNK_BYTES], vec![2]].concat());
        assert_eq!(head.content, Content::Head { generation: 7, chunks: 2 });
        assert_eq!(pieces[0].sk, b"c\0\0\0\0\0\0\0\x07\0\0\0\0");
        assert_eq!(pieces[1].sk, b"c\0\0\0\0\0\0\0\x07\0\0\0\x01");
        assert_eq!(pieces[1].content, Content::Whole(vec![2]));
        let found = Found::from(head.attributes()).unwrap();
        assert_eq!(found.content, Content::Head { generation: 7, chunks: 2 });
    }

    #[test]
    fn an_item_without_its_attributes_is_refused() {
        assert!(Found::from(Attributes::new()).is_err());
        assert!(Found::from(key(b"p".to_vec(), b"s".to_vec())).is_err());
        let mut cut = key(b"p".to_vec(), b"s".to_vec());
        cut.insert(CHUNKS.to_owned(), number(3));
        cut.insert(GENERATION.to_owned(), binary(vec![1, 2]));
        assert!(Found::from(cut).is_err());
    }

    #[test]
    fn seconds_to_live_are_rounded_up() {
        assert_eq!(ttl_s(1000), 1);
        assert_eq!(ttl_s(1001), 2);
        assert_eq!(ttl_s(-5), 0);
        assert_eq!(ttl_s(i64::MAX), i64::MAX / 1000);
    }
}

//! A table file of LevelDB's (`NNNNNN.ldb`): sorted records in blocks, and where each block lies.
//!
//! ```text
//! file      data block* · metaindex block · index block · footer
//! block     body · type u8 (0 raw, 1 snappy) · masked CRC-32C of body and type, u32
//! body      entry* · offset of each restart u32 · number of restarts u32
//! entry     shared varint · unshared varint · value length varint · key from `shared` on · value
//! footer    handle of the metaindex · handle of the index · zeros to 40 bytes · magic u64
//! handle    offset varint · length of the body as it lies in the file varint
//! ```
//! Numbers are little-endian, varints 7 bits a byte, the lowest first. An entry shares the start of
//! its key with the entry before it; at a restart it shares nothing, so that a reader can search
//! among the restarts. An index entry has a key that no key in its block is behind (here the last
//! of the block), and the block's handle as its value; each is a restart. The metaindex would name
//! a filter; here it is empty. snappy is kept when it saves more than an eighth.
//!
//! Keys are internal: the key, then `sequence << 8 | 1` as a u64 (1: a value, 0: a deletion).
use std::io::{self, Write};

/// The sequence number of every record: no key is in a load twice, so none need be newer.
pub const SEQUENCE: u64 = 1;
/// The end of an internal key.
const KEY_TRAILER: [u8; 8] = (SEQUENCE << 8 | 1).to_le_bytes();
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER_BYTES: usize = 48;
const HANDLE_MAX_BYTES: usize = 20;
const RAW: u8 = 0;
const SNAPPY: u8 = 1;
/// Bytes behind a body: type and checksum.
const BLOCK_TRAILER_BYTES: usize = 5;
/// What a buffer that had to grow for a large value keeps.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

/// How blocks are made.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Bytes of records a block, more or less.
    pub block_bytes: usize,
    /// Entries from one restart to the next.
    pub restart_interval: usize,
    /// Blocks are compressed.
    pub snappy: bool,
}

/// CRC-32C as LevelDB stores it: a checksum over bytes that hold their own would else say little.
pub fn masked_crc(bytes: &[u8]) -> u32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The entries of a block in the making.
struct Block {
    body: Vec<u8>,
    restarts: Vec<u32>,
    restart_interval: usize,
    since_restart: usize,
    last_key: Vec<u8>,
}

impl Block {
    fn new(restart_interval: usize) -> Self {
        let (body, last_key) = (Vec::new(), Vec::new());
        Self { body, restarts: vec![0], restart_interval, since_restart: 0, last_key }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        let shared = match self.since_restart < self.restart_interval {
            true => shared_len(&self.last_key, key),
            false => {
                // Only the last entry of a body may be a large one.
                self.restarts.push(self.body.len() as u32);
                self.since_restart = 0;
                0
            }
        };
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(&key[shared..]);
        // Three varints of at most 5 bytes, and what comes behind the last entry of a large body.
        self.body.reserve(32 + key.len() + value.len());
        put_varint(&mut self.body, shared as u64);
        put_varint(&mut self.body, (key.len() - shared) as u64);
        put_varint(&mut self.body, value.len() as u64);
        self.body.extend_from_slice(&key[shared..]);
        self.body.extend_from_slice(value);
        self.since_restart += 1;
    }

    fn bytes(&self) -> usize {
        self.body.len() + 4 * (self.restarts.len() + 1)
    }

    /// The whole body.
    fn finish(&mut self) -> &mut Vec<u8> {
        for restart in &self.restarts {
            self.body.extend_from_slice(&restart.to_le_bytes());
        }
        self.body.extend_from_slice(&(self.restarts.len() as u32).to_le_bytes());
        &mut self.body
    }

    fn clear(&mut self) {
        self.body.clear();
        self.body.shrink_to(BUFFER_KEPT_BYTES);
        self.restarts.truncate(1);
        self.since_restart = 0;
        self.last_key.clear();
    }
}

/// How many bytes two keys have in common at the beginning.
fn shared_len(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// Where a block lies.
#[derive(Clone, Copy)]
struct Handle {
    offset: u64,
    bytes: u64,
}

impl Handle {
    fn put(self, out: &mut Vec<u8>) {
        put_varint(out, self.offset);
        put_varint(out, self.bytes);
    }
}

/// Compresses blocks and sums them.
struct Packer {
    /// None where blocks stay as they are.
    encoder: Option<snap::raw::Encoder>,
    packed: Vec<u8>,
    /// Bytes of the file so far.
    offset: u64,
}

impl Packer {
    fn new(snappy: bool) -> Self {
        Self { encoder: snappy.then(snap::raw::Encoder::new), packed: Vec::new(), offset: 0 }
    }

    /// Writes a block, which is empty then.
    fn write(&mut self, block: &mut Block, out: &mut impl Write) -> io::Result<Handle> {
        let body = block.finish();
        let (stored, kind, bytes) = match self.pack(body)? {
            Some(bytes) => (&mut self.packed, SNAPPY, bytes),
            None => {
                let bytes = body.len();
                body.extend_from_slice(&[0; BLOCK_TRAILER_BYTES]);
                (body, RAW, bytes)
            }
        };
        stored[bytes] = kind;
        let crc = masked_crc(&stored[..bytes + 1]).to_le_bytes();
        stored[bytes + 1..bytes + BLOCK_TRAILER_BYTES].copy_from_slice(&crc);
        out.write_all(&stored[..bytes + BLOCK_TRAILER_BYTES])?;
        let handle = Handle { offset: self.offset, bytes: bytes as u64 };
        self.offset += (bytes + BLOCK_TRAILER_BYTES) as u64;
        block.clear();
        self.packed.truncate(BUFFER_KEPT_BYTES);
        self.packed.shrink_to(BUFFER_KEPT_BYTES);
        Ok(handle)
    }

    /// Compresses a body into `packed`, where there is room for the trailer behind it. Gives its
    /// length there, when that is worth it; snappy has no room for 4 GB.
    fn pack(&mut self, body: &[u8]) -> io::Result<Option<usize>> {
        let most = snap::raw::max_compress_len(body.len());
        let Some(encoder) = self.encoder.as_mut().filter(|_| most > 0) else { return Ok(None) };
        if self.packed.len() < most + BLOCK_TRAILER_BYTES {
            self.packed.resize(most + BLOCK_TRAILER_BYTES, 0);
        }
        let bytes = encoder.compress(body, &mut self.packed).map_err(io::Error::other)?;
        Ok(Some(bytes).filter(|bytes| *bytes < body.len() - body.len() / 8))
    }
}

/// A table that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the file.
    pub size: u64,
    /// The first internal key.
    pub smallest: Vec<u8>,
    /// The last internal key.
    pub largest: Vec<u8>,
}

/// Makes tables, one after the other.
pub struct TableBuilder {
    block_bytes: usize,
    data: Block,
    index: Block,
    packer: Packer,
    smallest: Vec<u8>,
    /// The internal key of the last record.
    key: Vec<u8>,
}

impl TableBuilder {
    /// A builder of tables of a form.
    pub fn new(form: Form) -> Self {
        Self {
            block_bytes: form.block_bytes,
            data: Block::new(form.restart_interval),
            index: Block::new(1),
            packer: Packer::new(form.snappy),
            smallest: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Adds a record behind those that were added; its key is a table's byte and the rest.
    pub fn add(
        &mut self,
        (prefix, key): (u8, &[u8]),
        value: &[u8],
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.key.clear();
        self.key.push(prefix);
        self.key.extend_from_slice(key);
        self.key.extend_from_slice(&KEY_TRAILER);
        if self.smallest.is_empty() {
            self.smallest.extend_from_slice(&self.key);
        }
        self.data.add(&self.key, value);
        if self.data.bytes() >= self.block_bytes {
            self.end_block(out)?;
        }
        Ok(())
    }

    fn end_block(&mut self, out: &mut impl Write) -> io::Result<()> {
        let handle = self.packer.write(&mut self.data, out)?;
        let mut place = Vec::with_capacity(HANDLE_MAX_BYTES);
        handle.put(&mut place);
        self.index.add(&self.key, &place);
        Ok(())
    }

    /// Writes what is missing, and is ready for another table.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<Written> {
        if !self.data.body.is_empty() {
            self.end_block(out)?;
        }
        let metaindex = self.packer.write(&mut Block::new(1), out)?;
        let index = self.packer.write(&mut self.index, out)?;
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        metaindex.put(&mut footer);
        index.put(&mut footer);
        footer.resize(FOOTER_BYTES - 8, 0);
        footer.extend_from_slice(&MAGIC.to_le_bytes());
        out.write_all(&footer)?;
        let size = std::mem::take(&mut self.packer.offset) + FOOTER_BYTES as u64;
        let smallest = std::mem::take(&mut self.smallest);
        Ok(Written { size, smallest, largest: self.key.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second key shares two bytes with the first: the table's and one of the key's.
    #[test]
    fn a_table_has_the_bytes_that_the_header_says() {
        let form = Form { block_bytes: 4096, restart_interval: 16, snappy: false };
        let mut builder = TableBuilder::new(form);
        // A builder is as new after each table.
        for _ in 0..2 {
            let mut file = Vec::new();
            builder.add((b'o', b"a"), b"x", &mut file).unwrap();
            builder.add((b'o', b"ab"), b"y", &mut file).unwrap();
            let written = builder.finish(&mut file).unwrap();
            assert_eq!(written.size, file.len() as u64);
            assert_eq!(written.smallest, b"oa\x01\x01\0\0\0\0\0\0");
            assert_eq!(written.largest, b"oab\x01\x01\0\0\0\0\0\0");
            let body = b"\x00\x0a\x01oa\x01\x01\0\0\0\0\0\0x\
                \x02\x09\x01b\x01\x01\0\0\0\0\0\0y\
                \0\0\0\0\x01\0\0\0";
            let end = body.len() + 1;
            assert_eq!(file[..body.len()], *body);
            assert_eq!(file[body.len()], RAW);
            assert_eq!(file[end..end + 4], masked_crc(&file[..end]).to_le_bytes());
            // The metaindex comes next: no entry and one restart.
            assert_eq!(file[end + 4..end + 12], *b"\0\0\0\0\x01\0\0\0");
            let footer = &file[file.len() - FOOTER_BYTES..];
            assert_eq!(footer[..2], [end as u8 + 4, 8]);
            assert_eq!(footer[FOOTER_BYTES - 8..], MAGIC.to_le_bytes());
        }
    }

    #[test]
    fn checksums_are_masked() {
        // The CRC's own check value is 0xe3069283.
        assert_eq!(masked_crc(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn varints_are_seven_bits_a_byte() {
        for (number, bytes) in [(0, &[0][..]), (127, &[127]), (128, &[128, 1]), (300, &[172, 2])] {
            let mut out = Vec::new();
            put_varint(&mut out, number);
            assert_eq!(out, bytes);
        }
    }
}

//! Keys of segments.
use redtool_format::encodings::stream::StreamId;

/// The hash that orders fields and members: XXH3-64, seed 0.
#[inline]
pub fn element_hash(element: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(element)
}

/// The 128-bit hash of a key: XXH3, seed 0.
#[inline]
pub fn key_hash(key: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(key)
}

/// The order key of a score: sorts as the doubles do; -0 sorts as 0.
#[inline]
pub fn score_order(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// `[id]['h'][hash]`
pub fn hash_key(id: u64, hash: u64) -> [u8; 17] {
    order_key(id, b'h', hash)
}

/// `[id]['l'][position]`
pub fn list_key(id: u64, position: u64) -> [u8; 17] {
    order_key(id, b'l', position)
}

/// `[id]['b'][offset]`
pub fn piece_key(id: u64, offset: u64) -> [u8; 17] {
    order_key(id, b'b', offset)
}

/// `[id]['s'][ms][seq]`
pub fn stream_key(id: u64, master: StreamId) -> [u8; 25] {
    let mut key = [0; 25];
    key[..17].copy_from_slice(&order_key(id, b's', master.ms));
    key[17..].copy_from_slice(&master.seq.to_be_bytes());
    key
}

/// `[id]['z'][score order][member or a prefix of it]`
pub fn zset_key(id: u64, score: f64, member: &[u8]) -> Vec<u8> {
    let mut key = order_key(id, b'z', score_order(score)).to_vec();
    let room = crate::layout::MAX_KEY_BYTES - key.len();
    key.extend_from_slice(&member[..member.len().min(room)]);
    key
}

/// What stands behind the score order in the key of a segment whose first member is `member`, when
/// the last one of the segment before, of the same score, is `below`: the shortest prefix of
/// `member` that is greater than `below`.
pub fn separator_above<'m>(member: &'m [u8], below: &[u8]) -> &'m [u8] {
    let common = member.iter().zip(below).take_while(|(a, b)| a == b).count();
    &member[..(common + 1).min(member.len())]
}

/// Whether a key has room for a separator.
pub fn separator_fits(separator: &[u8]) -> bool {
    separator.len() <= crate::layout::MAX_KEY_BYTES - 17
}

fn order_key(id: u64, family: u8, order: u64) -> [u8; 17] {
    let mut key = [0; 17];
    key[..8].copy_from_slice(&id.to_be_bytes());
    key[8] = family;
    key[9..].copy_from_slice(&order.to_be_bytes());
    key
}

//! HyperLogLogs: strings that estimate how many different elements were added.
//!
//! ```text
//! "HYLL" · encoding u8 (0 dense, 1 sparse) · 3 unused bytes
//!         · cached count u64 LE (highest bit set: stale) · registers
//! dense   16384 registers of 6 bits, lowest bits first: 12288 bytes
//! sparse  00xxxxxx            x + 1 registers are 0
//!         01xxxxxx yyyyyyyy   xy + 1 registers are 0
//!         1vvvvvxx            x + 1 registers are v + 1
//! 48594c4c 01 000000 0000000000000080 7fff          no element yet, the count stale
//! ```
//! An element's hash is MurmurHash64A of seed 0xadc83b19: its lowest 14 bits are the register, and
//! the register holds one more than the number of zero bits above them, at the greatest of all its
//! elements. The estimate is Ertl's (2017), in the order of operations Redis uses, so that the
//! numbers are the same.
use super::hyperloglog_sparse as sparse;
use super::Result;
use crate::error::Error;

/// Registers of a value.
pub const REGISTERS: usize = 16384;
/// Bytes before the registers.
pub const HEADER_BYTES: usize = 16;
const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * 6 / 8;
/// No valid value is longer: a register takes two bytes at most. So more of a string need not be
/// read to refuse it.
pub const READ_BYTES: usize = HEADER_BYTES + 2 * REGISTERS + 2;
/// Registers hold at most this: 64 - 14 hash bits, plus one.
const RANK_MAX: usize = 51;
const INDEX_BITS: u32 = 14;
const SEED: u64 = 0xadc8_3b19;
/// Where the encoding stands, and its two values.
const ENCODING_AT: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Where the highest byte of the cached count stands.
const STALE_AT: usize = 15;
const STALE: u8 = 0x80;

/// The registers of a value contradict each other.
pub const CORRUPT: Error = Error::fixed("INVALIDOBJ Corrupted HLL object detected");
const INVALID: Error = Error::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");

/// Refuses a string that is no HyperLogLog.
pub fn check(bytes: &[u8]) -> Result<()> {
    let valid = bytes.len() >= HEADER_BYTES
        && bytes.starts_with(b"HYLL")
        && (bytes[ENCODING_AT] == SPARSE
            || bytes[ENCODING_AT] == DENSE && bytes.len() == DENSE_BYTES);
    match valid {
        true => Ok(()),
        false => Err(INVALID),
    }
}

/// A new value, in which nothing was counted.
pub fn empty() -> Vec<u8> {
    let mut value = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    sparse::write_zeros(&mut value, REGISTERS);
    value
}

/// Whether a checked value has its registers packed.
pub fn is_sparse(bytes: &[u8]) -> bool {
    bytes[ENCODING_AT] == SPARSE
}

/// The count in the header of a checked value, unless it is stale.
pub fn cached_count(bytes: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(bytes[8..HEADER_BYTES].try_into().ok()?);
    (count >> 63 == 0).then_some(count)
}

/// Keeps the count in the header.
pub fn set_cached_count(bytes: &mut [u8], count: u64) {
    if let Some(place) = bytes.get_mut(8..HEADER_BYTES) {
        place.copy_from_slice(&count.to_le_bytes());
    }
}

/// Says that the count in the header is no longer right.
pub fn set_stale(bytes: &mut [u8]) {
    if let Some(byte) = bytes.get_mut(STALE_AT) {
        *byte |= STALE;
    }
}

/// The register of an element, and what it must hold at least.
fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let index = hash as usize & (REGISTERS - 1);
    let rest = hash >> INDEX_BITS | 1 << (64 - INDEX_BITS);
    (index, rest.trailing_zeros() as u8 + 1)
}

/// Counts an element in a checked value; whether a register changed.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_max_bytes: usize) -> Result<bool> {
    let (index, rank) = place_of(element);
    raise(bytes, index, rank, sparse_max_bytes)
}

/// Raises a register; whether it was lower.
pub fn raise(bytes: &mut Vec<u8>, index: usize, rank: u8, sparse_max_bytes: usize) -> Result<bool> {
    if is_sparse(bytes) {
        match sparse::raise(bytes, index, rank, sparse_max_bytes)? {
            sparse::Raised::No => return Ok(false),
            sparse::Raised::Yes => return Ok(true),
            sparse::Raised::DoesNotFit => make_dense(bytes)?,
        }
    }
    let body = &mut bytes[HEADER_BYTES..];
    let is_lower = dense_register(body, index) < rank;
    if is_lower {
        set_dense_register(body, index, rank);
    }
    Ok(is_lower)
}

/// Gives a checked value the dense form; its count stays.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<()> {
    if !is_sparse(bytes) {
        return Ok(());
    }
    let registers = registers(bytes)?;
    bytes.truncate(HEADER_BYTES);
    bytes.resize(DENSE_BYTES, 0);
    bytes[ENCODING_AT] = DENSE;
    for (index, rank) in registers.iter().enumerate().filter(|(_, rank)| **rank > 0) {
        set_dense_register(&mut bytes[HEADER_BYTES..], index, *rank);
    }
    Ok(())
}

/// The registers of a checked value, one a byte.
pub fn registers(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut registers = vec![0; REGISTERS];
    merge(bytes, &mut registers)?;
    Ok(registers)
}

/// Raises the registers to those of a checked value.
pub fn merge(bytes: &[u8], registers: &mut [u8]) -> Result<()> {
    let body = &bytes[HEADER_BYTES..];
    if is_sparse(bytes) {
        return sparse::merge(body, registers);
    }
    for (index, register) in registers.iter_mut().enumerate() {
        *register = (*register).max(dense_register(body, index));
    }
    Ok(())
}

fn dense_register(body: &[u8], index: usize) -> u8 {
    let bit = index * 6;
    let low = u16::from(body[bit / 8]);
    let high = u16::from(body.get(bit / 8 + 1).copied().unwrap_or(0));
    ((low | high << 8) >> (bit % 8)) as u8 & 63
}

fn set_dense_register(body: &mut [u8], index: usize, rank: u8) {
    let bit = index * 6;
    let (at, shift) = (bit / 8, bit % 8);
    let (mask, value) = (63u16 << shift, u16::from(rank & 63) << shift);
    body[at] = body[at] & !(mask as u8) | value as u8;
    if let Some(high) = body.get_mut(at + 1) {
        *high = *high & !((mask >> 8) as u8) | (value >> 8) as u8;
    }
}

/// How many different elements there were, by registers one a byte.
pub fn estimate(registers: &[u8]) -> u64 {
    const ALPHA_INFINITY: f64 = 0.721_347_520_444_481_7;
    let mut histogram = [0u32; 64];
    for register in registers {
        histogram[usize::from(register & 63)] += 1;
    }
    let m = REGISTERS as f64;
    let mut z = m * tau((m - f64::from(histogram[RANK_MAX])) / m);
    for count in histogram[1..RANK_MAX].iter().rev() {
        z = (z + f64::from(*count)) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA_INFINITY * m * m / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// MurmurHash64A, words read as little-endian.
fn murmur(bytes: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(M);
    let word_of = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    for word in words {
        let mut k = word_of(word).wrapping_mul(M);
        k ^= k >> R;
        hash = (hash ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        hash = (hash ^ word_of(rest)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::sample::Random;

    #[test]
    fn the_worked_example_of_the_header() {
        let mut value = empty();
        assert_eq!(cached_count(&value), Some(0));
        set_stale(&mut value);
        assert_eq!(value, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff");
        assert_eq!(estimate(&registers(&value).unwrap()), 0);
    }

    /// Both forms, and the way from one to the other, against plain registers.
    #[test]
    fn registers_are_those_of_a_plain_array() {
        let mut random = Random::seeded(3);
        for sparse_max_bytes in [0, 40, 300, 3000] {
            let (mut value, mut model) = (empty(), vec![0u8; REGISTERS]);
            for _ in 0..3000 {
                let near = random.below(2) == 0;
                let index = random.below(if near { 40 } else { REGISTERS as u64 }) as usize;
                let rank = random.below(if near { 4 } else { 34 }) as u8 + 1;
                let is_lower = model[index] < rank;
                model[index] = model[index].max(rank);
                assert_eq!(raise(&mut value, index, rank, sparse_max_bytes).unwrap(), is_lower);
                check(&value).unwrap();
            }
            assert_eq!(registers(&value).unwrap(), model);
            make_dense(&mut value).unwrap();
            assert_eq!(registers(&value).unwrap(), model);
        }
    }

    #[test]
    fn damaged_registers_are_refused() {
        let mut random = Random::seeded(5);
        for _ in 0..2000 {
            let mut value = empty();
            for n in 0..30u32 {
                add(&mut value, &n.to_le_bytes(), 3000).unwrap();
            }
            let len = value.len() as u64;
            let at = HEADER_BYTES + random.below(len - HEADER_BYTES as u64) as usize;
            match random.below(2) {
                0 => value.truncate(at),
                _ => value[at] = random.draw() as u8,
            }
            let _ = raise(&mut value, random.below(REGISTERS as u64) as usize, 40, 3000);
            let _ = raise(&mut value, random.below(REGISTERS as u64) as usize, 3, 3000);
        }
    }
}

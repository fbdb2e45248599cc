//! Keys and values masked, so that a dump of production can go where its data may not.
//!
//! Letters become letters and digits digits; lengths, punctuation, scores, stream ids, counts and
//! expiries stay ([`shape`] says exactly what). Equal strings become equal ones, in keys as in
//! values and with one secret in every run, so joins hold; different strings become different ones,
//! because a mask permutes the strings of one shape ([`cipher`]), so that nothing can collide.
//!
//! A key is masked part by part: `:`, `{` and `}` stand between parts and stay, so `user:1234` and
//! a value `1234` agree, and a hash tag still gathers what it gathered.
//!
//! What this is not: proof against someone who knows much of the data. Lengths, shapes and which
//! strings are equal remain to be seen.
pub mod cipher;
mod shape;

use crate::error::{Error, Kind, Result};
use cipher::Cipher;
pub use cipher::Room;
use redtool_engine::glob;
use regex::bytes::Regex;
use shape::Class;

/// What stands between the parts of a key.
const SEPARATORS: &[u8] = b":{}";

/// What is masked, as given.
#[derive(Debug, Clone, Default)]
pub struct Masking {
    /// What of which keys; several add up.
    pub scopes: Vec<Scope>,
    /// Which parts of a key, where keys are masked.
    pub parts: Parts,
    /// The secret: without it nobody can tell what a string becomes.
    pub secret: Vec<u8>,
}

/// What of which keys is masked.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The values.
    pub values: bool,
    /// The keys themselves.
    pub keys: bool,
    /// Only of keys that match; none: of all.
    pub glob: Option<Vec<u8>>,
}

/// Which parts of a key.
#[derive(Debug, Clone, Default)]
pub enum Parts {
    /// All.
    #[default]
    All,
    /// Those with a digit.
    Digits,
    /// Those in which this is found.
    Matching(String),
}

/// What is masked, and how.
#[derive(Debug)]
pub(super) struct Mask {
    scopes: Vec<Scope>,
    parts: Which,
    cipher: Cipher,
}

#[derive(Debug)]
enum Which {
    All,
    Digits,
    Matching(Regex),
}

impl Scope {
    fn has(&self, key: &[u8]) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob::matches(glob, key, false))
    }
}

impl Which {
    fn takes(&self, part: &[u8]) -> bool {
        match self {
            Which::All => true,
            Which::Digits => part.iter().any(u8::is_ascii_digit),
            Which::Matching(regex) => regex.is_match(part),
        }
    }
}

impl Mask {
    pub(super) fn new(masking: Masking) -> Result<Self> {
        let parts = match masking.parts {
            Parts::All => Which::All,
            Parts::Digits => Which::Digits,
            Parts::Matching(text) => Which::Matching(
                Regex::new(&text).map_err(|e| Error::new(Kind::Usage, e.to_string()))?,
            ),
        };
        Ok(Self { scopes: masking.scopes, parts, cipher: Cipher::new(&masking.secret) })
    }

    /// Whether any value is masked.
    pub(super) fn masks_values(&self) -> bool {
        self.scopes.iter().any(|scope| scope.values)
    }

    /// Whether the value of a key is masked.
    pub(super) fn masks_value_of(&self, key: &[u8]) -> bool {
        self.scopes.iter().any(|scope| scope.values && scope.has(key))
    }

    /// Whether a key is masked.
    pub(super) fn masks_key(&self, key: &[u8]) -> bool {
        self.scopes.iter().any(|scope| scope.keys && scope.has(key))
    }

    /// Whether a masked key may become one that is not masked: where some are left alone, and
    /// what is left alone cannot be told from what is not by its shape.
    pub(super) fn may_collide(&self) -> bool {
        let masks_keys = self.scopes.iter().any(|scope| scope.keys);
        let masks_every_key = self.scopes.iter().any(|scope| scope.keys && scope.glob.is_none());
        masks_keys && (!masks_every_key || matches!(self.parts, Which::Matching(_)))
    }

    /// Masks a key into `out`. One that is no text is masked as a whole.
    pub(super) fn key(&self, key: &[u8], room: &mut Room, out: &mut Vec<u8>) {
        out.clear();
        if shape::classify(key) == Class::Binary {
            match &self.parts {
                Which::Matching(regex) if !regex.is_match(key) => out.extend_from_slice(key),
                _ => self.cipher.mask(key, room, out),
            }
            return;
        }
        let mut rest = key;
        while let Some(at) = rest.iter().position(|byte| SEPARATORS.contains(byte)) {
            self.part(&rest[..at], room, out);
            out.push(rest[at]);
            rest = &rest[at + 1..];
        }
        self.part(rest, room, out);
    }

    fn part(&self, part: &[u8], room: &mut Room, out: &mut Vec<u8>) {
        match self.parts.takes(part) {
            true => self.cipher.mask(part, room, out),
            false => out.extend_from_slice(part),
        }
    }

    /// Masks a string of a value, behind what `out` holds.
    pub(super) fn string(&self, bytes: &[u8], room: &mut Room, out: &mut Vec<u8>) {
        self.cipher.mask(bytes, room, out);
    }

    /// The same, piece by piece.
    pub(super) fn pieces<E>(
        &self,
        bytes: &[u8],
        room: &mut Room,
        each: &mut dyn FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.cipher.pieces(bytes, room, each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(parts: Parts, scopes: &[(bool, bool, Option<&str>)]) -> Mask {
        let scope = |(values, keys, glob): &(bool, bool, Option<&str>)| Scope {
            values: *values,
            keys: *keys,
            glob: glob.map(|glob| glob.as_bytes().to_vec()),
        };
        let scopes = scopes.iter().map(scope).collect();
        Mask::new(Masking { scopes, parts, secret: b"secret".to_vec() }).unwrap()
    }

    fn key(parts: Parts, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        mask(parts, &[(false, true, None)]).key(key, &mut Room::default(), &mut out);
        out
    }

    #[test]
    fn parts_with_digits_are_masked_and_the_others_stay() {
        let masked = String::from_utf8(key(Parts::Digits, b"user:1234:cart")).unwrap();
        let parts: Vec<_> = masked.split(':').collect();
        assert_eq!((parts[0], parts[2]), ("user", "cart"));
        assert!(parts[1] != "1234" && parts[1].len() == 4);
        assert!(parts[1].parse::<u32>().unwrap() >= 1000);
        let matching = key(Parts::Matching("^us".into()), b"user:1234");
        assert!(matching.ends_with(b":1234") && !matching.starts_with(b"user"));
    }

    #[test]
    fn a_part_is_masked_as_the_same_string_is_elsewhere() {
        let mut out = Vec::new();
        mask(Parts::All, &[]).string(b"1234", &mut Room::default(), &mut out);
        let masked = key(Parts::All, b"{order:1234}x");
        assert_eq!(masked[7..11], out[..]);
        assert_eq!((masked[0], masked[6], masked[11]), (b'{', b':', b'}'));
    }

    #[test]
    fn binary_keys_stay_distinct_from_text() {
        let masked = key(Parts::Digits, b"\xff\xfe:1");
        assert_eq!(masked.len(), 4);
        assert_eq!(shape::classify(&masked), Class::Binary);
    }

    #[test]
    fn scopes_are_globs_and_say_whether_keys_can_collide() {
        let scoped = mask(Parts::All, &[(true, false, Some("user:*")), (true, true, Some("s:*"))]);
        assert!(scoped.masks_value_of(b"user:1") && !scoped.masks_key(b"user:1"));
        assert!(scoped.masks_value_of(b"s:1") && scoped.masks_key(b"s:1"));
        assert!(!scoped.masks_value_of(b"x"));
        assert!(scoped.may_collide());
        assert!(!mask(Parts::Digits, &[(true, true, None)]).may_collide());
        assert!(mask(Parts::Matching("a".into()), &[(true, true, None)]).may_collide());
        assert!(!mask(Parts::All, &[(true, false, Some("a*"))]).may_collide());
    }
}

//! Hostile values: the values of real dumps and worked ones of every further type, damaged
//! thousands of times by a seeded generator, never break a level of reading, and the levels agree.
mod common;
#[path = "invariants/value.rs"]
mod invariants;

use redtool_format::rdb::reader::{Reader, Record};
use redtool_format::rdb::ValueType;
use std::collections::BTreeMap;

const ROUNDS_PER_TYPE: usize = 3000;
const SEED_MAX_BYTES: usize = 2000;

/// Values of types that no dump among the fixtures holds.
fn worked() -> Vec<(ValueType, Vec<u8>)> {
    let meta = [
        &b"\x00\x02\x06\x01\x05\x00\x05\x03\x03\x00"[..],
        &b"\x40\x64\x40\x64\x01\x01p\x01\x01i\x05\x01\x02\x00"[..],
    ]
    .concat();
    let values = b"\x0e\x0e\0\0\0\x03\0\x07\x01\x81x\x02\x01\x01\xff";
    let names = b"\x0e\x0e\0\0\0\x02\0\x81a\x02\x82bb\x03\xff";
    let strings = b"\x01x\xc0\x01";
    vec![
        (ValueType::ModulePreGa, b"\x81\x85\xe9\x65\xa2\xdc\xa9\x78\0\x05".to_vec()),
        (
            ValueType::HashMetadataRc,
            b"\x02\0\x01a\xc0\x01\x81\0\0\x03\xbb\x2c\xc3\xd8\0\x01b\x01x".to_vec(),
        ),
        (
            ValueType::HashListpackExRc,
            b"\x10\x10\0\0\0\x03\0\x81a\x02\x81x\x02\xc3\xe8\x02\xff".to_vec(),
        ),
        (ValueType::ValkeyHash2, [&b"\x01\x01a\x01b"[..], &[0xff; 8]].concat()),
        (ValueType::Stream4, [&b"\0\0"[..], &meta[2..]].concat()),
        (ValueType::Stream5, [&b"\0\0"[..], &meta[2..]].concat()),
        (ValueType::Array, b"\x02\x01\x05\x00\x00\x01a\x01\x01\0\0\0\0\0\0\0\0".to_vec()),
        (ValueType::HashTemplateListpackDump, [&b"\0"[..], names, values].concat()),
        (ValueType::HashTemplateListpack, values.to_vec()),
        (ValueType::HashTemplateDump, [&b"\x01\x02\x01a\x02bb"[..], strings].concat()),
        (ValueType::HashTemplate, [&b"\x07"[..], strings].concat()),
    ]
}

/// Small values of every type that the dumps hold, and the worked ones.
fn seeds() -> BTreeMap<u8, Vec<Vec<u8>>> {
    let mut seeds: BTreeMap<u8, Vec<Vec<u8>>> = BTreeMap::new();
    for (value_type, payload) in worked() {
        seeds.entry(value_type as u8).or_default().push(payload);
    }
    for dump in common::dumps() {
        let file = std::fs::read(dump).unwrap();
        let mut reader = Reader::new(&file).unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            let Record::Key(key) = record else { continue };
            let of_type = seeds.entry(key.value_type as u8).or_default();
            if key.payload.len() <= SEED_MAX_BYTES {
                of_type.push(key.payload.to_vec());
            }
        }
    }
    for of_type in seeds.values_mut() {
        of_type.sort();
        of_type.dedup();
    }
    seeds
}

/// A small linear congruence: the same damage on every run.
struct Damage(u64);

impl Damage {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % end.max(1)
    }

    fn hurt(&mut self, payload: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(payload.len());
            match self.below(5) {
                0 => payload.truncate(at),
                1 => payload.insert(at, self.below(256) as u8),
                2 => payload.extend_from_within(at..payload.len().min(at + 8)),
                _ => payload.iter_mut().skip(at).take(1).for_each(|byte| {
                    *byte ^= [1, 2, 0x40, 0x80, 0xff][self.below(5)];
                }),
            }
        }
    }
}

#[test]
fn every_type_has_seeds() {
    let seeds = seeds();
    let without =
        ValueType::ALL.iter().filter(|value_type| !seeds.contains_key(&(**value_type as u8)));
    assert_eq!(without.collect::<Vec<_>>(), Vec::<&ValueType>::new());
}

#[test]
fn damaged_values_are_refused_or_read_alike_at_every_level() {
    for (code, of_type) in seeds() {
        let value_type = ValueType::from_code(code).unwrap();
        of_type.iter().for_each(|payload| invariants::value(value_type, payload));
        let mut damage = Damage(u64::from(code));
        for round in 0..ROUNDS_PER_TYPE {
            let mut payload = of_type[round % of_type.len()].clone();
            damage.hurt(&mut payload);
            invariants::value(value_type, &payload);
        }
    }
}

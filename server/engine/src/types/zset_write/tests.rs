//! Sorted sets follow a model through random changes, whatever form they are in.
use super::super::segments::Segments;
use super::super::{Direction, ON, STOP};
use super::*;
use redtool_format::encodings::IntBuf;
use redtool_store::segment::{element_hash, hash_key, score_order};
use std::collections::BTreeMap;

/// Sets up what a command has.
struct World {
    space: Space,
    ranks: RankCache,
    edit: Edit,
}

impl World {
    fn new() -> Self {
        let limits = Limits::default();
        let edit = Edit::new_zset(&limits, 1, 1);
        Self { space: Space::in_memory(), ranks: RankCache::default(), edit }
    }

    fn zset(&mut self) -> ZsetEdit<'_> {
        let limits = Limits::default();
        let Self { space, ranks, edit } = self;
        ZsetEdit { space, ranks, limits, edit }
    }

    fn put(&mut self, member: &[u8], score: f64) -> Change {
        self.zset().update(member, |_| Ok(Some(score))).unwrap()
    }

    /// Every way to read gives what the model holds, and the records are as the layout says.
    fn agrees(&mut self, model: &BTreeMap<Vec<u8>, f64>) {
        let mut ordered: Vec<_> =
            model.iter().map(|(m, s)| (score_order(*s), m.clone(), *s)).collect();
        ordered.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let zset = self.zset();
        let view = zset.view().unwrap();
        assert_eq!(view.len(), model.len() as u64);
        let mut found = Vec::new();
        view.each_from(Edge::Start, Direction::Forward, |member, score| {
            found.push((score_order(score), member.to_vec(), score));
            Ok(ON)
        })
        .unwrap();
        assert_eq!(found, ordered);
        for (rank, (_, member, score)) in ordered.iter().enumerate().step_by(7) {
            assert_eq!(view.rank(member).unwrap(), Some((rank as u64, *score)));
            view.each_from_rank(rank as u64, Direction::Forward, |found, _| {
                assert_eq!(found.to_vec(), *member);
                Ok(STOP)
            })
            .unwrap();
        }
        drop(view);
        if let OwnedBody::Segmented { id, .. } = self.edit.body {
            self.hashes_agree(id, model.len());
            self.scores_agree(id);
        }
    }

    fn hashes_agree(&self, id: u64, len: usize) {
        let (mut last, mut count) = (0, 0);
        Segments::new(&self.space, id, b'h')
            .each(|segment| {
                let listpack = Listpack::parse(&segment.value)?;
                listpack.validate().unwrap();
                let mut items = listpack.iter();
                let mut is_first = true;
                while let Some(member) = items.next() {
                    let hash = element_hash(member?.bytes(&mut IntBuf::new()));
                    assert!(hash >= last);
                    if is_first {
                        assert_eq!(*segment.key, hash_key(id, hash));
                    }
                    (last, is_first, count) = (hash, false, count + 1);
                    items.advance(1)?;
                }
                Ok(ON)
            })
            .unwrap();
        assert_eq!(count, len);
    }

    /// Each segment's key is above all before it, not above its first member, and has the order of
    /// its score.
    fn scores_agree(&self, id: u64) {
        let mut last = Vec::new();
        Segments::new(&self.space, id, b'z')
            .each(|segment| {
                let listpack = Listpack::parse(&segment.value)?;
                listpack.validate().unwrap();
                let items: Vec<_> = listpack.iter().collect::<std::result::Result<_, _>>().unwrap();
                assert!(!items.is_empty() && segment.key.len() <= 511);
                assert!(*last < *segment.key, "a separator is not above what is before it");
                for (at, pair) in items.chunks(2).enumerate() {
                    let score = packed_score(pair[1], true).unwrap();
                    let mut key =
                        Segments::new(&self.space, id, b'z').key(score_order(score)).to_vec();
                    key.extend_from_slice(pair[0].bytes(&mut IntBuf::new()));
                    assert!(key > last);
                    if at == 0 {
                        assert!(*key >= *segment.key);
                        assert_eq!(key[..17], segment.key[..17]);
                    }
                    last = key;
                }
                Ok(ON)
            })
            .unwrap();
    }
}

/// Random changes, then everything removed in pieces.
fn follows_a_map(member: impl Fn(usize) -> Vec<u8>, score: impl Fn(usize) -> f64) {
    let (mut world, mut model) = (World::new(), BTreeMap::new());
    let mut random = 11u64;
    for step in 0..16_000usize {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = (random >> 33) as usize;
        let member = member(draw % 2500);
        if draw / 2500 % 10 < if step < 10_000 { 8 } else { 2 } {
            let score = score(draw / 31);
            let old = model.insert(member.clone(), score);
            let change = match old {
                None => Change::Added,
                Some(old) if old == score => Change::Nothing,
                Some(_) => Change::Updated,
            };
            assert_eq!(world.put(&member, score), change);
        } else {
            let removed = world.zset().remove(&member).unwrap();
            assert_eq!(removed, model.remove(&member).is_some());
        }
        if step % 1000 == 0 {
            world.agrees(&model);
        }
    }
    assert!(matches!(world.edit.body, OwnedBody::Segmented { .. }));
    while !model.is_empty() {
        let middle = model.keys().nth(model.len() / 2).unwrap().clone();
        let from = Edge::BeforeBoth(model[&middle], &middle);
        let mut taken = Members::new();
        let keep = |member, score| taken.push((member, score));
        world.zset().take([from, Edge::End], 100, keep).unwrap();
        assert!(!taken.is_empty());
        for (member, score) in taken {
            assert_eq!(model.remove(&member), Some(score));
        }
        world.agrees(&model);
    }
}

#[test]
fn changed_as_a_map_is() {
    follows_a_map(|n| format!("member:{n}").into_bytes(), |n| (n % 100_000) as f64 / 8.0 - 400.0);
}

#[test]
fn members_of_equal_score_are_told_apart_by_separators() {
    follows_a_map(|n| format!("{n}").into_bytes(), |n| (n % 3) as f64);
    let long = |n: usize| [&[b'p'; 490][..], n.to_string().as_bytes()].concat();
    follows_a_map(long, |n| (n % 2) as f64);
}

#[test]
fn members_that_no_key_can_tell_apart_stay_together() {
    let long = |n: usize| [&[b'p'; 600][..], n.to_string().as_bytes()].concat();
    let (mut world, mut model) = (World::new(), BTreeMap::new());
    for n in 0..400 {
        let score = f64::from(u8::from(n % 7 == 0));
        world.put(&long(n), score);
        model.insert(long(n), score);
    }
    world.agrees(&model);
    for n in 0..300 {
        assert!(world.zset().remove(&long(n)).unwrap());
        model.remove(&long(n));
    }
    world.agrees(&model);
}

#[test]
fn scores_in_order_fill_segments() {
    for descending in [false, true] {
        let (mut world, mut model) = (World::new(), BTreeMap::new());
        for n in 0..5000 {
            let score = if descending { -f64::from(n) } else { f64::from(n) };
            world.put(format!("m{n}").as_bytes(), score);
            model.insert(format!("m{n}").into_bytes(), score);
            if n == 2500 {
                world.agrees(&model);
            }
        }
        world.agrees(&model);
    }
}

#[test]
fn small_scores_are_packed_as_servers_pack_them() {
    let mut world = World::new();
    for (member, score) in [("a", 1.5), ("b", 3.0), ("c", -0.0), ("d", f64::INFINITY), ("e", 1e22)]
    {
        world.put(member.as_bytes(), score);
    }
    let OwnedBody::Packed(blob) = &world.edit.body else { panic!("not packed") };
    let items: Vec<_> = Listpack::parse(blob).unwrap().iter().map(|item| item.unwrap()).collect();
    let mut expected = listpack::empty();
    for (member, score) in [
        ("c", New::Int(0)),
        ("a", New::Raw(b"1.5")),
        ("b", New::Int(3)),
        ("e", New::Raw(b"1e+22")),
        ("d", New::Raw(b"inf")),
    ] {
        listpack::push(&mut expected, &[New::Text(member.as_bytes()), score]);
    }
    assert_eq!(*blob, expected, "{items:?}");
}

//! What transforms promise, over every fixture: a mask changes strings and nothing else, expiries
//! move, what is not touched keeps its bytes, and several threads may share one transform.
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{visit, Visitor};
use redtool_format::rdb::{Kind, ValueType};
use redtool_format::FormatError;
use redtool_transfer::rdb_file::RdbFile;
use redtool_transfer::source::Entry;
use redtool_transfer::transform::mask::{Masking, Parts, Scope};
use redtool_transfer::transform::{Applied, Changes, Expiry, Retime, Scratch, Script};
use redtool_transfer::{Account, Error, ErrorKind, Filter, Meter, Source, Transform};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let paths = |folder: &Path| -> Vec<PathBuf> {
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let folders = paths(&root).into_iter().filter(|path| path.is_dir());
    let mut found: Vec<_> = folders.flat_map(|folder| paths(&folder)).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "rdb"));
    found.sort();
    assert!(found.len() > 50);
    found
}

fn each_entry(path: &Path, mut each: impl FnMut(&Entry<'_>)) {
    let meter = Meter::new();
    let source = Source::Rdb(RdbFile::open(path, &meter).unwrap());
    let filter = Filter::default();
    let opening = source.survey(false, &filter, &meter).unwrap();
    let mut account = Account::default();
    source
        .each(&opening, &filter, &mut account, &meter, |entry, _| {
            each(entry);
            Ok(())
        })
        .unwrap();
}

/// Everything that a value holds, in its order.
#[derive(Default, Debug, PartialEq)]
struct Held {
    strings: Vec<Vec<u8>>,
    scores: Vec<u64>,
    expiries: Vec<Option<i64>>,
    ids: Vec<String>,
    numbers: Vec<u64>,
}

impl Visitor for Held {
    type Error = FormatError;

    fn string(&mut self, value: &[u8]) -> Result<(), FormatError> {
        self.strings.push(value.to_vec());
        Ok(())
    }
    fn list_item(&mut self, item: &[u8]) -> Result<(), FormatError> {
        self.string(item)
    }
    fn set_member(&mut self, member: &[u8]) -> Result<(), FormatError> {
        self.string(member)
    }
    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<(), FormatError> {
        self.scores.push(score.to_bits());
        self.string(member)
    }
    fn hash_field(
        &mut self,
        field: &[u8],
        value: &[u8],
        at_ms: Option<i64>,
    ) -> Result<(), FormatError> {
        self.expiries.push(at_ms);
        self.string(field)?;
        self.string(value)
    }
    fn stream_message(&mut self, message: &Message<'_>) -> Result<(), FormatError> {
        self.ids.push(message.id.to_string());
        for (field, value) in &message.fields {
            self.strings.extend([field.to_vec(), value.to_vec()]);
        }
        Ok(())
    }
    fn stream_meta(&mut self, meta: &StreamMeta) -> Result<(), FormatError> {
        self.numbers.extend([meta.length, meta.entries_added]);
        self.ids.extend([meta.last_id, meta.max_deleted_id].map(|id| id.to_string()));
        for group in &meta.groups {
            self.strings.push(group.name.clone());
            self.ids.extend(group.pel.iter().map(|pending| format!("{pending:?}")));
            for consumer in &group.consumers {
                self.strings.push(consumer.name.clone());
                self.ids.extend(consumer.pending.iter().map(ToString::to_string));
            }
        }
        Ok(())
    }
    fn opaque(&mut self, _: ValueType, payload: &[u8]) -> Result<(), FormatError> {
        self.string(payload)
    }
}

fn parts(entry: &Entry<'_>) -> Held {
    let mut parts = Held::default();
    let value = &entry.value;
    visit(value.value_type, value.payload, value.templates, &mut parts).unwrap();
    parts
}

fn masking(parts: Parts) -> Option<Masking> {
    let scopes = vec![Scope { values: true, keys: true, glob: None }];
    Some(Masking { scopes, parts, secret: b"a secret".to_vec() })
}

fn mask_all(lossy: bool) -> Transform {
    Transform::new(Changes { mask: masking(Parts::All), lossy, ..Changes::default() }).unwrap()
}

/// Applies a transform whose result is one entry, and looks at it.
fn applied<T>(
    transform: &Transform,
    scratch: &mut Scratch,
    entry: &Entry<'_>,
    look: impl FnOnce(&Entry<'_>) -> T,
) -> T {
    let (mut look, mut found) = (Some(look), None);
    let done = transform.apply(entry, scratch, &mut |changed| {
        found = look.take().map(|look| look(changed));
        Ok(())
    });
    assert_eq!(done.unwrap(), Applied::Done);
    found.unwrap()
}

fn maskable(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80).count()
}

#[test]
fn a_mask_changes_every_string_and_nothing_else() {
    let (transform, mut scratch) = (mask_all(true), Scratch::default());
    let mut kinds = [0; 8];
    for path in fixtures() {
        each_entry(&path, |entry| {
            let kind = entry.value.value_type.kind();
            if matches!(kind, Kind::Module | Kind::Array) {
                return;
            }
            kinds[kind as usize] += 1;
            let before = parts(entry);
            let (after, expire_at_ms) = applied(&transform, &mut scratch, entry, |changed| {
                let value = &changed.value;
                Checker::default()
                    .check(
                        value.value_type,
                        value.payload,
                        value.templates,
                        Depth::Deep,
                        &mut |_| {},
                    )
                    .unwrap();
                assert_eq!(value.value_type.kind(), kind);
                (parts(changed), changed.attributes.expire_at_ms)
            });
            assert_eq!(expire_at_ms, entry.attributes.expire_at_ms);
            let only = |parts: Held| Held { strings: Vec::new(), ..parts };
            assert_eq!(before.strings.len(), after.strings.len());
            for (from, to) in before.strings.iter().zip(&after.strings) {
                assert_eq!(from.len(), to.len());
                assert!(maskable(from) < 5 || from != to, "{}", String::from_utf8_lossy(from));
            }
            assert_eq!(only(before), only(after));
        });
    }
    assert_eq!(kinds.iter().filter(|n| **n > 0).count(), 6, "{kinds:?}");
}

#[test]
fn what_nobody_can_mask_is_refused_by_name_or_left_out_and_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let path = root.join("redis-7.4.1/modules.rdb");
    let (mut refused, mut lost) = (0, 0);
    let (strict, lossy, mut scratch) = (mask_all(false), mask_all(true), Scratch::default());
    each_entry(&path, |entry| {
        if entry.value.value_type.kind() != Kind::Module {
            return;
        }
        let error = strict.apply(entry, &mut scratch, &mut |_| unreachable!()).unwrap_err();
        assert_eq!(
            (error.kind, error.db, error.key.is_some()),
            (ErrorKind::Loss, Some(entry.db), true)
        );
        assert!(error.message.contains("module"), "{}", error.message);
        refused += 1;
        let done = lossy.apply(entry, &mut scratch, &mut |_| unreachable!()).unwrap();
        assert_eq!(done, Applied::Lost);
        lost += 1;
    });
    assert!(refused > 0);
    assert_eq!(lossy.take_losses().into_values().sum::<u64>(), lost);
    assert!(lossy.take_losses().is_empty());
}

#[test]
fn field_expiries_move_with_those_of_keys() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let retime = |expiry| {
        let retime = Retime { expiry, default_ms: None };
        Transform::new(Changes { retime, ..Changes::default() }).unwrap()
    };
    let changes = [
        (retime(Expiry::Shift(1000)), Some(1000), None),
        (retime(Expiry::Set(5)), None, Some(5)),
        (retime(Expiry::Drop), None, None),
    ];
    let (mut scratch, mut fields) = (Scratch::default(), 0);
    each_entry(&root.join("redis-7.4.1/hfe.rdb"), |entry| {
        let before = parts(entry);
        for (transform, by_ms, to_ms) in &changes {
            let after = applied(transform, &mut scratch, entry, parts);
            assert_eq!(after.strings, before.strings);
            for (was, is) in before.expiries.iter().zip(&after.expiries) {
                let expected = was.and_then(|was| by_ms.map(|by| was + by).or(*to_ms));
                assert_eq!(*is, expected);
                fields += u64::from(is.is_some());
            }
        }
    });
    assert!(fields > 0);
}

#[test]
fn what_is_not_touched_keeps_its_bytes() {
    let changes = Changes {
        rename: vec![(Vec::new(), b"new:".to_vec())],
        dbs: vec![(0, 9)],
        retime: Retime { expiry: Expiry::Keep, default_ms: Some(7) },
        ..Changes::default()
    };
    let (transform, mut scratch) = (Transform::new(changes).unwrap(), Scratch::default());
    assert!(transform.may_collide() && !mask_all(false).may_collide());
    for path in fixtures() {
        each_entry(&path, |entry| {
            applied(&transform, &mut scratch, entry, |changed| {
                assert_eq!(changed.value.payload.as_ptr(), entry.value.payload.as_ptr());
                assert_eq!(changed.value.value_type, entry.value.value_type);
                let name = [&b"new:"[..], &entry.key.to_vec().unwrap()].concat();
                assert_eq!(changed.key.to_vec().unwrap(), name);
                assert_eq!(changed.db, if entry.db == 0 { 9 } else { entry.db });
                let expected = entry.attributes.expire_at_ms.or(Some(7));
                assert_eq!(changed.attributes.expire_at_ms, expected);
            });
        });
    }
}

struct Twice;

impl Script for Twice {
    fn call(
        &self,
        entry: &Entry<'_>,
        each: &mut dyn FnMut(&Entry<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        each(entry)?;
        each(&Entry { db: entry.db + 1, ..*entry })
    }
}

#[test]
fn the_steps_see_what_a_script_made() {
    let changes =
        Changes { script: Some(Arc::new(Twice)), dbs: vec![(1, 5)], ..Changes::default() };
    let (transform, mut scratch) = (Transform::new(changes).unwrap(), Scratch::default());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    each_entry(&root.join("redis-7.2.6/tiny.rdb"), |entry| {
        let mut dbs = Vec::new();
        let mut note = |changed: &Entry<'_>| {
            dbs.push(changed.db);
            Ok(())
        };
        transform.apply(entry, &mut scratch, &mut note).unwrap();
        let mapped = |db| if db == 1 { 5 } else { db };
        assert_eq!(dbs, [mapped(entry.db), mapped(entry.db + 1)]);
    });
}

#[test]
fn threads_share_a_transform() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Transform::default());
    assert!(Transform::default().is_empty());
    let twice = Changes { dbs: vec![(1, 2), (1, 3)], ..Changes::default() };
    assert!(Transform::new(twice).is_err());
}

//! Datasets through JSON lines and back: nothing is lost, whatever they hold; what is cut off or
//! damaged is told with its place, and never a panic.
mod support;

use redtool_format::rdb::{Kind, ValueType};
use redtool_store::memory::MemoryStore;
use redtool_transfer::diff::{diff, Options};
use redtool_transfer::import::import;
use redtool_transfer::{Error, ErrorKind, Job, Meter, Source};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use support::random::{dataset, Random};
use support::{convert, dumps, lines_of, open, text_of};

/// What an entry has beside its value.
type Attributes = (Kind, Option<i64>, Option<u64>, Option<u8>, Option<Vec<u8>>);

fn attributes(source: &Source) -> BTreeMap<(u32, Vec<u8>), Attributes> {
    let (job, meter) = (Job::default(), Meter::new());
    let mut all = BTreeMap::new();
    let opening = source.survey(true, &job.selection.filter, &meter).unwrap();
    let mut account = Default::default();
    source
        .each(&opening, &job.selection.filter, &mut account, &meter, |entry, _| {
            let a = &entry.attributes;
            let meta = a.meta.map(<[u8]>::to_vec);
            let kind = entry.value.value_type.kind();
            let held = (kind, a.expire_at_ms, a.idle_s, a.freq, meta);
            all.insert((entry.db, entry.key.to_vec().unwrap()), held);
            Ok(())
        })
        .unwrap();
    all
}

/// Nothing differs, values and attributes and notes.
fn assert_same(a: &Source, b: &Source, what: &Path) {
    let options = Options { job: Job::default(), ttl_tolerance_ms: 0, limit: 10 };
    let summary = diff(a, b, &options, &Meter::new()).unwrap();
    assert_eq!(summary.counts, [0; 5], "{}: {:?}", what.display(), summary.differences);
    assert!(attributes(a) == attributes(b), "{}", what.display());
}

fn assert_same_notes(a: &Source, b: &Source, what: &Path) {
    let (job, meter) = (Job::default(), Meter::new());
    let notes = |source: &Source| {
        let opening = source.survey(true, &job.selection.filter, &meter).unwrap();
        let notes = opening.notes;
        (notes.aux, notes.functions, notes.module_aux, opening.dbs, source.origin().unwrap().1)
    };
    assert_eq!(notes(a), notes(b), "{}", what.display());
}

#[test]
fn every_dump_is_the_same_as_json_lines_and_as_a_dump_of_them() {
    for path in dumps() {
        let dump = open("rdb", &path);
        let lines = convert(&dump, "jsonl");
        let read = open("jsonl", lines.path());
        assert_same(&dump, &read, &path);
        assert_same_notes(&dump, &read, &path);
        let dump_again = convert(&read, "rdb");
        assert_same(&dump, &open("rdb", dump_again.path()), &path);
    }
}

#[test]
fn random_datasets_of_every_type_are_the_same_after_both_ways() {
    for seed in 0..60 {
        let path = dataset(seed);
        let dump = open("rdb", path.path());
        let lines = convert(&dump, "jsonl");
        let read = open("jsonl", lines.path());
        assert_same(&dump, &read, path.path());
        let again = convert(&read, "jsonl");
        let (first, second) = (text_of(lines.path()), text_of(again.path()));
        assert_eq!(first.lines().count(), second.lines().count());
    }
}

#[test]
fn every_line_is_json_that_another_parser_reads() {
    for path in dumps() {
        let lines = convert(&open("rdb", &path), "jsonl");
        for line in text_of(lines.path()).lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(value.is_object());
        }
        let documents = convert(&open("rdb", &path), "json");
        let text = text_of(documents.path());
        let stream = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
        for document in stream {
            assert!(document.unwrap()["entries"].is_array(), "{}", path.display());
        }
    }
}

fn failure(text: &str) -> Error {
    let file = lines_of(text);
    let meter = Meter::new();
    let opened = Source::open(&redtool_transfer::Place::new("jsonl", file.path()), &meter);
    let failed = opened.and_then(|source| {
        let job = Job::default();
        let opening = source.survey(true, &job.selection.filter, &meter)?;
        let mut account = Default::default();
        source.each(&opening, &job.selection.filter, &mut account, &meter, |_, _| Ok(()))
    });
    failed.expect_err(text)
}

#[test]
fn what_is_wrong_is_told_with_its_line_its_byte_and_its_key() {
    let good = r#"{"db":0,"key":"a","type":"string","value":"1"}"#;
    let cases = [
        (r#"{"db":0,"key":"k","type":"set","value":["a","a"]}"#, "twice"),
        (r#"{"db":0,"key":"k","type":"hash","value":{"f":"1","f":"2"}}"#, "twice"),
        (r#"{"db":0,"key":"k","type":"hash","value":{"f":1}}"#, "a string or"),
        (r#"{"db":0,"key":"k","type":"zset","value":[["m","7"]]}"#, "a number"),
        (r#"{"db":0,"key":"k","type":"zset","value":[["m",1e999]]}"#, "no double"),
        (r#"{"db":0,"key":"k","type":"list","value":{"a":"b"}}"#, "of a list"),
        (r#"{"db":0,"key":"k","type":"lists","value":[]}"#, "types are string, list"),
        (r#"{"db":0,"key":"k","type":"string","val":"1"}"#, "no member of an entry"),
        (r#"{"db":0,"key":"k","key":"k","type":"string","value":"1"}"#, "twice"),
        (r#"{"db":0,"key":"k","type":"string"}"#, "no \"value\""),
        (r#"{"db":-1,"key":"k","type":"string","value":"1"}"#, "whole number"),
        (r#"{"db":0,"key":"k","freq":256,"type":"string","value":"1"}"#, "whole number"),
        (r#"{"db":0,"key":"k","type":"string","value":"1"} x"#, "end of the line"),
        (r#"{"db":0,"key":"k","type":"string","value":"1"#, "ends in the middle"),
        (r#"{"db":0,"key":"k","type":"stream","value":{"entries":[["1-1",["f"]]]}}"#, "fields"),
        (
            concat!(
                r#"{"db":0,"key":"k","type":"stream","value":"#,
                r#"{"entries":[["2-0",["f","v"]],["1-0",["f","v"]]]}}"#,
            ),
            "does not come after 2-0",
        ),
        (
            r#"{"db":0,"key":"k","type":"hash","field_expire_at_ms":{"g":1},"value":{"f":"1"}}"#,
            "no field \"g\"",
        ),
        (
            concat!(
                r#"{"db":0,"key":"k","type":"module","value":"#,
                r#"{"module":"x","rdb_type":7,"base64":"AAE="}}"#,
            ),
            "input ends",
        ),
    ];
    for (bad, words) in cases {
        let error = failure(&format!("{good}\n\n{bad}\n"));
        assert!(error.message.starts_with("line 3: "), "{bad}: {error}");
        assert!(error.message.contains(words), "{bad}: {error}");
        let offset = error.offset.unwrap() as usize;
        assert!((good.len()..=good.len() + 3 + bad.len()).contains(&offset), "{bad}: {error}");
        let key = (!bad.contains(":-1")).then_some(&b"k"[..]);
        assert_eq!(error.key.as_deref(), key, "{bad}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused_with_a_hint() {
    let path = dumps().into_iter().find(|path| path.ends_with("redis-7.2.6/tiny.rdb")).unwrap();
    let lines = convert(&open("rdb", &path), "jsonl");
    let text = text_of(lines.path());
    for cut in (1..text.len()).filter(|cut| cut % 97 == 0) {
        if text.is_char_boundary(cut) && text[..cut].contains('\n') {
            let error = failure(&text[..cut]);
            assert_eq!(error.kind, ErrorKind::Truncated, "{cut}: {error}");
            assert!(error.hint.unwrap().contains("first line"));
        }
    }
    let without_second: Vec<_> =
        text.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| line).collect();
    let error = failure(&without_second.join("\n"));
    assert_eq!(error.kind, ErrorKind::Truncated);
    assert!(error.message.contains("the trailer tells of"));
}

#[test]
fn lines_alone_are_read_in_any_order_of_members_and_with_any_blanks() {
    let text = "\r\n { \"value\" : { \"f\" : \"v\" , \"g\" : \"w\" } ,\t\"field_expire_at_ms\" : \
        [ [ \"g\" , 7 ] ] , \"type\" : \"hash\", \"key\" : \"h\", \"db\" : 3 } \r\n";
    let file = lines_of(text);
    let source = open("jsonl", file.path());
    let held = attributes(&source);
    assert_eq!(held.keys().next(), Some(&(3, b"h".to_vec())));
    let again = text_of(convert(&source, "jsonl").path());
    assert!(again.contains(r#""field_expire_at_ms":{"g":7},"value":{"f":"v","g":"w"}"#), "{again}");
}

#[test]
fn mutations_of_json_lines_are_refused_or_read_and_never_a_panic() {
    let mut random = Random(7);
    for name in ["redis-7.2.6/tiny.rdb", "redis-7.4.1/hfe.rdb", "redis-7.2.6/streams.rdb"] {
        let path = dumps().into_iter().find(|path| path.ends_with(name)).unwrap();
        let text = text_of(convert(&open("rdb", &path), "jsonl").path());
        let lines: Vec<_> = text.lines().filter(|line| line.len() < 20_000).collect();
        for _ in 0..400 {
            let mut line = lines[random.below(lines.len())].as_bytes().to_vec();
            for _ in 0..1 + random.below(3) {
                let at = random.below(line.len());
                match random.below(4) {
                    0 => line[at] = random.below(256) as u8,
                    1 => drop(line.remove(at)),
                    2 => line.insert(at, b"{}[]\",:0-e\\"[random.below(11)]),
                    _ => line.truncate(at.max(1)),
                }
            }
            support::read_bytes(&line);
        }
    }
}

#[test]
fn a_long_value_streams_both_ways() {
    let path = support::random::long_values();
    let dump = open("rdb", path.path());
    let lines = convert(&dump, "jsonl");
    let read = open("jsonl", lines.path());
    assert_same(&dump, &read, path.path());
    let dump_again = convert(&read, "rdb");
    assert_same(&dump, &open("rdb", dump_again.path()), path.path());
}

#[test]
fn packed_forms_come_back_packed() {
    let path = dumps().into_iter().find(|path| path.ends_with("redis-7.2.6/tiny.rdb")).unwrap();
    let types = |source: &Source| {
        let (job, meter) = (Job::default(), Meter::new());
        let opening = source.survey(true, &job.selection.filter, &meter).unwrap();
        let (mut types, mut account) = (BTreeMap::new(), Default::default());
        let filter = &job.selection.filter;
        source
            .each(&opening, filter, &mut account, &meter, |entry, _| {
                types.insert(entry.key.to_vec().unwrap(), entry.value.value_type);
                Ok(())
            })
            .unwrap();
        types
    };
    let dump = open("rdb", &path);
    let read = open("jsonl", convert(&dump, "jsonl").path());
    use ValueType::{HashListpack, SetIntset, SetListpack, ZsetListpack};
    let packed = [HashListpack, SetIntset, SetListpack, ZsetListpack];
    let (before, after) = (types(&dump), types(&read));
    for (key, value_type) in &before {
        if packed.contains(value_type) {
            assert_eq!(after[key], *value_type, "{key:?}");
        }
    }
    assert!(packed.iter().all(|one| before.values().any(|value_type| value_type == one)));
}

/// OBJECT ENCODING of every key.
fn encodings(source: &Source) -> BTreeMap<(u32, Vec<u8>), &'static str> {
    let (job, meter) = (Job::default(), Meter::new());
    let opening = source.survey(true, &job.selection.filter, &meter).unwrap();
    let (mut all, mut account, mut scratch) =
        (BTreeMap::new(), Default::default(), Default::default());
    let filter = &job.selection.filter;
    source
        .each(&opening, filter, &mut account, &meter, |entry, _| {
            let encoding = entry.encoding(&mut scratch).unwrap().name();
            all.insert((entry.db, entry.key.to_vec().unwrap()), encoding);
            Ok(())
        })
        .unwrap();
    all
}

#[test]
fn the_encoding_told_of_a_dump_is_the_one_that_a_store_would_keep() {
    for path in dumps() {
        let dump = open("rdb", &path);
        let store = Arc::new(MemoryStore::new());
        import(&dump, &*store, &Job::default(), &Meter::new()).unwrap();
        let mut of_dump = encodings(&dump);
        let of_store = encodings(&Source::Store(store, 0));
        // Empty collections are kept by no store.
        of_dump.retain(|key, _| of_store.contains_key(key));
        assert_eq!(of_dump, of_store, "{}", path.display());
    }
}

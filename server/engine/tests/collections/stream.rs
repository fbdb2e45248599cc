//! Streams.
use crate::support::{Db, Key, NOW_MS};
use redtool_format::encodings::listpack::Builder;
use redtool_format::encodings::stream::StreamId;
use redtool_format::rdb::stream::{self, Consumer, Group, Pending, StreamMeta};
use redtool_format::rdb::{length, string, ValueType};

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

/// A node of messages `first-0`, `first-1`, … with the field f; the second is deleted.
fn node(first: u64, count: i64) -> Vec<u8> {
    let mut listpack = Builder::new();
    listpack.push_int(count - 1);
    listpack.push_int(1);
    listpack.push_int(1);
    listpack.push(b"f");
    listpack.push_int(0);
    for n in 0..count {
        listpack.push_int(2 | i64::from(n == 1));
        listpack.push_int(0);
        listpack.push_int(n);
        listpack.push(format!("{first}:{n}").as_bytes());
        listpack.push_int(4);
    }
    listpack.finish().to_vec()
}

fn group() -> Group {
    let pending = |seq, consumer| Pending {
        id: id(1, seq),
        delivered_at_ms: NOW_MS - 100 * (seq as i64 + 1),
        deliveries: 1,
        consumer: Some(consumer),
    };
    let consumer = |name: &str, pending| Consumer {
        name: name.into(),
        seen_at_ms: NOW_MS - 50,
        active_at_ms: None,
        pending,
    };
    Group {
        name: b"g".to_vec(),
        last_id: id(1, 2),
        entries_read: Some(2),
        pel: vec![pending(0, 0), pending(2, 1)],
        consumers: vec![consumer("c0", vec![id(1, 0)]), consumer("c1", vec![id(1, 2)])],
        nack: Vec::new(),
    }
}

/// Nodes 1, 2, …, each of `messages`, of which one is deleted.
fn payload(nodes: u64, messages: i64) -> Vec<u8> {
    let mut payload = Vec::new();
    length::write(&mut payload, nodes);
    for ms in 1..=nodes {
        string::write_raw(&mut payload, &id(ms, 0).to_bytes());
        string::write_raw(&mut payload, &node(ms, messages));
    }
    let meta = StreamMeta {
        length: nodes * (messages as u64 - 1),
        last_id: id(nodes, messages as u64 - 1),
        first_id: id(1, 0),
        max_deleted_id: id(nodes, 1),
        entries_added: nodes * messages as u64,
        groups: vec![group()],
        idmp: None,
    };
    stream::write(&mut payload, &meta, ValueType::Stream3);
    payload
}

/// Keys small and big.
pub fn keys() -> Vec<Key> {
    vec![
        ("small", ValueType::Stream3, payload(2, 3)),
        ("big", ValueType::Stream3, payload(200, 50)),
    ]
}

fn db() -> Db {
    Db::new(&keys())
}

#[test]
fn ranges_pass_over_deleted_messages() {
    let mut db = db();
    assert_eq!(db.ask("XLEN small"), ":4");
    assert_eq!(db.ask("XRANGE small 1 1"), "[[1-0 [f 1:0]] [1-2 [f 1:2]]]");
    assert_eq!(db.ask("XREVRANGE small + (1-0 COUNT 2"), "[[2-2 [f 2:2]] [2-0 [f 2:0]]]");
    assert_eq!(
        db.ask("XRANGE big 100-48 101-0"),
        "[[100-48 [f 100:48]] [100-49 [f 100:49]] [101-0 [f 101:0]]]"
    );
    assert_eq!(db.ask("XREVRANGE big 57-2 57-0"), "[[57-2 [f 57:2]] [57-0 [f 57:0]]]");
    assert_eq!(db.ask("XRANGE small 5 9"), "[]");
    assert_eq!(db.ask("XRANGE none - +"), "[]");
    assert_eq!(db.ask("XRANGE small - + COUNT 0"), "nil");
    assert_eq!(
        db.ask("XRANGE small a +"),
        "-ERR Invalid stream ID specified as stream command argument"
    );
}

#[test]
fn xread_gives_what_is_newer_and_null_when_nothing_is() {
    let mut db = db();
    assert_eq!(
        db.ask("XREAD COUNT 1 STREAMS small big 2-0 200-48"),
        "[[small [[2-2 [f 2:2]]]] [big [[200-49 [f 200:49]]]]]"
    );
    assert_eq!(db.ask("XREAD STREAMS small $"), "nil");
    assert_eq!(db.ask("XREAD BLOCK 0 STREAMS small none 2-2 0"), "nil");
    assert!(db.ask("XREAD STREAMS small >").starts_with("-ERR The > ID can be specified only"));
    let mut db = db.resp3();
    assert_eq!(db.ask("XREAD STREAMS small 2-1"), "{small=[[2-2 [f 2:2]]]}");
}

#[test]
fn pending_messages_are_summed_up_and_listed() {
    let mut db = db();
    assert_eq!(db.ask("XPENDING small g"), "[:2 1-0 1-2 [[c0 1] [c1 1]]]");
    assert_eq!(db.ask("XPENDING small g - + 10 c1"), "[[1-2 c1 :300 :1]]");
    assert_eq!(db.ask("XPENDING small g IDLE 200 - + 10"), "[[1-2 c1 :300 :1]]");
    assert_eq!(db.ask("XPENDING small g - + 1"), "[[1-0 c0 :100 :1]]");
    assert_eq!(db.ask("XPENDING small g - + 10 nobody"), "[]");
    assert_eq!(
        db.ask("XPENDING small none"),
        "-NOGROUP No such key 'small' or consumer group 'none'"
    );
}

#[test]
fn xinfo_tells_lengths_ids_and_groups() {
    let mut db = db().resp3();
    let stream = db.ask("XINFO STREAM small");
    assert!(stream.starts_with("{length=:4 radix-tree-keys=:2 radix-tree-nodes=:6 "), "{stream}");
    assert!(stream.contains("last-generated-id=2-2 max-deleted-entry-id=2-1 entries-added=:6 "));
    assert!(stream.ends_with("groups=:1 first-entry=[1-0 [f 1:0]] last-entry=[2-2 [f 2:2]]}"));
    assert_eq!(
        db.ask("XINFO GROUPS small"),
        "[{name=g consumers=:2 pending=:2 last-delivered-id=1-2 entries-read=:2 lag=nil}]"
    );
    assert_eq!(
        db.ask("XINFO CONSUMERS small g"),
        "[{name=c0 pending=:1 idle=:50 inactive=:-1} {name=c1 pending=:1 idle=:50 inactive=:-1}]"
    );
    let full = db.ask("XINFO STREAM small FULL COUNT 1");
    assert!(full.contains("entries=[[1-0 [f 1:0]]] groups=[{name=g "), "{full}");
    assert!(full.contains(&format!("pending=[[1-0 c0 :{} :1]]", NOW_MS - 100)), "{full}");
    assert!(full.contains("active-time=:-1 pel-count=:1 pending=[[1-2 "), "{full}");
    assert_eq!(db.ask("XINFO STREAM none"), "-ERR no such key");
    assert_eq!(
        db.ask("XINFO CONSUMERS small none"),
        "-NOGROUP No such consumer group 'none' for key name 'small'"
    );
}

//! Stream metadata read and written.
use super::*;
use ValueType::{Stream, Stream2, Stream3, Stream4, Stream5};

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

/// Metadata of the worked type-21 stream: entries 5-0, (5-3 deleted), 6-1, one group, one
/// pending.
fn worked() -> Vec<u8> {
    let id = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
    let time = [0x35, 0x43, 0xab, 0xfb, 0xa1, 1, 0, 0];
    let mut bytes = vec![2, 6, 1, 5, 0, 5, 3, 3, 1, 1, b'g', 5, 0, 1, 1];
    bytes.extend(id);
    bytes.extend(time);
    bytes.extend([1, 1, 1, b'c']);
    bytes.extend(time);
    bytes.extend(time);
    bytes.push(1);
    bytes.extend(id);
    bytes
}

#[test]
fn the_worked_stream_reads_and_writes_back() {
    let bytes = worked();
    let mut cursor = Cursor::new(&bytes);
    let meta = read(&mut cursor, Stream3).unwrap();
    assert_eq!(cursor.remaining(), 0);
    assert_eq!((meta.length, meta.last_id, meta.entries_added), (2, id(6, 1), 3));
    assert_eq!((meta.first_id, meta.max_deleted_id), (id(5, 0), id(5, 3)));
    let group = &meta.groups[0];
    assert_eq!((group.name.as_slice(), group.entries_read), (&b"g"[..], Some(1)));
    assert_eq!(group.pel[0].delivered_at_ms, 1_795_223_667_509);
    assert_eq!(group.pel[0].consumer, Some(0));
    assert_eq!(group.consumers[0].active_at_ms, Some(1_795_223_667_509));
    let mut out = Vec::new();
    write(&mut out, &meta, Stream3);
    assert_eq!(out, bytes);
}

#[test]
fn every_form_reads_back_and_skips_to_the_same_end() {
    let mut meta = read(&mut Cursor::new(&worked()), Stream3).unwrap();
    meta.groups[0].entries_read = None;
    for value_type in [Stream, Stream2, Stream3, Stream4, Stream5] {
        let mut out = Vec::new();
        write(&mut out, &meta, value_type);
        let mut cursor = Cursor::new(&out);
        let back = read(&mut cursor, value_type).unwrap();
        assert_eq!(cursor.remaining(), 0, "{value_type:?}");
        assert_eq!(back.groups[0].pel, meta.groups[0].pel);
        assert_eq!(back.groups[0].entries_read, None);
        let mut cursor = Cursor::new(&out);
        skip(&mut cursor, value_type).unwrap();
        assert_eq!(cursor.remaining(), 0, "{value_type:?}");
    }
}

#[test]
fn an_empty_stream_has_its_ids_and_nothing_else() {
    let bytes = [0, 12, 34, 0, 0, 12, 34, 1, 0];
    let meta = read(&mut Cursor::new(&bytes), Stream3).unwrap();
    assert_eq!((meta.last_id, meta.max_deleted_id), (id(12, 34), id(12, 34)));
    let type27 = [&[0, 12, 34, 0, 0, 12, 34, 1, 0], &IDMP_UNUSED[..]].concat();
    let meta = read(&mut Cursor::new(&type27), Stream5).unwrap();
    assert_eq!(meta.idmp.as_deref(), Some(&IDMP_UNUSED[..]));
}

#[test]
fn ownerless_entries_survive_in_type_27_and_are_dropped_in_older_forms() {
    let mut meta = read(&mut Cursor::new(&worked()), Stream3).unwrap();
    let group = &mut meta.groups[0];
    group.pel.push(Pending { id: id(6, 1), consumer: None, ..group.pel[0] });
    group.nack.push(id(6, 1));
    assert_eq!(meta.ownerless().count(), 1);
    let mut out = Vec::new();
    write(&mut out, &meta, Stream5);
    let back = read(&mut Cursor::new(&out), Stream5).unwrap();
    assert_eq!(back.groups, meta.groups);
    out.clear();
    write(&mut out, &meta, Stream3);
    assert_eq!(out, worked());
}

#[test]
fn what_every_server_refuses_is_refused() {
    let good = worked();
    let mut stray = good.clone();
    *stray.last_mut().unwrap() = 9;
    let error = read(&mut Cursor::new(&stray), Stream3).unwrap_err();
    assert!(error.what.contains("pending list lacks"), "{error}");
    for end in 0..good.len() {
        assert!(read(&mut Cursor::new(&good[..end]), Stream3).is_err(), "{end}");
        assert!(skip(&mut Cursor::new(&good[..end]), Stream3).is_err(), "{end}");
    }
    let huge = [0, 0, 0, 0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(read(&mut Cursor::new(&huge), Stream).is_err());
}

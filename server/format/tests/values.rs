//! Worked values, byte by byte: each reads to its elements, counts them, passes the deep check, and
//! ends where it says.
use redtool_format::encodings::stream::Message;
use redtool_format::rdb::check::{check, Depth};
use redtool_format::rdb::skip::skip_value;
use redtool_format::rdb::stream::StreamMeta;
use redtool_format::rdb::value::{count, visit, Templates, Visitor};
use redtool_format::rdb::ValueType;
use redtool_format::{Cursor, FormatError, Result};

/// What a value holds, as text.
#[derive(Default)]
struct Told(Vec<String>);

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl Visitor for Told {
    type Error = FormatError;

    fn string(&mut self, value: &[u8]) -> Result<()> {
        self.0.push(text(value));
        Ok(())
    }
    fn list_item(&mut self, item: &[u8]) -> Result<()> {
        self.string(item)
    }
    fn set_member(&mut self, member: &[u8]) -> Result<()> {
        self.string(member)
    }
    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<()> {
        self.0.push(format!("{}={score}", text(member)));
        Ok(())
    }
    fn hash_field(&mut self, field: &[u8], value: &[u8], expire_at_ms: Option<i64>) -> Result<()> {
        let until = expire_at_ms.map_or(String::new(), |at_ms| format!("@{at_ms}"));
        self.0.push(format!("{}={}{until}", text(field), text(value)));
        Ok(())
    }
    fn stream_message(&mut self, message: &Message<'_>) -> Result<()> {
        let mut line = message.id.to_string();
        for (field, value) in &message.fields {
            line += &format!(" {}={}", text(&field.to_vec()), text(&value.to_vec()));
        }
        self.0.push(line);
        Ok(())
    }
    fn stream_meta(&mut self, meta: &StreamMeta) -> Result<()> {
        let StreamMeta { length, first_id, last_id, entries_added, .. } = meta;
        self.0.push(format!("{length} {first_id} {last_id} {entries_added}"));
        Ok(())
    }
    fn opaque(&mut self, value_type: ValueType, payload: &[u8]) -> Result<()> {
        self.0.push(format!("{} of {} bytes", value_type.name(), payload.len()));
        Ok(())
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The templates that types 30 and 32 refer to.
fn templates() -> Templates {
    Templates::from([(7, vec![b"a".to_vec(), b"bb".to_vec()])])
}

fn told(value_type: ValueType, payload: &[u8]) -> Result<Vec<String>> {
    let mut told = Told::default();
    visit(value_type, payload, &templates(), &mut told).map(|()| told.0)
}

fn deep(value_type: ValueType, payload: &[u8]) -> Result<Vec<String>> {
    let mut odd = Vec::new();
    let warn = &mut |error: FormatError| odd.push(error.what);
    check(value_type, payload, &templates(), Depth::Deep, warn).map(|()| odd)
}

/// The value reads to `elements` and to nothing else, in whatever way it is looked at.
fn reads(value_type: ValueType, bytes: &str, elements: &[&str]) {
    let mut payload = hex(bytes);
    assert_eq!(told(value_type, &payload).unwrap(), elements, "{value_type:?}");
    assert_eq!(deep(value_type, &payload), Ok(vec![]), "{value_type:?}");
    let counted = elements.len() as u64;
    assert_eq!(count(value_type, &payload), Ok(counted), "{value_type:?}");
    for end in 0..payload.len() {
        let cut = &payload[..end];
        assert!(told(value_type, cut).is_err(), "{value_type:?} cut to {end} bytes");
        assert!(deep(value_type, cut).is_err(), "{value_type:?} cut to {end} bytes");
    }
    let size = payload.len();
    payload.push(0);
    let mut cursor = Cursor::new(&payload);
    skip_value(&mut cursor, value_type, &templates()).unwrap();
    assert_eq!(cursor.pos(), size, "{value_type:?}");
    assert!(told(value_type, &payload).is_err(), "{value_type:?} with a byte left over");
    assert_eq!(deep(value_type, &payload), Ok(vec!["1 bytes after the value".to_owned()]));
}

#[test]
fn strings_in_each_form() {
    for (bytes, value) in
        [("c0ff", "-1"), ("c18000", "128"), ("c2ffffff7f", "2147483647"), ("03303037", "007")]
    {
        reads(ValueType::String, bytes, &[value]);
    }
    reads(ValueType::String, "c30b1e0361626361e00f02016263", &["abc".repeat(10).as_str()]);
}

#[test]
fn plain_collections() {
    reads(ValueType::List, "02 0161 c0ff", &["a", "-1"]);
    reads(ValueType::Set, "02 0161 c001", &["a", "1"]);
    reads(ValueType::Zset, "02 0161 03312e35 0162 fe", &["a=1.5", "b=inf"]);
    reads(ValueType::Zset2, "01 0161 000000000000f83f", &["a=1.5"]);
    reads(ValueType::Hash, "02 0161 c001 0162 0374776f", &["a=1", "b=two"]);
}

#[test]
fn packed_collections_of_old_servers() {
    reads(ValueType::HashZipmap, "07 01 01 66 01 00 76 ff", &["f=v"]);
    let ziplist = "10 10000000 0d000000 0200 00 01 6d 03 f2 ff";
    reads(ValueType::ZsetZiplist, ziplist, &["m=1"]);
    reads(ValueType::HashZiplist, ziplist, &["m=1"]);
    reads(ValueType::ListZiplist, ziplist, &["m", "1"]);
    reads(ValueType::ListQuicklist, "01 0e 0e000000 0a000000 0100 00 01 61 ff", &["a"]);
    reads(ValueType::SetIntset, "0a 02000000 01000000 2a00", &["42"]);
}

#[test]
fn packed_collections() {
    reads(ValueType::HashListpack, "0d 0d000000 0200 81 66 02 81 76 02 ff", &["f=v"]);
    reads(ValueType::ZsetListpack, "0c 0c000000 0200 81 6d 02 01 01 ff", &["m=1"]);
    reads(ValueType::SetListpack, "09 09000000 0100 80 01 ff", &[""]);
    reads(ValueType::ListQuicklist2, "01 02 0a 0a000000 0100 81 61 02 ff", &["a"]);
    // A PLAIN node is the element itself, not a listpack.
    reads(ValueType::ListQuicklist2, "01 01 03616263", &["abc"]);
}

#[test]
fn field_expiries_in_each_form() {
    let (a, b) = ("a=1", "b=2@4102444800000");
    reads(ValueType::HashMetadataRc, "02 00 0161 c001 81000003bb2cc3d800 0162 c002", &[a, b]);
    reads(
        ValueType::ValkeyHash2,
        "03 024631 025631 4038705178020000 024632 025632 408084e42e020000 \
         024633 025633 ffffffffffffffff",
        &["F1=V1@2715785640000", "F2=V2@2400425640000", "F3=V3"],
    );
    reads(
        ValueType::HashMetadata,
        "00d8c32cbb030000 02 00 0161 c3094041017676e03400017676 01 0162 c002",
        &[&format!("a={}", "v".repeat(65)), b],
    );
    let listpack = "1d 1d000000 0600 8161 02 01 01 f400d8c32cbb030000 09 8162 02 02 01 00 01 ff";
    let told = ["a=1@4102444800000", "b=2"];
    reads(ValueType::HashListpackExRc, listpack, &told);
    reads(ValueType::HashListpackEx, &format!("00d8c32cbb030000 {listpack}"), &told);
}

#[test]
fn hash_templates_in_each_form() {
    let told = ["a=x", "bb=1"];
    let values = "0e 0e000000 0300 07 01 81 78 02 01 01 ff";
    let names = "0e 0e000000 0200 81 61 02 82 6262 03 ff";
    let strings = "0178 c001";
    reads(ValueType::HashTemplateListpack, values, &told);
    reads(ValueType::HashTemplate, &format!("07 {strings}"), &told);
    reads(ValueType::HashTemplateListpackDump, &format!("00 {names} {values}"), &told);
    reads(ValueType::HashTemplateListpackDump, &format!("01 02 0161 026262 {values}"), &told);
    reads(ValueType::HashTemplateDump, &format!("00 {names} {strings}"), &told);
    reads(ValueType::HashTemplateDump, &format!("01 02 0161 026262 {strings}"), &told);
    let unknown = told_error(ValueType::HashTemplate, &format!("08 {strings}"));
    assert!(unknown.what.contains("was not announced"), "{unknown}");
    let more = "10 10000000 0400 07 01 81 78 02 01 01 02 01 ff";
    told_error(ValueType::HashTemplateListpack, more);
    // The number of names in the listpack's header says where the values end, so it may not lie.
    let lying = names.replacen("0200", "0100", 1);
    told_error(ValueType::HashTemplateDump, &format!("00 {lying} {strings}"));
}

fn told_error(value_type: ValueType, bytes: &str) -> FormatError {
    told(value_type, &hex(bytes)).unwrap_err()
}

const NODE: &str = "01 10 0000000000000005 0000000000000000 37 \
    37000000 1600 02 01 01 01 01 01 8166 02 00 01 02 01 00 01 00 01 8176 02 04 01 \
    03 01 00 01 03 01 8177 02 04 01 00 01 01 01 01 01 01 01 8167 02 01 01 06 01 ff";

#[test]
fn a_stream_gives_its_live_messages_and_then_its_metadata() {
    let payload = hex(&format!("{NODE} 02 06 01 05 00 05 03 03 00"));
    let messages = ["5-0 f=v", "6-1 g=1"];
    let told3 = told(ValueType::Stream3, &payload).unwrap();
    assert_eq!(told3, [&messages[..], &["2 5-0 6-1 3"]].concat());
    assert_eq!(count(ValueType::Stream3, &payload), Ok(2));
    assert_eq!(deep(ValueType::Stream3, &payload), Ok(vec![]));
    // The first form states neither the first id nor how many were added.
    let payload = hex(&format!("{NODE} 02 06 01 00"));
    let told1 = told(ValueType::Stream, &payload).unwrap();
    assert_eq!(told1, [&messages[..], &["2 5-0 6-1 2"]].concat());
    assert_eq!(deep(ValueType::Stream, &payload), Ok(vec![]));
}

#[test]
fn the_nodes_are_believed_over_the_length_that_a_stream_states() {
    let payload = hex(&format!("{NODE} 04 06 01 00"));
    assert_eq!(count(ValueType::Stream, &payload), Ok(2));
    let odd = deep(ValueType::Stream, &payload).unwrap();
    assert_eq!(odd, ["stream of 2 messages says it has 4"]);
}

#[test]
fn modules_and_arrays_are_carried_as_they_are() {
    let module = hex("81b5eb2dffffddb401 02 406f 05 08 73747200ff76616c 00");
    assert_eq!(told(ValueType::Module2, &module).unwrap(), ["Module2 of 23 bytes"]);
    assert_eq!(count(ValueType::Module2, &module), Ok(0));
    let array = hex("01 00 00 00 0b 61727261792d76616c7565");
    assert_eq!(told(ValueType::Array, &array).unwrap(), ["Array of 16 bytes"]);
    told_error(ValueType::Array, "01 00 00 09 00");
}

#[test]
fn type_24_counts_from_its_minimum_and_type_25_does_not() {
    let value = "02 01 0161 0178 0b 0162 0179";
    let told24 = told(ValueType::HashMetadata, &hex(&format!("e803000000000000 {value}")));
    assert_eq!(told24.unwrap(), ["a=x@1000", "b=y@1010"]);
    told_error(ValueType::HashMetadata, "ffffffffffff0000 01 02 0161 0178");
    let listpack = "10 10000000 0300 81 61 02 81 78 02 c3e8 02 ff";
    let payload = hex(&format!("e903000000000000 {listpack}"));
    assert_eq!(told(ValueType::HashListpackEx, &payload).unwrap(), ["a=x@1000"]);
}

#[test]
fn what_every_server_refuses() {
    let always = |value_type, bytes: &str| {
        let checked = check(value_type, &hex(bytes), &templates(), Depth::Always, &mut |_| {});
        assert!(checked.is_err(), "{value_type:?} {bytes}");
    };
    always(ValueType::String, "c404");
    always(ValueType::String, "82000000");
    always(ValueType::String, "c309406501 6161e057000161 61");
    always(ValueType::Set, "02 0161 0161");
    always(ValueType::Set, "02 0131 c001");
    always(ValueType::Zset, "02 0161 0131 0161 0132");
    always(ValueType::Zset, "01 0161 fd");
    always(ValueType::Zset, "01 0161 0178");
    always(ValueType::Zset2, "01 0161 000000000000f87f");
    always(ValueType::SetIntset, "0a 03000000 01000000 2a00");
    always(ValueType::SetIntset, "08 02000000 00000000");
    always(ValueType::HashListpack, "0d 0e000000 0200 81 66 02 81 76 02 ff");
    always(ValueType::HashListpack, "0d 0d000000 0200 81 66 02 81 76 02 fe");
    always(ValueType::ListZiplist, "10 10000000 0e000000 0200 00 01 6d 03 f2 ff");
    always(ValueType::HashZiplist, "0e 0e000000 0a000000 0100 00 01 61 ff");
    always(ValueType::HashZipmap, "02 00 ff");
    always(ValueType::ListQuicklist2, "01 03 0a 0a000000 0100 81 61 02 ff");
    always(ValueType::ListQuicklist2, "01 01 00");
    always(ValueType::Stream, "00 01 06 01 00");
    always(
        ValueType::Stream,
        "01 0f 000000000000050000000000000000 07 07000000 0000 ff 00 00 00 00",
    );
}

#[test]
fn what_servers_refuse_only_when_they_sanitize() {
    let found = |value_type, bytes: &str| {
        let payload = hex(bytes);
        let always = check(value_type, &payload, &templates(), Depth::Always, &mut |_| {});
        assert_eq!(always, Ok(()), "{value_type:?} {bytes}");
        assert!(deep(value_type, &payload).is_err(), "{value_type:?} {bytes}");
    };
    found(ValueType::Hash, "02 0161 c001 0161 c002");
    found(ValueType::SetIntset, "0c 02000000 02000000 2a00 2a00");
    found(ValueType::HashListpack, "0d 0d000000 0300 81 66 02 81 76 02 ff");
    found(ValueType::HashListpack, "0d 0d000000 0200 81 66 03 81 76 02 ff");
    found(ValueType::HashListpack, "0a 0a000000 0100 81 66 02 ff");
    // 1 and "1" are one member.
    found(ValueType::SetListpack, "0c 0c000000 0200 01 01 81 31 02 ff");
    let expiry_as_text = "10 10000000 0300 81 61 02 81 78 02 81 31 02 ff";
    found(ValueType::HashListpackExRc, expiry_as_text);
    let wrong_master_count = NODE.replacen("02 01 01 01", "03 01 01 01", 1);
    found(ValueType::Stream, &format!("{wrong_master_count} 02 06 01 00"));
}

#[test]
fn what_servers_accept_is_told_as_a_warning() {
    let odd = |value_type, bytes: &str, what: &str| {
        let odd = deep(value_type, &hex(bytes)).unwrap();
        assert!(odd.iter().any(|told| told.contains(what)), "{value_type:?} {odd:?}");
    };
    odd(ValueType::List, "00", "no elements");
    odd(ValueType::SetListpack, "07 07000000 0000 ff", "no elements");
    odd(ValueType::SetListpack, "0a 0a000000 0100 81 31 02 ff", "stored as text");
    let unsorted = "11 11000000 0400 81 61 02 02 01 81 62 02 01 01 ff";
    odd(ValueType::ZsetListpack, unsorted, "order of its scores");
    let not_a_number = "0f 0f000000 0200 81 6d 02 83 6e616e 04 ff";
    odd(ValueType::ZsetListpack, not_a_number, "not a number");
    let listpack = "10 10000000 0300 81 61 02 81 78 02 c3e8 02 ff";
    odd(ValueType::HashListpackEx, &format!("ea03000000000000 {listpack}"), "smallest");
    odd(ValueType::Stream, &format!("{NODE} 02 05 00 00"), "before the newest");
    odd(ValueType::Stream2, &format!("{NODE} 02 06 01 06 00 05 03 03 00"), "first id");
}

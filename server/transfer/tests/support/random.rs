//! Datasets of random values of every type, binary bytes among them.
use redtool_format::encodings::stream::{Builder, StreamId};
use redtool_format::encodings::Item;
use redtool_format::rdb::stream::{Consumer, Group, Pending, StreamMeta};
use redtool_format::rdb::target::Target;
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{
    plan, write_key, Attributes, ElementWriter, FileWriter, Node, Value,
};
use redtool_format::rdb::{Str, ValueType};
use std::collections::BTreeSet;
use std::fs::File;
use tempfile::NamedTempFile;

/// Numbers that are the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Text, numbers, control characters, bytes that are no UTF-8; now and then long.
    fn bytes(&mut self) -> Vec<u8> {
        let len = match self.below(20) {
            0 => 200 + self.below(20_000),
            1 => 0,
            _ => 1 + self.below(20),
        };
        match self.below(6) {
            0 => (0..len).map(|_| self.next() as u8).collect(),
            1 => (self.next() as i64 >> self.below(64)).to_string().into_bytes(),
            2 => (0..len).map(|_| (self.next() % 0x30) as u8).collect(),
            3 => "größe 😀 \"\\/".repeat(len / 10 + 1).into_bytes(),
            _ => (0..len).map(|_| b'a' + (self.next() % 26) as u8).collect(),
        }
    }

    fn distinct(&mut self) -> Vec<Vec<u8>> {
        let most = if self.below(8) == 0 { 700 } else { 12 };
        let count = 1 + self.below(most);
        let all: BTreeSet<_> = (0..count).map(|_| self.bytes()).collect();
        all.into_iter().collect()
    }

    fn score(&mut self) -> f64 {
        match self.below(6) {
            0 => [f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 5e-324][self.below(5)],
            1 => f64::from_bits(self.next() & 0x7fef_ffff_ffff_ffff),
            2 => (self.next() as i32).into(),
            _ => (self.next() as i32 as f64) / 100.0,
        }
    }
}

/// A file of about thirty keys.
pub fn dataset(seed: u64) -> NamedTempFile {
    let mut random = Random(seed);
    let file = NamedTempFile::new().unwrap();
    let mut writer = FileWriter::new(File::create(file.path()).unwrap(), Target::NEWEST);
    writer.function(b"#!lua name=a\nredis.log(1)", true).unwrap();
    for db in [0, 3] {
        writer.select_db(db, 0, 0).unwrap();
        for key in random.distinct().iter().take(20) {
            let (value_type, payload) = value(&mut random);
            let attributes = Attributes {
                expire_at_ms: (random.below(3) == 0).then(|| random.next() as i64 >> 20),
                idle_s: (random.below(5) == 0).then(|| random.next() >> 40),
                ..Attributes::default()
            };
            let freq = (attributes.idle_s.is_none() && random.below(5) == 0).then_some(200);
            write(&mut writer, key, &Attributes { freq, ..attributes }, value_type, &payload);
        }
    }
    writer.finish().unwrap();
    file
}

fn write(
    writer: &mut FileWriter<File>,
    key: &[u8],
    attributes: &Attributes<'_>,
    value_type: ValueType,
    payload: &[u8],
) {
    let (mut record, templates) = (Vec::new(), Templates::new());
    let value = Value { value_type, payload, templates: &templates };
    let planned = plan(&value, &Target::NEWEST, 0).unwrap();
    let key = Str::Raw(key);
    write_key(key, attributes, &value, &planned, &Target::NEWEST, true, &mut record).unwrap();
    writer.raw(&record).unwrap();
}

fn value(random: &mut Random) -> (ValueType, Vec<u8>) {
    let mut out = Vec::new();
    let kind = random.below(7);
    let value_type = match kind {
        0 => ValueType::String,
        1 => ValueType::ListQuicklist2,
        2 => ValueType::Set,
        3 => ValueType::Zset2,
        4 => ValueType::Hash,
        5 => ValueType::ValkeyHash2,
        _ => return (ValueType::Stream3, stream(random)),
    };
    let mut writer = ElementWriter::new(&mut out, value_type, random.below(2) == 0);
    if value_type == ValueType::String {
        writer.item(Item::Str(&random.bytes())).unwrap();
        return (value_type, out);
    }
    let members = random.distinct();
    writer.begin(members.len() as u64).unwrap();
    for member in &members {
        let item = Item::Str(member);
        match value_type {
            ValueType::ListQuicklist2 if member.is_empty() => {
                writer.node(Node::Plain(Str::Raw(b"-"))).unwrap();
            }
            ValueType::ListQuicklist2 => writer.node(Node::Plain(Str::Raw(member))).unwrap(),
            ValueType::Set => writer.item(item).unwrap(),
            ValueType::Zset2 => writer.member(item, random.score()).unwrap(),
            _ => {
                let at_ms =
                    (kind == 5 && random.below(2) == 0).then(|| 1 + (random.next() >> 24) as i64);
                writer.field(item, Item::Str(&random.bytes()), at_ms).unwrap();
            }
        }
    }
    (value_type, out)
}

fn stream(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    let mut ids = Vec::new();
    let mut nodes = Vec::new();
    for _ in 0..random.below(4) {
        let mut node = Builder::new();
        for _ in 0..1 + random.below(30) {
            let ms = ids.last().map_or(1, |id: &StreamId| id.ms + random.below(3) as u64);
            let seq = ids.last().map_or(0, |id: &StreamId| id.seq + 1);
            let id = StreamId { ms, seq };
            let texts: Vec<_> = (0..2 * (1 + random.below(3))).map(|_| random.bytes()).collect();
            let pairs: Vec<_> = texts
                .chunks_exact(2)
                .map(|pair| (Item::Str(&pair[0]), Item::Str(&pair[1])))
                .collect();
            node.push(id, false, &pairs);
            ids.push(id);
        }
        nodes.push(node);
    }
    let mut writer = ElementWriter::new(&mut out, ValueType::Stream3, true);
    writer.begin(nodes.len() as u64).unwrap();
    for node in &mut nodes {
        let master_id = node.master_id();
        writer.stream_node(master_id, Str::Raw(node.finish())).unwrap();
    }
    writer.stream_meta(&meta(random, &ids)).unwrap();
    out
}

fn meta(random: &mut Random, ids: &[StreamId]) -> StreamMeta {
    let pending: Vec<_> = ids.iter().copied().filter(|_| random.below(4) == 0).collect();
    let groups = (0..random.below(3)).map(|n| Group {
        name: [&random.bytes()[..], &[n as u8]].concat(),
        last_id: ids.last().copied().unwrap_or_default(),
        entries_read: (random.below(2) == 0).then(|| random.next() >> 8),
        pel: pending
            .iter()
            .map(|id| Pending {
                id: *id,
                delivered_at_ms: random.next() as i64 >> 20,
                deliveries: random.next() >> 30,
                consumer: Some(0),
            })
            .collect(),
        consumers: vec![
            Consumer {
                name: b"c\xff".to_vec(),
                seen_at_ms: random.next() as i64 >> 20,
                active_at_ms: Some(random.next() as i64 >> 21).filter(|at_ms| *at_ms != -1),
                pending: pending.clone(),
            },
            Consumer { name: b"idle".to_vec(), seen_at_ms: 1, ..Consumer::default() },
        ],
        nack: Vec::new(),
    });
    let groups = groups.collect();
    StreamMeta {
        length: ids.len() as u64,
        last_id: ids.last().copied().unwrap_or_default(),
        first_id: ids.first().copied().unwrap_or_default(),
        max_deleted_id: StreamId::MIN,
        entries_added: ids.len() as u64 + 5,
        groups,
        idmp: None,
    }
}

/// A hash of many fields, one of them binary in the last place; strings of many megabytes.
pub fn long_values() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let mut writer = FileWriter::new(File::create(file.path()).unwrap(), Target::NEWEST);
    writer.select_db(0, 0, 0).unwrap();
    let plain = Attributes::default();
    for (key, last) in [(&b"text"[..], &b"z"[..]), (b"binary", b"\xff")] {
        let mut out = Vec::new();
        let mut fields = ElementWriter::new(&mut out, ValueType::Hash, false);
        fields.begin(200_001).unwrap();
        for n in 0..200_000 {
            let field = format!("field:{n}");
            fields.field(Item::Str(field.as_bytes()), Item::Int(n), None).unwrap();
        }
        fields.field(Item::Str(last), Item::Str(b"\x00\xfe"), None).unwrap();
        write(&mut writer, key, &plain, ValueType::Hash, &out);
    }
    for (key, text) in [(&b"long"[..], "text\n\"ü\"".repeat(3 << 20)), (b"b", "\u{1}".repeat(9))] {
        let mut out = Vec::new();
        let bytes = if key == b"long" { text.into_bytes() } else { vec![0xfe; 20 << 20] };
        let mut string = ElementWriter::new(&mut out, ValueType::String, false);
        string.item(Item::Str(&bytes)).unwrap();
        write(&mut writer, key, &plain, ValueType::String, &out);
    }
    writer.finish().unwrap();
    file
}

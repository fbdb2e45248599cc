//! The two schemas, and batches of them in the making.
use arrow_array::builder::{
    BinaryBuilder, Float64Builder, StringDictionaryBuilder, TimestampMillisecondBuilder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// Names that are few: an index a row.
type Names = StringDictionaryBuilder<Int8Type>;

fn names() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

fn times() -> TimestampMillisecondBuilder {
    TimestampMillisecondBuilder::new().with_timezone("UTC")
}

/// A row a key.
pub fn keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("db", DataType::UInt32, false),
        Field::new("key", DataType::Binary, false),
        Field::new("type", names(), false),
        Field::new("encoding", names(), false),
        Field::new("expire_at", time(), true),
        Field::new("elements", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("value", DataType::Binary, true),
    ]))
}

/// A row an element.
pub fn elements_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("db", DataType::UInt32, false),
        Field::new("key", DataType::Binary, false),
        Field::new("type", names(), false),
        Field::new("index", DataType::UInt64, true),
        Field::new("id", DataType::Utf8, true),
        Field::new("field", DataType::Binary, true),
        Field::new("score", DataType::Float64, true),
        Field::new("value", DataType::Binary, true),
        Field::new("expire_at", time(), true),
    ]))
}

/// What a row says of a key.
pub struct Key<'a> {
    /// The db.
    pub db: u32,
    /// The key.
    pub key: &'a [u8],
    /// The type, as TYPE says it.
    pub kind: &'static str,
    /// The encoding, as OBJECT ENCODING says it.
    pub encoding: &'static str,
    /// The expiry.
    pub expire_at_ms: Option<i64>,
    /// Elements.
    pub elements: u64,
    /// Bytes of the value in a dump.
    pub bytes: u64,
    /// The string, or the collection as JSON; none when it is too large.
    pub value: Option<&'a Vec<u8>>,
}

/// Rows of keys.
pub struct Keys {
    db: UInt32Builder,
    key: BinaryBuilder,
    kind: Names,
    encoding: Names,
    expire_at: TimestampMillisecondBuilder,
    elements: UInt64Builder,
    bytes: UInt64Builder,
    value: BinaryBuilder,
    rows: usize,
    held_bytes: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            db: UInt32Builder::new(),
            key: BinaryBuilder::new(),
            kind: Names::new(),
            encoding: Names::new(),
            expire_at: times(),
            elements: UInt64Builder::new(),
            bytes: UInt64Builder::new(),
            value: BinaryBuilder::new(),
            rows: 0,
            held_bytes: 0,
        }
    }
}

impl Keys {
    /// One more row.
    pub fn push(&mut self, key: &Key<'_>) {
        self.db.append_value(key.db);
        self.key.append_value(key.key);
        self.kind.append_value(key.kind);
        self.encoding.append_value(key.encoding);
        self.expire_at.append_option(key.expire_at_ms);
        self.elements.append_value(key.elements);
        self.bytes.append_value(key.bytes);
        self.value.append_option(key.value);
        self.rows += 1;
        self.held_bytes += key.key.len() + key.value.map_or(0, Vec::len);
    }

    /// Whether it has this many rows, or holds this much and any row.
    pub fn is_full(&self, rows: usize, bytes: usize) -> bool {
        self.rows >= rows || (self.rows > 0 && self.held_bytes >= bytes)
    }

    /// The rows; none are left.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        (self.rows, self.held_bytes) = (0, 0);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.db.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.encoding.finish()),
            Arc::new(self.expire_at.finish()),
            Arc::new(self.elements.finish()),
            Arc::new(self.bytes.finish()),
            Arc::new(self.value.finish()),
        ];
        RecordBatch::try_new(keys_schema(), columns)
    }
}

/// What a row says of an element; what it has not is none.
#[derive(Default)]
pub struct Element<'a> {
    /// The place in a list.
    pub index: Option<u64>,
    /// The id of a stream entry.
    pub id: Option<String>,
    /// The name of a field.
    pub field: Option<&'a [u8]>,
    /// The score.
    pub score: Option<f64>,
    /// The value, item or member.
    pub value: Option<&'a [u8]>,
    /// The expiry of the field, else that of the key.
    pub expire_at_ms: Option<i64>,
}

/// Rows of elements.
pub struct Elements {
    db: UInt32Builder,
    key: BinaryBuilder,
    kind: Names,
    index: UInt64Builder,
    id: Vec<Option<String>>,
    field: BinaryBuilder,
    score: Float64Builder,
    value: BinaryBuilder,
    expire_at: TimestampMillisecondBuilder,
    held_bytes: usize,
}

impl Default for Elements {
    fn default() -> Self {
        Self {
            db: UInt32Builder::new(),
            key: BinaryBuilder::new(),
            kind: Names::new(),
            index: UInt64Builder::new(),
            id: Vec::new(),
            field: BinaryBuilder::new(),
            score: Float64Builder::new(),
            value: BinaryBuilder::new(),
            expire_at: times(),
            held_bytes: 0,
        }
    }
}

impl Elements {
    /// One more row, of an element of a key.
    pub fn push(&mut self, db: u32, key: &[u8], kind: &'static str, element: Element<'_>) {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        self.held_bytes += key.len() + length(element.field) + length(element.value);
        self.db.append_value(db);
        self.key.append_value(key);
        self.kind.append_value(kind);
        self.index.append_option(element.index);
        self.id.push(element.id);
        self.field.append_option(element.field);
        self.score.append_option(element.score);
        self.value.append_option(element.value);
        self.expire_at.append_option(element.expire_at_ms);
    }

    /// Whether it has this many rows, or holds this much and any row.
    pub fn is_full(&self, rows: usize, bytes: usize) -> bool {
        let held = self.id.len();
        held >= rows || (held > 0 && self.held_bytes >= bytes)
    }

    /// The rows; none are left.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.held_bytes = 0;
        let ids: StringArray = self.id.drain(..).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.db.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.index.finish()),
            Arc::new(ids),
            Arc::new(self.field.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.expire_at.finish()),
        ];
        RecordBatch::try_new(elements_schema(), columns)
    }
}

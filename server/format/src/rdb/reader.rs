//! The frame of an RDB file: magic, opcodes, key records, EOF, checksum.
//!
//! ```text
//! magic (REDIS + 4 digits | VALKEY + 3 digits)   { record }*   FF   [crc64 u64 LE, version >= 5]
//! key record: [expiry FC i64 ms | FD i32 s]  [F8 idle len | F9 freq u8]  [F3 metadata]
//!             type  key  value
//! ```
//! The reader borrows everything from the file's bytes and decodes nothing: a key record is a
//! place, attributes, a raw key and the raw payload of the value. Attributes apply to the next key
//! only, whatever opcodes stand between. Every error has its absolute offset, and
//! [`Reader::context`] says in which db and key it happened.
use super::length;
use super::module;
use super::skip::skip_value;
use super::string::{self, Str};
use super::types::{Dialect, ValueType};
use super::value::Templates;
use crate::cursor::Cursor;
use crate::error::{ErrorKind, FormatError, Result};

/// The newest versions this reader knows.
pub const NEWEST_REDIS_VERSION: u32 = 15;
/// The newest Valkey version this reader knows.
pub const NEWEST_VALKEY_VERSION: u32 = 81;

const AUX: u8 = 250;
const RESIZEDB: u8 = 251;
const EXPIRETIME_MS: u8 = 252;
const EXPIRETIME: u8 = 253;
const SELECTDB: u8 = 254;
const EOF: u8 = 255;
const FREQ: u8 = 249;
const IDLE: u8 = 248;
const MODULE_AUX: u8 = 247;
const FUNCTION_PRE_GA: u8 = 246;
const FUNCTION2: u8 = 245;
const SLOT_INFO: u8 = 244;
/// Redis: key metadata. Valkey: slot import.
const OPCODE_243: u8 = 243;
/// Redis: hash template. Valkey: an inline command of a replication stream.
const OPCODE_242: u8 = 242;
/// The module opcode before the "when" of module data outside keys.
const MODULE_OPCODE_UINT: u64 = 2;
/// Redis Enterprise: RAM LRU, a length.
const ENTERPRISE_RAM_LRU: u8 = 107;
/// Redis Enterprise: slot number, a length.
const ENTERPRISE_SLOT: u8 = 121;

/// What the first nine bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whose numbering the file follows.
    pub dialect: Dialect,
    /// The RDB version.
    pub version: u32,
}

/// Length of the magic and version.
pub const HEADER_BYTES: usize = 9;

/// One record of the frame.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A key with its value.
    Key(KeyRecord<'a>),
    /// A note about the file.
    Aux {
        /// `redis-ver`, `ctime`, …
        name: Str<'a>,
        /// Its value.
        value: Str<'a>,
    },
    /// What follows is of this db.
    SelectDb(u32),
    /// Size hints; may be wrong.
    ResizeDb {
        /// Keys.
        keys: u64,
        /// Keys with an expiry.
        expires: u64,
    },
    /// The source of a function library.
    Function(Str<'a>),
    /// Data of a module that belongs to no key: everything after the opcode.
    ModuleAux(&'a [u8]),
    /// Something that may be dropped without loss (slot hints, Enterprise notes, template
    /// announcements).
    Note {
        /// The opcode.
        opcode: u8,
    },
}

/// A key and the raw payload of its value.
#[derive(Debug, Clone, Copy)]
pub struct KeyRecord<'a> {
    /// Where the record starts, its attributes included.
    pub offset: usize,
    /// The db.
    pub db: u32,
    /// Absolute expiry in Unix ms.
    pub expire_at_ms: Option<i64>,
    /// LRU idle time in seconds.
    pub idle_s: Option<u64>,
    /// LFU counter.
    pub freq: Option<u8>,
    /// Key metadata (opcode 243 of Redis 8.6), everything after the opcode.
    pub meta: Option<&'a [u8]>,
    /// The key.
    pub key: Str<'a>,
    /// Where the key string starts; the type byte stands before it.
    pub key_offset: usize,
    /// The type of the value.
    pub value_type: ValueType,
    /// The value as it lies in the file.
    pub payload: &'a [u8],
    /// Where the payload starts.
    pub payload_offset: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Attributes<'a> {
    start: Option<usize>,
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
    meta: Option<&'a [u8]>,
}

/// Where the reader was when an error happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The db.
    pub db: u32,
    /// The key whose value was being read.
    pub key: Option<Vec<u8>>,
}

/// What stands after the EOF opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// Offset of the first byte after the EOF opcode: the checksum covers what is before.
    pub covered_bytes: usize,
    /// The stored CRC-64; None before version 5, zero when the writer did not compute it.
    pub crc: Option<u64>,
    /// Offset of the first byte after the RDB.
    pub end: usize,
}

/// Reads the records of a file in order.
#[derive(Clone)]
pub struct Reader<'a> {
    cursor: Cursor<'a>,
    header: Header,
    db: u32,
    attributes: Attributes<'a>,
    templates: Templates,
    key: Option<Str<'a>>,
    ended: bool,
}

/// Reads magic and version.
pub fn read_header(file: &[u8]) -> Result<Header> {
    let header = file.get(..HEADER_BYTES).ok_or_else(|| not_an_rdb(file))?;
    let (dialect, digits) = match header {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Dialect::Redis, digits),
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Dialect::Valkey, digits),
        _ => return Err(not_an_rdb(file)),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(FormatError::corrupt(5, "the RDB version is not a number"));
    }
    let version = digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
    let known = match dialect {
        Dialect::Redis => (1..=NEWEST_REDIS_VERSION).contains(&version),
        Dialect::Valkey => (80..=NEWEST_VALKEY_VERSION).contains(&version),
    };
    if !known {
        let what = format!("RDB version {version} ({dialect:?}) is newer than this reader knows");
        return Err(FormatError::unsupported(5, what));
    }
    Ok(Header { dialect, version })
}

#[cold]
fn not_an_rdb(file: &[u8]) -> FormatError {
    if file.len() < HEADER_BYTES && (b"REDIS".starts_with(file) || file.starts_with(b"REDIS")) {
        return FormatError::truncated(file.len(), "the file ends inside its header");
    }
    FormatError::corrupt(0, "not an RDB file: it starts with neither REDIS nor VALKEY")
}

impl<'a> Reader<'a> {
    /// Reads the header of `file`.
    pub fn new(file: &'a [u8]) -> Result<Self> {
        let header = read_header(file)?;
        Ok(Self {
            cursor: Cursor::starting_at(file, HEADER_BYTES),
            header,
            db: 0,
            attributes: Attributes::default(),
            templates: Templates::new(),
            key: None,
            ended: false,
        })
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Offset of the next byte to be read.
    pub fn pos(&self) -> usize {
        self.cursor.pos()
    }

    /// Hash templates announced so far.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The db and key that were being read: for error messages.
    pub fn context(&self) -> Context {
        Context { db: self.db, key: self.key.and_then(|key| key.to_vec().ok()) }
    }

    /// Goes on at `pos` as if a record started there (after damage), in db `db`.
    pub fn resume_at(&mut self, pos: usize, db: u32) {
        self.cursor = Cursor::starting_at(self.cursor.buf(), pos);
        self.attributes = Attributes::default();
        self.db = db;
        self.key = None;
        self.ended = false;
    }

    /// The next record; None after the EOF opcode.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<Record<'a>>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let start = self.cursor.pos();
            let opcode = self.cursor.u8()?;
            if opcode < OPCODE_242 && opcode != ENTERPRISE_RAM_LRU && opcode != ENTERPRISE_SLOT {
                return self.key_record(start, opcode).map(|key| Some(Record::Key(key)));
            }
            if let Some(record) = self.opcode(start, opcode)? {
                return Ok(Some(record));
            }
        }
    }

    /// Handles an opcode; None when it only set something for what follows.
    fn opcode(&mut self, start: usize, opcode: u8) -> Result<Option<Record<'a>>> {
        // What goes wrong from here on has nothing to do with the key before.
        self.key = None;
        match opcode {
            EXPIRETIME_MS | EXPIRETIME | IDLE | FREQ => self.attribute(start, opcode)?,
            EOF => self.ended = true,
            SELECTDB => return self.select_db(start).map(Some),
            RESIZEDB => {
                let keys = length::read_plain(&mut self.cursor)?;
                let expires = length::read_plain(&mut self.cursor)?;
                return Ok(Some(Record::ResizeDb { keys, expires }));
            }
            AUX => {
                let name = string::read(&mut self.cursor)?;
                let value = string::read(&mut self.cursor)?;
                return Ok(Some(Record::Aux { name, value }));
            }
            FUNCTION2 => return Ok(Some(Record::Function(string::read(&mut self.cursor)?))),
            FUNCTION_PRE_GA => return self.function_pre_ga().map(Some),
            MODULE_AUX => return self.module_aux().map(Some),
            SLOT_INFO => self.skip_lengths(3)?,
            ENTERPRISE_RAM_LRU | ENTERPRISE_SLOT => self.skip_lengths(1)?,
            OPCODE_243 => return self.opcode_243(start),
            _ => self.opcode_242(start)?,
        }
        let noted = matches!(opcode, SLOT_INFO | ENTERPRISE_RAM_LRU | ENTERPRISE_SLOT | OPCODE_242);
        Ok(noted.then_some(Record::Note { opcode }))
    }

    #[inline]
    fn key_record(&mut self, start: usize, number: u8) -> Result<KeyRecord<'a>> {
        self.key = None;
        let value_type = ValueType::from_number(number, self.header.dialect)
            .ok_or_else(|| self.unknown_type(start, number))?;
        let key_offset = self.cursor.pos();
        let key = string::read(&mut self.cursor)?;
        self.key = Some(key);
        let payload_offset = self.cursor.pos();
        skip_value(&mut self.cursor, value_type, &self.templates)?;
        let payload = &self.cursor.buf()[payload_offset..self.cursor.pos()];
        let attributes = std::mem::take(&mut self.attributes);
        Ok(KeyRecord {
            offset: attributes.start.unwrap_or(start),
            db: self.db,
            expire_at_ms: attributes.expire_at_ms,
            idle_s: attributes.idle_s,
            freq: attributes.freq,
            meta: attributes.meta,
            key,
            key_offset,
            value_type,
            payload,
            payload_offset,
        })
    }

    /// No record carries its size, so what is not known cannot be passed over.
    #[cold]
    fn unknown_type(&self, start: usize, number: u8) -> FormatError {
        let Header { dialect, version } = self.header;
        FormatError::unsupported(
            start,
            format!("unknown value type or opcode {number} (RDB version {version}, {dialect:?})"),
        )
    }

    fn attribute(&mut self, start: usize, opcode: u8) -> Result<()> {
        self.attributes.start.get_or_insert(start);
        match opcode {
            EXPIRETIME_MS => {
                let at_ms = self.native_order(self.cursor.clone().i64_le()?);
                self.cursor.skip(8)?;
                self.attributes.expire_at_ms = (at_ms != -1).then_some(at_ms);
            }
            EXPIRETIME => {
                let at_s = i64::from(self.cursor.i32_le()?);
                self.attributes.expire_at_ms = (at_s != -1).then_some(at_s * 1000);
            }
            IDLE => self.attributes.idle_s = Some(length::read_plain(&mut self.cursor)?),
            _ => self.attributes.freq = Some(self.cursor.u8()?),
        }
        Ok(())
    }

    /// Before version 9 times were in the writer's byte order; a time past the year 30000 that is
    /// sensible when swapped came from a big-endian host.
    fn native_order(&self, at_ms: i64) -> i64 {
        const FAR_MS: i64 = 1 << 50;
        let swapped = at_ms.swap_bytes();
        let absurd = !(-1..FAR_MS).contains(&at_ms);
        if self.header.version < 9 && absurd && (0..FAR_MS).contains(&swapped) {
            swapped
        } else {
            at_ms
        }
    }

    fn select_db(&mut self, start: usize) -> Result<Record<'a>> {
        let db = length::read_plain(&mut self.cursor)?;
        self.db = u32::try_from(db).ok().filter(|db| *db <= i32::MAX as u32).ok_or_else(|| {
            FormatError::corrupt(start, format!("db number {db} is out of range"))
        })?;
        Ok(Record::SelectDb(self.db))
    }

    /// 7.0-rc1 and rc2: name, engine, optional description, code. The name and engine go into the
    /// first line of the source since rc3, so the record is handed on as that only when the code
    /// has it.
    fn function_pre_ga(&mut self) -> Result<Record<'a>> {
        string::skip(&mut self.cursor)?;
        string::skip(&mut self.cursor)?;
        if length::read_plain(&mut self.cursor)? != 0 {
            string::skip(&mut self.cursor)?;
        }
        Ok(Record::Function(string::read(&mut self.cursor)?))
    }

    fn module_aux(&mut self) -> Result<Record<'a>> {
        let start = self.cursor.pos();
        self.skip_lengths(1)?;
        let when_at = self.cursor.pos();
        if length::read_plain(&mut self.cursor)? != MODULE_OPCODE_UINT {
            let what = "module data outside keys that does not say when it belongs";
            return Err(FormatError::corrupt(when_at, what));
        }
        self.skip_lengths(1)?;
        module::skip_opcodes(&mut self.cursor)?;
        Ok(Record::ModuleAux(&self.cursor.buf()[start..self.cursor.pos()]))
    }

    fn opcode_243(&mut self, start: usize) -> Result<Option<Record<'a>>> {
        if self.header.dialect == Dialect::Valkey {
            string::skip(&mut self.cursor)?;
            let ranges = length::read_count(&mut self.cursor, 2)?;
            self.skip_lengths(2 * ranges)?;
            return Ok(Some(Record::Note { opcode: OPCODE_243 }));
        }
        self.attributes.start.get_or_insert(start);
        let meta_start = self.cursor.pos();
        let classes = length::read_count(&mut self.cursor, 5)?;
        for _ in 0..classes {
            self.cursor.skip(4)?;
            module::skip_opcodes(&mut self.cursor)?;
        }
        self.attributes.meta = Some(&self.cursor.buf()[meta_start..self.cursor.pos()]);
        Ok(None)
    }

    fn opcode_242(&mut self, start: usize) -> Result<()> {
        if self.header.dialect == Dialect::Valkey {
            let what = "inline command of a replication stream (opcode 242)";
            return Err(FormatError::unsupported(start, what));
        }
        let id = length::read_plain(&mut self.cursor)?;
        let fields = length::read_count(&mut self.cursor, 1)?;
        let mut names = Vec::new();
        for _ in 0..fields {
            let name_at = self.cursor.pos();
            let name = string::read(&mut self.cursor)?;
            names.push(name.to_vec().map_err(|e| e.at(name_at))?);
        }
        self.templates.insert(id, names);
        Ok(())
    }

    fn skip_lengths(&mut self, n: usize) -> Result<()> {
        for _ in 0..n {
            length::read_plain(&mut self.cursor)?;
        }
        Ok(())
    }

    /// What stands after the EOF opcode; call it when [`Reader::next_record`] has given None.
    pub fn trailer(&self) -> Result<Trailer> {
        let mut cursor = self.cursor.clone();
        let covered_bytes = cursor.pos();
        let crc = if self.header.version >= 5 {
            let read = cursor.u64_le();
            Some(read.map_err(|_| {
                FormatError::truncated(covered_bytes, "the file ends before its checksum")
            })?)
        } else {
            None
        };
        Ok(Trailer { covered_bytes, crc, end: cursor.pos() })
    }
}

impl Trailer {
    /// Compares the stored checksum with `computed`, that of the covered bytes; a stored zero means
    /// "not computed".
    pub fn check(&self, computed: u64) -> Result<()> {
        match self.crc {
            Some(stored) if stored != 0 && stored != computed => Err(FormatError {
                kind: ErrorKind::Checksum,
                offset: self.covered_bytes as u64,
                what: format!("CRC-64 mismatch: stored {stored:016x}, computed {computed:016x}"),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_files() {
        for file in [&b"REDIS0001\xff"[..], b"REDIS0006\xff\xdc\xb3\x43\xf0\x5a\xdc\xf2\x56"] {
            let mut reader = Reader::new(file).unwrap();
            assert!(reader.next_record().unwrap().is_none());
            let trailer = reader.trailer().unwrap();
            assert_eq!(trailer.end, file.len());
            trailer.check(crate::crc64::crc64(&file[..trailer.covered_bytes])).unwrap();
        }
    }

    #[test]
    fn attributes_belong_to_the_next_key_only() {
        let file = b"REDIS0009\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\xf8\x7f\xff\
            \xfe\x03\x00\x01e\x01v\x00\x01f\xc0\xff\xff";
        let mut reader = Reader::new(file).unwrap();
        assert!(matches!(reader.next_record().unwrap(), Some(Record::SelectDb(3))));
        let Some(Record::Key(first)) = reader.next_record().unwrap() else { panic!("a key") };
        assert_eq!((first.db, first.offset), (3, 9));
        assert_eq!((first.expire_at_ms, first.idle_s), (Some(4_102_444_800_000), Some(16383)));
        let Some(Record::Key(second)) = reader.next_record().unwrap() else { panic!("a key") };
        assert_eq!((second.expire_at_ms, second.idle_s), (None, None));
        assert_eq!(second.payload, b"\xc0\xff");
        assert!(reader.next_record().unwrap().is_none());
        assert_eq!(reader.trailer().unwrap_err().kind, ErrorKind::Truncated);
    }

    #[test]
    fn an_unknown_type_names_version_type_and_offset() {
        let mut reader = Reader::new(b"REDIS0011\x22\x01a").unwrap();
        let error = reader.next_record().unwrap_err();
        assert_eq!((error.kind, error.offset), (ErrorKind::Unsupported, 9));
        assert!(error.what.contains("34") && error.what.contains("11"));
    }
}

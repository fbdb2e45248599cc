//! A dataset opened for reading, whatever holds it: its notes, and its entries one after the other.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::input::{sniff, Content, Input};
use crate::job::{Hands, Job};
use crate::meter::Meter;
use crate::rdb_file::{admit, Checksum, Notes, RdbFile};
use crate::remote;
use crate::text::read::JsonLines;
use redtool_format::rdb::reader::{Header, KeyRecord};
use redtool_format::rdb::target::Target;
use redtool_format::rdb::value::Templates;
use redtool_format::rdb::writer::{Attributes, Value, WriteError};
use redtool_format::rdb::{Dialect, Str};
use redtool_store::meta::Meta;
use redtool_store::object::split_record_key;
use redtool_store::spill::SpillBytes;
use redtool_store::{build, read, schemes, Encoding, Object, Reader, SharedCredentials, Store};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Keys between two looks at the meter.
const METER_KEYS: u64 = 4096;

/// Where a dataset is.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it is: `rdb`, `lmdb`, …
    pub scheme: String,
    /// The file or directory; `-` is stdin or stdout. The name of a table.
    pub path: PathBuf,
    /// What `--option NAME=VALUE` says.
    pub tuning: Vec<(String, String)>,
    /// Where the credentials for a table come from.
    pub credentials: Option<SharedCredentials>,
}

impl Place {
    /// A place that is used as it comes.
    pub fn new(scheme: &str, path: &Path) -> Self {
        let (scheme, path) = (scheme.into(), path.to_owned());
        Self { scheme, path, tuning: Vec::new(), credentials: None }
    }

    /// Refuses tuning where there is nothing to tune.
    pub fn no_tuning(&self) -> Result<()> {
        match self.tuning.first() {
            None => Ok(()),
            Some((name, _)) => {
                let what = format!("{:?} has no option {name:?}", self.scheme);
                Err(Error::new(Kind::Usage, what).hint("--option tunes stores"))
            }
        }
    }
}

/// Bytes of a file, or of the files in a directory.
pub fn size_of(path: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    match std::fs::read_dir(path) {
        Ok(files) => files.flatten().map(|file| size(&file.path())).sum(),
        Err(_) => size(path),
    }
}

/// A dataset opened for reading.
pub enum Source {
    /// A dump.
    Rdb(RdbFile),
    /// A store and the size of its file.
    Store(Arc<dyn Store>, u64),
    /// JSON lines.
    Jsonl(JsonLines),
}

/// A key with its value, as (type, payload).
pub struct Entry<'a> {
    /// The db.
    pub db: u32,
    /// The key, as it lies in the source.
    pub key: Str<'a>,
    /// Expiry, idle time, frequency, metadata.
    pub attributes: Attributes<'a>,
    /// The value.
    pub value: Value<'a>,
    /// OBJECT ENCODING, where the source is a store.
    pub encoding: Option<Encoding>,
    /// Offset of the payload, where the source is a file.
    pub offset: Option<usize>,
    /// Offset of the key's record; 0 where the source is no file.
    pub record_offset: u64,
}

/// What was found before the first entry is handed out.
#[derive(Clone)]
pub struct Opening {
    /// What stands outside keys.
    pub notes: Notes,
    /// The header, of a file.
    pub header: Option<Header>,
    /// Keys and keys with an expiry per db, ascending, of those that pass the filter (all of them
    /// for a store).
    pub dbs: Vec<(u32, u64, u64)>,
    /// The state of the checksum.
    pub checksum: Checksum,
}

impl Source {
    /// Opens what lies at a place.
    pub fn open(place: &Place, meter: &Meter) -> Result<Self> {
        let Place { scheme, path, tuning, .. } = place;
        if remote::is_remote(scheme) {
            let (store, size_bytes) = remote::open(place)?;
            return Ok(Source::Store(store, size_bytes));
        }
        if let Some(kind) = schemes::find(scheme) {
            let store = (kind.open_read_only)(path, tuning)?;
            return Ok(Source::Store(store, size_of(path)));
        }
        place.no_tuning()?;
        match scheme.as_str() {
            "jsonl" => Ok(Source::Jsonl(JsonLines::open(path, meter)?)),
            "rdb" => {
                let input = Input::open(path, meter)?;
                // What comes compressed or from a pipe is known only now.
                if sniff(input.bytes()) == Content::JsonLines {
                    return Ok(Source::Jsonl(JsonLines::of_input(input)?));
                }
                Ok(Source::Rdb(RdbFile::of_input(input, path)?))
            }
            other => Err(Error::new(Kind::Usage, format!("no dataset can be read from {other:?}"))),
        }
    }

    /// The form that a dump of it takes when nobody asks for another: that of the dump it is or
    /// came from, as near as can be written, so that the server it came from loads it.
    pub fn own_target(&self) -> Result<Target> {
        let (dialect, version) = self.origin()?;
        Ok(Target::nearest(dialect, version))
    }

    /// The form of the dump that it is or came from.
    pub fn origin(&self) -> Result<(Dialect, u32)> {
        match self {
            Source::Rdb(file) => {
                let header = file.reader()?.header();
                Ok((header.dialect, header.version))
            }
            Source::Jsonl(lines) => Ok(lines.origin()),
            Source::Store(store, _) => {
                let meta = Meta::load(&*store.reader()?)?;
                let text = meta.rdb_version.unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                let (magic, version) = text.split_once(' ').unwrap_or(("REDIS", "12"));
                let valkey = magic == "VALKEY";
                let dialect = if valkey { Dialect::Valkey } else { Dialect::Redis };
                Ok((dialect, version.parse().unwrap_or(12)))
            }
        }
    }

    /// Bytes of the source.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Source::Rdb(file) => file.bytes().len() as u64,
            Source::Store(_, size) => *size,
            Source::Jsonl(lines) => lines.bytes().len() as u64,
        }
    }

    /// Reads everything but the values: verifies the checksum, counts per db, collects the notes.
    pub fn survey(&self, checksum: bool, filter: &Filter, meter: &Meter) -> Result<Opening> {
        match self {
            Source::Rdb(file) => survey_file(file, checksum, filter, meter),
            Source::Store(store, _) => survey_store(&**store),
            Source::Jsonl(lines) => lines.survey(filter, meter),
        }
    }

    /// Gives every entry that passes, as the job changes it, to `each`. A file's come in file
    /// order, a store's in key order.
    pub fn each_changed(
        &self,
        opening: &Opening,
        job: &Job,
        account: &mut Account,
        meter: &Meter,
        mut each: impl FnMut(&Entry<'_>, &mut Account) -> Result<()>,
    ) -> Result<()> {
        let mut hands = Hands::default();
        self.each(opening, &job.selection.filter, account, meter, |entry, account| {
            job.give(entry, &mut hands, account, &mut each)
        })
    }

    /// Gives every entry that passes the filter to `each`, as it is.
    pub fn each(
        &self,
        opening: &Opening,
        filter: &Filter,
        account: &mut Account,
        meter: &Meter,
        mut each: impl FnMut(&Entry<'_>, &mut Account) -> Result<()>,
    ) -> Result<()> {
        match self {
            Source::Rdb(file) => {
                each_of_file(file, &opening.notes.templates, filter, account, meter, &mut each)
            }
            Source::Store(store, size) => {
                let keys: u64 = opening.dbs.iter().map(|(_, keys, _)| keys).sum();
                let bytes_a_key = size / keys.max(1);
                each_of_store(&**store, bytes_a_key, filter, account, meter, &mut each)
            }
            Source::Jsonl(lines) => each_line(lines, filter, account, meter, &mut each),
        }
    }
}

fn survey_file(file: &RdbFile, checksum: bool, filter: &Filter, meter: &Meter) -> Result<Opening> {
    let mut dbs = std::collections::BTreeMap::new();
    let mut scratch = Vec::new();
    let mut ignored = Account::default();
    let (walked, checksum) = file.walk_and_check(checksum, meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if admit(&record, filter, &mut ignored, &mut scratch).map_err(at)? {
            let (keys, expires) = dbs.entry(record.db).or_insert((0, 0));
            *keys += 1;
            *expires += u64::from(record.expire_at_ms.is_some());
        }
        Ok(())
    })?;
    let dbs = dbs.into_iter().map(|(db, (keys, expires))| (db, keys, expires)).collect();
    Ok(Opening { notes: walked.notes, header: Some(walked.header), dbs, checksum })
}

fn survey_store(store: &dyn Store) -> Result<Opening> {
    let meta = Meta::load(&*store.reader()?)?;
    let dbs = meta.dbs.iter().map(|(db, counts)| (*db, counts.keys, counts.expires)).collect();
    let notes = Notes {
        aux: meta.aux,
        functions: meta.functions.into_iter().map(|(_, source)| source).collect(),
        module_aux: meta.module_aux,
        templates: Templates::new(),
    };
    Ok(Opening { notes, header: None, dbs, checksum: Checksum::None })
}

type Each<'e> = dyn FnMut(&Entry<'_>, &mut Account) -> Result<()> + 'e;

fn each_of_file(
    file: &RdbFile,
    templates: &Templates,
    filter: &Filter,
    account: &mut Account,
    meter: &Meter,
    each: &mut Each<'_>,
) -> Result<()> {
    let mut scratch = Vec::new();
    file.walk(meter, |record| {
        let at = |e| file.error(e, record.offset, None);
        if !admit(&record, filter, account, &mut scratch).map_err(at)? {
            return Ok(());
        }
        each(&Entry::of(&record, templates), account)
    })?;
    Ok(())
}

fn each_of_store(
    store: &dyn Store,
    bytes_a_key: u64,
    filter: &Filter,
    account: &mut Account,
    meter: &Meter,
    each: &mut Each<'_>,
) -> Result<()> {
    let mut objects = Objects { filter, buf: SpillBytes::new(), templates: Templates::new() };
    let (mut keys, mut ended) = (0, Ok(()));
    store.walk(&mut |record_key, record, reader| {
        keys += 1;
        ended = objects.give(record_key, record, reader, account, each);
        if ended.is_ok() && keys % METER_KEYS == 0 {
            ended = meter.advance(METER_KEYS * bytes_a_key, METER_KEYS);
        }
        if ended.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    ended?;
    meter.advance((keys % METER_KEYS) * bytes_a_key, keys % METER_KEYS)
}

/// Makes entries of a store's objects.
struct Objects<'f> {
    filter: &'f Filter,
    buf: SpillBytes,
    templates: Templates,
}

impl Objects<'_> {
    fn give(
        &mut self,
        record_key: &[u8],
        record: &[u8],
        reader: &dyn Reader,
        account: &mut Account,
        each: &mut Each<'_>,
    ) -> Result<()> {
        let (db, short) = split_record_key(record_key)?;
        let object = Object::parse(record).map_err(|e| Error::store(e, 0, db, short))?;
        let key = object.key(record_key)?;
        account.read.add(object.kind);
        let Self { filter, buf, templates } = self;
        if !filter.is_empty() && !filter.passes(db, key, object.kind, object.expire_at_ms) {
            account.filtered.add(object.kind);
            return Ok(());
        }
        let (value_type, payload) =
            read::payload(reader, &object, buf, true).map_err(|e| Error::store(e, 0, db, key))?;
        let entry = Entry {
            db,
            key: Str::Raw(key),
            attributes: Attributes {
                expire_at_ms: object.expire_at_ms,
                idle_s: object.idle_s.map(u64::from),
                freq: object.freq,
                meta: object.meta,
            },
            value: Value { value_type, payload, templates },
            encoding: Some(object.encoding),
            offset: None,
            record_offset: 0,
        };
        each(&entry, account)
    }
}

fn each_line(
    lines: &JsonLines,
    filter: &Filter,
    account: &mut Account,
    meter: &Meter,
    each: &mut Each<'_>,
) -> Result<()> {
    let mut scratch = Vec::new();
    lines.each(meter, |entry| {
        let kind = entry.value.value_type.kind();
        account.read.add(kind);
        if !entry.passes(filter, &mut scratch)? {
            account.filtered.add(kind);
            return Ok(());
        }
        each(entry, account)
    })
}

impl<'a> Entry<'a> {
    /// Whether it passes a filter.
    pub fn passes(&self, filter: &Filter, scratch: &mut Vec<u8>) -> Result<bool> {
        if filter.is_empty() {
            return Ok(true);
        }
        let key = self.key.decode(scratch).map_err(|e| self.error(e))?;
        let kind = self.value.value_type.kind();
        Ok(filter.passes(self.db, key, kind, self.attributes.expire_at_ms))
    }

    /// The entry that a file's record is.
    #[inline]
    pub fn of(record: &KeyRecord<'a>, templates: &'a Templates) -> Self {
        Self {
            db: record.db,
            key: record.key,
            attributes: Attributes::from(record),
            value: Value::of(record, templates),
            encoding: None,
            offset: Some(record.payload_offset),
            record_offset: record.offset as u64,
        }
    }

    /// OBJECT ENCODING, as the store says it or as it follows from the value.
    pub fn encoding(
        &self,
        scratch: &mut redtool_format::rdb::value::Scratch,
    ) -> std::result::Result<Encoding, redtool_format::FormatError> {
        let Value { value_type, payload, templates } = self.value;
        match self.encoding {
            Some(encoding) => Ok(encoding),
            None => build::encoding(value_type, payload, templates, scratch),
        }
    }

    /// An error of writing this entry into memory, which takes everything.
    pub fn write_error(&self, error: WriteError) -> Error {
        match error {
            WriteError::Format(error) => self.error(error),
            WriteError::Io(error) => Error::new(Kind::Store, error.to_string()),
        }
    }

    /// A decoding error of this entry's value.
    pub fn error(&self, error: redtool_format::FormatError) -> Error {
        let key = self.key.to_vec().unwrap_or_default();
        Error::store(error.into(), self.offset.unwrap_or(0), self.db, &key)
    }
}

//! An RDB file opened: walked from end to end, its checksum verified, its notes kept.
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::input::Input;
use crate::meter::Meter;
use redtool_format::crc64::Crc64;
use redtool_format::rdb::reader::{Header, KeyRecord, Reader, Record, Trailer};
use redtool_format::rdb::value::Templates;
use redtool_format::FormatError;
use std::path::{Path, PathBuf};

/// Keys between two looks at the meter.
const METER_KEYS: u64 = 4096;
/// Bytes summed between two looks at the meter.
const CRC_CHUNK_BYTES: usize = 4 << 20;
/// The first RDB version whose hashes may refer to templates announced earlier in the file.
const TEMPLATES_SINCE: u32 = 15;

/// What a file says about itself, outside its keys.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// AUX fields in file order.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    /// Sources of function libraries.
    pub functions: Vec<Vec<u8>>,
    /// Module data outside keys, as RDB bytes after the opcode.
    pub module_aux: Vec<Vec<u8>>,
    /// Hash templates (Redis 8.10).
    pub templates: Templates,
}

impl Notes {
    /// As many of each as `other` has.
    pub fn is_all_of(&self, other: &Self) -> bool {
        let counts = |n: &Self| (n.aux.len(), n.functions.len(), n.module_aux.len());
        counts(self) == counts(other)
    }

    /// The value of an AUX field.
    pub fn aux(&self, name: &str) -> Option<&[u8]> {
        self.aux.iter().rev().find(|(n, _)| n == name.as_bytes()).map(|(_, value)| &value[..])
    }

    /// When the dump was taken, Unix seconds.
    pub fn ctime_s(&self) -> Option<i64> {
        std::str::from_utf8(self.aux("ctime")?).ok()?.parse().ok()
    }
}

/// The state of a file's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Stored and right.
    Ok,
    /// The version has none, or the writer did not compute it.
    None,
    /// Not looked at.
    Skipped,
    /// Stored and wrong.
    Bad,
}

/// An open RDB file.
pub struct RdbFile {
    input: Input,
    path: PathBuf,
}

/// What a walk found.
pub struct Walked {
    /// The header.
    pub header: Header,
    /// What stands outside keys.
    pub notes: Notes,
    /// The trailer.
    pub trailer: Trailer,
    /// Keys.
    pub keys: u64,
}

impl RdbFile {
    /// Opens (maps, or spools) the file.
    pub fn open(path: &Path, meter: &Meter) -> Result<Self> {
        Self::of_input(Input::open(path, meter)?, path)
    }

    /// The file that an input is, opened by this name.
    pub fn of_input(input: Input, path: &Path) -> Result<Self> {
        let this = Self { input, path: path.to_owned() };
        this.reader()?;
        Ok(this)
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.input.bytes()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A reader at the first record.
    pub fn reader(&self) -> Result<Reader<'_>> {
        Reader::new(self.bytes()).map_err(|e| self.error(e, 0, None))
    }

    /// An error about this file.
    pub fn error(
        &self,
        error: FormatError,
        base: usize,
        context: Option<redtool_format::rdb::reader::Context>,
    ) -> Error {
        Error::format(error, base, context)
    }

    /// Walks every record, giving each key to `each`, and ends after the trailer.
    pub fn walk<'a>(
        &'a self,
        meter: &Meter,
        mut each: impl FnMut(KeyRecord<'a>) -> Result<()>,
    ) -> Result<Walked> {
        let mut reader = self.reader()?;
        let mut notes = Notes::default();
        let mut keys = 0;
        let mut metered = 0;
        loop {
            match reader.next_record() {
                Ok(Some(Record::Key(key))) => {
                    each(key)?;
                    keys += 1;
                    if keys % METER_KEYS == 0 {
                        meter.advance((reader.pos() - metered) as u64, METER_KEYS)?;
                        metered = reader.pos();
                    }
                }
                Ok(Some(other)) => {
                    notes.add(&other).map_err(|e| self.error(e, reader.pos(), None))?
                }
                Ok(None) => break,
                Err(error) => return Err(self.error(error, 0, Some(reader.context()))),
            }
        }
        meter.advance((reader.pos() - metered) as u64, keys % METER_KEYS)?;
        notes.templates = reader.templates().clone();
        let trailer = reader.trailer().map_err(|e| self.error(e, 0, None))?;
        Ok(Walked { header: reader.header(), notes, trailer, keys })
    }

    /// What stands before the first key; None where more is to be expected behind it.
    pub fn glance(&self) -> Result<Option<Notes>> {
        let mut reader = self.reader()?;
        if self.template_walks()? > 0 {
            return Ok(None);
        }
        let mut notes = Notes::default();
        loop {
            match reader.next_record() {
                Ok(None | Some(Record::Key(_))) => return Ok(Some(notes)),
                Ok(Some(other)) => {
                    notes.add(&other).map_err(|e| self.error(e, reader.pos(), None))?
                }
                Err(error) => return Err(self.error(error, 0, Some(reader.context()))),
            }
        }
    }

    /// How often [`Self::templates`] walks the file.
    pub fn template_walks(&self) -> Result<u64> {
        Ok(u64::from(self.reader()?.header().version >= TEMPLATES_SINCE))
    }

    /// Templates announced in the file, which a walk of its own finds.
    pub fn templates(&self, meter: &Meter) -> Result<Templates> {
        if self.template_walks()? == 0 {
            return Ok(Templates::new());
        }
        Ok(self.walk(meter, |_| Ok(()))?.notes.templates)
    }

    /// Walks on this thread while another sums the bytes; both must be content.
    pub fn walk_and_check<'a>(
        &'a self,
        checksum: bool,
        meter: &Meter,
        each: impl FnMut(KeyRecord<'a>) -> Result<()>,
    ) -> Result<(Walked, Checksum)> {
        if !checksum {
            return Ok((self.walk(meter, each)?, Checksum::Skipped));
        }
        std::thread::scope(|scope| {
            let sum = scope.spawn(|| self.running_sum(meter));
            let walked = self.walk(meter, each);
            let sum = sum.join().map_err(|_| Error::new(Kind::Store, "the checksum thread failed"));
            let (walked, (covered, mut sum)) = (walked?, sum??);
            let state = self.check_sum(&walked.trailer, covered, &mut sum)?;
            Ok((walked, state))
        })
    }

    /// The checksum of all but the last nine bytes: where the file ends is known only when it has
    /// been walked, and it nearly always ends with EOF and checksum.
    fn running_sum(&self, meter: &Meter) -> Result<(usize, Crc64)> {
        let covered = self.bytes().len().saturating_sub(9);
        Ok((covered, self.sum(covered, meter)?))
    }

    /// The checksum of the first `covered` bytes.
    pub fn sum(&self, covered: usize, meter: &Meter) -> Result<Crc64> {
        let mut sum = Crc64::new();
        for (n, chunk) in self.bytes()[..covered].chunks(CRC_CHUNK_BYTES).enumerate() {
            meter.check()?;
            self.input.populate(n * CRC_CHUNK_BYTES, chunk.len());
            sum.update(chunk);
        }
        Ok(sum)
    }

    fn check_sum(&self, trailer: &Trailer, summed: usize, sum: &mut Crc64) -> Result<Checksum> {
        match trailer.crc {
            None | Some(0) => return Ok(Checksum::None),
            Some(_) => {}
        }
        let covered = &self.bytes()[..trailer.covered_bytes];
        let value = if trailer.covered_bytes >= summed {
            sum.update(&covered[summed..]);
            sum.value()
        } else {
            redtool_format::crc64::crc64(covered)
        };
        trailer.check(value).map_err(|e| self.error(e, 0, None))?;
        Ok(Checksum::Ok)
    }
}

impl Notes {
    /// Keeps what a record says.
    pub fn add(&mut self, record: &Record<'_>) -> std::result::Result<(), FormatError> {
        match record {
            Record::Aux { name, value } => self.aux.push((name.to_vec()?, value.to_vec()?)),
            Record::Function(source) => self.functions.push(source.to_vec()?),
            Record::ModuleAux(bytes) => self.module_aux.push(bytes.to_vec()),
            Record::Key(_)
            | Record::SelectDb(_)
            | Record::ResizeDb { .. }
            | Record::Note { .. } => {}
        }
        Ok(())
    }
}

/// Whether a key passes a filter; counts it as read, and as filtered when it does not.
pub fn admit(
    record: &KeyRecord<'_>,
    filter: &Filter,
    account: &mut Account,
    scratch: &mut Vec<u8>,
) -> std::result::Result<bool, FormatError> {
    let kind = record.value_type.kind();
    account.read.add(kind);
    if filter.is_empty() {
        return Ok(true);
    }
    let key = record.key.decode(scratch)?;
    let passes = filter.passes(record.db, key, kind, record.expire_at_ms);
    if !passes {
        account.filtered.add(kind);
    }
    Ok(passes)
}

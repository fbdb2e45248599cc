//! JSON lines read back: the form that [`jsonl`](super::jsonl) writes, and what people and other
//! programs make of it. Lines are read on all cores and come out in the order of the file.
//!
//! | module | holds |
//! |---|---|
//! | [`pull`] | JSON text piece by piece |
//! | [`strings`] | what is in quotes |
//! | [`notes`] | header and trailer |
//! | [`line`] | a line as an entry |
//! | [`values`] | values as RDB payloads |
//! | [`fields`] | hash fields and their expiries |
//! | [`stream`] | streams |
//! | [`payload`] | a payload in the making |
//!
//! A header promises a trailer with the number of entries: a file that has the one without the
//! other is refused, because something of it is missing. Lines alone are read as they are.
pub mod fields;
pub mod line;
pub mod notes;
pub mod payload;
pub mod pull;
pub mod stream;
pub mod strings;
pub mod values;

use crate::error::{Error, Kind, Result};
use crate::filter::Filter;
use crate::input::Input;
use crate::meter::Meter;
use crate::ordered::{self, Hand, Lane};
use crate::rdb_file::Checksum;
use crate::source::{Entry, Opening};
use line::{Parsed, Place};
use memchr::{memchr, memrchr};
use notes::{Head, Tail};
use pull::Fault;
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::target::Target;
use redtool_format::rdb::Dialect;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use values::Hands;

/// Bytes of lines handed to a worker at a time; a longer line goes alone.
const BATCH_BYTES: usize = 1 << 17;
/// A line longer than this is not taken together with others.
const LONG_LINE_BYTES: usize = 1 << 20;

/// An open file of JSON lines.
pub struct JsonLines {
    input: Input,
    head: Option<Head>,
    tail: Option<Tail>,
    /// Where the lines between header and trailer are.
    lines: Range<usize>,
}

impl JsonLines {
    /// Opens (maps, or spools) the file.
    pub fn open(path: &Path, meter: &Meter) -> Result<Self> {
        Self::of_input(Input::open(path, meter)?)
    }

    /// A file whose bytes are there.
    pub fn of_input(input: Input) -> Result<Self> {
        let mut this = Self { lines: 0..input.bytes().len(), input, head: None, tail: None };
        let (first, last) = (this.first_line(), this.last_line());
        let line = &this.input.bytes()[first.clone()];
        if notes::is_head(line) {
            this.check_utf8(&first)?;
            let head = notes::read_head(line).map_err(|fault| this.error(fault, first.start))?;
            this.lines.start = first.end;
            this.head = Some(head);
        }
        let line = &this.input.bytes()[last.clone()];
        if last.start >= this.lines.start && notes::is_tail(line) {
            this.check_utf8(&last)?;
            let tail = notes::read_tail(line).map_err(|fault| this.error(fault, last.start))?;
            this.lines.end = last.start;
            this.tail = Some(tail);
        }
        match (&this.head, &this.tail) {
            (Some(_), None) => Err(this.cut_off("the file has a header and no trailer")),
            _ => Ok(this),
        }
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.input.bytes()
    }

    /// What the header says, if there is one.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// What the trailer says, if there is one and it is to be believed.
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref().filter(|_| self.head.is_some())
    }

    /// The form of the dump that the dataset came from.
    pub fn origin(&self) -> (Dialect, u32) {
        let header = self.head.as_ref().and_then(|head| head.header);
        header.map_or((Dialect::Redis, u32::from(Target::NEWEST.version)), |header| {
            (header.dialect, header.version)
        })
    }

    /// What is known before the first entry; without a trailer that says it, entries are counted.
    pub fn survey(&self, filter: &Filter, meter: &Meter) -> Result<Opening> {
        let dbs = match self.tail() {
            Some(tail) if filter.is_empty() => tail.dbs.clone(),
            _ => self.count(filter, meter)?,
        };
        let (dialect, version) = self.origin();
        let notes = self.head.as_ref().map(|head| head.notes.clone()).unwrap_or_default();
        let header = Some(Header { dialect, version });
        Ok(Opening { notes, header, dbs, checksum: Checksum::None })
    }

    fn count(&self, filter: &Filter, meter: &Meter) -> Result<Vec<(u32, u64, u64)>> {
        let mut dbs = BTreeMap::new();
        let mut scratch = Vec::new();
        self.each(meter, |entry| {
            if entry.passes(filter, &mut scratch)? {
                let (keys, expires) = dbs.entry(entry.db).or_insert((0, 0));
                *keys += 1;
                *expires += u64::from(entry.attributes.expire_at_ms.is_some());
            }
            Ok(())
        })?;
        Ok(dbs.into_iter().map(|(db, (keys, expires))| (db, keys, expires)).collect())
    }

    /// Gives every entry to `each`, in the order of the file.
    pub fn each(
        &self,
        meter: &Meter,
        mut each: impl FnMut(&Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let produce = |hand: &Hand<Range<usize>, Parsed>| self.hand_out(hand);
        let state = || Hands::new(true);
        let work = |hands: &mut Hands, lines: Range<usize>, lane: &Lane<Parsed>| {
            let len = lines.len() as u64;
            let (parsed, read) = self.read(lines, hands);
            let keys = parsed.len() as u64;
            // What stands before a damaged line is an entry still.
            lane.send(parsed)?;
            read?;
            meter.advance(len, keys)
        };
        let mut keys = 0;
        let take = |parsed: Parsed| {
            keys += parsed.len() as u64;
            parsed.entries().try_for_each(|entry| each(&entry))
        };
        ordered::run(ordered::cores(), produce, state, work, take)?;
        match self.tail() {
            Some(tail) if tail.keys != keys => {
                let what =
                    format!("the trailer tells of {} entries, and {keys} are there", tail.keys);
                Err(self.cut_off(&what))
            }
            _ => Ok(()),
        }
    }

    /// Cuts the file into batches of whole lines.
    fn hand_out(&self, hand: &Hand<Range<usize>, Parsed>) -> Result<()> {
        let bytes = &self.bytes()[..self.lines.end];
        let mut batch = self.lines.start..self.lines.start;
        while batch.end < bytes.len() {
            let line =
                memchr(b'\n', &bytes[batch.end..]).map_or(bytes.len() - batch.end, |n| n + 1);
            if line > LONG_LINE_BYTES && !batch.is_empty() {
                hand.give(batch.clone())?;
                batch.start = batch.end;
            }
            batch.end += line;
            if batch.len() >= BATCH_BYTES {
                hand.give(batch.clone())?;
                batch.start = batch.end;
            }
        }
        hand.give(batch)
    }

    /// Reads a batch of lines up to its end or the first that is damaged.
    fn read(&self, lines: Range<usize>, hands: &mut Hands) -> (Parsed, Result<()>) {
        let mut parsed = Parsed::default();
        if let Err(error) = self.check_utf8(&lines) {
            return (parsed, Err(error));
        }
        let mut at = lines.start;
        while at < lines.end {
            let rest = &self.bytes()[at..lines.end];
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..len];
            if !line.trim_ascii().is_empty() {
                if let Err((fault, place)) = parsed.read(line, at, hands) {
                    let mut error = self.error(fault, at);
                    let Place { db, key } = place;
                    (error.db, error.key) = (db, key);
                    return (parsed, Err(error));
                }
            }
            at += len + 1;
        }
        (parsed, Ok(()))
    }

    fn check_utf8(&self, lines: &Range<usize>) -> Result<()> {
        match std::str::from_utf8(&self.bytes()[lines.clone()]) {
            Ok(_) => Ok(()),
            Err(error) => {
                let at = error.valid_up_to();
                let what = "the text is not UTF-8; bytes are {\"base64\":…}";
                Err(self.error(pull::Json::fault_at(at, what), lines.start))
            }
        }
    }

    /// The first line that is not blank, with its line break.
    fn first_line(&self) -> Range<usize> {
        let bytes = self.bytes();
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
        let start = start.unwrap_or(bytes.len());
        let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |n| start + n + 1);
        start..end
    }

    /// The last line that is not blank.
    fn last_line(&self) -> Range<usize> {
        let bytes = self.bytes().trim_ascii_end();
        memrchr(b'\n', bytes).map_or(0, |n| n + 1)..bytes.len()
    }

    /// An error in the text that begins at `base`.
    fn error(&self, fault: Fault, base: usize) -> Error {
        let at = (base + fault.at).min(self.bytes().len());
        let line = 1 + memchr::memchr_iter(b'\n', &self.bytes()[..at]).count();
        let kind = if fault.cut { Kind::Truncated } else { Kind::Corrupt };
        let mut error = Error::new(kind, format!("line {line}: {}", fault.what));
        error.offset = Some(at as u64);
        error
    }

    fn cut_off(&self, what: &str) -> Error {
        let mut error = Error::new(Kind::Truncated, what);
        error.offset = Some(self.bytes().len() as u64);
        error.hint("something of it is missing; without its first line what is there can be read")
    }
}

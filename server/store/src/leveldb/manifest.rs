//! The manifest of a LevelDB directory: which tables there are; and CURRENT, which names it.
//!
//! ```text
//! MANIFEST-NNNNNN   a log of edits, each a record
//! CURRENT           "MANIFEST-NNNNNN\n"
//!
//! log        blocks of 32 KB; in each, parts of records, and zeros where no header has room
//! part       masked CRC-32C of kind and bytes, u32 · length u16 · kind u8 · bytes
//! kind       1 the whole record, 2 its first part, 3 one between, 4 its last
//!
//! edit       field*, each a tag and what follows it, in varints:
//! 1          length and name of the order of keys
//! 2          number of the oldest log that counts
//! 3          number of the next file
//! 4          last sequence number
//! 7          a table: level · number · size · length and first key · length and last key
//! ```
//! The first edit has everything but tables, the others have some of them each: a large dataset
//! needs no large record. Keys are internal ones (see [`super::table`]).
//!
//! A level other than the first has tables that lie one behind the other, and LevelDB merges into
//! the next when it holds more than 10 MB, 100 MB, … So all tables go into the first level that
//! has room for them and a little more: when the directory is opened there is nothing to do.
//!
//! LevelDB goes by CURRENT alone, and removes files that no manifest names. CURRENT is renamed into
//! place when all that it leads to is on the disk, so a load that dies leaves the old database.
use super::directory;
use super::table::{masked_crc, put_varint, Written, SEQUENCE};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

const ORDER: &[u8] = b"leveldb.BytewiseComparator";
const LOG_BLOCK_BYTES: usize = 32 << 10;
const PART_HEADER_BYTES: usize = 7;
/// Tables in an edit.
const EDIT_TABLES: usize = 500;
/// What the level after the first holds.
const LEVEL_1_BYTES: u64 = 10 << 20;
const LEVELS: std::ops::RangeInclusive<u32> = 2..=6;

/// A table of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// The number in its name.
    pub number: u64,
    /// What it holds.
    pub written: Written,
}

/// Makes the tables, which are on the disk, all that LevelDB finds in `directory`. No log before
/// `log_number` counts; `number` is the manifest's, above that of every other file.
pub fn install(
    directory: &Path,
    tables: &[TableFile],
    (log_number, number): (u64, u64),
) -> io::Result<()> {
    let name = format!("MANIFEST-{number:06}");
    let mut log = Log::new(BufWriter::new(File::create_new(directory.join(&name))?));
    log.add(&opening_edit(log_number, number + 1))?;
    let level = level_of(tables.iter().map(|table| table.written.size).sum());
    for tables in tables.chunks(EDIT_TABLES) {
        log.add(&tables_edit(tables, level))?;
    }
    log.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    // LevelDB removes a leftover of this name.
    let new_current = directory.join(format!("{number:06}.dbtmp"));
    let mut file = File::create_new(&new_current)?;
    writeln!(file, "{name}")?;
    file.sync_all()?;
    directory::sync_names(directory)?;
    fs::rename(&new_current, directory.join(directory::CURRENT))?;
    directory::sync_names(directory)
}

/// Where so many bytes of tables leave nothing to be merged.
fn level_of(bytes: u64) -> u32 {
    let has_room = |level: &u32| bytes / 9 < LEVEL_1_BYTES / 10 * 10u64.pow(level - 1);
    LEVELS.clone().find(has_room).unwrap_or(*LEVELS.end())
}

fn opening_edit(log_number: u64, next_number: u64) -> Vec<u8> {
    let mut edit = Vec::new();
    put_varint(&mut edit, 1);
    put_bytes(&mut edit, ORDER);
    for (tag, number) in [(2, log_number), (3, next_number), (4, SEQUENCE)] {
        put_varint(&mut edit, tag);
        put_varint(&mut edit, number);
    }
    edit
}

fn tables_edit(tables: &[TableFile], level: u32) -> Vec<u8> {
    let mut edit = Vec::new();
    for TableFile { number, written } in tables {
        for number in [7, u64::from(level), *number, written.size] {
            put_varint(&mut edit, number);
        }
        put_bytes(&mut edit, &written.smallest);
        put_bytes(&mut edit, &written.largest);
    }
    edit
}

fn put_bytes(edit: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(edit, bytes.len() as u64);
    edit.extend_from_slice(bytes);
}

/// A log of records.
struct Log<W> {
    out: W,
    /// Bytes left in the block.
    left: usize,
}

impl<W: Write> Log<W> {
    fn new(out: W) -> Self {
        Self { out, left: LOG_BLOCK_BYTES }
    }

    fn add(&mut self, record: &[u8]) -> io::Result<()> {
        let (mut rest, mut is_first) = (record, true);
        loop {
            if self.left < PART_HEADER_BYTES {
                self.out.write_all(&[0; PART_HEADER_BYTES][..self.left])?;
                self.left = LOG_BLOCK_BYTES;
            }
            let bytes = rest.len().min(self.left - PART_HEADER_BYTES);
            let (part, after) = rest.split_at(bytes);
            let kind = match (is_first, after.is_empty()) {
                (true, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
                (false, true) => 4,
            };
            self.add_part(kind, part)?;
            if after.is_empty() {
                return Ok(());
            }
            (rest, is_first) = (after, false);
        }
    }

    fn add_part(&mut self, kind: u8, part: &[u8]) -> io::Result<()> {
        let summed = [&[kind], part].concat();
        self.out.write_all(&masked_crc(&summed).to_le_bytes())?;
        // A part is smaller than a block.
        self.out.write_all(&(part.len() as u16).to_le_bytes())?;
        self.out.write_all(&summed)?;
        self.left -= PART_HEADER_BYTES + part.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_fill_blocks_of_a_log_and_no_header_is_cut() {
        let mut log = Log::new(Vec::new());
        // To where 6 bytes are left, then over two more blocks.
        log.add(&vec![1; LOG_BLOCK_BYTES - 13]).unwrap();
        log.add(&vec![2; 2 * LOG_BLOCK_BYTES]).unwrap();
        log.add(b"").unwrap();
        let bytes = log.out;
        assert_eq!(bytes[6], 1, "whole");
        assert_eq!(bytes[LOG_BLOCK_BYTES - 6..LOG_BLOCK_BYTES], [0; 6]);
        let kinds = [1, 2, 3].map(|block| bytes[block * LOG_BLOCK_BYTES + 6]);
        assert_eq!(kinds, [2, 3, 4]);
        let last = 2 * PART_HEADER_BYTES + PART_HEADER_BYTES;
        assert_eq!(bytes.len(), 3 * LOG_BLOCK_BYTES + last + PART_HEADER_BYTES);
        assert_eq!(bytes[bytes.len() - 3..], [0, 0, 1], "an empty record is whole");
    }

    #[test]
    fn the_level_has_room_for_the_tables_and_a_little_more() {
        let levels = [0, 89 << 20, 91 << 20, 899 << 20, 901 << 20, 1 << 40, u64::MAX];
        assert_eq!(levels.map(level_of), [2, 2, 3, 3, 4, 6, 6]);
    }
}

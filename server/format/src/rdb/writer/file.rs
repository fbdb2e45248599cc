//! The whole file, in the order in which servers write it:
//!
//! ```text
//! magic (REDIS + 4 digits | VALKEY + 3 digits)
//! AUX …            from version 7
//! MODULE_AUX …     from version 9       FUNCTION2 …      from version 10
//! per db: SELECTDB, RESIZEDB (from version 7), key records
//! EOF, CRC-64 of everything before
//! ```
//! The writer is an [`Out`]: key records are written into it value by value, or handed over as
//! chunks that other threads have encoded. The checksum runs over what leaves the buffer, in large
//! pieces.
use super::super::length;
use super::super::string;
use super::super::target::Target;
use super::super::types::Dialect;
use super::out::Out;
use crate::crc64::Crc64;
use std::io::{self, Write};

const EOF: u8 = 255;
const SELECTDB: u8 = 254;
const RESIZEDB: u8 = 251;
const AUX: u8 = 250;
const MODULE_AUX: u8 = 247;
const FUNCTION2: u8 = 245;

/// The buffer is passed on when it holds this much.
const SPILL_BYTES: usize = 256 * 1024;

/// What the AUX fields that every server writes say.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The writing server's version, or redtool's own.
    pub version: &'a str,
    /// Unix seconds when the dump was taken.
    pub created_at_s: i64,
    /// Memory of the server in bytes.
    pub used_memory_bytes: u64,
}

/// Writes a file for a target.
pub struct FileWriter<W: Write> {
    inner: W,
    target: Target,
    buf: Vec<u8>,
    crc: Crc64,
    passed_on_bytes: u64,
}

impl<W: Write> FileWriter<W> {
    /// Starts a file with its magic.
    pub fn new(inner: W, target: Target) -> Self {
        let mut buf = Vec::with_capacity(SPILL_BYTES + SPILL_BYTES / 4);
        let magic = match target.dialect {
            Dialect::Redis => format!("REDIS{:04}", target.version),
            Dialect::Valkey => format!("VALKEY{:03}", target.version),
        };
        buf.extend_from_slice(magic.as_bytes());
        Self { inner, target, buf, crc: Crc64::new(), passed_on_bytes: 0 }
    }

    /// What is written for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Bytes of the file so far.
    pub fn bytes_written(&self) -> u64 {
        self.passed_on_bytes + self.buf.len() as u64
    }

    /// An AUX field; nothing where AUX is not known.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        if !self.target.takes_aux() {
            return Ok(());
        }
        self.buf.push(AUX);
        string::write(&mut self.buf, name, false);
        string::write(&mut self.buf, value, false);
        self.spill()
    }

    /// The AUX fields that every server writes.
    pub fn origin(&mut self, origin: &Origin<'_>) -> io::Result<()> {
        let name: &[u8] = match self.target.dialect {
            Dialect::Redis => b"redis-ver",
            Dialect::Valkey => b"valkey-ver",
        };
        self.aux(name, origin.version.as_bytes())?;
        self.aux(b"redis-bits", b"64")?;
        self.aux(b"ctime", itoa::Buffer::new().format(origin.created_at_s).as_bytes())?;
        self.aux(b"used-mem", itoa::Buffer::new().format(origin.used_memory_bytes).as_bytes())?;
        match self.target.version {
            ..=7 => Ok(()),
            8 | 9 => self.aux(b"aof-preamble", b"0"),
            _ => self.aux(b"aof-base", b"0"),
        }
    }

    /// Data of a module that belongs to no key, as read: everything after the opcode. False where
    /// it is not known.
    pub fn module_aux(&mut self, record: &[u8]) -> io::Result<bool> {
        if !self.target.takes_module_aux() {
            return Ok(false);
        }
        self.buf.push(MODULE_AUX);
        self.bytes(record)?;
        Ok(true)
    }

    /// The source of a function library. False where functions are not known.
    pub fn function(&mut self, source: &[u8], compress: bool) -> io::Result<bool> {
        if !self.target.takes_functions() {
            return Ok(false);
        }
        self.buf.push(FUNCTION2);
        string::write(&mut self.buf, source, compress);
        self.spill()?;
        Ok(true)
    }

    /// Starts a db of so many keys, so many of them with an expiry: hints that servers use to size
    /// their tables.
    pub fn select_db(&mut self, db: u32, keys: u64, expires: u64) -> io::Result<()> {
        self.buf.push(SELECTDB);
        length::write(&mut self.buf, u64::from(db));
        if self.target.takes_aux() {
            self.buf.push(RESIZEDB);
            // Before version 8 lengths have no 64-bit form.
            let most = if self.target.version < 8 { u64::from(u32::MAX) } else { u64::MAX };
            length::write(&mut self.buf, keys.min(most));
            length::write(&mut self.buf, expires.min(most));
        }
        self.spill()
    }

    /// Key records encoded elsewhere.
    pub fn raw(&mut self, records: &[u8]) -> io::Result<()> {
        self.bytes(records)
    }

    /// Ends the file: EOF and checksum. Gives back what was written to, flushed, and the size of
    /// the file.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.buf.push(EOF);
        self.pass_on()?;
        let crc = self.crc.value().to_le_bytes();
        self.inner.write_all(&crc)?;
        self.inner.flush()?;
        Ok((self.inner, self.passed_on_bytes + crc.len() as u64))
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.crc.update(&self.buf);
        self.inner.write_all(&self.buf)?;
        self.passed_on_bytes += self.buf.len() as u64;
        self.buf.clear();
        Ok(())
    }
}

impl<W: Write> Out for FileWriter<W> {
    #[inline]
    fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    #[inline]
    fn spill(&mut self) -> io::Result<()> {
        if self.buf.len() < SPILL_BYTES {
            return Ok(());
        }
        self.pass_on()
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < SPILL_BYTES / 4 {
            self.buf.extend_from_slice(bytes);
            return self.spill();
        }
        // A large piece is not copied into the buffer first.
        self.pass_on()?;
        self.crc.update(bytes);
        self.inner.write_all(bytes)?;
        self.passed_on_bytes += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::reader::{Reader, Record};
    use super::*;
    use crate::crc64::crc64;

    fn file(version: u32, write: impl FnOnce(&mut FileWriter<Vec<u8>>)) -> Vec<u8> {
        let mut writer = FileWriter::new(Vec::new(), Target::from_version(version).unwrap());
        write(&mut writer);
        let (bytes, size) = writer.finish().unwrap();
        assert_eq!(bytes.len() as u64, size);
        let (covered, crc) = bytes.split_at(bytes.len() - 8);
        assert_eq!(crc64(covered).to_le_bytes(), crc);
        bytes
    }

    #[test]
    fn an_empty_file_is_the_worked_example() {
        assert_eq!(file(6, |_| ()), b"REDIS0006\xff\xdc\xb3\x43\xf0\x5a\xdc\xf2\x56");
        assert!(file(80, |_| ()).starts_with(b"VALKEY080\xff"));
    }

    #[test]
    fn what_a_version_does_not_know_is_not_written() {
        let everything = |writer: &mut FileWriter<Vec<u8>>| {
            let origin = Origin { version: "0.1", created_at_s: 1, used_memory_bytes: 2 };
            writer.origin(&origin).unwrap();
            writer.function(b"#!lua name=f", false).unwrap();
            writer.select_db(1, 2, 0).unwrap();
        };
        assert_eq!(file(6, everything)[9..12], [SELECTDB, 1, EOF]);
        let bytes = file(9, everything);
        let mut reader = Reader::new(&bytes).unwrap();
        let mut aux = 0;
        while let Some(record) = reader.next_record().unwrap() {
            assert!(!matches!(record, Record::Function(_)));
            aux += usize::from(matches!(record, Record::Aux { .. }));
        }
        assert_eq!(aux, 5);
    }

    #[test]
    fn large_pieces_and_small_ones_make_one_checksum() {
        let bytes = file(11, |writer| {
            for size in [10, SPILL_BYTES, 3, SPILL_BYTES / 4, SPILL_BYTES / 4 - 1, 70_000, 70_000] {
                writer.raw(&vec![7; size]).unwrap();
            }
        });
        assert!(bytes.len() > 2 * SPILL_BYTES);
    }
}

//! DUMP payloads: one value, or the function libraries, with a footer.
//!
//! ```text
//! [f3 key metadata]  type u8  value  version u16 LE  crc64 u64 LE over everything before it
//! { f5 source }*     version u16 LE  crc64 u64 LE                                    FUNCTION DUMP
//! 00 026869 0c00 641dab28741b855d                   "hi", RDB 12
//! ```
//! The version tells the dialect (80 and up: Valkey). A zero checksum, which files may have, is not
//! accepted here.
use super::length;
use super::module;
use super::reader::{NEWEST_REDIS_VERSION, NEWEST_VALKEY_VERSION};
use super::skip::skip_value;
use super::string;
use super::types::{Dialect, ValueType};
use super::value::Templates;
use crate::crc64::crc64;
use crate::cursor::Cursor;
use crate::error::{FormatError, Result};
use std::fmt;

const KEY_META: u8 = 243;
const FUNCTION2: u8 = 245;
/// Version and checksum.
const FOOTER_BYTES: usize = 10;

/// A payload taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DumpPayload<'a> {
    /// The type of the value.
    pub value_type: ValueType,
    /// Whose numbering the payload follows.
    pub dialect: Dialect,
    /// The RDB version of the server that made it.
    pub version: u16,
    /// The value, exactly: bytes that a server would ignore after it are left out.
    pub payload: &'a [u8],
    /// Key metadata of Redis 8.6: everything after the opcode.
    pub meta: Option<&'a [u8]>,
}

/// Why RESTORE refuses a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadError {
    /// Too short, of an unknown version, or with a wrong checksum.
    VersionOrChecksum,
    /// The footer is right, the value is not.
    BadFormat(FormatError),
}

impl PayloadError {
    /// The words of Redis' reply to RESTORE.
    pub fn reply(&self) -> &'static str {
        match self {
            PayloadError::VersionOrChecksum => "ERR DUMP payload version or checksum are wrong",
            PayloadError::BadFormat(_) => "ERR Bad data format",
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadError::VersionOrChecksum => {
                f.write_str("DUMP payload version or checksum are wrong")
            }
            PayloadError::BadFormat(error) => write!(f, "bad data format: {error}"),
        }
    }
}

impl std::error::Error for PayloadError {}

impl From<FormatError> for PayloadError {
    fn from(error: FormatError) -> Self {
        PayloadError::BadFormat(error)
    }
}

/// Length of what [`write`] appends for a value of so many bytes.
pub fn size_bytes(value_bytes: usize) -> usize {
    1 + value_bytes + FOOTER_BYTES
}

/// Appends the payload of a value that is already in a form which servers of `version` load.
pub fn write(out: &mut Vec<u8>, value_type: ValueType, payload: &[u8], version: u16) {
    let start = out.len();
    out.reserve(size_bytes(payload.len()));
    out.push(value_type.number());
    out.extend_from_slice(payload);
    write_footer(out, start, version);
}

/// Appends the footer of a payload that begins at `start`, its type byte included: for values
/// written in place.
pub fn write_footer(out: &mut Vec<u8>, start: usize, version: u16) {
    out.extend_from_slice(&version.to_le_bytes());
    let crc = crc64(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Takes a payload apart. Length, version, checksum and the frame of the value are checked, its
/// content is not.
pub fn parse(bytes: &[u8]) -> std::result::Result<DumpPayload<'_>, PayloadError> {
    let (body, version) = split_footer(bytes)?;
    let dialect = Dialect::of_payload_version(version);
    let mut cursor = Cursor::new(body);
    let mut number = cursor.u8()?;
    let mut meta = None;
    if number == KEY_META && dialect == Dialect::Redis {
        meta = Some(read_key_meta(&mut cursor)?);
        number = cursor.u8()?;
    }
    let value_type = ValueType::from_number(number, dialect).ok_or_else(|| {
        FormatError::unsupported(0, format!("unknown value type {number} (RDB version {version})"))
    })?;
    let start = cursor.pos();
    skip_value(&mut cursor, value_type, &Templates::new())?;
    let payload = &body[start..cursor.pos()];
    Ok(DumpPayload { value_type, dialect, version, payload, meta })
}

/// Checks length, version and checksum; gives what the footer covers, without the version.
fn split_footer(bytes: &[u8]) -> std::result::Result<(&[u8], u16), PayloadError> {
    let body_bytes = bytes.len().checked_sub(FOOTER_BYTES);
    let body_bytes = body_bytes.ok_or(PayloadError::VersionOrChecksum)?;
    let mut footer = Cursor::starting_at(bytes, body_bytes);
    let version = footer.u16_le()?;
    let stored = footer.u64_le()?;
    let version_u32 = u32::from(version);
    let known =
        version_u32 <= NEWEST_REDIS_VERSION || (80..=NEWEST_VALKEY_VERSION).contains(&version_u32);
    if !known || crc64(&bytes[..body_bytes + 2]) != stored {
        return Err(PayloadError::VersionOrChecksum);
    }
    Ok((&bytes[..body_bytes], version))
}

fn read_key_meta<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
    let start = cursor.pos();
    for _ in 0..length::read_count(cursor, 5)? {
        cursor.skip(4)?;
        module::skip_opcodes(cursor)?;
    }
    Ok(&cursor.buf()[start..cursor.pos()])
}

/// Appends what FUNCTION DUMP replies for these library sources.
pub fn write_functions<'s>(
    out: &mut Vec<u8>,
    sources: impl IntoIterator<Item = &'s [u8]>,
    version: u16,
    compress: bool,
) {
    let start = out.len();
    for source in sources {
        out.push(FUNCTION2);
        string::write(out, source, compress);
    }
    write_footer(out, start, version);
}

/// The library sources in what FUNCTION DUMP replied.
pub fn parse_functions(bytes: &[u8]) -> std::result::Result<Vec<Vec<u8>>, PayloadError> {
    let (body, _) = split_footer(bytes)?;
    let mut cursor = Cursor::new(body);
    let mut sources = Vec::new();
    while cursor.remaining() > 0 {
        let start = cursor.pos();
        let opcode = cursor.u8()?;
        if opcode != FUNCTION2 {
            let what = format!("opcode {opcode} where a function library is expected");
            return Err(FormatError::corrupt(start, what).into());
        }
        let start = cursor.pos();
        sources.push(string::read(&mut cursor)?.to_vec().map_err(|e| e.at(start))?);
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HI: &[u8] = b"\x00\x02hi\x0c\x00\x64\x1d\xab\x28\x74\x1b\x85\x5d";

    #[test]
    fn the_worked_example_is_written_and_read() {
        let mut out = Vec::new();
        write(&mut out, ValueType::String, b"\x02hi", 12);
        assert_eq!(out, HI);
        let parsed = parse(HI).unwrap();
        assert_eq!((parsed.value_type, parsed.version), (ValueType::String, 12));
        assert_eq!(parsed.payload, b"\x02hi");
    }

    #[test]
    fn a_footer_is_believed_only_when_it_is_right() {
        let refused = |bytes: &[u8]| parse(bytes) == Err(PayloadError::VersionOrChecksum);
        assert!(refused(b"") && refused(&HI[..9]));
        for at in 0..HI.len() {
            let mut damaged = HI.to_vec();
            damaged[at] ^= 1;
            assert!(refused(&damaged), "{at}");
        }
        let mut zero = HI.to_vec();
        zero[6..].fill(0);
        assert!(refused(&zero));
        for version in [16, 79, 82] {
            let mut out = Vec::new();
            write(&mut out, ValueType::String, b"\x02hi", version);
            assert!(refused(&out));
        }
    }

    #[test]
    fn the_version_tells_redis_from_valkey() {
        let mut out = b"\x16".to_vec();
        out.extend_from_slice(b"\x01\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff");
        write_footer(&mut out, 0, 80);
        assert_eq!(parse(&out).unwrap().value_type, ValueType::ValkeyHash2);
    }

    #[test]
    fn a_wrong_value_behind_a_right_footer_is_bad_data() {
        for body in [&b""[..], b"\x00", b"\x08\x00", b"\x00\x05ab", b"\x20\x01\x01v"] {
            let mut out = body.to_vec();
            write_footer(&mut out, 0, 15);
            let error = parse(&out).unwrap_err();
            assert_eq!(error.reply(), "ERR Bad data format", "{body:?}");
        }
    }

    #[test]
    fn function_libraries_round_trip() {
        let sources = [&b"#!lua name=a\nredis.log(1)"[..], b"#!lua name=b"];
        let mut out = Vec::new();
        write_functions(&mut out, sources, 12, true);
        assert_eq!(parse_functions(&out).unwrap(), sources);
        let mut empty = Vec::new();
        write_functions(&mut empty, [], 12, true);
        assert_eq!(empty.len(), FOOTER_BYTES);
        assert!(parse_functions(&empty).unwrap().is_empty());
    }
}

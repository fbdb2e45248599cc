//! Stream ids as arguments: `ms`, `ms-seq`, `-` and `+` for the ends, `(` before an id that is left
//! out.
use crate::error::Error;
use crate::types::stream::id_after;
use crate::types::Result;
use redtool_format::encodings::stream::StreamId;

const INVALID: Error = Error::fixed("ERR Invalid stream ID specified as stream command argument");
/// Longer text is no id.
const MAX_BYTES: usize = 127;

/// What strtoull reads: white space and a plus sign may come first, zeros too.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii_start();
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// An id; one without a sequence gets `missing_seq`.
pub(crate) fn parse_exact(text: &[u8], missing_seq: u64) -> Result<StreamId> {
    let (ms, seq) = match text.iter().position(|byte| *byte == b'-') {
        Some(dash) => (number(&text[..dash]), number(&text[dash + 1..])),
        None => (number(text), Some(missing_seq)),
    };
    match (ms, seq) {
        (Some(ms), Some(seq)) if text.len() <= MAX_BYTES => Ok(StreamId { ms, seq }),
        _ => Err(INVALID),
    }
}

/// The id that a message is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// `*`: of this moment.
    Now,
    /// `ms-*`: the next of this millisecond.
    At(u64),
    /// The id given.
    Exactly(StreamId),
}

/// The id of XADD.
pub(crate) fn parse_added(text: &[u8]) -> Result<Added> {
    match text {
        b"*" => Ok(Added::Now),
        [ms @ .., b'-', b'*'] if text.len() <= MAX_BYTES => {
            number(ms).map(Added::At).ok_or(INVALID)
        }
        _ => parse_exact(text, 0).map(Added::Exactly),
    }
}

fn parse_bound(text: &[u8], missing_seq: u64) -> Result<(StreamId, bool)> {
    match text {
        b"-" => Ok((StreamId::MIN, false)),
        b"+" => Ok((StreamId::MAX, false)),
        [b'(', rest @ ..] if !rest.is_empty() => Ok((parse_exact(rest, missing_seq)?, true)),
        _ => Ok((parse_exact(text, missing_seq)?, false)),
    }
}

/// The id before this one.
pub(crate) fn previous(id: StreamId) -> Option<StreamId> {
    match id.seq.checked_sub(1) {
        Some(seq) => Some(StreamId { ms: id.ms, seq }),
        None => Some(StreamId { ms: id.ms.checked_sub(1)?, seq: u64::MAX }),
    }
}

/// The lower bound of an interval, as the first id in it.
pub(crate) fn parse_start(text: &[u8]) -> Result<StreamId> {
    match parse_bound(text, 0)? {
        (id, false) => Ok(id),
        (id, true) => id_after(id).ok_or(Error::fixed("ERR invalid start ID for the interval")),
    }
}

/// The upper bound of an interval, as the last id in it.
pub(crate) fn parse_end(text: &[u8]) -> Result<StreamId> {
    match parse_bound(text, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => previous(id).ok_or(Error::fixed("ERR invalid end ID for the interval")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn an_interval_runs_to_the_ends_of_its_milliseconds() {
        assert_eq!(parse_start(b"5").unwrap(), id(5, 0));
        assert_eq!(parse_end(b"5").unwrap(), id(5, u64::MAX));
        assert_eq!(parse_start(b"(5-18446744073709551615").unwrap(), id(6, 0));
        assert_eq!(parse_end(b"(5-0").unwrap(), id(4, u64::MAX));
        assert_eq!(parse_start(b"-").unwrap(), StreamId::MIN);
        assert_eq!(parse_end(b"+").unwrap(), StreamId::MAX);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "a", "1-", "-1", "1-2-3", "1-a", "(", "(-", "(+", "18446744073709551616"] {
            assert!(parse_start(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse_end(b"(0-0").is_err());
    }
}

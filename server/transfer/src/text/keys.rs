//! A line a key, by a template:
//! ```text
//! {key}                       user:1
//! {db} {key} {type} {ttl}     0 user:1 hash 3600
//! ```
//! Keys stand there as they are, whatever bytes they have, so that the lines can be given to other
//! programs. `{{` and `}}` are braces; `\t`, `\n`, `\0` and `\\` are what they are in a shell.
use super::{json, Done, Form, Scratch};
use crate::error::{Error, Kind, Result};
use crate::source::{Entry, Opening};
use redtool_format::rdb::target::Loss;
use redtool_format::rdb::value;
use redtool_format::rdb::writer::{Out, WriteError};
use std::collections::BTreeMap;

/// What a template may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Db,
    Key,
    Type,
    Encoding,
    Ttl,
    ExpireAtMs,
    Elements,
    Bytes,
}

const NAMES: [(&str, Name); 8] = [
    ("db", Name::Db),
    ("key", Name::Key),
    ("type", Name::Type),
    ("encoding", Name::Encoding),
    ("ttl", Name::Ttl),
    ("expire_at_ms", Name::ExpireAtMs),
    ("elements", Name::Elements),
    ("bytes", Name::Bytes),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Name(Name),
}

/// The form.
pub struct Keys {
    pieces: Vec<Piece>,
    /// From when times to live count.
    now_ms: i64,
}

impl Keys {
    /// The template of who gives none.
    pub const TEMPLATE: &'static str = "{key}";

    /// Lines of this template.
    pub fn new(template: &str, now_ms: i64) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut text = Vec::new();
        let mut rest = template.chars();
        while let Some(c) = rest.next() {
            match c {
                '{' if rest.as_str().starts_with('{') => text.extend(rest.next().map(|_| b'{')),
                '}' if rest.as_str().starts_with('}') => text.extend(rest.next().map(|_| b'}')),
                '{' => {
                    let name = rest.as_str().split('}').next().unwrap_or_default();
                    let left = &rest.as_str()[name.len()..];
                    let found = NAMES.iter().find(|(known, _)| *known == name);
                    let (Some((_, found)), true) = (found, left.starts_with('}')) else {
                        return Err(unknown(name));
                    };
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Name(*found));
                    rest = left[1..].chars();
                }
                '\\' => text.push(match rest.next() {
                    Some('t') => b'\t',
                    Some('n') => b'\n',
                    Some('0') => 0,
                    Some('\\') | None => b'\\',
                    Some(other) => return Err(unknown(&format!("\\{other}"))),
                }),
                c => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        text.push(b'\n');
        pieces.push(Piece::Text(text));
        Ok(Self { pieces, now_ms })
    }

    /// As TTL replies: -1 without an expiry, -2 when it is over.
    fn ttl_s(&self, expire_at_ms: Option<i64>) -> i64 {
        match expire_at_ms {
            None => -1,
            Some(at_ms) if at_ms <= self.now_ms => -2,
            Some(at_ms) => at_ms.saturating_sub(self.now_ms).saturating_add(500) / 1000,
        }
    }
}

fn unknown(name: &str) -> Error {
    let known: Vec<_> = NAMES.iter().map(|(known, _)| format!("{{{known}}}")).collect();
    let error = Error::new(Kind::Usage, format!("the template names {name:?}, which is unknown"));
    error.hint(format!("known are {}; a brace is written twice", known.join(" ")))
}

impl Form for Keys {
    fn name(&self) -> &str {
        "keys"
    }

    fn head(&self, _: &Opening, _: &mut BTreeMap<Loss, u64>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn entry(
        &self,
        entry: &Entry<'_>,
        scratch: &mut Scratch,
        out: &mut dyn Out,
    ) -> std::result::Result<Done, WriteError> {
        let (value, expire_at_ms) = (&entry.value, entry.attributes.expire_at_ms);
        for piece in &self.pieces {
            let name = match piece {
                Piece::Text(text) => {
                    out.buf().extend_from_slice(text);
                    continue;
                }
                Piece::Name(name) => *name,
            };
            match name {
                Name::Db => json::int(out.buf(), entry.db),
                Name::Key => out.bytes(entry.key.decode(&mut scratch.key)?)?,
                Name::Type => {
                    out.buf().extend_from_slice(value.value_type.kind().name().as_bytes());
                }
                Name::Encoding => {
                    let encoding = entry.encoding(&mut scratch.visit)?;
                    out.buf().extend_from_slice(encoding.name().as_bytes());
                }
                Name::Ttl => json::int(out.buf(), self.ttl_s(expire_at_ms)),
                Name::ExpireAtMs => json::int(out.buf(), expire_at_ms.unwrap_or(-1)),
                Name::Elements => {
                    json::int(out.buf(), value::count(value.value_type, value.payload)?);
                }
                Name::Bytes => json::int(out.buf(), value.payload.len()),
            }
        }
        Ok(Done::WRITTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_text_and_names() {
        let keys = Keys::new("{{{db}}}\\t{key}", 0).unwrap();
        let text = |text: &[u8]| Piece::Text(text.to_vec());
        let expected =
            [text(b"{"), Piece::Name(Name::Db), text(b"}\t"), Piece::Name(Name::Key), text(b"\n")];
        assert_eq!(keys.pieces, expected);
    }

    #[test]
    fn what_a_template_cannot_name_is_refused_with_what_it_can() {
        for template in ["{size}", "{key", "\\q"] {
            let error = Keys::new(template, 0).err().unwrap();
            assert!(error.hint.unwrap().contains("{expire_at_ms}"), "{template}");
        }
    }

    #[test]
    fn times_to_live_are_those_of_ttl() {
        let keys = Keys::new("{ttl}", 1_000).unwrap();
        let ttls = [None, Some(1_000), Some(1_400), Some(1_500), Some(61_000)];
        assert_eq!(ttls.map(|at_ms| keys.ttl_s(at_ms)), [-1, -2, 0, 1, 60]);
    }
}

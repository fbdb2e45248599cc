//! Header and trailer of JSON lines.
use super::pull::{Json, Result};
use super::strings::Text;
use crate::rdb_file::Notes;
use crate::text::jsonl::VERSION;
use redtool_format::rdb::reader::Header;
use redtool_format::rdb::Dialect;

/// What the header says.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Of which RDB version the dataset is, or came from.
    pub header: Option<Header>,
    /// What stands outside keys.
    pub notes: Notes,
}

/// What the trailer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    /// Entries.
    pub keys: u64,
    /// Keys and keys with an expiry per db.
    pub dbs: Vec<(u32, u64, u64)>,
}

/// Whether a line is a header.
pub fn is_head(line: &[u8]) -> bool {
    begins_with(line, "redtool")
}

/// Whether a line is a trailer.
pub fn is_tail(line: &[u8]) -> bool {
    begins_with(line, "end")
}

fn begins_with(line: &[u8], member: &str) -> bool {
    let mut json = Json::new(line);
    json.takes(b'{') && json.name() == Ok(member)
}

/// Reads a header.
pub fn read_head(line: &[u8]) -> Result<Head> {
    let mut json = Json::new(line);
    let (mut first, mut text, mut head) = (true, Text::default(), Head::default());
    json.take(b'{', "the { of the header")?;
    while json.more(&mut first, b'}')? {
        let at = json.at();
        match json.name()? {
            "redtool" => {
                let version = json.string(&mut text)?;
                if version != VERSION.as_bytes() {
                    let version = String::from_utf8_lossy(version);
                    let what = format!("the file is {version:?}, and {VERSION:?} can be read");
                    return Err(Json::fault_at(at, what));
                }
            }
            "rdb_version" => {
                let version = json.string(&mut text)?;
                head.header = Some(rdb_version(version).ok_or_else(|| {
                    Json::fault_at(at, "an RDB version like \"REDIS 11\" expected")
                })?);
            }
            "aux" => read_aux(&mut json, &mut text, &mut head.notes)?,
            "functions" => list(&mut json, |json| {
                head.notes.functions.push(json.bytes(&mut text)?.to_vec());
                Ok(())
            })?,
            "module_aux" => list(&mut json, |json| {
                head.notes.module_aux.push(json.base64(&mut text)?.to_vec());
                Ok(())
            })?,
            name => {
                let what = format!("{name:?} is no member of the header");
                return Err(Json::fault_at(at, what));
            }
        }
    }
    json.end()?;
    Ok(head)
}

fn read_aux(json: &mut Json<'_>, text: &mut Text, notes: &mut Notes) -> Result<()> {
    list(json, |json| {
        json.take(b'[', "[name, value]")?;
        let name = json.bytes(text)?.to_vec();
        json.take(b',', "a comma after the name")?;
        let value = json.bytes(text)?.to_vec();
        notes.aux.push((name, value));
        json.take(b']', "the ] after a value")
    })
}

fn list<'a>(json: &mut Json<'a>, mut read: impl FnMut(&mut Json<'a>) -> Result<()>) -> Result<()> {
    let mut first = true;
    json.take(b'[', "a [")?;
    while json.more(&mut first, b']')? {
        read(json)?;
    }
    Ok(())
}

fn rdb_version(text: &[u8]) -> Option<Header> {
    let (magic, version) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    let dialect = match magic {
        "REDIS" => Dialect::Redis,
        "VALKEY" => Dialect::Valkey,
        _ => return None,
    };
    Some(Header { dialect, version: version.parse().ok()? })
}

/// Reads a trailer.
pub fn read_tail(line: &[u8]) -> Result<Tail> {
    let mut json = Json::new(line);
    let (mut first, mut tail) = (true, Tail::default());
    json.take(b'{', "the { of the trailer")?;
    while json.more(&mut first, b'}')? {
        let at = json.at();
        match json.name()? {
            "end" if json.takes_word(b"true") => {}
            "keys" => tail.keys = json.int()?,
            "dbs" => tail.dbs = read_dbs(&mut json)?,
            name => {
                let what = format!("{name:?} is no member of the trailer");
                return Err(Json::fault_at(at, what));
            }
        }
    }
    json.end()?;
    Ok(tail)
}

fn read_dbs(json: &mut Json<'_>) -> Result<Vec<(u32, u64, u64)>> {
    let (mut first, mut dbs) = (true, Vec::new());
    json.take(b'{', "the { of the dbs")?;
    while json.more(&mut first, b'}')? {
        let at = json.at();
        let db = json.name()?.parse().map_err(|_| Json::fault_at(at, "a db number expected"))?;
        let (mut keys, mut expires, mut first) = (0, 0, true);
        json.take(b'{', "the { of a db")?;
        while json.more(&mut first, b'}')? {
            let at = json.at();
            match json.name()? {
                "keys" => keys = json.int()?,
                "expires" => expires = json.int()?,
                name => {
                    let what = format!("{name:?} is no member of a db");
                    return Err(Json::fault_at(at, what));
                }
            }
        }
        dbs.push((db, keys, expires));
    }
    dbs.sort_unstable();
    Ok(dbs)
}

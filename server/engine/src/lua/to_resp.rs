//! What a script returned, as a reply.
//!
//! | value | reply |
//! |---|---|
//! | string | `$` |
//! | number | `:`, cut to an integer |
//! | `true`, `false` | `:1`, null; `#t`, `#f` after `redis.setresp(3)` |
//! | nil, anything else | null |
//! | `{err=text}`, `{ok=text}` | `-`, `+` |
//! | `{double=number}`, `{big_number=text}`, `{verbatim_string=…}` | theirs |
//! | `{map=table}`, `{set=table}` | theirs |
//! | any other table | array of what is from 1 on, up to the first nil |
use mlua::{IntoLua, Lua, LuaString, Table, Value};
use redtool_format::resp::Writer;

use super::args::{as_number, to_i64};

/// Tables nest no deeper in a reply; Redis' limit is that of Lua's stack.
const MAX_DEPTH: usize = 1_200;

/// The names of fields that make a table another kind of reply.
pub(super) struct Fields {
    err: LuaString,
    ok: LuaString,
    double: LuaString,
    map: LuaString,
    set: LuaString,
    big_number: LuaString,
    verbatim_string: LuaString,
}

impl Fields {
    pub fn new(lua: &Lua) -> mlua::Result<Self> {
        Ok(Fields {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
            big_number: lua.create_string("big_number")?,
            verbatim_string: lua.create_string("verbatim_string")?,
        })
    }
}

/// Writes a value.
pub(super) struct Replier<'a> {
    pub fields: &'a Fields,
    /// The script spoke RESP3.
    pub resp3: bool,
    pub out: &'a mut Writer,
}

impl Replier<'_> {
    pub fn value(&mut self, value: &Value, depth: usize) -> mlua::Result<()> {
        match value {
            Value::String(text) => self.out.bulk(&text.as_bytes()),
            Value::Boolean(value) if self.resp3 => self.out.bool(*value),
            Value::Boolean(true) => self.out.int(1),
            Value::Table(_) if depth >= MAX_DEPTH => {
                self.out.error("ERR reached lua stack limit");
            }
            Value::Table(table) => return self.table(table, depth),
            other => match as_number(other) {
                Some(number) => self.out.int(to_i64(number)),
                None => self.out.null(),
            },
        }
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        if let Some(text) = text(table, &self.fields.err)? {
            self.out.error_bytes(before_nul(&text.as_bytes()));
        } else if let Some(text) = text(table, &self.fields.ok)? {
            // Text of any bytes; `simple` wants characters.
            let start = self.out.buffer().len();
            self.out.error_bytes(before_nul(&text.as_bytes()));
            self.out.buffer()[start] = b'+';
        } else if let Some(number) = as_number(&table.raw_get(&self.fields.double)?) {
            self.out.double(number);
        } else if let Value::Table(map) = table.raw_get(&self.fields.map)? {
            self.map(&map, depth)?;
        } else if let Value::Table(set) = table.raw_get(&self.fields.set)? {
            self.set(&set, depth)?;
        } else if let Some(text) = text(table, &self.fields.big_number)? {
            self.big_number(&text.as_bytes());
        } else if !self.verbatim(table)? {
            self.array(table, depth)?;
        }
        Ok(())
    }

    fn map(&mut self, map: &Table, depth: usize) -> mlua::Result<()> {
        let place = self.out.begin_deferred();
        let mut len = 0;
        for pair in map.pairs::<Value, Value>() {
            let (key, value) = pair?;
            self.value(&key, depth + 1)?;
            self.value(&value, depth + 1)?;
            len += 1;
        }
        self.out.end_deferred_map(place, len);
        Ok(())
    }

    fn set(&mut self, set: &Table, depth: usize) -> mlua::Result<()> {
        let place = self.out.begin_deferred();
        let mut len = 0;
        for pair in set.pairs::<Value, Value>() {
            self.value(&pair?.0, depth + 1)?;
            len += 1;
        }
        self.out.end_deferred_set(place, len);
        Ok(())
    }

    fn big_number(&mut self, text: &[u8]) {
        let text: Vec<u8> = text
            .iter()
            .map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte })
            .collect();
        if self.out.is_resp3() {
            let out = self.out.buffer();
            out.push(b'(');
            out.extend_from_slice(&text);
            out.extend_from_slice(b"\r\n");
        } else {
            self.out.bulk(&text);
        }
    }

    /// False when the table holds no such text.
    fn verbatim(&mut self, table: &Table) -> mlua::Result<bool> {
        let Value::Table(verbatim) = table.raw_get(&self.fields.verbatim_string)? else {
            return Ok(false);
        };
        let (Some(string), Some(format)) = (text(&verbatim, "string")?, text(&verbatim, "format")?)
        else {
            return Ok(false);
        };
        // The format is three characters on the wire, whatever was given.
        let mut name: String = format.to_string_lossy().chars().take(3).collect();
        if name.len() != 3 {
            name = "txt".to_owned();
        }
        self.out.verbatim(&name, &string.as_bytes());
        Ok(true)
    }

    fn array(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        let place = self.out.begin_deferred();
        let mut len = 0;
        loop {
            let value: Value = table.raw_get((len + 1) as f64)?;
            if value.is_nil() {
                break;
            }
            self.value(&value, depth + 1)?;
            len += 1;
        }
        self.out.end_deferred_array(place, len);
        Ok(())
    }
}

/// Where Redis' texts of errors and statuses end.
fn before_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A field that is text.
fn text(table: &Table, name: impl IntoLua) -> mlua::Result<Option<LuaString>> {
    match table.raw_get(name)? {
        Value::String(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

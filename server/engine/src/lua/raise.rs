//! Errors that functions written in Rust throw, and what a script catches of them.
//!
//! mlua throws a Rust error as an opaque value. The wrappers of `pcall` and its like turn it into
//! what Redis' functions throw: text, or a table `{err=…}` when a command answered with an error.
use mlua::{Error, Lua, Value};

/// What a function throws.
#[derive(Debug)]
pub(super) enum Thrown {
    /// Text, as `error` throws it.
    Text(Vec<u8>),
    /// An error reply, its code first: `{err=text}`.
    Reply(Vec<u8>),
    /// The run is over; nothing catches it.
    Over(&'static str),
}

impl std::fmt::Display for Thrown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Thrown::Text(text) | Thrown::Reply(text) => f.write_str(&String::from_utf8_lossy(text)),
            Thrown::Over(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Thrown {}

impl Thrown {
    /// An error reply.
    pub fn reply(text: impl Into<Vec<u8>>) -> Self {
        Thrown::Reply(text.into())
    }
}

/// Throws an error reply.
pub(super) fn reply<R>(text: impl Into<Vec<u8>>) -> mlua::Result<R> {
    Err(Error::external(Thrown::Reply(text.into())))
}

/// Throws text with the place of the caller before it, as `luaL_error` does.
pub(super) fn text<R>(lua: &Lua, message: impl AsRef<[u8]>) -> mlua::Result<R> {
    let mut text = place(lua).into_bytes();
    text.extend_from_slice(message.as_ref());
    Err(Error::external(Thrown::Text(text)))
}

/// Throws text without a place, as errors of the machine inside of a C function are.
pub(super) fn bare_text<R>(message: &str) -> mlua::Result<R> {
    Err(Error::external(Thrown::Text(message.as_bytes().to_vec())))
}

/// `chunk:line: ` of the function that called the running one; empty when that is not Lua.
fn place(lua: &Lua) -> String {
    lua.inspect_stack(1, |frame| match (frame.current_line(), frame.source().short_src) {
        (Some(line), Some(chunk)) => format!("{chunk}:{line}: "),
        _ => String::new(),
    })
    .unwrap_or_default()
}

/// What a script sees of a caught value, and whether it must be thrown on.
pub(super) fn unwrap(lua: &Lua, caught: Value) -> mlua::Result<(Value, bool)> {
    let Value::Error(error) = &caught else { return Ok((caught, false)) };
    match innermost(error) {
        Error::ExternalError(external) => match external.downcast_ref::<Thrown>() {
            Some(Thrown::Text(text)) => Ok((Value::String(lua.create_string(text)?), false)),
            Some(Thrown::Reply(text)) => Ok((error_table(lua, text)?, false)),
            Some(Thrown::Over(_)) => Ok((caught, true)),
            None => Ok((Value::String(lua.create_string(external.to_string())?), false)),
        },
        Error::MemoryError(_) => Ok((Value::String(lua.create_string(NO_MEMORY)?), false)),
        Error::RuntimeError(text) => Ok((Value::String(lua.create_string(text)?), false)),
        other => Ok((Value::String(lua.create_string(other.to_string())?), false)),
    }
}

/// Lua's text when it cannot allocate.
pub(super) const NO_MEMORY: &str = "not enough memory";

/// Why the run ended, when it is one of [`Thrown::Over`].
pub(super) fn verdict(caught: &Value) -> Option<&'static str> {
    let Value::Error(error) = caught else { return None };
    match innermost(error) {
        Error::ExternalError(external) => match external.downcast_ref::<Thrown>() {
            Some(Thrown::Over(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn innermost(mut error: &Error) -> &Error {
    while let Error::CallbackError { cause, .. } = error {
        error = cause;
    }
    error
}

/// The table of an error that a command answered with. Its second field is there for scripts that
/// list what is in it.
pub(super) fn error_table(lua: &Lua, text: &[u8]) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("err", lua.create_string(text)?)?;
    table.raw_set("ignore_error_stats_update", true)?;
    Ok(Value::Table(table))
}

/// Where the value being handled was thrown: the source of the chunk, and the line. Called by the
/// handler in `guard.lua`, so that level 2 is what threw.
pub(super) fn thrown_at(lua: &Lua) -> Option<(String, i64)> {
    let mut level = 2;
    // The function that threw, and what mlua puts between.
    while frame(lua, level)?.0 == "C" {
        level += 1;
    }
    let mut is_in_guard = false;
    loop {
        let (what, source, line) = frame(lua, level)?;
        // A call in tail position leaves a frame of its own between the guard and the script.
        if source != "=guard" && !(is_in_guard && what == "tail") {
            return Some((source, line));
        }
        is_in_guard = true;
        level += 1;
    }
}

fn frame(lua: &Lua, level: usize) -> Option<(String, String, i64)> {
    lua.inspect_stack(level, |frame| {
        let source = frame.source();
        let line = frame.current_line().map_or(-1, |line| line as i64);
        (source.what.to_owned(), source.source.unwrap_or_default().into_owned(), line)
    })
}

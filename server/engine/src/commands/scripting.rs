//! EVAL, EVALSHA, FCALL, SCRIPT, FUNCTION.
//!
//! The interpreter is [`crate::lua`]'s, what scripts reach is [`crate::script`]'s. Function
//! libraries are part of the dataset: their sources are kept in its metadata, and loaded into the
//! interpreter when that is first needed.
use super::help::help;
use crate::args;
use crate::command::flag::{
    ALLOW_BUSY, DENYOOM, LOADING, NOSCRIPT, NO_MANDATORY_KEYS, READONLY, SKIP_MONITOR, STALE, WRITE,
};
use crate::command::Group::Scripting;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::access::{ACCESS, RO, RW, UPDATE};
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::lua::{Interpreter, Library};
use crate::script::{take_interpreter, Caller, Loading, Terms};
use crate::types::Result;
use crate::value::RDB_VERSION;
use crate::write::Writing;
use redtool_format::number;
use redtool_format::rdb::payload::{self, PayloadError};

fn function(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn script(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

/// An error reply of the interpreter's, whose bytes may be any.
fn told(ws: &mut Writing<'_>, text: Vec<u8>) -> Outcome {
    match String::from_utf8(text) {
        Ok(text) => Err(Error::text(text)),
        Err(error) => {
            ws.out.error_bytes(error.as_bytes());
            Ok(())
        }
    }
}

/// A run has ended, which may have replied with an error. One that a command has answered with
/// before was counted then.
fn ended(
    ws: &mut Writing<'_>,
    mark: usize,
    ran: std::result::Result<(), Vec<u8>>,
    last_error: Option<Vec<u8>>,
) -> Outcome {
    let text = match (ran, &ws.out.buffer()[mark..]) {
        (Err(text), _) => text,
        (Ok(()), [b'-', text @ .., b'\r', b'\n']) => text.to_vec(),
        (Ok(()), _) => return Ok(()),
    };
    ws.out.rewind(mark);
    let is_counted = last_error.is_some_and(|last| text.starts_with(&last));
    told(ws, text).map_err(|error| match error {
        Error::Reply(text) if is_counted => Error::Counted(text.into_owned()),
        error => error,
    })
}

/// A subcommand was given more words than it takes.
#[cold]
fn too_many(args: &[&[u8]]) -> Error {
    let name = args::shown(args[1], 128);
    Error::text(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP."
    ))
}

/// Words of a request.
type Words<'a, 'r> = &'a [&'r [u8]];

/// Keys and arguments of EVAL and its kin: `numkeys key … arg …`.
fn keys_and_args<'a, 'r>(words: Words<'a, 'r>) -> Result<(Words<'a, 'r>, Words<'a, 'r>)> {
    let (count, rest) = words.split_first().ok_or(Error::SYNTAX)?;
    let count = number::parse_i64(count).ok_or(Error::NOT_INTEGER)?;
    if count > rest.len() as i64 {
        return Err(Error::fixed("ERR Number of keys can't be greater than number of args"));
    }
    let count =
        usize::try_from(count).map_err(|_| Error::fixed("ERR Number of keys can't be negative"))?;
    Ok(rest.split_at(count))
}

/// Runs something with the interpreter out of its place.
fn with_lua<T>(
    ws: &mut Writing<'_>,
    run: impl FnOnce(&mut Writing<'_>, &mut Interpreter) -> T,
) -> Result<T> {
    let mut lua = take_interpreter(ws)?;
    let result = run(ws, &mut lua);
    ws.keys.lua = Some(lua);
    Ok(result)
}

/// EVAL and its kin: by text, or by SHA-1.
fn run_script(ws: &mut Writing<'_>, args: &[&[u8]], by_sha: bool, read_only: bool) -> Outcome {
    let (keys, argv) = keys_and_args(&args[2..])?;
    with_lua(ws, |ws, lua| {
        let script = match by_sha {
            false => lua.script(args[1]),
            true => lua
                .script_by_sha(args[1])
                .ok_or_else(|| b"NOSCRIPT No matching script. Please use EVAL.".to_vec()),
        };
        let script = match script {
            Ok(script) => script,
            Err(text) => return told(ws, text),
        };
        let terms = Terms { read_only, function: None, flags: script.flags, request: args };
        terms.check(ws)?;
        let mark = ws.out.buffer().len();
        let (mut caller, out) = Caller::new(ws, &terms);
        let ran = lua.run_script(&mut caller, &script, keys, argv, out);
        let last_error = caller.end();
        ended(ws, mark, ran, last_error)
    })?
}

fn eval(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    run_script(ws, args, false, false)
}

fn eval_ro(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    run_script(ws, args, false, true)
}

fn evalsha(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    run_script(ws, args, true, false)
}

fn evalsha_ro(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    run_script(ws, args, true, true)
}

fn call_function(ws: &mut Writing<'_>, args: &[&[u8]], read_only: bool) -> Outcome {
    with_lua(ws, |ws, lua| {
        let Some(function) = lua.function(args[1]) else {
            return Err(Error::fixed("ERR Function not found"));
        };
        let (keys, argv) = keys_and_args(&args[2..]).map_err(|error| match error {
            Error::Reply(text) if text.contains("not an integer") => {
                Error::fixed("ERR Bad number of keys provided")
            }
            error => error,
        })?;
        let name = Some(function.name.as_slice());
        let terms = Terms { read_only, function: name, flags: function.flags, request: args };
        terms.check(ws)?;
        let mark = ws.out.buffer().len();
        let (mut caller, out) = Caller::new(ws, &terms);
        let ran = lua.run_function(&mut caller, &function, keys, argv, out);
        let last_error = caller.end();
        ended(ws, mark, ran, last_error)
    })?
}

fn fcall(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    call_function(ws, args, false)
}

fn fcall_ro(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    call_function(ws, args, true)
}

fn script_load(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    match with_lua(ws, |_, lua| lua.load_script(args[2]))? {
        Ok(script) => {
            ws.out.bulk(script.sha.as_bytes());
            Ok(())
        }
        Err(text) => told(ws, text),
    }
}

fn script_exists(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    with_lua(ws, |ws, lua| {
        ws.out.array(args.len() - 2);
        for sha in &args[2..] {
            ws.out.int(i64::from(lua.script_by_sha(sha).is_some()));
        }
    })
}

fn script_flush(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let is_mode = |how: &[u8]| args::is(how, "sync") || args::is(how, "async");
    if args.len() > 3 || args.get(2).is_some_and(|how| !is_mode(how)) {
        return Err(Error::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    with_lua(ws, |_, lua| lua.flush_scripts())?;
    ws.out.simple("OK");
    Ok(())
}

fn script_debug(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if args::is(args[2], "no") {
        ctx.out.simple("OK");
        return Ok(());
    }
    match args::is(args[2], "yes") || args::is(args[2], "sync") {
        true => Err(Error::fixed("ERR this server has no script debugger")),
        false => Err(Error::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
}

/// SCRIPT KILL and FUNCTION KILL reach this place only when nothing runs.
fn not_busy(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("NOTBUSY No scripts in execution right now."))
}

/// The sources in the dataset's metadata are those of the interpreter from now on.
fn keep_libraries(ws: &mut Writing<'_>, lua: &Interpreter) {
    let sources = lua.libraries().map(|library| (library.name.clone(), library.code.clone()));
    ws.keys.space.meta_mut().functions = sources.collect();
    ws.keys.dirty += 1;
}

/// FUNCTION LOAD [REPLACE] code
fn function_load(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (code, options) = args[2..].split_last().ok_or(Error::SYNTAX)?;
    let mut replace = false;
    for option in options {
        if !args::is(option, "replace") {
            let option = args::shown(option, 128);
            return Err(Error::text(format!("ERR Unknown option given: {option}")));
        }
        replace = true;
    }
    with_lua(ws, |ws, lua| match lua.load_library(&mut Loading::new(), code, replace) {
        Ok(name) => {
            keep_libraries(ws, lua);
            ws.out.bulk(&name);
            Ok(())
        }
        Err(text) => told(ws, text),
    })?
}

fn function_delete(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    with_lua(ws, |ws, lua| match lua.delete_library(args[2]) {
        true => {
            keep_libraries(ws, lua);
            ws.out.simple("OK");
            Ok(())
        }
        false => Err(Error::fixed("ERR Library not found")),
    })?
}

fn function_flush(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let is_mode = |how: &[u8]| args::is(how, "sync") || args::is(how, "async");
    if args.len() > 3 {
        return Err(too_many(args));
    }
    if args.get(2).is_some_and(|how| !is_mode(how)) {
        return Err(Error::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    with_lua(ws, |ws, lua| {
        lua.flush_libraries();
        keep_libraries(ws, lua);
    })?;
    ws.out.simple("OK");
    Ok(())
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
fn function_list(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (mut pattern, mut with_code) = (None, false);
    let mut rest = &args[2..];
    while let [word, after @ ..] = rest {
        rest = after;
        if args::is(word, "withcode") && !with_code {
            with_code = true;
        } else if args::is(word, "libraryname") && pattern.is_none() {
            let [value, after @ ..] = rest else {
                return Err(Error::fixed("ERR library name argument was not given"));
            };
            pattern = Some(*value);
            rest = after;
        } else {
            return Err(Error::text(format!("ERR Unknown argument {}", args::shown(word, 128))));
        }
    }
    with_lua(ws, |ws, lua| {
        let wanted = |library: &&Library| {
            pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, true))
        };
        let libraries: Vec<&Library> = lua.libraries().filter(wanted).collect();
        ws.out.array(libraries.len());
        for library in libraries {
            reply_library(ws, library, with_code);
        }
    })
}

fn reply_library(ws: &mut Writing<'_>, library: &Library, with_code: bool) {
    let out = &mut *ws.out;
    out.map(3 + usize::from(with_code));
    out.bulk(b"library_name");
    out.bulk(&library.name);
    out.bulk(b"engine");
    out.bulk(b"LUA");
    out.bulk(b"functions");
    out.array(library.functions.len());
    for function in &library.functions {
        out.map(3);
        out.bulk(b"name");
        out.bulk(&function.name);
        out.bulk(b"description");
        match &function.description {
            Some(text) => out.bulk(text),
            None => out.null(),
        }
        out.bulk(b"flags");
        let flags: Vec<&str> = function.flags.names().collect();
        out.set(flags.len());
        flags.iter().for_each(|flag| out.simple(flag));
    }
    if with_code {
        out.bulk(b"library_code");
        out.bulk(&library.code);
    }
}

fn function_stats(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    let (libraries, functions) = with_lua(ws, |_, lua| {
        let functions = lua.libraries().map(|library| library.functions.len()).sum::<usize>();
        (lua.libraries().count(), functions)
    })?;
    let out = &mut *ws.out;
    out.map(2);
    out.bulk(b"running_script");
    out.null();
    out.bulk(b"engines");
    out.map(1);
    out.bulk(b"LUA");
    out.map(2);
    out.bulk(b"libraries_count");
    out.int(libraries as i64);
    out.bulk(b"functions_count");
    out.int(functions as i64);
    Ok(())
}

fn function_dump(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let mut out = Vec::new();
    let sources = ctx.meta.functions.iter().map(|(_, source)| source.as_slice());
    payload::write_functions(&mut out, sources, RDB_VERSION, true);
    ctx.out.bulk(&out);
    Ok(())
}

/// FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]: all of the libraries, or none.
fn function_restore(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let (flush, replace) =
        match args.get(3) {
            None => (false, false),
            Some(policy) if args::is(policy, "append") => (false, false),
            Some(policy) if args::is(policy, "replace") => (false, true),
            Some(policy) if args::is(policy, "flush") => (true, false),
            Some(_) => return Err(Error::fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            )),
        };
    if args.len() > 4 {
        return Err(too_many(args));
    }
    let sources = payload::parse_functions(args[2]).map_err(restore_error)?;
    with_lua(ws, |ws, lua| {
        let before: Vec<Vec<u8>> = lua.libraries().map(|library| library.code.clone()).collect();
        if flush {
            lua.flush_libraries();
        }
        for source in &sources {
            let loaded = match lua.loaded_name(source) {
                Some(name) if !replace => Err([b"ERR Library ", name, b" already exists"].concat()),
                _ => lua.load_library(&mut Loading::new(), source, replace),
            };
            if let Err(text) = loaded {
                lua.flush_libraries();
                for source in &before {
                    // It was loaded before.
                    let _ = lua.load_library(&mut Loading::new(), source, true);
                }
                return told(ws, text);
            }
        }
        keep_libraries(ws, lua);
        ws.out.simple("OK");
        Ok(())
    })?
}

fn restore_error(error: PayloadError) -> Error {
    Error::text(error.reply().to_string())
}

/// Subcommands.
#[rustfmt::skip]
const FUNCTION_SUBCOMMANDS: &[Command] = &[
    write_row("delete", 3, WRITE | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_delete)
        .args("library-name")
        .docs("O(1)", "Removes a library.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("dump", 2, NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_dump)
        .docs("O(N)", "All libraries, serialized."),
    write_row("flush", -2, WRITE | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_flush)
        .args("[async:<ASYNC|SYNC>]")
        .docs("O(N)", "Removes all libraries.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Scripting, "7.0.0", help)
        .docs("O(1)", "What FUNCTION can do."),
    row("kill", 2, NOSCRIPT | ALLOW_BUSY, NO_KEYS, Scripting, "7.0.0", not_busy)
        .docs("O(1)", "Stops the function that is running.")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    write_row("list", -2, NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_list)
        .args("[LIBRARYNAME library-name-pattern] [WITHCODE]")
        .docs("O(N)", "The libraries.").tips(&["nondeterministic_output_order"]),
    write_row("load", -3, WRITE | DENYOOM | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_load)
        .args("[REPLACE] function-code")
        .docs("O(1)", "Adds a library.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    write_row("restore", -3, WRITE | DENYOOM | NOSCRIPT,
        NO_KEYS, Scripting, "7.0.0", function_restore)
        .args("serialized-value [policy:<FLUSH|APPEND|REPLACE>]")
        .docs("O(N)", "Adds serialized libraries.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    write_row("stats", 2, NOSCRIPT | ALLOW_BUSY, NO_KEYS, Scripting, "7.0.0", function_stats)
        .docs("O(1)", "What function is running, and the engines.")
        
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
];

/// Subcommands.
#[rustfmt::skip]
const SCRIPT_SUBCOMMANDS: &[Command] = &[
    row("debug", 3, NOSCRIPT, NO_KEYS, Scripting, "3.2.0", script_debug)
        .args("mode:<YES|SYNC|NO>")
        .docs("O(1)", "Debugs scripts."),
    write_row("exists", -3, NOSCRIPT, NO_KEYS, Scripting, "2.6.0", script_exists)
        .args("sha1...")
        .docs("O(N)", "Which scripts are kept.")
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
    write_row("flush", -2, NOSCRIPT, NO_KEYS, Scripting, "2.6.0", script_flush)
        .args("[async:<ASYNC|SYNC>@6.2.0]")
        .docs("O(N)", "Forgets all scripts.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Scripting, "5.0.0", help)
        .docs("O(1)", "What SCRIPT can do."),
    row("kill", 2, NOSCRIPT | ALLOW_BUSY, NO_KEYS, Scripting, "2.6.0", not_busy)
        .docs("O(1)", "Stops the script that is running.")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    write_row("load", 3, NOSCRIPT | STALE, NO_KEYS, Scripting, "2.6.0", script_load)
        .args("script")
        .docs("O(N)", "Keeps a script.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("eval", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RW | ACCESS | UPDATE, 2)], Scripting, "2.6.0", eval)
        .args("script numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script."),
    write_row("eval_ro", -3, READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RO | ACCESS, 2)], Scripting, "7.0.0", eval_ro)
        .args("script numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script that only reads."),
    write_row("evalsha", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RW | ACCESS | UPDATE, 2)], Scripting, "2.6.0", evalsha)
        .args("sha1 numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script by its SHA1."),
    write_row("evalsha_ro", -3, READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RO | ACCESS, 2)], Scripting, "7.0.0", evalsha_ro)
        .args("sha1 numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script that only reads by its SHA1."),
    write_row("fcall", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RW | ACCESS | UPDATE, 2)], Scripting, "7.0.0", fcall)
        .args("function numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Calls a function."),
    write_row("fcall_ro", -3, READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RO | ACCESS, 2)], Scripting, "7.0.0", fcall_ro)
        .args("function numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Calls a function that only reads."),
    row("function", -2, 0, NO_KEYS, Scripting, "7.0.0", function)
        .docs("depends on the subcommand", "Function libraries.")
        .acl(0).subcommands(FUNCTION_SUBCOMMANDS),
    row("script", -2, 0, NO_KEYS, Scripting, "2.6.0", script)
        .docs("depends on the subcommand", "Scripts.").acl(0).subcommands(SCRIPT_SUBCOMMANDS),
];

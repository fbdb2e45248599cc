//! Scripts and functions. This server runs neither; it lists and hands out the function libraries
//! of the dataset.
//!
//! The functions of a library are known for sure only to the one who runs it. FUNCTION LIST reads
//! them from the source: the first string after each `register_function(`, or the value of
//! `function_name` when a table is given.
use super::help::help;
use super::writes::refused;
use crate::args;
use crate::command::flag::{
    ALLOW_BUSY, DENYOOM, LOADING, NOSCRIPT, NO_MANDATORY_KEYS, READONLY, SKIP_MONITOR, STALE, WRITE,
};
use crate::command::Group::Scripting;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::access::{ACCESS, RO, RW, UPDATE};
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::value::RDB_VERSION;
use memchr::memmem;
use redtool_format::rdb::payload;

fn function(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn script(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn unsupported(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let name = args::shown(args[0], 32).to_ascii_uppercase();
    let subcommand = match args::is(args[0], ctx.command.name) {
        true => String::new(),
        false => format!(" {}", ctx.command.name.to_ascii_uppercase()),
    };
    Err(Error::text(format!("ERR {name}{subcommand} is not supported by this server")))
}

/// No script is kept.
fn evalsha(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("NOSCRIPT No matching script. Please use EVAL."))
}

fn fcall(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let known = ctx.dataset.functions().iter().any(|(_, source)| {
        functions_of(source).iter().any(|function| function.name.eq_ignore_ascii_case(args[1]))
    });
    if known {
        return unsupported(ctx, args);
    }
    Err(Error::fixed("ERR Function not found"))
}

fn script_exists(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    ctx.out.array(args.len() - 2);
    for _ in &args[2..] {
        ctx.out.int(0);
    }
    Ok(())
}

fn script_flush(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    match args.get(2) {
        Some(how) if !args::is(how, "sync") && !args::is(how, "async") => {
            Err(Error::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option"))
        }
        _ => {
            ctx.out.simple("OK");
            Ok(())
        }
    }
}

fn not_busy(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("NOTBUSY No scripts in execution right now."))
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
fn function_list(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
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
    let libraries: Vec<_> = ctx
        .dataset
        .functions()
        .iter()
        .filter(|(name, _)| pattern.is_none_or(|pattern| glob::matches(pattern, name, true)))
        .collect();
    ctx.out.array(libraries.len());
    for (name, source) in libraries {
        reply_library(ctx, name, source, with_code);
    }
    Ok(())
}

fn reply_library(ctx: &mut Context<'_>, name: &[u8], source: &[u8], with_code: bool) {
    let functions = functions_of(source);
    let out = &mut *ctx.out;
    out.map(3 + usize::from(with_code));
    out.bulk(b"library_name");
    out.bulk(name);
    out.bulk(b"engine");
    out.bulk(b"LUA");
    out.bulk(b"functions");
    out.array(functions.len());
    for function in functions {
        out.map(3);
        out.bulk(b"name");
        out.bulk(function.name);
        out.bulk(b"description");
        out.null();
        out.bulk(b"flags");
        out.set(function.flags.len());
        for flag in function.flags {
            out.simple(&String::from_utf8_lossy(flag));
        }
    }
    if with_code {
        out.bulk(b"library_code");
        out.bulk(source);
    }
}

/// A function as its registration tells.
struct Function<'s> {
    name: &'s [u8],
    flags: Vec<&'s [u8]>,
}

/// The functions that a library registers, as far as its source tells.
fn functions_of(source: &[u8]) -> Vec<Function<'_>> {
    const CALL: &[u8] = b"register_function";
    let mut functions = Vec::new();
    let mut rest = source;
    while let Some(at) = memmem::find(rest, CALL) {
        rest = &rest[at + CALL.len()..];
        let is_space = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b'(';
        let skipped = rest.iter().take_while(is_space).count();
        functions.extend(match &rest[skipped..] {
            [b'{', table @ ..] => from_table(table),
            call => quoted(call).map(|(name, _)| Function { name, flags: Vec::new() }),
        });
    }
    functions
}

/// Reads `function_name = '…'` and `flags = { '…', … }`, before the next registration.
fn from_table(table: &[u8]) -> Option<Function<'_>> {
    let end = memmem::find(table, b"register_function").unwrap_or(table.len());
    let table = &table[..end];
    let (name, _) = quoted(&table[memmem::find(table, b"function_name")?..])?;
    let mut flags = Vec::new();
    if let Some(at) = memmem::find(table, b"flags") {
        let list = &table[at..];
        let end = list.iter().position(|byte| *byte == b'}').unwrap_or(list.len());
        let mut rest = &list[..end];
        while let Some((flag, after)) = quoted(rest) {
            flags.push(flag);
            rest = after;
        }
    }
    Some(Function { name, flags })
}

/// The first string literal in a piece of Lua, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|byte| matches!(byte, b'\'' | b'"'))?;
    let inside = &text[start + 1..];
    let end = inside.iter().position(|byte| *byte == text[start])?;
    Some((&inside[..end], &inside[end + 1..]))
}

fn function_stats(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let libraries = ctx.dataset.functions();
    let functions: usize = libraries.iter().map(|(_, source)| functions_of(source).len()).sum();
    let out = &mut *ctx.out;
    out.map(2);
    out.bulk(b"running_script");
    out.null();
    out.bulk(b"engines");
    out.map(1);
    out.bulk(b"LUA");
    out.map(2);
    out.bulk(b"libraries_count");
    out.int(libraries.len() as i64);
    out.bulk(b"functions_count");
    out.int(functions as i64);
    Ok(())
}

fn function_dump(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let mut out = Vec::new();
    let sources = ctx.dataset.functions().iter().map(|(_, source)| source.as_slice());
    payload::write_functions(&mut out, sources, RDB_VERSION, true);
    ctx.out.bulk(&out);
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const FUNCTION_SUBCOMMANDS: &[Command] = &[
    row("delete", 3, WRITE | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", refused)
        .args("library-name")
        .docs("O(1)", "Removes a library.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("dump", 2, NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_dump)
        .docs("O(N)", "All libraries, serialized."),
    row("flush", -2, WRITE | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", refused)
        .args("[async:<ASYNC|SYNC>]")
        .docs("O(N)", "Removes all libraries.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Scripting, "7.0.0", help)
        .docs("O(1)", "What FUNCTION can do."),
    row("kill", 2, NOSCRIPT | ALLOW_BUSY, NO_KEYS, Scripting, "7.0.0", not_busy)
        .docs("O(1)", "Stops the function that is running.")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    row("list", -2, NOSCRIPT, NO_KEYS, Scripting, "7.0.0", function_list)
        .args("[LIBRARYNAME library-name-pattern] [WITHCODE]")
        .docs("O(N)", "The libraries.").tips(&["nondeterministic_output_order"]),
    row("load", -3, WRITE | DENYOOM | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", refused)
        .args("[REPLACE] function-code")
        .docs("O(1)", "Adds a library.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("restore", -3, WRITE | DENYOOM | NOSCRIPT, NO_KEYS, Scripting, "7.0.0", refused)
        .args("serialized-value [policy:<FLUSH|APPEND|REPLACE>]")
        .docs("O(N)", "Adds serialized libraries.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("stats", 2, NOSCRIPT | ALLOW_BUSY, NO_KEYS, Scripting, "7.0.0", function_stats)
        .docs("O(1)", "What function is running, and the engines.")
        
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
];

/// Subcommands.
#[rustfmt::skip]
const SCRIPT_SUBCOMMANDS: &[Command] = &[
    row("debug", 3, NOSCRIPT, NO_KEYS, Scripting, "3.2.0", unsupported)
        .args("mode:<YES|SYNC|NO>")
        .docs("O(1)", "Debugs scripts."),
    row("exists", -3, NOSCRIPT, NO_KEYS, Scripting, "2.6.0", script_exists)
        .args("sha1...")
        .docs("O(N)", "Which scripts are kept.")
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
    row("flush", -2, NOSCRIPT, NO_KEYS, Scripting, "2.6.0", script_flush)
        .args("[async:<ASYNC|SYNC>@6.2.0]")
        .docs("O(N)", "Forgets all scripts.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Scripting, "5.0.0", help)
        .docs("O(1)", "What SCRIPT can do."),
    row("kill", 2, NOSCRIPT | ALLOW_BUSY, NO_KEYS, Scripting, "2.6.0", not_busy)
        .docs("O(1)", "Stops the script that is running.")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    row("load", 3, NOSCRIPT | STALE, NO_KEYS, Scripting, "2.6.0", unsupported)
        .args("script")
        .docs("O(N)", "Keeps a script.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("eval", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RW | ACCESS | UPDATE, 2)], Scripting, "2.6.0", unsupported)
        .args("script numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script."),
    row("eval_ro", -3, READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RO | ACCESS, 2)], Scripting, "7.0.0", unsupported)
        .args("script numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script that only reads."),
    row("evalsha", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RW | ACCESS | UPDATE, 2)], Scripting, "2.6.0", evalsha)
        .args("sha1 numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script by its SHA1."),
    row("evalsha_ro", -3, READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RO | ACCESS, 2)], Scripting, "7.0.0", evalsha)
        .args("sha1 numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Runs a script that only reads by its SHA1."),
    row("fcall", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RW | ACCESS | UPDATE, 2)], Scripting, "7.0.0", fcall)
        .args("function numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Calls a function."),
    row("fcall_ro", -3, READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS,
        &[KeySpec::counted(RO | ACCESS, 2)], Scripting, "7.0.0", fcall)
        .args("function numkeys:integer [key...] [arg...]")
        .docs("depends on the script", "Calls a function that only reads."),
    row("function", -2, 0, NO_KEYS, Scripting, "7.0.0", function)
        .docs("depends on the subcommand", "Function libraries.")
        .acl(0).subcommands(FUNCTION_SUBCOMMANDS),
    row("script", -2, 0, NO_KEYS, Scripting, "2.6.0", script)
        .docs("depends on the subcommand", "Scripts.").acl(0).subcommands(SCRIPT_SUBCOMMANDS),
];

//! MEMORY and MODULE: true answers of a server that loads no modules.
use super::help::help;
use crate::args;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, NO_ASYNC_LOADING, READONLY, STALE};
use crate::command::Group::Server;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::eviction::BASE_BYTES;
use crate::keyspec::access::RO;
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::process;
use crate::value;
use redtool_format::number;

fn container(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn empty_array(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(0);
    Ok(())
}

fn ok(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.simple("OK");
    Ok(())
}

fn module_refused(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR this server loads no modules"))
}

fn memory_doctor(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let text: &[u8] = match ctx.dataset.store().scheme() {
        "memory" => b"The dataset lives in memory, and nothing is wrong with it.\n",
        _ => b"The dataset is read from its store: memory holds no keys.\n",
    };
    ctx.out.verbatim("txt", text);
    Ok(())
}

fn memory_malloc_stats(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}

/// MEMORY USAGE key [SAMPLES count]: bytes of the key's records, all of them whatever count says.
fn memory_usage(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    for pair in args[3..].chunks(2) {
        let [word, count] = *pair else { return Err(Error::SYNTAX) };
        if !args::is(word, "samples") {
            return Err(Error::SYNTAX);
        }
        number::parse_i64(count).ok_or(Error::NOT_INTEGER)?;
        args::int_from(count, 0, "ERR syntax error")?;
    }
    match ctx.lookup_in(ctx.session.db, args[2])? {
        None => ctx.out.null(),
        Some(found) => {
            let segments = value::segment_bytes(ctx.reader, &found.object()?)?;
            let bytes = args[2].len() as u64 + found.record().len() as u64 + segments;
            ctx.out.int(bytes as i64);
        }
    }
    Ok(())
}

fn memory_stats(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let keys: u64 = ctx.meta.keys();
    let (used, dataset) = match ctx.keys {
        Some(shared) => (shared.used_bytes() as u64, shared.space.bytes() as u64),
        None => (process::resident_bytes(), 0),
    };
    let facts = [
        ("peak.allocated", process::peak_bytes()),
        ("total.allocated", used),
        ("startup.allocated", BASE_BYTES as u64),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", ctx.dataset.state().client_memory.total_bytes()),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
        ("overhead.total", used - dataset),
        ("keys.count", keys),
        ("keys.bytes-per-key", dataset / keys.max(1)),
        ("dataset.bytes", dataset),
    ];
    ctx.out.map(facts.len());
    for (name, value) in facts {
        ctx.out.bulk(name.as_bytes());
        ctx.out.int(value as i64);
    }
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const MEMORY_SUBCOMMANDS: &[Command] = &[
    row("doctor", 2, 0, NO_KEYS, Server, "4.0.0", memory_doctor)
        .docs("O(1)", "Advice about memory.")
        
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "4.0.0", help)
        .docs("O(1)", "What MEMORY can do."),
    row("malloc-stats", 2, 0, NO_KEYS, Server, "4.0.0", memory_malloc_stats)
        .docs("depends on the script", "Statistics of the allocator.")
        
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    row("purge", 2, 0, NO_KEYS, Server, "4.0.0", ok)
        .docs("depends on the script", "Gives unused memory back to the system.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    row("stats", 2, 0, NO_KEYS, Server, "4.0.0", memory_stats)
        .docs("O(1)", "Where the memory goes.")
        
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    row("usage", -3, READONLY, &[KeySpec::at(RO, 2)], Server, "4.0.0", memory_usage)
        .args("key [SAMPLES count:integer]")
        .docs("O(N)", "Bytes that a key and its value take.").onlooker(),
];

/// Subcommands.
#[rustfmt::skip]
const MODULE_SUBCOMMANDS: &[Command] = &[
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "5.0.0", help)
        .docs("O(1)", "What MODULE can do."),
    row("list", 2, ADMIN | NOSCRIPT, NO_KEYS, Server, "4.0.0", empty_array)
        .docs("O(N)", "Loaded modules.").tips(&["nondeterministic_output_order"]),
    row("load", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING, NO_KEYS, Server, "4.0.0", module_refused)
        .args("path [arg...]")
        .docs("O(1)", "Loads a module."),
    row("loadex", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
        NO_KEYS, Server, "7.0.0", module_refused)
        .args("path [CONFIG configs:(name value)]... [ARGS args:(arg)...]")
        .docs("O(1)", "Loads a module with configuration."),
    row("unload", 3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING, NO_KEYS, Server, "4.0.0", module_refused)
        .args("name")
        .docs("O(1)", "Unloads a module."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("memory", -2, 0, NO_KEYS, Server, "4.0.0", container)
        .docs("depends on the subcommand", "Memory measurements.").subcommands(MEMORY_SUBCOMMANDS),
    row("module", -2, 0, NO_KEYS, Server, "4.0.0", container)
        .docs("depends on the subcommand", "Modules.").subcommands(MODULE_SUBCOMMANDS),
];

//! CONFIG: what a Redis of this kind would say. Nothing can be set at run time.
use super::help::help;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Server;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::NO_KEYS;
use std::collections::BTreeMap;

/// Parameters and their values before the network layer adds its own. They are those that clients
/// and exporters ask for, with the values that describe a server that reads, keeps nothing in
/// memory and evicts nothing.
const DEFAULTS: &[(&str, &str)] = &[
    ("appendfsync", "everysec"),
    ("appendonly", "no"),
    ("bind", "127.0.0.1"),
    ("busy-reply-threshold", "5000"),
    ("client-output-buffer-limit", "normal 0 0 0 slave 0 0 0 pubsub 0 0 0"),
    ("client-query-buffer-limit", "1073741824"),
    ("cluster-enabled", "no"),
    ("databases", "16"),
    ("dbfilename", ""),
    ("dir", ""),
    ("enable-debug-command", "yes"),
    ("hash-max-listpack-entries", "512"),
    ("hash-max-listpack-value", "64"),
    ("hash-max-ziplist-entries", "512"),
    ("hash-max-ziplist-value", "64"),
    ("hll-sparse-max-bytes", "3000"),
    ("hz", "10"),
    ("io-threads", "1"),
    ("latency-monitor-threshold", "0"),
    ("latency-tracking", "no"),
    ("list-compress-depth", "0"),
    ("list-max-listpack-size", "-2"),
    ("list-max-ziplist-size", "-2"),
    ("loglevel", "notice"),
    ("lua-time-limit", "5000"),
    ("maxclients", "10000"),
    ("maxmemory", "0"),
    ("maxmemory-clients", "0"),
    ("maxmemory-policy", "noeviction"),
    ("maxmemory-samples", "5"),
    ("notify-keyspace-events", ""),
    ("port", "0"),
    ("proto-max-bulk-len", "536870912"),
    ("protected-mode", "yes"),
    ("rdbcompression", "yes"),
    ("rdbchecksum", "yes"),
    ("replica-read-only", "yes"),
    ("replicaof", ""),
    ("requirepass", ""),
    ("save", ""),
    ("set-max-intset-entries", "512"),
    ("set-max-listpack-entries", "128"),
    ("set-max-listpack-value", "64"),
    ("slave-read-only", "yes"),
    ("slaveof", ""),
    ("slowlog-log-slower-than", "-1"),
    ("slowlog-max-len", "128"),
    ("stream-node-max-bytes", "4096"),
    ("stream-node-max-entries", "100"),
    ("tcp-backlog", "511"),
    ("tcp-keepalive", "300"),
    ("timeout", "0"),
    ("tls-port", "0"),
    ("unixsocket", ""),
    ("zset-max-listpack-entries", "128"),
    ("zset-max-listpack-value", "64"),
    ("zset-max-ziplist-entries", "128"),
    ("zset-max-ziplist-value", "64"),
];

/// The parameters a server starts with.
pub fn defaults() -> BTreeMap<String, String> {
    DEFAULTS.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn config(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn config_get(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let mut found = ctx.dataset.state().all_config();
    found.retain(|(name, _)| {
        args[2..].iter().any(|pattern| glob::matches(pattern, name.as_bytes(), true))
    });
    ctx.out.map(found.len());
    for (name, value) in found {
        ctx.out.bulk(name.as_bytes());
        ctx.out.bulk(value.as_bytes());
    }
    Ok(())
}

fn config_set(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    for pair in args[2..].chunks(2) {
        let name = crate::args::shown(pair[0], 128);
        if pair.len() != 2 || ctx.dataset.state().config(&name.to_ascii_lowercase()).is_none() {
            return Err(Error::text(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
            )));
        }
    }
    let name = crate::args::shown(args[2], 128);
    Err(Error::text(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config"
    )))
}

fn config_resetstat(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.dataset.state().reset_counters();
    ctx.out.simple("OK");
    Ok(())
}

fn config_rewrite(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR The server is running without a config file"))
}

/// Subcommands.
#[rustfmt::skip]
const CONFIG_SUBCOMMANDS: &[Command] = &[
    row("get", -3, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.0.0", config_get)
        .args("parameter:(parameter)...")
        .docs("O(N)", "Parameters by pattern."),
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "5.0.0", help)
        .docs("O(1)", "What CONFIG can do."),
    row("resetstat", 2, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Server, "2.0.0", config_resetstat)
        .docs("O(1)", "Sets the counters of INFO to zero."),
    row("rewrite", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.8.0", config_rewrite)
        .docs("O(1)", "Writes the configuration file."),
    row("set", -4, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.0.0", config_set)
        .args("parameter_value:(parameter value)...")
        .docs("O(N)", "Changes parameters.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("config", -2, 0, NO_KEYS, Server, "2.0.0", config)
        .docs("depends on the subcommand", "Configuration.").subcommands(CONFIG_SUBCOMMANDS),
];

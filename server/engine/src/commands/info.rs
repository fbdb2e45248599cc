//! INFO: facts and counters, in the sections and under the names that redis-cli and exporters read.
use super::connection::REDIS_VERSION;
use crate::args;
use crate::clock::{system_ms, system_us};
use crate::command::flag::{LOADING, STALE};
use crate::command::Group::Server;
use crate::command::{category, write_row, Command};
use crate::error::Outcome;
use crate::eviction::BASE_BYTES;
use crate::keyspec::NO_KEYS;
use crate::process;
use crate::pubsub::Topic;
use crate::table;
use crate::write::Writing;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// A section: its name, whether it is shown when none is asked for, and what writes its lines.
type Section = (&'static str, bool, fn(&Writing<'_>, &mut String));

const SECTIONS: &[Section] = &[
    ("Server", true, server),
    ("Clients", true, clients),
    ("Memory", true, memory),
    ("Persistence", true, persistence),
    ("Stats", true, stats),
    ("Replication", true, replication),
    ("CPU", true, cpu),
    ("Modules", true, |_, _| ()),
    ("Commandstats", false, command_stats),
    ("Errorstats", true, error_stats),
    ("Latencystats", false, latency_stats),
    ("Cluster", true, cluster),
    ("Keyspace", true, keyspace),
    ("Redtool", true, redtool),
];

fn info(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let wanted = &args[1..];
    let mut text = String::new();
    for (name, by_default, write) in SECTIONS {
        let asked = |word: &[u8]| {
            args::is(word, name)
                || args::is(word, "all")
                || args::is(word, "everything")
                || *by_default && args::is(word, "default")
        };
        let shown = match wanted {
            [] => *by_default,
            words => words.iter().any(|word| asked(word)),
        };
        if shown {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let _ = write!(text, "# {name}\r\n");
            write(ws, &mut text);
        }
    }
    ws.out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = write!(text, "{name}:{value}\r\n");
}

fn server(ws: &Writing<'_>, text: &mut String) {
    let state = ws.dataset.state();
    line(text, "redis_version", REDIS_VERSION);
    line(text, "redis_git_sha1", "00000000");
    line(text, "redis_git_dirty", 0);
    line(text, "redis_build_id", "0");
    let cluster = state.cluster_enabled.load(Relaxed);
    line(text, "redis_mode", if cluster { "cluster" } else { "standalone" });
    line(text, "os", process::system_name());
    line(text, "arch_bits", usize::BITS);
    line(text, "multiplexing_api", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" });
    line(text, "process_id", std::process::id());
    line(text, "process_supervised", "no");
    line(text, "run_id", state.run_id());
    line(text, "tcp_port", state.port.load(Relaxed));
    line(text, "server_time_usec", system_us());
    line(text, "uptime_in_seconds", state.uptime_s());
    line(text, "uptime_in_days", state.uptime_s() / 86_400);
    line(text, "hz", 10);
    line(text, "configured_hz", 10);
    line(text, "lru_clock", (system_ms() / 1000) & 0xff_ffff);
    line(text, "executable", "");
    line(text, "config_file", "");
}

fn clients(ws: &Writing<'_>, text: &mut String) {
    let state = ws.dataset.state();
    line(text, "connected_clients", state.client_count());
    line(text, "cluster_connections", 0);
    line(text, "maxclients", state.config("maxclients").unwrap_or_default());
    line(text, "client_recent_max_input_buffer", 0);
    line(text, "client_recent_max_output_buffer", 0);
    line(text, "blocked_clients", ws.keys.blocked.len());
    let clients = state.clients();
    let tracking = clients.iter().filter(|client| client.tracking.load(Relaxed) != 0).count();
    line(text, "tracking_clients", tracking);
    line(text, "clients_in_timeout_table", 0);
}

fn memory(ws: &Writing<'_>, text: &mut String) {
    let (resident, peak) = (process::resident_bytes(), process::peak_bytes());
    let system = process::system_memory_bytes();
    let (dataset, used) = (ws.keys.space.bytes() as u64, ws.keys.used_bytes() as u64);
    let most = ws.keys.limits.memory_bytes as u64;
    line(text, "used_memory", used);
    line(text, "used_memory_human", human(used));
    line(text, "used_memory_rss", resident);
    line(text, "used_memory_rss_human", human(resident));
    line(text, "used_memory_peak", peak);
    line(text, "used_memory_peak_human", human(peak));
    line(text, "used_memory_overhead", used - dataset);
    line(text, "used_memory_startup", BASE_BYTES);
    line(text, "used_memory_dataset", dataset);
    line(text, "total_system_memory", system);
    line(text, "total_system_memory_human", human(system));
    line(text, "used_memory_lua", 0);
    line(text, "used_memory_scripts", 0);
    line(text, "number_of_cached_scripts", 0);
    line(text, "maxmemory", most);
    line(text, "maxmemory_human", human(most));
    line(text, "maxmemory_policy", ws.keys.eviction.policy().name());
    line(text, "mem_not_counted_for_evict", 0);
    line(text, "mem_clients_slaves", 0);
    line(text, "mem_clients_normal", ws.dataset.state().client_memory.total_bytes());
    line(text, "mem_fragmentation_ratio", format!("{:.2}", resident as f64 / used as f64));
    line(text, "mem_allocator", "mimalloc");
    line(text, "lazyfree_pending_objects", 0);
}

/// Bytes with the unit that keeps the number short.
fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "K", "M", "G", "T"] {
        if value < 1024.0 {
            return match unit {
                "B" => format!("{bytes}B"),
                _ => format!("{value:.2}{unit}"),
            };
        }
        value /= 1024.0;
    }
    format!("{value:.2}P")
}

fn persistence(ws: &Writing<'_>, text: &mut String) {
    line(text, "loading", 0);
    line(text, "async_loading", 0);
    line(text, "rdb_changes_since_last_save", ws.keys.dirty);
    let is_dumping = ws.dataset.is_dumping.load(Relaxed);
    line(text, "rdb_bgsave_in_progress", u8::from(is_dumping));
    line(text, "rdb_last_save_time", last_save_s(ws));
    let saved = if ws.keys.saves.error.is_none() { "ok" } else { "err" };
    line(text, "rdb_last_bgsave_status", saved);
    let shown = |seconds: Option<u64>| seconds.map_or("-1".into(), |s| s.to_string());
    let current_s = ws.keys.saves.begun.map(|begun| begun.elapsed().as_secs());
    line(text, "rdb_last_bgsave_time_sec", shown(ws.keys.saves.took_s));
    line(text, "rdb_current_bgsave_time_sec", shown(current_s));
    line(text, "rdb_saves", ws.keys.saves.count);
    line(text, "aof_enabled", 0);
    line(text, "aof_rewrite_in_progress", 0);
    line(text, "aof_rewrite_scheduled", 0);
    line(text, "aof_last_bgrewrite_status", "ok");
    line(text, "aof_last_write_status", "ok");
    line(text, "aof_last_rewrite_time_sec", -1);
    line(text, "aof_current_rewrite_time_sec", -1);
    zeros(text, &["aof_rewrites", "module_fork_in_progress", "module_fork_last_cow_size"]);
}

/// Counters of what never happens here.
fn zeros(text: &mut String, names: &[&str]) {
    names.iter().for_each(|name| line(text, name, 0));
}

/// When the data was last saved: when its changes were, else when the dump was taken, else when the
/// server started. Unix seconds.
pub fn last_save_s(ws: &Writing<'_>) -> i64 {
    match ws.keys.saves.saved_s {
        0 => ws.dataset.ctime_s().unwrap_or(ws.dataset.state().started_s()),
        saved_s => saved_s,
    }
}

fn stats(ws: &Writing<'_>, text: &mut String) {
    let state = ws.dataset.state();
    let totals = state.totals();
    line(text, "total_connections_received", state.connections.load(Relaxed));
    line(text, "total_commands_processed", totals.commands);
    line(text, "instantaneous_ops_per_sec", totals.commands / state.uptime_s().max(1));
    line(text, "total_net_input_bytes", totals.input_bytes);
    line(text, "total_net_output_bytes", totals.output_bytes);
    line(text, "instantaneous_input_kbps", "0.00");
    line(text, "instantaneous_output_kbps", "0.00");
    line(text, "rejected_connections", state.rejected_connections.load(Relaxed));
    line(text, "sync_full", state.full_syncs.load(Relaxed));
    line(text, "sync_partial_ok", 0);
    line(text, "sync_partial_err", 0);
    line(text, "expired_keys", ws.keys.expired_keys);
    let (exceeded, exceeded_now) = ws.keys.eviction.exceeded();
    line(text, "evicted_keys", ws.keys.eviction.evicted_keys);
    line(text, "evicted_clients", state.client_memory.evicted());
    line(text, "total_eviction_exceeded_time", exceeded.as_millis());
    line(text, "current_eviction_exceeded_time", exceeded_now.as_millis());
    line(text, "keyspace_hits", totals.hits);
    line(text, "keyspace_misses", totals.misses);
    line(text, "pubsub_channels", ws.keys.pubsub.names(Topic::Channel).count());
    line(text, "pubsub_patterns", ws.keys.pubsub.names(Topic::Pattern).count());
    line(text, "pubsubshard_channels", ws.keys.pubsub.names(Topic::Shard).count());
    let (keys, items, prefixes) = ws.keys.remembered.counts();
    line(text, "tracking_total_keys", keys);
    line(text, "tracking_total_items", items);
    line(text, "tracking_total_prefixes", prefixes);
    line(text, "latest_fork_usec", 0);
    line(text, "migrate_cached_sockets", 0);
    line(text, "total_error_replies", totals.errors);
    line(text, "unexpected_error_replies", 0);
    line(text, "instantaneous_input_repl_kbps", "0.00");
    line(text, "instantaneous_output_repl_kbps", "0.00");
    line(text, "expired_stale_perc", "0.00");
    let none = [
        "total_net_repl_input_bytes",
        "total_net_repl_output_bytes",
        "expired_time_cap_reached_count",
        "slave_expires_tracked_keys",
        "total_forks",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
        "lazyfreed_objects",
        "io_threads_active",
        "io_threaded_reads_processed",
        "io_threaded_writes_processed",
    ];
    zeros(text, &none);
}

fn replication(ws: &Writing<'_>, text: &mut String) {
    line(text, "role", "master");
    line(text, "connected_slaves", 0);
    line(text, "master_failover_state", "no-failover");
    line(text, "master_replid", ws.dataset.state().run_id());
    line(text, "master_replid2", "0".repeat(40));
    line(text, "master_repl_offset", 0);
    line(text, "second_repl_offset", -1);
    line(text, "repl_backlog_active", 0);
    line(text, "repl_backlog_size", 0);
    line(text, "repl_backlog_first_byte_offset", 0);
    line(text, "repl_backlog_histlen", 0);
}

fn cpu(_: &Writing<'_>, text: &mut String) {
    let (system, user) = process::cpu_seconds();
    line(text, "used_cpu_sys", format!("{system:.6}"));
    line(text, "used_cpu_user", format!("{user:.6}"));
    line(text, "used_cpu_sys_children", "0.000000");
    line(text, "used_cpu_user_children", "0.000000");
}

fn command_stats(ws: &Writing<'_>, text: &mut String) {
    for (name, place) in table::callable() {
        let totals = ws.dataset.state().command_totals(place);
        if totals.calls + totals.rejected == 0 {
            continue;
        }
        let usec = totals.ns / 1000;
        let per_call = usec as f64 / totals.calls.max(1) as f64;
        let _ = write!(
            text,
            "cmdstat_{name}:calls={},usec={usec},usec_per_call={per_call:.2},rejected_calls={},\
             failed_calls={}\r\n",
            totals.calls, totals.rejected, totals.failed
        );
    }
}

/// The percentiles that are asked for (latency-tracking-info-percentiles).
fn latency_stats(ws: &Writing<'_>, text: &mut String) {
    let wanted = ws.dataset.state().config("latency-tracking-info-percentiles");
    let wanted = wanted.unwrap_or_default();
    for (name, place) in table::callable() {
        let totals = ws.dataset.state().command_totals(place);
        if !ws.dataset.state().tracks_latency.load(Relaxed) || totals.timed() == 0 {
            continue;
        }
        let shown = wanted.split_whitespace().map(|percent| {
            let share = percent.parse().unwrap_or(0.0) / 100.0;
            format!("p{percent}={}.000", totals.percentile_us(share))
        });
        let shown: Vec<String> = shown.collect();
        let _ = write!(text, "latency_percentiles_usec_{name}:{}\r\n", shown.join(","));
    }
}

fn error_stats(ws: &Writing<'_>, text: &mut String) {
    for (code, count) in ws.dataset.state().errors() {
        let _ = write!(text, "errorstat_{code}:count={count}\r\n");
    }
}

fn cluster(ws: &Writing<'_>, text: &mut String) {
    let enabled = ws.dataset.state().cluster_enabled.load(Relaxed);
    line(text, "cluster_enabled", u8::from(enabled));
}

fn keyspace(ws: &Writing<'_>, text: &mut String) {
    for (db, counts) in ws.keys.space.meta().dbs.iter().filter(|(_, counts)| counts.keys > 0) {
        let _ =
            write!(text, "db{db}:keys={},expires={},avg_ttl=0\r\n", counts.keys, counts.expires);
    }
}

/// What only this server has.
fn redtool(ws: &Writing<'_>, text: &mut String) {
    line(text, "redtool_version", env!("CARGO_PKG_VERSION"));
    line(text, "store", ws.dataset.store().scheme());
    if let Some(source) = ws.dataset.source() {
        line(text, "source", String::from_utf8_lossy(source).replace(['\r', '\n'], " "));
    }
    if let Some(seconds) = ws.dataset.ctime_s() {
        line(text, "dump_time", seconds);
    }
    line(text, "clock_ms", ws.now_ms());
    line(text, "readonly", u8::from(ws.dataset.readonly()));
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("info", -1, LOADING | STALE, NO_KEYS, Server, "1.0.0", info)
        .args("[section...]")
        .docs("O(1)", "Facts and counters of the server.")
        .acl(category::DANGEROUS)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
];

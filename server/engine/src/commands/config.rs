//! CONFIG: the parameters of redis.conf that mean something here.
//!
//! What can be changed at run time is changed where it has its effect ([`SETTABLE`]). Every other
//! parameter tells what is so; setting it to what it is already is no error, so that scripts which
//! make sure of something (`CONFIG SET save ""`) run.
use super::config_kept::KEPT;
use super::help::help;
use crate::args;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Server;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::eviction::{Policy, POLICY_NAMES};
use crate::glob;
use crate::keyspec::NO_KEYS;
use crate::notify;
use crate::save_points::SavePoints;
use crate::types::Result;
use crate::write::Writing;
use redtool_format::number;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// Parameters that only tell, and their values before the network layer adds its own.
const FIXED: &[(&str, &str)] = &[
    ("activedefrag", "no"),
    ("aclfile", ""),
    ("always-show-logo", "no"),
    ("appenddirname", "appendonlydir"),
    ("appendfilename", "appendonly.aof"),
    ("appendonly", "no"),
    ("bind", "127.0.0.1"),
    ("client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 0 0"),
    ("client-query-buffer-limit", "1073741824"),
    ("cluster-enabled", "no"),
    ("daemonize", "no"),
    ("databases", "16"),
    ("dbfilename", ""),
    ("dir", ""),
    ("enable-debug-command", "yes"),
    ("enable-module-command", "no"),
    ("enable-protected-configs", "no"),
    ("io-threads", "1"),
    ("logfile", ""),
    ("min-replicas-to-write", "0"),
    ("min-slaves-to-write", "0"),
    ("pidfile", ""),
    ("port", "0"),
    ("proto-max-bulk-len", "536870912"),
    ("protected-mode", "yes"),
    ("rdbchecksum", "yes"),
    ("replicaof", ""),
    ("slaveof", ""),
    ("supervised", "no"),
    ("tcp-backlog", "511"),
    ("tls-port", "0"),
    ("unixsocket", ""),
];

/// What values a parameter takes.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// Whole numbers between two.
    Number(i64, i64),
    /// Bytes, with or without a unit.
    Bytes,
    /// The same, or a percentage, which is negative.
    BytesOrPercent,
    /// yes or no.
    YesNo,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Letters of keyspace events.
    Events,
    /// Percentiles, between spaces.
    Percentiles,
    /// When to save: pairs of seconds and changes.
    SavePoints,
    /// Anything.
    Text,
}

/// Brings a value, which is a number where the parameter takes one, to its effect.
type Apply = fn(&mut Writing<'_>, i64, &str);

/// A parameter that can be changed.
pub(super) struct Settable {
    name: &'static str,
    /// An older name of the same.
    alias: Option<&'static str>,
    default: &'static str,
    takes: Takes,
    apply: Apply,
}

pub(super) const fn settable(
    name: &'static str,
    default: &'static str,
    takes: Takes,
    apply: Apply,
) -> Settable {
    Settable { name, alias: None, default, takes, apply }
}

impl Settable {
    pub(super) const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    fn is_named(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
}

pub(super) const MAX: i64 = i64::MAX;
pub(super) const MAX_INT: i64 = i32::MAX as i64;

/// The parameters that can be changed.
#[rustfmt::skip]
const SETTABLE: &[Settable] = &[
    settable("active-expire-effort", "1", Takes::Number(1, 10), |_, _, _| ()),
    settable("activerehashing", "yes", Takes::YesNo, |_, _, _| ()),
    settable("busy-reply-threshold", "5000", Takes::Number(0, MAX),
        |ws, ms, _| ws.keys.limits.script_ms = ms as u64).or("lua-time-limit"),
    settable("hash-max-listpack-entries", "512", Takes::Number(0, MAX),
        |ws, n, _| ws.keys.limits.hash_entries = n as usize).or("hash-max-ziplist-entries"),
    settable("hash-max-listpack-value", "64", Takes::Bytes,
        |ws, n, _| ws.keys.limits.hash_value_bytes = n as usize).or("hash-max-ziplist-value"),
    settable("hll-sparse-max-bytes", "3000", Takes::Bytes,
        |ws, n, _| ws.keys.limits.hll_sparse_bytes = n as usize),
    settable("hz", "10", Takes::Number(0, i32::MAX as i64), |_, _, _| ()),
    settable("latency-monitor-threshold", "0", Takes::Number(0, MAX),
        |ws, n, _| ws.dataset.state().slow.latency_threshold_ms.store(n, Relaxed)),
    settable("latency-tracking", "yes", Takes::YesNo,
        |ws, on, _| ws.dataset.state().tracks_latency.store(on == 1, Relaxed)),
    settable("latency-tracking-info-percentiles", "50 99 99.9", Takes::Percentiles, |_, _, _| ()),
    settable("lazyfree-lazy-user-del", "no", Takes::YesNo, |_, _, _| ()),
    settable("list-max-listpack-size", "-2", Takes::Number(i32::MIN as i64, i32::MAX as i64),
        |ws, n, _| ws.keys.limits.list_size = n).or("list-max-ziplist-size"),
    settable("maxclients", "10000", Takes::Number(1, u32::MAX as i64),
        |ws, n, _| ws.dataset.state().clients_max.store(n as usize, Relaxed)),
    settable("lazyfree-lazy-eviction", "no", Takes::YesNo, |_, _, _| ()),
    settable("lfu-decay-time", "1", Takes::Number(0, MAX_INT),
        |ws, n, _| ws.keys.eviction.counting.decay_min = n as u32),
    settable("lfu-log-factor", "10", Takes::Number(0, MAX_INT),
        |ws, n, _| ws.keys.eviction.counting.log_factor = n as u32),
    settable("maxmemory", "0", Takes::Bytes, |ws, n, _| {
        ws.keys.limits.memory_bytes = n as usize;
        ws.keys.eviction.is_full = false;
        ws.keys.limit_clients();
    }),
    settable("maxmemory-clients", "0", Takes::BytesOrPercent, |ws, n, _| {
        ws.keys.limits.client_bytes = n;
        ws.keys.limit_clients();
    }),
    settable("maxmemory-eviction-tenacity", "10", Takes::Number(0, 100),
        |ws, n, _| ws.keys.eviction.tenacity = n as u32),
    settable("maxmemory-policy", "noeviction", Takes::OneOf(&POLICY_NAMES),
        |ws, _, name| ws.keys.eviction.set_policy(Policy::named(name).unwrap_or_default())),
    settable("maxmemory-samples", "5", Takes::Number(1, MAX_INT),
        |ws, n, _| ws.keys.eviction.samples = n as usize),
    settable("notify-keyspace-events", "", Takes::Events,
        |ws, _, text| ws.keys.events = notify::parse(text.as_bytes()).unwrap_or(0)),
    settable("requirepass", "", Takes::Text,
        |ws, _, text| ws.dataset.state().set_password(text.as_bytes())),
    settable("save", "", Takes::SavePoints,
        |ws, _, text| ws.keys.saves.points = SavePoints::parse(text).unwrap_or_default()),
    settable("set-max-intset-entries", "512", Takes::Number(0, MAX),
        |ws, n, _| ws.keys.limits.set_intset_entries = n as usize),
    settable("set-max-listpack-entries", "128", Takes::Number(0, MAX),
        |ws, n, _| ws.keys.limits.set_entries = n as usize),
    settable("set-max-listpack-value", "64", Takes::Bytes,
        |ws, n, _| ws.keys.limits.set_value_bytes = n as usize),
    settable("slowlog-log-slower-than", "10000", Takes::Number(-1, MAX),
        |ws, n, _| ws.dataset.state().slow.slower_than_us.store(n, Relaxed)),
    settable("slowlog-max-len", "128", Takes::Number(0, MAX),
        |ws, n, _| ws.dataset.state().slow.max_len.store(n, Relaxed)),
    settable("stream-node-max-bytes", "4096", Takes::Bytes,
        |ws, n, _| ws.keys.limits.stream_node_bytes = n as usize),
    settable("stream-node-max-entries", "100", Takes::Number(0, MAX),
        |ws, n, _| ws.keys.limits.stream_node_entries = n as usize),
    settable("stop-writes-on-bgsave-error", "yes", Takes::YesNo,
        |ws, on, _| ws.keys.saves.set_goes_on(on == 0)),
    settable("tcp-keepalive", "300", Takes::Number(0, MAX_INT),
        |ws, n, _| ws.dataset.state().keepalive_s.store(n as u64, Relaxed)),
    settable("timeout", "0", Takes::Number(0, MAX_INT),
        |ws, n, _| ws.dataset.state().timeout_s.store(n as u64, Relaxed)),
    settable("tracking-table-max-keys", "1000000", Takes::Number(0, MAX),
        |ws, n, _| ws.keys.remembered.limit(n as usize, &ws.keys.state)),
    settable("zset-max-listpack-entries", "128", Takes::Number(0, MAX),
        |ws, n, _| ws.keys.limits.zset_entries = n as usize).or("zset-max-ziplist-entries"),
    settable("zset-max-listpack-value", "64", Takes::Bytes,
        |ws, n, _| ws.keys.limits.zset_value_bytes = n as usize).or("zset-max-ziplist-value"),
];

/// All that can be changed.
fn all_settable() -> impl Iterator<Item = &'static Settable> {
    SETTABLE.iter().chain(KEPT)
}

/// The parameters a server starts with.
pub fn defaults() -> BTreeMap<String, String> {
    let fixed = FIXED.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let named = |settable: &Settable| {
        let names = [Some(settable.name), settable.alias];
        let default = settable.default;
        names.into_iter().flatten().map(move |name| (name.to_string(), default.to_string()))
    };
    fixed.chain(all_settable().flat_map(named)).collect()
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

fn failed(name: &str, why: &str) -> Error {
    Error::text(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
}

/// A value that a parameter takes: the number that it means, and how it is shown.
fn read_value(settable: &Settable, name: &str, value: &[u8]) -> Result<(i64, String)> {
    let text = String::from_utf8_lossy(value).into_owned();
    match settable.takes {
        Takes::Text => Ok((0, text)),
        Takes::Number(low, high) => {
            let number = number::parse_i64(value)
                .ok_or_else(|| failed(name, "argument couldn't be parsed into an integer"))?;
            if number < low || number > high {
                let why = format!("argument must be between {low} and {high} inclusive");
                return Err(failed(name, &why));
            }
            Ok((number, number.to_string()))
        }
        Takes::Bytes => match bytes(&text) {
            Some(number) => Ok((number, number.to_string())),
            None => Err(failed(name, "argument must be a memory value")),
        },
        Takes::BytesOrPercent => read_share(name, &text),
        Takes::YesNo => match text.to_ascii_lowercase().as_str() {
            "yes" => Ok((1, "yes".into())),
            "no" => Ok((0, "no".into())),
            _ => Err(failed(name, "argument must be 'yes' or 'no'")),
        },
        Takes::OneOf(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(&text)) {
            Some(word) => Ok((0, word.to_string())),
            None => {
                let why = format!("argument(s) must be one of the following: {}", words.join(", "));
                Err(failed(name, &why))
            }
        },
        Takes::SavePoints => match SavePoints::parse(&text) {
            Some(points) => Ok((0, points.to_string())),
            None => Err(failed(name, "Invalid save parameters")),
        },
        Takes::Percentiles => match percentiles(&text) {
            Ok(shown) => Ok((0, shown)),
            Err(why) => Err(failed(name, why)),
        },
        Takes::Events => match notify::parse(value) {
            Some(events) => Ok((0, notify::show(events))),
            None => Err(failed(name, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")),
        },
    }
}

/// A number of bytes, or a percentage.
fn read_share(name: &str, text: &str) -> Result<(i64, String)> {
    let wrong = || failed(name, "argument must be a memory or percent value");
    let Some(digits) = text.strip_suffix('%') else {
        let number = bytes(text).ok_or_else(wrong)?;
        return Ok((number, number.to_string()));
    };
    match digits.parse::<u32>().map_err(|_| wrong())? {
        percent @ 0..=100 => Ok((-i64::from(percent), format!("{percent}%"))),
        _ => Err(failed(name, "percentage argument must be less or equal to 100")),
    }
}

/// Percentiles as they are shown, or what is wrong with them.
fn percentiles(text: &str) -> std::result::Result<String, &'static str> {
    const NOT_NUMBERS: &str = "Invalid latency-tracking-info-percentiles parameters";
    const OUTSIDE: &str =
        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    let mut shown = Vec::new();
    for word in text.split(' ').filter(|_| !text.is_empty()) {
        let percent: f64 = word.parse().map_err(|_| NOT_NUMBERS)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(OUTSIDE);
        }
        shown.push(percent.to_string());
    }
    Ok(shown.join(" "))
}

/// A number of bytes: `1024`, `1kb`, `1k` (1000), `1gb`.
fn bytes(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// What CONFIG SET is going to do: the parameter, the number, the text.
type Change = (&'static Settable, i64, String);

fn read_changes(ws: &Writing<'_>, pairs: &[&[u8]]) -> Result<Vec<Change>> {
    let mut changes: Vec<Change> = Vec::new();
    for pair in pairs.chunks(2) {
        let name = args::shown(pair[0], 128).to_ascii_lowercase();
        let known = ws.dataset.state().config(&name);
        let ([_, value], Some(known)) = (pair, known) else {
            return Err(Error::text(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{}'",
                args::shown(pair[0], 128)
            )));
        };
        match all_settable().find(|settable| settable.is_named(&name)) {
            Some(settable) if changes.iter().any(|(other, ..)| other.name == settable.name) => {
                return Err(failed(&name, "duplicate parameter"));
            }
            Some(settable) => {
                let (number, text) = read_value(settable, &name, value)?;
                check(ws, settable, number, &text)?;
                changes.push((settable, number, text));
            }
            None if value.eq_ignore_ascii_case(known.as_bytes()) => {}
            None => return Err(failed(&name, "can't set immutable config")),
        }
    }
    Ok(changes)
}

/// Refuses what this server cannot do, though a server could.
fn check(ws: &Writing<'_>, settable: &Settable, number: i64, text: &str) -> Outcome {
    let most = ws.dataset.state().clients_limit.load(Relaxed);
    match settable.name {
        "maxclients" if number as usize > most => Err(failed(
            settable.name,
            &format!(
                "The operating system is not able to handle the specified number of clients, \
                 try with {most}"
            ),
        )),
        "save" if !text.is_empty() && !ws.can_save() => Err(failed(
            settable.name,
            "this dataset is kept in memory only: start with --dir to save it",
        )),
        "maxmemory-policy" if ws.keys.space.is_durable() && text != Policy::default().name() => {
            Err(failed(settable.name, "the dataset is in a store: none of it is evicted"))
        }
        _ => Ok(()),
    }
}

fn config_set(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    // All of them, or none.
    for (settable, number, text) in read_changes(ws, &args[2..])? {
        (settable.apply)(ws, number, &text);
        for name in [Some(settable.name), settable.alias].into_iter().flatten() {
            ws.dataset.state().set_config(name, text.as_str());
        }
    }
    ws.out.simple("OK");
    Ok(())
}

fn config_resetstat(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    ws.dataset.state().reset_counters();
    ws.keys.expired_keys = 0;
    ws.keys.eviction.reset();
    ws.out.simple("OK");
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
    write_row("resetstat", 2, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Server, "2.0.0", config_resetstat)
        .docs("O(1)", "Sets the counters of INFO to zero."),
    row("rewrite", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.8.0", config_rewrite)
        .docs("O(1)", "Writes the configuration file."),
    write_row("set", -4, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.0.0", config_set)
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

//! Parameters of redis.conf that are taken, kept and told, and have no effect: they tune what this
//! server does in its own way, or are about a part of Redis that it does not have. One that would
//! promise something (`appendonly`, `min-replicas-to-write`) is not among them.
use super::config::{settable, Settable, Takes, MAX, MAX_INT};

/// A parameter without effect.
const fn kept(name: &'static str, default: &'static str, takes: Takes) -> Settable {
    settable(name, default, takes, |_, _, _| ())
}

const INT: Takes = Takes::Number(0, MAX_INT);
const ANY: Takes = Takes::Text;
const YES_NO: Takes = Takes::YesNo;
const BYTES: Takes = Takes::Bytes;

/// The parameters.
#[rustfmt::skip]
pub const KEPT: &[Settable] = &[
    kept("acl-pubsub-default", "resetchannels", Takes::OneOf(&["allchannels", "resetchannels"])),
    kept("acllog-max-len", "128", Takes::Number(0, MAX)),
    kept("active-defrag-cycle-max", "25", Takes::Number(1, 99)),
    kept("active-defrag-cycle-min", "1", Takes::Number(1, 99)),
    kept("active-defrag-ignore-bytes", "104857600", BYTES),
    kept("active-defrag-max-scan-fields", "1000", Takes::Number(1, MAX)),
    kept("active-defrag-threshold-lower", "10", Takes::Number(0, 1000)),
    kept("active-defrag-threshold-upper", "100", Takes::Number(0, 1000)),
    kept("aof-load-truncated", "yes", YES_NO),
    kept("aof-rewrite-incremental-fsync", "yes", YES_NO),
    kept("aof-timestamp-enabled", "no", YES_NO),
    kept("aof-use-rdb-preamble", "yes", YES_NO),
    kept("appendfsync", "everysec", Takes::OneOf(&["everysec", "always", "no"])),
    kept("auto-aof-rewrite-min-size", "67108864", BYTES),
    kept("auto-aof-rewrite-percentage", "100", INT),
    kept("cluster-allow-pubsubshard-when-down", "yes", YES_NO),
    kept("cluster-allow-reads-when-down", "no", YES_NO),
    kept("cluster-allow-replica-migration", "yes", YES_NO),
    kept("cluster-link-sendbuf-limit", "0", BYTES),
    kept("cluster-migration-barrier", "1", INT),
    kept("cluster-node-timeout", "15000", Takes::Number(0, MAX)),
    kept("cluster-replica-no-failover", "no", YES_NO).or("cluster-slave-no-failover"),
    kept("cluster-replica-validity-factor", "10", INT).or("cluster-slave-validity-factor"),
    kept("cluster-require-full-coverage", "yes", YES_NO),
    kept("crash-log-enabled", "yes", YES_NO),
    kept("crash-memcheck-enabled", "yes", YES_NO),
    kept("dynamic-hz", "yes", YES_NO),
    kept("jemalloc-bg-thread", "yes", YES_NO),
    kept("key-load-delay", "0", Takes::Number(i32::MIN as i64, MAX_INT)),
    kept("lazyfree-lazy-expire", "no", YES_NO),
    kept("lazyfree-lazy-server-del", "no", YES_NO),
    kept("lazyfree-lazy-user-flush", "no", YES_NO),
    kept("list-compress-depth", "0", INT),
    kept("loading-process-events-interval-bytes", "2097152", Takes::Number(1024, MAX_INT)),
    kept("loglevel", "notice", Takes::OneOf(&["debug", "verbose", "notice", "warning", "nothing"])),
    kept("masterauth", "", ANY),
    kept("masteruser", "", ANY),
    kept("min-replicas-max-lag", "10", INT).or("min-slaves-max-lag"),
    kept("no-appendfsync-on-rewrite", "no", YES_NO),
    kept("proc-title-template", "{title} {listen-addr} {server-mode}", ANY),
    kept("rdb-del-sync-files", "no", YES_NO),
    kept("rdb-key-save-delay", "0", Takes::Number(i32::MIN as i64, MAX_INT)),
    kept("rdb-save-incremental-fsync", "yes", YES_NO),
    kept("rdbcompression", "yes", YES_NO),
    kept("repl-backlog-size", "1048576", BYTES),
    kept("repl-backlog-ttl", "3600", Takes::Number(0, MAX)),
    kept("repl-disable-tcp-nodelay", "no", YES_NO),
    kept("repl-diskless-load", "disabled",
        Takes::OneOf(&["disabled", "on-empty-db", "swapdb"])),
    kept("repl-diskless-sync", "yes", YES_NO),
    kept("repl-diskless-sync-delay", "5", INT),
    kept("repl-diskless-sync-max-replicas", "0", INT),
    kept("repl-ping-replica-period", "10", Takes::Number(1, MAX_INT)).or("repl-ping-slave-period"),
    kept("repl-timeout", "60", Takes::Number(1, MAX_INT)),
    kept("replica-announce-ip", "", ANY).or("slave-announce-ip"),
    kept("replica-announce-port", "0", Takes::Number(0, 65535)).or("slave-announce-port"),
    kept("replica-announced", "yes", YES_NO),
    kept("replica-ignore-disk-write-errors", "no", YES_NO),
    kept("replica-ignore-maxmemory", "yes", YES_NO).or("slave-ignore-maxmemory"),
    kept("replica-lazy-flush", "no", YES_NO).or("slave-lazy-flush"),
    kept("replica-priority", "100", INT).or("slave-priority"),
    kept("replica-read-only", "yes", YES_NO).or("slave-read-only"),
    kept("replica-serve-stale-data", "yes", YES_NO).or("slave-serve-stale-data"),
    kept("sanitize-dump-payload", "no", Takes::OneOf(&["no", "yes", "clients"])),
    kept("shutdown-timeout", "10", INT),
];

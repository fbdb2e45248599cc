//! CLUSTER: the server as one node that owns every slot, when it was started so; else there is no
//! cluster.
//!
//! What would change a cluster is refused: there is nothing to change it to.
use super::help::help;
use crate::args;
use crate::command::flag::{ADMIN, FAST, LOADING, NOSCRIPT, NO_ASYNC_LOADING, STALE};
use crate::command::Group::Cluster;
use crate::command::{category, row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keys::{is_alive, Keys};
use crate::keyspec::NO_KEYS;
use crate::types::Result;
use redtool_format::slot;
use std::sync::atomic::Ordering::Relaxed;

/// Port of the cluster bus: the client port and this.
const BUS_PORT: u32 = 10_000;

/// The answer of Redis when it runs without cluster support.
fn disabled(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    Err(Error::fixed("ERR this server is a cluster of one node, which cannot be changed"))
}

fn check_enabled(ctx: &Context<'_>) -> Outcome {
    match ctx.dataset.state().cluster_enabled.load(Relaxed) {
        true => Ok(()),
        false => Err(Error::fixed("ERR This instance has cluster support disabled")),
    }
}

/// Host and port by which clients reach the node.
fn address(ctx: &Context<'_>) -> (String, u32) {
    let laddr = &ctx.session.info.laddr;
    let host = laddr.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host);
    let host = host.trim_matches(|c| c == '[' || c == ']').to_string();
    (host, ctx.dataset.state().port.load(Relaxed))
}

fn slot_of(arg: &[u8]) -> Result<u16> {
    let slot = redtool_format::number::parse_i64(arg).and_then(|n| u16::try_from(n).ok());
    slot.filter(|slot| *slot < slot::SLOTS).ok_or(Error::fixed("ERR Invalid or out of range slot"))
}

fn cluster_keyslot(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    ctx.out.int(i64::from(slot::of(args[2])));
    Ok(())
}

/// The keys of a slot, until there are so many.
fn keys_of(ctx: &Context<'_>, wanted: u16, most: usize) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut walk = Keys::new(ctx.reader, 0, b"")?;
    while let Some(key) = walk.next()? {
        let object = key.object()?;
        let name = key.name(&object);
        if slot::of(name) == wanted && is_alive(&object, ctx.now_ms()) {
            if found.len() == most {
                break;
            }
            found.push(name.to_vec());
        }
    }
    Ok(found)
}

fn cluster_countkeysinslot(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let slot = slot_of(args[2]).map_err(|_| Error::fixed("ERR Invalid slot"))?;
    let count = keys_of(ctx, slot, usize::MAX)?.len();
    ctx.out.int(count as i64);
    Ok(())
}

fn cluster_getkeysinslot(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let bad = Error::fixed("ERR Invalid slot or number of keys");
    let count = usize::try_from(args::int(args[3])?).map_err(|_| bad)?;
    let slot = slot_of(args[2]).map_err(|_| Error::fixed("ERR Invalid slot or number of keys"))?;
    let keys = keys_of(ctx, slot, count)?;
    ctx.out.array(keys.len());
    keys.iter().for_each(|key| ctx.out.bulk(key));
    Ok(())
}

fn cluster_info(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let text = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n\
                cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:1\r\n\
                cluster_size:1\r\ncluster_current_epoch:1\r\ncluster_my_epoch:1\r\n\
                cluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n\
                total_cluster_links_buffer_limit_exceeded:0\r\n";
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn cluster_myid(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let id = ctx.dataset.state().run_id().to_string();
    ctx.out.bulk(id.as_bytes());
    Ok(())
}

fn cluster_nodes(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let (host, port) = address(ctx);
    let id = ctx.dataset.state().run_id();
    let last = slot::SLOTS - 1;
    let bus = port + BUS_PORT;
    let line = format!("{id} {host}:{port}@{bus} myself,master - 0 0 1 connected 0-{last}\n");
    ctx.out.verbatim("txt", line.as_bytes());
    Ok(())
}

fn cluster_slots(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let (host, port) = address(ctx);
    let id = ctx.dataset.state().run_id();
    let out = &mut *ctx.out;
    out.array(1);
    out.array(3);
    out.int(0);
    out.int(i64::from(slot::SLOTS) - 1);
    out.array(4);
    out.bulk(host.as_bytes());
    out.int(i64::from(port));
    out.bulk(id.as_bytes());
    out.array(0);
    Ok(())
}

fn cluster_shards(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    let (host, port) = address(ctx);
    let id = ctx.dataset.state().run_id();
    let out = &mut *ctx.out;
    out.array(1);
    out.map(2);
    out.bulk(b"slots");
    out.array(2);
    out.int(0);
    out.int(i64::from(slot::SLOTS) - 1);
    out.bulk(b"nodes");
    out.array(1);
    out.map(7);
    for (name, value) in [("id", id), ("ip", &host), ("endpoint", &host), ("role", "master")] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"port");
    out.int(i64::from(port));
    out.bulk(b"replication-offset");
    out.int(0);
    out.bulk(b"health");
    out.bulk(b"online");
    Ok(())
}

fn no_nodes(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    ctx.out.array(0);
    Ok(())
}

fn cluster_help(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    help(ctx, args)
}

/// READONLY, READWRITE, ASKING: the one node has every slot.
fn ok(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    check_enabled(ctx)?;
    ctx.out.simple("OK");
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const CLUSTER_SUBCOMMANDS: &[Command] = &[
    row("addslots", -3, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("slot:integer...")
        .docs("O(N)", "Assigns slots."),
    row("addslotsrange", -4, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "7.0.0", disabled)
        .args("start-slot_end-slot:(start-slot:integer end-slot:integer)...")
        .docs("O(N)", "Assigns ranges of slots."),
    row("bumpepoch", 2, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Raises the epoch.").tips(&["nondeterministic_output"]),
    row("count-failure-reports", 3, ADMIN | STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("node-id")
        .docs("O(N)", "Failure reports about a node.").tips(&["nondeterministic_output"]),
    row("countkeysinslot", 3, STALE, NO_KEYS, Cluster, "3.0.0", cluster_countkeysinslot)
        .args("slot:integer")
        .docs("O(1)", "Number of keys in a slot."),
    row("delslots", -3, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("slot:integer...")
        .docs("O(N)", "Removes slots."),
    row("delslotsrange", -4, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "7.0.0", disabled)
        .args("start-slot_end-slot:(start-slot:integer end-slot:integer)...")
        .docs("O(N)", "Removes ranges of slots."),
    row("failover", -2, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("[options:<FORCE|TAKEOVER>]")
        .docs("O(1)", "Takes over from the master."),
    row("flushslots", 2, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Removes all slots from the node."),
    row("forget", 3, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("node-id")
        .docs("O(1)", "Removes a node."),
    row("getkeysinslot", 4, STALE, NO_KEYS, Cluster, "3.0.0", cluster_getkeysinslot)
        .args("slot:integer count:integer")
        .docs("O(log(N))", "Keys in a slot.").tips(&["nondeterministic_output"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Cluster, "5.0.0", cluster_help)
        .docs("O(1)", "What CLUSTER can do."),
    row("info", 2, STALE, NO_KEYS, Cluster, "3.0.0", cluster_info)
        .docs("O(1)", "State of the cluster.").tips(&["nondeterministic_output"]),
    row("keyslot", 3, STALE, NO_KEYS, Cluster, "3.0.0", cluster_keyslot)
        .args("key:string")
        .docs("O(N)", "Slot of a key."),
    row("links", 2, STALE, NO_KEYS, Cluster, "7.0.0", no_nodes)
        .docs("O(N)", "Connections of the cluster bus.").tips(&["nondeterministic_output"]),
    row("meet", -4, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("ip port:integer [cluster_bus_port:integer@4.0.0]")
        .docs("O(1)", "Adds a node."),
    row("myid", 2, STALE, NO_KEYS, Cluster, "3.0.0", cluster_myid)
        .docs("O(1)", "Id of the node."),
    row("myshardid", 2, STALE, NO_KEYS, Cluster, "7.2.0", cluster_myid)
        .docs("O(1)", "Id of the node's shard."),
    row("nodes", 2, STALE, NO_KEYS, Cluster, "3.0.0", cluster_nodes)
        .docs("O(N)", "All nodes.").tips(&["nondeterministic_output"]),
    row("replicas", 3, ADMIN | STALE, NO_KEYS, Cluster, "5.0.0", no_nodes)
        .args("node-id")
        .docs("O(1)", "Replicas of a node.").tips(&["nondeterministic_output"]),
    row("replicate", 3, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("node-id")
        .docs("O(1)", "Makes the node a replica of another."),
    row("reset", -2, ADMIN | NOSCRIPT | STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("[hard_soft:<HARD|SOFT>]")
        .docs("O(N)", "Resets the node."),
    row("saveconfig", 2, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Writes the cluster's configuration file."),
    row("set-config-epoch", 3, ADMIN | STALE | NO_ASYNC_LOADING,
        NO_KEYS, Cluster, "3.0.0", disabled)
        .args("config-epoch:integer")
        .docs("O(1)", "Sets the epoch of a new node."),
    row("setslot", -4, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("slot:integer \
               subcommand:<IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>")
        .docs("O(1)", "Moves a slot."),
    row("shards", 2, STALE, NO_KEYS, Cluster, "7.0.0", cluster_shards)
        .docs("O(N)", "Slots and nodes by shard.").tips(&["nondeterministic_output"]),
    row("slaves", 3, ADMIN | STALE, NO_KEYS, Cluster, "3.0.0", no_nodes)
        .args("node-id")
        .deprecated("5.0.0", "CLUSTER REPLICAS")
        .docs("O(1)", "Replicas of a node (old name).").tips(&["nondeterministic_output"]),
    row("slots", 2, STALE, NO_KEYS, Cluster, "3.0.0", cluster_slots)
        .deprecated("7.0.0", "CLUSTER SHARDS")
        .docs("O(N)", "Slots and nodes.").tips(&["nondeterministic_output"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("cluster", -2, 0, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("depends on the subcommand", "Cluster.").subcommands(CLUSTER_SUBCOMMANDS),
    row("asking", 1, FAST, NO_KEYS, Cluster, "3.0.0", ok)
        .docs("O(1)", "Announces a command for a slot that moves.").acl(category::CONNECTION),
    row("readonly", 1, LOADING | STALE | FAST, NO_KEYS, Cluster, "3.0.0", ok)
        .docs("O(1)", "Permits reads from a cluster replica.").acl(category::CONNECTION),
    row("readwrite", 1, LOADING | STALE | FAST, NO_KEYS, Cluster, "3.0.0", ok)
        .docs("O(1)", "Forbids reads from a cluster replica.").acl(category::CONNECTION),
];

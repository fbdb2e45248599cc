//! CLUSTER and what belongs to it: there is no cluster.
use crate::command::flag::{ADMIN, FAST, LOADING, NOSCRIPT, NO_ASYNC_LOADING, STALE};
use crate::command::Group::Cluster;
use crate::command::{category, row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;

/// The answer of Redis when it runs without cluster support.
fn disabled(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR This instance has cluster support disabled"))
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
    row("countkeysinslot", 3, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
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
    row("getkeysinslot", 4, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("slot:integer count:integer")
        .docs("O(log(N))", "Keys in a slot.").tips(&["nondeterministic_output"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Cluster, "5.0.0", disabled)
        .docs("O(1)", "What CLUSTER can do."),
    row("info", 2, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "State of the cluster.").tips(&["nondeterministic_output"]),
    row("keyslot", 3, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("key:string")
        .docs("O(N)", "Slot of a key."),
    row("links", 2, STALE, NO_KEYS, Cluster, "7.0.0", disabled)
        .docs("O(N)", "Connections of the cluster bus.").tips(&["nondeterministic_output"]),
    row("meet", -4, ADMIN | STALE | NO_ASYNC_LOADING, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("ip port:integer [cluster_bus_port:integer@4.0.0]")
        .docs("O(1)", "Adds a node."),
    row("myid", 2, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Id of the node."),
    row("myshardid", 2, STALE, NO_KEYS, Cluster, "7.2.0", disabled)
        .docs("O(1)", "Id of the node's shard."),
    row("nodes", 2, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(N)", "All nodes.").tips(&["nondeterministic_output"]),
    row("replicas", 3, ADMIN | STALE, NO_KEYS, Cluster, "5.0.0", disabled)
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
    row("shards", 2, STALE, NO_KEYS, Cluster, "7.0.0", disabled)
        .docs("O(N)", "Slots and nodes by shard.").tips(&["nondeterministic_output"]),
    row("slaves", 3, ADMIN | STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .args("node-id")
        .deprecated("5.0.0", "CLUSTER REPLICAS")
        .docs("O(1)", "Replicas of a node (old name).").tips(&["nondeterministic_output"]),
    row("slots", 2, STALE, NO_KEYS, Cluster, "3.0.0", disabled)
        .deprecated("7.0.0", "CLUSTER SHARDS")
        .docs("O(N)", "Slots and nodes.").tips(&["nondeterministic_output"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("cluster", -2, 0, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("depends on the subcommand", "Cluster.").subcommands(CLUSTER_SUBCOMMANDS),
    row("asking", 1, FAST, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Announces a command for a slot that moves.").acl(category::CONNECTION),
    row("readonly", 1, LOADING | STALE | FAST, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Permits reads from a cluster replica.").acl(category::CONNECTION),
    row("readwrite", 1, LOADING | STALE | FAST, NO_KEYS, Cluster, "3.0.0", disabled)
        .docs("O(1)", "Forbids reads from a cluster replica.").acl(category::CONNECTION),
];

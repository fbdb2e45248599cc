//! Publish and subscribe. A read-only dataset has no publishers of its own and this milestone no
//! subscribers, so what counts them says none.
use super::help::help;
use crate::command::flag::{FAST, LOADING, NOSCRIPT, PUBSUB, STALE};
use crate::command::Group::PubSub;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::NOT_KEY;
use crate::keyspec::{KeySpec, NO_KEYS};

fn pubsub(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn publish(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(0);
    Ok(())
}

fn no_channels(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(0);
    Ok(())
}

fn pubsub_numpat(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(0);
    Ok(())
}

/// Channels and the number of their listeners.
fn no_listeners(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    ctx.out.array(2 * (args.len() - 2));
    for channel in &args[2..] {
        ctx.out.bulk(channel);
        ctx.out.int(0);
    }
    Ok(())
}

fn subscribe(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let name = ctx.command.name.to_ascii_uppercase();
    Err(Error::text(format!("ERR {name} is not supported by this server")))
}

/// Leaving channels that were never entered is answered as Redis does: one message for each, or one
/// for none.
fn unsubscribe(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let word = ctx.command.name.as_bytes();
    let channels: Vec<Option<&[u8]>> = match &args[1..] {
        [] => vec![None],
        channels => channels.iter().map(|channel| Some(*channel)).collect(),
    };
    for channel in channels {
        ctx.out.push(3);
        ctx.out.bulk(word);
        match channel {
            Some(channel) => ctx.out.bulk(channel),
            None => ctx.out.null(),
        }
        ctx.out.int(0);
    }
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const PUBSUB_SUBCOMMANDS: &[Command] = &[
    row("channels", -2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "2.8.0", no_channels)
        .args("[pattern:pattern]")
        .docs("O(N)", "Channels somebody listens to."),
    row("help", 2, LOADING | STALE, NO_KEYS, PubSub, "6.2.0", help)
        .docs("O(1)", "What PUBSUB can do.").acl(0),
    row("numpat", 2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "2.8.0", pubsub_numpat)
        .docs("O(1)", "Number of patterns listened to."),
    row("numsub", -2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "2.8.0", no_listeners)
        .args("[channel...]")
        .docs("O(N)", "Number of listeners of channels."),
    row("shardchannels", -2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "7.0.0", no_channels)
        .args("[pattern:pattern]")
        .docs("O(N)", "Shard channels somebody listens to."),
    row("shardnumsub", -2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "7.0.0", no_listeners)
        .args("[shardchannel...]")
        .docs("O(N)", "Number of listeners of shard channels."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("publish", 3, PUBSUB | LOADING | STALE | FAST, NO_KEYS, PubSub, "2.0.0", publish)
        .args("channel message")
        .docs("O(N+M)", "Sends a message to a channel."),
    row("spublish", 3, PUBSUB | LOADING | STALE | FAST,
        &[KeySpec::at(NOT_KEY, 1)], PubSub, "7.0.0", publish)
        .args("shardchannel message")
        .docs("O(N)", "Sends a message to a shard channel."),
    row("pubsub", -2, 0, NO_KEYS, PubSub, "2.8.0", pubsub)
        .docs("depends on the subcommand", "Who listens to what.")
        .acl(0).subcommands(PUBSUB_SUBCOMMANDS),
    row("subscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE, NO_KEYS, PubSub, "2.0.0", subscribe)
        .args("channel...")
        .docs("O(N)", "Listens to channels."),
    row("psubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE, NO_KEYS, PubSub, "2.0.0", subscribe)
        .args("pattern:(pattern:pattern)...")
        .docs("O(N)", "Listens to channels by pattern."),
    row("ssubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE,
        &[KeySpec::range(NOT_KEY, 1, -1, 1)], PubSub, "7.0.0", subscribe)
        .args("shardchannel...")
        .docs("O(N)", "Listens to shard channels."),
    row("unsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE,
        NO_KEYS, PubSub, "2.0.0", unsubscribe)
        .args("[channel...]")
        .docs("O(N)", "Stops listening to channels."),
    row("punsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE,
        NO_KEYS, PubSub, "2.0.0", unsubscribe)
        .args("[pattern:pattern...]")
        .docs("O(N+M)", "Stops listening to patterns."),
    row("sunsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE,
        &[KeySpec::range(NOT_KEY, 1, -1, 1)], PubSub, "7.0.0", unsubscribe)
        .args("[shardchannel...]")
        .docs("O(N)", "Stops listening to shard channels."),
];

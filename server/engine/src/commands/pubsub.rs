//! Publish and subscribe: channels, patterns, channels of a slot.
//!
//! Messages go through [`crate::pubsub`] into mailboxes; the confirmations of SUBSCRIBE and its kin
//! are replies of the command itself, one for each channel.
use super::help::help;
use crate::command::flag::{FAST, LOADING, NOSCRIPT, PUBSUB, STALE};
use crate::command::Group::PubSub;
use crate::command::{row, write_row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::glob;
use crate::keyspec::access::NOT_KEY;
use crate::keyspec::{KeySpec, NO_KEYS};
use crate::pubsub::Topic;
use crate::write::Writing;
use std::sync::atomic::Ordering::Relaxed;

fn pubsub(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn publish(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let sent = ws.keys.pubsub.publish(args[1], args[2]);
    ws.out.int(sent as i64);
    Ok(())
}

fn spublish(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let sent = ws.keys.pubsub.publish_sharded(args[1], args[2]);
    ws.out.int(sent as i64);
    Ok(())
}

fn reply_names(ws: &mut Writing<'_>, topic: Topic, pattern: Option<&&[u8]>) {
    let wanted = |name: &[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name, false));
    let names: Vec<&[u8]> =
        ws.keys.pubsub.names(topic).map(|(name, _)| name).filter(|name| wanted(name)).collect();
    ws.out.array(names.len());
    names.iter().for_each(|name| ws.out.bulk(name));
}

fn pubsub_channels(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    reply_names(ws, Topic::Channel, args.get(2));
    Ok(())
}

fn pubsub_shardchannels(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    reply_names(ws, Topic::Shard, args.get(2));
    Ok(())
}

fn pubsub_numpat(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    let patterns = ws.keys.pubsub.names(Topic::Pattern).count();
    ws.out.int(patterns as i64);
    Ok(())
}

/// Channels and the number of their listeners.
fn reply_listeners(ws: &mut Writing<'_>, topic: Topic, channels: &[&[u8]]) {
    ws.out.array(2 * channels.len());
    for channel in channels {
        ws.out.bulk(channel);
        ws.out.int(ws.keys.pubsub.listeners(topic, channel) as i64);
    }
}

fn pubsub_numsub(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    reply_listeners(ws, Topic::Channel, &args[2..]);
    Ok(())
}

fn pubsub_shardnumsub(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    reply_listeners(ws, Topic::Shard, &args[2..]);
    Ok(())
}

/// How many channels the client listens to, as the confirmations count them.
fn listening_to(ws: &Writing<'_>, topic: Topic) -> i64 {
    let [channels, patterns, shards] = &ws.session.info.subscriptions;
    match topic {
        Topic::Shard => shards.load(Relaxed) as i64,
        Topic::Channel | Topic::Pattern => (channels.load(Relaxed) + patterns.load(Relaxed)) as i64,
    }
}

fn confirm(ws: &mut Writing<'_>, topic: Topic, channel: Option<&[u8]>) {
    ws.out.push(3);
    ws.out.bulk(ws.command.name.as_bytes());
    match channel {
        Some(channel) => ws.out.bulk(channel),
        None => ws.out.null(),
    }
    ws.out.int(listening_to(ws, topic));
}

fn enter(ws: &mut Writing<'_>, topic: Topic, names: &[&[u8]]) -> Outcome {
    if !ws.may_wait && ws.is_scripted {
        let name = ws.command.name.to_ascii_uppercase();
        let text = format!("ERR {name} isn't allowed for a DENY BLOCKING client");
        return Err(Error::text(text));
    }
    for name in names {
        ws.keys.pubsub.subscribe(topic, name, &ws.session.info);
        confirm(ws, topic, Some(name));
    }
    Ok(())
}

fn leave(ws: &mut Writing<'_>, topic: Topic, names: &[&[u8]]) -> Outcome {
    if !names.is_empty() {
        for name in names {
            ws.keys.pubsub.unsubscribe(topic, name, &ws.session.info);
            confirm(ws, topic, Some(name));
        }
        return Ok(());
    }
    let all = ws.keys.pubsub.of_client(topic, &ws.session.info);
    for name in &all {
        ws.keys.pubsub.unsubscribe(topic, name, &ws.session.info);
        confirm(ws, topic, Some(name));
    }
    if all.is_empty() {
        confirm(ws, topic, None);
    }
    Ok(())
}

fn subscribe(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    enter(ws, Topic::Channel, &args[1..])
}

fn psubscribe(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    enter(ws, Topic::Pattern, &args[1..])
}

fn ssubscribe(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    enter(ws, Topic::Shard, &args[1..])
}

fn unsubscribe(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    leave(ws, Topic::Channel, &args[1..])
}

fn punsubscribe(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    leave(ws, Topic::Pattern, &args[1..])
}

fn sunsubscribe(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    leave(ws, Topic::Shard, &args[1..])
}

/// Subcommands.
#[rustfmt::skip]
const PUBSUB_SUBCOMMANDS: &[Command] = &[
    write_row("channels", -2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "2.8.0", pubsub_channels)
        .args("[pattern:pattern]")
        .docs("O(N)", "Channels somebody listens to."),
    row("help", 2, LOADING | STALE, NO_KEYS, PubSub, "6.2.0", help)
        .docs("O(1)", "What PUBSUB can do.").acl(0),
    write_row("numpat", 2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "2.8.0", pubsub_numpat)
        .docs("O(1)", "Number of patterns listened to."),
    write_row("numsub", -2, PUBSUB | LOADING | STALE, NO_KEYS, PubSub, "2.8.0", pubsub_numsub)
        .args("[channel...]")
        .docs("O(N)", "Number of listeners of channels."),
    write_row("shardchannels", -2, PUBSUB | LOADING | STALE,
        NO_KEYS, PubSub, "7.0.0", pubsub_shardchannels)
        .args("[pattern:pattern]")
        .docs("O(N)", "Shard channels somebody listens to."),
    write_row("shardnumsub", -2, PUBSUB | LOADING | STALE,
        NO_KEYS, PubSub, "7.0.0", pubsub_shardnumsub)
        .args("[shardchannel...]")
        .docs("O(N)", "Number of listeners of shard channels."),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("publish", 3, PUBSUB | LOADING | STALE | FAST, NO_KEYS, PubSub, "2.0.0", publish)
        .args("channel message")
        .docs("O(N+M)", "Sends a message to a channel."),
    write_row("spublish", 3, PUBSUB | LOADING | STALE | FAST,
        &[KeySpec::at(NOT_KEY, 1)], PubSub, "7.0.0", spublish)
        .args("shardchannel message")
        .docs("O(N)", "Sends a message to a shard channel."),
    row("pubsub", -2, 0, NO_KEYS, PubSub, "2.8.0", pubsub)
        .docs("depends on the subcommand", "Who listens to what.")
        .acl(0).subcommands(PUBSUB_SUBCOMMANDS),
    write_row("subscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE,
        NO_KEYS, PubSub, "2.0.0", subscribe)
        .args("channel...")
        .docs("O(N)", "Listens to channels."),
    write_row("psubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE,
        NO_KEYS, PubSub, "2.0.0", psubscribe)
        .args("pattern:(pattern:pattern)...")
        .docs("O(N)", "Listens to channels by pattern."),
    write_row("ssubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE,
        &[KeySpec::range(NOT_KEY, 1, -1, 1)], PubSub, "7.0.0", ssubscribe)
        .args("shardchannel...")
        .docs("O(N)", "Listens to shard channels."),
    write_row("unsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE,
        NO_KEYS, PubSub, "2.0.0", unsubscribe)
        .args("[channel...]")
        .docs("O(N)", "Stops listening to channels."),
    write_row("punsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE,
        NO_KEYS, PubSub, "2.0.0", punsubscribe)
        .args("[pattern:pattern...]")
        .docs("O(N+M)", "Stops listening to patterns."),
    write_row("sunsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE,
        &[KeySpec::range(NOT_KEY, 1, -1, 1)], PubSub, "7.0.0", sunsubscribe)
        .args("[shardchannel...]")
        .docs("O(N)", "Stops listening to shard channels."),
];

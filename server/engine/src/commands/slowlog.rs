//! SLOWLOG and LATENCY: commands that took long.
use super::help::help;
use crate::args;
use crate::command::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::command::Group::Server;
use crate::command::{row, Command};
use crate::context::Context;
use crate::counters::CommandTotals;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::table;

fn container(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn slowlog_get(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let count = match args.get(2) {
        None => 10,
        Some(count) => {
            args::int_from(count, -1, "ERR count should be greater than or equal to -1")?
        }
    };
    // -1 is all of them.
    let entries = ctx.dataset.state().slow.newest(usize::try_from(count).unwrap_or(usize::MAX));
    let out = &mut *ctx.out;
    out.array(entries.len());
    for slow in entries {
        out.array(6);
        out.int(slow.id as i64);
        out.int(slow.at_s);
        out.int(slow.duration_us as i64);
        out.array(slow.words.len());
        slow.words.iter().for_each(|word| out.bulk(word));
        out.bulk(slow.addr.as_bytes());
        out.bulk(&slow.name);
    }
    Ok(())
}

fn slowlog_len(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let len = ctx.dataset.state().slow.len();
    ctx.out.int(len as i64);
    Ok(())
}

fn slowlog_reset(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.dataset.state().slow.clear();
    ctx.out.simple("OK");
    Ok(())
}

fn latency_latest(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let events = ctx.dataset.state().slow.events();
    ctx.out.array(events.len());
    for (name, event) in events {
        let (at_s, ms) = event.samples.back().copied().unwrap_or_default();
        ctx.out.array(4);
        ctx.out.bulk(name.as_bytes());
        ctx.out.int(at_s);
        ctx.out.int(ms as i64);
        ctx.out.int(event.max_ms as i64);
    }
    Ok(())
}

fn latency_history(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let events = ctx.dataset.state().slow.events();
    let wanted = events.iter().find(|(name, _)| args::is(args[2], name));
    let samples = wanted.map(|(_, event)| event.samples.clone()).unwrap_or_default();
    ctx.out.array(samples.len());
    for (at_s, ms) in samples {
        ctx.out.array(2);
        ctx.out.int(at_s);
        ctx.out.int(ms as i64);
    }
    Ok(())
}

fn latency_reset(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let removed = ctx.dataset.state().slow.reset_events(&args[2..]);
    ctx.out.int(removed as i64);
    Ok(())
}

/// A line a sample: a bar as long as the sample is of the longest.
fn latency_graph(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    const WIDTH: u64 = 60;
    let events = ctx.dataset.state().slow.events();
    let Some((name, event)) = events.iter().find(|(name, _)| args::is(args[2], name)) else {
        let event = args::shown(args[2], 128);
        return Err(Error::text(format!("ERR No samples available for event '{event}'")));
    };
    let highest = event.samples.iter().map(|(_, ms)| *ms).max().unwrap_or(0).max(1);
    let lowest = event.samples.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let mut text = format!(
        "{name} - high {highest} ms, low {lowest} ms (all time high {} ms)\n",
        event.max_ms
    );
    for (at_s, ms) in &event.samples {
        let bar = "#".repeat((ms * WIDTH / highest).max(1) as usize);
        text.push_str(&format!("{at_s} {ms:>6} ms {bar}\n"));
    }
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn latency_doctor(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let slow = &ctx.dataset.state().slow;
    let events = slow.events();
    let mut text = String::new();
    if slow.latency_threshold_ms.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        text.push_str(
            "Latency is not monitored: CONFIG SET latency-monitor-threshold <ms> starts it.\n",
        );
    } else if events.is_empty() {
        text.push_str("No command has taken longer than the threshold.\n");
    }
    for (name, event) in events {
        let total: u64 = event.samples.iter().map(|(_, ms)| ms).sum();
        let mean = total / event.samples.len().max(1) as u64;
        text.push_str(&format!(
            "{name}: {} samples, {mean} ms in the mean, {} ms at most. SLOWLOG GET shows which \
             commands were slow.\n",
            event.samples.len(),
            event.max_ms
        ));
    }
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// LATENCY HISTOGRAM [command ...]: cumulative counts of calls by powers of two of microseconds.
fn latency_histogram(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let mut shown: Vec<(String, CommandTotals)> = Vec::new();
    for (name, place) in table::callable() {
        // A command that has subcommands means them all.
        let parent = name.split('|').next().unwrap_or_default();
        let is_it = |word: &&[u8]| args::is(word, &name) || args::is(word, parent);
        if args.len() == 2 || args[2..].iter().any(is_it) {
            let totals = ctx.dataset.state().command_totals(place);
            if totals.timed() > 0 {
                shown.push((name, totals));
            }
        }
    }
    ctx.out.map(shown.len());
    for (name, totals) in shown {
        ctx.out.bulk(name.as_bytes());
        ctx.out.map(2);
        ctx.out.bulk(b"calls");
        ctx.out.int(totals.timed() as i64);
        ctx.out.bulk(b"histogram_usec");
        let mut sum = 0;
        let buckets: Vec<(u64, u64)> = totals
            .buckets
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(power, count)| {
                sum += count;
                (1 << power, sum)
            })
            .collect();
        ctx.out.map(buckets.len());
        for (up_to_us, count) in buckets {
            ctx.out.int(up_to_us as i64);
            ctx.out.int(count as i64);
        }
    }
    Ok(())
}

/// Subcommands.
#[rustfmt::skip]
const LATENCY_SUBCOMMANDS: &[Command] = &[
    row("doctor", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.8.13", latency_doctor)
        .docs("O(1)", "Advice about latency.")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    row("graph", 3, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.8.13", latency_graph)
        .args("event")
        .docs("O(1)", "Latency of an event as a drawing.")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "2.8.13", help)
        .docs("O(1)", "What LATENCY can do."),
    row("histogram", -2, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Server, "7.0.0", latency_histogram)
        .args("[command...]")
        .docs("O(N)", "How long calls of commands took.")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    row("history", 3, ADMIN | NOSCRIPT | LOADING | STALE,
        NO_KEYS, Server, "2.8.13", latency_history)
        .args("event")
        .docs("O(1)", "Latency of an event over time.")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    row("latest", 2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.8.13", latency_latest)
        .docs("O(1)", "The latest latency of each event.")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    row("reset", -2, ADMIN | NOSCRIPT | LOADING | STALE, NO_KEYS, Server, "2.8.13", latency_reset)
        .args("[event...]")
        .docs("O(1)", "Forgets the measurements.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

/// Subcommands.
#[rustfmt::skip]
const SLOWLOG_SUBCOMMANDS: &[Command] = &[
    row("get", -2, ADMIN | LOADING | STALE, NO_KEYS, Server, "2.2.12", slowlog_get)
        .args("[count:integer]")
        .docs("O(N)", "The entries.")
        .tips(&["request_policy:all_nodes", "nondeterministic_output"]),
    row("help", 2, LOADING | STALE, NO_KEYS, Server, "6.2.0", help)
        .docs("O(1)", "What SLOWLOG can do."),
    row("len", 2, ADMIN | LOADING | STALE, NO_KEYS, Server, "2.2.12", slowlog_len)
        .docs("O(1)", "Number of entries.")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    row("reset", 2, ADMIN | LOADING | STALE, NO_KEYS, Server, "2.2.12", slowlog_reset)
        .docs("O(N)", "Removes the entries.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("latency", -2, 0, NO_KEYS, Server, "2.8.13", container)
        .docs("depends on the subcommand", "Latency measurements.")
        .subcommands(LATENCY_SUBCOMMANDS),
    row("slowlog", -2, 0, NO_KEYS, Server, "2.2.12", container)
        .docs("depends on the subcommand", "Slow commands.").subcommands(SLOWLOG_SUBCOMMANDS),
];

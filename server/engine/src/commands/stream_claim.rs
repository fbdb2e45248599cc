//! Pending messages taken over by another consumer: XCLAIM, XAUTOCLAIM.
use crate::args;
use crate::command::flag::{FAST, WRITE};
use crate::command::Group::Stream as Streams;
use crate::command::{write_row, Command};
use crate::commands::stream::{reply_id, reply_message};
use crate::commands::stream_id::{parse_exact, parse_start};
use crate::commands::stream_write::{change_read, tell};
use crate::error::{Error, Outcome};
use crate::keyspec::access::{DELETE, RW, UPDATE};
use crate::keyspec::KeySpec;
use crate::types::stream::{id_after, Stream};
use crate::types::stream_groups::{Group, Pending};
use crate::types::{Direction, Result, STOP};
use crate::write::Writing;
use redtool_format::encodings::stream::StreamId;
use redtool_format::resp::Writer;

/// The error of a group, or a key, that is not there.
fn missing(args: &[&[u8]]) -> Error {
    let (key, group) = (args::shown(args[1], 128), args::shown(args[2], 128));
    Error::text(format!("NOGROUP No such key '{key}' or consumer group '{group}'"))
}

/// Replies with a message, or with its id alone; false when it is not there.
fn reply_claimed(
    out: &mut Writer,
    stream: &Stream<'_>,
    id: StreamId,
    just_id: bool,
) -> Result<bool> {
    let mut is_there = false;
    stream.each(id, id, Direction::Forward, |message| {
        is_there = true;
        match just_id {
            true => reply_id(out, id),
            false => reply_message(out, message),
        }
        Ok(STOP)
    })?;
    Ok(is_there)
}

/// What XCLAIM is asked for.
struct Claim {
    min_idle_ms: i64,
    ids: Vec<StreamId>,
    delivered_at_ms: i64,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

impl Claim {
    fn parse(args: &[&[u8]], now_ms: i64) -> Result<Self> {
        let int = |text: &[u8], error: &'static str| args::int_from(text, i64::MIN, error);
        let min_idle_ms = int(args[4], "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
        let ids: Vec<_> = args[5..].iter().map_while(|id| parse_exact(id, 0).ok()).collect();
        let mut rest = &args[5 + ids.len()..];
        let mut claim = Self {
            min_idle_ms,
            ids,
            delivered_at_ms: now_ms,
            deliveries: None,
            force: false,
            just_id: false,
            last_id: StreamId::MIN,
        };
        let mut delivered_at_ms = None;
        while let [word, tail @ ..] = rest {
            rest = tail;
            if args::is(word, "force") {
                claim.force = true;
                continue;
            } else if args::is(word, "justid") {
                claim.just_id = true;
                continue;
            }
            let [value, tail @ ..] = tail else { return Err(unknown(word)) };
            rest = tail;
            if args::is(word, "idle") {
                let idle_ms = int(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                delivered_at_ms = Some(now_ms.wrapping_sub(idle_ms));
            } else if args::is(word, "time") {
                let at = int(value, "ERR Invalid TIME option argument for XCLAIM")?;
                delivered_at_ms = Some(at);
            } else if args::is(word, "retrycount") {
                let count = int(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.deliveries = u64::try_from(count).ok();
            } else if args::is(word, "lastid") {
                claim.last_id = parse_exact(value, 0)?;
            } else {
                return Err(unknown(word));
            }
        }
        // A moment that cannot be is the clients' clocks' fault, and no error.
        let possible = delivered_at_ms.filter(|at| (0..=now_ms).contains(at));
        claim.delivered_at_ms = possible.unwrap_or(now_ms);
        Ok(claim)
    }

    /// Whether an entry has waited long enough.
    fn is_due(&self, entry: &Pending, now_ms: i64) -> bool {
        entry.consumer.is_none()
            || self.min_idle_ms == 0
            || now_ms.saturating_sub(entry.delivered_at_ms) >= self.min_idle_ms
    }

    /// Claims for a consumer, replying with what it gets; how much changed.
    fn run(
        &self,
        out: &mut Writer,
        stream: &Stream<'_>,
        group: &mut Group,
        number: usize,
        now_ms: i64,
    ) -> Result<u64> {
        let (place, mut given, mut dropped) = (out.begin_deferred(), 0, 0);
        for id in &self.ids {
            let entry = group.pending().get(id).copied();
            if entry.is_none() && !self.force {
                continue;
            }
            let is_due = entry.is_none_or(|entry| self.is_due(&entry, now_ms));
            let is_there = match is_due {
                true => reply_claimed(out, stream, *id, self.just_id)?,
                false => stream.contains(*id)?,
            };
            if !is_there {
                // A message that is gone is pending no longer.
                dropped += u64::from(group.acknowledge(*id));
            } else if is_due {
                let before = entry.map_or(1, |entry| entry.deliveries);
                let counted = before.wrapping_add(u64::from(!self.just_id));
                let deliveries = self.deliveries.unwrap_or(counted);
                group.give(*id, number, self.delivered_at_ms, deliveries);
                given += 1;
            }
        }
        out.end_deferred_array(place, given);
        if let Some(consumer) = group.numbered_mut(number).filter(|_| given > 0) {
            consumer.active_at_ms = Some(now_ms);
        }
        Ok(given as u64 + dropped)
    }
}

fn unknown(word: &[u8]) -> Error {
    Error::text(format!("ERR Unrecognized XCLAIM option '{}'", args::shown(word, 128)))
}

/// The consumer that claims, made if need be and seen now.
fn claimant(group: &mut Group, name: &[u8], now_ms: i64) -> (usize, bool) {
    let (number, is_new) = group.consumer_or_new(name, now_ms);
    if let Some(consumer) = group.numbered_mut(number) {
        consumer.seen_at_ms = now_ms;
    }
    (number, is_new)
}

/// Runs a claim on a group: whether it made a consumer, and how much changed.
fn claim_by(
    ws: &mut Writing<'_>,
    args: &[&[u8]],
    f: impl FnOnce(&mut Writer, &Stream<'_>, &mut Group) -> Result<(bool, u64)>,
) -> Outcome {
    let done = change_read(ws, args[1], |ws, stream| {
        let Writing { keys, out, .. } = ws;
        let (messages, _, groups) = stream.parts(&keys.space)?;
        let group = groups.get_mut(args[2]).ok_or_else(|| missing(args))?;
        let done = f(out, &messages, group)?;
        stream.is_stale = true;
        Ok(done)
    })?;
    let (is_new, count) = done.ok_or_else(|| missing(args))?;
    if is_new {
        tell(ws, args[1], "xgroup-createconsumer");
    }
    ws.keys.dirty += count;
    Ok(())
}

fn xclaim(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let now_ms = ws.now_ms();
    claim_by(ws, args, |out, stream, group| {
        let claim = Claim::parse(args, now_ms)?;
        let moves = claim.last_id > group.last_id;
        group.last_id = group.last_id.max(claim.last_id);
        let (number, is_new) = claimant(group, args[3], now_ms);
        let count = claim.run(out, stream, group, number, now_ms)?;
        Ok((is_new, count + u64::from(moves)))
    })
}

/// What XAUTOCLAIM is asked for.
struct AutoClaim {
    min_idle_ms: i64,
    start: StreamId,
    count: u64,
    just_id: bool,
}

/// COUNT when it is not given.
const DEFAULT_COUNT: u64 = 100;
/// So many entries are looked at for each that may be given.
const ATTEMPTS_FACTOR: u64 = 10;
/// COUNT at most.
const MAX_COUNT: i64 = i64::MAX / 16;

impl AutoClaim {
    fn parse(args: &[&[u8]]) -> Result<Self> {
        const NOT_IDLE: &str = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
        let min_idle_ms = args::int_from(args[4], i64::MIN, NOT_IDLE)?.max(0);
        let start = parse_start(args[5])?;
        let mut asked = Self { min_idle_ms, start, count: DEFAULT_COUNT, just_id: false };
        let mut rest = &args[6..];
        while let [word, tail @ ..] = rest {
            rest = match tail {
                [count, tail @ ..] if args::is(word, "count") => {
                    let error = "ERR COUNT must be > 0";
                    let count = args::int_from(count, 1, error)?;
                    if count > MAX_COUNT {
                        return Err(Error::fixed(error));
                    }
                    asked.count = count as u64;
                    tail
                }
                _ if args::is(word, "justid") => {
                    asked.just_id = true;
                    tail
                }
                _ => return Err(Error::SYNTAX),
            };
        }
        Ok(asked)
    }

    /// Claims for a consumer: replies with the place to go on from, what it gets, and what is gone;
    /// how much changed.
    fn run(
        &self,
        out: &mut Writer,
        stream: &Stream<'_>,
        group: &mut Group,
        number: usize,
        now_ms: i64,
    ) -> Result<u64> {
        let (mut next, mut left) = (Some(self.start), self.count);
        let mut attempts = self.count.saturating_mul(ATTEMPTS_FACTOR);
        let (mut claimed, mut given, mut gone) = (Writer::new(), 0, Vec::new());
        let following = |group: &Group, from: Option<StreamId>| {
            let entry = group.pending().range(from?..).next();
            entry.map(|(id, entry)| (*id, *entry))
        };
        while attempts > 0 && left > 0 {
            let Some((id, entry)) = following(group, next) else {
                next = None;
                break;
            };
            attempts -= 1;
            next = id_after(id);
            let is_due = self.min_idle_ms == 0
                || now_ms.saturating_sub(entry.delivered_at_ms) >= self.min_idle_ms;
            let is_there = match is_due {
                true => reply_claimed(&mut claimed, stream, id, self.just_id)?,
                false => stream.contains(id)?,
            };
            if !is_there {
                group.acknowledge(id);
                gone.push(id);
                left -= 1;
            } else if is_due {
                let deliveries = entry.deliveries.wrapping_add(u64::from(!self.just_id));
                group.give(id, number, now_ms, deliveries);
                given += 1;
                left -= 1;
            }
        }
        out.array(3);
        reply_id(out, following(group, next).map_or(StreamId::MIN, |(id, _)| id));
        out.array(given);
        out.buffer().extend_from_slice(claimed.buffer());
        out.array(gone.len());
        gone.iter().for_each(|id| reply_id(out, *id));
        if let Some(consumer) = group.numbered_mut(number).filter(|_| given > 0) {
            consumer.active_at_ms = Some(now_ms);
        }
        Ok((given + gone.len()) as u64)
    }
}

fn xautoclaim(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let asked = AutoClaim::parse(args)?;
    let now_ms = ws.now_ms();
    claim_by(ws, args, |out, stream, group| {
        let (number, is_new) = claimant(group, args[3], now_ms);
        Ok((is_new, asked.run(out, stream, group, number, now_ms)?))
    })
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("xclaim", -6, WRITE | FAST, &[KeySpec::at(RW | UPDATE, 1)], Streams, "5.0.0", xclaim)
        .args("key group consumer min-idle-time id... [IDLE ms:integer] \
               [TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] \
               [LASTID id]")
        .docs("O(log N)", "Takes over pending messages.").tips(&["nondeterministic_output"]),
    write_row("xautoclaim", -6, WRITE | FAST,
        &[KeySpec::at(RW | DELETE, 1)], Streams, "6.2.0", xautoclaim)
        .args("key group consumer min-idle-time start [COUNT count:integer] [JUSTID]")
        .docs("O(1)", "Takes over pending messages that waited too long.")
        .tips(&["nondeterministic_output"]),
];

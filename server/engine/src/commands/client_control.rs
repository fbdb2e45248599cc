//! CLIENT: holding connections back, waking them, telling them of changes.
use crate::args;
use crate::error::{Error, Outcome};
use crate::tracking::{Listener, Mode, Tracking};
use crate::types::Result;
use crate::write::Writing;
use redtool_format::number;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

/// CLIENT UNBLOCK id [TIMEOUT | ERROR]
pub fn client_unblock(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let by_error = match args.get(3) {
        None => false,
        Some(how) if args::is(how, "timeout") => false,
        Some(how) if args::is(how, "error") => true,
        Some(_) => {
            return Err(Error::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"))
        }
    };
    let id = args::int(args[2])?;
    // A command that CLIENT PAUSE holds back is not one that waits.
    let waits = u64::try_from(id).is_ok_and(|id| ws.keys.blocked.waits_for_keys(id));
    if waits {
        if let Some(waiter) = ws.keys.blocked.remove(id as u64) {
            let reply = match by_error {
                true => b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n".to_vec(),
                false => waiter.timeout_reply,
            };
            waiter.client.mailbox.reply(reply);
        }
    }
    ws.out.int(i64::from(waits));
    Ok(())
}

/// CLIENT PAUSE timeout [WRITE | ALL]
pub fn client_pause(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let all = match args.get(3) {
        None => true,
        Some(mode) if args::is(mode, "all") => true,
        Some(mode) if args::is(mode, "write") => false,
        Some(_) => return Err(Error::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout_ms = number::parse_i64(args[2])
        .ok_or(Error::fixed("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::fixed("ERR timeout is negative"));
    }
    let until_ms = crate::clock::system_ms()
        .checked_add(timeout_ms)
        .ok_or(Error::fixed("ERR timeout is out of range"))?;
    ws.dataset.state().pause(until_ms, all);
    ws.out.simple("OK");
    Ok(())
}

/// CLIENT UNPAUSE
pub fn client_unpause(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    ws.dataset.state().unpause();
    for client in ws.keys.blocked.held() {
        client.mailbox.go_on();
    }
    ws.out.simple("OK");
    Ok(())
}

/// What CLIENT TRACKING was given.
#[derive(Default)]
struct Wanted<'a> {
    redirect: Option<u64>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(ws: &Writing<'_>, mut words: &[&'a [u8]]) -> Result<Self> {
        let mut wanted = Self::default();
        while let [word, rest @ ..] = words {
            words = rest;
            match (word.to_ascii_lowercase().as_slice(), rest) {
                (b"redirect", [id, rest @ ..]) => {
                    words = rest;
                    if wanted.redirect.is_some() {
                        return Err(Error::fixed(
                            "ERR A client can only redirect to a single other client",
                        ));
                    }
                    wanted.redirect = Some(known_client(ws, id)?);
                }
                (b"prefix", [prefix, rest @ ..]) => {
                    words = rest;
                    wanted.prefixes.push(prefix);
                }
                (b"bcast", _) => wanted.broadcast = true,
                (b"optin", _) => wanted.opt_in = true,
                (b"optout", _) => wanted.opt_out = true,
                (b"noloop", _) => wanted.no_loop = true,
                _ => return Err(Error::SYNTAX),
            }
        }
        Ok(wanted)
    }

    fn mode(&self) -> Mode {
        match (self.broadcast, self.opt_in, self.opt_out) {
            (true, ..) => Mode::Broadcast,
            (_, true, _) => Mode::OptIn,
            (.., true) => Mode::OptOut,
            _ => Mode::All,
        }
    }

    /// Refuses what contradicts itself, or what was chosen before.
    fn check(&self, before: Option<&Tracking>) -> Result<()> {
        if !self.prefixes.is_empty() && !self.broadcast {
            return Err(Error::fixed("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        if before.is_some_and(|old| (old.mode == Mode::Broadcast) != self.broadcast) {
            return Err(Error::fixed(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
                 and then re-enabling it with a different mode.",
            ));
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err(Error::fixed("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if self.opt_in && self.opt_out {
            return Err(Error::fixed("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let switches = |old: &Tracking| {
            (self.opt_in && old.mode == Mode::OptOut) || (self.opt_out && old.mode == Mode::OptIn)
        };
        if before.is_some_and(switches) {
            return Err(Error::fixed(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this \
                 client, and then re-enabling it with a different mode.",
            ));
        }
        self.check_prefixes(before)
    }

    fn check_prefixes(&self, before: Option<&Tracking>) -> Result<()> {
        let old = before.map(|old| old.prefixes.as_slice()).unwrap_or_default();
        for (n, prefix) in self.prefixes.iter().enumerate() {
            let overlaps = |other: &[u8]| other.starts_with(prefix) || prefix.starts_with(other);
            let shown = |bytes: &[u8]| args::shown(bytes, 128);
            if let Some(other) = old.iter().find(|other| **other != *prefix && overlaps(other)) {
                return Err(Error::text(format!(
                    "ERR Prefix '{}' overlaps with an existing prefix '{}'. Prefixes for a single \
                     client must not overlap.",
                    shown(prefix),
                    shown(other)
                )));
            }
            if let Some(other) = self.prefixes[n + 1..].iter().find(|other| overlaps(other)) {
                return Err(Error::text(format!(
                    "ERR Prefix '{}' overlaps with another provided prefix '{}'. Prefixes for a \
                     single client must not overlap.",
                    shown(prefix),
                    shown(other)
                )));
            }
        }
        Ok(())
    }
}

fn known_client(ws: &Writing<'_>, id: &[u8]) -> Result<u64> {
    let id = number::parse_i64(id)
        .filter(|id| *id >= 0)
        .ok_or(Error::fixed("ERR Invalid client ID"))? as u64;
    match ws.dataset.state().client(id) {
        Some(_) => Ok(id),
        None => Err(Error::fixed("ERR The client ID you want redirect to does not exist")),
    }
}

/// CLIENT TRACKING
pub fn client_tracking(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let wanted = Wanted::parse(ws, &args[3..])?;
    if args::is(args[2], "off") {
        ws.stop_tracking();
    } else if args::is(args[2], "on") {
        wanted.check(ws.session.tracking.as_deref())?;
        start_tracking(ws, &wanted);
    } else {
        return Err(Error::SYNTAX);
    }
    ws.out.simple("OK");
    Ok(())
}

fn start_tracking(ws: &mut Writing<'_>, wanted: &Wanted<'_>) {
    let info = Arc::clone(&ws.session.info);
    let listener = Listener { client: info, redirect: wanted.redirect, no_loop: wanted.no_loop };
    let mut prefixes = ws.session.tracking.take().map(|old| old.prefixes).unwrap_or_default();
    let mode = wanted.mode();
    if mode == Mode::Broadcast {
        let all: &[&[u8]] = &[b""];
        let added =
            if wanted.prefixes.is_empty() && prefixes.is_empty() { all } else { &wanted.prefixes };
        for prefix in added {
            if !prefixes.iter().any(|old| old == prefix) {
                prefixes.push(prefix.to_vec());
            }
        }
        for prefix in &prefixes {
            ws.keys.remembered.broadcast(prefix, &listener);
        }
    } else {
        ws.keys.remembered.listen(&listener);
    }
    let info = &ws.session.info;
    info.tracking.store(if mode == Mode::Broadcast { 3 } else { 1 }, Relaxed);
    info.redirect.store(wanted.redirect.unwrap_or(0), Relaxed);
    info.broken_redirect.store(false, Relaxed);
    let tracking = Tracking { mode, prefixes, caching: None, listener };
    ws.session.tracking = Some(Box::new(tracking));
}

impl Writing<'_> {
    /// CLIENT TRACKING OFF.
    pub fn stop_tracking(&mut self) {
        if self.session.tracking.take().is_some() {
            self.keys.remembered.forget(self.session.id);
            self.session.info.tracking.store(0, Relaxed);
            self.session.info.redirect.store(0, Relaxed);
        }
    }
}

/// CLIENT CACHING YES | NO
pub fn client_caching(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let mode = ws.session.tracking.as_ref().map(|tracking| tracking.mode);
    if !matches!(mode, Some(Mode::OptIn | Mode::OptOut)) {
        return Err(Error::fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    }
    let caching = if args::is(args[2], "yes") {
        if mode != Some(Mode::OptIn) {
            return Err(Error::fixed(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        true
    } else if args::is(args[2], "no") {
        if mode != Some(Mode::OptOut) {
            return Err(Error::fixed(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        false
    } else {
        return Err(Error::SYNTAX);
    };
    if let Some(tracking) = &mut ws.session.tracking {
        tracking.caching = Some(caching);
    }
    ws.out.simple("OK");
    Ok(())
}

/// CLIENT GETREDIR
pub fn client_getredir(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    let redirect = ws.session.tracking.as_ref().map(|tracking| tracking.listener.redirect);
    ws.out.int(redirect.map_or(-1, |redirect| redirect.unwrap_or(0) as i64));
    Ok(())
}

/// CLIENT TRACKINGINFO
pub fn client_trackinginfo(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    let (mut flags, mut redirect, mut prefixes) = (Vec::new(), -1, &[][..]);
    match &ws.session.tracking {
        None => flags.push("off"),
        Some(tracking) => {
            flags.push("on");
            match tracking.mode {
                Mode::All => {}
                Mode::Broadcast => flags.push("bcast"),
                Mode::OptIn => flags.push("optin"),
                Mode::OptOut => flags.push("optout"),
            }
            match tracking.caching {
                Some(true) => flags.push("caching-yes"),
                Some(false) => flags.push("caching-no"),
                None => {}
            }
            if tracking.listener.no_loop {
                flags.push("noloop");
            }
            if ws.session.info.broken_redirect.load(Relaxed) {
                flags.push("broken_redirect");
            }
            redirect = tracking.listener.redirect.unwrap_or(0) as i64;
            prefixes = &tracking.prefixes;
        }
    }
    let out = &mut *ws.out;
    out.map(3);
    out.bulk(b"flags");
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"redirect");
    out.int(redirect);
    out.bulk(b"prefixes");
    out.array(prefixes.len());
    prefixes.iter().for_each(|prefix| out.bulk(prefix));
    Ok(())
}
